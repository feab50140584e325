//! Facts about approvals, named by the rules of the domain (P…, V…).

use proptest::prelude::*;
use unionflow_protocol::{
    Amount, Currency, Date, Role, RoleSet, Timestamp,
    account::{AccountKind, EntryCause},
    approval::{ApprovalStatus, Level, LevelRules, PolicyRules, Step, TransactionType},
    event::approvals::ApprovalContent,
    id::{AccountId, ApprovalId, EntryId, MemberId, OrganizationId},
    problem::ErrorCode,
    rest::approval::ApprovalDetails,
};
use uuid::Uuid;

use super::{content, *};
use crate::{
    detail::Detail,
    ledger::{Account, Chart, Entry},
    member::CodeGiver,
    policy,
};

const PRESIDENT: u128 = 1;
const TREASURER: u128 = 2;
const SECRETARY: u128 = 3;
const BOARD: u128 = 4;
const AUDITOR: u128 = 6;
const PLAIN: u128 = 7;

fn member(n: u128) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(n))
}

fn voter(n: u128) -> Voter {
    let role = match n {
        PRESIDENT => Role::President,
        TREASURER => Role::Treasurer,
        SECRETARY => Role::Secretary,
        BOARD | 5 => Role::BoardMember,
        AUDITOR => Role::Auditor,
        _ => Role::Member,
    };
    Voter { member_id: member(n), roles: RoleSet::of(&[Role::Member, role]) }
}

/// President, treasurer, secretary, two members of the board; the auditor and a plain member have no vote.
fn everyone() -> Electorate {
    Electorate::new((1..=7).map(voter).collect())
}

fn only(people: &[u128]) -> Electorate {
    Electorate::new(people.iter().copied().map(voter).collect())
}

fn at(hours: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000 + hours * 3_600_000)
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

fn in_force(rules: PolicyRules) -> Policy {
    policy::validate(&rules).unwrap();
    Policy { version: 1, rules, since: at(0), approval_id: None }
}

fn expense(minor: i64) -> ApprovalContent {
    ApprovalContent {
        transaction_type: TransactionType::Expense,
        amount: amount(minor),
        currency: Currency::XOF,
        beneficiary_member_id: None,
        account_id: Some(cash()),
        to_account_id: None,
        due_id: None,
        payment_id: None,
        purpose_hash: "p".into(),
        role_change: None,
        policy_change: None,
    }
}

fn cash() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(101))
}

fn chart(holds: i64) -> Chart {
    let account = |n, kind, balance| Account {
        balance: amount(balance),
        ..Account::open(AccountId::from_uuid(Uuid::from_u128(n)), kind, Currency::XOF)
    };
    Chart::new(vec![
        account(101, AccountKind::Cash, holds),
        account(102, AccountKind::Expense, 0),
        account(103, AccountKind::Opening, -holds),
    ])
}

fn submit(requester: u128, content: ApprovalContent, rules: PolicyRules) -> Approval {
    submit_to(&everyone(), requester, content, rules)
}

fn submit_to(
    electorate: &Electorate,
    requester: u128,
    content: ApprovalContent,
    rules: PolicyRules,
) -> Approval {
    let new = NewApproval {
        id: ApprovalId::from_uuid(Uuid::from_u128(500)),
        organization_id: OrganizationId::from_uuid(Uuid::from_u128(600)),
        requester_id: member(requester),
        content,
    };
    Approval::submit(new, &in_force(rules), electorate, at(0)).unwrap()
}

/// At this hour the first was shown a code to the account of the second.
fn gave(giver: u128, receiver: u128, hour: i64) -> GivenCode {
    GivenCode { receiver_id: member(receiver), giver: CodeGiver { member_id: member(giver), at: at(hour) } }
}

/// An expense of this amount by the treasurer under the demonstration's policy.
fn asked(minor: i64) -> Approval {
    submit(TREASURER, expense(minor), policy::demo_rules())
}

fn approve(approval: &mut Approval, n: u128) -> Result<Voted, ErrorCode> {
    approval.approve(&voter(n), &everyone(), None, at(1)).map_err(|refusal| refusal.code)
}

