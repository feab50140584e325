//! `unionflow.dashboard.stats`: the figures.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use crate::limits::KPI_MONTHS;
use crate::{
    account::AccountKind,
    audience::View,
    id::AccountId,
    money::{Amount, Currency},
};

/// The figures as of `asOfSeq` and `asOfDate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DashboardStatsUpdate {
    /// Which edition.
    pub view: View,
    /// Members.
    pub members: MemberStats,
    /// Contributions.
    pub contributions: ContributionStats,
    /// Approvals.
    pub approvals: ApprovalStats,
    /// Money held; left out where the view does not open amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<BalanceStats>,
    /// The currency of every amount.
    pub currency: Currency,
}

/// Counts of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberStats {
    /// Active and suspended.
    pub total: u32,
    /// Active.
    pub active: u32,
    /// Suspended.
    pub suspended: u32,
    /// Joined, or were readmitted, this month.
    pub new_this_month: u32,
}

/// Contributions. Amounts are left out where the view does not open them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContributionStats {
    /// Dues issued for this month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued: Option<Amount>,
    /// Of those, confirmed and settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collected: Option<Amount>,
    /// Dues not settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outstanding: Option<Amount>,
    /// Of those, past their day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue: Option<Amount>,
    /// Collected ÷ issued, in hundredths of a per cent, rounded down: 10,000 is all. 0 when nothing was issued.
    pub collection_rate: u32,
}

/// Approvals. Amounts are left out where the view does not open them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalStats {
    /// Requests that wait for votes.
    pub pending_count: u32,
    /// Their sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_amount: Option<Amount>,
    /// Sum approved this month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_this_month: Option<Amount>,
    /// Sum executed this month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executed_this_month: Option<Amount>,
}

/// Money held.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BalanceStats {
    /// In all accounts that hold money.
    pub total: Amount,
    /// In each.
    pub accounts: Vec<AccountBalance>,
}

/// What an account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountBalance {
    /// The account.
    pub account_id: AccountId,
    /// What kind.
    pub kind: AccountKind,
    /// What it holds, reserved money included.
    pub balance: Amount,
}

/// The same figures for each of the last twelve months, oldest first; the last is the month of `asOfDate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct KpiUpdate {
    /// Which edition.
    pub view: View,
    /// The months, as `2026-11`.
    #[cfg_attr(
        feature = "schema",
        schemars(length(equal = KPI_MONTHS), inner(regex(pattern = "^[0-9]{4}-[0-9]{2}$")))
    )]
    pub months: Vec<String>,
    /// Members at the end of each month; new ones within it.
    pub members: MemberSeries,
    /// Contributions of each month.
    pub contributions: ContributionSeries,
    /// Approvals of each month.
    pub approvals: ApprovalSeries,
    /// Money held at the end of each month; left out where the view does not open amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<BalanceSeries>,
    /// The currency of every amount.
    pub currency: Currency,
}

/// Counts of members, a value a month.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberSeries {
    /// Active and suspended.
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub total: Vec<u32>,
    /// Active.
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub active: Vec<u32>,
    /// Suspended.
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub suspended: Vec<u32>,
    /// Joined or readmitted.
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub new_this_month: Vec<u32>,
}

/// Contributions, a value a month.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContributionSeries {
    /// Dues issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub issued: Option<Vec<Amount>>,
    /// Confirmed and settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub collected: Option<Vec<Amount>>,
    /// Not settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub outstanding: Option<Vec<Amount>>,
    /// Past their day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub overdue: Option<Vec<Amount>>,
    /// In hundredths of a per cent.
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub collection_rate: Vec<u32>,
}

/// Approvals, a value a month.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApprovalSeries {
    /// Waiting at the end of the month.
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub pending_count: Vec<u32>,
    /// Their sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub pending_amount: Option<Vec<Amount>>,
    /// Sum approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub approved_this_month: Option<Vec<Amount>>,
    /// Sum executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub executed_this_month: Option<Vec<Amount>>,
}

/// Money held, a value a month.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BalanceSeries {
    /// In all accounts that hold money, at the end of the month.
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub total: Vec<Amount>,
    /// In each.
    pub accounts: Vec<AccountSeries>,
}

/// What an account held at the end of each month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountSeries {
    /// The account.
    pub account_id: AccountId,
    /// What kind.
    pub kind: AccountKind,
    /// A value a month.
    #[cfg_attr(feature = "schema", schemars(length(equal = KPI_MONTHS)))]
    pub balance: Vec<Amount>,
}
