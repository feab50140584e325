//! What people and the passing of time do to an organisation: one file per use case.
//!
//! Each has the same shape: load, decide (`domain`), save state and publish events, in one unit of work that has locked the
//! organisation. Nothing is sent from here: events are journaled, and the [`relay`] moves them once they are committed.

pub mod approval;
pub mod auth;
mod caller;
pub mod checkpoints;
mod daily;
pub mod dashboard;
pub mod finance;
pub mod inbound;
pub mod journal;
mod lease;
pub mod member;
mod membership;
pub mod notification;
pub mod operator;
pub mod organization;
mod publish;
pub mod realtime;
pub mod relay;
mod service;
pub mod service_key;
pub mod sweeper;

pub use auth::keys::record_key;
pub use caller::{Call, Caller, Principal};
pub use publish::{Publish, Publisher};
pub use service::{Located, Service, Settings};
