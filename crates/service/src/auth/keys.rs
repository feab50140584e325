//! The keys of the store: made once, shared by every process of it, renewed by and by.

use std::time::Duration;

use unionflow_auth::{
    access::{AccessTokens, SigningKey},
    random,
    refresh::RefreshTokens,
};
use unionflow_protocol::Timestamp;
use unionflow_storage::{
    Scope, Store, StoreFault, Tx, Undo,
    tables::access::{KeyPurpose, SecretKey},
};

use crate::Service;

pub(crate) struct Keys {
    pub(crate) access: AccessTokens,
    pub(crate) refresh: RefreshTokens,
    pub(crate) throttle: Vec<u8>,
}

/// A signing key is followed by a new one after so long.
const ROTATE_AFTER: Duration = Duration::from_secs(90 * 24 * 3600);
/// A new key signs only once every process has had time to read it.
const SETTLE: Duration = Duration::from_secs(120);
/// A key that no longer signs is kept until no token of it can live.
const KEEP_OLD: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn load_or_create(store: &Store, lifetime: Duration) -> Result<Keys, Undo> {
    let (access, now) =
        store.write(Scope::Server, |tx| Ok((signing_keys(tx, KeyPurpose::Access)?, tx.now()))).await?;
    let secrets = |purpose| store.write(Scope::Server, move |tx| Ok(single(tx, purpose)?));
    let refresh = secrets(KeyPurpose::Refresh).await?;
    let throttle = secrets(KeyPurpose::Throttle).await?;
    Ok(Keys {
        access: access_tokens(&access, now, lifetime)?,
        refresh: RefreshTokens::new(refresh),
        throttle,
    })
}

/// The key that signs records on a bus that others may write to.
pub async fn record_key(store: &Store) -> Result<Vec<u8>, Undo> {
    store.write(Scope::Server, |tx| Ok(single(tx, KeyPurpose::Record)?)).await
}

/// The keys that sign heads of journals, the newest first. They are kept for good: what was signed with one is to be checked for
/// good too.
pub(crate) async fn checkpoint_keys(store: &Store) -> Result<Vec<SigningKey>, Undo> {
    let keys = store.read(|reader| Ok(reader.load_keys(KeyPurpose::Checkpoint)?)).await?;
    let keys = if keys.is_empty() {
        store.write(Scope::Server, |tx| Ok(signing_keys(tx, KeyPurpose::Checkpoint)?)).await?
    } else {
        keys
    };
    Ok(keys.into_iter().map(|key| SigningKey { kid: key.kid, pkcs8: key.secret }).collect())
}

impl Service {
    /// Renews the signing key when it is old, and takes up keys that another process made.
    pub async fn rotate_keys(&self) -> Result<(), Undo> {
        let (keys, now) = self
            .store()
            .write(Scope::Server, |tx| {
                let now = tx.now();
                let keys = signing_keys(tx, KeyPurpose::Access)?;
                if let Some(in_use) = keys.first().filter(|key| now.since(key.created_at) >= ROTATE_AFTER) {
                    create(tx, KeyPurpose::Access)?;
                    let superseded = in_use.created_at;
                    tx.delete_keys(KeyPurpose::Access, superseded.minus(KEEP_OLD))?;
                }
                Ok((signing_keys(tx, KeyPurpose::Access)?, now))
            })
            .await?;
        self.authenticator().renew(access_tokens(&keys, now, self.settings().access_token_lifetime)?);
        Ok(())
    }

    /// Takes up keys that another process made.
    pub(crate) async fn take_up_keys(&self) -> Result<(), Undo> {
        let read = self.read(|reader| Ok((reader.load_keys(KeyPurpose::Access)?, reader.now())));
        let (keys, now) = read.await?;
        if !keys.is_empty() {
            self.authenticator().renew(access_tokens(&keys, now, self.settings().access_token_lifetime)?);
        }
        Ok(())
    }
}

fn signing_keys(tx: &mut Tx<'_>, purpose: KeyPurpose) -> Result<Vec<SecretKey>, StoreFault> {
    let keys = tx.load_keys(purpose)?;
    if keys.is_empty() { Ok(vec![create(tx, purpose)?]) } else { Ok(keys) }
}

fn single(tx: &mut Tx<'_>, purpose: KeyPurpose) -> Result<Vec<u8>, StoreFault> {
    match tx.load_keys(purpose)?.into_iter().next() {
        Some(key) => Ok(key.secret),
        None => Ok(create(tx, purpose)?.secret),
    }
}

fn create(tx: &mut Tx<'_>, purpose: KeyPurpose) -> Result<SecretKey, StoreFault> {
    let SigningKey { kid, pkcs8 } = SigningKey::generate();
    let secret = match purpose {
        KeyPurpose::Access | KeyPurpose::Checkpoint => pkcs8,
        KeyPurpose::Refresh | KeyPurpose::Record | KeyPurpose::Throttle => random::bytes::<32>().to_vec(),
    };
    let key = SecretKey { kid, secret, created_at: tx.now() };
    tx.insert_key(purpose, &key)?;
    Ok(key)
}

/// The key to sign with comes first: the newest that is settled, or the only one.
fn access_tokens(keys: &[SecretKey], now: Timestamp, lifetime: Duration) -> Result<AccessTokens, StoreFault> {
    let settled = keys.iter().position(|key| now.since(key.created_at) >= SETTLE).unwrap_or(keys.len() - 1);
    let mut ordered: Vec<&SecretKey> = keys.iter().collect();
    ordered.swap(0, settled);
    let keys: Vec<SigningKey> = ordered
        .into_iter()
        .map(|key| SigningKey { kid: key.kid.clone(), pkcs8: key.secret.clone() })
        .collect();
    AccessTokens::new(&keys, lifetime)
        .ok_or_else(|| StoreFault::Malformed("a signing key is damaged".to_owned()))
}
