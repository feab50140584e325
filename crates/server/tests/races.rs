//! Many people at once: each decision is made once, by the votes it needs, and whoever comes too late is told how it stands.
//!
//! `UNIONFLOW_RACE_VOTES=50` lets every approver race on every request; `UNIONFLOW_RACE_REQUESTS` sets how many there are.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use unionflow_domain::policy::default_rules;
use unionflow_protocol::{
    Role, Timestamp,
    approval::{Level, LevelRules, PolicyRules, Step},
};
use unionflow_storage::Scope;
use unionflow_testkit::{Answer, Person, World, how_many};

const APPROVERS: usize = 50;

/// Every request needs three votes in three steps, of three people of the board.
fn three_steps() -> PolicyRules {
    let mut rules = default_rules(false);
    let step = Step::of(1, &[Role::BoardMember]);
    rules.levels.insert(Level::Level1, LevelRules::of(vec![step.clone(), step.clone(), step]));
    rules
}

/// How the races went.
#[derive(Debug, Default)]
struct Score {
    votes: AtomicU64,
    late: AtomicU64,
    executed: AtomicU64,
    executed_late: AtomicU64,
}

/// One approver's way through the requests.
struct Racer {
    approver: Person,
    treasurers: [Person; 2],
    requests: Arc<Vec<Value>>,
    votes: u64,
    rng: StdRng,
    score: Arc<Score>,
}

fn add(to: &AtomicU64) {
    to.fetch_add(1, Ordering::Relaxed);
}

/// A conflict names the request as it stands.
fn conflict(answer: &Answer, codes: &[&str]) {
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(codes.contains(&answer.code()), "{}", answer.text);
    assert!(answer.body["current"]["status"].is_string(), "{}", answer.text);
}

impl Racer {
    async fn race(mut self) {
        let requests = self.requests.clone();
        for request in requests.iter() {
            if self.rng.random_range(0..APPROVERS as u64) >= self.votes {
                continue;
            }
            let answer = self.approver.approve(request).await;
            if answer.status != 200 {
                conflict(&answer, &["WRONG_APPROVAL_STATUS"]);
                add(&self.score.late);
                continue;
            }
            add(&self.score.votes);
            if answer.body["status"] == "APPROVED" {
                self.execute(request).await;
            }
        }
    }

    /// Two treasurers at once.
    async fn execute(&self, request: &Value) {
        let [a, b] = &self.treasurers;
        let (a, b) = tokio::join!(a.execute(request), b.execute(request));
        for answer in [a, b] {
            if answer.status == 200 {
                add(&self.score.executed);
            } else {
                conflict(&answer, &["WRONG_APPROVAL_STATUS"]);
                add(&self.score.executed_late);
            }
        }
    }
}

