//! An access token that is held until it should be renewed.

use std::time::Duration;

use tokio::time::Instant;
use unionflow_protocol::{frame::Token, rest::auth::SignedIn};

use crate::token::AccessToken;

/// An access token, and when it ends: for whoever renews tokens, such as [`Account`](super::Account).
pub struct HeldToken {
    token: Token,
    life: Duration,
    ends: Instant,
}

/// A token with less left than this, or than a third of its life, is renewed when it is asked for: before whoever holds it
/// sees it end.
const MARGIN: Duration = Duration::from_secs(90);

impl HeldToken {
    /// The one that a sign-in or a renewal just gave.
    pub fn of(signed_in: &SignedIn) -> Self {
        let life = Duration::from_secs(signed_in.expires_in.into());
        Self { token: Token(signed_in.access_token.0.clone()), life, ends: Instant::now() + life }
    }

    /// To be given out, unless it should be renewed first.
    pub fn while_good(&self) -> Option<AccessToken> {
        (self.left() > MARGIN.min(self.life / 3)).then(|| self.give())
    }

    /// To be given out, however long it lives.
    pub fn give(&self) -> AccessToken {
        AccessToken { token: self.token.clone(), expires_in: Some(self.left()) }
    }

    fn left(&self) -> Duration {
        self.ends.saturating_duration_since(Instant::now())
    }
}
