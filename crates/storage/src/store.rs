//! The handle that everything above works with, and what a backend must do for it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use unionflow_protocol::{
    Record, Seq, Timestamp,
    id::{Epoch, OrganizationId},
};

use crate::{
    fault::{PostgresFault, StoreFault, Undo},
    ids::Ids,
    reader::Reader,
    sql::{Param, Row, Sql},
    tx::Tx,
    wake::{self, WakeSender, Wakes},
};

/// What a unit of work locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One organisation: locked before the unit's first statement.
    Organization(OrganizationId),
    /// Nothing but the rows it touches: accounts of persons, sign-ins, the founding of an organisation.
    Server,
}

/// A store: cheap to clone.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    shared: Arc<Shared>,
}

struct Shared {
    ids: Ids,
    epoch: Epoch,
    commits: Mutex<Vec<mpsc::Sender<Arc<[Record]>>>>,
    missed: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// Whether the last unit that came to an end found no room.
    full: AtomicBool,
    /// That the database is another one by now.
    superseded: watch::Sender<Option<StoreFault>>,
}

/// What a backend does: runs units, in order within a scope, durable before they are finished.
pub trait Backend: Send + Sync + 'static {
    /// Queues a unit that writes. Its scope is locked, it is run and committed, then finished; or it is finished with the
    /// fault that kept it from being committed, [`StoreFault::Busy`] where too many wait.
    ///
    /// Units of one organisation are finished in the order of their commits, because finishing announces their events;
    /// units of [`Scope::Server`] run one at a time. Whether a unit is stale is asked once its scope is locked.
    fn write(&self, unit: Box<dyn WriteUnit>);

    /// Queues a unit that reads, on one snapshot, apart from writers.
    fn read(&self, unit: Box<dyn ReadUnit>);

    /// Whether other servers may work on it at the same time.
    fn is_shared(&self) -> bool;

    /// Tells this follower what other processes commit from now on, as long as it can hear of it; never, where there is only
    /// polling.
    fn follow(&self, follower: WakeSender);

    /// Runs what is queued, refuses what comes later with [`StoreFault::Closed`], and makes everything durable. Blocks.
    fn close(&self);
}

/// A unit that writes.
pub trait WriteUnit: Send {
    /// What to lock.
    fn scope(&self) -> Scope;
    /// Until when it may wait for its turn: a backend that waits for another process's lock gives up then.
    fn deadline(&self) -> std::time::Instant;
    /// Whether nobody waits for it any more: then it must not be run.
    fn is_stale(&self) -> bool;
    /// Tells what it will load first, once its scope is locked: see [`Sql::foresee`]. A backend need not ask.
    fn foresee(&self, sql: &mut dyn Sql) {
        let _ = sql;
    }
    /// Runs it.
    fn run(&mut self, sql: &mut dyn Sql, now: Timestamp) -> UnitEnd;
    /// Whose journal it went on with, and how far, asked once it was run: other processes are told.
    fn journaled(&self) -> Option<(OrganizationId, Seq)>;
    /// Tells whoever waits, once it is known whether it was committed.
    fn finish(self: Box<Self>, committed: Result<(), StoreFault>);
}

/// A unit that reads.
pub trait ReadUnit: Send {
    /// Runs it and tells whoever waits.
    fn run(self: Box<Self>, sql: Result<&mut dyn Sql, StoreFault>, now: Timestamp);
}

/// How a unit that writes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitEnd {
    /// It is to be committed.
    Keep,
    /// It is to be undone.
    Undo,
}

/// Events of this process's own commits, in commit order.
pub struct Commits(mpsc::Receiver<Arc<[Record]>>);

/// How long a command waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(5);
/// Commits that may wait for the relay; what does not fit is read from the journal instead.
const COMMITS_QUEUED: usize = 4096;

impl Store {
    /// Over a backend that is open.
    pub fn new(backend: Arc<dyn Backend>, epoch: Epoch, ids: Ids) -> Self {
        let shared = Shared {
            ids,
            epoch,
            commits: Mutex::new(Vec::new()),
            missed: OnceLock::new(),
            full: AtomicBool::new(false),
            superseded: watch::Sender::new(None),
        };
        Self { backend, shared: Arc::new(shared) }
    }

    /// With its backend behind another one: how tests make statements fail.
    #[cfg(feature = "conformance")]
    #[must_use]
    pub fn behind(self, wrap: impl FnOnce(Arc<dyn Backend>) -> Arc<dyn Backend>) -> Self {
        Self { backend: wrap(self.backend), shared: self.shared }
    }

