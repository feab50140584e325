//! Clients: they keep a cursor of every organisation, connect, resume, switch, renew tokens, are slow, and vanish.

use std::collections::VecDeque;

use unionflow_protocol::{
    Seq,
    close::{AfterClose, CloseCode, after_close},
    frame::{ErrorFrame, Welcome},
    id::Epoch,
};

use super::{
    journal::{PERSONS, id_of},
    socket::Socket,
    stream::{Asked, Held, Read, Stream, Violation, ensure},
    world::World,
};
use crate::session::Start;

pub(super) struct Client {
    pub(super) person: usize,
    /// The organisation on the screen.
    organization: usize,
    /// Kept on disk, by organisation: complete up to here.
    cursors: Vec<Option<(Epoch, Seq)>>,
    /// The states kept with them.
    held: Vec<Held>,
    pub(super) token_ends: u64,
    pub(super) socket: Option<Socket>,
    incoming: Vec<u8>,
    pub(super) stream: Option<Stream>,
    /// Asked for, not yet welcomed to.
    asked: VecDeque<Asked>,
    /// Errors that it has to expect.
    errors: Vec<&'static str>,
    next_ping: u64,
    retry_at: u64,
    reads_again_at: u64,
    pings: bool,
}

const PING_EVERY: u64 = 25_000;

impl Client {
    pub(super) fn new(person: usize, organization: usize, organizations: usize) -> Self {
        Self {
            person: person % PERSONS,
            organization,
            cursors: vec![None; organizations],
            held: vec![Held::default(); organizations],
            token_ends: 0,
            socket: None,
            incoming: Vec::new(),
            stream: None,
            asked: VecDeque::new(),
            errors: Vec::new(),
            next_ping: 0,
            retry_at: 0,
            reads_again_at: 0,
            pings: true,
        }
    }

    fn says(&self, text: &str) {
        if let Some(socket) = &self.socket {
            socket.client_sends(1, text.as_bytes());
        }
    }

    /// Keeps how far it is complete.
    fn keep_cursor(&mut self) {
        if let Some(stream) = self.stream.as_ref().filter(|stream| stream.is_told()) {
            self.cursors[stream.organization] = Some((stream.epoch, stream.at));
            self.held[stream.organization] = stream.held;
        }
    }

    fn forget_socket(&mut self, retry_at: u64) {
        (self.socket, self.stream, self.retry_at) = (None, None, retry_at);
        self.incoming.clear();
        self.asked.clear();
        self.errors.clear();
    }
}

impl World {
    /// A client does something, or nothing.
    pub(super) fn client_acts(&mut self, i: usize) {
        let now = self.now;
        let client = &mut self.clients[i];
        if client.socket.is_none() {
            if client.retry_at <= now {
                self.connect(i);
            }
            return;
        }
        if !client.pings {
            // It reads, and says nothing any more.
            return;
        }
        if client.next_ping <= now {
            return self.ping(i);
        }
        if client.token_ends < now + 15_000 && !self.random.one_in(4) {
            return self.renew(i);
        }
        match self.random.below(40) {
            0..6 => self.ping(i),
            6..10 => self.acknowledge(i),
            10 | 11 => self.renew(i),
            12 => self.renew_wrongly(i),
            13 | 14 => self.switch(i),
            15 | 16 => self.cut(i),
            17 => self.say_good_bye(i),
            18 | 19 => {
                self.count("a client stopped reading for a while");
                self.clients[i].reads_again_at = now + self.random.between(10, 5_000);
            }
            20 => {
                self.count("a frame that is no JSON");
                self.clients[i].errors.push("INVALID_JSON");
                self.clients[i].says("{");
            }
            21 if self.random.one_in(4) => {
                self.count("a client stopped pinging");
                self.clients[i].pings = false;
            }
            _ => {}
        }
    }

    pub(super) fn connect(&mut self, i: usize) {
        let open: Vec<usize> = (0..self.gateways.len()).filter(|g| self.gateways[*g].accepts()).collect();
        if open.is_empty() {
            self.clients[i].retry_at = self.now + 200;
            return;
        }
        if self.clients[i].token_ends <= self.now + 1_000 {
            self.clients[i].token_ends = self.now + self.random.between(20_000, 300_000);
        }
        let asked = self.asks(i, self.clients[i].organization);
        let Some(joined) = self.store_joins(self.clients[i].person, asked) else {
            let client = &mut self.clients[i];
            // Not a member now: another organisation, or later.
            client.organization = self.random.below(self.store.organizations.len());
            client.retry_at = self.now + 300;
            return;
        };
        self.log(|| format!("client {i} connects: {asked:?} head {} {:?}", joined.head, joined.start));
        if let Start::Resync(reason) = joined.start {
            self.count(match reason.as_str() {
                "OTHER_EPOCH" => "resync: another epoch",
                "BEYOND_HEAD" => "resync: beyond the head",
                _ => "resync: too far behind",
            });
        }
        let room = self.random.pick(&[700, 3_000, 20_000, 200_000]);
        let socket = Socket::with_room(room, self.random.one_in(2));
        let client = &mut self.clients[i];
        client.socket = Some(socket.clone());
        client.asked.push_back(asked);
        (client.next_ping, client.reads_again_at, client.pings) = (self.now + PING_EVERY, 0, true);
        let g = self.random.pick(&open);
        self.gateways[g].arrives(i, socket, joined, client.token_ends);
    }

