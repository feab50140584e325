//! Single-use secrets: tickets for sockets, codes for people. The store keeps only their hash.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::random;

/// What the store keeps of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

/// Letters and digits that are not taken for one another when read aloud or copied by hand: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl SecretHash {
    /// Of a ticket or a token, as it is.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Of a code, however a person typed it: case, spaces and hyphens do not matter; I and L are 1, O is 0.
    pub fn of_code(typed: &str) -> Self {
        let read = typed.chars().filter(|c| c.is_alphanumeric()).map(|c| match c.to_ascii_uppercase() {
            'I' | 'L' => '1',
            'O' => '0',
            other => other,
        });
        Self::of(&read.collect::<String>())
    }

    /// As stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A ticket for a WebSocket: 192 random bits, fit for a URL.
pub fn ticket() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<24>())
}

/// A code that a person can type: `7K2M-90QD-XWTR`, 60 random bits.
pub fn code() -> String {
    let bytes = random::bytes::<12>();
    let mut code = String::with_capacity(14);
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 && i.is_multiple_of(4) {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_accepted_however_it_is_typed() {
        let hash = SecretHash::of_code("7K2M-90QD-X1TR");
        for typed in ["7k2m90qdx1tr", " 7K2M 9OQD XlTR ", "7K2M-9oQD-XiTR"] {
            assert_eq!(SecretHash::of_code(typed), hash, "{typed}");
        }
        assert_ne!(SecretHash::of_code("7K2M-90QD-X1TS"), hash);
    }

    #[test]
    fn codes_and_tickets_do_not_repeat() {
        let many: std::collections::HashSet<_> = (0..1000).flat_map(|_| [code(), ticket()]).collect();
        assert_eq!(many.len(), 2000);
        assert_eq!(code().len(), 14);
    }
}