    /// Whether there was no room for the last unit: reads go on, and nothing can be recorded until somebody makes room.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed)
    }

    /// Waits until the database turns out to be another one than this store was opened on, restored or failed over: the fault
    /// that says so. Nothing that this process holds is true of it, and no unit ever runs again. Cancel-safe.
    pub async fn superseded(&self) -> StoreFault {
        let mut superseded = self.shared.superseded.subscribe();
        match superseded.wait_for(Option::is_some).await.map(|fault| fault.clone()) {
            Ok(Some(fault)) => fault,
            // Its sender is held above, and what is waited for is some fault.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// The journal's incarnation.
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// The source of new ids.
    pub fn ids(&self) -> &Ids {
        &self.shared.ids
    }

    /// Follows this process's own commits. A follower that falls behind misses some and reads the journal instead.
    pub fn commits(&self) -> Commits {
        let (sender, receiver) = mpsc::channel(COMMITS_QUEUED);
        self.shared.commits.lock().push(sender);
        Commits(receiver)
    }

    /// Whether other servers may work on it at the same time: then what only one may do needs a lease.
    pub fn is_shared(&self) -> bool {
        self.backend.is_shared()
    }

    /// Follows other processes' commits. What was committed before is not told.
    pub fn wakes(&self) -> Wakes {
        let (sender, wakes) = wake::channel();
        self.backend.follow(sender);
        wakes
    }

    /// Is called each time a follower of commits missed some.
    pub fn on_missed(&self, count: impl Fn() + Send + Sync + 'static) {
        let _ = self.shared.missed.set(Box::new(count));
    }

    /// Runs a unit of work. `Ok` means committed and durable.
    pub async fn write<T: Send + 'static>(
        &self,
        scope: Scope,
        unit: impl FnOnce(&mut Tx<'_>) -> Result<T, Undo> + Send + 'static,
    ) -> Result<T, Undo> {
        self.write_foreseeing(scope, |_| Ok(()), unit).await
    }

    /// The same for a unit of which it is known what it loads first: see [`Reader::foresee`].
    pub(crate) async fn write_foreseeing<T: Send + 'static>(
        &self,
        scope: Scope,
        loads: impl Fn(&mut Reader<'_>) -> Result<(), StoreFault> + Send + 'static,
        unit: impl FnOnce(&mut Tx<'_>) -> Result<T, Undo> + Send + 'static,
    ) -> Result<T, Undo> {
        let (sender, receiver) = oneshot::channel();
        let queued = Queued {
            scope,
            shared: self.shared.clone(),
            loads,
            unit: Some(unit),
            result: Err(StoreFault::Busy.into()),
            records: Vec::new(),
            sender,
            deadline: Instant::now() + PATIENCE,
        };
        self.backend.write(Box::new(queued));
        receiver.await.unwrap_or(Err(StoreFault::Closed.into()))
    }

    /// Reads one snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut Reader<'_>) -> Result<T, Undo> + Send + 'static,
    ) -> Result<T, Undo> {
        let (sender, receiver) = oneshot::channel();
        self.backend.read(Box::new(QueuedRead { shared: self.shared.clone(), unit, sender }));
        receiver.await.unwrap_or(Err(StoreFault::Closed.into()))
    }

    /// Ends all work and closes. Blocks until what was acknowledged is where it belongs.
    pub fn close(&self) {
        self.backend.close();
    }
}

impl Shared {
    /// Remembers a fault after which this store is of no more use.
    fn note(&self, fault: &StoreFault) {
        if matches!(fault, StoreFault::Postgres(PostgresFault::Reincarnated { .. })) {
            self.superseded.send_if_modified(|known| {
                let is_news = known.is_none();
                known.get_or_insert_with(|| fault.clone());
                is_news
            });
        }
    }

    fn announce(&self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        let records: Arc<[Record]> = records.into();
        self.commits.lock().retain(|follower| match follower.try_send(records.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                if let Some(missed) = self.missed.get() {
                    missed();
                }
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
    }
}

impl Commits {
    /// The events of the next commit; `None` once the store is gone.
    pub async fn next(&mut self) -> Option<Arc<[Record]>> {
        self.0.recv().await
    }

    /// The events of the next commit, if there is one already.
    pub fn try_next(&mut self) -> Option<Arc<[Record]>> {
        self.0.try_recv().ok()
    }
}

/// Holds what the store shares, not the store: whoever drops the last store waits for the threads that run this.
struct Queued<T, L, F> {
    scope: Scope,
    shared: Arc<Shared>,
    loads: L,
    unit: Option<F>,
    result: Result<T, Undo>,
    records: Vec<Record>,
    sender: oneshot::Sender<Result<T, Undo>>,
    deadline: Instant,
}

impl<T, L, F> WriteUnit for Queued<T, L, F>
where
    T: Send,
    L: Fn(&mut Reader<'_>) -> Result<(), StoreFault> + Send,
    F: FnOnce(&mut Tx<'_>) -> Result<T, Undo> + Send,
{
    fn scope(&self) -> Scope {
        self.scope
    }

    fn deadline(&self) -> std::time::Instant {
        self.deadline.into_std()
    }

    fn is_stale(&self) -> bool {
        Instant::now() > self.deadline || self.sender.is_closed()
    }

    fn foresee(&self, sql: &mut dyn Sql) {
        let mut reader = Reader::new(sql, Timestamp::from_millis(0), self.shared.epoch);
        let loads =
            |reader: &mut Reader<'_>| Tx::foresee(reader, self.scope).and_then(|()| (self.loads)(reader));
        // What fails here fails once more when it is loaded.
        let _ = catch_unwind(AssertUnwindSafe(|| reader.foresee(loads)));
    }

    fn run(&mut self, sql: &mut dyn Sql, now: Timestamp) -> UnitEnd {
        let unit = self.unit.take().expect("a unit is run once");
        let mut sql = Watched { sql, fault: None };
        // A panic costs this unit, never the writer.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let reader = Reader::new(&mut sql, now, self.shared.epoch);
            let mut tx = Tx::begin(reader, self.scope, &self.shared.ids)?;
            let answer = unit(&mut tx)?;
            tx.flush()?;
            Ok((answer, tx.into_records()))
        }));
        let result =
            result.unwrap_or_else(|panic| Err(StoreFault::Malformed(panic_text(panic.as_ref())).into()));
        match (result, sql.fault) {
            (Ok((answer, records)), None) => {
                (self.result, self.records) = (Ok(answer), records);
                UnitEnd::Keep
            }
            // A unit that went on after a failed statement wrote less than it believes, or refused for a wrong reason.
            (_, Some(fault)) => {
                self.result = Err(fault.into());
                UnitEnd::Undo
            }
            (Err(undo), None) => {
                self.result = Err(undo);
                UnitEnd::Undo
            }
        }
    }

    fn journaled(&self) -> Option<(OrganizationId, Seq)> {
        self.records.last().map(|record| (record.organization_id, record.position.seq()))
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreFault>) {
        let this = *self;
        let result = match committed {
            Ok(()) => {
                this.shared.announce(this.records);
                this.result
            }
            Err(fault) => {
                this.shared.note(&fault);
                Err(fault.into())
            }
        };
        match &result {
            Ok(_) => this.shared.full.store(false, Ordering::Relaxed),
            Err(Undo::Fault(StoreFault::Full)) => this.shared.full.store(true, Ordering::Relaxed),
            Err(_) => {}
        }
        let _ = this.sender.send(result);
    }
}

/// Remembers that a statement failed, whatever the unit makes of it.
struct Watched<'a> {
    sql: &'a mut dyn Sql,
    fault: Option<StoreFault>,
}

impl Watched<'_> {
    fn watch<T>(&mut self, result: Result<T, StoreFault>) -> Result<T, StoreFault> {
        if let Err(fault) = &result {
            self.fault.get_or_insert_with(|| fault.clone());
        }
        result
    }
}

