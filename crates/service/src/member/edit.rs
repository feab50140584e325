//! `PATCH /members/{id}`

use unionflow_domain::{
    Faults, Refusal,
    contact::{Country, Email, Phone},
    hint::Hint,
    member::Member,
    permissions::Action,
    text,
};
use unionflow_protocol::{
    Date,
    id::MemberId,
    problem::FieldCode,
    rest::{self, member::EditMember},
};
use unionflow_storage::{Tx, Undo, tables::done_today::Counted};

use super::{load_for, view};
use crate::{Call, Publish, daily};

/// Changes a member: keepers everything, a member his own contact data. Contact data is never a login.
pub fn edit(
    tx: &mut Tx<'_>,
    call: &Call,
    id: MemberId,
    edit: &EditMember,
) -> Result<rest::member::Member, Undo> {
    let (member, actor) = load_for(tx, call, id)?;
    let keeps = Action::KeepMembers.allowed(actor.effective_roles());
    let only_contacts = edit.given_name.is_none() && edit.family_name.is_none() && edit.joined_on.is_none();
    if !keeps && (actor.id != member.id || !only_contacts) {
        return Err(Action::KeepMembers.forbidden().into());
    }
    let (country, today) = (tx.organization()?.settings.country, tx.today()?);
    let mut changed = apply(&member, edit, country, today)?;
    let fields = member.differences(&changed);
    if !fields.is_empty() {
        if actor.id == member.id {
            daily::count(tx, member.id, Counted::OwnContacts)?;
        }
        changed.updated_at = tx.now();
        tx.publish().member_updated(&mut changed, fields)?;
        tx.save_member(&changed)?;
    }
    view::view(tx, &changed, &actor)
}

fn apply(member: &Member, edit: &EditMember, country: Country, today: Date) -> Result<Member, Refusal> {
    let mut faults = Faults::default();
    let mut changed = member.clone();
    let name =
        |pointer, text: &Option<String>| text.as_deref().map(|given| text::name(pointer, given)).transpose();
    if let Some(given) = faults.take(name("/givenName", &edit.given_name)).flatten() {
        changed.name.given = given;
    }
    if let Some(family) = faults.take(name("/familyName", &edit.family_name)).flatten() {
        changed.name.family = family;
    }
    if let Some(phone) = &edit.phone {
        let read = phone.as_deref().map(|text| Phone::field("/phone", text, country)).transpose();
        changed.phone = faults.take(read).flatten();
    }
    if let Some(email) = &edit.email {
        let read = email.as_deref().map(|text| Email::field("/email", text)).transpose();
        changed.email = faults.take(read).flatten();
    }
    if let Some(date) = edit.joined_on {
        if date > today {
            faults.push("/joinedOn", FieldCode::TooLarge, Hint::NotInTheFuture);
        }
        changed.joined_on = date;
    }
    if *edit == EditMember::default() {
        faults.push("", FieldCode::Required, Hint::NothingChanges);
    }
    faults.check()?;
    Ok(changed)
}
