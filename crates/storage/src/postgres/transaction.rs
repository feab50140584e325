//! A transaction that several units share, a savepoint each. What nobody waits for is sent along with what somebody does.

use unionflow_protocol::Timestamp;

use super::{
    link::{Answer, Call, Link, Trouble},
    value::{Kept, PostgresRow},
};
use crate::{
    fault::StoreFault,
    sql::{Param, Row, Sql},
};

/// Statements without a result of their own; prepared when a connection is made, because in a transaction that failed
/// nothing can be.
pub(super) const CONTROLS: &[&str] =
    &[BEGIN, BEGIN_READING, COMMIT, ROLLBACK, SAVEPOINT, RELEASE, UNDO, NOW, LOCK_TIMEOUT];
pub(super) const BEGIN: &str = "BEGIN";
pub(super) const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
pub(super) const COMMIT: &str = "COMMIT";
pub(super) const ROLLBACK: &str = "ROLLBACK";
pub(super) const SAVEPOINT: &str = "SAVEPOINT unit";
pub(super) const RELEASE: &str = "RELEASE SAVEPOINT unit";
pub(super) const UNDO: &str = "ROLLBACK TO SAVEPOINT unit";
/// The server's clock, not the transaction's: that one stands still while a lock is waited for.
pub(super) const NOW: &str = "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
pub(super) const LOCK_TIMEOUT: &str = "SELECT set_config('lock_timeout', ?1, true)";

/// A transaction that was begun.
pub(super) struct Transaction<'a> {
    link: &'a mut Link,
    /// Sent with the next statement that somebody waits for; those that were foreseen by their number.
    pending: Vec<(Call, Option<usize>)>,
    /// Queries that will follow, or may be repeated.
    foreseen: Vec<Foreseen>,
    /// The first statement of the unit that failed: the transaction takes no more until it is undone.
    failed: Option<StoreFault>,
    /// The connection ended: nothing of the transaction was written.
    ended: Option<StoreFault>,
    /// Whether each unit has the server's time, and that of the one that runs, but for the first.
    asks_time: bool,
    time: Option<Timestamp>,
}

/// A query that was foreseen.
struct Foreseen {
    sql: &'static str,
    values: Vec<Kept>,
    /// Its answer, once it was sent.
    rows: Option<Vec<tokio_postgres::Row>>,
    /// The unit has written to its tables since: it is asked anew.
    is_outdated: bool,
}

/// How a transaction ended.
pub(super) enum Ended {
    /// Committed and durable, or rolled back as it was meant to be.
    Well,
    /// The server said no: nothing was written.
    Refused(StoreFault),
    /// The connection ended: nothing was written.
    Broken(StoreFault),
    /// The connection ended while it was committed.
    Unknown,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(link: &'a mut Link, asks_time: bool) -> Self {
        Self {
            link,
            pending: Vec::new(),
            foreseen: Vec::new(),
            failed: None,
            ended: None,
            asks_time,
            time: None,
        }
    }

    /// When the unit began, unless it is the first.
    pub(super) fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// Why the connection is of no more use.
    pub(super) fn ended(&self) -> Option<&StoreFault> {
        self.ended.as_ref()
    }