#[test]
fn an_expense_of_75_000_by_the_treasurer_is_approved_by_the_presidents_one_vote() {
    let mut approval = asked(75_000);
    let voted = approve(&mut approval, PRESIDENT).unwrap();
    assert!(voted.approved && voted.step == 1 && voted.votes_in_step == 1 && voted.votes_needed == 1);
    assert_eq!(approval.status, ApprovalStatus::Approved);
    assert_eq!(approval.outcome.approved_by, Some(member(PRESIDENT)));
    assert_eq!(approval.outcome.execute_by, Some(at(1 + 720)));
}

#[test]
fn steps_are_taken_in_order_each_by_its_own_roles() {
    let mut approval = asked(2_000_000);
    assert_eq!(approve(&mut approval, SECRETARY), Err(ErrorCode::NotAnApprover), "the president comes first");
    assert!(approve(&mut approval, PRESIDENT).unwrap().step_closed);
    assert!(!approve(&mut approval, SECRETARY).unwrap().step_closed);
    assert_eq!(approve(&mut approval, AUDITOR), Err(ErrorCode::NotAnApprover));
    let last = approve(&mut approval, BOARD).unwrap();
    assert!(last.approved && last.step == 2 && last.votes_in_step == 2);
}

#[test]
fn makers_do_not_vote_p8() {
    let mut approval = asked(5_000);
    assert_eq!(approve(&mut approval, TREASURER), Err(ErrorCode::MakerMayNotVote));
    let for_board = ApprovalContent { beneficiary_member_id: Some(member(BOARD)), ..expense(5_000) };
    let mut approval = submit(TREASURER, for_board, policy::demo_rules());
    assert_eq!(approve(&mut approval, BOARD), Err(ErrorCode::MakerMayNotVote));
    let rejection = approval.reject(&voter(BOARD), &everyone(), None, at(1));
    assert_eq!(rejection.unwrap_err().code, ErrorCode::MakerMayNotVote, "nor do they reject");
}

#[test]
fn nobody_is_called_on_to_vote_on_a_request_of_their_own() {
    let called = |approval: &Approval, lone| {
        let audience = crate::notification::waiting(approval, lone).audience;
        [PRESIDENT, TREASURER, BOARD].map(|n| audience.admits(member(n), voter(n).roles))
    };
    let ask = |maker, content, single| submit(maker, content, policy::default_rules(single));
    assert_eq!(called(&ask(TREASURER, expense(5_000), false), false), [true, false, true]);
    let for_board = || ApprovalContent { beneficiary_member_id: Some(member(BOARD)), ..expense(5_000) };
    assert_eq!(called(&ask(TREASURER, for_board(), false), false), [true, false, false]);
    assert_eq!(called(&ask(TREASURER, expense(5_000), true), false), [true, false, true]);
    assert_eq!(called(&ask(TREASURER, expense(5_000), true), true), [true, true, true], "decides alone");
    let own = ApprovalContent { beneficiary_member_id: Some(member(TREASURER)), ..expense(5_000) };
    assert_eq!(called(&ask(TREASURER, own, true), true), [true, false, true], "never for oneself");
}

