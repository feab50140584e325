//! What can go wrong: one kind for each thing that a person or a program can do something about.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use unionflow_protocol::{
    Language,
    frame::OrganizationChoice,
    problem::{ErrorCode, Problem},
};

/// Something went wrong: what kind of thing, and where known the server's own code for it.
///
/// ```
/// use unionflow_client::{ClientError, ErrorKind};
/// use unionflow_protocol::Language;
///
/// let error = ClientError::new(ErrorKind::DeadLink);
/// assert_eq!(error.kind(), ErrorKind::DeadLink);
/// assert_eq!(error.text(Language::English), "The server is not heard any more.");
/// ```
#[derive(Clone)]
pub struct ClientError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    code: Option<ErrorCode>,
    status: Option<u16>,
    retry_after: Option<Duration>,
    detail: Option<String>,
    choices: Vec<OrganizationChoice>,
    problem: Option<Box<Problem>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $french:literal $english:literal;)+) => {
        /// What went wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[$doc])* $kind),+ }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Its name, the same in conversations and logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind)),+ }
            }

            /// What it means, for a person: one line on screen.
            pub const fn text(self, language: Language) -> &'static str {
                match self { $(Self::$kind => language.pick($french, $english)),+ }
            }
        }
    };
}

kinds! {
    /// The name of the server could not be found, or nobody listens there.
    Unreachable "Le serveur est injoignable." "The server cannot be reached.";
    /// TLS did not agree: a certificate that is not trusted, or no TLS at the other end.
    Tls "La connexion n’est pas sûre : le certificat du serveur n’est pas accepté." "The connection is not safe: the server's certificate is not trusted.";
    /// There was no answer in time.
    Timeout "Le serveur ne répond pas à temps." "The server does not answer in time.";
    /// The connection was cut.
    Broken "La connexion a été coupée." "The connection was cut.";
    /// Nothing is heard any more: no answer to the ping.
    DeadLink "On n’entend plus le serveur." "The server is not heard any more.";
    /// The socket was accepted, and no welcome came.
    SaysNothing "Le serveur accepte la connexion mais ne dit rien." "The server accepts the connection and says nothing.";
    /// Something answered that is no UnionFlow server: a proxy's page, another program.
    NotUnionFlow "Ce qui répond à cette adresse n’est pas un serveur UnionFlow." "What answers at this address is no UnionFlow server.";
    /// A proxy answers for a server that is away: 502, 504 with a page.
    BadGateway "Un relais répond à la place du serveur, qui est absent." "A proxy answers in place of the server, which is away.";
    /// The server speaks a version that this program does not understand.
    OtherVersion "Le serveur parle une version que ce programme ne comprend pas." "The server speaks a version that this program does not understand.";
    /// A frame or an answer that is not JSON.
    NotJson "Le serveur a envoyé autre chose que du JSON." "The server sent something that is not JSON.";
    /// A frame that is not text.
    NotText "Le serveur a envoyé autre chose que du texte." "The server sent something that is not text.";
    /// JSON that is neither an event nor about the session.
    UnknownFrame "Le serveur a envoyé un message inconnu." "The server sent an unknown message.";
    /// A frame or an answer beyond every limit.
    TooBig "Le serveur a envoyé un message trop grand." "The server sent a message that is too big.";
    /// The rules of WebSocket or HTTP were broken.
    Protocol "Le serveur ne respecte pas le protocole." "The server broke the protocol.";
    /// The server is overloaded, restarting, or cannot read its store.
    Unavailable "Le serveur n’est pas disponible pour le moment." "The server is not available at the moment.";
    /// Too much was asked, or too many sockets are open.
    Busy "Trop de demandes ; patience." "Too many requests; wait a little.";
    /// The server is restarting and said when to come back.
    GoAway "Le serveur redémarre." "The server is restarting.";
    /// This client read too slowly and comes back at once.
    TooSlow "Cet appareil lit trop lentement ; il reprend où il en était." "This device reads too slowly; it goes on where it was.";
    /// The access token ended.
    TokenEnded "L’accès a expiré ; il est renouvelé." "The access has ended; it is being renewed.";
    /// A token that was just issued was refused.
    TokenRefused "Le serveur refuse l’accès." "The server refuses the access.";
    /// The person must sign in again.
    SignInRequired "Connectez-vous de nouveau." "Sign in again.";
    /// The provider could not give a token now.
    TokenUnavailable "L’accès n’a pas pu être renouvelé ; nouvel essai." "The access could not be renewed; trying again.";
    /// This origin, or this person, may not connect here.
    Forbidden "Cet accès n’est pas autorisé ici." "This access is not allowed here.";
    /// The person is not an active member there.
    NotAMember "Vous n’êtes pas membre actif de cette organisation." "You are not an active member of this organisation.";
    /// The membership ended or was suspended.
    MembershipEnded "Votre adhésion est terminée ou suspendue." "Your membership has ended or is suspended.";
    /// The person belongs to several organisations and none was named.
    OrganizationRequired "Choisissez l’organisation." "Choose the organisation.";
    /// The organisation that was asked for was refused.
    SwitchRefused "Cette organisation a été refusée." "That organisation was refused.";
    /// The server will never take this request.
    BadRequest "Le serveur n’accepte pas cette demande." "The server does not take this request.";
    /// A frame of ours was refused; the session goes on.
    FrameRefused "Le serveur a refusé un message de ce programme." "The server refused a message of this program.";
    /// Snapshots could not be fetched.
    Snapshots "Les données n’ont pas pu être rechargées ; nouvel essai." "The data could not be fetched anew; trying again.";
    /// The cursor could not be read or kept.
    CursorStore "La position n’a pas pu être conservée sur cet appareil." "The position could not be kept on this device.";
    /// A command or a question was refused, with a code.
    Refused "La demande a été refusée." "The request was refused.";
    /// The client was closed.
    Closed "Ce programme a fermé la connexion." "This program has closed the connection.";
}

