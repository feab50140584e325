//! The newest states, read from the store: for welcomes and resumes, for changes of view, and after a hole.

use unionflow_domain::member::Member;
use unionflow_protocol::{
    Audience, Record, Seq, View,
    event::{dashboard::DashboardStatsUpdate, dashboard::KpiUpdate, notifications::NotificationRead},
    id::{EventId, OrganizationId},
};
use unionflow_storage::{Reader, StoreFault, tables::notification::Inbox, tx::State};
use uuid::Uuid;

/// The newest figures of a view, as the relay would send them.
pub(crate) fn stats(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
    view: View,
) -> Result<Option<Record>, StoreFault> {
    Ok(current(reader, organization)?.map(|current| current.stats(view)))
}

/// The newest figures and series of both views.
pub(crate) fn all(reader: &mut Reader<'_>, organization: OrganizationId) -> Result<Vec<Record>, StoreFault> {
    let Some(current) = current(reader, organization)? else { return Ok(Vec::new()) };
    Ok(View::ALL.iter().flat_map(|view| [current.stats(*view), current.kpis(*view)]).collect())
}

/// How far a member has read, as of now; `None` for who never has.
pub(crate) fn mark(reader: &mut Reader<'_>, member: &Member) -> Result<Option<Record>, StoreFault> {
    let (organization_id, member_id) = (member.organization_id, member.id);
    let inbox = Inbox { organization_id, member_id, roles: member.effective_roles() };
    let (read_up_to, unread) = reader.load_read_mark(inbox)?;
    let Some(current) = current(reader, organization_id)?.filter(|_| read_up_to > Seq::ZERO) else {
        return Ok(None);
    };
    let event = NotificationRead { read_up_to, unread };
    Ok(Some(current.state.record(member_id.into(), Audience::member(member_id), event.into())))
}

/// Tells of what [`all`] loads, where more is loaded with it.
pub(crate) fn foresee(reader: &mut Reader<'_>, organization: OrganizationId) -> Result<(), StoreFault> {
    reader.foresee(|reader| {
        reader.load_organization(organization)?;
        reader.load_figures(organization)?;
        reader.as_of(organization).map(drop)
    })
}

struct Current {
    state: State,
    figures: unionflow_domain::figures::Figures,
    amounts_open: bool,
}

fn current(reader: &mut Reader<'_>, organization: OrganizationId) -> Result<Option<Current>, StoreFault> {
    foresee(reader, organization)?;
    let Some(settings) = reader.load_organization(organization)?.map(|organization| organization.settings)
    else {
        return Ok(None);
    };
    let Some(mut figures) = reader.load_figures(organization)? else { return Ok(None) };
    figures.roll_to(reader.now().date_in(&settings.time_zone));
    let as_of_seq = reader.as_of(organization)?.as_of_seq;
    let state = State {
        event_id: read_id(organization, as_of_seq.0),
        organization_id: organization,
        as_of_seq,
        as_of_date: figures.as_of(),
        timestamp: reader.now(),
    };
    Ok(Some(Current { state, figures, amounts_open: settings.amounts_open_to_members }))
}

impl Current {
    fn stats(&self, view: View) -> Record {
        let event: DashboardStatsUpdate = self.figures.stats(view, self.amounts_open);
        self.state.record(self.state.organization_id.into(), Audience::view(view), event.into())
    }

    fn kpis(&self, view: View) -> Record {
        let event: KpiUpdate = self.figures.kpis(view, self.amounts_open);
        self.state.record(self.state.organization_id.into(), Audience::view(view), event.into())
    }
}

/// A state that was read and not sent has no id of its own: the same place gives the same one.
fn read_id(organization: OrganizationId, as_of: u64) -> EventId {
    EventId::from_uuid(Uuid::new_v5(&organization.uuid(), &as_of.to_be_bytes()))
}
