//! Who may decide, and whether enough of them are left.
//!
//! Whoever was shown a code that opens another's account may be acting in it: for a request, the two count as one person.

use unionflow_protocol::{RoleSet, approval::ApprovalStatus, id::MemberId, rest::approval::Blocked};

use super::{Approval, Resolution, step_roles};
use crate::member::{CODE_GIVER_FOR, CodeGiver};

/// An active member and the roles held now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voter {
    /// Who.
    pub member_id: MemberId,
    /// Effective roles: a suspended member has none.
    pub roles: RoleSet,
}

/// Somebody was shown a code that opens another's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenCode {
    /// Whose account.
    pub receiver_id: MemberId,
    /// Who was shown it, and when last.
    pub giver: CodeGiver,
}

/// Every active member who holds a role that can vote, and the codes given to them and to those it is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Electorate {
    voters: Vec<Voter>,
    codes: Vec<GivenCode>,
}

/// Ways tried at the most to find out which of two who count as one should vote. Few give codes to office holders, so that
/// it is exact; beyond, more votes may be said to be missing than are.
const WAYS_MAX: u32 = 4096;

impl Electorate {
    /// Of these; those without a voting role are left aside.
    pub fn new(voters: Vec<Voter>) -> Self {
        let voters = voters.into_iter().filter(|voter| voter.roles.intersects(RoleSet::VOTING)).collect();
        Self { voters, codes: Vec::new() }
    }

    /// With the codes that were given to its members, and to makers and beneficiaries of what it decides.
    #[must_use]
    pub fn with_codes(self, codes: Vec<GivenCode>) -> Self {
        Self { codes, ..self }
    }

    /// Whether at most one person could vote at all: only then may a single signature decide.
    pub fn is_lone(&self) -> bool {
        self.voters.len() <= 1
    }

    /// Whether nobody could vote.
    pub fn is_empty(&self) -> bool {
        self.voters.is_empty()
    }

    /// Whether this member is part of it.
    pub fn contains(&self, member: MemberId) -> bool {
        self.voters.iter().any(|voter| voter.member_id == member)
    }
}

impl GivenCode {
    fn is_between(&self, a: MemberId, b: MemberId) -> bool {
        let pair = (self.giver.member_id, self.receiver_id);
        a != b && (pair == (a, b) || pair == (b, a))
    }
}

impl Approval {
    /// Whether a code counts for this request: given not long before it was made, or since. Time that passes while it waits
    /// changes nothing.
    fn counts(&self, code: &GivenCode) -> bool {
        self.created_at.since(code.giver.at) < CODE_GIVER_FOR
    }

    /// Whether one of the two may be acting in the other's account.
    fn are_one(&self, a: MemberId, b: MemberId, electorate: &Electorate) -> bool {
        electorate.codes.iter().any(|code| code.is_between(a, b) && self.counts(code))
    }

    /// Whether this voter and its maker, its beneficiary, or somebody whose vote stands count as one person.
    pub(super) fn is_one_with_others(&self, voter: MemberId, electorate: &Electorate) -> bool {
        let voters = self.standing_votes().map(|vote| vote.voter_id);
        self.terms.code_givers.contains(&voter)
            || self.makers().chain(voters).any(|other| self.are_one(voter, other, electorate))
    }

    /// Who may be acting in the account of its maker or of whom it concerns: those noted before, and those of now.
    pub fn code_givers(&self, electorate: &Electorate) -> Vec<MemberId> {
        let mut givers = self.terms.code_givers.clone();
        let about =
            electorate.codes.iter().filter(|code| self.is_maker(code.receiver_id) && self.counts(code));
        for code in about {
            if !givers.contains(&code.giver.member_id) {
                givers.push(code.giver.member_id);
            }
        }
        givers
    }

    /// Whether this person's one vote completes a step: the policy says so, and nobody else holds a voting role.
    pub(super) fn single_signature_for(&self, voter: MemberId, electorate: &Electorate) -> bool {
        self.terms.policy.single_signature && electorate.is_lone() && electorate.contains(voter)
    }

    /// The roles that the open step waits for; empty unless it is pending.
    pub fn waits_for(&self) -> RoleSet {
        match self.resolve(self.created_at) {
            Resolution::Open { step, .. } if self.status == ApprovalStatus::Pending => {
                step_roles(&self.terms, step)
            }
            _ => RoleSet::EMPTY,
        }
    }

