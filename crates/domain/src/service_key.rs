//! Keys that an organisation gives to other systems: what each may, and who may hand it out.
//!
//! A key acts for nobody: it never votes, executes, confirms, nor touches roles, members, settings or keys.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    RoleSet, Timestamp, View,
    event::{EventType, members::KeyScope},
    id::{MemberId, OrganizationId, ServiceKeyId},
    limits,
    problem::{ErrorCode, FieldCode},
    rest::service_key::CreateServiceKey,
    topic::Class,
};

use crate::{
    detail::Detail,
    hint::Hint,
    permissions::Action,
    refusal::{Fault, Faults, Refusal},
    text,
};

/// A key of another system. Its secret is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceKey {
    /// Its id.
    pub id: ServiceKeyId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// Grows with every event about it.
    pub version: u64,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The member who made it; none for the operator.
    pub created_by: Option<MemberId>,
    /// When.
    pub created_at: Timestamp,
    /// When it was used last, within a minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it no longer works.
    pub revoked_at: Option<Timestamp>,
}

/// What a key may do: each scope once, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(Vec<KeyScope>);

/// One thing that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyRight {
    /// Read what a plain member sees of others.
    ReadMembers,
    /// Read what those see who see the money.
    ReadMoney,
    /// Declare payments.
    DeclarePayments,
    /// Send facts of another system, of this type.
    Inbound(EventType),
}

/// A key that somebody wants, within limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What people are to call it.
    pub name: String,
    /// What it is to do.
    pub scopes: Scopes,
}

impl Wanted {
    /// Reads what is asked for.
    pub fn parse(asked: &CreateServiceKey) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let name = faults.take(text::line("/name", &asked.name, limits::SERVICE_KEY_NAME_CHARS));
        let scopes = faults.take(Scopes::parse(&asked.scopes));
        let wanted = name.zip(scopes).map(|(name, scopes)| Self { name, scopes });
        faults.check()?;
        Ok(wanted.expect("nothing is missing once there is no fault"))
    }

    /// Refuses to whoever may not give such a key: nobody opens by a key what they could not open to a person.
    pub fn check_giver(&self, roles: RoleSet) -> Result<(), Refusal> {
        let opens_money = self.scopes.grant(KeyRight::ReadMoney);
        for (wanted, action) in [(true, Action::ChangeSettings), (opens_money, Action::OpenMoneyToKeys)] {
            if wanted && !action.allowed(roles) {
                return Err(action.forbidden());
            }
        }
        Ok(())
    }
}

impl Scopes {
    /// Reads scopes as they are asked for, in any order and more than once.
    pub fn parse(asked: &[KeyScope]) -> Result<Self, Fault> {
        let most = *limits::SERVICE_KEY_SCOPES.end();
        if asked.is_empty() {
            return Err(Fault::new("/scopes", FieldCode::Required, Hint::Required));
        }
        if asked.len() > most {
            return Err(Fault::new("/scopes", FieldCode::TooLarge, Hint::AtMost(most as u64)));
        }
        let mut sends = BTreeSet::new();
        for (n, scope) in asked.iter().enumerate() {
            let KeyScope::Inbound(types) = scope else { continue };
            if types.is_empty() || types.iter().any(|event_type| event_type.class() != Class::Fact) {
                return Err(Fault::new(format!("/scopes/{n}"), FieldCode::Invalid, Hint::OneOf(facts())));
            }
            sends.extend(types);
        }
        let plain = [KeyScope::ReadMembers, KeyScope::ReadMoney, KeyScope::DeclarePayments];
        let mut scopes: Vec<KeyScope> = plain.into_iter().filter(|scope| asked.contains(scope)).collect();
        if !sends.is_empty() {
            scopes.push(KeyScope::Inbound(sends.into_iter().collect()));
        }
        Ok(Self(scopes))
    }

    /// As they are written.
    pub fn as_slice(&self) -> &[KeyScope] {
        &self.0
    }

    /// Whether they allow it. Who reads the money reads what members do, too.
    pub fn grant(&self, right: KeyRight) -> bool {
        self.0.iter().any(|scope| match (scope, right) {
            (KeyScope::ReadMembers | KeyScope::ReadMoney, KeyRight::ReadMembers)
            | (KeyScope::ReadMoney, KeyRight::ReadMoney)
            | (KeyScope::DeclarePayments, KeyRight::DeclarePayments) => true,
            (KeyScope::Inbound(types), KeyRight::Inbound(wanted)) => types.contains(&wanted),
            (
                KeyScope::ReadMembers
                | KeyScope::ReadMoney
                | KeyScope::DeclarePayments
                | KeyScope::Inbound(_),
                KeyRight::ReadMembers
                | KeyRight::ReadMoney
                | KeyRight::DeclarePayments
                | KeyRight::Inbound(_),
            ) => false,
        })
    }

    /// The edition of the figures that they read.
    pub fn view(&self) -> View {
        if self.grant(KeyRight::ReadMoney) { View::Officers } else { View::Members }
    }
}

impl ServiceKey {
    /// Refuses what none of the scopes allows.
    pub fn check(&self, right: KeyRight) -> Result<(), Refusal> {
        if self.scopes.grant(right) {
            return Ok(());
        }
        Err(Refusal::because(ErrorCode::ScopeRequired, Detail::NeedsScope(right)))
    }

