//! SQLite passes the suite of all backends, and what is its own: one file, its faults, backup and restore.

use std::{path::Path, sync::Arc};

use rusqlite::Connection;
use tempfile::TempDir;
use unionflow_protocol::{Seq, Timestamp, id::OrganizationId};
use unionflow_storage::{
    Ids, Scope, ScriptedClock, Store, StoreFault, SystemClock, sqlite, storage_conformance,
    tables::text::{Text, TextKind},
};

fn fresh() -> (Store, Arc<ScriptedClock>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let clock = Arc::new(ScriptedClock::default());
    let store = sqlite::open(sqlite::Options::server(folder.path().join("unionflow.db"), clock.clone()))
        .expect("a store opens");
    (store, clock, folder)
}

storage_conformance!(fresh);

fn open(path: &Path) -> Result<Store, StoreFault> {
    sqlite::open(sqlite::Options::server(path, Arc::new(SystemClock)))
}

async fn founded(store: &Store) -> OrganizationId {
    unionflow_storage::conformance::a_refused_unit_leaves_nothing(store.clone(), Arc::default()).await;
    store.read(|reader| Ok(reader.load_organizations()?)).await.expect("organisations are read")[0].id
}

async fn verify(store: &Store, organization: OrganizationId) -> Result<u64, String> {
    let verdict = store
        .read(move |reader| Ok(reader.verify_journal(organization)?))
        .await
        .expect("the journal is read");
    verdict.map_err(|broken| broken.to_string())
}

#[tokio::test]
async fn one_changed_byte_of_the_journal_is_found_and_named() {
    let (store, _, folder) = fresh();
    let organization = founded(&store).await;
    store.close();
    let path = folder.path().join("unionflow.db");
    let tamper = |sql: &str| {
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("DROP TRIGGER IF EXISTS journal_is_never_changed; DROP TRIGGER IF EXISTS journal_is_never_pruned;").unwrap();
        connection.execute_batch(sql).unwrap();
    };
    tamper("CREATE TABLE kept AS SELECT * FROM journal;");
    let restore = "DELETE FROM journal; INSERT INTO journal SELECT * FROM kept;";
    for (sql, named) in [
        (
            "UPDATE journal SET envelope = CAST(replace(CAST(envelope AS TEXT), 'ACTIVE', 'ACTIVF') AS BLOB) WHERE seq = 2",
            "entry 2 does not hash",
        ),
        ("UPDATE journal SET audience = 'none' WHERE seq = 1", "entry 1 does not hash"),
        ("UPDATE journal SET topic = 'unionflow.nowhere' WHERE seq = 2", "entry 2 cannot be read"),
        ("UPDATE journal SET event_id = x'00' WHERE seq = 1", "entry 1 cannot be read"),
        ("UPDATE journal SET recorded_at = recorded_at + 1 WHERE seq = 2", "entry 2 says of itself"),
        ("DELETE FROM journal WHERE seq = 1", "entry 1 is missing"),
        ("DELETE FROM journal WHERE seq = 2", "the journal ends at 1, its head says 2"),
    ] {
        tamper(sql);
        let store = open(&path).unwrap();
        let verdict = verify(&store, organization).await.unwrap_err();
        assert!(verdict.starts_with(named), "{sql}: {verdict}");
        store.close();
        tamper(restore);
    }
    assert_eq!(verify(&open(&path).unwrap(), organization).await, Ok(2));
}

