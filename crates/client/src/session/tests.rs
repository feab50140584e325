//! Facts about sessions that conversations do not tell.

use unionflow_protocol::{
    Timestamp,
    frame::{CaughtUp, Control, ControlFrame, ResyncReason, ResyncRequired, Welcome},
    id::{MemberId, SessionId},
};

use super::*;
use crate::message::ResyncCause;

fn id(last: u8) -> [u8; 16] {
    let mut bytes = [7; 16];
    bytes[15] = last;
    bytes
}

fn organization() -> OrganizationId {
    OrganizationId::from_bytes(id(1))
}

fn at(millis: u64) -> Moment {
    Moment(Duration::from_millis(millis))
}

fn session(fetches_snapshots: bool) -> Session {
    let place = Cursor {
        organization_id: organization(),
        member_id: MemberId::from_bytes(id(3)),
        epoch: Epoch::from_bytes(id(2)),
        seq: Seq(5),
        roles: RoleSet::EMPTY,
    };
    Session::new(Settings {
        organization_id: Some(organization()),
        cursor: fetches_snapshots.then_some(place),
        begin: Begin::Now,
        fetches_snapshots,
        jitter: Jitter::seeded(3),
    })
}

fn control(control: Control) -> Vec<u8> {
    let timestamp = Timestamp::from_millis(0);
    ControlFrame { control, organization_id: Some(organization()), timestamp }.encode().to_vec()
}

fn fact(seq: u64) -> Vec<u8> {
    let organization_id = organization();
    format!(
        r#"{{"eventId":"{organization_id}","eventType":"MEMBER_INVITED","organizationId":"{organization_id}","seq":{seq},
        "timestamp":"2026-11-22T10:15:30.123Z","aggregateId":"{organization_id}","aggregateVersion":1,"actorId":null,
        "origin":"operator","causationId":null,"data":{{"id":"{organization_id}"}}}}"#
    )
    .into_bytes()
}

fn welcome(head: u64, resumed_from: Option<u64>) -> Vec<u8> {
    control(Control::Welcome(Welcome {
        session_id: SessionId::from_bytes(id(4)),
        organization_id: organization(),
        epoch: Epoch::from_bytes(id(2)),
        head_seq: Seq(head),
        resumed_from: resumed_from.map(Seq),
        heartbeat_seconds: 30,
        member_id: MemberId::from_bytes(id(3)),
        roles: RoleSet::EMPTY,
        stats: None,
    }))
}

/// Up to the welcome.
fn joined(fetches_snapshots: bool, head: u64) -> Session {
    let mut session = session(fetches_snapshots);
    session.handle(at(0), Input::Connect);
    let life = Duration::from_secs(900);
    session.handle(at(1), Input::Token(Ok(AccessToken::for_a_time("t", life))));
    session.handle(at(2), Input::Opened);
    session.handle(at(3), Input::Text(&welcome(head, None)));
    if fetches_snapshots {
        let required = ResyncRequired {
            head_seq: Seq(head),
            epoch: Epoch::from_bytes(id(2)),
            reason: ResyncReason::TooFarBehind,
        };
        session.handle(at(3), Input::Text(&control(Control::ResyncRequired(required))));
    }
    session.handle(at(4), Input::Text(&control(Control::CaughtUp(CaughtUp { seq: Seq(head) }))));
    drain(&mut session);
    session
}

fn drain(session: &mut Session) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

