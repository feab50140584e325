//! Servers to measure, and callers who need no HTTP.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;
use unionflow_protocol::{
    Language, Role, Timestamp,
    id::{ApprovalId, OrganizationId, SignInId},
    rest::{approval::SubmitApproval, member::EditMember},
};
use unionflow_service::{Call, Caller, Service, approval::submit::submit, member::edit::edit};
use unionflow_storage::{Key, SystemClock};
use unionflow_testkit::{Account, Person, ServerProcess, Troupe, open_service};

use crate::clients::wall;

/// The event of an edited member.
pub(crate) const COUNTED: &str = "MEMBER_UPDATED";

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

/// The commit of an edited member.
pub(crate) struct Committed {
    /// When it was durable.
    pub(crate) at: Duration,
    /// How long its event is.
    pub(crate) bytes: usize,
}

/// When each edit was durable; read by a thread of its own, so that no other work delays it.
pub(crate) fn commits_of(service: &Service) -> mpsc::Receiver<Committed> {
    let mut commits = service.store().commits();
    let (sender, committed) = mpsc::channel();
    let handle = tokio::runtime::Handle::current();
    std::thread::spawn(move || {
        while let Some(records) = handle.block_on(commits.next()) {
            let at = wall();
            if let Some(record) = records.iter().find(|record| record.event_type == COUNTED)
                && sender.send(Committed { at, bytes: record.value.len() }).is_err()
            {
                return;
            }
        }
    });
    committed
}

/// The secretary gives a member the n-th address.
pub(crate) async fn edit_a_member(service: &Service, troupe: &Troupe, n: usize) {
    let (account, id) = (troupe.account(Role::Secretary), troupe.account(Role::Member).member_id);
    let call = call(account, "PATCH /members/{id}");
    let wanted = EditMember { email: Some(Some(format!("gnamien{n}@exemple.test"))), ..Default::default() };
    let edited = service.command(troupe.id, call, move |tx, call| edit(tx, call, id, &wanted)).await;
    edited.expect("no fault").answer.expect("no refusal");
}

/// The treasurer asks for an expense.
pub(crate) async fn submit_one(service: &Service, troupe: &Troupe, amount: u64) -> ApprovalId {
    let (wanted, account) = (expense(troupe.id, amount), treasurer(troupe));
    let call = call(&account, "POST /finance/approvals");
    let done = service.command(troupe.id, call, move |tx, call| submit(tx, call, &wanted)).await;
    done.expect("no fault").answer.expect("no refusal").id
}

/// A server as it ships, on a file of its own, with one organisation.
pub(crate) struct Alone {
    pub(crate) server: ServerProcess,
    pub(crate) address: String,
    pub(crate) troupe: Troupe,
    _folder: TempDir,
}

impl Alone {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("unionflow.db");
        let service = open_service(database.clone(), Arc::new(SystemClock)).await;
        let troupe = Troupe::found(&service, "Mutuelle Espoir").await;
        service.store().close();
        let server = ServerProcess::start(&binary(), &database, ServerProcess::free_address()).await;
        let address = server.address.to_string();
        Self { server, address, troupe, _folder: folder }
    }

    /// Somebody of this role, signed in.
    pub(crate) async fn signed_in(&self, role: Role) -> Person {
        Person::sign_in(&self.address, &self.troupe, self.troupe.account(role)).await
    }

    pub(crate) async fn end(self) {
        self.server.kill().await;
    }
}
