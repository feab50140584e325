//! Requests, as the journal tells them: every vote, every decision, by the policy copied and the roles held at the time.

use std::{collections::BTreeSet, time::Duration};

use unionflow_domain::approval::content;
use unionflow_protocol::{
    Event, Role, RoleSet, Timestamp,
    account::AccountKind,
    approval::{ApprovalStatus, Decision, TransactionType},
    event::approvals::*,
    id::{AccountId, ApprovalId, EntryId, MemberId},
    member::MemberStatus,
    problem::ErrorCode,
    rest::approval::Blocked,
};

use super::{Retold, Told};

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) requester: MemberId,
    pub(super) content: ApprovalContent,
    pub(super) terms: ApprovalTerms,
    pub(super) status: ApprovalStatus,
    pub(super) votes: Vec<Ballot>,
    pub(super) blocked: Option<Blocked>,
    pub(super) reserved_on: Option<AccountId>,
    /// The account of its reservation, whatever became of it.
    pub(super) set_aside: Option<AccountId>,
    pub(super) entry: Option<EntryId>,
    made_at: Timestamp,
    execute_by: Option<Timestamp>,
    failed: bool,
}

/// A vote that stands.
#[derive(Debug, Clone)]
pub(super) struct Ballot {
    pub(super) voter: MemberId,
    pub(super) step: u8,
    single: bool,
}

/// The request that an event is about.
pub(super) fn id_of(event: &Event) -> Option<ApprovalId> {
    Some(match event {
        Event::ApprovalPending(data) => data.id,
        Event::ApprovalUpdated(data) => data.id,
        Event::ApprovalVoteRecorded(data) => data.id,
        Event::ApprovalVoteWithdrawn(data) => data.id,
        Event::ApprovalBlocked(data) => data.id,
        Event::ApprovalUnblocked(data) => data.id,
        Event::ApprovalApproved(data) => data.id,
        Event::ApprovalRejected(data) => data.id,
        Event::ApprovalCancelled(data) => data.id,
        Event::ApprovalExpired(data) => data.id,
        Event::ApprovalLapsed(data) => data.id,
        Event::ApprovalExecuted(data) => data.id,
        Event::ApprovalExecutionFailed(data) => data.id,
        _ => return None,
    })
}

impl Request {
    /// Whether the beneficiary may not see it yet.
    pub(super) fn is_hidden(&self) -> bool {
        let granted = [ApprovalStatus::Approved, ApprovalStatus::Executed, ApprovalStatus::Lapsed];
        self.content.transaction_type == TransactionType::RoleChange && !granted.contains(&self.status)
    }

    /// The step that waits, from 1; none once all have their votes.
    pub(super) fn open_step(&self) -> Option<u8> {
        (1u8..).zip(&self.terms.policy.steps).find_map(|(step, rule)| {
            let votes = self.in_step(step);
            let closed =
                votes.len() >= usize::from(rule.min_approvals) || votes.iter().any(|vote| vote.single);
            (!closed).then_some(step)
        })
    }

    fn in_step(&self, step: u8) -> Vec<&Ballot> {
        self.votes.iter().filter(|vote| vote.step == step).collect()
    }

    fn roles(&self, step: u8) -> RoleSet {
        self.terms.policy.steps[usize::from(step) - 1].roles
    }

    fn is_maker(&self, member: MemberId) -> bool {
        self.requester == member || self.content.beneficiary_member_id == Some(member)
    }
}

impl Retold {
    pub(super) fn about_a_request(&mut self, told: &Told) {
        let event = &told.envelope.event;
        if let Event::ApprovalPending(data) = event {
            return self.asked(told, data);
        }
        let id = id_of(event).expect("it is about a request");
        let mut request = self.requests.get(&id).expect("a request of this organisation").clone();
        assert!(!request.status.is_final(), "V7: nothing follows an end: {told:?}");
        let pending = request.status == ApprovalStatus::Pending;
        match event {
            Event::ApprovalExecuted(_) | Event::ApprovalExecutionFailed(_) | Event::ApprovalLapsed(_) => {
                assert!(!pending, "{told:?}");
                self.after_approval(told, &mut request, id);
            }
            _ => {
                assert!(pending, "{told:?}");
                self.while_pending(told, &mut request);
            }
        }
        self.requests.insert(id, request);
    }

