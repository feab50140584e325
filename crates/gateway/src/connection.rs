//! A socket and the session on it: the thin shell that does the session's I/O.
//!
//! Two drive a session, each under its lock and never across an await: the hub's shard, which hands live events straight to
//! the socket; and the connection's own task, which reads what the client says, replays, and waits for the socket's
//! readiness and the session's deadlines.

use std::{
    cell::RefCell,
    io::ErrorKind,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{
    net::TcpStream,
    sync::Notify,
    time::{Instant, sleep_until},
};
use tungstenite::{
    Message,
    error::{CapacityError, Error as WsError, ProtocolError},
    protocol::{Role, WebSocketConfig, WebSocketContext},
};
use unionflow_protocol::{
    Seq, View,
    close::CloseCode,
    frame::Token,
    id::{OrganizationId, SignInId},
    limits,
    problem::ErrorCode,
};

use crate::{
    accept::Gateway,
    config::{GOOD_BYE, PAGE_EVENTS, PAGE_LOW_WATER},
    feed::Live,
    frame::{Frame, SharedFrame},
    hub::{Attached, Cursor},
    outbound::{Outbound, Sent},
    session::{Identity, Now, Output, Sees, Session, Wanted},
    snapshot,
};

/// A socket with its session. Shared by the hub's shard and the connection's task.
pub(crate) struct Connection {
    stream: TcpStream,
    state: Mutex<State>,
    /// Wakes the task: something waits for the socket, or is to be looked up.
    wake: Notify,
    /// Where the hub's shard keeps it in its list.
    pub(crate) slot: AtomicUsize,
}

struct State {
    session: Session,
    sign_in_id: SignInId,
    outbound: Outbound,
    /// What the session wants that the task has to do.
    wishes: Vec<Wish>,
    /// How far the hub has gone in the organisation, also with events that this session does not see.
    passed: Option<Arc<AtomicU64>>,
    /// Whether the client was slow: counted once.
    was_slow: bool,
}

enum Wish {
    Replay(Seq),
    Verify(Token),
    Join(Wanted),
}

/// What a live event asks the hub to do after it was handed to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Nothing.
    Nothing,
    /// Hand in the newest figures of this view.
    Newest(View),
    /// Forget the connection.
    Forget,
}

impl Connection {
    pub(crate) fn new(
        stream: TcpStream,
        session: Session,
        sign_in_id: SignInId,
        queue_bytes: usize,
    ) -> Arc<Self> {
        let state = State {
            session,
            sign_in_id,
            outbound: Outbound::new(queue_bytes),
            wishes: Vec::new(),
            passed: None,
            was_slow: false,
        };
        Arc::new(Self {
            stream,
            state: Mutex::new(state),
            wake: Notify::new(),
            slot: AtomicUsize::new(usize::MAX),
        })
    }

    /// Hands a live event over: straight to the socket if it can take it.
    pub(crate) fn deliver(&self, live: &Live) -> After {
        let state = &mut *self.state.lock();
        if let (Sees::Yes, Some(frame)) = (state.session.handle_live(live), &live.frame) {
            state.send(&self.stream, frame.clone(), &self.wake);
        }
        self.drain(state)
    }

    /// The last step of a replay, done by the hub while no event can come in between.
    pub(crate) fn attach(&self, events: &[Arc<Live>], up_to: Seq, passed: Arc<AtomicU64>, now: Now) -> After {
        let state = &mut *self.state.lock();
        state.session.handle_replay(events, up_to);
        state.session.handle_caught_up(now);
        state.passed = Some(passed);
        self.drain(state)
    }

    pub(crate) fn drain_at(&self, now: Now, retry_after: std::time::Duration, leave_in: std::time::Duration) {
        let state = &mut *self.state.lock();
        state.session.handle_drain(now, retry_after, leave_in);
        self.drain(state);
        self.wake.notify_one();
    }

    fn organization_id(&self) -> OrganizationId {
        self.state.lock().session.organization_id()
    }

