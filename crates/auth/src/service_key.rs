//! Keys of other systems: `ufk_`, the key's id, `_`, 256 random bits. The form lets scanners of code and mail find one that got
//! astray; the id lets it be looked up; the store keeps only the hash of the whole.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use unionflow_protocol::id::ServiceKeyId;

use crate::{random, secret::SecretHash};

/// What every key begins with.
const PREFIX: &str = "ufk_";
const ID_DIGITS: usize = 32;
const SECRET_BYTES: usize = 32;

/// A key that somebody shows: whether it is a good one is for the store to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownKey {
    /// Which key it says it is.
    pub id: ServiceKeyId,
    hash: SecretHash,
}

/// The text of a new key, and what the store keeps of it.
pub fn issue(id: ServiceKeyId) -> (String, SecretHash) {
    let secret = random::bytes::<SECRET_BYTES>();
    let text = format!("{PREFIX}{}_{}", hex(id.as_bytes()), hex(&secret));
    let hash = SecretHash::of(&text);
    (text, hash)
}

/// Whether a credential is meant as a service key, good or not.
pub fn is_meant(credential: &str) -> bool {
    credential.starts_with(PREFIX)
}

impl ShownKey {
    /// Reads a key; `None` unless it has the form of one, exactly as it was issued.
    pub fn read(credential: &str) -> Option<Self> {
        let (id, secret) = credential.strip_prefix(PREFIX)?.split_once('_')?;
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if id.len() != ID_DIGITS || secret.len() != 2 * SECRET_BYTES || !is_hex(id) || !is_hex(secret) {
            return None;
        }
        Some(Self { id: id.parse().ok()?, hash: SecretHash::of(credential) })
    }

    /// Whether it is the key whose hash is stored. Takes as long whatever differs.
    pub fn matches(&self, stored: &[u8; 32]) -> bool {
        verify_slices_are_equal(self.hash.as_bytes(), stored).is_ok()
    }

    /// What tells it from other keys, without being one.
    pub const fn hash(&self) -> SecretHash {
        self.hash
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id() -> ServiceKeyId {
        ServiceKeyId::from_uuid(Uuid::from_u128(0x0199_c5d2_7f00_7abc_8def_0123_4567_89ab))
    }

    #[test]
    fn a_key_is_read_as_it_was_issued_and_no_other_way() {
        let (text, hash) = issue(id());
        assert!(text.starts_with("ufk_0199c5d27f007abc8def0123456789ab_"), "{text}");
        let shown = ShownKey::read(&text).expect("it is one");
        assert!(shown.id == id() && shown.matches(hash.as_bytes()));
        let longer = format!("{text}0");
        for other in [&text[1..], &text[..text.len() - 1], &longer, &text.to_uppercase(), "ufk_", "ufk__", ""]
        {
            assert_eq!(ShownKey::read(other), None, "{other}");
        }
    }

    #[test]
    fn a_key_with_another_secret_is_another_key() {
        let ((text, hash), (other, _)) = (issue(id()), issue(id()));
        assert_ne!(text, other);
        assert!(!ShownKey::read(&other).expect("it has the form").matches(hash.as_bytes()));
    }

    #[test]
    fn what_is_shown_for_debugging_holds_no_secret() {
        let (text, _) = issue(id());
        let shown = format!("{:?}", ShownKey::read(&text).expect("it is one"));
        let secret = text.rsplit('_').next().expect("it has parts");
        assert!(!shown.contains(secret), "{shown}");
    }
}