    fn asked(&mut self, told: &Told, data: &ApprovalPending) {
        assert_eq!(told.envelope.head.actor_id, Some(data.requester_id));
        let request = Request {
            requester: data.requester_id,
            content: data.content.clone(),
            terms: data.terms.clone(),
            status: ApprovalStatus::Pending,
            votes: Vec::new(),
            blocked: None,
            reserved_on: None,
            set_aside: None,
            entry: None,
            made_at: self.at,
            execute_by: None,
            failed: false,
        };
        self.terms_are_those_in_force(&request);
        self.code_givers_are_named(&request, &[]);
        self.may_ask(&request);
        let twin = self.requests.values().find(|other| {
            let governs = other.content.transaction_type.is_governance();
            governs && other.status == ApprovalStatus::Pending && same_change(&other.content, &data.content)
        });
        assert!(twin.is_none(), "one open request for the same change");
        assert!(self.requests.insert(data.id, request).is_none());
    }

    /// Exactly one band, half open, copied from the policy in force.
    fn terms_are_those_in_force(&self, request: &Request) {
        let (version, rules) = self.policy.as_ref().expect("there is a policy");
        let (content, terms) = (&request.content, &request.terms);
        let fits = |band: &&unionflow_protocol::approval::Band| {
            band.transaction_type == content.transaction_type
                && band.min_amount <= content.amount
                && band.max_amount.is_none_or(|max| content.amount < max)
        };
        let bands: Vec<_> = rules.bands.iter().filter(fits).collect();
        assert_eq!(bands.len(), 1, "P1");
        assert_eq!((terms.policy_version, terms.required_level), (*version, bands[0].required_level));
        assert_eq!(terms.policy.single_signature, rules.single_signature);
        let level = rules.levels.get(&terms.required_level);
        assert_eq!(terms.policy.steps, level.map_or(Vec::new(), |level| level.steps.clone()));
        let hours = level.map_or(14 * 24, |level| level.decide_within_hours);
        assert_eq!(terms.decide_by, self.at.plus(Duration::from_secs(u64::from(hours) * 3600)));
        assert_eq!(terms.content_hash, content::hash(content), "P14");
        for account in [content.account_id, content.to_account_id].into_iter().flatten() {
            assert!(self.accounts[&account].kind.holds_money(), "of this organisation");
        }
        assert!(content.beneficiary_member_id.is_none_or(|member| self.members.contains_key(&member)));
    }

