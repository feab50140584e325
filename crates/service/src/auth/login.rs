//! `POST /auth/login`

use unionflow_domain::contact::LoginName;
use unionflow_protocol::{
    problem::ErrorCode,
    rest::auth::{Login, SignedIn},
};
use unionflow_storage::{Scope, Undo};

use super::{Origin, sign_in};
use crate::Service;

impl Service {
    /// Signs a person in. A wrong login and a wrong password take as long and answer the same.
    pub async fn login(&self, login: Login, origin: Origin) -> Result<SignedIn, Undo> {
        let name = LoginName::parse(&login.login, self.settings().country);
        let counted = name.as_ref().map_or(login.login.as_str(), LoginName::as_str);
        let attempt = self.attempt(counted, &origin).await?;
        let person = match name {
            Some(name) => self.read(move |reader| Ok(reader.load_person_by_login(&name)?)).await?,
            None => None,
        };
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
}
