//! What tests of the whole need: a server in this process or in its own, made-up people who sign in, their sockets, and a
//! network that breaks.
//!
//! A test reads as a script of domain words: `world.sign_in(…)`, `treasurer.submit(…)`, `president.approve(…)`,
//! `socket.sees_until(…)`. Whoever waits, waits for a fact, and fails with what it saw if the fact does not come.
//!
//! **Invariant:** no crate that ships depends on this one, except for its tests.

mod books;
mod cast;
mod faults;
mod follower;
mod newcomer;
mod office;
mod person;
mod process;
mod proxy;
mod scale;
mod socket;
mod world;

pub use books::{Books, Entry};
pub use cast::{Account, Troupe};
pub use faults::{Fault, Faults, make_room};
pub use follower::{Follower, Goal};
pub use office::{Done, Load, Office, Tally};
pub use person::{Answer, Ask, Person};
pub use process::{ServerProcess, lasts};
pub use proxy::{ChaosProxy, Way, Weather};
pub use scale::how_many;
pub use socket::{Closed, Frame, Refused, Socket};
pub use world::{World, open_service, open_service_on, settings};

use std::time::Duration;

/// How long a fact may take to come before a test fails: far beyond what any takes, also on a machine that is busy.
pub const PATIENCE: Duration = Duration::from_secs(30);
