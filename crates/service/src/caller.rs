//! Who calls, and how the call is to be answered.

use unionflow_domain::service_key::ServiceKey;
use unionflow_protocol::{
    Language, Origin, Timestamp,
    id::{MemberId, PersonId, SignInId},
    problem::ErrorCode,
};
use unionflow_storage::{Author, Key, Tx};

/// A person who is signed in.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The person.
    pub person_id: PersonId,
    /// The device.
    pub sign_in_id: SignInId,
    /// When the access token ends.
    pub access_expires_at: Timestamp,
    /// The language of what is answered.
    pub language: Language,
    /// The trace that began with the request.
    pub trace_parent: Option<String>,
}

/// Who reads: a person who is signed in, or another system by a key that works. Commands are called by persons alone: a
/// [`Call`] cannot be made from this.
#[derive(Debug, Clone)]
pub enum Principal {
    /// A person, in every organisation that they belong to.
    Person(PersonId),
    /// Another system, in the organisation that gave it the key.
    Key(ServiceKey),
}

impl From<PersonId> for Principal {
    fn from(person: PersonId) -> Self {
        Self::Person(person)
    }
}

/// A command: who calls, under which key, on which version.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who.
    pub caller: Caller,
    /// The idempotency key, if one was sent.
    pub key: Option<Key>,
    /// The version that the caller saw, if one was sent (`If-Match`).
    pub if_match: Option<u64>,
}

impl Call {
    /// Refuses a command on a version that is no longer the newest.
    pub fn expects(&self, version: u64) -> Result<(), ErrorCode> {
        match self.if_match {
            Some(seen) if seen != version => Err(ErrorCode::StaleVersion),
            _ => Ok(()),
        }
    }

    /// Signs the events of a unit with a member's name.
    pub fn sign(&self, tx: &mut Tx<'_>, member: MemberId) {
        tx.act_as(Author { member_id: Some(member), origin: Origin::Command });
        tx.trace(self.caller.trace_parent.clone());
    }
}
