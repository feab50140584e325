//! Clients on the SDK's own session: the two ends of the conversation against each other.
//!
//! Each frame that comes is held against the oracle as for every client. What the session makes of it is held against what came:
//! its application is told each fact once and in order, and its cursor is never ahead of what was told or fetched.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use unionflow_client::{
    AccessToken, ClientError, ConnectionStatus, Cursor, ErrorKind, Message,
    backoff::Jitter,
    session::{Begin, Input, Moment, Opening, Output, Refusal, Session, Settings},
};
use unionflow_protocol::{
    Seq,
    frame::{ClientFrame, ErrorFrame, Welcome},
    id::{Epoch, OrganizationId},
    problem::ErrorCode,
};

use super::{
    client::next_frame,
    journal::{PERSONS, id_of},
    random::Random,
    socket::Socket,
    stream::{Asked, Held, Read, Stream, Violation, ensure},
    world::World,
};

pub(super) struct Sdk {
    person: usize,
    session: Session,
    socket: Option<Socket>,
    incoming: Vec<u8>,
    stream: Option<Stream>,
    /// Asked for, not yet welcomed to.
    asked: VecDeque<Asked>,
    /// What the shell is at, and when it is done.
    token_at: Option<u64>,
    opening: Option<(u64, Opening)>,
    snapshots_at: Option<u64>,
    /// What its application has, of each organisation.
    has: Vec<Has>,
    fetches_snapshots: bool,
}

/// What an application has of one organisation's journal.
#[derive(Debug, Default)]
struct Has {
    epoch: Option<Epoch>,
    /// Everything up to here was fetched, or came before it began.
    covered: Seq,
    told: BTreeSet<Seq>,
    /// Facts that came, on whatever socket.
    came: BTreeSet<Seq>,
    /// Kept when another organisation was looked at.
    cursor: Option<Cursor>,
}

impl Sdk {
    pub(super) fn new(random: &mut Random, number: usize, organizations: usize) -> Self {
        let fetches_snapshots = random.one_in(2);
        let session = Session::new(Settings {
            organization_id: Some(id_of(number % organizations)),
            cursor: None,
            begin: if random.one_in(2) { Begin::First } else { Begin::Now },
            fetches_snapshots,
            jitter: Jitter::seeded(random.between(0, u64::MAX - 1)),
        });
        Self {
            person: (number + 2) % PERSONS,
            session,
            socket: None,
            incoming: Vec::new(),
            stream: None,
            asked: VecDeque::new(),
            token_at: None,
            opening: None,
            snapshots_at: None,
            has: (0..organizations).map(|_| Has::default()).collect(),
            fetches_snapshots,
        }
    }

    fn organization(&self) -> usize {
        self.session.organization_id().map_or(0, index_of)
    }

    fn forget_socket(&mut self) {
        (self.socket, self.stream) = (None, None);
        self.incoming.clear();
        self.asked.clear();
    }

    pub(super) fn tell(&self) -> String {
        let cursor = self.session.cursor().map(|cursor| cursor.seq);
        format!("SDK of person {}: {:?} at {cursor:?}", self.person, self.session.status())
    }
}

impl World {
    /// Whoever a gateway knows by this number.
    pub(super) fn person_of(&self, client: usize) -> usize {
        let sdk = || self.sdks[client - self.clients.len()].person;
        self.clients.get(client).map_or_else(sdk, |client| client.person)
    }

