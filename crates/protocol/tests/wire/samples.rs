//! One envelope of every type and of every shape that differs, with made-up ids: what the vectors are made of.

use serde::de::DeserializeOwned;
use unionflow_protocol::{
    Amount, Audience, Currency, Date, Envelope, EnvelopeHead, Event, Origin, Position, Role, RoleSet, Seq,
    Timestamp, View,
    account::{AccountKind, EntryCause},
    approval::{Band, Decision, Level, LevelRules, PolicyRules, Step, TransactionType},
    event::{EventType, approvals::*, contributions::*, dashboard::*, members::*, notifications::*},
    id::{AggregateId, EventId, MemberId},
    member::MemberStatus,
    notification::{NotificationKind, Severity},
    problem::ErrorCode,
};
use uuid::Uuid;

/// An envelope with a name, and who may see it.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) audience: Audience,
    pub(crate) envelope: Envelope,
}

/// A made-up id of version 7; the same number is the same id.
pub(crate) fn id<T: DeserializeOwned>(n: u128) -> T {
    let uuid = Uuid::from_u128(0x0199_c500_0000_7000_8000_0000_0000_0000 + n);
    serde_json::from_str(&format!("\"{uuid}\"")).unwrap()
}

pub(crate) const ORGANIZATION: u128 = 0x1;
pub(crate) const PRESIDENT: u128 = 0x11;
pub(crate) const TREASURER: u128 = 0x12;
pub(crate) const MEMBER: u128 = 0x14;
const APPROVAL: u128 = 0x21;
const CASH: u128 = 0x31;
const EXPENSES: u128 = 0x32;
const ENTRY: u128 = 0x41;
const PLAN: u128 = 0x51;
const DUE: u128 = 0x52;
const PAYMENT: u128 = 0x53;
const NOTIFICATION: u128 = 0x61;
const KEY: u128 = 0x71;
const BATCH: u128 = 0x81;

