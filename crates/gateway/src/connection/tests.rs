//! What a client may send, byte by byte, and what it is answered.

use std::time::Duration;

use proptest::prelude::*;
use unionflow_protocol::{Audience, Role, RoleSet, frame::ClientFrame, id::SessionId, limits};
use uuid::Uuid;

use super::*;
use crate::{
    config::FRAMES_PER_WINDOW,
    hub::Follower,
    samples::{epoch, fact_of, live, member, noon, organization, person},
    session::Start,
    simulation::socket::{Socket, masked},
};

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

/// A client, live at 10, and its connection.
struct Peer {
    connection: Arc<Connection<Socket>>,
    reader: FrameReader,
    socket: Socket,
    now: Now,
}

impl Peer {
    fn joined(start: Start, room: usize) -> Self {
        let now = Now { steady: Instant::now(), wall: noon() };
        let joined = Joined {
            organization_id: organization(1),
            member_id: member(1),
            roles: RoleSet::of(&[Role::Member]),
            head: Seq(10),
            epoch: epoch(1),
            stats: None,
            mark: None,
            start,
        };
        let identity = Identity { person_id: person(1), token_ends: noon().plus(Duration::from_secs(900)) };
        let session = Session::new(SessionId::from_uuid(Uuid::nil()), identity, joined, now);
        let socket = Socket::with_room(room, false);
        let connection =
            Connection::new(socket.clone(), session, SignInId::from_uuid(Uuid::nil()), 256 * 1024);
        connection.begin();
        Self { connection, reader: FrameReader::new(), socket, now }
    }

    fn live() -> Self {
        let peer = Self::joined(Start::Now, usize::MAX);
        peer.connection.attach(&[], Seq(10), Arc::new(AtomicU64::new(10)), peer.now);
        peer.answers();
        peer
    }

    fn sends(&mut self, bytes: &[u8]) {
        self.reader.take(&self.connection, self.now, bytes);
    }

    /// What came since, in short: `SYSTEM_PONG`, `SYSTEM_ERROR INVALID_JSON`, `pong`, `close 1002`.
    fn answers(&self) -> Vec<String> {
        let bytes: Vec<u8> = self.socket.wire().to_client.drain(..).collect();
        let (mut rest, mut answers) = (bytes.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (opcode, payload, after) = unmasked(rest);
            rest = after;
            answers.push(match opcode {
                TEXT => {
                    let frame: serde_json::Value = serde_json::from_slice(payload).expect("JSON");
                    let kind = frame["eventType"].as_str().expect("a type").to_owned();
                    frame["data"]["code"].as_str().map_or(kind.clone(), |code| format!("{kind} {code}"))
                }
                0x8a => "pong".to_owned(),
                CLOSE if payload.is_empty() => "close".to_owned(),
                CLOSE => format!("close {}", u16::from_be_bytes([payload[0], payload[1]])),
                other => panic!("a frame of opcode {other:#x}"),
            });
        }
        answers
    }
}

/// The first frame of the server's: first byte, payload, and what follows it.
fn unmasked(bytes: &[u8]) -> (u8, &[u8], &[u8]) {
    let (begin, length) = match bytes[1] {
        126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
        length @ 0..126 => (2, usize::from(length)),
        _ => panic!("longer than any control frame, or masked"),
    };
    (bytes[0], &bytes[begin..begin + length], &bytes[begin + length..])
}

/// The one fact that these tests are about: so much sent is answered so.
fn check(bytes: &[u8], expected: &[&str]) {
    let mut peer = Peer::live();
    peer.sends(bytes);
    assert_eq!(peer.answers(), expected, "at once");
    let mut peer = Peer::live();
    bytes.iter().for_each(|byte| peer.sends(&[*byte]));
    assert_eq!(peer.answers(), expected, "byte by byte");
}