#[test]
fn more_than_is_held_back_is_fetched_anew_and_nothing_is_told_with_a_gap() {
    let mut session = joined(true, 20);
    for seq in 21..=20 + holding::HELD_MAX as u64 {
        session.handle(at(10), Input::Text(&fact(seq)));
    }
    assert!(drain(&mut session).is_empty(), "all are held back");
    let last = 21 + holding::HELD_MAX as u64;
    session.handle(at(11), Input::Text(&fact(last)));
    let outputs = drain(&mut session);
    assert!(
        matches!(outputs.as_slice(), [Output::Tell(Message::ResyncRequired(Resync { cause: ResyncCause::HeldTooMuch, head_seq, .. })), Output::FetchSnapshots(_)] if head_seq.0 == last),
        "{outputs:?}"
    );
    assert_eq!(session.cursor().map(|cursor| cursor.seq), Some(Seq(5)), "still where it was");
    session.handle(at(20), Input::Snapshots(Ok((Epoch::from_bytes(id(2)), Seq(last - 1)))));
    let outputs = drain(&mut session);
    assert!(matches!(outputs.as_slice(), [Output::Tell(Message::Problem(_))]), "too old: {outputs:?}");
    let due = session.next_deadline().unwrap();
    session.handle(due, Input::Deadline);
    assert!(matches!(drain(&mut session).as_slice(), [Output::FetchSnapshots(_)]));
    session.handle(due, Input::Snapshots(Ok((Epoch::from_bytes(id(2)), Seq(last)))));
    assert_eq!(session.cursor().map(|cursor| cursor.seq), Some(Seq(last)));
    assert_eq!(*session.status(), ConnectionStatus::Live);
}

#[test]
fn a_device_that_slept_for_a_day_finds_its_link_dead_its_token_ended_and_comes_back() {
    let mut session = joined(false, 20);
    let day = 24 * 3600 * 1000;
    session.handle(at(day), Input::Deadline);
    let outputs = drain(&mut session);
    assert!(matches!(outputs.first(), Some(Output::Send(ClientFrame::Ping))), "{outputs:?}");
    session.handle(at(day + 10_000), Input::Deadline);
    let outputs = drain(&mut session);
    assert!(matches!(outputs.first(), Some(Output::Close)), "{outputs:?}");
    let due = session.next_deadline().unwrap();
    session.handle(due, Input::Deadline);
    let outputs = drain(&mut session);
    assert!(matches!(outputs.last(), Some(Output::FetchToken { refused: false })), "{outputs:?}");
}

#[test]
fn whatever_comes_in_whatever_order_there_is_one_socket_at_a_time_and_no_panic() {
    for seed in 0..2_000 {
        random_walk(seed);
    }
}

/// Any input at any time. What must hold: sockets are opened one at a time, the cursor never goes back within an epoch,
/// facts are told once and in order, and whoever drives the session is never asked to do something at once for ever.
fn random_walk(seed: u64) {
    let mut chance = Jitter::seeded(seed);
    let mut pick = move |below: usize| (chance.next() * below as f64) as usize;
    let mut walk = Walk { seed, session: session(pick(2) == 0), is_open: false, told: None };
    let (mut now, mut head) = (at(0), 10);
    for _ in 0..200 {
        now = match pick(3) {
            0 => now,
            1 => now + Duration::from_millis(pick(5_000) as u64),
            _ => walk.session.next_deadline().map_or(now, |due| due.max(now)),
        };
        head += pick(3) as u64;
        let resumed = walk.session.cursor().map(|cursor| cursor.seq.0).filter(|_| pick(4) > 0);
        let text = frame(&mut pick, head, resumed);
        walk.step(now, input(&mut pick, head, &text));
        // At most one step is due at once; the next lies ahead, or is a socket's or a provider's to take.
        let mut steps = 0;
        while walk.session.next_deadline().is_some_and(|due| due <= now) {
            walk.step(now, Input::Deadline);
            steps += 1;
            assert!(steps < 8, "seed {seed} spins");
        }
    }
}

/// What a server may send.
fn frame(pick: &mut impl FnMut(usize) -> usize, head: u64, resumed: Option<u64>) -> Vec<u8> {
    match pick(5) {
        0 => welcome(head, resumed),
        1 | 2 => fact(head.saturating_sub(pick(4) as u64).max(1)),
        3 => control(Control::CaughtUp(CaughtUp { seq: Seq(head) })),
        _ => b"{".to_vec(),
    }
}

