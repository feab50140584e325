//! Changes of policy, roles and memberships of office holders: nobody gains rights over money alone.

use unionflow_auth::secret::SecretHash;
use unionflow_domain::{Refusal, member::StatusChange, policy};
use unionflow_protocol::{
    Event, Role, RoleSet,
    approval::{ApprovalStatus, Level, LevelRules, Step, TransactionType},
    event::approvals::RoleChange,
    member::MemberStatus,
    notification::NotificationKind,
    problem::ErrorCode,
    rest::member::{CodeOrRequest, WithReason},
    rest::organization::AskPolicy,
};
use unionflow_service::{Call, approval, member, organization::ask_policy::ask_policy};
use unionflow_storage::{
    Scope, Tx,
    tables::notification::{Inbox, Received},
};

use super::scene::{Club, Told, Town, Wanted, Who, at_once, requested};

/// President, treasurer, secretary, two plain members, administrator, auditor.
async fn scene() -> (Town, Club) {
    let town = Town::open().await;
    let roles: &[&[Role]] = &[
        &[Role::President],
        &[Role::Treasurer],
        &[Role::Secretary],
        &[],
        &[],
        &[Role::Admin],
        &[Role::Auditor],
    ];
    let club = town.found(policy::default_rules(false), roles).await;
    (town, club)
}

const PRESIDENT: usize = 0;
const TREASURER: usize = 1;
const SECRETARY: usize = 2;
const PLAIN: usize = 3;
const ADMIN: usize = 5;

fn code<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> ErrorCode {
    answer.expect_err("it is refused").code
}

fn notified(told: &[Told], kind: NotificationKind) -> Vec<&Told> {
    let of_kind = |told: &&Told| matches!(&told.envelope.event, Event::UserNotification(n) if n.kind == kind);
    told.iter().filter(of_kind).collect()
}

#[tokio::test]
async fn a_role_is_granted_by_the_last_vote_of_others_in_the_same_transaction_and_told_to_all() {
    let (town, club) = scene().await;
    let [president, treasurer, .., plain] = [0, 1, 3].map(|n| club.people[n]);
    let before = town.head(&club).await;
    let request = requested(town.ask_role(&club, president, plain.member, Role::BoardMember, true).await);
    assert_eq!(request.content.beneficiary_member_id, Some(plain.member));
    assert_eq!(code(town.approve(&club, president, request.id).await), ErrorCode::MakerMayNotVote);
    assert_eq!(town.member(plain.member).await.roles, RoleSet::of(&[Role::Member]), "asking gives nothing");
    let done = town.approve(&club, treasurer, request.id).await.unwrap();
    assert_eq!(done.status, ApprovalStatus::Executed);
    assert!(town.member(plain.member).await.roles.contains(Role::BoardMember));
    let types = town.types_after(&club, before).await;
    let expected = [
        "APPROVAL_PENDING",
        "APPROVAL_VOTE_RECORDED",
        "APPROVAL_APPROVED",
        "ROLE_GRANTED",
        "APPROVAL_EXECUTED",
    ];
    assert_eq!(types, expected);
    let told = town.told_after(&club, before).await;
    let granted = told.iter().find(|told| matches!(told.envelope.event, Event::RoleGranted(_))).unwrap();
    assert!(granted.audience.is_everyone());
    let Event::RoleGranted(data) = &granted.envelope.event else { unreachable!() };
    assert_eq!((data.id, data.role, data.approval_id), (plain.member, Role::BoardMember, Some(request.id)));
    assert_eq!(notified(&told, NotificationKind::RoleGranted)[0].audience.members(), [plain.member]);
}

#[tokio::test]
async fn whoever_a_change_of_roles_concerns_does_not_see_it_while_it_waits_nor_votes_on_it() {
    let (town, club) = scene().await;
    let [president, secretary, plain] = [PRESIDENT, SECRETARY, PLAIN].map(|n| club.people[n]);
    let before = town.head(&club).await;
    let request = requested(town.ask_role(&club, president, plain.member, Role::Auditor, true).await);
    for told in town.told_after(&club, before).await {
        assert!(!told.audience.admits(plain.member, RoleSet::of(&[Role::Member])), "{told:?}");
    }
    let read = |who: Who| {
        town.service.read(move |reader| approval::read::read(reader, &who.person.into(), request.id))
    };
    assert_eq!(read(plain).await.unwrap_err().code(), ErrorCode::NotFound);
    town.approve(&club, secretary, request.id).await.unwrap();
    assert_eq!(read(plain).await.unwrap().status, ApprovalStatus::Executed);

    let own = requested(town.ask_role(&club, president, secretary.member, Role::Secretary, false).await);
    assert_eq!(code(town.approve(&club, secretary, own.id).await), ErrorCode::MakerMayNotVote);
    assert_eq!(code(town.reject(&club, secretary, own.id).await), ErrorCode::MakerMayNotVote);
}

