//! Facts about the model, and a made-up dashboard for those about the screen.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyModifiers};
use serde_json::{Value, json};
use unionflow_client::{Delivery, ErrorKind, Forget, RightsChanged, bloc::PendingApprovals};
use unionflow_protocol::{
    RoleSet,
    event::dashboard::{DashboardStatsUpdate, KpiUpdate},
    id::{MemberId, OrganizationId},
    problem::ErrorCode,
};

use super::*;

/// An id, as UUIDs are written.
fn id(n: u8) -> String {
    OrganizationId::from_bytes([n; 16]).to_string()
}

/// A request, on which the viewer may vote or why not.
pub(in crate::watch) fn approval(n: u8, amount: i64, purpose: &str, refusal: Option<ErrorCode>) -> Approval {
    let action = |action: &str| match refusal {
        None => json!({"action": action, "allowed": true}),
        Some(code) => json!({"action": action, "allowed": false, "refusal": code}),
    };
    let hash = format!("{n:064}");
    let at = "2026-11-20T09:00:00.000Z";
    let value = json!({
        "id": id(n), "organizationId": id(1), "version": 1, "status": "PENDING", "requesterId": id(90),
        "transactionType": "EXPENSE", "amount": amount, "currency": "XOF", "purposeHash": hash,
        "purpose": purpose, "requiredLevel": "LEVEL2", "policyVersion": 1,
        "policy": {"steps": [{"roles": ["PRESIDENT"], "minApprovals": 1}, {"roles": ["SECRETARY", "BOARD_MEMBER"], "minApprovals": 1}]},
        "contentHash": hash, "decideBy": "2026-12-09T09:00:00.000Z", "executeWithinHours": 720, "edited": false,
        "currentStep": 1, "votesInStep": 0, "votesNeeded": 1, "votes": [], "blocked": null, "reserved": false,
        "approvedBy": null, "approvedAt": null, "executeBy": null, "rejectedBy": null, "rejectedAt": null,
        "reason": null, "executedBy": null, "executedAt": null, "entryId": null, "lastFailure": null,
        "createdAt": at, "updatedAt": at, "actions": [action("approve"), action("reject")],
        "asOfSeq": 3074, "epoch": id(3),
    });
    serde_json::from_value(value).unwrap()
}

fn stats() -> DashboardStatsUpdate {
    let value = json!({
        "view": "officers", "currency": "XOF",
        "members": {"total": 400, "active": 391, "suspended": 9, "newThisMonth": 3},
        "contributions": {"issued": 0, "collected": 0, "outstanding": 0, "overdue": 0, "collectionRate": 0},
        "approvals": {"pendingCount": 3, "pendingAmount": 1_265_000, "approvedThisMonth": 480_000, "executedThisMonth": 351_000},
        "balance": {"total": 7_505_000, "accounts": [
            {"accountId": id(20), "kind": "CASH", "balance": 505_000},
            {"accountId": id(21), "kind": "BANK", "balance": 5_000_000},
            {"accountId": id(22), "kind": "MOBILE_MONEY", "balance": 2_000_000},
        ]},
    });
    serde_json::from_value(value).unwrap()
}

fn kpis() -> KpiUpdate {
    let months: Vec<String> =
        (0..12).map(|n| format!("{}-{:02}", 2025 + (n + 11) / 12, (n + 11) % 12 + 1)).collect();
    let counts: Vec<u32> = (0..12).map(|n| 380 + n * 20 / 11).collect();
    let waits = [1, 0, 2, 4, 3, 5, 2, 1, 0, 6, 4, 3];
    let sums: Vec<i64> = waits.iter().map(|n| n * 80_000).collect();
    let held = [6_100, 6_300, 6_250, 6_600, 6_800, 6_500, 6_900, 7_100, 7_000, 7_300, 7_400, 7_505];
    let held: Vec<i64> = held.iter().map(|n| n * 1_000).collect();
    let none = [0; 12];
    let value = json!({
        "view": "officers", "currency": "XOF", "months": months,
        "members": {"total": counts, "active": counts, "suspended": none, "newThisMonth": waits},
        "contributions": {"collectionRate": none},
        "approvals": {"pendingCount": waits, "approvedThisMonth": sums, "executedThisMonth": sums},
        "balance": {"total": held, "accounts": []},
    });
    serde_json::from_value(value).unwrap()
}

