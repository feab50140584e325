//! Who is this?
//!
//! Passwords, access tokens, refresh tokens, single-use secrets, keys of other systems, growing delays. Everything here is a value or a pure
//! computation; what is kept is kept by `service` in the store.
//!
//! **Invariant:** knows `protocol` alone. What a person may do is `domain::permissions`.

pub mod access;
pub mod authenticator;
pub mod checkpoint;
pub mod password;
pub mod random;
pub mod refresh;
pub mod secret;
pub mod service_key;
pub mod throttle;

pub use authenticator::{Authenticator, Denied};
