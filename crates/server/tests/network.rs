//! Networks as they are: cut in the middle, silent, slow. Whoever comes back sees each event once, and nobody else notices.

use std::{collections::HashMap, time::Duration};

use futures_util::future::join_all;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};
use unionflow_protocol::Role;
use unionflow_testkit::{
    Books, ChaosProxy, Closed, Follower, Frame, PATIENCE, Person, Socket, Weather, World,
};

/// The facts among frames, as they came.
fn facts(frames: &[Frame]) -> Vec<&str> {
    frames.iter().filter(|frame| frame.seq().is_some()).map(|frame| frame.text.as_str()).collect()
}

fn count(frames: &[Frame], event_type: &str) -> usize {
    frames.iter().filter(|frame| frame.event_type() == event_type).count()
}

/// Times 100 events: more bytes than may wait for one client, and few enough to resume from. A hundred fit where a client that
/// reads is late for a moment.
const BACKLOG: usize = 80;

/// Waits until so many sockets are open.
async fn sockets_open(world: &World, count: usize) {
    let mut look = tokio::time::interval(Duration::from_millis(10));
    let fewer = async {
        while world.server().open_sockets() != count {
            look.tick().await;
        }
    };
    timeout(PATIENCE, fewer).await.expect("the sockets that are gone are forgotten");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_that_is_cut_again_and_again_goes_on_where_it_was() {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    world.requests_at_once(1000).await;
    let proxy = ChaosProxy::before(&world.address()).await;
    let mut rng = StdRng::seed_from_u64(7);
    let (mut seen, mut resume, mut in_the_middle) = (Vec::new(), "&after=0".to_owned(), 0);
    for _ in 0..6 {
        // Slow, so that little is on its way when the cut comes.
        proxy.set(Weather::Slow { bytes: 4096, pause: Duration::from_millis(1) });
        let mut socket = treasurer.connect_at(&proxy.address(), &resume).await.unwrap();
        let mut frames = Vec::new();
        for _ in 0..rng.random_range(2..150) {
            frames.push(socket.frame().await);
            if count(&frames, "SYSTEM_CAUGHT_UP") > 0 {
                break;
            }
        }
        proxy.set(Weather::Cut);
        // What was on its way still comes, up to where the cut went through.
        frames.extend(socket.closes().await.0);
        in_the_middle += usize::from(count(&frames, "SYSTEM_CAUGHT_UP") == 0);
        seen.extend(frames);
        resume = socket.resume();
    }
    assert!(in_the_middle > 0, "at least the first cuts come in the middle");
    proxy.set(Weather::Fine);
    let mut socket = treasurer.connect_at(&proxy.address(), &resume).await.unwrap();
    seen.extend(socket.until("SYSTEM_CAUGHT_UP").await);
    let books = world.books().await;
    assert_eq!(facts(&seen), books.seen_by(treasurer.account.member_id, treasurer.account.roles(), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_events_are_replayed_and_more_than_ten_thousand_are_a_resync() {
    let world = World::start().await;
    // Called on to vote, which whoever asks is not.
    let president = world.espoir(Role::President).await;
    let socket = world.socket(&president).await;
    let (resume, begin) = (socket.resume(), socket.cursor);
    drop(socket);
    world.requests_at_once(1000).await;
    let mut socket = president.connect(&resume).await.unwrap();
    let frames = socket.until("SYSTEM_CAUGHT_UP").await;
    let books = world.books().await;
    let due = books.seen_by(president.account.member_id, president.account.roles(), begin);
    assert!(due.len() >= 2000, "{}", due.len());
    assert_eq!(facts(&frames), due);
    drop(socket);

    let mut head = 0;
    for _ in 0..5 {
        head = world.requests_at_once(1000).await;
    }
    assert!(head > begin + 10_000);
    let mut socket = president.connect(&resume).await.unwrap();
    let frames = socket.until("SYSTEM_CAUGHT_UP").await;
    let kinds: Vec<&str> = frames.iter().map(Frame::event_type).collect();
    assert_eq!(kinds, ["SYSTEM_WELCOME", "SYSTEM_RESYNC_REQUIRED", "SYSTEM_CAUGHT_UP"]);
    assert_eq!(frames[1].data()["reason"], "TOO_FAR_BEHIND");
    assert_eq!((&frames[1].data()["headSeq"], &frames[2].data()["seq"]), (&json!(head), &json!(head)));
    let next = president.submit(5).await;
    let seen = socket.until("APPROVAL_PENDING").await;
    assert_eq!(seen.last().unwrap().data()["id"], next["id"], "live again");
}

/// Events without a pause until told to stop.
async fn pour(president: Person, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        join_all((0..8).map(|_| president.submit(1))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_events_pour_in_nothing_live_overtakes_a_replay() {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let others = [world.espoir(Role::President).await, world.espoir(Role::Auditor).await];
    world.requests_at_once(500).await;
    let stop = watch::Sender::new(false);
    let pouring = tokio::spawn(pour(treasurer.clone(), stop.subscribe()));
    let goal = watch::Sender::new(None);
    let mut following = JoinSet::new();
    let mut live = world.socket(&treasurer).await;
    // One after the other, so that they join at different moments of the stream.
    for n in 0..24 {
        live.until("APPROVAL_PENDING").await;
        let follower = Follower::new(others[n % 2].clone());
        following.spawn(follower.follow(goal.subscribe()));
    }
    for _ in 0..50 {
        live.until("APPROVAL_PENDING").await;
    }
    stop.send_replace(true);
    pouring.await.unwrap();
    goal.send_replace(Some(treasurer.head().await));
    let books = world.books().await;
    while let Some(follower) = following.join_next().await {
        let follower = follower.unwrap();
        assert_eq!(follower.disorder, Vec::<String>::new());
        assert_eq!(follower.differs(&books), None);
        assert_eq!(follower.welcomes, 1, "nobody had to come back");
    }
}

#[tokio::test]
async fn a_half_open_client_gives_its_seat_back() {
    let world = World::start_with(|settings| settings.sessions_per_person = 2).await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let proxy = ChaosProxy::before(&world.address()).await;
    let mut gone = treasurer.connect_at(&proxy.address(), "").await.unwrap();
    gone.until("SYSTEM_CAUGHT_UP").await;
    let mut alive = world.socket(&treasurer).await;
    let refused = treasurer.connect("").await.err().unwrap();
    assert_eq!((refused.status, &refused.problem["code"]), (429, &json!("TOO_MANY_SESSIONS")));

    proxy.set(Weather::BlackHole);
    // Three times 26 seconds, as the timers see it: the one who is there says so in between.
    for _ in 0..3 {
        gone.say("ping").await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(26)).await;
        tokio::time::resume();
        alive.say("ping").await;
        alive.until("SYSTEM_PONG").await;
    }
    sockets_open(&world, 1).await;
    let again = treasurer.connect("").await;
    assert!(again.is_ok(), "its seat is free");
    treasurer.submit(4).await;
    alive.until("APPROVAL_PENDING").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_costs_only_itself() {
    let world = World::start_with(|settings| settings.queue_bytes = 128 * 1024).await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let mut fast = world.socket(&president).await;
    let mut slow = treasurer.connect_narrow("").await.unwrap();
    slow.until("SYSTEM_CAUGHT_UP").await;
    let begin = slow.cursor;
    sockets_open(&world, 2).await;

    // From the answer to the frame, for the one who reads.
    let mut delays = Vec::new();
    for _ in 0..BACKLOG {
        let seq = world.requests_at_once(50).await;
        let answered = Instant::now();
        while fast.cursor < seq {
            fast.frame().await;
        }
        delays.push(answered.elapsed());
    }
    sockets_open(&world, 1).await; // the one who never reads is sent away
    delays.sort();
    println!(
        "100 events each: median {:?}, longest {:?}",
        delays[delays.len() / 2],
        delays[delays.len() - 1]
    );
    assert!(
        delays[delays.len() / 2] < Duration::from_millis(500),
        "nobody waits for the slow one: {delays:?}"
    );

    // It reads at last: the beginning, in order; and then it resumes.
    let (mut seen, closed) = slow.closes().await;
    assert!(matches!(closed, Closed { code: 4100 | 1006 }), "{closed:?}");
    let mut socket = treasurer.connect(&slow.resume()).await.unwrap();
    seen.extend(socket.until("SYSTEM_CAUGHT_UP").await);
    let books = world.books().await;
    let due = books.seen_by(treasurer.account.member_id, treasurer.account.roles(), begin);
    assert_eq!(facts(&seen), due);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_sends_a_client_back_as_often_as_it_must_and_in_the_end_it_has_seen_all() {
    let world = World::start_with(|settings| settings.queue_bytes = 128 * 1024).await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let proxy = ChaosProxy::before(&world.address()).await;
    proxy.set(Weather::Slow { bytes: 1024, pause: Duration::from_millis(2) });
    let (goal, mut follower) = (watch::Sender::new(None), Follower::new(treasurer.clone()));
    follower.address = proxy.address();
    let following = tokio::spawn(follower.follow(goal.subscribe()));
    sockets_open(&world, 1).await;
    for _ in 0..BACKLOG {
        world.requests_at_once(50).await;
    }
    proxy.set(Weather::Fine);
    goal.send_replace(Some(treasurer.head().await));
    let follower = following.await.unwrap();
    assert!(follower.welcomes > 1, "it was sent back");
    assert_eq!(follower.disorder, Vec::<String>::new());
    assert_eq!(follower.differs(&world.books().await), None);
}

/// One organisation of somebody who is in two: where they are in it, and what they saw.
#[derive(Default)]
struct Room {
    cursor: u64,
    seen: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switching_between_organisations_under_load_mixes_nothing_and_loses_nothing() {
    let world = World::start().await;
    let everywhere = world.sign_in(&world.espoir, world.espoir.in_all()).await;
    let presidents = [world.espoir(Role::President).await, world.solidarite(Role::President).await];
    let stop = watch::Sender::new(false);
    let speaking: Vec<_> =
        presidents.iter().map(|president| tokio::spawn(speak(president.clone(), stop.subscribe()))).collect();

    let mut rooms: HashMap<String, Room> = HashMap::new();
    let mut socket = everywhere.connect("&after=0").await.unwrap();
    for n in 1..=30 {
        let here = enter(&mut socket, &mut rooms).await;
        for _ in 0..n % 5 {
            stay(&mut socket, &here, rooms.entry(here.clone()).or_default()).await;
        }
        let next = presidents[n % 2].organization.to_string();
        let after = rooms.entry(next.clone()).or_default().cursor;
        let switch = json!({"type": "switch", "organizationId": next, "after": after, "epoch": socket.epoch});
        socket.say(&switch.to_string()).await;
    }
    enter(&mut socket, &mut rooms).await;
    stop.send_replace(true);
    join_all(speaking).await;
    let store = world.server().service().store();
    // The one where it is comes last: what is on its way there must not be asked for again.
    for (president, troupe) in presidents.iter().zip([&world.espoir, &world.solidarite]).rev() {
        let room = rooms.entry(president.organization.to_string()).or_default();
        finish(&mut socket, president, room).await;
        let books = Books::read(store, president.organization).await;
        let me = troupe.in_all();
        assert_eq!(room.seen, books.seen_by(me.member_id, me.roles(), 0));
        assert!(room.seen.len() > 20, "there was something to see: {}", room.seen.len());
    }
}

/// Announcements to everybody, until told to stop.
async fn speak(president: Person, stop: watch::Receiver<bool>) {
    let message = json!({"organizationId": president.organization, "message": "Réunion samedi"});
    while !*stop.borrow() {
        president.post("/notifications/broadcast", &message).await;
    }
}

/// Up to the next welcome everything is of the room before; then of the new one, until caught up.
async fn enter(socket: &mut Socket, rooms: &mut HashMap<String, Room>) -> String {
    let mut here = None;
    loop {
        let frame = socket.frame().await;
        let of = frame.value["organizationId"].as_str().unwrap_or_default().to_owned();
        match frame.event_type() {
            "SYSTEM_WELCOME" => here = Some(of),
            "SYSTEM_CAUGHT_UP" => return here.expect("welcomed first"),
            _ => {
                if let Some(here) = &here {
                    assert_eq!(*here, of, "nothing of another organisation after the welcome: {frame:?}");
                }
                rooms.entry(of).or_default().see(frame);
            }
        }
    }
}

async fn stay(socket: &mut Socket, here: &str, room: &mut Room) {
    let frame = socket.frame().await;
    assert_eq!(frame.value["organizationId"], *here);
    room.see(frame);
}

async fn finish(socket: &mut Socket, president: &Person, room: &mut Room) {
    let organization = president.organization.to_string();
    let switch = json!({"type": "switch", "organizationId": organization, "after": room.cursor, "epoch": socket.epoch});
    socket.say(&switch.to_string()).await;
    let mut rooms = HashMap::from([(organization.clone(), std::mem::take(room))]);
    enter(socket, &mut rooms).await;
    *room = rooms.remove(&organization).unwrap_or_default();
}

impl Room {
    fn see(&mut self, frame: Frame) {
        if let Some(seq) = frame.seq() {
            assert!(seq > self.cursor, "once, and in order: {frame:?}");
            self.cursor = seq;
            self.seen.push(frame.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_opens_one_socket_through_a_proxy_and_not_a_second() {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let proxy = ChaosProxy::before(&world.address()).await;
    let mut behind = treasurer.clone();
    behind.address = proxy.address();
    let ticket = behind.post("/realtime/tickets", &json!({})).await.expect(201);
    let url = format!(
        "ws://{}/ws/dashboard?organizationId={}&ticket={}",
        proxy.address(),
        behind.organization,
        ticket["ticket"].as_str().unwrap()
    );
    let mut socket = Socket::connect(&url, &[]).await.unwrap();
    socket.until("SYSTEM_CAUGHT_UP").await;
    treasurer.submit(3).await;
    socket.until("APPROVAL_PENDING").await;
    assert_eq!(Socket::connect(&url, &[]).await.err().unwrap().status, 401);

    // Cut while it is on its way, it is either unused or used, and never used twice.
    let ticket = behind.post("/realtime/tickets", &json!({})).await.expect(201);
    let url = url.rsplit_once('=').unwrap().0.to_owned() + "=" + ticket["ticket"].as_str().unwrap();
    let (first, second) = tokio::join!(Socket::connect(&url, &[]), Socket::connect(&url, &[]));
    assert!(first.is_ok() != second.is_ok(), "one of two at once");
}

/// What a socket saw of the end of its server.
struct Farewell {
    socket: Socket,
    frames: Vec<Frame>,
    closed: Closed,
    after: Duration,
}

async fn farewell(mut socket: Socket, mut begun: watch::Receiver<Option<Instant>>) -> Farewell {
    let (frames, closed) = socket.closes().await;
    let at = Instant::now();
    let begun = begun.wait_for(Option::is_some).await.ok().and_then(|begun| *begun).expect("it has begun");
    Farewell { socket, frames, closed, after: at - begun }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_server_stops_two_hundred_clients_are_sent_away_one_by_one_and_lose_nothing() {
    let mut world = World::start_with(|settings| settings.drain_seconds = 2).await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let begun = watch::Sender::new(None);
    let mut leaving = JoinSet::new();
    for _ in 0..200 {
        let mut socket = treasurer.connect("").await.unwrap();
        socket.until("SYSTEM_CAUGHT_UP").await;
        leaving.spawn(farewell(socket, begun.subscribe()));
    }
    let stop = watch::Sender::new(false);
    let pouring = tokio::spawn(pour_until_refused(treasurer.clone(), stop.subscribe()));
    let before = treasurer.head().await;
    while treasurer.head().await < before + 20 {
        tokio::task::yield_now().await;
    }
    begun.send_replace(Some(Instant::now()));
    world.stop().await;
    let farewells = leaving.join_all().await;
    stop.send_replace(true);
    pouring.await.unwrap();

    let mut delays: Vec<u64> = Vec::new();
    for farewell in &farewells {
        assert_eq!(farewell.closed.code, 1012, "{:?}", farewell.frames.last());
        let away = farewell.frames.iter().find(|frame| frame.event_type() == "SYSTEM_GO_AWAY");
        delays.push(away.and_then(|frame| frame.data()["retryAfterMs"].as_u64()).expect("sent away"));
        assert!(farewell.after < Duration::from_secs(10), "within the window: {:?}", farewell.after);
    }
    delays.sort_unstable();
    let apart: Vec<u64> = delays.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(apart.iter().all(|gap| (1..=50).contains(gap)), "all different, evenly spread: {delays:?}");
    assert!(delays[199] - delays[0] > 1500, "over the whole window: {delays:?}");

    world.restart().await;
    let after = treasurer.submit(6).await["asOfSeq"].as_u64().unwrap();
    let books = world.books().await;
    for farewell in farewells.iter().step_by(20) {
        let mut socket = treasurer.connect(&farewell.socket.resume()).await.unwrap();
        let mut seen = farewell.frames.clone();
        seen.extend(socket.sees_until(after).await);
        let due = books.seen_by(treasurer.account.member_id, treasurer.account.roles(), 0);
        let seen = facts(&seen);
        let first = due.iter().position(|text| Some(text) == seen.first()).expect("something was seen");
        assert_eq!(seen, due[first..], "across the restart, each event once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_sockets_are_sent_away_the_main_port_says_draining_and_still_answers() {
    let mut world = World::start_with(|settings| settings.drain_seconds = 3).await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let mut leaving = JoinSet::new();
    // The last of them leaves two seconds and more after the first.
    for _ in 0..4 {
        let mut socket = world.socket(&treasurer).await;
        leaving.spawn(async move { socket.closes().await.1.code });
    }
    let ready = format!("http://{}/health/ready", world.address());
    let outside = tokio::spawn(async move {
        let answer = loop {
            let answer = reqwest::get(&ready).await.expect("the main port answers while it drains");
            if answer.status() != 200 {
                break answer;
            }
        };
        assert_eq!(answer.status(), 503);
        assert!(answer.text().await.unwrap().contains("\"draining\""));
        for _ in 0..16 {
            let refused = treasurer.connect("").await.err().expect("no new socket");
            assert_eq!((refused.status, &refused.problem["code"]), (503, &json!("DRAINING")));
            assert!(refused.retry_after.is_some_and(|after| (1..=3).contains(&after)), "{refused:?}");
        }
        treasurer.get("/me").await.expect(200);
    });
    world.stop().await;
    outside.await.unwrap();
    assert_eq!(leaving.join_all().await, [1012; 4]);
}

/// Events until the server takes no more.
async fn pour_until_refused(treasurer: Person, stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let body: Value = treasurer.expense(1);
        if treasurer.ask(reqwest::Method::POST, "/finance/approvals").json(&body).try_send().await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_in_while_the_server_stops_is_refused_or_sent_away_too() {
    for round in 0..8 {
        let mut world = World::start().await;
        let treasurer = world.espoir(Role::Treasurer).await;
        let mut coming = JoinSet::new();
        for _ in 0..24 {
            let treasurer = treasurer.clone();
            coming.spawn(async move {
                for _ in 0..round {
                    tokio::task::yield_now().await;
                }
                match treasurer.connect("").await {
                    Ok(mut socket) => Some(socket.closes().await),
                    Err(refused) => {
                        assert!(matches!(refused.status, 0 | 503), "{refused:?}");
                        None
                    }
                }
            });
        }
        world.stop().await;
        for (frames, closed) in coming.join_all().await.into_iter().flatten() {
            assert_eq!(closed.code, 1012, "{frames:?}");
            assert_eq!(count(&frames, "SYSTEM_GO_AWAY"), 1, "{frames:?}");
        }
    }
}
