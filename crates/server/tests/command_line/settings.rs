//! What is set: taken as it was written, never repeated where it is a secret, and found wrong before a server starts.

use crate::{Ended, command, ended, founded, text, unionflow};

fn with(variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut command = command(arguments);
    command.envs(variables.iter().copied());
    ended(&mut command)
}

#[test]
fn a_password_or_a_code_of_digits_is_text() {
    for (name, value) in [
        ("UNIONFLOW_KAFKA_SASL_PASSWORD", "12345678"),
        ("UNIONFLOW_KAFKA_SASL_PASSWORD", "true"),
        ("UNIONFLOW_KAFKA_SASL_PASSWORD", "[x"),
        ("UNIONFLOW_SETUP_CODE", "123456789012"),
    ] {
        let shown = with(&[(name, value)], &["config", "show"]);
        let key = name.trim_start_matches("UNIONFLOW_").to_lowercase();
        assert_eq!(shown.code, Some(0), "{name}={value}: {shown:?}");
        assert!(shown.out.contains(&format!("{key} = \"…\"")), "{shown:?}");
        assert!(!shown.out.contains(&format!("\"{value}\"")), "{shown:?}");
    }
    let number = with(&[("UNIONFLOW_SESSIONS", "77"), ("UNIONFLOW_ROLE", "all")], &["config", "show"]);
    assert!(number.out.contains("sessions = 77\n"), "numbers are numbers still: {number:?}");
}

#[test]
fn no_secret_of_the_environment_is_repeated() {
    for (name, value) in [
        ("UNIONFLOW_KAFKA_SETTINGS", "ssl.key.password hunter2"),
        ("UNIONFLOW_KAFKA_SETTINGS", "[\"ssl.key.password hunter2\"]"),
        ("UNIONFLOW_KAFKA_SETTINGS", "[\"ssl.key.password=hunter2\"]"),
        ("DATABASE_URL", "u:hunter2@h/db"),
        ("DATABASE_URL", "host=h password=hunter2"),
        ("DATABASE_URL", "postgres://u:hunter2@h:port/db"),
        ("DATABASE_URL", "postgres://u@h/db?password=hunter2"),
    ] {
        for arguments in [["config", "check"], ["config", "show"]] {
            for language in ["fr", "en"] {
                let ended = with(&[(name, value), ("LANG", language)], &arguments);
                assert!(!format!("{ended:?}").contains("hunter2"), "{name}={value}: {ended:?}");
            }
        }
    }
}

/// `config check` and `serve` both end with 2, name the key, and leave the folder empty.
fn refused(variables: &[(&str, &str)], french: &str, english: &str) {
    let folder = tempfile::tempdir().expect("a folder of our own");
    for arguments in [&["config", "check"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        for (language, said) in [("fr", french), ("en", english)] {
            let mut command = command(arguments);
            command.envs(variables.iter().copied()).env("LANG", language).current_dir(folder.path());
            let ended = ended(&mut command);
            assert!(ended.code == Some(2) && ended.err.contains(said), "{arguments:?}: {ended:?}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing was started");
}

#[cfg(feature = "postgres")]
#[test]
fn an_address_that_does_not_read_is_found_by_check_and_by_serve() {
    refused(
        &[("DATABASE_URL", "postgres://u:hunter2@h:port/db")],
        "database_url : l’adresse de la base de données est illisible (valeur impossible pour `port`)",
        "database_url: the address of the database cannot be read",
    );
}

#[cfg(feature = "kafka")]
#[test]
fn what_kafkas_clients_refuse_is_found_by_check_and_by_serve() {
    let kafka = |name, value, french, english| {
        refused(&[("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"), (name, value)], french, english);
    };
    let settings = "UNIONFLOW_KAFKA_SETTINGS";
    kafka(settings, "[\"nonsense.x=1\"]", "librdkafka n’a pas de réglage `nonsense.x`", "kafka_settings: ");
    kafka(
        settings,
        "[\"acks=1\"]",
        "`acks` ne se règle pas ici",
        "kafka_settings: `acks` cannot be set here",
    );
    kafka(
        "UNIONFLOW_KAFKA_CA_FILE",
        "/nope.pem",
        "kafka_ca_file : il n’y a pas de fichier `/nope.pem`",
        "kafka_ca_file: there is no file `/nope.pem`",
    );
}

#[cfg(feature = "kafka")]
#[test]
fn brokers_that_do_not_answer_are_named_with_what_to_look_at() {
    let folder = founded();
    let data = ["--data", text(folder.path())];
    let nobody = [("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")];
    let doctor = with(&nobody, &[&["doctor"][..], &data].concat());
    assert!(
        doctor.code == Some(3) && doctor.out.contains("✗ Kafka ne répond pas (127.0.0.1:1) : vérifiez"),
        "{doctor:?}"
    );
    let without = unionflow(&[&["doctor"][..], &data].concat());
    assert!(!without.out.contains("Kafka"), "{without:?}");
}

#[test]
fn the_way_back_wins_over_the_variable_of_the_way_there_and_a_database_is_no_file_to_move() {
    let folder = founded();
    let there = [("UNIONFLOW_MIGRATE_TO", "postgres://u:hunter2@127.0.0.1:1/db")];
    let back = with(&there, &["migrate", "--take-back", "--data", text(folder.path())]);
    assert!(back.code == Some(1) && !back.err.contains("--to"), "it was never moved: {back:?}");
    let nowhere = unionflow(&["migrate", "--data", text(folder.path())]);
    assert!(nowhere.code == Some(2) && nowhere.err.contains("UNIONFLOW_MIGRATE_TO"), "{nowhere:?}");
    #[cfg(feature = "postgres")]
    {
        let database = [there[0], ("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:1/db")];
        let moved = with(&database, &["migrate"]);
        assert!(moved.code == Some(2) && moved.err.contains("--data DOSSIER"), "{moved:?}");
    }
}
