//! One client's conversation with the gateway, without any I/O.
//!
//! What happened goes in by a `handle_*`; after each, drain [`Session::poll_output`], then sleep until
//! [`Session::next_deadline`]. It begins with its welcome and wants [`Output::Replay`]; pages of it come in by
//! [`Session::handle_replay`], and [`Session::handle_caught_up`] ends it in the same step in which the hub attaches the
//! session, so that nothing is missed or doubled in between. From then on the hub asks [`Session::handle_live`] about each
//! event.

use std::{collections::VecDeque, time::Duration};

use serde_json::value::RawValue;
use tokio::time::Instant;
use unionflow_protocol::{
    Date, Position, Role, RoleSet, Seq, Timestamp, View,
    close::CloseCode,
    frame::{
        BadFrame, CaughtUp, ClientFrame, Control, ControlFrame, ErrorFrame, GoAway, GoAwayReason, Pong,
        ResyncReason, ResyncRequired, RightsChanged, Token, Welcome,
    },
    id::{Epoch, MemberId, OrganizationId, PersonId, SessionId},
    limits,
    problem::ErrorCode,
};

use crate::{
    config::{FRAMES_PER_WINDOW, FRAMES_WINDOW},
    feed::{Figures, Live, Rights, Whose},
    frame::{Frame, SharedFrame},
};

#[cfg(test)]
mod tests;

/// The time, by both clocks: one that never jumps, for deadlines, and the one on the wall, for frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Never jumps.
    pub steady: Instant,
    /// As people know it.
    pub wall: Timestamp,
}

/// Who is signed in, and until when without a new token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The person.
    pub person_id: PersonId,
    /// When the access token ends.
    pub token_ends: Timestamp,
}

/// What the store says about a person in an organisation, of one moment.
#[derive(Debug)]
pub(crate) struct Joined {
    /// Where.
    pub organization_id: OrganizationId,
    /// Who the person is there.
    pub member_id: MemberId,
    /// The roles held.
    pub roles: RoleSet,
    /// The newest event at that moment.
    pub head: Seq,
    /// The journal's incarnation.
    pub epoch: Epoch,
    /// The newest figures of the person's view, as an envelope, and the day they refer to.
    pub stats: Option<(Date, Box<RawValue>)>,
    /// How far the member had read, for who resumes.
    pub mark: Option<SharedFrame>,
    /// Where to begin.
    pub start: Start,
}

/// Where a session begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Live from now.
    Now,
    /// After this event.
    After(Seq),
    /// The cursor given cannot be resumed from.
    Resync(ResyncReason),
}

impl Start {
    /// Where a cursor lets a session begin. The very beginning needs no epoch.
    pub(crate) fn of(wanted: Wanted, head: Seq, epoch: Epoch) -> Self {
        match wanted.after {
            None => Self::Now,
            Some(after) if after > Seq::ZERO && wanted.epoch != Some(epoch) => {
                Self::Resync(ResyncReason::OtherEpoch)
            }
            Some(after) if after > head => Self::Resync(ResyncReason::BeyondHead),
            Some(after) if head.since(after) > limits::RESUME_EVENTS => {
                Self::Resync(ResyncReason::TooFarBehind)
            }
            Some(after) => Self::After(after),
        }
    }
}

/// What a client asks to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where; the person's only organisation if left out.
    pub organization_id: Option<OrganizationId>,
    /// Its cursor.
    pub after: Option<Seq>,
    /// The epoch of its cursor.
    pub epoch: Option<Epoch>,
}

/// What must be done now.
#[derive(Debug)]
pub(crate) enum Output {
    /// Write this frame.
    Send(SharedFrame),
    /// Read what comes after this event, and hand it in page by page.
    Replay {
        /// The cursor.
        after: Seq,
        /// What it comes from.
        start: Start,
    },
    /// Check this token, and hand in whose it is.
    Verify(Token),
    /// Look up whether the person may follow this, and hand in what the store says.
    Join(Wanted),
    /// Hand in the newest states.
    Newest(Whose),
    /// The client has kept everything up to here.
    Acknowledged {
        /// How many events behind what it was sent.
        behind: u64,
    },
    /// Write a close frame and end.
    Close(CloseCode),
}

