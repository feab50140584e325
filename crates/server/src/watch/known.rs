//! Names and purposes, which events leave out: fetched when they are first needed, and kept.

use std::collections::{HashMap, HashSet};

use unionflow_client::{
    ClientError,
    rest::{MembersQuery, RestClient},
};
use unionflow_protocol::{
    event::Event,
    id::{ApprovalId, MemberId, OrganizationId},
    limits,
    rest::approval::Approval,
};

use super::Told;
use crate::sentences::{Known, approval_of};

/// What was looked up, and what was asked for: nothing is asked for twice.
#[derive(Debug, Default)]
pub(crate) struct LookedUp {
    names: HashMap<MemberId, String>,
    purposes: HashMap<ApprovalId, String>,
    asked_members: HashSet<MemberId>,
    asked_approvals: HashSet<ApprovalId>,
}

/// What is to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    pub(crate) members: Vec<MemberId>,
    pub(crate) approvals: Vec<ApprovalId>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Found {
    pub(crate) names: Vec<(MemberId, String)>,
    pub(crate) purposes: Vec<(ApprovalId, String)>,
}

/// Names and purposes that are kept; beyond, all is looked up anew when it is needed.
const KEPT: usize = 2_000;

impl LookedUp {
    /// What an event leaves out and was not asked for yet.
    pub(crate) fn wanted_by(&mut self, told: &Told, event: &Event) -> Wanted {
        let member = match event {
            Event::RoleGranted(e) => Some(e.id),
            Event::RoleRevoked(e) => Some(e.id),
            _ => None,
        };
        self.wanted(told.head.actor_id.into_iter().chain(member), approval_of(event))
    }

    /// What is not known of these and was not asked for yet.
    pub(crate) fn wanted(
        &mut self,
        members: impl IntoIterator<Item = MemberId>,
        approvals: impl IntoIterator<Item = ApprovalId>,
    ) -> Wanted {
        if self.asked_members.len() > KEPT || self.asked_approvals.len() > KEPT {
            *self = Self::default();
        }
        Wanted {
            members: members.into_iter().filter(|id| self.asked_members.insert(*id)).collect(),
            approvals: approvals.into_iter().filter(|id| self.asked_approvals.insert(*id)).collect(),
        }
    }

    /// Requests that came with all they say.
    pub(crate) fn learn_requests(&mut self, approvals: &[Approval]) {
        for approval in approvals {
            self.asked_approvals.insert(approval.id);
            if let Some(purpose) = &approval.purpose {
                self.purposes.insert(approval.id, purpose.clone());
            }
        }
    }

    /// What was looked up.
    pub(crate) fn learn(&mut self, found: Found) {
        self.names.extend(found.names);
        self.purposes.extend(found.purposes);
    }
}

impl Known for LookedUp {
    fn name(&self, id: MemberId) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    fn purpose(&self, id: ApprovalId) -> Option<&str> {
        self.purposes.get(&id).map(String::as_str)
    }
}

impl Wanted {
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.approvals.is_empty()
    }
}

/// Looks up what can be: who may not see names, or purposes, sees none.
pub(crate) async fn look_up(rest: &RestClient, organization_id: OrganizationId, wanted: Wanted) -> Found {
    let mut found = Found::default();
    for ids in wanted.members.chunks(limits::IDS_MAX) {
        let query = MembersQuery {
            ids: ids.to_vec(),
            limit: Some(limits::IDS_MAX),
            ..MembersQuery::of(organization_id)
        };
        if let Ok(page) = rest.members(&query).await {
            let names = page.items.into_iter().map(|m| (m.id, format!("{} {}", m.given_name, m.family_name)));
            found.names.extend(names);
        }
    }
    for id in wanted.approvals {
        let approval: Result<Approval, ClientError> = rest.approval(id).await;
        found.purposes.extend(approval.ok().and_then(|approval| Some((id, approval.purpose?))));
    }
    found
}
