//! One socket from its opening to its end: what was said, and everything that came.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;
use unionflow_protocol::id::OrganizationId;
use unionflow_testkit::{Closed, Frame, PATIENCE, Socket};

use super::{
    cast::{NOTHING, Seat},
    table::{After, Answer, Say, State, Where},
};

/// See the module.
pub(super) struct Talk<'a> {
    pub(super) seat: &'a Seat,
    pub(super) state: State,
    pub(super) say: Say,
    /// The newest events of both places when it was said.
    heads: [u64; 2],
    /// The newest event that had come when it was said.
    held: u64,
    socket: Socket,
    /// All that came.
    pub(super) frames: Vec<Frame>,
    /// Where the welcomes are among them, and whether the last one's replay is complete.
    welcomes: Vec<usize>,
    caught_up: bool,
    pongs: usize,
    /// How many had come before it was said.
    pub(super) before: usize,
    /// Pings of our own, to hear how far it is.
    pub(super) pings: usize,
    pub(super) closed: Option<Closed>,
}

/// A welcome and what followed it.
pub(super) struct Chapter<'a> {
    pub(super) organization: OrganizationId,
    pub(super) welcome: &'a Frame,
    pub(super) frames: &'a [Frame],
}

impl<'a> Talk<'a> {
    /// Opens a socket and says it, in that state.
    pub(super) async fn begin(seat: &'a Seat, state: State, say: Say, heads: [u64; 2]) -> Self {
        let query = if state == State::Replaying { "&after=0" } else { "" };
        let socket = seat.person.connect_narrow(query).await.unwrap_or_else(|refused| panic!("{refused:?}"));
        let mut talk = Self {
            seat,
            state,
            say,
            heads,
            held: 0,
            socket,
            frames: Vec::new(),
            welcomes: Vec::new(),
            caught_up: false,
            pongs: 0,
            before: 0,
            pings: 0,
            closed: None,
        };
        match state {
            State::Replaying => {
                while talk.frames.last().is_none_or(|frame| frame.seq().is_none()) {
                    talk.next().await;
                }
            }
            State::Live | State::Leaving => {
                while !talk.caught_up {
                    talk.next().await;
                }
            }
        }
        (talk.held, talk.before) = (talk.socket.cursor, talk.frames.len());
        let leave = (state == State::Leaving).then_some(Say::Switch(Where::Here, After::Nothing));
        for say in leave.into_iter().chain([say]) {
            for message in seat.messages(say, &talk.socket, heads) {
                talk.socket.send(message).await;
            }
        }
        talk
    }

    pub(super) fn answer(&self) -> Answer {
        self.say.answer_to(self.seat.who)
    }

    /// Where it must be in the end.
    pub(super) fn place(&self) -> usize {
        usize::from(self.answer() == Answer::Welcome(Where::There))
    }

    /// Waits until it is live where it must be, and complete up to there; or until it was closed.
    pub(super) async fn settle(&mut self, heads: [u64; 2]) {
        let settle = async {
            while self.closed.is_none() && !(self.caught_up && self.has_its_welcome()) {
                self.next().await;
            }
            while self.closed.is_none() && self.socket.cursor < heads[self.place()] {
                self.socket.say("ping").await;
                self.pings += 1;
                let pongs = self.pongs;
                while self.closed.is_none() && self.pongs == pongs {
                    self.next().await;
                }
                // What comes next, or a moment, before it is asked again.
                let _ = timeout(Duration::from_millis(60), self.next()).await;
            }
        };
        if timeout(PATIENCE / 2, settle).await.is_err() {
            let kinds: Vec<&str> = self.frames[self.before..].iter().map(Frame::event_type).collect();
            panic!("{}: at {} of {heads:?} after {kinds:?}", self.told(), self.socket.cursor);
        }
    }

    /// Ends it by a `switch` to nowhere, which everything before is answered before.
    pub(super) async fn end(&mut self) {
        if self.closed.is_none() {
            let frame = format!(r#"{{"type":"switch","organizationId":"{NOTHING}"}}"#);
            self.socket.say(&frame).await;
        }
        let end = async {
            while self.closed.is_none() {
                self.next().await;
            }
        };
        if timeout(PATIENCE / 2, end).await.is_err() {
            panic!("{}: goes on although it was turned away", self.told());
        }
    }

    pub(super) fn wire_pongs(&self) -> usize {
        self.socket.pongs
    }

    /// Where the welcome says that it begins: `resumedFrom`, and why that cannot be.
    pub(super) fn begins(&self) -> (Option<u64>, Option<&'static str>) {
        let Say::Switch(to, after) = self.say else { return (None, None) };
        let head = self.heads[usize::from(to == Where::There)];
        match after {
            After::Nothing => (None, None),
            After::Zero => (Some(0), None),
            After::Held => (Some(self.held), None),
            After::NewestHere if self.heads[0] <= head => (Some(self.heads[0]), None),
            After::NewestHere | After::Beyond => (None, Some("BEYOND_HEAD")),
            After::OtherEpoch | After::NoEpoch => (None, Some("OTHER_EPOCH")),
        }
    }

    pub(super) fn chapters(&self) -> Vec<Chapter<'_>> {
        let mut begins = self.welcomes.clone();
        begins.push(self.frames.len());
        let chapter = |pair: &[usize]| {
            let welcome = &self.frames[pair[0]];
            let organization = welcome.data()["organizationId"].as_str().unwrap().parse().unwrap();
            Chapter { organization, welcome, frames: &self.frames[pair[0]..pair[1]] }
        };
        begins.windows(2).map(chapter).collect()
    }

    pub(super) fn told(&self) -> String {
        format!("{:?} by {:?}, {:?}", self.say, self.seat.who, self.state)
    }

    async fn next(&mut self) {
        match self.socket.next().await {
            Ok(frame) => self.take(frame),
            Err(closed) => self.closed = Some(closed),
        }
    }

    fn take(&mut self, frame: Frame) {
        match frame.event_type() {
            "SYSTEM_WELCOME" => {
                self.welcomes.push(self.frames.len());
                self.caught_up = false;
            }
            "SYSTEM_CAUGHT_UP" => self.caught_up = true,
            "SYSTEM_PONG" => self.pongs += 1,
            _ => {}
        }
        self.frames.push(frame);
    }

    /// Whether the welcome has come that it waits for: the first, or what a `switch` brings.
    fn has_its_welcome(&self) -> bool {
        let Some(latest) = self.welcomes.last().map(|at| self.frames[*at].data()) else { return false };
        let is_new = self.welcomes.len() > 1;
        match self.answer() {
            Answer::TurnedAway => false,
            Answer::Welcome(_) => {
                is_new
                    && latest["organizationId"] == json!(self.seat.places[self.place()])
                    && latest["resumedFrom"].as_u64() == self.begins().0
            }
            _ => is_new || self.state != State::Leaving,
        }
    }
}
