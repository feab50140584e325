//! A client that follows an organisation through everything, as real ones do: it comes back after a growing pause, at
//! whichever server of sockets answers, with its cursor and epoch, and by a ticket where it has no other way; and it fetches anew when
//! it is told to. It notes each event that it saw, and when.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use rand::{RngExt, rngs::StdRng};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use unionflow_testkit::{Frame, Person, Refused, Socket, lasts};

/// Up to where clients follow: an epoch and a place in it; `None` while that is not known.
pub(crate) type Goal = watch::Receiver<Option<(String, u64)>>;

/// The pause before a client comes back is drawn up to this at first, and up to twice as much each time, up to the longest.
const PAUSE_MS: u64 = 50;
const PAUSE_MS_MAX: u64 = 2_000;
/// How often a client says that it is there, and how often it asks whether it is complete once that is awaited.
const PING: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// How a client signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// With its token.
    Token,
    /// With a ticket that another server gave.
    Ticket,
}

/// Where servers are, by what they serve; the same, where each serves everything.
#[derive(Clone)]
pub(crate) struct Places {
    /// Those that take commands and give tickets.
    pub(crate) desks: Arc<[String]>,
    /// Those that have sockets.
    pub(crate) screens: Arc<[String]>,
}

/// An event that was seen.
pub(crate) struct Seen {
    pub(crate) seq: u64,
    /// Of its bytes.
    pub(crate) hash: u64,
    pub(crate) at: Instant,
}

/// What a client saw of one incarnation of the journal.
#[derive(Default)]
pub(crate) struct Life {
    pub(crate) epoch: String,
    /// Everything after this.
    pub(crate) begins: u64,
    /// Complete up to here.
    pub(crate) cursor: u64,
    pub(crate) seen: Vec<Seen>,
}

/// See the module.
pub(crate) struct Client {
    pub(crate) person: Person,
    places: Places,
    /// Which of them is its.
    at: usize,
    way: Way,
    rng: StdRng,
    /// The last is the present one.
    pub(crate) lives: Vec<Life>,
    pub(crate) welcomes: usize,
    pub(crate) doubled: usize,
    pub(crate) out_of_order: usize,
    pub(crate) faults: Vec<String>,
}

