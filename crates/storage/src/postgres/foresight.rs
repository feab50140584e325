//! Queries that will follow: they are asked with others, and answered from there as long as that is still true.

use super::{
    link::{Answer, Call, Link, Trouble},
    value::Kept,
    wire::Fields,
};
use crate::{
    fault::StoreFault,
    sql::{Param, Row, Sql},
};

/// Queries that will follow, or may be repeated.
#[derive(Default)]
pub(super) struct Foresight(Vec<Foreseen>);

/// A query that was foreseen.
struct Foreseen {
    sql: &'static str,
    values: Vec<Kept>,
    /// Its answer, once it was sent.
    rows: Option<Vec<Fields>>,
    /// The unit has written to its tables since: it is asked anew.
    is_outdated: bool,
}

impl Foresight {
    /// All of them, to be sent.
    pub(super) fn calls(&self, link: &mut Link) -> Result<Vec<Call>, Trouble> {
        self.0.iter().map(|foreseen| foreseen.call(link)).collect()
    }

    /// What they answered, in their order.
    pub(super) fn all_answered(&mut self, answers: Vec<Answer>) {
        for (foreseen, answer) in self.0.iter_mut().zip(answers) {
            foreseen.rows = Some(answer.rows);
        }
    }

    /// What the one at this place answered.
    pub(super) fn answered(&mut self, place: usize, answer: Answer) {
        if let Some(foreseen) = self.0.get_mut(place) {
            foreseen.rows = Some(answer.rows);
        }
    }

    /// The answer of the one at this place, once it was sent.
    pub(super) fn answer(&self, place: usize) -> Option<&[Fields]> {
        self.0.get(place)?.rows.as_deref()
    }

    /// One more; its place.
    pub(super) fn add(&mut self, sql: &'static str, params: &[Param<'_>]) -> usize {
        let values = params.iter().map(Kept::of).collect();
        self.0.push(Foreseen { sql, values, rows: None, is_outdated: false });
        self.0.len() - 1
    }

    /// A statement changes something: answers from before are outdated where they are of its table.
    pub(super) fn outdate(&mut self, by: &str) {
        for foreseen in &mut self.0 {
            foreseen.is_outdated |= written(by).is_none_or(|table| foreseen.sql.contains(table));
        }
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Those that were never sent.
    pub(super) fn forget_unsent(&mut self) {
        self.0.retain(|foreseen| foreseen.rows.is_some());
    }

    /// The place of a query whose answer still holds, or is still to come.
    pub(super) fn place(&self, sql: &'static str, values: &[Param<'_>]) -> Option<usize> {
        self.0.iter().position(|foreseen| !foreseen.is_outdated && foreseen.is(sql, values))
    }
}

/// Before a transaction is begun: it takes what will be loaded, and nothing else.
impl Sql for Foresight {
    fn execute(&mut self, sql: &'static str, _: &[Param<'_>]) -> Result<usize, StoreFault> {
        Err(StoreFault::Malformed(format!("only queries are foreseen, not `{sql}`")))
    }

    fn query(
        &mut self,
        sql: &'static str,
        _: &[Param<'_>],
        _: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        Err(StoreFault::Malformed(format!("not begun yet: `{sql}`")))
    }

    fn foresee(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.add(sql, params);
        Ok(())
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        Ok(())
    }
}

impl Foreseen {
    fn call(&self, link: &mut Link) -> Result<Call, Trouble> {
        let values: Vec<Param<'_>> = self.values.iter().map(Kept::param).collect();
        link.call(self.sql, &values)
    }

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
