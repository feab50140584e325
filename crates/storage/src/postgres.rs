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
};

use parking_lot::Mutex;
use unionflow_protocol::Timestamp;

use self::{
    address::Target,
    incarnation::Incarnation,
    notify::{Listener, Notifier},
    pool::{Pool, now},
    queue::{NotTaken, Queue},
    reader::Waiting,
    writer::Writer,
};
use crate::{
    clock::Clock,
    fault::StoreFault,
    ids::Ids,
    store::{Backend, ReadUnit, Store, WriteUnit},
    wake::WakeSender,
};

mod address;
pub(crate) mod arriving;
mod foresight;
mod greeting;
mod incarnation;
mod link;
mod migrate;
mod notify;
mod pool;
mod queue;
mod reader;
mod tls;
mod transaction;
mod value;
mod wire;
mod writer;

/// Connections that write, where nothing else is said.
const WRITERS: usize = 16;
const READERS: usize = 6;
/// Units that may wait for a reader; beyond, whoever reads is told to come back.
const READS_QUEUED: usize = 8192;

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
    pool: Pool,
    clock: Option<Arc<dyn Clock>>,
    /// What this process calls itself when it tells others of its commits.
    name: String,
}

/// Whether an address can be read. Nothing is contacted, and the fault never repeats it.
pub fn check_address(address: &str) -> Result<(), StoreFault> {
    Target::parse(address).map(|_| ())
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
    let pool = Pool::new(target.clone());
    let mut link = pool.connect(now())?;
    let incarnation = Incarnation::of(&mut link).map_err(|trouble| target.fault(&trouble))?;
    if !incarnation.is_complete() {
        tracing::warn!(
            "the database does not tell its system identifier and timeline: after a restore of it or a failover, run `unionflow \
             restore`, or let the user call pg_control_system()"
        );
    }
    let (epoch, incarnation) = migrate::migrate(&mut link, &target, incarnation, &ids)?;
    let name = ids.uuid(Timestamp::from_millis(0)).simple().to_string();
    let pool = pool.of(incarnation);
    pool.put(link);
    let shared = Arc::new(Shared { pool, clock, name });
    Ok(Store::new(Arc::new(PostgresBackend::start(shared, writers)?), epoch, ids))
}

struct PostgresBackend {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    readers: Mutex<Option<SyncSender<Waiting>>>,
    notifier: Arc<Notifier>,
    listener: Arc<Listener>,
    /// Those that take units, and those that tell and hear.
    workers: Mutex<Vec<JoinHandle<()>>>,
    messengers: Mutex<Vec<JoinHandle<()>>>,
}

impl PostgresBackend {
    fn start(shared: Arc<Shared>, writers: usize) -> Result<Self, StoreFault> {
        let (queue, notifier) = (Arc::new(Queue::default()), Arc::new(Notifier::default()));
        let (readers, units) = sync_channel(READS_QUEUED);
        let units = Arc::new(Mutex::new(units));
        let backend = Self {
            shared: shared.clone(),
            queue: queue.clone(),
            readers: Mutex::new(Some(readers)),
            notifier: notifier.clone(),
            listener: Arc::new(Listener::new(shared.clone())),
            workers: Mutex::default(),
            messengers: Mutex::default(),
        };
        for _ in 0..writers.max(1) {
            let (queue, shared, notifier) = (queue.clone(), shared.clone(), notifier.clone());
            let writer = Writer { queue, shared, notifier };
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
        // This thread may drive other connections: those of ours say goodbye on one of their own.
        std::thread::scope(|scope| {
            scope.spawn(|| self.shared.pool.clear());
        });
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
