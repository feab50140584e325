//! Facts about the dashboard.

use unionflow_protocol::{
    Currency, Date, EnvelopeHead, Origin, Position, RoleSet, Seq, Timestamp, View,
    event::{
        approvals::ApprovalCancelled,
        dashboard::{ApprovalStats, ContributionStats, DashboardStatsUpdate, MemberStats},
        members::MemberInvited,
    },
    frame::ResyncReason,
    id::{AggregateId, Epoch, EventId, MemberId},
    rest::{AsOf, Page, dashboard::Stats},
};

use super::*;
use crate::{
    error::ErrorKind,
    event::{DashboardStatsEvent, Delivery, FinanceApprovalEvent, MemberEvent, RealtimeEvent},
    message::{Joined, Message, Resync, ResyncCause, RightsChanged},
    rights::Forget,
};

const HERE: OrganizationId = OrganizationId::from_bytes([1; 16]);
const ELSEWHERE: OrganizationId = OrganizationId::from_bytes([2; 16]);
const EPOCH: Epoch = Epoch::from_bytes([3; 16]);

fn figures(active: u32) -> DashboardStatsUpdate {
    DashboardStatsUpdate {
        view: View::Members,
        members: MemberStats { active, ..MemberStats::default() },
        contributions: ContributionStats::default(),
        approvals: ApprovalStats::default(),
        balance: None,
        currency: Currency::XOF,
    }
}

fn today() -> Date {
    Date::new(2026, 11, 22).unwrap()
}

fn told(position: Position, event: RealtimeEvent) -> Input {
    let head = EnvelopeHead {
        event_id: EventId::from_bytes([4; 16]),
        organization_id: HERE,
        position,
        timestamp: Timestamp::from_millis(0),
        aggregate_id: AggregateId::from_bytes([5; 16]),
        aggregate_version: None,
        actor_id: None,
        service_key_id: None,
        origin: Origin::Command,
        causation_id: None,
    };
    Input::RefreshDashboardFromWebSocket(Message::Event(Arc::new(Delivery { head, event })))
}

fn stats_event(seq: u64, active: u32) -> Input {
    let position = Position::State { as_of_seq: Seq(seq), as_of_date: today() };
    told(position, RealtimeEvent::DashboardStats(DashboardStatsEvent::DashboardStatsUpdate(figures(active))))
}

fn approval_event(seq: u64) -> Input {
    let data = serde_json::json!({"id": HERE, "transactionType": "EXPENSE", "amount": 1, "currency": "XOF", "by": null});
    let cancelled: ApprovalCancelled = serde_json::from_value(data).unwrap();
    let event = FinanceApprovalEvent::ApprovalCancelled(cancelled);
    told(Position::Fact(Seq(seq)), RealtimeEvent::FinanceApproval(event))
}

fn member_event(seq: u64) -> Input {
    let invited: MemberInvited = serde_json::from_value(serde_json::json!({"id": HERE})).unwrap();
    told(Position::Fact(Seq(seq)), RealtimeEvent::Member(MemberEvent::MemberInvited(invited)))
}

fn message(message: Message) -> Input {
    Input::RefreshDashboardFromWebSocket(message)
}

fn as_of(seq: u64) -> AsOf {
    AsOf { as_of_seq: Seq(seq), epoch: EPOCH }
}

fn fetched(seq: u64, active: u32) -> Input {
    let stats = Stats {
        organization_id: HERE,
        as_of_date: today(),
        figures: figures(active),
        single_signature_in_effect: false,
        as_of: as_of(seq),
    };
    let approvals = Page { items: Vec::new(), next_cursor: None, as_of: as_of(seq) };
    Input::Fetched(Ok(Box::new(Fetched { stats: Some(stats), kpis: None, approvals: Some(approvals) })))
}

fn joined(organization_id: OrganizationId, epoch: Epoch) -> Input {
    message(Message::Joined(Joined {
        organization_id,
        member_id: MemberId::from_bytes([6; 16]),
        roles: RoleSet::EMPTY,
        epoch,
        head_seq: Seq(1),
        resumed_from: None,
    }))
}

fn give(reducer: &mut Reducer, seconds: u64, input: Input) -> Vec<Effect> {
    reducer.handle(Moment(std::time::Duration::from_secs(seconds)), input);
    std::iter::from_fn(|| reducer.poll_effect()).collect()
}

fn fetches(effects: &[Effect]) -> Vec<Parts> {
    let parts = effects.iter().filter_map(|effect| match effect {
        Effect::Fetch { parts, .. } => Some(*parts),
        Effect::Show(_) | Effect::ShowConnection(_) => None,
    });
    parts.collect()
}

fn active(reducer: &Reducer) -> Option<u32> {
    reducer.state().dashboard().map(|dashboard| dashboard.stats.figures.members.active)
}

fn loaded() -> Reducer {
    let mut reducer = Reducer::default();
    give(&mut reducer, 0, Input::LoadDashboard(HERE));
    give(&mut reducer, 0, fetched(10, 391));
    reducer
}

#[test]
fn figures_are_taken_from_the_event_and_the_newest_stay() {
    let mut reducer = loaded();
    assert_eq!(fetches(&give(&mut reducer, 1, stats_event(12, 392))), []);
    assert_eq!(active(&reducer), Some(392));
    give(&mut reducer, 1, stats_event(11, 391));
    assert_eq!(active(&reducer), Some(392), "an older one says nothing");
}

