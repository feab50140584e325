//! The state tables: one file each, loads on [`Reader`](crate::Reader), saves on [`Tx`](crate::Tx).

pub mod access;
pub mod approval;
pub mod done_today;
pub mod figures;
pub mod import;
pub mod lease;
pub mod ledger;
pub mod member;
pub mod notification;
pub mod organization;
pub mod person;
pub mod service_key;
pub mod text;
