//! An organisation as its journal alone tells it, each event checked against the rules as it is heard.
//!
//! Written anew from the rules, not from the code that it checks: it shares with it only the shapes of events, the fold of
//! figures and the content hash.

mod decisions;
mod members;
mod money;
mod stored;

use std::collections::{BTreeMap, BTreeSet};

use decisions::Request;
use unionflow_domain::figures::Figures;
use unionflow_protocol::{
    Amount, Audience, Event, EventType, Position, Role, RoleSet, Seq, TimeZone, Timestamp,
    account::AccountKind,
    approval::PolicyRules,
    id::{AccountId, AggregateId, ApprovalId, EventId, MemberId, OrganizationId},
    member::MemberStatus,
};

use super::super::scene::Told;

/// What the journal has told so far.
pub(super) struct Retold {
    id: OrganizationId,
    zone: TimeZone,
    seq: Seq,
    at: Timestamp,
    versions: BTreeMap<AggregateId, u64>,
    events: BTreeSet<EventId>,
    members: BTreeMap<MemberId, Person>,
    accounts: BTreeMap<AccountId, Balance>,
    requests: BTreeMap<ApprovalId, Request>,
    policy: Option<(u64, PolicyRules)>,
    figures: Option<Figures>,
    /// The last fact that is no notification: who decided, who left.
    before: Option<Told>,
    /// A role that ended because its holder leaves: the next fact must say so.
    leaving: Option<MemberId>,
}

/// A member.
struct Person {
    status: MemberStatus,
    roles: RoleSet,
    joined_on: unionflow_protocol::Date,
    number: String,
    /// Who was shown a code to the account, and when last.
    code_givers: BTreeMap<MemberId, Timestamp>,
}

/// An account.
struct Balance {
    kind: AccountKind,
    balance: Amount,
    reserved: Amount,
}

impl Retold {
    pub(super) fn new(id: OrganizationId) -> Self {
        Self {
            id,
            zone: TimeZone::UTC,
            seq: Seq::ZERO,
            at: Timestamp::from_millis(0),
            versions: BTreeMap::new(),
            events: BTreeSet::new(),
            members: BTreeMap::new(),
            accounts: BTreeMap::new(),
            requests: BTreeMap::new(),
            policy: None,
            figures: None,
            before: None,
            leaving: None,
        }
    }

    /// Hears the next event.
    pub(super) fn hear(&mut self, told: &Told) {
        let head = &told.envelope.head;
        assert_eq!(told.seq, self.seq.next(), "no gap");
        assert_eq!(head.position, Position::Fact(told.seq));
        assert_eq!(head.organization_id, self.id, "of this organisation");
        assert!(head.timestamp >= self.at, "time does not run backwards");
        assert!(self.events.insert(head.event_id), "an event is told once");
        (self.seq, self.at) = (told.seq, head.timestamp);
        let version = self.versions.entry(head.aggregate_id).or_default();
        assert_eq!(head.aggregate_version, Some(*version + 1), "{told:?}");
        *version += 1;
        if let Some(cause) = head.causation_id {
            assert!(self.events.contains(&cause), "what caused it came before: {told:?}");
        }
        let is_notification = matches!(told.envelope.event, Event::UserNotification(_));
        if !is_notification && let Some(leaving) = self.leaving.take() {
            self.is_leaving(leaving, &told.envelope.event);
        }
        self.take_in(told);
        if let Some(actor) = head.actor_id {
            assert!(self.members.contains_key(&actor), "{told:?}");
        }
        assert_eq!(told.audience, self.meant(&told.envelope.event, &told.audience), "{told:?}");
        self.count(told);
        self.balances_hold();
        if !is_notification {
            self.before = Some(told.clone());
        }
    }

