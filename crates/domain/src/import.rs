//! Imports: what people's files look like, and what their rows mean. Pure: bytes in, rows and faults out.

mod doubles;
mod header;
mod reading;
mod rows;
mod told;

pub use reading::{LISTED_MAX, Reading, Unreadable, read};
pub use rows::{Compared, Meant, MemberRow, compare, meant};

pub use told::Told;

use crate::hint::Hint;

/// A cell that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFault {
    /// The line of the file, from 1.
    pub row: u32,
    /// The column, as the file calls it.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// What would be right.
    pub hint: Hint,
}

#[cfg(test)]
mod tests;
