//! Who holds a token, as of now: the signing keys in use, and the sign-ins that were ended while their tokens still live.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use unionflow_protocol::{Timestamp, id::SignInId, limits};

use crate::access::{Access, AccessTokens, BadToken, Holder};

/// Checks tokens. Shared by everything that lets somebody in; fed by the service, which reads the store.
pub struct Authenticator {
    tokens: RwLock<Arc<AccessTokens>>,
    ended: RwLock<Ended>,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The token is not good.
    #[error(transparent)]
    Token(#[from] BadToken),
    /// The sign-in that it belongs to was ended: logout, a changed password, a disabled account, a stolen token.
    #[error("the session was ended")]
    Ended,
}

/// Ended sign-ins, as long as an access token of theirs may still live.
#[derive(Default)]
struct Ended {
    when: HashMap<SignInId, Timestamp>,
    order: VecDeque<SignInId>,
}

/// An access token outlives the end of its sign-in by its lifetime at the most; a margin for clocks.
const REMEMBERED: Duration = Duration::from_secs(20 * 60);

impl Authenticator {
    /// With these keys.
    pub fn new(tokens: AccessTokens) -> Self {
        debug_assert!(REMEMBERED > limits::ACCESS_TOKEN_LIFETIME);
        Self { tokens: RwLock::new(Arc::new(tokens)), ended: RwLock::default() }
    }

    /// Whose token it is, if it is good now.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Access, Denied> {
        let access = self.tokens().check(token, now)?;
        if self.is_ended(access.sign_in_id) { Err(Denied::Ended) } else { Ok(access) }
    }

    /// A token for a device of a person, and how long it lives.
    pub fn issue(&self, holder: Holder, now: Timestamp) -> (String, Duration) {
        let tokens = self.tokens();
        (tokens.issue(holder, now), tokens.lifetime())
    }

    /// Other keys from now on.
    pub fn renew(&self, tokens: AccessTokens) {
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
    }

    /// These sign-ins were ended.
    pub fn end(&self, sign_ins: impl IntoIterator<Item = SignInId>, now: Timestamp) {
        let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
        for id in sign_ins {
            if ended.when.insert(id, now).is_none() {
                ended.order.push_back(id);
            }
        }
        while let Some(oldest) = ended.order.front().copied() {
            let fresh = ended.when.get(&oldest).is_some_and(|at| now.since(*at) < REMEMBERED);
            if fresh {
                break;
            }
            ended.order.pop_front();
            ended.when.remove(&oldest);
        }
    }

    /// Whether a sign-in was ended.
    pub fn is_ended(&self, sign_in: SignInId) -> bool {
        self.ended.read().unwrap_or_else(PoisonError::into_inner).when.contains_key(&sign_in)
    }

    fn tokens(&self) -> Arc<AccessTokens> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::SigningKey;
    use unionflow_protocol::id::PersonId;
    use uuid::Uuid;

    #[test]
    fn a_good_token_of_an_ended_sign_in_lets_nobody_in() {
        let keys = AccessTokens::new(&[SigningKey::generate()], Duration::from_secs(60)).unwrap();
        let authenticator = Authenticator::new(keys);
        let now = Timestamp::from_millis(1_800_000_000_000);
        let sign_in = SignInId::from_uuid(Uuid::from_u128(2));
        let person_id = PersonId::from_uuid(Uuid::from_u128(1));
        let (token, _) = authenticator.issue(Holder { person_id, sign_in_id: sign_in, language: None }, now);
        assert!(authenticator.check(&token, now).is_ok());
        authenticator.end([sign_in], now);
        assert_eq!(authenticator.check(&token, now), Err(Denied::Ended));
        authenticator.end([], now.plus(REMEMBERED));
        assert!(!authenticator.is_ended(sign_in), "forgotten once no token of it can live");
    }
}
