//! From a vote to a screen: a dashboard on a real server keeps itself right.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

use futures_util::StreamExt;
use tokio::time::timeout;
use unionflow_client::{
    ConnectionStatus, Dashboard, DashboardBloc, DashboardState, RealtimeClient,
    rest::{Account, RestClient},
};
use unionflow_protocol::Role;
use unionflow_testkit::{ChaosProxy, PATIENCE, Weather, World};

struct Screen {
    client: RealtimeClient,
    bloc: DashboardBloc,
}

async fn screen(world: &World, role: Role, address: &str) -> Screen {
    let who = world.espoir.account(role);
    let open = RestClient::new(format!("http://{address}").parse().unwrap());
    let account: Account = open.sign_in(&who.login, &who.password).await.unwrap();
    let rest = open.with_tokens(account.clone());
    let client =
        RealtimeClient::builder(rest.address().clone(), account).organization(world.espoir.id).start();
    let bloc = DashboardBloc::new(&client, rest);
    bloc.load(world.espoir.id).await;
    client.connect().await;
    Screen { client, bloc }
}

impl Screen {
    async fn shows(&self, wanted: impl Fn(&Dashboard) -> bool) {
        let mut states = self.bloc.states();
        let shown = async { while !states.next().await.unwrap().dashboard().is_some_and(&wanted) {} };
        timeout(PATIENCE, shown).await.unwrap_or_else(|_| panic!("{:?}", self.bloc.state()));
    }

    async fn is_connected(&self, wanted: bool) {
        let mut connected = self.bloc.connected();
        let seen = async { while connected.next().await != Some(wanted) {} };
        timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{:?}", self.client.status()));
    }
}

fn waiting(dashboard: &Dashboard) -> Option<(usize, u32)> {
    let listed = dashboard.approvals.as_ref()?.items.len();
    Some((listed, dashboard.stats.figures.approvals.pending_count))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_changes_the_screen_by_itself() {
    let world = World::start().await;
    let president = screen(&world, Role::President, &world.address()).await;
    president.is_connected(true).await;
    president.shows(|dashboard| waiting(dashboard) == Some((0, 0)) && dashboard.kpis.is_some()).await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let asked = treasurer.submit(75_000).await;
    president.shows(|dashboard| waiting(dashboard) == Some((1, 1))).await;
    world.espoir(Role::President).await.approve(&asked).await.expect(200);
    president.shows(|dashboard| waiting(dashboard) == Some((0, 0))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_network_the_screen_keeps_what_it_has_and_says_so_and_then_it_is_right_again() {
    let world = World::start().await;
    let proxy = ChaosProxy::before(&world.address()).await;
    let auditor = screen(&world, Role::Auditor, &proxy.address()).await;
    auditor.is_connected(true).await;
    auditor.shows(|dashboard| waiting(dashboard) == Some((0, 0))).await;
    proxy.set(Weather::Cut);
    auditor.is_connected(false).await;
    auditor.bloc.refresh().await;
    let mut states = auditor.bloc.states();
    let failed = async {
        while !matches!(states.next().await, Some(DashboardState::Failure { kept: Some(_), .. })) {}
    };
    timeout(PATIENCE, failed).await.unwrap();
    world.espoir(Role::Treasurer).await.submit(75_000).await;
    proxy.set(Weather::Fine);
    auditor.client.network_is_back().await;
    auditor.is_connected(true).await;
    auditor.shows(|dashboard| waiting(dashboard) == Some((1, 1))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_ends_everything() {
    let world = World::start().await;
    let auditor = screen(&world, Role::Auditor, &world.address()).await;
    auditor.shows(|_| true).await;
    let mut states = auditor.bloc.states();
    auditor.bloc.close().await;
    let ended = async { while states.next().await.is_some() {} };
    timeout(PATIENCE, ended).await.unwrap();
    auditor.bloc.refresh().await;
    auditor.client.close().await;
    assert_eq!(auditor.client.status(), ConnectionStatus::Disconnected);
}
