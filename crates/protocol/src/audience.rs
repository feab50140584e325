//! Who may see an event.

use std::{fmt, str::FromStr};

use smallvec::SmallVec;

use crate::{
    id::MemberId,
    macros::{as_string, codes},
    role::{Role, RoleSet},
};

codes! {
    /// An edition of the figures. A session has exactly one.
    pub enum View {
        /// Everything.
        Officers = "officers",
        /// Counts and the collection rate; amounts where the organisation opens them.
        Members = "members",
    }
}

impl View {
    /// The view of somebody who holds these roles.
    pub const fn of(roles: RoleSet) -> Self {
        if roles.intersects(RoleSet::OFFICERS) { Self::Officers } else { Self::Members }
    }
}

/// A union of: everyone in the organisation, holders of roles, single members, holders of a view. Empty is `none`.
///
/// It never crosses organisations: the organisation of the event comes first. Written as in `organization`,
/// `roles:PRESIDENT,TREASURER;member:0199…`, `view:officers`, `none`. `except:0199…` takes one out whom only roles let in: whoever
/// is called on to vote on the requests of others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    everyone: bool,
    roles: RoleSet,
    view: Option<View>,
    members: SmallVec<[MemberId; 2]>,
    except: SmallVec<[MemberId; 2]>,
}

/// A text that is not an audience.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an audience such as `organization` or `roles:PRESIDENT;member:…`")]
pub struct NotAnAudience(String);

impl Audience {
    /// Nobody: a bulk fact, which is journaled and on Kafka, and goes to no socket.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every active member.
    pub fn everyone() -> Self {
        Self { everyone: true, ..Self::default() }
    }

    /// The holders of any of these roles.
    pub fn roles(roles: RoleSet) -> Self {
        Self { roles, ..Self::default() }
    }

    /// One member.
    pub fn member(member: MemberId) -> Self {
        Self::none().and_member(member)
    }

    /// Everyone whose figures are of this edition.
    pub fn view(view: View) -> Self {
        Self { view: Some(view), ..Self::default() }
    }

    /// And this member too.
    #[must_use]
    pub fn and_member(mut self, member: MemberId) -> Self {
        if !self.members.contains(&member) {
            self.members.push(member);
        }
        self
    }

    /// And this member too, if there is one.
    #[must_use]
    pub fn and_member_if(self, member: Option<MemberId>) -> Self {
        match member {
            Some(member) => self.and_member(member),
            None => self,
        }
    }

    /// But not this member, unless named as a member.
    #[must_use]
    pub fn except(mut self, member: MemberId) -> Self {
        if !self.except.contains(&member) {
            self.except.push(member);
        }
        self
    }

    /// Whether a member with these roles may see it.
    pub fn admits(&self, member: MemberId, roles: RoleSet) -> bool {
        let as_one_of_many = self.everyone
            || self.roles.intersects(roles)
            || self.view.is_some_and(|view| view == View::of(roles));
        self.members.contains(&member) || as_one_of_many && !self.except.contains(&member)
    }

    /// Whether it reaches no socket.
    pub fn is_none(&self) -> bool {
        !self.everyone && self.roles.is_empty() && self.view.is_none() && self.members.is_empty()
    }

    /// Whether it is the whole organisation.
    pub fn is_everyone(&self) -> bool {
        self.everyone
    }

    /// The roles named.
    pub fn role_set(&self) -> RoleSet {
        self.roles
    }

    /// The single members named.
    pub fn members(&self) -> &[MemberId] {
        &self.members
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("none");
        }
        let mut separator = "";
        if self.everyone {
            f.write_str("organization")?;
            separator = ";";
        }
        if !self.roles.is_empty() {
            write!(f, "{separator}roles:")?;
            for (i, role) in self.roles.iter().enumerate() {
                write!(f, "{}{role}", if i > 0 { "," } else { "" })?;
            }
            separator = ";";
        }
        if let Some(view) = self.view {
            write!(f, "{separator}view:{view}")?;
            separator = ";";
        }
        for member in &self.members {
            write!(f, "{separator}member:{member}")?;
            separator = ";";
        }
        for member in &self.except {
            write!(f, "{separator}except:{member}")?;
            separator = ";";
        }
        Ok(())
    }
}

impl FromStr for Audience {
    type Err = NotAnAudience;

    fn from_str(text: &str) -> Result<Self, NotAnAudience> {
        let wrong = || NotAnAudience(text.chars().take(128).collect());
        let mut audience = Self::none();
        if text == "none" {
            return Ok(audience);
        }
        for term in text.split(';') {
            match term.split_once(':') {
                None if term == "organization" => audience.everyone = true,
                Some(("roles", roles)) => {
                    for role in roles.split(',') {
                        audience.roles = audience.roles.with(role.parse::<Role>().map_err(|_| wrong())?);
                    }
                }
                Some(("view", view)) => audience.view = Some(view.parse().map_err(|_| wrong())?),
                Some(("member", id)) => audience = audience.and_member(id.parse().map_err(|_| wrong())?),
                Some(("except", id)) => audience = audience.except(id.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        if audience.is_none() {
            return Err(wrong());
        }
        Ok(audience)
    }
}

as_string!(Audience, {
    "description": "Who may see an event: a union of terms, joined by `;`.",
    "type": "string", "examples": ["organization", "roles:PRESIDENT,TREASURER", "none"],
});

#[cfg(test)]
mod tests {
    use super::*;

    fn member(n: u128) -> MemberId {
        MemberId::from_uuid(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn an_audience_is_written_and_read_back() {
        for audience in [
            Audience::none(),
            Audience::everyone(),
            Audience::view(View::Members),
            Audience::roles(RoleSet::MONEY).and_member(member(1)).and_member(member(2)),
            Audience::roles(RoleSet::VOTING).except(member(1)).and_member(member(2)),
        ] {
            assert_eq!(audience.to_string().parse(), Ok(audience));
        }
        for bad in ["", "everyone", "roles:", "roles:BOSS", "member:1", "organization;", "view:all"] {
            assert!(bad.parse::<Audience>().is_err(), "{bad}");
        }
    }

    #[test]
    fn it_admits_by_role_by_name_or_by_view_and_nobody_else() {
        let plain = RoleSet::of(&[Role::Member]);
        let auditor = plain.with(Role::Auditor);
        let money = Audience::roles(RoleSet::MONEY).and_member(member(1));
        assert!(money.admits(member(9), auditor));
        assert!(money.admits(member(1), plain));
        assert!(!money.admits(member(9), plain));
        assert!(!Audience::none().admits(member(1), auditor));
        let others = Audience::roles(RoleSet::MONEY).except(member(1));
        assert!(others.admits(member(9), auditor) && !others.admits(member(1), auditor));
        assert!(others.and_member(member(1)).admits(member(1), auditor), "who is named is meant");
        assert!("except:00000000-0000-0000-0000-000000000001".parse::<Audience>().is_err(), "of whom?");
        assert!(Audience::view(View::Officers).admits(member(9), auditor));
        assert!(!Audience::view(View::Members).admits(member(9), auditor));
        assert!(Audience::view(View::Members).admits(member(9), plain.with(Role::Admin)));
    }
}
