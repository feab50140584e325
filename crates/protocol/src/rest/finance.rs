//! Accounts and entries.

use serde::{Deserialize, Serialize};

use super::{AsOf, Page};
use crate::{
    account::{AccountKind, EntryCause},
    event::approvals::EntryLine,
    id::{AccountId, AggregateId, EntryId, OrganizationId},
    money::{Amount, Currency},
    seq::Seq,
    time::{Date, Timestamp},
};

/// `GET /finance/accounts`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Accounts {
    /// All of them.
    #[serde(flatten)]
    pub page: Page<Account>,
    /// Whether one person decides alone at present: a warning to whoever reads the report.
    pub single_signature_in_effect: bool,
}

/// A ledger account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Where.
    pub organization_id: OrganizationId,
    /// Grows with every entry and reservation; the `ETag`.
    pub version: u64,
    /// What it is for.
    pub kind: AccountKind,
    /// Its currency.
    pub currency: Currency,
    /// The sum of its lines.
    pub balance: Amount,
    /// What approved requests have reserved of it.
    pub reserved: Amount,
    /// `balance` − `reserved`.
    pub available: Amount,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// A posted entry, seen from one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// Its place in the journal.
    pub seq: Seq,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// The day it counts for.
    pub value_date: Date,
    /// What it added to this account.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// All its lines; they add up to zero.
    pub lines: Vec<EntryLine>,
    /// Why.
    pub cause: EntryCause,
    /// What caused it.
    pub cause_id: AggregateId,
}
