//! The ledger: accounts, immutable balanced entries, reservations.
//!
//! Invariants: the lines of an entry add up to zero; an account that holds money never has less than is reserved of
//! it; a reservation is resolved once. Corrections are new entries.

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    Amount, Currency, Date,
    account::{AccountKind, EntryCause},
    approval::TransactionType,
    event::approvals::{ApprovalContent, EntryLine},
    id::{AccountId, AggregateId, ApprovalId, EntryId},
    problem::{ErrorCode, FieldCode},
};

use crate::{
    hint::Hint,
    refusal::{Faults, Refusal},
};

/// An account and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Grows with every entry and reservation.
    pub version: u64,
    /// What it is for.
    pub kind: AccountKind,
    /// Its currency: the organisation's.
    pub currency: Currency,
    /// The sum of its lines.
    pub balance: Amount,
    /// What approved requests have reserved of it.
    pub reserved: Amount,
}

/// A posted entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: EntryId,
    /// The day it counts for.
    pub value_date: Date,
    /// At least two, adding up to zero.
    pub lines: Vec<EntryLine>,
    /// The currency of all lines.
    pub currency: Currency,
    /// Why.
    pub cause: EntryCause,
    /// What caused it.
    pub cause_id: AggregateId,
}

/// Money set aside for an approved request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The request.
    pub approval_id: ApprovalId,
    /// The account it is set aside on.
    pub account_id: AccountId,
    /// How much.
    pub amount: Amount,
}

/// All accounts of one organisation: its chart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chart(Vec<Account>);

/// Why an entry cannot be posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CannotPost {
    /// An account has less than that available.
    InsufficientFunds {
        /// What is available.
        available: Amount,
    },
    /// A sum leaves the range of amounts.
    OutOfRange,
    /// The lines do not balance, or name an account that is not there: a fault of ours.
    Malformed,
}

/// The accounts that every organisation begins with.
pub const DEFAULT_ACCOUNTS: [AccountKind; 7] = [
    AccountKind::Cash,
    AccountKind::Bank,
    AccountKind::MobileMoney,
    AccountKind::Income,
    AccountKind::Expense,
    AccountKind::Aid,
    AccountKind::Opening,
];

impl Account {
    /// A new account, with nothing in it.
    pub fn open(id: AccountId, kind: AccountKind, currency: Currency) -> Self {
        Self { id, version: 1, kind, currency, balance: Amount::ZERO, reserved: Amount::ZERO }
    }

    /// What may still be spent.
    pub fn available(&self) -> Amount {
        self.balance.minus(self.reserved).unwrap_or(Amount::ZERO)
    }
}

impl Entry {
    /// Whether its lines add up to zero, and there are at least two.
    pub fn balances(&self) -> bool {
        self.lines.len() >= 2 && Amount::sum(self.lines.iter().map(|line| line.amount)) == Ok(Amount::ZERO)
    }
}

impl Chart {
    /// Of these accounts.
    pub fn new(accounts: Vec<Account>) -> Self {
        Self(accounts)
    }

    /// The accounts.
    pub fn accounts(&self) -> &[Account] {
        &self.0
    }

