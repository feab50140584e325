//! How much one person may ask for, so that others can still decide.

use unionflow_domain::{Refusal, policy};
use unionflow_protocol::{
    Role,
    approval::{Level, TransactionType},
    problem::ErrorCode,
    rest::{approval::ApprovalDetails, member::EditMember},
};
use unionflow_service::{Call, member, realtime};
use unionflow_storage::Tx;

use super::scene::{Club, Town, Wanted, requested};

const ADMIN: usize = 0;
const PRESIDENT: usize = 1;
const PLAIN: usize = 2;

async fn scene() -> (Town, Club) {
    let town = Town::open().await;
    let club =
        town.found(policy::default_rules(false), &[&[Role::Admin], &[Role::President], &[], &[]]).await;
    (town, club)
}

fn code<T: std::fmt::Debug>(answer: Result<T, Refusal>) -> ErrorCode {
    answer.expect_err("it is refused").code
}

#[tokio::test]
async fn nobody_has_more_than_twenty_requests_for_roles_and_rules_open() {
    let (town, club) = scene().await;
    let admin = club.people[ADMIN];
    let rules = |hours| {
        let mut rules = policy::default_rules(false);
        rules.levels.get_mut(&Level::Level1).expect("there is one").decide_within_hours = hours;
        rules
    };
    let mut asked = Vec::new();
    for hours in 1..=20 {
        asked.push(town.ask_policy(&club, admin, rules(hours)).await.unwrap().id);
    }
    assert_eq!(code(town.ask_policy(&club, admin, rules(21)).await), ErrorCode::TooManyOpenRequests);
    let role = town.ask_role(&club, admin, club.people[PLAIN].member, Role::Auditor, true).await;
    assert_eq!(code(role), ErrorCode::TooManyOpenRequests);
    town.ask_policy(&club, club.people[PRESIDENT], rules(21)).await.expect("others may");
    town.cancel(&club, admin, asked[0]).await.unwrap();
    town.ask_policy(&club, admin, rules(22)).await.expect("one fewer is open");
}

#[tokio::test]
async fn a_member_without_an_office_asks_ten_times_a_day() {
    let (town, club) = scene().await;
    let plain = club.people[PLAIN];
    let ask = || {
        let details = ApprovalDetails::default();
        town.submit(&club, plain, Wanted { kind: TransactionType::Aid, minor: 5_000, details })
    };
    for _ in 0..10 {
        let made = ask().await.unwrap();
        town.cancel(&club, plain, made.id).await.unwrap();
    }
    let refusal = ask().await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::TooOftenToday);
    assert!(refusal.retry_after.is_some_and(|seconds| (1..=86_400).contains(&seconds)), "{refusal:?}");
    for _ in 0..12 {
        town.submit(&club, club.people[PRESIDENT], Wanted::expense(5)).await.expect("an officer may");
    }
    town.wait(24);
    ask().await.expect("tomorrow is another day");
}

#[tokio::test]
async fn what_was_too_often_today_binds_no_key() {
    let (town, club) = scene().await;
    let plain = club.people[PLAIN];
    let test = |tx: &mut Tx<'_>, call: &Call| realtime::test_event(tx, call);
    for _ in 0..60 {
        town.act(&club, plain, test).await.unwrap();
    }
    let head = town.head(&club).await;
    let refused = town.act_keyed(&club, plain, "the-same-key", test).await.expect("the store works");
    assert_eq!(code(refused.answer), ErrorCode::TooOftenToday);
    assert_eq!(town.head(&club).await, head);
    town.act(&club, club.people[PRESIDENT], test).await.expect("others may");
    town.wait(24);
    let later = town.act_keyed(&club, plain, "the-same-key", test).await.expect("the store works");
    assert!(later.answer.is_ok() && !later.replayed);
}

#[tokio::test]
async fn ones_own_contact_data_changes_twenty_times_a_day() {
    let (town, club) = scene().await;
    let [plain, admin] = [PLAIN, ADMIN].map(|n| club.people[n]);
    let edit = |who: super::scene::Who, n: u32| {
        let body = EditMember { email: Some(Some(format!("p{n}@example.org"))), ..EditMember::default() };
        town.act(&club, who, move |tx, call| member::edit::edit(tx, call, plain.member, &body))
    };
    for n in 0..20 {
        edit(plain, n).await.unwrap();
    }
    edit(plain, 19).await.expect("nothing changes, and nothing is told");
    assert_eq!(code(edit(plain, 20).await), ErrorCode::TooOftenToday);
    edit(admin, 21).await.expect("who keeps the members may");
}

#[tokio::test]
async fn a_twin_shows_the_first_request_to_those_who_may_see_it() {
    let (town, club) = scene().await;
    let [admin, president, plain] = [ADMIN, PRESIDENT, PLAIN].map(|n| club.people[n]);
    let first = requested(town.ask_role(&club, admin, plain.member, Role::Auditor, true).await);
    let number = town.member(plain.member).await.number.as_str().to_owned();
    assert_eq!(
        first.beneficiary_member_number.as_deref(),
        Some(number.as_str()),
        "whatever the name becomes"
    );
    for who in [admin, president] {
        let twin = town.ask_role(&club, who, plain.member, Role::Auditor, true).await.unwrap_err();
        assert_eq!((twin.code, twin.approval_id), (ErrorCode::DuplicateRequest, Some(first.id)));
        let current = twin.current.expect("both see it");
        assert_eq!((&current["id"], &current["status"]), (&serde_json::json!(first.id), &"PENDING".into()));
    }
    let by_the_president =
        requested(town.ask_role(&club, president, plain.member, Role::Secretary, true).await);
    let hidden = town.ask_role(&club, admin, plain.member, Role::Secretary, true).await.unwrap_err();
    assert_eq!((hidden.approval_id, hidden.current), (Some(by_the_president.id), None), "an administrator");
}