#[test]
fn text_is_answered_whole_or_in_fragments() {
    check(&masked(TEXT, b"ping"), &["SYSTEM_PONG"]);
    check(&[masked(0x01, b"pi"), masked(0x80, b"ng")].concat(), &["SYSTEM_PONG"]);
    check(
        &[masked(TEXT, b"ping"), masked(TEXT, b"{")].concat(),
        &["SYSTEM_PONG", "SYSTEM_ERROR INVALID_JSON"],
    );
    check(&masked(TEXT, br#"{"type":"ack","seq":99}"#), &["SYSTEM_ERROR INVALID_FRAME"]);
}

#[test]
fn a_ping_of_the_websockets_own_is_answered_between_fragments_too() {
    check(&masked(PING, b"x"), &["pong"]);
    let between = [masked(0x01, b"pi"), masked(PING, b""), masked(0x80, b"ng")].concat();
    let mut peer = Peer::live();
    peer.sends(&between);
    let mut answers = peer.answers();
    answers.sort();
    assert_eq!(answers, ["SYSTEM_PONG", "pong"]);
}

#[test]
fn a_good_bye_is_echoed_and_is_the_last() {
    check(&masked(CLOSE, &1000u16.to_be_bytes()), &["close 1000"]);
    check(&masked(CLOSE, b""), &["close"]);
    let then_more = [masked(CLOSE, &1000u16.to_be_bytes()), masked(TEXT, b"ping")].concat();
    let mut peer = Peer::live();
    peer.sends(&then_more);
    assert_eq!(peer.answers(), ["close 1000"]);
    assert!(peer.connection.standing().done);
}

#[test]
fn what_breaks_the_protocol_closes_with_1002() {
    check(&[0x81, 0x04, b'p', b'i', b'n', b'g'], &["close 1002"]);
    check(&masked(0x83, b"reserved opcode"), &["close 1002"]);
    check(&masked(0xc1, b"reserved bit"), &["close 1002"]);
    check(&masked(0x80, b"a continuation of nothing"), &["close 1002"]);
    check(&masked(0x09, b"a ping in fragments"), &["close 1002"]);
    check(&masked(PING, &[0; 126]), &["close 1002"]);
    check(&[masked(0x01, b"be"), masked(TEXT, b"gin again")].concat(), &["close 1002"]);
}

#[test]
fn binary_closes_with_1003_and_what_is_not_utf8_with_1007() {
    check(&masked(BINARY, b"ping"), &["close 1003"]);
    check(&masked(TEXT, &[0xff, 0xfe]), &["close 1007"]);
    check(&[masked(0x01, &[0xc3]), masked(0x80, &[0x28])].concat(), &["close 1007"]);
}

#[test]
fn sixteen_kibibytes_are_read_and_one_byte_more_closes_with_1009() {
    let longest = vec![b'x'; limits::CLIENT_FRAME_BYTES];
    let mut peer = Peer::live();
    peer.sends(&masked(TEXT, &longest));
    assert_eq!(peer.answers(), ["SYSTEM_ERROR INVALID_JSON"]);
    let over = vec![b'x'; limits::CLIENT_FRAME_BYTES + 1];
    let mut peer = Peer::live();
    peer.sends(&masked(TEXT, &over));
    assert_eq!(peer.answers(), ["close 1009"]);
    let mut peer = Peer::live();
    peer.sends(&[masked(0x01, &longest), masked(0x80, b"x")].concat());
    assert_eq!(peer.answers(), ["close 1009"], "in fragments too");
    let mut peer = Peer::live();
    peer.sends(&[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]);
    assert_eq!(peer.answers(), ["close 1009"], "by its header alone: nothing is kept ready for it");
}

#[test]
fn a_flood_closes_with_1013_to_come_back_later() {
    for frame in [masked(TEXT, b"ping"), masked(PING, b"")] {
        let mut peer = Peer::live();
        peer.sends(&frame.repeat(FRAMES_PER_WINDOW as usize));
        assert!(peer.connection.standing().deadline.is_some());
        peer.sends(&frame.repeat(3));
        let answers = peer.answers();
        let last: Vec<&String> =
            answers.iter().filter(|answer| !answer.to_lowercase().ends_with("pong")).collect();
        assert_eq!(last, ["SYSTEM_ERROR RATE_LIMITED", "close 1013"]);
        assert_eq!(answers.last().map(String::as_str), Some("close 1013"));
    }
}

#[test]
fn parts_of_a_text_are_counted_like_any_frame_also_empty_ones() {
    const BEGIN: u8 = 0x01;
    const GO_ON: u8 = 0x00;
    const END: u8 = 0x80;
    let most = FRAMES_PER_WINDOW as usize;
    // Its parts and the pong's question are the most that may come.
    let whole = [masked(BEGIN, b"pi"), masked(GO_ON, b"").repeat(most - 2), masked(END, b"ng")].concat();
    check(&whole, &["SYSTEM_PONG"]);
    for part in [&b""[..], b"x"] {
        let endless = [masked(BEGIN, b""), masked(GO_ON, part).repeat(most)].concat();
        check(&endless, &["SYSTEM_ERROR RATE_LIMITED", "close 1013"]);
    }
    // Long headers, and payloads that look like headers.
    let begin = masked(BEGIN, &[GO_ON; 300]);
    let noise = [begin, masked(GO_ON, &[0; 200]), masked(END, b"")].concat();
    check(&noise, &["SYSTEM_ERROR INVALID_JSON"]);
}

#[test]
fn a_new_token_is_looked_at_while_a_replay_waits_for_a_slow_socket() {
    let mut peer = Peer::joined(Start::After(Seq(0)), 100);
    let Some(Task::Replay(..)) = peer.connection.next_task() else { panic!("the replay comes first") };
    let events: Vec<_> =
        (1..=60).map(|seq| live(&fact_of(organization(1), seq, Audience::everyone()))).collect();
    peer.connection.finish(peer.now, Done::Page(events, Seq(60)));
    assert!(peer.connection.next_task().is_none(), "the next page waits until the socket has taken some");
    peer.sends(&masked(TEXT, br#"{"type":"authenticate","token":"next"}"#));
    let task = peer.connection.next_task();
    assert!(matches!(&task, Some(Task::Verify(token)) if token.0 == "next"), "{task:?}");
}

#[test]
fn a_switch_while_a_replay_waits_for_a_slow_socket_ends_that_replay() {
    let mut peer = Peer::joined(Start::After(Seq(0)), 100);
    peer.connection.next_task();
    let events: Vec<_> =
        (1..=60).map(|seq| live(&fact_of(organization(1), seq, Audience::everyone()))).collect();
    peer.connection.finish(peer.now, Done::Page(events, Seq(60)));
    let switch = format!(r#"{{"type":"switch","organizationId":"{}"}}"#, organization(2));
    peer.sends(&masked(TEXT, switch.as_bytes()));
    let task = peer.connection.next_task();
    assert!(matches!(task, Some(Task::Join(..))), "{task:?}");
    assert!(peer.connection.next_task().is_none(), "the old replay is not wanted any more");
}

/// Bytes as a client might send them: good frames, bad ones, and noise.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop_oneof![Just(TEXT), Just(PING), Just(0x01), Just(0x80), any::<u8>()];
    let text = prop_oneof![
        Just(b"ping".to_vec()),
        Just(br#"{"type":"ack","seq":3}"#.to_vec()),
        Just(br#"{"type":"authenticate","token":"t"}"#.to_vec()),
        Just(br#"{"type":"switch","organizationId":"00000000-0000-0000-0000-000000000a02"}"#.to_vec()),
        proptest::collection::vec(any::<u8>(), 0..200),
    ];
    let frame = (opcode, text).prop_map(|(opcode, text)| masked(opcode, &text));
    let noise = proptest::collection::vec(any::<u8>(), 0..40);
    proptest::collection::vec(prop_oneof![4 => frame, 1 => noise], 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    /// Whatever comes, and in whatever parts: no panic, whole frames as answers, at most one close and of a documented code.
    #[test]
    fn any_bytes_are_answered_or_closed_with_a_documented_code(
        bytes in any_bytes(),
        parts in proptest::collection::vec(1usize..60, 1..20),
    ) {
        let mut peer = Peer::live();
        let (mut rest, mut part) = (bytes.as_slice(), parts.iter().cycle());
        while !rest.is_empty() && !peer.connection.standing().done {
            let (now, later) = rest.split_at(rest.len().min(*part.next().expect("a cycle")));
            peer.sends(now);
            rest = later;
        }
        let answers = peer.answers();
        let closes: Vec<_> = answers.iter().enumerate().filter(|(_, answer)| answer.starts_with("close")).collect();
        prop_assert!(closes.len() <= 1, "{answers:?}");
        if let Some((at, close)) = closes.first() {
            prop_assert_eq!(*at, answers.len() - 1, "the close is the last: {:?}", &answers);
            let code = close.strip_prefix("close").expect("a close").trim();
            let answered = ["1002", "1003", "1007", "1009", "1013"].contains(&code);
            // The client's own close comes back with the client's own code.
            prop_assert!(answered || code.is_empty() || bytes.contains(&0x88) || bytes.contains(&CLOSE), "{code}");
        }
    }

    /// A frame's text, whatever it is: read, or refused by one of two codes and without a word of it repeated.
    #[test]
    fn any_text_is_a_frame_or_refused(text in "\\PC*", secret in "[a-z]{12}") {
        let wrapped = format!(r#"{{"type":"authenticate","token":["{secret}"],"x":{text:?}}}"#);
        for text in [text, wrapped] {
            if let Err(bad) = ClientFrame::parse(&text) {
                prop_assert!(matches!(bad.code, ErrorCode::InvalidJson | ErrorCode::InvalidFrame));
                prop_assert!(bad.detail.len() < 100 && !bad.detail.contains(&secret), "{}", bad.detail);
            }
        }
    }
}