    /// Whether too few people are left who may decide: the votes still needed are matched with the people who could
    /// give them, each person once. The threshold is never lowered.
    pub fn feasibility(&self, electorate: &Electorate) -> Option<Blocked> {
        let Resolution::Open { step: open, votes_in_step, .. } = self.resolve(self.created_at) else {
            return None;
        };
        if self.status != ApprovalStatus::Pending {
            return None;
        }
        let beneficiary = self.content.beneficiary_member_id;
        if let [lone] = electorate.voters.as_slice()
            && self.terms.policy.single_signature
            && beneficiary != Some(lone.member_id)
        {
            return None;
        }
        let free: Vec<&Voter> = electorate
            .voters
            .iter()
            .filter(|voter| !self.is_maker(voter.member_id))
            .filter(|voter| !self.standing_votes().any(|vote| vote.voter_id == voter.member_id))
            .filter(|voter| !self.is_one_with_others(voter.member_id, electorate))
            .collect();
        let mut slots = Vec::new();
        for (step, rule) in (1u8..).zip(&self.terms.policy.steps).skip(usize::from(open) - 1) {
            let have = if step == open { votes_in_step } else { 0 };
            slots.extend(std::iter::repeat_n(
                rule.roles,
                usize::from(rule.min_approvals.saturating_sub(have)),
            ));
        }
        let are_one = |a: &Voter, b: &Voter| self.are_one(a.member_id, b.member_id, electorate);
        let unfilled = unfilled_by_persons(&slots, free, &are_one, &mut { WAYS_MAX });
        if unfilled.is_empty() {
            return None;
        }
        let roles_to_act = unfilled.iter().fold(RoleSet::EMPTY, |roles, slot| roles.union(slots[*slot]));
        Some(Blocked { missing: u8::try_from(unfilled.len()).unwrap_or(u8::MAX), roles_to_act })
    }

    /// Notes whether it is blocked after somebody's rights or votes changed. `Some` when that changed.
    pub fn review_feasibility(&mut self, electorate: &Electorate) -> Option<Option<Blocked>> {
        let now = self.feasibility(electorate);
        if now == self.blocked {
            return None;
        }
        self.blocked = now;
        Some(now)
    }
}

/// The slots that stay empty at the best, where of two who count as one only one votes: whoever counts as one with the most
/// others either stays away, or votes and they stay away.
fn unfilled_by_persons(
    slots: &[RoleSet],
    mut people: Vec<&Voter>,
    are_one: &impl Fn(&Voter, &Voter) -> bool,
    ways: &mut u32,
) -> Vec<usize> {
    let others = |of: &Voter| people.iter().filter(|other| are_one(of, other)).count();
    let most = people.iter().enumerate().map(|(place, voter)| (others(voter), place)).max();
    let Some((1.., place)) = most else { return unfilled(slots, &people) };
    let hub = people.remove(place);
    let rest: Vec<&Voter> = people.iter().copied().filter(|other| !are_one(hub, other)).collect();
    let without_hub = unfilled_by_persons(slots, people, are_one, ways);
    if without_hub.is_empty() || *ways == 0 {
        return without_hub;
    }
    *ways -= 1;
    let with_hub = unfilled_by_persons(slots, [rest, vec![hub]].concat(), are_one, ways);
    if with_hub.len() < without_hub.len() { with_hub } else { without_hub }
}

/// The slots that stay empty when as many as possible are filled, each by another person who holds one of its roles
/// (Kuhn's augmenting paths: slots and people are few).
fn unfilled(slots: &[RoleSet], people: &[&Voter]) -> Vec<usize> {
    let mut filled_by: Vec<Option<usize>> = vec![None; people.len()];
    (0..slots.len())
        .filter(|slot| !fill(*slot, slots, people, &mut filled_by, &mut vec![false; people.len()]))
        .collect()
}

fn fill(
    slot: usize,
    slots: &[RoleSet],
    people: &[&Voter],
    filled_by: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    for person in 0..people.len() {
        if tried[person] || !slots[slot].intersects(people[person].roles) {
            continue;
        }
        tried[person] = true;
        let free = match filled_by[person] {
            None => true,
            Some(other) => fill(other, slots, people, filled_by, tried),
        };
        if free {
            filled_by[person] = Some(slot);
            return true;
        }
    }
    false
}
