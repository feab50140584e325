//! What a client may no longer hold when its roles change.

use unionflow_protocol::{Role, RoleSet, View};

/// What must be forgotten, because whoever holds the new roles may not see it. One's own requests, dues and payments stay, but for
/// [`Forget::EVERYTHING`].
///
/// ```
/// use unionflow_client::Forget;
/// use unionflow_protocol::{Role, RoleSet};
///
/// let treasurer = RoleSet::of(&[Role::Treasurer, Role::Member]);
/// let forget = Forget::between(treasurer, RoleSet::of(&[Role::Member]));
/// assert!(forget.ledger && forget.approvals && forget.contacts);
/// assert!(Forget::between(RoleSet::of(&[Role::Member]), treasurer).is_nothing());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forget {
    /// Figures with amounts: the edition of officers.
    pub figures: bool,
    /// Requests of others.
    pub approvals: bool,
    /// Accounts, entries, and dues and payments of others.
    pub ledger: bool,
    /// Phones and e-mails of others.
    pub contacts: bool,
    /// What happened to other members, and reasons.
    pub members: bool,
}

/// Who sees phones and e-mails.
const CONTACTS: RoleSet = RoleSet::of(&[Role::Admin, Role::President, Role::Treasurer, Role::Secretary]);

impl Forget {
    /// Nothing.
    pub const NOTHING: Self =
        Self { figures: false, approvals: false, ledger: false, contacts: false, members: false };

    /// Everything, one's own things too: another member is signed in.
    pub const EVERYTHING: Self =
        Self { figures: true, approvals: true, ledger: true, contacts: true, members: true };

    /// What whoever held the roles before may not keep with the roles now.
    pub fn between(before: RoleSet, now: RoleSet) -> Self {
        let lost = |who: RoleSet| before.intersects(who) && !now.intersects(who);
        Self {
            figures: View::of(before) == View::Officers && View::of(now) == View::Members,
            approvals: lost(RoleSet::OFFICERS),
            ledger: lost(RoleSet::MONEY),
            contacts: lost(CONTACTS),
            members: lost(RoleSet::KEEPERS),
        }
    }

    /// Whether everything may stay.
    pub fn is_nothing(self) -> bool {
        self == Self::NOTHING
    }
}
