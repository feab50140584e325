//! What can go wrong below the rules, each with a sentence that says what to do.

use std::path::PathBuf;

use unionflow_domain::{Fault, Refusal};
use unionflow_protocol::{Language, problem::ErrorCode};

mod moved;
mod postgres;

pub use moved::MoveFault;
pub use postgres::PostgresFault;

/// The store cannot do its work. Nothing of the unit was written, except where [`PostgresFault::Unknown`] says that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// No room on the disk.
    #[error("the disk is full: free some space; nothing was lost, what was not acknowledged was not written")]
    Full,
    /// The file or its folder cannot be written.
    #[error("`{0}` cannot be written: give the server's user the right to write the file and its folder")]
    ReadOnly(PathBuf),
    /// The file cannot be opened.
    #[error(
        "`{path}` cannot be opened ({reason}): check the path and its rights, or choose another with --data"
    )]
    CannotOpen {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The folder does not exist and cannot be made.
    #[error("the folder `{path}` cannot be made: {reason}; make it, or choose another with --data")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file is damaged.
    #[error(
        "`{path}` is damaged ({reason}): stop the server, keep the file, and restore the newest backup with `unionflow restore`"
    )]
    Corrupt {
        /// Which.
        path: PathBuf,
        /// What SQLite found.
        reason: String,
    },
    /// A copy that is to be restored is damaged.
    #[error("the copy `{path}` is damaged ({reason}): nothing was changed; take another backup")]
    CorruptCopy {
        /// Which.
        path: PathBuf,
        /// What SQLite found.
        reason: String,
    },
    /// A copy that is to be restored is not there.
    #[error("there is no file `{0}`: give the path of a backup")]
    NoCopy(PathBuf),
    /// What is to be restored is something else.
    #[error("`{0}` is not a backup of UnionFlow: give the path of a file that `unionflow backup` made")]
    NotACopy(PathBuf),
    /// The folder that a backup is to lie in is not there.
    #[error("there is no folder `{0}`: make it, or mount the disk it belongs to")]
    NoFolder(PathBuf),
    /// The file is something else.
    #[error("`{0}` is not a UnionFlow store: choose another folder with --data")]
    Foreign(PathBuf),
    /// There is no store yet.
    #[error("there is no store at `{0}`: start the server once, or choose another folder with --data")]
    Missing(PathBuf),
    /// There is a file already, where a backup or a restored store is to be.
    #[error("`{0}` exists already: choose another name, or move it away first")]
    Exists(PathBuf),
    /// Another server has it open.
    #[error("another server already runs on `{0}`: stop it, or choose another folder with --data")]
    InUse(PathBuf),
    /// It was moved to a database, or is not moved to one.
    #[error(transparent)]
    Move(#[from] MoveFault),
    /// A newer version wrote it.
    #[error(
        "the store is of a newer version (schema {found}, this program knows {known}): install the newer UnionFlow"
    )]
    Newer {
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Too many wait, or too long.
    #[error("the store is busy: try again")]
    Busy,
    /// It was closed.
    #[error("the store is closed")]
    Closed,
    /// A row that must not exist twice.
    #[error("constraint: {0}")]
    Constraint(String),
    /// What is stored does not read as what it should be: a fault of ours, or somebody wrote to the store by hand.
    #[error("stored data is malformed ({0}): run `unionflow verify`, and keep the file")]
    Malformed(String),
    /// A PostgreSQL server cannot do its work.
    #[error(transparent)]
    Postgres(#[from] PostgresFault),
    /// Anything else the database says.
    #[error("database: {0}")]
    Database(String),
}

/// What the system or SQLite gives as a reason, where it is one that people meet.
fn reason_in_french(reason: &str) -> &str {
    const KNOWN: [(&str, &str); 8] = [
        ("permission denied", "permission refusée"),
        ("read-only", "le disque est en lecture seule"),
        ("not a directory", "un élément du chemin n’est pas un dossier"),
        ("is a directory", "c’est un dossier"),
        ("no such file", "le chemin n’existe pas"),
        ("malformed", "fichier tronqué ou abîmé"),
        ("not a database", "fichier tronqué ou abîmé"),
        ("unable to open", "ouverture impossible"),
    ];
    let lower = reason.to_lowercase();
    KNOWN.iter().find(|(english, _)| lower.contains(english)).map_or(reason, |(_, french)| french)
}

impl StoreFault {
    /// The sentence for the operator, in the operator's language.
    pub fn text(&self, language: Language) -> String {
        match language {
            Language::English => self.to_string(),
            Language::French => self.in_french(),
        }
    }

    fn in_french(&self) -> String {
        match self {
            Self::Full => "le disque est plein : libérez de la place ; rien n’est perdu, ce qui n’a pas été confirmé n’a pas été écrit".to_owned(),
            Self::ReadOnly(path) => format!(
                "impossible d’écrire `{}` : donnez à l’utilisateur du serveur le droit d’écrire le fichier et son dossier",
                path.display()
            ),
            Self::CannotOpen { path, reason } => format!(
                "impossible d’ouvrir `{}` ({reason}) : vérifiez le chemin et ses droits, ou choisissez-en un autre avec --data",
                path.display(),
                reason = reason_in_french(reason)
            ),
            Self::Folder { path, reason } => format!(
                "impossible de créer le dossier `{}` : {reason} ; créez-le, ou choisissez-en un autre avec --data",
                path.display(),
                reason = reason_in_french(reason)
            ),
            Self::Corrupt { path, reason } => format!(
                "`{}` est endommagé ({reason}) : arrêtez le serveur, gardez le fichier, et restaurez la dernière sauvegarde avec `unionflow restore`",
                path.display(),
                reason = reason_in_french(reason)
            ),
            Self::CorruptCopy { path, reason } => format!(
                "la copie `{}` est endommagée ({reason}) : rien n’a été changé ; prenez une autre sauvegarde",
                path.display(),
                reason = reason_in_french(reason)
            ),
            Self::NoCopy(path) => {
                format!("il n’y a pas de fichier `{}` : donnez le chemin d’une sauvegarde", path.display())
            }
            Self::NotACopy(path) => format!(
                "`{}` n’est pas une sauvegarde d’UnionFlow : donnez le chemin d’un fichier fait par `unionflow backup`",
                path.display()
            ),
            Self::NoFolder(path) => format!(
                "le dossier `{}` n’existe pas : créez-le, ou branchez le disque où il se trouve",
                path.display()
            ),
            Self::Foreign(path) => format!(
                "`{}` ne contient pas de données d’UnionFlow : choisissez un autre dossier avec --data",
                path.display()
            ),
            Self::Missing(path) => format!(
                "il n’y a pas de données dans `{}` : démarrez le serveur une première fois, ou choisissez un autre dossier avec --data",
                path.display()
            ),
            Self::Exists(path) => {
                format!("`{}` existe déjà : choisissez un autre nom, ou déplacez-le d’abord", path.display())
            }
            Self::InUse(path) => format!(
                "un autre serveur utilise déjà `{}` : arrêtez-le, ou choisissez un autre dossier avec --data",
                path.display()
            ),
            Self::Move(fault) => fault.in_french(),
            Self::Newer { found, known } => format!(
                "les données viennent d’une version plus récente (schéma {found}, ce programme connaît {known}) : installez l’UnionFlow plus récent"
            ),
            Self::Busy => "les données sont occupées : réessayez".to_owned(),
            Self::Closed => "les données sont fermées".to_owned(),
            Self::Constraint(what) => format!("contrainte : {what}"),
            Self::Malformed(what) => format!(
                "des données enregistrées ne se lisent pas ({what}) : lancez `unionflow verify`, et gardez le fichier"
            ),
            Self::Postgres(fault) => fault.in_french(),
            Self::Database(what) => format!("base de données : {what}"),
        }
    }

    /// What the caller of a command is told.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Full => ErrorCode::StorageFull,
            Self::Busy => ErrorCode::Busy,
            Self::Closed => ErrorCode::Draining,
            Self::Postgres(fault) => fault.code(),
            Self::ReadOnly(_)
            | Self::CannotOpen { .. }
            | Self::Folder { .. }
            | Self::Corrupt { .. }
            | Self::CorruptCopy { .. }
            | Self::NoCopy(_)
            | Self::NotACopy(_)
            | Self::NoFolder(_)
            | Self::Foreign(_)
            | Self::Missing(_)
            | Self::Exists(_)
            | Self::InUse(_)
            | Self::Move(_)
            | Self::Newer { .. } => ErrorCode::Unavailable,
            Self::Constraint(_) | Self::Malformed(_) | Self::Database(_) => ErrorCode::Internal,
        }
    }
}

