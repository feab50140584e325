//! The publishing calls: typed appenders on the transaction, so that an event without its commit cannot be written.
//!
//! One file a topic, but for payments and figures, which have one or two calls and stand here. Ten of the calls carry the
//! names of the first system's `KafkaEventProducer`. Each journals one event, raises its aggregate's version, and makes the
//! notifications that the event causes.

mod approvals;
mod members;
mod notifications;

use unionflow_domain::notification::caused_by;
use unionflow_protocol::{
    Audience, Event, EventType, RoleSet,
    event::{
        contributions::ContributionPaid,
        dashboard::{DashboardStatsUpdate, KpiUpdate},
    },
    id::{AggregateId, EventId, OrganizationId},
    problem::ErrorCode,
};
use unionflow_storage::{
    Tx, Undo,
    tx::{Appended, NewEvent},
};

pub(crate) use members::StatusChanged;

/// Gives a transaction its publishing calls.
pub trait Publish<'a> {
    /// The publishing calls of this transaction.
    fn publish(&mut self) -> Publisher<'_, 'a>;
}

impl<'a> Publish<'a> for Tx<'a> {
    fn publish(&mut self) -> Publisher<'_, 'a> {
        Publisher { tx: self }
    }
}

/// The publishing calls of a transaction.
pub struct Publisher<'t, 'a> {
    tx: &'t mut Tx<'a>,
}

impl Publisher<'_, '_> {
    /// A payment is confirmed.
    pub fn contribution_paid(&mut self, version: u64, paid: ContributionPaid) -> Result<(), Undo> {
        let audience = money().and_member(paid.declared.member_id);
        self.fact(paid.declared.payment_id.into(), version, audience, paid.into()).map(|_| ())
    }

    /// Figures, to whoever has their view.
    pub fn dashboard_stats_update(&mut self, figures: DashboardStatsUpdate) -> Result<(), Undo> {
        let (about, audience) = (self.organization()?.into(), Audience::view(figures.view));
        self.tx.append_state(about, audience, figures.into())
    }

    /// Twelve-month series, to whoever has their view.
    pub fn kpi_update(&mut self, series: KpiUpdate) -> Result<(), Undo> {
        let (about, audience) = (self.organization()?.into(), Audience::view(series.view));
        self.tx.append_state(about, audience, series.into())
    }

    fn organization(&mut self) -> Result<OrganizationId, Undo> {
        Ok(self.tx.organization()?.id)
    }

    /// Journals a fact, and makes the notifications that it causes.
    fn fact(
        &mut self,
        about: AggregateId,
        version: u64,
        audience: Audience,
        event: Event,
    ) -> Result<Appended, Undo> {
        let drafts = caused_by(&event, &audience, self.tx.author().origin);
        let event_type = event.event_type().ok_or(ErrorCode::Internal)?;
        let new =
            NewEvent { aggregate_id: about, version: Some(version), audience, causation_id: None, event };
        let appended = self.tx.append(new)?;
        for draft in drafts {
            self.notify(draft, Some(Cause { event_id: appended.event_id, event_type, about }))?;
        }
        Ok(appended)
    }
}

/// What a notification is about.
struct Cause {
    event_id: EventId,
    event_type: EventType,
    about: AggregateId,
}

fn money() -> Audience {
    Audience::roles(RoleSet::MONEY)
}

fn keepers() -> Audience {
    Audience::roles(RoleSet::KEEPERS)
}
