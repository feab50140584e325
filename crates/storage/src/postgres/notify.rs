//! What commits is told to the other processes, and what they commit is heard here: `NOTIFY` after the commit, because inside
//! of it would make all commits of the database wait for one another.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;
use tokio_postgres::AsyncMessage;
use unionflow_protocol::{Seq, id::OrganizationId};

use super::{
    Shared,
    link::{Link, SILENCE},
};
use crate::{
    sql::Param,
    wake::{Wake, WakeSender},
};

const LISTEN: &str = "LISTEN unionflow_journal";
const NOTIFY: &str = "SELECT pg_notify('unionflow_journal', ?1)";
/// Journals in one notice: it holds 8,000 bytes at the most.
const JOURNALS_MAX: usize = 130;
/// Journals that may wait to be told one by one; beyond, the others look at everything.
const WAITING_MAX: usize = 10_000;
/// Instead of journals: look at everything.
const EVERYTHING: &str = "*";
/// How long to wait before trying again: at first, and at the most.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(2);
/// How often a silent server is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// Tells other processes.
#[derive(Default)]
pub(super) struct Notifier {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    journals: BTreeMap<OrganizationId, Seq>,
    everything: bool,
    is_closed: bool,
}

impl Notifier {
    /// These journals went on, as far as this.
    pub(super) fn add(&self, journals: impl Iterator<Item = (OrganizationId, Seq)>) {
        let mut journals = journals.peekable();
        if journals.peek().is_none() {
            return;
        }
        let mut state = self.state.lock();
        for (journal, seq) in journals {
            let known = state.journals.entry(journal).or_default();
            *known = (*known).max(seq);
        }
        if state.journals.len() > WAITING_MAX {
            state.journals.clear();
            state.everything = true;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Tells what is left, and ends.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Runs until it is closed. What comes while a notice is sent goes into the next.
    pub(super) fn run(&self, shared: &Shared) {
        let mut link = None;
        while let Some(notices) = self.next(&shared.name) {
            if notices.iter().all(|notice| tell(shared, &mut link, notice)) {
                continue;
            }
            link = None;
            let mut state = self.state.lock();
            state.everything = true;
            if !state.is_closed {
                self.changed.wait_for(&mut state, AGAIN_MAX);
            } else {
                return;
            }
        }
    }

    fn next(&self, name: &str) -> Option<Vec<String>> {
        let mut state = self.state.lock();
        while state.journals.is_empty() && !state.everything {
            if state.is_closed {
                return None;
            }
            self.changed.wait(&mut state);
        }
        let journals = std::mem::take(&mut state.journals);
        let journals: Vec<String> = journals.iter().map(|(id, seq)| format!("{id}@{seq}")).collect();
        if std::mem::take(&mut state.everything) {
            return Some(vec![format!("{name}:{EVERYTHING}")]);
        }
        Some(journals.chunks(JOURNALS_MAX).map(|chunk| format!("{name}:{}", chunk.join(","))).collect())
    }
}

fn tell(shared: &Shared, link: &mut Option<Link>, notice: &str) -> bool {
    if link.is_none() {
        match Link::connect(&shared.pool.target, "", &[]) {
            Ok(connected) => *link = Some(connected),
            Err(fault) => {
                tracing::debug!(%fault, "other processes are not told of commits; they poll");
                return false;
            }
        }
    }
    link.as_mut().is_some_and(|link| link.ask(NOTIFY, &[Param::Text(notice)]).is_ok())
}

/// Hears what other processes tell.
pub(super) struct Listener {
    shared: Arc<Shared>,
    followers: Mutex<Vec<WakeSender>>,
    runs: AtomicBool,
    closing: watch::Sender<bool>,
}

impl Listener {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            followers: Mutex::default(),
            runs: AtomicBool::new(false),
            closing: watch::Sender::new(false),
        }
    }

    /// One more follower. Whether it is the first: then somebody must [`run`](Self::run) this.
    pub(super) fn add(&self, follower: WakeSender) -> bool {
        self.followers.lock().push(follower);
        !self.runs.swap(true, Ordering::SeqCst)
    }

    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Runs until it is closed.
    pub(super) async fn run(&self) {
        let mut closing = self.closing.subscribe();
        let mut again = AGAIN;
        loop {
            let mut heard = false;
            let ended = tokio::select! {
                ended = self.session(&mut heard) => ended,
                _ = closing.wait_for(|closing| *closing) => return,
            };
            again = if heard { AGAIN } else { (again * 2).min(AGAIN_MAX) };
            if let Err(error) = ended {
                tracing::info!(%error, "commits of other processes are not heard of for now; they are found by polling");
            }
            tokio::select! {
                () = tokio::time::sleep(again) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    /// One connection, until it ends.
    async fn session(&self, heard: &mut bool) -> Result<(), tokio_postgres::Error> {
        let target = &self.shared.pool.target;
        let (client, mut connection) = target.config.connect(target.connector.0.clone()).await?;
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        let driving = async {
            while let Some(message) = messages.next().await {
                if let AsyncMessage::Notification(notice) = message? {
                    self.hear(notice.payload());
                }
            }
            Ok(())
        };
        let listening = async {
            client.batch_execute(LISTEN).await?;
            *heard = true;
            // What was committed before nobody told us.
            self.wake(&Wake::Everything);
            loop {
                tokio::time::sleep(HEARTBEAT).await;
                if let Ok(answered) = tokio::time::timeout(SILENCE, client.batch_execute(LISTEN)).await {
                    answered?;
                } else {
                    return Ok(());
                }
            }
        };
        tokio::select! {
            ended = driving => ended,
            ended = listening => ended,
        }
    }

    fn hear(&self, notice: &str) {
        let Some((name, journals)) = notice.split_once(':') else { return };
        if name == self.shared.name {
            return; // our own commits are announced here
        }
        let journal = |told: &str| {
            let (id, seq) = told.split_once('@')?;
            Some((id.parse().ok()?, seq.parse().map(Seq).ok()?))
        };
        let journals: Option<HashMap<OrganizationId, Seq>> = journals.split(',').map(journal).collect();
        self.wake(&journals.map_or(Wake::Everything, Wake::Journals));
    }

    fn wake(&self, wake: &Wake) {
        self.followers.lock().retain(|follower| follower.send(wake));
    }
}
