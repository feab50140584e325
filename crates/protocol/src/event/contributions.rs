//! `unionflow.contributions.events`: plans, dues and payments.

use serde::{Deserialize, Serialize};

use crate::{
    id::{ApprovalId, DueId, EntryId, MemberId, PaymentId, PlanId},
    macros::codes,
    money::{Amount, Currency},
    time::Date,
};

codes! {
    /// How often a plan asks.
    pub enum Period {
        /// Once.
        Once = "ONCE",
        /// Every week.
        Weekly = "WEEKLY",
        /// Every month.
        Monthly = "MONTHLY",
        /// Every three months.
        Quarterly = "QUARTERLY",
        /// Every year.
        Yearly = "YEARLY",
    }
}

codes! {
    /// How somebody paid.
    pub enum PaymentMethod {
        /// Cash.
        Cash = "CASH",
        /// Mobile money.
        MobileMoney = "MOBILE_MONEY",
        /// Bank transfer.
        BankTransfer = "BANK_TRANSFER",
        /// Cheque.
        Cheque = "CHEQUE",
        /// Card.
        Card = "CARD",
        /// Anything else.
        Other = "OTHER",
    }
}

macro_rules! plan_events {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The plan.
            pub plan_id: PlanId,
            /// Its version; what was issued keeps its price.
            pub version: u32,
            /// What it asks for each period.
            pub amount: Amount,
            /// Its currency.
            pub currency: Currency,
            /// How often.
            pub period: Period,
        }
    )+};
}

plan_events! {
    /// A plan is in force.
    ContributionPlanPublished,
    /// A plan issues no more dues.
    ContributionPlanRetired,
}

/// The dues of a period were issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DuesIssued {
    /// The plan.
    pub plan_id: PlanId,
    /// Its version.
    pub version: u32,
    /// First day.
    pub period_start: Date,
    /// Last day.
    pub period_end: Date,
    /// How many dues.
    pub count: u32,
    /// Their sum.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
}

/// You owe this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContributionDue {
    /// The due.
    pub due_id: DueId,
    /// Who owes.
    pub member_id: MemberId,
    /// By which plan.
    pub plan_id: PlanId,
    /// First day.
    pub period_start: Date,
    /// Last day.
    pub period_end: Date,
    /// How much.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// Overdue after this day.
    pub due_on: Date,
}

/// What somebody paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContributionDeclared {
    /// The payment.
    pub payment_id: PaymentId,
    /// Who paid.
    pub member_id: MemberId,
    /// How much.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// How.
    pub method: PaymentMethod,
    /// When it was paid, apart from when it was recorded.
    pub paid_on: Date,
}

/// A part of a payment that settles a part of a due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    /// The due.
    pub due_id: DueId,
    /// How much of it.
    pub amount: Amount,
}

/// A payment is confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContributionPaid {
    /// What was declared.
    #[serde(flatten)]
    pub declared: ContributionDeclared,
    /// Who confirmed; null where a provider did.
    pub confirmed_by: Option<MemberId>,
    /// Which dues it settles.
    pub allocations: Vec<Allocation>,
    /// What is left over, to the member's credit.
    pub credit: Amount,
    /// The entry posted.
    pub entry_id: EntryId,
}

macro_rules! payment_endings {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The payment.
            pub payment_id: PaymentId,
            /// Whose.
            pub member_id: MemberId,
            /// How much.
            pub amount: Amount,
            /// Its currency.
            pub currency: Currency,
            /// The dues that are open again, by how much.
            pub reopened: Vec<Allocation>,
            /// The entry that undoes it, if one had been posted.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub entry_id: Option<EntryId>,
        }
    )+};
}

payment_endings! {
    /// A declared payment was not confirmed.
    ContributionRefused,
    /// A confirmed payment was undone.
    ContributionReversed,
}

/// A due was forgiven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ContributionWaived {
    /// The due.
    pub due_id: DueId,
    /// Whose.
    pub member_id: MemberId,
    /// How much of it.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// The request that decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_id: Option<ApprovalId>,
}