    /// Does what the session wants now; what needs waiting is left to the task.
    fn drain(&self, state: &mut State) -> After {
        let mut after = After::Nothing;
        while let Some(output) = state.session.poll_output() {
            match output {
                Output::Send(frame) => state.send(&self.stream, frame, &self.wake),
                Output::Newest(view) => after = After::Newest(view),
                Output::Replay { after } => state.wishes.push(Wish::Replay(after)),
                Output::Verify(token) => state.wishes.push(Wish::Verify(token)),
                Output::Join(wanted) => state.wishes.push(Wish::Join(wanted)),
                Output::Acknowledged { behind, .. } => {
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
        if state.session.is_closed() { After::Forget } else { after }
    }
}

impl State {
    fn send(&mut self, stream: &TcpStream, frame: SharedFrame, wake: &Notify) {
        match self.outbound.send(stream, frame) {
            Sent::Written => {}
            Sent::Queued => wake.notify_one(),
            Sent::SlowConsumer => {
                self.session.handle_slow();
                if !std::mem::replace(&mut self.was_slow, true) {
                    count_close(CloseCode::SlowConsumer);
                }
                wake.notify_one();
            }
            Sent::Closed => {
                self.session.handle_slow();
                wake.notify_one();
            }
        }
    }
}

fn count_close(code: CloseCode) {
    metrics::counter!("unionflow_gateway_closes_total", "code" => code.number().to_string()).increment(1);
}

/// What the task awaits besides the socket: a step of the replay, or a look-up.
type Step = Pin<Box<dyn Future<Output = Done> + Send>>;

enum Done {
    /// A page of events, complete up to a place.
    Page(Vec<Arc<Live>>, Seq),
    /// The hub has attached the session.
    Attached,
    /// The token is whose, and of which sign-in; or not good.
    Verified(Result<(Identity, SignInId), ErrorCode>),
    /// What the store says.
    Joined(Result<crate::session::Joined, ErrorCode>),
    /// The store cannot be read.
    Unavailable,
}

/// Runs a connection until it ends: reads, replays, waits.
pub(crate) async fn run(connection: Arc<Connection>, gateway: Arc<Gateway>, read_before: &[u8]) {
    let mut reader = FrameReader::new();
    let mut step: Option<Step> = None;
    let mut leave_at: Option<Instant> = None;
    {
        let state = &mut *connection.state.lock();
        connection.drain(state);
    }
    if !read_before.is_empty() {
        reader.take(&connection, &gateway, read_before);
    }
    loop {
        if step.is_none() {
            step = next_step(&connection, &gateway);
        }
        let (deadline, waits, done, closing) = {
            let state = connection.state.lock();
            let outbound = &state.outbound;
            (state.session.next_deadline(), outbound.waiting() > 0, outbound.is_done(), !outbound.is_open())
        };
        if done {
            break;
        }
        if closing && leave_at.is_none() {
            leave_at = Some(Instant::now() + GOOD_BYE);
        }
        let deadline = leave_at.or(deadline).unwrap_or_else(|| Instant::now() + GOOD_BYE);
        // Every branch is cancel-safe: readiness, timers, a notification that is kept, and a future that is not dropped.
        tokio::select! {
            ready = connection.stream.readable() => {
                if ready.is_err() || reader.read(&connection, &gateway).is_err() {
                    break;
                }
            }
            ready = connection.stream.writable(), if waits => {
                if ready.is_err() {
                    break;
                }
                let state = &mut *connection.state.lock();
                state.outbound.flush(&connection.stream);
                state.outbound.shrink();
            }
            () = connection.wake.notified() => {}
            () = sleep_until(deadline) => {
                if leave_at.is_some_and(|at| at <= Instant::now()) {
                    break;
                }
                let state = &mut *connection.state.lock();
                state.session.handle_deadline(gateway.now());
                connection.drain(state);
            }
            done = async { step.as_mut().expect("polled only if there is one").await }, if step.is_some() => {
                step = None;
                finish_step(&connection, &gateway, done);
            }
        }
    }
    connection.state.lock().session.handle_slow();
    let organization = connection.organization_id();
    gateway.hub().detach(organization, &connection).await;
}

/// The next thing to await, if the session wants any and the socket has room for it.
fn next_step(connection: &Arc<Connection>, gateway: &Arc<Gateway>) -> Option<Step> {
    let state = &mut *connection.state.lock();
    if state.session.is_closed() || state.wishes.is_empty() {
        return None;
    }
    if matches!(state.wishes[0], Wish::Replay(_)) && state.outbound.waiting() > PAGE_LOW_WATER {
        return None;
    }
    let organization = state.session.organization_id();
    let person = state.session.identity().person_id;
    let (connection, gateway) = (connection.clone(), gateway.clone());
    Some(match state.wishes.remove(0) {
        Wish::Replay(after) => {
            let cursor = Cursor { after, joined_at: state.session.joined_at() };
            Box::pin(replay_step(connection, gateway, organization, cursor))
        }
        Wish::Verify(token) => Box::pin(async move { verify(&gateway, &token) }),
        Wish::Join(wanted) => Box::pin(async move {
            gateway.hub().detach(organization, &connection).await;
            let joined = snapshot::join(gateway.store(), person, wanted).await;
            Done::Joined(joined.map_err(|refused| match refused {
                snapshot::NotJoined::Choose(_) => ErrorCode::OrganizationRequired,
                snapshot::NotJoined::NotAMember => ErrorCode::NotFound,
                snapshot::NotJoined::Unavailable(code) => code,
            }))
        }),
    })
}

/// From the ring if it goes back far enough, else from the journal; and live, in the hub's own step, once the rest is short.
async fn replay_step(
    connection: Arc<Connection>,
    gateway: Arc<Gateway>,
    organization: OrganizationId,
    cursor: Cursor,
) -> Done {
    let Some(attached) = gateway.hub().attach(organization, &connection, cursor).await else {
        return Done::Unavailable;
    };
    match attached {
        Attached::Live => Done::Attached,
        Attached::Ring(replay) => Done::Page(replay.events, replay.up_to),
        Attached::BeyondRing => {
            match snapshot::page(gateway.store(), organization, cursor.after, PAGE_EVENTS).await {
                Ok(page) => match page.last().map(|live| live.position.seq()) {
                    Some(up_to) => Done::Page(page, up_to),
                    // The journal ends before what the store said: never true of one store.
                    None => Done::Unavailable,
                },
                Err(_) => Done::Unavailable,
            }
        }
    }
}

fn verify(gateway: &Gateway, token: &Token) -> Done {
    let now = gateway.now().wall;
    match gateway.authenticator().check(&token.0, now) {
        Ok(access) => {
            let identity = Identity { person_id: access.person_id, token_ends: access.expires_at };
            Done::Verified(Ok((identity, access.sign_in_id)))
        }
        Err(denied) => Done::Verified(Err(crate::accept::denied_code(denied))),
    }
}

fn finish_step(connection: &Arc<Connection>, gateway: &Gateway, done: Done) {
    let now = gateway.now();
    let state = &mut *connection.state.lock();
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
    connection.drain(state);
}

/// Reads frames with the library's parser, which is given bytes and gives bytes: no I/O of its own.
struct FrameReader {
    context: WebSocketContext,
}

/// Bytes read from sockets by this thread: nothing is kept in it between two reads.
const READ_AT_ONCE: usize = 16 * 1024;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_AT_ONCE]);
}

