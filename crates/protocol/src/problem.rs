//! What is answered when something is refused: RFC 9457 problems with a stable code.

use serde::{Deserialize, Serialize};

use crate::language::Language;

mod code;

pub use code::ErrorCode;

/// A text that is none of the codes of an enum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownCode {
    text: String,
    known: &'static [&'static str],
}

impl UnknownCode {
    pub(crate) fn new(text: &str, known: &'static [&'static str]) -> Self {
        Self { text: text.chars().take(64).collect(), known }
    }
}

impl std::fmt::Display for UnknownCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` is none of {}", self.text, self.known.join(", "))
    }
}

impl std::error::Error for UnknownCode {}

/// An `application/problem+json` body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:unionflow:problem:` and the code in lower case.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong, in the caller's language.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code that programs match on.
    pub code: ErrorCode,
    /// What to do about it, in the caller's language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// With `CONTENT_CHANGED` and other conflicts: the resource as it stands now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<serde_json::Value>,
    /// With `DUPLICATE_REQUEST`: the request that already waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<crate::id::ApprovalId>,
    /// The trace to name when asking for help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldProblem {
    /// Where, as a JSON Pointer: `/amount`, `/details/accountId`. For query parameters and headers, their name.
    pub pointer: String,
    /// The stable code.
    pub code: FieldCode,
    /// What would be right, in the caller's language.
    pub detail: String,
}

crate::macros::codes! {
    /// What is wrong with a field.
    pub enum FieldCode {
        /// It is missing.
        Required = "REQUIRED",
        /// It is not of the kind that belongs there.
        WrongType = "WRONG_TYPE",
        /// It cannot be read.
        Invalid = "INVALID",
        /// There is no such field.
        UnknownField = "UNKNOWN_FIELD",
        /// It is too short, too small or too few.
        TooSmall = "TOO_SMALL",
        /// It is too long, too big or too many.
        TooLarge = "TOO_LARGE",
        /// It names something that does not exist here.
        NotFound = "NOT_FOUND",
        /// It may not be given here.
        NotAllowed = "NOT_ALLOWED",
        /// It does not fit another field.
        Mismatch = "MISMATCH",
        /// It is taken.
        Taken = "TAKEN",
        /// It is too easy to guess.
        TooWeak = "TOO_WEAK",
    }
}

impl Problem {
    /// The problem of a code.
    pub fn new(code: ErrorCode, language: Language) -> Self {
        Self {
            kind: format!("urn:unionflow:problem:{}", code.as_str().to_ascii_lowercase().replace('_', "-")),
            title: code.title(language).to_owned(),
            status: code.status(),
            code,
            detail: None,
            errors: Vec::new(),
            current: None,
            approval_id: None,
            trace_id: None,
        }
    }
}
