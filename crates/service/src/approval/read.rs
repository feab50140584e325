//! `GET /finance/approvals` and `GET /finance/approvals/{id}`

use unionflow_domain::permissions::{Action, Grant};
use unionflow_protocol::{
    approval::ApprovalStatus,
    id::{ApprovalId, OrganizationId, PersonId},
    problem::ErrorCode,
    rest::{Page, approval::Approval},
};
use unionflow_storage::{Reader, Undo, tables::approval::ApprovalFilter};

use super::view;
use crate::membership;

/// One request.
pub fn read(reader: &mut Reader<'_>, person: PersonId, id: ApprovalId) -> Result<Approval, Undo> {
    let approval = reader.load_approval(id)?.ok_or(ErrorCode::NotFound)?;
    let member = membership::belonging(reader, person, approval.organization_id)?;
    if !view::sees(&member, &approval) {
        return Err(ErrorCode::NotFound.into());
    }
    let as_of = reader.as_of(approval.organization_id)?;
    view::read(reader, &approval, &member, as_of)
}

/// A page of requests, newest first: all for officers, one's own for others.
pub fn list(
    reader: &mut Reader<'_>,
    person: PersonId,
    organization: OrganizationId,
    status: Option<ApprovalStatus>,
    before: Option<ApprovalId>,
    limit: usize,
) -> Result<Page<Approval>, Undo> {
    let member = membership::belonging(reader, person, organization)?;
    let all = Action::SeeApprovals.grant(member.effective_roles()) == Grant::Yes;
    let filter = ApprovalFilter { status, about: (!all).then_some(member.id) };
    let mut found = reader.load_approvals(organization, &filter, before, limit + 1)?;
    let next_cursor = (found.len() > limit).then(|| {
        found.truncate(limit);
        found.last().map(|approval| approval.id.to_string())
    });
    let as_of = reader.as_of(organization)?;
    let mut items = Vec::with_capacity(found.len());
    for approval in found.iter().filter(|approval| view::sees(&member, approval)) {
        items.push(view::read(reader, approval, &member, as_of)?);
    }
    Ok(Page { items, next_cursor: next_cursor.flatten(), as_of })
}
