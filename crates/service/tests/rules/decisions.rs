//! Requests for money from submission to the ledger.

use unionflow_domain::{Refusal, policy};
use unionflow_protocol::{
    Event, Role, Seq,
    account::AccountKind,
    approval::{ApprovalStatus, Level, LevelRules, Step, TransactionType},
    id::AccountId,
    problem::ErrorCode,
    rest::approval::{ApprovalDetails, Approve, EditApproval},
};
use unionflow_service::approval;

use super::scene::{Club, Town, Wanted, amount, at_once};

const PRESIDENT: usize = 0;
const TREASURER: usize = 1;
const SECRETARY: usize = 2;
const PLAIN: usize = 4;

/// President, treasurer, secretary, a member of the board, a plain member; the demonstration's policy.
async fn scene() -> (Town, Club) {
    let town = Town::open().await;
    let roles: &[&[Role]] =
        &[&[Role::President], &[Role::Treasurer], &[Role::Secretary], &[Role::BoardMember], &[]];
    let club = town.found(policy::demo_rules(), roles).await;
    (town, club)
}

fn code<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> ErrorCode {
    answer.expect_err("it is refused").code
}

async fn account(town: &Town, club: &Club, kind: AccountKind) -> unionflow_domain::ledger::Account {
    let id = club.id;
    let chart = town.service.read(move |reader| Ok(reader.load_chart(id)?)).await.expect("they are read");
    chart.of_kind(kind).expect("every kind is there").clone()
}

async fn bank(town: &Town, club: &Club) -> AccountId {
    account(town, club, AccountKind::Bank).await.id
}

#[tokio::test]
async fn money_is_set_aside_on_the_account_that_pays_and_the_event_names_it() {
    let (town, club) = scene().await;
    let [president, treasurer] = [PRESIDENT, TREASURER].map(|n| club.people[n]);
    let details = ApprovalDetails { account_id: Some(bank(&town, &club).await), ..Default::default() };
    let wanted = Wanted { kind: TransactionType::Deposit, minor: 700, details };
    let request = town.submit(&club, treasurer, wanted).await.unwrap();
    let before = town.head(&club).await;
    town.approve(&club, president, request.id).await.unwrap();
    let cash = account(&town, &club, AccountKind::Cash).await;
    assert_eq!(cash.reserved, amount(700), "a deposit takes from the cash box");
    let told = town.told_after(&club, before).await;
    let reserved_on = told.iter().find_map(|told| match &told.envelope.event {
        Event::ApprovalApproved(data) => Some(data.account_id),
        _ => None,
    });
    assert_eq!(reserved_on, Some(Some(cash.id)));
}

#[tokio::test]
async fn a_vote_that_leaves_nobody_for_the_next_step_blocks_it_at_once() {
    let town = Town::open().await;
    let mut rules = policy::default_rules(false);
    let steps = vec![Step::of(1, &[Role::President, Role::Secretary]), Step::of(1, &[Role::President])];
    rules.levels.insert(Level::Level2, LevelRules::of(steps));
    for band in &mut rules.bands {
        if band.transaction_type == TransactionType::Expense {
            band.required_level = Level::Level2;
        }
    }
    let roles: &[&[Role]] = &[&[Role::President], &[Role::Treasurer], &[Role::Secretary]];
    let club = town.found(rules, roles).await;
    let [president, treasurer] = [PRESIDENT, TREASURER].map(|n| club.people[n]);
    let request = town.submit(&club, treasurer, Wanted::expense(5)).await.unwrap();
    assert_eq!(request.blocked, None);
    let before = town.head(&club).await;
    let voted = town.approve(&club, president, request.id).await.unwrap();
    let blocked = voted.blocked.expect("the president cannot vote in both steps");
    assert_eq!((voted.current_step, blocked.missing), (Some(2), 1));
    assert_eq!(town.types_after(&club, before).await, ["APPROVAL_VOTE_RECORDED", "APPROVAL_BLOCKED"]);
}

#[tokio::test]
async fn a_vote_outlives_the_office_and_taking_it_back_then_blocks() {
    let town = Town::open().await;
    let mut rules = policy::default_rules(false);
    let steps = vec![Step::of(2, &[Role::President, Role::BoardMember])];
    rules.levels.insert(Level::Level1, LevelRules::of(steps));
    let roles: &[&[Role]] = &[&[Role::President], &[Role::Treasurer], &[Role::Secretary, Role::BoardMember]];
    let club = town.found(rules, roles).await;
    let [treasurer, secretary] = [TREASURER, SECRETARY].map(|n| club.people[n]);
    let request = town.submit(&club, treasurer, Wanted::expense(5)).await.unwrap();
    town.approve(&club, secretary, request.id).await.unwrap();
    at_once(town.ask_role(&club, secretary, secretary.member, Role::BoardMember, false).await);
    assert_eq!(town.approval(request.id).await.blocked, None, "the vote stays, and the president is left");
    let before = town.head(&club).await;
    let back = town.withdraw(&club, secretary, request.id).await.unwrap();
    assert_eq!(back.blocked.map(|blocked| blocked.missing), Some(1));
    assert_eq!(town.types_after(&club, before).await, ["APPROVAL_VOTE_WITHDRAWN", "APPROVAL_BLOCKED"]);
}

