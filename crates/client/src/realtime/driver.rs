//! The only owner of a session and its socket: does what the session asks for, and tells it what came of it.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use unionflow_protocol::{frame::ClientFrame, id::OrganizationId, rest::AsOf};

use super::Shared;
use crate::{
    cursor::Cursor,
    error::{ClientError, ErrorKind},
    message::Message,
    session::{Input, Moment, Output, Session, Settings},
    stream::PATIENCE,
    token::{AccessToken, TokenFault},
    transport::{Incoming, NotOpened, Socket},
};

/// What the application asks.
pub(super) enum Command {
    Connect,
    Disconnect,
    Switch(OrganizationId),
    NetworkIsBack,
    Close(oneshot::Sender<()>),
}

/// Something that is on its way, or nothing.
type Pending<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

pub(super) struct Driver {
    session: Session,
    shared: Arc<Shared>,
    started: Instant,
    token: Pending<Result<AccessToken, TokenFault>>,
    opening: Pending<Result<Socket, NotOpened>>,
    snapshots: Pending<Result<AsOf, ClientError>>,
    saving: Pending<(Cursor, io::Result<()>)>,
    socket: Option<Socket>,
    /// Told once everything that one input led to is known.
    messages: Vec<Message>,
    frames: Vec<ClientFrame>,
    /// Somebody's queue is full since then.
    blocked: Option<Instant>,
    saved: Option<Cursor>,
    save_at: Option<Instant>,
}

enum Happened {
    Commanded(Option<Command>),
    Token(Result<AccessToken, TokenFault>),
    Opened(Result<Box<Socket>, NotOpened>),
    Snapshots(Result<AsOf, ClientError>),
    Saved((Cursor, io::Result<()>)),
    Came(Incoming),
    Room,
    TimeToSave,
    Deadline,
}

/// How often a cursor is kept at the most.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// Where nothing is due: a look once in a while costs nothing.
const IDLE: Duration = Duration::from_secs(3600);

