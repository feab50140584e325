//! The relay: moves committed events onto the bus, in order, at least once.
//!
//! The outbox is the part of each journal that was not published yet: beyond `published.seq`. The relay is woken by the
//! commits of its own process, which bring the encoded events along, so that nothing is read back; and it looks into the
//! outbox from time to time, for whatever it missed. It never holds a transaction open
//! while it talks to the bus, and notes how far it has come only after the bus has taken responsibility.
//!
//! Of several processes on one store one relay publishes, the one that holds the lease; the others stand by. It hears of their
//! commits by the store's wakes, and reads those from the journal.
//!
//! A bus that is away makes it wait once in each look, not once for each organisation. A bus that refuses a record holds up
//! the record's organisation and no other.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use unionflow_bus::{Bus, BusFault};
use unionflow_protocol::{Position, Record, Seq, id::OrganizationId};
use unionflow_storage::{Commits, Scope, Store, Undo, Wake, Wakes};

use self::figures::Figures;
use crate::lease::{KEEP, Lease};

mod figures;

/// How often the outbox is looked into.
const POLL: Duration = Duration::from_millis(250);
/// How often it is noted how far the relay has come.
const MARK: Duration = Duration::from_secs(1);
/// Events read from a journal at once.
const PAGE: u32 = 500;
/// And while the bus is away: enough to see that it is back.
const PROBE: u32 = 1;
/// How often it is looked whether a bus that takes long is still there.
const LOOK_AT_BUS: Duration = Duration::from_millis(100);
/// Commits taken in one go.
const COMMITS_AT_ONCE: usize = 256;

/// States kept for a bus that takes none; beyond, the oldest are dropped: whoever asks is answered the newest anyway.
const UNSENT_MAX: usize = 4096;

/// Moves committed events onto the bus.
pub struct Relay {
    store: Store,
    bus: Arc<dyn Bus>,
    commits: Commits,
    /// What other processes commit.
    wakes: Wakes,
    lease: Lease,
    /// Whether the lease was held when it was last looked.
    publishes: bool,
    /// Whether commits were missed since the outbox was last looked into.
    missed: Arc<AtomicBool>,
    progress: HashMap<OrganizationId, Progress>,
    figures: Figures,
    /// States that the bus did not take, the newest of each kind: they are in no outbox.
    unsent: Vec<Record>,
    /// Whether the bus was away when it was last tried.
    is_away: bool,
    /// How often the outbox was looked into: whose turn it is to be first. A bus may be away for some only.
    looks: usize,
    stop: CancellationToken,
}

#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The newest event that the bus has taken.
    published: Seq,
    /// What the store knows of that.
    marked: Seq,
}

impl Relay {
    /// A relay that will see every commit from now on.
    pub fn new(store: Store, bus: Arc<dyn Bus>) -> Self {
        let commits = store.commits();
        let missed = Arc::new(AtomicBool::new(false));
        let flag = missed.clone();
        store.on_missed(move || {
            metrics::counter!("unionflow_relay_commits_missed_total").increment(1);
            flag.store(true, Ordering::Relaxed);
        });
        Self {
            missed,
            bus,
            commits,
            wakes: store.wakes(),
            lease: Lease::new(store.clone(), "relay"),
            publishes: false,
            progress: HashMap::new(),
            figures: Figures::new(store.clone()),
            store,
            unsent: Vec::new(),
            is_away: false,
            looks: 0,
            stop: CancellationToken::new(),
        }
    }

