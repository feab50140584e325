//! Says how the connection stands, in French, until it is stopped for good: what a phone shows beside its figures.
//!
//! `UNIONFLOW_URL=http://127.0.0.1:8085 UNIONFLOW_TOKEN=… cargo run --example connection_status`

use std::{env, error::Error};

use futures_util::StreamExt;
use unionflow_client::{ConnectionStatus, ErrorKind, FixedToken, RealtimeClient};
use unionflow_protocol::Language;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::var("UNIONFLOW_URL")?.parse()?;
    let token = FixedToken::new(env::var("UNIONFLOW_TOKEN")?);
    let client = RealtimeClient::builder(address, token).start();
    let mut statuses = client.statuses();
    client.connect().await;
    while let Some(status) = statuses.next().await {
        println!("{}", status.text(Language::French));
        let ConnectionStatus::Stopped { reason } = status else { continue };
        // Somebody who belongs to several organisations chooses: here, the first.
        let choice = reason.choices().first().filter(|_| reason.kind() == ErrorKind::OrganizationRequired);
        match choice {
            Some(choice) => client.switch_organization(choice.organization_id).await,
            None => break,
        }
    }
    Ok(())
}
