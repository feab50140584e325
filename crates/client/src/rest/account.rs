//! Somebody who is signed in, and stays so: access tokens are renewed by the refresh token.

use std::{fmt, sync::Arc};

use tokio::sync::{Mutex, watch};
use unionflow_protocol::rest::auth::{Refresh, Secret, SignedIn};

use super::{HeldToken, RestClient};
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
    access: Mutex<Option<HeldToken>>,
    refresh: watch::Sender<Option<Secret>>,
}

impl Account {
    pub(super) fn new(rest: RestClient, signed_in: SignedIn) -> Self {
        let account = Self::resumed(rest, Secret(String::new()));
        account.shared.refresh.send_replace(signed_in.refresh_token.clone());
        if let Ok(mut access) = account.shared.access.try_lock() {
            *access = Some(HeldToken::of(&signed_in));
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
        if let Some(good) = access.as_ref().filter(|_| !refused).and_then(HeldToken::while_good) {
            return Ok(good);
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
                let renewed = access.insert(HeldToken::of(&signed_in));
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
