//! Facts of other systems: in the journal once, whatever fails on the way; never with an effect.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use unionflow_bus::{
    BusFault, InboundInMemory, InboundSender, NotAll, Outlet, OutletInMemory, RawRecord, Sending,
};
use unionflow_domain::{
    inbound::{Arrival, Heard, PLAIN, Rules, Source, Types, hear},
    policy,
};
use unionflow_protocol::{Audience, EventType, Origin, Role, RoleSet, Seq, Topic, id::ServiceKeyId};
use unionflow_service::inbound::{DeadLetter, Intake, Taken, take};
use unionflow_storage::{Scope, StoreFault, SystemClock, intercept::Intercept};

use super::scene::{Club, Told, Town};

const WITHIN: Duration = Duration::from_secs(60);

/// A club, and another system that sends to it.
struct Scene {
    town: Town,
    club: Club,
    sender: InboundSender,
    letters: Arc<OutletInMemory>,
    running: JoinHandle<()>,
    stop: CancellationToken,
}

fn rules(club: &Club) -> Rules {
    let source = |name: &str, types| Source { name: name.into(), types, organizations: None };
    Rules {
        organizations: BTreeMap::from([("org-123".to_owned(), club.id)]),
        sources: vec![
            source(PLAIN, Types::All),
            source("caisse", Types::Only(vec![EventType::ContributionPaid])),
        ],
    }
}

impl Scene {
    async fn open() -> Self {
        let letters = Arc::new(OutletInMemory::default());
        Self::on(Town::open().await, letters.clone(), letters).await
    }

    async fn on(town: Town, outlet: Arc<dyn Outlet>, letters: Arc<OutletInMemory>) -> Self {
        let club = town.found(policy::default_rules(false), &[&[Role::President], &[Role::Treasurer]]).await;
        let (sender, inbound) = InboundInMemory::new();
        let (store, stop) = (town.service.store().clone(), CancellationToken::new());
        let intake = Intake::new(store, rules(&club), Box::new(inbound), outlet, Arc::new(SystemClock));
        let running = tokio::spawn(intake.run(stop.clone()));
        Self { town, club, sender, letters, running, stop }
    }

    fn send(&self, headers: &[(&str, &str)], value: impl Into<bytes::Bytes>) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into()));
        let record = RawRecord {
            topic: Topic::Inbound,
            key: Some("pay-1".into()),
            headers: headers.collect(),
            value: Some(value.into()),
        };
        self.sender.put(record);
    }

    /// Until this many are said to be done, from the first.
    async fn done(&mut self, count: i64) {
        while timeout(WITHIN, self.sender.done()).await.expect("in time").expect("it runs") < count - 1 {}
    }

    async fn told(&self) -> Vec<Told> {
        self.town.told_after(&self.club, Seq::ZERO).await
    }

    fn letters(&self) -> Vec<DeadLetter> {
        self.letters.take().iter().map(|record| DeadLetter::read(record).expect("a dead letter")).collect()
    }
}

fn paid(data: &Value) -> String {
    json!({"eventType": "CONTRIBUTION_PAID", "organizationId": "org-123", "data": data}).to_string()
}

#[tokio::test]
async fn a_fact_of_another_system_is_told_to_whom_it_concerns_and_changes_nothing() {
    let mut scene = Scene::open().await;
    let payer = scene.club.people[0].member;
    let id = scene.club.id;
    let figures = |scene: &Scene| {
        let service = scene.town.service.clone();
        async move { service.read(move |reader| Ok(reader.load_figures(id)?)).await.expect("read") }
    };
    let (before, begun) = (figures(&scene).await, scene.told().await.len());
    scene.send(&[], paid(&json!({"amount": 75000.0, "currency": "XOF", "memberId": payer, "nom": "Awa"})));
    // What would end a right, a role or a request if it were ours.
    let left = json!({"eventType": "MEMBER_LEFT", "organizationId": "org-123", "data": {"id": payer, "status": "LEFT"}});
    scene.send(&[], left.to_string());
    scene.done(2).await;
    let told = scene.told().await;
    assert_eq!(told.len(), begun + 2, "no notification of it either");
    let fact = &told[begun];
    let envelope: Value = serde_json::from_slice(&fact.envelope.encode()).expect("JSON");
    assert_eq!((&envelope["origin"], &envelope["actorId"]), (&"inbound".into(), &Value::Null));
    assert_eq!(envelope["data"], json!({"amount": 75000, "currency": "XOF", "memberId": payer}));
    assert_eq!(envelope["aggregateVersion"], Value::Null);
    assert_eq!(fact.audience, Audience::roles(RoleSet::MONEY).and_member(payer));
    assert_eq!(figures(&scene).await, before);
    let roles = scene.town.service.read(move |reader| Ok(reader.load_member(payer)?)).await.expect("read");
    assert!(roles.expect("still there").effective_roles().iter().any(|role| role == Role::President));
    let verdict =
        scene.town.service.read(move |reader| Ok((reader.verify_journal(id)?, reader.verify_state(id)?)));
    assert_eq!(verdict.await.expect("read"), (Ok(begun as u64 + 2), None));
    assert_eq!(scene.letters(), []);
}

