//! Words of the ledger.

use crate::macros::codes;

codes! {
    /// What a ledger account is for.
    pub enum AccountKind {
        /// Money in the cash box.
        Cash = "CASH",
        /// Money at the bank.
        Bank = "BANK",
        /// Money with an operator of mobile money.
        MobileMoney = "MOBILE_MONEY",
        /// Where contributions come from.
        Income = "INCOME",
        /// Where expenses go.
        Expense = "EXPENSE",
        /// Where aid to members goes.
        Aid = "AID",
        /// The other side of opening balances.
        Opening = "OPENING",
    }
}

impl AccountKind {
    /// Whether it holds money that can be paid out: only those have a balance people ask for, and none may go below zero.
    pub const fn holds_money(self) -> bool {
        matches!(self, Self::Cash | Self::Bank | Self::MobileMoney)
    }
}

codes! {
    /// Why an entry was posted.
    pub enum EntryCause {
        /// An executed approval.
        Approval = "APPROVAL",
        /// A confirmed payment.
        Payment = "PAYMENT",
        /// An opening balance.
        Opening = "OPENING",
        /// The undoing of another entry.
        Reversal = "REVERSAL",
    }
}
