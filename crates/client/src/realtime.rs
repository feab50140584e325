//! The connection: a session on a real socket, shared by cheap clones.

use std::{
    fmt,
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::Arc,
};

use futures_util::{Stream, StreamExt};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use unionflow_protocol::{id::OrganizationId, rest::AsOf};

mod driver;

use driver::{Command, Driver};

use crate::{
    address::Address,
    backoff::Jitter,
    cursor::{Cursor, CursorStore},
    error::ClientError,
    message::Resync,
    session::{Begin, Settings},
    status::ConnectionStatus,
    stream::{CAPACITY, EventStream, Streams, changes},
    tls::Tls,
    token::TokenProvider,
};

/// Fetches everything that the application holds anew, and says what the oldest of it is exact as of.
pub trait Snapshots: Send + Sync {
    /// Fetches. Events wait meanwhile; what lies up to the answer is not told again.
    fn fetch(&self, resync: Resync) -> SnapshotsFuture<'_>;
}

/// What fetching snapshots answers, once it has them.
pub type SnapshotsFuture<'a> = Pin<Box<dyn Future<Output = Result<AsOf, ClientError>> + Send + 'a>>;

/// One connection to a server, shared by its clones. It ends when the last clone is dropped, or by [`RealtimeClient::close`].
///
/// ```no_run
/// use unionflow_client::{FixedToken, Message, RealtimeClient};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let address = "https://mutuelle.example".parse()?;
/// let client = RealtimeClient::builder(address, FixedToken::new("eyJ…")).start();
/// let mut events = client.events();
/// client.connect().await;
/// while let Some(message) = events.recv().await {
///     if let Message::Event(delivery) = message {
///         println!("{:?}", delivery.event);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RealtimeClient {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

/// What a client is made of.
pub struct Builder {
    address: Address,
    tokens: Arc<dyn TokenProvider>,
    organization_id: Option<OrganizationId>,
    begin: Begin,
    cursors: Option<Arc<dyn CursorStore>>,
    snapshots: Option<Arc<dyn Snapshots>>,
    tls: Tls,
    capacity: usize,
    seed: Option<u64>,
}

/// What the connection and its handles share.
struct Shared {
    address: Address,
    tokens: Arc<dyn TokenProvider>,
    cursors: Option<Arc<dyn CursorStore>>,
    snapshots: Option<Arc<dyn Snapshots>>,
    tls: Tls,
    capacity: usize,
    streams: Streams,
    status: watch::Sender<ConnectionStatus>,
    cursor: watch::Sender<Option<Cursor>>,
}

/// Requests of the application that wait.
const COMMANDS: usize = 16;

impl RealtimeClient {
    /// A client of this server, for whom these tokens are.
    pub fn builder(address: Address, tokens: impl TokenProvider + 'static) -> Builder {
        Builder {
            address,
            tokens: Arc::new(tokens),
            organization_id: None,
            begin: Begin::Now,
            cursors: None,
            snapshots: None,
            tls: Tls::default(),
            capacity: CAPACITY,
            seed: None,
        }
    }

    /// Be connected from now on, whatever happens. Streams that are to see the first events are taken before.
    pub async fn connect(&self) {
        self.say(Command::Connect).await;
    }

    /// Do not be connected, until [`RealtimeClient::connect`].
    pub async fn disconnect(&self) {
        self.say(Command::Disconnect).await;
    }

    /// Follow another organisation of the same person, on the same socket where there is one; else connect. Where each
    /// organisation was is kept in the [`CursorStore`].
    pub async fn switch_organization(&self, organization_id: OrganizationId) {
        self.say(Command::Switch(organization_id)).await;
    }

    /// A hint that the device has a network again, or another one: skips the wait, or looks whether the link still stands.
    pub async fn network_is_back(&self) {
        self.say(Command::NetworkIsBack).await;
    }

    /// What happens from now on, for one reader. Each call is a reader of its own, who is told everything.
    pub fn events(&self) -> EventStream {
        self.shared.streams.subscribe(self.shared.capacity)
    }

    /// How the connection stands.
    pub fn status(&self) -> ConnectionStatus {
        self.shared.status.borrow().clone()
    }

    /// How the connection stands, now and after each change; of changes in quick succession only the last.
    pub fn statuses(&self) -> impl Stream<Item = ConnectionStatus> + Send + Unpin + use<> {
        Box::pin(changes(self.shared.status.subscribe()))
    }

    /// Whether it is connected, now and after each change: the first system's plain stream.
    pub fn connected(&self) -> impl Stream<Item = bool> + Send + Unpin + use<> {
        let mut last = None;
        let changed = self.statuses().filter_map(move |status| {
            let now = status.is_connected();
            let changed = (last.replace(now) != Some(now)).then_some(now);
            std::future::ready(changed)
        });
        Box::pin(changed)
    }

    /// Where the client is, if everything that was told is read.
    pub fn cursor(&self) -> Option<Cursor> {
        *self.shared.cursor.borrow()
    }

    /// Says good-bye, keeps the cursor, and ends all streams. Other clones do nothing any more.
    pub async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        self.say(Command::Close(done)).await;
        let _ = is_done.await;
    }

    /// Whoever speaks to a client that is closed is not heard.
    async fn say(&self, command: Command) {
        let _ = self.commands.send(command).await;
    }
}

impl fmt::Debug for RealtimeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RealtimeClient")
            .field("address", &self.shared.address)
            .field("status", &*self.shared.status.borrow())
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Which organisation to follow; left out = the person's only one. Needed to resume after a restart of the program.
    #[must_use]
    pub fn organization(mut self, organization_id: OrganizationId) -> Self {
        self.organization_id = Some(organization_id);
        self
    }

    /// Where to begin without a cursor; left out = live from now.
    #[must_use]
    pub fn begin(mut self, begin: Begin) -> Self {
        self.begin = begin;
        self
    }

    /// Where to keep how far readers are, so that a restarted program resumes there.
    #[must_use]
    pub fn cursors(mut self, cursors: impl CursorStore + 'static) -> Self {
        self.cursors = Some(Arc::new(cursors));
        self
    }

    /// Who fetches snapshots when resuming is impossible. Without it, readers are told to, and fetch themselves.
    #[must_use]
    pub fn snapshots(mut self, snapshots: impl Snapshots + 'static) -> Self {
        self.snapshots = Some(Arc::new(snapshots));
        self
    }

    /// Whose certificates are accepted; left out = those that this device trusts.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// How many messages wait for each reader.
    #[must_use]
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// The seed of the jitter of waits; left out = another one each time. For tests.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Starts the client, which does nothing before [`RealtimeClient::connect`]. Within a Tokio runtime.
    pub fn start(self) -> RealtimeClient {
        let seed = self.seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        let settings = Settings {
            organization_id: self.organization_id,
            cursor: None,
            begin: self.begin,
            fetches_snapshots: self.snapshots.is_some(),
            jitter: Jitter::seeded(seed),
        };
        let shared = Arc::new(Shared {
            address: self.address,
            tokens: self.tokens,
            cursors: self.cursors,
            snapshots: self.snapshots,
            tls: self.tls,
            capacity: self.capacity,
            streams: Streams::default(),
            status: watch::Sender::new(ConnectionStatus::Disconnected),
            cursor: watch::Sender::new(None),
        });
        let (commands, heard) = mpsc::channel(COMMANDS);
        tokio::spawn(Driver::run(settings, shared.clone(), heard, Instant::now()));
        RealtimeClient { shared, commands }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("address", &self.address).finish_non_exhaustive()
    }
}
