//! The codes that may stand behind a key: those of the catalogue and no others. Screens show them, so that a code of another
//! system's choosing would be a text of its choosing.

use std::str::FromStr;

use unionflow_protocol::{
    EventType, Role,
    account::{AccountKind, EntryCause},
    approval::{Decision, Level, TransactionType},
    event::{
        contributions::{PaymentMethod, Period},
        members::{ErasureScope, ImportKind},
    },
    member::MemberStatus,
    notification::{NotificationKind, Severity},
    problem::ErrorCode,
};

/// A closed list of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codes {
    Cause,
    CauseType,
    Decision,
    Error,
    /// Of an account, an import or a notification.
    Kind,
    Level,
    MemberStatus,
    Method,
    Period,
    Role,
    Scope,
    Severity,
    TransactionType,
}

impl Codes {
    pub(super) fn contain(self, code: &str) -> bool {
        match self {
            Self::Cause => is::<EntryCause>(code),
            Self::CauseType => is::<EventType>(code),
            Self::Decision => is::<Decision>(code),
            Self::Error => is::<ErrorCode>(code),
            Self::Kind => is::<AccountKind>(code) || is::<ImportKind>(code) || is::<NotificationKind>(code),
            Self::Level => is::<Level>(code),
            Self::MemberStatus => is::<MemberStatus>(code),
            Self::Method => is::<PaymentMethod>(code),
            Self::Period => is::<Period>(code),
            Self::Role => is::<Role>(code),
            Self::Scope => is::<ErasureScope>(code),
            Self::Severity => is::<Severity>(code),
            Self::TransactionType => is::<TransactionType>(code),
        }
    }
}

fn is<C: FromStr>(code: &str) -> bool {
    code.parse::<C>().is_ok()
}
