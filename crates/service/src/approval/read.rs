//! `GET /finance/approvals` and `GET /finance/approvals/{id}`

use unionflow_domain::{approval, permissions::Action};
use unionflow_protocol::{
    approval::ApprovalStatus,
    id::{ApprovalId, OrganizationId},
    problem::ErrorCode,
    rest::{Page, approval::Approval},
};
use unionflow_storage::{Reader, Undo, tables::approval::ApprovalFilter};

use super::view;
use crate::{Principal, membership::Viewer};

/// One request.
pub fn read(reader: &mut Reader<'_>, principal: &Principal, id: ApprovalId) -> Result<Approval, Undo> {
    let approval = reader.load_approval(id)?.ok_or(ErrorCode::NotFound)?;
    let viewer = Viewer::belonging(reader, principal, approval.organization_id)?;
    if !sees(&viewer, &approval) {
        return Err(ErrorCode::NotFound.into());
    }
    let as_of = reader.as_of(approval.organization_id)?;
    view::read(reader, &approval, viewer.member(), as_of)
}

/// A page of requests, newest first: all for officers, one's own for others.
pub fn list(
    reader: &mut Reader<'_>,
    principal: &Principal,
    organization: OrganizationId,
    status: Option<ApprovalStatus>,
    before: Option<ApprovalId>,
    limit: usize,
) -> Result<Page<Approval>, Undo> {
    let viewer = Viewer::belonging(reader, principal, organization)?;
    let about = match viewer.member() {
        Some(member) => (!viewer.may(Action::SeeApprovals)).then_some(member.id),
        None => viewer.require(Action::SeeApprovals).map(|()| None)?,
    };
    let filter = ApprovalFilter { status, about };
    let mut found = reader.load_approvals(organization, &filter, before, limit + 1)?;
    let next_cursor = (found.len() > limit).then(|| {
        found.truncate(limit);
        found.last().map(|approval| approval.id.to_string())
    });
    let as_of = reader.as_of(organization)?;
    let mut items = Vec::with_capacity(found.len());
    for approval in found.iter().filter(|approval| sees(&viewer, approval)) {
        items.push(view::read(reader, approval, viewer.member(), as_of)?);
    }
    Ok(Page { items, next_cursor: next_cursor.flatten(), as_of })
}

fn sees(viewer: &Viewer, approval: &approval::Approval) -> bool {
    viewer.member().map_or_else(|| viewer.may(Action::SeeApprovals), |member| view::sees(member, approval))
}