    /// Runs until it is told to stop, and then until the outbox is as empty as the bus allows.
    pub async fn run(mut self, stop: CancellationToken) {
        self.stop = stop.clone();
        let mut poll = interval(POLL);
        let (mut mark, mut keep) = (interval(MARK), interval(KEEP));
        keep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        mark.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Before anything is published: it begins by forgetting what this relay knows.
        self.keep_lease().await;
        loop {
            // Each branch is cancel-safe: a commit is taken whole or not at all, the rest are timers.
            tokio::select! {
                () = stop.cancelled() => break,
                records = self.commits.next() => match records {
                    Some(first) => drop(self.take_commits(first).await),
                    None => break,
                },
                wake = self.wakes.next() => self.woken(wake).await,
                _ = keep.tick() => self.keep_lease().await,
                _ = poll.tick() => self.empty_outbox().await,
                _ = mark.tick() => self.mark().await,
                () = self.figures.step() => {}
            }
        }
        // While it is away the rest waits for the next start: whoever stops has not the time.
        let mut bus_takes = self.bus.standing().is_up;
        while bus_takes && let Some(records) = self.commits.try_next() {
            bus_takes = self.take_commits(records).await.is_ok();
        }
        if bus_takes {
            self.empty_outbox().await;
        }
        self.mark().await;
        self.lease.release().await;
    }

    /// Renews the lease. Whoever has just got it knows nothing of what the one before it published.
    async fn keep_lease(&mut self) {
        self.lease.keep().await;
        let publishes = self.lease.is_held();
        if publishes && !self.publishes {
            self.progress.clear();
            self.figures.send_anew();
        }
        if !publishes {
            // Whoever publishes tells.
            tell_outbox(0, Duration::ZERO);
        }
        self.publishes = publishes;
    }

    /// Whether it may go on publishing: asked within long work, which would outlast the lease.
    async fn still_publishes(&mut self) -> bool {
        if self.lease.runs_out() {
            self.keep_lease().await;
        }
        self.lease.is_held()
    }

    /// Publishes what other processes have committed.
    async fn woken(&mut self, wake: Wake) {
        let journals = match wake {
            Wake::Everything => return self.empty_outbox().await,
            Wake::Journals(journals) => journals,
        };
        for organization in journals.into_keys() {
            if self.publish_from_journal(organization).await.is_err() {
                return;
            }
        }
    }

    /// Publishes what commits brought, those that have come meanwhile together. What does not follow on from the last
    /// published event is left to the outbox. An error: the bus is away.
    async fn take_commits(&mut self, first: Arc<[Record]>) -> Result<(), BusFault> {
        if !self.lease.is_held() {
            return Ok(());
        }
        if self.is_away {
            // It is tried from the outbox, which has these events too.
            self.keep_states(&first);
            return Ok(());
        }
        let mut batch = std::mem::take(&mut self.unsent);
        let mut behind = HashSet::new();
        let mut reached: HashMap<OrganizationId, Seq> = HashMap::new();
        let mut next = Some(first);
        let mut commits = 0;
        while let Some(records) = next {
            for record in records.iter() {
                let organization = record.organization_id;
                let Position::Fact(seq) = record.position else {
                    batch.push(record.clone());
                    continue;
                };
                let published = match reached.get(&organization) {
                    Some(seq) => *seq,
                    None => match self.known(organization).await {
                        Ok(progress) => progress.published,
                        Err(error) => {
                            warn_later("the outbox cannot be read", &error);
                            behind.insert(organization);
                            continue;
                        }
                    },
                };
                if seq == published.next() {
                    reached.insert(organization, seq);
                    batch.push(record.clone());
                } else if seq > published {
                    // The bus was away, or another process has been writing.
                    behind.insert(organization);
                }
            }
            commits += 1;
            next = if commits < COMMITS_AT_ONCE { self.commits.try_next() } else { None };
        }
        if !batch.is_empty()
            && let Err(fault) = self.publish(batch.into()).await
        {
            waits_in_outbox(fault)?;
            // Whose it was is not known: each organisation for itself.
            behind.extend(reached.into_keys());
        }
        for organization in behind {
            self.publish_from_journal(organization).await?;
        }
        Ok(())
    }

