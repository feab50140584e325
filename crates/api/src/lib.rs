//! The REST API under `/api/v1`.
//!
//! [`router()`] is the table of contents: every route with its documentation. A handler reads its arguments, calls one use
//! case of `service`, and answers; what is refused becomes an RFC 9457 problem in the caller's language.
//!
//! **Invariant:** no rule lives here. What may happen is decided in `domain`, under the lock that `service` takes.

mod auth;
mod body;
mod compression;
mod config;
mod context;
mod dashboard;
mod documented;
mod extract;
mod failure;
mod faults;
mod finance;
mod inbound;
mod limit;
mod me;
mod members;
mod notifications;
mod openapi;
mod organizations;
mod pages;
mod realtime;
mod router;
mod service_keys;
mod setup;
mod state;
mod surround;
mod uploads;

pub use config::Config;
pub use context::{PeerAddress, network};
pub use router::{document, router};
pub use state::Api;
pub use surround::count_refused;
