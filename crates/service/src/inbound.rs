//! Inbound: facts of other systems, from the bus into the journal, or from whoever shows a service key.
//!
//! A record is heard (`domain`), taken in under its organisation's lock, and only then said to be done; whatever cannot be taken
//! in goes to the dead letters, with the reason, and never holds up what is behind it. A store or a bus that is away holds up
//! everything: nothing is dropped, and what was done twice, by a process that died in between or by two at once, is in the journal
//! once, by its id.

use std::{
    collections::{BTreeMap, HashMap},
    future::pending,
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use unionflow_bus::{BusFault, Inbound, NotAll, Outlet, Received};
use unionflow_domain::inbound::{Arrival, Claim, Fact, Heard, Reason, Rejected, Rules, hear};
use unionflow_protocol::{
    Event,
    event::UnknownEvent,
    id::{MemberId, OrganizationId},
};
use unionflow_storage::{Author, Clock, Scope, Store, Tx, Undo, tx::NewEvent};

mod by_key;
mod letters;
mod tally;

use tally::Tally;

pub use letters::{DeadLetter, OWN_HEADERS};

/// Records taken in at once, at the most, and their bytes: what waits for the bus together.
const AT_ONCE: usize = 1024;
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;
/// Those of one organisation in one unit of work, at the most: so long others wait for its lock.
const IN_A_UNIT: usize = 64;
/// The pause after a fault, at first; each time twice as long, up to the longest.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is in the journal now.
    Journaled,
    /// It was there already.
    Known,
    /// It cannot be taken in.
    Rejected(Rejected),
}

/// Takes a fact in, under the lock of its organisation: once, and without any effect but that it is told. By a service key, whoever
/// calls says so before, by [`Tx::act_by`].
pub fn take(tx: &mut Tx<'_>, fact: &Fact) -> Result<Taken, Undo> {
    let (organization, currency) = {
        let organization = tx.organization()?;
        (organization.id, organization.currency)
    };
    if tx.has_event(organization, fact.event_id)? {
        return Ok(Taken::Known);
    }
    let mut members: Vec<MemberId> = Vec::new();
    for id in fact.concerned() {
        if tx.load_member(*id)?.is_some_and(|member| member.organization_id == organization) {
            members.push(*id);
        }
    }
    let audience = match fact.audience(currency, &members) {
        Ok(audience) => audience,
        Err(rejected) => return Ok(Taken::Rejected(rejected)),
    };
    let event =
        Event::Unknown(UnknownEvent { event_type: fact.event_type.to_string(), data: fact.data.clone() });
    let new =
        NewEvent { aggregate_id: fact.aggregate_id, version: None, audience, causation_id: None, event };
    tx.trace(fact.trace_parent.clone());
    tx.append_foreign(fact.event_id, fact.event_type, new)?;
    Ok(Taken::Journaled)
}

/// Takes in what other systems send.
pub struct Intake {
    store: Store,
    rules: Rules,
    inbound: Box<dyn Inbound>,
    outlet: Arc<dyn Outlet>,
    clock: Arc<dyn Clock>,
    buried: Tally,
}

