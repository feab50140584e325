//! The binary `unionflow`: configuration, wiring, telemetry, lifecycle, subcommands.
//!
//! It is a library too, so that tests start a whole server in their own process: see [`Server::start`].

mod admin;
mod cli;
mod commands;
pub mod config;
mod database;
mod demo;
mod files;
mod health;
mod lifecycle;
mod listener;
mod out;
mod role;
mod sentences;
mod server;
mod sign_in;
mod telemetry;
mod texts;
mod watch;
mod words;

use std::{ffi::OsString, process::ExitCode};

pub use config::Settings;
pub use database::Database;
pub use lifecycle::Stop;
pub use role::ProcessRole;
pub use server::{Options, Server, StartFault};

/// Runs the command line.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    commands::run(arguments)
}

/// The text of the configuration table, as `docs/configuration.md` has it.
pub fn configuration_document() -> String {
    config::document()
}

/// The text of `--help` of every command in a language, for `docs/`.
pub fn help_document(language: unionflow_protocol::Language) -> String {
    cli::help_document(language)
}
