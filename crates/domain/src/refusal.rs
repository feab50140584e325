//! A command that may not happen: why, and which fields are at fault.

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    id::ApprovalId,
    problem::{ErrorCode, FieldCode},
};

use crate::{detail::Detail, hint::Hint};

/// Why a command was refused. Nothing was changed. Kept with the idempotency key, so a repeat gets the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The stable code.
    pub code: ErrorCode,
    /// More than the code says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
    /// The fields at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// The request that the caller should look at, of `DUPLICATE_REQUEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<ApprovalId>,
    /// The resource as it stands, of conflicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<serde_json::Value>,
    /// Seconds to wait before the next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// One field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where, as a JSON Pointer.
    pub pointer: String,
    /// What is wrong with it.
    pub code: FieldCode,
    /// What would be right.
    pub hint: Hint,
}

impl Refusal {
    /// A field is not valid.
    pub fn field(pointer: impl Into<String>, code: FieldCode, hint: Hint) -> Self {
        Self { faults: vec![Fault::new(pointer, code, hint)], ..ErrorCode::ValidationFailed.into() }
    }

    /// A request that is already open.
    pub fn duplicate_of(approval: ApprovalId) -> Self {
        Self { approval_id: Some(approval), ..ErrorCode::DuplicateRequest.into() }
    }

    /// To be tried again after so many seconds.
    pub fn retry_after(code: ErrorCode, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), detail: Some(Detail::Wait(seconds)), ..code.into() }
    }

    /// With more than the code says.
    pub fn because(code: ErrorCode, detail: Detail) -> Self {
        Self { detail: Some(detail), ..code.into() }
    }

    /// With the fault of another field of the same command, so that a person mends both in one go.
    #[must_use]
    pub fn and<T>(mut self, other: &Result<T, Fault>) -> Self {
        if let (ErrorCode::ValidationFailed, Err(fault)) = (self.code, other) {
            self.faults.push(fault.clone());
        }
        self
    }

    /// With a field at fault beside the code.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, code: FieldCode, hint: Hint) -> Self {
        self.faults.push(Fault::new(pointer, code, hint));
        self
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, detail: None, faults: Vec::new(), approval_id: None, current: None, retry_after: None }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { faults: vec![fault], ..ErrorCode::ValidationFailed.into() }
    }
}

impl Fault {
    /// A fault at a pointer such as `/details/accountId`.
    pub fn new(pointer: impl Into<String>, code: FieldCode, hint: Hint) -> Self {
        Self { pointer: pointer.into(), code, hint }
    }
}

/// Gathers every fault of a command, so that a person mends them in one go.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub fn push(&mut self, pointer: impl Into<String>, code: FieldCode, hint: Hint) {
        self.0.push(Fault::new(pointer, code, hint));
    }

    /// Takes the value, or notes why there is none.
    pub fn take<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.0.push(fault);
                None
            }
        }
    }

    /// Refuses if there is any.
    pub fn check(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(Refusal { faults: self.0, ..ErrorCode::ValidationFailed.into() })
    }
}
