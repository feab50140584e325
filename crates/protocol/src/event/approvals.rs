//! `unionflow.finance.approvals`: approvals, policies and the ledger.

use serde::{Deserialize, Serialize};

use crate::{
    account::{AccountKind, EntryCause},
    approval::{Decision, Level, PolicyRules, Step, TransactionType},
    id::{AccountId, AggregateId, ApprovalId, DueId, EntryId, MemberId, PaymentId},
    member::MemberStatus,
    money::{Amount, Currency},
    problem::ErrorCode,
    role::{Role, RoleSet},
    time::{Date, Timestamp},
};

/// A request waits for its votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalPending {
    /// The request.
    pub id: ApprovalId,
    /// Who asked; cannot vote.
    pub requester_id: MemberId,
    /// What is asked for: the part that `contentHash` covers.
    #[serde(flatten)]
    pub content: ApprovalContent,
    /// Who must agree, and by when.
    #[serde(flatten)]
    pub terms: ApprovalTerms,
}

/// What a request asks for. `contentHash` is the SHA-256 of this object's JSON, keys sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalContent {
    /// The type.
    pub transaction_type: TransactionType,
    /// How much, in minor units; 0 for changes of policy and roles.
    pub amount: Amount,
    /// The organisation's currency.
    pub currency: Currency,
    /// Whom it benefits; cannot vote. For a `ROLE_CHANGE`, the member concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beneficiary_member_id: Option<MemberId>,
    /// The account it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The account that receives, of a `TRANSFER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_account_id: Option<AccountId>,
    /// The due, of a `WAIVER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_id: Option<DueId>,
    /// The payment, of a `CONTRIBUTION` or a `REFUND`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Salted SHA-256 of the purpose, in hexadecimal; the purpose itself can be erased.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub purpose_hash: String,
    /// Of a `ROLE_CHANGE`.
    #[serde(flatten)]
    pub role_change: Option<RoleChange>,
    /// Of a `POLICY_CHANGE`.
    #[serde(flatten)]
    pub policy_change: Option<PolicyRules>,
}

/// What a `ROLE_CHANGE` does to the member it concerns: exactly one of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum RoleChange {
    /// Gives or takes a role.
    Role {
        /// The role.
        role: Role,
        /// `true` gives it, `false` takes it.
        grant: bool,
    },
    /// Changes the membership of somebody who holds a role.
    Status {
        /// `SUSPENDED`, `ACTIVE` (reinstated) or `LEFT`.
        #[serde(rename = "memberStatus")]
        status: MemberStatus,
    },
    /// Lets the member set a new password by a code.
    Reset {
        /// Always `true`.
        reset: bool,
    },
}

/// The policy as copied onto a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalTerms {
    /// The level that type and amount need.
    pub required_level: Level,
    /// The version of the policy copied.
    pub policy_version: u64,
    /// The level's steps.
    pub policy: CopiedPolicy,
    /// What a vote is bound to, in hexadecimal.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub content_hash: String,
    /// No vote counts from here on.
    pub decide_by: Timestamp,
    /// How long it may wait for execution once approved, in hours.
    pub execute_within_hours: u32,
    /// Members who were shown a code to the account of its maker or of whom it concerns, not long before or since. They may be
    /// acting in it, so they do not vote, and voters see whose voice it may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code_givers: Vec<MemberId>,
}

/// The steps of a level, copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CopiedPolicy {
    /// In this order.
    pub steps: Vec<Step>,
    /// Whether a lone holder of a voting role decides alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub single_signature: bool,
}

/// The creator changed a pending request: its votes are void, its terms are new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalUpdated {
    /// The request.
    pub id: ApprovalId,
    /// What it asks for now.
    #[serde(flatten)]
    pub content: ApprovalContent,
    /// Who must agree now.
    #[serde(flatten)]
    pub terms: ApprovalTerms,
    /// The amount before, so that figures need no look-up.
    pub previous_amount: Amount,
    /// How many votes became void.
    pub voided_votes: u32,
}

/// Somebody voted for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalVoteRecorded {
    /// The request.
    pub id: ApprovalId,
    /// The step, from 1.
    pub step: u8,
    /// Who voted.
    pub voter_id: MemberId,
    /// The decision.
    pub decision: Decision,
    /// The content voted on.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub content_hash: String,
    /// Votes in this step, this one included.
    pub votes_in_step: u8,
    /// Votes that this step needs.
    pub votes_needed: u8,
    /// Whether a comment can be fetched.
    pub has_comment: bool,
    /// Whether it counted for the whole step because nobody else holds a voting role.
    #[serde(default, skip_serializing_if = "is_false")]
    pub single_signature: bool,
}

