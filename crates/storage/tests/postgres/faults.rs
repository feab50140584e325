//! Every fault of a server has a sentence that says what to do, in both languages, without the password.

use unionflow_components::Postgres;
use unionflow_protocol::Language;
use unionflow_storage::{PostgresFault, StoreFault};

use super::open;

const PASSWORD: &str = "geheim-und-lang";

fn fault(address: &str) -> StoreFault {
    open(address).err().unwrap_or_else(|| panic!("{address} opened"))
}

fn says(fault: &StoreFault, parts: &[&str]) {
    for language in [Language::English, Language::French] {
        let text = fault.text(language);
        assert!(!text.contains(PASSWORD), "{text}");
        for part in parts {
            assert!(text.contains(part), "`{part}` in: {text}");
        }
    }
    assert_ne!(fault.text(Language::English), fault.text(Language::French));
}

#[test]
fn an_address_that_does_not_read_is_refused_without_being_repeated() {
    for address in [
        "mysql://u:geheim-und-lang@localhost/x",
        "postgres://u:geheim-und-lang@localhost:port/x",
        "postgres://u:geheim-und-lang@localhost/x?sslmode=maybe",
        "postgres://u:geheim-und-lang@localhost/x?sslrootcert=/ca.pem",
        "postgres://u:geheim-und-lang@localhost/x?colour=red",
        "postgres:///x",
        "postgres://u:geheim-und-lang@a,b/x?hostaddr=127.0.0.1",
        "postgres://u:geheim-und-lang@a,b/x?port=1,2,3",
        "postgres://u:geheim-und-lang@localhost/x?sslnegotiation=direct",
    ] {
        let fault = fault(address);
        assert!(matches!(fault, StoreFault::Postgres(PostgresFault::Address(_))), "{address}: {fault}");
        says(&fault, &["postgres://"]);
    }
}

#[test]
fn a_server_that_is_not_there_is_named_with_host_and_port() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    drop(held);
    let fault = fault(&format!("postgres://u:{PASSWORD}@127.0.0.1:{port}/x"));
    assert!(matches!(fault, StoreFault::Postgres(PostgresFault::Unreachable { .. })), "{fault:?}");
    says(&fault, &[&format!("127.0.0.1:{port}")]);
}

#[test]
fn of_several_hosts_the_first_that_is_what_is_asked_for_is_taken() {
    let database = Postgres::database().unwrap();
    let (before, host) = database.url().split_once('@').unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    drop(silent);
    let hosts = format!("{before}@{at},{host}");
    assert!(open(&format!("{hosts}?target_session_attrs=read-write")).is_ok());
    let fault = fault(&format!("{hosts}?target_session_attrs=read-only"));
    assert!(fault.to_string().contains("writes"), "{fault}");
}

#[test]
fn a_server_that_takes_a_connection_and_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap().to_string();
    let fault = fault(&format!("postgres://u:{PASSWORD}@{at}/x"));
    assert!(matches!(fault, StoreFault::Postgres(PostgresFault::Unreachable { .. })), "{fault:?}");
    says(&fault, &[&at]);
}

#[test]
fn what_the_server_refuses_is_said_in_the_operators_words() {
    let database = Postgres::database().unwrap();
    let role = format!("guest_{}", std::process::id());
    database.psql(&format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")).unwrap();
    let (_, place) = database.url().split_once('@').unwrap();
    let as_guest = |password: &str, rest: &str| fault(&format!("postgres://{role}:{password}@{place}{rest}"));

    let wrong = as_guest("geheim-und-lang-falsch", "");
    assert!(matches!(wrong, StoreFault::Postgres(PostgresFault::Refused { .. })), "{wrong:?}");
    says(&wrong, &[&role, "pg_hba.conf"]);

    let nowhere = fault(&format!("{}_nowhere", database.url()));
    assert!(matches!(nowhere, StoreFault::Postgres(PostgresFault::NoDatabase { .. })), "{nowhere:?}");
    says(&nowhere, &["createdb", "_nowhere"]);

    let no_right = as_guest(PASSWORD, "");
    assert!(matches!(no_right, StoreFault::Postgres(PostgresFault::NoRight { .. })), "{no_right:?}");
    says(&no_right, &[&role]);

    let reads_only = fault(&format!("{}?options=-cdefault_transaction_read_only%3Don", database.url()));
    assert!(matches!(reads_only, StoreFault::Postgres(PostgresFault::ReadOnly { .. })), "{reads_only:?}");
    says(&reads_only, &["127.0.0.1"]);

    database.psql(&format!("ALTER ROLE {role} CONNECTION LIMIT 0")).unwrap();
    let full = as_guest(PASSWORD, "");
    assert!(matches!(full, StoreFault::Postgres(PostgresFault::TooManyConnections { .. })), "{full:?}");
    says(&full, &["max_connections"]);
    database.psql(&format!("DROP ROLE {role}")).unwrap();
}
