//! What becomes of requests when somebody leaves or is suspended.

use unionflow_domain::{member::StatusChange, policy};
use unionflow_protocol::{
    Event, Role,
    approval::{ApprovalStatus, TransactionType},
    problem::ErrorCode,
    rest::approval::{ApprovalAction, ApprovalDetails},
};
use unionflow_service::approval;

use super::scene::{Club, Town, Wanted, Who, at_once};

/// President, treasurer, secretary, two plain members.
async fn scene() -> (Town, Club) {
    let town = Town::open().await;
    let roles: &[&[Role]] = &[&[Role::President], &[Role::Treasurer], &[Role::Secretary], &[], &[]];
    let club = town.found(policy::default_rules(false), roles).await;
    (town, club)
}

fn aid_for(who: Who) -> Wanted {
    let details = ApprovalDetails { beneficiary_member_id: Some(who.member), ..ApprovalDetails::default() };
    Wanted { kind: TransactionType::Aid, minor: 90_000, details }
}

#[tokio::test]
async fn money_goes_to_nobody_who_is_gone_or_suspended() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary, plain] = [0, 1, 2, 3].map(|n| club.people[n]);
    let waits = town.submit(&club, treasurer, aid_for(plain)).await.unwrap();
    let decided = town.submit(&club, treasurer, aid_for(plain)).await.unwrap();
    town.approve(&club, president, decided.id).await.unwrap();
    at_once(town.change_status(&club, secretary, plain.member, StatusChange::Suspend).await);

    let vote = town.approve(&club, president, waits.id).await.unwrap_err();
    assert_eq!(vote.code, ErrorCode::BeneficiaryNotActive);
    let current = vote.current.expect("it shows the request as it stands");
    assert_eq!((&current["status"], &current["votesInStep"]), (&"PENDING".into(), &0.into()));
    let seen =
        town.service.read(move |reader| approval::read::read(reader, &president.person.into(), waits.id));
    let approve = seen.await.unwrap().actions.into_iter().find(|a| a.action == ApprovalAction::Approve);
    assert_eq!(approve.unwrap().refusal, Some(ErrorCode::BeneficiaryNotActive));
    let before = town.head(&club).await;
    let tried = town.execute(&club, treasurer, decided.id).await.unwrap();
    assert_eq!(tried.failed, Some((ErrorCode::BeneficiaryNotActive, None)));
    assert_eq!(tried.approval.status, ApprovalStatus::Approved);
    assert_eq!(tried.approval.last_failure, Some(ErrorCode::BeneficiaryNotActive));
    assert_eq!(town.types_after(&club, before).await, ["APPROVAL_EXECUTION_FAILED"]);

    at_once(town.change_status(&club, secretary, plain.member, StatusChange::Reinstate).await);
    town.approve(&club, president, waits.id).await.unwrap();
    assert_eq!(town.execute(&club, treasurer, decided.id).await.unwrap().failed, None);
    at_once(town.change_status(&club, secretary, plain.member, StatusChange::Leave).await);
    let tried = town.execute(&club, treasurer, waits.id).await.unwrap();
    assert_eq!(tried.failed, Some((ErrorCode::BeneficiaryNotActive, None)));
}

#[tokio::test]
async fn whoever_leaves_takes_the_own_open_requests_along_in_the_same_transaction() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary, plain, other] = [0, 1, 2, 3, 4].map(|n| club.people[n]);
    let own = town.submit(&club, plain, aid_for(plain)).await.unwrap();
    let decided = town.submit(&club, plain, aid_for(plain)).await.unwrap();
    town.approve(&club, treasurer, decided.id).await.unwrap();
    let of_others = town.submit(&club, other, aid_for(other)).await.unwrap();
    let before = town.head(&club).await;
    at_once(town.change_status(&club, secretary, plain.member, StatusChange::Leave).await);
    assert_eq!(town.types_after(&club, before).await, ["MEMBER_LEFT", "APPROVAL_CANCELLED"]);
    let told = town.told_after(&club, before).await;
    let by = told.iter().find_map(|told| match &told.envelope.event {
        Event::ApprovalCancelled(data) => Some((data.id, data.by)),
        _ => None,
    });
    assert_eq!(by, Some((own.id, None)), "the server did, not its maker");
    assert_eq!(town.approval(decided.id).await.status, ApprovalStatus::Approved);
    assert_eq!(town.approval(of_others.id).await.status, ApprovalStatus::Pending);

    // An office holder who is let go by the votes of others.
    let expense = town.submit(&club, treasurer, Wanted::expense(5_000)).await.unwrap();
    let asked = town.change_status(&club, secretary, treasurer.member, StatusChange::Leave).await;
    town.approve(&club, president, super::scene::requested(asked).id).await.unwrap();
    assert_eq!(town.approval(expense.id).await.status, ApprovalStatus::Cancelled);
}
