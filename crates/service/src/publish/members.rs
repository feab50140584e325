//! What is told on `unionflow.members.events`: members, roles, the organisation, service keys, imports.

use unionflow_domain::{member::Member, organization::Organization, service_key::ServiceKey};
use unionflow_protocol::{
    Audience, Event, Origin, Role, RoleSet, event::members::*, id::ApprovalId, member::MemberStatus,
};
use unionflow_storage::Undo;

use super::{Publisher, keepers};

/// A change of a membership, as its event tells it.
pub(crate) struct StatusChanged {
    pub(crate) previous: MemberStatus,
    /// The roles held before: leaving ends them, and says so of each.
    pub(crate) held: RoleSet,
    pub(crate) has_reason: bool,
    pub(crate) approval_id: Option<ApprovalId>,
}

impl Publisher<'_, '_> {
    /// Somebody is on the list of members. A row of an import goes to no socket.
    pub fn member_created(&mut self, member: &mut Member) -> Result<(), Undo> {
        let event = MemberCreated {
            id: member.id,
            member_number: member.number.as_str().to_owned(),
            status: member.status,
            joined_on: member.joined_on,
        };
        self.about_member(member, event)
    }

    /// Some fields of a member changed. A row of an import goes to no socket.
    pub fn member_updated(&mut self, member: &mut Member, changed: Vec<MemberField>) -> Result<(), Undo> {
        let event = MemberUpdated { id: member.id, changed };
        self.about_member(member, event)
    }

    pub(crate) fn member_status_changed(
        &mut self,
        member: &mut Member,
        change: &StatusChanged,
    ) -> Result<(), Undo> {
        let kept = member.roles;
        for role in change.held.iter().filter(|role| !kept.contains(*role)) {
            self.role_changed(member, role, false, change.approval_id)?;
        }
        let effective_on = self.tx.today()?;
        macro_rules! event {
            ($name:ident) => {
                $name {
                    id: member.id,
                    status: member.status,
                    previous_status: change.previous,
                    effective_on,
                    has_reason: change.has_reason,
                    approval_id: change.approval_id,
                }
                .into()
            };
        }
        let event: Event = match (change.previous, member.status) {
            (_, MemberStatus::Refused) => event!(MemberRefused),
            (_, MemberStatus::Suspended) => event!(MemberSuspended),
            (_, MemberStatus::Left) => event!(MemberLeft),
            (MemberStatus::Suspended, _) => event!(MemberReinstated),
            (_, _) => event!(MemberAdmitted),
        };
        self.about_member(member, event)
    }

    pub(crate) fn member_invited(&mut self, member: &mut Member) -> Result<(), Undo> {
        let event = MemberInvited { id: member.id };
        self.about_member(member, event)
    }

    pub(crate) fn member_reset_issued(&mut self, member: &mut Member) -> Result<(), Undo> {
        let event = MemberResetIssued { id: member.id };
        self.about_member(member, event)
    }

    pub(crate) fn role_changed(
        &mut self,
        member: &mut Member,
        role: Role,
        granted: bool,
        approval_id: Option<ApprovalId>,
    ) -> Result<(), Undo> {
        member.version += 1;
        let id = member.id;
        let event: Event = if granted {
            RoleGranted { id, role, approval_id }.into()
        } else {
            RoleRevoked { id, role, approval_id }.into()
        };
        self.fact(id.into(), member.version, Audience::everyone(), event).map(|_| ())
    }

    pub(crate) fn organization_created(&mut self, organization: &Organization) -> Result<(), Undo> {
        let event = OrganizationCreated {
            changed: Vec::new(),
            currency: organization.currency,
            time_zone: organization.settings.time_zone.clone(),
        };
        self.fact(organization.id.into(), organization.version, Audience::everyone(), event.into())
            .map(|_| ())
    }

    pub(crate) fn organization_updated(
        &mut self,
        organization: &mut Organization,
        changed: Vec<OrganizationField>,
    ) -> Result<(), Undo> {
        organization.version += 1;
        let event = OrganizationUpdated {
            changed,
            currency: organization.currency,
            time_zone: organization.settings.time_zone.clone(),
        };
        self.fact(organization.id.into(), organization.version, Audience::everyone(), event.into())
            .map(|_| ())
    }

    pub(crate) fn service_key_created(&mut self, key: &mut ServiceKey) -> Result<(), Undo> {
        let event = ServiceKeyCreated { key_id: key.id, scopes: key.scopes.as_slice().to_vec() };
        self.about_key(key, event)
    }

    pub(crate) fn service_key_revoked(&mut self, key: &mut ServiceKey) -> Result<(), Undo> {
        let event = ServiceKeyRevoked { key_id: key.id, scopes: key.scopes.as_slice().to_vec() };
        self.about_key(key, event)
    }

    fn about_key(&mut self, key: &mut ServiceKey, event: impl Into<Event>) -> Result<(), Undo> {
        key.version += 1;
        self.fact(key.id.into(), key.version, keepers(), event.into()).map(|_| ())
    }

    pub(crate) fn import_applied(&mut self, summary: ImportApplied) -> Result<(), Undo> {
        self.fact(summary.batch_id.into(), 1, keepers(), summary.into()).map(|_| ())
    }

    /// About a member: keepers and the member see it; nobody, when a row of an import says it.
    fn about_member(&mut self, member: &mut Member, event: impl Into<Event>) -> Result<(), Undo> {
        member.version += 1;
        let audience = match self.tx.author().origin {
            Origin::Import => Audience::none(),
            _ => keepers().and_member(member.id),
        };
        self.fact(member.id.into(), member.version, audience, event.into()).map(|_| ())
    }
}
