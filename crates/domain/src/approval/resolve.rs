//! Whether the votes decide: the one function that says so.

use std::collections::BTreeSet;

use unionflow_protocol::{Timestamp, event::approvals::ApprovalTerms, id::MemberId};

use super::Vote;

/// Where the votes stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// A step waits.
    Open {
        /// Which, from 1.
        step: u8,
        /// Votes in it.
        votes_in_step: u8,
        /// Votes it needs.
        votes_needed: u8,
    },
    /// Every step has its votes.
    Approved,
    /// The time to decide is over and a step still waits.
    Expired,
}

/// Steps are closed in order, each by its number of votes of different people, or by one vote cast under a single
/// signature. Within a step the order of votes does not matter. A vote counts if it came before `decideBy`.
pub fn resolve(terms: &ApprovalTerms, votes: &[Vote], now: Timestamp) -> Resolution {
    for (step, rule) in (1u8..).zip(&terms.policy.steps) {
        let standing = votes.iter().filter(|vote| {
            vote.step == step && vote.counts_for(&terms.content_hash) && vote.at < terms.decide_by
        });
        let mut voters: BTreeSet<MemberId> = BTreeSet::new();
        let mut alone = false;
        for vote in standing {
            voters.insert(vote.voter_id);
            alone |= vote.single_signature;
        }
        let votes_in_step = u8::try_from(voters.len()).unwrap_or(u8::MAX);
        if votes_in_step >= rule.min_approvals || alone {
            continue;
        }
        if now >= terms.decide_by {
            return Resolution::Expired;
        }
        return Resolution::Open { step, votes_in_step, votes_needed: rule.min_approvals };
    }
    Resolution::Approved
}
