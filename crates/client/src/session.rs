//! One client's conversation with the server, without any I/O.
//!
//! What the application asks and what happened goes in by [`Session::handle`]; after each, drain [`Session::poll_output`], then
//! sleep until [`Session::next_deadline`] and hand in [`Input::Deadline`]. There is at most one socket at a time: whoever drives
//! the session opens one when it is told to ([`Output::Open`]), and after [`Output::Close`] hands in nothing of it any more.
//!
//! It promises: each fact once and in `seq` order, whatever happens to sockets; a cursor ([`Session::cursor`]) that is never ahead
//! of what was told; no attempt without a wait, but for the first after a connection that was good for a while.

use std::{collections::VecDeque, ops::Add, time::Duration};

use unionflow_protocol::{
    RoleSet, Seq,
    frame::{ClientFrame, ErrorFrame, Token},
    id::{Epoch, OrganizationId},
    limits,
    problem::ErrorCode,
};

mod connecting;
mod following;
mod heartbeat;
mod holding;
mod reading;
mod resync;
#[cfg(test)]
mod tests;

use heartbeat::Heartbeat;
use holding::Holding;

use crate::{
    backoff::{Backoff, Jitter},
    cursor::Cursor,
    error::{ClientError, ErrorKind},
    message::{Joined, Message, Resync},
    status::ConnectionStatus,
    token::{AccessToken, TokenFault},
};

/// A moment, as the time since any beginning that whoever drives the session chose. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub Duration);

impl Moment {
    /// How long after an earlier moment; zero when it is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// What a session is to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which organisation to follow; `None` = the person's only one.
    pub organization_id: Option<OrganizationId>,
    /// Where the client was, from its store.
    pub cursor: Option<Cursor>,
    /// Where to begin without a cursor.
    pub begin: Begin,
    /// Whether somebody fetches snapshots when told to: then events wait until they are there.
    pub fetches_snapshots: bool,
    /// Where the randomness of waits comes from.
    pub jitter: Jitter,
}

/// Where a client begins that has no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Begin {
    /// Live from now.
    #[default]
    Now,
    /// From the very first event, as far as the person may see.
    First,
}

/// What the application asks, and what happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// Be connected from now on.
    Connect,
    /// Do not be connected any more.
    Disconnect,
    /// Follow another organisation; its cursor, if there is one.
    Switch(OrganizationId, Option<Cursor>),
    /// The device has a network again, or another one: try now, or see whether the connection still stands.
    NetworkIsBack,
    /// Everything up to here has been kept: the server may forget to push it.
    Kept(Seq),
    /// What the provider gave.
    Token(Result<AccessToken, TokenFault>),
    /// The socket is open.
    Opened,
    /// The server answered something other than a socket.
    Refused(Refusal),
    /// The socket could not be opened, or broke.
    Failed(ClientError),
    /// A frame of text.
    Text(&'a [u8]),
    /// A frame that is not text.
    Binary,
    /// The server closed the socket; 1005 and 1006 where it gave no code.
    Closed(u16),
    /// Snapshots were fetched, exact as of this place; or could not be.
    Snapshots(Result<(Epoch, Seq), ClientError>),
    /// The deadline came.
    Deadline,
}

/// An answer in place of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The code of the problem, where it was one that is known.
    pub code: Option<ErrorCode>,
    /// Whether the body was a problem: else something in between answered, and no UnionFlow server.
    pub is_problem: bool,
    /// `Retry-After`.
    pub retry_after: Option<Duration>,
}

/// What must be done now.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Ask the provider for a token, and hand in what it says.
    FetchToken {
        /// The last one was refused.
        refused: bool,
    },
    /// Open a socket.
    Open(Opening),
    /// Write this frame.
    Send(ClientFrame),
    /// Say good-bye and let the socket go, also one that is still being opened.
    Close,
    /// Fetch snapshots, and hand in what they are exact as of.
    FetchSnapshots(Resync),
    /// Tell the application.
    Tell(Message),
    /// The connection stands otherwise.
    Status(ConnectionStatus),
}

/// How to open a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// Which organisation.
    pub organization_id: Option<OrganizationId>,
    /// Resume after this event.
    pub after: Option<Seq>,
    /// The epoch of `after`.
    pub epoch: Option<Epoch>,
    /// For the `Authorization` header; never for the URL.
    pub token: Token,
}

