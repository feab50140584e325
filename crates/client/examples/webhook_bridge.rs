//! A bridge: posts each fact to a webhook, at least once, over restarts of either side.
//!
//! `UNIONFLOW_URL=… UNIONFLOW_TOKEN=… UNIONFLOW_ORGANIZATION=… WEBHOOK=127.0.0.1:9000 cargo run --example webhook_bridge`

use std::{env, error::Error, io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use unionflow_client::{FileCursorStore, FixedToken, Message, RealtimeClient, session::Begin};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let webhook = env::var("WEBHOOK")?;
    let token = FixedToken::new(env::var("UNIONFLOW_TOKEN")?);
    let client = RealtimeClient::builder(env::var("UNIONFLOW_URL")?.parse()?, token)
        .organization(env::var("UNIONFLOW_ORGANIZATION")?.parse()?)
        .cursors(FileCursorStore::new(env::var("CURSORS").unwrap_or_else(|_| "cursors".to_owned())))
        .begin(Begin::First)
        .start();
    let mut events = client.events();
    client.connect().await;
    while let Some(message) = events.recv().await {
        let Message::Event(delivery) = message else { continue };
        if delivery.seq().is_none() {
            continue; // figures are no facts
        }
        let body = (*delivery).clone().into_envelope().encode();
        // Not confirmed before it is taken: a bridge that is killed here posts it again.
        while let Err(error) = post(&webhook, &body).await {
            eprintln!("the webhook is away: {error}");
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        events.confirm();
    }
    Ok(())
}

/// The least of HTTP that posts something; real bridges use the HTTP client that they have.
async fn post(webhook: &str, body: &[u8]) -> io::Result<()> {
    let mut stream = TcpStream::connect(webhook).await?;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {webhook}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await?;
    let taken = status.starts_with(b"HTTP/1.1 2");
    taken.then_some(()).ok_or_else(|| io::Error::other(String::from_utf8_lossy(&status).into_owned()))
}