#[test]
fn whoever_gave_a_code_and_whoever_got_it_are_one_person() {
    let day = 24;
    let with = |codes: &[GivenCode]| everyone().with_codes(codes.to_vec());
    let refused = |approval: &mut Approval, who: u128, electorate: &Electorate| {
        let seen = approval.terms.content_hash.clone();
        approval.approve(&voter(who), electorate, Some(&seen), at(1)).map_err(|refusal| refusal.code)
    };
    for code in [gave(PRESIDENT, TREASURER, 0), gave(TREASURER, PRESIDENT, 0), gave(PRESIDENT, TREASURER, 1)]
    {
        let codes = with(&[code]);
        let mut approval = submit_to(&codes, TREASURER, expense(5_000), policy::demo_rules());
        assert_eq!(refused(&mut approval, PRESIDENT, &codes), Err(ErrorCode::CodeGiverMayNotVote));
        let rejection = approval.reject(&voter(PRESIDENT), &codes, None, at(1));
        assert_eq!(rejection.unwrap_err().code, ErrorCode::CodeGiverMayNotVote);
        refused(&mut approval, SECRETARY, &codes).unwrap();

        let needs_both = submit_to(&codes, TREASURER, expense(150_000), policy::demo_rules());
        let blocked = needs_both.blocked.expect("nobody else is president");
        assert_eq!((blocked.missing, blocked.roles_to_act), (1, RoleSet::of(&[Role::President])));
        let lone = Electorate::new(vec![voter(PRESIDENT)]).with_codes(vec![code]);
        let mut alone = submit_to(&lone, TREASURER, expense(5_000), policy::default_rules(true));
        assert!(refused(&mut alone, PRESIDENT, &lone).unwrap().single_signature);
    }
    let codes = with(&[gave(SECRETARY, PLAIN, 0)]);
    let aid = ApprovalContent { beneficiary_member_id: Some(member(PLAIN)), ..expense(5_000) };
    let mut for_the_puppet = submit_to(&codes, TREASURER, aid, policy::demo_rules());
    assert_eq!(for_the_puppet.terms.code_givers, [member(SECRETARY)]);
    assert_eq!(refused(&mut for_the_puppet, SECRETARY, &codes), Err(ErrorCode::CodeGiverMayNotVote));

    let codes = with(&[gave(SECRETARY, BOARD, -3 * day)]);
    let mut both = submit_to(&codes, TREASURER, expense(2_000_000), policy::demo_rules());
    refused(&mut both, PRESIDENT, &codes).unwrap();
    refused(&mut both, SECRETARY, &codes).unwrap();
    assert_eq!(refused(&mut both, BOARD, &codes), Err(ErrorCode::CodeGiverMayNotVote), "they have voted");
    assert!(refused(&mut both, 5, &codes).unwrap().approved);
}

#[test]
fn only_ninety_days_end_that_two_are_one_and_not_while_a_request_waits() {
    let day = 24;
    let codes = |hour| everyone().with_codes(vec![gave(SECRETARY, TREASURER, hour)]);
    let long_ago = submit_to(&codes(-90 * day), TREASURER, expense(5_000), policy::demo_rules());
    assert_eq!(long_ago.may_vote(&voter(SECRETARY), &codes(-90 * day), at(1)), Ok(()));
    let recent = submit_to(&codes(-89 * day), TREASURER, expense(5_000), policy::demo_rules());
    let late = recent.may_vote(&voter(SECRETARY), &codes(-89 * day), at(13 * day));
    assert_eq!(late, Err(ErrorCode::CodeGiverMayNotVote));

    let mut waits = submit(TREASURER, expense(5_000), policy::demo_rules());
    waits.edit(member(TREASURER), expense(6_000), &in_force(policy::demo_rules()), &codes(1), at(1)).unwrap();
    let seen = waits.may_vote(&voter(SECRETARY), &everyone(), at(2));
    assert_eq!(seen, Err(ErrorCode::CodeGiverMayNotVote), "noted with an edit");
}

#[test]
fn one_person_one_vote_across_steps_and_offices_p9() {
    let mut approval = asked(2_000_000);
    let both =
        Voter { member_id: member(PRESIDENT), roles: RoleSet::of(&[Role::President, Role::Secretary]) };
    assert!(approval.approve(&both, &everyone(), None, at(1)).is_ok());
    let again = approval.approve(&both, &everyone(), None, at(1)).unwrap_err();
    assert_eq!(again.code, ErrorCode::AlreadyVoted);
}

#[test]
fn what_is_decided_stays_decided_p10_p11() {
    let mut approval = asked(5_000);
    approve(&mut approval, PRESIDENT).unwrap();
    assert_eq!(approve(&mut approval, SECRETARY), Err(ErrorCode::WrongApprovalStatus));
    let late = approval.reject(&voter(SECRETARY), &everyone(), None, at(1)).unwrap_err();
    assert_eq!(late.code, ErrorCode::WrongApprovalStatus);
    assert_eq!(late.detail, Some(Detail::Status(ApprovalStatus::Approved)));
    let mut rejected = asked(5_000);
    rejected.reject(&voter(SECRETARY), &everyone(), None, at(1)).unwrap();
    assert_eq!(approve(&mut rejected, PRESIDENT), Err(ErrorCode::WrongApprovalStatus));
    let refused = rejected.cancel(rejected.requester_id, at(1)).unwrap_err();
    assert_eq!(refused.detail, Some(Detail::Status(ApprovalStatus::Rejected)));
}

