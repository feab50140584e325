//! The waiting of a connection: for its socket, its session's deadlines, and what is looked up for it.

use std::{io::ErrorKind, net::Shutdown, pin::Pin, sync::Arc};

use socket2::SockRef;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use unionflow_protocol::{frame::Token, id::OrganizationId, problem::ErrorCode};

use super::{Connection, Done, FrameReader, Task};
use crate::{
    accept::Gateway,
    config::{GOOD_BYE, PAGE_EVENTS},
    hub::{Attached, Cursor},
    session::Identity,
    snapshot,
};

/// What the task awaits besides the socket: a step of the replay, or a look-up.
type Step = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Runs a connection until it ends: reads, replays, waits.
pub(crate) async fn run(connection: &Arc<Connection>, gateway: Arc<Gateway>, read_before: &[u8]) {
    let mut reader = FrameReader::new();
    let mut step: Option<Step> = None;
    let mut leave_at: Option<Instant> = None;
    connection.begin();
    if !read_before.is_empty() {
        reader.take(connection, gateway.now(), read_before);
    }
    loop {
        if step.is_none() {
            step = connection.next_task().map(|task| look_up(task, connection, &gateway));
        }
        let standing = connection.standing();
        if standing.done {
            break;
        }
        if standing.closing && leave_at.is_none() {
            leave_at = Some(Instant::now() + GOOD_BYE);
        }
        let deadline = leave_at.or(standing.deadline).unwrap_or_else(|| Instant::now() + GOOD_BYE);
        // Every branch is cancel-safe: readiness, timers, a notification that is kept, and a future that is not dropped.
        tokio::select! {
            ready = connection.stream.readable() => {
                if ready.is_err() || reader.read(connection, || gateway.now()).is_err() {
                    break;
                }
            }
            ready = connection.stream.writable(), if standing.waits => {
                if ready.is_err() {
                    break;
                }
                connection.flush();
            }
            () = connection.wake.notified() => {}
            () = sleep_until(deadline) => {
                if leave_at.is_some_and(|at| at <= Instant::now()) {
                    break;
                }
                connection.reach_deadline(gateway.now());
            }
            done = async { step.as_mut().expect("polled only if there is one").await }, if step.is_some() => {
                step = None;
                connection.finish(gateway.now(), done);
            }
        }
    }
    let organization = connection.leave();
    gateway.hub().detach(organization, connection).await;
}

/// Says that nothing more comes, and reads on until the client has gone too: a connection that is dropped with something unread
/// is reset, and then the client may never see why it was closed.
pub(crate) async fn hear_out(connection: &Connection<TcpStream>) {
    let _ = timeout(GOOD_BYE, read_on(&connection.stream)).await;
}

async fn read_on(stream: &TcpStream) {
    let mut rest = [0; 1024];
    if SockRef::from(stream).shutdown(Shutdown::Write).is_err() {
        return;
    }
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut rest) {
            Ok(1..) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => return,
        }
    }
}

fn look_up(task: Task, connection: &Arc<Connection>, gateway: &Arc<Gateway>) -> Step {
    let (connection, gateway) = (connection.clone(), gateway.clone());
    match task {
        Task::Replay(organization, cursor) => {
            Box::pin(replay_step(connection, gateway, organization, cursor))
        }
        Task::Verify(token) => Box::pin(async move { verify(&gateway, &token) }),
        Task::Join(organization, person, wanted) => Box::pin(async move {
            gateway.hub().detach(organization, &connection).await;
            let joined = snapshot::join(gateway.store(), person, wanted).await;
            Done::Joined(joined.map_err(|refused| match refused {
                snapshot::NotJoined::Choose(_) => ErrorCode::OrganizationRequired,
                snapshot::NotJoined::NotAMember => ErrorCode::NotFound,
                snapshot::NotJoined::Unavailable(code) => code,
            }))
        }),
    }
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
                    Some(up_to) => {
                        connection.note_journal();
                        Done::Page(page, up_to)
                    }
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
