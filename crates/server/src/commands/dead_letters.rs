//! `unionflow dead-letters`: what could not be taken in, looked at and sent back.
//!
//! They lie in Kafka, so neither a server nor the store is needed. Reading takes nothing from anybody.

use super::{Environment, Failure};
use crate::cli::DeadLetters;

#[cfg(not(feature = "kafka"))]
pub(crate) fn run(environment: &Environment, _: DeadLetters) -> Result<(), Failure> {
    let text = environment.say(
        "cette version n’a pas Kafka, où se trouvent ces messages : installez une version avec `kafka`",
        "this build has no Kafka, where dead letters lie: install a build with the feature `kafka`",
    );
    Err(Failure::Usage(text.to_owned()))
}

#[cfg(feature = "kafka")]
pub(crate) fn run(environment: &Environment, asked: DeadLetters) -> Result<(), Failure> {
    with_kafka::run(environment, asked)
}

#[cfg(feature = "kafka")]
mod replay;
#[cfg(feature = "kafka")]
mod show;

#[cfg(feature = "kafka")]
mod with_kafka {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Value, json};
    use unionflow_bus::{BusFault, Received, kafka::KafkaShelf};
    use unionflow_domain::inbound::Reason;
    use unionflow_protocol::{Language, Topic};
    use unionflow_service::inbound::DeadLetter;

    use super::{DeadLetters, Environment, Failure, replay, show};
    use crate::{
        commands::{block_on, kafka::away},
        config::refused_by_kafka,
        out::outln,
    };

    /// A letter and where it lies.
    pub(super) struct Lying {
        pub(super) partition: i32,
        pub(super) offset: i64,
        pub(super) letter: DeadLetter,
    }

    pub(super) fn run(environment: &Environment, asked: DeadLetters) -> Result<(), Failure> {
        if !environment.settings.has_kafka() {
            let text = environment.say(
                "ces messages se trouvent dans Kafka : renseignez kafka_bootstrap_servers (ou KAFKA_BOOTSTRAP_SERVERS)",
                "dead letters lie in Kafka: set kafka_bootstrap_servers (or KAFKA_BOOTSTRAP_SERVERS)",
            );
            return Err(Failure::Usage(text.to_owned()));
        }
        let settings = environment.settings.kafka().map_err(|fault| environment.usage(&fault))?;
        block_on(async {
            environment.settings.try_kafka().map_err(|fault| environment.usage(&fault))?;
            let shelf =
                KafkaShelf::new(settings).map_err(|fault| environment.usage(&refused_by_kafka(&fault)))?;
            match asked {
                DeadLetters::List { reason, limit, json } => {
                    list(environment, &shelf, wanted(environment, reason)?, limit, json).await
                }
                DeadLetters::Show { place, json } => {
                    let lying = one(environment, &shelf, &place).await?;
                    show::show(environment, &lying, json);
                    Ok(())
                }
                DeadLetters::Replay { places, all, reason, json } => {
                    let all = all.then(|| wanted(environment, reason)).transpose()?;
                    replay::replay(environment, &shelf, &places, all, json).await
                }
            }
        })
    }

    /// A reason that somebody asked for.
    fn wanted(environment: &Environment, reason: Option<String>) -> Result<Option<Reason>, Failure> {
        let parsed = reason.map(|reason| {
            reason.parse::<Reason>().map_err(|known| {
                Failure::Usage(match environment.say("fr", "en") {
                    "fr" => format!("--reason : `{reason}` n’est pas une raison ; les raisons sont {known}"),
                    _ => format!("--reason: `{reason}` is no reason; the reasons are {known}"),
                })
            })
        });
        parsed.transpose()
    }

    /// Hands over every letter that there is.
    pub(super) async fn each(
        environment: &Environment,
        shelf: &KafkaShelf,
        mut each: impl AsyncFnMut(Lying) -> Result<(), BusFault>,
    ) -> Result<(), Failure> {
        let read = shelf.read(Topic::DeadLetter, async |received| match lying(received) {
            Some(lying) => each(lying).await,
            None => Ok(()),
        });
        read.await.map_err(|fault| away(environment, &fault))
    }

    /// The one that lies there.
    pub(super) async fn one(
        environment: &Environment,
        shelf: &KafkaShelf,
        place: &str,
    ) -> Result<Lying, Failure> {
        let parsed = place.split_once(':').and_then(|(partition, offset)| {
            Some((partition.parse::<i32>().ok()?, offset.parse::<i64>().ok()?))
        });
        let Some((partition, offset)) = parsed else {
            return Err(Failure::Usage(match environment.say("fr", "en") {
                "fr" => format!("`{place}` n’est pas de la forme PARTITION:POSITION, comme 3:17"),
                _ => format!("`{place}` is not of the form PARTITION:OFFSET, such as 3:17"),
            }));
        };
        let found = shelf.one(Topic::DeadLetter, partition, offset).await;
        let found = found.map_err(|fault| away(environment, &fault))?;
        found.and_then(lying).ok_or_else(|| {
            Failure::Other(match environment.say("fr", "en") {
                "fr" => {
                    format!("il n’y a rien en {place} ; `unionflow dead-letters list` montre ce qu’il y a")
                }
                _ => {
                    format!("there is nothing at {place}; `unionflow dead-letters list` shows what there is")
                }
            })
        })
    }

    fn lying(received: Received) -> Option<Lying> {
        let letter = DeadLetter::read(&received.record)?;
        Some(Lying { partition: received.partition, offset: received.offset, letter })
    }

    /// What the list says of one.
    struct Line {
        reason: String,
        source: String,
        detail: String,
    }

    async fn list(
        environment: &Environment,
        shelf: &KafkaShelf,
        wanted: Option<Reason>,
        limit: usize,
        as_json: bool,
    ) -> Result<(), Failure> {
        let mut totals: BTreeMap<String, u64> = BTreeMap::new();
        // The newest, by when and where: what falls out is the oldest.
        let mut order = BTreeSet::new();
        let mut lines = BTreeMap::new();
        each(environment, shelf, async |Lying { partition, offset, letter }| {
            *totals.entry(letter.reason.clone()).or_default() += 1;
            if wanted.is_some_and(|wanted| letter.known_reason() != Some(wanted)) {
                return Ok(());
            }
            let at = letter.received_at.map_or_else(String::new, |at| at.to_string());
            let source = format!("{}/{}/{}", letter.source.0, letter.source.1, letter.source.2);
            order.insert((at, partition, offset));
            lines.insert((partition, offset), Line { reason: letter.reason, source, detail: letter.detail });
            if order.len() > limit
                && let Some((_, partition, offset)) = order.pop_first()
            {
                lines.remove(&(partition, offset));
            }
            Ok(())
        })
        .await?;
        let shown = order.iter().filter_map(|(at, partition, offset)| {
            Some((at, *partition, *offset, lines.get(&(*partition, *offset))?))
        });
        if as_json {
            let items: Vec<Value> = shown
                .map(|(at, partition, offset, line)| {
                    json!({ "partition": partition, "offset": offset, "receivedAt": at, "reason": line.reason,
                        "detail": line.detail, "source": line.source })
                })
                .collect();
            outln!("{}", show::harmless_json(&json!({ "totals": totals, "items": items })));
            return Ok(());
        }
        for (at, partition, offset, line) in shown {
            let place = format!("{partition}:{offset}");
            outln!("{place:>8}  {at}  {}  {}", show::harmless(&line.reason), show::harmless(&line.source));
            // What is stored is English: whoever reads French is told the reason first.
            if let Some(reason) =
                line.reason.parse::<Reason>().ok().filter(|_| environment.language == Language::French)
            {
                outln!("          {}", reason.text(Language::French));
            }
            outln!("          {}{}", environment.say("en anglais : ", ""), show::harmless(&line.detail));
        }
        told(environment, &totals);
        Ok(())
    }

    fn told(environment: &Environment, totals: &BTreeMap<String, u64>) {
        if totals.is_empty() {
            outln!(
                "{}",
                environment.say("Tout ce qui est venu a été pris en compte.", "All that came was taken in.")
            );
            return;
        }
        outln!();
        for (reason, count) in totals {
            let known = reason.parse::<Reason>();
            let meaning = known.map(|known| known.text(environment.language)).unwrap_or_default();
            outln!("{count:>8}  {}  {meaning}", show::harmless(reason));
        }
    }
}
