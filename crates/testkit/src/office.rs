//! People at work: they ask, decide, carry out and admit, and repeat every command with its key until it is answered, as good
//! clients do. Afterwards what they were answered is compared with what is kept.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use unionflow_protocol::Role;

use crate::{PATIENCE, books::Books, cast::Troupe, person::Person};

/// Pairs of people at work in each organisation.
const DESKS: usize = 3;
/// The pause before a command is repeated: at first, and at the most.
const AGAIN: Duration = Duration::from_millis(5);
const AGAIN_MAX: Duration = Duration::from_millis(250);

/// One organisation at work.
pub struct Office {
    /// Who is in it.
    pub troupe: Troupe,
    /// Asks for money and carries out.
    pub treasurer: Person,
    president: Person,
    secretary: Person,
    /// Where servers are; whoever is not answered asks the next.
    addresses: Vec<String>,
    turn: AtomicUsize,
    next_amount: AtomicI64,
    done: Mutex<Done>,
}

/// What an organisation's people did, by what they were answered.
#[derive(Clone, Default)]
pub struct Done {
    /// Amounts asked for: each is asked for once.
    submitted: BTreeSet<i64>,
    approved: BTreeSet<String>,
    executed: BTreeSet<String>,
    members: BTreeSet<String>,
    /// When a command was answered, and the newest event in the answer.
    answers: Vec<(Instant, u64)>,
    /// Commands whose first answer got lost.
    repeated: usize,
    faults: Vec<String>,
}

/// Who drives the load.
#[derive(Clone)]
pub struct Load {
    /// Commands answered so far.
    answered: watch::Sender<u64>,
    /// Whether to finish.
    stop: watch::Sender<bool>,
    /// The pause at a desk between two requests.
    pace: Duration,
}

/// What came of the work of some organisations.
#[derive(Debug, Default)]
pub struct Tally {
    /// Commands that were answered.
    pub acknowledged: usize,
    /// Those whose first answer got lost.
    pub repeated: usize,
    /// Entries of the journals.
    pub events: usize,
    /// Acknowledged, and not kept.
    pub lost: usize,
    /// Kept twice, or never acknowledged.
    pub doubled: usize,
    /// Everything that does not hold.
    pub faults: Vec<String>,
}

impl Office {
    /// Signs its people in.
    pub async fn open(addresses: &[String], troupe: Troupe) -> Arc<Self> {
        let sign_in = |role| Person::sign_in(&addresses[0], &troupe, troupe.account(role));
        let (treasurer, president, secretary) =
            tokio::join!(sign_in(Role::Treasurer), sign_in(Role::President), sign_in(Role::Secretary));
        Arc::new(Self {
            troupe,
            treasurer,
            president,
            secretary,
            addresses: addresses.to_vec(),
            turn: AtomicUsize::new(0),
            next_amount: AtomicI64::new(1),
            done: Mutex::default(),
        })
    }

    /// Begins the work at its desks.
    pub fn begin(self: &Arc<Self>, load: &Load, desks: &mut JoinSet<()>) {
        (0..DESKS).for_each(|_| drop(desks.spawn(self.clone().work(load.clone()))));
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().expect("nobody panics while holding it")
    }

    /// What was done so far.
    pub fn memory(&self) -> Done {
        self.done().clone()
    }

    /// Everything that was done since is undone: a backup of then was restored.
    pub fn forget_since(&self, memory: Done) {
        *self.done() = memory;
    }

    /// The newest event that the first answer after this moment told of.
    pub fn first_answered_after(&self, moment: Instant) -> Option<u64> {
        self.done().answers.iter().find(|(at, _)| *at > moment).map(|(_, seq)| *seq)
    }

    /// Asks, decides, carries out and admits, until told to stop; every command until it is answered.
    async fn work(self: Arc<Self>, load: Load) {
        while !*load.stop.borrow() {
            let amount = self.next_amount.fetch_add(1, Ordering::Relaxed);
            let expense = self.treasurer.expense(amount);
            let asked = self.insist(&load, &self.treasurer, "/finance/approvals", expense, 201).await;
            let id = asked["id"].as_str().unwrap_or_default().to_owned();
            self.done().submitted.insert(amount);
            let act = |verb: &str| format!("/finance/approvals/{id}/{verb}");
            self.insist(&load, &self.president, &act("approve"), json!({}), 200).await;
            self.done().approved.insert(id.clone());
            self.insist(&load, &self.treasurer, &act("execute"), json!({}), 200).await;
            self.done().executed.insert(id.clone());
            let body = json!({"organizationId": self.troupe.id, "givenName": "Issa", "familyName": format!("N{amount}")});
            let member = self.insist(&load, &self.secretary, "/members", body, 201).await;
            let member = member["id"].as_str().unwrap_or_default().to_owned();
            self.done().members.insert(member);
            sleep(load.pace).await;
        }
    }

