//! Real components for tests and measures: Apache Kafka and PostgreSQL, on loopback, in folders of their own.
//!
//! They are started by whoever needs one and end with it, however it ends. A developer who has a service running already
//! points at it with the variable that operators use, and nothing is started.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    time::Duration,
};

pub mod install;
mod kafka;
mod postgres;
mod process;

pub use kafka::Kafka;
pub use postgres::{Database, Postgres};

/// How long a component may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a component does not run.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A program that cannot be run.
    #[error("`{program}` cannot be run ({reason}): `cargo xtask test` installs what the tests need")]
    Program {
        /// Which.
        program: String,
        /// Why.
        reason: String,
    },
    /// A program that failed.
    #[error("`{program}` failed:\n{output}")]
    Failed {
        /// Which.
        program: String,
        /// The end of what it printed.
        output: String,
    },
    /// A component that was started and does not answer.
    #[error("{what} does not answer after {} s; the end of its log:\n{log}", PATIENCE.as_secs())]
    Silent {
        /// Which.
        what: &'static str,
        /// What it printed last.
        log: String,
    },
    /// A file or folder that cannot be made.
    #[error("`{path}`: {reason}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
}

impl Fault {
    fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| Self::File { path, reason }
    }
}

/// Ports on loopback that nobody uses now.
fn free_ports<const N: usize>() -> [u16; N] {
    // All held at once, so that they differ.
    let held =
        [(); N].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port"));
    held.map(|listener| listener.local_addr().expect("it is bound").port())
}
