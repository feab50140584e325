//! Who may decide, and whether enough of them are left.

use unionflow_protocol::{RoleSet, approval::ApprovalStatus, id::MemberId, rest::approval::Blocked};

use super::{Approval, Resolution, step_roles};

/// An active member and the roles held now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voter {
    /// Who.
    pub member_id: MemberId,
    /// Effective roles: a suspended member has none.
    pub roles: RoleSet,
}

/// Every active member who holds a role that can vote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Electorate(Vec<Voter>);

impl Electorate {
    /// Of these; those without a voting role are left aside.
    pub fn new(voters: Vec<Voter>) -> Self {
        Self(voters.into_iter().filter(|voter| voter.roles.intersects(RoleSet::VOTING)).collect())
    }

    /// Whether at most one person could vote at all: only then may a single signature decide.
    pub fn is_lone(&self) -> bool {
        self.0.len() <= 1
    }

    /// Whether this member is part of it.
    pub fn contains(&self, member: MemberId) -> bool {
        self.0.iter().any(|voter| voter.member_id == member)
    }
}

impl Approval {
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

    /// Whether too few people are left who may decide (P7): the votes still needed are matched with the people who could
    /// give them, each person once. The threshold is never lowered.
    pub fn feasibility(&self, electorate: &Electorate) -> Option<Blocked> {
        let Resolution::Open { step: open, votes_in_step, .. } = self.resolve(self.created_at) else {
            return None;
        };
        if self.status != ApprovalStatus::Pending {
            return None;
        }
        let beneficiary = self.content.beneficiary_member_id;
        if let [lone] = electorate.0.as_slice()
            && self.terms.policy.single_signature
            && beneficiary != Some(lone.member_id)
        {
            return None;
        }
        let free: Vec<&Voter> = electorate
            .0
            .iter()
            .filter(|voter| !self.is_maker(voter.member_id) && !self.is_code_giver(voter.member_id))
            .filter(|voter| !self.standing_votes().any(|vote| vote.voter_id == voter.member_id))
            .collect();
        let mut slots = Vec::new();
        for (step, rule) in (1u8..).zip(&self.terms.policy.steps).skip(usize::from(open) - 1) {
            let have = if step == open { votes_in_step } else { 0 };
            slots.extend(std::iter::repeat_n(
                rule.roles,
                usize::from(rule.min_approvals.saturating_sub(have)),
            ));
        }
        let unfilled = unfilled(&slots, &free);
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
