//! The organisations of one shard, their feeds and their lists of sessions: what the hub decides, without any I/O, so that it
//! can be simulated.
//!
//! What happened goes in by a `handle_*`; after each, drain [`Registry::poll_look_up`] and hand in what was looked up, then
//! sleep until [`Registry::next_deadline`].

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;
use unionflow_protocol::{Position, Seq, id::OrganizationId};

use super::{Attached, Cursor};
use crate::{
    config::{HEADS_EVERY, HOLE_LASTS, PAGE_EVENTS},
    connection::FollowUp,
    feed::{Feed, Live, Replay, Whose},
    session::Now,
};

#[cfg(test)]
mod tests;

/// A session, as the hub knows it.
pub(crate) trait Follower: Clone {
    /// Hands a live event over.
    fn deliver(&self, live: &Live) -> FollowUp;

    /// The last step of a replay, done while no event can come in between. `passed` tells how far the hub goes from then on.
    fn attach(&self, events: &[Arc<Live>], up_to: Seq, passed: Arc<AtomicU64>, now: Now) -> FollowUp;

    /// Where the hub keeps it in its list.
    fn slot(&self) -> &AtomicUsize;

    /// Whether it is the same one.
    fn is(&self, other: &Self) -> bool;
}

/// What must be read from the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LookUp {
    /// Events after this one, and the figures after them: [`Registry::handle_filled`].
    Hole {
        /// Whose.
        organization: OrganizationId,
        /// The newest one known.
        after: Seq,
    },
    /// The newest event of each: [`Registry::handle_head`].
    Heads(Vec<OrganizationId>),
    /// The newest figures, because not all kinds were sent since this hub began, or some were missed:
    /// [`Registry::handle_figures`].
    Figures(OrganizationId),
}

/// What was read to fill a hole.
pub(crate) struct Filled {
    pub(crate) events: Vec<Arc<Live>>,
    /// The newest figures, after those events.
    pub(crate) figures: Vec<Arc<Live>>,
    /// Whether it could be read.
    pub(crate) complete: bool,
}

/// See the module.
pub(crate) struct Registry<F> {
    organizations: HashMap<OrganizationId, Organization<F>>,
    /// Whose event was kept in a ring, oldest first: what is forgotten first.
    kept: VecDeque<OrganizationId>,
    ring_bytes: usize,
    ring_bytes_max: usize,
    /// Holes that are to be read.
    holes: Vec<OrganizationId>,
    look_ups: VecDeque<LookUp>,
}

struct Organization<F> {
    feed: Feed,
    sessions: Vec<F>,
    /// Everything up to here has been handed to every session.
    passed: Arc<AtomicU64>,
    /// When its hole is read from the journal, or that it is being read.
    filling: Filling,
    /// A session wants figures that were not sent yet, or some may have been missed: they are to be read.
    lacks_figures: bool,
    reading: Reading,
    /// The newest event that the store is known to have.
    stored: Seq,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filling {
    No,
    At(Instant),
    Running,
}

/// Whether the figures are being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    No,
    Running,
    /// It may have begun before what was missed.
    Outdated,
}

/// The last step of a replay may hand over so many events at once; it is done while others wait.
const ATTACH_EVENTS: usize = 64;

impl<F: Follower> Registry<F> {
    /// Nothing yet. The rings of all organisations together may hold so many bytes.
    pub(crate) fn new(ring_bytes_max: usize) -> Self {
        Self {
            organizations: HashMap::new(),
            kept: VecDeque::new(),
            ring_bytes: 0,
            ring_bytes_max,
            holes: Vec::new(),
            look_ups: VecDeque::new(),
        }
    }

    // What happened.

    /// A record of the bus.
    pub(crate) fn handle_record(&mut self, now: Instant, live: Arc<Live>) {
        let id = live.organization_id;
        let organization = self.organizations.entry(id).or_insert_with(|| {
            // Its first event here: the ring begins with it.
            let before = match live.position {
                Position::Fact(seq) => Seq(seq.0.saturating_sub(1)),
                Position::State { as_of_seq, .. } => as_of_seq,
            };
            Organization::new(before)
        });
        let mut ready = Vec::new();
        organization.feed.take(live, &mut ready);
        self.give(now, id, &ready);
    }

    /// A session wants to be live.
    pub(crate) fn handle_attach(
        &mut self,
        now: Now,
        id: OrganizationId,
        session: &F,
        cursor: Cursor,
    ) -> Attached {
        let known = self.organizations.get(&id).map(|organization| organization.feed.head());
        if known.is_none() {
            self.organizations.insert(id, Organization::new(cursor.joined_at));
        }
        if known.is_none_or(|head| head < cursor.joined_at) {
            // The store is ahead of what the bus has brought: if the rest does not come by itself, it is read.
            self.look_ups.push_back(LookUp::Heads(vec![id]));
        }
        let organization = self.organizations.get_mut(&id).expect("inserted above");
        match organization.feed.after(cursor.after, PAGE_EVENTS as usize) {
            Some(replay) if replay.complete && replay.up_to < cursor.joined_at => Attached::BeyondRing,
            Some(replay) if replay.complete && replay.events.len() <= ATTACH_EVENTS => {
                organization.attach(session, &replay, now);
                self.look_up_figures(id);
                Attached::Live
            }
            Some(replay) => Attached::Ring(replay),
            None => Attached::BeyondRing,
        }
    }