#[tokio::test]
async fn whoever_a_change_of_roles_concerns_hears_nothing_of_one_that_comes_to_nothing() {
    let (town, club) = scene().await;
    let [president, treasurer, plain] = [PRESIDENT, TREASURER, PLAIN].map(|n| club.people[n]);
    let before = town.head(&club).await;
    let rejected = requested(town.ask_role(&club, president, plain.member, Role::Auditor, true).await);
    town.reject(&club, treasurer, rejected.id).await.unwrap();
    let cancelled = requested(town.ask_role(&club, president, plain.member, Role::Secretary, true).await);
    town.cancel(&club, president, cancelled.id).await.unwrap();
    for told in town.told_after(&club, before).await {
        assert!(!told.audience.admits(plain.member, RoleSet::of(&[Role::Member])), "{told:?}");
    }
    for id in [rejected.id, cancelled.id] {
        let read =
            town.service.read(move |reader| approval::read::read(reader, &plain.person.into(), id)).await;
        assert_eq!(read.unwrap_err().code(), ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn nobody_is_told_to_vote_on_a_request_of_their_own_neither_live_nor_in_the_inbox() {
    let (town, club) = scene().await;
    let [president, treasurer] = [PRESIDENT, TREASURER].map(|n| club.people[n]);
    let before = town.head(&club).await;
    town.submit(&club, treasurer, Wanted::expense(75_000)).await.unwrap();
    let told = town.told_after(&club, before).await;
    let [waiting] = notified(&told, NotificationKind::ApprovalWaiting)[..] else { panic!("one: {told:?}") };
    for (who, role, called_on) in [(president, Role::President, true), (treasurer, Role::Treasurer, false)] {
        let roles = RoleSet::of(&[Role::Member, role]);
        assert_eq!(waiting.audience.admits(who.member, roles), called_on, "{role}");
        let inbox = Inbox { organization_id: club.id, member_id: who.member, roles };
        let read = town
            .service
            .read(move |reader| Ok((reader.load_inbox(inbox, None, 100)?, reader.load_read_mark(inbox)?.1)));
        let (inbox, unread) = read.await.unwrap();
        let waits = |received: &Received| received.kind == NotificationKind::ApprovalWaiting;
        assert_eq!(inbox.iter().any(waits), called_on, "{role}");
        assert_eq!(usize::try_from(unread), Ok(inbox.len()), "{role}: what is counted is what is shown");
    }
}

#[tokio::test]
async fn only_president_and_administrator_ask_for_roles_and_never_for_the_role_of_every_member() {
    let (town, club) = scene().await;
    let about = club.people[4].member;
    for (n, may) in [true, false, false, false, false, true, false].into_iter().enumerate() {
        let asked = town.ask_role(&club, club.people[n], about, Role::Secretary, true).await;
        match asked {
            Ok(_) => assert!(may, "{n}"),
            Err(refusal) if may => assert_eq!(refusal.code, ErrorCode::DuplicateRequest, "{n}"),
            Err(refusal) => {
                let hidden = matches!(refusal.code, ErrorCode::NotFound | ErrorCode::Forbidden);
                assert!(hidden, "{n}: {}", refusal.code);
            }
        }
    }
    let member = town.ask_role(&club, club.people[ADMIN], about, Role::Member, false).await;
    assert_eq!(code(member), ErrorCode::RoleNotGrantable);
    let own = town.ask_role(&club, club.people[4], about, Role::Member, false).await;
    assert_eq!(code(own), ErrorCode::RoleNotGrantable);
}

#[tokio::test]
async fn the_same_request_is_made_once_while_the_first_is_open_and_not_a_moment_longer() {
    let (town, club) = scene().await;
    let [president, admin, plain] = [PRESIDENT, ADMIN, PLAIN].map(|n| club.people[n]);
    let first = requested(town.ask_role(&club, president, plain.member, Role::Auditor, true).await);
    let twin = town.ask_role(&club, admin, plain.member, Role::Auditor, true).await.unwrap_err();
    assert_eq!((twin.code, twin.approval_id), (ErrorCode::DuplicateRequest, Some(first.id)));
    requested(town.ask_role(&club, admin, plain.member, Role::Secretary, true).await);
    requested(town.ask_role(&club, admin, club.people[4].member, Role::Auditor, true).await);

    // The time to decide is over, and no sweeper has come by.
    town.wait(14 * 24);
    let before = town.head(&club).await;
    let anew = requested(town.ask_role(&club, admin, plain.member, Role::Auditor, true).await);
    assert_ne!(anew.id, first.id);
    assert_eq!(town.approval(first.id).await.status, ApprovalStatus::Expired);
    assert_eq!(town.types_after(&club, before).await, ["APPROVAL_EXPIRED", "APPROVAL_PENDING"]);
    let told = town.told_after(&club, before).await;
    assert_eq!(told[0].envelope.head.actor_id, None, "time did it, not whoever asked");
    assert_eq!(told.last().unwrap().envelope.head.actor_id, Some(admin.member));
}

#[tokio::test]
async fn the_membership_of_an_office_holder_is_decided_by_others_that_of_a_plain_member_at_once() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary, plain] =
        [PRESIDENT, TREASURER, SECRETARY, PLAIN].map(|n| club.people[n]);
    for keeper in [president, secretary, club.people[ADMIN]] {
        for change in [StatusChange::Suspend, StatusChange::Leave] {
            let asked = town.change_status(&club, keeper, treasurer.member, change).await;
            if let Err(refusal) = asked {
                assert_eq!(refusal.code, ErrorCode::DuplicateRequest);
            } else {
                assert_eq!(requested(asked).content.transaction_type, TransactionType::RoleChange);
            }
        }
    }
    assert_eq!(town.member(treasurer.member).await.status, MemberStatus::Active);
    let gone = at_once(town.change_status(&club, secretary, plain.member, StatusChange::Suspend).await);
    assert_eq!(gone.status, MemberStatus::Suspended);
}

#[tokio::test]
async fn suspension_rests_the_roles_and_reinstating_an_office_holder_is_decided_by_others_too() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary] = [PRESIDENT, TREASURER, SECRETARY].map(|n| club.people[n]);
    let suspend =
        requested(town.change_status(&club, president, treasurer.member, StatusChange::Suspend).await);
    town.approve(&club, secretary, suspend.id).await.unwrap();
    let suspended = town.member(treasurer.member).await;
    assert_eq!((suspended.status, suspended.effective_roles()), (MemberStatus::Suspended, RoleSet::EMPTY));
    let spend = town.submit(&club, treasurer, Wanted::expense(5)).await;
    assert_eq!(code(spend), ErrorCode::MembershipSuspended);

    let back =
        requested(town.change_status(&club, president, treasurer.member, StatusChange::Reinstate).await);
    assert_eq!(back.content.role_change, Some(RoleChange::Status { status: MemberStatus::Active }));
    town.approve(&club, secretary, back.id).await.unwrap();
    assert!(town.member(treasurer.member).await.effective_roles().contains(Role::Treasurer));
}

