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
use unionflow_protocol::{Record, Seq, Timestamp, id::OrganizationId};
use unionflow_storage::{
    Backend, Scope, Store, StoreFault, UnitEnd, WriteUnit, intercept::Intercept, sql::Sql,
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

    fn check(&self, fault: Fault) -> Result<(), StoreFault> {
        if self.strikes(fault) { Err(broken()) } else { Ok(()) }
    }

    /// A store that fails as planned.
    pub fn in_store(&self, store: Store) -> Store {
        store.intercepted(self.clone())
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

    fn journaled(&self) -> Option<(OrganizationId, Seq)> {
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

impl Intercept for Faults {
    fn unit(&self) -> Result<(), StoreFault> {
        self.check(Fault::Unit)
    }

    fn statement(
        &self,
        _: &'static str,
        run: &mut dyn FnMut() -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        self.check(Fault::Statement)?;
        run()
    }

    fn commit(&self) -> Result<(), StoreFault> {
        self.check(Fault::Commit)
    }

    fn tells(&self) -> bool {
        !self.strikes(Fault::Answer)
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
