//! A store moves from its file to PostgreSQL: whole or not at all, and never in two places.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use unionflow_components::{Database, Postgres};
use unionflow_protocol::{
    Timestamp,
    id::{Epoch, OrganizationId, PersonId, SignInId},
};
use unionflow_storage::{
    Clock, Ids, MoveFault, PostgresFault, Scope, ScriptedClock, Store, StoreFault, SystemClock, Tx,
    conformance::{found, join},
    moving::{self, Moved},
    sqlite,
    tables::person::{Person, SignIn},
};
use uuid::Uuid;

use super::{open, verify};

/// A file with three journals, closed.
struct File {
    folder: tempfile::TempDir,
    epoch: Epoch,
    organizations: Vec<OrganizationId>,
}

const ENTRIES: u64 = 3 * 41;
const SIGNED_IN: &str = "SELECT device FROM sign_in WHERE ended_at IS NULL";

fn awa() -> Person {
    Person {
        id: PersonId::from_uuid(Uuid::from_u128(1)),
        password_hash: String::new(),
        language: None,
        created_at: Timestamp::from_millis(1_760_000_000_000),
        disabled_at: None,
    }
}

impl File {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("it works");
        let store = sqlite::open(server(&folder.path().join("a.db"))).expect("it works");
        let mut organizations = Vec::new();
        for _ in 0..3 {
            let organization = found(&store).await;
            for _ in 0..40 {
                join(&store, organization).await.expect("it works");
            }
            organizations.push(organization);
        }
        let write = |tx: &mut Tx<'_>| {
            tx.insert_person(&awa())?;
            Ok(tx.insert_sign_in(&SignIn {
                id: SignInId::from_uuid(Uuid::from_u128(2)),
                person_id: awa().id,
                generation: 0,
                device: "a telephone".into(),
                created_at: awa().created_at,
                last_used_at: awa().created_at,
                ended_at: None,
            })?)
        };
        store.write(Scope::Server, write).await.expect("it works");
        store.close();
        Self { folder, epoch: store.epoch(), organizations }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }

    fn sql(&self, statements: &str) {
        rusqlite::Connection::open(self.path())
            .expect("it works")
            .execute_batch(statements)
            .expect("it works");
    }

    fn texts(&self, query: &str) -> Vec<String> {
        let connection = rusqlite::Connection::open(self.path()).expect("it works");
        let mut statement = connection.prepare(query).expect("it works");
        let rows = statement.query_map([], |row| row.get(0)).expect("it works");
        rows.collect::<Result<_, _>>().expect("it works")
    }

    fn move_to(&self, database: &Database) -> Result<Moved, StoreFault> {
        moving::to_postgres(&self.path(), database.url(), now(), |_| ())
    }

    fn open(&self) -> Result<Store, StoreFault> {
        sqlite::open(server(&self.path()))
    }
}

