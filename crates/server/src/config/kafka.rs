//! Kafka, as it is set: where it is, how it is spoken to, what is made there.

use super::{ConfigFault, Settings};

/// Where Kafka is when it is chosen and nothing says where.
#[cfg(feature = "kafka")]
const DEFAULT_SERVERS: &str = "localhost:9092";

impl Settings {
    /// Whether Kafka carries the events.
    pub fn has_kafka(&self) -> bool {
        self.bus == "kafka" || !self.kafka_bootstrap_servers.is_empty()
    }

    pub(super) fn check_bus(&self) -> Result<(), ConfigFault> {
        match self.bus.as_str() {
            "in-process" | "kafka" => {}
            other => {
                return Err(super::not_a("bus", other, "`in-process` ou `kafka`", "`in-process` or `kafka`"));
            }
        }
        if self.has_kafka() { self.check_kafka() } else { Ok(()) }
    }

    /// Nothing is tried: there is none.
    #[cfg(not(feature = "kafka"))]
    pub fn try_kafka(&self) -> Result<(), ConfigFault> {
        Ok(())
    }

    #[cfg(not(feature = "kafka"))]
    fn check_kafka(&self) -> Result<(), ConfigFault> {
        Err(ConfigFault::new(
            if self.bus == "kafka" { "bus" } else { "kafka_bootstrap_servers" },
            "cette version n’a pas Kafka : retirez-le pour une seule machine, ou installez une version avec `kafka`",
            "this build has no Kafka: leave it out to run on one machine, or install a build with the feature `kafka`",
        ))
    }
}

#[cfg(feature = "kafka")]
pub(crate) use with_kafka::refused;

#[cfg(feature = "kafka")]
mod with_kafka {
    use std::{
        fs::File,
        io::{ErrorKind, Read},
        path::PathBuf,
        str::FromStr,
        time::Duration,
    };

    use unionflow_bus::kafka::{self, KafkaBus, SettingsFault};
    use unionflow_protocol::id::Epoch;

    use super::{super::secret, ConfigFault, DEFAULT_SERVERS, Settings};

    impl Settings {
        pub(super) fn check_kafka(&self) -> Result<(), ConfigFault> {
            self.kafka().map(|_| ())
        }

        /// The brokers.
        pub fn kafka_servers(&self) -> &str {
            match self.kafka_bootstrap_servers.as_str() {
                "" => DEFAULT_SERVERS,
                given => given,
            }
        }

        /// As the bus takes them.
        pub fn kafka(&self) -> Result<kafka::Settings, ConfigFault> {
            let mut settings = kafka::Settings::new(self.kafka_servers());
            settings.security = self.kafka_security()?;
            settings.make_topics = self.kafka_make_topics;
            settings.partitions = i32::try_from(self.kafka_partitions).unwrap_or(i32::MAX);
            settings.replication = i32::try_from(self.kafka_replication).unwrap_or(i32::MAX);
            settings.retention = Duration::from_secs(u64::from(self.kafka_retention_hours) * 3600);
            for (place, setting) in (1..).zip(&self.kafka_settings) {
                let named = setting.split_once('=').filter(|(name, _)| secret::is_name(name.trim()));
                let Some((name, value)) = named else {
                    return Err(ConfigFault::new(
                        "kafka_settings",
                        format!("l’entrée n° {place} n’est pas de la forme nom=valeur"),
                        format!("entry {place} is not of the form name=value"),
                    ));
                };
                settings.more.insert(name.trim().to_owned(), value.trim().to_owned());
            }
            Ok(settings)
        }

        /// Reads the files and makes the clients once, as a server does: what is wrong is known before anything starts. Within a
        /// runtime.
        pub fn try_kafka(&self) -> Result<(), ConfigFault> {
            if !self.has_kafka() {
                return Ok(());
            }
            self.try_kafka_files()?;
            // Of nobody: no record is sent or read with it.
            let nobody = kafka::Identity { epoch: Epoch::from_uuid(uuid::Uuid::nil()), key: Vec::new() };
            KafkaBus::new(self.kafka()?, nobody).map(drop).map_err(|fault| refused(&fault))
        }

