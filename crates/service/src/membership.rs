//! Who the caller is in an organisation: looked up for every request, in the snapshot or under the lock it acts in.

use unionflow_domain::{
    Refusal,
    detail::Detail,
    member::Member,
    permissions::{Action, Grant},
    service_key::{KeyRight, ServiceKey},
};
use unionflow_protocol::{
    View,
    id::{MemberId, OrganizationId, PersonId},
    member::MemberStatus,
    problem::ErrorCode,
};
use unionflow_storage::{Reader, Tx, Undo};

use crate::{Call, Principal};

/// Who reads, in one organisation.
pub(crate) enum Viewer {
    /// A member.
    Member(Member),
    /// A key of the organisation.
    Key(ServiceKey),
}

impl Viewer {
    /// Who belongs here: active and suspended members, and keys that read. To everybody else the organisation does not exist.
    pub(crate) fn belonging(
        reader: &mut Reader<'_>,
        principal: &Principal,
        organization: OrganizationId,
    ) -> Result<Self, Undo> {
        match principal {
            Principal::Person(person) => belonging(reader, *person, organization).map(Self::Member),
            Principal::Key(key) => Self::of_key(key, organization),
        }
    }

    /// Who is active here: active members, and keys that read.
    pub(crate) fn active(
        reader: &mut Reader<'_>,
        principal: &Principal,
        organization: OrganizationId,
    ) -> Result<Self, Undo> {
        match principal {
            Principal::Person(person) => active(reader, *person, organization).map(Self::Member),
            Principal::Key(key) => Self::of_key(key, organization),
        }
    }

    fn of_key(key: &ServiceKey, organization: OrganizationId) -> Result<Self, Undo> {
        key.check_in(organization, KeyRight::ReadMembers)?;
        Ok(Self::Key(key.clone()))
    }

    /// What the tables grant.
    pub(crate) fn grant(&self, action: Action) -> Grant {
        match self {
            Self::Member(member) => action.grant(member.effective_roles()),
            Self::Key(key) => action.grant_to_key(&key.scopes),
        }
    }

    /// Whether the tables grant it about anyone, whatever the settings.
    pub(crate) fn may(&self, action: Action) -> bool {
        self.grant(action) == Grant::Yes
    }

    /// Refuses what the tables do not grant.
    pub(crate) fn require(&self, action: Action) -> Result<(), Refusal> {
        match self {
            _ if self.may(action) => Ok(()),
            Self::Member(_) => Err(action.forbidden()),
            // The one scope with which keys read more.
            Self::Key(key) => key.check(KeyRight::ReadMoney).and_then(|()| Err(action.forbidden())),
        }
    }

    /// Whether names of others may be seen.
    pub(crate) fn sees_directory(&self, open_to_members: bool) -> bool {
        directory_opens(self.grant(Action::SeeDirectory), open_to_members)
    }

    /// Refuses the list of names.
    pub(crate) fn no_directory(&self) -> Refusal {
        match self {
            Self::Member(_) => Action::SeeDirectory.forbidden(),
            Self::Key(_) => Refusal::because(ErrorCode::Forbidden, Detail::DirectoryClosed),
        }
    }

    /// The member, unless it is a key, which is nobody.
    pub(crate) fn member(&self) -> Option<&Member> {
        match self {
            Self::Member(member) => Some(member),
            Self::Key(_) => None,
        }
    }

    /// Whether this is that member.
    pub(crate) fn is(&self, id: MemberId) -> bool {
        self.member().is_some_and(|member| member.id == id)
    }

    /// The edition of the figures.
    pub(crate) fn view(&self) -> View {
        match self {
            Self::Member(member) => View::of(member.effective_roles()),
            Self::Key(key) => key.scopes.view(),
        }
    }
}

/// The caller's membership, active or suspended. To everybody else the organisation does not exist.
pub(crate) fn belonging(
    reader: &mut Reader<'_>,
    person: PersonId,
    organization: OrganizationId,
) -> Result<Member, Undo> {
    let member = reader.load_membership(person, organization)?.ok_or(ErrorCode::NotFound)?;
    match member.status {
        MemberStatus::Active | MemberStatus::Suspended => Ok(member),
        MemberStatus::Applicant | MemberStatus::Left | MemberStatus::Refused => {
            Err(ErrorCode::NotFound.into())
        }
    }
}

/// The caller's active membership. A suspended member may read his own data and do nothing.
pub(crate) fn active(
    reader: &mut Reader<'_>,
    person: PersonId,
    organization: OrganizationId,
) -> Result<Member, Undo> {
    let member = belonging(reader, person, organization)?;
    match member.status {
        MemberStatus::Suspended => Err(ErrorCode::MembershipSuspended.into()),
        _ => Ok(member),
    }
}

/// The member who acts: active, in the organisation that the unit has locked. Its events are signed from here on.
pub(crate) fn acting(tx: &mut Tx<'_>, call: &Call) -> Result<Member, Undo> {
    let organization = tx.organization()?.id;
    let member = active(tx, call.caller.person_id, organization)?;
    call.sign(tx, member.id);
    Ok(member)
}

/// The member who acts, if the table grants the action.
pub(crate) fn acting_with(tx: &mut Tx<'_>, call: &Call, action: Action) -> Result<Member, Undo> {
    let member = acting(tx, call)?;
    require(&member, action)?;
    Ok(member)
}

/// Refuses what the table does not grant.
pub(crate) fn require(member: &Member, action: Action) -> Result<(), Refusal> {
    if action.allowed(member.effective_roles()) { Ok(()) } else { Err(action.forbidden()) }
}

/// Whether the member may see names of others.
pub(crate) fn sees_directory(member: &Member, open_to_members: bool) -> bool {
    directory_opens(Action::SeeDirectory.grant(member.effective_roles()), open_to_members)
}

fn directory_opens(grant: Grant, open_to_members: bool) -> bool {
    match grant {
        Grant::Yes => true,
        Grant::BySetting => open_to_members,
        Grant::Own | Grant::No => false,
    }
}
