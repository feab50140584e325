//! Memberships and roles, as the journal tells them.

use std::collections::BTreeMap;

use unionflow_protocol::{
    Event, Origin, Role, RoleSet,
    event::{approvals::RoleChange, members::MemberCreated},
    id::{ApprovalId, MemberId},
    member::MemberStatus,
};

use super::{Person, Retold, Told};

impl Retold {
    pub(super) fn about_a_member(&mut self, told: &Told) {
        use MemberStatus::{Active, Applicant, Left, Refused, Suspended};
        match &told.envelope.event {
            Event::MemberCreated(data) => self.joins(data),
            Event::MemberUpdated(data) => assert!(self.members.contains_key(&data.id)),
            Event::MemberResetIssued(data) => {
                let status = self.member(data.id).status;
                assert!(matches!(status, Active | Suspended), "only of a membership in force");
                let giver = told.envelope.head.actor_id.expect("somebody was shown the code");
                let person = self.members.get_mut(&data.id).expect("a member of this organisation");
                person.code_givers.insert(giver, self.at);
            }
            Event::RoleGranted(data) => self.role(told, data.id, data.role, true, data.approval_id),
            Event::RoleRevoked(data) => self.role(told, data.id, data.role, false, data.approval_id),
            Event::MemberAdmitted(data) => {
                let from = [Applicant, Left];
                self.moves(told, data.id, &from, (data.previous_status, data.status, Active), None);
            }
            Event::MemberRefused(data) => {
                self.moves(told, data.id, &[Applicant], (data.previous_status, data.status, Refused), None);
            }
            Event::MemberSuspended(data) => {
                let told_status = (data.previous_status, data.status, Suspended);
                self.moves(told, data.id, &[Active], told_status, data.approval_id);
            }
            Event::MemberReinstated(data) => {
                let told_status = (data.previous_status, data.status, Active);
                self.moves(told, data.id, &[Suspended], told_status, data.approval_id);
            }
            Event::MemberLeft(data) => {
                let told_status = (data.previous_status, data.status, Left);
                self.moves(told, data.id, &[Active, Suspended], told_status, data.approval_id);
                assert_eq!(self.member(data.id).roles, RoleSet::of(&[Role::Member]), "every role has ended");
            }
            other => panic!("nobody did this: {other:?}"),
        }
    }

    fn joins(&mut self, data: &MemberCreated) {
        assert!(
            self.members.values().all(|person| person.number != data.member_number),
            "a number of its own"
        );
        let person = Person {
            status: data.status,
            roles: RoleSet::of(&[Role::Member]),
            joined_on: data.joined_on,
            number: data.member_number.clone(),
            code_givers: BTreeMap::new(),
        };
        assert!(self.members.insert(data.id, person).is_none());
    }

    /// A change of status: legal, and of an office holder decided by others, unless he leaves himself.
    fn moves(
        &mut self,
        told: &Told,
        id: MemberId,
        from: &[MemberStatus],
        (previous, status, to): (MemberStatus, MemberStatus, MemberStatus),
        approval: Option<ApprovalId>,
    ) {
        let today = self.at.date_in(&self.zone);
        let himself = told.envelope.head.actor_id == Some(id) && to == MemberStatus::Left;
        let decided =
            approval.is_some_and(|approval| self.decided_now(approval, id, RoleChange::Status { status }));
        let held = self.member(id).roles != RoleSet::of(&[Role::Member]);
        if !himself && !decided {
            assert!(!held, "an office holder's membership is decided by others: {told:?}");
            let actor = told.envelope.head.actor_id.expect("somebody did it");
            let keepers = RoleSet::of(&[Role::Admin, Role::President, Role::Secretary]);
            assert!(self.rights(actor).intersects(keepers), "{told:?}");
        }
        let person = self.members.get_mut(&id).expect("a member of this organisation");
        assert!(person.status == previous && from.contains(&previous) && status == to, "{told:?}");
        if previous == MemberStatus::Applicant && to == MemberStatus::Active {
            person.joined_on = today;
        }
        person.status = to;
    }

    /// No role sneaks in: each comes by founding, by the operator, or by an approval of others that says exactly this.
    fn role(&mut self, told: &Told, id: MemberId, role: Role, grant: bool, approval: Option<ApprovalId>) {
        assert_ne!(role, Role::Member);
        let held = self.member(id).roles;
        assert_eq!(held.contains(role), !grant, "{told:?}");
        let by_request =
            approval.is_some_and(|approval| self.decided_now(approval, id, RoleChange::Role { role, grant }));
        let himself = !grant && told.envelope.head.actor_id == Some(id) && approval.is_none();
        let operator = told.envelope.head.origin == Origin::Operator;
        if !by_request && !operator {
            assert!(!grant, "nobody gives a role alone: {told:?}");
            if !himself {
                let lets_go = RoleChange::Status { status: MemberStatus::Left };
                let decided = approval.is_some_and(|approval| self.decided_now(approval, id, lets_go));
                assert!(decided, "nobody takes a role alone: {told:?}");
                self.leaving = Some(id);
            }
        }
        let person = self.members.get_mut(&id).expect("a member of this organisation");
        assert!(!grant || person.status == MemberStatus::Active, "{told:?}");
        person.roles = if grant { held.with(role) } else { held.without(role) };
    }

    /// After a role that ended by leaving comes another one, or the leaving.
    pub(super) fn is_leaving(&self, id: MemberId, next: &Event) {
        let leaves = match next {
            Event::RoleRevoked(data) => data.id == id,
            Event::MemberLeft(data) => data.id == id,
            _ => false,
        };
        assert!(leaves, "the role ended because its holder leaves: {next:?}");
    }
}
