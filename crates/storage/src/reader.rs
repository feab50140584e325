//! A unit that reads: one snapshot of the store.

use unionflow_protocol::{
    Seq, Timestamp,
    id::{Epoch, OrganizationId},
    rest::AsOf,
};

use crate::{
    fault::StoreFault,
    sql::{Column, Foreseen, Param, Row, Sql, ToParam, all, first, get},
};

/// One snapshot of the store. The tables' loads are methods of it, in `tables/`.
pub struct Reader<'a> {
    pub(crate) sql: &'a mut dyn Sql,
    pub(crate) now: Timestamp,
    pub(crate) epoch: Epoch,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(sql: &'a mut dyn Sql, now: Timestamp, epoch: Epoch) -> Self {
        Self { sql, now, epoch }
    }

    /// The store's time, read when the unit began.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The journal's incarnation.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// What an answer from this snapshot is exact as of.
    pub fn as_of(&mut self, organization: OrganizationId) -> Result<AsOf, StoreFault> {
        let head: Option<Seq> =
            self.value("SELECT head_seq FROM organization WHERE id = ?1", &[organization.param()])?;
        Ok(AsOf { as_of_seq: head.unwrap_or_default(), epoch: self.epoch })
    }

    /// Makes the loads that will follow, as far as they are known now, and sees no rows: a store that is far away answers them
    /// together, instead of one after the other.
    pub fn foresee(
        &mut self,
        loads: impl FnOnce(&mut Reader<'_>) -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        loads(&mut Reader::new(&mut Foreseen(self.sql), self.now, self.epoch))
    }

    pub(crate) fn first<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl Fn(&dyn Row) -> Result<T, StoreFault>,
    ) -> Result<Option<T>, StoreFault> {
        first(self.sql, sql, params, read)
    }

    pub(crate) fn all<T>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl Fn(&dyn Row) -> Result<T, StoreFault>,
    ) -> Result<Vec<T>, StoreFault> {
        all(self.sql, sql, params, read)
    }

    /// The first column of the first row.
    pub(crate) fn value<T: Column>(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
    ) -> Result<Option<T>, StoreFault> {
        first(self.sql, sql, params, |row| get(row, 0))
    }
}