pub(crate) fn hash_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl Client {
    /// One who has seen nothing yet.
    pub(crate) fn new(person: Person, places: Places, way: Way, mut rng: StdRng) -> Self {
        let at = rng.random_range(0..places.screens.len());
        Self {
            person,
            places,
            at,
            way,
            rng,
            lives: vec![Life::default()],
            welcomes: 0,
            doubled: 0,
            out_of_order: 0,
            faults: Vec::new(),
        }
    }

    /// Follows until it is complete up to the goal.
    pub(crate) async fn follow(mut self, mut goal: Goal) -> Self {
        let mut longest = PAUSE_MS;
        while !self.has_reached(&goal) {
            let welcomes = self.welcomes;
            let wait = match self.connect().await {
                Ok(socket) => {
                    self.listen(socket, &mut goal).await;
                    Duration::ZERO
                }
                Err(refused) => self.bear(&refused),
            };
            if self.has_reached(&goal) {
                break;
            }
            longest = if self.welcomes > welcomes { PAUSE_MS } else { (2 * longest).min(PAUSE_MS_MAX) };
            lasts(wait.max(Duration::from_millis(self.rng.random_range(0..longest)))).await;
            self.at += 1;
        }
        self
    }

    fn life(&mut self) -> &mut Life {
        self.lives.last_mut().expect("there is always one")
    }

    fn has_reached(&self, goal: &Goal) -> bool {
        let life = self.lives.last().expect("there is always one");
        goal.borrow().as_ref().is_some_and(|(epoch, seq)| *epoch == life.epoch && life.cursor >= *seq)
    }

    /// Its server of sockets.
    fn screen(&self) -> &str {
        &self.places.screens[self.at % self.places.screens.len()]
    }

    /// Its server of everything else, or one further on.
    fn desk(&self, further: usize) -> &str {
        &self.places.desks[(self.at + further) % self.places.desks.len()]
    }

    /// By a ticket that another server gave, where one answers.
    async fn connect(&self) -> Result<Socket, Refused> {
        let life = self.lives.last().expect("there is always one");
        let epoch = if life.epoch.is_empty() { String::new() } else { format!("&epoch={}", life.epoch) };
        let resume = format!("&after={}{epoch}", life.cursor);
        if self.way == Way::Token {
            return self.person.connect_at(self.screen(), &resume).await;
        }
        let (mut given, mut refused) = (None, Refused { status: 0, problem: json!(null), retry_after: None });
        for further in (0..self.places.desks.len()).rev() {
            let giver = self.person.at(self.desk(further));
            let asked = giver.ask(reqwest::Method::POST, "/realtime/tickets").json(&json!({}));
            match asked.try_send().await {
                Ok(answer) if answer.status == 201 => {
                    given = answer.body["ticket"].as_str().map(str::to_owned);
                    break;
                }
                Ok(answer) => refused.status = answer.status,
                Err(_) => {}
            }
        }
        let ticket = given.ok_or(refused)?;
        let (address, organization) = (self.screen(), self.person.organization);
        let url =
            format!("ws://{address}/ws/dashboard?organizationId={organization}&ticket={ticket}{resume}");
        Socket::connect(&url, &[]).await
    }

    /// A refusal that passes; how long it is to wait at least.
    fn bear(&mut self, refused: &Refused) -> Duration {
        // A ticket is good for once: where the answer was lost, another is asked for.
        let passes = matches!(refused.status, 0 | 429 | 502..=504)
            || (refused.status == 401 && self.way == Way::Ticket);
        if !passes {
            self.fault(&format!("refused for good: {refused:?}"));
        }
        Duration::from_secs(refused.retry_after.unwrap_or(0))
    }

    /// Until the socket ends, or the goal is reached.
    async fn listen(&mut self, mut socket: Socket, goal: &mut Goal) {
        let (mut ping, mut look) = (interval(PING), interval(LOOK));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.has_reached(goal) {
            let frame = tokio::select! {
                frame = socket.next() => frame,
                _ = ping.tick() => {
                    socket.say("ping").await;
                    continue;
                }
                _ = look.tick(), if goal.borrow().is_some() => {
                    socket.say("ping").await;
                    continue;
                }
                _ = goal.changed() => continue,
            };
            let Ok(frame) = frame else { return };
            self.hear(&frame, &socket).await;
        }
    }

    async fn hear(&mut self, frame: &Frame, socket: &Socket) {
        match frame.event_type() {
            "SYSTEM_WELCOME" => {
                self.welcomes += 1;
                if self.life().epoch.is_empty() {
                    self.life().epoch.clone_from(&socket.epoch);
                }
            }
            "SYSTEM_RESYNC_REQUIRED" => {
                let (epoch, head) = (&frame.data()["epoch"], &frame.data()["headSeq"]);
                let begins = head.as_u64().unwrap_or_default();
                let epoch = epoch.as_str().unwrap_or_default().to_owned();
                self.lives.push(Life { epoch, begins, cursor: begins, seen: Vec::new() });
                // What it holds is of another time: it fetches anew, from wherever it is answered.
                let path = format!("/dashboard/stats?organizationId={}", self.person.organization);
                let at = self.person.at(self.desk(0));
                let _ = at.ask(reqwest::Method::GET, &path).try_send().await;
            }
            "SYSTEM_CAUGHT_UP" | "SYSTEM_PONG" => {
                let seq = frame.data()["seq"].as_u64().unwrap_or_default();
                if seq < self.life().cursor {
                    self.fault(&format!("{} goes back to {seq}", frame.event_type()));
                }
                let life = self.life();
                life.cursor = life.cursor.max(seq);
            }
            _ => self.see(frame),
        }
    }

    fn see(&mut self, frame: &Frame) {
        let Some(seq) = frame.seq() else { return };
        let life = self.lives.last_mut().expect("there is always one");
        if seq <= life.cursor {
            let again = life.seen.binary_search_by_key(&seq, |seen| seen.seq).is_ok();
            self.doubled += usize::from(again);
            self.out_of_order += usize::from(!again);
            return;
        }
        life.cursor = seq;
        life.seen.push(Seen { seq, hash: hash_of(&frame.text), at: Instant::now() });
    }

    fn fault(&mut self, what: &str) {
        // The same again and again tells no more.
        if self.faults.len() < 5 {
            let cursor = self.life().cursor;
            self.faults.push(format!("{} at {cursor}: {what}", self.person.account.login));
        }
    }
}

impl Client {
    /// How long after this moment it held everything up to a place that it may see.
    pub(crate) fn held_after(&self, moment: Instant, up_to: Option<u64>) -> Duration {
        let seen = self.lives.last().map(|life| life.seen.as_slice()).unwrap_or_default();
        let last = seen.iter().rev().find(|seen| up_to.is_some_and(|up_to| seen.seq <= up_to));
        last.map_or(Duration::ZERO, |seen| seen.at.saturating_duration_since(moment))
    }
}
