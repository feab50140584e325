//! A socket and the session on it.
//!
//! Two drive a session, each under its lock and never across an await: the hub's shard, which hands live events straight to
//! the socket; and the connection's own task, which reads what the client says, replays, and waits for the socket's
//! readiness and the session's deadlines. What both do is here, on any [`Transport`] and without waiting, so that it can be
//! simulated; the waiting is in `task`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize},
};

use parking_lot::Mutex;
use tokio::{net::TcpStream, sync::Notify, time::Instant};
use unionflow_protocol::{
    Seq,
    close::CloseCode,
    frame::Token,
    id::{OrganizationId, PersonId, SignInId},
    problem::ErrorCode,
};

use crate::{
    config::PAGE_LOW_WATER,
    feed::{Live, Whose},
    frame::SharedFrame,
    hub::{Cursor, Follower},
    outbound::{Outbound, Sent},
    session::{Identity, Joined, Now, Output, Sees, Session, Start, Wanted},
    transport::Transport,
};

mod reader;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use reader::FrameReader;
pub(crate) use task::{hear_out, run};

/// A socket with its session. Shared by the hub's shard and the connection's task.
pub(crate) struct Connection<T = TcpStream> {
    stream: T,
    state: Mutex<State>,
    /// Wakes the task: something waits for the socket, or is to be looked up.
    wake: Notify,
    /// Where the hub's shard keeps it in its list.
    slot: AtomicUsize,
}

struct State {
    session: Session,
    sign_in_id: SignInId,
    outbound: Outbound,
    /// What the session wants that the task has to do.
    wishes: Vec<Wish>,
    /// How far the hub has gone in the organisation, also with events that this session does not see.
    passed: Option<Arc<AtomicU64>>,
    /// How the session began, until it is live.
    beginning: Option<Beginning>,
    /// Whether the client was slow: counted once.
    was_slow: bool,
}

/// Where what a session missed is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// It began with the present.
    None,
    Ring,
    /// Some of it at least.
    Journal,
}

enum Wish {
    Replay(Seq),
    Verify(Token),
    Join(Wanted),
}

/// What the session wants to be looked up.
#[derive(Debug)]
pub(crate) enum Task {
    /// The next part of a replay.
    Replay(OrganizationId, Cursor),
    /// Whose token this is.
    Verify(Token),
    /// Whether the person may follow another organisation; this one is left first.
    Join(OrganizationId, PersonId, Wanted),
}

/// What was looked up.
pub(crate) enum Done {
    /// A page of events, complete up to a place.
    Page(Vec<Arc<Live>>, Seq),
    /// The hub has attached the session.
    Attached,
    /// The token is whose, and of which sign-in; or not good.
    Verified(Result<(Identity, SignInId), ErrorCode>),
    /// What the store says.
    Joined(Result<Joined, ErrorCode>),
    /// The store cannot be read.
    Unavailable,
}

/// How a connection stands, and so what its task waits for.
pub(crate) struct Standing {
    /// The session's next deadline.
    pub(crate) deadline: Option<Instant>,
    /// Whether something waits for the socket.
    pub(crate) waits: bool,
    /// Whether nothing will be sent behind what waits.
    pub(crate) closing: bool,
    /// Whether all is over.
    pub(crate) done: bool,
}

/// What a live event asks the hub to do after it was handed to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FollowUp {
    /// Nothing.
    Nothing,
    /// Hand in the newest states.
    Newest(Whose),
    /// Forget the connection.
    Forget,
}

impl<T: Transport> Connection<T> {
    pub(crate) fn new(stream: T, session: Session, sign_in_id: SignInId, queue_bytes: usize) -> Arc<Self> {
        let state = State {
            session,
            sign_in_id,
            outbound: Outbound::new(queue_bytes),
            wishes: Vec::new(),
            passed: None,
            beginning: None,
            was_slow: false,
        };
        Arc::new(Self {
            stream,
            state: Mutex::new(state),
            wake: Notify::new(),
            slot: AtomicUsize::new(usize::MAX),
        })
    }

    /// Takes the welcome out.
    pub(crate) fn begin(&self) {
        self.carry_out(&mut self.state.lock());
    }

    pub(crate) fn drain_at(&self, now: Now, retry_after: std::time::Duration, leave_in: std::time::Duration) {
        let state = &mut *self.state.lock();
        state.session.handle_drain(now, retry_after, leave_in);
        self.carry_out(state);
        self.wake.notify_one();
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        let state = self.state.lock();
        Standing {
            deadline: state.session.next_deadline(),
            waits: state.outbound.waiting() > 0,
            closing: !state.outbound.is_open(),
            done: state.outbound.is_done(),
        }
    }

    /// The next thing to look up, if the session wants any and the socket has room for it. One at a time.
    pub(crate) fn next_task(&self) -> Option<Task> {
        let state = &mut *self.state.lock();
        if state.session.is_closed() || state.wishes.is_empty() {
            return None;
        }
        // What the client asks goes before a replay, which may have to wait for the socket: a token may end meanwhile.
        let asked = state.wishes.iter().position(|wish| !matches!(wish, Wish::Replay(_)));
        if asked.is_none() && state.outbound.waiting() > PAGE_LOW_WATER {
            return None;
        }
        let organization = state.session.organization_id();
        Some(match state.wishes.remove(asked.unwrap_or(0)) {
            Wish::Replay(after) => {
                Task::Replay(organization, Cursor { after, joined_at: state.session.joined_at() })
            }
            Wish::Verify(token) => Task::Verify(token),
            Wish::Join(wanted) => {
                state.wishes.retain(|wish| !matches!(wish, Wish::Replay(_)));
                Task::Join(organization, state.session.identity().person_id, wanted)
            }
        })
    }

