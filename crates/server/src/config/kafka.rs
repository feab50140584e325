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
mod with_kafka {
    use std::{path::PathBuf, str::FromStr, time::Duration};

    use unionflow_bus::kafka;

    use super::{ConfigFault, DEFAULT_SERVERS, Settings};

    impl Settings {
        pub(super) fn check_kafka(&self) -> Result<(), ConfigFault> {
            self.kafka().map(|_| ())
        }

        /// As the bus takes them.
        pub fn kafka(&self) -> Result<kafka::Settings, ConfigFault> {
            let servers = match self.kafka_bootstrap_servers.as_str() {
                "" => DEFAULT_SERVERS,
                given => given,
            };
            let mut settings = kafka::Settings::new(servers);
            settings.security = self.kafka_security()?;
            settings.make_topics = self.kafka_make_topics;
            settings.partitions = i32::try_from(self.kafka_partitions).unwrap_or(i32::MAX);
            settings.replication = i32::try_from(self.kafka_replication).unwrap_or(i32::MAX);
            settings.retention = Duration::from_secs(u64::from(self.kafka_retention_hours) * 3600);
            for setting in &self.kafka_settings {
                let Some((name, value)) = setting.split_once('=') else {
                    let form = ("de la forme nom=valeur", "of the form name=value");
                    return Err(super::super::not_a("kafka_settings", setting, form.0, form.1));
                };
                settings.more.insert(name.trim().to_owned(), value.trim().to_owned());
            }
            Ok(settings)
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

    fn one_of<T: FromStr<Err = String>>(key: &str, value: &str) -> Result<T, ConfigFault> {
        value.parse().map_err(|values| {
            let (french, english) = (format!("l’une des valeurs {values}"), format!("one of {values}"));
            super::super::not_a(key, value, &french, &english)
        })
    }
}

#[cfg(all(test, feature = "kafka"))]
mod tests {
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
            (|s| s.kafka_settings = vec!["compression".into()], "kafka_settings: `compression`"),
            (|s| s.kafka_partitions = 0, "kafka_partitions: 0 is not between"),
        ] {
            let fault = kafka(change).unwrap_err();
            assert!(fault.starts_with(said), "{fault}");
        }
    }
}