#[test]
fn a_vote_may_be_taken_back_while_its_step_is_open_p13() {
    let mut approval = asked(2_000_000);
    approve(&mut approval, PRESIDENT).unwrap();
    let closed = approval.withdraw(member(PRESIDENT), at(2)).unwrap_err();
    assert_eq!(closed.code, ErrorCode::NoVoteToWithdraw, "its step is closed");
    approve(&mut approval, SECRETARY).unwrap();
    assert_eq!(approval.withdraw(member(SECRETARY), at(2)).unwrap().votes_in_step, 0);
    assert_eq!(approval.votes.len(), 2, "both acts stay as facts");
    assert!(approve(&mut approval, SECRETARY).is_ok(), "and one may change one's mind again");
}

#[test]
fn an_edit_voids_the_votes_and_chooses_the_band_anew_p14() {
    let mut approval = asked(200_000);
    approve(&mut approval, PRESIDENT).unwrap();
    let before = approval.terms.content_hash.clone();
    let rules = in_force(policy::demo_rules());
    let voided = approval.edit(member(TREASURER), expense(1_500_000), &rules, &everyone(), at(5)).unwrap();
    assert_eq!(voided, Some(1));
    assert_eq!(approval.terms.required_level, Level::Level3);
    assert_eq!(approval.terms.decide_by, at(5 + 14 * 24));
    assert_ne!(approval.terms.content_hash, before);
    assert_eq!(
        approve(&mut approval, PRESIDENT),
        Err(ErrorCode::ContentChanged),
        "once edited, say what you saw"
    );
    let stale = approval.approve(&voter(PRESIDENT), &everyone(), Some(&before), at(6)).unwrap_err();
    assert_eq!(stale.code, ErrorCode::ContentChanged);
    let seen = approval.terms.content_hash.clone();
    assert!(approval.approve(&voter(PRESIDENT), &everyone(), Some(&seen), at(6)).is_ok());
}

#[test]
fn an_edit_and_its_opposite_do_not_bring_votes_back_p14() {
    let mut approval = asked(2_000_000);
    approve(&mut approval, PRESIDENT).unwrap();
    let rules = in_force(policy::demo_rules());
    let first = approval.terms.content_hash.clone();
    for minor in [2_500_000, 2_000_000] {
        approval.edit(member(TREASURER), expense(minor), &rules, &everyone(), at(2)).unwrap();
    }
    assert_eq!(approval.terms.content_hash, first, "the same content again");
    assert_eq!(approval.standing_votes().count(), 0);
    let Resolution::Open { step: 1, votes_in_step: 0, .. } = approval.resolve(at(3)) else {
        panic!("{:?}", approval.resolve(at(3)))
    };
    approval.approve(&voter(PRESIDENT), &everyone(), Some(&first), at(3)).unwrap();
}

#[test]
fn only_the_creator_edits_and_cancels_and_only_while_it_waits() {
    let rules = in_force(policy::demo_rules());
    let mut approval = asked(5_000);
    let edit = |approval: &mut Approval, who, now| {
        approval.edit(member(who), expense(6_000), &rules, &everyone(), now).map_err(|refusal| refusal.code)
    };
    assert_eq!(edit(&mut approval, PRESIDENT, at(1)), Err(ErrorCode::NotTheCreator));
    assert_eq!(edit(&mut approval, TREASURER, at(14 * 24)), Err(ErrorCode::DecisionTooLate));
    assert_eq!(approval.clone().cancel(member(SECRETARY), at(1)).unwrap_err().code, ErrorCode::NotTheCreator);
    approve(&mut approval, PRESIDENT).unwrap();
    assert_eq!(edit(&mut approval, TREASURER, at(1)), Err(ErrorCode::WrongApprovalStatus));
    assert_eq!(approval.cancel(member(TREASURER), at(1)).unwrap_err().code, ErrorCode::WrongApprovalStatus);
}

