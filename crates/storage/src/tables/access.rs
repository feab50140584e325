//! What opens doors for a moment: signing keys, tickets, codes; and the counters of failed tries.

use unionflow_protocol::{
    Timestamp,
    id::{ApprovalId, MemberId, OrganizationId, PersonId, SignInId},
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{ToParam, get, parsed},
    tx::Tx,
};

/// What a key of the store is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Signs access tokens.
    Access,
    /// Makes refresh tokens.
    Refresh,
    /// Vouches for records on the bus.
    Record,
    /// Hashes what throttles count against.
    Throttle,
    /// Signs heads of journals.
    Checkpoint,
}

/// A secret key.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey {
    /// Its name.
    pub kid: String,
    /// The key.
    pub secret: Vec<u8>,
    /// Since when.
    pub created_at: Timestamp,
}

/// A ticket for a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Whose.
    pub person_id: PersonId,
    /// Of which device.
    pub sign_in_id: SignInId,
    /// When the access token it stands for ends.
    pub access_expires_at: Timestamp,
    /// Until when it can be redeemed.
    pub expires_at: Timestamp,
}

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodePurpose {
    /// To make an account, or link one, for a member.
    Invitation,
    /// To set a new password.
    Reset,
    /// To set a new password, whoever it is: handed out by the operator.
    OperatorReset,
}

/// A code that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// What for.
    pub purpose: CodePurpose,
    /// Where.
    pub organization_id: OrganizationId,
    /// For which member.
    pub member_id: MemberId,
    /// The request by which others allowed it.
    pub approval_id: Option<ApprovalId>,
    /// Until when it works.
    pub expires_at: Timestamp,
}

impl KeyPurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "ACCESS",
            Self::Refresh => "REFRESH",
            Self::Record => "RECORD",
            Self::Throttle => "THROTTLE",
            Self::Checkpoint => "CHECKPOINT",
        }
    }
}

impl CodePurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "INVITATION",
            Self::Reset => "RESET",
            Self::OperatorReset => "OPERATOR_RESET",
        }
    }
}

impl std::str::FromStr for CodePurpose {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Invitation, Self::Reset, Self::OperatorReset]
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or(())
    }
}

impl Reader<'_> {
    /// Whether there is a ticket of this hash.
    pub fn has_ticket(&mut self, hash: &[u8; 32]) -> Result<bool, StoreFault> {
        Ok(self.value::<i64>("SELECT 1 FROM ticket WHERE hash = ?1", &[hash.param()])?.is_some())
    }

    /// The keys for a purpose, newest first.
    pub fn load_keys(&mut self, purpose: KeyPurpose) -> Result<Vec<SecretKey>, StoreFault> {
        self.all(
            "SELECT kid, secret, created_at FROM secret_key WHERE purpose = ?1 ORDER BY created_at DESC, kid",
            &[purpose.as_str().param()],
            |row| Ok(SecretKey { kid: get(row, 0)?, secret: get(row, 1)?, created_at: get(row, 2)? }),
        )
    }

    /// A code by its hash.
    pub fn load_code(&mut self, hash: &[u8; 32]) -> Result<Option<Code>, StoreFault> {
        self.first(
            "SELECT purpose, organization_id, member_id, approval_id, expires_at FROM code WHERE hash = ?1",
            &[hash.param()],
            |row| {
                Ok(Code {
                    purpose: parsed(row, 0)?,
                    organization_id: get(row, 1)?,
                    member_id: get(row, 2)?,
                    approval_id: get(row, 3)?,
                    expires_at: get(row, 4)?,
                })
            },
        )
    }

    /// Failures counted under a key, and when the newest was.
    pub fn load_failures(&mut self, key: &[u8; 32]) -> Result<Option<(u32, Timestamp)>, StoreFault> {
        self.first("SELECT failures, last_at FROM throttle WHERE key = ?1", &[key.param()], |row| {
            Ok((get(row, 0)?, get(row, 1)?))
        })
    }
}

