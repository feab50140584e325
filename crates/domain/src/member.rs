//! Members: who belongs, since when, with which roles.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    Date, Role, RoleSet, Timestamp,
    event::{approvals::RoleChange, members::MemberField},
    id::{MemberId, OrganizationId, PersonId},
    limits,
    member::MemberStatus,
    problem::{ErrorCode, FieldCode},
};

use crate::{
    contact::{Email, Phone, fold},
    hint::Hint,
    refusal::{Fault, Refusal},
    text,
};

/// A member of one organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The member's id.
    pub id: MemberId,
    /// Where.
    pub organization_id: OrganizationId,
    /// Grows with every event about the member.
    pub version: u64,
    /// Unique in the organisation, never reused.
    pub number: MemberNumber,
    /// The account; most imported members have none yet.
    pub person_id: Option<PersonId>,
    /// Where the membership stands.
    pub status: MemberStatus,
    /// The roles held, also while they rest.
    pub roles: RoleSet,
    /// The name.
    pub name: Name,
    /// Contact data; never a login.
    pub phone: Option<Phone>,
    /// Contact data; never a login.
    pub email: Option<Email>,
    /// Since when a member.
    pub joined_on: Date,
    /// Since when no longer.
    pub left_on: Option<Date>,
    /// Members who were shown a code to the account, oldest first; each once.
    pub code_givers: Vec<CodeGiver>,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A member who was shown a code that opens another's account, and could have used it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeGiver {
    /// Who.
    pub member_id: MemberId,
    /// When last.
    pub at: Timestamp,
}

/// For how long whoever was shown a code to an account counts as one who may be acting in it: a mutual's usual waiting time
/// before it helps a new member.
pub const CODE_GIVER_FOR: Duration = Duration::from_secs(90 * 24 * 3600);
/// For how long that stays noted: a request that was made in that time may wait for a year ([`policy`](crate::policy)).
const CODE_GIVER_NOTED_FOR: Duration = Duration::from_secs((90 + 366) * 24 * 3600);

/// A person's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
}

/// 1 to 32 letters, digits, dots, hyphens or slashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemberNumber(String);

/// What happens to a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// An applicant becomes a member, or somebody who left becomes one again.
    Admit,
    /// An applicant does not become a member.
    Refuse,
    /// Roles rest.
    Suspend,
    /// Active again.
    Reinstate,
    /// Leaves, or is let go.
    Leave,
}

impl Name {
    /// Reads both parts.
    pub fn parse(given: &str, family: &str) -> Result<Self, Vec<Fault>> {
        match (text::name("/givenName", given), text::name("/familyName", family)) {
            (Ok(given), Ok(family)) => Ok(Self { given, family }),
            (given, family) => Err([given.err(), family.err()].into_iter().flatten().collect()),
        }
    }

    /// Folded for order: family name first.
    pub fn sort_key(&self) -> String {
        format!("{} {}", fold(&self.family), fold(&self.given))
    }
}

impl MemberNumber {
    /// Reads a number.
    pub fn parse(pointer: &str, text: &str) -> Result<Self, Fault> {
        let text = text.trim();
        let fine = limits::MEMBER_NUMBER_CHARS.contains(&text.chars().count())
            && text.chars().all(|c| c.is_alphanumeric() || ".-/_".contains(c));
        if fine {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::new(pointer, FieldCode::Invalid, Hint::MemberNumber))
    }

