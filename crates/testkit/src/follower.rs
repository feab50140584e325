//! A client that follows an organisation through everything that breaks: it resumes with its cursor, and keeps all it saw.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{books::Books, person::Person, socket::Socket};

/// Follows from the first event on.
pub struct Follower {
    /// Who follows.
    pub person: Person,
    /// Where it connects: the server's address, or a proxy's.
    pub address: String,
    /// The facts seen, as they came.
    pub facts: Vec<String>,
    /// How often it was welcomed.
    pub welcomes: u32,
    /// What came in another order than promised.
    pub disorder: Vec<String>,
    cursor: u64,
    epoch: Option<String>,
}

/// Up to where a follower follows; `None` while that is not known.
pub type Goal = watch::Receiver<Option<u64>>;

const LOOK: Duration = Duration::from_millis(60);

impl Follower {
    /// Somebody who has seen nothing yet.
    pub fn new(person: Person) -> Self {
        let (address, facts, disorder) = (person.address.clone(), Vec::new(), Vec::new());
        Self { person, address, facts, welcomes: 0, disorder, cursor: 0, epoch: None }
    }

    /// Follows until it is complete up to the goal.
    pub async fn follow(mut self, mut goal: Goal) -> Self {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.has_reached(&goal) {
            look.tick().await;
            let epoch = self.epoch.as_ref().map_or(String::new(), |epoch| format!("&epoch={epoch}"));
            let resume = format!("&after={}{epoch}", self.cursor);
            match self.person.connect_at(&self.address, &resume).await {
                Ok(socket) => self.listen(socket, &mut goal).await,
                Err(refused) if matches!(refused.status, 0 | 429 | 502..=504) => {}
                Err(refused) => panic!("refused for good: {refused:?}"),
            }
        }
        self
    }

    fn has_reached(&self, goal: &Goal) -> bool {
        goal.borrow().is_some_and(|goal| self.cursor >= goal)
    }

    /// Until the socket ends, or the goal is reached.
    async fn listen(&mut self, mut socket: Socket, goal: &mut Goal) {
        let mut look = interval(LOOK);
        let (mut welcomed, mut caught_up) = (false, false);
        while !self.has_reached(goal) {
            // Cancel-safe: a frame is taken whole or not at all.
            let frame = tokio::select! {
                frame = socket.next() => frame,
                _ = look.tick(), if goal.borrow().is_some() => {
                    socket.say("ping").await;
                    continue;
                }
                _ = goal.changed() => continue,
            };
            let Ok(frame) = frame else { return };
            match frame.event_type() {
                "SYSTEM_WELCOME" => {
                    self.expect(!welcomed, "a second welcome");
                    welcomed = true;
                    self.welcomes += 1;
                    self.epoch = Some(socket.epoch.clone());
                }
                "SYSTEM_CAUGHT_UP" => {
                    self.expect(!caught_up, "caught up twice");
                    caught_up = true;
                }
                "SYSTEM_RESYNC_REQUIRED" => self.expect(false, "a resync that nothing explains"),
                _ => {}
            }
            self.expect(welcomed, "a frame before the welcome");
            if let Some(seq) = frame.seq() {
                self.expect(seq > self.cursor, "an event again, or late");
                self.facts.push(frame.text);
            }
            self.expect(socket.cursor >= self.cursor, "the cursor went back");
            self.cursor = socket.cursor;
        }
    }

    fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.disorder.push(format!("{} at {}: {what}", self.person.account.login, self.cursor));
        }
    }

    /// What it should have seen and did not, or saw and should not have, by the journal.
    pub fn differs(&self, books: &Books) -> Option<String> {
        let account = &self.person.account;
        let due = books.seen_by(account.member_id, account.roles(), 0);
        if self.facts.iter().map(String::as_str).eq(due.iter().copied()) {
            return None;
        }
        let at = self.facts.iter().zip(&due).position(|(seen, due)| seen != due);
        Some(format!(
            "{} saw {} events of {}; the first that differs: {at:?}",
            account.login,
            self.facts.len(),
            due.len()
        ))
    }
}
