//! Opening: many at once, other schemas, other incarnations.

use unionflow_components::Postgres;
use unionflow_storage::{PostgresFault, StoreFault, conformance::found};

use super::{open, verify};

#[test]
fn many_processes_may_start_at_once_on_an_empty_database() {
    let database = Postgres::database().unwrap();
    let epochs: Vec<_> = std::thread::scope(|scope| {
        let starting: Vec<_> =
            (0..6).map(|_| scope.spawn(|| open(database.url()).map(|store| store.epoch()))).collect();
        starting.into_iter().map(|starting| starting.join().unwrap().unwrap()).collect()
    });
    assert!(epochs.iter().all(|epoch| *epoch == epochs[0]), "{epochs:?}");
    assert_eq!(open(database.url()).unwrap().epoch(), epochs[0], "and it stays");
}

#[test]
fn a_newer_schema_and_tables_of_another_program_are_refused_and_left_alone() {
    let database = Postgres::database().unwrap();
    drop(open(database.url()).unwrap());
    database.psql("INSERT INTO schema_version (version) VALUES (99)").unwrap();
    assert!(matches!(open(database.url()).err(), Some(StoreFault::Newer { found: 99, .. })));

    let other = Postgres::database().unwrap();
    other.psql("CREATE TABLE member (name TEXT)").unwrap();
    let fault = open(other.url()).err().unwrap();
    assert!(matches!(fault, StoreFault::Postgres(PostgresFault::Foreign { .. })), "{fault}");
    let tables = other
        .psql("SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace");
    assert_eq!(tables.unwrap().trim(), "member");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_can_be_in_a_schema_of_their_own() {
    let database = Postgres::database().unwrap();
    database.psql("CREATE SCHEMA unionflow; CREATE TABLE public.member (name TEXT)").unwrap();
    let store = open(&format!("{}?options=-csearch_path%3Dunionflow", database.url())).unwrap();
    let organization = found(&store).await;
    assert_eq!(verify(&store, organization).await, Ok(1));
    let count = database.psql("SELECT count(*) FROM unionflow.journal").unwrap();
    assert_eq!(count.trim(), "1");
}

#[test]
fn a_restored_or_promoted_database_is_another_incarnation() {
    let database = Postgres::database().unwrap();
    let first = open(database.url()).unwrap().epoch();
    let known = database.psql("SELECT value FROM meta WHERE key = 'incarnation'").unwrap();
    let [system, timeline, tables] = known.trim().split('/').collect::<Vec<_>>()[..] else {
        panic!("{known}")
    };
    let mut seen = vec![first];
    // As if it had been written on another system, on another timeline of this one, and in other tables.
    for other in [
        format!("1{system}/{timeline}/{tables}"),
        format!("{system}/0000FFFF/{tables}"),
        format!("{system}/{timeline}/1"),
    ] {
        database.psql(&format!("UPDATE meta SET value = '{other}' WHERE key = 'incarnation'")).unwrap();
        let epoch = open(database.url()).unwrap().epoch();
        assert!(!seen.contains(&epoch), "another epoch after {other}");
        assert_eq!(open(database.url()).unwrap().epoch(), epoch, "minted once");
        seen.push(epoch);
    }
    let now = database.psql("SELECT value FROM meta WHERE key = 'incarnation'").unwrap();
    assert_eq!(now, known);
}

#[test]
fn a_dump_that_is_read_in_on_the_same_server_is_another_incarnation_from_the_first_start_on() {
    let database = Postgres::database().unwrap();
    let first = open(database.url()).unwrap().epoch();
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("dump");
    database.dump(&dump).unwrap();
    assert_eq!(open(database.url()).unwrap().epoch(), first);
    database.restore(&dump).unwrap();
    let second = open(database.url()).unwrap().epoch();
    assert_ne!(second, first);
    assert_eq!(open(database.url()).unwrap().epoch(), second, "minted once");
}

#[test]
fn a_server_that_does_not_tell_who_it_is_keeps_its_epoch() {
    let database = Postgres::database().unwrap();
    let first = open(database.url()).unwrap().epoch();
    let known = database.psql("SELECT value FROM meta WHERE key = 'incarnation'").unwrap();
    let role = format!("quiet_{}", std::process::id());
    database
        .psql(&format!(
            "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC; CREATE ROLE {role} LOGIN PASSWORD 'quiet'; \
             GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}"
        ))
        .unwrap();
    let address = database.url().replace("postgres:for-tests-only@", &format!("{role}:quiet@"));
    let opened = open(&address).map(|store| store.epoch());
    database.psql(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
    assert_eq!(opened, Ok(first));
    let now = database.psql("SELECT value FROM meta WHERE key = 'incarnation'").unwrap();
    assert_eq!(now, known, "what was known is kept");
}

#[test]
fn the_journal_cannot_be_changed_pruned_or_emptied_by_mistake() {
    let database = Postgres::database().unwrap();
    let store = open(database.url()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(found(&store));
    for (sql, said) in [
        ("UPDATE journal SET audience = 'none'", "the journal is never changed"),
        ("DELETE FROM journal", "the journal is never pruned"),
        ("TRUNCATE journal", "the journal is never emptied"),
    ] {
        let refused = database.psql(sql).unwrap_err().to_string();
        assert!(refused.contains(said), "{sql}: {refused}");
    }
}
