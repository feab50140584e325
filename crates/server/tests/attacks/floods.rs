//! What one person, or a stranger, may cost everybody else: little.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{MissedTickBehavior, advance, interval, pause, resume},
};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use unionflow_protocol::{Role, Timestamp};
use unionflow_testkit::{Account, Answer, Person, World};

/// A sign-in from an address, as a trusted proxy tells it.
async fn sign_in_from(world: &World, account: &Account, password: &str, address: &str) -> Answer {
    let stranger = Person::stranger(&world.address(), &world.espoir, account);
    let body = json!({"login": account.login, "password": password});
    let ask = stranger.ask(Method::POST, "/auth/login").json(&body);
    ask.header("x-forwarded-for", address).send().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_from_everywhere_does_not_keep_the_owner_out_where_they_have_been_before() {
    let world = World::start_with(|settings| settings.trusted_proxies = vec!["127.0.0.1".into()]).await;
    let president = world.espoir.account(Role::President);
    let home = "198.51.100.7";
    sign_in_from(&world, president, &president.password, home).await.expect(200);
    let mut last = 0;
    for n in 0..60 {
        last = sign_in_from(&world, president, "pas le bon", &format!("203.0.113.{n}")).await.status;
    }
    assert_eq!(last, 429, "the guesser waits");
    sign_in_from(&world, president, &president.password, home).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_behind_the_same_address_does_not_keep_those_out_who_have_been_there_before() {
    let world = World::start_with(|settings| settings.trusted_proxies = vec!["127.0.0.1".into()]).await;
    let treasurer = world.espoir.account(Role::Treasurer);
    let shared = "198.51.100.8";
    sign_in_from(&world, treasurer, &treasurer.password, shared).await.expect(200);
    let mut last = 0;
    for n in 0..210 {
        let nobody = Account { login: format!("personne{n}@exemple.test"), ..treasurer.clone() };
        last = sign_in_from(&world, &nobody, "au hasard", shared).await.status;
    }
    assert_eq!(last, 429, "the guesser waits");
    sign_in_from(&world, treasurer, &treasurer.password, shared).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_member_may_have_five_requests_open_and_no_more() {
    let world = World::start().await;
    let (member, treasurer) = (world.espoir(Role::Member).await, world.espoir(Role::Treasurer).await);
    let aid = json!({
        "organizationId": member.organization, "transactionType": "AID", "amount": 1, "currency": "XOF",
        "purpose": "Aide", "details": {"beneficiaryMemberId": member.account.member_id}
    });
    let mut first = Value::Null;
    for _ in 0..5 {
        first = member.post("/finance/approvals", &aid).await.expect(201);
    }
    let head = treasurer.head().await;
    member.post("/finance/approvals", &aid).await.refused(409, "TOO_MANY_OPEN_REQUESTS");
    assert_eq!(treasurer.head().await, head);
    treasurer.approve(&first).await.expect(200);
    member.post("/finance/approvals", &aid).await.expect(201);
}

/// Asks for an import by a file of so many bytes, sends so many of them, and only then listens.
async fn upload(person: &Person, path: &str, announced: usize, sent: usize) -> String {
    let mut stream = TcpStream::connect(&person.address).await.unwrap();
    let head = format!(
        "POST /api/v1{path} HTTP/1.1\r\nhost: unionflow\r\nauthorization: Bearer {}\r\n\
         content-type: text/csv\r\ncontent-length: {announced}\r\n\r\n",
        person.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let file = vec![b'x'; sent];
    stream.write_all(&file).await.expect("the server listens until everything is said");
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        assert_ne!(stream.read_buf(&mut answer).await.expect("an answer"), 0, "an answer");
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_may_not_import_is_told_so_before_the_file_is_read() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let path = format!("/members/imports?organizationId={}", member.organization);
    let answer = upload(&member, &path, 40 << 20, 0).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_who_sends_it_all_before_listening_reads_the_refusal_all_the_same() {
    let world = World::start().await;
    let (member, secretary) = (world.espoir(Role::Member).await, world.espoir(Role::Secretary).await);
    let path = format!("/members/imports?organizationId={}", member.organization);
    for (person, said) in [(member, "FORBIDDEN"), (secretary, "BODY_TOO_LARGE")] {
        let answer = upload(&person, &path, 40 << 20, 40 << 20).await;
        assert!(answer.contains(said), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_signed_in_on_fifty_devices_at_most() {
    let world = World::start().await;
    let first = world.espoir(Role::Member).await;
    let mut last = first.clone();
    for _ in 0..50 {
        last = world.espoir(Role::Member).await;
    }
    let devices = last.get("/me/sessions").await.expect(200);
    assert_eq!(devices["items"].as_array().unwrap().len(), 50);
    let body = json!({"refreshToken": first.refresh_token});
    let refreshed = first.post("/auth/refresh", &body).await;
    assert_eq!(refreshed.status, 401, "the one unused longest is signed out: {}", refreshed.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pongs_that_nobody_asked_for_are_counted_like_any_frame() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let mut socket = world.socket(&member).await;
    for _ in 0..300 {
        socket.send(Message::Pong(Bytes::new())).await;
    }
    let (frames, _) = socket.closes().await;
    assert!(frames.iter().any(|frame| frame.data()["code"] == "RATE_LIMITED"), "{frames:?}");
}

/// Asks for the longest page again and again, and reads no answer. Ends when the server has had enough.
async fn never_reads(address: String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let asked = b"GET /openapi.json HTTP/1.1\r\nhost: unionflow\r\n\r\n".repeat(100);
    while stream.write_all(&asked).await.is_ok() {}
}

#[tokio::test]
async fn those_who_ask_and_never_read_give_their_seats_back() {
    let world = World::start_with(|settings| settings.connections = 8).await;
    let member = world.espoir(Role::Member).await;
    let mut stalled: JoinSet<()> = (0..8).map(|_| never_reads(world.address())).collect();
    let mut look = interval(Duration::from_millis(20));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..100_000 {
        look.tick().await;
        while stalled.try_join_next().is_some() {}
        if stalled.is_empty() {
            break;
        }
        // Half a minute, as the server sees it: none of them has taken anything meanwhile.
        pause();
        advance(Duration::from_secs(31)).await;
        resume();
    }
    assert!(stalled.is_empty(), "their connections are closed");
    member.get("/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_password_again_and_again_counts_and_keeps_nobody_else_out() {
    let world = World::start_with(|settings| settings.sign_ins_per_minute = 10).await;
    let service = world.server().service();
    world.clock.set(service.read(|reader| Ok(reader.now())).await.unwrap());
    let member = world.espoir.account(Role::Member);
    let nobody = Person::stranger(&world.address(), &world.espoir, member);
    let body = json!({"login": member.login, "password": member.password});
    let answers = join_all((0..160).map(|_| nobody.post("/auth/login", &body))).await;
    let count = |code: u16| answers.iter().filter(|answer| answer.status == code).count();
    assert!((1..=10).contains(&count(200)) && count(200) + count(429) == 160, "{:?}", answers[0]);
    while nobody.post("/auth/login", &body).await.status == 200 {}
    let told = nobody.post("/auth/login", &body).await;
    assert!(told.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 50);
    told.refused(429, "TOO_MANY_ATTEMPTS");
    world.espoir(Role::President).await.get("/me").await.expect(200);
    let now = service.read(|reader| Ok(reader.now())).await.unwrap();
    world.clock.set(now.plus(Duration::from_secs(61)));
    nobody.post("/auth/login", &body).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sign_ins_that_ended_few_are_kept() {
    let world = World::start().await;
    let member = world.espoir.account(Role::Member).person_id;
    let service = world.server().service();
    for _ in 0..120 {
        let device = world.espoir(Role::Member).await;
        device.post("/auth/logout", &json!({})).await.expect(204);
    }
    let now = service.read(|reader| Ok(reader.now())).await.unwrap();
    world.clock.set(now.plus(Duration::from_secs(21 * 60)));
    world.espoir(Role::Member).await;
    let kept =
        service.read(move |reader| Ok(reader.count_sign_ins(member, Timestamp::from_millis(0))?)).await;
    assert_eq!(kept.unwrap().unwrap().0, 51);
}