#[tokio::test]
async fn a_failed_execution_is_recorded_and_may_be_tried_again_while_the_approval_holds() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary] = [PRESIDENT, TREASURER, SECRETARY].map(|n| club.people[n]);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = town.submit(&club, treasurer, Wanted::expense(900_000)).await.unwrap();
        town.approve(&club, president, request.id).await.unwrap();
        ids.push(town.approve(&club, secretary, request.id).await.unwrap());
    }
    assert_eq!([ids[0].reserved, ids[1].reserved], [true, false], "there is money for one");
    let before = town.head(&club).await;
    let failed = town.execute(&club, treasurer, ids[1].id).await.unwrap();
    assert_eq!(failed.failed, Some((ErrorCode::InsufficientFunds, Some(amount(100_000)))));
    assert_eq!(failed.approval.status, ApprovalStatus::Approved);
    assert_eq!(town.types_after(&club, before).await, ["APPROVAL_EXECUTION_FAILED"]);

    // The first lapses; what was set aside for it is free again, once.
    town.wait(720);
    town.sweep().await;
    town.sweep().await;
    assert_eq!(town.approval(ids[0].id).await.status, ApprovalStatus::Lapsed);
    assert_eq!(account(&town, &club, AccountKind::Cash).await.reserved, amount(0));
    assert_eq!(code(town.execute(&club, treasurer, ids[0].id).await), ErrorCode::WrongApprovalStatus);
}

#[tokio::test]
async fn money_of_a_request_whose_time_is_over_is_free_whether_or_not_a_sweeper_came_by() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary] = [PRESIDENT, TREASURER, SECRETARY].map(|n| club.people[n]);
    let old = town.submit(&club, treasurer, Wanted::expense(900_000)).await.unwrap();
    town.approve(&club, president, old.id).await.unwrap();
    town.approve(&club, secretary, old.id).await.unwrap();
    town.wait(715);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = town.submit(&club, treasurer, Wanted::expense(500_000)).await.unwrap();
        town.approve(&club, president, request.id).await.unwrap();
        ids.push(request.id);
    }
    assert!(!town.approve(&club, secretary, ids[0]).await.unwrap().reserved, "the old one has the money");
    town.wait(5);
    let before = town.head(&club).await;
    assert!(town.approve(&club, secretary, ids[1]).await.unwrap().reserved);
    let expected = ["APPROVAL_LAPSED", "APPROVAL_VOTE_RECORDED", "APPROVAL_APPROVED"];
    assert_eq!(town.types_after(&club, before).await, expected);
    assert_eq!(town.execute(&club, treasurer, ids[0]).await.unwrap().failed, None);
    assert_eq!(town.approval(old.id).await.status, ApprovalStatus::Lapsed);
    let cash = account(&town, &club, AccountKind::Cash).await;
    assert_eq!((cash.balance, cash.reserved), (amount(500_000), amount(500_000)));
}

#[tokio::test]
async fn execution_is_the_treasurers_posts_once_and_uses_what_was_set_aside() {
    let (town, club) = scene().await;
    let [president, treasurer] = [PRESIDENT, TREASURER].map(|n| club.people[n]);
    let request = town.submit(&club, treasurer, Wanted::expense(75_000)).await.unwrap();
    assert_eq!(code(town.execute(&club, treasurer, request.id).await), ErrorCode::WrongApprovalStatus);
    town.approve(&club, president, request.id).await.unwrap();
    assert_eq!(code(town.execute(&club, president, request.id).await), ErrorCode::Forbidden);
    let before = town.head(&club).await;
    let done = town.execute(&club, treasurer, request.id).await.unwrap();
    assert_eq!(done.approval.status, ApprovalStatus::Executed);
    assert_eq!(town.types_after(&club, before).await, ["LEDGER_ENTRY_POSTED", "APPROVAL_EXECUTED"]);
    let again = town.execute(&club, treasurer, request.id).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::WrongApprovalStatus);
    assert_eq!(again.current.unwrap()["status"], "EXECUTED", "a conflict shows how it stands");
    let cash = account(&town, &club, AccountKind::Cash).await;
    assert_eq!((cash.balance, cash.reserved), (amount(925_000), amount(0)));
}

