//! A transaction that several units share, a savepoint each. What nobody waits for is sent along with what somebody does.

use unionflow_protocol::Timestamp;

use super::{
    link::{Answer, Call, Link, Trouble},
    value::PostgresRow,
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
    /// Sent with the next statement that somebody waits for.
    pending: Vec<Call>,
    /// The first statement of the unit that failed: the transaction takes no more until it is undone.
    failed: Option<StoreFault>,
    /// The connection ended: nothing of the transaction was written.
    ended: Option<StoreFault>,
    /// Whether each unit has the server's time, and that of the one that runs, but for the first.
    asks_time: bool,
    time: Option<Timestamp>,
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
        Self { link, pending: Vec::new(), failed: None, ended: None, asks_time, time: None }
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
                Ok(call) => self.pending.push(call),
                Err(trouble) => return Err(self.note(&trouble)),
            }
        }
        let calls = std::mem::take(&mut self.pending);
        let mut first = Ok(());
        for answer in self.link.send(&calls) {
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
        let mut calls = std::mem::take(&mut self.pending);
        calls.push(call);
        let mut last = None;
        for answer in self.link.send(&calls) {
            last = Some(answer.map_err(|trouble| self.note(&trouble))?);
        }
        Ok(last.expect("as many answers as calls"))
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

/// The time that [`NOW`] answered.
pub(super) fn time(answer: &Answer) -> Option<Timestamp> {
    answer.rows.first().and_then(|row| row.try_get(0).ok()).map(Timestamp::from_millis)
}

impl Sql for Transaction<'_> {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault> {
        let answer = self.run(sql, params)?;
        Ok(usize::try_from(answer.count).unwrap_or(usize::MAX))
    }

    fn submit(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.check()?;
        let call = self.link.call(sql, params).map_err(|trouble| self.note(&trouble))?;
        self.pending.push(call);
        Ok(())
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        for row in &self.run(sql, params)?.rows {
            if !each(&PostgresRow(row))? {
                break;
            }
        }
        Ok(())
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        self.next_unit(false)
    }
}