/// Whether a session sees a live event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    /// It is not for this session.
    No,
    /// Write its frame.
    Yes,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    identity: Identity,
    organization_id: OrganizationId,
    member_id: MemberId,
    roles: RoleSet,
    epoch: Epoch,
    phase: Phase,
    /// Everything up to here that the session may see has been given to the transport.
    cursor: Seq,
    /// The newest event when the store was asked.
    joined_at: Seq,
    /// The roles are those held at this event; changes up to it are in them.
    rights_as_of: Seq,
    /// The figures that the client has.
    shown: Shown,
    /// How far the member had read when the store was asked; told once it is live.
    mark: Option<SharedFrame>,
    acknowledged: Seq,
    last_heard: Instant,
    token_deadline: Instant,
    leave_at: Option<Instant>,
    /// Switches whose answer has not come. Only the last one counts.
    switches: u32,
    window: Window,
    outputs: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Replaying,
    Live,
    /// Another organisation was asked for: nothing of the old one is sent any more.
    Switching,
    Closed,
}

/// As of where the client has its figures: only newer ones are sent. At midnight they change without an event.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    stats: (Seq, Option<Date>),
    kpis: (Seq, Option<Date>),
}

/// Frames heard lately.
#[derive(Debug)]
struct Window {
    since: Instant,
    frames: u32,
}

const HEARTBEAT_SECONDS: u32 = 30;

impl Session {
    /// A session that begins with its welcome.
    pub(crate) fn new(id: SessionId, identity: Identity, joined: Joined, now: Now) -> Self {
        debug_assert_eq!(limits::HEARTBEAT.as_secs(), u64::from(HEARTBEAT_SECONDS));
        let mut session = Self {
            id,
            identity,
            organization_id: joined.organization_id,
            member_id: joined.member_id,
            roles: joined.roles,
            epoch: joined.epoch,
            phase: Phase::Replaying,
            cursor: joined.head,
            joined_at: joined.head,
            rights_as_of: joined.head,
            shown: Shown::default(),
            mark: None,
            acknowledged: Seq::ZERO,
            last_heard: now.steady,
            token_deadline: now.steady,
            leave_at: None,
            switches: 0,
            window: Window { since: now.steady, frames: 0 },
            outputs: VecDeque::new(),
        };
        session.set_identity(identity, now);
        session.begin(joined, now);
        session
    }

    // What happened.

    /// A text frame of the client.
    pub(crate) fn handle_text(&mut self, now: Now, text: &str) {
        if !self.heard(now) {
            return;
        }
        match ClientFrame::parse(text) {
            Ok(ClientFrame::Ping) => self.pong(now),
            Ok(ClientFrame::Ack { seq }) => self.acknowledge(now, seq),
            Ok(ClientFrame::Authenticate { token }) => self.outputs.push_back(Output::Verify(token)),
            Ok(ClientFrame::Switch { organization_id, after, epoch }) => {
                self.phase = Phase::Switching;
                self.switches += 1;
                let wanted = Wanted { organization_id: Some(organization_id), after, epoch };
                self.outputs.push_back(Output::Join(wanted));
            }
            Err(BadFrame { code, detail }) => self.error(now, code, detail),
        }
    }

    /// A ping of the WebSocket's own; the transport answers it.
    pub(crate) fn handle_ping(&mut self, now: Now) {
        self.heard(now);
    }

    /// A part of a text whose end is still to come: it costs what any frame costs.
    pub(crate) fn handle_fragment(&mut self, now: Now) {
        self.heard(now);
    }

