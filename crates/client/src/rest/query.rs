//! What lists are asked for.

use serde::{Serialize, Serializer};
use unionflow_protocol::{
    Seq,
    approval::ApprovalStatus,
    id::{ApprovalId, MemberId, OrganizationId},
    member::MemberStatus,
};

/// Something of one organisation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InOrganization {
    /// Which.
    pub organization_id: OrganizationId,
    /// The `nextCursor` of the page before, where it is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Items of a page, where it is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A page of a list.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PageQuery {
    /// The `nextCursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Items of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// A part of the journal.
#[derive(Debug, Clone, Default, Serialize)]
pub struct JournalQuery {
    /// After this event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// Events of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Some members.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MembersQuery {
    /// Where.
    pub organization_id: OrganizationId,
    /// Part of a name, a number, or a phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only of these; none = of any.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "with_commas")]
    pub status: Vec<MemberStatus>,
    /// Only these, at most 100; none = any.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "with_commas")]
    pub ids: Vec<MemberId>,
    /// The `nextCursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Items of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Some requests for approval.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalsQuery {
    /// Where.
    pub organization_id: OrganizationId,
    /// Only of this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<ApprovalStatus>,
    /// The `nextCursor` of the page before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<ApprovalId>,
    /// Items of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Where a file is imported, and how.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportQuery {
    /// Where.
    pub organization_id: OrganizationId,
    /// Say what would happen, and write nothing.
    pub dry_run: bool,
    /// Import the rows without errors.
    pub skip_errors: bool,
}

impl InOrganization {
    /// Of this one.
    pub const fn of(organization_id: OrganizationId) -> Self {
        Self { organization_id, after: None, limit: None }
    }
}

impl MembersQuery {
    /// All of this organisation.
    pub const fn of(organization_id: OrganizationId) -> Self {
        Self { organization_id, search: None, status: Vec::new(), ids: Vec::new(), after: None, limit: None }
    }
}

impl ApprovalsQuery {
    /// All of this organisation.
    pub const fn of(organization_id: OrganizationId) -> Self {
        Self { organization_id, status: None, after: None, limit: None }
    }

    /// Those that wait for votes.
    pub const fn pending(organization_id: OrganizationId) -> Self {
        Self { status: Some(ApprovalStatus::Pending), ..Self::of(organization_id) }
    }
}

fn with_commas<T: ToString, S: Serializer>(items: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    serializer.serialize_str(&items.join(","))
}
