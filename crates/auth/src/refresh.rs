//! Refresh tokens: each use gives the next one. Reuse is detected, and a lost answer is forgiven.
//!
//! A token is `sign-in . generation . HMAC`, so the store keeps one number per sign-in and no token at all, and the same
//! successor can be given again to a phone that never got the answer.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use unionflow_protocol::id::SignInId;

/// Makes and reads refresh tokens by a key in the store.
#[derive(Clone)]
pub struct RefreshTokens {
    key: Vec<u8>,
}

/// A refresh token that is truly ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The signed-in device.
    pub sign_in_id: SignInId,
    /// 1 for the first, and one more with each use.
    pub generation: u32,
}

/// What using a token means, given the newest generation handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// The newest: give the next.
    Next(u32),
    /// The one before, and its successor was never used: the answer was lost. Give the same successor again.
    Again(u32),
    /// An older one: somebody copied it. End the sign-in.
    Stolen,
}

impl RefreshTokens {
    /// By this key.
    pub fn new(key: Vec<u8>) -> Self {
        Self { key }
    }

    /// The token of this generation.
    pub fn issue(&self, token: RefreshToken) -> String {
        let mut bytes = Vec::with_capacity(52);
        bytes.extend(token.sign_in_id.as_bytes());
        bytes.extend(token.generation.to_be_bytes());
        let mac = self.mac(&bytes).finalize().into_bytes();
        bytes.extend(mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; `None` unless it was made with this key.
    pub fn read(&self, token: &str) -> Option<RefreshToken> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok().filter(|bytes| bytes.len() == 52)?;
        let (signed, mac) = bytes.split_at(20);
        self.mac(signed).verify_slice(mac).ok()?;
        let (id, generation) = signed.split_at(16);
        Some(RefreshToken {
            sign_in_id: SignInId::from_bytes(id.try_into().ok()?),
            generation: u32::from_be_bytes(generation.try_into().ok()?),
        })
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(b"unionflow refresh v1");
        mac.update(bytes);
        mac
    }
}

impl RefreshToken {
    /// What using it means. The newest generation handed out is `newest`; a generation is used when its successor was
    /// handed out and presented, which makes the successor's successor the newest.
    pub const fn used(self, newest: u32) -> Used {
        if self.generation == newest {
            Used::Next(newest + 1)
        } else if self.generation + 1 == newest {
            Used::Again(newest)
        } else {
            Used::Stolen
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn token(generation: u32) -> RefreshToken {
        RefreshToken { sign_in_id: SignInId::from_uuid(Uuid::from_u128(5)), generation }
    }

    #[test]
    fn only_tokens_of_this_key_are_read() {
        let ours = RefreshTokens::new(vec![1; 32]);
        let text = ours.issue(token(3));
        assert_eq!(ours.read(&text), Some(token(3)));
        assert_eq!(RefreshTokens::new(vec![2; 32]).read(&text), None);
        for bad in ["", "abc", &text[1..], &text.replace(&text[4..5], "~")] {
            assert_eq!(ours.read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_lost_answer_is_forgiven_and_a_copied_token_ends_the_sign_in() {
        let mut newest = 1;
        assert_eq!(token(1).used(newest), Used::Next(2));
        newest = 2; // the answer with 2 is lost
        assert_eq!(token(1).used(newest), Used::Again(2));
        assert_eq!(token(2).used(newest), Used::Next(3));
        newest = 3;
        assert_eq!(token(1).used(newest), Used::Stolen);
    }
}
