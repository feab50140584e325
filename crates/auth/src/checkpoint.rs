//! Signing the heads of journals, and checking who signed one.

use std::collections::HashMap;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use unionflow_protocol::checkpoint::Checkpoint;

use crate::access::SigningKey;

/// Signs with one key, checks with all that there have been.
pub struct CheckpointKeys {
    newest: (String, Ed25519KeyPair),
    public: HashMap<String, Vec<u8>>,
}

impl CheckpointKeys {
    /// Of these keys, the newest first. `None` when there is none, or one is damaged.
    pub fn new(keys: &[SigningKey]) -> Option<Self> {
        let pair = |key: &SigningKey| Ed25519KeyPair::from_pkcs8(&key.pkcs8).ok();
        let newest = keys.first()?;
        let newest = (newest.kid.clone(), pair(newest)?);
        let public: Option<_> = keys
            .iter()
            .map(|key| Some((key.kid.clone(), pair(key)?.public_key().as_ref().to_vec())))
            .collect();
        Some(Self { newest, public: public? })
    }

    /// The same checkpoint, signed: its key and signature are replaced.
    #[must_use]
    pub fn sign(&self, mut checkpoint: Checkpoint) -> Checkpoint {
        let (kid, pair) = &self.newest;
        checkpoint.key_id.clone_from(kid);
        checkpoint.signature = STANDARD.encode(pair.sign(checkpoint.signed_text().as_bytes()));
        checkpoint
    }

    /// Whether one of these keys signed it, as it is.
    pub fn signed(&self, checkpoint: &Checkpoint) -> bool {
        let Some(key) = self.public.get(&checkpoint.key_id) else { return false };
        let Ok(signature) = STANDARD.decode(&checkpoint.signature) else { return false };
        UnparsedPublicKey::new(&ED25519, key).verify(checkpoint.signed_text().as_bytes(), &signature).is_ok()
    }

    /// What anybody may know of them, by their names: 32 bytes each, in base64.
    pub fn public(&self) -> Vec<(String, String)> {
        let mut public: Vec<_> =
            self.public.iter().map(|(kid, key)| (kid.clone(), STANDARD.encode(key))).collect();
        public.sort();
        public
    }
}

#[cfg(test)]
mod tests {
    use unionflow_protocol::{
        Seq, Timestamp,
        id::{Epoch, OrganizationId},
    };
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_signature_covers_every_part_and_only_known_keys_count() {
        let keys = [SigningKey::generate(), SigningKey::generate()];
        let id = Uuid::from_u128(7);
        let signer = CheckpointKeys::new(&keys).unwrap();
        let signed = signer.sign(Checkpoint {
            organization_id: OrganizationId::from_uuid(id),
            epoch: Epoch::from_uuid(id),
            seq: Seq(9),
            hash: "ab".to_owned(),
            signed_at: Timestamp::from_millis(1_800_000_000_000),
            key_id: String::new(),
            signature: String::new(),
        });
        assert!(signer.signed(&signed));
        let other = Uuid::from_u128(8);
        let forge: [fn(&mut Checkpoint, Uuid); 7] = [
            |forged, other| forged.organization_id = OrganizationId::from_uuid(other),
            |forged, other| forged.epoch = Epoch::from_uuid(other),
            |forged, _| forged.seq = Seq(8),
            |forged, _| forged.hash = "ac".to_owned(),
            |forged, _| forged.signed_at = Timestamp::from_millis(0),
            |forged, _| forged.key_id = "another".to_owned(),
            |forged, _| forged.signature.truncate(40),
        ];
        for forge in forge {
            let mut forged = signed.clone();
            forge(&mut forged, other);
            assert!(!signer.signed(&forged), "{forged:?}");
        }
        assert!(!CheckpointKeys::new(&keys[1..]).unwrap().signed(&signed), "by a key that is not here");
    }
}