impl FrameReader {
    fn new() -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(256)
            .write_buffer_size(0)
            .max_message_size(Some(limits::CLIENT_FRAME_BYTES))
            .max_frame_size(Some(limits::CLIENT_FRAME_BYTES));
        Self { context: WebSocketContext::new(Role::Server, Some(config)) }
    }

    /// Reads what the socket has; `Err` when the peer is gone.
    fn read(&mut self, connection: &Connection, gateway: &Gateway) -> Result<(), ()> {
        READ.with_borrow_mut(|buffer| match connection.stream.try_read(buffer) {
            Ok(0) => Err(()),
            Ok(count) => {
                self.take(connection, gateway, &buffer[..count]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(()),
        })
    }

    fn take(&mut self, connection: &Connection, gateway: &Gateway, bytes: &[u8]) {
        let now = gateway.now();
        let mut wire = Wire { input: bytes, output: Vec::new() };
        let state = &mut *connection.state.lock();
        loop {
            if let Some(passed) = &state.passed {
                state.session.passed(Seq(passed.load(Ordering::Acquire)));
            }
            match self.context.read(&mut wire) {
                Ok(Message::Text(text)) => state.session.handle_text(now, &text),
                Ok(Message::Ping(_)) => state.session.handle_ping(now),
                Ok(Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Binary(_)) => return end(connection, state, CloseCode::Unsupported),
                Ok(Message::Close(_)) => {}
                Err(WsError::Io(error)) if error.kind() == ErrorKind::WouldBlock => break,
                Err(WsError::ConnectionClosed | WsError::AlreadyClosed) => {
                    // The echo of the peer's close is in `output`: the last thing sent.
                    state.session.handle_slow();
                    let echo = std::mem::take(&mut wire.output);
                    state.outbound.end_with(Frame::raw(echo));
                    state.outbound.flush(&connection.stream);
                    return;
                }
                Err(error) => return end(connection, state, close_code(&error)),
            }
            connection.drain(state);
        }
        if !wire.output.is_empty() {
            state.send(&connection.stream, Frame::raw(wire.output), &connection.wake);
        }
    }
}

fn end(connection: &Connection, state: &mut State, code: CloseCode) {
    count_close(code);
    state.session.handle_slow();
    state.outbound.close(code);
    state.outbound.flush(&connection.stream);
}

fn close_code(error: &WsError) -> CloseCode {
    match error {
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => CloseCode::TooBig,
        WsError::Utf8(_) => CloseCode::NotUtf8,
        WsError::Protocol(ProtocolError::InvalidCloseSequence) => CloseCode::Normal,
        _ => CloseCode::Protocol,
    }
}

/// The parser's two ends.
struct Wire<'a> {
    input: &'a [u8],
    output: Vec<u8>,
}

impl std::io::Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.input.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        std::io::Read::read(&mut self.input, buffer)
    }
}

impl std::io::Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Connection {
    /// Ends it if its sign-in was ended.
    pub(crate) fn end_if(&self, is_ended: impl Fn(SignInId) -> bool) {
        let state = &mut *self.state.lock();
        if is_ended(state.sign_in_id) {
            state.session.handle_sign_in_ended();
            self.drain(state);
            self.wake.notify_one();
        }
    }
}
