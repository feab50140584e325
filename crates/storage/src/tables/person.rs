//! Persons, their login names, and the devices they are signed in on.

use unionflow_domain::contact::LoginName;
use unionflow_protocol::{
    Language, Timestamp,
    id::{PersonId, SignInId},
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{Row, ToParam, get, parse},
    tx::Tx,
};

/// Somebody who signs in.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// Argon2id, with salt and cost.
    pub password_hash: String,
    /// Of everything written for this person; none = the browser's.
    pub language: Option<Language>,
    /// Since when.
    pub created_at: Timestamp,
    /// When the operator disabled the account.
    pub disabled_at: Option<Timestamp>,
}

/// A signed-in device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Which.
    pub id: SignInId,
    /// Whose.
    pub person_id: PersonId,
    /// The newest refresh token handed out.
    pub generation: u32,
    /// What it called itself.
    pub device: String,
    /// Since when.
    pub created_at: Timestamp,
    /// When it last refreshed.
    pub last_used_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Reader<'_> {
    /// A person.
    pub fn load_person(&mut self, id: PersonId) -> Result<Option<Person>, StoreFault> {
        self.first(
            "SELECT id, password_hash, language, created_at, disabled_at FROM person WHERE id = ?1",
            &[id.param()],
            person,
        )
    }

    /// The person with a login name.
    pub fn load_person_by_login(&mut self, login: &LoginName) -> Result<Option<Person>, StoreFault> {
        self.first(
            "SELECT p.id, p.password_hash, p.language, p.created_at, p.disabled_at \
             FROM login l JOIN person p ON p.id = l.person_id WHERE l.name = ?1",
            &[login.as_str().param()],
            person,
        )
    }

    /// The login names of a person.
    pub fn load_logins(&mut self, person: PersonId) -> Result<Vec<LoginName>, StoreFault> {
        self.all("SELECT name FROM login WHERE person_id = ?1 ORDER BY name", &[person.param()], |row| {
            get(row, 0).map(LoginName::from_stored)
        })
    }

    /// A signed-in device, ended or not.
    pub fn load_sign_in(&mut self, id: SignInId) -> Result<Option<SignIn>, StoreFault> {
        self.first(
            "SELECT id, person_id, generation, device, created_at, last_used_at, ended_at FROM sign_in WHERE id = ?1",
            &[id.param()],
            sign_in,
        )
    }

    /// The devices a person is signed in on, newest first.
    pub fn load_sign_ins(&mut self, person: PersonId) -> Result<Vec<SignIn>, StoreFault> {
        self.all(
            "SELECT id, person_id, generation, device, created_at, last_used_at, ended_at FROM sign_in \
             WHERE person_id = ?1 AND ended_at IS NULL ORDER BY last_used_at DESC, id DESC LIMIT 200",
            &[person.param()],
            sign_in,
        )
    }

    /// How often a person signed in since a time, and when that was first.
    pub fn count_sign_ins(
        &mut self,
        person: PersonId,
        since: Timestamp,
    ) -> Result<Option<(u32, Timestamp)>, StoreFault> {
        self.first(
            "SELECT count(*), min(created_at) FROM sign_in WHERE person_id = ?1 AND created_at > ?2 \
             AND (ended_at IS NULL OR ended_at > ?2) HAVING count(*) > 0",
            &[person.param(), since.param()],
            |row| Ok((get(row, 0)?, get(row, 1)?)),
        )
    }

    /// Devices whose sign-in ended at or after a time: what every process watches, to close their sockets. An ending shows
    /// only once it is committed, seconds after its own time at the worst: ask for some more than what is new.
    pub fn load_ended_sign_ins(&mut self, since: Timestamp) -> Result<Vec<SignInId>, StoreFault> {
        self.all("SELECT id FROM sign_in WHERE ended_at >= ?1", &[since.param()], |row| get(row, 0))
    }
}