/// A dashboard with these requests.
pub(in crate::watch) fn dashboard(items: Vec<Approval>) -> DashboardState {
    let (as_of_seq, as_of_date) = (Seq(3074), "2026-11-25".parse().unwrap());
    DashboardState::Loaded(Arc::new(Dashboard {
        organization_id: OrganizationId::from_bytes([1; 16]),
        stats: unionflow_client::bloc::Figures { figures: stats(), as_of_seq, as_of_date },
        kpis: Some(unionflow_client::bloc::Figures { figures: kpis(), as_of_seq, as_of_date }),
        approvals: Some(PendingApprovals { items, has_more: false, as_of_seq }),
    }))
}

/// An event as it came.
pub(in crate::watch) fn told(seq: u64, event_type: &str, data: &Value) -> Message {
    let envelope = json!({
        "eventId": id(8), "eventType": event_type, "organizationId": id(1), "seq": seq,
        "timestamp": "2026-11-25T10:15:30.123Z", "aggregateId": id(9), "aggregateVersion": 1, "actorId": id(90),
        "origin": "command", "causationId": null, "data": data,
    });
    Message::Event(Arc::new(Delivery::decode(envelope.to_string().as_bytes()).unwrap()))
}

/// A vote for the request of that number.
pub(in crate::watch) fn vote(seq: u64, n: u8) -> Message {
    let data = json!({
        "id": id(n), "step": 1, "voterId": id(90), "decision": "APPROVE", "contentHash": format!("{n:064}"),
        "votesInStep": 1, "votesNeeded": 1, "hasComment": false,
    });
    told(seq, "APPROVAL_VOTE_RECORDED", &data)
}

/// A president who looks at three requests; on the newest she may not vote.
pub(in crate::watch) fn looking(language: Language) -> Model {
    let mut model = Model::new(language, "Mutuelle Espoir de Cocody", "awa@exemple.test");
    let items = vec![
        approval(11, 190_000, "Location de la salle", Some(ErrorCode::MakerMayNotVote)),
        approval(12, 75_000, "Chaises pour la salle", None),
        approval(13, 1_000_000, "Réparation du toit du siège, deuxième tranche", None),
    ];
    give(&mut model, Input::Connection(ConnectionStatus::Live));
    give(&mut model, Input::Dashboard(dashboard(items)));
    let names = vec![(MemberId::from_bytes([90; 16]), "Clarisse Exemple".to_owned())];
    give(&mut model, Input::Found(Found { names, purposes: Vec::new() }));
    model
}

pub(in crate::watch) fn give(model: &mut Model, input: Input) -> Vec<Effect> {
    model.handle(Duration::from_secs(1), input);
    std::iter::from_fn(|| model.poll_effect()).collect()
}