    /// Publishes everything that waits in any journal.
    async fn empty_outbox(&mut self) {
        if !self.lease.is_held() {
            return;
        }
        if self.missed.swap(false, Ordering::Relaxed) {
            self.figures.send_anew();
        }
        let heads = match self.store.read(|reader| Ok(reader.unpublished(PAGE)?)).await {
            Ok(heads) => heads,
            Err(error) => return warn_later("the outbox cannot be read", &error),
        };
        let (mut waiting, mut behind) = (0, Vec::new());
        for head in heads {
            let progress = self
                .progress
                .entry(head.organization_id)
                .or_insert(Progress { published: head.published, marked: head.published });
            // Another process of the same store may have published meanwhile.
            progress.published = progress.published.max(head.published);
            waiting += head.seq.since(progress.published);
            if progress.published < head.seq {
                behind.push(head.organization_id);
            }
        }
        self.tell_outbox(waiting).await;
        self.looks = self.looks.wrapping_add(1);
        let first = self.looks.checked_rem(behind.len()).unwrap_or(0);
        behind.rotate_left(first);
        for organization in behind {
            if self.publish_from_journal(organization).await.is_err() {
                return;
            }
        }
        self.publish_unsent().await;
    }

    /// How much waits, and since when.
    async fn tell_outbox(&self, waiting: u64) {
        let since = self.store.read(|reader| Ok((reader.outbox_since()?, reader.now())));
        let age = match waiting {
            0 => Duration::ZERO,
            _ => match since.await {
                Ok((Some(since), now)) => now.since(since),
                Ok((None, _)) => Duration::ZERO,
                Err(error) => return warn_later("how old the outbox is cannot be read", &error),
            },
        };
        tell_outbox(waiting, age);
    }

    async fn publish_unsent(&mut self) {
        let mut offered = std::mem::take(&mut self.unsent);
        if offered.is_empty() {
            return;
        }
        let rest = if self.is_away { offered.split_off(PROBE as usize) } else { Vec::new() };
        match self.publish(offered.into()).await {
            Ok(()) => {}
            Err(fault @ (BusFault::Unavailable(_) | BusFault::Forbidden(_))) => {
                warn_later("the bus did not take states; they are sent again", &fault);
            }
            Err(fault @ BusFault::Refused(_)) => {
                warn_later("the bus refuses states; the next change sends newer ones", &fault);
                metrics::counter!("unionflow_relay_states_dropped_total").increment(self.unsent.len() as u64);
                self.unsent.clear();
            }
        }
        // What was offered in vain comes last next time.
        self.unsent.splice(..0, rest);
    }

    /// Publishes what waits of one journal, as long as this relay is the one that does. An error: the bus is away.
    async fn publish_from_journal(&mut self, organization: OrganizationId) -> Result<(), BusFault> {
        loop {
            if !self.still_publishes().await {
                return Ok(());
            }
            let after = match self.known(organization).await {
                Ok(progress) => progress.published,
                Err(error) => {
                    warn_later("the outbox cannot be read", &error);
                    return Ok(());
                }
            };
            let limit = if self.is_away { PROBE } else { PAGE };
            let page =
                self.store.read(move |reader| Ok(reader.journal_after(organization, after, limit)?)).await;
            let records: Arc<[Record]> = match page {
                Ok(records) if records.is_empty() => return Ok(()),
                Ok(records) => records.into(),
                Err(error) => {
                    warn_later("the journal cannot be read", &error);
                    return Ok(());
                }
            };
            if let Err(fault) = self.publish(records).await {
                return waits_in_outbox(fault);
            }
        }
    }

