//! `POST /auth/refresh`

use std::time::Duration;

use unionflow_auth::refresh::{RefreshToken, Used};
use unionflow_protocol::{problem::ErrorCode, rest::auth::SignedIn};
use unionflow_storage::{Scope, Undo};

use super::Issued;
use crate::Service;

/// A device that did not come back for so long has to sign in again.
const IDLE_MAX: Duration = Duration::from_secs(60 * 24 * 3600);

enum Outcome {
    Issued(Issued),
    Ended,
}

impl Service {
    /// Reads a refresh token; `None` unless it is truly ours.
    pub fn read_refresh_token(&self, token: &str) -> Option<RefreshToken> {
        self.refresh_tokens().read(token)
    }

    /// Gives the next tokens of a sign-in. An older token, which somebody must have copied, ends it.
    pub async fn refresh(&self, token: &str) -> Result<SignedIn, Undo> {
        let token = self.read_refresh_token(token).ok_or(ErrorCode::SessionEnded)?;
        let outcome = self
            .store()
            .write(Scope::Server, move |tx| {
                let now = tx.now();
                let stored = tx.load_sign_in(token.sign_in_id)?.filter(|sign_in| sign_in.ended_at.is_none());
                let Some(sign_in) = stored else { return Ok(Outcome::Ended) };
                let person = tx.load_person(sign_in.person_id)?.filter(|person| person.disabled_at.is_none());
                let stale = now.since(sign_in.last_used_at) > IDLE_MAX;
                let generation = match token.used(sign_in.generation) {
                    Used::Next(next) | Used::Again(next) if person.is_some() && !stale => next,
                    Used::Next(_) | Used::Again(_) | Used::Stolen => {
                        // Committed, although the caller is refused: the sign-in has ended.
                        tx.end_sign_in(sign_in.id)?;
                        return Ok(Outcome::Ended);
                    }
                };
                if !tx.save_generation(sign_in.id, sign_in.generation, generation)? {
                    return Err(ErrorCode::Busy.into());
                }
                Ok(Outcome::Issued(Issued {
                    person_id: sign_in.person_id,
                    sign_in_id: sign_in.id,
                    generation,
                    language: person.and_then(|person| person.language),
                    now,
                }))
            })
            .await?;
        match outcome {
            Outcome::Issued(issued) => Ok(self.tokens(issued)),
            Outcome::Ended => {
                self.watch_ended_sign_ins().await?;
                Err(ErrorCode::SessionEnded.into())
            }
        }
    }
}