    /// With its cursor mostly; sometimes without, or with one that cannot be.
    fn asks(&mut self, i: usize, organization: usize) -> Asked {
        let cursor = self.clients[i].cursors[organization];
        let (after, epoch) = match cursor {
            Some((epoch, seq)) if self.random.one_in(40) && !self.is_quiet => {
                (Some(Seq(seq.0 + 50_000)), Some(epoch))
            }
            Some(_) if self.random.one_in(20) && !self.is_quiet => (None, None),
            Some((epoch, seq)) => (Some(seq), Some(epoch)),
            None if self.random.one_in(2) => (Some(Seq::ZERO), None),
            None => (None, None),
        };
        Asked { organization, after, epoch }
    }

    pub(super) fn ping(&mut self, i: usize) {
        self.clients[i].next_ping = self.now + PING_EVERY;
        match self.random.below(3) {
            0 => self.clients[i].says("ping"),
            1 => self.clients[i].says(r#"{"type":"ping"}"#),
            _ => {
                if let Some(socket) = &self.clients[i].socket {
                    socket.client_sends(9, b"");
                }
            }
        }
    }

    fn acknowledge(&mut self, i: usize) {
        let client = &self.clients[i];
        let Some(stream) = client.stream.as_ref().filter(|_| client.asked.is_empty()) else { return };
        if stream.is_told() {
            client.says(&format!(r#"{{"type":"ack","seq":{}}}"#, stream.at));
        }
    }

    fn renew(&mut self, i: usize) {
        self.count("a token renewed on the open socket");
        let ends = self.now + self.random.between(20_000, 300_000);
        let client = &mut self.clients[i];
        client.token_ends = ends;
        client.says(&format!(r#"{{"type":"authenticate","token":"{} {ends}"}}"#, client.person));
    }

    fn renew_wrongly(&mut self, i: usize) {
        self.count("a token refused on the open socket");
        let client = &mut self.clients[i];
        let (token, error) = if self.random.one_in(2) {
            (format!("{} 999999999", (client.person + 1) % PERSONS), "OTHER_PERSON")
        } else {
            ("bad".to_owned(), "UNAUTHENTICATED")
        };
        client.errors.push(error);
        client.says(&format!(r#"{{"type":"authenticate","token":"{token}"}}"#));
    }

    fn switch(&mut self, i: usize) {
        let organization = self.random.below(self.store.organizations.len());
        if self.clients[i].asked.iter().any(|asked| asked.organization == organization) {
            // Which of the two a welcome answers could not be told.
            return;
        }
        self.count("switches");
        let asked = self.asks(i, organization);
        let cursor = match (asked.after, asked.epoch) {
            (Some(after), Some(epoch)) => format!(r#","after":{after},"epoch":"{epoch}""#),
            (Some(after), None) => format!(r#","after":{after}"#),
            _ => String::new(),
        };
        let client = &mut self.clients[i];
        client.says(&format!(r#"{{"type":"switch","organizationId":"{}"{cursor}}}"#, id_of(organization)));
        if !client.asked.is_empty() {
            self.count("switches before the last was answered");
        }
        let client = &mut self.clients[i];
        client.asked.push_back(asked);
        client.errors.push("NOT_FOUND");
        client.organization = organization;
        self.log(|| format!("client {i} switches: {asked:?}"));
    }

    pub(super) fn cut(&mut self, i: usize) {
        let client = &mut self.clients[i];
        let Some(socket) = &client.socket else { return };
        let unread = !socket.wire().to_client.is_empty();
        socket.wire().cut = true;
        let within_frame = !client.incoming.is_empty();
        let in_replay = client.stream.as_ref().is_none_or(|stream| !stream.is_caught_up);
        client.forget_socket(self.now + self.random.between(0, 3_000));
        self.log(|| format!("client {i} is cut off"));
        self.count("cuts");
        for (happened, what) in [
            (within_frame, "cuts between the bytes of a frame"),
            (in_replay, "cuts before caught-up"),
            (unread, "cuts with frames on the way"),
        ] {
            if happened {
                self.count(what);
            }
        }
    }

    fn say_good_bye(&mut self, i: usize) {
        self.count("clients that closed");
        if let Some(socket) = &self.clients[i].socket {
            socket.excuse(CloseCode::Normal);
            socket.client_sends(8, &1000u16.to_be_bytes());
        }
    }

    /// A client reads some of what has come.
    pub(super) fn client_reads(&mut self, i: usize) -> Result<(), Violation> {
        let Some(socket) = self.clients[i].socket.clone() else { return Ok(()) };
        if self.clients[i].reads_again_at > self.now && !self.is_quiet {
            return Ok(());
        }
        let waiting = socket.wire().to_client.len();
        let some =
            if self.is_quiet || self.random.one_in(2) { waiting } else { self.random.below(waiting + 1) };
        self.clients[i].incoming.extend(socket.wire().to_client.drain(..some));
        while let Some((opcode, payload)) = next_frame(&mut self.clients[i].incoming) {
            match opcode {
                1 => self.client_read(i, &payload)?,
                8 => {
                    let code = payload.get(..2).map_or(1005, |code| u16::from_be_bytes([code[0], code[1]]));
                    return self.client_closed(i, code);
                }
                10 => {}
                _ => return Err(format!("client {i} got a frame of opcode {opcode}")),
            }
        }
        if socket.wire().ended && socket.wire().to_client.is_empty() {
            self.log(|| format!("client {i} lost its server"));
            self.clients[i].forget_socket(self.now + self.random.between(0, 1_000));
        }
        Ok(())
    }

    fn client_read(&mut self, i: usize, payload: &[u8]) -> Result<(), Violation> {
        let frame: Read<'_> =
            serde_json::from_slice(payload).map_err(|error| format!("client {i}: {error}"))?;
        self.log(|| {
            format!("client {i} reads {}", String::from_utf8_lossy(&payload[..payload.len().min(220)]))
        });
        self.frames += 1;
        let client = &mut self.clients[i];
        let read = match frame.event_type.as_ref() {
            "SYSTEM_WELCOME" => client_welcomed(&self.store, client, &frame.data()),
            "SYSTEM_ERROR" => {
                let error: ErrorFrame = frame.data();
                let expected = client.errors.contains(&error.code.as_str());
                if expected { Ok(()) } else { Err(format!("an error for no reason: {error:?}")) }
            }
            _ => match &mut client.stream {
                Some(stream) => stream.read(&self.store, &frame, payload),
                None => Err(format!("{} before the welcome", frame.event_type)),
            },
        };
        client.keep_cursor();
        read.map_err(|wrong| format!("client {i} (person {}): {wrong}", self.clients[i].person))
    }

    fn client_closed(&mut self, i: usize, code: u16) -> Result<(), Violation> {
        self.log(|| format!("client {i} is closed with {code}"));
        self.count(match code {
            1000 => "closes 1000 (good-bye)",
            1012 => "closes 1012 (drained)",
            1013 => "closes 1013 (store unreadable)",
            4001 => "closes 4001 (silence)",
            4100 => "closes 4100 (slow consumer)",
            4200 => "closes 4200 (token ended)",
            4201 => "closes 4201 (sign-in ended)",
            4300 => "closes 4300 (switch refused)",
            4302 => "closes 4302 (suspended)",
            _ => "closes of other codes",
        });
        let client = &mut self.clients[i];
        let excused = client.socket.as_ref().is_some_and(|socket| socket.wire().excuses.contains(&code));
        match &client.stream {
            Some(stream) => stream.closed(code, excused).map_err(|wrong| format!("client {i}: {wrong}"))?,
            None => ensure!(excused, "client {i} was closed with {code} for no reason"),
        }
        let wait = match after_close(code) {
            AfterClose::ReconnectNow => 0,
            AfterClose::ReconnectLater => self.random.between(100, 2_000),
            AfterClose::Authenticate => {
                client.token_ends = 0;
                0
            }
            AfterClose::Stop => 1_000,
        };
        client.forget_socket(self.now + wait);
        Ok(())
    }
}

fn client_welcomed(
    store: &super::journal::Store,
    client: &mut Client,
    welcome: &Welcome,
) -> Result<(), Violation> {
    // Of several switches in a row, those before the last may go unanswered.
    while let Some(asked) = client.asked.pop_front() {
        if id_of(asked.organization) == welcome.organization_id {
            let held = client.held[asked.organization];
            client.stream = Some(Stream::welcomed(store, client.person, asked, welcome, held)?);
            return Ok(());
        }
    }
    Err("a welcome that nobody asked for".to_owned())
}

/// The next whole frame of what came: opcode and payload.
pub(super) fn next_frame(incoming: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (first, second) = (*incoming.first()?, *incoming.get(1)?);
    let (begin, length) = match second {
        126 => (4, usize::from(u16::from_be_bytes(incoming.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(incoming.get(2..10)?.try_into().ok()?)).ok()?),
        length => (2, usize::from(length)),
    };
    let payload = incoming.get(begin..begin + length)?.to_vec();
    incoming.drain(..begin + length);
    Some((first & 0x0f, payload))
}
