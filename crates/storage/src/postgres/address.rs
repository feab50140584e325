//! Where the database is: the operator's address, read; and what its errors mean.

use std::{error::Error as _, path::PathBuf, time::Duration};

use tokio_postgres::{
    Config,
    config::{Host, SslMode, SslNegotiation},
    error::SqlState,
};

use super::{
    tls::{Connector, Trust},
    wire::{Said, Trouble},
};
use crate::fault::{PostgresFault, StoreFault};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// A peer that is silent for so long is looked for; one that does not answer then is given up.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A database server, and how to connect to it.
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) connector: Connector,
    pub(super) at: String,
}

impl Target {
    /// Reads `postgres://user:password@host:port/database?parameters`. On top of libpq's parameters that the driver knows:
    /// `sslmode=disable|prefer|require|verify-full` and `sslrootcert=FILE`.
    pub(super) fn parse(address: &str) -> Result<Self, StoreFault> {
        let wrong = |reason: &str| StoreFault::from(PostgresFault::Address(reason.to_owned()));
        let (rest, trust, roots) = split(address).map_err(|reason| wrong(&reason))?;
        // The driver's error never quotes the address.
        let mut config: Config =
            rest.parse().map_err(|error: tokio_postgres::Error| wrong(&unread(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("it names no host"));
        }
        let (hosts, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
        if hosts > 0 && addresses > 0 && hosts != addresses {
            return Err(wrong("it has not as many hostaddr as hosts"));
        }
        if config.get_ports().len() > 1 && config.get_ports().len() != hosts.max(addresses) {
            return Err(wrong("it has not as many ports as hosts"));
        }
        if config.get_ssl_negotiation() == SslNegotiation::Direct
            && matches!(trust, Trust::Disable | Trust::Prefer)
        {
            return Err(wrong("sslnegotiation=direct is of use with sslmode=require and verify-full only"));
        }
        if config.get_user().is_none() {
            return Err(wrong("it names no user"));
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("unionflow");
        }
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE / 3).keepalives_retries(3);
        config.tcp_user_timeout(KEEPALIVE);
        config.ssl_mode(match trust {
            Trust::Disable => SslMode::Disable,
            Trust::Prefer => SslMode::Prefer,
            Trust::Require | Trust::VerifyFull => SslMode::Require,
        });
        let at = place(&config);
        let connector = Connector::new(trust, roots.as_deref())
            .map_err(|reason| PostgresFault::Tls { at: at.clone(), reason })?;
        Ok(Self { config, connector, at })
    }

    fn user(&self) -> String {
        self.config.get_user().unwrap_or_default().to_owned()
    }

    pub(super) fn database(&self) -> String {
        self.config.get_dbname().or_else(|| self.config.get_user()).unwrap_or_default().to_owned()
    }

    /// What went wrong, in the operator's words.
    pub(super) fn fault(&self, trouble: &Trouble) -> StoreFault {
        let at = self.at.clone();
        match trouble {
            Trouble::Said(said) => self.said(said),
            Trouble::Tls(reason) => PostgresFault::Tls { at, reason: reason.clone() }.into(),
            Trouble::Broken(error) => PostgresFault::Unreachable { at, reason: error.to_string() }.into(),
            Trouble::Silent => PostgresFault::Unreachable { at, reason: "no answer".to_owned() }.into(),
            Trouble::Value(reason) => StoreFault::Malformed(reason.clone()),
            Trouble::NotRun => StoreFault::Database("not run, because of what failed before it".to_owned()),
            Trouble::SignIn(error) => {
                let reason = reason(error);
                if reason.starts_with("authentication error") || reason.contains("password") {
                    return PostgresFault::Refused { at, user: self.user(), reason }.into();
                }
                PostgresFault::Unreachable { at, reason }.into()
            }
        }
    }

    fn said(&self, said: &Said) -> StoreFault {
        let (at, reason, code) = (self.at.clone(), said.message.clone(), &said.code);
        match *code {
            SqlState::DISK_FULL => StoreFault::Full,
            SqlState::TOO_MANY_CONNECTIONS => PostgresFault::TooManyConnections { at }.into(),
            SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                PostgresFault::Refused { at, user: self.user(), reason }.into()
            }
            SqlState::INVALID_CATALOG_NAME => {
                PostgresFault::NoDatabase { at, database: self.database() }.into()
            }
            SqlState::READ_ONLY_SQL_TRANSACTION => PostgresFault::ReadOnly { at }.into(),
            SqlState::INSUFFICIENT_PRIVILEGE => {
                PostgresFault::NoRight { at, user: self.user(), reason }.into()
            }
            // Whoever comes again finds the lock free.
            SqlState::LOCK_NOT_AVAILABLE
            | SqlState::T_R_DEADLOCK_DETECTED
            | SqlState::T_R_SERIALIZATION_FAILURE
            | SqlState::QUERY_CANCELED => StoreFault::Busy,
            _ if code.code().starts_with("23") => StoreFault::Constraint(reason),
            // It is stopping, starting, closed for a while, or was told to end this connection.
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => {
                PostgresFault::Unreachable { at, reason }.into()
            }
            _ if code.code().starts_with("57P") || code.code().starts_with("08") => {
                PostgresFault::Unreachable { at, reason }.into()
            }
            _ => StoreFault::Database(format!("{reason} ({})", code.code())),
        }
    }
}

/// Takes out what the driver does not know.
fn split(address: &str) -> Result<(String, Trust, Option<PathBuf>), String> {
    let (base, query) = address.split_once('?').unwrap_or((address, ""));
    if !base.starts_with("postgres://") && !base.starts_with("postgresql://") {
        return Err("it does not begin with postgres://".to_owned());
    }
    let (mut trust, mut roots, mut rest) = (Trust::Prefer, None, Vec::new());
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=').unwrap_or((parameter, "")) {
            ("sslmode", "disable") => trust = Trust::Disable,
            ("sslmode", "prefer") => trust = Trust::Prefer,
            ("sslmode", "require") => trust = Trust::Require,
            ("sslmode", "verify-full") => trust = Trust::VerifyFull,
            ("sslmode", _) => {
                return Err("sslmode is not one of disable, prefer, require, verify-full".to_owned());
            }
            ("sslrootcert", path) => roots = Some(PathBuf::from(unescape(path))),
            _ => rest.push(parameter),
        }
    }
    if roots.is_some() && trust != Trust::VerifyFull {
        return Err("sslrootcert is of use with sslmode=verify-full only".to_owned());
    }
    let rest = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Ok((rest, trust, roots))
}

/// What the driver does not understand. The name of an option is not repeated: it may be a part of a password with a `?` in it.
fn unread(error: &tokio_postgres::Error) -> String {
    let reason = reason(error);
    if reason.contains("unknown option") {
        return "it has a parameter that is not known; a ? in a password is written %3F".to_owned();
    }
    reason
}

/// `%2F` and the like in a path.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Host and port as people write them; several, where the address names several.
fn place(config: &Config) -> String {
    let ports = config.get_ports();
    let names: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(i, host)| {
            let port = ports.get(i).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        })
        .collect();
    names.join(",")
}

/// An error and what it came from, in one line.
fn reason(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = error.source();
    }
    text
}
