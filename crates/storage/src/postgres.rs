//! PostgreSQL: for servers of more than one process. Writers and readers apart, each a thread with a connection of its own.
//!
//! The tables are where the database puts them: in `public`, or in the schema that `?options=-csearch_path%3DNAME` names. What
//! this process writes stands in line by organisation, so that no thread waits for another one's lock; other processes are
//! kept out by the lock on the organisation's row, which is the first thing that a unit takes.

use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use self::{
    address::Target,
    incarnation::Incarnation,
    link::Link,
    notice::{Listener, Notifier},
    queue::{NotTaken, Queue},
    reader::Waiting,
    transaction::CONTROLS,
    writer::Writer,
};
use crate::{
    clock::Clock,
    fault::{PostgresFault, StoreFault},
    ids::Ids,
    store::{Backend, ReadUnit, Store, WriteUnit},
    wake::WakeSender,
};

mod address;
mod incarnation;
mod link;
mod migrate;
mod notice;
mod queue;
mod reader;
mod tls;
mod transaction;
mod value;
mod writer;

/// Connections that write, where nothing else is said.
const WRITERS: usize = 16;
const READERS: usize = 6;
/// Units that may wait for a reader; beyond, whoever reads is told to come back.
const READS_QUEUED: usize = 8192;
/// How often a unit tries to connect, and how long it waits in between.
const TRIES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(100);
/// An answer means durable, whatever the server's default. A lock is waited for as long as a command has patience, and a
/// process that vanished within a transaction holds its locks no longer than it takes to notice.
const SETTINGS: &str = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'; \
                        SET lock_timeout = 5000; SET statement_timeout = 9000; SET idle_in_transaction_session_timeout = 30000; \
                        SET tcp_user_timeout = 10000; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 3; \
                        SET tcp_keepalives_count = 3";

/// How a store is opened.
pub struct Options {
    /// `postgres://user:password@host:port/database`, with `?sslmode=` and libpq's other parameters.
    pub address: String,
    /// A clock instead of the server's own, for tests and the demonstration.
    pub clock: Option<Arc<dyn Clock>>,
    /// The source of ids.
    pub ids: Ids,
    /// Connections that write at the most, and as many organisations at the same time. With those that read, tell and hear a
    /// process has eight more; each is made when it is first needed.
    pub writers: usize,
}

impl Options {
    /// On the server's own clock.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), clock: None, ids: Ids::system(), writers: WRITERS }
    }
}

/// What all threads of a store share.
struct Shared {
    target: Arc<Target>,
    clock: Option<Arc<dyn Clock>>,
    incarnation: Incarnation,
    /// What this process calls itself when it tells others of its commits.
    name: String,
}

/// Opens a store: the server must be there. Brings the schema up to date, and starts the threads.
pub fn open(options: Options) -> Result<Store, StoreFault> {
    // On a thread of its own: connections are driven by the thread that has them, and this one may drive others.
    std::thread::scope(|scope| scope.spawn(|| open_here(options)).join())
        .unwrap_or_else(|_| Err(StoreFault::Database("opening the database panicked".to_owned())))
}

fn open_here(options: Options) -> Result<Store, StoreFault> {
    let Options { address, clock, ids, writers } = options;
    let target = Arc::new(Target::parse(&address)?);
    let mut link = Link::connect(&target, SETTINGS, CONTROLS)?;
    let incarnation = Incarnation::of(&mut link).map_err(|trouble| target.fault(&trouble))?;
    if !incarnation.is_complete() {
        tracing::warn!(
            "the database does not tell its system identifier and timeline: after a restore of it or a failover, run `unionflow \
             restore`, or let the user call pg_control_system()"
        );
    }
    let epoch = migrate::migrate(&mut link, &target, incarnation.clone(), &ids)?;
    let now = unionflow_protocol::Timestamp::from_millis(0);
    let name = ids.uuid(now).simple().to_string();
    let shared = Arc::new(Shared { target, clock, incarnation, name });
    Ok(Store::new(Arc::new(PostgresBackend::start(shared, link, writers)?), epoch, ids))
}

