//! `unionflow.members.events`: members, roles, the organisation, imports.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    event::EventType,
    id::{ApprovalId, BatchId, MemberId, ServiceKeyId},
    macros::{as_string, codes},
    member::MemberStatus,
    money::Currency,
    role::Role,
    time::{Date, TimeZone},
};

/// Somebody is on the list of members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberCreated {
    /// The member.
    pub id: MemberId,
    /// Unique in the organisation, never reused.
    pub member_number: String,
    /// `ACTIVE` or `APPLICANT`; an import may bring `LEFT`.
    pub status: MemberStatus,
    /// Since when a member; for an applicant, the day of applying.
    pub joined_on: Date,
}

codes! {
    /// A field of a member that can change.
    pub enum MemberField {
        /// Given name.
        GivenName = "givenName",
        /// Family name.
        FamilyName = "familyName",
        /// Phone.
        Phone = "phone",
        /// E-mail.
        Email = "email",
        /// Date of joining.
        JoinedOn = "joinedOn",
        /// Linked to the account of a person.
        Account = "account",
    }
}

/// Some fields of a member changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberUpdated {
    /// The member.
    pub id: MemberId,
    /// Which fields; their values are fetched.
    pub changed: Vec<MemberField>,
}

macro_rules! status_changes {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The member.
            pub id: MemberId,
            /// The status from now on.
            pub status: MemberStatus,
            /// The status before, so that figures need no look-up.
            pub previous_status: MemberStatus,
            /// From which day.
            pub effective_on: Date,
            /// Whether a reason can be fetched.
            pub has_reason: bool,
            /// The request that decided it, for somebody who holds a role.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub approval_id: Option<ApprovalId>,
        }
    )+};
}

status_changes! {
    /// An applicant was admitted, or somebody who had left was readmitted.
    MemberAdmitted,
    /// An applicant was not admitted.
    MemberRefused,
    /// A member was suspended: roles rest, sockets close.
    MemberSuspended,
    /// A suspended member is active again.
    MemberReinstated,
    /// A member left or was let go; all roles ended.
    MemberLeft,
}

/// A member without an account was given a code to make one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberInvited {
    /// The member.
    pub id: MemberId,
}

/// A member was given a code to set a new password; all sessions ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberResetIssued {
    /// The member.
    pub id: MemberId,
}

/// What a service key may do. Written `read:members`, `read:money`, `declare-payments` or `inbound:TYPE,TYPE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyScope {
    /// Read the members' view of the figures.
    ReadMembers,
    /// Read what the money roles read.
    ReadMoney,
    /// Declare payments.
    DeclarePayments,
    /// Send facts of other systems, of these types.
    Inbound(Vec<EventType>),
}

/// A text that is not the scope of a service key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope such as `read:members` or `inbound:CONTRIBUTION_PAID`")]
pub struct NotAScope(String);

impl fmt::Display for KeyScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadMembers => f.write_str("read:members"),
            Self::ReadMoney => f.write_str("read:money"),
            Self::DeclarePayments => f.write_str("declare-payments"),
            Self::Inbound(types) => {
                let types: Vec<&str> = types.iter().map(|event_type| event_type.as_str()).collect();
                write!(f, "inbound:{}", types.join(","))
            }
        }
    }
}

impl FromStr for KeyScope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        let wrong = || NotAScope(text.chars().take(64).collect());
        match (text, text.strip_prefix("inbound:")) {
            ("read:members", _) => Ok(Self::ReadMembers),
            ("read:money", _) => Ok(Self::ReadMoney),
            ("declare-payments", _) => Ok(Self::DeclarePayments),
            (_, Some(types)) => {
                let types: Result<_, _> = types.split(',').map(str::parse).collect();
                types.map(Self::Inbound).map_err(|_| wrong())
            }
            _ => Err(wrong()),
        }
    }
}

as_string!(KeyScope, {
    "description": "What a service key may do: `read:members` (the members' view of the figures), `read:money` (what the money roles read), `declare-payments`, or `inbound:` and the types of facts that it may send, joined by `,`.",
    "type": "string",
    "pattern": "^(read:members|read:money|declare-payments|inbound:[A-Z_]+(,[A-Z_]+)*)$",
    "examples": ["read:members", "inbound:CONTRIBUTION_PAID,MEMBER_CREATED"],
});

/// Another system was given a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceKeyCreated {
    /// The key; not its secret.
    pub key_id: ServiceKeyId,
    /// What it may do.
    pub scopes: Vec<KeyScope>,
}

/// A key no longer works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ServiceKeyRevoked {
    /// The key.
    pub key_id: ServiceKeyId,
    /// What it could do.
    pub scopes: Vec<KeyScope>,
}

codes! {
    /// How much of a member's data was erased.
    pub enum ErasureScope {
        /// Everything that names the person.
        Personal = "PERSONAL",
    }
}

/// What names a member was erased; amounts and decisions stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberErased {
    /// The member.
    pub id: MemberId,
    /// How much.
    pub scope: ErasureScope,
}

/// A member holds a role from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoleGranted {
    /// The member.
    pub id: MemberId,
    /// The role.
    pub role: Role,
    /// The request that decided it; left out at founding and for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<ApprovalId>,
}

/// A member no longer holds a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RoleRevoked {
    /// The member.
    pub id: MemberId,
    /// The role.
    pub role: Role,
    /// The request that decided it; left out when laid down, at leaving, and for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<ApprovalId>,
}

codes! {
    /// A setting of the organisation that can change.
    pub enum OrganizationField {
        /// Name.
        Name = "name",
        /// Time zone.
        TimeZone = "timeZone",
        /// Country.
        Country = "country",
        /// Language of what is written to everyone.
        Language = "language",
        /// Whether plain members see amounts.
        AmountsOpenToMembers = "amountsOpenToMembers",
        /// Whether plain members see the directory.
        DirectoryOpenToMembers = "directoryOpenToMembers",
    }
}

/// An organisation begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganizationCreated {
    /// Empty.
    pub changed: Vec<OrganizationField>,
    /// Its currency; never changes.
    pub currency: Currency,
    /// Where its days begin and end.
    pub time_zone: TimeZone,
}

/// Settings changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrganizationUpdated {
    /// Which; their values are fetched.
    pub changed: Vec<OrganizationField>,
    /// Its currency.
    pub currency: Currency,
    /// Its time zone from now on.
    pub time_zone: TimeZone,
}

codes! {
    /// What a file brings.
    pub enum ImportKind {
        /// Members.
        Members = "MEMBERS",
        /// Payments of contributions.
        Payments = "PAYMENTS",
    }
}

macro_rules! import_summaries {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The import.
            pub batch_id: BatchId,
            /// What the file brought.
            pub kind: ImportKind,
            /// Rows that made something new.
            pub created: u32,
            /// Rows that changed something.
            pub updated: u32,
            /// Rows that changed nothing.
            pub unchanged: u32,
            /// Rows left out.
            pub skipped: u32,
        }
    )+};
}

import_summaries! {
    /// An import is complete: the one event that sockets see of it.
    ImportApplied,
    /// An import was undone.
    ImportUndone,
}