impl Tx<'_> {
    /// A new person.
    pub fn insert_person(&mut self, person: &Person) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO person (id, password_hash, language, created_at, disabled_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                person.id.param(),
                person.password_hash.param(),
                person.language.map(Language::as_str).param(),
                person.created_at.param(),
                person.disabled_at.param(),
            ],
        )?;
        Ok(())
    }

    /// A changed person.
    pub fn save_person(&mut self, person: &Person) -> Result<(), StoreFault> {
        self.submit(
            "UPDATE person SET password_hash = ?2, language = ?3, disabled_at = ?4 WHERE id = ?1",
            &[
                person.id.param(),
                person.password_hash.param(),
                person.language.map(Language::as_str).param(),
                person.disabled_at.param(),
            ],
        )?;
        Ok(())
    }

    /// Gives a person a login name. Whether it was free.
    pub fn insert_login(&mut self, person: PersonId, login: &LoginName) -> Result<bool, StoreFault> {
        let inserted = self.execute(
            "INSERT INTO login (name, person_id) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
            &[login.as_str().param(), person.param()],
        )?;
        Ok(inserted == 1)
    }

    /// Takes all login names of a person away.
    pub fn delete_logins(&mut self, person: PersonId) -> Result<(), StoreFault> {
        self.submit("DELETE FROM login WHERE person_id = ?1", &[person.param()])?;
        Ok(())
    }

    /// A new signed-in device.
    pub fn insert_sign_in(&mut self, sign_in: &SignIn) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO sign_in (id, person_id, generation, device, created_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                sign_in.id.param(),
                sign_in.person_id.param(),
                sign_in.generation.param(),
                sign_in.device.param(),
                sign_in.created_at.param(),
                sign_in.last_used_at.param(),
            ],
        )?;
        Ok(())
    }

    /// A device refreshed. Whether it still had the generation that this was decided on: nobody else refreshed meanwhile.
    pub fn save_generation(&mut self, id: SignInId, from: u32, to: u32) -> Result<bool, StoreFault> {
        let now = self.now();
        let changed = self.execute(
            "UPDATE sign_in SET generation = ?3, last_used_at = ?4 WHERE id = ?1 AND generation = ?2 AND ended_at IS NULL",
            &[id.param(), from.param(), to.param(), now.param()],
        )?;
        Ok(changed == 1)
    }

    /// Ends one device's sign-in.
    pub fn end_sign_in(&mut self, id: SignInId) -> Result<bool, StoreFault> {
        let now = self.now();
        let ended = self.execute(
            "UPDATE sign_in SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL",
            &[id.param(), now.param()],
        )?;
        Ok(ended == 1)
    }

    /// Ends every sign-in of a person but one. How many.
    pub fn end_sign_ins(&mut self, person: PersonId, but: Option<SignInId>) -> Result<usize, StoreFault> {
        let now = self.now();
        self.execute(
            "UPDATE sign_in SET ended_at = ?3 WHERE person_id = ?1 AND ended_at IS NULL AND (id <> ?2 OR ?2 IS NULL)",
            &[person.param(), but.param(), now.param()],
        )
    }

    /// Ends all but the newest sign-ins of a person.
    pub fn end_oldest_sign_ins(&mut self, person: PersonId, kept: u32) -> Result<usize, StoreFault> {
        let now = self.now();
        self.execute(
            "UPDATE sign_in SET ended_at = ?3 WHERE person_id = ?1 AND ended_at IS NULL AND id NOT IN \
             (SELECT id FROM sign_in WHERE person_id = ?1 AND ended_at IS NULL ORDER BY last_used_at DESC, id DESC LIMIT ?2)",
            &[person.param(), kept.param(), now.param()],
        )
    }

    /// Forgets a person's ended sign-ins but the newest, where they ended before a time.
    pub fn forget_ended_sign_ins(
        &mut self,
        person: PersonId,
        kept: u32,
        before: Timestamp,
    ) -> Result<usize, StoreFault> {
        self.execute(
            "DELETE FROM ticket WHERE person_id = ?1 AND expires_at < ?2",
            &[person.param(), before.param()],
        )?;
        self.execute(
            "DELETE FROM sign_in WHERE person_id = ?1 AND ended_at < ?3 AND id NOT IN \
             (SELECT id FROM sign_in WHERE person_id = ?1 AND ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT ?2)",
            &[person.param(), kept.param(), before.param()],
        )
    }

    /// Forgets sign-ins that ended before a time, and tickets that nobody can redeem any more.
    pub fn purge_sign_ins(&mut self, before: Timestamp, limit: u32) -> Result<usize, StoreFault> {
        let now = self.now();
        self.submit("DELETE FROM ticket WHERE expires_at < ?1", &[now.param()])?;
        self.execute(
            "DELETE FROM sign_in WHERE id IN (SELECT id FROM sign_in WHERE ended_at < ?1 LIMIT ?2)",
            &[before.param(), limit.param()],
        )
    }
}

fn person(row: &dyn Row) -> Result<Person, StoreFault> {
    Ok(Person {
        id: get(row, 0)?,
        password_hash: get(row, 1)?,
        language: get::<Option<String>>(row, 2)?.as_deref().map(parse).transpose()?,
        created_at: get(row, 3)?,
        disabled_at: get(row, 4)?,
    })
}

fn sign_in(row: &dyn Row) -> Result<SignIn, StoreFault> {
    Ok(SignIn {
        id: get(row, 0)?,
        person_id: get(row, 1)?,
        generation: get(row, 2)?,
        device: get(row, 3)?,
        created_at: get(row, 4)?,
        last_used_at: get(row, 5)?,
        ended_at: get(row, 6)?,
    })
}
