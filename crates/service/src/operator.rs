//! What the operator does with the command line, beside the rules: journaled, and announced to all.

use unionflow_domain::{
    contact::LoginName,
    member::{Member, MemberNumber},
};
use unionflow_protocol::{
    Origin, Role,
    event::approvals::RoleChange,
    id::{MemberId, OrganizationId, PersonId},
    member::MemberStatus,
    problem::ErrorCode,
    rest::member::MemberCode,
};
use unionflow_storage::{
    Author, Reader, Tx, Undo,
    tables::{access::CodePurpose, person::Person},
};

use crate::{
    Publish,
    approval::review::review_all,
    member::codes::{issue, void},
};

/// A person, as `unionflow user list` shows it.
#[derive(Debug, Clone)]
pub struct User {
    /// Who.
    pub person_id: PersonId,
    /// Login names.
    pub logins: Vec<String>,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// Memberships.
    pub memberships: Vec<Member>,
}

/// The person with a login name.
pub fn find(reader: &mut Reader<'_>, login: &LoginName) -> Result<Option<User>, Undo> {
    Ok(match reader.load_person_by_login(login)? {
        Some(person) => Some(user(reader, person)?),
        None => None,
    })
}

/// Everybody with an account whose number in an organisation this is.
pub fn find_by_number(reader: &mut Reader<'_>, number: &MemberNumber) -> Result<Vec<User>, Undo> {
    let mut found: Vec<User> = Vec::new();
    for organization in reader.load_organizations()? {
        let member = reader.load_member_by_number(organization.id, number)?;
        let Some(person) = member.and_then(|member| member.person_id) else { continue };
        if found.iter().all(|user| user.person_id != person)
            && let Some(person) = reader.load_person(person)?
        {
            found.push(user(reader, person)?);
        }
    }
    Ok(found)
}

fn user(reader: &mut Reader<'_>, person: Person) -> Result<User, Undo> {
    Ok(User {
        person_id: person.id,
        logins: reader.load_logins(person.id)?.iter().map(|login| login.as_str().to_owned()).collect(),
        disabled: person.disabled_at.is_some(),
        memberships: reader.load_memberships(person.id)?,
    })
}

/// Gives or takes a role without asking anybody: where nobody can decide any more.
pub fn set_role(tx: &mut Tx<'_>, member: MemberId, role: Role, grant: bool) -> Result<Member, Undo> {
    act(tx);
    let mut member = here(tx, member)?;
    member.check_role_change(RoleChange::Role { role, grant })?;
    member.set_role(role, grant);
    member.updated_at = tx.now();
    tx.publish().role_changed(&mut member, role, grant, None)?;
    tx.save_member(&member)?;
    void(tx, &member)?;
    review_all(tx, member.organization_id, None)?;
    Ok(member)
}

/// Takes a login name away from whoever claimed it; those that are left.
pub fn release(tx: &mut Tx<'_>, person: PersonId, login: &LoginName) -> Result<Vec<LoginName>, Undo> {
    let mut logins = tx.load_logins(person)?;
    logins.retain(|other| other != login);
    tx.delete_logins(person)?;
    for login in &logins {
        tx.insert_login(person, login)?;
    }
    Ok(logins)
}

/// Disables or enables an account. Disabling ends all its sessions.
pub fn set_disabled(tx: &mut Tx<'_>, person: PersonId, disabled: bool) -> Result<(), Undo> {
    let mut person = tx.load_person(person)?.ok_or(ErrorCode::NotFound)?;
    person.disabled_at = disabled.then(|| tx.now());
    tx.save_person(&person)?;
    if disabled {
        tx.end_sign_ins(person.id, None)?;
    }
    Ok(())
}

/// Hands out a code for a new password, whoever it is, and ends all sessions.
pub fn reset(tx: &mut Tx<'_>, member: MemberId, public_url: &str) -> Result<MemberCode, Undo> {
    act(tx);
    let mut member = here(tx, member)?;
    let person = member.person_id.ok_or(ErrorCode::NoAccount)?;
    tx.end_sign_ins(person, None)?;
    let code = issue(tx, &member, None, CodePurpose::OperatorReset, public_url)?;
    member.updated_at = tx.now();
    tx.publish().member_reset_issued(&mut member)?;
    tx.save_member(&member)?;
    Ok(MemberCode { as_of: tx.as_of_here()?, ..code })
}

/// Links an account to a member, whoever it is: for an office holder who has none.
pub fn link(tx: &mut Tx<'_>, member: MemberId, person: PersonId) -> Result<Member, Undo> {
    act(tx);
    let mut member = here(tx, member)?;
    if member.person_id.is_some() {
        return Err(ErrorCode::HasAccount.into());
    }
    if tx.load_membership(person, member.organization_id)?.is_some() {
        return Err(ErrorCode::AlreadyAMember.into());
    }
    member.person_id = Some(person);
    member.updated_at = tx.now();
    tx.publish()
        .member_updated(&mut member, vec![unionflow_protocol::event::members::MemberField::Account])?;
    tx.save_member(&member)?;
    tx.delete_codes(member.id)?;
    Ok(member)
}

/// Every member with an account, of one organisation, and what each signs in with.
pub fn list(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
) -> Result<Vec<(Member, Vec<String>)>, Undo> {
    let filter = unionflow_storage::tables::member::MemberFilter {
        statuses: vec![MemberStatus::Active, MemberStatus::Suspended],
        ..Default::default()
    };
    let members = reader.load_members(organization, &filter, None, 100_000)?;
    let mut found = Vec::new();
    for member in members {
        let Some(person) = member.person_id else { continue };
        let logins = reader.load_logins(person)?.iter().map(|login| login.as_str().to_owned()).collect();
        found.push((member, logins));
    }
    Ok(found)
}

pub(crate) fn act(tx: &mut Tx<'_>) {
    tx.act_as(Author { member_id: None, origin: Origin::Operator });
}

fn here(tx: &mut Tx<'_>, member: MemberId) -> Result<Member, Undo> {
    let organization = tx.organization()?.id;
    let found = tx.load_member(member)?.filter(|member| member.organization_id == organization);
    found.ok_or_else(|| ErrorCode::NotFound.into())
}
