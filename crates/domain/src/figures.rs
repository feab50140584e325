//! The figures: one definition each, for screen, API and export.
//!
//! They are a fold over the journal's events: [`Figures::apply`] is the only way they change, besides the passing of days.
//! So the figures as of a `seq` can be recomputed by anyone who reads the journal up to it.

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    Amount, Currency, Date, Event, View,
    account::AccountKind,
    event::{
        approvals::{ApprovalContent, EntryLine},
        dashboard::{
            AccountBalance, AccountSeries, ApprovalSeries, ApprovalStats, BalanceSeries, BalanceStats,
            ContributionSeries, ContributionStats, DashboardStatsUpdate, KpiUpdate, MemberSeries,
            MemberStats,
        },
    },
    id::AccountId,
    limits::KPI_MONTHS,
    member::MemberStatus,
};

/// The figures of one organisation as of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    currency: Currency,
    /// The day that "this month" refers to, in the organisation's time zone.
    as_of: Date,
    /// At most twelve, oldest first; the last is the current one. Stocks of a past month are those of its end.
    months: Vec<Month>,
}

/// One month's figures: stocks at its end (or now), flows within it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Month {
    /// Its first day.
    first: Date,
    active: u32,
    suspended: u32,
    new: u32,
    pending_count: u32,
    pending: Sum,
    approved: Sum,
    executed: Sum,
    accounts: Vec<AccountBalance>,
}

impl Figures {
    /// Of an organisation without history.
    pub fn new(currency: Currency, today: Date) -> Self {
        let month = Month {
            first: today.first_of_month(),
            active: 0,
            suspended: 0,
            new: 0,
            pending_count: 0,
            pending: Sum::default(),
            approved: Sum::default(),
            executed: Sum::default(),
            accounts: Vec::new(),
        };
        Self { currency, as_of: today, months: vec![month] }
    }

    /// The day they are exact as of.
    pub fn as_of(&self) -> Date {
        self.as_of
    }

    /// Goes on to a day: a new month begins with the old one's stocks and no flows. Never goes back. Whether it went on.
    pub fn roll_to(&mut self, today: Date) -> bool {
        if today <= self.as_of {
            return false;
        }
        self.as_of = today;
        while self.current().first < today.first_of_month() {
            let current = self.current();
            let next = Month {
                first: current.first.plus_months(1),
                new: 0,
                approved: Sum::default(),
                executed: Sum::default(),
                ..current.clone()
            };
            self.months.push(next);
        }
        let surplus = self.months.len().saturating_sub(KPI_MONTHS);
        self.months.drain(..surplus);
        true
    }

    /// Takes in a fact that was recorded on this day; whether it, or the day, changed a figure. Facts of other systems change
    /// nothing and must not be given.
    pub fn apply(&mut self, event: &Event, today: Date) -> bool {
        let rolled = self.roll_to(today);
        self.count(event) || rolled
    }

    fn count(&mut self, event: &Event) -> bool {
        match event {
            Event::MemberCreated(data) => {
                self.count_status(data.status, 1);
                if matches!(data.status, MemberStatus::Active | MemberStatus::Suspended) {
                    self.joined_in(data.joined_on);
                }
            }
            Event::MemberAdmitted(data) => {
                self.change_status(data.previous_status, data.status);
                self.joined_in(data.effective_on);
            }
            Event::MemberRefused(data) => self.change_status(data.previous_status, data.status),
            Event::MemberSuspended(data) => self.change_status(data.previous_status, data.status),
            Event::MemberReinstated(data) => self.change_status(data.previous_status, data.status),
            Event::MemberLeft(data) => self.change_status(data.previous_status, data.status),
            Event::ApprovalPending(data) => self.pending(&data.content),
            Event::ApprovalUpdated(data) => {
                let month = self.current_mut();
                month.pending.take(data.previous_amount);
                month.pending.add(data.content.amount);
            }
            Event::ApprovalApproved(data) => {
                self.no_longer_pending(data.amount);
                self.current_mut().approved.add(data.amount);
            }
            Event::ApprovalRejected(data) => self.no_longer_pending(data.amount),
            Event::ApprovalCancelled(data) => self.no_longer_pending(data.amount),
            Event::ApprovalExpired(data) => self.no_longer_pending(data.amount),
            Event::ApprovalExecuted(data) => {
                self.current_mut().executed.add(data.amount);
            }
            Event::AccountOpened(data) if data.kind.holds_money() => self.open_account(data.id, data.kind),
            Event::LedgerEntryPosted(data) => self.post(&data.lines),
            _ => return false,
        }
        true
    }

    fn current(&self) -> &Month {
        self.months.last().expect("there is always a current month")
    }

