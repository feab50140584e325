//! The store, as a model: journals of several organisations, who is who in them, and what was true at every place.

use unionflow_protocol::{
    Audience, Record, Role, RoleSet, Seq, Topic, View,
    id::{Epoch, MemberId},
    limits::RESUME_EVENTS,
};

use super::random::Random;
use crate::samples::{
    epoch, fact_of, granted_of, kpis_of, member, organization, read_of, reinstated_of, revoked_of, stats_of,
    suspended_of,
};

pub(super) const PERSONS: usize = 5;

/// What an event changes about a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Granted(Role),
    Revoked(Role),
    Suspended,
    Reinstated,
}

pub(super) struct Organization {
    pub(super) facts: Vec<Record>,
    /// Place, person, what.
    changes: Vec<(u64, usize, Change)>,
    /// The members by person, with the roles they began with.
    founders: [RoleSet; PERSONS],
    /// The event that changed the figures last, of each kind.
    pub(super) figures_changed: [Seq; 2],
    /// How far each person has read.
    pub(super) marks: [Seq; PERSONS],
}

/// Figures, by kind.
pub(super) const STATS: usize = 0;
pub(super) const KPIS: usize = 1;

pub(super) struct Store {
    pub(super) epoch: Epoch,
    restores: u128,
    pub(super) organizations: Vec<Organization>,
}

/// The member that a person is in an organisation.
pub(super) fn member_of(organization: usize, person: usize) -> MemberId {
    member((organization * 10 + person) as u128)
}

pub(super) fn id_of(index: usize) -> unionflow_protocol::id::OrganizationId {
    organization(index as u128)
}

impl Store {
    pub(super) fn founded(random: &mut Random, organizations: usize) -> Self {
        let founded = |random: &mut Random| {
            let plain = RoleSet::of(&[Role::Member]);
            let mut founders = [plain; PERSONS];
            for roles in &mut founders {
                if random.one_in(2) {
                    *roles = plain.with(random.pick(Role::ALL));
                }
            }
            Organization {
                facts: Vec::new(),
                changes: Vec::new(),
                founders,
                figures_changed: [Seq::ZERO; 2],
                marks: [Seq::ZERO; PERSONS],
            }
        };
        let organizations = (0..organizations).map(|_| founded(random)).collect();
        Self { epoch: epoch(0), restores: 0, organizations }
    }

    /// Goes back to a backup: the newest events are lost, and others will take their places.
    pub(super) fn restore(&mut self, random: &mut Random) {
        self.restores += 1;
        self.epoch = epoch(self.restores);
        for organization in &mut self.organizations {
            let kept = organization.facts.len() - random.below(organization.facts.len() / 2 + 1);
            organization.facts.truncate(kept);
            organization.changes.retain(|(seq, ..)| *seq <= kept as u64);
            for changed in &mut organization.figures_changed {
                *changed = (*changed).min(Seq(kept as u64));
            }
        }
    }

    /// The newest figures of a kind, of both views.
    pub(super) fn figures(&self, index: usize, kind: usize) -> [Record; 2] {
        let (id, head) = (id_of(index), self.organizations[index].head().0);
        let of = if kind == STATS { stats_of } else { kpis_of };
        [View::Officers, View::Members].map(|view| of(id, head, view))
    }

    /// The newest figures of every kind and view.
    pub(super) fn all_figures(&self, index: usize) -> Vec<Record> {
        [STATS, KPIS].iter().flat_map(|kind| self.figures(index, *kind)).collect()
    }

    /// A member's mark of what was read.
    pub(super) fn mark(&self, index: usize, person: usize) -> Record {
        let organization = &self.organizations[index];
        read_of(id_of(index), organization.head().0, member_of(index, person), organization.marks[person])
    }

    /// A command: one to three events in one transaction.
    pub(super) fn commit(&mut self, random: &mut Random, index: usize) {
        for _ in 0..random.between(1, 3) {
            self.append(random, index);
        }
        let head = self.organizations[index].head();
        for changed in &mut self.organizations[index].figures_changed {
            if random.one_in(2) {
                *changed = head;
            }
        }
    }

