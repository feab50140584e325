//! The figures.

use serde::{Deserialize, Serialize};

use super::AsOf;
use crate::{
    event::dashboard::{DashboardStatsUpdate, KpiUpdate},
    id::OrganizationId,
    time::Date,
};

/// `GET /dashboard/stats`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Where.
    pub organization_id: OrganizationId,
    /// The day that "this month" and "overdue" refer to.
    pub as_of_date: Date,
    /// The figures, in the caller's edition.
    #[serde(flatten)]
    pub figures: DashboardStatsUpdate,
    /// Whether one person decides alone at present: a warning to whoever reads the report.
    pub single_signature_in_effect: bool,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}

/// `GET /dashboard/kpis`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Kpis {
    /// Where.
    pub organization_id: OrganizationId,
    /// The day of the last month's figures.
    pub as_of_date: Date,
    /// The series, in the caller's edition.
    #[serde(flatten)]
    pub figures: KpiUpdate,
    /// Whether one person decides alone at present: a warning to whoever reads the report.
    pub single_signature_in_effect: bool,
    /// What this is exact as of.
    #[serde(flatten)]
    pub as_of: AsOf,
}