    fn current_mut(&mut self) -> &mut Month {
        self.months.last_mut().expect("there is always a current month")
    }

    fn count_status(&mut self, status: MemberStatus, by: i32) {
        let month = self.current_mut();
        match status {
            MemberStatus::Active => month.active = month.active.saturating_add_signed(by),
            MemberStatus::Suspended => month.suspended = month.suspended.saturating_add_signed(by),
            MemberStatus::Applicant | MemberStatus::Left | MemberStatus::Refused => {}
        }
    }

    fn change_status(&mut self, from: MemberStatus, to: MemberStatus) {
        self.count_status(from, -1);
        self.count_status(to, 1);
    }

    /// Somebody became a member on a day, which an import may put in the past.
    fn joined_in(&mut self, day: Date) {
        let first = day.first_of_month();
        if let Some(month) = self.months.iter_mut().rev().find(|month| month.first == first) {
            month.new += 1;
        }
    }

    fn pending(&mut self, content: &ApprovalContent) {
        let month = self.current_mut();
        month.pending_count += 1;
        month.pending.add(content.amount);
    }

    fn no_longer_pending(&mut self, amount: Amount) {
        let month = self.current_mut();
        month.pending_count = month.pending_count.saturating_sub(1);
        month.pending.take(amount);
    }

    fn open_account(&mut self, account_id: AccountId, kind: AccountKind) {
        for month in &mut self.months {
            month.accounts.push(AccountBalance { account_id, kind, balance: Amount::ZERO });
        }
    }

    fn post(&mut self, lines: &[EntryLine]) {
        let month = self.current_mut();
        for line in lines {
            if let Some(account) =
                month.accounts.iter_mut().find(|account| account.account_id == line.account_id)
            {
                // The ledger refuses an entry that leaves the range.
                account.balance = account.balance.plus(line.amount).unwrap_or(Amount::MAX);
            }
        }
    }

    /// An edition of the figures. `amounts_open`: the organisation opens amounts to plain members.
    pub fn stats(&self, view: View, amounts_open: bool) -> DashboardStatsUpdate {
        let amounts = view == View::Officers || amounts_open;
        let month = self.current();
        let opened = |amount| amounts.then_some(amount);
        let none_yet = opened(Amount::ZERO);
        DashboardStatsUpdate {
            view,
            members: MemberStats {
                total: month.total(),
                active: month.active,
                suspended: month.suspended,
                new_this_month: month.new,
            },
            // There are no contributions before the part that keeps them: nothing issued, nothing owed.
            contributions: ContributionStats {
                issued: none_yet,
                collected: none_yet,
                outstanding: none_yet,
                overdue: none_yet,
                collection_rate: 0,
            },
            approvals: ApprovalStats {
                pending_count: month.pending_count,
                pending_amount: opened(month.pending.shown()),
                approved_this_month: opened(month.approved.shown()),
                executed_this_month: opened(month.executed.shown()),
            },
            balance: amounts
                .then(|| BalanceStats { total: month.balance(), accounts: month.accounts.clone() }),
            currency: self.currency,
        }
    }

    /// The same figures for each of the last twelve months; months before the organisation began are zero.
    pub fn kpis(&self, view: View, amounts_open: bool) -> KpiUpdate {
        let amounts = view == View::Officers || amounts_open;
        let series = Series(&self.months);
        let zeros = || amounts.then(|| vec![Amount::ZERO; KPI_MONTHS]);
        let first = self.current().first;
        let months = (0..KPI_MONTHS).rev().map(|back| {
            let month = first.plus_months(-i32::try_from(back).expect("twelve"));
            format!("{:04}-{:02}", month.year(), month.month())
        });
        KpiUpdate {
            view,
            months: months.collect(),
            members: MemberSeries {
                total: series.of(Month::total),
                active: series.of(|month| month.active),
                suspended: series.of(|month| month.suspended),
                new_this_month: series.of(|month| month.new),
            },
            contributions: ContributionSeries {
                issued: zeros(),
                collected: zeros(),
                outstanding: zeros(),
                overdue: zeros(),
                collection_rate: vec![0; KPI_MONTHS],
            },
            approvals: ApprovalSeries {
                pending_count: series.of(|month| month.pending_count),
                pending_amount: amounts.then(|| series.of(|month| month.pending.shown())),
                approved_this_month: amounts.then(|| series.of(|month| month.approved.shown())),
                executed_this_month: amounts.then(|| series.of(|month| month.executed.shown())),
            },
            balance: amounts.then(|| BalanceSeries {
                total: series.of(Month::balance),
                accounts: self.account_series(&series),
            }),
            currency: self.currency,
        }
    }

