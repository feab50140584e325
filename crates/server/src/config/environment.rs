//! What the environment sets. A key that takes text takes it as it stands there: a password of digits is a password.

use figment::{
    Error, Metadata, Profile, Provider,
    providers::Env,
    value::{Dict, Map, Value},
};

use super::Settings;

/// Variables, of which figment would guess the types.
pub(super) struct Environment(pub(super) Env);

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        self.0.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
        let read = |(key, value): (_, String)| {
            let key = ToString::to_string(&key);
            let takes_text = defaults.get(&key).is_some_and(serde_json::Value::is_string);
            let value = if takes_text {
                Value::from(value)
            } else {
                let Ok(guessed) = value.parse::<Value>();
                guessed
            };
            (key, value)
        };
        let read = self.0.iter().map(|(key, value)| read((key.into_string(), value)));
        Ok(Profile::Default.collect(read.collect()))
    }
}
