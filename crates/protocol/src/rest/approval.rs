//! Requests for approval.

use serde::{Deserialize, Serialize};

use super::AsOf;
#[cfg(feature = "schema")]
use crate::limits;
use crate::{
    approval::{ApprovalStatus, TransactionType},
    event::approvals::{ApprovalContent, ApprovalTerms},
    id::{AccountId, ApprovalId, DueId, EntryId, MemberId, OrganizationId, PaymentId},
    macros::codes,
    money::{Amount, Currency},
    problem::ErrorCode,
    role::RoleSet,
    time::Timestamp,
};

/// `POST /finance/approvals`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubmitApproval {
    /// Where.
    pub organization_id: OrganizationId,
    /// What kind.
    #[serde(deserialize_with = "asked_for")]
    pub transaction_type: TransactionType,
    /// How much, in minor units, above 0.
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1)))]
    pub amount: Amount,
    /// The organisation's currency.
    pub currency: Currency,
    /// What for, 3 to 500 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::REASON_CHARS.start(), max = *limits::REASON_CHARS.end())))]
    pub purpose: String,
    /// Which accounts and whom, as the type needs.
    #[serde(default)]
    pub details: ApprovalDetails,
}

/// A type; whoever names none is told those that are asked for here, and none that would be refused.
fn asked_for<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<TransactionType, D::Error> {
    use TransactionType::{Aid, Deposit, Expense, Transfer, Withdrawal};
    let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        let known = [Deposit, Withdrawal, Expense, Transfer, Aid].map(TransactionType::as_str);
        let text: String = text.chars().take(64).collect();
        serde::de::Error::custom(format!("`{text}` is none of {}", known.join(", ")))
    })
}

/// Which accounts, which due or payment, and whom it benefits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApprovalDetails {
    /// The account that pays (`EXPENSE AID WITHDRAWAL TRANSFER REFUND`) or receives (`DEPOSIT`); left out = cash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The account that receives, of a `TRANSFER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_account_id: Option<AccountId>,
    /// Whom it benefits: needed for `AID`, where a plain member may only name himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary_member_id: Option<MemberId>,
    /// The due, of a `WAIVER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_id: Option<DueId>,
    /// The payment, of a `CONTRIBUTION` or a `REFUND`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
}

/// `PATCH /finance/approvals/{id}`: what is left out stays. Votes become void.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditApproval {
    /// How much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 1)))]
    pub amount: Option<Amount>,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::REASON_CHARS.start(), max = *limits::REASON_CHARS.end())))]
    pub purpose: Option<String>,
    /// All details anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<ApprovalDetails>,
}

/// `POST /finance/approvals/{id}/approve`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Approve {
    /// At most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::COMMENT_CHARS.start(), max = *limits::COMMENT_CHARS.end())))]
    pub comment: Option<String>,
    /// The content you saw; needed once the request was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
}

/// `POST /finance/approvals/{id}/reject`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reject {
    /// Why, 3 to 500 characters.
    #[cfg_attr(feature = "schema", schemars(length(min = *limits::REASON_CHARS.start(), max = *limits::REASON_CHARS.end())))]
    pub reason: String,
    /// The content you saw; needed once the request was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
}

/// The body of commands that need no words: `withdraw`, `cancel`, `execute`, `admit` … It may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NoWords {}

/// A request for approval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// Where.
    pub organization_id: OrganizationId,
    /// Grows with every change; the `ETag`.
    pub version: u64,
    /// Where it stands.
    pub status: ApprovalStatus,
    /// Who asked.
    pub requester_id: MemberId,
    /// What it asks for.
    #[serde(flatten)]
    pub content: ApprovalContent,
    /// The number of the member it concerns: a number never changes, a name can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary_member_number: Option<String>,
    /// What for; null once erased.
    pub purpose: Option<String>,
    /// Who must agree, and by when.
    #[serde(flatten)]
    pub terms: ApprovalTerms,
    /// Whether it was ever edited: then a vote must name the `contentHash` it saw.
    pub edited: bool,
    /// The step that waits for votes, from 1; null unless pending.
    pub current_step: Option<u8>,
    /// Votes in that step.
    pub votes_in_step: u8,
    /// Votes that step needs.
    pub votes_needed: u8,
    /// Votes on the content as it stands, those withdrawn left out.
    pub votes: Vec<Vote>,
    /// Set when too few people are left who may decide.
    pub blocked: Option<Blocked>,
    /// Whether the money is reserved.
    pub reserved: bool,
    /// The last voter.
    pub approved_by: Option<MemberId>,
    /// When the last vote came.
    pub approved_at: Option<Timestamp>,
    /// Until when it may be executed.
    pub execute_by: Option<Timestamp>,
    /// Who refused.
    pub rejected_by: Option<MemberId>,
    /// When.
    pub rejected_at: Option<Timestamp>,
    /// Why; null once erased.
    pub reason: Option<String>,
    /// Who executed it.
    pub executed_by: Option<MemberId>,
    /// When.
    pub executed_at: Option<Timestamp>,
    /// The entry posted.
    pub entry_id: Option<EntryId>,
    /// The last failure to execute it.
    pub last_failure: Option<ErrorCode>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What you may do with it now, and why not.
    pub actions: Vec<AllowedAction>,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// A vote for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Vote {
    /// Who.
    pub voter_id: MemberId,
    /// In which step, from 1.
    pub step: u8,
    /// When.
    pub at: Timestamp,
    /// What was said; null if nothing, or once erased.
    pub comment: Option<String>,
}

/// Too few people are left who may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// Votes that can no longer come.
    pub missing: u8,
    /// Whose holders are too few.
    pub roles_to_act: RoleSet,
}

codes! {
    /// Something a person can do with a request.
    pub enum ApprovalAction {
        /// Vote for it.
        Approve = "approve",
        /// Refuse it.
        Reject = "reject",
        /// Take a vote back.
        Withdraw = "withdraw",
        /// Change it.
        Edit = "edit",
        /// Take it back.
        Cancel = "cancel",
        /// Carry it out.
        Execute = "execute",
    }
}

/// Whether you may do something, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AllowedAction {
    /// What.
    pub action: ApprovalAction,
    /// Whether.
    pub allowed: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<ErrorCode>,
}
