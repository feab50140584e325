//! The person who is signed in: account, password, devices.

use unionflow_domain::{
    Faults, Refusal,
    contact::{LoginName, fold},
    hint::Hint,
};
use unionflow_protocol::{
    id::{PersonId, SignInId},
    limits,
    member::MemberStatus,
    problem::{ErrorCode, FieldCode},
    rest::auth::{ChangePassword, Me, Membership, SignIn, SignIns, UpdateMe},
};
use unionflow_storage::{Keyed, Reader, Scope, Tx, Undo, tables::person::Person};

use super::{Origin, activate::check_strength};
use crate::{Call, Caller, Service};

/// `GET /me`
pub fn me(reader: &mut Reader<'_>, person: PersonId) -> Result<Me, Undo> {
    let stored = reader.load_person(person)?.ok_or(ErrorCode::SessionEnded)?;
    let logins = reader.load_logins(person)?.iter().map(|login| login.as_str().to_owned()).collect();
    let mut organizations = Vec::new();
    for member in reader.load_memberships(person)? {
        if !matches!(member.status, MemberStatus::Active | MemberStatus::Suspended) {
            continue;
        }
        let organization = reader.load_organization(member.organization_id)?.ok_or(ErrorCode::Internal)?;
        organizations.push(Membership {
            organization_id: organization.id,
            name: organization.settings.name,
            member_id: member.id,
            status: member.status,
            roles: member.effective_roles(),
            as_of: reader.as_of(organization.id)?,
        });
    }
    Ok(Me { person_id: person, logins, language: stored.language, organizations })
}

/// `GET /me/sessions`
pub fn sign_ins(reader: &mut Reader<'_>, caller: &Caller) -> Result<SignIns, Undo> {
    let items = reader.load_sign_ins(caller.person_id)?.into_iter().map(|sign_in| SignIn {
        id: sign_in.id,
        device: sign_in.device,
        created_at: sign_in.created_at,
        last_used_at: sign_in.last_used_at,
        current: sign_in.id == caller.sign_in_id,
    });
    Ok(SignIns { items: items.collect() })
}

/// What somebody who knows this person would try first as the password.
pub(crate) fn words_about(reader: &mut Reader<'_>, person: PersonId) -> Result<Vec<String>, Undo> {
    let mut words: Vec<String> = reader.load_logins(person)?.iter().flat_map(words_of).collect();
    for member in reader.load_memberships(person)? {
        words.extend([fold(&member.name.given), fold(&member.name.family)]);
    }
    Ok(words)
}

/// A login as it is written, and an e-mail's part before the `@`.
pub(crate) fn words_of(login: &LoginName) -> Vec<String> {
    let login = login.as_str().to_lowercase();
    let local = login.split('@').next().unwrap_or_default().to_owned();
    vec![login, local]
}

/// The caller's account, unless the sign-in was ended while the password was looked at: by then it may be another's password.
fn still_signed_in(tx: &mut Tx<'_>, caller: &Caller) -> Result<Person, Undo> {
    let sign_in = tx.load_sign_in(caller.sign_in_id)?.filter(|sign_in| sign_in.ended_at.is_none());
    let person = tx.load_person(caller.person_id)?.filter(|_| sign_in.is_some());
    person.ok_or_else(|| ErrorCode::SessionEnded.into())
}

impl Service {
    /// `PUT /me/password`: ends all other sessions.
    pub async fn change_password(
        &self,
        change: ChangePassword,
        caller: Caller,
        origin: Origin,
    ) -> Result<(), Undo> {
        let _alone = self.change_alone(caller.person_id)?;
        self.confirm_password(&caller, change.current_password.0, "/currentPassword", &origin).await?;
        let about = self.read(move |reader| words_about(reader, caller.person_id)).await?;
        check_strength("/newPassword", &change.new_password.0, &about)?;
        let password_hash = self.hash_password(change.new_password.0).await?;
        self.store()
            .write(Scope::Server, move |tx| {
                let mut person = still_signed_in(tx, &caller)?;
                person.password_hash = password_hash;
                tx.save_person(&person)?;
                tx.end_sign_ins(caller.person_id, Some(caller.sign_in_id))?;
                Ok(())
            })
            .await?;
        self.watch_ended_sign_ins().await
    }

