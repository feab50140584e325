//! Prints what happens, as it happens.
//!
//! `UNIONFLOW_URL=http://127.0.0.1:8085 UNIONFLOW_TOKEN=… cargo run --example print_events`

use std::{env, error::Error};

use unionflow_client::{FixedToken, Message, RealtimeClient};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("UNIONFLOW_URL")?.parse()?;
    let mut client = RealtimeClient::builder(address, FixedToken::new(env::var("UNIONFLOW_TOKEN")?));
    if let Ok(organization) = env::var("UNIONFLOW_ORGANIZATION") {
        client = client.organization(organization.parse()?);
    }
    let client = client.start();
    // Taken before connecting, so that nothing is missed.
    let mut events = client.events();
    client.connect().await;
    while let Some(message) = events.recv().await {
        match message {
            Message::Event(delivery) => println!("{:?} {:?}", delivery.head.position, delivery.event),
            Message::FellBehind { missed } => println!("too slow: {missed} were left out"),
            other => println!("{other:?}"),
        }
    }
    Ok(())
}