impl Tx<'_> {
    /// A new key.
    pub fn insert_key(&mut self, purpose: KeyPurpose, key: &SecretKey) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO secret_key (kid, purpose, secret, created_at) VALUES (?1, ?2, ?3, ?4)",
            &[
                key.kid.param(),
                purpose.as_str().param(),
                key.secret.as_slice().param(),
                key.created_at.param(),
            ],
        )?;
        Ok(())
    }

    /// Forgets keys made before a time.
    pub fn delete_keys(&mut self, purpose: KeyPurpose, before: Timestamp) -> Result<usize, StoreFault> {
        self.execute(
            "DELETE FROM secret_key WHERE purpose = ?1 AND created_at < ?2",
            &[purpose.as_str().param(), before.param()],
        )
    }

    /// A new ticket.
    pub fn insert_ticket(&mut self, hash: &[u8; 32], ticket: &Ticket) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO ticket (hash, person_id, sign_in_id, access_expires_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                hash.param(),
                ticket.person_id.param(),
                ticket.sign_in_id.param(),
                ticket.access_expires_at.param(),
                ticket.expires_at.param(),
            ],
        )?;
        Ok(())
    }

    /// Ends all but the newest tickets of a person.
    pub fn end_oldest_tickets(&mut self, person: PersonId, kept: u32) -> Result<usize, StoreFault> {
        self.execute(
            "DELETE FROM ticket WHERE person_id = ?1 AND hash NOT IN \
             (SELECT hash FROM ticket WHERE person_id = ?1 ORDER BY expires_at DESC LIMIT ?2)",
            &[person.param(), kept.param()],
        )
    }

    /// Takes a ticket: whoever asks first gets it, and nobody after.
    pub fn take_ticket(&mut self, hash: &[u8; 32]) -> Result<Option<Ticket>, StoreFault> {
        self.first(
            "DELETE FROM ticket WHERE hash = ?1 RETURNING person_id, sign_in_id, access_expires_at, expires_at",
            &[hash.param()],
            |row| {
                Ok(Ticket {
                    person_id: get(row, 0)?,
                    sign_in_id: get(row, 1)?,
                    access_expires_at: get(row, 2)?,
                    expires_at: get(row, 3)?,
                })
            },
        )
    }

    /// A new code; those of the member from before stop working.
    pub fn replace_codes(&mut self, hash: &[u8; 32], code: &Code) -> Result<(), StoreFault> {
        self.delete_codes(code.member_id)?;
        self.submit(
            "INSERT INTO code (hash, purpose, organization_id, member_id, approval_id, expires_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                hash.param(),
                code.purpose.as_str().param(),
                code.organization_id.param(),
                code.member_id.param(),
                code.approval_id.param(),
                code.expires_at.param(),
            ],
        )?;
        Ok(())
    }

    /// All codes of a member stop working.
    pub fn delete_codes(&mut self, member: MemberId) -> Result<usize, StoreFault> {
        self.execute("DELETE FROM code WHERE member_id = ?1", &[member.param()])
    }

    /// Counts one more failure under a key; from one again where the newest was before `forget_before`.
    pub fn count_failure(&mut self, key: &[u8; 32], forget_before: Timestamp) -> Result<(), StoreFault> {
        let now = self.now();
        self.submit(
            "INSERT INTO throttle (key, failures, last_at) VALUES (?1, 1, ?2) ON CONFLICT (key) DO UPDATE SET \
             failures = CASE WHEN throttle.last_at < ?3 THEN 1 ELSE throttle.failures + 1 END, last_at = excluded.last_at",
            &[key.param(), now.param(), forget_before.param()],
        )?;
        Ok(())
    }

    /// Takes one failure back.
    pub fn uncount_failure(&mut self, key: &[u8; 32]) -> Result<(), StoreFault> {
        self.submit(
            "UPDATE throttle SET failures = failures - 1 WHERE key = ?1 AND failures > 0",
            &[key.param()],
        )?;
        Ok(())
    }

    /// Forgets the failures counted under a key.
    pub fn forget_failures(&mut self, key: &[u8; 32]) -> Result<(), StoreFault> {
        self.submit("DELETE FROM throttle WHERE key = ?1", &[key.param()])?;
        Ok(())
    }

    /// Remembers a success: a key without failures.
    pub fn remember_success(&mut self, key: &[u8; 32]) -> Result<(), StoreFault> {
        let now = self.now();
        self.submit(
            "INSERT INTO throttle (key, failures, last_at) VALUES (?1, 0, ?2) \
             ON CONFLICT (key) DO UPDATE SET last_at = excluded.last_at",
            &[key.param(), now.param()],
        )?;
        Ok(())
    }

    /// Forgets failures older than a time, and successes older than another.
    pub fn purge_failures(
        &mut self,
        before: Timestamp,
        successes_before: Timestamp,
    ) -> Result<usize, StoreFault> {
        self.execute(
            "DELETE FROM throttle WHERE last_at < ?1 AND (failures > 0 OR last_at < ?2)",
            &[before.param(), successes_before.param()],
        )
    }
}
