//! The gateway's own readers, for whoever throws bytes at them (`fuzz/`): each function feeds one and asserts what must hold.

use std::{
    io::IoSlice,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::time::Instant;
use unionflow_protocol::{
    Role, RoleSet, Seq, Timestamp,
    id::{Epoch, MemberId, OrganizationId, PersonId, SessionId, SignInId},
};
use uuid::Uuid;

use crate::{
    accept,
    connection::{Connection, FrameReader},
    hub::Follower,
    session::{Identity, Joined, Now, Session, Start},
    transport::{Transport, Wrote},
};

/// What a client sends, in parts as long as the first byte says: whole frames come back, a close at most once and as the last,
/// and what is said does not depend on how the network cuts.
pub fn socket(data: &[u8]) {
    let Some((part, bytes)) = data.split_first() else { return };
    let at_once = answers(bytes, bytes.len().max(1));
    let in_parts = answers(bytes, usize::from(*part).max(1));
    let too_many = "close 1013".to_owned();
    // Where the limit of frames is met, it depends on how many had come in.
    if !at_once.contains(&too_many) && !in_parts.contains(&too_many) {
        assert_eq!(at_once, in_parts);
    }
}

/// Where somebody asks to connect to: read, written and read again it is the same; or a problem of theirs.
pub fn query(text: &str) {
    let (wanted, ticket) = match accept::read_query(text) {
        Ok(read) => read,
        Err(refused) => {
            return assert_eq!(refused.respond(&HeaderMap::new(), "").status(), StatusCode::BAD_REQUEST);
        }
    };
    let mut written = form_urlencoded::Serializer::new(String::new());
    let organization = wanted.organization_id.map(|id| id.to_string());
    let after = wanted.after.map(|seq| seq.to_string());
    let epoch = wanted.epoch.map(|epoch| epoch.to_string());
    let pairs =
        [("organizationId", &organization), ("after", &after), ("epoch", &epoch), ("ticket", &ticket)];
    for (name, value) in pairs {
        if let Some(value) = value {
            written.append_pair(name, value);
        }
    }
    assert_eq!(accept::read_query(&written.finish()).ok(), Some((wanted, ticket)));
}

/// A socket that takes everything.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Transport for Sink {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> Wrote {
        let mut bytes = self.0.lock();
        slices.iter().for_each(|slice| bytes.extend_from_slice(slice));
        Wrote::Bytes(slices.iter().map(|slice| slice.len()).sum())
    }
}

/// A session that is live at 10 hears these bytes: its answers in short, in order of their names but for the close.
fn answers(bytes: &[u8], part: usize) -> Vec<String> {
    let now = Now { steady: Instant::now(), wall: Timestamp::from_millis(1_800_000_000_000) };
    let joined = Joined {
        organization_id: OrganizationId::from_uuid(Uuid::nil()),
        member_id: MemberId::from_uuid(Uuid::nil()),
        roles: RoleSet::of(&[Role::Member]),
        head: Seq(10),
        epoch: Epoch::from_uuid(Uuid::nil()),
        stats: None,
        mark: None,
        start: Start::Now,
    };
    let token_ends = now.wall.plus(Duration::from_secs(900));
    let identity = Identity { person_id: PersonId::from_uuid(Uuid::nil()), token_ends };
    let session = Session::new(SessionId::from_uuid(Uuid::nil()), identity, joined, now);
    let sink = Sink::default();
    let connection = Connection::new(sink.clone(), session, SignInId::from_uuid(Uuid::nil()), usize::MAX / 2);
    connection.begin();
    connection.attach(&[], Seq(10), Arc::new(AtomicU64::new(10)), now);
    sink.0.lock().clear();
    let mut reader = FrameReader::new();
    for part in bytes.chunks(part) {
        if connection.standing().done {
            break;
        }
        reader.take(&connection, now, part);
    }
    let said = sink.0.lock();
    let mut answers = in_short(&said);
    let closes = answers.iter().filter(|answer| answer.starts_with("close")).count();
    let is_last = answers.last().is_some_and(|answer| answer.starts_with("close"));
    assert!(closes == 0 || (closes == 1 && is_last), "{answers:?}");
    if closes > 0 {
        // Whoever breaks the protocol is not owed a pong for what came in the same read.
        answers.retain(|answer| answer != "pong");
    }
    answers.sort();
    answers
}

fn in_short(mut bytes: &[u8]) -> Vec<String> {
    let mut answers = Vec::new();
    while let [first, length, rest @ ..] = bytes {
        let (length, rest) = match (*length, rest) {
            (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            (length @ 0..126, rest) => (usize::from(length), rest),
            (length, _) => panic!("masked, cut off, or longer than any control frame: {length}"),
        };
        let (payload, behind) = rest.split_at_checked(length).expect("a frame is whole");
        bytes = behind;
        answers.push(match (first, payload) {
            (0x81, text) => {
                let frame: Value = serde_json::from_slice(text).expect("a text frame is JSON");
                let kind = frame["eventType"].as_str().expect("it says what it is");
                assert!(kind.starts_with("SYSTEM_"), "{kind}");
                format!("{kind} {}", frame["data"]["code"])
            }
            (0x8a, _) => "pong".to_owned(),
            (0x88, [high, low, ..]) => format!("close {}", u16::from_be_bytes([*high, *low])),
            (0x88, []) => "close".to_owned(),
            _ => panic!("a frame that begins with {first:#x}"),
        });
    }
    assert!(bytes.is_empty(), "half a frame");
    answers
}