    /// One step: something that was on its way arrives, or the application does something.
    pub(super) fn sdk_steps(&mut self, s: usize) -> Result<(), Violation> {
        let now = self.now;
        let due = self.sdks[s].session.next_deadline().is_some_and(|due| due <= self.sdk_now());
        if due {
            self.sdk_give(s, Input::Deadline)?;
        }
        if self.sdks[s].token_at.take_if(|at| *at <= now).is_some() {
            self.sdk_token(s)?;
        }
        if let Some((_, opening)) = self.sdks[s].opening.take_if(|(at, _)| *at <= now) {
            self.sdk_open(s, &opening)?;
        }
        if self.sdks[s].snapshots_at.take_if(|at| *at <= now).is_some() {
            self.sdk_snapshots(s)?;
        }
        self.sdk_reads(s)?;
        match self.random.below(120) {
            _ if *self.sdks[s].session.status() == ConnectionStatus::Disconnected => {
                self.sdk_give(s, Input::Connect)
            }
            _ if matches!(self.sdks[s].session.status(), ConnectionStatus::Stopped { .. }) => {
                self.sdk_looks_elsewhere(s)
            }
            _ if self.is_quiet && !self.sdks[s].session.status().is_connected() => {
                self.sdk_give(s, Input::NetworkIsBack)
            }
            _ if self.is_quiet => Ok(()),
            0 => self.sdk_give(s, Input::NetworkIsBack),
            1 if self.random.one_in(4) => self.sdk_give(s, Input::Disconnect),
            2 if self.random.one_in(4) => self.sdk_looks_elsewhere(s),
            3 if self.sdks[s].socket.is_some() && self.random.one_in(2) => {
                self.count("cuts of the SDK");
                self.sdk_cut(s);
                Ok(())
            }
            5 => {
                let kept = self.sdks[s].session.cursor().map_or(Seq::ZERO, |cursor| cursor.seq);
                self.sdk_give(s, Input::Kept(kept))
            }
            6 if self.random.one_in(4) && self.sdks[s].socket.is_some() => {
                self.count("garbage between server and SDK");
                self.sdk_give(s, Input::Text(b"<html>"))
            }
            _ => Ok(()),
        }
    }

    fn sdk_now(&self) -> Moment {
        Moment(Duration::from_millis(self.now))
    }

    /// Hands an input in, and does all that comes of it.
    fn sdk_give(&mut self, s: usize, input: Input<'_>) -> Result<(), Violation> {
        let now = self.sdk_now();
        self.sdks[s].session.handle(now, input);
        while let Some(output) = self.sdks[s].session.poll_output() {
            self.sdk_obeys(s, output)?;
        }
        self.sdk_check_cursor(s)
    }

    fn sdk_obeys(&mut self, s: usize, output: Output) -> Result<(), Violation> {
        let delay = if self.is_quiet { 1 } else { self.random.between(1, 300) };
        let at = self.now + delay;
        let sdk = &mut self.sdks[s];
        match output {
            Output::FetchToken { .. } => sdk.token_at = Some(at),
            Output::FetchSnapshots(_) => sdk.snapshots_at = Some(at),
            Output::Open(opening) => {
                ensure!(sdk.socket.is_none() && sdk.opening.is_none(), "the SDK opens a second socket");
                sdk.opening = Some((at, opening));
            }
            Output::Close => {
                sdk.opening = None;
                if let Some(socket) = &sdk.socket {
                    socket.wire().cut = true;
                }
                sdk.forget_socket();
            }
            Output::Send(frame) => {
                if let ClientFrame::Switch { organization_id, after, epoch } = &frame {
                    let organization = index_of(*organization_id);
                    sdk.asked.push_back(Asked { organization, after: *after, epoch: *epoch });
                }
                let text = serde_json::to_string(&frame).expect("a frame");
                let socket = sdk.socket.as_ref().ok_or("the SDK writes to no socket")?;
                socket.client_sends(1, text.as_bytes());
            }
            Output::Tell(message) => return self.sdk_is_told(s, &message),
            Output::Status(_) => {}
        }
        Ok(())
    }

    fn sdk_token(&mut self, s: usize) -> Result<(), Violation> {
        let life = self.random.between(20_000, 300_000);
        let token = format!("{} {}", self.sdks[s].person, self.now + life);
        let access = AccessToken::for_a_time(token, Duration::from_millis(life));
        self.sdk_give(s, Input::Token(Ok(access)))
    }

    fn sdk_open(&mut self, s: usize, opening: &Opening) -> Result<(), Violation> {
        let open: Vec<usize> = (0..self.gateways.len()).filter(|g| self.gateways[*g].accepts()).collect();
        if open.is_empty() || (!self.is_quiet && self.random.one_in(10)) {
            self.count("the SDK finds no server");
            return self.sdk_give(s, Input::Failed(ErrorKind::Unreachable.into()));
        }
        let refusal =
            |status, code| Refusal { status, code: Some(code), is_problem: true, retry_after: None };
        let ends: u64 = opening.token.0.split(' ').nth(1).and_then(|ends| ends.parse().ok()).unwrap_or(0);
        if ends <= self.now {
            return self.sdk_give(s, Input::Refused(refusal(401, ErrorCode::TokenExpired)));
        }
        let organization = opening.organization_id.map_or(0, index_of);
        let asked = Asked { organization, after: opening.after, epoch: opening.epoch };
        let Some(joined) = self.store_joins(self.sdks[s].person, asked) else {
            return self.sdk_give(s, Input::Refused(refusal(404, ErrorCode::NotFound)));
        };
        self.log(|| format!("SDK {s} connects: {asked:?} head {} {:?}", joined.head, joined.start));
        let room = self.random.pick(&[3_000, 20_000, 200_000]);
        let socket = Socket::with_room(room, self.random.one_in(2));
        let sdk = &mut self.sdks[s];
        sdk.socket = Some(socket.clone());
        sdk.asked.push_back(asked);
        let (g, number) = (self.random.pick(&open), self.clients.len() + s);
        self.gateways[g].arrives(number, socket, joined, ends);
        self.sdk_give(s, Input::Opened)
    }

