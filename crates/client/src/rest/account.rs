//! Somebody who is signed in, and stays so: access tokens are renewed by the refresh token.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    sync::{Mutex, watch},
    time::Instant,
};
use unionflow_protocol::{
    frame::Token,
    rest::auth::{Refresh, Secret, SignedIn},
};

use super::RestClient;
use crate::{
    error::{ClientError, ErrorKind},
    token::{AccessToken, TokenFault, TokenFuture, TokenProvider},
};

/// Somebody who is signed in; clones share it. Gives tokens to [`RestClient`] and [`RealtimeClient`](crate::RealtimeClient).
///
/// ```no_run
/// # async fn example(open: unionflow_client::rest::RestClient) -> Result<(), unionflow_client::ClientError> {
/// let account = open.sign_in("awa@mutuelle.example", "…").await?;
/// // To stay signed in over a restart, keep the newest one where only this person can read it.
/// let mut refresh_tokens = account.refresh_tokens();
/// let newest = refresh_tokens.borrow_and_update().clone();
/// # drop(newest);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Account {
    shared: Arc<Shared>,
}

struct Shared {
    rest: RestClient,
    access: Mutex<Option<Access>>,
    refresh: watch::Sender<Option<Secret>>,
}

struct Access {
    token: Token,
    life: Duration,
    ends: Instant,
}

/// A token with less left than this, or than a third of its life, is renewed when it is asked for: before whoever holds it
/// sees it end.
const MARGIN: Duration = Duration::from_secs(90);

impl Account {
    pub(super) fn new(rest: RestClient, signed_in: SignedIn) -> Self {
        let account = Self::resumed(rest, Secret(String::new()));
        account.shared.refresh.send_replace(signed_in.refresh_token.clone());
        if let Ok(mut access) = account.shared.access.try_lock() {
            *access = Some(Access::of(&signed_in));
        }
        account
    }

    pub(super) fn resumed(rest: RestClient, refresh_token: Secret) -> Self {
        let refresh = watch::Sender::new(Some(refresh_token));
        Self { shared: Arc::new(Shared { rest, access: Mutex::new(None), refresh }) }
    }

    /// The newest refresh token, now and after each renewal; `None` once the sign-in has ended.
    pub fn refresh_tokens(&self) -> watch::Receiver<Option<Secret>> {
        self.shared.refresh.subscribe()
    }

    /// Ends the sign-in, here and on the server.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        let mut access = self.shared.access.lock().await;
        let refresh_token = self.shared.refresh.send_replace(None);
        *access = None;
        match refresh_token {
            Some(refresh_token) => {
                self.shared.rest.logout(&Refresh { refresh_token: Some(refresh_token) }).await
            }
            None => Ok(()),
        }
    }

    /// One renewal at a time: whoever asks meanwhile is given its answer.
    async fn give(&self, refused: bool) -> Result<AccessToken, TokenFault> {
        let mut access = self.shared.access.lock().await;
        if let Some(good) = access.as_ref().filter(|access| !refused && access.is_good()) {
            return Ok(good.give());
        }
        let Some(refresh_token) = self.shared.refresh.borrow().clone() else {
            return Err(TokenFault::SignInRequired);
        };
        let asked = Refresh { refresh_token: Some(refresh_token) };
        match self.shared.rest.refresh(&asked).await {
            Ok(signed_in) => {
                if signed_in.refresh_token.is_some() {
                    self.shared.refresh.send_replace(signed_in.refresh_token.clone());
                }
                let renewed = access.insert(Access::of(&signed_in));
                Ok(renewed.give())
            }
            // The server's own 401, and not that of a proxy that wants something else.
            Err(error) if error.status() == Some(401) && error.kind() == ErrorKind::Refused => {
                *access = None;
                self.shared.refresh.send_replace(None);
                Err(TokenFault::SignInRequired)
            }
            Err(error) => Err(TokenFault::Failed(error)),
        }
    }
}

impl Access {
    fn of(signed_in: &SignedIn) -> Self {
        let life = Duration::from_secs(signed_in.expires_in.into());
        Self { token: Token(signed_in.access_token.0.clone()), life, ends: Instant::now() + life }
    }

    fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }

    fn is_good(&self) -> bool {
        self.left() > MARGIN.min(self.life / 3)
    }

    fn give(&self) -> AccessToken {
        AccessToken { token: self.token.clone(), expires_in: Some(self.left()) }
    }
}

impl TokenProvider for Account {
    fn token(&self, refused: bool) -> TokenFuture<'_> {
        Box::pin(self.give(refused))
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("rest", &self.shared.rest).finish_non_exhaustive()
    }
}
