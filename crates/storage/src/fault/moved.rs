//! What can be said of a store that moves to a database, or has moved.

use std::path::PathBuf;

/// A store that is elsewhere, or does not go there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoveFault {
    /// It is in a database now.
    #[error(
        "the store of `{path}` was moved to {to}: serve that one (database_url). To give that one up and go on with this file as it was then: `unionflow migrate --take-back`"
    )]
    Moved {
        /// Which.
        path: PathBuf,
        /// Where to, without a password.
        to: String,
    },
    /// It set out for a database, and may be there.
    #[error(
        "the move of `{path}` to {to} was interrupted: run `unionflow migrate --to` once more, which finds out how far it came, or give it up with `unionflow migrate --take-back`"
    )]
    Interrupted {
        /// Which.
        path: PathBuf,
        /// Where to, without a password.
        to: String,
    },
    /// It was never moved.
    #[error("the store of `{0}` was not moved: there is nothing to take back")]
    Never(PathBuf),
    /// What would have arrived is not what was there.
    #[error(
        "what would be moved does not verify ({0}): nothing was moved; run `unionflow verify` on the file"
    )]
    Differs(String),
}

impl MoveFault {
    pub(super) fn in_french(&self) -> String {
        match self {
            Self::Moved { path, to } => format!(
                "les données de `{}` ont été déplacées vers {to} : servez celles-là (database_url). Pour y renoncer et reprendre ce fichier tel qu’il était : `unionflow migrate --take-back`",
                path.display()
            ),
            Self::Interrupted { path, to } => format!(
                "le déplacement de `{}` vers {to} a été interrompu : relancez `unionflow migrate --to`, qui verra où il en était, ou renoncez-y avec `unionflow migrate --take-back`",
                path.display()
            ),
            Self::Never(path) => format!(
                "les données de `{}` n’ont pas été déplacées : il n’y a rien à reprendre",
                path.display()
            ),
            Self::Differs(what) => format!(
                "ce qui serait déplacé ne se vérifie pas ({what}) : rien n’a été déplacé ; lancez `unionflow verify` sur le fichier"
            ),
        }
    }
}
