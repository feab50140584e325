//! What can go wrong with a PostgreSQL server, in the operator's words. Never with the password.

use unionflow_protocol::problem::ErrorCode;

/// The database server cannot do its work. `at` is its host and port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostgresFault {
    /// The address does not read.
    #[error(
        "the address of the database cannot be read ({0}): write it as postgres://USER:PASSWORD@HOST:5432/DATABASE"
    )]
    Address(String),
    /// Nobody answers, or no longer.
    #[error(
        "the database at {at} cannot be reached ({reason}): start it, or check the address and the network"
    )]
    Unreachable {
        /// Where.
        at: String,
        /// Why.
        reason: String,
    },
    /// It does not let us in.
    #[error(
        "the database at {at} refuses the user `{user}` ({reason}): check the name and the password, and pg_hba.conf"
    )]
    Refused {
        /// Where.
        at: String,
        /// Whom.
        user: String,
        /// Why.
        reason: String,
    },
    /// There is no such database.
    #[error("there is no database `{database}` at {at}: make it with `createdb {database}`")]
    NoDatabase {
        /// Where.
        at: String,
        /// Which.
        database: String,
    },
    /// It has no connection left.
    #[error(
        "the database at {at} takes no more connections: raise max_connections there, or run fewer processes"
    )]
    TooManyConnections {
        /// Where.
        at: String,
    },
    /// It takes no writes.
    #[error(
        "the database at {at} takes no writes, it is a standby or set to read-only: give the address of the primary"
    )]
    ReadOnly {
        /// Where.
        at: String,
    },
    /// The user may not do what is needed.
    #[error("the user `{user}` may not do this at {at} ({reason}): make that user the owner of the database")]
    NoRight {
        /// Where.
        at: String,
        /// Who.
        user: String,
        /// What.
        reason: String,
    },
    /// The encrypted connection does not come about.
    #[error(
        "no trusted connection to the database at {at} ({reason}): check sslmode, and that sslrootcert names the file of the authority that signed its certificate"
    )]
    Tls {
        /// Where.
        at: String,
        /// Why.
        reason: String,
    },
    /// There are tables that are not ours.
    #[error(
        "the database `{database}` at {at} holds tables of another program: give UnionFlow a database of its own"
    )]
    Foreign {
        /// Where.
        at: String,
        /// Which.
        database: String,
    },
    /// There is a store already, where one is to arrive.
    #[error(
        "the database `{database}` at {at} is not empty: make an empty one under another name (`createdb NAME`) and give that; nothing there was touched"
    )]
    NotEmpty {
        /// Where.
        at: String,
        /// Which.
        database: String,
    },
    /// The connection broke while a unit was committed.
    #[error(
        "the connection to the database at {at} broke during a commit: whether it was written is not known; a repeat with the same idempotency key tells"
    )]
    Unknown {
        /// Where.
        at: String,
    },
    /// It is not the one that this process began with.
    #[error(
        "the database at {at} was restored or failed over since this process began: start it again, so that clients fetch snapshots"
    )]
    Reincarnated {
        /// Where.
        at: String,
    },
}

impl PostgresFault {
    pub(super) fn in_french(&self) -> String {
        match self {
            Self::Address(reason) => format!(
                "l’adresse de la base de données est illisible ({}) : écrivez-la postgres://UTILISATEUR:MOTDEPASSE@HÔTE:5432/BASE",
                address_in_french(reason)
            ),
            Self::Unreachable { at, reason } => format!(
                "la base de données {at} est injoignable ({reason}) : démarrez-la, ou vérifiez l’adresse et le réseau"
            ),
            Self::Refused { at, user, reason } => format!(
                "la base de données {at} refuse l’utilisateur `{user}` ({reason}) : vérifiez le nom et le mot de passe, et pg_hba.conf"
            ),
            Self::NoDatabase { at, database } => {
                format!("il n’y a pas de base `{database}` sur {at} : créez-la avec `createdb {database}`")
            }
            Self::TooManyConnections { at } => format!(
                "la base de données {at} n’accepte plus de connexions : augmentez max_connections, ou lancez moins de processus"
            ),
            Self::ReadOnly { at } => format!(
                "la base de données {at} n’accepte pas d’écritures, c’est un serveur secondaire ou en lecture seule : donnez l’adresse du serveur principal"
            ),
            Self::NoRight { at, user, reason } => format!(
                "l’utilisateur `{user}` n’a pas ce droit sur {at} ({reason}) : faites-en le propriétaire de la base"
            ),
            Self::Tls { at, reason } => format!(
                "pas de connexion sûre à la base de données {at} ({reason}) : vérifiez sslmode, et que sslrootcert nomme le fichier de l’autorité qui a signé son certificat"
            ),
            Self::Foreign { at, database } => format!(
                "la base `{database}` sur {at} contient les tables d’un autre programme : donnez à UnionFlow une base à lui"
            ),
            Self::NotEmpty { at, database } => format!(
                "la base `{database}` sur {at} n’est pas vide : créez-en une vide sous un autre nom (`createdb NOM`) et donnez celle-là ; rien n’y a été touché"
            ),
            Self::Unknown { at } => format!(
                "la connexion à la base de données {at} s’est rompue pendant une validation : on ne sait pas si elle a été écrite ; une répétition avec la même clé d’idempotence le dira"
            ),
            Self::Reincarnated { at } => format!(
                "la base de données {at} a été restaurée ou remplacée depuis le démarrage : relancez ce processus, pour que les clients reprennent des instantanés"
            ),
        }
    }

    pub(super) const fn code(&self) -> ErrorCode {
        ErrorCode::Unavailable
    }
}

/// What is wrong with an address, in French; what the driver seldom says stays as it is.
fn address_in_french(reason: &str) -> String {
    const KNOWN: [(&str, &str); 10] = [
        ("it does not begin with postgres://", "elle ne commence pas par postgres://"),
        ("it names no host", "elle ne nomme pas de serveur"),
        ("it names no user", "elle ne nomme pas d’utilisateur"),
        ("it has not as many hostaddr", "elle n’a pas autant de hostaddr que de serveurs"),
        ("it has not as many ports", "elle n’a pas autant de ports que de serveurs"),
        (
            "sslnegotiation=direct is of use",
            "sslnegotiation=direct ne sert qu’avec sslmode=require ou verify-full",
        ),
        ("sslmode is not one of", "sslmode n’est ni disable, ni prefer, ni require, ni verify-full"),
        ("sslrootcert is of use", "sslrootcert ne sert qu’avec sslmode=verify-full"),
        (
            "it has a parameter that is not known",
            "elle a un paramètre inconnu ; un ? dans un mot de passe s’écrit %3F",
        ),
        ("invalid connection string: unexpected EOF", "il en manque la fin"),
    ];
    let known = KNOWN.iter().find(|(english, _)| reason.starts_with(english));
    known.map_or_else(
        || {
            reason
                .replace("invalid connection string: ", "")
                .replace("invalid configuration: ", "")
                .replace("invalid value for option", "valeur impossible pour")
        },
        |(_, french)| (*french).to_owned(),
    )
}
