//! The figures. They change in the transaction of the events they count, so they are always exact as of the journal's head.

use unionflow_domain::figures::Figures;
use unionflow_protocol::{TimeZone, id::OrganizationId};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{ToParam, get, json, to_json},
};

impl Reader<'_> {
    /// The figures of an organisation.
    pub fn load_figures(&mut self, organization: OrganizationId) -> Result<Option<Figures>, StoreFault> {
        self.first("SELECT body FROM figures WHERE organization_id = ?1", &[organization.param()], |row| {
            json(row, 0)
        })
    }

    /// Organisations whose day has ended since their figures were computed.
    pub fn load_stale_figures(&mut self, limit: u32) -> Result<Vec<OrganizationId>, StoreFault> {
        let now = self.now;
        self.all(
            "SELECT organization_id FROM figures WHERE stale_at <= ?1 LIMIT ?2",
            &[now.param(), limit.param()],
            |row| get(row, 0),
        )
    }

    pub(crate) fn save_figures(
        &mut self,
        organization: OrganizationId,
        figures: &Figures,
        zone: &TimeZone,
    ) -> Result<(), StoreFault> {
        let tomorrow = figures.as_of().plus_days(1).start_in(zone);
        self.sql.submit(
            "INSERT INTO figures (organization_id, stale_at, body) VALUES (?1, ?2, ?3) \
             ON CONFLICT (organization_id) DO UPDATE SET stale_at = excluded.stale_at, body = excluded.body",
            &[organization.param(), tomorrow.param(), to_json(figures).param()],
        )?;
        Ok(())
    }
}
