//! What is wrong with the configuration, in both languages: the key, what would be right, and where the value came from.

use figment::{
    Metadata, Source,
    error::{Actual, Error, Kind},
};
use unionflow_protocol::Language;

use super::secret;

/// What is wrong with the configuration: which key, where it was set, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{english}")]
pub struct ConfigFault {
    key: String,
    french: String,
    english: String,
}

impl ConfigFault {
    /// A fault of a key.
    pub(super) fn new(key: &str, french: impl Into<String>, english: impl Into<String>) -> Self {
        let (french, english) = (format!("{key} : {}", french.into()), format!("{key}: {}", english.into()));
        Self { key: key.to_owned(), french, english }
    }

    /// This one, and another on the next line.
    #[must_use]
    pub(super) fn and(mut self, other: Self) -> Self {
        self.french.push_str(&format!("\n  {}", other.french));
        self.english.push_str(&format!("\n  {}", other.english));
        self
    }

    /// The sentence in a language.
    pub fn text(&self, language: Language) -> &str {
        language.pick(&self.french, &self.english)
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The same, with where the value came from.
    pub(super) fn with_source(mut self, source: Option<String>) -> Self {
        if let Some(source) = source {
            self.french.push_str(&format!(" (vient de {source})"));
            self.english.push_str(&format!(" (from {source})"));
        }
        self
    }

    /// What figment found.
    pub(super) fn of(error: &Error, known: &[&str]) -> Self {
        let key = error.path.join(".");
        let source = |key: &str| error.metadata.as_ref().and_then(|found| place(found, key));
        let (value, expected) = match &error.kind {
            Kind::UnknownField(name, _) => {
                let keys = known.join(", ");
                let french = format!("cette clé n’existe pas ; les clés sont {keys}");
                let english = format!("there is no such key; the keys are {keys}");
                return Self::new(name, french, english).with_source(source(name));
            }
            Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
                // An entry of a list is `key.0`: what counts is the key.
                let is_secret = error.path.first().is_some_and(|key| secret::is_secret(key));
                let value = if is_secret { None } else { Some(written(found)) };
                (value, meant(expected))
            }
            Kind::UnknownVariant(found, variants) => {
                let (value, one_of) = (format!("`{found}`"), variants.join(", "));
                let french = format!("{value} n’en est pas une valeur ; les valeurs sont {one_of}");
                let english = format!("{value} is no value of it; the values are {one_of}");
                return Self::new(&key, french, english).with_source(source(&key));
            }
            // A file that is not TOML: what its reader says shows the place.
            kind => {
                let key = if key.is_empty() { "--config" } else { &key };
                let (french, english) = not_toml(kind.to_string().trim_end(), known);
                return Self::new(key, french, english).with_source(source(key));
            }
        };
        let french = format!("{} n’est pas {}", value.as_deref().unwrap_or("la valeur"), expected.0);
        let english = format!("{} is not {}", value.as_deref().unwrap_or("the value"), expected.1);
        Self::new(&key, french, english).with_source(source(&key))
    }
}

/// The place, and the line where it cannot hold a secret; what was expected there its reader says in English only.
fn not_toml(text: &str, known: &[&str]) -> (String, String) {
    let Some((place, rest)) =
        text.strip_prefix("TOML parse error at line ").and_then(|rest| rest.split_once('\n'))
    else {
        return (format!("le fichier ne se lit pas ({text})"), text.to_owned());
    };
    let in_french = format!("ce n’est plus du TOML à la ligne {}", place.replace(", column ", ", colonne "));
    let shown: Vec<&str> = rest.lines().filter(|line| line.contains('|')).collect();
    let is_harmless = |line: &&str| {
        let written = line.split_once('|').map_or("", |(_, written)| written).trim();
        written.trim_start_matches('^').is_empty() || secret::may_be_shown(written, known)
    };
    if shown.iter().all(is_harmless) {
        return (format!("{in_french}\n{}", shown.join("\n")), text.to_owned());
    }
    (
        format!("{in_french} (la ligne n’est pas montrée : elle peut contenir un secret)"),
        format!("TOML parse error at line {place} (the line is not shown: it may hold a secret)"),
    )
}

/// Where a value was set, as whoever set it knows the place.
pub(super) fn place(found: &Metadata, key: &str) -> Option<String> {
    if let Some(Source::File(file)) = &found.source {
        return Some(format!("`{}`", file.display()));
    }
    if found.name.contains("`UNIONFLOW_`") {
        return Some(format!("`UNIONFLOW_{}`", key.to_uppercase()));
    }
    if found.name.contains("environment") {
        return Some(format!("`{}`", key.to_uppercase()));
    }
    if found.name.contains("Flags") {
        let flag = if key == "database_url" { "data".to_owned() } else { key.replace('_', "-") };
        return Some(format!("`--{flag}`"));
    }
    None
}

/// A value as somebody wrote it.
fn written(value: &Actual) -> String {
    match value {
        Actual::Str(text) => format!("`{text}`"),
        Actual::Bool(value) => format!("`{value}`"),
        Actual::Unsigned(value) => format!("`{value}`"),
        Actual::Signed(value) => format!("`{value}`"),
        Actual::Float(value) => format!("`{value}`"),
        other => format!("`{other}`"),
    }
}

/// What a type is to people, in French and in English.
fn meant(expected: &str) -> (&'static str, &'static str) {
    match expected {
        "a boolean" => ("true ou false", "true or false"),
        "a sequence" => ("une liste, comme [\"a\", \"b\"]", "a list, such as [\"a\", \"b\"]"),
        "a string" => ("un texte entre guillemets", "a text in quotes"),
        _ => ("un nombre entier", "a whole number"),
    }
}