    /// The n-th number handed out: `0001`, `0002` …
    pub fn numbered(n: u64) -> Self {
        Self(format!("{n:04}"))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From what was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

impl Member {
    /// The roles that count now: none unless active. A suspended member's rest.
    pub fn effective_roles(&self) -> RoleSet {
        if self.status == MemberStatus::Active { self.roles } else { RoleSet::EMPTY }
    }

    /// Whether a role other than MEMBER is held, resting or not: then others decide about the membership.
    pub fn holds_office(&self) -> bool {
        !self.roles.without(Role::Member).is_empty()
    }

    /// Notes that somebody was shown a code to the account. Nothing but time takes that back.
    pub fn give_code(&mut self, by: MemberId, now: Timestamp) {
        let noted = |giver: &CodeGiver| now.since(giver.at) < CODE_GIVER_NOTED_FOR;
        self.code_givers.retain(|giver| giver.member_id != by && noted(giver));
        self.code_givers.push(CodeGiver { member_id: by, at: now });
    }

    /// Folded for search: names, number, phone digits.
    pub fn search_key(&self) -> String {
        let phone = self.phone.as_ref().map_or("", |phone| phone.as_str().trim_start_matches('+'));
        format!("{} {phone}", self.public_search_key())
    }

    /// Folded for searches of those who may not see contact data: or a phone could be guessed digit by digit.
    pub fn public_search_key(&self) -> String {
        format!("{} {}", self.name.sort_key(), fold(self.number.as_str()))
    }

    /// Changes the membership. Whether this person may is decided before.
    pub fn change_status(&mut self, change: StatusChange, today: Date) -> Result<MemberStatus, Refusal> {
        use MemberStatus::{Active, Applicant, Left, Refused, Suspended};
        let previous = self.status;
        let next = match (change, previous) {
            (StatusChange::Admit, Applicant | Left) | (StatusChange::Reinstate, Suspended) => Active,
            (StatusChange::Refuse, Applicant) => Refused,
            (StatusChange::Suspend, Active) => Suspended,
            (StatusChange::Leave, Active | Suspended) => Left,
            _ => return Err(ErrorCode::WrongMemberStatus.into()),
        };
        match (change, previous) {
            (StatusChange::Admit, Applicant) => self.joined_on = today,
            (StatusChange::Admit, _) => self.left_on = None,
            (StatusChange::Leave, _) => {
                self.left_on = Some(today);
                self.roles = RoleSet::of(&[Role::Member]);
            }
            _ => {}
        }
        self.status = next;
        Ok(previous)
    }

    /// Whether a request for this change makes sense now.
    pub fn check_role_change(&self, change: RoleChange) -> Result<(), Refusal> {
        match change {
            RoleChange::Role { role: Role::Member, .. } => Err(ErrorCode::RoleNotGrantable.into()),
            RoleChange::Role { grant: true, .. } if self.status != MemberStatus::Active => {
                Err(ErrorCode::WrongMemberStatus.into())
            }
            RoleChange::Role { role, grant: true } if self.roles.contains(role) => {
                Err(ErrorCode::AlreadyHolds.into())
            }
            // Whoever then invited this member could act in the role: the account comes first.
            RoleChange::Role { grant: true, .. } if self.person_id.is_none() => {
                Err(ErrorCode::NoAccount.into())
            }
            RoleChange::Role { role, grant: false } if !self.roles.contains(role) => {
                Err(ErrorCode::DoesNotHold.into())
            }
            RoleChange::Role { .. } => Ok(()),
            RoleChange::Status { status } => {
                let change = status_change(status).ok_or(ErrorCode::WrongMemberStatus)?;
                self.clone().change_status(change, self.joined_on).map(|_| ())
            }
            RoleChange::Reset { .. } if self.person_id.is_none() => Err(ErrorCode::NoAccount.into()),
            // Whoever left or was refused belongs to nobody's organisation: nobody here may open the account.
            RoleChange::Reset { .. } => match self.status {
                MemberStatus::Active | MemberStatus::Suspended => Ok(()),
                MemberStatus::Applicant | MemberStatus::Left | MemberStatus::Refused => {
                    Err(ErrorCode::WrongMemberStatus.into())
                }
            },
        }
    }

    /// Gives or takes a role.
    pub fn set_role(&mut self, role: Role, grant: bool) {
        self.roles = if grant { self.roles.with(role) } else { self.roles.without(role) };
    }

    /// The fields in which the two differ.
    pub fn differences(&self, other: &Self) -> Vec<MemberField> {
        let mut changed = Vec::new();
        let mut note = |differs: bool, field| {
            if differs {
                changed.push(field);
            }
        };
        note(self.name.given != other.name.given, MemberField::GivenName);
        note(self.name.family != other.name.family, MemberField::FamilyName);
        note(self.phone != other.phone, MemberField::Phone);
        note(self.email != other.email, MemberField::Email);
        note(self.joined_on != other.joined_on, MemberField::JoinedOn);
        note(self.person_id != other.person_id, MemberField::Account);
        changed
    }
}

/// The change that leads to a status, of those that need a request when the member holds a role.
pub fn status_change(status: MemberStatus) -> Option<StatusChange> {
    match status {
        MemberStatus::Suspended => Some(StatusChange::Suspend),
        MemberStatus::Active => Some(StatusChange::Reinstate),
        MemberStatus::Left => Some(StatusChange::Leave),
        MemberStatus::Applicant | MemberStatus::Refused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    pub(crate) fn member(status: MemberStatus) -> Member {
        Member {
            id: MemberId::from_uuid(Uuid::from_u128(1)),
            organization_id: OrganizationId::from_uuid(Uuid::from_u128(2)),
            version: 1,
            number: MemberNumber::numbered(7),
            person_id: Some(PersonId::from_uuid(Uuid::from_u128(3))),
            status,
            roles: RoleSet::of(&[Role::Member]),
            name: Name { given: "Awa".into(), family: "Koné".into() },
            phone: None,
            email: None,
            joined_on: Date::new(2025, 1, 1).unwrap(),
            left_on: None,
            code_givers: Vec::new(),
            updated_at: Timestamp::from_millis(0),
        }
    }

    #[test]
    fn whoever_was_shown_a_code_stays_noted_each_once_whatever_role_is_granted() {
        let (a, b) = (MemberId::from_uuid(Uuid::from_u128(8)), MemberId::from_uuid(Uuid::from_u128(9)));
        let day = |n: u64| Timestamp::from_millis(0).plus(Duration::from_secs(n * 24 * 3600));
        let mut member = member(MemberStatus::Active);
        member.give_code(a, day(0));
        member.give_code(b, day(10));
        member.set_role(Role::Treasurer, true);
        let noted =
            |member: &Member| member.code_givers.iter().map(|giver| giver.member_id).collect::<Vec<_>>();
        assert_eq!(noted(&member), [a, b]);
        member.give_code(a, day(95));
        assert_eq!(noted(&member), [b, a], "each once");
        member.give_code(a, day(10 + 90 + 366));
        assert_eq!(noted(&member), [a], "no request that it counts for can still wait");
    }

    const CHANGES: [StatusChange; 5] = [
        StatusChange::Admit,
        StatusChange::Refuse,
        StatusChange::Suspend,
        StatusChange::Reinstate,
        StatusChange::Leave,
    ];

    proptest! {
        /// Whatever happens in whatever order: a refused application is final, who left holds no role, and only active
        /// members have rights.
        #[test]
        fn no_path_leads_to_rights_without_membership(path in proptest::collection::vec(0..5usize, 0..12)) {
            let mut member = member(MemberStatus::Applicant);
            member.set_role(Role::Treasurer, true);
            let today = Date::new(2026, 1, 1).unwrap();
            for choice in path {
                let before = member.clone();
                if member.change_status(CHANGES[choice], today).is_err() {
                    prop_assert_eq!(&member, &before);
                }
                prop_assert!(before.status != MemberStatus::Refused || member.status == MemberStatus::Refused);
                if member.status == MemberStatus::Left {
                    prop_assert!(!member.holds_office());
                }
                prop_assert_eq!(member.effective_roles().is_empty(), member.status != MemberStatus::Active);
                prop_assert_eq!(&member.number, &before.number);
                prop_assert!(member.roles.is_subset_of(before.roles), "no change of status gives a role");
            }
        }
    }

    #[test]
    fn readmission_brings_no_role_back() {
        let today = Date::new(2026, 1, 1).unwrap();
        let mut member = member(MemberStatus::Active);
        member.set_role(Role::President, true);
        member.change_status(StatusChange::Leave, today).unwrap();
        member.change_status(StatusChange::Admit, today).unwrap();
        assert_eq!(member.effective_roles(), RoleSet::of(&[Role::Member]));
        assert_eq!(member.left_on, None);
    }

    #[test]
    fn a_role_is_given_only_to_an_active_member_with_an_account() {
        let grant = RoleChange::Role { role: Role::Treasurer, grant: true };
        let code = |member: &Member, change| member.check_role_change(change).unwrap_err().code;
        assert_eq!(code(&member(MemberStatus::Suspended), grant), ErrorCode::WrongMemberStatus);
        assert_eq!(
            code(&Member { person_id: None, ..member(MemberStatus::Active) }, grant),
            ErrorCode::NoAccount
        );
        let take = RoleChange::Role { role: Role::Treasurer, grant: false };
        assert_eq!(code(&member(MemberStatus::Active), take), ErrorCode::DoesNotHold);
        let everyone = RoleChange::Role { role: Role::Member, grant: false };
        assert_eq!(code(&member(MemberStatus::Active), everyone), ErrorCode::RoleNotGrantable);
        assert_eq!(member(MemberStatus::Active).check_role_change(grant), Ok(()));
    }

    #[test]
    fn search_finds_by_folded_name_number_and_phone_digits() {
        let phone = Some(Phone::from_stored("+2250708123456".into()));
        let key = Member { phone, ..member(MemberStatus::Active) }.search_key();
        for part in ["kone awa", "0007", "2250708123456"] {
            assert!(key.contains(part), "{key}");
        }
    }
}
