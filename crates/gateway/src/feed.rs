//! The order of one organisation's events in a gateway: pure, so that it can be simulated.
//!
//! Records come from the bus at least once, sometimes late, sometimes in another order (topics overtake each other), and
//! sometimes not at all. A feed gives them on exactly once and in the order of `seq`; it names the hole that keeps it from
//! going on; it holds states until it has passed what they include; and it remembers the newest events, for resumes.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use unionflow_protocol::{
    Audience, Envelope, Event, EventType, Position, Record, Role, Seq, Timestamp, View,
    id::{MemberId, OrganizationId},
};

use crate::frame::{Frame, SharedFrame, StateKey};

#[cfg(test)]
mod tests;

/// A record, framed once, with what sessions look at.
#[derive(Debug)]
pub(crate) struct Live {
    /// Whose.
    pub organization_id: OrganizationId,
    /// Its place.
    pub position: Position,
    /// When it was recorded.
    pub timestamp: Timestamp,
    /// Who may see it.
    pub audience: Audience,
    /// The frame; none for a bulk fact, which goes to no socket.
    pub frame: Option<SharedFrame>,
    /// What it changes about the rights of a session.
    pub rights: Option<RightsChange>,
    /// The figures that it is, if it is any.
    pub figures: Option<Figures>,
}

/// Figures come in two kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figures {
    /// Of today.
    Stats,
    /// Of the months.
    Kpis,
}

/// Whose states: the figures of a view, the mark of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whose {
    /// The view.
    pub view: View,
    /// The member.
    pub member_id: MemberId,
}

/// What an event changes about somebody's rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RightsChange {
    /// Whose.
    pub member_id: MemberId,
    /// How.
    pub change: Rights,
}

/// See [`RightsChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// A role was given.
    Granted(Role),
    /// A role was taken.
    Revoked(Role),
    /// The membership ended or rests.
    Ended,
}

impl Live {
    /// Frames a record.
    pub(crate) fn new(record: &Record) -> Self {
        let state = matches!(record.position, Position::State { .. });
        let key = state
            .then(|| StateKey { event_type: record.event_type.clone(), audience: record.audience.clone() });
        let frame = (!record.audience.is_none()).then(|| Frame::text(&record.value, key));
        Self {
            organization_id: record.organization_id,
            position: record.position,
            timestamp: record.timestamp,
            audience: record.audience.clone(),
            frame,
            rights: rights_change(record),
            figures: Figures::of(record).filter(|_| state),
        }
    }

    /// Whether a resume needs it: it is seen, or it changes who may see what.
    pub(crate) fn is_for_sessions(&self) -> bool {
        self.frame.is_some() || self.rights.is_some()
    }

    /// Bytes of its frame.
    pub(crate) fn bytes(&self) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.bytes().len())
    }

    fn key(&self) -> Option<&StateKey> {
        self.frame.as_ref().and_then(|frame| frame.state.as_ref())
    }
}

impl Figures {
    const KINDS: usize = 2;

    fn of(record: &Record) -> Option<Self> {
        match record.event_type.parse() {
            Ok(EventType::DashboardStatsUpdate) => Some(Self::Stats),
            Ok(EventType::KpiUpdate) => Some(Self::Kpis),
            _ => None,
        }
    }
}

/// Only these few are looked into; everything else is passed on as bytes. Facts of other systems change no right of ours.
fn rights_change(record: &Record) -> Option<RightsChange> {
    let event_type: EventType = record.event_type.parse().ok()?;
    let concerns = matches!(
        event_type,
        EventType::RoleGranted
            | EventType::RoleRevoked
            | EventType::MemberSuspended
            | EventType::MemberLeft
            | EventType::MemberErased
    );
    if !concerns || record.inbound {
        return None;
    }
    let (member_id, change) = match Envelope::decode(&record.value).ok()?.event {
        Event::RoleGranted(data) => (data.id, Rights::Granted(data.role)),
        Event::RoleRevoked(data) => (data.id, Rights::Revoked(data.role)),
        Event::MemberSuspended(data) => (data.id, Rights::Ended),
        Event::MemberLeft(data) => (data.id, Rights::Ended),
        Event::MemberErased(data) => (data.id, Rights::Ended),
        _ => return None,
    };
    Some(RightsChange { member_id, change })
}

/// One organisation's events in order.
#[derive(Debug)]
pub(crate) struct Feed {
    /// The newest event given on.
    head: Seq,
    /// Newer ones that wait for a hole to be filled.
    waiting: BTreeMap<Seq, Arc<Live>>,
    /// States that wait until the head has passed what they include.
    held: Vec<Arc<Live>>,
    /// The newest figures given on.
    newest: Vec<Arc<Live>>,
    /// The newest mark of each member, of those given on lately: a session may be replaying meanwhile.
    marks: VecDeque<Arc<Live>>,
    ring: VecDeque<Arc<Live>>,
    /// Everything after this and up to the head is in the ring, or went to no socket.
    ring_after: Seq,
    ring_bytes: usize,
}

/// Records that wait at the most; beyond, they are read from the journal with the hole.
const WAITING_MAX: usize = 4096;

/// Marks that are kept; beyond, the oldest is forgotten. It takes so many other members who read while one session replays to lose
/// it its own.
const MARKS_MAX: usize = 128;

/// Events that must be read from the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    /// After this one.
    pub after: Seq,
    /// Up to, and with, this one.
    pub up_to: Seq,
}

impl Feed {
    /// A feed that goes on after this event.
    pub(crate) fn starting_after(head: Seq) -> Self {
        Self {
            head,
            waiting: BTreeMap::new(),
            held: Vec::new(),
            newest: Vec::new(),
            marks: VecDeque::new(),
            ring: VecDeque::new(),
            ring_after: head,
            ring_bytes: 0,
        }
    }

