//! A store and a bus that fail on request: the n-th call, or the n-th statement, from now on counted.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use tokio::sync::watch;
use unionflow_bus::{Bus, BusFault, InProcessBus, Subscription};
use unionflow_protocol::{Record, Timestamp, id::OrganizationId};
use unionflow_storage::{
    Backend, ReadUnit, Scope, Store, StoreFault, UnitEnd, WakeSender, WriteUnit,
    sql::{Param, Row, Sql},
};

use crate::PATIENCE;

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A statement, of a unit that writes or reads.
    Statement,
    /// A unit is refused before it runs.
    Unit,
    /// A unit runs, and its commit fails.
    Commit,
    /// A unit is committed, and nobody is told.
    Answer,
    /// The bus takes nothing, and says so.
    Publish,
    /// The bus takes everything, and says that it did not.
    PublishAnswer,
    /// The bus says that it took everything, and loses it.
    PublishLost,
    /// The bus lets nobody follow it.
    Subscribe,
    /// The bus takes everything, and breaks off before it gives it to anybody.
    BreakOff,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Statement,
        Self::Unit,
        Self::Commit,
        Self::Answer,
        Self::Publish,
        Self::PublishAnswer,
        Self::PublishLost,
        Self::Subscribe,
        Self::BreakOff,
    ];
}

/// Says what fails and when. Cheap to clone.
#[derive(Clone, Default)]
pub struct Faults(Arc<Plan>);

#[derive(Default)]
struct Plan {
    fault: Mutex<Option<Fault>>,
    /// Calls that still go well; the one that finds 0 fails.
    left: AtomicI64,
    /// How often the bus was subscribed to.
    subscriptions: watch::Sender<u64>,
}

impl Faults {
    /// From now on the n-th call of this kind fails, counted from 1; once.
    pub fn fail(&self, fault: Fault, n: u64) {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        self.0.left.store(n - 1, Ordering::SeqCst);
        *self.0.fault.lock().expect("nobody panics while holding it") = Some(fault);
    }

    /// Nothing fails any more; whether something had.
    pub fn heal(&self) -> bool {
        self.0.fault.lock().expect("nobody panics while holding it").take();
        self.0.left.load(Ordering::SeqCst) < 0
    }

    fn strikes(&self, fault: Fault) -> bool {
        let planned = *self.0.fault.lock().expect("nobody panics while holding it");
        planned == Some(fault) && self.0.left.fetch_sub(1, Ordering::SeqCst) == 0
    }

    /// A store that fails as planned.
    pub fn in_store(&self, store: Store) -> Store {
        let faults = self.clone();
        store.behind(|backend| Arc::new(FaultyBackend { backend, faults }))
    }

    /// How often a bus that fails as planned was subscribed to.
    pub fn subscriptions(&self) -> watch::Receiver<u64> {
        self.0.subscriptions.subscribe()
    }

    /// An in-process bus that fails as planned.
    pub fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(FaultyBus { bus: Mutex::default(), faults: self.clone() })
    }
}

/// Lets a store opened with `pages_max` grow: room was made on its disk.
pub async fn make_room(store: &Store) {
    let (told, grown) = tokio::sync::oneshot::channel();
    let grow = move |backend: Arc<dyn Backend>| {
        backend.write(Box::new(Grow { told }));
        backend
    };
    drop(store.clone().behind(grow));
    grown.await.expect("the writer runs").expect("the limit can be changed");
}

struct Grow {
    told: tokio::sync::oneshot::Sender<Result<(), StoreFault>>,
}

impl WriteUnit for Grow {
    fn scope(&self) -> Scope {
        Scope::Server
    }

    fn is_stale(&self) -> bool {
        false
    }

    #[expect(clippy::disallowed_methods, reason = "far enough away for a test; decides nothing")]
    fn deadline(&self) -> Instant {
        Instant::now() + PATIENCE
    }

    fn run(&mut self, sql: &mut dyn Sql, _: Timestamp) -> UnitEnd {
        let _ = sql.query("PRAGMA max_page_count = 1000000", &[], &mut |_| Ok(true));
        UnitEnd::Keep
    }

    fn journaled(&self) -> Option<OrganizationId> {
        None
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreFault>) {
        let _ = self.told.send(committed);
    }
}

fn broken() -> StoreFault {
    StoreFault::Database("made to fail".to_owned())
}

fn gone() -> BusFault {
    BusFault::Unavailable("made to fail".to_owned())
}

