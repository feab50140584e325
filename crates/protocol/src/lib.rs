//! UnionFlow on the wire.
//!
//! What every process, client and reader of the Kafka topics must agree on: ids, roles, money and time; the
//! catalogue of events with their topics and audiences; the envelope; the frames of the WebSocket; the close
//! codes; the limits; the resources and bodies of the REST API; the stable error codes.
//!
//! **Invariant:** no I/O, no async, no clock and no randomness. The SDK depends on this crate and on no other of ours.

mod macros;

pub mod account;
pub mod approval;
pub mod audience;
pub mod chain;
pub mod checkpoint;
pub mod close;
pub mod envelope;
pub mod event;
pub mod frame;
pub mod id;
pub mod language;
pub mod limits;
pub mod member;
pub mod money;
pub mod notification;
pub mod origin;
pub mod problem;
pub mod record;
pub mod rest;
pub mod role;
#[cfg(feature = "schema")]
pub mod schema;
pub mod seq;
pub mod time;
pub mod topic;

pub use audience::{Audience, View};
pub use envelope::{Envelope, EnvelopeHead};
pub use event::{Event, EventType};
pub use language::Language;
pub use money::{Amount, Currency};
pub use origin::Origin;
pub use record::{Position, Record};
pub use role::{Role, RoleSet};
pub use seq::Seq;
pub use time::{Date, TimeZone, Timestamp};
pub use topic::{Class, Topic};
