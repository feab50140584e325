//! A real server and a network that breaks: every event once and in order, whatever happens.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use tempfile::tempdir;
use tokio::time::timeout;
use unionflow_client::{
    AccessToken, ConnectionStatus, ErrorKind, EventStream, FileCursorStore, FixedToken, Message,
    RealtimeClient, ResyncCause, TokenFault, TokenFuture, TokenProvider, realtime::Builder, session::Begin,
};
use unionflow_protocol::{Role, frame::ResyncReason};
use unionflow_testkit::{ChaosProxy, PATIENCE, Person, Weather, World};

fn of(person: &Person, address: &str) -> Builder {
    let address = format!("http://{address}").parse().unwrap();
    RealtimeClient::builder(address, FixedToken::new(&*person.token)).organization(person.organization)
}

async fn next(events: &mut EventStream) -> Message {
    timeout(PATIENCE, events.recv()).await.expect("a message in time").expect("an open stream")
}

/// The facts up to a place: until the client is complete up to there, which a pong tells where the last events are for others.
async fn facts_until(client: &RealtimeClient, events: &mut EventStream, seq: u64) -> Vec<u64> {
    let mut facts = Vec::new();
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let reading = async {
        loop {
            let complete = client.cursor().is_some_and(|cursor| cursor.seq.0 >= seq);
            let message = if complete {
                let Some(message) = events.recv().now_or_never().flatten() else { return };
                message
            } else {
                tokio::select! {
                    message = events.recv() => message.expect("an open stream"),
                    _ = look.tick() => {
                        client.network_is_back().await;
                        continue;
                    }
                }
            };
            match message {
                Message::Event(delivery) => facts.extend(delivery.seq().map(|seq| seq.0)),
                Message::Joined(_) | Message::CaughtUp { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(PATIENCE, reading)
        .await
        .unwrap_or_else(|_| panic!("{:?}, {:?}", client.status(), client.cursor()));
    facts
}

async fn until(client: &RealtimeClient, wanted: impl Fn(&ConnectionStatus) -> bool) {
    let mut statuses = client.statuses();
    let seen = async { while !wanted(&statuses.next().await.unwrap()) {} };
    timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("still {:?}", client.status()));
}

/// Of the newest event that the treasurer's president sees.
async fn is_live(client: &RealtimeClient) {
    until(client, |status| *status == ConnectionStatus::Live).await;
}

/// The facts that a person is due after a place.
async fn due(world: &World, person: &Person, after: u64) -> Vec<u64> {
    let books = world.books().await;
    let seen = books.seen_by(person.account.member_id, person.account.roles(), after);
    seen.iter()
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap()["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_is_on_the_stream_with_its_type() {
    let world = World::start().await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let client = of(&president, &world.address()).start();
    let mut events = client.events();
    client.connect().await;
    is_live(&client).await;
    let asked = treasurer.submit(75_000).await;
    president.approve(&asked).await.expect(200);
    let mut types = Vec::new();
    while !types.contains(&"APPROVAL_APPROVED".to_owned()) {
        if let Message::Event(delivery) = next(&mut events).await {
            types.push((*delivery).clone().into_envelope().event.type_name().to_owned());
        }
    }
    assert!(types.contains(&"APPROVAL_PENDING".to_owned()), "{types:?}");
    client.close().await;
    assert!(timeout(PATIENCE, async { while events.recv().await.is_some() {} }).await.is_ok());
    assert_eq!(client.status(), ConnectionStatus::Disconnected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_again_and_again_a_client_sees_each_event_once_and_in_order() {
    let world = World::start().await;
    let auditor = world.espoir(Role::Auditor).await;
    let proxy = ChaosProxy::before(&world.address()).await;
    let client = of(&auditor, &proxy.address()).begin(Begin::First).seed(5).start();
    let mut events = client.events();
    client.connect().await;
    is_live(&client).await;
    let (mut facts, mut head) = (Vec::new(), 0);
    for round in 0..6 {
        let half = world.requests_at_once(40).await;
        if round % 2 == 0 {
            facts.extend(facts_until(&client, &mut events, half).await);
        }
        proxy.set(Weather::Cut);
        until(&client, |status| !status.is_connected()).await;
        head = world.requests_at_once(40).await;
        proxy.set(Weather::Fine);
        client.network_is_back().await;
        is_live(&client).await;
    }
    facts.extend(facts_until(&client, &mut events, head).await);
    assert_eq!(facts, due(&world, &auditor, 0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_and_one_that_goes_half_open_cost_time_and_no_event() {
    let world = World::start().await;
    let auditor = world.espoir(Role::Auditor).await;
    let proxy = ChaosProxy::before(&world.address()).await;
    proxy.set(Weather::Slow { bytes: 3_000, pause: Duration::from_millis(1) });
    let client = of(&auditor, &proxy.address()).begin(Begin::First).start();
    let mut events = client.events();
    client.connect().await;
    let head = world.requests_at_once(200).await;
    let mut facts = facts_until(&client, &mut events, head).await;
    // The server's end is gone and ours does not know: only an unanswered ping tells.
    proxy.set(Weather::HalfOpen);
    is_live(&client).await;
    client.network_is_back().await;
    let head = world.requests_at_once(20).await;
    tokio::task::yield_now().await;
    until(&client, |status| status.reason().is_some_and(|reason| reason.kind() == ErrorKind::DeadLink)).await;
    proxy.set(Weather::Fine);
    client.network_is_back().await;
    facts.extend(facts_until(&client, &mut events, head).await);
    assert_eq!(facts, due(&world, &auditor, 0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_black_hole_the_link_is_found_dead_and_what_was_missed_comes_after_it() {
    let world = World::start().await;
    let auditor = world.espoir(Role::Auditor).await;
    let proxy = ChaosProxy::before(&world.address()).await;
    let client = of(&auditor, &proxy.address()).begin(Begin::First).start();
    let mut events = client.events();
    client.connect().await;
    is_live(&client).await;
    proxy.set(Weather::BlackHole);
    let head = world.requests_at_once(20).await;
    client.network_is_back().await;
    until(&client, |status| status.reason().is_some_and(|reason| reason.kind() == ErrorKind::DeadLink)).await;
    proxy.set(Weather::Fine);
    client.network_is_back().await;
    assert_eq!(facts_until(&client, &mut events, head).await, due(&world, &auditor, 0).await);
}

/// A token that somebody replaces by signing in again.
#[derive(Clone, Default)]
struct SignedIn(Arc<Mutex<(String, bool)>>);

impl SignedIn {
    fn with(&self, token: &str) {
        *self.0.lock().unwrap() = (token.to_owned(), false);
    }
}

impl TokenProvider for SignedIn {
    fn token(&self, refused: bool) -> TokenFuture<'_> {
        let mut token = self.0.lock().unwrap();
        token.1 |= refused;
        let answer =
            if token.1 { Err(TokenFault::SignInRequired) } else { Ok(AccessToken::lasting(&*token.0)) };
        Box::pin(std::future::ready(answer))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_is_found_again_and_a_restored_one_asks_to_sign_in_and_is_a_resync() {
    let mut world = World::start().await;
    let auditor = world.espoir(Role::Auditor).await;
    let address = format!("http://{}", world.address()).parse().unwrap();
    let tokens = SignedIn::default();
    tokens.with(&auditor.token);
    let client = RealtimeClient::builder(address, tokens.clone())
        .organization(auditor.organization)
        .begin(Begin::First)
        .start();
    let mut events = client.events();
    client.connect().await;
    is_live(&client).await;
    let backup = world.backup();
    let mut head = world.requests_at_once(3).await;
    let mut facts = facts_until(&client, &mut events, head).await;
    world.restart().await;
    head = world.requests_at_once(3).await;
    facts.extend(facts_until(&client, &mut events, head).await);
    assert_eq!(facts, due(&world, &auditor, 0).await);

    world.restore(&backup).await;
    client.network_is_back().await;
    until(&client, |status| matches!(status, ConnectionStatus::Stopped { .. })).await;
    assert_eq!(client.status().reason().unwrap().kind(), ErrorKind::SignInRequired);
    let again = world.espoir(Role::Auditor).await;
    tokens.with(&again.token);
    client.connect().await;
    let resync = loop {
        if let Message::ResyncRequired(resync) = next(&mut events).await {
            break resync;
        }
    };
    assert_eq!(resync.cause, ResyncCause::Server(ResyncReason::OtherEpoch));
    let head = world.requests_at_once(1).await;
    assert!(!facts_until(&client, &mut events, head).await.is_empty(), "live again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_started_again_goes_on_after_what_it_was_done_with() {
    let world = World::start().await;
    let auditor = world.espoir(Role::Auditor).await;
    let folder = tempdir().unwrap();
    let cursors = FileCursorStore::new(folder.path().join("cursors"));
    let first = of(&auditor, &world.address()).cursors(cursors.clone()).begin(Begin::First).start();
    let mut events = first.events();
    first.connect().await;
    world.requests_at_once(5).await;
    is_live(&first).await;
    // The last one is not done with: the program stops in the middle of it.
    let mut facts = Vec::new();
    while facts.len() < 5 {
        if let Message::Event(delivery) = next(&mut events).await {
            facts.extend(delivery.seq().map(|seq| seq.0));
        }
    }
    let unfinished = facts.pop().unwrap();
    first.close().await;

    let head = world.requests_at_once(5).await;
    let second = of(&auditor, &world.address()).cursors(cursors).start();
    let mut events = second.events();
    second.connect().await;
    let rest = facts_until(&second, &mut events, head).await;
    assert_eq!(rest.first(), Some(&unfinished), "told again");
    facts.extend(rest);
    assert_eq!(facts, due(&world, &auditor, 0).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_organisation_is_followed_on_the_same_socket() {
    let world = World::start().await;
    let everywhere = world.espoir.accounts.last().unwrap().clone();
    let person = world.sign_in(&world.espoir, &everywhere).await;
    let address = format!("http://{}", world.address()).parse().unwrap();
    let client = RealtimeClient::builder(address, FixedToken::new(&*person.token)).start();
    let mut events = client.events();
    client.connect().await;
    until(&client, |status| matches!(status, ConnectionStatus::Stopped { .. })).await;
    let ConnectionStatus::Stopped { reason } = client.status() else { panic!("{:?}", client.status()) };
    assert_eq!(reason.kind(), ErrorKind::OrganizationRequired);
    assert_eq!(reason.choices().len(), 2);
    for troupe in [&world.espoir, &world.solidarite] {
        client.switch_organization(troupe.id).await;
        let joined = loop {
            if let Message::Joined(joined) = next(&mut events).await {
                break joined;
            }
        };
        assert_eq!(joined.organization_id, troupe.id);
        is_live(&client).await;
        let head = world.announcements_at_once(troupe, 1).await;
        assert!(!facts_until(&client, &mut events, head).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_does_not_read_is_told_so_and_the_others_miss_nothing() {
    let world = World::start().await;
    let auditor = world.espoir(Role::Auditor).await;
    let client = of(&auditor, &world.address()).begin(Begin::First).capacity(8).start();
    let (mut slow, mut fast) = (client.events(), client.events());
    client.connect().await;
    let head = world.requests_at_once(60).await;
    assert_eq!(facts_until(&client, &mut fast, head).await, due(&world, &auditor, 0).await);
    let fell_behind = loop {
        if let Message::FellBehind { missed } = next(&mut slow).await {
            break missed;
        }
    };
    assert!(fell_behind >= 8, "{fell_behind}");
}