#[tokio::test]
async fn what_comes_twice_is_in_the_journal_once() {
    let mut scene = Scene::open().await;
    let begun = scene.told().await.len();
    let value = paid(&json!({"amount": 5}));
    for headers in [[("ce_id", "a")], [("ce_id", "a")], [("ce_id", "b")]] {
        scene.send(&headers, value.clone());
    }
    // Without an id, each is another.
    scene.send(&[], value.clone());
    scene.send(&[], value);
    scene.done(5).await;
    assert_eq!(scene.told().await.len(), begun + 4);
}

#[tokio::test]
async fn what_cannot_be_taken_in_is_a_dead_letter_as_it_came_and_the_rest_goes_on() {
    let mut scene = Scene::open().await;
    let begun = scene.told().await.len();
    let head = json!({"eventId": uuid::Uuid::from_u128(9), "organizationId": scene.club.id, "seq": 1_000,
        "eventType": "MEMBER_LEFT", "timestamp": "2026-11-22T10:15:30.123Z", "aggregateId": uuid::Uuid::nil(),
        "aggregateVersion": 1, "actorId": null, "origin": "command", "causationId": null, "data": {}});
    let at = |seq: u64| {
        let mut envelope = head.clone();
        envelope["seq"] = seq.into();
        envelope.to_string()
    };
    let stranger =
        json!({"eventType": "MEMBER_LEFT", "organizationId": uuid::Uuid::from_u128(4), "data": {}});
    type Headers = [(&'static str, &'static str)];
    let cases: Vec<(&Headers, String, &str)> = vec![
        (&[("x", "kept")], "not JSON".into(), "NOT_JSON"),
        (&[], stranger.to_string(), "UNKNOWN_ORGANIZATION"),
        (&[("ce_source", "mairie")], paid(&json!({})), "SOURCE_NOT_ALLOWED"),
        (
            &[("ce_source", "caisse")],
            paid(&json!({})).replace("CONTRIBUTION_PAID", "MEMBER_LEFT"),
            "TYPE_NOT_ALLOWED",
        ),
        (&[], "x".repeat(2_000_000), "TOO_LARGE"),
        (&[("ce_specversion", "2.0")], paid(&json!({})), "FUTURE_VERSION"),
        (&[], at(1_000), "AHEAD_OF_JOURNAL"),
        (&[], at(1), "NOT_OURS"),
        (&[], paid(&json!({"amount": 75000.5})), "BAD_DATA"),
        (&[], paid(&json!({"currency": "EUR"})), "BAD_DATA"),
        (&[], paid(&json!({})).replace("CONTRIBUTION_PAID", "USER_NOTIFICATION"), "NO_AUDIENCE"),
    ];
    for (headers, value, _) in &cases {
        scene.send(headers, value.clone());
        scene.send(&[], paid(&json!({"amount": 1})));
    }
    scene.done(2 * cases.len() as i64).await;
    let letters = scene.letters();
    let reasons: Vec<&str> = letters.iter().map(|letter| letter.reason.as_str()).collect();
    assert_eq!(reasons, cases.iter().map(|(.., reason)| *reason).collect::<Vec<_>>());
    assert_eq!(scene.told().await.len(), begun + cases.len());
    let first = &letters[0];
    assert_eq!(first.original.value.as_deref(), Some(&b"not JSON"[..]));
    assert_eq!(first.original.headers, [("x".to_owned(), "kept".into())]);
    assert_eq!(first.original.key.as_deref(), Some(&b"pay-1"[..]));
    assert_eq!(first.source, ("unionflow.events.inbound".into(), 0, 0));
    let large = &letters[4];
    assert_eq!(large.value_bytes, Some(2_000_000));
    assert_eq!(large.original.value.as_ref().map(bytes::Bytes::len), Some(256 * 1024));
    assert_eq!(large.replayed(), None, "its end is missing");
}