impl Intake {
    /// By these rules, from there; what cannot be taken in goes to the outlet. `clock`: what dead letters are dated by.
    pub fn new(
        store: Store,
        rules: Rules,
        inbound: Box<dyn Inbound>,
        outlet: Arc<dyn Outlet>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, rules, inbound, outlet, clock, buried: Tally::default() }
    }

    /// Runs until it is told to stop, or there will never be another record. What it is at, it finishes first, unless store or bus
    /// are away: then it comes again.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let due = self.buried.due();
            let batch = tokio::select! {
                () = stop.cancelled() => break,
                () = until(due) => {
                    tell(self.buried.take_due(Instant::now()));
                    continue;
                }
                batch = self.next_batch() => batch,
            };
            if batch.is_empty() || self.take_in(&batch, &stop).await.is_none() {
                break;
            }
            // The last of each partition says it of all before it.
            let last: HashMap<_, _> = batch
                .iter()
                .map(|received| ((received.record.topic, received.partition), received))
                .collect();
            for received in last.into_values() {
                self.inbound.commit(received);
            }
        }
        tell(self.buried.take_all());
    }

    /// What is there, and at least one; nothing if there will never be any. Cancel-safe: it waits only for the first.
    async fn next_batch(&mut self) -> Vec<Received> {
        let mut batch: Vec<Received> = self.inbound.next().await.into_iter().collect();
        let mut bytes: usize = batch.iter().map(letters::size).sum();
        while !batch.is_empty() && batch.len() < AT_ONCE && bytes < BYTES_AT_ONCE {
            tokio::select! {
                biased;
                next = self.inbound.next() => match next {
                    Some(next) => {
                        bytes += letters::size(&next);
                        batch.push(next);
                    }
                    None => break,
                },
                () = std::future::ready(()) => break,
            }
        }
        batch
    }

    /// All of them, each into the journal or to the dead letters; `None` if told to stop while store or bus were away.
    async fn take_in(&mut self, batch: &[Received], stop: &CancellationToken) -> Option<()> {
        let (mut rejected, mut by_organization) = (Vec::new(), BTreeMap::<OrganizationId, Vec<_>>::new());
        for (place, received) in batch.iter().enumerate() {
            if received.is_ours {
                count("own");
                continue;
            }
            match heard(received, &self.rules) {
                Ok(heard) => by_organization.entry(organization_of(&heard)).or_default().push((place, heard)),
                Err(why) => rejected.push((place, why)),
            }
        }
        for (organization, heard) in by_organization {
            let mut heard = heard.into_iter();
            loop {
                let (places, unit): (Vec<usize>, Vec<Heard>) = heard.by_ref().take(IN_A_UNIT).unzip();
                if places.is_empty() {
                    break;
                }
                let outcomes = self.write(organization, unit.into(), stop).await?;
                for (place, outcome) in places.into_iter().zip(outcomes) {
                    match outcome {
                        Taken::Journaled => count("taken"),
                        Taken::Known => count("known"),
                        Taken::Rejected(why) => rejected.push((place, why)),
                    }
                }
            }
        }
        rejected.sort_by_key(|(place, _)| *place);
        self.bury(batch, &rejected, stop).await
    }

    /// In one unit of work, as often as it takes.
    async fn write(
        &mut self,
        organization: OrganizationId,
        heard: Arc<[Heard]>,
        stop: &CancellationToken,
    ) -> Option<Vec<Taken>> {
        let mut pause = Pause::default();
        loop {
            let unit = heard.clone();
            let written = self.store.write(Scope::Organization(organization), move |tx| all(tx, &unit)).await;
            let undo = match written {
                Ok(outcomes) => return Some(outcomes),
                Err(undo) => undo,
            };
            match (&undo, heard.len()) {
                (Undo::Fault(_), _) => {
                    tracing::warn!(error = %undo, "the store does not take in what others sent; it waits");
                    pause.wait(stop).await?;
                }
                (Undo::Refused(_), 1) => {
                    tracing::warn!(error = %undo, %organization, "a fact of another system was refused");
                    let detail = "the store refuses it, with a reason in the server's log";
                    return Some(vec![Taken::Rejected(Rejected::new(Reason::Refused, detail))]);
                }
                // One of them: the others are taken in.
                (Undo::Refused(_), _) => {
                    let mut outcomes = Vec::with_capacity(heard.len());
                    for one in heard.iter() {
                        let alone: Arc<[Heard]> = [one.clone()].into();
                        outcomes.extend(Box::pin(self.write(organization, alone, stop)).await?);
                    }
                    return Some(outcomes);
                }
            }
        }
    }

    /// To the dead letters, together, as often as it takes.
    async fn bury(
        &mut self,
        batch: &[Received],
        rejected: &[(usize, Rejected)],
        stop: &CancellationToken,
    ) -> Option<()> {
        let now = self.clock.now();
        let mut letters: Vec<DeadLetter> =
            rejected.iter().map(|(place, why)| DeadLetter::of(&batch[*place], why, now)).collect();
        let (mut done, mut alone, mut pause) = (0, false, Pause::default());
        while done < letters.len() {
            let end = if alone { done + 1 } else { letters.len() };
            let records: Vec<_> = letters[done..end].iter().map(DeadLetter::record).collect();
            let sent = records.len();
            let Err(NotAll { taken, fault }) = self.outlet.send_all(records).await else {
                done = end;
                continue;
            };
            done += taken;
            if matches!(fault, BusFault::Refused(_)) {
                // The bus refuses what it packed together. What was sent alone has something in the way: then where it lies has
                // to do.
                match letters.get_mut(done).filter(|_| sent == 1) {
                    Some(letter) => letter.lighten(),
                    None => {
                        alone = true;
                        continue;
                    }
                }
            }
            tracing::warn!(%fault, "the bus does not take dead letters; everything waits for it");
            pause.wait(stop).await?;
        }
        for (place, why) in rejected {
            count("dead_letter");
            metrics::counter!("unionflow_dead_letters_total", "reason" => why.reason.as_str()).increment(1);
            self.buried.add(why.reason, &batch[*place]);
        }
        tell(self.buried.take_due(Instant::now()));
        Some(())
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// One line for all that were not taken in for a reason: whoever floods us does not flood the log.
fn tell(lines: Vec<tally::Line>) {
    for line in lines {
        tracing::info!(
            reason = %line.reason,
            count = line.count,
            topic = %line.newest.0,
            partition = line.newest.1,
            offset = line.newest.2,
            "records of other systems were not taken in; the newest lies there"
        );
    }
}

fn heard(received: &Received, rules: &Rules) -> Result<Heard, Rejected> {
    let record = &received.record;
    let text = |bytes| std::str::from_utf8(bytes).ok();
    let headers = record.headers.iter().filter_map(|(name, value)| Some((name.as_str(), text(value)?)));
    let arrival = Arrival {
        place: &letters::place(record.topic.as_str(), received.partition, received.offset),
        key: record.key.as_deref().and_then(text),
        headers: headers.collect(),
        value: record.value.as_deref(),
        is_cut: received.is_cut(),
    };
    let heard = hear(&arrival, rules)?;
    if let Heard::Fact(fact) = &heard {
        metrics::counter!("unionflow_inbound_keys_dropped_total").increment(fact.dropped as u64);
    }
    Ok(heard)
}

fn organization_of(heard: &Heard) -> OrganizationId {
    match heard {
        Heard::Fact(fact) => fact.organization_id,
        Heard::Claim(claim) => claim.organization_id,
    }
}

fn all(tx: &mut Tx<'_>, heard: &[Heard]) -> Result<Vec<Taken>, Undo> {
    if let Err(undo) = tx.organization() {
        let detail = "organizationId: it is no organisation of ours; name it in `inbound_organizations`, or send our id";
        let unknown = Taken::Rejected(Rejected::new(Reason::UnknownOrganization, detail));
        return match undo {
            Undo::Refused(_) => Ok(vec![unknown; heard.len()]),
            Undo::Fault(fault) => Err(fault.into()),
        };
    }
    tx.act_as(Author { member_id: None, origin: unionflow_protocol::Origin::Inbound });
    let one = |heard: &Heard| match heard {
        Heard::Fact(fact) => take(tx, fact),
        Heard::Claim(claim) => judge(tx, claim),
    };
    heard.iter().map(one).collect()
}

fn judge(tx: &mut Tx<'_>, claim: &Claim) -> Result<Taken, Undo> {
    let is_known = tx.has_event(claim.organization_id, claim.event_id)?;
    let head = tx.head()?;
    Ok(claim.judge(head, is_known).map_or_else(Taken::Rejected, |()| Taken::Known))
}

fn count(outcome: &'static str) {
    metrics::counter!("unionflow_inbound_total", "outcome" => outcome).increment(1);
}

/// A pause that grows.
#[derive(Default)]
struct Pause(Duration);

impl Pause {
    async fn wait(&mut self, stop: &CancellationToken) -> Option<()> {
        self.0 = (self.0 * 2).clamp(AGAIN, AGAIN_MAX);
        tokio::select! {
            () = stop.cancelled() => None,
            () = sleep(self.0) => Some(()),
        }
    }
}
