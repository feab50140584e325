//! Connections that are cut at random while events go on: nobody misses one, and nobody sees one twice.
//!
//! AnyCable's jitter test, small enough for every run. `UNIONFLOW_JITTER=1000x60` has 1,000 clients for 60 seconds, and prints how
//! long what was missed took to come.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

use std::{collections::VecDeque, time::Duration};

use futures_util::FutureExt;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, interval, timeout},
};
use unionflow_client::{FixedToken, Message, RealtimeClient, backoff::Jitter, session::Begin};
use unionflow_protocol::Role;
use unionflow_testkit::{ChaosProxy, PATIENCE, Person, Weather, World};

/// What one client saw.
struct Seen {
    facts: Vec<u64>,
    joins: usize,
    /// From each welcome to the end of its replay.
    replays: Vec<Duration>,
}

fn how_much() -> (usize, Duration) {
    let asked = std::env::var("UNIONFLOW_JITTER").unwrap_or_else(|_| "24x3".to_owned());
    let (clients, seconds) = asked.split_once('x').unwrap();
    (clients.parse().unwrap(), Duration::from_secs(seconds.parse().unwrap()))
}

async fn follow(client: RealtimeClient, mut goal: watch::Receiver<Option<u64>>) -> Seen {
    let mut events = client.events();
    client.connect().await;
    let mut seen = Seen { facts: Vec::new(), joins: 0, replays: Vec::new() };
    let (mut since, mut look) = (Instant::now(), interval(Duration::from_millis(500)));
    loop {
        let is_there = goal.borrow_and_update().zip(client.cursor());
        if is_there.is_some_and(|(goal, cursor)| cursor.seq.0 >= goal) {
            // What is told before the cursor moves waits in the queue.
            while let Some(message) = events.recv().now_or_never().flatten() {
                take(message, &mut seen, &mut since);
            }
            return seen;
        }
        tokio::select! {
            message = events.recv() => take(message.unwrap(), &mut seen, &mut since),
            _ = look.tick() => {
                if goal.borrow().is_some() {
                    client.network_is_back().await;
                }
            }
        }
    }
}

fn take(message: Message, seen: &mut Seen, since: &mut Instant) {
    match message {
        Message::Event(delivery) => seen.facts.extend(delivery.seq().map(|seq| seq.0)),
        Message::Joined(_) => {
            seen.joins += 1;
            *since = Instant::now();
        }
        Message::CaughtUp { .. } => seen.replays.push(since.elapsed()),
        other => panic!("{other:?}"),
    }
}

/// Ten events a second, and each second a tenth of the connections cut for about half of one.
async fn weather(world: &World, treasurer: &Person, proxies: &[ChaosProxy], lasts: Duration) {
    let (mut chance, mut tick) = (Jitter::seeded(42), interval(Duration::from_millis(100)));
    let begin = Instant::now();
    let mut cut: VecDeque<Vec<usize>> = VecDeque::new();
    while begin.elapsed() < lasts {
        tick.tick().await;
        treasurer.submit(1).await;
        let now: Vec<usize> = (0..proxies.len()).filter(|_| chance.next() < 0.01).collect();
        now.iter().for_each(|i| proxies[*i].set(Weather::Cut));
        cut.push_back(now);
        if cut.len() > 5 {
            cut.pop_front().unwrap().into_iter().for_each(|i| proxies[i].set(Weather::Fine));
        }
    }
    proxies.iter().for_each(|proxy| proxy.set(Weather::Fine));
    assert!(world.server().open_sockets() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_connections_are_cut_at_random_everybody_sees_every_event_once() {
    let (clients, lasts) = how_much();
    let world = World::start().await;
    let (treasurer, auditor) = (world.espoir(Role::Treasurer).await, world.espoir(Role::Auditor).await);
    let (goal, mut proxies, mut following) = (watch::Sender::new(None), Vec::new(), JoinSet::new());
    for seed in 0..clients {
        let proxy = ChaosProxy::before(&world.address()).await;
        let address = format!("http://{}", proxy.address()).parse().unwrap();
        let client = RealtimeClient::builder(address, FixedToken::new(&*auditor.token))
            .organization(auditor.organization)
            .begin(Begin::First)
            .seed(seed as u64)
            .start();
        proxies.push(proxy);
        following.spawn(follow(client, goal.subscribe()));
    }
    weather(&world, &treasurer, &proxies, lasts).await;
    goal.send_replace(Some(treasurer.head().await));
    let books = world.books().await;
    let due: Vec<u64> = books
        .seen_by(auditor.account.member_id, auditor.account.roles(), 0)
        .iter()
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap()["seq"].as_u64().unwrap())
        .collect();
    let (mut joins, mut replays) = (0, Vec::new());
    while let Some(seen) =
        timeout(PATIENCE * 2, following.join_next()).await.expect("everybody becomes complete")
    {
        let seen = seen.unwrap();
        assert_eq!(seen.facts, due);
        joins += seen.joins;
        replays.extend(seen.replays);
    }
    assert!(joins > clients, "some were cut: {joins} sessions of {clients} clients");
    replays.sort();
    println!(
        "{clients} clients, {joins} sessions, {} events each, all delivered once; replay p50 {:?}, p99 {:?}",
        due.len(),
        replays[replays.len() / 2],
        replays[replays.len() * 99 / 100]
    );
}
