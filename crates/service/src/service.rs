//! The service: the store, the keys, and how a command is run.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Semaphore;
use unionflow_auth::{Authenticator, password::Passwords, refresh::RefreshTokens};
use unionflow_domain::{Refusal, contact::Country};
use unionflow_protocol::{
    id::{AccountId, AggregateId, ApprovalId, MemberId, OrganizationId, PersonId},
    problem::ErrorCode,
};
use unionflow_storage::{Key, Keyed, Reader, Scope, Store, StoreFault, Tx, Undo};

use crate::{
    Call,
    auth::{keys, turns::Turns},
    membership,
    service_key::Noted,
};

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether anybody who is signed in may found another organisation.
    pub allow_new_organizations: bool,
    /// Where people reach this server, for the links of invitations: `https://example.org`.
    pub public_url: String,
    /// The country of login names that are phone numbers without a prefix.
    pub country: Country,
    /// How long an access token lives; at most 15 minutes.
    pub access_token_lifetime: Duration,
    /// How often one person may sign in within a minute.
    pub sign_ins_per_minute: u32,
}

/// Runs use cases. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    authenticator: Arc<Authenticator>,
    refresh: RefreshTokens,
    throttle_key: Vec<u8>,
    passwords: Passwords,
    /// Hashing is meant to be slow: not all cores at once.
    hashing: Semaphore,
    /// And not more in line than are served in a few seconds.
    waiting_to_hash: Semaphore,
    /// Who is changing a password or login: one at a time each, or one person could fill the line.
    changing: Mutex<HashSet<PersonId>>,
    /// Who is signing in.
    turns: Turns,
    settings: Settings,
    /// Whether this process sweeps for all, when it was last looked.
    sweeps: AtomicBool,
    /// Which organisation a resource belongs to never changes.
    located: Cache<AggregateId, OrganizationId>,
    noted_keys: Noted,
}

/// A resource that is addressed by its id alone.
#[derive(Debug, Clone, Copy)]
pub enum Located {
    /// A request.
    Approval(ApprovalId),
    /// A member.
    Member(MemberId),
    /// An account.
    Account(AccountId),
}

const LOCATED_MAX: usize = 50_000;
const NOTED_KEYS_MAX: usize = 10_000;
const HASHES_AT_ONCE: usize = 2;
const HASHES_WAITING: usize = 100;

