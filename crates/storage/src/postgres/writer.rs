//! The threads that write: each takes the units of one scope, locks it, runs them, commits, and tells.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use unionflow_protocol::{Seq, Timestamp};

use super::{
    Shared,
    foresight::Foresight,
    link::{Answer, Link, Trouble},
    notify::Notifier,
    pool::now,
    queue::Queue,
    transaction::{BEGIN, Ended, LOCK_TIMEOUT, NOW, ROLLBACK, SAVEPOINT, Transaction, time},
};
use crate::{
    fault::{PostgresFault, StoreFault},
    sql::ToParam,
    store::{Scope, UnitEnd, WriteUnit},
};

/// How long a statement waits for another process's lock, where the unit has not waited before.
const LOCK_MILLIS: u128 = 5000;
/// Whoever has this much of that time left goes by the setting of the session.
const LOCK_SLACK: u128 = 500;
/// Rows that belong to no organisation are checked and then written (`is there a signing key?`): their units run one at a
/// time everywhere.
const SERVER_LOCK: &str = "SELECT pg_advisory_xact_lock(7954881274316914000)";
const ORGANIZATION_LOCK: &str = "SELECT 1 FROM organization WHERE id = ?1 FOR NO KEY UPDATE";
/// For one that does not exist yet.
const FOUNDING_LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended(encode(?1, 'hex'), 0))";

type Group = VecDeque<Box<dyn WriteUnit>>;

/// What a writing thread has.
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) shared: Arc<Shared>,
    pub(super) notifier: Arc<Notifier>,
}

/// A unit that was run, and what kept it from being kept.
struct Ran {
    unit: Box<dyn WriteUnit>,
    end: Result<UnitEnd, StoreFault>,
}

impl Writer {
    pub(super) fn run(self) {
        while let Some((scope, mut group)) = self.queue.next() {
            // What a broken connection left unrun begins anew.
            while !group.is_empty() {
                self.run_group(scope, &mut group);
            }
            self.queue.done(scope);
        }
    }

    /// One transaction for the whole group.
    fn run_group(&self, scope: Scope, group: &mut Group) {
        let Some(deadline) = first_fresh(group) else { return };
        let pool = &self.shared.pool;
        let begun = pool.begin(deadline, |link| begin(link, &self.shared, scope, group, false));
        let (mut link, (now, foresight)) = match begun {
            Ok(begun) => begun,
            Err(fault) => {
                for unit in group.drain(..) {
                    unit.finish(Err(fault.clone()));
                }
                return;
            }
        };
        let mut transaction =
            Transaction::of_units(&mut link, foresight, self.shared.clock.is_none(), group.len() > 1);
        let ran = run_units(&self.shared, &mut transaction, group, now);
        let keeps = ran.iter().any(|ran| ran.end == Ok(UnitEnd::Keep));
        let ended = if keeps { transaction.commit() } else { transaction.roll_back() };
        let (committed, is_whole) = match ended {
            Ended::Well => (Ok(()), true),
            Ended::Refused(fault) => (Err(fault), true),
            Ended::Broken(fault) => (Err(fault), false),
            Ended::Unknown => (Err(PostgresFault::Unknown { at: pool.target.at.clone() }.into()), false),
        };
        if is_whole {
            pool.put(link);
        }
        let kept = ran.iter().filter(|ran| ran.end == Ok(UnitEnd::Keep));
        let journaled = kept.filter_map(|ran| ran.unit.journaled());
        // Also where nobody knows whether it was committed: looking costs little.
        self.notifier.add(journaled.map(|(id, seq)| (id, if committed.is_ok() { seq } else { Seq::ZERO })));
        for Ran { unit, end } in ran {
            unit.finish(committed.clone().and(end.map(drop)));
        }
    }
}

/// The deadline of the first unit that somebody still waits for.
fn first_fresh(group: &mut Group) -> Option<Instant> {
    while group.front().is_some_and(|unit| unit.is_stale()) {
        group.pop_front().expect("just seen").finish(Err(StoreFault::Busy));
    }
    group.front().map(|unit| unit.deadline())
}

/// Begins a transaction and locks the scope; the time after that, and what the first unit loads first. All in one message: each
/// statement sees what was committed before the lock was had.
fn begin(
    link: &mut Link,
    shared: &Shared,
    scope: Scope,
    group: &Group,
    founding: bool,
) -> Result<(Timestamp, Foresight), Trouble> {
    let first = group.front().expect("a group has units");
    let mut calls = vec![link.call(BEGIN, &[])?];
    let left = first.deadline().saturating_duration_since(now()).as_millis();
    if left + LOCK_SLACK < LOCK_MILLIS {
        calls.push(link.call(LOCK_TIMEOUT, &[left.max(1).to_string().as_str().param()])?);
    }
    if let (Scope::Organization(id), true) = (scope, founding) {
        calls.push(link.call(FOUNDING_LOCK, &[id.param()])?);
    }
    let lock = calls.len();
    calls.push(match scope {
        Scope::Organization(id) => link.call(ORGANIZATION_LOCK, &[id.param()])?,
        Scope::Server => link.call(SERVER_LOCK, &[])?,
    });
    if group.len() > 1 {
        calls.push(link.call(SAVEPOINT, &[])?);
    }
    let asked = shared.clock.is_none().then_some(calls.len());
    if asked.is_some() {
        calls.push(link.call(NOW, &[])?);
    }
    let mut foresight = Foresight::default();
    first.foresee(&mut foresight);
    let loads = calls.len();
    calls.extend(foresight.calls(link)?);
    let mut answers = link.send(&calls).into_iter().collect::<Result<Vec<Answer>, _>>()?;
    let unfounded = matches!(scope, Scope::Organization(_)) && answers[lock].rows.is_empty();
    if unfounded && !founding {
        link.batch(ROLLBACK)?;
        return begin(link, shared, scope, group, true);
    }
    let now = asked.and_then(|place| time(&answers[place])).unwrap_or(Timestamp::from_millis(0));
    foresight.all_answered(answers.split_off(loads));
    Ok((now, foresight))
}

/// Runs units until all are run, or the connection ends: then some may be left.
fn run_units(
    shared: &Shared,
    transaction: &mut Transaction<'_>,
    group: &mut Group,
    began: Timestamp,
) -> Vec<Ran> {
    let mut ran = Vec::with_capacity(group.len());
    let alone = group.len() == 1;
    while let Some(mut unit) = group.pop_front() {
        if unit.is_stale() {
            ran.push(Ran { unit, end: Err(StoreFault::Busy) });
            continue;
        }
        let at = match &shared.clock {
            Some(clock) => clock.now(),
            None => transaction.time().unwrap_or(began),
        };
        let mut end = Ok(unit.run(transaction, at));
        if let (Ok(ended), false, None) = (&end, alone, transaction.ended()) {
            // The last of several is settled too: its failure must not undo the others with it.
            end = transaction.next_unit(*ended == UnitEnd::Keep).map(|()| *ended);
        }
        ran.push(Ran { unit, end });
        if transaction.ended().is_some() {
            break;
        }
    }
    ran
}
