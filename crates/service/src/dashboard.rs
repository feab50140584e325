//! The figures, as of now.

use unionflow_domain::{figures::Figures, organization::Organization};
use unionflow_protocol::{
    View,
    id::{OrganizationId, PersonId},
    problem::ErrorCode,
    rest::dashboard::{Kpis, Stats},
};
use unionflow_storage::{Reader, Tx, Undo};

use crate::{Publish, membership};

/// `GET /dashboard/stats`: the caller's edition.
pub fn stats(reader: &mut Reader<'_>, person: PersonId, organization: OrganizationId) -> Result<Stats, Undo> {
    let member = membership::active(reader, person, organization)?;
    let (organization, figures) = of(reader, organization)?;
    let view = View::of(member.effective_roles());
    Ok(Stats {
        organization_id: organization.id,
        as_of_date: figures.as_of(),
        figures: figures.stats(view, organization.settings.amounts_open_to_members),
        as_of: reader.as_of(organization.id)?,
    })
}

/// `GET /dashboard/kpis`: the caller's edition.
pub fn kpis(reader: &mut Reader<'_>, person: PersonId, organization: OrganizationId) -> Result<Kpis, Undo> {
    let member = membership::active(reader, person, organization)?;
    let (organization, figures) = of(reader, organization)?;
    let view = View::of(member.effective_roles());
    Ok(Kpis {
        organization_id: organization.id,
        as_of_date: figures.as_of(),
        figures: figures.kpis(view, organization.settings.amounts_open_to_members),
        as_of: reader.as_of(organization.id)?,
    })
}

/// An organisation and its figures, gone on to today: right also between midnight and the sweeper.
pub(crate) fn of(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
) -> Result<(Organization, Figures), Undo> {
    let organization = reader.load_organization(organization)?.ok_or(ErrorCode::NotFound)?;
    let mut figures = reader.load_figures(organization.id)?.ok_or(ErrorCode::NotFound)?;
    figures.roll_to(reader.now().date_in(&organization.settings.time_zone));
    Ok((organization, figures))
}

/// Sends the newest figures, in both editions. Called where something changed, at most four times a second.
pub fn publish(tx: &mut Tx<'_>) -> Result<(), Undo> {
    for view in View::ALL {
        tx.publish().dashboard_stats_update(*view)?;
        tx.publish().kpi_update(*view)?;
    }
    Ok(())
}
