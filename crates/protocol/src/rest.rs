//! Bodies and resources of the REST API, the same types for server and SDK.
//!
//! Every resource carries `version` (its `ETag`), `asOfSeq` and `epoch`: it is exact as of that event, and a client merges
//! it with the live stream by them.

use serde::{Deserialize, Serialize};

use crate::{id::Epoch, seq::Seq};

pub mod approval;
pub mod auth;
pub mod dashboard;
pub mod finance;
pub mod import;
pub mod inbound;
pub mod member;
pub mod notification;
pub mod organization;
pub mod realtime;
pub mod service_key;

/// The place in the journal that an answer is exact as of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AsOf {
    /// The newest event it includes.
    pub as_of_seq: Seq,
    /// The journal's incarnation.
    pub epoch: Epoch,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Give it as `after` to get the next page; null at the end.
    pub next_cursor: Option<String>,
    /// What the page is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}
