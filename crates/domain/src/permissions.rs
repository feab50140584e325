//! Who may do what: the tables of members and of keys, as data. Tests of routes and frames are generated from them.

use unionflow_protocol::{
    problem::ErrorCode,
    role::{Role, RoleSet},
};

use crate::{
    detail::Detail,
    refusal::Refusal,
    service_key::{KeyRight, Scopes},
};

/// Something a member may or may not do in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See the names and roles of the members.
    SeeDirectory,
    /// See their phones and e-mails.
    SeeContacts,
    /// Add, edit, admit, refuse, suspend, reinstate, let go, readmit, import, invite.
    KeepMembers,
    /// Issue a code for a new password.
    ResetMember,
    /// Erase what names a member.
    EraseMember,
    /// See requests for approval, and figures with amounts.
    SeeApprovals,
    /// Make a request for approval.
    SubmitApproval,
    /// Vote, as the policy's steps say.
    Vote,
    /// Execute an approved request.
    Execute,
    /// Plans, dues; confirm and reverse payments.
    ManageContributions,
    /// See the ledger, dues and payments.
    SeeMoney,
    /// Ask for a change of policy or roles: others decide.
    AskGovernance,
    /// Change settings; service keys.
    ChangeSettings,
    /// Open amounts or the directory to plain members.
    OpenToMembers,
    /// Give a service key that reads amounts.
    OpenMoneyToKeys,
    /// Write to everyone.
    Broadcast,
    /// Read the journal, verify it, export.
    ReadJournal,
}

/// What the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// Never.
    No,
    /// About oneself only.
    Own,
    /// If the organisation's setting opens it.
    BySetting,
    /// Yes.
    Yes,
}

use Grant::{BySetting, No, Own, Yes};

/// The table: ADMIN, PRESIDENT, TREASURER, SECRETARY, BOARD_MEMBER, AUDITOR, MEMBER, in the order of [`Role::ALL`].
pub const TABLE: &[(Action, [Grant; 7])] = &[
    (Action::SeeDirectory, [Yes, Yes, Yes, Yes, Yes, Yes, BySetting]),
    (Action::SeeContacts, [Yes, Yes, Yes, Yes, No, No, Own]),
    (Action::KeepMembers, [Yes, Yes, No, Yes, No, No, Own]),
    (Action::ResetMember, [Yes, Yes, No, Yes, No, No, No]),
    (Action::EraseMember, [No, Yes, No, No, No, No, Own]),
    (Action::SeeApprovals, [No, Yes, Yes, Yes, Yes, Yes, Own]),
    (Action::SubmitApproval, [No, Yes, Yes, Yes, Yes, No, Own]),
    (Action::Vote, [No, Yes, Yes, Yes, Yes, No, No]),
    (Action::Execute, [No, No, Yes, No, No, No, No]),
    (Action::ManageContributions, [No, No, Yes, No, No, No, Own]),
    (Action::SeeMoney, [No, Yes, Yes, Yes, No, Yes, Own]),
    (Action::AskGovernance, [Yes, Yes, No, No, No, No, No]),
    (Action::ChangeSettings, [Yes, Yes, No, No, No, No, No]),
    (Action::OpenToMembers, [No, Yes, No, No, No, No, No]),
    (Action::OpenMoneyToKeys, [No, Yes, No, No, No, No, No]),
    (Action::Broadcast, [Yes, Yes, Yes, Yes, No, No, No]),
    (Action::ReadJournal, [No, Yes, Yes, Yes, No, Yes, Own]),
];

/// What service keys may read, by scope: `read:members`, `read:money`. What is not here, no key may do.
pub const KEYS: &[(Action, [Grant; 2])] = &[
    // As a plain member does: names, where the organisation opens them.
    (Action::SeeDirectory, [BySetting, BySetting]),
    (Action::SeeApprovals, [No, Yes]),
    (Action::SeeMoney, [No, Yes]),
    (Action::ReadJournal, [No, Yes]),
];

impl Action {
    /// What a key of these scopes may.
    pub fn grant_to_key(self, scopes: &Scopes) -> Grant {
        let Some((_, grants)) = KEYS.iter().find(|(action, _)| *action == self) else { return No };
        let held = [KeyRight::ReadMembers, KeyRight::ReadMoney].map(|right| scopes.grant(right));
        held.iter().zip(grants).filter(|(held, _)| **held).map(|(_, grant)| *grant).max().unwrap_or(No)
    }

    /// What holders of these roles may: the best that one of them is granted.
    pub fn grant(self, roles: RoleSet) -> Grant {
        let row = TABLE.iter().find(|(action, _)| *action == self).expect("the table lists every action");
        Role::ALL
            .iter()
            .zip(row.1)
            .filter(|(role, _)| roles.contains(**role))
            .map(|(_, grant)| grant)
            .max()
            .unwrap_or(No)
    }

    /// The roles whose holders may do it to anyone, whatever the settings.
    pub fn roles(self) -> RoleSet {
        let may = Role::ALL.iter().filter(|role| self.allowed(RoleSet::of(&[**role])));
        may.fold(RoleSet::EMPTY, |roles, role| roles.with(*role))
    }

