//! Signed heads of journals: whoever rewrites a journal contradicts a signature that lies elsewhere.

use serde::{Deserialize, Serialize};

use crate::{
    id::{Epoch, OrganizationId},
    seq::Seq,
    time::Timestamp,
};

/// What a journal's head was at a moment, as it lies on [`Topic::Checkpoints`](crate::Topic::Checkpoints).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Whose journal.
    pub organization_id: OrganizationId,
    /// Its incarnation.
    pub epoch: Epoch,
    /// Its newest entry.
    pub seq: Seq,
    /// That entry's hash, which covers all before it; hexadecimal.
    pub hash: String,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// The name of the key.
    pub key_id: String,
    /// Ed25519 over [`signed_text`](Self::signed_text), in base64.
    pub signature: String,
}

impl Checkpoint {
    /// What is signed: a line for each, so that it can be written with any tool.
    pub fn signed_text(&self) -> String {
        let Self { organization_id, epoch, seq, hash, signed_at, key_id, .. } = self;
        format!("unionflow checkpoint v1\n{organization_id}\n{epoch}\n{seq}\n{hash}\n{signed_at}\n{key_id}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_form_on_the_topic_and_what_is_signed_stay_as_they_are() {
        let id = "0199c500-0000-7000-8000-000000000001";
        let json = format!(
            r#"{{"organizationId":"{id}","epoch":"{id}","seq":42,"hash":"ab12","signedAt":"2026-11-25T10:15:30.123Z","keyId":"0a","signature":"c2ln"}}"#
        );
        let checkpoint: Checkpoint = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&checkpoint).unwrap(), json);
        assert_eq!(
            checkpoint.signed_text(),
            format!("unionflow checkpoint v1\n{id}\n{id}\n42\nab12\n2026-11-25T10:15:30.123Z\n0a\n")
        );
    }
}
