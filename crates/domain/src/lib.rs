//! What may happen in an organisation.
//!
//! Pure decisions: each takes values and `now`, and returns values. Whoever calls them holds the organisation's lock, so
//! the values are the truth and nobody else is deciding at the same time.
//!
//! **Invariant:** no I/O, no async, no clock, no randomness; ids and salts come in as arguments.

pub mod approval;
pub mod contact;
pub mod detail;
pub mod figures;
pub mod hint;
pub mod import;
pub mod inbound;
pub mod ledger;
pub mod member;
pub mod notification;
pub mod organization;
pub mod permissions;
pub mod policy;
pub mod refusal;
pub mod replay;
pub mod service_key;
pub mod text;
pub mod trace;

pub use refusal::{Fault, Faults, Refusal};