#[tokio::test]
async fn nobody_can_change_or_prune_the_journal_by_mistake() {
    let (store, _, folder) = fresh();
    founded(&store).await;
    let connection = Connection::open(folder.path().join("unionflow.db")).unwrap();
    for sql in ["UPDATE journal SET audience = 'none'", "DELETE FROM journal"] {
        assert!(connection.execute_batch(sql).is_err(), "{sql}");
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused_and_other_commands_work_beside() {
    let (store, _, folder) = fresh();
    let organization = founded(&store).await;
    let path = folder.path().join("unionflow.db");
    assert_eq!(open(&path).err(), Some(StoreFault::InUse(path.clone())));
    let beside = sqlite::open(sqlite::Options::beside(&path, Arc::new(SystemClock))).unwrap();
    assert_eq!(beside.epoch(), store.epoch());
    let marked = beside
        .write(Scope::Organization(organization), move |tx| Ok(tx.mark_published(organization, Seq(1))?));
    assert_eq!(marked.await, Ok(()));
    let seen = store.read(move |reader| Ok(reader.head_of(organization)?)).await.unwrap().unwrap();
    assert_eq!(seen.published, Seq(1));
    store.close();
    assert!(open(&path).is_ok(), "the lock ends with the server");
}

#[test]
fn every_fault_of_a_file_has_a_sentence_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let fault = |path: &Path| open(path).err().unwrap();

    std::fs::write(at("noise.db"), b"this is no database, but somebody's letter ".repeat(100)).unwrap();
    assert!(matches!(fault(&at("noise.db")), StoreFault::Corrupt { .. }));

    let other = Connection::open(at("other.db")).unwrap();
    other.execute_batch("CREATE TABLE songs (title TEXT);").unwrap();
    assert_eq!(fault(&at("other.db")), StoreFault::Foreign(at("other.db")));

    open(&at("newer.db")).unwrap().close();
    Connection::open(at("newer.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(fault(&at("newer.db")), StoreFault::Newer { found: 99, .. }));

    std::fs::write(at("file"), b"").unwrap();
    assert!(matches!(fault(&at("file").join("unionflow.db")), StoreFault::Folder { .. }));

    let missing = sqlite::open(sqlite::Options::beside(at("none.db"), Arc::new(SystemClock))).err().unwrap();
    assert_eq!(missing, StoreFault::Missing(at("none.db")));

    for fault in
        [fault(&at("noise.db")), fault(&at("other.db")), fault(&at("newer.db")), missing, StoreFault::Full]
    {
        let sentence = fault.to_string();
        assert!(sentence.contains(": "), "names what is wrong, then what to do: {sentence}");
    }
}

#[tokio::test]
async fn a_torn_page_is_reported_as_damage() {
    let (store, _, folder) = fresh();
    founded(&store).await;
    store.close();
    let path = folder.path().join("unionflow.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..4096].fill(0xAB);
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(open(&path).err(), Some(StoreFault::Corrupt { .. })));
}

#[tokio::test]
async fn a_full_disk_refuses_the_unit_and_nothing_is_lost() {
    let (store, _, folder) = fresh();
    let organization = founded(&store).await;
    let before = verify(&store, organization).await;
    store.close();
    let path = folder.path().join("unionflow.db");
    // A store that may not grow any further behaves as a disk without room: SQLITE_FULL.
    let full =
        sqlite::Options { pages_max: Some(60), ..sqlite::Options::server(&path, Arc::new(SystemClock)) };
    let store = sqlite::open(full).unwrap();
    let filled = store.write(Scope::Organization(organization), move |tx| {
        for n in 0..1000 {
            tx.save_text(organization, &comment(organization, n))?;
        }
        Ok(())
    });
    assert_eq!(filled.await.unwrap_err().code(), unionflow_protocol::problem::ErrorCode::StorageFull);
    assert_eq!(verify(&store, organization).await, before);
    let small = store
        .write(Scope::Organization(organization), move |tx| Ok(tx.mark_published(organization, Seq(1))?));
    assert_eq!(small.await, Ok(()), "the writer goes on, for what still fits");
    store.close();
    let store = open(&path).unwrap();
    let fits = store.write(Scope::Organization(organization), move |tx| {
        Ok(tx.save_text(organization, &comment(organization, 1))?)
    });
    assert_eq!(fits.await, Ok(()), "and for everything once there is room");
}

fn comment(organization: OrganizationId, n: u32) -> Text {
    let owner_id = organization.into();
    Text { owner_id, kind: TextKind::Comment, n, author_id: None, salt: [0; 16], body: "x".repeat(3000) }
}

#[tokio::test]
async fn after_a_restart_with_the_clock_set_back_the_journal_goes_on_forwards() {
    let (store, clock, folder) = fresh();
    clock.set("2027-01-01T00:00:00Z".parse().unwrap());
    founded(&store).await;
    store.close();
    let path = folder.path().join("unionflow.db");
    let earlier = Arc::new(ScriptedClock::default());
    earlier.set("2023-01-01T00:00:00Z".parse().unwrap());
    let store = sqlite::open(sqlite::Options::server(&path, earlier)).unwrap();
    let organization = store.read(|reader| Ok(reader.load_organizations()?)).await.unwrap()[0].id;
    let now = store.write(Scope::Organization(organization), |tx| Ok(tx.now())).await.unwrap();
    assert_eq!(now.to_string(), "2027-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn the_last_store_may_be_dropped_while_a_unit_of_it_is_still_queued() {
    let (store, _, folder) = fresh();
    let organization = founded(&store).await;
    let unit = store.clone().write(Scope::Organization(organization), |_| Ok(())).await;
    assert_eq!(unit, Ok(()));
    drop(store);
    assert!(open(&folder.path().join("unionflow.db")).is_ok(), "its threads ended and its lock is free");
}

#[tokio::test]
async fn nobody_but_the_owner_may_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (store, _, folder) = fresh();
    founded(&store).await;
    sqlite::backup(&folder.path().join("unionflow.db"), &folder.path().join("copy.db"), |_| ()).unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let open_to = entry.metadata().unwrap().permissions().mode() & 0o077;
        assert!(open_to == 0 || name.ends_with(".lock"), "{name} is open to others: {open_to:o}");
    }
}

#[tokio::test]
async fn a_backup_of_a_busy_store_is_whole_and_a_restore_is_another_incarnation() {
    let (store, _, folder) = fresh();
    let organization = founded(&store).await;
    let path = folder.path().join("unionflow.db");
    let (copy, restored) =
        (folder.path().join("backup/copy.db"), folder.path().join("restored/unionflow.db"));
    std::fs::create_dir(folder.path().join("backup")).unwrap();
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..200 {
                unionflow_storage::conformance::a_refused_unit_leaves_nothing(store.clone(), Arc::default())
                    .await;
            }
        })
    };
    let target = copy.clone();
    tokio::task::spawn_blocking(move || sqlite::backup(&path, &target, |_| {})).await.unwrap().unwrap();
    writing.await.unwrap();
    assert_eq!(sqlite::check(&copy), Ok(()));
    let now = Timestamp::from_millis(1_800_000_000_000);
    let done = sqlite::restore(&copy, &restored, &Ids::system(), now, |_| {}).unwrap();
    assert_ne!(done.epoch, store.epoch());
    assert_eq!(done.kept, None, "nothing stood there");
    let opened = open(&restored).unwrap();
    assert_eq!(opened.epoch(), done.epoch);
    assert_eq!(verify(&opened, organization).await, Ok(2));
}

