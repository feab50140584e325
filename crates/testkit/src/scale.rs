//! How far a test goes: a short form in the check, a long one in the soak.

/// A count, from the environment if it is set there.
pub fn how_many(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}