    /// Ends a unit, kept or undone, and begins the next. A unit of which anything failed is undone.
    pub(super) fn next_unit(&mut self, keep: bool) -> Result<(), StoreFault> {
        self.forget_foreseen();
        if let Some(fault) = self.failed.take() {
            self.pending.clear();
            self.settle(&[UNDO], self.asks_time)?;
            return Err(fault);
        }
        let controls: &[&'static str] = if keep { &[RELEASE, SAVEPOINT] } else { &[UNDO] };
        let settled = self.settle(controls, self.asks_time);
        if settled.is_err() && self.ended.is_none() {
            self.failed = None;
            if keep {
                self.settle(&[UNDO], self.asks_time)?;
            }
        }
        settled
    }

    /// Commits what is kept.
    pub(super) fn commit(mut self) -> Ended {
        self.forget_foreseen();
        if self.failed.is_some() || self.ended.is_some() {
            return self.roll_back();
        }
        match self.settle(&[COMMIT], false) {
            Ok(()) => Ended::Well,
            Err(_) if self.ended.is_some() => Ended::Unknown,
            Err(fault) => Ended::Refused(fault),
        }
    }

    /// Gives everything up. A statement that fails even so was part of an answer that may be wrong.
    pub(super) fn roll_back(mut self) -> Ended {
        let failed = self.failed.take();
        if failed.is_some() {
            self.pending.clear();
        }
        let settled = if self.ended.is_some() { Ok(()) } else { self.settle(&[ROLLBACK], false) };
        match (self.ended, failed.map_or(settled, Err)) {
            (Some(fault), _) => Ended::Broken(fault),
            (None, Err(fault)) => Ended::Refused(fault),
            (None, Ok(())) => Ended::Well,
        }
    }

    /// Sends what is pending, then these, and asks the time. The first fault of them all.
    fn settle(&mut self, controls: &[&'static str], asks_time: bool) -> Result<(), StoreFault> {
        for control in controls.iter().chain(asks_time.then_some(&NOW)) {
            match self.link.call(control, &[]) {
                Ok(call) => self.pending.push((call, None)),
                Err(trouble) => return Err(self.note(&trouble)),
            }
        }
        let mut first = Ok(());
        for answer in self.send() {
            match answer {
                Ok(answer) if asks_time => self.time = time(&answer).or(self.time),
                Ok(_) => {}
                Err(trouble) => {
                    let fault = self.note(&trouble);
                    first = first.and(Err(fault));
                }
            }
        }
        first
    }

    /// Runs a statement that somebody waits for, after what is pending.
    fn run(&mut self, sql: &'static str, values: &[Param<'_>]) -> Result<Answer, StoreFault> {
        self.check()?;
        let call = self.link.call(sql, values).map_err(|trouble| self.note(&trouble))?;
        self.pending.push((call, None));
        let mut last = None;
        for answer in self.send() {
            last = Some(answer.map_err(|trouble| self.note(&trouble))?);
        }
        Ok(last.expect("as many answers as calls"))
    }

    /// Sends what is pending; what the statements answer that were not foreseen, and whatever went wrong.
    fn send(&mut self) -> Vec<Result<Answer, Trouble>> {
        let (calls, places): (Vec<Call>, Vec<Option<usize>>) =
            std::mem::take(&mut self.pending).into_iter().unzip();
        let mut answers = Vec::with_capacity(calls.len());
        for (answer, place) in self.link.send(&calls).into_iter().zip(places) {
            match (answer, place.and_then(|place| self.foreseen.get_mut(place))) {
                (Ok(answer), Some(foreseen)) => foreseen.rows = Some(answer.rows),
                (answer, _) => answers.push(answer),
            }
        }
        answers
    }

    /// The place of a query that was foreseen, sent by now.
    fn foreseen(&mut self, sql: &'static str, values: &[Param<'_>]) -> Result<Option<usize>, StoreFault> {
        self.check()?;
        let place =
            self.foreseen.iter().position(|foreseen| !foreseen.is_outdated && foreseen.is(sql, values));
        if place.is_some_and(|place| self.foreseen[place].rows.is_none()) {
            for answer in self.send() {
                answer.map_err(|trouble| self.note(&trouble))?;
            }
        }
        Ok(place)
    }

    fn forget_foreseen(&mut self) {
        self.pending.retain(|(_, place)| place.is_none());
        self.foreseen.clear();
    }

    /// What the unit writes is not in the answers that it has already.
    fn outdate(&mut self, sql: &'static str) {
        for foreseen in &mut self.foreseen {
            foreseen.is_outdated |= written(sql).is_none_or(|table| foreseen.sql.contains(table));
        }
    }

    fn check(&self) -> Result<(), StoreFault> {
        self.ended.clone().or_else(|| self.failed.clone()).map_or(Ok(()), Err)
    }

    fn note(&mut self, trouble: &Trouble) -> StoreFault {
        let fault = self.link.fault(trouble);
        if trouble.is_end() {
            self.ended.get_or_insert_with(|| fault.clone());
        }
        self.failed.get_or_insert_with(|| fault.clone());
        fault
    }
}

impl Foreseen {
    fn is(&self, sql: &'static str, values: &[Param<'_>]) -> bool {
        std::ptr::eq(self.sql, sql)
            && self.values.len() == values.len()
            && self.values.iter().zip(values).all(|(kept, value)| kept.is(value))
    }
}

/// The table that a statement writes, where it is plain.
fn written(sql: &str) -> Option<&str> {
    let verbs = ["INSERT INTO ", "UPDATE ", "DELETE FROM "];
    verbs.iter().find_map(|verb| sql.strip_prefix(verb))?.split([' ', '(']).next()
}

/// The time that [`NOW`] answered.
pub(super) fn time(answer: &Answer) -> Option<Timestamp> {
    answer.rows.first().and_then(|row| row.try_get(0).ok()).map(Timestamp::from_millis)
}

impl Sql for Transaction<'_> {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault> {
        self.outdate(sql);
        let answer = self.run(sql, params)?;
        Ok(usize::try_from(answer.count).unwrap_or(usize::MAX))
    }

    fn submit(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.check()?;
        self.outdate(sql);
        let call = self.link.call(sql, params).map_err(|trouble| self.note(&trouble))?;
        self.pending.push((call, None));
        Ok(())
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        let asked;
        let rows = match self.foreseen(sql, params)? {
            Some(place) => self.foreseen[place].rows.as_ref().expect("sent, and it did not fail"),
            None => {
                asked = self.run(sql, params)?.rows;
                &asked
            }
        };
        for row in rows {
            if !each(&PostgresRow(row))? {
                break;
            }
        }
        Ok(())
    }

    fn foresee(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.check()?;
        if self.foreseen.iter().any(|foreseen| !foreseen.is_outdated && foreseen.is(sql, params)) {
            return Ok(());
        }
        let call = self.link.call(sql, params).map_err(|trouble| self.note(&trouble))?;
        self.pending.push((call, Some(self.foreseen.len())));
        let values = params.iter().map(Kept::of).collect();
        self.foreseen.push(Foreseen { sql, values, rows: None, is_outdated: false });
        Ok(())
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        self.next_unit(false)
    }
}
