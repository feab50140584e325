//! Imports of files.

use serde::{Deserialize, Serialize};

use super::AsOf;
use crate::id::BatchId;

/// A row that cannot be imported as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowError {
    /// The line of the file, from 1, the header being 1.
    pub row: u32,
    /// The column, as the file calls it.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// What is wrong and what would fix it, in the caller's language.
    pub hint: String,
}

/// How the file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileReading {
    /// `UTF-8`, `UTF-16LE`, `UTF-16BE` or `windows-1252`.
    pub encoding: String,
    /// The character between cells.
    pub separator: char,
    /// Columns that were recognised, as the file calls them.
    pub columns: Vec<String>,
    /// Columns that were left aside.
    pub ignored_columns: Vec<String>,
}

/// What an import did, or with `dryRun=true` would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// The import; null for a dry run.
    pub batch_id: Option<BatchId>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How the file was read.
    pub reading: FileReading,
    /// Rows that made a member.
    pub created: u32,
    /// Rows that changed a member.
    pub updated: u32,
    /// Rows that changed nothing.
    pub unchanged: u32,
    /// Rows left out because they are empty.
    pub skipped: u32,
    /// How much is wrong, in all. With errors, nothing is imported unless `skipErrors=true`.
    pub error_count: u32,
    /// Rows with errors.
    pub rows_with_errors: u32,
    /// What is wrong (the first 5,000).
    pub errors: Vec<RowError>,
    /// What differs, row by row, for the rows that change a member (the first 200).
    pub changes: Vec<RowChange>,
    /// How many proposals there are.
    pub proposal_count: u32,
    /// Proposals that were not applied, such as a prefix for an old phone number (the first 200).
    pub proposals: Vec<RowError>,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// A member that a row changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RowChange {
    /// The line of the file.
    pub row: u32,
    /// Whose.
    pub member_number: String,
    /// Which fields.
    pub fields: Vec<crate::event::members::MemberField>,
}