/// Somebody took a vote back while its step was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalVoteWithdrawn {
    /// The request.
    pub id: ApprovalId,
    /// The step, from 1.
    pub step: u8,
    /// Whose vote.
    pub voter_id: MemberId,
    /// Votes left in this step.
    pub votes_in_step: u8,
    /// Votes that this step needs.
    pub votes_needed: u8,
}

/// Too few people are left who may decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalBlocked {
    /// The request.
    pub id: ApprovalId,
    /// The step that waits, from 1.
    pub step: u8,
    /// Votes that can no longer come.
    pub missing: u8,
    /// Whose holders are too few.
    pub roles_to_act: RoleSet,
}

/// Enough people may decide again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalUnblocked {
    /// The request.
    pub id: ApprovalId,
    /// The step that waits, from 1.
    pub step: u8,
    /// Always 0.
    pub missing: u8,
    /// Always empty.
    pub roles_to_act: RoleSet,
}

/// The last vote came, or none was needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalApproved {
    /// The request.
    pub id: ApprovalId,
    /// Its type.
    pub transaction_type: TransactionType,
    /// Its amount.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// The last voter; null when the level is `NONE`.
    pub approved_by: Option<MemberId>,
    /// Everyone whose vote counted, in order.
    pub approvers: Vec<MemberId>,
    /// When.
    pub approved_at: Timestamp,
    /// Until when it may be executed.
    pub execute_by: Timestamp,
    /// The account the money is reserved on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// Whether the money is reserved; if not, execution looks again.
    pub reserved: bool,
}

/// A voter refused it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRejected {
    /// The request.
    pub id: ApprovalId,
    /// Its type.
    pub transaction_type: TransactionType,
    /// Its amount.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// Who refused.
    pub rejected_by: MemberId,
    /// When.
    pub rejected_at: Timestamp,
    /// In which step, from 1.
    pub step: u8,
}

/// The creator took it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalCancelled {
    /// The request.
    pub id: ApprovalId,
    /// Its type.
    pub transaction_type: TransactionType,
    /// Its amount.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// Who took it back; left out when the server did, because it no longer made sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MemberId>,
}

/// It was not decided in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalExpired {
    /// The request.
    pub id: ApprovalId,
    /// Its type.
    pub transaction_type: TransactionType,
    /// Its amount.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
}

/// Approved, it was not executed in time; its reservation is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalLapsed {
    /// The request.
    pub id: ApprovalId,
    /// Its type.
    pub transaction_type: TransactionType,
    /// Its amount.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
}

/// It is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalExecuted {
    /// The request.
    pub id: ApprovalId,
    /// Its type.
    pub transaction_type: TransactionType,
    /// Its amount.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// The treasurer who executed it; for changes of policy and roles, the last voter.
    pub executed_by: Option<MemberId>,
    /// The entry posted; null for what posts nothing.
    pub entry_id: Option<EntryId>,
}

/// Its execution was tried and failed; it stays approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalExecutionFailed {
    /// The request.
    pub id: ApprovalId,
    /// Why, such as `INSUFFICIENT_FUNDS`.
    pub code: ErrorCode,
    /// What the account could have paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<Amount>,
}

/// The organisation has a new policy. Requests that wait keep theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyChanged {
    /// Its version, from 1.
    pub policy_version: u64,
    /// The request that changed it; left out at founding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<ApprovalId>,
    /// The rules.
    #[serde(flatten)]
    pub rules: PolicyRules,
}

/// The ledger has a new account. Its opening balance is posted by an entry of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountOpened {
    /// The account.
    pub id: AccountId,
    /// What it is for.
    pub kind: AccountKind,
    /// Its currency.
    pub currency: Currency,
    /// What it opened with.
    pub opening_balance: Amount,
}

/// An entry was posted. Its lines add up to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LedgerEntryPosted {
    /// The entry.
    pub id: EntryId,
    /// The day it counts for.
    pub value_date: Date,
    /// At least two.
    pub lines: Vec<EntryLine>,
    /// The currency of all lines.
    pub currency: Currency,
    /// Why.
    pub cause: EntryCause,
    /// What caused it.
    pub cause_id: AggregateId,
}

/// One side of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EntryLine {
    /// The account.
    pub account_id: AccountId,
    /// What kind it is, so that a reader can tell money from categories.
    pub kind: AccountKind,
    /// Above zero: it receives. Below: it gives.
    pub amount: Amount,
}

fn is_false(value: &bool) -> bool {
    !value
}