pub(in crate::watch) fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    give(model, Input::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn write(model: &mut Model, text: &str) {
    text.chars().for_each(|c| drop(press(model, KeyCode::Char(c))));
}

fn decisions(effects: Vec<Effect>) -> Vec<Decision> {
    let decision = |effect| match effect {
        Effect::Decide(decision) => Some(decision),
        Effect::Leave | Effect::Refresh | Effect::LookUp(_) => None,
    };
    effects.into_iter().filter_map(decision).collect()
}

fn number(model: &Model) -> i64 {
    model.looked_at().unwrap().content.amount.minor_units()
}

#[test]
fn requests_that_wait_for_this_person_come_first_and_keys_choose_among_them() {
    let mut model = looking(Language::English);
    assert_eq!(number(&model), 75_000);
    press(&mut model, KeyCode::Down);
    assert_eq!(number(&model), 1_000_000);
    press(&mut model, KeyCode::End);
    assert_eq!(number(&model), 190_000);
    press(&mut model, KeyCode::Up);
    assert_eq!(number(&model), 1_000_000);
}

#[test]
fn a_vote_is_bound_to_what_was_seen_and_needs_a_yes() {
    let mut model = looking(Language::English);
    assert_eq!(press(&mut model, KeyCode::Char('a')), []);
    // It is edited while the question stands: the vote is for what was seen, and the server refuses it.
    let mut edited = approval(12, 750_000, "Chaises pour la salle", None);
    edited.terms.content_hash = "f".repeat(64);
    give(&mut model, Input::Dashboard(dashboard(vec![edited])));
    let decided = decisions(press(&mut model, KeyCode::Enter));
    let expected = Decision {
        id: approval(12, 0, "", None).id,
        content_hash: format!("{:064}", 12),
        verdict: Verdict::Approve,
    };
    assert_eq!(decided, std::slice::from_ref(&expected));
    assert_eq!(press(&mut model, KeyCode::Char('a')), [], "not while one is on its way");
    assert_eq!(model.dialog, None);
    let refused = ClientError::new(ErrorKind::Refused).with_code(Some(ErrorCode::ContentChanged));
    assert_eq!(give(&mut model, Input::Decided(expected, Err(refused))), [Effect::Refresh]);
    let said = ErrorCode::ContentChanged.title(Language::English).to_owned();
    assert_eq!(model.notice, Some(Notice::Failed(said)));
}

#[test]
fn a_rejection_asks_for_a_reason_that_is_long_enough() {
    let mut model = looking(Language::French);
    press(&mut model, KeyCode::Char('r'));
    write(&mut model, "ab ");
    assert_eq!(press(&mut model, KeyCode::Enter), [], "three characters at least, and spaces are none");
    press(&mut model, KeyCode::Backspace);
    give(&mut model, Input::Pasted("c\u{1b}[2J\nqa".to_owned()));
    let decided = decisions(press(&mut model, KeyCode::Enter));
    assert_eq!(decided.len(), 1);
    assert_eq!(decided[0].verdict, Verdict::Reject { reason: "abc [2J qa".to_owned() });
    let done = Input::Decided(decided[0].clone(), Ok(()));
    assert_eq!(give(&mut model, done), []);
    assert_eq!(model.notice, Some(Notice::Done("Demande rejetée.")));
}

#[test]
fn whoever_may_not_vote_is_told_why_and_asked_nothing() {
    let mut model = looking(Language::English);
    press(&mut model, KeyCode::End);
    for key in ['a', 'r'] {
        assert_eq!(press(&mut model, KeyCode::Char(key)), []);
        assert_eq!(model.dialog, None);
        let why = ErrorCode::MakerMayNotVote.title(Language::English).to_owned();
        assert_eq!(model.notice, Some(Notice::Failed(why)));
    }
}

#[test]
fn when_a_request_is_gone_the_next_one_is_looked_at() {
    let mut model = looking(Language::English);
    let rest = || vec![approval(11, 190_000, "Salle", None), approval(13, 1_000_000, "Toit", None)];
    give(&mut model, Input::Dashboard(dashboard(rest())));
    assert_eq!(number(&model), 190_000);
    press(&mut model, KeyCode::Down);
    give(&mut model, Input::Dashboard(DashboardState::Loading));
    assert!(model.looked_at().is_none());
    assert_eq!(press(&mut model, KeyCode::Char('a')), [], "there is nothing to vote on");
}

#[test]
fn names_are_asked_for_once_and_gone_with_the_right_to_see_them() {
    let mut model = Model::new(Language::English, "Mutuelle Essai", "awa@exemple.test");
    let wanted = give(&mut model, Input::Told(vote(7, 12)));
    assert!(
        matches!(&wanted[..], [Effect::LookUp(wanted)] if wanted.members.len() == 1 && wanted.approvals.len() == 1)
    );
    assert_eq!(give(&mut model, Input::Told(vote(8, 12))), []);
    let forget = Forget { approvals: true, ..Forget::NOTHING };
    let changed = RightsChanged { roles: RoleSet::EMPTY, seq: Seq(9), forget };
    give(&mut model, Input::Told(Message::RightsChanged(changed)));
    assert!(model.feed.is_empty());
    assert_eq!(give(&mut model, Input::Told(vote(10, 12))).len(), 1, "asked anew");
}

#[test]
fn the_feed_is_bounded_and_stays_where_somebody_looks() {
    let mut model = looking(Language::English);
    for seq in 1..=600 {
        give(&mut model, Input::Told(vote(seq, 12)));
    }
    assert_eq!((model.feed.len(), model.feed_offset), (FEED, 0));
    press(&mut model, KeyCode::Tab);
    press(&mut model, KeyCode::Down);
    let looked_at = model.feed[model.feed_offset].told.seq();
    give(&mut model, Input::Told(vote(601, 12)));
    assert_eq!(model.feed[model.feed_offset].told.seq(), looked_at);
}

#[test]
fn a_wait_is_counted_down() {
    let mut model = looking(Language::English);
    assert_eq!(model.next_deadline(), None);
    let waiting = ConnectionStatus::Waiting {
        reason: ErrorKind::Broken.into(),
        retry_in: Duration::from_secs(9),
        attempt: 3,
    };
    give(&mut model, Input::Connection(waiting));
    assert_eq!(model.next_deadline(), Some(Duration::from_secs(2)));
    model.handle(Duration::from_secs(5), Input::Tick);
    assert_eq!(model.connection_now().text(Language::English), "Offline; next attempt in 5 s");
}
