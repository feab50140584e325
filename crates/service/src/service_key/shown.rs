//! A key that somebody shows: whether it is a good one now.

use std::time::Duration;

use quick_cache::sync::Cache;
use unionflow_auth::service_key::ShownKey;
use unionflow_domain::service_key::ServiceKey;
use unionflow_protocol::{Timestamp, id::ServiceKeyId, problem::ErrorCode};
use unionflow_storage::{Scope, Undo};

use crate::Service;

/// When each key was noted as used by this process: so that no more than one write a minute is tried.
pub(crate) type Noted = Cache<ServiceKeyId, Timestamp>;

/// Use is noted this often.
const NOTED_EVERY: Duration = Duration::from_secs(60);

impl Service {
    /// The key that was shown, looked up for each request: one that was revoked works nowhere from then on.
    pub async fn shown_key(&self, shown: ShownKey) -> Result<ServiceKey, Undo> {
        let look_up = self.read(move |reader| Ok((reader.load_service_key(shown.id)?, reader.now())));
        let (found, now) = look_up.await?;
        let known = found.filter(|(_, hash)| shown.matches(hash));
        let (key, _) = known.ok_or(ErrorCode::Unauthenticated)?;
        if key.revoked_at.is_some() {
            return Err(ErrorCode::ServiceKeyRevoked.into());
        }
        self.note_use(&key, now).await;
        Ok(key)
    }

    /// Notes that a key was used, if that is news. Where it cannot be written, the key works all the same.
    async fn note_use(&self, key: &ServiceKey, now: Timestamp) {
        let is_fresh = |at: Option<Timestamp>| at.is_some_and(|at| now.since(at) < NOTED_EVERY);
        let (id, before) = (key.id, now.minus(NOTED_EVERY));
        if is_fresh(key.last_used_at) || is_fresh(self.noted_keys().get(&id)) {
            return;
        }
        self.noted_keys().insert(id, now);
        let noted = self.store().write(Scope::Server, move |tx| Ok(tx.note_service_key(id, before)?)).await;
        if let Err(undo) = noted {
            tracing::debug!(code = %undo.code(), "that a service key was used is not noted");
        }
    }
}
