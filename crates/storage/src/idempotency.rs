//! A command's answer, kept by its caller's key in the command's own transaction.

use serde::{Serialize, de::DeserializeOwned};
use unionflow_domain::Refusal;
use unionflow_protocol::{Timestamp, id::PersonId, problem::ErrorCode};

use crate::{
    fault::{StoreFault, Undo},
    reader::Reader,
    sql::{Param, ToParam, from_json, get, to_json},
    store::{Scope, Store},
    tx::Tx,
};

/// A caller's key for one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Who calls.
    pub principal: PersonId,
    /// Which route, without ids in it: `POST /finance/approvals/{id}/approve`.
    pub route: String,
    /// What the caller sent.
    pub key: String,
    /// SHA-256 of path and canonical body: the same key for another command is refused.
    pub fingerprint: [u8; 32],
    /// Whether the answer holds a secret that is shown once: then only that it was shown is kept.
    pub secret: bool,
}

/// What a command answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed<T> {
    /// The answer, or the refusal.
    pub answer: Result<T, Refusal>,
    /// Whether it was kept from an earlier call.
    pub replayed: bool,
}

#[derive(serde::Serialize, serde::Deserialize)]
enum Kept<T> {
    Answer(T),
    Refusal(Refusal),
    /// The answer had a secret.
    Shown,
}

impl Store {
    /// Runs a command once per key. A repeat gets the same answer; a simultaneous twin waits for it, because both lock the
    /// same organisation. What is not found binds no key. `may_recall` is asked under the lock before a kept answer is given:
    /// whoever called may not be allowed to see it any more. `loads`: what the unit loads first, see [`Reader::foresee`].
    pub async fn write_keyed<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        scope: Scope,
        key: Option<Key>,
        may_recall: impl FnOnce(&mut Tx<'_>) -> Result<(), Undo> + Send + 'static,
        loads: impl Fn(&mut Reader<'_>) -> Result<(), StoreFault> + Send + 'static,
        unit: impl FnOnce(&mut Tx<'_>) -> Result<T, Undo> + Send + 'static,
    ) -> Result<Keyed<T>, StoreFault> {
        let foreseen = key.clone();
        let loads = move |reader: &mut Reader<'_>| {
            if let Some(key) = &foreseen {
                load(reader, scope, key)?;
                if let Scope::Organization(id) = scope {
                    // Whoever acts is looked up next.
                    reader.load_membership(key.principal, id)?;
                }
            }
            loads(reader)
        };
        let outcome = self.write_foreseeing(scope, loads, move |tx| {
            let Some(key) = key else { return Ok(Keyed { answer: Ok(unit(tx)?), replayed: false }) };
            if let Some(answer) = recall::<T>(tx, scope, &key, may_recall)? {
                return Ok(Keyed { answer, replayed: true });
            }
            let answer = match unit(tx) {
                Ok(answer) => {
                    remember(tx, scope, &key, &if key.secret { Kept::Shown } else { Kept::Answer(&answer) })?;
                    Ok(answer)
                }
                // Kept, it would tell a resource of others, whose organisation keeps the key, from one that does not exist;
                // and what came too often may be repeated later.
                Err(Undo::Refused(refusal)) if matches!(refusal.code.status(), 404 | 429) => {
                    return Err(Undo::Refused(refusal));
                }
                Err(Undo::Refused(refusal)) => {
                    tx.undo()?;
                    remember::<()>(tx, scope, &key, &Kept::Refusal((*refusal).clone()))?;
                    Err(*refusal)
                }
                Err(fault) => return Err(fault),
            };
            Ok(Keyed { answer, replayed: false })
        });
        match outcome.await {
            Ok(keyed) => Ok(keyed),
            Err(Undo::Refused(refusal)) => Ok(Keyed { answer: Err(*refusal), replayed: false }),
            Err(Undo::Fault(fault)) => Err(fault),
        }
    }
}

fn recall<T: DeserializeOwned>(
    tx: &mut Tx<'_>,
    scope: Scope,
    key: &Key,
    may_recall: impl FnOnce(&mut Tx<'_>) -> Result<(), Undo>,
) -> Result<Option<Result<T, Refusal>>, Undo> {
    let Some((fingerprint, answer)) = load(tx, scope, key)? else { return Ok(None) };
    may_recall(tx)?;
    if fingerprint != key.fingerprint {
        return Err(ErrorCode::IdempotencyKeyReused.into());
    }
    Ok(Some(match from_json::<Kept<T>>(&answer)? {
        Kept::Answer(answer) => Ok(answer),
        Kept::Refusal(refusal) => Err(refusal),
        Kept::Shown => Err(ErrorCode::SecretAlreadyShown.into()),
    }))
}

/// The fingerprint and the answer that are kept.
fn load(reader: &mut Reader<'_>, scope: Scope, key: &Key) -> Result<Option<([u8; 32], String)>, StoreFault> {
    let scope = scope_bytes(scope);
    reader.first(
        "SELECT fingerprint, answer FROM idempotency WHERE scope = ?1 AND principal = ?2 AND route = ?3 AND key = ?4",
        &[Param::Blob(&scope), key.principal.param(), key.route.param(), key.key.param()],
        |row| Ok((get(row, 0)?, get(row, 1)?)),
    )
}

fn remember<T: Serialize>(
    tx: &mut Tx<'_>,
    scope: Scope,
    key: &Key,
    kept: &Kept<T>,
) -> Result<(), StoreFault> {
    let scope = scope_bytes(scope);
    let now = tx.now();
    tx.submit(
        "INSERT INTO idempotency (scope, principal, route, key, fingerprint, answer, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            Param::Blob(&scope),
            key.principal.param(),
            key.route.param(),
            key.key.param(),
            key.fingerprint.param(),
            to_json(kept).param(),
            now.param(),
        ],
    )?;
    Ok(())
}

fn scope_bytes(scope: Scope) -> [u8; 16] {
    match scope {
        Scope::Organization(id) => *id.as_bytes(),
        Scope::Server => [0; 16],
    }
}

impl Tx<'_> {
    /// Forgets keys older than this; at most so many at once. How many.
    pub fn purge_idempotency(&mut self, before: Timestamp, limit: u32) -> Result<usize, StoreFault> {
        self.execute(
            "DELETE FROM idempotency WHERE (scope, principal, route, key) IN \
             (SELECT scope, principal, route, key FROM idempotency WHERE created_at < ?1 LIMIT ?2)",
            &[before.param(), limit.param()],
        )
    }
}