    /// A session leaves.
    pub(crate) fn handle_detach(&mut self, id: OrganizationId, session: &F) {
        if let Some(organization) = self.organizations.get_mut(&id) {
            organization.forget(session);
        }
    }

    /// What was read to fill a hole.
    pub(crate) fn handle_filled(&mut self, now: Instant, id: OrganizationId, filled: Filled) {
        let Filled { events, figures, complete } = filled;
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        let brought = !events.is_empty();
        organization.filling = Filling::No;
        let mut ready = Vec::new();
        for live in events.into_iter().chain(figures) {
            organization.feed.take(live, &mut ready);
        }
        self.give(now, id, &ready);
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        if !complete {
            organization.filling = Filling::At(now + HEADS_EVERY);
            self.holes.push(id);
        } else if brought {
            // One page was not all: the next one at once.
            let stored = organization.stored;
            self.handle_head(id, stored);
        }
    }

    /// The newest figures, as they were read; `None` if they could not be.
    pub(crate) fn handle_figures(
        &mut self,
        now: Instant,
        id: OrganizationId,
        figures: Option<Vec<Arc<Live>>>,
    ) {
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        let reading = std::mem::replace(&mut organization.reading, Reading::No);
        if reading == Reading::Outdated {
            return self.look_up_figures(id);
        }
        let Some(figures) = figures else {
            // Again with the next look at the heads.
            return;
        };
        organization.lacks_figures = false;
        let mut ready = Vec::new();
        for live in figures {
            organization.feed.take(live, &mut ready);
        }
        self.give(now, id, &ready);
    }

    /// What the store says about a head. If the journal goes further than the bus has brought it, the rest is read.
    pub(crate) fn handle_head(&mut self, id: OrganizationId, head: Seq) {
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        organization.stored = organization.stored.max(head);
        if head > organization.feed.head() && organization.filling != Filling::Running {
            organization.filling = Filling::Running;
            let after = organization.feed.head();
            self.look_ups.push_back(LookUp::Hole { organization: id, after });
        }
    }

    /// It is time to ask the store about the heads of all journals that somebody follows, and for figures that it owes.
    pub(crate) fn watch_heads(&mut self) {
        let followed = self.followed();
        followed.iter().for_each(|id| self.look_up_figures(*id));
        self.look_up_heads(followed);
    }

    /// Other processes went on with these journals, as far as this: what somebody follows is read, where the bus has not
    /// brought it already.
    pub(crate) fn handle_woken(&mut self, journals: &HashMap<OrganizationId, Seq>) {
        let mut unknown = Vec::new();
        for id in self.followed() {
            match journals.get(&id) {
                Some(&Seq::ZERO) => unknown.push(id),
                Some(head) => self.handle_head(id, *head),
                None => {}
            }
        }
        self.look_up_heads(unknown);
    }

    fn look_up_heads(&mut self, followed: Vec<OrganizationId>) {
        if !followed.is_empty() {
            self.look_ups.push_back(LookUp::Heads(followed));
        }
    }

    /// Asks for the figures of an organisation, if somebody lacks them and nobody has asked.
    fn look_up_figures(&mut self, id: OrganizationId) {
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        if organization.lacks_figures && organization.reading == Reading::No {
            organization.reading = Reading::Running;
            self.look_ups.push_back(LookUp::Figures(id));
        }
    }

    /// The bus is followed anew: what it carried meanwhile is read. States are in no journal, so no hole tells of them.
    pub(crate) fn handle_followed_anew(&mut self) {
        for organization in self.organizations.values_mut() {
            // Also where nobody follows now: then for whoever comes next.
            organization.lacks_figures = true;
            if organization.reading == Reading::Running {
                organization.reading = Reading::Outdated;
            }
        }
        self.watch_heads();
    }

    /// The deadline came: holes that have lasted are read from the journal.
    pub(crate) fn handle_deadline(&mut self, now: Instant) {
        let mut later = Vec::new();
        for id in std::mem::take(&mut self.holes) {
            let Some(organization) = self.organizations.get_mut(&id) else { continue };
            match organization.filling {
                Filling::At(at) if at <= now => match organization.feed.hole() {
                    Some(hole) => {
                        organization.filling = Filling::Running;
                        self.look_ups.push_back(LookUp::Hole { organization: id, after: hole.after });
                    }
                    None => organization.filling = Filling::No,
                },
                Filling::At(_) => later.push(id),
                Filling::No | Filling::Running => {}
            }
        }
        self.holes.extend(later);
    }

    // What must now be done.