fn amount(minor_units: i64) -> Amount {
    Amount::new(minor_units).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const XOF: Currency = Currency::XOF;
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const SALTED: &str = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

/// Every sample, facts in `seq` order first.
pub(crate) fn all() -> Vec<Sample> {
    let mut samples = Samples::default();
    samples.approvals();
    samples.ledger();
    samples.members();
    samples.organization();
    samples.contributions();
    samples.notifications();
    samples.figures();
    samples.0
}

#[derive(Default)]
struct Samples(Vec<Sample>);

impl Samples {
    fn head(&self, about: u128) -> EnvelopeHead {
        let n = self.0.len() as u64 + 1;
        EnvelopeHead {
            event_id: id::<EventId>(0x1000 + u128::from(n)),
            organization_id: id(ORGANIZATION),
            position: Position::Fact(Seq(n)),
            timestamp: Timestamp::from_millis(1_795_342_530_123 + i64::try_from(n).unwrap()),
            aggregate_id: id::<AggregateId>(about),
            aggregate_version: Some(n),
            actor_id: Some(id::<MemberId>(TREASURER)),
            service_key_id: None,
            origin: Origin::Command,
            causation_id: None,
        }
    }

    fn add(&mut self, shape: &str, about: u128, audience: &Audience, event: impl Into<Event>) {
        let head = self.head(about);
        self.push(shape, head, audience, event);
    }

    fn push(&mut self, shape: &str, head: EnvelopeHead, audience: &Audience, event: impl Into<Event>) {
        let event = event.into();
        let name = [event.type_name(), shape].join(" ").trim().to_owned();
        self.0.push(Sample { name, audience: audience.clone(), envelope: Envelope { head, event } });
    }

    fn approvals(&mut self) {
        let officers = Audience::roles(RoleSet::OFFICERS).and_member(id(TREASURER));
        let expense = content(TransactionType::Expense, 75_000);
        let with_account = ApprovalContent { account_id: Some(id(CASH)), ..expense.clone() };
        self.add("expense", APPROVAL, &officers, pending(with_account.clone()));
        let transfer = ApprovalContent {
            transaction_type: TransactionType::Transfer,
            to_account_id: Some(id(0x33)),
            ..with_account.clone()
        };
        self.add("transfer", APPROVAL, &officers, pending(transfer));
        let aid = ApprovalContent { beneficiary_member_id: Some(id(MEMBER)), ..expense.clone() };
        let aid = ApprovalContent { transaction_type: TransactionType::Aid, ..aid };
        self.add("aid", APPROVAL, &officers.clone().and_member(id(MEMBER)), pending(aid));
        let refund = ApprovalContent { payment_id: Some(id(PAYMENT)), ..expense.clone() };
        let refund = ApprovalContent { transaction_type: TransactionType::Refund, ..refund };
        self.add("refund", APPROVAL, &officers, pending(refund));
        let waiver = ApprovalContent { due_id: Some(id(DUE)), ..expense };
        let waiver = ApprovalContent { transaction_type: TransactionType::Waiver, ..waiver };
        self.add("waiver", APPROVAL, &officers, pending(waiver));
        for (shape, change) in [
            ("role granted", RoleChange::Role { role: Role::Secretary, grant: true }),
            ("role taken", RoleChange::Role { role: Role::Secretary, grant: false }),
            ("membership", RoleChange::Status { status: MemberStatus::Suspended }),
            ("password code", RoleChange::Reset { reset: true }),
        ] {
            let beneficiary_member_id = Some(id(MEMBER));
            let governance = content(TransactionType::RoleChange, 0);
            let content = ApprovalContent { role_change: Some(change), beneficiary_member_id, ..governance };
            self.add(shape, APPROVAL, &officers, pending(content));
        }
        let governance = content(TransactionType::PolicyChange, 0);
        let policy = ApprovalContent { policy_change: Some(rules(true)), ..governance };
        self.add("policy", APPROVAL, &officers, pending(policy));
        let updated = ApprovalUpdated {
            id: id(APPROVAL),
            content: with_account,
            terms: ApprovalTerms { policy_version: 2, code_givers: vec![id(PRESIDENT)], ..terms() },
            previous_amount: amount(60_000),
            voided_votes: 1,
        };
        self.add("", APPROVAL, &officers, updated);
        self.votes(&officers);
        self.outcomes(&officers);
    }

    fn votes(&mut self, officers: &Audience) {
        let vote = ApprovalVoteRecorded {
            id: id(APPROVAL),
            step: 1,
            voter_id: id(PRESIDENT),
            decision: Decision::Approve,
            content_hash: HASH.to_owned(),
            votes_in_step: 1,
            votes_needed: 1,
            has_comment: true,
            single_signature: false,
        };
        self.add("", APPROVAL, officers, vote.clone());
        self.add("alone", APPROVAL, officers, ApprovalVoteRecorded { single_signature: true, ..vote });
        let (id, step) = (id(APPROVAL), 1);
        let withdrawn = ApprovalVoteWithdrawn {
            id,
            step,
            voter_id: self::id(PRESIDENT),
            votes_in_step: 0,
            votes_needed: 1,
        };
        self.add("", APPROVAL, officers, withdrawn);
        let roles_to_act = RoleSet::of(&[Role::Treasurer, Role::Secretary]);
        self.add("", APPROVAL, officers, ApprovalBlocked { id, step, missing: 1, roles_to_act });
        let roles_to_act = RoleSet::EMPTY;
        self.add("", APPROVAL, officers, ApprovalUnblocked { id, step, missing: 0, roles_to_act });
    }

    fn outcomes(&mut self, officers: &Audience) {
        let transaction_type = TransactionType::Expense;
        let (approval, amount, currency) = (id(APPROVAL), amount(75_000), XOF);
        let approved = ApprovalApproved {
            id: approval,
            transaction_type,
            amount,
            currency,
            approved_by: Some(id(PRESIDENT)),
            approvers: vec![id(PRESIDENT)],
            approved_at: at("2026-11-22T10:15:30.123Z"),
            execute_by: at("2026-12-22T10:15:30.123Z"),
            account_id: Some(id(CASH)),
            reserved: true,
        };
        self.add("", APPROVAL, officers, approved.clone());
        let without = ApprovalApproved {
            approved_by: None,
            approvers: Vec::new(),
            account_id: None,
            reserved: false,
            ..approved
        };
        self.add("without a vote", APPROVAL, officers, without);
        let rejected = ApprovalRejected {
            id: approval,
            transaction_type,
            amount,
            currency,
            rejected_by: id(PRESIDENT),
            rejected_at: at("2026-11-22T10:15:30.123Z"),
            step: 1,
        };
        self.add("", APPROVAL, officers, rejected);
        let by = Some(id(TREASURER));
        let cancelled = ApprovalCancelled { id: approval, transaction_type, amount, currency, by };
        self.add("", APPROVAL, officers, cancelled.clone());
        self.add("by the server", APPROVAL, officers, ApprovalCancelled { by: None, ..cancelled });
        let expired = ApprovalExpired { id: approval, transaction_type, amount, currency };
        let head = EnvelopeHead { actor_id: None, origin: Origin::Schedule, ..self.head(APPROVAL) };
        self.push("", head, officers, expired);
        let lapsed = ApprovalLapsed { id: approval, transaction_type, amount, currency };
        let head = EnvelopeHead { actor_id: None, origin: Origin::Schedule, ..self.head(APPROVAL) };
        self.push("", head, officers, lapsed);
        let executed = ApprovalExecuted {
            id: approval,
            transaction_type,
            amount,
            currency,
            executed_by: Some(id(TREASURER)),
            entry_id: Some(id(ENTRY)),
        };
        self.add("", APPROVAL, officers, executed.clone());
        let governance = ApprovalExecuted {
            transaction_type: TransactionType::PolicyChange,
            amount: Amount::ZERO,
            entry_id: None,
            ..executed
        };
        self.add("without an entry", APPROVAL, officers, governance);
        let code = ErrorCode::InsufficientFunds;
        let available = Some(self::amount(12_500));
        let failed = ApprovalExecutionFailed { id: approval, code, available };
        self.add("", APPROVAL, officers, failed);
        let impossible =
            ApprovalExecutionFailed { id: approval, code: ErrorCode::NoLongerPossible, available: None };
        self.add("not for want of money", APPROVAL, officers, impossible);
    }

    fn ledger(&mut self) {
        let (money, keepers) = (Audience::roles(RoleSet::MONEY), Audience::roles(RoleSet::KEEPERS));
        let founding = PolicyChanged { policy_version: 1, approval_id: None, rules: rules(false) };
        self.add("at founding", ORGANIZATION, &keepers, founding);
        let changed =
            PolicyChanged { policy_version: 2, approval_id: Some(id(APPROVAL)), rules: rules(true) };
        self.add("", ORGANIZATION, &keepers, changed);
        let opened = AccountOpened {
            id: id(CASH),
            kind: AccountKind::Cash,
            currency: XOF,
            opening_balance: amount(250_000),
        };
        self.add("", CASH, &money, opened);
        let line =
            |account: u128, kind, units| EntryLine { account_id: id(account), kind, amount: amount(units) };
        let posted = LedgerEntryPosted {
            id: id(ENTRY),
            value_date: date("2026-11-22"),
            lines: vec![line(CASH, AccountKind::Cash, -75_000), line(EXPENSES, AccountKind::Expense, 75_000)],
            currency: XOF,
            cause: EntryCause::Approval,
            cause_id: id(APPROVAL),
        };
        let causation_id = Some(id(0x1001));
        let head = EnvelopeHead { causation_id, ..self.head(ENTRY) };
        self.push("", head, &money, posted);
    }

    fn members(&mut self) {
        let keepers = Audience::roles(RoleSet::KEEPERS);
        let seen = keepers.clone().and_member(id(MEMBER));
        let created = MemberCreated {
            id: id(MEMBER),
            member_number: "0042".to_owned(),
            status: MemberStatus::Active,
            joined_on: date("2026-11-01"),
        };
        self.add("", MEMBER, &seen, created.clone());
        let head = EnvelopeHead { origin: Origin::Import, ..self.head(MEMBER) };
        self.push("row of an import", head, &Audience::none(), created.clone());
        let head = EnvelopeHead {
            origin: Origin::Inbound,
            actor_id: None,
            aggregate_version: None,
            ..self.head(MEMBER)
        };
        self.push("of another system", head, &keepers, created);
        let changed = MemberField::ALL.to_vec();
        self.add("", MEMBER, &seen, MemberUpdated { id: id(MEMBER), changed });
        macro_rules! status {
            ($name:ident, $previous:ident, $status:ident, $approval:expr) => {
                self.add(
                    "",
                    MEMBER,
                    &seen,
                    $name {
                        id: id(MEMBER),
                        status: MemberStatus::$status,
                        previous_status: MemberStatus::$previous,
                        effective_on: date("2026-11-22"),
                        has_reason: true,
                        approval_id: $approval,
                    },
                )
            };
        }
        status!(MemberAdmitted, Applicant, Active, None);
        status!(MemberRefused, Applicant, Refused, None);
        status!(MemberSuspended, Active, Suspended, Some(id(APPROVAL)));
        status!(MemberReinstated, Suspended, Active, None);
        status!(MemberLeft, Active, Left, None);
        self.add("", MEMBER, &seen, MemberInvited { id: id(MEMBER) });
        let head = EnvelopeHead { origin: Origin::Operator, actor_id: None, ..self.head(MEMBER) };
        self.push("by the operator", head, &seen, MemberResetIssued { id: id(MEMBER) });
        let erased = MemberErased { id: id(MEMBER), scope: ErasureScope::Personal };
        self.add("", MEMBER, &keepers, erased);
        let scopes = vec![
            KeyScope::ReadMembers,
            KeyScope::ReadMoney,
            KeyScope::DeclarePayments,
            KeyScope::Inbound(vec![EventType::ContributionPaid, EventType::MemberCreated]),
        ];
        self.add("", KEY, &keepers, ServiceKeyCreated { key_id: id(KEY), scopes: scopes.clone() });
        self.add("", KEY, &keepers, ServiceKeyRevoked { key_id: id(KEY), scopes });
    }

    fn organization(&mut self) {
        let all = Audience::everyone();
        let role = Role::Secretary;
        let approval_id = Some(id(APPROVAL));
        self.add("", MEMBER, &all, RoleGranted { id: id(MEMBER), role, approval_id });
        self.add("at founding", MEMBER, &all, RoleGranted { id: id(MEMBER), role, approval_id: None });
        self.add("", MEMBER, &all, RoleRevoked { id: id(MEMBER), role, approval_id });
        let time_zone: unionflow_protocol::TimeZone = "Africa/Abidjan".parse().unwrap();
        let created =
            OrganizationCreated { changed: Vec::new(), currency: XOF, time_zone: time_zone.clone() };
        self.add("", ORGANIZATION, &all, created);
        let changed = OrganizationField::ALL.to_vec();
        self.add("", ORGANIZATION, &all, OrganizationUpdated { changed, currency: XOF, time_zone });
        let keepers = Audience::roles(RoleSet::KEEPERS);
        let (batch_id, kind) = (id(BATCH), ImportKind::Members);
        let applied = ImportApplied { batch_id, kind, created: 412, updated: 3, unchanged: 85, skipped: 1 };
        self.add("", BATCH, &keepers, applied);
        let undone = ImportUndone { batch_id, kind, created: 412, updated: 3, unchanged: 0, skipped: 0 };
        self.add("", BATCH, &keepers, undone);
    }

    fn contributions(&mut self) {
        let (all, money) = (Audience::everyone(), Audience::roles(RoleSet::MONEY));
        let seen = money.clone().and_member(id(MEMBER));
        let (plan_id, version, period) = (id(PLAN), 1, Period::Monthly);
        let (due_id, payment_id, member_id, currency) = (id(DUE), id(PAYMENT), id(MEMBER), XOF);
        let five = amount(5_000);
        let published = ContributionPlanPublished { plan_id, version, amount: five, currency, period };
        self.add("", PLAN, &all, published);
        let retired = ContributionPlanRetired { plan_id, version, amount: five, currency, period };
        self.add("", PLAN, &all, retired);
        let (period_start, period_end) = (date("2026-11-01"), date("2026-11-30"));
        let sum = amount(2_000_000);
        let issued =
            DuesIssued { plan_id, version, period_start, period_end, count: 400, amount: sum, currency };
        self.add("", PLAN, &money, issued);
        let due_on = date("2026-11-10");
        let due = ContributionDue {
            due_id,
            member_id,
            plan_id,
            period_start,
            period_end,
            amount: five,
            currency,
            due_on,
        };
        self.add("", DUE, &Audience::member(member_id), due);
        let (method, paid_on) = (PaymentMethod::MobileMoney, date("2026-11-08"));
        let declared =
            ContributionDeclared { payment_id, member_id, amount: amount(7_500), currency, method, paid_on };
        let head = EnvelopeHead { actor_id: None, service_key_id: Some(id(KEY)), ..self.head(PAYMENT) };
        self.push("by a service key", head, &seen, declared.clone());
        let settled = vec![Allocation { due_id, amount: five }];
        let paid = ContributionPaid {
            declared,
            confirmed_by: Some(id(TREASURER)),
            allocations: settled.clone(),
            credit: amount(2_500),
            entry_id: id(ENTRY),
        };
        self.add("", PAYMENT, &seen, paid.clone());
        self.add("by a provider", PAYMENT, &seen, ContributionPaid { confirmed_by: None, ..paid });
        let refused = ContributionRefused {
            payment_id,
            member_id,
            amount: five,
            currency,
            reopened: Vec::new(),
            entry_id: None,
        };
        self.add("", PAYMENT, &seen, refused);
        let reversed = ContributionReversed {
            payment_id,
            member_id,
            amount: five,
            currency,
            reopened: settled,
            entry_id: Some(id(ENTRY)),
        };
        self.add("", PAYMENT, &seen, reversed);
        let approval_id = Some(id(APPROVAL));
        self.add(
            "",
            DUE,
            &seen,
            ContributionWaived { due_id, member_id, amount: five, currency, approval_id },
        );
    }

    fn notifications(&mut self) {
        let notification_id = id(NOTIFICATION);
        let waiting = UserNotification {
            notification_id,
            kind: NotificationKind::ApprovalWaiting,
            cause_type: Some(EventType::ApprovalPending),
            cause_id: Some(id(APPROVAL)),
            severity: Severity::Action,
        };
        self.add("", NOTIFICATION, &Audience::roles(RoleSet::of(&[Role::President])), waiting);
        let test = UserNotification {
            notification_id,
            kind: NotificationKind::Test,
            cause_type: None,
            cause_id: None,
            severity: Severity::Info,
        };
        self.add("test", NOTIFICATION, &Audience::member(id(TREASURER)), test);
        let (kind, severity) = (NotificationKind::Announcement, Severity::Info);
        let broadcast = BroadcastNotification { notification_id, kind, severity };
        self.add("", NOTIFICATION, &Audience::everyone(), broadcast);
        let read = NotificationRead { read_up_to: Seq(3), unread: 2 };
        self.state("", MEMBER, &Audience::member(id(MEMBER)), read);
    }

    fn state(&mut self, shape: &str, about: u128, audience: &Audience, event: impl Into<Event>) {
        let position = Position::State { as_of_seq: Seq(40), as_of_date: date("2026-11-22") };
        let head = EnvelopeHead { position, aggregate_version: None, actor_id: None, ..self.head(about) };
        self.push(shape, head, audience, event);
    }

    fn figures(&mut self) {
        for open in [true, false] {
            let view = if open { View::Officers } else { View::Members };
            let shape = if open { "officers" } else { "members without amounts" };
            self.state(shape, ORGANIZATION, &Audience::view(view), stats(view, open));
            self.state(shape, ORGANIZATION, &Audience::view(view), kpis(view, open));
        }
    }
}

fn content(transaction_type: TransactionType, units: i64) -> ApprovalContent {
    ApprovalContent {
        transaction_type,
        amount: amount(units),
        currency: XOF,
        beneficiary_member_id: None,
        account_id: None,
        to_account_id: None,
        due_id: None,
        payment_id: None,
        purpose_hash: SALTED.to_owned(),
        role_change: None,
        policy_change: None,
    }
}

fn terms() -> ApprovalTerms {
    ApprovalTerms {
        required_level: Level::Level1,
        policy_version: 1,
        policy: CopiedPolicy { steps: vec![Step::of(1, &[Role::President])], single_signature: false },
        content_hash: HASH.to_owned(),
        decide_by: at("2026-12-06T10:15:30.123Z"),
        execute_within_hours: 720,
        code_givers: Vec::new(),
    }
}

fn pending(content: ApprovalContent) -> ApprovalPending {
    ApprovalPending { id: id(APPROVAL), requester_id: id(TREASURER), content, terms: terms() }
}

fn rules(single_signature: bool) -> PolicyRules {
    let band = |kind, min, max: Option<i64>, required_level| Band {
        transaction_type: kind,
        min_amount: amount(min),
        max_amount: max.map(amount),
        required_level,
    };
    let steps = vec![Step::of(1, &[Role::President]), Step::of(1, &[Role::Treasurer, Role::Secretary])];
    PolicyRules {
        bands: vec![
            band(TransactionType::Expense, 0, Some(100_000), Level::Level1),
            band(TransactionType::Expense, 100_000, None, Level::Level2),
            band(TransactionType::PolicyChange, 0, None, Level::Level1),
            band(TransactionType::RoleChange, 0, None, Level::Level1),
        ],
        levels: [
            (Level::Level1, LevelRules::of(vec![Step::of(1, &[Role::President])])),
            (Level::Level2, LevelRules::of(steps)),
        ]
        .into(),
        single_signature,
    }
}

fn stats(view: View, open: bool) -> DashboardStatsUpdate {
    let shown = |units| open.then(|| amount(units));
    DashboardStatsUpdate {
        view,
        members: MemberStats { total: 400, active: 391, suspended: 9, new_this_month: 4 },
        contributions: ContributionStats {
            issued: shown(2_000_000),
            collected: shown(1_370_000),
            outstanding: shown(630_000),
            overdue: shown(415_000),
            collection_rate: 6_850,
        },
        approvals: ApprovalStats {
            pending_count: 3,
            pending_amount: shown(225_000),
            approved_this_month: shown(75_000),
            executed_this_month: shown(75_000),
        },
        balance: open.then(|| BalanceStats {
            total: amount(1_545_000),
            accounts: vec![AccountBalance {
                account_id: id(CASH),
                kind: AccountKind::Cash,
                balance: amount(1_545_000),
            }],
        }),
        currency: XOF,
    }
}

fn kpis(view: View, open: bool) -> KpiUpdate {
    let counts = |n: u32| (n..n + 12).collect::<Vec<_>>();
    let amounts = |units: i64| (units..units + 12).map(amount).collect::<Vec<_>>();
    let shown = |units| open.then(|| amounts(units));
    KpiUpdate {
        view,
        months: (0..12).map(|n| date("2025-12-01").plus_months(n).to_string()[..7].to_owned()).collect(),
        members: MemberSeries {
            total: counts(380),
            active: counts(375),
            suspended: counts(5),
            new_this_month: counts(1),
        },
        contributions: ContributionSeries {
            issued: shown(2_000_000),
            collected: shown(1_370_000),
            outstanding: shown(630_000),
            overdue: shown(415_000),
            collection_rate: counts(6_850),
        },
        approvals: ApprovalSeries {
            pending_count: counts(3),
            pending_amount: shown(225_000),
            approved_this_month: shown(75_000),
            executed_this_month: shown(75_000),
        },
        balance: open.then(|| BalanceSeries {
            total: amounts(1_545_000),
            accounts: vec![AccountSeries {
                account_id: id(CASH),
                kind: AccountKind::Cash,
                balance: amounts(1_545_000),
            }],
        }),
        currency: XOF,
    }
}
