//! Servers to measure, and callers who need no HTTP.

use std::path::PathBuf;

use serde_json::json;
use unionflow_protocol::{
    Language, Role, Timestamp,
    id::{OrganizationId, SignInId},
    rest::approval::SubmitApproval,
};
use unionflow_service::{Call, Caller};
use unionflow_storage::Key;
use unionflow_testkit::{Account, Person, Troupe};

/// The server's binary, built as it ships.
pub(crate) fn binary() -> PathBuf {
    env!("CARGO_BIN_EXE_unionflow").into()
}

/// A call by somebody, under a key that nobody used.
pub(crate) fn call(account: &Account, route: &str) -> Call {
    let key = Person::fresh_key();
    let caller = Caller {
        person_id: account.person_id,
        sign_in_id: SignInId::from_uuid(account.person_id.uuid()),
        access_expires_at: Timestamp::from_millis(i64::MAX),
        language: Language::French,
        trace_parent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    };
    let key = Key {
        principal: account.person_id,
        route: route.to_owned(),
        fingerprint: [key.len() as u8; 32],
        key,
        secret: false,
    };
    Call { caller, key: Some(key), if_match: None }
}

/// A request for an expense.
pub(crate) fn expense(organization: OrganizationId, amount: u64) -> SubmitApproval {
    let body = json!({
        "organizationId": organization, "transactionType": "EXPENSE", "amount": amount, "currency": "XOF",
        "purpose": "Achat de fournitures de bureau"
    });
    serde_json::from_value(body).expect("a request")
}

pub(crate) fn treasurer(troupe: &Troupe) -> Account {
    troupe.account(Role::Treasurer).clone()
}
