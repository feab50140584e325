//! What is wrong with a configuration is named with its key; what is shown holds no secret.

use super::*;

fn load(toml: &str) -> Result<Settings, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), toml).unwrap();
    Settings::load(Some(file.path()), &Flags::default()).map_err(|fault| fault.to_string())
}

#[test]
fn every_key_is_described_and_every_description_is_a_key() {
    let value = serde_json::to_value(Settings::default()).unwrap();
    let mut in_struct: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let mut described: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    in_struct.sort_unstable();
    described.sort_unstable();
    assert_eq!(in_struct, described);
}

#[test]
fn a_wrong_value_is_named_with_its_key() {
    for (toml, key) in [
        ("listen = 'somewhere'", "listen: "),
        ("lisen = '127.0.0.1:1'", "lisen: there is no such key"),
        ("sessions = 'many'", "sessions: `many` is not a whole number"),
        ("allow_new_organizations = 1", "allow_new_organizations: `1` is not true or false"),
        ("requests_burst = 0", "requests_burst: 0 is not between 1"),
        ("database_url = 'mysql://u:s3cret@db/x'", "database_url: "),
        ("country = 'Abidjan'", "country: "),
        ("trusted_proxies = ['proxy']", "trusted_proxies: "),
        ("setup_code = '1234'", "setup_code: "),
        ("log = 'info,=='", "log: "),
        ("log_format = 'xml'", "log_format: `xml` is no value of it; the values are human, json"),
        ("sessions = = 1", "--config: TOML parse error at line 1"),
    ] {
        let fault = load(toml).unwrap_err();
        assert!(fault.starts_with(key), "{toml}: {fault}");
        assert!(!fault.contains("s3cret"), "{fault}");
        assert!(fault.contains(" (from `/"), "the file is named: {fault}");
    }
}

#[cfg(feature = "postgres")]
#[test]
fn a_copy_of_a_file_is_refused_where_there_is_none() {
    let settings = load("database_url = 'postgres://u:s3cret@db/x'").unwrap();
    let fault = settings.database_path().unwrap_err().to_string();
    assert!(
        fault.starts_with("database_url: this command copies a file") && !fault.contains("s3cret"),
        "{fault}"
    );
}

#[test]
fn a_file_that_is_no_toml_is_told_so_in_french() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "sessions = = 1").unwrap();
    let fault = Settings::load(Some(file.path()), &Flags::default()).unwrap_err();
    let text = fault.text(unionflow_protocol::Language::French);
    assert!(text.contains("ce n’est plus du TOML à la ligne 1, colonne 12\n"), "{text}");
    assert!(
        text.contains("sessions = = 1") && !text.contains("expected") && !text.contains("error"),
        "{text}"
    );
}

#[test]
fn what_is_shown_holds_no_secret_and_can_be_read_again() {
    let settings = Settings {
        setup_code: "7K2M-90QD-X1TR".into(),
        kafka_sasl_password: "s3cret".into(),
        kafka_settings: vec!["ssl.key.password=s3cret".into(), "ssl.key.password s3cret".into()],
        database_url: "postgres://u:s3cret@db/x".into(),
        ..Settings::default()
    };
    for shown in [settings.show(), format!("{settings:?}")] {
        assert!(!shown.contains("7K2M") && !shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("listen = "), "{shown}");
    }
    assert_eq!(load(&Settings::default().show()), Ok(Settings::default()));
}

#[test]
fn no_fault_repeats_a_secret() {
    for toml in [
        "kafka_sasl_password = 'hunter2",
        "kafka_sasl_pasword = \"hunter2",
        "listen = '127.0.0.1:1' kafka_sasl_password = 'hunter2'",
        "kafka_settings = [\n  'ssl.key.password=hunter2'\n  'acks=1'\n]",
        "kafka_settings = 'hunter2'",
        "kafka_settings = ['ssl.key.password hunter2']",
        "kafka_settings = ['ssl.key.password hunter2=']",
        "bus = 'kafka'\nkafka_settings = ['ssl.key.password hunter2=']",
        "database_url = 'u:hunter2@h/db'",
        "database_url = 'host=h password=hunter2'",
        "database_url = 'postgres://u:hunter2@h:port/db'",
        "database_url = 'postgres://u@h/db?hunter2=1'",
        "database_url = 'postgres://u@h/db?sslmode=hunter2'",
        "setup_code = 'hunter2'",
    ] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), toml).unwrap();
        let Err(fault) = Settings::load(Some(file.path()), &Flags::default()) else {
            // Nobody looks at Kafka's settings where there is no Kafka.
            assert!(toml.starts_with("kafka_settings = ["), "{toml}");
            continue;
        };
        for language in [unionflow_protocol::Language::French, unionflow_protocol::Language::English] {
            assert!(!fault.text(language).contains("hunter2"), "{toml}: {}", fault.text(language));
        }
    }
    for toml in
        ["setup_code = 987654321012", "kafka_sasl_password = 987654321012", "database_url = 987654321012"]
    {
        let fault = load(toml).unwrap_err();
        assert!(fault.contains("the value is not a text in quotes") && !fault.contains("98765"), "{fault}");
    }
}