#[test]
fn no_vote_counts_from_the_deadline_on_v8() {
    let mut approval = asked(5_000);
    let deadline = approval.terms.decide_by;
    let just_before = deadline.minus(std::time::Duration::from_millis(1));
    let late = approval.clone().approve(&voter(PRESIDENT), &everyone(), None, deadline).unwrap_err();
    assert_eq!(late.code, ErrorCode::DecisionTooLate, "also when no sweeper came by");
    assert!(!approval.clone().expire(just_before));
    assert!(approval.clone().expire(deadline));
    assert!(approval.approve(&voter(PRESIDENT), &everyone(), None, just_before).unwrap().approved);
    assert!(!approval.expire(deadline), "what was approved in time does not expire");
}

#[test]
fn it_says_when_too_few_are_left_who_may_decide_p7() {
    let mut approval = asked(2_000_000);
    assert_eq!(approval.feasibility(&everyone()), None);
    let blocked = approval.feasibility(&only(&[PRESIDENT, SECRETARY])).unwrap();
    assert_eq!(blocked.missing, 1);
    assert!(blocked.roles_to_act.contains(Role::BoardMember));
    let no_president = approval.feasibility(&only(&[TREASURER, SECRETARY, BOARD])).unwrap();
    assert_eq!((no_president.missing, no_president.roles_to_act), (1, RoleSet::of(&[Role::President])));
    approve(&mut approval, PRESIDENT).unwrap();
    assert_eq!(
        approval.feasibility(&only(&[SECRETARY, BOARD])),
        None,
        "a vote cast stays when its voter leaves (P6)"
    );
    assert!(approval.review_feasibility(&only(&[SECRETARY])).is_some());
    assert!(approval.review_feasibility(&only(&[SECRETARY])).is_none(), "said once");
    assert_eq!(approval.review_feasibility(&everyone()), Some(None));
}

#[test]
fn one_person_with_two_offices_fills_one_slot_only_p7() {
    let approval = asked(500_000);
    let doubled =
        Voter { member_id: member(PRESIDENT), roles: RoleSet::of(&[Role::President, Role::Secretary]) };
    assert_eq!(approval.feasibility(&Electorate::new(vec![doubled])).unwrap().missing, 1);
}

#[test]
fn a_lone_officer_decides_alone_only_where_the_policy_says_so_p26() {
    let lone = only(&[PRESIDENT]);
    let ask = |single| submit(PRESIDENT, expense(5_000), policy::default_rules(single));
    let code = |approval: &mut Approval, electorate: &Electorate| {
        approval.approve(&voter(PRESIDENT), electorate, None, at(1)).map_err(|refusal| refusal.code)
    };
    assert_eq!(code(&mut ask(false), &lone), Err(ErrorCode::MakerMayNotVote));
    assert_eq!(
        code(&mut ask(true), &only(&[PRESIDENT, SECRETARY])),
        Err(ErrorCode::MakerMayNotVote),
        "no longer alone"
    );
    assert!(code(&mut ask(true), &lone).unwrap().approved);
    let own = ApprovalContent { beneficiary_member_id: Some(member(PRESIDENT)), ..expense(5_000) };
    let mut for_himself = submit(PRESIDENT, own, policy::default_rules(true));
    assert_eq!(code(&mut for_himself, &lone), Err(ErrorCode::MakerMayNotVote), "never the beneficiary");
    assert!(for_himself.feasibility(&lone).is_some());
}

#[test]
fn a_single_signature_completes_each_step_with_one_vote() {
    let mut rules = policy::demo_rules();
    rules.single_signature = true;
    let mut approval = submit(TREASURER, expense(2_000_000), rules);
    let lone = only(&[TREASURER]);
    assert_eq!(approval.feasibility(&lone), None);
    let first = approval.approve(&voter(TREASURER), &lone, None, at(1)).unwrap();
    assert!(first.single_signature && first.step_closed && !first.approved);
    assert!(approval.approve(&voter(TREASURER), &lone, None, at(1)).unwrap().approved);
}