    /// Hands in what was looked up.
    pub(crate) fn finish(&self, now: Now, done: Done) {
        let state = &mut *self.state.lock();
        match done {
            Done::Page(events, up_to) => {
                state.session.handle_replay(&events, up_to);
                if state.session.is_replaying() {
                    state.wishes.push(Wish::Replay(state.session.cursor()));
                }
            }
            Done::Attached => {}
            Done::Verified(verified) => {
                if let Ok((identity, sign_in)) = verified
                    && identity.person_id == state.session.identity().person_id
                {
                    state.sign_in_id = sign_in;
                }
                state.session.handle_verified(now, verified.map(|(identity, _)| identity));
            }
            Done::Joined(joined) => {
                state.passed = None;
                state.session.handle_joined(now, joined);
            }
            Done::Unavailable => state.session.handle_unavailable(),
        }
        self.carry_out(state);
    }

    /// A page of what was missed came from the journal.
    pub(crate) fn note_journal(&self) {
        let beginning = &mut self.state.lock().beginning;
        if *beginning == Some(Beginning::Ring) {
            *beginning = Some(Beginning::Journal);
        }
    }

    /// The socket can take more.
    pub(crate) fn flush(&self) {
        let state = &mut *self.state.lock();
        state.outbound.flush(&self.stream);
        state.outbound.shrink();
    }

    /// The session's deadline came.
    pub(crate) fn reach_deadline(&self, now: Now) {
        let state = &mut *self.state.lock();
        state.session.handle_deadline(now);
        self.carry_out(state);
    }

    /// The socket is gone: nothing more will come of the session. The organisation to detach it from.
    pub(crate) fn leave(&self) -> OrganizationId {
        let session = &mut self.state.lock().session;
        session.handle_gone();
        session.organization_id()
    }

    /// Ends it if its sign-in was ended.
    pub(crate) fn end_if(&self, is_ended: impl Fn(SignInId) -> bool) {
        let state = &mut *self.state.lock();
        if is_ended(state.sign_in_id) {
            state.session.handle_sign_in_ended();
            self.carry_out(state);
            self.wake.notify_one();
        }
    }

    /// Does what the session wants now; what needs waiting is left to the task.
    fn carry_out(&self, state: &mut State) -> FollowUp {
        let mut follow_up = FollowUp::Nothing;
        while let Some(output) = state.session.poll_output() {
            match output {
                Output::Send(frame) => state.send(&self.stream, frame, &self.wake),
                Output::Newest(whose) => follow_up = FollowUp::Newest(whose),
                Output::Replay { after, start } => {
                    state.beginning = Beginning::of(start);
                    state.wishes.push(Wish::Replay(after));
                }
                Output::Verify(token) => state.wishes.push(Wish::Verify(token)),
                Output::Join(wanted) => state.wishes.push(Wish::Join(wanted)),
                Output::Acknowledged { behind } => {
                    metrics::histogram!("unionflow_ack_behind_events").record(behind as f64);
                }
                Output::Close(code) => {
                    count_close(code);
                    state.outbound.close(code);
                    state.outbound.flush(&self.stream);
                    self.wake.notify_one();
                }
            }
        }
        if state.session.is_closed() { FollowUp::Forget } else { follow_up }
    }
}

impl<T: Transport> Follower for Arc<Connection<T>> {
    /// Hands a live event over: straight to the socket if it can take it.
    fn deliver(&self, live: &Live) -> FollowUp {
        let state = &mut *self.state.lock();
        if let (Sees::Yes, Some(frame)) = (state.session.handle_live(live), &live.frame) {
            state.send(&self.stream, frame.clone(), &self.wake);
        }
        self.carry_out(state)
    }

    /// The last step of a replay, done by the hub while no event can come in between.
    fn attach(&self, events: &[Arc<Live>], up_to: Seq, passed: Arc<AtomicU64>, now: Now) -> FollowUp {
        let state = &mut *self.state.lock();
        state.session.handle_replay(events, up_to);
        state.session.handle_caught_up(now);
        if let Some(beginning) = state.beginning.take() {
            let source = beginning.as_str();
            metrics::counter!("unionflow_gateway_resumes_total", "source" => source).increment(1);
        }
        state.passed = Some(passed);
        self.carry_out(state)
    }

    fn slot(&self) -> &AtomicUsize {
        &self.slot
    }

    fn is(&self, other: &Self) -> bool {
        Self::ptr_eq(self, other)
    }
}

impl State {
    fn send(&mut self, stream: &impl Transport, frame: SharedFrame, wake: &Notify) {
        match self.outbound.send(stream, frame) {
            Sent::Written => {}
            Sent::Queued => wake.notify_one(),
            Sent::SlowConsumer => {
                self.session.handle_gone();
                if !std::mem::replace(&mut self.was_slow, true) {
                    count_close(CloseCode::SlowConsumer);
                }
                wake.notify_one();
            }
            Sent::Closed => {
                self.session.handle_gone();
                wake.notify_one();
            }
        }
    }
}

impl Beginning {
    /// A cursor that cannot be resumed from is counted by its reason instead.
    fn of(start: Start) -> Option<Self> {
        match start {
            Start::Now => Some(Self::None),
            Start::After(_) => Some(Self::Ring),
            Start::Resync(reason) => {
                metrics::counter!("unionflow_gateway_resyncs_total", "reason" => reason.as_str())
                    .increment(1);
                None
            }
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ring => "ring",
            Self::Journal => "journal",
        }
    }
}

fn count_close(code: CloseCode) {
    metrics::counter!("unionflow_gateway_closes_total", "code" => code.number().to_string()).increment(1);
}
