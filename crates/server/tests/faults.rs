//! The store and the bus of a whole server fail: at the first call, at the second, at the third … until the scenario runs
//! through untouched. Each time everything is done exactly once in the end, and the screen shows it.
//!
//! `UNIONFLOW_FAULT_STRIDE=7` lets only every seventh statement fail.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use unionflow_protocol::Role;
use unionflow_testkit::{Fault, Faults, Frame, PATIENCE, Person, Socket, World, how_many, make_room};

/// A command with one key until it is answered. What the store cannot do is never said to be a refusal.
async fn insist(person: &Person, path: &str, body: &Value) -> Value {
    let key = Person::fresh_key();
    for _ in 0..10 {
        let answer = person.ask(Method::POST, path).json(body).key(&key).send().await;
        if answer.status < 500 {
            assert!(matches!(answer.status, 200 | 201), "{path}: {}", answer.text);
            return answer.body;
        }
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    panic!("{path} is never answered");
}

/// A screen that comes back when it is sent away.
struct Screen {
    person: Person,
    socket: Socket,
    frames: Vec<Frame>,
}

impl Screen {
    async fn open(person: Person) -> Self {
        let mut socket = person.connect("").await.expect("a socket");
        socket.until("SYSTEM_CAUGHT_UP").await;
        Self { person, socket, frames: Vec::new() }
    }

    async fn come_back(&mut self) {
        for _ in 0..10 {
            match self.person.connect(&self.socket.resume()).await {
                Ok(socket) => {
                    // Until its welcome it knows nothing: what the last one knew goes on.
                    let (epoch, cursor) = (self.socket.epoch.clone(), self.socket.cursor);
                    self.socket = socket;
                    (self.socket.epoch, self.socket.cursor) = (epoch, cursor);
                    return;
                }
                Err(refused) => assert!(matches!(refused.status, 500..=504), "{refused:?}"),
            }
        }
        panic!("it cannot come back");
    }

    /// The next frame, whatever it takes.
    async fn frame(&mut self) {
        let moment = Duration::from_millis(60);
        match timeout(moment, self.socket.next()).await {
            Ok(Ok(frame)) => self.frames.push(frame),
            // Nothing came: how far is it?
            Err(_) => self.socket.say("ping").await,
            Ok(Err(closed)) => {
                assert!(matches!(closed.code, 1013 | 1006), "sent away for a while: {closed:?}");
                self.come_back().await;
            }
        }
    }

    /// Until it has seen everything up to there, and, if it must, the figures as of then.
    async fn shows(&mut self, seq: u64, with_figures: bool) {
        let all = async {
            let figures = |frames: &[Frame]| frames.iter().any(|frame| figures_of(frame) >= seq);
            while self.socket.cursor < seq || (with_figures && !figures(&self.frames)) {
                self.frame().await;
            }
        };
        if timeout(PATIENCE / 3, all).await.is_err() {
            let texts: Vec<&str> = self.frames.iter().map(|frame| frame.text.as_str()).collect();
            panic!("it does not show {seq}: {texts:#?}");
        }
    }
}

/// The event that figures are as of, in a frame or in a welcome; 0 where there are none.
fn figures_of(frame: &Frame) -> u64 {
    match frame.event_type() {
        "DASHBOARD_STATS_UPDATE" => frame.value["asOfSeq"].as_u64().unwrap_or_default(),
        "SYSTEM_WELCOME" if frame.data()["stats"].is_object() => {
            frame.data()["headSeq"].as_u64().unwrap_or_default()
        }
        _ => 0,
    }
}

/// Submit, approve, execute, with one screen that looks on; whether the fault struck.
async fn scenario(world: &World, people: &[Person; 2], screen: &mut Screen, fault: Fault, n: u64) -> bool {
    let [treasurer, president] = people;
    let faults: &Faults = world.faults.as_ref().expect("a world that can fail");
    let begin = screen.socket.cursor;
    screen.frames.clear();
    faults.fail(fault, n);
    screen.come_back().await;
    let request = insist(treasurer, "/finance/approvals", &treasurer.expense(100)).await;
    let path = format!("/finance/approvals/{}", request["id"].as_str().expect("an id"));
    insist(president, &format!("{path}/approve"), &json!({})).await;
    let executed = insist(treasurer, &format!("{path}/execute"), &json!({})).await;
    // A bus that loses what it said it took loses figures for good: they are in no journal.
    let with_figures = fault != Fault::PublishLost;
    screen.shows(executed["asOfSeq"].as_u64().expect("an answer says it"), with_figures).await;
    let struck = faults.heal();

    let books = world.books().await;
    books.hold();
    let about = ["APPROVAL_PENDING", "APPROVAL_VOTE_RECORDED", "APPROVAL_APPROVED", "APPROVAL_EXECUTED"];
    assert_eq!(books.about(&request), about);
    let account = &screen.person.account;
    let seen: Vec<&str> =
        screen.frames.iter().filter(|f| f.seq().is_some()).map(|frame| frame.text.as_str()).collect();
    assert_eq!(seen, books.seen_by(account.member_id, account.roles(), begin), "each event once");
    struck
}

async fn until_untouched(fault: Fault, stride: u64) {
    let world = World::start_faulty().await;
    let people = [world.espoir(Role::Treasurer).await, world.espoir(Role::President).await];
    let mut screen = Screen::open(world.espoir(Role::Auditor).await).await;
    let (mut n, mut struck) = (1, 0);
    while scenario(&world, &people, &mut screen, fault, n).await {
        n += stride;
        struck += 1;
        assert!(n < 5000, "it ends");
    }
    println!("{fault:?}: {struck} runs, untouched at {n}");
    assert!(struck > 0, "something can fail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_statement_fails_all_is_done_once_in_the_end() {
    until_untouched(Fault::Statement, how_many("UNIONFLOW_FAULT_STRIDE", 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_unit_of_work_is_refused_all_is_done_once_in_the_end() {
    until_untouched(Fault::Unit, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_commit_fails_all_is_done_once_in_the_end() {
    until_untouched(Fault::Commit, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_commit_nobody_is_told_of_all_is_done_once_in_the_end() {
    until_untouched(Fault::Answer, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_bus_does_not_take_is_published_later() {
    until_untouched(Fault::Publish, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_bus_takes_without_saying_so_is_seen_once() {
    until_untouched(Fault::PublishAnswer, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_bus_loses_is_read_from_the_journal() {
    until_untouched(Fault::PublishLost, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_bus_breaks_off_what_was_on_it_is_read_from_the_journal() {
    until_untouched(Fault::BreakOff, 1).await;
}

/// Something happens, and the screen shows it: from the journal if not from the bus.
async fn shows_what_happens(world: &World, screen: &mut Socket) {
    let request = world.espoir(Role::Treasurer).await.submit(12).await;
    screen.sees_until(request["asOfSeq"].as_u64().expect("an answer says it")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_without_the_bus_and_follows_it_once_it_is_there() {
    let mut world = World::start_faulty().await;
    let faults = world.faults.clone().unwrap();
    let mut subscriptions = faults.subscriptions();
    assert_eq!(*subscriptions.borrow(), 1);
    world.stop().await;
    faults.fail(Fault::Subscribe, 1);
    world.try_go_on().await.expect("it serves what the journals have");
    let mut screen = world.socket(&world.espoir(Role::President).await).await;
    shows_what_happens(&world, &mut screen).await;
    let followed = timeout(PATIENCE, subscriptions.wait_for(|count| *count == 2)).await;
    followed.expect("it asks again").unwrap();
    shows_what_happens(&world, &mut screen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_broke_off_is_followed_again() {
    let world = World::start_faulty().await;
    let faults = world.faults.clone().unwrap();
    let mut subscriptions = faults.subscriptions();
    let mut screen = world.socket(&world.espoir(Role::President).await).await;
    faults.fail(Fault::BreakOff, 1);
    shows_what_happens(&world, &mut screen).await;
    let followed = timeout(PATIENCE, subscriptions.wait_for(|count| *count == 2)).await;
    followed.expect("it follows again").unwrap();
    shows_what_happens(&world, &mut screen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_fails_at_any_statement_leaves_a_store_that_starts() {
    let mut world = World::start_faulty().await;
    let faults = world.faults.clone().unwrap();
    let mut failed = 0;
    for n in 1.. {
        world.stop().await;
        faults.fail(Fault::Statement, n);
        failed += u32::from(world.try_go_on().await.is_err());
        if !faults.heal() {
            break;
        }
    }
    assert!(failed > 0, "some statements a start cannot do without");
    let treasurer = world.espoir(Role::Treasurer).await;
    treasurer.submit(12).await;
    world.books().await.hold();
}

async fn readiness(world: &World) -> (String, String) {
    let answer = reqwest::get(format!("http://{}/health/ready", world.address())).await.expect("an answer");
    assert_eq!(answer.status(), 200, "what is there can be read");
    let ready: Value = answer.json().await.expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&ready["status"]), text(&ready["parts"]["store"]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_disk_is_full_commands_say_so_reads_go_on_and_with_room_all_goes_on() {
    let world = World::start_on_small_disk(40).await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let mut screen = world.socket(&president).await;
    let (mut done, key) = (Vec::new(), Person::fresh_key());
    let refused = loop {
        let answer = treasurer.post("/finance/approvals", &treasurer.expense(10)).await;
        if answer.status != 201 {
            break answer;
        }
        done.push(answer.body);
        assert!(done.len() < 5000, "the disk is small");
    };
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    refused.refused(503, "STORAGE_FULL");
    assert_eq!(readiness(&world).await, ("degraded".to_owned(), "full".to_owned()));
    assert!(!done.is_empty(), "there was some room");

    let stats =
        president.get(&format!("/dashboard/stats?organizationId={}", world.espoir.id)).await.expect(200);
    assert_eq!(stats["approvals"]["pendingCount"].as_u64(), Some(done.len() as u64));
    let seq = done.last().and_then(|request| request["asOfSeq"].as_u64()).unwrap();
    screen.sees_until(seq).await;
    let again = world.socket(&president).await;
    assert!(again.cursor >= seq, "sockets are let in");
    let ask =
        || treasurer.ask(Method::POST, "/finance/approvals").json(&treasurer.expense(11)).key(&key).send();
    ask().await.refused(503, "STORAGE_FULL");
    world.books().await.hold();

    make_room(world.server().service().store()).await;
    let request = ask().await;
    assert!(!request.is_replayed(), "the fault did not take the key");
    let request = request.expect(201);
    assert_eq!(readiness(&world).await, ("ready".to_owned(), "ok".to_owned()));
    president.approve(&request).await.expect(200);
    let executed = treasurer.execute(&request).await.expect(200);
    let seen = screen.sees_until(executed["asOfSeq"].as_u64().unwrap()).await;
    assert!(seen.iter().any(|frame| frame.event_type() == "APPROVAL_EXECUTED"));
    let books = world.books().await;
    books.hold();
    assert_eq!(books.of_type("APPROVAL_PENDING").count(), done.len() + 1);
}
