//! Failed attempts, counted in the store so that every process of it agrees. Keys are hashed: no login is kept.

use sha2::{Digest, Sha256};
use unionflow_auth::throttle::{Counter, FORGET_AFTER, Failures, KNOWN_FOR};
use unionflow_domain::Refusal;
use unionflow_protocol::problem::ErrorCode;
use unionflow_storage::{Reader, Scope, StoreFault, Tx, Undo};

use super::{Origin, turns::Turn};
use crate::Service;

type Key = [u8; 32];

/// An attempt that has been counted as failed, until it turns out to be right.
pub(super) struct Attempt {
    counted: Vec<(Counter, Key)>,
    /// Under which it is remembered that the login was used from the address.
    known: Option<Key>,
}

impl Service {
    /// Counts an attempt before it is looked at, so that many at once do not slip through; or says how long to wait.
    pub(super) async fn attempt(&self, login: &str, origin: &Origin) -> Result<Attempt, Undo> {
        self.count_attempt(&Counter::ALL, login, origin).await
    }

    /// The same for somebody who has shown a good code: what others get wrong behind the same address does not count.
    pub(super) async fn attempt_with_code(&self, login: &str, origin: &Origin) -> Result<Attempt, Undo> {
        self.count_attempt(&[Counter::Pair, Counter::Login], login, origin).await
    }

    /// Counts an attempt at the code of the founding, which an operator may have chosen: before it is looked at.
    pub async fn count_code_attempt(&self, origin: &Origin) -> Result<(), Undo> {
        self.count_attempt(&[Counter::Address], "", origin).await.map(|_| ())
    }

    /// Looks a code up, and counts a wrong one against its address alone. One that is right is never kept waiting: it has 60
    /// random bits and belongs to no login, so a counter before it would only let a neighbour keep everyone from using theirs.
    pub(super) async fn look_up_code<T: Send + 'static>(
        &self,
        origin: &Origin,
        look: impl FnOnce(&mut Reader<'_>) -> Result<T, Undo> + Send + 'static,
    ) -> Result<T, Undo> {
        let found = self.read(look).await;
        if let Err(undo) = &found
            && undo.code() == ErrorCode::InvalidCode
        {
            self.count_code_attempt(origin).await?;
        }
        found
    }

    async fn count_attempt(
        &self,
        counters: &[Counter],
        login: &str,
        origin: &Origin,
    ) -> Result<Attempt, Undo> {
        let key = |prefix, login, address| self.key(prefix, login, address);
        let keys: Vec<(Counter, Key)> = counters
            .iter()
            .map(|counter| {
                let (login, address) = match counter {
                    Counter::Pair => (login, origin.address.as_str()),
                    Counter::Login => (login, ""),
                    Counter::Address => ("", origin.address.as_str()),
                };
                (*counter, key(counter.prefix(), login, address))
            })
            .collect();
        let known = counters.contains(&Counter::Pair).then(|| key("k", login, &origin.address));
        let counted = self.store().write(Scope::Server, move |tx| count(tx, keys, known.as_ref())).await?;
        Ok(Attempt { counted, known })
    }

    /// The attempt was right: what was counted against this login is forgotten.
    pub(super) fn forgive(tx: &mut Tx<'_>, attempt: &Attempt) -> Result<(), StoreFault> {
        if let Some(known) = &attempt.known {
            tx.remember_success(known)?;
        }
        for (counter, key) in &attempt.counted {
            match counter {
                Counter::Pair | Counter::Login => tx.forget_failures(key)?,
                // Others may be guessing from the same address: only this attempt is taken back.
                Counter::Address => tx.uncount_failure(key)?,
            }
        }
        Ok(())
    }

    /// Lets a login be tried from an address, one try after the other.
    pub(super) fn take_turn(&self, login: &str, origin: &Origin) -> Result<Turn<'_>, Refusal> {
        let pair = self.key(Counter::Pair.prefix(), login, &origin.address);
        let turn = self.turns().take(pair, &origin.address);
        turn.ok_or_else(|| Refusal::retry_after(ErrorCode::RateLimited, 1))
    }

    fn key(&self, prefix: &str, login: &str, address: &str) -> Key {
        let mut hasher = Sha256::new();
        for part in [self.throttle_key(), prefix.as_bytes(), login.as_bytes(), address.as_bytes()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

/// What the attempt is counted by. Where the login was used from this address before, by the pair alone.
fn count(
    tx: &mut Tx<'_>,
    mut keys: Vec<(Counter, Key)>,
    known: Option<&Key>,
) -> Result<Vec<(Counter, Key)>, Undo> {
    let now = tx.now();
    if let Some(known) = known
        && tx.load_failures(known)?.is_some_and(|(_, last_at)| now.since(last_at) < KNOWN_FOR)
    {
        keys.retain(|(counter, _)| *counter == Counter::Pair);
    }
    for (counter, key) in &keys {
        let stored = tx.load_failures(key)?;
        let failures = stored
            .map_or_else(Failures::default, |(count, last_at)| Failures { count, last_at: Some(last_at) });
        let wait = failures.wait(*counter, now);
        if !wait.is_zero() {
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1);
            return Err(Refusal::retry_after(ErrorCode::TooManyAttempts, seconds).into());
        }
    }
    for (_, key) in &keys {
        tx.count_failure(key, now.minus(FORGET_AFTER))?;
    }
    Ok(keys)
}