#[tokio::test]
async fn a_fact_that_came_by_a_service_key_names_the_key() {
    let scene = Scene::open().await;
    let key = ServiceKeyId::from_uuid(uuid::Uuid::from_u128(5));
    let value = paid(&json!({"amount": 5}));
    let arrival = Arrival {
        place: "a request",
        key: None,
        headers: vec![],
        value: Some(value.as_bytes()),
        is_cut: false,
    };
    let Ok(Heard::Fact(fact)) = hear(&arrival, &rules(&scene.club)) else { panic!("it is a fact") };
    let written = scene.town.service.store().write(Scope::Organization(scene.club.id), move |tx| {
        tx.act_by(key);
        Ok((take(tx, &fact)?, take(tx, &fact)?))
    });
    assert_eq!(written.await, Ok((Taken::Journaled, Taken::Known)));
    let told = scene.told().await;
    let head = &told.last().expect("it is told").envelope.head;
    assert_eq!((head.service_key_id, head.origin, head.actor_id), (Some(key), Origin::Inbound, None));
}

#[tokio::test]
async fn an_event_of_ours_that_comes_back_without_its_signature_is_passed_over() {
    let mut scene = Scene::open().await;
    let told = scene.told().await;
    scene.send(&[], told[0].envelope.encode());
    scene.done(1).await;
    assert_eq!((scene.told().await.len(), scene.letters()), (told.len(), vec![]));
}

#[tokio::test]
async fn a_dead_letter_that_is_sent_back_keeps_its_id() {
    let mut scene = Scene::open().await;
    let begun = scene.told().await.len();
    let value = paid(&json!({"amount": 5}));
    scene.send(&[("ce_source", "mairie")], value);
    scene.done(1).await;
    let letter = scene.letters().pop().expect("one");
    let mut again = letter.replayed().expect("it is whole");
    // As if it were allowed now.
    again.headers.retain(|(name, _)| name != "ce_source");
    scene.sender.put(again.clone());
    scene.sender.put(again);
    scene.done(3).await;
    assert_eq!(scene.told().await.len(), begun + 1, "once, though it was sent twice");
}

/// A store that fails so many statements from now on.
struct Failing(Arc<AtomicUsize>);

impl Intercept for Failing {
    fn statement(
        &self,
        _: &'static str,
        run: &mut dyn FnMut() -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(StoreFault::Busy),
            Err(_) => run(),
        }
    }
}

/// A bus that is away for a moment, in the midst of what it was given.
struct Away(Arc<OutletInMemory>, Arc<AtomicBool>);

impl Outlet for Away {
    fn send(&self, record: RawRecord) -> Sending<'_, BusFault> {
        if self.1.swap(false, Ordering::SeqCst) {
            return Box::pin(async { Err(BusFault::Unavailable("for a moment".into())) });
        }
        self.0.send(record)
    }
}

/// A bus that takes records together, and refuses a batch as a whole for one that it does not take.
#[derive(Default)]
struct Packing {
    taken: OutletInMemory,
    /// How many came together, each time.
    batches: Mutex<Vec<usize>>,
}

impl Outlet for Packing {
    fn send(&self, _: RawRecord) -> Sending<'_, BusFault> {
        unreachable!("dead letters are sent together")
    }

    fn send_all(&self, records: Vec<RawRecord>) -> Sending<'_, NotAll> {
        Box::pin(async move {
            self.batches.lock().expect("no panic").push(records.len());
            let is_bad = |record: &RawRecord| record.value.as_deref() == Some(b"poison");
            if records.iter().any(is_bad) {
                return Err(NotAll { taken: 0, fault: BusFault::Refused("too large".into()) });
            }
            for record in records {
                self.taken.send(record).await.expect("it takes all");
            }
            Ok(())
        })
    }
}