impl Opening {
    /// The query of the URL: nothing in it is secret.
    pub fn query(&self) -> String {
        let mut pairs = Vec::new();
        pairs.extend(self.organization_id.map(|id| format!("organizationId={id}")));
        pairs.extend(self.after.map(|after| format!("after={after}")));
        pairs.extend(self.epoch.map(|epoch| format!("epoch={epoch}")));
        pairs.join("&")
    }
}

/// How long the provider may take to give a token.
pub const TOKEN_WITHIN: Duration = Duration::from_secs(20);
/// How long a socket may take to open: on a slow network, with TLS.
pub const OPEN_WITHIN: Duration = Duration::from_secs(20);
/// How long the welcome may take.
pub const WELCOME_WITHIN: Duration = Duration::from_secs(10);
/// How long fetching snapshots may take.
pub const SNAPSHOTS_WITHIN: Duration = Duration::from_secs(60);
/// A connection that was good for so long begins its waits anew.
pub const STEADY_AFTER: Duration = Duration::from_secs(5);
/// A token is renewed so long before it ends, or at four fifths of its life.
const RENEW_BEFORE: Duration = Duration::from_secs(60);
/// Hints that the network is back count once in so long.
const HINT_EVERY: Duration = Duration::from_secs(1);
/// A server that sends clients away for longer is asked again all the same.
const GO_AWAY_MAX: Duration = Duration::from_secs(300);

/// See the module.
///
/// ```
/// use unionflow_client::{
///     AccessToken,
///     backoff::Jitter,
///     session::{Begin, Input, Moment, Output, Session, Settings},
/// };
///
/// let mut session = Session::new(Settings {
///     organization_id: None,
///     cursor: None,
///     begin: Begin::Now,
///     fetches_snapshots: false,
///     jitter: Jitter::seeded(1),
/// });
/// session.handle(Moment::default(), Input::Connect);
/// let outputs: Vec<Output> = std::iter::from_fn(|| session.poll_output()).collect();
/// assert_eq!(outputs.last(), Some(&Output::FetchToken { refused: false }));
/// session.handle(Moment::default(), Input::Token(Ok(AccessToken::lasting("eyJ…"))));
/// assert!(matches!(session.poll_output(), Some(Output::Open(_))));
/// ```
#[derive(Debug)]
pub struct Session {
    organization_id: Option<OrganizationId>,
    begin: Begin,
    fetches_snapshots: bool,
    /// Complete up to here, if everything that was told is taken.
    cursor: Option<Cursor>,
    /// The session that has begun, on this socket.
    joined: Option<Joined>,
    /// The roles that it sees by.
    roles: RoleSet,
    /// Facts up to here are duplicates.
    seen: Seq,
    /// The server has sent everything up to here on this socket: snapshots may be further.
    sent: Seq,
    /// Snapshots are needed, and not there: until then the cursor stays where it was.
    is_incomplete: bool,
    phase: Phase,
    backoff: Backoff,
    token: Option<HeldToken>,
    /// The token held was fetched after another one had been refused: if it is refused too, another would be.
    is_second_token: bool,
    /// A token was asked for to renew the one in use.
    renewing: bool,
    heartbeat: Heartbeat,
    holding: Option<Holding>,
    /// When the server, which is leaving, wants to see us again.
    go_away_at: Option<Moment>,
    /// What the server said was wrong, before it closes.
    last_error: Option<ErrorFrame>,
    last_attempt: Option<Moment>,
    counts: Counts,
    status: ConnectionStatus,
    outputs: VecDeque<Output>,
}

/// What was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Facts that came twice.
    pub duplicates: u64,
    /// Events of another organisation than the one followed, on their way when it was left.
    pub foreign: u64,
    /// Frames that are neither an event nor about the session.
    pub unknown: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is to be done.
    Idle,
    /// Waits for the provider.
    Fetching { until: Moment },
    /// Waits for the socket.
    Opening { until: Moment },
    /// Waits for the welcome: at first, and after a switch.
    Greeting { until: Moment },
    /// What was missed is coming.
    CatchingUp,
    /// Complete.
    Live { since: Moment },
    /// Waits before the next attempt; the server wants none before `earliest`.
    Waiting { until: Moment, earliest: Moment },
}

impl Phase {
    const fn has_socket(self) -> bool {
        matches!(self, Self::Opening { .. } | Self::Greeting { .. } | Self::CatchingUp | Self::Live { .. })
    }

    const fn is_joined(self) -> bool {
        matches!(self, Self::CatchingUp | Self::Live { .. })
    }
}

