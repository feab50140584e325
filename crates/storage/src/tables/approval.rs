//! Requests for approval.

use unionflow_domain::approval::Approval;
use unionflow_protocol::{
    Timestamp,
    approval::ApprovalStatus,
    id::{ApprovalId, MemberId, OrganizationId},
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{Param, ToParam, get, json, to_json},
    tx::Tx,
};

/// Which requests a list holds.
#[derive(Debug, Clone, Default)]
pub struct ApprovalFilter {
    /// Only this status.
    pub status: Option<ApprovalStatus>,
    /// Only those that this member made or benefits from.
    pub about: Option<MemberId>,
}

/// A request whose deadline has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Where.
    pub organization_id: OrganizationId,
    /// Which.
    pub approval_id: ApprovalId,
}

impl Reader<'_> {
    /// How many requests of a member wait for votes, and how many of them are for changes of policy or roles.
    pub fn count_pending_of(
        &mut self,
        organization: OrganizationId,
        requester: MemberId,
    ) -> Result<(u32, u32), StoreFault> {
        let counts = self.first(
            "SELECT count(*), count(open_key) FROM approval \
             WHERE organization_id = ?1 AND status = 'PENDING' AND requester_id = ?2",
            &[organization.param(), requester.param()],
            |row| Ok((get(row, 0)?, get(row, 1)?)),
        )?;
        Ok(counts.unwrap_or_default())
    }

    /// A request.
    pub fn load_approval(&mut self, id: ApprovalId) -> Result<Option<Approval>, StoreFault> {
        self.first("SELECT body FROM approval WHERE id = ?1", &[id.param()], |row| json(row, 0))
    }

    /// A page of requests, newest first.
    pub fn load_approvals(
        &mut self,
        organization: OrganizationId,
        filter: &ApprovalFilter,
        before: Option<ApprovalId>,
        limit: usize,
    ) -> Result<Vec<Approval>, StoreFault> {
        let limit = limit as u64;
        self.all(
            "SELECT body FROM approval WHERE organization_id = ?1 AND (id < ?2 OR ?2 IS NULL) AND (status = ?3 OR ?3 IS NULL) \
             AND (requester_id = ?4 OR beneficiary_id = ?4 OR ?4 IS NULL) ORDER BY id DESC LIMIT ?5",
            &[
                organization.param(),
                before.param(),
                filter.status.map(ApprovalStatus::as_str).param(),
                filter.about.param(),
                limit.param(),
            ],
            |row| json(row, 0),
        )
    }

    /// Every request of an organisation that waits for votes.
    pub fn load_pending_approvals(
        &mut self,
        organization: OrganizationId,
    ) -> Result<Vec<Approval>, StoreFault> {
        self.all(
            "SELECT body FROM approval WHERE organization_id = ?1 AND status = 'PENDING' ORDER BY id",
            &[organization.param()],
            |row| json(row, 0),
        )
    }

    /// Every request of a member that waits for votes.
    pub fn load_pending_of(
        &mut self,
        organization: OrganizationId,
        requester: MemberId,
    ) -> Result<Vec<Approval>, StoreFault> {
        self.all(
            "SELECT body FROM approval WHERE organization_id = ?1 AND status = 'PENDING' AND requester_id = ?2 ORDER BY id",
            &[organization.param(), requester.param()],
            |row| json(row, 0),
        )
    }

    /// The open request that would change the same, if any.
    pub fn load_open_twin(
        &mut self,
        organization: OrganizationId,
        open_key: &str,
    ) -> Result<Option<ApprovalId>, StoreFault> {
        self.value(
            "SELECT id FROM approval WHERE organization_id = ?1 AND open_key = ?2",
            &[organization.param(), open_key.param()],
        )
    }

    /// Requests of an organisation that should have been executed by now, oldest deadline first.
    pub fn load_lapsing_approvals(
        &mut self,
        organization: OrganizationId,
        limit: u32,
    ) -> Result<Vec<ApprovalId>, StoreFault> {
        let now = self.now;
        self.all(
            "SELECT id FROM approval WHERE organization_id = ?1 AND status = 'APPROVED' AND deadline <= ?2 \
             ORDER BY deadline, id LIMIT ?3",
            &[organization.param(), now.param(), limit.param()],
            |row| get(row, 0),
        )
    }

    /// Requests that should have been decided or executed by now.
    pub fn load_due_approvals(&mut self, limit: u32) -> Result<Vec<Due>, StoreFault> {
        let now = self.now;
        self.all(
            "SELECT organization_id, id FROM approval WHERE deadline <= ?1 ORDER BY deadline LIMIT ?2",
            &[now.param(), limit.param()],
            |row| Ok(Due { organization_id: get(row, 0)?, approval_id: get(row, 1)? }),
        )
    }
}

impl Tx<'_> {
    /// A new request. `open_key` is kept while it waits.
    pub fn insert_approval(&mut self, approval: &Approval, open_key: Option<&str>) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO approval (id, organization_id, version, status, transaction_type, requester_id, beneficiary_id, \
             deadline, open_key, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            &[
                approval.id.param(),
                approval.organization_id.param(),
                approval.version.param(),
                approval.status.as_str().param(),
                approval.content.transaction_type.as_str().param(),
                approval.requester_id.param(),
                approval.content.beneficiary_member_id.param(),
                deadline(approval).param(),
                open_key.filter(|_| approval.status == ApprovalStatus::Pending).map_or(Param::Null, Param::Text),
                to_json(approval).param(),
            ],
        )?;
        Ok(())
    }

    /// A changed request.
    pub fn save_approval(&mut self, approval: &Approval) -> Result<(), StoreFault> {
        self.submit(
            "UPDATE approval SET version = ?2, status = ?3, beneficiary_id = ?4, deadline = ?5, \
             open_key = CASE WHEN ?3 = 'PENDING' THEN open_key END, body = ?6 WHERE id = ?1",
            &[
                approval.id.param(),
                approval.version.param(),
                approval.status.as_str().param(),
                approval.content.beneficiary_member_id.param(),
                deadline(approval).param(),
                to_json(approval).param(),
            ],
        )?;
        Ok(())
    }
}

fn deadline(approval: &Approval) -> Option<Timestamp> {
    match approval.status {
        ApprovalStatus::Pending => Some(approval.terms.decide_by),
        ApprovalStatus::Approved => approval.outcome.execute_by,
        _ => None,
    }
}