    /// The account with this id.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.0.iter().find(|account| account.id == id)
    }

    /// The organisation's account of a kind.
    pub fn of_kind(&self, kind: AccountKind) -> Option<&Account> {
        self.0.iter().find(|account| account.kind == kind)
    }

    fn account_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.0.iter_mut().find(|account| account.id == id)
    }

    /// Checks and completes the accounts that a request names: an account left out is the cash box.
    ///
    /// An account of another organisation does not exist here.
    pub fn settle(&self, mut content: ApprovalContent) -> Result<ApprovalContent, Refusal> {
        use TransactionType::{Aid, Deposit, Expense, Transfer, Withdrawal};
        let kind = content.transaction_type;
        let mut faults = Faults::default();
        let cash = self.of_kind(AccountKind::Cash).map(|account| account.id);
        let names_account = matches!(kind, Expense | Aid | Withdrawal | Deposit | Transfer);
        if names_account {
            let account = content.account_id.or(cash);
            if !account.is_some_and(|id| self.holds_money(id)) {
                faults.push("/details/accountId", FieldCode::NotFound, Hint::MoneyAccount);
            } else if matches!(kind, Withdrawal | Deposit) && account == cash {
                faults.push("/details/accountId", FieldCode::Invalid, Hint::AccountNotCash);
            }
            content.account_id = account;
        } else if content.account_id.is_some() {
            faults.push("/details/accountId", FieldCode::NotAllowed, Hint::NotForType(kind));
        }
        match (kind, content.to_account_id) {
            (Transfer, None) => faults.push("/details/toAccountId", FieldCode::Required, Hint::MoneyAccount),
            (Transfer, Some(to)) if !self.holds_money(to) => {
                faults.push("/details/toAccountId", FieldCode::NotFound, Hint::MoneyAccount);
            }
            (Transfer, Some(to)) if Some(to) == content.account_id => {
                faults.push("/details/toAccountId", FieldCode::Mismatch, Hint::AccountsDiffer);
            }
            (Transfer, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                faults.push("/details/toAccountId", FieldCode::NotAllowed, Hint::NotForType(kind));
            }
        }
        faults.check()?;
        Ok(content)
    }

    fn holds_money(&self, id: AccountId) -> bool {
        self.account(id).is_some_and(|account| account.kind.holds_money())
    }

    /// The account that pays, of a request that posts; none for changes of policy and roles.
    pub fn payer(&self, content: &ApprovalContent) -> Option<&Account> {
        let id = match content.transaction_type {
            TransactionType::Deposit => self.of_kind(AccountKind::Cash)?.id,
            _ => content.account_id?,
        };
        self.account(id)
    }

    /// The lines that executing a request posts: the table of postings. Empty for what posts nothing.
    pub fn postings(&self, content: &ApprovalContent) -> Result<Vec<EntryLine>, Refusal> {
        use TransactionType::{
            Aid, Contribution, Deposit, Expense, PolicyChange, Refund, RoleChange, Transfer, Waiver,
            Withdrawal,
        };
        let named =
            |id: Option<AccountId>| id.and_then(|id| self.account(id)).ok_or(ErrorCode::NoLongerPossible);
        let kind = |kind: AccountKind| {
            self.of_kind(kind).ok_or_else(|| {
                Refusal::from(ErrorCode::NoLongerPossible).at(
                    "/details",
                    FieldCode::NotFound,
                    Hint::AccountMissing(kind),
                )
            })
        };
        let (from, to) = match content.transaction_type {
            Expense => (named(content.account_id)?, kind(AccountKind::Expense)?),
            Aid => (named(content.account_id)?, kind(AccountKind::Aid)?),
            Withdrawal => (named(content.account_id)?, kind(AccountKind::Cash)?),
            Deposit => (kind(AccountKind::Cash)?, named(content.account_id)?),
            Transfer => (named(content.account_id)?, named(content.to_account_id)?),
            Contribution | Refund | Waiver => return Err(ErrorCode::TypeNotAvailable.into()),
            PolicyChange | RoleChange => return Ok(Vec::new()),
        };
        let line =
            |account: &Account, amount| EntryLine { account_id: account.id, kind: account.kind, amount };
        Ok(vec![line(from, content.amount.negated()), line(to, content.amount)])
    }

    /// Sets money aside if there is enough. Without cover nothing is set aside, and execution looks again.
    pub fn reserve(&mut self, account: AccountId, amount: Amount) -> bool {
        let Some(account) = self.account_mut(account) else { return false };
        if account.available() < amount {
            return false;
        }
        let Ok(reserved) = account.reserved.plus(amount) else { return false };
        account.reserved = reserved;
        account.version += 1;
        true
    }

    /// Frees what was set aside: its request lapsed, or is being executed.
    pub fn release(&mut self, reservation: &Reservation) {
        let account = self.account_mut(reservation.account_id).expect("an account is never removed");
        account.reserved =
            account.reserved.minus(reservation.amount).expect("no more is freed than was set aside");
        account.version += 1;
    }

    /// Posts an entry: all its lines or none.
    pub fn post(&mut self, entry: &Entry) -> Result<(), CannotPost> {
        if !entry.balances() {
            return Err(CannotPost::Malformed);
        }
        let mut after = self.0.clone();
        for line in &entry.lines {
            let account = after
                .iter_mut()
                .find(|account| account.id == line.account_id)
                .ok_or(CannotPost::Malformed)?;
            if account.kind.holds_money()
                && line.amount.is_negative()
                && account.available() < line.amount.negated()
            {
                return Err(CannotPost::InsufficientFunds { available: account.available() });
            }
            account.balance = account.balance.plus(line.amount).map_err(|_| CannotPost::OutOfRange)?;
            account.version += 1;
        }
        self.0 = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unionflow_protocol::Currency;
    use uuid::Uuid;

    fn account(n: u128, kind: AccountKind, balance: i64) -> Account {
        let id = AccountId::from_uuid(Uuid::from_u128(n));
        Account { balance: amount(balance), ..Account::open(id, kind, Currency::XOF) }
    }

    fn amount(minor: i64) -> Amount {
        Amount::new(minor).unwrap()
    }

    fn chart(cash: i64, bank: i64) -> Chart {
        let opening = -(cash + bank);
        Chart::new(vec![
            account(1, AccountKind::Cash, cash),
            account(2, AccountKind::Bank, bank),
            account(3, AccountKind::Expense, 0),
            account(4, AccountKind::Aid, 0),
            account(5, AccountKind::Opening, opening),
        ])
    }

    fn content(kind: TransactionType, minor: i64) -> ApprovalContent {
        ApprovalContent {
            transaction_type: kind,
            amount: amount(minor),
            currency: Currency::XOF,
            beneficiary_member_id: None,
            account_id: None,
            to_account_id: None,
            due_id: None,
            payment_id: None,
            purpose_hash: String::new(),
            role_change: None,
            policy_change: None,
        }
    }

    fn entry(lines: Vec<EntryLine>) -> Entry {
        Entry {
            id: EntryId::from_uuid(Uuid::nil()),
            value_date: Date::new(2026, 1, 1).unwrap(),
            lines,
            currency: Currency::XOF,
            cause: EntryCause::Approval,
            cause_id: AggregateId::from_uuid(Uuid::nil()),
        }
    }

    fn bank() -> AccountId {
        AccountId::from_uuid(Uuid::from_u128(2))
    }

    #[test]
    fn each_type_posts_from_and_to_the_accounts_of_the_table() {
        let chart = chart(100, 100);
        let cases = [
            (TransactionType::Expense, None, AccountKind::Cash, AccountKind::Expense),
            (TransactionType::Expense, Some(bank()), AccountKind::Bank, AccountKind::Expense),
            (TransactionType::Aid, None, AccountKind::Cash, AccountKind::Aid),
            (TransactionType::Withdrawal, Some(bank()), AccountKind::Bank, AccountKind::Cash),
            (TransactionType::Deposit, Some(bank()), AccountKind::Cash, AccountKind::Bank),
        ];
        for (kind, account_id, from, to) in cases {
            let settled = chart.settle(ApprovalContent { account_id, ..content(kind, 10) }).unwrap();
            let lines = chart.postings(&settled).unwrap();
            assert_eq!((lines[0].kind, lines[1].kind), (from, to), "{kind}");
            assert_eq!((lines[0].amount, lines[1].amount), (amount(-10), amount(10)), "{kind}");
        }
    }

    #[test]
    fn accounts_that_do_not_fit_the_type_are_named() {
        let chart = chart(100, 100);
        let fault = |content: ApprovalContent| chart.settle(content).unwrap_err().faults.remove(0).pointer;
        let foreign = Some(AccountId::from_uuid(Uuid::from_u128(77)));
        let expense_account = Some(AccountId::from_uuid(Uuid::from_u128(3)));
        let of = |kind, account_id, to_account_id| ApprovalContent {
            account_id,
            to_account_id,
            ..content(kind, 1)
        };
        use TransactionType::*;
        for (content, pointer) in [
            (of(Expense, foreign, None), "/details/accountId"),
            (of(Expense, expense_account, None), "/details/accountId"),
            (of(Deposit, None, None), "/details/accountId"),
            (of(Withdrawal, None, None), "/details/accountId"),
            (of(Transfer, None, None), "/details/toAccountId"),
            (of(Transfer, Some(bank()), Some(bank())), "/details/toAccountId"),
            (of(Transfer, None, foreign), "/details/toAccountId"),
            (of(Expense, None, Some(bank())), "/details/toAccountId"),
            (of(RoleChange, Some(bank()), None), "/details/accountId"),
        ] {
            assert_eq!(fault(content.clone()), pointer, "{content:?}");
        }
    }

    #[test]
    fn reserved_money_cannot_be_spent_by_another_request() {
        let mut chart = chart(100, 0);
        let cash = chart.of_kind(AccountKind::Cash).unwrap().id;
        assert!(chart.reserve(cash, amount(80)));
        assert!(!chart.reserve(cash, amount(21)));
        let spend = chart.postings(&chart.settle(content(TransactionType::Expense, 21)).unwrap()).unwrap();
        assert_eq!(
            chart.post(&entry(spend.clone())),
            Err(CannotPost::InsufficientFunds { available: amount(20) })
        );
        chart.release(&Reservation {
            approval_id: ApprovalId::from_uuid(Uuid::nil()),
            account_id: cash,
            amount: amount(80),
        });
        assert_eq!(chart.post(&entry(spend)), Ok(()));
    }

    #[test]
    fn an_entry_that_does_not_balance_is_never_posted() {
        let mut chart = chart(100, 0);
        let before = chart.clone();
        let mut lines = chart.postings(&chart.settle(content(TransactionType::Expense, 5)).unwrap()).unwrap();
        lines[1].amount = amount(6);
        assert_eq!(chart.post(&entry(lines)), Err(CannotPost::Malformed));
        assert_eq!(chart, before);
    }

    proptest! {
        /// Whatever is asked for, in any order: money is neither made nor lost, and no money account goes below what is
        /// reserved of it.
        #[test]
        fn money_is_conserved(steps in proptest::collection::vec((0..6u8, 1..200i64), 1..60)) {
            let mut chart = chart(500, 300);
            let mut held: Vec<Reservation> = Vec::new();
            for (choice, minor) in steps {
                let (kind, account_id, to) = match choice {
                    0 => (TransactionType::Expense, None, None),
                    1 => (TransactionType::Aid, Some(bank()), None),
                    2 => (TransactionType::Deposit, Some(bank()), None),
                    3 => (TransactionType::Withdrawal, Some(bank()), None),
                    4 => (TransactionType::Transfer, None, Some(bank())),
                    _ => {
                        match held.pop() {
                            Some(reservation) => chart.release(&reservation),
                            None => {
                                let account = chart.of_kind(AccountKind::Cash).unwrap().id;
                                if chart.reserve(account, amount(minor)) {
                                    let approval_id = ApprovalId::from_uuid(Uuid::nil());
                                    held.push(Reservation { approval_id, account_id: account, amount: amount(minor) });
                                }
                            }
                        }
                        continue;
                    }
                };
                let wanted = ApprovalContent { account_id, to_account_id: to, ..content(kind, minor) };
                let lines = chart.postings(&chart.settle(wanted).unwrap()).unwrap();
                let before = chart.clone();
                if chart.post(&entry(lines)).is_err() {
                    prop_assert_eq!(&chart, &before);
                }
                let sum: i64 = chart.accounts().iter().map(|a| a.balance.minor_units()).sum();
                prop_assert_eq!(sum, 0);
                for account in chart.accounts().iter().filter(|a| a.kind.holds_money()) {
                    prop_assert!(account.balance >= account.reserved);
                    prop_assert!(!account.reserved.is_negative());
                }
            }
        }
    }
}