    /// Refuses what the key may not do in an organisation; any other than its own does not exist for it.
    pub fn check_in(&self, organization: OrganizationId, right: KeyRight) -> Result<(), Refusal> {
        if self.organization_id != organization {
            return Err(ErrorCode::NotFound.into());
        }
        self.check(right)
    }

    /// Ends it. Whether that changes anything.
    pub fn revoke(&mut self, now: Timestamp) -> bool {
        let works = self.revoked_at.is_none();
        self.revoked_at.get_or_insert(now);
        works
    }
}

/// As the scope that grants it is written.
impl fmt::Display for KeyRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadMembers => KeyScope::ReadMembers.fmt(f),
            Self::ReadMoney => KeyScope::ReadMoney.fmt(f),
            Self::DeclarePayments => KeyScope::DeclarePayments.fmt(f),
            Self::Inbound(event_type) => KeyScope::Inbound(vec![*event_type]).fmt(f),
        }
    }
}

/// The types that can be sent.
pub(crate) fn facts() -> String {
    let facts = EventType::ALL.iter().filter(|event_type| event_type.class() == Class::Fact);
    facts.map(|event_type| event_type.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use unionflow_protocol::Role;

    fn scopes(texts: &[&str]) -> Result<Scopes, Fault> {
        let read: Vec<KeyScope> = texts.iter().map(|text| text.parse().expect("a scope")).collect();
        Scopes::parse(&read)
    }

    #[test]
    fn scopes_are_a_set_however_they_are_asked_for() {
        let asked = [
            "inbound:MEMBER_CREATED",
            "read:members",
            "read:members",
            "inbound:CONTRIBUTION_PAID,MEMBER_CREATED",
        ];
        let read = scopes(&asked).unwrap();
        let written: Vec<String> = read.as_slice().iter().map(KeyScope::to_string).collect();
        assert_eq!(written, ["read:members", "inbound:MEMBER_CREATED,CONTRIBUTION_PAID"]);
        assert_eq!(scopes(&[]).unwrap_err().code, FieldCode::Required);
        assert_eq!(scopes(&["read:members"; 21]).unwrap_err().code, FieldCode::TooLarge);
    }

    #[test]
    fn only_facts_can_be_sent() {
        let fault = scopes(&["read:members", "inbound:CONTRIBUTION_PAID,KPI_UPDATE"]).unwrap_err();
        assert_eq!((&*fault.pointer, fault.code), ("/scopes/1", FieldCode::Invalid));
        let Hint::OneOf(named) = fault.hint else { panic!("{:?}", fault.hint) };
        assert!(named.contains("CONTRIBUTION_PAID") && !named.contains("KPI_UPDATE"));
    }

    #[test]
    fn a_scope_grants_what_it_says_and_nothing_else() {
        use KeyRight::{DeclarePayments, Inbound, ReadMembers, ReadMoney};
        let paid = Inbound(EventType::ContributionPaid);
        let rights = [ReadMembers, ReadMoney, DeclarePayments, paid, Inbound(EventType::MemberCreated)];
        for (scope, granted) in [
            ("read:members", [true, false, false, false, false]),
            ("read:money", [true, true, false, false, false]),
            ("declare-payments", [false, false, true, false, false]),
            ("inbound:CONTRIBUTION_PAID", [false, false, false, true, false]),
        ] {
            let scopes = scopes(&[scope]).unwrap();
            assert_eq!(rights.map(|right| scopes.grant(right)), granted, "{scope}");
        }
    }

    #[test]
    fn a_key_sends_only_its_types_and_only_to_its_organisation() {
        let [here, there] = [1, 2].map(|n| OrganizationId::from_uuid(uuid::Uuid::from_u128(n)));
        let key = ServiceKey {
            id: ServiceKeyId::from_uuid(uuid::Uuid::from_u128(3)),
            organization_id: here,
            version: 1,
            name: "Site".into(),
            scopes: scopes(&["inbound:CONTRIBUTION_PAID"]).unwrap(),
            created_by: None,
            created_at: Timestamp::from_millis(0),
            last_used_at: None,
            revoked_at: None,
        };
        let code = |organization, event_type| {
            key.check_in(organization, KeyRight::Inbound(event_type)).map_err(|refusal| refusal.code)
        };
        assert_eq!(code(here, EventType::ContributionPaid), Ok(()));
        assert_eq!(code(here, EventType::MemberCreated), Err(ErrorCode::ScopeRequired));
        assert_eq!(code(there, EventType::ContributionPaid), Err(ErrorCode::NotFound));
        assert_eq!(code(there, EventType::MemberCreated), Err(ErrorCode::NotFound));
    }

    #[test]
    fn only_the_president_gives_a_key_that_reads_the_money() {
        let wanted = |scope: &str| Wanted { name: "Site".into(), scopes: scopes(&[scope]).unwrap() };
        let by = |scope, role| wanted(scope).check_giver(RoleSet::of(&[Role::Member, role]));
        for role in Role::ALL {
            let gives = matches!(role, Role::Admin | Role::President);
            assert_eq!(by("read:members", *role).is_ok(), gives, "{role}");
            assert_eq!(by("read:money", *role).is_ok(), *role == Role::President, "{role}");
        }
        assert_eq!(by("read:money", Role::Admin).unwrap_err().code, ErrorCode::Forbidden);
    }
}
