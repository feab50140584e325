//! A town of organisations on a store of its own, and commands in words of the domain.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;
use unionflow_auth::password::{Cost, Passwords};
use unionflow_domain::{
    Refusal,
    contact::{Country, LoginName},
    member::{Member, Name, StatusChange},
    organization,
};
use unionflow_protocol::{
    Amount, Audience, Currency, Date, Envelope, Event, Language, Origin, Role, Seq, Timestamp,
    approval::{PolicyRules, TransactionType},
    id::{AccountId, ApprovalId, MemberId, OrganizationId, PersonId, SignInId},
    problem::ErrorCode,
    rest::{
        approval::{Approval, ApprovalDetails, Approve, EditApproval, Reject, SubmitApproval},
        member::{MemberOrRequest, WithReason},
        organization::{AskPolicy, OpeningBalances},
    },
};
use unionflow_service::{
    Call, Caller, Service, Settings, approval, member, operator,
    organization::{
        ask_policy::ask_policy,
        found::{Founding, NewFounder, create_person, found},
    },
};
use unionflow_storage::{Ids, Key, Keyed, Scope, ScriptedClock, Store, StoreFault, Tx, Undo, sqlite};
use uuid::Uuid;

/// A store with a clock that shows what it is told.
pub(crate) struct Town {
    pub(crate) service: Service,
    clock: Arc<ScriptedClock>,
    logins: AtomicU64,
    folder: TempDir,
}

/// An organisation and the people who founded it.
pub(crate) struct Club {
    pub(crate) id: OrganizationId,
    pub(crate) people: Vec<Who>,
}

/// Somebody with an account and a membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) person: PersonId,
    pub(crate) member: MemberId,
}

/// An entry of a journal, read.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) seq: Seq,
    pub(crate) audience: Audience,
    pub(crate) envelope: Envelope,
}

/// A Monday morning.
const BEGINS: i64 = 1_773_000_000_000;

impl Town {
    pub(crate) async fn open() -> Self {
        Self::seeded(7).await
    }

    pub(crate) async fn seeded(seed: u64) -> Self {
        Self::on(seed, |store| store).await
    }

    /// On a store with something done to it.
    pub(crate) async fn on(seed: u64, change: impl FnOnce(Store) -> Store) -> Self {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let clock = Arc::new(ScriptedClock::default());
        clock.set(Timestamp::from_millis(BEGINS));
        let mut options = sqlite::Options::server(folder.path().join("unionflow.db"), clock.clone());
        options.ids = Ids::seeded(seed);
        let store = change(sqlite::open(options).expect("a store opens"));
        let settings = Settings {
            allow_new_organizations: false,
            public_url: "https://union.example".into(),
            country: Country::CI,
            access_token_lifetime: Duration::from_secs(900),
            sign_ins_per_minute: 1_000_000,
        };
        let service = Service::open(store, Passwords::new(Cost::CHEAP), settings).await.expect("it opens");
        Self { service, clock, logins: AtomicU64::new(0), folder }
    }

    /// An organisation with 1,000,000 in cash and in the bank, whose people hold these roles.
    pub(crate) async fn found(&self, rules: PolicyRules, roles: &[&[Role]]) -> Club {
        let roles: Vec<Vec<Role>> = roles.iter().map(|roles| roles.to_vec()).collect();
        let first = self.logins.fetch_add(roles.len() as u64, Ordering::SeqCst);
        let founded = self.service.store().write(Scope::Server, move |tx| {
            let mut founders = Vec::new();
            for (n, roles) in (first..).zip(roles) {
                let login = LoginName::parse(&format!("person{n}@example.org"), Country::CI)
                    .expect("an address is a login");
                let person_id =
                    create_person(tx, &login, "no password".into())?.expect("nobody has the login");
                let name = Name { given: format!("Awa {n}"), family: "Koné".into() };
                founders.push(NewFounder { name, phone: None, email: None, person_id, roles });
            }
            let persons: Vec<PersonId> = founders.iter().map(|founder| founder.person_id).collect();
            let id = found(tx, founding(rules, founders))?;
            let mut people = Vec::new();
            for person in persons {
                let member = tx.load_membership(person, id)?.expect("a founder is a member").id;
                people.push(Who { person, member });
            }
            Ok(Club { id, people })
        });
        founded.await.expect("it is founded")
    }