    async fn publish(&mut self, records: Arc<[Record]>) -> Result<(), BusFault> {
        let (stop, bus) = (self.stop.clone(), self.bus.clone());
        let published = tokio::select! {
            published = bus.publish(records.clone()) => published,
            () = given_up(&stop, bus.as_ref()) => Err(BusFault::Unavailable("it is away, and we stop".to_owned())),
        };
        self.is_away = matches!(published, Err(BusFault::Unavailable(_)));
        if let Err(fault) = published {
            self.keep_states(&records);
            return Err(fault);
        }
        metrics::counter!("unionflow_relay_published_total").increment(records.len() as u64);
        let mut changed = HashSet::new();
        for record in records.iter() {
            if let Position::Fact(seq) = record.position {
                if let Some(progress) = self.progress.get_mut(&record.organization_id) {
                    progress.published = progress.published.max(seq);
                }
                changed.insert(record.organization_id);
            }
        }
        for organization in changed {
            self.figures.changed(organization);
        }
        Ok(())
    }

    /// A state is in no outbox: it is kept until the bus takes it, or a newer one of its kind.
    fn keep_states(&mut self, records: &[Record]) {
        for record in records.iter().filter(|record| matches!(record.position, Position::State { .. })) {
            self.unsent.retain(|kept| !is_same_kind(kept, record));
            self.unsent.push(record.clone());
        }
        let too_many = self.unsent.len().saturating_sub(UNSENT_MAX);
        metrics::counter!("unionflow_relay_states_dropped_total").increment(too_many as u64);
        self.unsent.drain(..too_many);
    }

    /// How far an organisation's journal is published; read from the store the first time.
    async fn known(&mut self, organization: OrganizationId) -> Result<Progress, Undo> {
        if let Some(progress) = self.progress.get(&organization) {
            return Ok(*progress);
        }
        let head = self.store.read(move |reader| Ok(reader.head_of(organization)?)).await?;
        let published = head.map_or(Seq::ZERO, |head| head.published);
        let progress = Progress { published, marked: published };
        self.progress.insert(organization, progress);
        Ok(progress)
    }

    /// Notes in the store how far the relay has come. A crash before that publishes again; readers drop it by `seq`.
    async fn mark(&mut self) {
        let advanced: Vec<(OrganizationId, Seq)> = self
            .progress
            .iter()
            .filter(|(_, progress)| progress.marked < progress.published)
            .map(|(organization, progress)| (*organization, progress.published))
            .collect();
        if advanced.is_empty() {
            return;
        }
        let marking = advanced.clone();
        let marked = self.store.write(Scope::Server, move |tx| {
            for (organization, seq) in marking {
                tx.mark_published(organization, seq)?;
            }
            Ok(())
        });
        match marked.await {
            Ok(()) => {
                for (organization, seq) in advanced {
                    if let Some(progress) = self.progress.get_mut(&organization) {
                        progress.marked = seq;
                    }
                }
            }
            Err(error) => warn_later("how far the relay has come was not noted", &error),
        }
    }
}

/// Done when whoever stops would wait for a bus that is away.
async fn given_up(stop: &CancellationToken, bus: &dyn Bus) {
    stop.cancelled().await;
    let mut look = interval(LOOK_AT_BUS);
    while bus.standing().is_up {
        look.tick().await;
    }
}

fn tell_outbox(events: u64, age: Duration) {
    metrics::gauge!("unionflow_outbox_events").set(events as f64);
    metrics::gauge!("unionflow_outbox_age_seconds").set(age.as_secs_f64());
}

/// Whether the newer of two states takes the place of the older.
fn is_same_kind(a: &Record, b: &Record) -> bool {
    (a.organization_id, &a.event_type, &a.audience) == (b.organization_id, &b.event_type, &b.audience)
}

/// Only a bus that is away is worth no further try.
fn waits_in_outbox(fault: BusFault) -> Result<(), BusFault> {
    warn_later("the bus did not take events; they wait in the outbox", &fault);
    match fault {
        BusFault::Unavailable(_) => Err(fault),
        BusFault::Refused(_) | BusFault::Forbidden(_) => Ok(()),
    }
}

fn warn_later(what: &str, error: &dyn std::fmt::Display) {
    tracing::warn!(%error, "{what}");
}