    fn append(&mut self, random: &mut Random, index: usize) {
        let seq = self.organizations[index].facts.len() as u64 + 1;
        let person = random.below(PERSONS);
        let (id, who) = (id_of(index), member_of(index, person));
        let (roles, active) = self.organizations[index].standing(person, Seq(seq - 1));
        let role = random.pick(&Role::ALL[..6]);
        let record = match random.below(24) {
            0 | 1 if active => {
                let (change, record) = if roles.contains(role) {
                    (Change::Revoked(role), revoked_of(id, seq, who, role))
                } else {
                    (Change::Granted(role), granted_of(id, seq, who, role))
                };
                self.organizations[index].changes.push((seq, person, change));
                record
            }
            2 if active && random.one_in(2) => {
                self.organizations[index].changes.push((seq, person, Change::Suspended));
                suspended_of(id, seq, who)
            }
            0..3 if !active => {
                self.organizations[index].changes.push((seq, person, Change::Reinstated));
                reinstated_of(id, seq, who)
            }
            3 if random.one_in(3) => {
                // Another system says so: it changes no right of ours.
                let mut record = granted_of(id, seq, who, role);
                record.inbound = true;
                record
            }
            _ => {
                let mut record = fact_of(id, seq, audience(random, who));
                record.topic = random.pick(&Topic::BUSINESS[..4]);
                record
            }
        };
        self.organizations[index].facts.push(record);
    }

    /// Rows of an import, shown to nobody, and its summary.
    pub(super) fn import(&mut self, random: &mut Random, index: usize, rows: u64) {
        let organization = &mut self.organizations[index];
        let first = organization.facts.len() as u64 + 1;
        let template = fact_of(id_of(index), first, Audience::none());
        for seq in first..first + rows {
            let position = unionflow_protocol::Position::Fact(Seq(seq));
            organization.facts.push(Record { position, ..template.clone() });
        }
        let summary = fact_of(id_of(index), first + rows, Audience::roles(RoleSet::KEEPERS));
        organization.facts.push(summary);
        self.commit(random, index);
    }

    /// An import of more rows than a session may resume over.
    pub(super) fn import_much(&mut self, random: &mut Random, index: usize) {
        self.import(random, index, RESUME_EVENTS + 20);
    }

    /// A page of a journal.
    pub(super) fn page(&self, index: usize, after: Seq, limit: u32) -> &[Record] {
        let facts = &self.organizations[index].facts;
        let from = usize::try_from(after.0).expect("a place in the journal").min(facts.len());
        &facts[from..facts.len().min(from + limit as usize)]
    }
}

impl Organization {
    pub(super) fn head(&self) -> Seq {
        Seq(self.facts.len() as u64)
    }

    pub(super) fn fact(&self, seq: Seq) -> Option<&Record> {
        self.facts.get(usize::try_from(seq.0.checked_sub(1)?).ok()?)
    }

    /// The roles of a person and whether the membership is active, as of a place.
    pub(super) fn standing(&self, person: usize, at: Seq) -> (RoleSet, bool) {
        let (mut roles, mut active) = (self.founders[person], true);
        for (_, _, change) in self.changes.iter().filter(|(seq, who, _)| *seq <= at.0 && *who == person) {
            match change {
                Change::Granted(role) => roles = roles.with(*role),
                Change::Revoked(role) => roles = roles.without(*role),
                Change::Suspended => active = false,
                Change::Reinstated => active = true,
            }
        }
        (roles, active)
    }

    /// What an event changed about a person.
    pub(super) fn change_at(&self, person: usize, at: Seq) -> Option<Change> {
        let found = self.changes.iter().find(|(seq, who, _)| *seq == at.0 && *who == person)?;
        Some(found.2)
    }
}

/// Whom an ordinary fact is for: every kind there is.
fn audience(random: &mut Random, who: MemberId) -> Audience {
    match random.below(8) {
        0 | 1 => Audience::everyone(),
        2 => Audience::roles(RoleSet::OFFICERS).and_member(who),
        3 => Audience::roles(RoleSet::MONEY),
        4 => Audience::roles(RoleSet::KEEPERS).and_member(who),
        5 => Audience::member(who),
        6 => Audience::roles(RoleSet::of(&[random.pick(Role::ALL)])),
        _ => Audience::none(),
    }
}
