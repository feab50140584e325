//! Organisations: founding, settings, policy.

pub mod ask_policy;
pub mod create;
pub mod found;
pub mod read;
pub mod update;
