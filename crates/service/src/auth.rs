//! Signing in and out, and the account of the person who is signed in.

pub mod activate;
pub mod keys;
pub mod login;
pub mod logout;
pub mod me;
pub mod refresh;
pub mod reset;
mod throttle;
pub(crate) mod turns;
pub mod watch;

use std::time::Duration;

use unionflow_auth::{access::Holder, refresh::RefreshToken};
use unionflow_protocol::{
    Language, Timestamp,
    id::{PersonId, SignInId},
    rest::auth::{Secret, SignedIn},
};
use unionflow_storage::{StoreFault, Tx, tables::person::SignIn};

use crate::Service;

/// Where an attempt comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The address, or its /64 where it is IPv6: what attempts are counted against.
    pub address: String,
    /// What the device calls itself: its `User-Agent`, at most 200 characters.
    pub device: String,
}

/// The newest generation of a sign-in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Issued {
    pub(crate) person_id: PersonId,
    pub(crate) sign_in_id: SignInId,
    pub(crate) generation: u32,
    pub(crate) language: Option<Language>,
    pub(crate) now: Timestamp,
}

/// Devices that one person may be signed in on; beyond, the one unused longest is signed out. As many that are signed out
/// are remembered.
const SIGN_INS_MAX: u32 = 50;
/// While access tokens of a sign-in that ended may live, every process has to find it.
const ENDED_NEEDED: Duration = Duration::from_secs(20 * 60);

/// A new signed-in device.
pub(crate) fn sign_in(tx: &mut Tx<'_>, person_id: PersonId, device: &str) -> Result<Issued, StoreFault> {
    let (sign_in_id, now) = (SignInId::from_uuid(tx.new_uuid()), tx.now());
    let language = tx.load_person(person_id)?.and_then(|person| person.language);
    tx.insert_sign_in(&SignIn {
        id: sign_in_id,
        person_id,
        generation: 1,
        device: device.chars().take(200).collect(),
        created_at: now,
        last_used_at: now,
        ended_at: None,
    })?;
    tx.end_oldest_sign_ins(person_id, SIGN_INS_MAX)?;
    tx.forget_ended_sign_ins(person_id, SIGN_INS_MAX, now.minus(ENDED_NEEDED))?;
    Ok(Issued { person_id, sign_in_id, generation: 1, language, now })
}

impl Service {
    /// The tokens of a sign-in.
    pub(crate) fn tokens(&self, issued: Issued) -> SignedIn {
        let Issued { person_id, sign_in_id, language, .. } = issued;
        let (access, lifetime) =
            self.authenticator().issue(Holder { person_id, sign_in_id, language }, issued.now);
        let refresh = RefreshToken { sign_in_id: issued.sign_in_id, generation: issued.generation };
        SignedIn {
            access_token: Secret(access),
            refresh_token: Some(Secret(self.refresh_tokens().issue(refresh))),
            expires_in: u32::try_from(lifetime.as_secs()).unwrap_or(u32::MAX),
        }
    }
}
