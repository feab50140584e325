//! A transaction of one unit or of several. Several have a savepoint each; one alone gets it only if it must. What nobody waits
//! for is sent along with what somebody does.

use unionflow_protocol::Timestamp;

use super::{
    foresight::Foresight,
    link::{Answer, Call, Link, Trouble},
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
    /// Where the first statement among them is that changes something.
    writes_from: Option<usize>,
    /// Whether there is a savepoint to go back to. A unit alone gets one only when it reads after it has written: until then
    /// nothing of it was sent that would have to be undone, and many never do.
    has_savepoint: bool,
    foresight: Foresight,
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
    /// One that only reads.
    pub(super) fn new(link: &'a mut Link) -> Self {
        Self::of_units(link, Foresight::default(), false, false)
    }

    /// One of units that write. `has_savepoint`: it was begun with one.
    pub(super) fn of_units(
        link: &'a mut Link,
        foresight: Foresight,
        asks_time: bool,
        has_savepoint: bool,
    ) -> Self {
        Self {
            link,
            pending: Vec::new(),
            writes_from: None,
            has_savepoint,
            foresight,
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
        if !self.has_savepoint && self.writes_from.is_none() {
            // The only unit, and it has changed nothing. Whatever failed has ended the transaction.
            return self.check();
        }
        self.forget_foreseen();
        if let Some(fault) = self.failed.take() {
            self.forget_pending();
            self.settle(&[UNDO], self.asks_time)?;
            return Err(fault);
        }
        let controls: &[&'static str] = if keep { &[RELEASE, SAVEPOINT] } else { &[UNDO] };
        let settled = self.settle(controls, self.asks_time);
        if settled.is_err() && self.ended.is_none() {
            self.failed = None;
            self.settle(&[UNDO], self.asks_time)?;
        }
        settled
    }

    /// Commits what is kept.
    pub(super) fn commit(mut self) -> Ended {
        self.forget_foreseen();
        if self.failed.is_some() || self.ended.is_some() {
            return self.roll_back();
        }
        self.writes_from = None;
        match self.settle(&[COMMIT], false) {
            Ok(()) => Ended::Well,
            Err(_) if self.ended.is_some() => Ended::Unknown,
            Err(fault) => {
                self.leave();
                // Nothing was written either way, but the connection may be of no more use.
                if self.ended.is_some() { Ended::Broken(fault) } else { Ended::Refused(fault) }
            }
        }
    }

    /// Gives everything up. A statement that fails even so was part of an answer that may be wrong.
    pub(super) fn roll_back(mut self) -> Ended {
        let failed = self.failed.take();
        if failed.is_some() {
            self.forget_pending();
        }
        let settled = if self.ended.is_some() { Ok(()) } else { self.settle(&[ROLLBACK], false) };
        self.leave();
        match (self.ended, failed.map_or(settled, Err)) {
            (Some(fault), _) => Ended::Broken(fault),
            (None, Err(fault)) => Ended::Refused(fault),
            (None, Ok(())) => Ended::Well,
        }
    }

    /// Ends the transaction where what should have ended it was not run.
    fn leave(&mut self) {
        if self.ended.is_none()
            && self.link.is_in_transaction()
            && let Err(trouble) = self.link.ask(ROLLBACK, &[])
        {
            self.note(&trouble);
        }
    }

    /// Sends what is pending, asks the time, then sends these: a unit is kept by the first of them only after all that may
    /// fail. The first fault of them all.
    fn settle(&mut self, controls: &[&'static str], asks_time: bool) -> Result<(), StoreFault> {
        for control in asks_time.then_some(&NOW).into_iter().chain(controls) {
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
        if let Some(place) = self.writes_from.take()
            && !self.has_savepoint
        {
            match self.link.call(SAVEPOINT, &[]) {
                Ok(savepoint) => self.pending.insert(place, (savepoint, None)),
                Err(trouble) => return vec![Err(trouble)],
            }
            self.has_savepoint = true;
        }
        let (calls, places): (Vec<Call>, Vec<Option<usize>>) =
            std::mem::take(&mut self.pending).into_iter().unzip();
        let mut answers = Vec::with_capacity(calls.len());
        for (answer, place) in self.link.send(&calls).into_iter().zip(places) {
            match (answer, place) {
                (Ok(answer), Some(place)) => self.foresight.answered(place, answer),
                (answer, _) => answers.push(answer),
            }
        }
        answers
    }

    /// The place of a query that was foreseen, sent by now.
    fn foreseen(&mut self, sql: &'static str, values: &[Param<'_>]) -> Result<Option<usize>, StoreFault> {
        self.check()?;
        let place = self.foresight.place(sql, values);
        if place.is_some_and(|place| self.foresight.answer(place).is_none()) {
            for answer in self.send() {
                answer.map_err(|trouble| self.note(&trouble))?;
            }
        }
        Ok(place)
    }

    fn forget_foreseen(&mut self) {
        let before = self
            .writes_from
            .map_or(0, |from| self.pending[..from].iter().filter(|(_, place)| place.is_some()).count());
        self.writes_from = self.writes_from.map(|from| from - before);
        self.pending.retain(|(_, place)| place.is_none());
        self.foresight.forget();
    }

    fn forget_pending(&mut self) {
        self.pending.clear();
        self.writes_from = None;
        self.foresight.forget_unsent();
    }

    /// Takes note of a statement that changes something: it is not in the answers that the unit has already.
    fn will_write(&mut self, sql: &'static str) {
        self.writes_from.get_or_insert(self.pending.len());
        self.foresight.outdate(sql);
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
    answer.number().map(Timestamp::from_millis)
}

impl Sql for Transaction<'_> {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault> {
        self.will_write(sql);
        let answer = self.run(sql, params)?;
        Ok(usize::try_from(answer.count).unwrap_or(usize::MAX))
    }

    fn submit(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.check()?;
        self.will_write(sql);
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
        if !sql.starts_with("SELECT") {
            self.will_write(sql);
        }
        let asked;
        let rows = match self.foreseen(sql, params)? {
            Some(place) => self.foresight.answer(place).expect("sent, and it did not fail"),
            None => {
                asked = self.run(sql, params)?.rows;
                &asked
            }
        };
        for row in rows {
            if !each(row)? {
                break;
            }
        }
        Ok(())
    }

    fn foresee(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.check()?;
        if self.foresight.place(sql, params).is_some() {
            return Ok(());
        }
        let call = self.link.call(sql, params).map_err(|trouble| self.note(&trouble))?;
        let place = self.foresight.add(sql, params);
        self.pending.push((call, Some(place)));
        Ok(())
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        self.next_unit(false)
    }
}
