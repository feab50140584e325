//! One part of the hub: the only owner of its organisations' feeds and lists of sessions.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;
use unionflow_protocol::{Position, Seq, View, id::OrganizationId};
use unionflow_storage::{Clock, Store};

use super::{Attached, Cursor};
use crate::{
    config::{HEADS_EVERY, HOLE_LASTS, PAGE_EVENTS},
    connection::{After, Connection},
    feed::{Feed, Live, Replay},
    figures,
    session::Now,
};

/// What happens to a shard.
pub(crate) enum Input {
    /// Records of the bus.
    Records(Vec<Arc<Live>>),
    /// A session wants to be live.
    Attach {
        organization: OrganizationId,
        connection: Arc<Connection>,
        cursor: Cursor,
        reply: oneshot::Sender<Attached>,
    },
    /// A session leaves.
    Detach { organization: OrganizationId, connection: Arc<Connection>, reply: oneshot::Sender<()> },
    /// Events that were read from the journal, to fill a hole; and the figures after them.
    Filled { organization: OrganizationId, events: Vec<Arc<Live>>, figures: Vec<Arc<Live>>, complete: bool },
    /// What the store says about heads.
    Heads(Vec<(OrganizationId, Seq)>),
}

struct Organization {
    feed: Feed,
    sessions: Vec<Arc<Connection>>,
    /// Everything up to here has been handed to every session.
    passed: Arc<AtomicU64>,
    /// When its hole is read from the journal, or that it is being read.
    filling: Filling,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filling {
    No,
    At(Instant),
    Running,
}

pub(super) struct Shard {
    store: Store,
    clock: Arc<dyn Clock>,
    /// To itself, from look-ups; weak, so that the shard ends with the hub.
    itself: mpsc::WeakSender<Input>,
    organizations: HashMap<OrganizationId, Organization>,
    /// Whose event was kept in a ring, oldest first: what is forgotten first.
    kept: VecDeque<OrganizationId>,
    ring_bytes: usize,
    ring_bytes_max: usize,
    /// Holes that are to be read.
    holes: Vec<OrganizationId>,
}

/// The last step of a replay may hand over so many events at once; it is done while others wait.
const ATTACH_EVENTS: usize = 64;

impl Shard {
    pub(super) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        ring_bytes_max: usize,
        itself: mpsc::WeakSender<Input>,
    ) -> Self {
        Self {
            store,
            clock,
            itself,
            organizations: HashMap::new(),
            kept: VecDeque::new(),
            ring_bytes: 0,
            ring_bytes_max,
            holes: Vec::new(),
        }
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>, stop: CancellationToken) {
        let mut heads = interval(HEADS_EVERY);
        heads.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next_fill = self.next_fill();
            // Cancel-safe: a channel and timers.
            tokio::select! {
                () = stop.cancelled() => return,
                input = inputs.recv() => match input {
                    Some(input) => self.handle(input),
                    None => return,
                },
                () = sleep_until(next_fill.unwrap_or_else(Instant::now)), if next_fill.is_some() => self.fill_holes(),
                _ = heads.tick() => self.watch_heads(),
            }
        }
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Records(records) => records.into_iter().for_each(|live| self.take(live)),
            Input::Attach { organization, connection, cursor, reply } => {
                let attached = self.attach(organization, &connection, cursor);
                let _ = reply.send(attached);
            }
            Input::Detach { organization, connection, reply } => {
                if let Some(organization) = self.organizations.get_mut(&organization) {
                    organization.forget(&connection);
                }
                let _ = reply.send(());
            }
            Input::Filled { organization, events, figures, complete } => {
                self.filled(organization, events, figures, complete);
            }
            Input::Heads(heads) => {
                for (organization, head) in heads {
                    self.saw_head(organization, head);
                }
            }
        }
    }

    /// A record of the bus, or of the journal.
    fn take(&mut self, live: Arc<Live>) {
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
        self.give(id, &ready);
    }

    /// Hands events to every session, in order, and looks whether a hole is left.
    fn give(&mut self, id: OrganizationId, ready: &[Arc<Live>]) {
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        for live in ready {
            organization.deliver(live);
            if matches!(live.position, Position::Fact(_)) && live.is_for_sessions() {
                self.ring_bytes += live.bytes();
                self.kept.push_back(id);
            }
        }
        organization.passed.store(organization.feed.head().0, Ordering::Release);
        if organization.feed.hole().is_some() && organization.filling == Filling::No {
            organization.filling = Filling::At(Instant::now() + HOLE_LASTS);
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

    fn attach(&mut self, id: OrganizationId, connection: &Arc<Connection>, cursor: Cursor) -> Attached {
        let now = self.now();
        let known = self.organizations.get(&id).map(|organization| organization.feed.head());
        if known.is_none() {
            self.organizations.insert(id, Organization::new(cursor.joined_at));
        }
        if known.is_none_or(|head| head < cursor.joined_at) {
            // The store is ahead of what the bus has brought: if the rest does not come by itself, it is read.
            self.look_up_heads(vec![id]);
        }
        let organization = self.organizations.get_mut(&id).expect("inserted above");
        match organization.feed.after(cursor.after, PAGE_EVENTS as usize) {
            Some(replay) if replay.complete && replay.up_to < cursor.joined_at => Attached::BeyondRing,
            Some(replay) if replay.complete && replay.events.len() <= ATTACH_EVENTS => {
                organization.attach(connection, &replay, now);
                Attached::Live
            }
            Some(replay) => Attached::Ring(replay),
            None => Attached::BeyondRing,
        }
    }

    fn next_fill(&self) -> Option<Instant> {
        let due = |id: &OrganizationId| match self.organizations.get(id)?.filling {
            Filling::At(at) => Some(at),
            Filling::No | Filling::Running => None,
        };
        self.holes.iter().filter_map(due).min()
    }

    /// Reads holes that have lasted from the journal.
    fn fill_holes(&mut self) {
        let now = Instant::now();
        let mut later = Vec::new();
        for id in std::mem::take(&mut self.holes) {
            let Some(organization) = self.organizations.get_mut(&id) else { continue };
            match organization.filling {
                Filling::At(at) if at <= now => match organization.feed.hole() {
                    Some(hole) => {
                        organization.filling = Filling::Running;
                        self.read_hole(id, hole.after);
                    }
                    None => organization.filling = Filling::No,
                },
                Filling::At(_) => later.push(id),
                Filling::No | Filling::Running => {}
            }
        }
        self.holes.extend(later);
    }

    fn read_hole(&self, organization: OrganizationId, after: Seq) {
        let (store, Some(itself)) = (self.store.clone(), self.itself.upgrade()) else { return };
        tokio::spawn(async move {
            let read = store.read(move |reader| {
                let records = reader.journal_after(organization, after, 500)?;
                Ok((records, figures::all(reader, organization)?))
            });
            let (events, figures, complete) = match read.await {
                Ok((records, figures)) => (records, figures, true),
                Err(error) => {
                    tracing::warn!(%error, "a hole could not be read from the journal; it is tried again");
                    (Vec::new(), Vec::new(), false)
                }
            };
            metrics::counter!("unionflow_hub_events_from_journal_total").increment(events.len() as u64);
            let frame = |records: Vec<unionflow_protocol::Record>| {
                records.iter().map(|record| Arc::new(Live::new(record))).collect()
            };
            let input =
                Input::Filled { organization, events: frame(events), figures: frame(figures), complete };
            let _ = itself.send(input).await;
        });
    }

    fn filled(
        &mut self,
        id: OrganizationId,
        events: Vec<Arc<Live>>,
        figures: Vec<Arc<Live>>,
        complete: bool,
    ) {
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        organization.filling = Filling::No;
        let mut ready = Vec::new();
        for live in events.into_iter().chain(figures) {
            organization.feed.take(live, &mut ready);
        }
        self.give(id, &ready);
        if !complete && let Some(organization) = self.organizations.get_mut(&id) {
            organization.filling = Filling::At(Instant::now() + HEADS_EVERY);
            self.holes.push(id);
        }
    }

    /// Asks the store about the heads of all journals that somebody follows.
    fn watch_heads(&mut self) {
        let followed: Vec<OrganizationId> = self
            .organizations
            .iter()
            .filter(|(_, organization)| !organization.sessions.is_empty())
            .map(|(id, _)| *id)
            .collect();
        if !followed.is_empty() {
            self.look_up_heads(followed);
        }
    }

    fn look_up_heads(&self, ids: Vec<OrganizationId>) {
        let (store, Some(itself)) = (self.store.clone(), self.itself.upgrade()) else { return };
        tokio::spawn(async move {
            let read = store.read(move |reader| {
                let mut heads = Vec::with_capacity(ids.len());
                for id in ids {
                    heads.extend(reader.head_of(id)?.map(|head| (id, head.seq)));
                }
                Ok(heads)
            });
            match read.await {
                Ok(heads) => drop(itself.send(Input::Heads(heads)).await),
                Err(error) => tracing::warn!(%error, "the heads of the journals could not be read"),
            }
        });
    }

    /// The journal goes further than the bus has brought it: give the bus a moment, then read.
    fn saw_head(&mut self, id: OrganizationId, head: Seq) {
        let Some(organization) = self.organizations.get_mut(&id) else { return };
        if head > organization.feed.head() && organization.filling == Filling::No {
            organization.filling = Filling::Running;
            let after = organization.feed.head();
            self.read_hole(id, after);
        }
    }

    fn now(&self) -> Now {
        Now { steady: Instant::now(), wall: self.clock.now() }
    }
}

impl Organization {
    fn new(head: Seq) -> Self {
        Self {
            feed: Feed::starting_after(head),
            sessions: Vec::new(),
            passed: Arc::new(AtomicU64::new(head.0)),
            filling: Filling::No,
        }
    }

    fn attach(&mut self, connection: &Arc<Connection>, replay: &Replay, now: Now) {
        let after = connection.attach(&replay.events, replay.up_to, self.passed.clone(), now);
        connection.slot.store(self.sessions.len(), Ordering::Relaxed);
        self.sessions.push(connection.clone());
        self.follow_up(connection, after);
    }

    fn deliver(&mut self, live: &Arc<Live>) {
        if !live.is_for_sessions() {
            return;
        }
        // From the end, so that a session forgotten on the way moves nobody that is still to come.
        for i in (0..self.sessions.len()).rev() {
            let connection = self.sessions[i].clone();
            let after = connection.deliver(live);
            if after != After::Nothing {
                self.follow_up(&connection, after);
            }
        }
    }

    fn follow_up(&mut self, connection: &Arc<Connection>, after: After) {
        match after {
            After::Nothing => {}
            After::Newest(view) => self.give_newest(connection, view),
            After::Forget => self.forget(connection),
        }
    }

    fn give_newest(&self, connection: &Connection, view: View) {
        for live in self.feed.newest(view) {
            connection.deliver(live);
        }
    }

    fn forget(&mut self, connection: &Arc<Connection>) {
        let slot = connection.slot.load(Ordering::Relaxed);
        if self.sessions.get(slot).is_some_and(|found| Arc::ptr_eq(found, connection)) {
            self.sessions.swap_remove(slot);
            if let Some(moved) = self.sessions.get(slot) {
                moved.slot.store(slot, Ordering::Relaxed);
            }
            connection.slot.store(usize::MAX, Ordering::Relaxed);
        }
    }
}