    /// Whose the token is that `authenticate` brought; an error if it is not good.
    pub(crate) fn handle_verified(&mut self, now: Now, verified: Result<Identity, ErrorCode>) {
        match verified {
            Ok(identity) if identity.person_id != self.identity.person_id => {
                let detail = "the token belongs to another person; the old one stays".to_owned();
                self.error(now, ErrorCode::OtherPerson, detail);
            }
            Ok(identity) => {
                self.set_identity(identity, now);
                self.pong(now);
            }
            Err(code) => self.error(now, code, "the token was refused; the old one stays".to_owned()),
        }
    }

    /// What the store says about the organisation that `switch` asked for. Refused: the session ends, because it already left
    /// the old one. If the client has asked for yet another meanwhile, nobody waits for this one.
    pub(crate) fn handle_joined(&mut self, now: Now, joined: Result<Joined, ErrorCode>) {
        self.switches = self.switches.saturating_sub(1);
        if self.phase != Phase::Switching || self.switches > 0 {
            return;
        }
        match joined {
            Ok(joined) => {
                (self.organization_id, self.member_id) = (joined.organization_id, joined.member_id);
                (self.roles, self.epoch) = (joined.roles, joined.epoch);
                (self.joined_at, self.rights_as_of) = (joined.head, joined.head);
                self.acknowledged = Seq::ZERO;
                self.begin(joined, now);
            }
            Err(code) => {
                self.error(now, code, "the switch was refused".to_owned());
                self.close(CloseCode::SwitchRefused);
            }
        }
    }

    /// Events of the replay, in order, complete up to a place. By the rights held now.
    pub(crate) fn handle_replay(&mut self, events: &[std::sync::Arc<Live>], up_to: Seq) {
        if self.phase != Phase::Replaying {
            return;
        }
        for live in events {
            if live.organization_id != self.organization_id || live.position.seq() <= self.cursor {
                continue;
            }
            self.pass(live);
            if self.phase != Phase::Replaying {
                return;
            }
        }
        self.cursor = self.cursor.max(up_to);
    }

    /// The replay has reached the head, and the hub has attached the session: live from here.
    pub(crate) fn handle_caught_up(&mut self, now: Now) {
        if self.phase != Phase::Replaying {
            return;
        }
        self.phase = Phase::Live;
        self.control(now.wall, Control::CaughtUp(CaughtUp { seq: self.cursor }));
        self.outputs.extend(self.mark.take().map(Output::Send));
        // What was published while it replayed was given to others only.
        self.outputs.push_back(Output::Newest(self.whose()));
    }

    /// A live event of the organisation. If the session sees it, its frame is to be written before any output.
    pub(crate) fn handle_live(&mut self, live: &Live) -> Sees {
        if self.phase != Phase::Live || live.organization_id != self.organization_id {
            return Sees::No;
        }
        let sees = match live.position {
            Position::Fact(seq) if seq <= self.cursor => return Sees::No,
            Position::Fact(seq) => {
                self.cursor = seq;
                self.admits(live)
            }
            Position::State { as_of_seq, as_of_date } => {
                self.admits(live) && self.is_news(live, as_of_seq, as_of_date)
            }
        };
        self.follow_rights(live);
        if sees { Sees::Yes } else { Sees::No }
    }

    /// The deadline came.
    pub(crate) fn handle_deadline(&mut self, now: Now) {
        if self.phase == Phase::Closed {
            return;
        }
        if self.leave_at.is_some_and(|at| at <= now.steady) {
            self.close(CloseCode::Restarting);
        } else if self.token_deadline <= now.steady {
            self.close(CloseCode::TokenEnded);
        } else if self.last_heard + limits::SILENCE <= now.steady {
            self.close(CloseCode::Silent);
        }
    }

    /// The server is about to stop: the client is told when to come back, and the socket is closed after `leave_in`.
    pub(crate) fn handle_drain(&mut self, now: Now, retry_after: Duration, leave_in: Duration) {
        if self.phase == Phase::Closed || self.leave_at.is_some() {
            return;
        }
        let retry_after_ms = u32::try_from(retry_after.as_millis()).unwrap_or(u32::MAX);
        self.control(now.wall, Control::GoAway(GoAway { retry_after_ms, reason: GoAwayReason::Restarting }));
        self.leave_at = Some(now.steady + leave_in);
    }

