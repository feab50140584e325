//! Organisations, members and records for the tests of this crate.

use std::sync::Arc;

use unionflow_protocol::{
    Audience, Currency, Date, Envelope, EnvelopeHead, Event, Origin, Position, Record, Role, Seq, Timestamp,
    Topic, View,
    event::{
        dashboard::{DashboardStatsUpdate, KpiUpdate},
        members::{MemberInvited, MemberReinstated, MemberSuspended, RoleGranted, RoleRevoked},
        notifications::NotificationRead,
    },
    id::{Epoch, EventId, MemberId, OrganizationId, PersonId},
    member::MemberStatus,
};
use uuid::Uuid;

use crate::feed::Live;

pub(crate) fn organization(n: u128) -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(0x0a00 + n))
}

pub(crate) fn member(n: u128) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(0x0e00 + n))
}

pub(crate) fn person(n: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(0x0b00 + n))
}

pub(crate) fn epoch(n: u128) -> Epoch {
    Epoch::from_uuid(Uuid::from_u128(0x0c00 + n))
}

/// When every sample was recorded.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000)
}

/// The day that every sample state refers to.
pub(crate) fn day() -> Date {
    "2026-11-22".parse().expect("a date")
}

/// A record as the store would encode it.
pub(crate) fn record(
    organization_id: OrganizationId,
    position: Position,
    audience: Audience,
    event: impl Into<Event>,
) -> Record {
    let (event, seq) = (event.into(), position.seq().0);
    let event_id =
        EventId::from_uuid(Uuid::from_u128(organization_id.uuid().as_u128() << 64 | u128::from(seq)));
    let known = event.event_type();
    let head = EnvelopeHead {
        event_id,
        organization_id,
        position,
        timestamp: noon(),
        aggregate_id: organization_id.into(),
        aggregate_version: Some(seq),
        actor_id: None,
        service_key_id: None,
        origin: Origin::Command,
        causation_id: None,
    };
    Record {
        organization_id,
        position,
        event_id,
        event_type: event.type_name().to_owned().into(),
        topic: known.map_or(Topic::Members, unionflow_protocol::EventType::topic),
        audience,
        key: organization_id.into(),
        timestamp: noon(),
        trace_parent: None,
        inbound: false,
        value: Envelope { head, event }.encode(),
    }
}

/// A fact that changes nobody's rights.
pub(crate) fn fact_of(organization: OrganizationId, seq: u64, audience: Audience) -> Record {
    record(organization, Position::Fact(Seq(seq)), audience, MemberInvited { id: member(0) })
}

/// A role given.
pub(crate) fn granted_of(organization: OrganizationId, seq: u64, id: MemberId, role: Role) -> Record {
    let event = RoleGranted { id, role, approval_id: None };
    record(organization, Position::Fact(Seq(seq)), Audience::everyone(), event)
}

/// A role taken.
pub(crate) fn revoked_of(organization: OrganizationId, seq: u64, id: MemberId, role: Role) -> Record {
    let event = RoleRevoked { id, role, approval_id: None };
    record(organization, Position::Fact(Seq(seq)), Audience::everyone(), event)
}

/// A member suspended.
pub(crate) fn suspended_of(organization: OrganizationId, seq: u64, id: MemberId) -> Record {
    let event = MemberSuspended {
        id,
        status: MemberStatus::Suspended,
        previous_status: MemberStatus::Active,
        effective_on: day(),
        has_reason: false,
        approval_id: None,
    };
    record(organization, Position::Fact(Seq(seq)), keepers_and(id), event)
}

/// A suspended member active again.
pub(crate) fn reinstated_of(organization: OrganizationId, seq: u64, id: MemberId) -> Record {
    let event = MemberReinstated {
        id,
        status: MemberStatus::Active,
        previous_status: MemberStatus::Suspended,
        effective_on: day(),
        has_reason: false,
        approval_id: None,
    };
    record(organization, Position::Fact(Seq(seq)), keepers_and(id), event)
}

/// Figures of a view.
pub(crate) fn stats_of(organization: OrganizationId, as_of: u64, view: View) -> Record {
    let event = DashboardStatsUpdate {
        view,
        members: Default::default(),
        contributions: Default::default(),
        approvals: Default::default(),
        balance: None,
        currency: Currency::XOF,
    };
    record(organization, state(as_of), Audience::view(view), event)
}

/// The series of a view.
pub(crate) fn kpis_of(organization: OrganizationId, as_of: u64, view: View) -> Record {
    let event = KpiUpdate {
        view,
        months: Vec::new(),
        members: Default::default(),
        contributions: Default::default(),
        approvals: Default::default(),
        balance: None,
        currency: Currency::XOF,
    };
    record(organization, state(as_of), Audience::view(view), event)
}

/// How far a member has read; `unread` says whose mark it is.
pub(crate) fn read_of(organization: OrganizationId, as_of: u64, id: MemberId, read_up_to: Seq) -> Record {
    let event = NotificationRead { read_up_to, unread: u32::from(id.as_bytes()[15]) };
    record(organization, state(as_of), Audience::member(id), event)
}

fn state(as_of: u64) -> Position {
    Position::State { as_of_seq: Seq(as_of), as_of_date: day() }
}

fn keepers_and(id: MemberId) -> Audience {
    Audience::roles(unionflow_protocol::RoleSet::KEEPERS).and_member(id)
}

/// Framed, as the hub has it.
pub(crate) fn live(record: &Record) -> Arc<Live> {
    Arc::new(Live::new(record))
}

/// A fact of the first organisation for everyone.
pub(crate) fn fact(seq: u64) -> Arc<Live> {
    live(&fact_of(organization(1), seq, Audience::everyone()))
}

/// Figures of the first organisation.
pub(crate) fn stats(as_of: u64, view: View) -> Arc<Live> {
    live(&stats_of(organization(1), as_of, view))
}