impl ClientError {
    /// An error of this kind.
    pub fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            kind,
            code: None,
            status: None,
            retry_after: None,
            detail: None,
            choices: Vec::new(),
            problem: None,
            source: None,
        }))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The server's stable code, where it gave one.
    pub fn code(&self) -> Option<ErrorCode> {
        self.0.code
    }

    /// The HTTP status, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// More about it, for developers, in English; of a problem, what to do about it, in the caller's language.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// With [`ErrorKind::OrganizationRequired`]: the organisations to choose from.
    pub fn choices(&self) -> &[OrganizationChoice] {
        &self.0.choices
    }

    /// The whole problem that the REST API answered: the fields at fault, the resource as it stands now.
    pub fn problem(&self) -> Option<&Problem> {
        self.0.problem.as_deref()
    }

    /// One line for a person: the server's code says it best.
    pub fn text(&self, language: Language) -> &'static str {
        match (self.0.kind, self.0.code) {
            (ErrorKind::Refused, Some(code)) => code.title(language),
            (kind, _) => kind.text(language),
        }
    }

    /// With the server's code.
    #[must_use]
    pub fn with_code(mut self, code: Option<ErrorCode>) -> Self {
        self.0.code = code;
        self
    }

    /// With the problem that the REST API answered, and its code, status and detail.
    #[must_use]
    pub fn with_problem(mut self, problem: Problem) -> Self {
        (self.0.code, self.0.status) = (Some(problem.code), Some(problem.status));
        self.0.detail.clone_from(&problem.detail);
        self.0.problem = Some(Box::new(problem));
        self
    }

    /// With the HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// With how long the server asks to wait.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.0.retry_after = retry_after;
        self
    }

    /// With more about it, for developers.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// With the organisations to choose from.
    #[must_use]
    pub fn with_choices(mut self, choices: Vec<OrganizationChoice>) -> Self {
        self.0.choices = choices;
        self
    }

    /// With what it comes from.
    #[must_use]
    pub fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(Language::English).trim_end_matches('.'))?;
        if let Some(code) = self.0.code {
            write!(f, " ({code})")?;
        }
        if let Some(detail) = &self.0.detail {
            write!(f, ": {detail}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.kind.name())
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<ErrorKind> for ClientError {
    fn from(kind: ErrorKind) -> Self {
        Self::new(kind)
    }
}

/// Two errors are the same if a program would do the same about them.
impl PartialEq for ClientError {
    fn eq(&self, other: &Self) -> bool {
        (self.0.kind, self.0.code, self.0.status) == (other.0.kind, other.0.code, other.0.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_line_in_both_languages() {
        for language in Language::ALL {
            let mut lines: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.text(*language)).collect();
            assert!(lines.iter().all(|line| line.ends_with('.') && line.chars().count() < 80), "{lines:?}");
            lines.sort_unstable();
            let all = lines.len();
            lines.dedup();
            assert_eq!(lines.len(), all);
        }
    }
}