struct FaultyBackend {
    backend: Arc<dyn Backend>,
    faults: Faults,
}

impl Backend for FaultyBackend {
    fn write(&self, unit: Box<dyn WriteUnit>) {
        if self.faults.strikes(Fault::Unit) {
            return unit.finish(Err(broken()));
        }
        self.backend.write(Box::new(FaultyWrite { unit, faults: self.faults.clone(), undone: false }));
    }

    fn read(&self, unit: Box<dyn ReadUnit>) {
        if self.faults.strikes(Fault::Unit) {
            return unit.run(Err(broken()), Timestamp::from_millis(0));
        }
        self.backend.read(Box::new(FaultyRead { unit, faults: self.faults.clone() }));
    }

    fn is_shared(&self) -> bool {
        self.backend.is_shared()
    }

    fn follow(&self, follower: WakeSender) {
        self.backend.follow(follower);
    }

    fn close(&self) {
        self.backend.close();
    }
}

struct FaultyWrite {
    unit: Box<dyn WriteUnit>,
    faults: Faults,
    undone: bool,
}

impl WriteUnit for FaultyWrite {
    fn scope(&self) -> Scope {
        self.unit.scope()
    }

    fn is_stale(&self) -> bool {
        self.unit.is_stale()
    }

    fn deadline(&self) -> Instant {
        self.unit.deadline()
    }

    fn run(&mut self, sql: &mut dyn Sql, now: Timestamp) -> UnitEnd {
        let end = self.unit.run(&mut FaultySql { sql, faults: &self.faults }, now);
        self.undone = end == UnitEnd::Keep && self.faults.strikes(Fault::Commit);
        if self.undone { UnitEnd::Undo } else { end }
    }

    fn journaled(&self) -> Option<OrganizationId> {
        self.unit.journaled()
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreFault>) {
        if self.undone {
            return self.unit.finish(Err(broken()));
        }
        if !self.faults.strikes(Fault::Answer) {
            self.unit.finish(committed);
        }
    }
}

struct FaultyRead {
    unit: Box<dyn ReadUnit>,
    faults: Faults,
}

impl ReadUnit for FaultyRead {
    fn run(self: Box<Self>, sql: Result<&mut dyn Sql, StoreFault>, now: Timestamp) {
        match sql {
            Ok(sql) => self.unit.run(Ok(&mut FaultySql { sql, faults: &self.faults }), now),
            Err(fault) => self.unit.run(Err(fault), now),
        }
    }
}

struct FaultySql<'a> {
    sql: &'a mut dyn Sql,
    faults: &'a Faults,
}

impl FaultySql<'_> {
    fn check(&self) -> Result<(), StoreFault> {
        if self.faults.strikes(Fault::Statement) { Err(broken()) } else { Ok(()) }
    }
}

impl Sql for FaultySql<'_> {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault> {
        self.check()?;
        self.sql.execute(sql, params)
    }

    fn submit(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.check()?;
        self.sql.submit(sql, params)
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        self.check()?;
        self.sql.query(sql, params, each)
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        self.check()?;
        self.sql.undo()
    }
}

struct FaultyBus {
    /// Another one after it broke off.
    bus: Mutex<Arc<InProcessBus>>,
    faults: Faults,
}

impl FaultyBus {
    fn bus(&self) -> Arc<InProcessBus> {
        self.bus.lock().expect("nobody panics while holding it").clone()
    }
}

impl Bus for FaultyBus {
    fn publish(
        &self,
        records: Arc<[Record]>,
    ) -> Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>> {
        Box::pin(async move {
            if self.faults.strikes(Fault::Publish) {
                return Err(gone());
            }
            if self.faults.strikes(Fault::PublishLost) {
                return Ok(());
            }
            if self.faults.strikes(Fault::BreakOff) {
                *self.bus.lock().expect("nobody panics while holding it") = Arc::default();
            }
            self.bus().publish(records).await?;
            if self.faults.strikes(Fault::PublishAnswer) { Err(gone()) } else { Ok(()) }
        })
    }

    fn subscribe(&self) -> Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send + '_>> {
        Box::pin(async move {
            if self.faults.strikes(Fault::Subscribe) {
                return Err(gone());
            }
            let subscription = self.bus().subscribe().await?;
            self.faults.0.subscriptions.send_modify(|count| *count += 1);
            Ok(subscription)
        })
    }
}