    /// The next thing to read from the store.
    pub(crate) fn poll_look_up(&mut self) -> Option<LookUp> {
        self.look_ups.pop_front()
    }

    /// When to call [`Registry::handle_deadline`].
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let due = |id: &OrganizationId| match self.organizations.get(id)?.filling {
            Filling::At(at) => Some(at),
            Filling::No | Filling::Running => None,
        };
        self.holes.iter().filter_map(due).min()
    }

    /// Always in the same order, so that what was simulated can be simulated again.
    fn followed(&self) -> Vec<OrganizationId> {
        let with_sessions = self.organizations.iter().filter(|(_, known)| !known.sessions.is_empty());
        let mut followed: Vec<OrganizationId> = with_sessions.map(|(id, _)| *id).collect();
        followed.sort();
        followed
    }

    /// Sessions in all lists.
    #[cfg(test)]
    pub(crate) fn followers(&self) -> usize {
        self.organizations.values().map(|organization| organization.sessions.len()).sum()
    }

    /// Bytes in all rings: as they are counted, and as they are.
    #[cfg(test)]
    pub(crate) fn ring_bytes(&self) -> (usize, usize) {
        let feeds = self.organizations.values().map(|organization| &organization.feed);
        (self.ring_bytes, feeds.map(Feed::ring_bytes).sum())
    }

    /// Hands events to every session, in order, and looks whether a hole is left.
    fn give(&mut self, now: Instant, id: OrganizationId, ready: &[Arc<Live>]) {
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        let mut wants = Vec::new();
        for live in ready {
            organization.deliver(live, &mut wants);
            if matches!(live.position, Position::Fact(_)) && live.is_for_sessions() {
                self.ring_bytes += live.bytes();
                self.kept.push_back(id);
            }
        }
        // Behind everything that became ready together: the feed's newest states are those after all of it.
        for (session, whose) in wants {
            organization.give_newest(&session, whose);
        }
        organization.passed.store(organization.feed.head().0, Ordering::Release);
        if organization.feed.hole().is_some() && organization.filling == Filling::No {
            organization.filling = Filling::At(now + HOLE_LASTS);
            self.holes.push(id);
        }
        self.look_up_figures(id);
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        while self.ring_bytes > self.ring_bytes_max {
            let Some(oldest) = self.kept.pop_front() else { return };
            if let Some(organization) = self.organizations.get_mut(&oldest) {
                self.ring_bytes -= organization.feed.forget_oldest().unwrap_or(0);
                if organization.is_at_rest() {
                    self.organizations.remove(&oldest);
                }
            }
        }
    }
}

impl<F: Follower> Organization<F> {
    fn new(head: Seq) -> Self {
        Self {
            feed: Feed::starting_after(head),
            sessions: Vec::new(),
            passed: Arc::new(AtomicU64::new(head.0)),
            filling: Filling::No,
            lacks_figures: false,
            reading: Reading::No,
            stored: head,
        }
    }

    fn attach(&mut self, session: &F, replay: &Replay, now: Now) {
        let after = session.attach(&replay.events, replay.up_to, self.passed.clone(), now);
        session.slot().store(self.sessions.len(), Ordering::Relaxed);
        self.sessions.push(session.clone());
        match after {
            FollowUp::Nothing => {}
            FollowUp::Newest(whose) => self.give_newest(session, whose),
            FollowUp::Forget => self.forget(session),
        }
    }

    /// Hands an event to every session. Those that want the newest states after it are added to `wants`.
    fn deliver(&mut self, live: &Arc<Live>, wants: &mut Vec<(F, Whose)>) {
        if !live.is_for_sessions() {
            return;
        }
        // From the end, so that a session forgotten on the way moves nobody that is still to come.
        for i in (0..self.sessions.len()).rev() {
            let session = self.sessions[i].clone();
            match session.deliver(live) {
                FollowUp::Nothing => {}
                FollowUp::Newest(whose) => wants.push((session, whose)),
                FollowUp::Forget => self.forget(&session),
            }
        }
    }

    /// Nobody follows, nothing is kept, and nothing is on the way that would be missed: somebody may be replaying.
    fn is_at_rest(&self) -> bool {
        self.sessions.is_empty()
            && self.feed.ring_bytes() == 0
            && !self.feed.has_states_to_come()
            && self.reading == Reading::No
            && self.filling == Filling::No
    }

    /// Hands the newest states to a session, which leaves out those that it has.
    fn give_newest(&mut self, session: &F, whose: Whose) {
        self.lacks_figures |= !self.feed.has_figures(whose.view);
        for live in self.feed.newest(whose) {
            session.deliver(live);
        }
    }

    fn forget(&mut self, session: &F) {
        let slot = session.slot().load(Ordering::Relaxed);
        if self.sessions.get(slot).is_some_and(|found| found.is(session)) {
            self.sessions.swap_remove(slot);
            if let Some(moved) = self.sessions.get(slot) {
                moved.slot().store(slot, Ordering::Relaxed);
            }
            session.slot().store(usize::MAX, Ordering::Relaxed);
        }
    }
}
