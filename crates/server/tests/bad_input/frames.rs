//! Sockets that are refused, and frames that are none.

use serde_json::json;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use unionflow_protocol::Role;
use unionflow_testkit::{Person, Refused, Socket, World};

async fn refused(world: &World, query: &str, headers: &[(&str, &str)]) -> Refused {
    let url = format!("ws://{}/ws/dashboard{query}", world.address());
    match Socket::connect(&url, headers).await {
        Ok(_) => panic!("{query} {headers:?} must be refused"),
        Err(refused) => refused,
    }
}

fn is(refused: &Refused, status: u16, code: &str) {
    assert_eq!((refused.status, refused.problem["code"].as_str()), (status, Some(code)), "{refused:?}");
    assert_eq!(refused.problem["status"], status);
    assert!(!refused.problem["title"].as_str().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_three_credentials_opens_a_socket() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let here = format!("ws://{}/ws/dashboard?organizationId={}", world.address(), world.espoir.id);
    let header = format!("Bearer {}", member.token);
    let by_header = Socket::connect(&here, &[("authorization", &header)]).await.unwrap();
    assert_eq!(by_header.protocol, None);
    let offered = format!("bearer.{}, unionflow.v1", member.token);
    let by_protocol = Socket::connect(&here, &[("sec-websocket-protocol", &offered)]).await.unwrap();
    assert_eq!(by_protocol.protocol.as_deref(), Some("unionflow.v1"), "the token is not said again");
    let ticket = member.post("/realtime/tickets", &json!({})).await.expect(201);
    let with_ticket = format!("{here}&ticket={}", ticket["ticket"].as_str().unwrap());
    for mut socket in [by_header, by_protocol, Socket::connect(&with_ticket, &[]).await.unwrap()] {
        let welcome = socket.frame().await;
        assert_eq!(welcome.data()["memberId"], json!(member.account.member_id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_refused_before_the_upgrade_with_a_problem() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let bearer = format!("Bearer {}", member.token);
    let signed = [("authorization", bearer.as_str())];
    let here = format!("?organizationId={}", world.espoir.id);
    is(&refused(&world, &here, &[]).await, 401, "UNAUTHENTICATED");
    is(&refused(&world, &here, &[("authorization", "Basic YTpi")]).await, 401, "UNAUTHENTICATED");
    is(&refused(&world, &here, &[("sec-websocket-protocol", "bearer.x")]).await, 401, "UNAUTHENTICATED");
    is(&refused(&world, &format!("{here}&ticket=x"), &[]).await, 401, "UNAUTHENTICATED");
    for origin in ["https://ailleurs.test", "null", "http://127.0.0.1", ""] {
        let headers = [signed[0], ("origin", origin)];
        is(&refused(&world, &here, &headers).await, 403, "FOREIGN_ORIGIN");
    }
    let own = format!("http://{}", world.address());
    let url = format!("ws://{}/ws/dashboard{here}", world.address());
    Socket::connect(&url, &[signed[0], ("origin", &own)]).await.unwrap();
    for foreign in [world.solidarite.id.to_string(), "0199c5d2-7f00-7abc-8def-0123456789ab".to_owned()] {
        let refused = refused(&world, &format!("?organizationId={foreign}"), &signed).await;
        is(&refused, 404, "NOT_FOUND");
    }
    for (query, field) in [
        ("?organizationId=x", "organizationId"),
        ("?organizationId=", "organizationId"),
        (&*format!("{here}&after=x"), "after"),
        (&format!("{here}&after=-1"), "after"),
        (&format!("{here}&after=99999999999999999999999"), "after"),
        (&format!("{here}&after=1&epoch=x"), "epoch"),
        (&format!("{here}&lastSeq=3000"), "lastSeq"),
    ] {
        let refused = refused(&world, query, &signed).await;
        is(&refused, 400, "INVALID_REQUEST");
        assert_eq!(refused.problem["errors"][0]["pointer"], field);
    }
    for (query, said) in [("?organizationId=x", "un identifiant"), ("?after=x", "un nombre entier")] {
        let french = refused(&world, query, &signed).await;
        let detail = french.problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.starts_with(said), "{detail}");
    }
    let english = refused(&world, "?after=x", &[signed[0], ("accept-language", "en")]).await;
    assert_eq!(english.problem["errors"][0]["detail"], "a whole number, in digits");
    let plain = member.ask("GET".parse().unwrap(), "/api/../ws/dashboard").send().await;
    assert!((400..500).contains(&plain.status));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_not_understood_is_said_so_and_the_socket_stays() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let mut socket = world.socket(&member).await;
    let before = world.heads().await;
    let deep = "[".repeat(16_000);
    let frames = [
        ("", "INVALID_JSON"),
        ("{", "INVALID_JSON"),
        ("bonjour", "INVALID_JSON"),
        (deep.as_str(), "INVALID_JSON"),
        ("[]", "INVALID_FRAME"),
        ("null", "INVALID_FRAME"),
        ("5", "INVALID_FRAME"),
        (r#"{"type":5}"#, "INVALID_FRAME"),
        (r#"{"type":"crier"}"#, "INVALID_FRAME"),
        (r#"{"type":"Ping"}"#, "INVALID_FRAME"),
        (r#"{"type":"ack"}"#, "INVALID_FRAME"),
        (r#"{"type":"ack","seq":"5"}"#, "INVALID_FRAME"),
        (r#"{"type":"ack","seq":-1}"#, "INVALID_FRAME"),
        (r#"{"type":"ack","seq":1.5}"#, "INVALID_FRAME"),
        (r#"{"type":"ack","seq":99999999999999999999999}"#, "INVALID_FRAME"),
        (r#"{"type":"ack","seq":9007199254740991}"#, "INVALID_FRAME"),
        (r#"{"type":"authenticate"}"#, "INVALID_FRAME"),
        (r#"{"type":"authenticate","token":["secret-7"]}"#, "INVALID_FRAME"),
        (r#"{"type":"authenticate","token":"secret-7"}"#, "UNAUTHENTICATED"),
        (r#"{"type":"switch"}"#, "INVALID_FRAME"),
        (r#"{"type":"switch","organizationId":"secret-7"}"#, "INVALID_FRAME"),
        (r#"{"type":"switch","organizationId":5}"#, "INVALID_FRAME"),
    ];
    for (frame, code) in frames {
        socket.say(frame).await;
        let said = socket.until("SYSTEM_ERROR").await.pop().unwrap();
        assert_eq!(said.data()["code"], code, "{frame:.60}");
        assert!(!said.text.contains("secret-7"), "{}", said.text);
        let detail = said.data()["detail"].as_str().unwrap();
        assert!(!["", "invalid type", "invalid value", "unknown variant"].contains(&detail), "{frame:.60}");
    }
    socket.say("ping").await;
    socket.until("SYSTEM_PONG").await;
    assert_eq!(world.heads().await, before);
    println!("frames: {} cases tried", frames.len());
}

/// What is sent, and the code that it is closed with.
async fn closes(world: &World, member: &Person, message: Message) -> u16 {
    let mut socket = world.socket(member).await;
    socket.send(message).await;
    socket.closes().await.1.code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_frame_at_all_closes_its_socket_only() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let mut other = world.socket(&member).await;
    assert_eq!(closes(&world, &member, Message::text("x".repeat(16 * 1024 + 1))).await, 1009);
    assert_eq!(closes(&world, &member, Message::Binary(Bytes::from_static(b"{}"))).await, 1003);
    let unknown = format!(r#"{{"type":"switch","organizationId":"{}"}}"#, world.solidarite.id);
    assert_eq!(closes(&world, &member, Message::text(unknown)).await, 4300);

    let mut loud = world.socket(&member).await;
    for _ in 0..250 {
        loud.say("ping").await;
    }
    assert_eq!(loud.closes().await.1.code, 1013, "who says too much may come back later");
    other.say("ping").await;
    other.until("SYSTEM_PONG").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_of_several_organisations_is_asked_which() {
    let world = World::start().await;
    let both = world.sign_in(&world.espoir, world.espoir.in_all()).await;
    let url = format!("ws://{}/ws/dashboard", world.address());
    let bearer = format!("Bearer {}", both.token);
    let mut socket = Socket::connect(&url, &[("authorization", &bearer)]).await.unwrap();
    let (frames, closed) = socket.closes().await;
    assert_eq!(frames[0].data()["code"], "ORGANIZATION_REQUIRED");
    assert_eq!(frames[0].data()["choices"].as_array().unwrap().len(), 2);
    assert_eq!(closed.code, 4301);
}