    /// Whoever was shown a code to the account of maker or beneficiary less than 90 days before it was made, or since, is named
    /// when it is made or edited.
    fn code_givers_are_named(&self, request: &Request, before: &[MemberId]) {
        let makers = self.members.keys().filter(|id| request.is_maker(**id));
        let givers = makers.flat_map(|maker| self.recent_givers(request, *maker));
        let expected: BTreeSet<MemberId> = givers.chain(before.iter().copied()).collect();
        let named = &request.terms.code_givers;
        assert_eq!(named.len(), expected.len(), "each once");
        assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), expected);
    }

    fn recent_givers(&self, request: &Request, receiver: MemberId) -> Vec<MemberId> {
        let before = Duration::from_secs(90 * 24 * 3600);
        let recent = |at: Timestamp| at.plus(before) > request.made_at;
        let givers = self.members[&receiver].code_givers.iter();
        givers.filter(|(_, at)| recent(**at)).map(|(giver, _)| *giver).collect()
    }

    /// Whether one of the two was shown a code to the other's account: they are one person.
    fn are_one(&self, request: &Request, a: MemberId, b: MemberId) -> bool {
        self.recent_givers(request, a).contains(&b) || self.recent_givers(request, b).contains(&a)
    }

    /// Whether this member counts as one with a maker or with somebody who has voted.
    fn is_one_with_others(&self, request: &Request, voter: MemberId) -> bool {
        let voted = |id: MemberId| request.votes.iter().any(|vote| vote.voter == id);
        let others = self.members.keys().filter(|id| request.is_maker(**id) || voted(**id));
        request.terms.code_givers.contains(&voter)
            || others.into_iter().any(|other| self.are_one(request, voter, *other))
    }

    fn may_ask(&self, request: &Request) {
        let (content, roles) = (&request.content, self.rights(request.requester));
        let held = |allowed: &[Role]| roles.intersects(RoleSet::of(allowed));
        let may = match (content.transaction_type, content.role_change) {
            (TransactionType::PolicyChange, _) | (_, Some(RoleChange::Role { .. })) => {
                held(&[Role::Admin, Role::President])
            }
            (_, Some(_)) => held(&[Role::Admin, Role::President, Role::Secretary]),
            (TransactionType::Aid, None) => {
                roles.intersects(RoleSet::VOTING)
                    || (held(&[Role::Member]) && content.beneficiary_member_id == Some(request.requester))
            }
            (
                TransactionType::Expense
                | TransactionType::Deposit
                | TransactionType::Withdrawal
                | TransactionType::Transfer,
                None,
            ) => roles.intersects(RoleSet::VOTING),
            (_, None) => false,
        };
        assert!(may, "{request:?} by {roles:?}");
        assert_eq!(content.transaction_type.is_governance(), content.amount.minor_units() == 0);
    }

    fn while_pending(&mut self, told: &Told, request: &mut Request) {
        let actor = told.envelope.head.actor_id;
        match &told.envelope.event {
            Event::ApprovalUpdated(data) => {
                assert!(actor == Some(request.requester) && self.at < request.terms.decide_by, "{told:?}");
                assert_eq!(data.previous_amount, request.content.amount);
                assert_eq!(usize::try_from(data.voided_votes), Ok(request.votes.len()));
                let named = std::mem::take(&mut request.terms.code_givers);
                (request.content, request.terms) = (data.content.clone(), data.terms.clone());
                request.votes.clear();
                self.terms_are_those_in_force(request);
                self.code_givers_are_named(request, &named);
                self.may_ask(request);
            }
            Event::ApprovalVoteRecorded(data) => self.voted(told, request, data),
            Event::ApprovalVoteWithdrawn(data) => {
                assert!(
                    actor == Some(data.voter_id) && request.open_step() == Some(data.step),
                    "P13: {told:?}"
                );
                let own = |vote: &Ballot| vote.voter == data.voter_id && vote.step == data.step;
                let place = request.votes.iter().position(own).expect("P13: a vote to take back");
                request.votes.remove(place);
                assert_eq!(request.in_step(data.step).len(), usize::from(data.votes_in_step));
            }
            Event::ApprovalBlocked(data) => {
                let blocked = Blocked { missing: data.missing, roles_to_act: data.roles_to_act };
                assert_ne!(request.blocked, Some(blocked), "said once: {told:?}");
                request.blocked = Some(blocked);
            }
            Event::ApprovalUnblocked(_) => {
                assert!(request.blocked.take().is_some(), "{told:?}");
            }
            Event::ApprovalApproved(data) => self.approved(told, request, data),
            Event::ApprovalRejected(data) => {
                assert_eq!(actor, Some(data.rejected_by));
                assert_eq!(request.open_step(), Some(data.step));
                self.may_vote(request, data.rejected_by, data.step, None);
                request.status = ApprovalStatus::Rejected;
            }
            Event::ApprovalCancelled(data) => {
                if data.by.is_none() {
                    assert_eq!(self.member(request.requester).status, MemberStatus::Left, "{told:?}");
                } else {
                    assert_eq!((actor, data.by), (Some(request.requester), Some(request.requester)));
                }
                request.status = ApprovalStatus::Cancelled;
            }
            Event::ApprovalExpired(_) => {
                assert!(self.at >= request.terms.decide_by && actor.is_none(), "{told:?}");
                request.status = ApprovalStatus::Expired;
            }
            other => panic!("{other:?}"),
        }
        if request.status != ApprovalStatus::Pending {
            request.blocked = None;
        }
    }

    fn voted(&self, told: &Told, request: &mut Request, data: &ApprovalVoteRecorded) {
        assert_eq!((told.envelope.head.actor_id, data.decision), (Some(data.voter_id), Decision::Approve));
        assert_eq!(data.content_hash, request.terms.content_hash, "P14");
        assert_eq!(request.open_step(), Some(data.step));
        assert!(self.is_for_an_active_member(request), "{told:?}");
        self.may_vote(request, data.voter_id, data.step, Some(data.single_signature));
        let single = data.single_signature;
        request.votes.push(Ballot { voter: data.voter_id, step: data.step, single });
        assert_eq!(request.in_step(data.step).len(), usize::from(data.votes_in_step), "P9");
    }

    /// Whether no money goes to somebody who was let go.
    fn is_for_an_active_member(&self, request: &Request) -> bool {
        let beneficiary =
            request.content.beneficiary_member_id.filter(|_| request.content.role_change.is_none());
        beneficiary.is_none_or(|id| self.member(id).status == MemberStatus::Active)
    }

    /// By the roles held at this moment.
    fn may_vote(&self, request: &Request, voter: MemberId, step: u8, single: Option<bool>) {
        assert!(self.at < request.terms.decide_by, "V8");
        assert_ne!(request.content.beneficiary_member_id, Some(voter), "never the beneficiary");
        let voters = self.voters();
        let alone = request.terms.policy.single_signature && voters.len() == 1 && voters[0].0 == voter;
        assert!(single.is_none_or(|single| single == alone), "P26");
        if alone {
            assert!(request.votes.iter().all(|vote| vote.voter != voter || vote.step != step), "P9");
        } else {
            assert!(!request.is_maker(voter), "P8");
            assert!(!self.is_one_with_others(request, voter), "giver and receiver are one person");
            assert!(self.rights(voter).intersects(request.roles(step)), "P5");
            assert!(request.votes.iter().all(|vote| vote.voter != voter), "P9");
        }
    }

    fn approved(&mut self, told: &Told, request: &mut Request, data: &ApprovalApproved) {
        assert_eq!(request.open_step(), None, "V5");
        let before = self.before.as_ref().expect("something was told");
        assert_eq!(before.seq.next(), told.seq, "the decision is the very next event");
        let (asked, voted) = match &before.envelope.event {
            Event::ApprovalVoteRecorded(vote) => (false, vote.id == data.id),
            Event::ApprovalPending(pending) => (pending.id == data.id, false),
            Event::ApprovalUpdated(updated) => (updated.id == data.id, false),
            _ => (false, false),
        };
        let none_needed = request.terms.policy.steps.is_empty();
        assert!(if none_needed { asked } else { voted }, "the last vote decides: {told:?}");
        let approvers: Vec<MemberId> = request.votes.iter().map(|vote| vote.voter).collect();
        assert_eq!((&data.approvers, data.approved_by), (&approvers, approvers.last().copied()));
        let hours = u64::from(request.terms.execute_within_hours);
        assert_eq!(data.execute_by, self.at.plus(Duration::from_secs(hours * 3600)));
        (request.status, request.execute_by) = (ApprovalStatus::Approved, Some(data.execute_by));
        let Some(payer) = self.payer(&request.content) else {
            assert!(!data.reserved && data.account_id.is_none());
            return;
        };
        let account = self.accounts.get_mut(&payer).expect("an account of this organisation");
        let available = account.balance.minus(account.reserved).expect("within range");
        assert_eq!(data.reserved, available >= request.content.amount, "L4");
        assert_eq!(data.account_id, data.reserved.then_some(payer), "the account that pays");
        if data.reserved {
            account.reserved = account.reserved.plus(request.content.amount).expect("within range");
            request.reserved_on = Some(payer);
            request.set_aside = Some(payer);
        }
    }

    fn payer(&self, content: &ApprovalContent) -> Option<AccountId> {
        match content.transaction_type {
            TransactionType::Deposit => {
                let cash = self.accounts.iter().find(|(_, account)| account.kind == AccountKind::Cash);
                cash.map(|(id, _)| *id)
            }
            _ => content.account_id,
        }
    }

    fn after_approval(&mut self, told: &Told, request: &mut Request, id: ApprovalId) {
        let governs = request.content.transaction_type.is_governance();
        let in_time = request.execute_by.is_some_and(|deadline| self.at < deadline);
        match &told.envelope.event {
            Event::ApprovalExecuted(data) => {
                assert!(in_time, "P18");
                let by = data.executed_by.expect("somebody did");
                if governs {
                    assert_eq!(Some(by), request.votes.last().map(|vote| vote.voter));
                } else {
                    assert!(self.rights(by).contains(Role::Treasurer), "only a treasurer");
                    assert!(self.is_for_an_active_member(request), "{told:?}");
                    assert!(data.entry_id.is_some() && data.entry_id == request.entry, "V6");
                }
                request.status = ApprovalStatus::Executed;
            }
            Event::ApprovalExecutionFailed(data) => {
                assert!(in_time, "P18");
                request.failed = true;
                if data.code == ErrorCode::BeneficiaryNotActive {
                    assert!(!self.is_for_an_active_member(request), "{told:?}");
                } else if !governs {
                    assert_eq!(data.code, ErrorCode::InsufficientFunds);
                    assert_eq!(request.reserved_on, None, "what was set aside is there");
                    let account = &self.accounts[&self.payer(&request.content).expect("it posts")];
                    let available = account.balance.minus(account.reserved).expect("within range");
                    assert_eq!(data.available, Some(available));
                    assert!(available < request.content.amount, "P19");
                }
            }
            _ => {
                assert!(if governs { request.failed } else { !in_time }, "P18: {told:?}");
                request.status = ApprovalStatus::Lapsed;
                self.release(id);
                request.reserved_on = None;
            }
        }
    }

    /// Whether a request for exactly this change of this member was approved, and takes effect now.
    pub(super) fn decided_now(&self, id: ApprovalId, about: MemberId, change: RoleChange) -> bool {
        let request = &self.requests[&id];
        request.status == ApprovalStatus::Approved
            && request.content.beneficiary_member_id == Some(about)
            && request.content.role_change == Some(change)
    }

    /// How many votes can no longer come, by trying every way to fill the places that are left.
    pub(super) fn missing(&self, request: &Request) -> u8 {
        let Some(open) = request.open_step() else { return 0 };
        let voters = self.voters();
        if let [(lone, _)] = voters.as_slice()
            && request.terms.policy.single_signature
            && request.content.beneficiary_member_id != Some(*lone)
        {
            return 0;
        }
        let mut places = Vec::new();
        for (step, rule) in (1u8..).zip(&request.terms.policy.steps).skip(usize::from(open) - 1) {
            let left = usize::from(rule.min_approvals).saturating_sub(request.in_step(step).len());
            places.extend(std::iter::repeat_n(rule.roles, left));
        }
        let free: Vec<(MemberId, RoleSet)> = voters
            .into_iter()
            .filter(|(id, _)| !request.is_maker(*id) && request.votes.iter().all(|vote| vote.voter != *id))
            .filter(|(id, _)| !self.is_one_with_others(request, *id))
            .collect();
        let filled = most_filled(&places, &free, &|a, b| self.are_one(request, a, b));
        u8::try_from(places.len() - filled).expect("few")
    }
}

fn most_filled(
    places: &[RoleSet],
    free: &[(MemberId, RoleSet)],
    are_one: &impl Fn(MemberId, MemberId) -> bool,
) -> usize {
    let Some((place, rest)) = places.split_first() else { return 0 };
    let mut best = most_filled(rest, free, are_one);
    for &(voter, roles) in free {
        if roles.intersects(*place) {
            let mut left = free.to_vec();
            left.retain(|(other, _)| *other != voter && !are_one(*other, voter));
            best = best.max(1 + most_filled(rest, &left, are_one));
        }
    }
    best
}

fn same_change(a: &ApprovalContent, b: &ApprovalContent) -> bool {
    ApprovalContent { purpose_hash: String::new(), ..a.clone() }
        == ApprovalContent { purpose_hash: String::new(), ..b.clone() }
}