#[tokio::test]
async fn a_restore_keeps_what_stood_there_and_refuses_the_file_of_a_running_server() {
    let (store, _, folder) = fresh();
    let organization = founded(&store).await;
    let (path, copy) = (folder.path().join("unionflow.db"), folder.path().join("copy.db"));
    sqlite::backup(&path, &copy, |_| {}).unwrap();
    let now = Timestamp::from_millis(1_800_000_000_000);
    let restore = |from: &Path| sqlite::restore(from, &path, &Ids::system(), now, |_| {});
    assert_eq!(restore(&copy), Err(StoreFault::InUse(path.clone())));
    let before = store.epoch();
    store.close();
    drop(store);

    let missing = folder.path().join("nothing.db");
    assert_eq!(restore(&missing), Err(StoreFault::NoCopy(missing)));
    let broken = folder.path().join("broken.db");
    std::fs::write(&broken, &std::fs::read(&copy).unwrap()[..6000]).unwrap();
    assert!(matches!(restore(&broken), Err(StoreFault::CorruptCopy { .. })));
    assert_eq!(sqlite::epoch_of(&path), Ok(before), "a restore that fails changes nothing");

    let done = restore(&copy).unwrap();
    assert_ne!(done.epoch, before);
    let kept = done.kept.unwrap();
    assert_eq!(verify(&open(&path).unwrap(), organization).await, Ok(2));
    assert_eq!(verify(&open(&kept).unwrap(), organization).await, Ok(2));
    assert_eq!(sqlite::epoch_of(&kept), Ok(before));
}

#[tokio::test]
async fn what_was_erased_is_gone_from_the_file_too() {
    let (store, _, folder) = fresh();
    let organization = founded(&store).await;
    let secret = "une phrase que personne ne doit retrouver";
    for body in [secret, "effacé"] {
        let (owner_id, kind) = (organization.into(), TextKind::Purpose);
        let text = Text { owner_id, kind, n: 0, author_id: None, salt: [0; 16], body: body.to_owned() };
        store
            .write(Scope::Organization(organization), move |tx| Ok(tx.save_text(organization, &text)?))
            .await
            .unwrap();
    }
    store.close();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}