/// Why a unit of work was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undo {
    /// The rules say no. Its idempotency row stays: a repeat gets the same answer.
    Refused(Box<Refusal>),
    /// The store could not. Its idempotency row is gone too: a repeat is a new try.
    Fault(StoreFault),
}

impl Undo {
    /// The code that a caller sees.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(refusal) => refusal.code,
            Self::Fault(fault) => fault.code(),
        }
    }
}

impl From<Refusal> for Undo {
    /// A fault of ours is no refusal: it frees the key, so that a repeat is a new try, and is logged with its place.
    #[track_caller]
    fn from(refusal: Refusal) -> Self {
        if refusal.code == ErrorCode::Internal {
            let place = std::panic::Location::caller();
            return StoreFault::Malformed(format!("what must be there is not, at {place}")).into();
        }
        Self::Refused(Box::new(refusal))
    }
}

impl From<Fault> for Undo {
    fn from(fault: Fault) -> Self {
        Refusal::from(fault).into()
    }
}

impl From<ErrorCode> for Undo {
    #[track_caller]
    fn from(code: ErrorCode) -> Self {
        Refusal::from(code).into()
    }
}

impl From<StoreFault> for Undo {
    fn from(fault: StoreFault) -> Self {
        Self::Fault(fault)
    }
}

impl std::fmt::Display for Undo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.code.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}