        fn try_kafka_files(&self) -> Result<(), ConfigFault> {
            for (key, path) in [
                ("kafka_ca_file", &self.kafka_ca_file),
                ("kafka_certificate_file", &self.kafka_certificate_file),
                ("kafka_key_file", &self.kafka_key_file),
            ] {
                let read = |path| File::open(path)?.read(&mut [0]).map(drop);
                if path.is_empty() {
                    continue;
                }
                if let Err(error) = read(path) {
                    let (french, english) = match error.kind() {
                        ErrorKind::NotFound => ("il n’y a pas de fichier", "there is no file"),
                        ErrorKind::PermissionDenied => {
                            ("cet utilisateur n’a pas le droit de lire", "this user may not read")
                        }
                        _ => ("ce n’est pas un fichier lisible :", "this is no file that can be read:"),
                    };
                    return Err(ConfigFault::new(
                        key,
                        format!("{french} `{path}`"),
                        format!("{english} `{path}`"),
                    ));
                }
            }
            Ok(())
        }

        fn kafka_security(&self) -> Result<kafka::Security, ConfigFault> {
            let protocol: kafka::Protocol = one_of("kafka_security_protocol", &self.kafka_security_protocol)?;
            let mechanism: kafka::Mechanism = one_of("kafka_sasl_mechanism", &self.kafka_sasl_mechanism)?;
            let signs_in = matches!(protocol, kafka::Protocol::SaslPlaintext | kafka::Protocol::SaslSsl);
            if signs_in == self.kafka_sasl_username.is_empty() {
                return Err(ConfigFault::new(
                    "kafka_sasl_username",
                    "il va avec kafka_security_protocol SASL_PLAINTEXT ou SASL_SSL, et eux avec lui",
                    "it goes with kafka_security_protocol SASL_PLAINTEXT or SASL_SSL, and they go with it",
                ));
            }
            let file = |path: &str| (!path.is_empty()).then(|| PathBuf::from(path));
            Ok(kafka::Security {
                protocol,
                ca_file: file(&self.kafka_ca_file),
                certificate_file: file(&self.kafka_certificate_file),
                key_file: file(&self.kafka_key_file),
                sasl: signs_in.then(|| kafka::Sasl {
                    mechanism,
                    username: self.kafka_sasl_username.clone(),
                    password: self.kafka_sasl_password.clone().into(),
                }),
            })
        }
    }

    /// What librdkafka does not take, by the key that set it.
    pub(crate) fn refused(fault: &SettingsFault) -> ConfigFault {
        let (name, reason) = match fault {
            SettingsFault::Reserved(name, _) => {
                let french = format!(
                    "`{name}` ne se règle pas ici : UnionFlow le fixe lui-même, ou l’a sous une clé à lui (kafka_…)"
                );
                return ConfigFault::new("kafka_settings", french, fault.to_string());
            }
            SettingsFault::Refused { name, reason } => (name, reason),
        };
        let key = of_librdkafka(name, reason).unwrap_or("kafka_settings");
        // What librdkafka says of a value may repeat it, in another form.
        let (french, english) = if reason.contains("No such configuration property") {
            (format!("librdkafka n’a pas de réglage `{name}`"), format!("librdkafka has no setting `{name}`"))
        } else if key != "kafka_settings" && key.ends_with("_file") {
            (
                "ce n’est pas un fichier PEM de ce qu’il faut ici, ou il ne va pas avec les autres"
                    .to_owned(),
                "it is no PEM file of what belongs here, or does not go with the others".to_owned(),
            )
        } else if name == "kafka" {
            // Of two that do not go together it names none but in its sentence.
            (
                format!("librdkafka refuse ces réglages ({reason})"),
                format!("librdkafka refuses these settings ({reason})"),
            )
        } else {
            (
                format!("cette valeur de `{name}` ne convient pas à librdkafka"),
                format!("librdkafka does not take this value of `{name}`"),
            )
        };
        ConfigFault::new(key, french, english)
    }

