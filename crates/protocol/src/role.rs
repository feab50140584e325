//! Roles, and sets of them.

use crate::macros::codes;

codes! {
    /// What a member may be in an organisation.
    pub enum Role {
        /// Settings; no right over money.
        Admin = "ADMIN",
        /// The president.
        President = "PRESIDENT",
        /// The treasurer: executes and records money.
        Treasurer = "TREASURER",
        /// The secretary: keeps members.
        Secretary = "SECRETARY",
        /// A member of the board.
        BoardMember = "BOARD_MEMBER",
        /// Reads everything that officers read, changes nothing.
        Auditor = "AUDITOR",
        /// Every member holds it.
        Member = "MEMBER",
    }
}

/// A set of roles: one bit each, as stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RoleSet(u8);

impl RoleSet {
    /// No role.
    pub const EMPTY: Self = Self(0);
    /// The roles a policy's steps may name, and so those that can ever vote.
    pub const VOTING: Self =
        Self::of(&[Role::President, Role::Treasurer, Role::Secretary, Role::BoardMember]);
    /// Who sees approvals and amounts: the voting roles and the auditor.
    pub const OFFICERS: Self =
        Self::of(&[Role::President, Role::Treasurer, Role::Secretary, Role::BoardMember, Role::Auditor]);
    /// Who sees the ledger and the payments.
    pub const MONEY: Self = Self::of(&[Role::President, Role::Treasurer, Role::Secretary, Role::Auditor]);
    /// Who sees what happens to members and settings: officers and the administrator.
    pub const KEEPERS: Self = Self::of(&[
        Role::Admin,
        Role::President,
        Role::Treasurer,
        Role::Secretary,
        Role::BoardMember,
        Role::Auditor,
    ]);

    /// The set of these roles.
    pub const fn of(roles: &[Role]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < roles.len() {
            bits |= 1 << roles[i] as u8;
            i += 1;
        }
        Self(bits)
    }

    /// From the stored bits; bits that name no role are ignored.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & ((1 << Role::ALL.len()) - 1))
    }

    /// The bits, as stored.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the role is in the set.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// Whether the two sets share a role.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every role here is in the other set.
    pub const fn is_subset_of(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// With one more role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | 1 << role as u8)
    }

    /// Without a role.
    #[must_use]
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !(1 << role as u8))
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The roles, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for RoleSet {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl std::fmt::Debug for RoleSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(Role::as_str)).finish()
    }
}

impl serde::Serialize for RoleSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for RoleSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<Role>::deserialize(deserializer).map(|roles| roles.into_iter().collect())
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for RoleSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Roles".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let role = generator.subschema_for::<Role>();
        schemars::json_schema!({ "description": "A set of roles.", "type": "array", "items": role, "uniqueItems": true })
    }
}
