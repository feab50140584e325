//! Goes on where it was when it was last stopped, and says when it cannot: what a program does that keeps data of its own.
//!
//! `UNIONFLOW_URL=… UNIONFLOW_TOKEN=… UNIONFLOW_ORGANIZATION=… cargo run --example resume`

use std::{env, error::Error};

use unionflow_client::{FileCursorStore, FixedToken, Message, RealtimeClient, session::Begin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join("unionflow-example");
    let token = FixedToken::new(env::var("UNIONFLOW_TOKEN")?);
    let client = RealtimeClient::builder(env::var("UNIONFLOW_URL")?.parse()?, token)
        .organization(env::var("UNIONFLOW_ORGANIZATION")?.parse()?)
        .cursors(FileCursorStore::new(folder))
        .begin(Begin::First)
        .start();
    let mut events = client.events();
    client.connect().await;
    while let Some(message) = events.recv().await {
        match message {
            Message::Joined(joined) => println!("goes on after {:?}", joined.resumed_from),
            Message::Event(delivery) => println!("keeps {:?}", delivery.seq()),
            Message::ResyncRequired(resync) => println!("fetches everything as of {} anew", resync.head_seq),
            Message::RightsChanged(changed) => println!("forgets {:?}", changed.forget),
            Message::CaughtUp { seq } => {
                println!("has everything up to {seq}");
                break;
            }
            Message::Resynced { .. } | Message::FellBehind { .. } | Message::Problem(_) => {}
        }
    }
    // What was read so far is done with; closing keeps the cursor.
    events.confirm();
    client.close().await;
    Ok(())
}