fn server(path: &Path) -> sqlite::Options {
    sqlite::Options::server(path, Arc::new(ScriptedClock::default()))
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn tables(database: &Database) -> String {
    let count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    database.psql(count).expect("it works").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_arrives_whole_and_under_the_same_epoch() {
    let (file, database) = (File::new().await, Postgres::database().unwrap());
    let mut steps = Vec::new();
    let moved = moving::to_postgres(&file.path(), database.url(), now(), |progress| steps.push(progress));
    let moved = moved.unwrap();
    assert_eq!((moved.epoch, moved.organizations, moved.entries), (file.epoch, 3, ENTRIES));
    assert!(steps.iter().map(|step| step.done).is_sorted(), "it only goes on");
    let last = steps.last().unwrap();
    assert_eq!((last.done, last.total), (moved.rows + ENTRIES, moved.rows + ENTRIES));

    let bound = database.psql("SELECT value FROM meta WHERE key = 'incarnation'").unwrap();
    assert!(!bound.contains('?'), "bound to the server and to these tables: {bound}");
    let store = open(database.url()).unwrap();
    assert_eq!(store.epoch(), file.epoch);
    for organization in &file.organizations {
        assert_eq!(verify(&store, *organization).await, Ok(41));
        join(&store, *organization).await.unwrap();
        assert_eq!(verify(&store, *organization).await, Ok(42), "and it goes on there");
    }
    store.close();
    assert_eq!(open(database.url()).unwrap().epoch(), file.epoch, "bound to its server");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_moved_is_opened_no_more_until_it_is_taken_back_as_another_incarnation() {
    let (file, database) = (File::new().await, Postgres::database().unwrap());
    assert_eq!(
        sqlite::take_back(&file.path(), &Ids::system(), now()),
        Err(MoveFault::Never(file.path()).into())
    );
    // As a long import that began before.
    let beside = sqlite::open(sqlite::Options::beside(file.path(), Arc::new(SystemClock))).unwrap();
    file.move_to(&database).unwrap();
    let late = join(&beside, file.organizations[0]).await.unwrap_err();
    assert!(late.to_string().contains("was moved to postgres://"), "{late}");
    // What adds nothing to a journal, as `user disable`, would be reported as done and be lost.
    let mut person = awa();
    person.disabled_at = Some(now());
    let disabled = beside.write(Scope::Server, move |tx| Ok(tx.save_person(&person)?)).await;
    let fault = disabled.unwrap_err();
    assert!(fault.to_string().contains("was moved to postgres://"), "{fault}");
    beside.close();
    for table in file.texts("SELECT name FROM sqlite_schema WHERE type = 'table'") {
        let guards =
            format!("SELECT name FROM sqlite_schema WHERE tbl_name = '{table}' AND name LIKE 'elsewhere%'");
        assert_eq!(file.texts(&guards).len(), 3, "{table}");
    }

    let opened = [file.open(), sqlite::open(sqlite::Options::beside(file.path(), Arc::new(SystemClock)))];
    for opened in opened {
        let fault = opened.err().unwrap();
        assert!(matches!(fault, StoreFault::Move(MoveFault::Moved { .. })), "{fault}");
        assert!(!fault.to_string().contains('@'), "no password: {fault}");
    }
    let again = file.move_to(&Postgres::database().unwrap()).unwrap_err();
    assert!(
        matches!(again, StoreFault::Move(MoveFault::Moved { .. })),
        "nor moved to a second place: {again}"
    );

    // A copy that was made of it meanwhile is a backup like any other.
    let (copy, restored) = (file.folder.path().join("copy"), file.folder.path().join("restored.db"));
    sqlite::backup(&file.path(), &copy, |_| ()).unwrap();
    sqlite::restore(&copy, &restored, &Ids::system(), now(), |_| ()).unwrap();
    let store = sqlite::open(server(&restored)).unwrap();
    join(&store, file.organizations[0]).await.unwrap();
    assert_eq!(file.texts(SIGNED_IN).len(), 1, "over there devices go on");

    let epoch = sqlite::take_back(&file.path(), &Ids::system(), now()).unwrap();
    assert_ne!(epoch, file.epoch);
    let store = file.open().unwrap();
    assert_eq!(store.epoch(), epoch);
    join(&store, file.organizations[0]).await.unwrap();
    store.write(Scope::Server, |tx| Ok(tx.save_person(&awa())?)).await.unwrap();
    assert_eq!(file.texts(SIGNED_IN), [""; 0], "whoever was signed out over there is signed out here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_holds_anything_is_refused_and_left_alone() {
    let file = File::new().await;
    let taken = Postgres::database().unwrap();
    let store = open(taken.url()).unwrap();
    let organization = found(&store).await;
    let fault = file.move_to(&taken).unwrap_err();
    assert!(matches!(fault, StoreFault::Postgres(PostgresFault::NotEmpty { .. })), "{fault}");
    assert_eq!(verify(&store, organization).await, Ok(1));

    let foreign = Postgres::database().unwrap();
    foreign.psql("CREATE TABLE anything (name TEXT)").unwrap();
    let fault = file.move_to(&foreign).unwrap_err();
    assert!(matches!(fault, StoreFault::Postgres(PostgresFault::Foreign { .. })), "{fault}");
    assert_eq!(tables(&foreign), "1");
    assert!(file.open().is_ok(), "the file is the store as before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_served_or_does_not_verify_is_not_moved() {
    let (file, database) = (File::new().await, Postgres::database().unwrap());
    let served = file.open().unwrap();
    assert_eq!(file.move_to(&database), Err(StoreFault::InUse(file.path())));
    served.close();
    drop(served);

    file.sql("DROP TRIGGER journal_is_never_changed; UPDATE journal SET audience = 'none' WHERE seq = 7");
    let fault = file.move_to(&database).unwrap_err();
    assert!(
        matches!(&fault, StoreFault::Move(MoveFault::Differs(why)) if why.contains("entry 7")),
        "{fault}"
    );
    assert_eq!(tables(&database), "0");
    assert!(file.open().is_ok(), "the file is the store as before");
    let missing = moving::to_postgres(&file.folder.path().join("b.db"), database.url(), now(), |_| ());
    assert!(matches!(missing, Err(StoreFault::Missing(_))), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_interrupted_on_the_way_leaves_nothing_and_begins_anew() {
    let (file, database) = (File::new().await, Postgres::database().unwrap());
    for at in [1, 30, ENTRIES] {
        let interrupted = catch_unwind(AssertUnwindSafe(|| {
            moving::to_postgres(&file.path(), database.url(), now(), |progress| {
                assert!(progress.done < at, "interrupted here");
            })
        }));
        assert!(matches!(interrupted, Ok(Err(_)) | Err(_)), "{interrupted:?}");
        assert_eq!(tables(&database), "0");
    }
    assert!(file.open().is_ok(), "the file is the store as before");
    assert_eq!(file.move_to(&database).unwrap().entries, ENTRIES);
}

/// As if the process had ended just before or after the database committed.
const UNKNOWN: &str = "UPDATE meta SET key = 'moving_to' WHERE key = 'moved_to'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_interrupted_at_the_very_end_finds_out_whether_it_arrived() {
    let (file, arrived) = (File::new().await, Postgres::database().unwrap());
    file.move_to(&arrived).unwrap();
    file.sql(UNKNOWN);
    let fault = file.open().err().unwrap();
    assert!(
        matches!(fault, StoreFault::Move(MoveFault::Interrupted { .. })),
        "neither can be served twice: {fault}"
    );
    assert_eq!(file.move_to(&arrived).unwrap().entries, ENTRIES);
    assert!(matches!(file.open().err().unwrap(), StoreFault::Move(MoveFault::Moved { .. })));

    let (file, empty) = (File::new().await, Postgres::database().unwrap());
    file.move_to(&Postgres::database().unwrap()).unwrap();
    file.sql(UNKNOWN);
    file.move_to(&empty).unwrap();
    let store = open(empty.url()).unwrap();
    assert_eq!(verify(&store, file.organizations[2]).await, Ok(41));
    let marks = "SELECT count(*) FROM meta WHERE key IN ('moving_to', 'moved_to', 'moved_at')";
    assert_eq!(empty.psql(marks).unwrap().trim(), "0", "the marks of the file stay behind");
}
