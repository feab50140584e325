//! A server in this process, with two organisations and people in both.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use unionflow_auth::password::{Cost, Passwords};
use unionflow_domain::{contact::Country, policy::demo_rules};
use unionflow_protocol::{
    Amount, Currency, Language, Role, Timestamp,
    approval::{PolicyRules, TransactionType},
    id::SignInId,
    limits,
    rest::{
        approval::{ApprovalDetails, SubmitApproval},
        auth::Login,
        notification::Broadcast,
    },
};
use unionflow_server::{Options, Server, Settings, StartFault};
use unionflow_service::{Call, Caller, Service, approval::submit::submit, notification::broadcast};
use unionflow_storage::{Clock, Ids, ScriptedClock, Store, Tx, Undo, sqlite};

use crate::{
    books::Books,
    cast::{Account, Troupe},
    faults::Faults,
    person::Person,
    socket::Socket,
};

/// A server that runs, and who is on it.
pub struct World {
    /// The first organisation.
    pub espoir: Troupe,
    /// The second: nothing of the first may reach it.
    pub solidarite: Troupe,
    /// The server's clock: the system's until it is told a time.
    pub clock: Arc<ScriptedClock>,
    /// What is made to fail, where that was asked for.
    pub faults: Option<Faults>,
    server: Option<Server>,
    settings: Settings,
    folder: TempDir,
    pages_max: Option<u32>,
}

/// Bytes of a page of the store.
const PAGE_BYTES: u64 = 4096;

/// Settings of a server for tests: ports that the system chooses, cheap passwords, limits that no test meets by chance.
pub fn settings(database: &Path) -> Settings {
    Settings {
        listen: "127.0.0.1:0".to_owned(),
        admin_listen: "127.0.0.1:0".to_owned(),
        database_url: format!("sqlite:{}", database.display()),
        password_memory_kib: Cost::CHEAP.memory_kib,
        requests_per_second: 1_000_000,
        requests_burst: 1_000_000,
        anonymous_requests_per_second: 100_000,
        sign_ins_per_minute: 1_000_000,
        sessions_per_person: 10_000,
        drain_seconds: 1,
        ..Settings::default()
    }
}

/// The use cases on a store that no server runs on, to prepare it.
pub async fn open_service(database: PathBuf, clock: Arc<dyn Clock>) -> Service {
    let store = sqlite::open(sqlite::Options::server(database, clock)).expect("a store opens");
    open_service_on(store).await
}

/// The use cases on a store that is open.
pub async fn open_service_on(store: Store) -> Service {
    let settings = unionflow_service::Settings {
        allow_new_organizations: false,
        public_url: "http://127.0.0.1".to_owned(),
        country: Country::CI,
        access_token_lifetime: limits::ACCESS_TOKEN_LIFETIME,
        sign_ins_per_minute: 1_000_000,
    };
    Service::open(store, Passwords::new(Cost::CHEAP), settings).await.expect("the service opens")
}

