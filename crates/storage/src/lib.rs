//! The store: the only place where state is kept.
//!
//! [`Store`] runs units of work: closures that get a [`Tx`] (to write) or a [`Reader`] (to read), on whichever backend it
//! was opened with. Rules live above this crate; below [`sql::Sql`] there is only SQL. There is one SQL text for all
//! backends; what differs (placeholders, locks, group commit) is the backend's.
//!
//! What a unit of work promises:
//! - its organisation is locked before its first statement, so no two units of one organisation overlap;
//! - it is committed whole or not at all, and acknowledged only once it is durable;
//! - a refusal undoes it but keeps its idempotency row, a fault undoes that too.

pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod fault;
pub mod idempotency;
pub mod ids;
#[cfg(feature = "conformance")]
pub mod intercept;
pub mod journal;
#[cfg(feature = "postgres")]
pub mod moving;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod reader;
mod replay;
pub mod sql;
pub mod sqlite;
mod store;
pub mod tables;
pub mod tx;
mod wake;

pub use clock::{Clock, ScriptedClock, SystemClock};
pub use fault::{MoveFault, PostgresFault, StoreFault, Undo};
pub use idempotency::{Key, Keyed};
pub use ids::Ids;
pub use reader::Reader;
pub use store::{Backend, Commits, ReadUnit, Scope, Store, UnitEnd, WriteUnit};
pub use tx::{Author, Tx};
pub use wake::{Wake, WakeSender, Wakes};