#[tokio::test]
async fn leaving_ends_every_role_says_so_to_all_and_readmission_brings_none_back() {
    let (town, club) = scene().await;
    let [president, treasurer] = [PRESIDENT, TREASURER].map(|n| club.people[n]);
    let before = town.head(&club).await;
    at_once(town.change_status(&club, treasurer, treasurer.member, StatusChange::Leave).await);
    let told = town.told_after(&club, before).await;
    let revoked = told.iter().find(|told| matches!(told.envelope.event, Event::RoleRevoked(_))).unwrap();
    assert!(revoked.audience.is_everyone(), "who depends on the treasurer learns of it");
    let types = town.types_after(&club, before).await;
    assert_eq!(types, ["ROLE_REVOKED", "MEMBER_LEFT"]);

    let back = at_once(town.change_status(&club, president, treasurer.member, StatusChange::Admit).await);
    assert_eq!((back.status, back.roles), (MemberStatus::Active, RoleSet::of(&[Role::Member])));
    let spend = town.submit(&club, treasurer, Wanted::expense(5)).await;
    assert_eq!(code(spend), ErrorCode::Forbidden);
}

#[tokio::test]
async fn a_change_that_makes_no_sense_any_more_ends_without_effect_and_says_so() {
    let (town, club) = scene().await;
    let [president, treasurer, plain] = [PRESIDENT, TREASURER, PLAIN].map(|n| club.people[n]);
    let request = requested(town.ask_role(&club, president, plain.member, Role::Auditor, true).await);
    at_once(town.change_status(&club, plain, plain.member, StatusChange::Leave).await);
    let before = town.head(&club).await;
    let ended = town.approve(&club, treasurer, request.id).await.unwrap();
    assert_eq!(
        (ended.status, ended.last_failure),
        (ApprovalStatus::Lapsed, Some(ErrorCode::WrongMemberStatus))
    );
    let types = town.types_after(&club, before).await;
    let expected =
        ["APPROVAL_VOTE_RECORDED", "APPROVAL_APPROVED", "APPROVAL_EXECUTION_FAILED", "APPROVAL_LAPSED"];
    assert_eq!(types, expected);
}

