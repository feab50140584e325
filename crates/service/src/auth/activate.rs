//! `POST /auth/activate`: an invitation is accepted.

use unionflow_auth::{password::strong_enough, secret::SecretHash};
use unionflow_domain::{
    Refusal,
    contact::{LoginName, fold},
    hint::Hint,
    member::Member,
};
use unionflow_protocol::{
    Origin as EventOrigin,
    event::members::MemberField,
    id::{OrganizationId, PersonId},
    member::MemberStatus,
    problem::{ErrorCode, FieldCode},
    rest::auth::{Activate, SignedIn},
};
use unionflow_storage::{
    Author, Reader, Scope, Tx, Undo,
    tables::{
        access::{Code, CodePurpose},
        person::Person,
    },
};

use super::{Origin, me::words_of, sign_in};
use crate::{Caller, Publish, Service};

impl Service {
    /// Makes an account for an invited member. Where the login belongs to somebody already, that person signs in first and
    /// accepts with [`Service::accept_invitation`]: nobody takes over another's account.
    pub async fn activate(&self, activate: Activate, origin: Origin) -> Result<SignedIn, Undo> {
        let hash = *SecretHash::of_code(&activate.code.0).as_bytes();
        let (code, member) = self.look_up_code(&origin, move |reader| invitation(reader, &hash)).await?;
        let country = self
            .read(move |reader| {
                let organization =
                    reader.load_organization(code.organization_id)?.ok_or(ErrorCode::InvalidCode)?;
                Ok(organization.settings.country)
            })
            .await?;
        let login = match &activate.login {
            Some(login) => LoginName::field("/login", login, country)?,
            None => contact_login(&member, country)
                .ok_or_else(|| Refusal::field("/login", FieldCode::Required, Hint::PhoneOrEmail))?,
        };
        // Whoever tries one login after another finds out which belong to somebody.
        let tried = self.attempt_with_code(&format!("activate {}", member.id), &origin).await?;
        let taken = {
            let login = login.clone();
            self.read(move |reader| Ok(reader.load_person_by_login(&login)?.is_some())).await?
        };
        if taken {
            return Err(ErrorCode::SignInToAccept.into());
        }
        let password = activate
            .password
            .ok_or_else(|| Refusal::field("/password", FieldCode::Required, Hint::Required))?;
        let mut about = words_of(&login);
        about.extend([fold(&member.name.given), fold(&member.name.family)]);
        check_strength("/password", &password.0, &about)?;
        let password_hash = self.hash_password(password.0).await?;
        let issued = self
            .store()
            .write(Scope::Organization(code.organization_id), move |tx| {
                let (_, mut member) = invitation(tx, &hash)?;
                let (id, created_at) = (PersonId::from_uuid(tx.new_uuid()), tx.now());
                tx.insert_person(&Person {
                    id,
                    password_hash,
                    language: None,
                    created_at,
                    disabled_at: None,
                })?;
                if !tx.insert_login(id, &login)? {
                    return Err(ErrorCode::SignInToAccept.into());
                }
                link(tx, &mut member, id)?;
                Self::forgive(tx, &tried)?;
                Ok(sign_in(tx, id, &origin.device)?)
            })
            .await?;
        Ok(self.tokens(issued))
    }

    /// Accepts an invitation with the account that is signed in.
    pub async fn accept_invitation(
        &self,
        activate: Activate,
        caller: Caller,
        origin: Origin,
    ) -> Result<OrganizationId, Undo> {
        let hash = *SecretHash::of_code(&activate.code.0).as_bytes();
        let (code, _) = self.look_up_code(&origin, move |reader| invitation(reader, &hash)).await?;
        self.store()
            .write(Scope::Organization(code.organization_id), move |tx| {
                let (code, mut member) = invitation(tx, &hash)?;
                if tx.load_membership(caller.person_id, code.organization_id)?.is_some() {
                    return Err(ErrorCode::AlreadyAMember.into());
                }
                link(tx, &mut member, caller.person_id)?;
                Ok(code.organization_id)
            })
            .await
    }
}

/// The invitation of a code, if it still holds: in time, for an active member who has no account and no office.
fn invitation(reader: &mut Reader<'_>, hash: &[u8; 32]) -> Result<(Code, Member), Undo> {
    let now = reader.now();
    let code = reader
        .load_code(hash)?
        .filter(|code| code.purpose == CodePurpose::Invitation && now < code.expires_at)
        .ok_or(ErrorCode::InvalidCode)?;
    let member = reader
        .load_member(code.member_id)?
        .filter(|member| {
            member.status == MemberStatus::Active && member.person_id.is_none() && !member.holds_office()
        })
        .ok_or(ErrorCode::InvalidCode)?;
    Ok((code, member))
}

fn link(tx: &mut Tx<'_>, member: &mut Member, person: PersonId) -> Result<(), Undo> {
    tx.act_as(Author { member_id: Some(member.id), origin: EventOrigin::Command });
    member.person_id = Some(person);
    member.updated_at = tx.now();
    tx.publish().member_updated(member, vec![MemberField::Account])?;
    tx.save_member(member)?;
    tx.delete_codes(member.id)?;
    Ok(())
}

fn contact_login(member: &Member, country: unionflow_domain::contact::Country) -> Option<LoginName> {
    let phone = member.phone.as_ref().map(|phone| phone.as_str());
    let email = member.email.as_ref().map(|email| email.as_str());
    phone.or(email).and_then(|contact| LoginName::parse(contact, country))
}

/// Refuses a password that is easy to guess for somebody who knows these words about the person.
pub(crate) fn check_strength(pointer: &str, password: &str, about: &[String]) -> Result<(), Refusal> {
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    strong_enough(password, &about)
        .map_err(|_| Refusal::field(pointer, FieldCode::TooWeak, Hint::PasswordTooWeak))
}