    fn account_series(&self, series: &Series<'_>) -> Vec<AccountSeries> {
        let balance_in = |month: &Month, id| {
            month.accounts.iter().find(|a| a.account_id == id).map_or(Amount::ZERO, |account| account.balance)
        };
        self.current()
            .accounts
            .iter()
            .map(|account| AccountSeries {
                account_id: account.account_id,
                kind: account.kind,
                balance: series.of(|month| balance_in(month, account.account_id)),
            })
            .collect()
    }
}

impl Month {
    fn total(&self) -> u32 {
        self.active + self.suspended
    }

    fn balance(&self) -> Amount {
        Amount::sum(self.accounts.iter().map(|account| account.balance)).unwrap_or(Amount::MAX)
    }
}

struct Series<'a>(&'a [Month]);

impl Series<'_> {
    /// A value a month, zeros before the first.
    fn of<T: Clone + Default>(&self, value: impl Fn(&Month) -> T) -> Vec<T> {
        let mut values = vec![T::default(); KPI_MONTHS - self.0.len()];
        values.extend(self.0.iter().map(value));
        values
    }
}

/// A sum of amounts, exact however many there are: each is bounded, their sum is not, and a figure must not stop a command.
/// Stored like an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Sum(i128);

impl Sum {
    fn add(&mut self, amount: Amount) {
        self.0 += i128::from(amount.minor_units());
    }

    fn take(&mut self, amount: Amount) {
        self.0 -= i128::from(amount.minor_units());
    }

