//! Codes that open the accounts of others: for a request, whoever gave one and whoever got it are one person.

use unionflow_domain::{Refusal, policy};
use unionflow_protocol::{
    Role, RoleSet,
    approval::{ApprovalStatus, TransactionType},
    problem::ErrorCode,
    rest::{
        approval::{AllowedAction, Approval, ApprovalAction, ApprovalDetails},
        member::{CodeOrRequest, WithReason},
    },
};
use unionflow_service::{Call, approval, member};
use unionflow_storage::Tx;

use super::scene::{Club, Town, Wanted, Who, requested};

const PRESIDENT: usize = 0;
const TREASURER: usize = 1;
const SECRETARY: usize = 2;
const GHOST: usize = 3;
const ADMIN: usize = 4;

async fn scene() -> (Town, Club) {
    let town = Town::open().await;
    let roles: &[&[Role]] =
        &[&[Role::President], &[Role::Treasurer], &[Role::Secretary], &[], &[Role::Admin]];
    let club = town.found(policy::default_rules(false), roles).await;
    (town, club)
}

async fn reset(town: &Town, club: &Club, who: Who, about: Who) -> Result<CodeOrRequest, Refusal> {
    let (with, about) = (WithReason::default(), about.member);
    let unit = move |tx: &mut Tx<'_>, call: &Call| {
        member::reset::reset(tx, call, about, &with, "https://union.example")
    };
    town.act(club, who, unit).await
}

async fn seen(town: &Town, who: Who, request: &Approval) -> Approval {
    let id = request.id;
    let read = town.service.read(move |reader| approval::read::read(reader, &who.person.into(), id));
    read.await.expect("an officer sees it")
}

fn may_approve(request: &Approval) -> Result<(), ErrorCode> {
    let approve = |action: &&AllowedAction| action.action == ApprovalAction::Approve;
    let action = request.actions.iter().find(approve).expect("each action is judged");
    action.refusal.map_or(Ok(()), Err)
}

async fn refused(town: &Town, club: &Club, who: Who, request: &Approval) {
    assert_eq!(may_approve(&seen(town, who, request).await), Err(ErrorCode::CodeGiverMayNotVote));
    for answer in [town.approve(club, who, request.id).await, town.reject(club, who, request.id).await] {
        assert_eq!(answer.expect_err("the two count as one").code, ErrorCode::CodeGiverMayNotVote);
    }
}

fn aid_for(who: Who) -> Wanted {
    let details = ApprovalDetails { beneficiary_member_id: Some(who.member), ..ApprovalDetails::default() };
    Wanted { kind: TransactionType::Aid, minor: 90_000, details }
}

#[tokio::test]
async fn a_secretary_who_was_shown_the_presidents_code_does_not_vote_for_himself_as_president() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary] = [PRESIDENT, TREASURER, SECRETARY].map(|n| club.people[n]);
    let waits = town.submit(&club, secretary, Wanted::expense(5_000)).await.unwrap();
    let Ok(CodeOrRequest::Request(allowed)) = reset(&town, &club, secretary, president).await else {
        panic!("others decide first")
    };
    town.approve(&club, treasurer, allowed.id).await.unwrap();
    assert!(matches!(reset(&town, &club, secretary, president).await, Ok(CodeOrRequest::Code(_))));
    refused(&town, &club, president, &waits).await;
    let later = town.submit(&club, secretary, Wanted::expense(90_000)).await.unwrap();
    refused(&town, &club, president, &later).await;
    let by_the_president = town.submit(&club, president, Wanted::expense(90_000)).await.unwrap();
    refused(&town, &club, secretary, &by_the_president).await;
    town.approve(&club, treasurer, later.id).await.unwrap();

    town.wait(90 * 24);
    let long_after = town.submit(&club, secretary, Wanted::expense(5_000)).await.unwrap();
    assert_eq!(town.approve(&club, president, long_after.id).await.unwrap().status, ApprovalStatus::Approved);
}

