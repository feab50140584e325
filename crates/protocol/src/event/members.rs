//! `unionflow.members.events`: members, roles, the organisation, imports.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApprovalId, BatchId, MemberId, ServiceKeyId},
    macros::codes,
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

codes! {
    /// What a service key may do. A scope of an `inbound:` kind is followed by the types.
    pub enum KeyScope {
        /// Read the members' view of the figures.
        ReadMembers = "read:members",
        /// Read what the money roles read.
        ReadMoney = "read:money",
        /// Declare payments.
        DeclarePayments = "declare-payments",
        /// Send facts of other systems.
        Inbound = "inbound",
    }
}

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