#[tokio::test]
async fn a_role_laid_down_is_gone_at_once_and_those_who_wait_for_it_are_told_that_they_are_blocked() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary] = [PRESIDENT, TREASURER, SECRETARY].map(|n| club.people[n]);
    let waits = town.submit(&club, treasurer, Wanted::expense(5)).await.unwrap();
    at_once(town.ask_role(&club, secretary, secretary.member, Role::Secretary, false).await);
    assert_eq!(town.approval(waits.id).await.blocked, None, "the president is left");
    let before = town.head(&club).await;
    at_once(town.ask_role(&club, president, president.member, Role::President, false).await);
    assert_eq!(town.types_after(&club, before).await, ["ROLE_REVOKED", "APPROVAL_BLOCKED"]);
    let blocked = town.approval(waits.id).await.blocked.unwrap();
    assert_eq!((blocked.missing, blocked.roles_to_act), (1, RoleSet::VOTING));
    let told = town.told_after(&club, before).await;
    let heard = notified(&told, NotificationKind::ApprovalBlocked);
    assert_eq!(heard[0].audience.role_set(), RoleSet::of(&[Role::President, Role::Auditor]));

    let before = town.head(&club).await;
    town.operator_role(&club, club.people[PLAIN].member, Role::President, true).await.unwrap();
    assert_eq!(town.types_after(&club, before).await, ["ROLE_GRANTED", "APPROVAL_UNBLOCKED"]);
    let granted = &town.told_after(&club, before).await[0];
    assert!(granted.audience.is_everyone() && granted.envelope.head.actor_id.is_none());
    town.approve(&club, club.people[PLAIN], waits.id).await.unwrap();
}