    /// Everything that is stored, as text: table by table, row by row.
    pub(crate) fn everything(&self) -> Vec<String> {
        let path = self.folder.path().join("unionflow.db");
        let read = || {
            let connection = rusqlite::Connection::open(path)?;
            let names = "SELECT m.name, group_concat('quote(' || c.name || ')', '||'',''||') FROM sqlite_master m \
                         JOIN pragma_table_info(m.name) c WHERE m.type = 'table' GROUP BY m.name ORDER BY m.name";
            let mut tables = connection.prepare(names)?;
            let tables =
                tables.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            let mut rows = Vec::new();
            for table in tables {
                let (name, columns) = table?;
                let mut all = connection.prepare(&format!("SELECT {columns} FROM {name} ORDER BY 1"))?;
                for row in all.query_map([], |row| row.get::<_, String>(0))? {
                    rows.push(format!("{name} {}", row?));
                }
            }
            Ok::<_, rusqlite::Error>(rows)
        };
        read().expect("the file is read")
    }

    /// Every reservation: whose, on which account, how much, and what became of it.
    pub(crate) fn reservations(&self) -> Vec<(ApprovalId, AccountId, i64, String)> {
        let path = self.folder.path().join("unionflow.db");
        let read = || {
            let connection = rusqlite::Connection::open(path)?;
            let mut all =
                connection.prepare("SELECT approval_id, account_id, amount, state FROM reservation")?;
            let rows = all.query_map([], |row| {
                let (approval, account) = (Uuid::from_bytes(row.get(0)?), Uuid::from_bytes(row.get(1)?));
                let ids = (ApprovalId::from_uuid(approval), AccountId::from_uuid(account));
                Ok((ids.0, ids.1, row.get(2)?, row.get(3)?))
            })?;
            rows.collect::<Result<Vec<_>, rusqlite::Error>>()
        };
        read().expect("the file is read")
    }

    /// The figures of an organisation can no longer be read.
    pub(crate) fn spoil_figures(&self, club: &Club) {
        let connection = rusqlite::Connection::open(self.folder.path().join("unionflow.db"));
        let spoil = "UPDATE figures SET body = '{}' WHERE organization_id = ?1";
        let spoiled = connection.and_then(|file| file.execute(spoil, [club.id.as_bytes()]));
        assert_eq!(spoiled, Ok(1));
    }

    /// Somebody writes to the file beside the server.
    pub(crate) fn tamper(&self, sql: &str) -> Result<usize, String> {
        let file = rusqlite::Connection::open(self.folder.path().join("unionflow.db")).expect("it opens");
        file.execute(sql, []).map_err(|error| error.to_string())
    }

