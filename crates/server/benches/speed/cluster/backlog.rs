//! The relay after an outage: reads what waits in the journals, publishes it, notes how far it came.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio_util::sync::CancellationToken;
use unionflow_bus::{
    Bus, BusFault, Subscription,
    kafka::{Identity, KafkaBus, Settings},
};
use unionflow_protocol::{Record, Seq};
use unionflow_service::{Service, record_key, relay::Relay};
use unionflow_testkit::Troupe;

use super::{Stage, close, lengthen, open_service};
use crate::{report::Report, worlds::submit_one};

const ORGANIZATIONS: usize = 16;
/// Copies in each journal.
const EVENTS: u64 = 8_000;
const PAGE: u32 = 500;

pub(super) async fn measure(report: &mut Report, stage: &Stage) {
    let database = stage.database();
    let service = open_service(&database).await;
    let mut troupes = Vec::new();
    for n in 0..ORGANIZATIONS {
        let troupe = Troupe::found(&service, &format!("Mutuelle {n}")).await;
        submit_one(&service, &troupe, 1_000).await;
        troupes.push(troupe);
    }
    lengthen(&database, EVENTS);
    let bus = bus(stage, &service).await;
    let alone = without_reading(&service, &troupes, &bus).await;
    let (relayed, came) = relayed(&service, bus).await;
    close(&service);
    report.row(
        "events a second that the relay moves from a backlog to Kafka",
        format!("{relayed:.0}/s (a subscriber in the same process: {came:.0}/s)"),
        format!("{alone:.0}/s published alone"),
        "≥ 20,000/s",
        relayed >= 20_000.0,
    );
}

async fn bus(stage: &Stage, service: &Service) -> KafkaBus {
    let key = record_key(service.store()).await.expect("there is a key");
    let identity = Identity { epoch: service.store().epoch(), key };
    KafkaBus::new(Settings::new(stage.kafka.servers()), identity).expect("settings that can be used")
}

/// The first quarter of it, read beforehand.
async fn without_reading(service: &Service, troupes: &[Troupe], bus: &KafkaBus) -> f64 {
    let mut pages: Vec<Arc<[Record]>> = Vec::new();
    for after in (0..EVENTS / 4).step_by(PAGE as usize) {
        for id in troupes.iter().map(|troupe| troupe.id) {
            let read = service.read(move |reader| Ok(reader.journal_after(id, Seq(after), PAGE)?));
            pages.push(read.await.expect("it is read").into());
        }
    }
    let count: usize = pages.iter().map(|page| page.len()).sum();
    let mut subscription = bus.subscribe().await.expect("it is followed");
    let following = tokio::spawn(async move { while subscription.next().await.is_some() {} });
    let begun = Instant::now();
    for page in pages {
        bus.publish(page).await.expect("it is taken");
    }
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    following.abort();
    rate
}

/// Events a second: taken and noted, and come to a subscriber.
async fn relayed(service: &Service, bus: KafkaBus) -> (f64, f64) {
    let waiting = service.read(|reader| Ok(reader.unpublished(1_000)?)).await.expect("it is read");
    let goal = waiting.iter().map(|head| head.seq.since(head.published)).sum();
    let mut subscription = bus.subscribe().await.expect("it is followed");
    let done = CancellationToken::new();
    let bus = Counted { bus, taken: AtomicU64::new(0), goal, done: done.clone() };
    let begun = Instant::now();
    let following = tokio::spawn(async move {
        let mut came = 0;
        while came < goal {
            came += subscription.next().await.expect("it is there").len() as u64;
        }
        begun.elapsed()
    });
    // Told to stop once all is taken, it notes how far it came.
    Relay::new(service.store().clone(), Arc::new(bus)).run(done).await;
    let noted = begun.elapsed();
    let came = following.await.expect("all came");
    let waits = service.read(|reader| Ok(reader.unpublished(1)?)).await.expect("it is read");
    assert!(waits.is_empty(), "all of it was noted");
    (goal as f64 / noted.as_secs_f64(), goal as f64 / came.as_secs_f64())
}

/// Tells when it has taken everything.
struct Counted {
    bus: KafkaBus,
    taken: AtomicU64,
    goal: u64,
    done: CancellationToken,
}

impl Bus for Counted {
    fn publish(
        &self,
        records: Arc<[Record]>,
    ) -> Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>> {
        Box::pin(async move {
            let count = records.len() as u64;
            self.bus.publish(records).await?;
            if self.taken.fetch_add(count, Ordering::Relaxed) + count >= self.goal {
                self.done.cancel();
            }
            Ok(())
        })
    }

    fn subscribe(&self) -> Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send + '_>> {
        self.bus.subscribe()
    }
}