impl World {
    /// A server with two organisations.
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// The same with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_larger(demo_rules(), &[], change).await
    }

    /// A server whose two organisations were founded at this time, which its clock shows until it is told another.
    pub async fn start_at(begin: Timestamp) -> Self {
        let clock = Arc::new(ScriptedClock::default());
        clock.set(begin);
        Self::found(clock, demo_rules(), &[], |_| ()).await
    }

    /// The same with other rules in the first organisation, and more holders of some roles there.
    pub async fn start_larger(
        rules: PolicyRules,
        more: &[(Role, usize)],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        Self::found(Arc::default(), rules, more, change).await
    }

    async fn found(
        clock: Arc<ScriptedClock>,
        rules: PolicyRules,
        more: &[(Role, usize)],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let database = folder.path().join("unionflow.db");
        let service = open_service(database.clone(), clock.clone()).await;
        let espoir = Troupe::found_larger(&service, "Mutuelle Espoir", rules, more).await;
        let solidarite = Troupe::found(&service, "Union Solidarité").await;
        service.store().close();
        let mut settings = settings(&database);
        change(&mut settings);
        let mut world =
            Self { espoir, solidarite, clock, faults: None, server: None, settings, folder, pages_max: None };
        world.go_on().await;
        world
    }

    /// A server whose store and bus fail as planned.
    pub async fn start_faulty() -> Self {
        let mut world = Self::start().await;
        world.stop().await;
        world.faults = Some(Faults::default());
        world.go_on().await;
        world
    }

    /// A server on a disk that has so many pages left.
    pub async fn start_on_small_disk(pages_left: u32) -> Self {
        let mut world = Self::start().await;
        world.stop().await;
        let bytes = std::fs::metadata(world.database()).expect("the store is there").len();
        world.pages_max = u32::try_from(bytes / PAGE_BYTES).ok().map(|pages| pages + pages_left);
        world.go_on().await;
        world
    }

    async fn go_on(&mut self) {
        self.try_go_on().await.unwrap_or_else(|fault| panic!("the server starts: {fault}"));
    }

    /// Starts the server where it was stopped, or says why it does not start.
    pub async fn try_go_on(&mut self) -> Result<(), StartFault> {
        let options = Options { settings: self.settings.clone(), clock: Some(self.clock.clone()) };
        let mut opening = sqlite::Options::server(self.database(), self.clock.clone());
        opening.pages_max = self.pages_max;
        let store = sqlite::open(opening).map_err(StartFault::Store)?;
        let started = match &self.faults {
            Some(faults) => Server::start_over(faults.in_store(store), faults.bus(), options).await,
            None => Server::start_on(store, options).await,
        };
        let server = started?;
        // The same address after a restart, so that clients find it again.
        self.settings.listen = server.address.to_string();
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server, puts a backup in the place of its store, and starts it again.
    pub async fn restore(&mut self, backup: &Path) {
        self.stop().await;
        let database = self.database();
        std::fs::rename(&database, self.folder.path().join("away.db")).expect("it can be moved away");
        sqlite::restore(backup, &database, &Ids::system(), self.clock.now(), |_| ()).expect("a good backup");
        self.go_on().await;
    }

    /// A backup of the store while the server goes on.
    pub fn backup(&self) -> PathBuf {
        let file = self.folder.path().join("backup.db");
        sqlite::backup(&self.database(), &file, |_| ()).expect("a backup");
        file
    }

    /// The server.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    /// The store's file.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join("unionflow.db")
    }

    /// Where the server is: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.server().address.to_string()
    }

    /// Stops the server.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// Stops the server and starts it again, on the same store and address.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.go_on().await;
    }

    /// The first organisation's holder of a role, signed in.
    pub async fn espoir(&self, role: Role) -> Person {
        self.sign_in(&self.espoir, self.espoir.account(role)).await
    }

    /// The second organisation's holder of a role, signed in.
    pub async fn solidarite(&self, role: Role) -> Person {
        self.sign_in(&self.solidarite, self.solidarite.account(role)).await
    }

    /// Somebody, signed in.
    pub async fn sign_in(&self, troupe: &Troupe, account: &Account) -> Person {
        Person::sign_in(&self.address(), troupe, account).await
    }

    /// The books of the first organisation.
    pub async fn books(&self) -> Books {
        Books::read(self.server().service().store(), self.espoir.id).await
    }

    /// Requests made at once by the first organisation's treasurer, in one commit: two events each. The newest event.
    pub async fn requests_at_once(&self, count: usize) -> u64 {
        let asked = SubmitApproval {
            organization_id: self.espoir.id,
            transaction_type: TransactionType::Expense,
            amount: Amount::new(1).expect("within range"),
            currency: Currency::XOF,
            purpose: "Achat de fournitures".to_owned(),
            details: ApprovalDetails::default(),
        };
        let unit = move |tx: &mut Tx<'_>, call: &Call| submit(tx, call, &asked).map(|_| ());
        self.at_once(&self.espoir, Role::Treasurer, count, unit).await
    }

    /// Announcements of an organisation's president to everyone there, in one commit. The newest event.
    pub async fn announcements_at_once(&self, troupe: &Troupe, count: usize) -> u64 {
        let announced = Broadcast {
            organization_id: troupe.id,
            message: "Réunion samedi".to_owned(),
            roles: None,
            severity: None,
        };
        let unit = move |tx: &mut Tx<'_>, call: &Call| broadcast(tx, call, &announced).map(|_| ());
        self.at_once(troupe, Role::President, count, unit).await
    }

    async fn at_once(
        &self,
        troupe: &Troupe,
        role: Role,
        count: usize,
        unit: impl Fn(&mut Tx<'_>, &Call) -> Result<(), Undo> + Send + 'static,
    ) -> u64 {
        let caller = Caller {
            person_id: troupe.account(role).person_id,
            sign_in_id: SignInId::from_uuid(uuid::Uuid::nil()),
            access_expires_at: self.clock.now(),
            language: Language::French,
            trace_parent: None,
        };
        let call = Call { caller, key: None, if_match: None };
        let units = move |tx: &mut Tx<'_>, call: &Call| {
            for _ in 0..count {
                unit(tx, call)?;
            }
            Ok(tx.head()?.0)
        };
        let made = self.server().service().command(troupe.id, call, units).await;
        made.expect("the store takes it").answer.expect("whoever holds the role may")
    }

    /// A person's socket, live from now and caught up.
    pub async fn socket(&self, person: &Person) -> Socket {
        let mut socket = person.connect("").await.unwrap_or_else(|refused| panic!("{refused:?}"));
        socket.until("SYSTEM_CAUGHT_UP").await;
        socket
    }
}

/// What a login sends.
pub(crate) fn login_body(account: &Account) -> serde_json::Value {
    let login = Login {
        login: account.login.clone(),
        password: unionflow_protocol::rest::auth::Secret(account.password.clone()),
        session: None,
    };
    serde_json::to_value(login).expect("plain values")
}
