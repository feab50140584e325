//! The figures, as of now.

use std::collections::HashMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use unionflow_domain::{figures::Figures, organization::Organization};
use unionflow_protocol::{
    Date, EventType, View,
    id::OrganizationId,
    problem::ErrorCode,
    rest::dashboard::{Kpis, Stats},
};
use unionflow_storage::{Reader, Tx, Undo};

use crate::{Principal, Publish, membership::Viewer, organization::read::single_signature_in_effect};

/// `GET /dashboard/stats`: the caller's edition.
pub fn stats(
    reader: &mut Reader<'_>,
    principal: &Principal,
    organization: OrganizationId,
) -> Result<Stats, Undo> {
    let view = Viewer::active(reader, principal, organization)?.view();
    let (organization, figures) = of(reader, organization)?;
    Ok(Stats {
        organization_id: organization.id,
        as_of_date: figures.as_of(),
        figures: figures.stats(view, organization.settings.amounts_open_to_members),
        single_signature_in_effect: single_signature_in_effect(reader, organization.id)?,
        as_of: reader.as_of(organization.id)?,
    })
}

/// `GET /dashboard/kpis`: the caller's edition.
pub fn kpis(
    reader: &mut Reader<'_>,
    principal: &Principal,
    organization: OrganizationId,
) -> Result<Kpis, Undo> {
    let view = Viewer::active(reader, principal, organization)?.view();
    let (organization, figures) = of(reader, organization)?;
    Ok(Kpis {
        organization_id: organization.id,
        as_of_date: figures.as_of(),
        figures: figures.kpis(view, organization.settings.amounts_open_to_members),
        single_signature_in_effect: single_signature_in_effect(reader, organization.id)?,
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

/// What was sent last of each kind and view: only what is new is sent again, because phones pay for every frame.
#[derive(Debug, Clone, Default)]
pub struct Sent(HashMap<(View, EventType), [u8; 32]>);

impl Sent {
    /// Whether this is not what was sent last; from now on it is. The day counts: at midnight figures are sent also where they
    /// are the same, since somebody else may have sent them in between.
    fn is_new(&mut self, view: View, kind: EventType, today: Date, figures: &impl Serialize) -> bool {
        let text = serde_json::to_vec(&(today, figures)).expect("figures are integers, codes and lists");
        let hash = Sha256::digest(text).into();
        self.0.insert((view, kind), hash) != Some(hash)
    }
}

/// Sends the newest figures, in both editions, where they differ from what was sent last. Called where something happened, at
/// most four times a second.
pub fn publish(tx: &mut Tx<'_>, mut sent: Sent) -> Result<Sent, Undo> {
    let today = tx.today()?;
    for view in View::ALL {
        let (organization, figures) = tx.figures()?;
        let opened = organization.settings.amounts_open_to_members;
        let (stats, series) = (figures.stats(*view, opened), figures.kpis(*view, opened));
        if sent.is_new(*view, EventType::DashboardStatsUpdate, today, &stats) {
            tx.publish().dashboard_stats_update(stats)?;
        }
        if sent.is_new(*view, EventType::KpiUpdate, today, &series) {
            tx.publish().kpi_update(series)?;
        }
    }
    Ok(sent)
}