#[test]
fn a_type_that_needs_no_vote_is_approved_at_once_and_money_never_without_a_rule() {
    let mut rules = policy::demo_rules();
    rules.bands[0].required_level = Level::None;
    let kind = rules.bands[0].transaction_type;
    let content = ApprovalContent { transaction_type: kind, ..expense(5) };
    let approval = submit(TREASURER, content, rules);
    assert_eq!((approval.status, approval.outcome.approved_by), (ApprovalStatus::Approved, None));
}

#[test]
fn execution_uses_what_was_set_aside_and_happens_once_p17() {
    let mut chart = chart(100);
    let mut approval = asked(80);
    approve(&mut approval, PRESIDENT).unwrap();
    assert!(approval.reserve(&mut chart).is_some());
    let execution = approval.execution(&chart, at(2)).unwrap();
    execute(&mut approval, &execution, &mut chart).unwrap();
    assert_eq!(chart.account(cash()).unwrap().balance, amount(20));
    assert_eq!(chart.account(cash()).unwrap().reserved, Amount::ZERO);
    assert_eq!(approval.execution(&chart, at(2)).unwrap_err().code, ErrorCode::WrongApprovalStatus);
}

#[test]
fn without_cover_it_stays_approved_and_execution_looks_again_p19() {
    let mut chart = chart(50);
    let mut approval = asked(80);
    approve(&mut approval, PRESIDENT).unwrap();
    assert_eq!(approval.reserve(&mut chart), None);
    let execution = approval.execution(&chart, at(2)).unwrap();
    let failed = execute(&mut approval, &execution, &mut chart).unwrap_err();
    assert_eq!((failed.code, failed.available), (ErrorCode::InsufficientFunds, Some(amount(50))));
    assert_eq!(approval.status, ApprovalStatus::Approved);
    assert_eq!(chart.account(cash()).unwrap().balance, amount(50));
}

#[test]
fn what_is_not_executed_in_time_lapses_p18() {
    let mut approval = asked(80);
    approve(&mut approval, PRESIDENT).unwrap();
    let deadline = approval.outcome.execute_by.unwrap();
    assert_eq!(approval.execution(&chart(100), deadline).unwrap_err().code, ErrorCode::ExecutionTooLate);
    assert!(approval.lapse(deadline));
    assert!(!approval.lapse(deadline));
    assert_eq!(approval.status, ApprovalStatus::Lapsed);
}

fn execute(approval: &mut Approval, execution: &Execution, chart: &mut Chart) -> Result<(), NotExecuted> {
    let entry = Entry {
        id: EntryId::from_uuid(Uuid::from_u128(900)),
        value_date: Date::new(2026, 1, 1).unwrap(),
        lines: execution.lines.clone(),
        currency: Currency::XOF,
        cause: EntryCause::Approval,
        cause_id: approval.id.into(),
    };
    approval.execute(member(TREASURER), &entry, execution, chart, at(2))
}

#[test]
fn the_content_hash_covers_what_matters_and_can_be_repeated_from_the_event() {
    let base = content::hash(&expense(5));
    for other in [
        expense(6),
        ApprovalContent { account_id: None, ..expense(5) },
        ApprovalContent { beneficiary_member_id: Some(member(1)), ..expense(5) },
        ApprovalContent { purpose_hash: "q".into(), ..expense(5) },
        ApprovalContent { transaction_type: TransactionType::Aid, ..expense(5) },
    ] {
        assert_ne!(content::hash(&other), base, "{other:?}");
    }
    let as_sent = serde_json::to_string(&expense(5)).unwrap();
    let read: ApprovalContent = serde_json::from_str(&as_sent).unwrap();
    assert_eq!(content::hash(&read), base);
}

