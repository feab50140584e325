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
        let shown = json!({ "partition": lying.partition, "offset": lying.offset, "reason": letter.reason,
            "detail": letter.detail, "source": { "topic": topic, "partition": partition, "offset": offset },
            "receivedAt": letter.received_at, "id": letter.id(), "key": key, "headers": headers, "value": value,
            "valueBytes": letter.value_bytes, "canBeReplayed": letter.replayed().is_some() });
        outln!("{}", harmless_json(&shown));
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
    outln!("\n{}", harmless_lines(&value.unwrap_or_default()));
}

/// In one line, without what would command the terminal or turn the order of what it shows: others wrote it.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if commands(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The same of a text that may have lines.
fn harmless_lines(text: &str) -> String {
    let pieces = text.split_inclusive(['\n', '\t']);
    let shown = pieces.map(|piece| {
        let text = piece.trim_end_matches(['\n', '\t']);
        harmless(text) + &piece[text.len()..]
    });
    shown.collect()
}

/// JSON that reads as it was, and holds nothing that commands a terminal: such characters stand in its texts alone.
pub(super) fn harmless_json(value: &Value) -> String {
    let shown = |c: char| if commands(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() };
    value.to_string().chars().map(shown).collect()
}

/// Controls of C0 and C1, those that turn the direction of writing, and what ends a line.
fn commands(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const WRITTEN: &str = "é\n\treason       OK\u{1b}[2J\u{9b}1m\r\u{202e}\u{2066}\u{200f}\u{85}";
    const REST: &str = "reason       OK\\u{1b}[2J\\u{9b}1m\\r\\u{202e}\\u{2066}\\u{200f}\\u{85}";

    #[test]
    fn what_others_wrote_commands_no_terminal_and_makes_no_line_of_its_own() {
        assert_eq!(harmless(WRITTEN), format!("é\\n\\t{REST}"));
        assert_eq!(harmless_lines(WRITTEN), format!("é\n\t{REST}"), "a value may have lines");
    }

    #[test]
    fn json_says_the_same_and_commands_no_terminal() {
        let value = json!({ WRITTEN: [WRITTEN] });
        let shown = harmless_json(&value);
        assert!(!shown.chars().any(commands), "{shown}");
        assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), value);
    }
}