    /// As far as an amount reaches.
    fn shown(self) -> Amount {
        let max = Amount::MAX.minor_units();
        let within = self.0.clamp(i128::from(-max), i128::from(max));
        i64::try_from(within).ok().and_then(|minor| Amount::new(minor).ok()).unwrap_or(Amount::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unionflow_protocol::{
        Timestamp,
        approval::{Level, TransactionType},
        event::{
            approvals::{ApprovalCancelled, ApprovalPending, ApprovalTerms, CopiedPolicy},
            members::{MemberAdmitted, MemberCreated, MemberLeft},
        },
        id::{ApprovalId, MemberId},
    };
    use uuid::Uuid;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn created(status: MemberStatus, joined_on: &str) -> Event {
        let id = MemberId::from_uuid(Uuid::nil());
        MemberCreated { id, member_number: "1".into(), status, joined_on: day(joined_on) }.into()
    }

    fn figures() -> Figures {
        Figures::new(Currency::XOF, day("2026-01-15"))
    }

    #[test]
    fn a_new_month_keeps_stocks_and_begins_flows_anew() {
        let mut figures = figures();
        figures.apply(&created(MemberStatus::Active, "2026-01-15"), day("2026-01-15"));
        assert_eq!(figures.stats(View::Members, false).members.new_this_month, 1);
        assert!(figures.roll_to(day("2026-02-01")));
        let stats = figures.stats(View::Members, false).members;
        assert_eq!((stats.total, stats.new_this_month), (1, 0));
        assert!(!figures.roll_to(day("2026-01-20")), "never goes back");
    }

    #[test]
    fn series_have_twelve_months_with_the_current_one_last() {
        let mut figures = figures();
        figures.apply(&created(MemberStatus::Active, "2026-01-15"), day("2026-01-15"));
        figures.roll_to(day("2026-03-02"));
        let kpis = figures.kpis(View::Officers, false);
        assert_eq!((kpis.months[0].as_str(), kpis.months[11].as_str()), ("2025-04", "2026-03"));
        assert_eq!(kpis.members.new_this_month[8..], [0, 1, 0, 0]);
        assert_eq!(kpis.members.total[8..], [0, 1, 1, 1]);
        figures.roll_to(day("2028-06-01"));
        assert_eq!(figures.kpis(View::Officers, false).members.total, [1; 12]);
    }

    #[test]
    fn the_members_view_hides_amounts_until_they_are_opened() {
        let closed = serde_json::to_string(&figures().stats(View::Members, false)).unwrap();
        for amount in ["pendingAmount", "balance", "issued", "executedThisMonth"] {
            assert!(!closed.contains(amount), "{closed}");
        }
        assert!(figures().stats(View::Members, true).balance.is_some());
        assert!(figures().stats(View::Officers, false).balance.is_some());
        assert!(figures().kpis(View::Members, false).balance.is_none());
    }

    #[test]
    fn an_imported_member_counts_in_the_month_of_joining() {
        let mut figures = figures();
        figures.roll_to(day("2026-02-10"));
        figures.apply(&created(MemberStatus::Active, "2026-01-03"), day("2026-02-10"));
        figures.apply(&created(MemberStatus::Left, "2026-01-03"), day("2026-02-10"));
        let kpis = figures.kpis(View::Members, false);
        assert_eq!(kpis.members.new_this_month[10..], [1, 0]);
        assert_eq!(kpis.members.active[11], 1);
    }

    fn asked(amount: i64) -> Event {
        let content = ApprovalContent {
            transaction_type: TransactionType::Expense,
            amount: Amount::new(amount).unwrap(),
            currency: Currency::XOF,
            beneficiary_member_id: None,
            account_id: None,
            to_account_id: None,
            due_id: None,
            payment_id: None,
            purpose_hash: String::new(),
            role_change: None,
            policy_change: None,
        };
        let terms = ApprovalTerms {
            required_level: Level::Level1,
            policy_version: 1,
            policy: CopiedPolicy { steps: Vec::new(), single_signature: false },
            content_hash: String::new(),
            decide_by: Timestamp::from_millis(0),
            execute_within_hours: 1,
            code_givers: Vec::new(),
        };
        let requester_id = MemberId::from_uuid(Uuid::nil());
        ApprovalPending { id: ApprovalId::from_uuid(Uuid::nil()), requester_id, content, terms }.into()
    }

    fn taken_back(amount: i64) -> Event {
        let (id, amount) = (ApprovalId::from_uuid(Uuid::nil()), Amount::new(amount).unwrap());
        let transaction_type = TransactionType::Expense;
        ApprovalCancelled { id, transaction_type, amount, currency: Currency::XOF, by: None }.into()
    }

    fn pending_amount(figures: &Figures) -> i64 {
        figures.stats(View::Officers, false).approvals.pending_amount.unwrap().minor_units()
    }

    proptest! {
        /// However large the amounts and whatever the order: what is pending is the sum of what was asked and not taken back,
        /// also once it is stored and read, and shown as far as an amount reaches.
        #[test]
        fn what_is_pending_is_the_sum_of_what_is_open(
            amounts in proptest::collection::vec(prop_oneof![Just(Amount::MAX.minor_units()), 1..1000i64], 1..12),
            order in any::<prop::sample::Index>(),
        ) {
            let (today, mut figures) = (day("2026-01-15"), figures());
            for amount in &amounts {
                figures.apply(&asked(*amount), today);
            }
            let mut open: i128 = amounts.iter().map(|amount| i128::from(*amount)).sum();
            let mut back = amounts.clone();
            back.rotate_left(order.index(amounts.len()));
            for amount in back {
                let stored = serde_json::to_string(&figures).unwrap();
                figures = serde_json::from_str(&stored).unwrap();
                let shown = open.min(i128::from(Amount::MAX.minor_units()));
                prop_assert_eq!(i128::from(pending_amount(&figures)), shown);
                figures.apply(&taken_back(amount), today);
                open -= i128::from(amount);
            }
            prop_assert_eq!(pending_amount(&figures), 0);
        }

        /// Each status counts exactly the members that stand there, whatever the order of events.
        #[test]
        fn counts_equal_a_recount(moves in proptest::collection::vec((0..8usize, 0..3u8), 0..60)) {
            let today = day("2026-01-15");
            let mut figures = figures();
            let mut states: Vec<Option<MemberStatus>> = vec![None; 8];
            for (who, choice) in moves {
                let id = MemberId::from_uuid(Uuid::nil());
                let change = |status, previous_status| (id, status, previous_status);
                match (states[who], choice) {
                    (None, _) => {
                        figures.apply(&created(MemberStatus::Active, "2026-01-15"), today);
                        states[who] = Some(MemberStatus::Active);
                    }
                    (Some(MemberStatus::Active), 0) => {
                        let (id, status, previous_status) = change(MemberStatus::Left, MemberStatus::Active);
                        let has_reason = false;
                        figures.apply(
                            &MemberLeft { id, status, previous_status, effective_on: today, has_reason, approval_id: None }.into(),
                            today,
                        );
                        states[who] = Some(MemberStatus::Left);
                    }
                    (Some(MemberStatus::Left), 1) => {
                        let (id, status, previous_status) = change(MemberStatus::Active, MemberStatus::Left);
                        let has_reason = false;
                        figures.apply(
                            &MemberAdmitted { id, status, previous_status, effective_on: today, has_reason, approval_id: None }.into(),
                            today,
                        );
                        states[who] = Some(MemberStatus::Active);
                    }
                    _ => {}
                }
            }
            let active = states.iter().filter(|s| **s == Some(MemberStatus::Active)).count();
            prop_assert_eq!(figures.stats(View::Officers, false).members.active as usize, active);
        }
    }
}
