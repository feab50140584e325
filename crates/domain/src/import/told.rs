//! What is told of a file's rows: the first of it in full, all of it counted. A file that is wrong everywhere is told about
//! as well by its first lines, and would fill the memory.

use std::ops::Deref;

use super::RowFault;

/// Entries of which only the first are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    first: Vec<RowFault>,
    most: usize,
    count: u32,
    rows: u32,
    last_row: Option<u32>,
}

impl Told {
    /// None yet, and at most so many of them kept.
    pub const fn at_most(most: usize) -> Self {
        Self { first: Vec::new(), most, count: 0, rows: 0, last_row: None }
    }

    /// One more. Rows come in order.
    pub fn push(&mut self, fault: RowFault) {
        self.count = self.count.saturating_add(1);
        if self.last_row != Some(fault.row) {
            self.rows = self.rows.saturating_add(1);
            self.last_row = Some(fault.row);
        }
        if self.first.len() < self.most {
            self.first.push(fault);
        }
    }

    /// How many in all.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// On how many rows.
    pub const fn rows(&self) -> u32 {
        self.rows
    }
}

/// The first of them.
impl Deref for Told {
    type Target = [RowFault];

    fn deref(&self) -> &[RowFault] {
        &self.first
    }
}

impl Extend<RowFault> for Told {
    fn extend<T: IntoIterator<Item = RowFault>>(&mut self, faults: T) {
        faults.into_iter().for_each(|fault| self.push(fault));
    }
}
