//! The state as stored must be the state as told.

use std::collections::BTreeMap;

use unionflow_protocol::{View, approval::ApprovalStatus};
use unionflow_storage::tables::{approval::ApprovalFilter, member::MemberFilter};

use super::{Retold, decisions::Request};
use crate::rules::scene::{Club, Town};

impl Retold {
    pub(in super::super) async fn is_what_is_stored(&self, town: &Town, club: &Club) {
        let id = club.id;
        let read = town.service.read(move |reader| {
            Ok((
                reader.verify_journal(id)?,
                reader.load_approvals(id, &ApprovalFilter::default(), None, 100_000)?,
                reader.load_chart(id)?,
                reader.load_members(id, &MemberFilter::default(), None, 100_000)?,
                reader.load_policy(id)?,
                reader.load_figures(id)?,
                reader.verify_state(id)?,
            ))
        });
        let (chain, requests, chart, members, policy, figures, difference) = read.await.expect("it is read");
        assert_eq!(difference, None, "`verify` finds nothing");
        assert_eq!(chain, Ok(self.seq.0), "the chain verifies to the end");

        assert_eq!(requests.len(), self.requests.len());
        for stored in &requests {
            self.request_is(&self.requests[&stored.id], stored);
        }
        assert_eq!(chart.accounts().len(), self.accounts.len());
        for account in chart.accounts() {
            let told = &self.accounts[&account.id];
            assert_eq!(
                (account.kind, account.balance, account.reserved),
                (told.kind, told.balance, told.reserved)
            );
        }
        self.reservations_are(town);
        assert_eq!(members.len(), self.members.len());
        for member in &members {
            let told = &self.members[&member.id];
            let stored = (member.status, member.roles, member.joined_on, member.number.as_str());
            assert_eq!(stored, (told.status, told.roles, told.joined_on, told.number.as_str()));
            assert_eq!(self.versions[&member.id.into()], member.version);
        }
        let policy = policy.expect("there is one");
        assert_eq!(Some((policy.version, policy.rules)), self.policy);
        self.figures_are(&figures.expect("there are some"));
    }

    /// Each reservation is held, or was resolved once.
    fn reservations_are(&self, town: &Town) {
        let stored = town.reservations().into_iter().filter(|(id, ..)| self.requests.contains_key(id));
        let stored: BTreeMap<_, _> =
            stored.map(|(id, on, amount, state)| (id, (on, amount, state))).collect();
        let told = self.requests.iter().filter_map(|(id, request)| {
            let state = match request.status {
                ApprovalStatus::Approved => "HELD",
                ApprovalStatus::Executed => "POSTED",
                _ => "VOIDED",
            };
            let amount = request.content.amount.minor_units();
            request.set_aside.map(|account| (*id, (account, amount, state.to_owned())))
        });
        assert_eq!(stored, told.collect());
    }

    fn request_is(&self, told: &Request, stored: &unionflow_domain::approval::Approval) {
        assert_eq!(stored.status, told.status, "{stored:?}");
        assert_eq!((&stored.content, &stored.terms), (&told.content, &told.terms));
        assert_eq!(stored.requester_id, told.requester);
        assert_eq!(self.versions[&stored.id.into()], stored.version);
        let votes: Vec<_> = stored.standing_votes().map(|vote| (vote.voter_id, vote.step)).collect();
        assert_eq!(votes, told.votes.iter().map(|vote| (vote.voter, vote.step)).collect::<Vec<_>>());
        assert_eq!(stored.reserved, told.reserved_on.is_some());
        assert_eq!(stored.blocked, told.blocked);
        let missing = if told.status == ApprovalStatus::Pending { self.missing(told) } else { 0 };
        assert_eq!(stored.blocked.map_or(0, |blocked| blocked.missing), missing, "P7: {stored:?}");
        assert_eq!(stored.outcome.entry_id, told.entry);
        let waits = told.status == ApprovalStatus::Pending && self.at < told.terms.decide_by;
        let gone = self.member(told.requester).status == unionflow_protocol::member::MemberStatus::Left;
        assert!(!waits || !gone, "nobody stands for it: {stored:?}");
    }

    /// Stored figures may have gone on to a later day; a few are counted here once more, in another way.
    fn figures_are(&self, stored: &unionflow_domain::figures::Figures) {
        let mut told = self.figures.clone().expect("something was told");
        told.roll_to(stored.as_of());
        assert_eq!(&told, stored);
        let stats = stored.stats(View::Officers, false);
        let with = |status| self.members.values().filter(|person| person.status == status).count();
        use unionflow_protocol::member::MemberStatus::{Active, Suspended};
        let members = (stats.members.active as usize, stats.members.suspended as usize);
        assert_eq!(members, (with(Active), with(Suspended)));
        let pending = self.requests.values().filter(|request| request.status == ApprovalStatus::Pending);
        let amount: i64 = pending.clone().map(|request| request.content.amount.minor_units()).sum();
        assert_eq!(stats.approvals.pending_count as usize, pending.count());
        assert_eq!(stats.approvals.pending_amount.map(|sum| sum.minor_units()), Some(amount));
        let held: i64 = self
            .accounts
            .values()
            .filter(|account| account.kind.holds_money())
            .map(|account| account.balance.minor_units())
            .sum();
        assert_eq!(stats.balance.map(|balance| balance.total.minor_units()), Some(held));
    }
}
