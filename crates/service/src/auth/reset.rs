//! `POST /auth/reset`: a new password by a code.

use unionflow_auth::secret::SecretHash;
use unionflow_protocol::{
    id::PersonId,
    member::MemberStatus,
    problem::ErrorCode,
    rest::auth::{ResetPassword, SignedIn},
};
use unionflow_storage::{Reader, Scope, Undo, tables::access::CodePurpose};

use super::{Origin, activate::check_strength, me::words_about, sign_in};
use crate::Service;

impl Service {
    /// Sets a new password and ends every session. The code stops working.
    pub async fn reset_password(&self, reset: ResetPassword, origin: Origin) -> Result<SignedIn, Undo> {
        let hash = *SecretHash::of_code(&reset.code.0).as_bytes();
        let about = self
            .look_up_code(&origin, move |reader| {
                let person = resettable(reader, &hash)?;
                words_about(reader, person)
            })
            .await?;
        check_strength("/password", &reset.password.0, &about)?;
        let password_hash = self.hash_password(reset.password.0).await?;
        let issued = self
            .store()
            .write(Scope::Server, move |tx| {
                let person_id = resettable(tx, &hash)?;
                let mut person = tx.load_person(person_id)?.ok_or(ErrorCode::InvalidCode)?;
                person.password_hash = password_hash;
                tx.save_person(&person)?;
                tx.end_sign_ins(person_id, None)?;
                for member in tx.load_memberships(person_id)? {
                    tx.delete_codes(member.id)?;
                }
                Ok(sign_in(tx, person_id, &origin.device)?)
            })
            .await?;
        self.watch_ended_sign_ins().await?;
        Ok(self.tokens(issued))
    }
}

/// Whose password a code may set now. What allowed it is looked at again: a code for a plain member is worth nothing once
/// that member holds an office or belongs to another organisation too. An operator's code has no such limits.
fn resettable(reader: &mut Reader<'_>, hash: &[u8; 32]) -> Result<PersonId, Undo> {
    let now = reader.now();
    let code = reader
        .load_code(hash)?
        .filter(|code| code.purpose != CodePurpose::Invitation && now < code.expires_at)
        .ok_or(ErrorCode::InvalidCode)?;
    let member = reader.load_member(code.member_id)?.ok_or(ErrorCode::InvalidCode)?;
    let person = member.person_id.ok_or(ErrorCode::InvalidCode)?;
    if code.purpose == CodePurpose::Reset {
        let allowed = code.approval_id.is_some() || !member.holds_office();
        if !allowed || belongs_elsewhere(reader, person, &member)? {
            return Err(ErrorCode::InvalidCode.into());
        }
    }
    if reader.load_person(person)?.is_none_or(|person| person.disabled_at.is_some()) {
        return Err(ErrorCode::InvalidCode.into());
    }
    Ok(person)
}

/// Whether a person has a membership in force anywhere else: then nobody here may reset the password.
pub(crate) fn belongs_elsewhere(
    reader: &mut Reader<'_>,
    person: PersonId,
    here: &unionflow_domain::member::Member,
) -> Result<bool, Undo> {
    let memberships = reader.load_memberships(person)?;
    Ok(memberships.iter().any(|member| {
        member.organization_id != here.organization_id
            && matches!(
                member.status,
                MemberStatus::Active | MemberStatus::Suspended | MemberStatus::Applicant
            )
    }))
}