    /// The sign-in was ended: logout, a changed password, a disabled account.
    pub(crate) fn handle_sign_in_ended(&mut self) {
        self.close(CloseCode::SessionsEnded);
    }

    /// The store, or the bus, cannot be read: the client is to come back later.
    pub(crate) fn handle_unavailable(&mut self) {
        self.close(CloseCode::TryLater);
    }

    /// Nothing can be sent any more: the client is gone, or was too slow and its queue has been closed.
    pub(crate) fn handle_gone(&mut self) {
        self.phase = Phase::Closed;
        self.outputs.clear();
    }

    // What must now be done.

    /// The next thing to do.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front();
        if output.is_none() {
            self.outputs = VecDeque::new();
        }
        output
    }

    /// When to call [`Session::handle_deadline`]; `None` once it is closed.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.phase == Phase::Closed {
            return None;
        }
        let silence = self.last_heard + limits::SILENCE;
        let first = silence.min(self.token_deadline);
        Some(self.leave_at.map_or(first, |leave| leave.min(first)))
    }

    // What it is.

    /// Who is signed in.
    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// The organisation it follows.
    pub(crate) fn organization_id(&self) -> OrganizationId {
        self.organization_id
    }

    /// Complete up to here.
    pub(crate) fn cursor(&self) -> Seq {
        self.cursor
    }

    /// The newest event when the store was asked: the replay goes at least so far.
    pub(crate) fn joined_at(&self) -> Seq {
        self.joined_at
    }

    /// Whether a replay is to go on.
    pub(crate) fn is_replaying(&self) -> bool {
        self.phase == Phase::Replaying
    }

    /// Whether nothing more will come of it.
    pub(crate) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Everything up to here has been written, although the session may have seen none of it.
    pub(crate) fn passed(&mut self, seq: Seq) {
        if self.phase == Phase::Live {
            self.cursor = self.cursor.max(seq);
        }
    }

    fn begin(&mut self, joined: Joined, now: Now) {
        let (resumed_from, after) = match joined.start {
            Start::Now | Start::Resync(_) => (None, joined.head),
            Start::After(seq) => (Some(seq), seq),
        };
        let (as_of_date, stats) = joined.stats.unzip();
        let welcomed = (joined.head, as_of_date);
        // The welcome has no series. Who resumes may hold any: figures come some time after their events, and its cursor tells
        // only of these. Who does not resume fetches them.
        let kpis = if resumed_from.is_some() { Default::default() } else { welcomed };
        self.shown = Shown { stats: welcomed, kpis };
        self.mark = joined.mark;
        self.cursor = after;
        self.phase = Phase::Replaying;
        let welcome = Welcome {
            session_id: self.id,
            organization_id: self.organization_id,
            epoch: self.epoch,
            head_seq: joined.head,
            resumed_from,
            heartbeat_seconds: HEARTBEAT_SECONDS,
            member_id: self.member_id,
            roles: self.roles,
            stats,
        };
        self.control(now.wall, Control::Welcome(welcome));
        if let Start::Resync(reason) = joined.start {
            let resync = ResyncRequired { head_seq: joined.head, epoch: self.epoch, reason };
            self.control(now.wall, Control::ResyncRequired(resync));
        }
        self.outputs.push_back(Output::Replay { after, start: joined.start });
    }

    /// A replayed event: written if the session sees it, and its change of rights followed.
    fn pass(&mut self, live: &Live) {
        self.cursor = live.position.seq();
        if let Some(frame) = live.frame.as_ref().filter(|_| self.admits(live)) {
            self.outputs.push_back(Output::Send(frame.clone()));
        }
        self.follow_rights(live);
    }

    fn admits(&self, live: &Live) -> bool {
        live.audience.admits(self.member_id, self.roles)
    }

    /// Whether a state says what the client does not have; from now on it has.
    fn is_news(&mut self, live: &Live, as_of_seq: Seq, as_of_date: Date) -> bool {
        let shown = match live.figures {
            Some(Figures::Stats) => &mut self.shown.stats,
            Some(Figures::Kpis) => &mut self.shown.kpis,
            // A mark moves without any event.
            None => return as_of_seq >= self.joined_at,
        };
        let as_of = (as_of_seq, Some(as_of_date));
        let is_news = as_of > *shown;
        *shown = as_of.max(*shown);
        is_news
    }

    fn whose(&self) -> Whose {
        Whose { view: View::of(self.roles), member_id: self.member_id }
    }

    /// Rights follow the stream: after this event the session sees by the new roles.
    fn follow_rights(&mut self, live: &Live) {
        let Some(rights) = live.rights.filter(|rights| rights.member_id == self.member_id) else { return };
        let seq = live.position.seq();
        if seq <= self.rights_as_of {
            return;
        }
        self.rights_as_of = seq;
        let before = self.roles;
        match rights.change {
            Rights::Granted(role) => self.roles = self.roles.with(role),
            Rights::Revoked(role) => self.roles = self.roles.without(role),
            Rights::Ended => return self.close(CloseCode::MembershipEnded),
        }
        debug_assert!(self.roles.contains(Role::Member) || !before.contains(Role::Member));
        self.control(live.timestamp, Control::RightsChanged(RightsChanged { roles: self.roles, seq }));
        if View::of(before) == View::of(self.roles) {
            return;
        }
        self.shown = Shown::default();
        // In a replay nobody could hand figures in yet: they are asked for at its end.
        if self.phase == Phase::Live {
            self.outputs.push_back(Output::Newest(self.whose()));
        }
    }

    /// Notes that the client is there; `false` if it says too much.
    fn heard(&mut self, now: Now) -> bool {
        if matches!(self.phase, Phase::Closed) {
            return false;
        }
        self.last_heard = now.steady;
        if now.steady.duration_since(self.window.since) >= FRAMES_WINDOW {
            self.window = Window { since: now.steady, frames: 0 };
        }
        self.window.frames += 1;
        if self.window.frames > FRAMES_PER_WINDOW {
            self.error(now, ErrorCode::RateLimited, "too many frames".to_owned());
            // Not for ever: most likely a loop gone wrong, and the screen is to come back after it.
            self.close(CloseCode::TryLater);
            return false;
        }
        true
    }

    fn pong(&mut self, now: Now) {
        self.control(now.wall, Control::Pong(Pong { seq: self.cursor }));
    }

    fn acknowledge(&mut self, now: Now, seq: Seq) {
        if seq > self.cursor {
            let detail = format!("`seq` must be at most {}, the newest event sent", self.cursor);
            return self.error(now, ErrorCode::InvalidFrame, detail);
        }
        if seq > self.acknowledged {
            self.acknowledged = seq;
            self.outputs.push_back(Output::Acknowledged { behind: self.cursor.since(seq) });
        }
    }

    fn set_identity(&mut self, identity: Identity, now: Now) {
        self.identity = identity;
        self.token_deadline = now.steady + identity.token_ends.since(now.wall);
    }

    fn error(&mut self, now: Now, code: ErrorCode, detail: String) {
        self.control(now.wall, Control::Error(ErrorFrame { code, detail, choices: Vec::new() }));
    }

    fn control(&mut self, wall: Timestamp, control: Control) {
        let frame = ControlFrame { control, organization_id: Some(self.organization_id), timestamp: wall };
        self.outputs.push_back(Output::Send(Frame::text(&frame.encode(), None)));
    }

    fn close(&mut self, code: CloseCode) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Closed;
            self.outputs.push_back(Output::Close(code));
        }
    }
}