async fn submit_many(treasurer: &Person, count: u64) -> Vec<Value> {
    let mut requests = Vec::new();
    for chunk in (0..count).collect::<Vec<_>>().chunks(32) {
        requests.extend(join_all(chunk.iter().map(|_| treasurer.submit(100))).await);
    }
    requests
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_approvers_racing_never_decide_twice_nor_with_fewer_votes_than_needed() {
    let (count, votes) = (how_many("UNIONFLOW_RACE_REQUESTS", 300), how_many("UNIONFLOW_RACE_VOTES", 8));
    let more = [(Role::BoardMember, APPROVERS - 1), (Role::Treasurer, 1)];
    let world = World::start_larger(three_steps(), &more, |_| ()).await;
    let sign_in = async |role| {
        // One after the other: an address has so many sign-ins at once.
        let mut people = Vec::new();
        for account in world.espoir.holders(role) {
            people.push(world.sign_in(&world.espoir, account).await);
        }
        people
    };
    let (board, treasurers) = (sign_in(Role::BoardMember).await, sign_in(Role::Treasurer).await);
    let treasurers: [Person; 2] = treasurers.try_into().unwrap_or_else(|_| panic!("two treasurers"));
    assert_eq!(board.len(), APPROVERS);
    let requests = Arc::new(submit_many(&treasurers[0], count).await);

    let score = Arc::new(Score::default());
    let mut racing = JoinSet::new();
    for (n, approver) in (0..).zip(board) {
        let (treasurers, requests, score) = (treasurers.clone(), requests.clone(), score.clone());
        let rng = StdRng::seed_from_u64(n);
        racing.spawn(Racer { approver, treasurers, requests, votes, rng, score }.race());
    }
    while let Some(raced) = racing.join_next().await {
        raced.expect("every answer is one of those promised");
    }

    let books = world.books().await;
    books.hold();
    let mut per_request: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for entry in &books.journal {
        let place = match entry.event_type() {
            "APPROVAL_VOTE_RECORDED" => 0,
            "APPROVAL_APPROVED" => 1,
            "APPROVAL_EXECUTED" => 2,
            _ => continue,
        };
        per_request.entry(entry.data()["id"].as_str().unwrap()).or_default()[place] += 1;
    }
    let decided = per_request.values().filter(|counts| counts[1] > 0).count() as u64;
    for counts in per_request.values() {
        assert!(matches!(counts, [3, 1, 1] | [1 | 2, 0, 0]), "votes, approvals, executions: {counts:?}");
    }
    let votes: u64 = per_request.values().map(|counts| counts[0]).sum();
    let load = |of: &AtomicU64| of.load(Ordering::Relaxed);
    assert_eq!((load(&score.votes), load(&score.executed)), (votes, decided));
    assert_eq!(load(&score.executed_late), decided, "of two executions at once one is told no");
    assert!(decided > count / 2, "the race is one: {decided} of {count} decided");
    println!("{count} requests, {decided} decided, {score:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_equal_submissions_with_one_key_are_one_submission_with_a_hundred_equal_answers() {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let (key, body) = (Person::fresh_key(), treasurer.expense(42_000));
    let ask = || treasurer.ask(Method::POST, "/finance/approvals").json(&body).key(&key).send();
    let answers = join_all((0..100).map(|_| ask())).await;

    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
    let etag = &answers[0].headers["etag"];
    assert!(answers.iter().all(|answer| answer.headers["etag"] == etag));
    assert_eq!(answers.iter().filter(|answer| answer.is_replayed()).count(), 99);
    let books = world.books().await;
    books.hold();
    assert_eq!(books.of_type("APPROVAL_PENDING").count(), 1);

    let other = treasurer.ask(Method::POST, "/finance/approvals").json(&treasurer.expense(42_001)).key(&key);
    other.send().await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(ask().await.text, answers[0].text, "the refusal did not take the key over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_repeated_byte_for_byte_too() {
    let world = World::start().await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let request = treasurer.submit(5_000).await;
    president.approve(&request).await.expect(200);
    let path = format!("/finance/approvals/{}/approve", request["id"].as_str().unwrap());
    let key = Person::fresh_key();
    let ask = || president.ask(Method::POST, &path).json(&json!({})).key(&key).send();
    let answers = join_all((0..20).map(|_| ask())).await;
    assert!(answers.iter().all(|answer| answer.text == answers[0].text), "{answers:#?}");
    answers.iter().for_each(|answer| conflict(answer, &["WRONG_APPROVAL_STATUS"]));
    assert_eq!(answers.iter().filter(|answer| answer.is_replayed()).count(), 19);
}

/// Keeps the store's writer busy until the sender is dropped.
async fn hold_writer(world: &World) -> std::sync::mpsc::Sender<()> {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (began, begun) = tokio::sync::oneshot::channel();
    let store = world.server().service().store().clone();
    tokio::spawn(async move {
        let unit = store.write(Scope::Server, move |_| {
            let _ = began.send(());
            let _ = held.recv();
            Ok(())
        });
        unit.await.expect("it writes nothing");
    });
    begun.await.expect("the writer runs it");
    release
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_twin_waits_for_the_first_and_gets_its_answer() {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let release = hold_writer(&world).await;
    let (key, body) = (Person::fresh_key(), treasurer.expense(7_000));
    let twins: Vec<_> = (0..2)
        .map(|_| {
            let (treasurer, key, body) = (treasurer.clone(), key.clone(), body.clone());
            tokio::spawn(async move {
                treasurer.ask(Method::POST, "/finance/approvals").json(&body).key(&key).send().await
            })
        })
        .collect();
    for _ in 0..20 {
        treasurer.head().await;
    }
    assert!(twins.iter().all(|twin| !twin.is_finished()), "nobody is answered before the first is done");
    drop(release);
    let answers: Vec<Answer> = join_all(twins).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers[0].text, answers[1].text);
    assert_eq!(answers.iter().filter(|answer| answer.is_replayed()).count(), 1);
    assert_eq!(world.books().await.of_type("APPROVAL_PENDING").count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_would_wait_longer_than_five_seconds_is_told_to_come_back_and_nothing_is_done() {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let release = hold_writer(&world).await;
    let (key, body) = (Person::fresh_key(), treasurer.expense(8_000));
    let ask = || treasurer.ask(Method::POST, "/finance/approvals").json(&body).key(&key).send();
    let mut patience = tokio::time::interval(Duration::from_millis(5_200));
    patience.tick().await;
    let waiting = async {
        patience.tick().await;
        drop(release);
    };
    let (answer, ()) = tokio::join!(ask(), waiting);
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    answer.refused(503, "BUSY");
    assert_eq!(world.books().await.of_type("APPROVAL_PENDING").count(), 0);
    let answer = ask().await;
    assert!(!answer.is_replayed(), "its key is free");
    answer.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_hangs_up_and_repeats_has_done_it_once() {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    for amount in 1..=20 {
        let (key, body) = (Person::fresh_key(), treasurer.expense(amount));
        let release = hold_writer(&world).await;
        let first = treasurer.clone();
        let (sent, first_key) = (body.clone(), key.clone());
        let asking = tokio::spawn(async move {
            let _ =
                first.ask(Method::POST, "/finance/approvals").json(&sent).key(&first_key).try_send().await;
        });
        for _ in 0..amount % 4 {
            treasurer.head().await;
        }
        asking.abort();
        drop(release);
        treasurer.ask(Method::POST, "/finance/approvals").json(&body).key(&key).send().await.expect(201);
    }
    let books = world.books().await;
    books.hold();
    assert_eq!(books.of_type("APPROVAL_PENDING").count(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_approval_and_refusal_at_once_one_counts() {
    let world = World::start().await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let secretary = world.espoir(Role::Secretary).await;
    let (mut approved, mut rejected) = (0, 0);
    for request in submit_many(&treasurer, 60).await {
        let reject = format!("/finance/approvals/{}/reject", request["id"].as_str().unwrap());
        let reason = json!({"reason": "Pas de devis"});
        let (yes, no) = tokio::join!(president.approve(&request), secretary.post(&reject, &reason));
        match (yes.status, no.status) {
            (200, 409) => approved += 1,
            (409, 200) => rejected += 1,
            other => panic!("{other:?}: {} {}", yes.text, no.text),
        }
        let late = if yes.status == 409 { &yes } else { &no };
        conflict(late, &["WRONG_APPROVAL_STATUS"]);
    }
    let books = world.books().await;
    books.hold();
    assert_eq!(books.of_type("APPROVAL_APPROVED").count(), approved);
    assert_eq!(books.of_type("APPROVAL_REJECTED").count(), rejected);
    assert_eq!(approved + rejected, 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_counts_only_for_the_content_it_saw() {
    let world = World::start().await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let secretary = world.espoir(Role::Secretary).await;
    let (mut stale, mut voided) = (0, 0);
    for n in 0..40 {
        // Two steps: the president, then another.
        let request = treasurer.submit(200_000 + n).await;
        let (vote, edit) =
            tokio::join!(president.approve_seen(&request), treasurer.edit(&request, 300_000 + n));
        let edited = edit.expect(200);
        if vote.status == 200 {
            voided += 1;
        } else {
            conflict(&vote, &["CONTENT_CHANGED"]);
            stale += 1;
        }
        assert_eq!((&edited["status"], &edited["votes"]), (&json!("PENDING"), &json!([])));
        // The second step stays shut: no vote of before the edit opens it.
        secretary.approve_seen(&edited).await.refused(403, "NOT_AN_APPROVER");
        president.approve(&request).await.refused(409, "CONTENT_CHANGED");
    }
    world.books().await.hold();
    assert_eq!(stale + voided, 40);
}

/// A request, and everybody signed in a moment before its deadline.
async fn at_the_deadline(world: &World) -> (Value, Timestamp, Person, Person) {
    world.clock.release();
    let treasurer = world.espoir(Role::Treasurer).await;
    let request = treasurer.submit(9_000).await;
    let deadline: Timestamp = request["decideBy"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    world.clock.set(deadline.minus(Duration::from_millis(1)));
    let (president, secretary) = (world.espoir(Role::President).await, world.espoir(Role::Secretary).await);
    (request, deadline, president, secretary)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_a_millisecond_before_the_deadline_counts_and_one_at_it_does_not() {
    let world = World::start().await;
    let (request, _, president, _) = at_the_deadline(&world).await;
    assert_eq!(president.approve(&request).await.expect(200)["status"], "APPROVED");

    for swept in [false, true] {
        let (request, deadline, president, _) = at_the_deadline(&world).await;
        world.clock.set(deadline);
        if swept {
            world.server().service().sweep_deadlines().await.unwrap();
        }
        // The sweeper of the server may have come by already: the answer differs in its code only.
        let late = president.approve(&request).await;
        let codes = if swept {
            &["WRONG_APPROVAL_STATUS"][..]
        } else {
            &["DECISION_TOO_LATE", "WRONG_APPROVAL_STATUS"]
        };
        conflict(&late, codes);
        world.server().service().sweep_deadlines().await.unwrap();
        assert_eq!(world.books().await.about(&request), ["APPROVAL_PENDING", "APPROVAL_EXPIRED"]);
    }
    world.books().await.hold();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn votes_that_race_with_the_deadline_and_the_sweeper_end_in_one_way_or_the_other() {
    let world = World::start().await;
    for n in 0..12 {
        let (request, deadline, president, secretary) = at_the_deadline(&world).await;
        let strike = async {
            for _ in 0..n {
                tokio::task::yield_now().await;
            }
            world.clock.set(deadline);
            world.server().service().sweep_deadlines().await.unwrap();
        };
        let (a, b, ()) = tokio::join!(president.approve(&request), secretary.approve(&request), strike);
        world.server().service().sweep_deadlines().await.unwrap();
        let ends = world.books().await;
        let ends = ends.about(&request);
        if [&a, &b].iter().any(|answer| answer.status == 200) {
            assert_eq!(ends, ["APPROVAL_PENDING", "APPROVAL_VOTE_RECORDED", "APPROVAL_APPROVED"]);
        } else {
            assert_eq!(ends, ["APPROVAL_PENDING", "APPROVAL_EXPIRED"]);
        }
    }
    world.books().await.hold();
}