    /// Everything is fetched from the store as it is now; sometimes that fails.
    fn sdk_snapshots(&mut self, s: usize) -> Result<(), Violation> {
        if !self.is_quiet && self.random.one_in(4) {
            self.count("snapshots that could not be fetched");
            return self.sdk_give(s, Input::Snapshots(Err(ClientError::new(ErrorKind::Unreachable))));
        }
        let organization = self.sdks[s].organization();
        let head = self.store.organizations[organization].head();
        self.count("snapshots fetched");
        let epoch = self.store.epoch;
        self.sdk_give(s, Input::Snapshots(Ok((epoch, head))))
    }

    /// Another organisation, where it may be a member; its cursor there was kept.
    fn sdk_looks_elsewhere(&mut self, s: usize) -> Result<(), Violation> {
        let active = |o: &usize| {
            let organization = &self.store.organizations[*o];
            organization.standing(self.sdks[s].person, organization.head()).1
        };
        let choices: Vec<usize> = (0..self.store.organizations.len()).filter(active).collect();
        if choices.is_empty() {
            return Ok(());
        }
        let organization = self.random.pick(&choices);
        self.log(|| format!("SDK {s} looks at {organization}"));
        self.count("the SDK follows another organisation");
        let cursor = self.sdks[s].has[organization].cursor;
        self.sdk_give(s, Input::Switch(id_of(organization), cursor))?;
        self.sdk_give(s, Input::Connect)
    }

    pub(super) fn sdk_cut(&mut self, s: usize) {
        let Some(socket) = self.sdks[s].socket.take() else { return };
        socket.wire().cut = true;
        self.sdks[s].forget_socket();
        let now = self.sdk_now();
        self.sdks[s].session.handle(now, Input::Failed(ErrorKind::Broken.into()));
        // Only statuses and the close of what is cut already: nothing is told without a frame.
        while let Some(output) = self.sdks[s].session.poll_output() {
            debug_assert!(matches!(output, Output::Close | Output::Status(_)), "{output:?}");
        }
    }

    fn sdk_reads(&mut self, s: usize) -> Result<(), Violation> {
        let Some(socket) = self.sdks[s].socket.clone() else { return Ok(()) };
        let waiting = socket.wire().to_client.len();
        let some = if self.is_quiet { waiting } else { self.random.below(waiting + 1) };
        let bytes: Vec<u8> = socket.wire().to_client.drain(..some).collect();
        self.sdks[s].incoming.extend(bytes);
        while let Some((opcode, payload)) = next_frame(&mut self.sdks[s].incoming) {
            match opcode {
                1 => self.sdk_reads_frame(s, &payload)?,
                8 => {
                    let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                    let excused = socket.wire().excuses.contains(&code);
                    if let Some(stream) = &self.sdks[s].stream {
                        stream.closed(code, excused).map_err(|wrong| format!("SDK {s}: {wrong}"))?;
                    }
                    self.sdks[s].forget_socket();
                    return self.sdk_give(s, Input::Closed(code));
                }
                _ => {}
            }
            if self.sdks[s].socket.is_none() {
                // It has let go.
                return Ok(());
            }
        }
        if socket.wire().ended && socket.wire().to_client.is_empty() {
            self.sdks[s].forget_socket();
            return self.sdk_give(s, Input::Closed(1006));
        }
        Ok(())
    }

