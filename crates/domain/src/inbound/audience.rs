//! Whom facts of other systems are for: as the catalogue says of ours, and single members where they are known.

use serde_json::{Map, Value};
use unionflow_protocol::{
    Audience, EventType, RoleSet,
    approval::TransactionType,
    event::{Aggregate, Readers},
    id::MemberId,
};

/// The key in the data of what the type is about, where it is not `id`.
pub(super) const fn about(event_type: EventType) -> &'static str {
    match event_type.aggregate() {
        Aggregate::Key => "keyId",
        Aggregate::Batch => "batchId",
        Aggregate::Plan => "planId",
        Aggregate::Due => "dueId",
        Aggregate::Payment => "paymentId",
        Aggregate::Notification => "notificationId",
        Aggregate::Approval
        | Aggregate::Organization
        | Aggregate::Account
        | Aggregate::Entry
        | Aggregate::Member => "id",
    }
}

/// Whom it may concern, if they are members.
pub(super) fn concerned(
    event_type: EventType,
    data: &Map<String, Value>,
    key: Option<&str>,
) -> Vec<MemberId> {
    let member = |name: &str| data.get(name).and_then(Value::as_str).and_then(|id| id.parse().ok());
    match event_type.readers() {
        Readers::Officers => {
            let transaction = data.get("transactionType").and_then(Value::as_str);
            let hides = transaction == Some(TransactionType::RoleChange.as_str());
            let beneficiary = member("beneficiaryMemberId").filter(|_| !hides);
            // Who asked there is none of our members, whatever is said.
            beneficiary.into_iter().collect()
        }
        Readers::KeepersAndMember => member("id").into_iter().collect(),
        Readers::MoneyAndMember | Readers::Meant | Readers::Member => {
            // The key of the first system's notifications was whom they were for.
            let by_key = || key.filter(|_| event_type == EventType::UserNotification)?.parse().ok();
            member("memberId").or_else(by_key).into_iter().collect()
        }
        Readers::Keepers | Readers::Money | Readers::Everyone | Readers::Chosen | Readers::View => Vec::new(),
    }
}

/// Who may see it, with these members among them.
pub(super) fn of(event_type: EventType, members: &[MemberId]) -> Audience {
    let roles = match event_type.readers() {
        Readers::Officers => Audience::roles(RoleSet::OFFICERS),
        Readers::Keepers | Readers::KeepersAndMember => Audience::roles(RoleSet::KEEPERS),
        Readers::Money | Readers::MoneyAndMember => Audience::roles(RoleSet::MONEY),
        Readers::Everyone | Readers::Chosen => Audience::everyone(),
        Readers::Meant | Readers::Member | Readers::View => Audience::none(),
    };
    members.iter().fold(roles, |audience, member| audience.and_member(*member))
}
