//! Keys whose values are secrets or hold some: nothing repeats them, whatever is wrong with them.

use super::Settings;

const SECRET: [&str; 4] = ["setup_code", "kafka_sasl_password", "kafka_settings", "database_url"];

/// What libpq calls what an address may show. Of all others it is not ours to know what they hold.
const SHOWN: [&str; 8] = [
    "sslmode",
    "sslrootcert",
    "connect_timeout",
    "application_name",
    "target_session_attrs",
    "host",
    "port",
    "dbname",
];

/// Whether the value of this key is not to be repeated.
pub(super) fn is_secret(key: &str) -> bool {
    SECRET.contains(&key)
}

/// Whether this line of a file may be shown: it begins with a key that holds no secret, and names none that does.
pub(super) fn may_be_shown(line: &str, known: &[&str]) -> bool {
    let key = line.split('=').next().unwrap_or_default().trim();
    known.contains(&key) && !SECRET.iter().any(|secret| line.contains(secret))
}

/// Without the values of secrets.
pub(super) fn hidden(settings: &Settings) -> Settings {
    let mut shown = settings.clone();
    for secret in [&mut shown.setup_code, &mut shown.kafka_sasl_password] {
        if !secret.is_empty() {
            *secret = "…".to_owned();
        }
    }
    // A setting passed on may be a secret too: which of librdkafka's are, is not ours to know.
    for setting in &mut shown.kafka_settings {
        let name = setting.split_once('=').map(|(name, _)| name.trim()).filter(|name| is_name(name));
        *setting = name.map_or_else(|| "…".to_owned(), |name| format!("{name}=…"));
    }
    shown.database_url = masked(&shown.database_url);
    shown
}

/// Whether this looks like the name of a setting of librdkafka, and not like what somebody forgot a `=` in.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// An address without what stands before its `@`, and without the values of parameters that may be secrets.
fn masked(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    // What is no address may be anything.
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("…@", rest));
    let Some((place, query)) = rest.split_once('?') else { return format!("{scheme}://{user}{rest}") };
    let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if SHOWN.contains(&name) => parameter.to_owned(),
        Some((name, _)) if is_name(name) => format!("{name}=…"),
        _ => "…".to_owned(),
    });
    format!("{scheme}://{user}{place}?{}", parameters.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_any_password() {
        for (address, shown) in [
            ("postgres://u:hunter2@h/db", "postgres://…@h/db"),
            (
                "postgres://u@h/db?sslmode=require&password=hunter2",
                "postgres://…@h/db?sslmode=require&password=…",
            ),
            ("postgres://h/db?user=u&p%61ssword=hunter2", "postgres://h/db?user=…&…"),
            ("postgres://u:a?hunter2@h/db", "postgres://…@h/db"),
            ("host=h password=hunter2", "…"),
            ("u:hunter2@h/db", "…"),
            ("sqlite:data/unionflow.db", "sqlite:data/unionflow.db"),
        ] {
            assert_eq!(masked(address), shown);
        }
    }
}
