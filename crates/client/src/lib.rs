//! The Rust SDK of UnionFlow: what happens in an association, on any screen, within milliseconds, and nothing lost.
//!
//! Three layers, each of which can be used without the ones above it:
//!
//! | layer | what it is | where |
//! |---|---|---|
//! | [`session::Session`] | the conversation with the server as a pure state machine: no sockets, no clock, no randomness of its own | [`session`] |
//! | [`RealtimeClient`] | that session on a real socket: one connection, shared by cheap clones, with typed streams | [`realtime`] |
//! | [`DashboardBloc`] | events in, states of a screen out | [`bloc`] |
//!
//! # What it promises
//!
//! - Each fact that the person may see comes once and in `seq` order, over cuts, restarts and changes of network, for as long as
//!   the server keeps its journal. What was missed is told after the reconnect, before anything newer.
//! - A dead link is noticed within 40 seconds, and every wait before a new attempt has full jitter.
//! - Where resuming is impossible it says so ([`Message::ResyncRequired`]), and joins snapshots and events by `asOfSeq`.
//! - What may no longer be held after a change of roles is named ([`Forget`]).
//! - Nothing is unbounded, nothing panics on what a server or a proxy sends, and nothing spins.
//!
//! # Begin here
//!
//! [`RealtimeClient::builder`], then [`RealtimeClient::events`], then [`RealtimeClient::connect`]. The folder `examples` has five
//! short programs, from printing events to a bridge to a webhook. Commands and lists are in `rest`, behind the feature `rest`.
//! Whoever writes a client in another language finds in the folder `conversations` what it has to do in every case.
//!
//! # What it never does
//!
//! It knows `unionflow-protocol` and no crate of the server. It contacts nothing but the address given. It never puts a token into
//! a URL, a log or a `Debug` text.

pub mod address;
pub mod backoff;
pub mod bloc;
pub mod cursor;
pub mod error;
pub mod event;
pub mod message;
pub mod realtime;
#[cfg(feature = "rest")]
pub mod rest;
pub mod rights;
pub mod session;
pub mod status;
pub mod stream;
pub mod token;

mod tls;
mod transport;

pub use address::{Address, BadAddress};
pub use bloc::{Dashboard, DashboardBloc, DashboardSource, DashboardState};
pub use cursor::{Cursor, CursorStore, FileCursorStore};
pub use error::{ClientError, ErrorKind};
pub use event::{
    ContributionEvent, DashboardStatsEvent, Delivery, FinanceApprovalEvent, GenericEvent, MemberEvent,
    NotificationEvent, RealtimeEvent,
};
pub use message::{Joined, Message, Resync, ResyncCause, RightsChanged};
pub use realtime::{RealtimeClient, Snapshots, SnapshotsFuture};
pub use rights::Forget;
pub use status::ConnectionStatus;
pub use stream::EventStream;
pub use tls::Tls;
pub use token::{AccessToken, FixedToken, TokenFault, TokenFuture, TokenProvider};