impl Service {
    /// Opens the service: reads its keys from the store, and makes them where there are none.
    pub async fn open(store: Store, passwords: Passwords, settings: Settings) -> Result<Self, Undo> {
        let keys = keys::load_or_create(&store, settings.access_token_lifetime).await?;
        let inner = Inner {
            store,
            authenticator: Arc::new(Authenticator::new(keys.access)),
            refresh: keys.refresh,
            throttle_key: keys.throttle,
            passwords,
            hashing: Semaphore::new(HASHES_AT_ONCE),
            waiting_to_hash: Semaphore::new(HASHES_WAITING),
            changing: Mutex::default(),
            turns: Turns::default(),
            settings,
            sweeps: AtomicBool::new(false),
            located: Cache::new(LOCATED_MAX),
            noted_keys: Cache::new(NOTED_KEYS_MAX),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Who holds a token.
    pub fn authenticator(&self) -> &Arc<Authenticator> {
        &self.inner.authenticator
    }

    /// What an operator set.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Whether this process is the one that does what one does for all.
    pub(crate) fn sweeps_for_all(&self) -> bool {
        !self.store().is_shared() || self.inner.sweeps.load(Ordering::Relaxed)
    }

    pub(crate) fn note_sweeps(&self, sweeps: bool) {
        self.inner.sweeps.store(sweeps, Ordering::Relaxed);
    }

    pub(crate) fn refresh_tokens(&self) -> &RefreshTokens {
        &self.inner.refresh
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.inner.turns
    }

    pub(crate) fn noted_keys(&self) -> &Noted {
        &self.inner.noted_keys
    }

    pub(crate) fn throttle_key(&self) -> &[u8] {
        &self.inner.throttle_key
    }

    /// Runs a command in an organisation, once per key. Its answer is kept for active members: to whoever has left, the
    /// organisation does not exist.
    pub async fn command<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        organization: OrganizationId,
        call: Call,
        unit: impl FnOnce(&mut Tx<'_>, &Call) -> Result<T, Undo> + Send + 'static,
    ) -> Result<Keyed<T>, StoreFault> {
        self.command_foreseeing(organization, call, |_| Ok(()), unit).await
    }

    /// The same for a command of which it is known what it loads first: see [`Reader::foresee`].
    pub async fn command_foreseeing<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        organization: OrganizationId,
        call: Call,
        loads: impl Fn(&mut Reader<'_>) -> Result<(), StoreFault> + Send + 'static,
        unit: impl FnOnce(&mut Tx<'_>, &Call) -> Result<T, Undo> + Send + 'static,
    ) -> Result<Keyed<T>, StoreFault> {
        self.run(Scope::Organization(organization), call, loads, unit).await
    }

    /// Runs a command that belongs to no organisation, once per key.
    pub async fn server_command<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        call: Call,
        unit: impl FnOnce(&mut Tx<'_>, &Call) -> Result<T, Undo> + Send + 'static,
    ) -> Result<Keyed<T>, StoreFault> {
        self.run(Scope::Server, call, |_| Ok(()), unit).await
    }

    async fn run<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        scope: Scope,
        call: Call,
        loads: impl Fn(&mut Reader<'_>) -> Result<(), StoreFault> + Send + 'static,
        unit: impl FnOnce(&mut Tx<'_>, &Call) -> Result<T, Undo> + Send + 'static,
    ) -> Result<Keyed<T>, StoreFault> {
        let key: Option<Key> = call.key.clone();
        let person = call.caller.person_id;
        let may_recall = move |tx: &mut Tx<'_>| match scope {
            Scope::Organization(organization) => membership::active(tx, person, organization).map(drop),
            Scope::Server => Ok(()),
        };
        self.inner.store.write_keyed(scope, key, may_recall, loads, move |tx| unit(tx, &call)).await
    }

    /// Reads one snapshot.
    pub async fn read<T: Send + 'static>(
        &self,
        unit: impl FnOnce(&mut Reader<'_>) -> Result<T, Undo> + Send + 'static,
    ) -> Result<T, Undo> {
        self.inner.store.read(unit).await
    }

    /// The organisation of a resource. That it exists says nothing yet about who may see it.
    pub async fn locate(&self, resource: Located) -> Result<OrganizationId, Undo> {
        let id = resource.id();
        if let Some(organization) = self.inner.located.get(&id) {
            return Ok(organization);
        }
        let organization = self
            .read(move |reader| {
                let organization = match resource {
                    Located::Approval(id) => {
                        reader.load_approval(id)?.map(|approval| approval.organization_id)
                    }
                    Located::Member(id) => reader.load_member(id)?.map(|member| member.organization_id),
                    Located::Account(id) => reader.organization_of_account(id)?,
                };
                organization.ok_or_else(|| Refusal::from(ErrorCode::NotFound).into())
            })
            .await?;
        self.inner.located.insert(id, organization);
        Ok(organization)
    }

    /// Lets a person change their credentials, one change at a time.
    pub(crate) fn change_alone(&self, person: PersonId) -> Result<Changing<'_>, Refusal> {
        if self.inner.changing.lock().insert(person) {
            return Ok(Changing { service: self, person });
        }
        Err(Refusal::retry_after(ErrorCode::RateLimited, 1))
    }

    /// The hash of a password, off the async threads and not many at once.
    pub(crate) async fn hash_password(&self, password: String) -> Result<String, Undo> {
        self.with_passwords(move |passwords| passwords.hash(&password)).await
    }

    /// Whether a password is the one hashed. Without a hash it takes as long and says no.
    pub(crate) async fn verify_password(&self, password: String, hash: Option<String>) -> Result<bool, Undo> {
        self.with_passwords(move |passwords| passwords.verify(&password, hash.as_deref())).await
    }

    async fn with_passwords<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Passwords) -> T + Send + 'static,
    ) -> Result<T, Undo> {
        let _place = self.inner.waiting_to_hash.try_acquire().map_err(|_| StoreFault::Busy)?;
        let _turn = self.inner.hashing.acquire().await.map_err(|_| StoreFault::Closed)?;
        let passwords = self.inner.passwords.clone();
        tokio::task::spawn_blocking(move || work(&passwords))
            .await
            .map_err(|error| StoreFault::Malformed(format!("hashing failed: {error}")).into())
    }
}

/// Held while a person's credentials are being changed.
pub(crate) struct Changing<'a> {
    service: &'a Service,
    person: PersonId,
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.service.inner.changing.lock().remove(&self.person);
    }
}

impl Located {
    fn id(self) -> AggregateId {
        match self {
            Self::Approval(id) => id.into(),
            Self::Member(id) => id.into(),
            Self::Account(id) => id.into(),
        }
    }
}