    /// One command with one key, again and again until a server answers.
    async fn insist(&self, load: &Load, person: &Person, path: &str, body: Value, expected: u16) -> Value {
        let key = Person::fresh_key();
        let (mut attempt, mut again) = (0, AGAIN);
        let answer = loop {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let person = person.at(&self.addresses[turn % self.addresses.len()]);
            let asked = person.ask(Method::POST, path).json(&body).key(&key).try_send();
            match timeout(PATIENCE, asked).await {
                Ok(Ok(answer)) if answer.status < 500 => break answer,
                _ => {}
            }
            attempt += 1;
            sleep(again).await;
            again = (again * 2).min(AGAIN_MAX);
        };
        let mut done = self.done();
        done.repeated += usize::from(attempt > 0);
        done.answers.extend(answer.body["asOfSeq"].as_u64().map(|seq| (Instant::now(), seq)));
        if answer.status != expected {
            done.faults.push(format!("{path} {body} was answered {}: {}", answer.status, answer.text));
        }
        load.answered.send_modify(|answered| *answered += 1);
        answer.body
    }

    /// Compares what was answered with what is kept.
    pub fn audit(&self, books: &Books, tally: &mut Tally) {
        let done = self.done();
        let name = &self.troupe.name;
        tally.faults.extend(done.faults.iter().map(|fault| format!("{name}: {fault}")));
        tally.faults.extend(books.faults().into_iter().map(|fault| format!("{name}: {fault}")));
        tally.repeated += done.repeated;
        tally.events += books.journal.len();
        let founders = self.troupe.accounts.len();
        let approvals = |kind: &str| texts(books, kind, "id");
        let amounts = books.of_type("APPROVAL_PENDING").filter_map(|entry| entry.data()["amount"].as_i64());
        let members = approvals("MEMBER_CREATED").into_iter().skip(founders).collect();
        tally.compare(&format!("{name}: submitted"), &done.submitted, amounts.collect());
        tally.compare(&format!("{name}: approved"), &done.approved, approvals("APPROVAL_APPROVED"));
        tally.compare(&format!("{name}: voted"), &done.approved, approvals("APPROVAL_VOTE_RECORDED"));
        tally.compare(&format!("{name}: executed"), &done.executed, approvals("APPROVAL_EXECUTED"));
        tally.compare(&format!("{name}: admitted"), &done.members, members);
        tally.acknowledged +=
            done.submitted.len() + done.approved.len() + done.executed.len() + done.members.len();
    }
}

fn texts(books: &Books, kind: &str, key: &str) -> Vec<String> {
    books.of_type(kind).filter_map(|entry| entry.data()[key].as_str().map(str::to_owned)).collect()
}

impl Tally {
    /// Everything acknowledged is there, once; and there is nothing else.
    fn compare<T: Ord + std::fmt::Debug>(&mut self, what: &str, acknowledged: &BTreeSet<T>, kept: Vec<T>) {
        let count = kept.len();
        let kept: BTreeSet<T> = kept.into_iter().collect();
        let lost: Vec<&T> = acknowledged.difference(&kept).collect();
        let never: Vec<&T> = kept.difference(acknowledged).collect();
        self.lost += lost.len();
        self.doubled += count - kept.len() + never.len();
        if !lost.is_empty() || !never.is_empty() || count != kept.len() {
            self.faults.push(format!("{what}: lost {lost:?}, never acknowledged {never:?}, {count} entries"));
        }
    }
}

impl Load {
    /// Nobody is at work yet. `pace`: the pause at a desk between two requests.
    pub fn paced(pace: Duration) -> Self {
        Self { answered: watch::Sender::new(0), stop: watch::Sender::new(false), pace }
    }

    /// Waits until so many more commands were answered.
    pub async fn goes_on(&self, more: u64) {
        let mut answered = self.answered.subscribe();
        let goal = *answered.borrow() + more;
        let reached = answered.wait_for(|answered| *answered >= goal);
        let _ = timeout(2 * PATIENCE, reached).await.expect("commands are answered");
    }

    /// Everybody finishes what they have begun.
    pub async fn ends(&self, mut desks: JoinSet<()>) {
        self.stop.send_replace(true);
        while let Some(ended) = desks.join_next().await {
            ended.expect("nobody gives up");
        }
        self.stop.send_replace(false);
    }
}