#[derive(Debug)]
struct HeldToken {
    token: Token,
    renew_at: Option<Moment>,
    ends_at: Option<Moment>,
}

/// What comes after a connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Later,
    AfterAtLeast(Duration),
    At(Moment),
    Now,
    Authenticate,
    Stop,
}

impl Session {
    /// A session that does nothing before it is told to connect.
    pub fn new(settings: Settings) -> Self {
        let cursor = settings
            .cursor
            .filter(|cursor| settings.organization_id.is_none_or(|wanted| wanted == cursor.organization_id));
        Self {
            organization_id: settings.organization_id.or(cursor.map(|cursor| cursor.organization_id)),
            begin: settings.begin,
            fetches_snapshots: settings.fetches_snapshots,
            cursor,
            joined: None,
            roles: RoleSet::EMPTY,
            seen: Seq::ZERO,
            sent: Seq::ZERO,
            is_incomplete: false,
            phase: Phase::Idle,
            backoff: Backoff::new(settings.jitter),
            token: None,
            is_second_token: false,
            renewing: false,
            heartbeat: Heartbeat::default(),
            holding: None,
            go_away_at: None,
            last_error: None,
            last_attempt: None,
            counts: Counts::default(),
            status: ConnectionStatus::Disconnected,
            outputs: VecDeque::new(),
        }
    }

    // What happened.

    /// Takes in what the application asks, or what happened.
    pub fn handle(&mut self, now: Moment, input: Input<'_>) {
        match input {
            Input::Connect => self.connect(now),
            Input::Disconnect => self.disconnect(),
            Input::Switch(organization_id, cursor) => self.switch(now, organization_id, cursor),
            Input::NetworkIsBack => self.network_is_back(now),
            Input::Kept(seq) => self.acknowledge(seq),
            Input::Token(token) => self.on_token(now, token),
            Input::Opened => self.on_opened(now),
            Input::Refused(refusal) => self.on_refused(now, &refusal),
            Input::Failed(error) => self.on_failed(now, error),
            Input::Text(bytes) => self.on_text(now, bytes),
            Input::Binary => self.on_failed(now, ErrorKind::NotText.into()),
            Input::Closed(code) => self.on_closed(now, code),
            Input::Snapshots(snapshots) => self.on_snapshots(now, snapshots),
            Input::Deadline => self.on_deadline(now),
        }
    }