impl Sql for Watched<'_> {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault> {
        let result = self.sql.execute(sql, params);
        self.watch(result)
    }

    fn submit(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        let result = self.sql.submit(sql, params);
        self.watch(result)
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        let result = self.sql.query(sql, params, each);
        self.watch(result)
    }

    fn foresee(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        let result = self.sql.foresee(sql, params);
        self.watch(result)
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        let result = self.sql.undo();
        self.watch(result)
    }
}

struct QueuedRead<T, F> {
    shared: Arc<Shared>,
    unit: F,
    sender: oneshot::Sender<Result<T, Undo>>,
}

impl<T, F> ReadUnit for QueuedRead<T, F>
where
    T: Send,
    F: FnOnce(&mut Reader<'_>) -> Result<T, Undo> + Send,
{
    fn run(self: Box<Self>, sql: Result<&mut dyn Sql, StoreFault>, now: Timestamp) {
        let this = *self;
        if let Err(fault) = &sql {
            this.shared.note(fault);
        }
        let result = sql.map_err(Undo::Fault).and_then(|sql| {
            catch_unwind(AssertUnwindSafe(|| (this.unit)(&mut Reader::new(sql, now, this.shared.epoch))))
                .unwrap_or_else(|panic| Err(StoreFault::Malformed(panic_text(panic.as_ref())).into()))
        });
        let _ = this.sender.send(result);
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a unit of work panicked").to_owned()
}