#[tokio::test]
async fn dead_letters_are_sent_together_in_order_and_one_that_is_refused_harms_no_other() {
    let town = Town::open().await;
    let (packing, letters) = (Arc::new(Packing::default()), Arc::new(OutletInMemory::default()));
    let mut scene = Scene::on(town, packing.clone(), letters).await;
    for n in 0..20_000 {
        scene.send(&[], n.to_string());
    }
    scene.done(20_000).await;
    let taken = |packing: &Packing| -> Vec<DeadLetter> {
        let taken = packing.taken.take();
        taken.iter().map(|record| DeadLetter::read(record).expect("a dead letter")).collect()
    };
    let buried = taken(&packing);
    assert!(buried.iter().map(|letter| letter.source.2).eq(0..20_000), "each, once, in order");
    let batches = std::mem::take(&mut *packing.batches.lock().expect("no panic"));
    assert!(batches.len() < 1_000, "{} times the bus was asked", batches.len());

    for n in 0..20 {
        scene.send(&[], if n == 7 { "poison".to_owned() } else { n.to_string() });
    }
    scene.done(20_020).await;
    let buried = taken(&packing);
    assert!(buried.iter().map(|letter| letter.source.2).eq(20_000..20_020));
    let light: Vec<i64> =
        buried.iter().filter(|letter| letter.is_lightened).map(|letter| letter.source.2).collect();
    assert_eq!(light, [20_007], "the others are whole");
}

#[tokio::test]
async fn headers_cost_something_also_when_they_are_empty() {
    let mut scene = Scene::open().await;
    let headers: Vec<(&str, &str)> = vec![("", ""); 200_000];
    scene.send(&headers, "bad");
    scene.done(1).await;
    let letter = scene.letters().pop().expect("one");
    assert!(letter.is_lightened && letter.original.headers.len() <= 1_024);
}

#[tokio::test]
async fn letters_of_two_sources_with_one_id_are_two_and_one_that_came_back_is_one() {
    let mut scene = Scene::open().await;
    let value = paid(&json!({"amount": 5}));
    for source in ["mairie", "paie"] {
        scene.send(&[("ce_id", "1"), ("ce_source", source)], value.clone());
    }
    let elsewhere = value.replace("org-123", &uuid::Uuid::from_u128(4).to_string());
    scene.send(&[("ce_id", "1"), ("ce_source", "mairie")], elsewhere);
    scene.send(&[("ce_source", "mairie")], value);
    scene.done(4).await;
    let first = scene.letters();
    for letter in &first {
        scene.sender.put(letter.replayed().expect("it is whole"));
    }
    scene.done(8).await;
    let again = scene.letters();
    let prints = |letters: &[DeadLetter]| letters.iter().map(DeadLetter::fingerprint).collect::<Vec<_>>();
    assert_eq!(prints(&first), prints(&again), "sent back in vain");
    assert_eq!(prints(&first).into_iter().collect::<BTreeSet<_>>().len(), 4);
}

#[tokio::test]
async fn a_source_cannot_make_the_facts_of_another_vanish() {
    let mut scene = Scene::open().await;
    let begun = scene.told().await.len();
    let namespace = unionflow_domain::inbound::NAMESPACE;
    // What the next records would be known by, if ids were not of their source: by place, and by id.
    for name in ["unionflow.events.inbound/0/2", "caisse\npay-77"] {
        let id = uuid::Uuid::new_v5(&namespace, name.as_bytes()).to_string();
        scene.send(&[("ce_id", &id)], paid(&json!({"amount": 1})));
    }
    scene.send(&[], paid(&json!({"amount": 2})));
    scene.send(&[("ce_source", "caisse"), ("ce_id", "pay-77")], paid(&json!({"amount": 3})));
    scene.done(4).await;
    assert_eq!(scene.told().await.len(), begun + 4);
}