    fn take_in(&mut self, told: &Told) {
        match &told.envelope.event {
            Event::OrganizationCreated(data) => self.zone = data.time_zone.clone(),
            Event::PolicyChanged(data) => self.policy_changed(data),
            Event::AccountOpened(data) => self.account_opened(data),
            Event::LedgerEntryPosted(data) => self.entry_posted(data),
            Event::UserNotification(data) => {
                assert!(told.envelope.head.causation_id.is_some(), "an event causes it: {told:?}");
                assert!(data.cause_id.is_none_or(|cause| self.versions.contains_key(&cause)), "{told:?}");
            }
            Event::ApprovalPending(_)
            | Event::ApprovalUpdated(_)
            | Event::ApprovalVoteRecorded(_)
            | Event::ApprovalVoteWithdrawn(_)
            | Event::ApprovalBlocked(_)
            | Event::ApprovalUnblocked(_)
            | Event::ApprovalApproved(_)
            | Event::ApprovalRejected(_)
            | Event::ApprovalCancelled(_)
            | Event::ApprovalExpired(_)
            | Event::ApprovalLapsed(_)
            | Event::ApprovalExecuted(_)
            | Event::ApprovalExecutionFailed(_) => self.about_a_request(told),
            _ => self.about_a_member(told),
        }
    }

    fn count(&mut self, told: &Told) {
        let today = self.at.date_in(&self.zone);
        let figures =
            self.figures.get_or_insert_with(|| Figures::new(unionflow_protocol::Currency::XOF, today));
        figures.apply(&told.envelope.event, today);
    }

    /// The audience of the catalogue.
    fn meant(&self, event: &Event, told: &Audience) -> Audience {
        let event_type = event.event_type().expect("our own events are known");
        let keepers_and = |member| Audience::roles(RoleSet::KEEPERS).and_member(member);
        match event {
            Event::OrganizationCreated(_) | Event::RoleGranted(_) | Event::RoleRevoked(_) => {
                Audience::everyone()
            }
            Event::PolicyChanged(_) => Audience::roles(RoleSet::KEEPERS),
            Event::AccountOpened(_) | Event::LedgerEntryPosted(_) => Audience::roles(RoleSet::of(&[
                Role::President,
                Role::Treasurer,
                Role::Secretary,
                Role::Auditor,
            ])),
            Event::MemberCreated(data) => keepers_and(data.id),
            Event::MemberUpdated(data) => keepers_and(data.id),
            Event::MemberAdmitted(data) => keepers_and(data.id),
            Event::MemberRefused(data) => keepers_and(data.id),
            Event::MemberSuspended(data) => keepers_and(data.id),
            Event::MemberReinstated(data) => keepers_and(data.id),
            Event::MemberLeft(data) => keepers_and(data.id),
            Event::MemberResetIssued(data) => keepers_and(data.id),
            Event::UserNotification(_) => {
                assert!(!told.is_none() && !told.is_everyone(), "a notification is for those meant");
                told.clone()
            }
            _ => self.meant_of_request(event, event_type, told),
        }
    }

    fn meant_of_request(&self, event: &Event, event_type: EventType, told: &Audience) -> Audience {
        let request = &self.requests[&decisions::id_of(event).expect("all others are about requests")];
        // The deciding vote is told with what it decides: whom it concerns may see it then.
        let deciding = event_type == EventType::ApprovalVoteRecorded && told.members().len() == 2;
        let officers = Audience::roles(RoleSet::OFFICERS).and_member(request.requester);
        officers
            .and_member_if(request.content.beneficiary_member_id.filter(|_| deciding || !request.is_hidden()))
    }

    /// An account that holds money has what is set aside of it, and no more is set aside than was.
    fn balances_hold(&self) {
        for account in self.accounts.values().filter(|account| account.kind.holds_money()) {
            assert!(!account.reserved.is_negative());
            assert!(account.balance >= account.reserved, "V9 after {}", self.seq.0);
        }
    }

    fn member(&self, id: MemberId) -> &Person {
        self.members.get(&id).expect("a member of this organisation")
    }

    fn rights(&self, id: MemberId) -> RoleSet {
        let person = self.member(id);
        if person.status == MemberStatus::Active { person.roles } else { RoleSet::EMPTY }
    }

    /// Who holds a voting role now.
    fn voters(&self) -> Vec<(MemberId, RoleSet)> {
        let all = self.members.keys().map(|id| (*id, self.rights(*id)));
        all.filter(|(_, roles)| roles.intersects(RoleSet::VOTING)).collect()
    }
}