    /// Refuses it to whoever holds none of those roles, and says which.
    pub fn forbidden(self) -> Refusal {
        Refusal::because(ErrorCode::Forbidden, Detail::OnlyRoles(self.roles()))
    }

    /// Whether they may do it to anyone, whatever the settings.
    pub fn allowed(self, roles: RoleSet) -> bool {
        self.grant(roles) == Yes
    }
}

#[cfg(test)]
mod tests {
    use unionflow_protocol::Language;

    use super::*;

    /// The table as people read it: ✓ yes, – no, `own` about oneself, `set` if the organisation's setting opens it. Resets are
    /// not in it: the rule beside it gives them to ADMIN PRESIDENT SECRETARY. What one may do to everybody one may do to
    /// oneself, because each member holds MEMBER too.
    const AS_READ: &str = "
        action              | ADMIN PRESIDENT TREASURER SECRETARY BOARD_MEMBER AUDITOR MEMBER
        SeeDirectory        | ✓     ✓         ✓         ✓         ✓            ✓       set
        SeeContacts         | ✓     ✓         ✓         ✓         –            –       own
        KeepMembers         | ✓     ✓         –         ✓         –            –       own
        ResetMember         | ✓     ✓         –         ✓         –            –       –
        EraseMember         | –     ✓         –         –         –            –       own
        SeeApprovals        | –     ✓         ✓         ✓         ✓            ✓       own
        SubmitApproval      | –     ✓         ✓         ✓         ✓            –       own
        Vote                | –     ✓         ✓         ✓         ✓            –       –
        Execute             | –     –         ✓         –         –            –       –
        ManageContributions | –     –         ✓         –         –            –       own
        SeeMoney            | –     ✓         ✓         ✓         –            ✓       own
        AskGovernance       | ✓     ✓         –         –         –            –       –
        ChangeSettings      | ✓     ✓         –         –         –            –       –
        OpenToMembers       | –     ✓         –         –         –            –       –
        OpenMoneyToKeys     | –     ✓         –         –         –            –       –
        Broadcast           | ✓     ✓         ✓         ✓         –            –       –
        ReadJournal         | –     ✓         ✓         ✓         –            ✓       own
    ";

    #[test]
    fn the_table_is_the_one_that_people_read() {
        let mut rows = AS_READ.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
            let (action, grants) = line.split_once('|').expect("a column of names");
            (action.trim(), grants.split_whitespace().collect::<Vec<_>>())
        });
        let (_, roles) = rows.next().expect("a header");
        assert_eq!(roles, Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>());
        let written = TABLE.iter().map(|(action, grants)| {
            let signs = grants.map(|grant| match grant {
                Yes => "✓",
                No => "–",
                Own => "own",
                BySetting => "set",
            });
            (format!("{action:?}"), signs.to_vec())
        });
        let read: Vec<_> = rows.map(|(action, grants)| (action.to_owned(), grants)).collect();
        assert_eq!(written.collect::<Vec<_>>(), read);
    }

    #[test]
    fn whoever_may_not_hears_who_may() {
        let said = |language| Action::Broadcast.forbidden().detail.map(|detail| detail.text(language));
        let roles = "ADMIN, PRESIDENT, TREASURER, SECRETARY.";
        assert_eq!(said(Language::French), Some(format!("Réservé à : {roles}")));
        assert_eq!(said(Language::English), Some(format!("Only for: {roles}")));
    }

    #[test]
    fn several_roles_add_up_and_none_is_nothing() {
        let member = RoleSet::of(&[Role::Member]);
        assert_eq!(Action::Execute.grant(member.with(Role::President).with(Role::Treasurer)), Yes);
        assert_eq!(Action::SeeContacts.grant(member.with(Role::Auditor)), Own);
        assert_eq!(Action::SeeDirectory.grant(RoleSet::EMPTY), No);
    }

    #[test]
    fn who_may_vote_is_who_a_policy_may_name() {
        for role in Role::ALL {
            let votes = Action::Vote.allowed(RoleSet::of(&[*role]));
            assert_eq!(votes, RoleSet::VOTING.contains(*role), "{role}");
        }
    }

    #[test]
    fn a_key_sees_no_more_than_its_scope_opens_and_does_nothing() {
        let of = |scope: &str| Scopes::parse(&[scope.parse().unwrap()]).unwrap();
        let nothing = [of("declare-payments"), of("inbound:CONTRIBUTION_PAID")];
        let sees = [Action::SeeApprovals, Action::SeeMoney, Action::ReadJournal];
        for (action, _) in TABLE {
            assert!(nothing.iter().all(|scopes| action.grant_to_key(scopes) == No), "{action:?}");
            let directory = if *action == Action::SeeDirectory { BySetting } else { No };
            assert_eq!(action.grant_to_key(&of("read:members")), directory, "{action:?}");
            let money = if sees.contains(action) { Yes } else { directory };
            assert_eq!(action.grant_to_key(&of("read:money")), money, "{action:?}");
        }
    }

    #[test]
    fn the_administrator_has_no_right_over_money() {
        let admin = RoleSet::of(&[Role::Admin]);
        for action in [
            Action::SubmitApproval,
            Action::Vote,
            Action::Execute,
            Action::ManageContributions,
            Action::SeeMoney,
        ] {
            assert_eq!(action.grant(admin), No, "{action:?}");
        }
    }
}