#[tokio::test]
async fn a_dead_letter_without_an_id_is_journaled_once_though_it_was_taken_in_where_it_lay() {
    let mut scene = Scene::open().await;
    let begun = scene.told().await.len();
    scene.send(&[("ce_source", "caisse")], paid(&json!({"amount": 5.5})));
    scene.done(1).await;
    let mut again = scene.letters().pop().expect("one").replayed().expect("it is whole");
    // As if a later version took it.
    again.value = Some(paid(&json!({"amount": 5})).into());
    scene.sender.put(again.clone());
    scene.done(2).await;
    let told = scene.told().await;
    assert_eq!(told.len(), begun + 1);
    let id =
        uuid::Uuid::new_v5(&unionflow_domain::inbound::NAMESPACE, b"caisse\nunionflow.events.inbound/0/0");
    assert_eq!(told[begun].envelope.head.event_id.uuid(), id, "as if it were taken in where it lay");
    scene.sender.put(again);
    scene.done(3).await;
    assert_eq!(scene.told().await.len(), begun + 1);
}

#[tokio::test]
async fn store_and_bus_may_fail_and_nothing_is_lost_or_doubled() {
    let left = Arc::new(AtomicUsize::new(0));
    let failing = Failing(left.clone());
    let town = Town::on(7, |store| store.intercepted(failing)).await;
    let (letters, away) = (Arc::new(OutletInMemory::default()), Arc::new(AtomicBool::new(false)));
    let mut scene = Scene::on(town, Arc::new(Away(letters.clone(), away.clone())), letters).await;
    let begun = scene.told().await.len();
    left.store(3, Ordering::SeqCst);
    away.store(true, Ordering::SeqCst);
    for n in 0..20 {
        scene.send(&[], if n % 5 == 0 { "bad".to_owned() } else { paid(&json!({"amount": n})) });
    }
    scene.done(20).await;
    assert_eq!(left.load(Ordering::SeqCst), 0, "it did fail");
    let told = scene.told().await;
    assert_eq!((told.len() - begun, scene.letters().len()), (16, 4));
    let amounts: Vec<Value> = told[begun..]
        .iter()
        .map(|told| {
            serde_json::from_slice::<Value>(&told.envelope.encode()).expect("JSON")["data"]["amount"].clone()
        })
        .collect();
    assert_eq!(amounts, (0..20).filter(|n| n % 5 != 0).map(Value::from).collect::<Vec<_>>(), "in order");
}

/// A bus that gives these answers first.
struct Saying(Arc<OutletInMemory>, Mutex<Vec<BusFault>>);

impl Outlet for Saying {
    fn send(
        &self,
        record: RawRecord,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>> {
        match self.1.lock().expect("no panic").pop() {
            Some(fault) => Box::pin(async { Err(fault) }),
            None => self.0.send(record),
        }
    }
}

#[tokio::test]
async fn a_dead_letter_loses_its_content_only_where_the_content_is_in_the_way() {
    let forbidden = || BusFault::Forbidden("no right to write".to_owned());
    let away = || BusFault::Unavailable("no broker".to_owned());
    for (faults, is_kept) in [
        (vec![forbidden(), away(), forbidden()], true),
        (vec![BusFault::Refused("too large".to_owned())], false),
    ] {
        let letters = Arc::new(OutletInMemory::default());
        let saying = Arc::new(Saying(letters.clone(), Mutex::new(faults)));
        let mut scene = Scene::on(Town::open().await, saying.clone(), letters).await;
        scene.send(&[("origine", "guichet 4")], "bad");
        scene.done(1).await;
        assert!(saying.1.lock().expect("no panic").is_empty(), "it did fail");
        let letters = scene.letters();
        let value = is_kept.then(|| bytes::Bytes::from("bad"));
        assert_eq!((letters.len(), &letters[0].original.value), (1, &value));
        assert_eq!(letters[0].original.header("origine"), is_kept.then_some("guichet 4"));
    }
}

#[tokio::test]
async fn it_stops_when_told_also_while_the_store_is_away() {
    let left = Arc::new(AtomicUsize::new(0));
    let failing = Failing(left.clone());
    let town = Town::on(7, |store| store.intercepted(failing)).await;
    let letters = Arc::new(OutletInMemory::default());
    let scene = Scene::on(town, letters.clone(), letters).await;
    left.store(usize::MAX, Ordering::SeqCst);
    scene.send(&[], paid(&json!({"amount": 1})));
    while left.load(Ordering::SeqCst) == usize::MAX {
        tokio::task::yield_now().await;
    }
    scene.stop.cancel();
    timeout(WITHIN, scene.running).await.expect("in time").expect("it ended well");
}
