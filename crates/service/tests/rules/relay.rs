//! The relay and a bus that is away, or that takes not everything.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use unionflow_bus::{Bus, BusFault, InProcessBus, Subscription};
use unionflow_domain::policy::demo_rules;
use unionflow_protocol::{Position, Record, Role, id::OrganizationId};
use unionflow_service::relay::Relay;

use super::scene::{Club, Town, Wanted};

type Publishing<'a> = Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + 'a>>;
type Subscribing<'a> = Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send + 'a>>;

/// Takes nothing, and has the relay stopped when it is first asked.
struct Away {
    asked: AtomicUsize,
    stop: CancellationToken,
}

impl Bus for Away {
    fn publish(&self, _: Arc<[Record]>) -> Publishing<'_> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.stop.cancel();
        Box::pin(async { Err(BusFault::Unavailable("no broker".to_owned())) })
    }

    fn subscribe(&self) -> Subscribing<'_> {
        Box::pin(async { Err(BusFault::Unavailable("no broker".to_owned())) })
    }
}

/// Is away for its first turns, refuses whatever holds a record of one organisation, and counts the facts that it takes.
#[derive(Default)]
struct Picky {
    bus: InProcessBus,
    /// Turns that it is still away, and how much it was offered in them.
    away: AtomicUsize,
    offered: Mutex<Vec<usize>>,
    refused: Mutex<Option<OrganizationId>>,
    /// Whose partition has no leader.
    headless: Mutex<Option<OrganizationId>>,
    taken: watch::Sender<Vec<(OrganizationId, u64)>>,
}

impl Picky {
    /// Until all of this journal was taken, in order.
    async fn has_all_of(&self, town: &Town, club: &Club) {
        let head = town.head(club).await.0;
        let mut taken = self.taken.subscribe();
        let seqs = |taken: &[(OrganizationId, u64)]| -> Vec<u64> {
            taken.iter().filter(|(id, _)| *id == club.id).map(|(_, seq)| *seq).collect()
        };
        let all = taken.wait_for(|taken| seqs(taken) == (1..=head).collect::<Vec<_>>());
        if tokio::time::timeout(std::time::Duration::from_secs(10), all).await.is_err() {
            panic!("of 1 to {head} the bus has taken {:?}", seqs(&self.taken.borrow()));
        }
    }
}

impl Bus for Picky {
    fn publish(&self, records: Arc<[Record]>) -> Publishing<'_> {
        if self.away.load(Ordering::SeqCst) > 0 {
            self.away.fetch_sub(1, Ordering::SeqCst);
            self.offered.lock().expect("nobody panics while holding it").push(records.len());
            return Box::pin(async { Err(BusFault::Unavailable("no broker".to_owned())) });
        }
        let refused = *self.refused.lock().expect("nobody panics while holding it");
        if records.iter().any(|record| Some(record.organization_id) == refused) {
            return Box::pin(async { Err(BusFault::Refused("too large".to_owned())) });
        }
        let headless = *self.headless.lock().expect("nobody panics while holding it");
        if records.iter().any(|record| Some(record.organization_id) == headless) {
            return Box::pin(async { Err(BusFault::Unavailable("no leader".to_owned())) });
        }
        let facts = records.iter().filter(|record| matches!(record.position, Position::Fact(_)));
        let facts: Vec<_> = facts.map(|record| (record.organization_id, record.position.seq().0)).collect();
        self.taken.send_modify(|taken| taken.extend(facts));
        self.bus.publish(records)
    }

    fn subscribe(&self) -> Subscribing<'_> {
        self.bus.subscribe()
    }
}

async fn clubs(town: &Town, count: usize) -> Vec<Club> {
    let mut clubs = Vec::new();
    for _ in 0..count {
        clubs.push(town.found(demo_rules(), &[&[Role::President], &[Role::Treasurer]]).await);
    }
    clubs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_away_is_not_asked_once_for_every_organization() {
    let town = Town::open().await;
    clubs(&town, 8).await;
    let stop = CancellationToken::new();
    let bus = Arc::new(Away { asked: AtomicUsize::new(0), stop: stop.clone() });
    // Each answer of a broker that is away takes seconds.
    Relay::new(town.service.store().clone(), bus.clone()).run(stop).await;
    let asked = bus.asked.load(Ordering::SeqCst);
    assert!((1..=2).contains(&asked), "once in a look, and once when it stops: {asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_record_holds_up_its_organization_and_no_other() {
    let town = Town::open().await;
    let clubs = clubs(&town, 4).await;
    let bus = Arc::new(Picky::default());
    *bus.refused.lock().unwrap() = Some(clubs[1].id);
    let stop = CancellationToken::new();
    let relay = tokio::spawn(Relay::new(town.service.store().clone(), bus.clone()).run(stop.clone()));
    for club in [&clubs[0], &clubs[2], &clubs[3]] {
        bus.has_all_of(&town, club).await;
    }
    // And so it is with what happens meanwhile.
    for club in &clubs {
        town.submit(club, club.people[1], Wanted::expense(200)).await.unwrap();
    }
    bus.has_all_of(&town, &clubs[0]).await;
    bus.has_all_of(&town, &clubs[3]).await;
    let refused = clubs[1].id;
    assert!(bus.taken.borrow().iter().all(|(id, _)| *id != refused));

    *bus.refused.lock().unwrap() = None;
    bus.has_all_of(&town, &clubs[1]).await;
    stop.cancel();
    relay.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_away_is_offered_one_event_again_and_again_not_whole_pages() {
    let town = Town::open().await;
    let clubs = clubs(&town, 2).await;
    let bus = Arc::new(Picky { away: AtomicUsize::new(5), ..Picky::default() });
    let stop = CancellationToken::new();
    let relay = tokio::spawn(Relay::new(town.service.store().clone(), bus.clone()).run(stop.clone()));
    for club in &clubs {
        town.submit(club, club.people[1], Wanted::expense(200)).await.unwrap();
    }
    for club in &clubs {
        bus.has_all_of(&town, club).await;
    }
    let offered = bus.offered.lock().unwrap().clone();
    assert!(offered[0] > 1 && offered[1..] == [1; 4], "a page, and then one: {offered:?}");
    stop.cancel();
    relay.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_away_for_one_organization_does_not_keep_the_others_waiting() {
    let town = Town::open().await;
    let clubs = clubs(&town, 3).await;
    let bus = Arc::new(Picky::default());
    let stop = CancellationToken::new();
    let relay = tokio::spawn(Relay::new(town.service.store().clone(), bus.clone()).run(stop.clone()));
    // Whichever it is: one of them is looked at first.
    for headless in &clubs {
        *bus.headless.lock().unwrap() = Some(headless.id);
        for club in &clubs {
            town.submit(club, club.people[1], Wanted::expense(200)).await.unwrap();
        }
        for club in clubs.iter().filter(|club| club.id != headless.id) {
            bus.has_all_of(&town, club).await;
        }
        *bus.headless.lock().unwrap() = None;
        bus.has_all_of(&town, headless).await;
    }
    stop.cancel();
    relay.await.unwrap();
}
