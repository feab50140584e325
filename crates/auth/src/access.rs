//! Access tokens: short, signed with Ed25519, checked without a look at the store.

use std::{collections::HashMap, time::Duration};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    Language, Timestamp,
    id::{PersonId, SignInId},
    limits,
};

use crate::{random, secret::SecretHash};

/// A key that signs access tokens, as the store keeps it.
#[derive(Clone)]
pub struct SigningKey {
    /// Its name, in the header of every token it signs.
    pub kid: String,
    /// PKCS #8.
    pub pkcs8: Vec<u8>,
}

/// Who holds a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The person.
    pub person_id: PersonId,
    /// The signed-in device it was issued to.
    pub sign_in_id: SignInId,
    /// The person's language; none = the browser's.
    pub language: Option<Language>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Whom a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The person.
    pub person_id: PersonId,
    /// The signed-in device.
    pub sign_in_id: SignInId,
    /// The person's language, so that no look-up is needed to answer in it.
    pub language: Option<Language>,
}

/// Why a token does not say who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It was not signed by any key of this store, or is no token at all.
    #[error("not a token of this server")]
    Invalid,
    /// It was good and has ended.
    #[error("the token has expired")]
    Expired,
}

/// Signs with the newest key, checks with all of them.
pub struct AccessTokens {
    newest: (Header, EncodingKey),
    keys: HashMap<String, DecodingKey>,
    lifetime: Duration,
    /// Tokens checked before, by hash: a signature is checked once.
    checked: Cache<[u8; 32], Access>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: PersonId,
    sid: SignInId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lang: Option<Language>,
    iat: i64,
    exp: i64,
}

const ISSUER: &str = "unionflow";
const CHECKED_TOKENS: usize = 20_000;
/// A token that is longer than any of ours.
const TOKEN_BYTES_MAX: usize = 1024;

impl SigningKey {
    /// A new key.
    pub fn generate() -> Self {
        let pkcs8 =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("the system gives randomness");
        let kid = random::bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { kid, pkcs8: pkcs8.as_ref().to_vec() }
    }
}

impl AccessTokens {
    /// Of these keys, the newest first. `None` when there is none, or one is damaged.
    pub fn new(keys: &[SigningKey], lifetime: Duration) -> Option<Self> {
        // Without this, the library panics at its first token when a second provider is linked.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
        let newest = keys.first()?;
        let header = Header { kid: Some(newest.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        let mut decoding = HashMap::new();
        for key in keys {
            let pair = Ed25519KeyPair::from_pkcs8(&key.pkcs8).ok()?;
            decoding.insert(key.kid.clone(), DecodingKey::from_ed_der(pair.public_key().as_ref()));
        }
        Some(Self {
            newest: (header, EncodingKey::from_ed_der(&newest.pkcs8)),
            keys: decoding,
            lifetime: lifetime.min(limits::ACCESS_TOKEN_LIFETIME),
            checked: Cache::new(CHECKED_TOKENS),
        })
    }

    /// A token for a device of a person.
    pub fn issue(&self, holder: Holder, now: Timestamp) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: holder.person_id,
            sid: holder.sign_in_id,
            lang: holder.language,
            iat: now.as_seconds(),
            exp: now.plus(self.lifetime).as_seconds(),
        };
        jsonwebtoken::encode(&self.newest.0, &claims, &self.newest.1)
            .expect("the key was checked when it was loaded")
    }

    /// How long a token lives.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Whose token it is. Whether its sign-in was ended meanwhile is for the caller to look up.
    pub fn check(&self, token: &str, now: Timestamp) -> Result<Access, BadToken> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(BadToken::Invalid);
        }
        let hash = *SecretHash::of(token).as_bytes();
        let access = match self.checked.get(&hash) {
            Some(access) => access,
            None => {
                let access = self.check_signature(token)?;
                self.checked.insert(hash, access);
                access
            }
        };
        if now >= access.expires_at { Err(BadToken::Expired) } else { Ok(access) }
    }

    fn check_signature(&self, token: &str) -> Result<Access, BadToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken::Invalid)?;
        let key = header.kid.and_then(|kid| self.keys.get(&kid)).ok_or(BadToken::Invalid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[ISSUER]);
        // The clock is an argument here; the library would ask the system's.
        validation.validate_exp = false;
        let claims =
            jsonwebtoken::decode::<Claims>(token, key, &validation).map_err(|_| BadToken::Invalid)?.claims;
        Ok(Access {
            person_id: claims.sub,
            sign_in_id: claims.sid,
            language: claims.lang,
            issued_at: Timestamp::from_millis(claims.iat.saturating_mul(1000)),
            expires_at: Timestamp::from_millis(claims.exp.saturating_mul(1000)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use uuid::Uuid;

    fn issued(tokens: &AccessTokens) -> String {
        let person_id = PersonId::from_uuid(Uuid::from_u128(1));
        let holder =
            Holder { person_id, sign_in_id: SignInId::from_uuid(Uuid::from_u128(2)), language: None };
        tokens.issue(holder, at(0))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis((1_800_000_000 + seconds) * 1000)
    }

    fn tokens(keys: &[SigningKey]) -> AccessTokens {
        AccessTokens::new(keys, Duration::from_secs(900)).unwrap()
    }

    #[test]
    fn a_token_says_who_until_it_ends() {
        let tokens = tokens(&[SigningKey::generate()]);
        let token = issued(&tokens);
        for _ in 0..2 {
            assert_eq!(tokens.check(&token, at(899)).unwrap().person_id.uuid().as_u128(), 1);
            assert_eq!(tokens.check(&token, at(900)), Err(BadToken::Expired));
        }
    }

    #[test]
    fn no_token_outlives_a_quarter_of_an_hour() {
        let day = AccessTokens::new(&[SigningKey::generate()], Duration::from_secs(86_400)).unwrap();
        assert_eq!(day.check(&issued(&day), at(900)), Err(BadToken::Expired));
    }

    #[test]
    fn old_keys_still_check_and_foreign_or_forged_tokens_never_do() {
        let (old, new) = (SigningKey::generate(), SigningKey::generate());
        let before = issued(&tokens(std::slice::from_ref(&old)));
        let both = tokens(&[new, old]);
        assert!(both.check(&before, at(1)).is_ok());
        assert_eq!(both.check(&issued(&tokens(&[SigningKey::generate()])), at(1)), Err(BadToken::Invalid));
        let mut parts: Vec<String> = issued(&both).split('.').map(str::to_owned).collect();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(&parts[1]).unwrap()).unwrap();
        parts[1] = URL_SAFE_NO_PAD.encode(claims.replace("000000000001", "000000000009"));
        let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), parts[1]);
        for forged in [parts.join("."), unsigned, String::new(), "a.b.c".into(), "x".repeat(5000)] {
            assert_eq!(both.check(&forged, at(1)), Err(BadToken::Invalid), "{forged}");
        }
    }
}
