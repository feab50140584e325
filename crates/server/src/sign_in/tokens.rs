//! Access tokens from the sign-in that is kept. Refresh tokens rotate, so the newest is kept before its access token is used,
//! and two commands never renew at once: one that renewed an older token would look like a thief, and end the sign-in.

use std::sync::Arc;

use tokio::sync::Mutex;
use unionflow_client::{
    AccessToken, ErrorKind, TokenFault, TokenFuture, TokenProvider,
    rest::{HeldToken, RestClient},
};
use unionflow_protocol::rest::auth::Refresh;

use super::{Kept, Place};

/// Gives access tokens; clones share them.
#[derive(Clone)]
pub(crate) struct Tokens {
    shared: Arc<Shared>,
}

struct Shared {
    place: Place,
    /// Whose: should somebody else sign in meanwhile, theirs are not given out as this person's.
    kept: Kept,
    rest: RestClient,
    access: Mutex<Option<HeldToken>>,
}

impl Tokens {
    pub(crate) fn new(place: Place, kept: Kept, rest: RestClient) -> Self {
        Self { shared: Arc::new(Shared { place, kept, rest, access: Mutex::new(None) }) }
    }

    /// One renewal at a time: whoever asks meanwhile is given its answer.
    async fn give(&self, refused: bool) -> Result<AccessToken, TokenFault> {
        let mut access = self.shared.access.lock().await;
        if let Some(good) = access.as_ref().filter(|_| !refused).and_then(HeldToken::while_good) {
            return Ok(good);
        }
        *access = None;
        Ok(access.insert(self.renewed().await?).give())
    }

    async fn renewed(&self) -> Result<HeldToken, TokenFault> {
        let away = |error: &dyn std::fmt::Display| TokenFault::Unavailable(error.to_string());
        let place = self.shared.place.clone();
        let locked =
            tokio::task::spawn_blocking(move || place.lock().and_then(|lock| Ok((lock, place.load()?))));
        let (lock, kept) = locked.await.map_err(|error| away(&error))?.map_err(|error| away(&error))?;
        let Some(kept) = kept.filter(|kept| kept.is_of_the_same(&self.shared.kept)) else {
            return Err(TokenFault::SignInRequired);
        };
        let asked = Refresh { refresh_token: Some(kept.refresh_token.clone()) };
        match self.shared.rest.refresh(&asked).await {
            Ok(signed_in) => {
                if let Some(newest) = signed_in.refresh_token.clone() {
                    let next = Kept { refresh_token: newest, ..kept };
                    self.shared.place.keep(&next).map_err(|error| away(&error))?;
                }
                drop(lock);
                Ok(HeldToken::of(&signed_in))
            }
            // The server's own 401, and not that of a proxy that wants something else.
            Err(error) if error.status() == Some(401) && error.kind() == ErrorKind::Refused => {
                // It ended: the next command says so without asking the server.
                self.shared.place.forget().map_err(|error| away(&error))?;
                Err(TokenFault::SignInRequired)
            }
            Err(error) => Err(TokenFault::Failed(error)),
        }
    }
}

impl TokenProvider for Tokens {
    fn token(&self, refused: bool) -> TokenFuture<'_> {
        Box::pin(self.give(refused))
    }
}
