//! A store with somebody in between: how tests watch statements, and make units fail at any place.

use std::{sync::Arc, time::Instant};

use unionflow_protocol::{Seq, Timestamp, id::OrganizationId};

use crate::{
    fault::StoreFault,
    sql::{Param, Row, Sql},
    store::{Backend, ReadUnit, Scope, Store, UnitEnd, WriteUnit},
    wake::WakeSender,
};

/// Who stands between a store and its backend. A fault takes the place of what would have come of it.
pub trait Intercept: Send + Sync + 'static {
    /// Before a unit is queued.
    fn unit(&self) -> Result<(), StoreFault> {
        Ok(())
    }

    /// Around a statement: runs it, or does not.
    fn statement(
        &self,
        sql: &'static str,
        run: &mut dyn FnMut() -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault>;

    /// Before a unit that is to be kept is committed.
    fn commit(&self) -> Result<(), StoreFault> {
        Ok(())
    }

    /// Whether whoever waits is told.
    fn tells(&self) -> bool {
        true
    }

    /// Whether units that read are intercepted, too.
    fn also_reads(&self) -> bool {
        true
    }
}

impl Store {
    /// With somebody in between.
    #[must_use]
    pub fn intercepted(self, by: impl Intercept) -> Self {
        let by: Arc<dyn Intercept> = Arc::new(by);
        self.behind(|backend| Arc::new(Intercepted { backend, by }))
    }
}

struct Intercepted {
    backend: Arc<dyn Backend>,
    by: Arc<dyn Intercept>,
}

impl Backend for Intercepted {
    fn write(&self, unit: Box<dyn WriteUnit>) {
        match self.by.unit() {
            Ok(()) => self.backend.write(Box::new(Write { unit, by: self.by.clone(), undone: None })),
            Err(fault) => unit.finish(Err(fault)),
        }
    }

    fn read(&self, unit: Box<dyn ReadUnit>) {
        if !self.by.also_reads() {
            return self.backend.read(unit);
        }
        match self.by.unit() {
            Ok(()) => self.backend.read(Box::new(Read { unit, by: self.by.clone() })),
            Err(fault) => unit.run(Err(fault), Timestamp::from_millis(0)),
        }
    }

    fn is_shared(&self) -> bool {
        self.backend.is_shared()
    }

    fn follow(&self, follower: WakeSender) {
        self.backend.follow(follower);
    }

    fn close(&self) {
        self.backend.close();
    }
}

struct Write {
    unit: Box<dyn WriteUnit>,
    by: Arc<dyn Intercept>,
    /// Why it was not kept, although it was to be.
    undone: Option<StoreFault>,
}

impl WriteUnit for Write {
    fn scope(&self) -> Scope {
        self.unit.scope()
    }

    fn deadline(&self) -> Instant {
        self.unit.deadline()
    }

    fn is_stale(&self) -> bool {
        self.unit.is_stale()
    }

    fn foresee(&self, sql: &mut dyn Sql) {
        self.unit.foresee(sql);
    }

    fn run(&mut self, sql: &mut dyn Sql, now: Timestamp) -> UnitEnd {
        let end = self.unit.run(&mut Statements { sql, by: &*self.by }, now);
        if end == UnitEnd::Keep {
            self.undone = self.by.commit().err();
        }
        if self.undone.is_some() { UnitEnd::Undo } else { end }
    }

    fn journaled(&self) -> Option<(OrganizationId, Seq)> {
        self.unit.journaled()
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreFault>) {
        match self.undone {
            Some(fault) => self.unit.finish(Err(fault)),
            None if self.by.tells() => self.unit.finish(committed),
            None => {}
        }
    }
}

struct Read {
    unit: Box<dyn ReadUnit>,
    by: Arc<dyn Intercept>,
}

impl ReadUnit for Read {
    fn run(self: Box<Self>, sql: Result<&mut dyn Sql, StoreFault>, now: Timestamp) {
        match sql {
            Ok(sql) => self.unit.run(Ok(&mut Statements { sql, by: &*self.by }), now),
            Err(fault) => self.unit.run(Err(fault), now),
        }
    }
}

struct Statements<'a> {
    sql: &'a mut dyn Sql,
    by: &'a dyn Intercept,
}

impl Sql for Statements<'_> {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault> {
        let mut changed = 0;
        self.by.statement(sql, &mut || {
            changed = self.sql.execute(sql, params)?;
            Ok(())
        })?;
        Ok(changed)
    }

    fn submit(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.by.statement(sql, &mut || self.sql.submit(sql, params))
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        self.by.statement(sql, &mut || self.sql.query(sql, params, each))
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        self.by.statement("ROLLBACK", &mut || self.sql.undo())
    }
}
