//! `POST /auth/login`

use std::time::Duration;

use unionflow_domain::{Refusal, contact::LoginName};
use unionflow_protocol::{
    problem::ErrorCode,
    rest::auth::{Login, SignedIn},
};
use unionflow_storage::{Scope, Undo, tables::person::Person};

use super::{Origin, sign_in};
use crate::Service;

const MINUTE: Duration = Duration::from_secs(60);

impl Service {
    /// Signs a person in. A wrong login and a wrong password take as long and answer the same.
    pub async fn login(&self, login: Login, origin: Origin) -> Result<SignedIn, Undo> {
        let name = LoginName::parse(&login.login, self.settings().country);
        let counted = name.as_ref().map_or(login.login.as_str(), LoginName::as_str);
        let _turn = self.take_turn(counted, &origin)?;
        let person = match &name {
            Some(name) => self.who_may_sign_in(name.clone()).await?,
            None => None,
        };
        let attempt = self.attempt(counted, &origin).await?;
        let hash = person.as_ref().map(|person| person.password_hash.clone());
        if !self.verify_password(login.password.0, hash).await? {
            return Err(ErrorCode::WrongCredentials.into());
        }
        let person = person.ok_or(ErrorCode::WrongCredentials)?;
        let issued = self
            .store()
            .write(Scope::Server, move |tx| {
                // The account may have changed while the password was checked.
                let now = tx.load_person(person.id)?.ok_or(ErrorCode::WrongCredentials)?;
                if now.password_hash != person.password_hash {
                    return Err(ErrorCode::WrongCredentials.into());
                }
                if now.disabled_at.is_some() {
                    return Err(ErrorCode::AccountDisabled.into());
                }
                Self::forgive(tx, &attempt)?;
                Ok(sign_in(tx, person.id, &origin.device)?)
            })
            .await?;
        Ok(self.tokens(issued))
    }

    /// Whose login it is. Signing in with the right password counts too: it costs as much as with a wrong one.
    async fn who_may_sign_in(&self, name: LoginName) -> Result<Option<Person>, Undo> {
        let most = self.settings().sign_ins_per_minute;
        self.read(move |reader| {
            let Some(person) = reader.load_person_by_login(&name)? else { return Ok(None) };
            let now = reader.now();
            match reader.count_sign_ins(person.id, now.minus(MINUTE))? {
                Some((count, first)) if count >= most => {
                    let wait = MINUTE.saturating_sub(now.since(first)).as_secs() + 1;
                    let wait = u32::try_from(wait).unwrap_or(u32::MAX);
                    Err(Refusal::retry_after(ErrorCode::TooManyAttempts, wait).into())
                }
                _ => Ok(Some(person)),
            }
        })
        .await
    }
}
