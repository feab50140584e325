//! What a dashboard shows, and what it fetches.

use std::{ops::BitOr, sync::Arc};

use unionflow_protocol::{
    Date, Seq,
    event::dashboard::{DashboardStatsUpdate, KpiUpdate},
    id::{Epoch, OrganizationId},
    rest::{
        AsOf, Page,
        approval::Approval,
        dashboard::{Kpis, Stats},
    },
};

use crate::error::ClientError;

/// What a screen shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum DashboardState {
    /// Nothing was asked for.
    #[default]
    Initial,
    /// The first figures are on their way.
    Loading,
    /// Here they are.
    Loaded(Arc<Dashboard>),
    /// Something could not be fetched; what there was is kept.
    Failure {
        /// What went wrong.
        error: ClientError,
        /// What there was.
        kept: Option<Arc<Dashboard>>,
    },
}

impl DashboardState {
    /// What there is to show, also after a failure.
    pub fn dashboard(&self) -> Option<&Dashboard> {
        match self {
            Self::Loaded(dashboard) | Self::Failure { kept: Some(dashboard), .. } => Some(dashboard),
            Self::Initial | Self::Loading | Self::Failure { kept: None, .. } => None,
        }
    }
}

/// One organisation's dashboard.
#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    /// Whose.
    pub organization_id: OrganizationId,
    /// The figures.
    pub stats: Figures<DashboardStatsUpdate>,
    /// Twelve months of them; `None` until they were fetched.
    pub kpis: Option<Figures<KpiUpdate>>,
    /// The requests that wait for votes; `None` until they were fetched.
    pub approvals: Option<PendingApprovals>,
}

/// Figures, and what they are exact as of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures<T> {
    /// The figures.
    pub figures: T,
    /// The newest event they include.
    pub as_of_seq: Seq,
    /// The day that "this month" and "overdue" refer to.
    pub as_of_date: Date,
}

/// The requests that wait for votes.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingApprovals {
    /// Newest first, one page at the most.
    pub items: Vec<Approval>,
    /// Whether there are more.
    pub has_more: bool,
    /// The newest event they include.
    pub as_of_seq: Seq,
}

/// Parts of a dashboard that are fetched by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// The figures.
    pub stats: bool,
    /// Twelve months of them.
    pub kpis: bool,
    /// The requests that wait for votes.
    pub approvals: bool,
}

/// What was fetched: the parts asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fetched {
    /// The figures.
    pub stats: Option<Stats>,
    /// Twelve months of them.
    pub kpis: Option<Kpis>,
    /// The requests that wait for votes.
    pub approvals: Option<Page<Approval>>,
}

impl Parts {
    /// None.
    pub const NONE: Self = Self { stats: false, kpis: false, approvals: false };
    /// All.
    pub const ALL: Self = Self { stats: true, kpis: true, approvals: true };
    /// The requests that wait for votes.
    pub const APPROVALS: Self = Self { approvals: true, ..Self::NONE };
}

impl BitOr for Parts {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            stats: self.stats || other.stats,
            kpis: self.kpis || other.kpis,
            approvals: self.approvals || other.approvals,
        }
    }
}

impl<T> Figures<T> {
    /// Takes the newer of two; at midnight figures change without an event.
    pub(super) fn newer(held: Option<Self>, other: Self) -> Self {
        let place = |figures: &Self| (figures.as_of_seq, figures.as_of_date);
        match held {
            Some(held) if place(&held) > place(&other) => held,
            _ => other,
        }
    }
}

impl Fetched {
    /// The incarnation of the journal that it is of.
    pub(super) fn epoch(&self) -> Option<Epoch> {
        let as_of = |as_of: AsOf| as_of.epoch;
        let stats = self.stats.as_ref().map(|stats| as_of(stats.as_of));
        let kpis = self.kpis.as_ref().map(|kpis| as_of(kpis.as_of));
        stats.or(kpis).or(self.approvals.as_ref().map(|approvals| as_of(approvals.as_of)))
    }
}
