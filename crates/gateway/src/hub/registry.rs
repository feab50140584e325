//! The organisations of one shard, their feeds and their lists of sessions: what the hub decides, without any I/O, so that it
//! can be simulated.
//!
//! What happened goes in by a `handle_*`; after each, drain [`Registry::poll_look_up`] and hand in what was looked up, then
//! sleep until [`Registry::next_deadline`].

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::time::Instant;
use unionflow_protocol::{Position, Seq, View, id::OrganizationId};

use super::{Attached, Cursor};
use crate::{
    config::{HEADS_EVERY, HOLE_LASTS, PAGE_EVENTS},
    connection::After,
    feed::{Feed, Live, Replay},
    session::Now,
};

#[cfg(test)]
mod tests;

/// A session, as the hub knows it.
pub(crate) trait Follower: Clone {
    /// Hands a live event over.
    fn deliver(&self, live: &Live) -> After;

    /// The last step of a replay, done while no event can come in between. `passed` tells how far the hub goes from then on.
    fn attach(&self, events: &[Arc<Live>], up_to: Seq, passed: Arc<AtomicU64>, now: Now) -> After;

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
    /// The newest figures, because none were sent since this hub began, or some were missed: [`Registry::handle_figures`].
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
    /// A session's view changed, and none of its figures were sent yet: they are to be read.
    lacks_figures: bool,
    /// The newest event that the store is known to have.
    stored: Seq,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filling {
    No,
    At(Instant),
    Running,
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
                if std::mem::take(&mut organization.lacks_figures) {
                    self.look_ups.push_back(LookUp::Figures(id));
                }
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

    /// The newest figures, as they were read.
    pub(crate) fn handle_figures(&mut self, now: Instant, id: OrganizationId, figures: Vec<Arc<Live>>) {
        let Some(organization) = self.organizations.get_mut(&id) else { return };
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

    /// It is time to ask the store about the heads of all journals that somebody follows.
    pub(crate) fn watch_heads(&mut self) {
        self.watch_heads_of(None);
    }

    /// It is time to ask the store about the heads of these journals, of all where none are named: those that somebody follows.
    pub(crate) fn watch_heads_of(&mut self, journals: Option<&HashSet<OrganizationId>>) {
        let named = |id: &OrganizationId| journals.is_none_or(|journals| journals.contains(id));
        let followed: Vec<OrganizationId> = self.followed().filter(named).collect();
        if !followed.is_empty() {
            self.look_ups.push_back(LookUp::Heads(followed));
        }
    }

    /// The bus is followed anew: what it carried meanwhile is read. States are in no journal, so no hole tells of them.
    pub(crate) fn handle_followed_anew(&mut self) {
        self.watch_heads();
        let figures: Vec<LookUp> = self.followed().map(LookUp::Figures).collect();
        self.look_ups.extend(figures);
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

    fn followed(&self) -> impl Iterator<Item = OrganizationId> {
        self.organizations
            .iter()
            .filter(|(_, organization)| !organization.sessions.is_empty())
            .map(|(id, _)| *id)
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
        // Behind everything that became ready together: the feed's newest figures are those after all of it.
        for (session, view) in wants {
            organization.give_newest(&session, view);
        }
        organization.passed.store(organization.feed.head().0, Ordering::Release);
        if std::mem::take(&mut organization.lacks_figures) {
            self.look_ups.push_back(LookUp::Figures(id));
        }
        if organization.feed.hole().is_some() && organization.filling == Filling::No {
            organization.filling = Filling::At(now + HOLE_LASTS);
            self.holes.push(id);
        }
        self.forget_oldest();
    }

    fn forget_oldest(&mut self) {
        while self.ring_bytes > self.ring_bytes_max {
            let Some(oldest) = self.kept.pop_front() else { return };
            if let Some(organization) = self.organizations.get_mut(&oldest) {
                self.ring_bytes -= organization.feed.forget_oldest().unwrap_or(0);
                if organization.sessions.is_empty() && organization.feed.ring_bytes() == 0 {
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
            stored: head,
        }
    }

    fn attach(&mut self, session: &F, replay: &Replay, now: Now) {
        let after = session.attach(&replay.events, replay.up_to, self.passed.clone(), now);
        session.slot().store(self.sessions.len(), Ordering::Relaxed);
        self.sessions.push(session.clone());
        match after {
            After::Nothing => {}
            After::Newest(view) => self.give_newest(session, view),
            After::Forget => self.forget(session),
        }
    }

    /// Hands an event to every session. Those that want the newest figures after it are added to `wants`.
    fn deliver(&mut self, live: &Arc<Live>, wants: &mut Vec<(F, View)>) {
        if !live.is_for_sessions() {
            return;
        }
        // From the end, so that a session forgotten on the way moves nobody that is still to come.
        for i in (0..self.sessions.len()).rev() {
            let session = self.sessions[i].clone();
            match session.deliver(live) {
                After::Nothing => {}
                After::Newest(view) => wants.push((session, view)),
                After::Forget => self.forget(&session),
            }
        }
    }

    fn give_newest(&mut self, session: &F, view: View) {
        self.lacks_figures |= self.feed.newest(view).next().is_none();
        for live in self.feed.newest(view) {
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