#[tokio::test]
async fn where_the_last_office_holder_is_gone_only_the_operator_helps() {
    let town = Town::open().await;
    let club = town.found(policy::default_rules(true), &[&[Role::President, Role::Treasurer], &[]]).await;
    let [lone, plain] = [0, 1].map(|n| club.people[n]);
    let waits = town.submit(&club, lone, Wanted::expense(5)).await.unwrap();
    assert_eq!(waits.blocked, None, "a lone officer decides alone where the policy says so");
    at_once(town.ask_role(&club, lone, lone.member, Role::Treasurer, false).await);
    at_once(town.ask_role(&club, lone, lone.member, Role::President, false).await);
    assert!(town.approval(waits.id).await.blocked.is_some());
    assert_eq!(code(town.approve(&club, lone, waits.id).await), ErrorCode::MakerMayNotVote);
    let nobody = town.ask_role(&club, plain, lone.member, Role::President, true).await;
    assert!(nobody.is_err());
    town.operator_role(&club, plain.member, Role::President, true).await.unwrap();
    assert_eq!(town.approval(waits.id).await.blocked, None);
    assert_eq!(town.approve(&club, plain, waits.id).await.unwrap().status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn a_second_office_holder_ends_the_single_signature_at_once() {
    let town = Town::open().await;
    let club = town.found(policy::default_rules(true), &[&[Role::President, Role::Treasurer], &[]]).await;
    let [lone, plain] = [0, 1].map(|n| club.people[n]);
    let first = town.submit(&club, lone, Wanted::expense(5)).await.unwrap();
    assert_eq!(town.approve(&club, lone, first.id).await.unwrap().status, ApprovalStatus::Approved);
    let second = town.submit(&club, lone, Wanted::expense(5)).await.unwrap();
    let grant = requested(town.ask_role(&club, lone, plain.member, Role::Secretary, true).await);
    assert_eq!(town.approve(&club, lone, grant.id).await.unwrap().status, ApprovalStatus::Executed);
    assert_eq!(code(town.approve(&club, lone, second.id).await), ErrorCode::MakerMayNotVote);
    assert_eq!(town.approve(&club, plain, second.id).await.unwrap().status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn rules_change_by_the_rules_in_force_and_requests_that_wait_keep_theirs() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary] = [PRESIDENT, TREASURER, SECRETARY].map(|n| club.people[n]);
    let old = town.submit(&club, treasurer, Wanted::expense(5)).await.unwrap();
    let mut rules = policy::default_rules(false);
    rules
        .levels
        .insert(Level::Level1, LevelRules::of(vec![Step::of(2, &[Role::President, Role::Secretary])]));
    let mut alone = rules.clone();
    alone.bands.iter_mut().for_each(|band| band.required_level = Level::None);
    assert_eq!(code(town.ask_policy(&club, president, alone).await), ErrorCode::ValidationFailed);
    assert_eq!(code(town.ask_policy(&club, treasurer, rules.clone()).await), ErrorCode::Forbidden);

    let ask = town.ask_policy(&club, president, rules.clone()).await.unwrap();
    let twin = town.ask_policy(&club, club.people[ADMIN], rules).await.unwrap_err();
    assert_eq!((twin.code, twin.approval_id), (ErrorCode::DuplicateRequest, Some(ask.id)));
    let before = town.head(&club).await;
    town.approve(&club, secretary, ask.id).await.unwrap();
    let told = town.told_after(&club, before).await;
    let changed = told.iter().find(|told| matches!(told.envelope.event, Event::PolicyChanged(_))).unwrap();
    assert_eq!(changed.audience.role_set(), RoleSet::KEEPERS);

    assert_eq!(town.approval(old.id).await.terms.policy_version, 1);
    assert_eq!(town.approve(&club, president, old.id).await.unwrap().status, ApprovalStatus::Approved);
    let new = town.submit(&club, treasurer, Wanted::expense(5)).await.unwrap();
    assert_eq!((new.terms.policy_version, new.votes_needed), (2, 2));
    assert_eq!(town.approve(&club, president, new.id).await.unwrap().status, ApprovalStatus::Pending);
}

#[tokio::test]
async fn whoever_asks_for_rules_on_top_of_old_ones_is_told_that_newer_are_in_force() {
    let (town, club) = scene().await;
    let [president, secretary] = [PRESIDENT, SECRETARY].map(|n| club.people[n]);
    let ask = |single, version| {
        let ask = AskPolicy { rules: policy::default_rules(single), purpose: None };
        let unit = move |tx: &mut Tx<'_>, call: &Call| {
            ask_policy(tx, &Call { if_match: Some(version), ..call.clone() }, &ask)
        };
        town.act(&club, president, unit)
    };
    let first = ask(true, 1).await.unwrap();
    town.approve(&club, secretary, first.id).await.unwrap();
    assert_eq!(code(ask(false, 1).await), ErrorCode::StaleVersion);
    ask(false, 2).await.unwrap();
}

#[tokio::test]
async fn words_that_are_too_short_are_named_by_the_field_that_held_them() {
    let (town, club) = scene().await;
    let president = club.people[PRESIDENT];
    let ask = AskPolicy { rules: policy::default_rules(false), purpose: Some("x".into()) };
    let refusal = town.act(&club, president, move |tx, call| ask_policy(tx, call, &ask)).await.unwrap_err();
    assert_eq!(refusal.faults[0].pointer, "/purpose");
    let (about, with) = (club.people[PLAIN].member, WithReason { reason: Some("x".into()) });
    let refusal = town
        .act(&club, president, move |tx, call| {
            member::ask_role::ask_role(tx, call, about, Role::Auditor, true, &with)
        })
        .await
        .unwrap_err();
    assert_eq!(refusal.faults[0].pointer, "/reason");
}

async fn reset(town: &Town, club: &Club, who: Who, about: Who) -> Result<CodeOrRequest, Refusal> {
    let with = WithReason::default();
    town.act(club, who, move |tx, call| {
        member::reset::reset(tx, call, about.member, &with, "https://union.example")
    })
    .await
}

async fn works(town: &Town, code: &str) -> bool {
    let hash = *SecretHash::of_code(code).as_bytes();
    town.service.read(move |reader| Ok(reader.load_code(&hash)?.is_some())).await.expect("it is read")
}

fn handed_out(answer: Result<CodeOrRequest, Refusal>) -> String {
    match answer.expect("it is allowed") {
        CodeOrRequest::Code(code) => code.code.0,
        CodeOrRequest::Request(request) => panic!("it became a request: {request:?}"),
    }
}

#[tokio::test]
async fn the_password_of_an_office_holder_is_reset_only_after_others_allowed_it_and_once() {
    let (town, club) = scene().await;
    let [treasurer, secretary, admin] = [TREASURER, SECRETARY, ADMIN].map(|n| club.people[n]);
    let president = club.people[PRESIDENT];
    let Ok(CodeOrRequest::Request(request)) = reset(&town, &club, admin, president).await else {
        panic!("an administrator must not act as the president");
    };
    assert_eq!(code(reset(&town, &club, admin, president).await), ErrorCode::DuplicateRequest);
    assert_eq!(code(town.approve(&club, president, request.id).await), ErrorCode::MakerMayNotVote);
    town.approve(&club, treasurer, request.id).await.unwrap();
    let other = reset(&town, &club, secretary, president).await.unwrap();
    assert!(matches!(other, CodeOrRequest::Request(_)), "the code is for whoever asked");
    let code = handed_out(reset(&town, &club, admin, president).await);
    assert!(works(&town, &code).await);
    let again = reset(&town, &club, admin, president).await;
    assert!(again.is_err() || matches!(again, Ok(CodeOrRequest::Request(_))), "once");
}

#[tokio::test]
async fn a_code_ends_with_the_membership_and_nobody_resets_whoever_left() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary, plain] =
        [PRESIDENT, TREASURER, SECRETARY, PLAIN].map(|n| club.people[n]);
    let of_plain = handed_out(reset(&town, &club, president, plain).await);
    at_once(town.change_status(&club, president, plain.member, StatusChange::Leave).await);
    assert!(!works(&town, &of_plain).await);
    assert_eq!(code(reset(&town, &club, president, plain).await), ErrorCode::WrongMemberStatus);

    let Ok(CodeOrRequest::Request(request)) = reset(&town, &club, president, treasurer).await else {
        panic!("others decide");
    };
    town.approve(&club, secretary, request.id).await.unwrap();
    let of_treasurer = handed_out(reset(&town, &club, president, treasurer).await);
    let suspend =
        requested(town.change_status(&club, president, treasurer.member, StatusChange::Suspend).await);
    town.approve(&club, secretary, suspend.id).await.unwrap();
    assert!(!works(&town, &of_treasurer).await);
}

#[tokio::test]
async fn a_foreign_organisation_does_not_exist() {
    let (town, club) = scene().await;
    let other = town.found(policy::default_rules(false), &[&[Role::President], &[Role::Treasurer]]).await;
    let request = town.submit(&other, other.people[1], Wanted::expense(5)).await.unwrap();
    let stranger = club.people[PRESIDENT];
    let here = town.head(&other).await;
    assert_eq!(code(town.approve(&other, stranger, request.id).await), ErrorCode::NotFound);
    assert_eq!(code(town.approve(&club, stranger, request.id).await), ErrorCode::NotFound);
    let about = other.people[1].member;
    assert_eq!(code(town.ask_role(&club, stranger, about, Role::Auditor, true).await), ErrorCode::NotFound);
    let granted = town.operator_role(&club, about, Role::Auditor, true).await;
    assert_eq!(granted.unwrap_err(), ErrorCode::NotFound);
    assert_eq!(town.head(&other).await, here);
    let locked = Scope::Organization(club.id);
    let swept = town.service.store().write(locked, move |tx| approval::sweep::sweep(tx, request.id)).await;
    assert_eq!(swept, Ok(()), "nothing is due");
}