    /// The newest event given on.
    pub(crate) fn head(&self) -> Seq {
        self.head
    }

    /// Takes a record in; what can be given on now is added to `out`, in order.
    pub(crate) fn take(&mut self, live: Arc<Live>, out: &mut Vec<Arc<Live>>) {
        match live.position {
            Position::Fact(seq) if seq <= self.head => {
                metrics::counter!("unionflow_hub_duplicates_total").increment(1);
            }
            Position::Fact(seq) if seq == self.head.next() => {
                self.give(live, out);
                while let Some(next) = self.waiting.remove(&self.head.next()) {
                    self.give(next, out);
                }
                self.release(out);
            }
            Position::Fact(seq) => {
                if self.waiting.len() < WAITING_MAX {
                    self.waiting.insert(seq, live);
                } else if self.waiting.last_key_value().is_some_and(|(last, _)| *last < seq) {
                    // Kept as the end of the hole; what lies between is read from the journal.
                    self.waiting.pop_last();
                    self.waiting.insert(seq, live);
                }
            }
            Position::State { as_of_seq, .. } if as_of_seq <= self.head => self.give_state(live, out),
            Position::State { as_of_seq, .. } => {
                let same = self.held.iter().position(|held| held.key() == live.key());
                match same.map(|i| &mut self.held[i]) {
                    Some(held) if held.position.seq() > as_of_seq => {}
                    Some(held) => *held = live,
                    None => self.held.push(live),
                }
            }
        }
    }

    /// The events that keep it from going on; they are read from the journal if they do not come soon.
    pub(crate) fn hole(&self) -> Option<Hole> {
        let last = *self.waiting.last_key_value()?.0;
        Some(Hole { after: self.head, up_to: last })
    }

    /// Whether it has what a session that replays now is to be handed, and what no journal has.
    pub(crate) fn has_states_to_come(&self) -> bool {
        !self.held.is_empty() || !self.marks.is_empty()
    }

    /// Whether a state waits for events that have not come.
    #[cfg(test)]
    pub(crate) fn state_waits_for(&self) -> Option<Seq> {
        self.held.iter().map(|live| live.position.seq()).max()
    }

    fn give(&mut self, live: Arc<Live>, out: &mut Vec<Arc<Live>>) {
        self.head = live.position.seq();
        if live.is_for_sessions() {
            self.ring_bytes += live.bytes();
            self.ring.push_back(live.clone());
        }
        out.push(live);
    }

    fn release(&mut self, out: &mut Vec<Arc<Live>>) {
        let head = self.head;
        let (ready, held) =
            std::mem::take(&mut self.held).into_iter().partition(|live| live.position.seq() <= head);
        self.held = held;
        let ready: Vec<Arc<Live>> = ready;
        for live in ready {
            self.give_state(live, out);
        }
    }

    fn give_state(&mut self, live: Arc<Live>, out: &mut Vec<Arc<Live>>) {
        let newer = self
            .newest
            .iter()
            .chain(&self.marks)
            .any(|known| known.key() == live.key() && known.position.seq() > live.position.seq());
        if newer {
            return;
        }
        self.remember(live.clone());
        out.push(live);
    }

    /// Keeps a state as the newest of its key.
    fn remember(&mut self, live: Arc<Live>) {
        if live.audience.members().is_empty() {
            self.newest.retain(|known| known.key() != live.key());
            self.newest.push(live);
        } else {
            self.marks.retain(|known| known.key() != live.key());
            self.marks.push_back(live);
            if self.marks.len() > MARKS_MAX {
                self.marks.pop_front();
            }
        }
    }

    /// The newest states given on, of somebody.
    pub(crate) fn newest(&self, whose: Whose) -> impl Iterator<Item = &Arc<Live>> {
        let (view, member) = (Audience::view(whose.view), Audience::member(whose.member_id));
        let figures = self.newest.iter().filter(move |live| live.audience == view);
        figures.chain(self.marks.iter().filter(move |live| live.audience == member))
    }

    /// Whether figures of a view are among them, of every kind.
    pub(crate) fn has_figures(&self, view: View) -> bool {
        let audience = Audience::view(view);
        self.newest.iter().filter(|live| live.audience == audience).count() == Figures::KINDS
    }

    /// The events after a cursor, if the ring has them all; at most so many.
    pub(crate) fn after(&self, cursor: Seq, limit: usize) -> Option<Replay> {
        if cursor < self.ring_after {
            return None;
        }
        let from = self.ring.partition_point(|live| live.position.seq() <= cursor);
        let events: Vec<Arc<Live>> = self.ring.range(from..).take(limit).cloned().collect();
        let complete = from + events.len() == self.ring.len();
        let up_to = match events.last() {
            Some(last) if !complete => last.position.seq(),
            _ => self.head.max(cursor),
        };
        Some(Replay { events, up_to, complete })
    }

    /// Forgets the oldest event; the bytes freed, or `None` if there is none.
    pub(crate) fn forget_oldest(&mut self) -> Option<usize> {
        let oldest = self.ring.pop_front()?;
        self.ring_after = oldest.position.seq();
        self.ring_bytes -= oldest.bytes();
        Some(oldest.bytes())
    }

    /// Bytes of events kept.
    pub(crate) fn ring_bytes(&self) -> usize {
        self.ring_bytes
    }
}

/// A part of the ring.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    /// The events, in order.
    pub events: Vec<Arc<Live>>,
    /// Complete up to here.
    pub up_to: Seq,
    /// Whether that is the head.
    pub complete: bool,
}
