//! Words of the approvals, and the shape of a policy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    macros::codes,
    money::Amount,
    role::{Role, RoleSet},
};

codes! {
    /// What is asked for.
    pub enum TransactionType {
        /// To confirm a contribution.
        Contribution = "CONTRIBUTION",
        /// Cash to another account.
        Deposit = "DEPOSIT",
        /// An account to cash.
        Withdrawal = "WITHDRAWAL",
        /// To pay somebody outside.
        Expense = "EXPENSE",
        /// Between two accounts.
        Transfer = "TRANSFER",
        /// To give a payment back.
        Refund = "REFUND",
        /// To help a member.
        Aid = "AID",
        /// To forgive a due.
        Waiver = "WAIVER",
        /// To change the rules of approval.
        PolicyChange = "POLICY_CHANGE",
        /// To give or take a role, or to act on a member who holds one.
        RoleChange = "ROLE_CHANGE",
    }
}

impl TransactionType {
    /// Whether it changes who decides or by which rules, and not money: amount 0, executed by its last vote.
    pub const fn is_governance(self) -> bool {
        matches!(self, Self::PolicyChange | Self::RoleChange)
    }
}

codes! {
    /// Where a request stands.
    pub enum ApprovalStatus {
        /// Waits for votes.
        Pending = "PENDING",
        /// Has all its votes; waits for execution.
        Approved = "APPROVED",
        /// Done.
        Executed = "EXECUTED",
        /// Refused by a voter.
        Rejected = "REJECTED",
        /// Taken back by its creator.
        Cancelled = "CANCELLED",
        /// Not decided in time.
        Expired = "EXPIRED",
        /// Approved, but not executed in time.
        Lapsed = "LAPSED",
    }
}

impl ApprovalStatus {
    /// Whether nothing can follow.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Approved)
    }
}

codes! {
    /// How many hands a request needs.
    pub enum Level {
        /// None: approved at once.
        None = "NONE",
        /// The lightest.
        Level1 = "LEVEL1",
        /// Heavier.
        Level2 = "LEVEL2",
        /// The heaviest.
        Level3 = "LEVEL3",
    }
}

codes! {
    /// What a voter decided. A rejection is an event of its own.
    pub enum Decision {
        /// In favour.
        Approve = "APPROVE",
    }
}

/// The rules of an organisation: which amounts need which level, and what each level asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PolicyRules {
    /// Half-open ranges of amounts per type; at most 200. An amount in no range is refused.
    pub bands: Vec<Band>,
    /// What each level that a band names asks for.
    pub levels: BTreeMap<Level, LevelRules>,
    /// While at most one person holds a voting role, that person may decide alone, also on own requests (never as the
    /// beneficiary). Shown as a warning on every report.
    #[serde(default)]
    pub single_signature: bool,
}

/// From `minAmount` up to, but without, `maxAmount`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Band {
    /// The type it is for.
    pub transaction_type: TransactionType,
    /// The smallest amount, in minor units.
    #[serde(default)]
    pub min_amount: Amount,
    /// The first amount beyond it; left out = no upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_amount: Option<Amount>,
    /// The level it needs.
    pub required_level: Level,
}

/// What a level asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LevelRules {
    /// In this order; at most 5. Empty for `NONE` only.
    pub steps: Vec<Step>,
    /// How long it may wait for votes, in hours, 1 to 8,760.
    #[serde(default = "default_decide_within_hours")]
    pub decide_within_hours: u32,
    /// How long it may wait for execution once approved, in hours, 1 to 8,760.
    #[serde(default = "default_execute_within_hours")]
    pub execute_within_hours: u32,
}

/// One step of a level: so many votes by different holders of these roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Who may vote: PRESIDENT, TREASURER, SECRETARY, BOARD_MEMBER.
    pub roles: RoleSet,
    /// How many of them must, 1 to 10.
    pub min_approvals: u8,
}

pub(crate) const fn default_decide_within_hours() -> u32 {
    14 * 24
}

pub(crate) const fn default_execute_within_hours() -> u32 {
    720
}

impl Band {
    /// Whether the amount lies in it.
    pub fn contains(&self, amount: Amount) -> bool {
        self.min_amount <= amount && self.max_amount.is_none_or(|max| amount < max)
    }
}

impl LevelRules {
    /// These steps, fourteen days to decide and thirty to execute.
    pub fn of(steps: Vec<Step>) -> Self {
        Self {
            steps,
            decide_within_hours: default_decide_within_hours(),
            execute_within_hours: default_execute_within_hours(),
        }
    }
}

impl Step {
    /// So many votes of these roles.
    pub fn of(min_approvals: u8, roles: &[Role]) -> Self {
        Self { roles: RoleSet::of(roles), min_approvals }
    }
}
