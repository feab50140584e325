//! The hash chain of a journal.

use sha2::{Digest, Sha256};

use crate::topic::Topic;

/// The hash of one journal entry, or of the emptiness before the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

const TAG: &[u8] = b"unionflow journal v1";

impl ChainHash {
    /// Before the first entry.
    pub const GENESIS: Self = Self([0; 32]);

    /// From the stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `SHA-256(tag ‖ previous ‖ topic ‖ audience ‖ stored bytes)`, every part behind its length as eight big-endian bytes.
    #[must_use]
    pub fn link(self, topic: Topic, audience: &str, envelope: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        for part in [TAG, &self.0, topic.as_str().as_bytes(), audience.as_bytes(), envelope] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

impl std::fmt::Display for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_matters_and_parts_cannot_slide_into_each_other() {
        let base = ChainHash::GENESIS.link(Topic::Members, "none", b"{}");
        assert_ne!(base, ChainHash::GENESIS.link(Topic::Approvals, "none", b"{}"));
        assert_ne!(base, ChainHash::GENESIS.link(Topic::Members, "none{", b"}"));
        assert_ne!(base, base.link(Topic::Members, "none", b"{}"));
        assert_eq!(base.to_string().len(), 64);
    }
}
