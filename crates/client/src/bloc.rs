//! The dashboard: events in, states of a screen out.
//!
//! [`Reducer`] decides, without I/O; [`DashboardBloc`] drives it with a [`RealtimeClient`] and a [`DashboardSource`]. Figures are
//! taken from the events that bring them; only what an event touches and does not bring is fetched, and one fetch at a time.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use unionflow_protocol::id::OrganizationId;

mod reducer;
#[cfg(feature = "rest")]
mod rest_source;
mod state;
#[cfg(test)]
mod tests;

pub use reducer::{Effect, Input, Reducer};
pub use state::{Dashboard, DashboardState, Fetched, Figures, Parts, PendingApprovals};

use crate::{
    error::ClientError,
    realtime::RealtimeClient,
    session::Moment,
    status::ConnectionStatus,
    stream::{EventStream, changes},
};

/// Where a dashboard fetches what no event brings. With the feature `rest`, a [`RestClient`](crate::rest::RestClient) is one.
pub trait DashboardSource: Send + Sync {
    /// Fetches these parts.
    fn fetch(&self, organization_id: OrganizationId, parts: Parts) -> FetchFuture<'_>;
}

/// What a source answers, once it has it.
pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<Fetched, ClientError>> + Send + 'a>>;

/// A dashboard that keeps itself right. It ends when it is dropped, or by [`DashboardBloc::close`].
///
/// ```no_run
/// # async fn example(
/// #     client: unionflow_client::RealtimeClient,
/// #     source: impl unionflow_client::DashboardSource + 'static,
/// #     organization_id: unionflow_protocol::id::OrganizationId,
/// # ) {
/// use futures_util::StreamExt;
/// use unionflow_client::{DashboardBloc, DashboardState};
///
/// let bloc = DashboardBloc::new(&client, source);
/// bloc.load(organization_id).await;
/// client.connect().await;
/// let mut states = bloc.states();
/// while let Some(state) = states.next().await {
///     match state {
///         DashboardState::Loaded(dashboard) => println!("{} members", dashboard.stats.figures.members.active),
///         DashboardState::Failure { error, .. } => eprintln!("{error}"),
///         DashboardState::Initial | DashboardState::Loading => {}
///     }
/// }
/// # }
/// ```
pub struct DashboardBloc {
    asked: mpsc::Sender<Asked>,
    states: watch::Receiver<DashboardState>,
    connection: watch::Receiver<ConnectionStatus>,
}

enum Asked {
    Load(OrganizationId),
    Refresh,
    Close(oneshot::Sender<()>),
}

/// Requests of the application that wait.
const ASKED: usize = 8;

impl DashboardBloc {
    /// A dashboard on this connection. Within a Tokio runtime; before the client connects, or its first figures are fetched.
    pub fn new(client: &RealtimeClient, source: impl DashboardSource + 'static) -> Self {
        let (asked, heard) = mpsc::channel(ASKED);
        let (state, states) = watch::channel(DashboardState::Initial);
        let (connection_is, connection) = watch::channel(client.status());
        let driver = Driver {
            reducer: Reducer::default(),
            source: Arc::new(source),
            state,
            connection: connection_is,
            fetching: None,
            started: Instant::now(),
        };
        tokio::spawn(driver.run(client.events(), client.statuses(), heard));
        Self { asked, states, connection }
    }

    /// Shows this organisation.
    pub async fn load(&self, organization_id: OrganizationId) {
        let _ = self.asked.send(Asked::Load(organization_id)).await;
    }

    /// Fetches everything anew, as somebody asks who pulls the screen down.
    pub async fn refresh(&self) {
        let _ = self.asked.send(Asked::Refresh).await;
    }

    /// What to show now.
    pub fn state(&self) -> DashboardState {
        self.states.borrow().clone()
    }

    /// What to show, now and after each change; of changes in quick succession only the last. Ends when the dashboard does.
    pub fn states(&self) -> impl Stream<Item = DashboardState> + Send + Unpin + use<> {
        Box::pin(changes(self.states.clone()))
    }

    /// How the connection stands.
    pub fn connection(&self) -> ConnectionStatus {
        self.connection.borrow().clone()
    }

    /// Whether it is connected, now and after each change.
    pub fn connected(&self) -> impl Stream<Item = bool> + Send + Unpin + use<> {
        let mut last = None;
        Box::pin(changes(self.connection.clone()).filter_map(move |status| {
            let now = status.is_connected();
            std::future::ready((last.replace(now) != Some(now)).then_some(now))
        }))
    }

    /// Ends everything: once it returns, no fetch is on its way and no state will come.
    pub async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        if self.asked.send(Asked::Close(done)).await.is_ok() {
            let _ = is_done.await;
        }
    }
}

struct Driver {
    reducer: Reducer,
    source: Arc<dyn DashboardSource>,
    state: watch::Sender<DashboardState>,
    connection: watch::Sender<ConnectionStatus>,
    fetching: Option<FetchFuture<'static>>,
    started: Instant,
}

impl Driver {
    async fn run(
        mut self,
        mut events: EventStream,
        mut statuses: impl Stream<Item = ConnectionStatus> + Send + Unpin,
        mut asked: mpsc::Receiver<Asked>,
    ) {
        let mut closing = None;
        let (mut has_events, mut has_statuses) = (true, true);
        while closing.is_none() {
            let due = self.reducer.next_deadline().map(|due| self.started + due.0);
            // Every branch is cancel-safe: the fetch is kept in `self`.
            let input = tokio::select! {
                asked = asked.recv() => match asked {
                    Some(Asked::Load(organization_id)) => Input::LoadDashboard(organization_id),
                    Some(Asked::Refresh) => Input::RefreshDashboard,
                    Some(Asked::Close(done)) => {
                        closing = Some(done);
                        continue;
                    }
                    None => return,
                },
                message = events.recv(), if has_events => match message {
                    Some(message) => Input::RefreshDashboardFromWebSocket(message),
                    None => {
                        has_events = false;
                        continue;
                    }
                },
                status = statuses.next(), if has_statuses => match status {
                    Some(status) => Input::WebSocketConnectionChanged(status),
                    None => {
                        has_statuses = false;
                        continue;
                    }
                },
                fetched = fetched(&mut self.fetching) => Input::Fetched(fetched.map(Box::new)),
                () = sleep_until(due.unwrap_or(self.started)), if due.is_some() => Input::Deadline,
            };
            self.give(input);
        }
        // What was on its way is let go before anybody is told that it ended.
        drop((self, events, statuses));
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    fn give(&mut self, input: Input) {
        self.reducer.handle(Moment(self.started.elapsed()), input);
        while let Some(effect) = self.reducer.poll_effect() {
            match effect {
                Effect::Fetch { organization_id, parts } => {
                    let source = self.source.clone();
                    self.fetching = Some(Box::pin(async move { source.fetch(organization_id, parts).await }));
                }
                Effect::Show(state) => drop(self.state.send_replace(state)),
                Effect::ShowConnection(status) => drop(self.connection.send_replace(status)),
            }
        }
    }
}

async fn fetched(fetching: &mut Option<FetchFuture<'static>>) -> Result<Fetched, ClientError> {
    let Some(future) = fetching else { return std::future::pending().await };
    let fetched = future.await;
    *fetching = None;
    fetched
}

impl fmt::Debug for DashboardBloc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DashboardBloc").field("connection", &self.connection()).finish_non_exhaustive()
    }
}