/// What may happen, this frame among it.
fn input<'a>(pick: &mut impl FnMut(usize) -> usize, head: u64, text: &'a [u8]) -> Input<'a> {
    match pick(16) {
        0 => Input::Connect,
        1 if pick(6) == 0 => Input::Disconnect,
        2 => Input::NetworkIsBack,
        3 | 4 if pick(5) == 0 => Input::Token(Err(TokenFault::Unavailable(String::new()))),
        3 | 4 => Input::Token(Ok(AccessToken::for_a_time("t", Duration::from_secs(pick(200) as u64)))),
        5 | 6 => Input::Opened,
        7 => Input::Closed([1000, 1006, 1012, 4001, 4100, 4200, 4302][pick(7)]),
        8..=12 => Input::Text(text),
        13 => Input::Snapshots(Ok((Epoch::from_bytes(id(2)), Seq(head)))),
        14 => Input::Failed(ErrorKind::Broken.into()),
        _ => Input::Deadline,
    }
}

/// A session, and what whoever drives it has seen.
struct Walk {
    seed: u64,
    session: Session,
    is_open: bool,
    told: Option<u64>,
}

impl Walk {
    fn step(&mut self, now: Moment, input: Input<'_>) {
        let seed = self.seed;
        if matches!(input, Input::Closed(_) | Input::Refused(_)) {
            self.is_open = false;
        }
        let before = self.session.cursor();
        self.session.handle(now, input);
        for output in drain(&mut self.session) {
            match output {
                Output::Open(_) => {
                    assert!(!std::mem::replace(&mut self.is_open, true), "seed {seed}: two sockets");
                }
                Output::Close => self.is_open = false,
                Output::Tell(Message::Joined(joined)) => self.told = joined.resumed_from.map(|seq| seq.0),
                Output::Tell(Message::Event(delivery)) => {
                    let seq = delivery.seq().map(|seq| seq.0);
                    assert!(self.told < seq, "seed {seed}: {seq:?} after {:?}", self.told);
                    self.told = seq;
                }
                _ => {}
            }
        }
        if let (Some(before), Some(after)) = (before, self.session.cursor())
            && before.epoch == after.epoch
            && before.organization_id == after.organization_id
        {
            assert!(
                before.seq <= after.seq,
                "seed {seed}: the cursor goes back from {before:?} to {after:?}"
            );
        }
    }
}

/// Frames of the vectors with bytes changed, lost, doubled and cut off.
#[test]
fn whatever_bytes_come_nothing_panics_and_the_cursor_does_not_go_back() {
    let texts = [
        include_str!("../../../protocol/vectors/control.json"),
        include_str!("../../../protocol/vectors/events.json"),
    ];
    let frames: Vec<Vec<u8>> = texts
        .iter()
        .flat_map(|text| {
            let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
            let lists =
                vectors.as_object().unwrap().values().flat_map(|list| list.as_array().unwrap().clone());
            lists.map(|vector| vector["bytes"].as_str().unwrap().as_bytes().to_vec()).collect::<Vec<_>>()
        })
        .collect();
    let mut chance = Jitter::seeded(11);
    let mut pick = move |below: usize| (chance.next() * below as f64) as usize;
    for _ in 0..20_000 {
        let mut bytes = frames[pick(frames.len())].clone();
        for _ in 0..=pick(3) {
            let at = pick(bytes.len().max(1));
            match pick(4) {
                0 => bytes.truncate(at),
                1 if at < bytes.len() => bytes[at] = pick(256) as u8,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at.min(bytes.len())..),
            }
        }
        let mut session = joined(false, 20);
        session.handle(at(50), Input::Text(&bytes));
        assert!(session.cursor().is_some_and(|cursor| cursor.seq >= Seq(20)));
        drain(&mut session);
    }
}
