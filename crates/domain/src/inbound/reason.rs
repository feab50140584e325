//! Why a record is not taken in.

use std::{fmt, str::FromStr};

use unionflow_protocol::{
    Language,
    problem::{ErrorCode, FieldCode},
};

use super::DATA_KIBIBYTES_MAX;
use crate::{detail::Detail, hint::Hint, refusal::Refusal};

macro_rules! reasons {
    ($($variant:ident = $code:literal, $french:literal, $english:literal;)+) => {
        /// Why a record is not taken in: a stable code, in headers and metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $(#[doc = $english] $variant),+ }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What it means, and what to do.
            pub const fn text(self, language: Language) -> &'static str {
                let (french, english) = match self { $(Self::$variant => ($french, $english)),+ };
                language.pick(french, english)
            }
        }
    };
}

reasons! {
    NotJson = "NOT_JSON",
        "La valeur n’est pas un objet JSON : c’est à l’émetteur de la corriger.",
        "The value is no JSON object: its sender corrects it.";
    TooLarge = "TOO_LARGE",
        "Le message est trop grand : que l’émetteur envoie moins à la fois.",
        "The record is too large: its sender sends less at once.";
    FutureVersion = "FUTURE_VERSION",
        "La version de CloudEvents est inconnue : l’émetteur envoie 1.0, ou mettez UnionFlow à jour.",
        "The version of CloudEvents is not known: its sender sends 1.0, or update UnionFlow.";
    UnknownOrganization = "UNKNOWN_ORGANIZATION",
        "L’organisation est inconnue : nommez-la dans `inbound_organizations`, redémarrez, puis `unionflow dead-letters replay`.",
        "The organisation is not known: name it in `inbound_organizations`, start again, then `unionflow dead-letters replay`.";
    SourceNotAllowed = "SOURCE_NOT_ALLOWED",
        "Cette source ne peut rien envoyer, ou pas pour cette organisation : ajoutez-la à `inbound_sources` si elle doit le pouvoir.",
        "This source may send nothing, or nothing for this organisation: add it to `inbound_sources` if it should.";
    TypeNotAllowed = "TYPE_NOT_ALLOWED",
        "Cette source ne peut pas envoyer ce type : ajoutez-le dans `inbound_sources` si elle doit le pouvoir.",
        "This source may not send this type: add it in `inbound_sources` if it should.";
    UnknownType = "UNKNOWN_TYPE",
        "Le type manque ou n’est pas au catalogue : l’émetteur le corrige, ou mettez UnionFlow à jour.",
        "The type is missing or not in the catalogue: its sender corrects it, or update UnionFlow.";
    NotAFact = "NOT_A_FACT",
        "UnionFlow calcule lui-même ces chiffres : l’émetteur n’a pas à les envoyer.",
        "UnionFlow computes these figures itself: nobody needs to send them.";
    AheadOfJournal = "AHEAD_OF_JOURNAL",
        "Le message se dit d’UnionFlow, au-delà de la fin du journal : une imitation, ou le journal a été ramené en arrière.",
        "The record says to be UnionFlow's, beyond the end of the journal: a forgery, or the journal was set back.";
    NotOurs = "NOT_OURS",
        "Le message se dit d’UnionFlow et n’est pas au journal : une imitation, ou le message d’un autre UnionFlow.",
        "The record says to be UnionFlow's and is not in the journal: a forgery, or another UnionFlow's.";
    BadId = "BAD_ID",
        "Un identifiant n’est pas un texte de longueur permise : c’est à l’émetteur de le corriger.",
        "An id is no text of a permitted length: its sender corrects it.";
    BadData = "BAD_DATA",
        "Un champ n’est pas ce qu’il doit être : c’est à l’émetteur de le corriger.",
        "A field is not what it should be: its sender corrects it.";
    NoAudience = "NO_AUDIENCE",
        "L’événement n’est que pour un membre, inconnu ici : l’émetteur doit donner l’identifiant du membre dans UnionFlow.",
        "The event is for one member only, who is not known here: its sender gives UnionFlow's id of the member.";
    Refused = "REFUSED",
        "Les données l’ont refusé : le journal du serveur dit pourquoi.",
        "The store refused it: the server's log says why.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|reason| reason.as_str() == text);
        found
            .copied()
            .ok_or_else(|| Self::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", "))
    }
}

/// Why a record is not taken in, and which field it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Why.
    pub reason: Reason,
    /// The field and what to do, without what the record says.
    pub detail: String,
    /// What would be right there, for whoever is answered at once.
    pub hint: Hint,
}

impl Rejected {
    /// For this reason.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), hint: Hint::OtherValue }
    }

    /// With what would be right.
    #[must_use]
    pub fn hinting(self, hint: Hint) -> Self {
        Self { hint, ..self }
    }

    /// The field that its detail begins with, as a JSON Pointer.
    fn pointer(&self) -> String {
        let field = self.detail.split(": ").next().unwrap_or_default();
        format!("/{}", field.replace(['.', '['], "/").replace(']', ""))
    }
}

/// As whoever sent it by REST is answered.
impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        let code = match rejected.reason {
            Reason::TooLarge => {
                return Self::because(ErrorCode::BodyTooLarge, Detail::KibibytesAtMost(DATA_KIBIBYTES_MAX));
            }
            Reason::UnknownOrganization | Reason::NoAudience => FieldCode::NotFound,
            Reason::SourceNotAllowed | Reason::TypeNotAllowed => FieldCode::NotAllowed,
            Reason::NotJson
            | Reason::FutureVersion
            | Reason::UnknownType
            | Reason::NotAFact
            | Reason::AheadOfJournal
            | Reason::NotOurs
            | Reason::BadId
            | Reason::BadData
            | Reason::Refused => FieldCode::Invalid,
        };
        Self::field(rejected.pointer(), code, rejected.hint)
    }
}