    /// `PATCH /me`: language, and login names (with the password).
    pub async fn update_me(&self, update: UpdateMe, caller: Caller, origin: Origin) -> Result<Me, Undo> {
        let _alone = self.change_alone(caller.person_id)?;
        let logins = match &update.logins {
            Some(logins) => {
                let logins = self.read_logins(logins)?;
                let password = update
                    .current_password
                    .clone()
                    .ok_or_else(|| Refusal::field("/currentPassword", FieldCode::Required, Hint::Required))?;
                self.confirm_password(&caller, password.0, "/currentPassword", &origin).await?;
                // Whoever tries one login after another finds out which belong to somebody.
                let attempt = self.attempt(&format!("logins {}", caller.person_id), &origin).await?;
                Some((logins, attempt))
            }
            None => None,
        };
        self.store()
            .write(Scope::Server, move |tx| {
                let mut person = still_signed_in(tx, &caller)?;
                if let Some(language) = update.language {
                    person.language = Some(language);
                    tx.save_person(&person)?;
                }
                if let Some((logins, attempt)) = logins {
                    tx.delete_logins(person.id)?;
                    for (i, login) in logins.iter().enumerate() {
                        if !tx.insert_login(person.id, login)? {
                            let pointer = format!("/logins/{i}");
                            return Err(Refusal::field(pointer, FieldCode::Taken, Hint::LoginTaken).into());
                        }
                    }
                    Self::forgive(tx, &attempt)?;
                }
                me(tx, caller.person_id)
            })
            .await
    }

    /// `DELETE /me/sessions/{id}`
    pub async fn end_sign_in(&self, call: Call, sign_in: SignInId) -> Result<Keyed<()>, Undo> {
        let end = move |tx: &mut Tx<'_>, call: &Call| {
            let person = call.caller.person_id;
            let own = tx.load_sign_in(sign_in)?.filter(|found| found.person_id == person);
            let own = own.filter(|found| found.ended_at.is_none()).ok_or(ErrorCode::NotFound)?;
            tx.end_sign_in(own.id)?;
            Ok(())
        };
        let ended = self.server_command(call, end).await?;
        self.watch_ended_sign_ins().await?;
        Ok(ended)
    }

    /// `DELETE /me/sessions`: all but the one asking.
    pub async fn end_other_sign_ins(&self, call: Call) -> Result<Keyed<()>, Undo> {
        let end = |tx: &mut Tx<'_>, call: &Call| {
            tx.end_sign_ins(call.caller.person_id, Some(call.caller.sign_in_id))?;
            Ok(())
        };
        let ended = self.server_command(call, end).await?;
        self.watch_ended_sign_ins().await?;
        Ok(ended)
    }

    fn read_logins(&self, logins: &[String]) -> Result<Vec<LoginName>, Refusal> {
        let mut faults = Faults::default();
        if !limits::LOGINS.contains(&logins.len()) {
            faults.push(
                "/logins",
                FieldCode::Invalid,
                Hint::Between { min: *limits::LOGINS.start() as u64, max: *limits::LOGINS.end() as u64 },
            );
        }
        let mut names = Vec::new();
        for (i, login) in logins.iter().enumerate().take(*limits::LOGINS.end()) {
            let read = LoginName::field(&format!("/logins/{i}"), login, self.settings().country);
            if let Some(name) = faults.take(read).filter(|name| !names.contains(name)) {
                names.push(name);
            }
        }
        faults.check()?;
        Ok(names)
    }

    /// Whoever took an unlocked phone does not know the password. Attempts are counted as at sign-in.
    async fn confirm_password(
        &self,
        caller: &Caller,
        password: String,
        pointer: &'static str,
        origin: &Origin,
    ) -> Result<(), Undo> {
        let attempt = self.attempt(&caller.person_id.to_string(), origin).await?;
        let person_id = caller.person_id;
        let person = self.read(move |reader| Ok(reader.load_person(person_id)?)).await?;
        let hash = person.ok_or(ErrorCode::SessionEnded)?.password_hash;
        if !self.verify_password(password, Some(hash)).await? {
            let refusal = Refusal::from(ErrorCode::WrongPassword);
            return Err(refusal.at(pointer, FieldCode::Invalid, Hint::OtherPassword).into());
        }
        self.store().write(Scope::Server, move |tx| Ok(Self::forgive(tx, &attempt)?)).await
    }
}
