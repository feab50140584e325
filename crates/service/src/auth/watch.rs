//! Ended sign-ins, read from the store: by whichever process they were ended.

use std::time::Duration;

use unionflow_storage::Undo;

use crate::Service;

/// Looked at again each time, so that a commit that came late is not missed.
const OVERLAP: Duration = Duration::from_secs(15);

impl Service {
    /// Takes up sign-ins that ended lately. Called every second, and at once after ending one here.
    pub async fn watch_ended_sign_ins(&self) -> Result<(), Undo> {
        let (ended, now) = self
            .read(|reader| {
                let since = reader.now().minus(OVERLAP);
                Ok((reader.load_ended_sign_ins(since)?, reader.now()))
            })
            .await?;
        self.authenticator().end(ended, now);
        Ok(())
    }

    /// Takes up every sign-in whose access tokens may still live: at start.
    pub async fn load_ended_sign_ins(&self) -> Result<(), Undo> {
        let lifetime = self.settings().access_token_lifetime;
        let (ended, now) = self
            .read(move |reader| {
                let since = reader.now().minus(lifetime);
                Ok((reader.load_ended_sign_ins(since)?, reader.now()))
            })
            .await?;
        self.authenticator().end(ended, now);
        Ok(())
    }
}