#[test]
fn a_plain_member_asks_for_aid_for_himself_and_for_nothing_else() {
    let plain = RoleSet::of(&[Role::Member]);
    let ask = |kind, details: &ApprovalDetails, roles| {
        let wanted =
            content::Wanted { transaction_type: kind, amount: amount(5), currency: Currency::XOF, details };
        content::money(&wanted, Currency::XOF, member(PLAIN), roles, String::new())
    };
    let none = ApprovalDetails::default();
    let other = ApprovalDetails { beneficiary_member_id: Some(member(BOARD)), ..none };
    let aid = ask(TransactionType::Aid, &none, plain).unwrap();
    assert_eq!(aid.beneficiary_member_id, Some(member(PLAIN)));
    assert_eq!(ask(TransactionType::Aid, &other, plain).unwrap_err().code, ErrorCode::ValidationFailed);
    assert_eq!(ask(TransactionType::Expense, &none, plain).unwrap_err().code, ErrorCode::Forbidden);
    assert_eq!(ask(TransactionType::Refund, &none, plain).unwrap_err().code, ErrorCode::TypeNotAvailable);
    let admin = RoleSet::of(&[Role::Admin]);
    assert_eq!(ask(TransactionType::Aid, &none, admin).unwrap_err().code, ErrorCode::Forbidden);
}