#[test]
fn the_first_figures_show_before_anything_was_fetched() {
    let mut reducer = Reducer::default();
    give(&mut reducer, 0, Input::LoadDashboard(HERE));
    assert_eq!(*reducer.state(), DashboardState::Loading);
    give(&mut reducer, 0, stats_event(5, 7));
    assert!(matches!(reducer.state(), DashboardState::Loaded(dashboard) if dashboard.approvals.is_none()));
}

#[test]
fn only_what_an_event_touches_is_fetched_and_one_fetch_at_a_time() {
    let mut reducer = loaded();
    assert_eq!(fetches(&give(&mut reducer, 1, member_event(11))), []);
    assert_eq!(fetches(&give(&mut reducer, 1, approval_event(12))), [Parts::APPROVALS]);
    assert_eq!(fetches(&give(&mut reducer, 1, approval_event(13))), [], "one is on its way");
    // It was read before the second event: once more.
    let page = |seq| {
        let approvals = Page { items: Vec::new(), next_cursor: None, as_of: as_of(seq) };
        Input::Fetched(Ok(Box::new(Fetched { approvals: Some(approvals), ..Fetched::default() })))
    };
    assert_eq!(fetches(&give(&mut reducer, 2, page(12))), [Parts::APPROVALS]);
    assert_eq!(fetches(&give(&mut reducer, 2, page(14))), []);
    assert_eq!(fetches(&give(&mut reducer, 2, approval_event(14))), [], "it is in what was fetched");
}

#[test]
fn a_failure_keeps_what_there_was_and_is_tried_again_with_growing_waits() {
    let mut reducer = loaded();
    give(&mut reducer, 1, Input::RefreshDashboard);
    let failure = || Input::Fetched(Err(ErrorKind::Unreachable.into()));
    give(&mut reducer, 2, failure());
    assert!(matches!(reducer.state(), DashboardState::Failure { kept: Some(_), .. }));
    assert_eq!(active(&reducer), Some(391));
    assert_eq!(fetches(&give(&mut reducer, 2, approval_event(99))), [], "not with every event");
    let waits = [1, 2, 4, 8, 16, 32, 60, 60].map(std::time::Duration::from_secs);
    let mut now = 2;
    for wait in waits {
        let due = reducer.next_deadline().unwrap();
        assert_eq!(due.0, std::time::Duration::from_secs(now) + wait);
        now += wait.as_secs();
        assert_eq!(fetches(&give(&mut reducer, now, Input::Deadline)), [Parts::ALL]);
        give(&mut reducer, now, failure());
    }
    let live = Input::WebSocketConnectionChanged(ConnectionStatus::Live);
    assert_eq!(fetches(&give(&mut reducer, now, live)), [Parts::ALL], "the server is back");
    give(&mut reducer, now, fetched(100, 400));
    assert!(matches!(reducer.state(), DashboardState::Loaded(_)));
}

#[test]
fn what_may_not_be_held_any_more_is_gone_from_the_screen_at_once() {
    let mut reducer = loaded();
    let forget = Forget { figures: true, approvals: true, ..Forget::NOTHING };
    let changed = RightsChanged { roles: RoleSet::EMPTY, seq: Seq(11), forget };
    let effects = give(&mut reducer, 1, message(Message::RightsChanged(changed)));
    assert_eq!(*reducer.state(), DashboardState::Loading);
    assert_eq!(fetches(&effects), [Parts::ALL]);
}

#[test]
fn after_a_resync_everything_is_fetched_and_places_of_the_old_journal_count_no_more() {
    let mut reducer = loaded();
    give(&mut reducer, 1, joined(HERE, EPOCH));
    let other = Epoch::from_bytes([9; 16]);
    let resync = Resync {
        organization_id: HERE,
        epoch: other,
        head_seq: Seq(3),
        cause: ResyncCause::Server(ResyncReason::OtherEpoch),
    };
    assert_eq!(fetches(&give(&mut reducer, 1, message(Message::ResyncRequired(resync)))), [Parts::ALL]);
    assert_eq!(active(&reducer), Some(391), "shown until the new ones are there");
    give(&mut reducer, 1, stats_event(3, 380));
    assert_eq!(active(&reducer), Some(380), "a lower place in the new journal is newer");
    let mut behind = loaded();
    assert_eq!(fetches(&give(&mut behind, 1, message(Message::FellBehind { missed: 7 }))), [Parts::ALL]);
}

#[test]
fn another_organisation_begins_anew_and_a_late_answer_of_the_old_one_is_nothing() {
    let mut reducer = loaded();
    give(&mut reducer, 1, Input::RefreshDashboard);
    let effects = give(&mut reducer, 1, joined(ELSEWHERE, EPOCH));
    assert!(
        effects.contains(&Effect::Fetch { organization_id: ELSEWHERE, parts: Parts::ALL }),
        "{effects:?}"
    );
    assert_eq!(*reducer.state(), DashboardState::Loading);
    give(&mut reducer, 2, fetched(50, 1));
    assert_eq!(active(&reducer), None);
}

#[test]
fn the_connection_is_shown_beside_and_each_state_once() {
    let mut reducer = loaded();
    let live = || Input::WebSocketConnectionChanged(ConnectionStatus::Live);
    assert_eq!(give(&mut reducer, 1, live()), [Effect::ShowConnection(ConnectionStatus::Live)]);
    assert_eq!(give(&mut reducer, 1, live()), []);
    assert_eq!(give(&mut reducer, 1, stats_event(10, 391)), [], "nothing that was not shown");
}
