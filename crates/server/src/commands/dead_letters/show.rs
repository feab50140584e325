//! `unionflow dead-letters show`

use serde_json::{Map, Value, json};

use super::with_kafka::Lying;
use crate::{commands::Environment, out::outln};

pub(super) fn show(environment: &Environment, lying: &Lying, as_json: bool) {
    let letter = &lying.letter;
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (topic, partition, offset) = &letter.source;
    let key = letter.original.key.as_deref().map(lossy);
    let value = letter.original.value.as_deref().map(lossy);
    if as_json {
        let headers: Map<String, Value> =
            letter.original.headers.iter().map(|(name, value)| (name.clone(), lossy(value).into())).collect();
        outln!(
            "{}",
            json!({ "partition": lying.partition, "offset": lying.offset, "reason": letter.reason, "detail": letter.detail,
                "source": { "topic": topic, "partition": partition, "offset": offset },
                "receivedAt": letter.received_at, "id": letter.id(), "key": key, "headers": headers, "value": value,
                "valueBytes": letter.value_bytes, "canBeReplayed": letter.replayed().is_some() })
        );
        return;
    }
    let line = |french: &str, english: &str, text: &str| {
        outln!("{:<12} {}", environment.say(french, english), harmless(text));
    };
    line("raison", "reason", &letter.reason);
    if let Some(reason) = letter.known_reason() {
        line("", "", reason.text(environment.language));
    }
    line("en anglais", "detail", &letter.detail);
    line("venu de", "came from", &format!("{topic}, partition {partition}, {offset}"));
    line("reçu", "received", &letter.received_at.map_or_else(String::new, |at| at.to_string()));
    line("identifiant", "id", &letter.id());
    line("clé", "key", &key.unwrap_or_default());
    for (name, value) in &letter.original.headers {
        line("en-tête", "header", &format!("{name}: {}", lossy(value)));
    }
    if let Some(bytes) = letter.value_bytes {
        let (french, english) =
            (format!("{bytes} octets ; le début :"), format!("{bytes} bytes; its beginning:"));
        line("valeur", "value", environment.say(&french, &english));
    }
    outln!("\n{}", harmless(&value.unwrap_or_default()));
}

/// Without what would command the terminal: others wrote it.
pub(super) fn harmless(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_others_wrote_commands_no_terminal() {
        assert_eq!(harmless("é\n\u{1b}[2J\u{9b}1m\r"), "é\n\\u{1b}[2J\\u{9b}1m\\r");
    }
}