impl Driver {
    pub(super) async fn run(
        mut settings: Settings,
        shared: Arc<Shared>,
        mut commands: mpsc::Receiver<Command>,
        started: Instant,
    ) {
        if let Some(organization_id) = settings.organization_id {
            settings.cursor = load(&shared, organization_id).await;
        }
        let mut driver = Self {
            saved: settings.cursor,
            session: Session::new(settings),
            shared,
            started,
            token: None,
            opening: None,
            snapshots: None,
            saving: None,
            socket: None,
            messages: Vec::new(),
            frames: Vec::new(),
            blocked: None,
            save_at: None,
        };
        let closing = loop {
            match driver.next(&mut commands).await {
                Happened::Commanded(None) => break None,
                Happened::Commanded(Some(Command::Close(done))) => break Some(done),
                happened => driver.on(happened).await,
            }
        };
        commands.close();
        driver.end().await;
        if let Some(done) = closing {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }

    /// Waits for what happens next. Every branch is cancel-safe: what is on its way is kept in `self`.
    async fn next(&mut self, commands: &mut mpsc::Receiver<Command>) -> Happened {
        let due = self.session.next_deadline().map_or(Instant::now() + IDLE, |due| self.started + due.0);
        let patience = self.blocked.map_or(Instant::now() + IDLE, |since| since + PATIENCE);
        let save_at = self.save_at.filter(|_| self.saving.is_none());
        tokio::select! {
            command = commands.recv() => Happened::Commanded(command),
            () = sleep_until(due) => Happened::Deadline,
            token = arrival(&mut self.token) => Happened::Token(token),
            opened = arrival(&mut self.opening) => Happened::Opened(opened.map(Box::new)),
            snapshots = arrival(&mut self.snapshots) => Happened::Snapshots(snapshots),
            saved = arrival(&mut self.saving) => Happened::Saved(saved),
            () = sleep_until(save_at.unwrap_or(due)), if save_at.is_some() => Happened::TimeToSave,
            () = self.shared.streams.have_room(), if self.blocked.is_some() => Happened::Room,
            () = sleep_until(patience), if self.blocked.is_some() => {
                self.shared.streams.leave_behind();
                Happened::Room
            }
            came = incoming(&mut self.socket), if self.blocked.is_none() => Happened::Came(came),
        }
    }

    async fn on(&mut self, happened: Happened) {
        match happened {
            Happened::Commanded(command) => self.on_command(command).await,
            Happened::Token(token) => self.give(Input::Token(token)).await,
            Happened::Opened(Ok(socket)) => {
                self.socket = Some(*socket);
                self.give(Input::Opened).await;
            }
            Happened::Opened(Err(NotOpened::Refused(refusal))) => self.give(Input::Refused(refusal)).await,
            Happened::Opened(Err(NotOpened::Failed(error))) => self.give(Input::Failed(error)).await,
            Happened::Snapshots(fetched) => {
                let as_of = fetched.map(|as_of| (as_of.epoch, as_of.as_of_seq));
                self.give(Input::Snapshots(as_of)).await;
            }
            Happened::Saved(saved) => self.on_saved(saved).await,
            Happened::Came(incoming) => self.on_incoming(incoming).await,
            Happened::Room => self.blocked = None,
            Happened::TimeToSave => self.save(),
            Happened::Deadline => self.give(Input::Deadline).await,
        }
    }

    async fn on_command(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Connect) => self.give(Input::Connect).await,
            Some(Command::Disconnect) => self.give(Input::Disconnect).await,
            Some(Command::NetworkIsBack) => self.give(Input::NetworkIsBack).await,
            Some(Command::Switch(organization_id)) => {
                self.save_now().await;
                let cursor = load(&self.shared, organization_id).await;
                self.give(Input::Switch(organization_id, cursor)).await;
                self.give(Input::Connect).await;
            }
            Some(Command::Close(_)) | None => {}
        }
    }

    async fn on_incoming(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Text(text) => self.give(Input::Text(text.as_bytes())).await,
            Incoming::Binary => self.give(Input::Binary).await,
            Incoming::Closed(code) => {
                self.socket = None;
                self.give(Input::Closed(code)).await;
            }
            Incoming::Failed(error) => {
                self.socket = None;
                self.give(Input::Failed(error)).await;
            }
        }
    }

    /// Hands an input in, and does all that comes of it.
    async fn give(&mut self, input: Input<'_>) {
        self.session.handle(self.now(), input);
        self.obey();
        while !self.frames.is_empty() {
            if let Err(error) = self.write().await {
                self.session.handle(self.now(), Input::Failed(error));
                self.obey();
            }
        }
        let cursor = self.session.cursor();
        let moved = *self.shared.cursor.borrow() != cursor;
        if moved || !self.messages.is_empty() {
            self.shared.streams.tell(&mut self.messages, cursor);
            self.shared.cursor.send_replace(cursor);
            self.save_at.get_or_insert(Instant::now() + SAVE_EVERY);
        }
        if self.blocked.is_none() && self.shared.streams.are_full() {
            self.blocked = Some(Instant::now());
        }
    }

    fn obey(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::FetchToken { refused } => {
                    let tokens = self.shared.tokens.clone();
                    self.token = Some(Box::pin(async move { tokens.token(refused).await }));
                }
                Output::Open(opening) => {
                    let shared = self.shared.clone();
                    let open = async move { Socket::open(&shared.address, &shared.tls, &opening).await };
                    self.opening = Some(Box::pin(open));
                }
                Output::Send(frame) => self.frames.push(frame),
                Output::Close => {
                    self.frames.clear();
                    self.opening = None;
                    if let Some(socket) = self.socket.take() {
                        tokio::spawn(socket.close());
                    }
                }
                Output::FetchSnapshots(resync) => {
                    let snapshots = self.shared.snapshots.clone();
                    self.snapshots = Some(Box::pin(async move {
                        match snapshots {
                            Some(snapshots) => snapshots.fetch(resync).await,
                            None => Err(ErrorKind::Snapshots.into()),
                        }
                    }));
                }
                Output::Tell(message) => self.messages.push(message),
                Output::Status(status) => drop(self.shared.status.send_replace(status)),
            }
        }
    }

    async fn write(&mut self) -> Result<(), ClientError> {
        for frame in std::mem::take(&mut self.frames) {
            let Some(socket) = &mut self.socket else { return Ok(()) };
            let text = serde_json::to_string(&frame)
                .map_err(|error| ClientError::new(ErrorKind::Protocol).with_source(error))?;
            socket.send(text).await?;
        }
        Ok(())
    }

    // Keeping the cursor.

    fn save(&mut self) {
        self.save_at = None;
        let confirmed = self.shared.streams.confirmed();
        let Some(cursor) = confirmed.filter(|_| confirmed != self.saved) else {
            // Readers may confirm later, without anything that comes.
            if self.session.cursor() != self.saved {
                self.save_at = Some(Instant::now() + SAVE_EVERY);
            }
            return;
        };
        self.saved = Some(cursor);
        self.saving = Some(Box::pin(keep(self.shared.clone(), cursor)));
    }

    async fn on_saved(&mut self, (cursor, saved): (Cursor, io::Result<()>)) {
        if self.session.cursor() != self.saved {
            self.save_at.get_or_insert(Instant::now() + SAVE_EVERY);
        }
        match saved {
            Ok(()) if self.session.organization_id() == Some(cursor.organization_id) => {
                self.give(Input::Kept(cursor.seq)).await;
            }
            Ok(()) => {}
            Err(error) => {
                self.saved = None;
                self.save_at.get_or_insert(Instant::now() + SAVE_EVERY);
                let problem = ClientError::new(ErrorKind::CursorStore).with_source(error);
                self.messages.push(Message::Problem(problem));
                let cursor = self.session.cursor();
                self.shared.streams.tell(&mut self.messages, cursor);
            }
        }
    }

    async fn save_now(&mut self) {
        // There is nobody left to be told if it fails: the cursor kept before holds.
        if let Some(saving) = self.saving.take() {
            let _ = saving.await;
        }
        self.save();
        if let Some(saving) = self.saving.take() {
            let _ = saving.await;
        }
    }

    async fn end(mut self) {
        self.session.handle(self.now(), Input::Disconnect);
        let socket = self.socket.take();
        self.obey();
        self.shared.streams.tell(&mut self.messages, self.session.cursor());
        self.save_now().await;
        self.shared.streams.close();
        if let Some(socket) = socket {
            socket.close().await;
        }
    }

    fn now(&self) -> Moment {
        Moment(self.started.elapsed())
    }
}

/// What is on its way, once it is there; for ever if there is nothing.
async fn arrival<T>(pending: &mut Pending<T>) -> T {
    let Some(future) = pending else { return std::future::pending().await };
    let arrived = future.await;
    *pending = None;
    arrived
}

async fn incoming(socket: &mut Option<Socket>) -> Incoming {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

/// What cannot be read is no cursor: the client begins anew, and nothing is lost but what it missed while it was away.
async fn load(shared: &Arc<Shared>, organization_id: OrganizationId) -> Option<Cursor> {
    let cursors = shared.cursors.clone()?;
    spawn_blocking(move || cursors.load(organization_id)).await.ok()?.ok()?
}

async fn keep(shared: Arc<Shared>, cursor: Cursor) -> (Cursor, io::Result<()>) {
    let Some(cursors) = shared.cursors.clone() else { return (cursor, Ok(())) };
    let kept = spawn_blocking(move || cursors.save(&cursor)).await;
    (cursor, kept.unwrap_or_else(|error| Err(io::Error::other(error))))
}