#[tokio::test]
async fn an_edit_voids_votes_chooses_the_steps_anew_and_asks_what_the_next_voter_saw() {
    let (town, club) = scene().await;
    let [president, treasurer] = [PRESIDENT, TREASURER].map(|n| club.people[n]);
    let request = town.submit(&club, treasurer, Wanted::expense(200_000)).await.unwrap();
    town.approve(&club, president, request.id).await.unwrap();
    town.wait(24);
    let dearer = EditApproval { amount: Some(amount(2_000_000)), ..Default::default() };
    assert_eq!(code(town.edit(&club, president, request.id, dearer.clone()).await), ErrorCode::NotTheCreator);
    let edited = town.edit(&club, treasurer, request.id, dearer).await.unwrap();
    assert_eq!((edited.terms.required_level, edited.votes.len()), (Level::Level3, 0));
    assert!(edited.terms.decide_by > request.terms.decide_by);
    assert_ne!(edited.terms.content_hash, request.terms.content_hash);
    for seen in [None, Some(request.terms.content_hash)] {
        let body = Approve { comment: None, content_hash: seen };
        let voted = town
            .act(&club, president, move |tx, call| approval::approve::approve(tx, call, request.id, &body))
            .await;
        let refusal = voted.unwrap_err();
        assert_eq!(refusal.code, ErrorCode::ContentChanged);
        assert_eq!(refusal.current.unwrap()["amount"], 2_000_000);
    }
    town.approve(&club, president, request.id).await.unwrap();
}

#[tokio::test]
async fn nothing_is_decided_after_the_deadline_whether_or_not_a_sweeper_came_by() {
    let (town, club) = scene().await;
    let [president, treasurer] = [PRESIDENT, TREASURER].map(|n| club.people[n]);
    let request = town.submit(&club, treasurer, Wanted::expense(5)).await.unwrap();
    town.wait(14 * 24);
    let before = town.head(&club).await;
    let late = town.approve(&club, president, request.id).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::DecisionTooLate);
    assert!(late.current.is_some());
    assert_eq!(code(town.reject(&club, president, request.id).await), ErrorCode::DecisionTooLate);
    assert_eq!(code(town.cancel(&club, treasurer, request.id).await), ErrorCode::DecisionTooLate);
    assert_eq!(town.head(&club).await, before, "a refusal writes nothing");
    town.sweep().await;
    assert_eq!(town.types_after(&club, before).await, ["APPROVAL_EXPIRED"]);
    assert_eq!(code(town.approve(&club, president, request.id).await), ErrorCode::WrongApprovalStatus);
}

#[tokio::test]
async fn types_of_later_parts_and_of_other_routes_are_refused_and_write_nothing() {
    let (town, club) = scene().await;
    let before = town.head(&club).await;
    for (kind, expected) in [
        (TransactionType::Contribution, ErrorCode::TypeNotAvailable),
        (TransactionType::Refund, ErrorCode::TypeNotAvailable),
        (TransactionType::Waiver, ErrorCode::TypeNotAvailable),
        (TransactionType::PolicyChange, ErrorCode::ValidationFailed),
        (TransactionType::RoleChange, ErrorCode::ValidationFailed),
    ] {
        let wanted = || Wanted { kind, minor: 5, details: ApprovalDetails::default() };
        assert_eq!(code(town.submit(&club, club.people[PRESIDENT], wanted()).await), expected, "{kind}");
        assert!(town.submit(&club, club.people[PLAIN], wanted()).await.is_err(), "{kind}");
    }
    assert_eq!(town.head(&club).await, before);
}

#[tokio::test]
async fn a_vote_taken_back_no_longer_counts_and_both_acts_are_in_the_journal() {
    let (town, club) = scene().await;
    let [president, treasurer, secretary] = [PRESIDENT, TREASURER, SECRETARY].map(|n| club.people[n]);
    let request = town.submit(&club, treasurer, Wanted::expense(2_000_000)).await.unwrap();
    town.approve(&club, president, request.id).await.unwrap();
    town.approve(&club, secretary, request.id).await.unwrap();
    let back = town.withdraw(&club, secretary, request.id).await.unwrap();
    assert_eq!((back.current_step, back.votes_in_step), (Some(2), 0));
    assert_eq!(code(town.withdraw(&club, secretary, request.id).await), ErrorCode::NoVoteToWithdraw);
    assert_eq!(code(town.withdraw(&club, president, request.id).await), ErrorCode::NoVoteToWithdraw);
    let types = town.types_after(&club, Seq(0)).await;
    let ours: Vec<&str> = types.iter().map(String::as_str).filter(|t| t.contains("VOTE")).collect();
    assert_eq!(ours, ["APPROVAL_VOTE_RECORDED", "APPROVAL_VOTE_RECORDED", "APPROVAL_VOTE_WITHDRAWN"]);
}
