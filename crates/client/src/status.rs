//! How the connection stands.

use std::time::Duration;

use unionflow_protocol::Language;

use crate::error::ClientError;

/// How the connection stands, with the reason and the next attempt.
///
/// ```
/// use unionflow_client::{ConnectionStatus, ErrorKind};
/// use unionflow_protocol::Language;
///
/// let status = ConnectionStatus::Waiting {
///     reason: ErrorKind::Broken.into(),
///     retry_in: std::time::Duration::from_secs(3),
///     attempt: 2,
/// };
/// assert!(!status.is_connected());
/// assert_eq!(status.text(Language::English), "Offline; next attempt in 3 s");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum ConnectionStatus {
    /// Nobody asked to connect, or somebody asked to disconnect.
    Disconnected,
    /// A connection is being made.
    Connecting {
        /// Failures before.
        attempt: u32,
    },
    /// Connected; what was missed is being told.
    CatchingUp,
    /// Connected; snapshots are being fetched.
    Resyncing,
    /// Connected and complete.
    Live,
    /// Not connected; the next attempt is known.
    Waiting {
        /// Why.
        reason: ClientError,
        /// When the next attempt comes, from when this was said.
        retry_in: Duration,
        /// Failures so far.
        attempt: u32,
    },
    /// Not connected, and no attempt will be made: it would be refused again.
    Stopped {
        /// Why.
        reason: ClientError,
    },
}

impl ConnectionStatus {
    /// Whether events come: the first system's plain answer.
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::CatchingUp | Self::Resyncing | Self::Live)
    }

    /// Why it is not connected, where there is a reason.
    pub const fn reason(&self) -> Option<&ClientError> {
        match self {
            Self::Waiting { reason, .. } | Self::Stopped { reason } => Some(reason),
            Self::Disconnected
            | Self::Connecting { .. }
            | Self::CatchingUp
            | Self::Resyncing
            | Self::Live => None,
        }
    }

    /// One short line for a person.
    pub fn text(&self, language: Language) -> String {
        let fixed = |french, english| language.pick(french, english).to_owned();
        match self {
            Self::Disconnected => fixed("Déconnecté", "Disconnected"),
            Self::Connecting { .. } => fixed("Connexion…", "Connecting…"),
            Self::CatchingUp => fixed("Rattrapage…", "Catching up…"),
            Self::Resyncing => fixed("Rechargement…", "Fetching anew…"),
            Self::Live => fixed("En direct", "Live"),
            Self::Waiting { retry_in, .. } => {
                let seconds = retry_in.as_secs_f64().ceil();
                match language {
                    Language::French => format!("Hors ligne ; nouvel essai dans {seconds} s"),
                    Language::English => format!("Offline; next attempt in {seconds} s"),
                }
            }
            Self::Stopped { reason } => reason.text(language).trim_end_matches('.').to_owned(),
        }
    }
}