    /// The key of ours that sets what librdkafka complains of.
    fn of_librdkafka(name: &str, reason: &str) -> Option<&'static str> {
        const OURS: [(&str, &str); 6] = [
            ("bootstrap.servers", "kafka_bootstrap_servers"),
            ("ssl.ca.location", "kafka_ca_file"),
            ("ssl.certificate.location", "kafka_certificate_file"),
            ("ssl.key.location", "kafka_key_file"),
            ("sasl.username", "kafka_sasl_username"),
            ("sasl.mechanism", "kafka_sasl_mechanism"),
        ];
        OURS.iter().find(|(theirs, _)| name == *theirs || reason.contains(theirs)).map(|(_, ours)| *ours)
    }

    fn one_of<T: FromStr<Err = String>>(key: &str, value: &str) -> Result<T, ConfigFault> {
        value.parse().map_err(|values| {
            let (french, english) = (format!("l’une des valeurs {values}"), format!("one of {values}"));
            super::super::not_a(key, value, &french, &english)
        })
    }
}

#[cfg(all(test, feature = "kafka"))]
mod tests {
    use unionflow_protocol::Language;

    use super::*;

    fn with(change: impl FnOnce(&mut Settings)) -> Result<(), String> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check().map_err(|fault| fault.to_string())
    }

    #[test]
    fn what_is_wrong_with_kafka_is_named_by_its_key() {
        let kafka = |change: fn(&mut Settings)| {
            with(|settings| {
                settings.bus = "kafka".into();
                change(settings);
            })
        };
        assert_eq!(kafka(|_| ()), Ok(()));
        for (change, said) in [
            (
                (|s| s.kafka_security_protocol = "TLS".into()) as fn(&mut Settings),
                "kafka_security_protocol: `TLS`",
            ),
            (|s| s.kafka_sasl_mechanism = "MD5".into(), "kafka_sasl_mechanism: `MD5`"),
            (|s| s.kafka_security_protocol = "SASL_SSL".into(), "kafka_sasl_username: "),
            (
                |s| s.kafka_settings = vec!["compression".into()],
                "kafka_settings: entry 1 is not of the form name=value",
            ),
            (|s| s.kafka_partitions = 0, "kafka_partitions: 0 is not between"),
        ] {
            let fault = kafka(change).unwrap_err();
            assert!(fault.starts_with(said), "{fault}");
        }
    }

    #[tokio::test]
    async fn what_librdkafka_refuses_is_known_before_a_server_starts_and_said_in_both_languages() {
        let text = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text.path(), "no certificate").unwrap();
        let no_pem = text.path().to_str().unwrap();
        for (setting, file, key) in [
            ("nonsense.x=1", "", "kafka_settings"),
            ("acks=1", "", "kafka_settings"),
            ("linger.ms=hunter2", "", "kafka_settings"),
            ("linger.ms=-76543210", "", "kafka_settings"),
            ("", "/nowhere/ca.pem", "kafka_ca_file"),
            ("", "/", "kafka_ca_file"),
            ("", no_pem, "kafka_ca_file"),
        ] {
            let settings = Settings {
                bus: "kafka".to_owned(),
                kafka_settings: Some(setting.to_owned()).filter(|set| !set.is_empty()).into_iter().collect(),
                kafka_security_protocol: "SSL".to_owned(),
                kafka_ca_file: file.to_owned(),
                ..Settings::default()
            };
            let fault = settings.try_kafka().expect_err("it is refused");
            let [french, english] =
                [Language::French, Language::English].map(|language| fault.text(language).to_owned());
            assert_eq!(fault.key(), key, "{english}");
            assert!(
                french != english && !french.contains("No such") && !french.contains("error:"),
                "{french}"
            );
            assert!(![french, english].iter().any(|text| text.contains("hunter2") || text.contains("7.6")));
        }
        let good = Settings { bus: "kafka".to_owned(), ..Settings::default() };
        assert_eq!(good.try_kafka(), Ok(()));
    }
}
