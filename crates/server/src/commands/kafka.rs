//! What commands say of Kafka.

use unionflow_bus::{BusFault, kafka::KafkaShelf};
use unionflow_protocol::{Language, Topic};

use super::{Environment, Failure, block_on, doctor::Report};
use crate::config::{ConfigFault, refused_by_kafka};

/// What is wrong with the brokers, and what to look at.
pub(crate) fn away(environment: &Environment, fault: &BusFault) -> Failure {
    Failure::Other(sentence(environment.language, environment.settings.kafka_servers(), fault))
}

/// librdkafka speaks English only: what it says stands behind.
fn sentence(language: Language, servers: &str, fault: &BusFault) -> String {
    let said = match fault {
        BusFault::Unavailable(said) | BusFault::Forbidden(said) => said,
        BusFault::Refused(said) => {
            let (french, english) = (
                "Kafka n’accepte pas un message : comparez `max.message.bytes` du sujet à sa taille",
                "Kafka does not take a record: compare `max.message.bytes` of the topic with its size",
            );
            return format!("{} ({said})", language.pick(french, english));
        }
    };
    let (french, english) = if said.contains("uthentication") {
        (
            format!(
                "Kafka ({servers}) refuse le nom ou le mot de passe : vérifiez kafka_sasl_username, kafka_sasl_password et \
                 kafka_sasl_mechanism"
            ),
            format!(
                "Kafka ({servers}) refuses the name or the password: check kafka_sasl_username, kafka_sasl_password and \
                 kafka_sasl_mechanism"
            ),
        )
    } else if matches!(fault, BusFault::Forbidden(_)) || said.contains("uthorization") {
        (
            format!(
                "Kafka ({servers}) ne donne pas ce droit : comparez ses ACL à celles que demande la page Kafka de la documentation"
            ),
            format!(
                "Kafka ({servers}) does not give this right: compare its ACLs with those that the page on Kafka asks for"
            ),
        )
    } else if said.contains("SSL") || said.contains("certificate") {
        (
            format!(
                "pas de connexion sûre à Kafka ({servers}) : vérifiez kafka_security_protocol, et que kafka_ca_file nomme le \
                 fichier de l’autorité qui a signé ses certificats"
            ),
            format!(
                "no secure connection to Kafka ({servers}): check kafka_security_protocol, and that kafka_ca_file names the file \
                 of the authority that signed its certificates"
            ),
        )
    } else {
        (
            format!(
                "Kafka ne répond pas ({servers}) : vérifiez qu’il fonctionne, puis kafka_bootstrap_servers, \
                 kafka_security_protocol et le réseau"
            ),
            format!(
                "Kafka does not answer ({servers}): check that it runs, then kafka_bootstrap_servers, kafka_security_protocol \
                 and the network"
            ),
        )
    };
    format!("{} (librdkafka{} {said})", language.pick(&french, &english), language.pick(" :", ":"))
}

/// For `doctor`: whether brokers answer, what is wrong with the topics, whether dead letters wait. Makes nothing.
pub(crate) fn look(environment: &Environment, report: &mut Report) -> Result<(), Failure> {
    if !environment.settings.has_kafka() {
        return Ok(());
    }
    block_on(async {
        let shelf = async {
            environment.settings.try_kafka()?;
            KafkaShelf::new(environment.settings.kafka()?).map_err(|fault| refused_by_kafka(&fault))
        };
        match shelf.await {
            Ok(shelf) => {
                if let Err(fault) = look_at(environment, &shelf, report).await {
                    report.fault(&sentence(
                        environment.language,
                        environment.settings.kafka_servers(),
                        &fault,
                    ));
                }
            }
            Err(fault) => report.fault(ConfigFault::text(&fault, environment.language)),
        }
        Ok(())
    })
}

async fn look_at(environment: &Environment, shelf: &KafkaShelf, report: &mut Report) -> Result<(), BusFault> {
    let (missing, differences) = shelf.look().await?;
    Report::fine(&format!(
        "{} ({})",
        environment.say("Kafka répond", "Kafka answers"),
        environment.settings.kafka_servers()
    ));
    let names = missing.iter().map(|topic| format!("`{topic}`")).collect::<Vec<_>>().join(", ");
    match (missing.is_empty(), environment.settings.kafka_make_topics) {
        (true, _) => {}
        (false, true) => Report::advise(&format!(
            "{} {names}",
            environment.say(
                "sujets Kafka absents, que le serveur créera à son démarrage :",
                "Kafka topics that are missing, and that the server makes at its start:"
            )
        )),
        (false, false) => report.fault(&format!(
            "{} {names}",
            environment.say(
                "sujets Kafka absents ; créez-les, ou mettez kafka_make_topics à true :",
                "Kafka topics that are missing; make them, or set kafka_make_topics to true:"
            )
        )),
    }
    for difference in &differences {
        Report::advise(&difference.text(environment.language));
    }
    if missing.is_empty() && differences.is_empty() {
        Report::fine(
            environment.say("les sujets Kafka sont comme il faut", "Kafka's topics are as they should be"),
        );
    }
    match shelf.count(Topic::DeadLetter).await? {
        0 => Report::fine(environment.say(
            "rien de ce que d’autres systèmes ont envoyé n’est resté de côté",
            "nothing that other systems sent is left over",
        )),
        count => Report::advise(&match environment.language {
            Language::French => format!(
                "{count} messages d’autres systèmes n’ont pas été pris en compte ; `unionflow dead-letters list` dit pourquoi"
            ),
            Language::English => format!(
                "{count} records of other systems were not taken in; `unionflow dead-letters list` says why"
            ),
        }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_brokers_names_what_to_look_at() {
        for (said, key) in [
            (
                "Meta data fetch error: BrokerTransportFailure (Local: Broker transport failure)",
                "kafka_bootstrap_servers",
            ),
            ("x; sasl_plaintext://k:9092/bootstrap: SASL authentication error", "kafka_sasl_password"),
            ("x; ssl://k:9092/bootstrap: SSL handshake failed: certificate verify failed", "kafka_ca_file"),
        ] {
            for language in [Language::French, Language::English] {
                let text = sentence(language, "k:9092", &BusFault::Unavailable(said.to_owned()));
                assert!(text.contains(key) && text.contains("k:9092") && !text.contains("the bus"), "{text}");
            }
        }
        let reading = BusFault::Unavailable("Broker: Topic authorization failed".to_owned());
        assert!(sentence(Language::French, "k:9092", &reading).contains("ACL"));
        let forbidden = BusFault::Forbidden("Broker: Topic authorization failed".to_owned());
        assert!(sentence(Language::French, "k:9092", &forbidden).contains("ACL"));
    }
}
