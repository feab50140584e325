//! Signs in and shows the figures, now and whenever they change.
//!
//! `UNIONFLOW_URL=… UNIONFLOW_LOGIN=… UNIONFLOW_PASSWORD=… cargo run --features rest --example dashboard`

use std::{env, error::Error};

use futures_util::StreamExt;
use unionflow_client::{DashboardBloc, DashboardState, RealtimeClient, rest::RestClient};
use unionflow_protocol::Language;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let open = RestClient::new(env::var("UNIONFLOW_URL")?.parse()?);
    let account = open.sign_in(&env::var("UNIONFLOW_LOGIN")?, &env::var("UNIONFLOW_PASSWORD")?).await?;
    let rest = open.with_tokens(account.clone());
    let organizations = rest.me().await?.organizations;
    let here = organizations.first().ok_or("a member of nothing")?;
    let client =
        RealtimeClient::builder(open.address().clone(), account).organization(here.organization_id).start();
    let dashboard = DashboardBloc::new(&client, rest);
    dashboard.load(here.organization_id).await;
    client.connect().await;
    let mut states = dashboard.states();
    while let Some(state) = states.next().await {
        if let DashboardState::Failure { error, .. } = &state {
            println!("{}", error.text(Language::French));
        }
        if let Some(shown) = state.dashboard() {
            let figures = &shown.stats.figures;
            let connection = dashboard.connection().text(Language::French);
            println!(
                "{} : {} membres actifs, {} demandes en attente ({connection})",
                here.name, figures.members.active, figures.approvals.pending_count
            );
        }
    }
    Ok(())
}