    /// The figures of an organisation are gone, until they are brought back.
    pub(crate) fn take_figures_away(&self, club: &Club) -> (i64, String) {
        let file = rusqlite::Connection::open(self.folder.path().join("unionflow.db")).expect("it opens");
        let taken = "DELETE FROM figures WHERE organization_id = ?1 RETURNING stale_at, body";
        let row = file.query_row(taken, [club.id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
        row.expect("they were there")
    }

    /// Brings the figures of an organisation back.
    pub(crate) fn bring_figures_back(&self, club: &Club, (stale_at, body): (i64, String)) {
        let file = rusqlite::Connection::open(self.folder.path().join("unionflow.db")).expect("it opens");
        let back = "INSERT INTO figures (organization_id, stale_at, body) VALUES (?1, ?2, ?3)";
        file.execute(back, rusqlite::params![club.id.as_bytes(), stale_at, body]).expect("it is written");
    }

    /// The day that an organisation's figures are as of.
    pub(crate) async fn figures_as_of(&self, club: &Club) -> Date {
        let id = club.id;
        let read = self.service.read(move |reader| Ok(reader.load_figures(id)?));
        read.await.expect("they are read").expect("they exist").as_of()
    }

    /// Time passes.
    pub(crate) fn wait(&self, hours: u64) {
        self.set_back_or_on(Duration::from_secs(hours * 3600));
    }

    fn set_back_or_on(&self, by: Duration) {
        use unionflow_storage::Clock as _;
        self.clock.set(self.clock.now().plus(by));
    }

    /// Somebody does something, without a key.
    pub(crate) async fn act<T>(
        &self,
        club: &Club,
        who: Who,
        unit: impl FnOnce(&mut Tx<'_>, &Call) -> Result<T, Undo> + Send + 'static,
    ) -> Result<T, Refusal>
    where
        T: serde::Serialize + serde::de::DeserializeOwned + Send + 'static,
    {
        self.service.command(club.id, call(who, None), unit).await.expect("the store works").answer
    }

    pub(crate) async fn submit(&self, club: &Club, who: Who, wanted: Wanted) -> Result<Approval, Refusal> {
        let body = wanted.of(club.id);
        self.act(club, who, move |tx, call| approval::submit::submit(tx, call, &body)).await
    }

    pub(crate) async fn approve(&self, club: &Club, who: Who, id: ApprovalId) -> Result<Approval, Refusal> {
        let seen = self.approval(id).await.terms.content_hash;
        let body = Approve { comment: None, content_hash: Some(seen) };
        self.act(club, who, move |tx, call| approval::approve::approve(tx, call, id, &body)).await
    }

    pub(crate) async fn reject(&self, club: &Club, who: Who, id: ApprovalId) -> Result<Approval, Refusal> {
        let seen = self.approval(id).await.terms.content_hash;
        let body = Reject { reason: "trop cher".into(), content_hash: Some(seen) };
        self.act(club, who, move |tx, call| approval::reject::reject(tx, call, id, &body)).await
    }

    pub(crate) async fn withdraw(&self, club: &Club, who: Who, id: ApprovalId) -> Result<Approval, Refusal> {
        self.act(club, who, move |tx, call| approval::withdraw::withdraw(tx, call, id)).await
    }

    pub(crate) async fn cancel(&self, club: &Club, who: Who, id: ApprovalId) -> Result<Approval, Refusal> {
        self.act(club, who, move |tx, call| approval::cancel::cancel(tx, call, id)).await
    }

    pub(crate) async fn edit(
        &self,
        club: &Club,
        who: Who,
        id: ApprovalId,
        body: EditApproval,
    ) -> Result<Approval, Refusal> {
        self.act(club, who, move |tx, call| approval::edit::edit(tx, call, id, &body)).await
    }

    pub(crate) async fn execute(
        &self,
        club: &Club,
        who: Who,
        id: ApprovalId,
    ) -> Result<approval::execute::Executed, Refusal> {
        self.act(club, who, move |tx, call| approval::execute::execute(tx, call, id)).await
    }

    pub(crate) async fn ask_role(
        &self,
        club: &Club,
        who: Who,
        about: MemberId,
        role: Role,
        grant: bool,
    ) -> Result<MemberOrRequest, Refusal> {
        let with = WithReason::default();
        self.act(club, who, move |tx, call| member::ask_role::ask_role(tx, call, about, role, grant, &with))
            .await
    }

    pub(crate) async fn change_status(
        &self,
        club: &Club,
        who: Who,
        about: MemberId,
        change: StatusChange,
    ) -> Result<MemberOrRequest, Refusal> {
        let with = WithReason::default();
        self.act(club, who, move |tx, call| {
            member::change_status::change_status(tx, call, about, change, &with)
        })
        .await
    }

    pub(crate) async fn ask_policy(
        &self,
        club: &Club,
        who: Who,
        rules: PolicyRules,
    ) -> Result<Approval, Refusal> {
        let ask = AskPolicy { rules, purpose: None };
        self.act(club, who, move |tx, call| ask_policy(tx, call, &ask)).await
    }

    /// `unionflow user role`.
    pub(crate) async fn operator_role(
        &self,
        club: &Club,
        about: MemberId,
        role: Role,
        grant: bool,
    ) -> Result<Member, ErrorCode> {
        let unit = move |tx: &mut Tx<'_>| operator::set_role(tx, about, role, grant);
        self.service.store().write(Scope::Organization(club.id), unit).await.map_err(|undo| undo.code())
    }

    /// The sweeper comes by.
    pub(crate) async fn sweep(&self) {
        self.service.sweep_deadlines().await.expect("the sweeper works");
        self.service.sweep_days().await.expect("the sweeper works");
    }

    pub(crate) async fn approval(&self, id: ApprovalId) -> unionflow_domain::approval::Approval {
        let read = self.service.read(move |reader| Ok(reader.load_approval(id)?));
        read.await.expect("it is read").expect("it exists")
    }

    pub(crate) async fn member(&self, id: MemberId) -> Member {
        let read = self.service.read(move |reader| Ok(reader.load_member(id)?));
        read.await.expect("it is read").expect("it exists")
    }

    /// Somebody does something under a key, once however often it is sent.
    pub(crate) async fn act_keyed<T>(
        &self,
        club: &Club,
        who: Who,
        key: &str,
        unit: impl FnOnce(&mut Tx<'_>, &Call) -> Result<T, Undo> + Send + 'static,
    ) -> Result<Keyed<T>, StoreFault>
    where
        T: serde::Serialize + serde::de::DeserializeOwned + Send + 'static,
    {
        let key = Key {
            principal: who.person,
            route: "POST /somewhere".into(),
            key: key.into(),
            fingerprint: [1; 32],
            secret: false,
        };
        self.service.command(club.id, call(who, Some(key)), unit).await
    }

    /// What the organisation's journal says after a place.
    pub(crate) async fn told_after(&self, club: &Club, after: Seq) -> Vec<Told> {
        let organization = club.id;
        let read =
            self.service.read(move |reader| Ok(reader.journal_after(organization, after, u32::MAX)?));
        let told = |record: unionflow_protocol::Record| Told {
            seq: record.position.seq(),
            audience: record.audience,
            envelope: Envelope::decode(&record.value).expect("our own events can be read"),
        };
        read.await.expect("the journal is read").into_iter().map(told).collect()
    }

    pub(crate) async fn head(&self, club: &Club) -> Seq {
        let organization = club.id;
        let read = self.service.read(move |reader| Ok(reader.head_of(organization)?));
        read.await.expect("it is read").expect("it exists").seq
    }

    /// The types of what was told after a place, notifications left aside.
    pub(crate) async fn types_after(&self, club: &Club, after: Seq) -> Vec<String> {
        let told = self.told_after(club, after).await;
        let facts = told.iter().filter(|told| !matches!(told.envelope.event, Event::UserNotification(_)));
        facts.map(|told| told.envelope.event.type_name().to_owned()).collect()
    }
}

/// A request for money, with what matters only.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) kind: TransactionType,
    pub(crate) minor: i64,
    pub(crate) details: ApprovalDetails,
}

impl Wanted {
    pub(crate) fn expense(minor: i64) -> Self {
        Self { kind: TransactionType::Expense, minor, details: ApprovalDetails::default() }
    }

    pub(crate) fn of(self, organization_id: OrganizationId) -> SubmitApproval {
        SubmitApproval {
            organization_id,
            transaction_type: self.kind,
            amount: amount(self.minor),
            currency: Currency::XOF,
            purpose: "toit de l'école".into(),
            details: self.details,
        }
    }
}

/// A command of somebody.
pub(crate) fn call(who: Who, key: Option<Key>) -> Call {
    let caller = Caller {
        person_id: who.person,
        sign_in_id: SignInId::from_uuid(Uuid::nil()),
        access_expires_at: Timestamp::from_millis(i64::MAX),
        language: Language::French,
        trace_parent: None,
    };
    Call { caller, key, if_match: None }
}

pub(crate) fn amount(minor: i64) -> Amount {
    Amount::new(minor).expect("within range")
}

/// The request that a command made of itself.
pub(crate) fn requested(answer: Result<MemberOrRequest, Refusal>) -> Approval {
    match answer.expect("it is asked for") {
        MemberOrRequest::Request(request) => *request,
        MemberOrRequest::Member(member) => panic!("it took effect at once: {member:?}"),
    }
}

/// The member, of a command that took effect at once.
pub(crate) fn at_once(answer: Result<MemberOrRequest, Refusal>) -> unionflow_protocol::rest::member::Member {
    match answer.expect("it is allowed") {
        MemberOrRequest::Member(member) => *member,
        MemberOrRequest::Request(request) => panic!("it became a request: {request:?}"),
    }
}

fn founding(rules: PolicyRules, founders: Vec<NewFounder>) -> Founding {
    let million = amount(1_000_000);
    Founding {
        settings: organization::Settings::new("Mutuelle Espoir", None, None, None).expect("they are valid"),
        currency: Currency::XOF,
        rules,
        opening: OpeningBalances { cash: million, bank: million, mobile_money: Amount::ZERO },
        founders,
        origin: Origin::Operator,
    }
}