/// What can be done to a request, by whom; hours pass in between.
#[derive(Debug, Clone)]
enum Act {
    Approve(u128),
    Reject(u128),
    Withdraw(u128),
    Edit(u128, i64),
    Cancel(u128),
    Sweep,
    Execute,
    Wait(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 1..=7u128;
    let act = prop_oneof![
        6 => who.clone().prop_map(Act::Approve),
        1 => who.clone().prop_map(Act::Reject),
        2 => who.clone().prop_map(Act::Withdraw),
        1 => (who.clone(), prop_oneof![Just(5_000i64), Just(500_000), Just(5_000_000)]).prop_map(|(n, a)| Act::Edit(n, a)),
        1 => who.prop_map(Act::Cancel),
        1 => Just(Act::Sweep),
        1 => Just(Act::Execute),
        2 => (1..200i64).prop_map(Act::Wait),
    ];
    proptest::collection::vec(act, 1..40)
}

proptest! {
    /// Whatever people try, in whatever order and at whatever time.
    #[test]
    fn no_path_leads_around_the_policy(start in prop_oneof![Just(5_000i64), Just(500_000), Just(5_000_000)], acts in acts()) {
        let rules = in_force(policy::demo_rules());
        let mut approval = asked(start);
        let mut chart = chart(10_000_000);
        let mut hours = 1;
        for act in acts {
            let now = at(hours);
            let before = approval.clone();
            let money_before = chart.account(cash()).unwrap().balance;
            let seen = approval.terms.content_hash.clone();
            let refused = match act {
                Act::Approve(n) => approval.approve(&voter(n), &everyone(), Some(&seen), now).is_err(),
                Act::Reject(n) => approval.reject(&voter(n), &everyone(), Some(&seen), now).is_err(),
                Act::Withdraw(n) => approval.withdraw(member(n), now).is_err(),
                Act::Edit(n, minor) => {
                    !matches!(approval.edit(member(n), expense(minor), &rules, &everyone(), now), Ok(Some(_)))
                }
                Act::Cancel(n) => approval.cancel(member(n), now).is_err(),
                Act::Sweep => !(approval.expire(now) || approval.lapse(now)),
                Act::Execute => match approval.execution(&chart, now) {
                    Ok(execution) => execute(&mut approval, &execution, &mut chart).is_err(),
                    Err(_) => true,
                },
                Act::Wait(more) => {
                    hours += more;
                    true
                }
            };
            if refused {
                prop_assert_eq!(&approval, &before, "a refusal changes nothing");
            }
            if before.status.is_final() {
                prop_assert_eq!(&approval, &before, "V7: nothing follows an end");
            }
            check_votes(&approval)?;
            if approval.terms != before.terms {
                prop_assert_eq!(approval.standing_votes().count(), 0, "P14: an edit voids every vote");
            }
            let cast = approval.votes.iter().zip(&before.votes);
            prop_assert!(approval.votes.len() >= before.votes.len(), "a vote once cast stays as a fact");
            prop_assert!(cast.into_iter().all(|(now, then)| now.voter_id == then.voter_id && now.at == then.at));
            prop_assert_eq!(approval.resolve(now), approval.clone().resolve(now), "the same question has the same answer");
            if approval.status == ApprovalStatus::Approved && before.status == ApprovalStatus::Pending {
                prop_assert_eq!(approval.resolve(now), Resolution::Approved);
            }
            let moved = money_before.minor_units() - chart.account(cash()).unwrap().balance.minor_units();
            if approval.status == ApprovalStatus::Executed && before.status != ApprovalStatus::Executed {
                prop_assert_eq!(before.status, ApprovalStatus::Approved, "V6");
                prop_assert_eq!(moved, approval.content.amount.minor_units(), "V6: the entry is the amount");
            } else {
                prop_assert_eq!(moved, 0);
            }
        }
    }

    /// Within a step the order of votes does not matter, and neither does repeating the computation.
    #[test]
    fn the_order_of_votes_in_a_step_does_not_matter(order in Just(vec![SECRETARY, BOARD, 5]).prop_shuffle()) {
        let mut approval = asked(2_000_000);
        approve(&mut approval, PRESIDENT).unwrap();
        let mut closed = 0;
        for n in order {
            if approve(&mut approval, n).is_ok() {
                closed += 1;
            }
        }
        prop_assert_eq!((approval.status, closed), (ApprovalStatus::Approved, 2));
    }

    /// With random people and random steps: blocked says exactly whether some order of votes could still approve.
    #[test]
    fn blocked_is_true_exactly_when_nobody_can_complete_it(
        people in proptest::collection::vec(1u8..16, 0..5),
        steps in proptest::collection::vec((1u8..16, 1u8..3), 1..3),
        codes in proptest::collection::vec((9u128..15, 9u128..15), 0..4),
    ) {
        let voting = [Role::President, Role::Treasurer, Role::Secretary, Role::BoardMember];
        let set = |bits: u8| (0..4).filter(|i| bits & (1 << i) != 0).map(|i| voting[i]).collect::<RoleSet>();
        let mut rules = policy::default_rules(false);
        let steps = steps.iter().map(|(bits, min)| Step { roles: set(*bits), min_approvals: *min }).collect();
        rules.levels.insert(Level::Level1, LevelRules::of(steps));
        let voters: Vec<Voter> =
            (10u128..).zip(&people).map(|(n, bits)| Voter { member_id: member(n), roles: set(*bits) }).collect();
        let codes = codes.into_iter().map(|(giver, receiver)| gave(giver, receiver, 0)).collect();
        let electorate = Electorate::new(voters.clone()).with_codes(codes);
        let approval = submit_to(&electorate, 9, expense(5), rules);
        prop_assert_eq!(approval.feasibility(&electorate).is_none(), some_order_approves(&approval, &voters, &electorate));
    }
}

fn some_order_approves(approval: &Approval, voters: &[Voter], electorate: &Electorate) -> bool {
    if approval.status == ApprovalStatus::Approved {
        return true;
    }
    voters.iter().any(|voter| {
        let mut next = approval.clone();
        next.approve(voter, electorate, None, at(1)).is_ok() && some_order_approves(&next, voters, electorate)
    })
}

/// Approved means every copied step has its votes, on the current content, by distinct people outside the makers.
fn check_votes(approval: &Approval) -> Result<(), TestCaseError> {
    let standing: Vec<_> = approval.standing_votes().collect();
    let distinct: std::collections::BTreeSet<_> = standing.iter().map(|vote| vote.voter_id).collect();
    prop_assert_eq!(distinct.len(), standing.len(), "P9");
    for vote in &standing {
        prop_assert!(!approval.is_maker(vote.voter_id), "P8");
        prop_assert!(vote.at < approval.terms.decide_by, "V8");
        let roles = voter_number(vote.voter_id).roles;
        prop_assert!(step_roles(&approval.terms, vote.step).intersects(roles), "P5");
    }
    if matches!(approval.status, ApprovalStatus::Approved | ApprovalStatus::Executed | ApprovalStatus::Lapsed)
    {
        for (step, rule) in (1u8..).zip(&approval.terms.policy.steps) {
            let votes = standing.iter().filter(|vote| vote.step == step).count();
            prop_assert!(votes >= usize::from(rule.min_approvals), "V5");
        }
    }
    Ok(())
}

fn voter_number(id: MemberId) -> Voter {
    voter(id.uuid().as_u128())
}