    fn sdk_reads_frame(&mut self, s: usize, payload: &[u8]) -> Result<(), Violation> {
        self.frames += 1;
        let frame: Read<'_> = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        self.log(|| format!("SDK {s} reads {}", String::from_utf8_lossy(&payload[..payload.len().min(200)])));
        let sdk = &mut self.sdks[s];
        match frame.event_type.as_ref() {
            "SYSTEM_WELCOME" => {
                let welcome: Welcome = frame.data();
                let answered =
                    sdk.asked.iter().position(|asked| id_of(asked.organization) == welcome.organization_id);
                let answered = answered.ok_or("a welcome that nobody asked for")?;
                let asked = sdk.asked.drain(..=answered).next_back().expect("it was found");
                let stream = Stream::welcomed(&self.store, sdk.person, asked, &welcome, Held::default())?;
                sdk.stream = Some(stream);
                let has = &mut sdk.has[asked.organization];
                if has.epoch != Some(welcome.epoch) {
                    // Nothing that it has is of this journal.
                    *has = Has { epoch: Some(welcome.epoch), cursor: has.cursor, ..Has::default() };
                }
                // A replay uses the rights held now: what came beyond the cursor may not come again.
                has.came.retain(|seq| asked.after.is_some_and(|after| *seq <= after));
                if asked.after.is_none() {
                    has.covered = has.covered.max(welcome.head_seq);
                }
            }
            "SYSTEM_ERROR" => {
                let error: ErrorFrame = frame.data();
                ensure!(error.code == ErrorCode::NotFound, "an error for no reason: {error:?}");
            }
            _ => {
                let stream = sdk.stream.as_mut().ok_or("a frame before the welcome")?;
                stream.read(&self.store, &frame, payload).map_err(|wrong| format!("SDK {s}: {wrong}"))?;
                let at = stream.at;
                if !frame.event_type.starts_with("SYSTEM_") && frame.is_fact() {
                    sdk.has[stream.organization].came.insert(at);
                }
            }
        }
        self.sdk_give(s, Input::Text(payload))
    }

    fn sdk_is_told(&mut self, s: usize, message: &Message) -> Result<(), Violation> {
        let organization = self.sdks[s].organization();
        let fetches = self.sdks[s].fetches_snapshots;
        let has = &mut self.sdks[s].has[organization];
        match message {
            Message::Event(delivery) => {
                ensure!(delivery.head.organization_id == id_of(organization), "told of another organisation");
                let Some(seq) = delivery.seq() else { return Ok(()) };
                ensure!(
                    seq > has.covered,
                    "{seq} was told, and is in what was fetched up to {}",
                    has.covered
                );
                ensure!(
                    has.told.last().is_none_or(|last| *last < seq),
                    "{seq} was told twice, or out of order"
                );
                has.told.insert(seq);
            }
            Message::ResyncRequired(resync) => {
                ensure!(Some(resync.epoch) == has.epoch, "a resync of another epoch: {resync:?}");
                if !fetches {
                    has.covered = has.covered.max(resync.head_seq);
                }
            }
            Message::Resynced { as_of } => has.covered = has.covered.max(*as_of),
            Message::Joined(_)
            | Message::RightsChanged(_)
            | Message::CaughtUp { .. }
            | Message::FellBehind { .. }
            | Message::Problem(_) => {}
        }
        Ok(())
    }

    /// Everything that came, up to the cursor, was told or fetched.
    fn sdk_check_cursor(&mut self, s: usize) -> Result<(), Violation> {
        let sdk = &mut self.sdks[s];
        let Some(cursor) = sdk.session.cursor() else { return Ok(()) };
        let has = &mut sdk.has[index_of(cursor.organization_id)];
        has.cursor = Some(cursor);
        if has.epoch != Some(cursor.epoch) {
            return Ok(());
        }
        let lost =
            has.came.iter().find(|seq| **seq <= cursor.seq && **seq > has.covered && !has.told.contains(seq));
        ensure!(lost.is_none(), "SDK {s} says it has {}, and was never told {lost:?}", cursor.seq);
        let head = self.store.organizations[index_of(cursor.organization_id)].head();
        let of_this = cursor.epoch == self.store.epoch;
        ensure!(!of_this || cursor.seq <= head, "SDK {s} is beyond the journal");
        Ok(())
    }

    /// Whether it is live and at the head; one who is a member nowhere has all there is.
    pub(super) fn sdk_is_complete(&self, s: usize) -> bool {
        let sdk = &self.sdks[s];
        let active = |organization: &super::journal::Organization| {
            organization.standing(sdk.person, organization.head()).1
        };
        if !self.store.organizations.iter().any(active) {
            return sdk.socket.is_none();
        }
        let head = self.store.organizations[sdk.organization()].head();
        let at = sdk.session.cursor().map(|cursor| (cursor.epoch, cursor.seq));
        *sdk.session.status() == ConnectionStatus::Live && at == Some((self.store.epoch, head))
    }
}

fn index_of(organization: OrganizationId) -> usize {
    usize::from(organization.as_bytes()[15])
}
