//! `POST /members`

use unionflow_domain::{
    Faults,
    contact::{Country, Email, Phone},
    hint::Hint,
    member::{Member, MemberNumber, Name},
    permissions::Action,
};
use unionflow_protocol::{
    Date, Role, RoleSet,
    id::MemberId,
    member::MemberStatus,
    problem::{ErrorCode, FieldCode},
    rest::{self, member::CreateMember},
};
use unionflow_storage::{Tx, Undo};

use super::view;
use crate::{Call, Publish, membership};

/// What a new member was read as, before the organisation is locked.
pub(crate) struct Checked {
    name: Name,
    phone: Option<Phone>,
    email: Option<Email>,
    number: Option<MemberNumber>,
    status: MemberStatus,
}

/// Adds a member, or an applicant.
pub fn create(tx: &mut Tx<'_>, call: &Call, create: &CreateMember) -> Result<rest::member::Member, Undo> {
    let actor = membership::acting_with(tx, call, Action::KeepMembers)?;
    let (country, today) = (tx.organization()?.settings.country, tx.today()?);
    let checked = check(create, country, today)?;
    let number = match checked.number {
        Some(number) => {
            if tx.load_member_by_number(actor.organization_id, &number)?.is_some() {
                let refusal = unionflow_domain::Refusal::from(ErrorCode::MemberNumberTaken);
                return Err(refusal.at("/memberNumber", FieldCode::Taken, Hint::NumberTaken).into());
            }
            number
        }
        None => tx.next_member_number()?,
    };
    let mut member = Member {
        id: MemberId::from_uuid(tx.new_uuid()),
        organization_id: actor.organization_id,
        version: 0,
        number,
        person_id: None,
        status: checked.status,
        roles: RoleSet::of(&[Role::Member]),
        name: checked.name,
        phone: checked.phone,
        email: checked.email,
        joined_on: create.joined_on.unwrap_or(today),
        left_on: None,
        code_givers: Vec::new(),
        updated_at: tx.now(),
    };
    tx.publish().member_created(&mut member)?;
    tx.insert_member(&member)?;
    view::view(tx, &member, &actor)
}

fn check(create: &CreateMember, country: Country, today: Date) -> Result<Checked, Undo> {
    let mut faults = Faults::default();
    let name = match Name::parse(&create.given_name, &create.family_name) {
        Ok(name) => Some(name),
        Err(wrong) => {
            for fault in wrong {
                faults.take::<()>(Err(fault));
            }
            None
        }
    };
    let phone = create.phone.as_deref().and_then(|text| faults.take(Phone::field("/phone", text, country)));
    let email = create.email.as_deref().and_then(|text| faults.take(Email::field("/email", text)));
    let number = create
        .member_number
        .as_deref()
        .and_then(|text| faults.take(MemberNumber::parse("/memberNumber", text)));
    let status = create.status.unwrap_or(MemberStatus::Active);
    if !matches!(status, MemberStatus::Active | MemberStatus::Applicant) {
        faults.push("/status", FieldCode::NotAllowed, Hint::NewMemberStatus);
    }
    if create.joined_on.is_some_and(|date| date > today) {
        faults.push("/joinedOn", FieldCode::TooLarge, Hint::NotInTheFuture);
    }
    faults.check()?;
    let name = name.ok_or(ErrorCode::Internal)?;
    Ok(Checked { name, phone, email, number, status })
}
