//! What a request asks for, and the hash that votes are bound to.

use sha2::{Digest, Sha256};
use unionflow_protocol::{
    Amount, Currency,
    approval::TransactionType,
    event::approvals::ApprovalContent,
    id::MemberId,
    limits,
    problem::{ErrorCode, FieldCode},
    rest::approval::ApprovalDetails,
    role::RoleSet,
};

use crate::{
    hint::Hint,
    permissions::{Action, Grant},
    refusal::{Fault, Faults, Refusal},
    text,
};

/// SHA-256, in hexadecimal, of the content's JSON with its keys sorted.
///
/// Anyone can repeat it from the event: the keys of `ApprovalContent` in `APPROVAL_PENDING` or `APPROVAL_UPDATED`.
pub fn hash(content: &ApprovalContent) -> String {
    let value = serde_json::to_value(content).expect("content holds only strings, integers and lists");
    let canonical = serde_json::to_vec(&value).expect("a JSON value; its maps are sorted by key");
    text::hex(&Sha256::digest(canonical))
}

/// A request for money as somebody writes it.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The type.
    pub transaction_type: TransactionType,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// Which accounts and whom.
    pub details: &'a ApprovalDetails,
}

/// Reads a purpose.
pub fn purpose(text: &str) -> Result<String, Fault> {
    text::words("/purpose", text, limits::REASON_CHARS)
}

/// Checks a request for money: everything but its accounts, which [`Chart::settle`](crate::ledger::Chart::settle) checks,
/// and its beneficiary, who must be an active member.
pub fn money(
    wanted: &Wanted<'_>,
    own_currency: Currency,
    requester: MemberId,
    roles: RoleSet,
    purpose_hash: String,
) -> Result<ApprovalContent, Refusal> {
    may_ask(wanted.transaction_type, roles)?;
    let mut faults = Faults::default();
    if !wanted.amount.is_positive() {
        faults.push("/amount", FieldCode::TooSmall, Hint::AmountAboveZero);
    }
    if wanted.currency != own_currency {
        faults.push("/currency", FieldCode::Mismatch, Hint::CurrencyIs(own_currency));
    }
    let beneficiary = beneficiary(wanted, requester, roles, &mut faults);
    for (given, field) in
        [(wanted.details.due_id.is_some(), "dueId"), (wanted.details.payment_id.is_some(), "paymentId")]
    {
        if given {
            let hint = Hint::NotForType(wanted.transaction_type);
            faults.push(format!("/details/{field}"), FieldCode::NotAllowed, hint);
        }
    }
    faults.check()?;
    Ok(ApprovalContent {
        transaction_type: wanted.transaction_type,
        amount: wanted.amount,
        currency: wanted.currency,
        beneficiary_member_id: beneficiary,
        account_id: wanted.details.account_id,
        to_account_id: wanted.details.to_account_id,
        due_id: None,
        payment_id: None,
        purpose_hash,
        role_change: None,
        policy_change: None,
    })
}

/// Whether holders of these roles may ask for this type here.
fn may_ask(kind: TransactionType, roles: RoleSet) -> Result<(), Refusal> {
    use TransactionType::{
        Aid, Contribution, Deposit, Expense, PolicyChange, Refund, RoleChange, Transfer, Waiver, Withdrawal,
    };
    match Action::SubmitApproval.grant(roles) {
        Grant::Yes => {}
        Grant::Own | Grant::BySetting if matches!(kind, Aid | Refund) => {}
        Grant::Own | Grant::BySetting => {
            let refusal = Refusal::from(ErrorCode::Forbidden);
            return Err(refusal.at("/transactionType", FieldCode::NotAllowed, Hint::MemberTypes));
        }
        Grant::No => return Err(Action::SubmitApproval.forbidden()),
    }
    let other_route = |route: &str| {
        Err(Refusal::field("/transactionType", FieldCode::NotAllowed, Hint::UseRoute(route.to_owned())))
    };
    match kind {
        Expense | Aid | Withdrawal | Deposit | Transfer => Ok(()),
        Contribution | Refund | Waiver => Err(ErrorCode::TypeNotAvailable.into()),
        PolicyChange => other_route("PUT /organizations/{id}/approval-policy"),
        RoleChange => other_route("PUT /members/{id}/roles/{role}"),
    }
}

fn beneficiary(
    wanted: &Wanted<'_>,
    requester: MemberId,
    roles: RoleSet,
    faults: &mut Faults,
) -> Option<MemberId> {
    let named = wanted.details.beneficiary_member_id;
    let plain = !Action::SubmitApproval.allowed(roles);
    let pointer = "/details/beneficiaryMemberId";
    match wanted.transaction_type {
        TransactionType::Aid if plain => {
            if named.is_some_and(|named| named != requester) {
                faults.push(pointer, FieldCode::NotAllowed, Hint::OnlyYourself);
            }
            Some(requester)
        }
        TransactionType::Aid => {
            if named.is_none() {
                faults.push(pointer, FieldCode::Required, Hint::ActiveMember);
            }
            named
        }
        TransactionType::Expense => named,
        kind => {
            if named.is_some() {
                faults.push(pointer, FieldCode::NotAllowed, Hint::NotForType(kind));
            }
            None
        }
    }
}