impl Shared {
    /// Connects for a unit that waits until then: a few times, because a server that starts again is soon there.
    fn connect(&self, until: Instant) -> Result<Link, StoreFault> {
        let mut tries = 0;
        let mut link = loop {
            let fault = match Link::connect(&self.target, SETTINGS, CONTROLS) {
                Ok(link) => break link,
                Err(fault) => fault,
            };
            tries += 1;
            let passes = matches!(
                fault,
                StoreFault::Postgres(
                    PostgresFault::Unreachable { .. } | PostgresFault::TooManyConnections { .. }
                )
            );
            #[expect(
                clippy::disallowed_methods,
                reason = "how long this process may wait decides nothing else"
            )]
            let late = Instant::now() + AGAIN * tries > until;
            if !passes || late || tries == TRIES {
                return Err(fault);
            }
            std::thread::sleep(AGAIN * tries);
        };
        let now = Incarnation::of(&mut link).map_err(|trouble| self.target.fault(&trouble))?;
        if !now.matches(&self.incarnation) {
            return Err(PostgresFault::Reincarnated { at: self.target.at.clone() }.into());
        }
        Ok(link)
    }
}

struct PostgresBackend {
    queue: Arc<Queue>,
    readers: Mutex<Option<SyncSender<Waiting>>>,
    notifier: Arc<Notifier>,
    listener: Arc<Listener>,
    /// Those that take units, and those that tell and hear.
    workers: Mutex<Vec<JoinHandle<()>>>,
    messengers: Mutex<Vec<JoinHandle<()>>>,
}

impl PostgresBackend {
    fn start(shared: Arc<Shared>, link: Link, writers: usize) -> Result<Self, StoreFault> {
        let (queue, notifier) = (Arc::new(Queue::default()), Arc::new(Notifier::default()));
        let (readers, units) = sync_channel(READS_QUEUED);
        let units = Arc::new(Mutex::new(units));
        let backend = Self {
            queue: queue.clone(),
            readers: Mutex::new(Some(readers)),
            notifier: notifier.clone(),
            listener: Arc::new(Listener::new(shared.clone())),
            workers: Mutex::default(),
            messengers: Mutex::default(),
        };
        let mut first = Some(link);
        for _ in 0..writers.max(1) {
            let (queue, shared, notifier) = (queue.clone(), shared.clone(), notifier.clone());
            let writer = Writer { queue, shared, notifier, link: first.take() };
            backend.workers.lock().push(spawn("store-writer", move || writer.run())?);
        }
        for _ in 0..READERS {
            let (shared, units) = (shared.clone(), units.clone());
            backend.workers.lock().push(spawn("store-reader", move || reader::run(&shared, &units))?);
        }
        backend.messengers.lock().push(spawn("store-notifier", move || notifier.run(&shared))?);
        Ok(backend)
    }

    fn listen(&self) -> Result<JoinHandle<()>, StoreFault> {
        let listener = self.listener.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreFault::Database(error.to_string()))?;
        spawn("store-listener", move || runtime.block_on(listener.run()))
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreFault> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| StoreFault::Database(format!("no thread for `{name}`: {error}")))
}

impl Backend for PostgresBackend {
    fn write(&self, unit: Box<dyn WriteUnit>) {
        match self.queue.push(unit) {
            Ok(()) => {}
            Err(NotTaken::Full(unit)) => unit.finish(Err(StoreFault::Busy)),
            Err(NotTaken::Closed(unit)) => unit.finish(Err(StoreFault::Closed)),
        }
    }

    fn read(&self, unit: Box<dyn ReadUnit>) {
        let waiting = Waiting::new(unit);
        let Some(readers) = self.readers.lock().clone() else { return waiting.refuse(StoreFault::Closed) };
        match readers.try_send(waiting) {
            Ok(()) => {}
            Err(TrySendError::Full(waiting)) => waiting.refuse(StoreFault::Busy),
            Err(TrySendError::Disconnected(waiting)) => waiting.refuse(StoreFault::Closed),
        }
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn follow(&self, follower: WakeSender) {
        if !self.listener.add(follower) {
            return;
        }
        match self.listen() {
            Ok(thread) => self.messengers.lock().push(thread),
            Err(fault) => tracing::warn!(%fault, "commits of other processes are found by polling only"),
        }
    }

    fn close(&self) {
        self.queue.close();
        self.readers.lock().take();
        join(&self.workers);
        self.notifier.close();
        self.listener.close();
        join(&self.messengers);
    }
}

fn join(threads: &Mutex<Vec<JoinHandle<()>>>) {
    for thread in threads.lock().drain(..) {
        // A thread that panicked has nothing left to make durable.
        let _ = thread.join();
    }
}

impl Drop for PostgresBackend {
    fn drop(&mut self) {
        self.close();
    }
}