    // What must now be done.

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Deadline`]; `None` while there is nothing to wait for.
    pub fn next_deadline(&self) -> Option<Moment> {
        let phase = match self.phase {
            Phase::Idle => return None,
            Phase::Fetching { until }
            | Phase::Opening { until }
            | Phase::Greeting { until }
            | Phase::Waiting { until, .. } => Some(until),
            Phase::CatchingUp | Phase::Live { .. } => None,
        };
        let joined = self.phase.is_joined();
        let heartbeat = joined.then(|| self.heartbeat.next()).flatten();
        let renewal = joined.then(|| self.token.as_ref()?.renew_at).flatten().filter(|_| !self.renewing);
        let snapshots = self.holding.as_ref().filter(|_| joined).and_then(|holding| holding.deadline);
        let leaving = self.go_away_at.filter(|_| self.phase.has_socket());
        [phase, heartbeat, renewal, snapshots, leaving].into_iter().flatten().min()
    }

    // What it is.

    /// Where the client is, if everything that was told is taken. `None` before the first welcome.
    pub const fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    /// How the connection stands.
    pub const fn status(&self) -> &ConnectionStatus {
        &self.status
    }

    /// The organisation it follows, or wants to.
    pub const fn organization_id(&self) -> Option<OrganizationId> {
        self.organization_id
    }

    /// What was passed over.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    // What the application asks.

    fn connect(&mut self, now: Moment) {
        if self.phase == Phase::Idle {
            self.backoff.reset();
            self.is_second_token = false;
            self.begin_attempt(now);
        }
    }

    fn disconnect(&mut self) {
        if self.phase.has_socket() {
            self.outputs.push_back(Output::Close);
        }
        self.let_go();
        self.phase = Phase::Idle;
        self.say(ConnectionStatus::Disconnected);
    }

    fn switch(&mut self, now: Moment, organization_id: OrganizationId, cursor: Option<Cursor>) {
        if self.organization_id == Some(organization_id) {
            return;
        }
        self.organization_id = Some(organization_id);
        self.cursor = cursor.filter(|cursor| cursor.organization_id == organization_id);
        self.forget_session();
        match self.phase {
            Phase::CatchingUp | Phase::Live { .. } if self.go_away_at.is_none() => {
                let (after, epoch) = self.place();
                self.outputs.push_back(Output::Send(ClientFrame::Switch { organization_id, after, epoch }));
                self.phase = Phase::Greeting { until: now + WELCOME_WITHIN };
                let attempt = self.backoff.attempts();
                self.say(ConnectionStatus::Connecting { attempt });
            }
            Phase::Opening { .. } | Phase::Greeting { .. } | Phase::CatchingUp | Phase::Live { .. } => {
                // Asked for the one before: begun anew rather than answered twice.
                self.outputs.push_back(Output::Close);
                self.let_go();
                self.begin_attempt(now);
            }
            Phase::Idle | Phase::Fetching { .. } | Phase::Waiting { .. } => {}
        }
    }

    fn network_is_back(&mut self, now: Moment) {
        match self.phase {
            Phase::Waiting { until, earliest } => {
                let last = self.last_attempt.map_or(now, |last| last + HINT_EVERY);
                let next = last.max(earliest).min(until);
                if next <= now {
                    self.begin_attempt(now);
                } else {
                    self.phase = Phase::Waiting { until: next, earliest };
                }
            }
            Phase::CatchingUp | Phase::Live { .. } => self.ping(now),
            Phase::Idle | Phase::Fetching { .. } | Phase::Opening { .. } | Phase::Greeting { .. } => {}
        }
    }

    fn acknowledge(&mut self, seq: Seq) {
        let seq = seq.min(self.sent);
        if matches!(self.phase, Phase::Live { .. }) && seq > Seq::ZERO {
            self.outputs.push_back(Output::Send(ClientFrame::Ack { seq }));
        }
    }

    // Time.

    fn on_deadline(&mut self, now: Moment) {
        match self.phase {
            Phase::Idle => {}
            Phase::Fetching { until } if until <= now => {
                self.lost(now, ErrorKind::TokenUnavailable.into(), Then::Later);
            }
            Phase::Opening { until } if until <= now => self.on_failed(now, ErrorKind::Timeout.into()),
            Phase::Greeting { until } if until <= now => self.on_failed(now, ErrorKind::SaysNothing.into()),
            Phase::Waiting { until, .. } if until <= now => self.begin_attempt(now),
            Phase::Greeting { .. } => drop(self.leave_if_due(now)),
            Phase::CatchingUp | Phase::Live { .. } => self.on_joined_deadline(now),
            Phase::Fetching { .. } | Phase::Opening { .. } | Phase::Waiting { .. } => {}
        }
    }

    fn on_joined_deadline(&mut self, now: Moment) {
        if self.leave_if_due(now) {
            return;
        }
        if self.heartbeat.is_dead(now) {
            return self.on_failed(now, ErrorKind::DeadLink.into());
        }
        if self.heartbeat.is_due(now) {
            self.ping(now);
        }
        if !self.renewing && self.token.as_ref().and_then(|held| held.renew_at).is_some_and(|at| at <= now) {
            self.renewing = true;
            self.outputs.push_back(Output::FetchToken { refused: false });
        }
        let Some(holding) = &mut self.holding else { return };
        if holding.is_due(now) {
            holding.deadline = Some(now + SNAPSHOTS_WITHIN);
            let resync = holding.resync;
            self.outputs.push_back(Output::FetchSnapshots(resync));
        }
    }

    /// A server that wanted to go has not closed the socket: it is left at the time it gave.
    fn leave_if_due(&mut self, now: Moment) -> bool {
        let due = self.go_away_at.is_some_and(|at| at <= now);
        if due {
            self.outputs.push_back(Output::Close);
            self.lost(now, ErrorKind::GoAway.into(), Then::At(now));
        }
        due
    }

    fn ping(&mut self, now: Moment) {
        if self.heartbeat.ping(now) {
            self.outputs.push_back(Output::Send(ClientFrame::Ping));
        }
    }

    fn tell(&mut self, message: Message) {
        self.outputs.push_back(Output::Tell(message));
    }

    fn say(&mut self, status: ConnectionStatus) {
        if self.status != status {
            self.status = status.clone();
            self.outputs.push_back(Output::Status(status));
        }
    }
}

const _: () = assert!(limits::HEARTBEAT.as_secs() == heartbeat::EVERY_MAX.as_secs());
