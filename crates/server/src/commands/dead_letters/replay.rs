//! `unionflow dead-letters replay`: to the topic of other systems' facts, under the id that the record had the first time, so that
//! it is in the journal once, however often it is sent.

use std::collections::HashSet;

use serde_json::json;
use unionflow_bus::{
    BusFault, Outlet,
    kafka::{KafkaOutlet, KafkaShelf},
};
use unionflow_domain::inbound::Reason;
use unionflow_protocol::Topic;

use super::with_kafka::{Lying, each, one};
use crate::{
    commands::{Environment, Failure, kafka::away},
    config::refused_by_kafka,
    out::outln,
};

/// What has been sent.
struct Sending {
    outlet: KafkaOutlet,
    /// What was sent: one that was sent back in vain before lies there several times.
    records: HashSet<[u8; 32]>,
    sent: u64,
    /// Where those lie of which a part is missing.
    cut: Vec<String>,
}

impl Sending {
    async fn send(&mut self, lying: &Lying) -> Result<(), BusFault> {
        let Some(record) = lying.letter.replayed() else {
            self.cut.push(format!("{}:{}", lying.partition, lying.offset));
            return Ok(());
        };
        if self.records.insert(lying.letter.fingerprint()) {
            self.outlet.send(record).await?;
            self.sent += 1;
        }
        Ok(())
    }
}

pub(super) async fn replay(
    environment: &Environment,
    shelf: &KafkaShelf,
    places: &[String],
    all: Option<Option<Reason>>,
    as_json: bool,
) -> Result<(), Failure> {
    let outlet = shelf.outlet().map_err(|fault| environment.usage(&refused_by_kafka(&fault)))?;
    let mut sending = Sending { outlet, records: HashSet::new(), sent: 0, cut: Vec::new() };
    match all {
        Some(wanted) => {
            let chosen = async |lying: Lying| match wanted {
                Some(wanted) if lying.letter.known_reason() != Some(wanted) => Ok(()),
                _ => sending.send(&lying).await,
            };
            each(environment, shelf, chosen).await?;
        }
        None => {
            // All are looked up before any is sent: a wrong place sends nothing.
            let mut chosen = Vec::with_capacity(places.len());
            for place in places {
                chosen.push(one(environment, shelf, place).await?);
            }
            for lying in &chosen {
                sending.send(lying).await.map_err(|fault| away(environment, &fault))?;
            }
        }
    }
    told(environment, &sending, as_json)
}

fn told(environment: &Environment, sending: &Sending, as_json: bool) -> Result<(), Failure> {
    let (sent, topic) = (sending.sent, Topic::Inbound);
    if as_json {
        outln!("{}", json!({ "sent": sent, "incomplete": sending.cut }));
    } else {
        let (french, english) = (
            format!(
                "{sent} envoyés vers {topic} ; la liste les garde, et ce qui ne peut toujours pas être pris en compte y revient"
            ),
            format!(
                "{sent} sent to {topic}; the list keeps them, and what still cannot be taken in comes there once more"
            ),
        );
        outln!("{}", environment.say(&french, &english));
    }
    if sending.cut.is_empty() {
        return Ok(());
    }
    let places = sending.cut.join(", ");
    let (french, english) = (
        format!("il manque une partie de {places} : l’émetteur doit les envoyer de nouveau"),
        format!("a part of {places} is missing: their sender has to send them again"),
    );
    Err(Failure::Other(environment.say(&french, &english).to_owned()))
}
