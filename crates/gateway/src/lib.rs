//! `/ws/dashboard`: what holds the sockets.
//!
//! ```text
//! bus ─► hub (up to 16 shards: order by seq, drop duplicates, fill holes from the journal)    ─► connection ─► socket
//!                                                                                   session (pure) ◄┘ ▲
//! HTTP upgrade ─► accept (who, where from, member of what) ─► connection task: reads frames, replays, waits for readiness
//! ```
//!
//! A `session::Session` decides everything and does no I/O. An event is framed once and written to each socket directly by
//! the hub, without waking a task per subscriber; only a socket that cannot take it has its task woken.
//!
//! **Invariants:** an event reaches a session only if its organisation is the session's and its audience admits the member,
//! live by the roles held at that place of the journal, replayed by those held now; each at most once, in the order of `seq`;
//! nothing live overtakes a replay.

mod accept;
mod config;
mod connection;
mod feed;
mod figures;
mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http_stream;
mod hub;
mod outbound;
#[cfg(test)]
mod samples;
mod session;
#[cfg(test)]
mod simulation;
mod snapshot;
mod transport;

pub use accept::{Gateway, PATH, Refused};
pub use config::Config;
pub use http_stream::HttpStream;
pub use hub::{Drain, Hub};