#[tokio::test]
async fn whoever_opened_an_account_neither_votes_it_into_an_office_nor_is_a_second_voice_to_it() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary, ghost] =
        [PRESIDENT, TREASURER, SECRETARY, GHOST].map(|n| club.people[n]);
    assert!(matches!(reset(&town, &club, secretary, ghost).await, Ok(CodeOrRequest::Code(_))));
    let aid = town.submit(&club, treasurer, aid_for(ghost)).await.unwrap();
    refused(&town, &club, secretary, &aid).await;

    for role in [Role::Auditor, Role::BoardMember] {
        let asked = requested(town.ask_role(&club, president, ghost.member, role, true).await);
        refused(&town, &club, secretary, &asked).await;
        let shown = seen(&town, treasurer, &asked).await.terms.code_givers;
        assert_eq!(shown, [secretary.member], "voters see whose voice it may be, whatever role came before");
        town.approve(&club, treasurer, asked.id).await.unwrap();
    }
    let expense = town.submit(&club, treasurer, Wanted::expense(5_000)).await.unwrap();
    town.approve(&club, ghost, expense.id).await.unwrap();
    let by_the_ghost = town.submit(&club, ghost, Wanted::expense(5_000)).await.unwrap();
    refused(&town, &club, secretary, &by_the_ghost).await;
}

#[tokio::test]
async fn of_two_who_count_as_one_only_the_first_votes_and_what_they_cannot_decide_is_blocked() {
    let town = Town::open().await;
    let mut rules = policy::default_rules(false);
    rules.levels.values_mut().flat_map(|level| &mut level.steps).for_each(|step| step.min_approvals = 2);
    let roles: &[&[Role]] =
        &[&[Role::President], &[Role::Treasurer], &[Role::Secretary], &[Role::BoardMember], &[]];
    let club = town.found(rules, roles).await;
    let [president, treasurer, secretary, board, plain] = [0, 1, 2, 3, 4].map(|n| club.people[n]);
    let Ok(CodeOrRequest::Request(allowed)) = reset(&town, &club, secretary, board).await else {
        panic!("others decide first")
    };
    for who in [president, treasurer] {
        town.approve(&club, who, allowed.id).await.unwrap();
    }
    let waits = town.submit(&club, treasurer, Wanted::expense(5_000)).await.unwrap();
    let own = town.submit(&club, plain, aid_for(plain)).await.unwrap();
    assert_eq!((waits.blocked, own.blocked), (None, None));
    assert!(matches!(reset(&town, &club, secretary, board).await, Ok(CodeOrRequest::Code(_))));
    assert_eq!(seen(&town, president, &waits).await.blocked, None, "president and one of the two");
    town.approve(&club, board, waits.id).await.unwrap();
    refused(&town, &club, secretary, &waits).await;
    town.approve(&club, president, waits.id).await.unwrap();

    // With the president gone, two of three are left, and they are one.
    let by_the_treasurer = town.submit(&club, treasurer, Wanted::expense(6_000)).await.unwrap();
    town.operator_role(&club, president.member, Role::President, false).await.unwrap();
    let blocked = seen(&town, treasurer, &by_the_treasurer).await.blocked.expect("one voice is missing");
    assert_eq!((blocked.missing, blocked.roles_to_act), (1, RoleSet::VOTING));
    assert_eq!(seen(&town, treasurer, &own).await.blocked, None, "the treasurer and one of the two");
}

#[tokio::test]
async fn voters_on_a_grant_see_who_was_shown_a_code_since_it_was_asked_for() {
    let (town, club) = scene().await;
    let [treasurer, ghost, admin] = [TREASURER, GHOST, ADMIN].map(|n| club.people[n]);
    let asked = requested(town.ask_role(&club, admin, ghost.member, Role::Treasurer, true).await);
    assert!(seen(&town, treasurer, &asked).await.terms.code_givers.is_empty());
    assert!(matches!(reset(&town, &club, admin, ghost).await, Ok(CodeOrRequest::Code(_))));
    assert_eq!(seen(&town, treasurer, &asked).await.terms.code_givers, [admin.member]);
}
