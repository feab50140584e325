//! Passwords: Argon2id, and whether one is too easy to guess.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use unionflow_protocol::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};
use zxcvbn::{Score, zxcvbn};

use crate::random;

/// Hashes and checks passwords at one cost.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    /// A hash of nothing anyone knows: checked when a login does not exist, so that both answers take as long.
    decoy: String,
}

/// What a hash costs an attacker, and us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// KiB of memory.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

/// A password that is too easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the password is too easy to guess")]
pub struct TooWeak;

impl Cost {
    /// What OWASP advises at the least: 19 MiB, two passes, one lane.
    pub const STANDARD: Self = Self { memory_kib: 19 * 1024, passes: 2 };
    /// For tests of other things than passwords.
    pub const CHEAP: Self = Self { memory_kib: 8, passes: 1 };
}

impl Passwords {
    /// At this cost.
    pub fn new(cost: Cost) -> Self {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None)
            .expect("costs of ours are within Argon2's range");
        let mut this =
            Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params), decoy: String::new() };
        let nothing: String = random::bytes::<16>().iter().map(|byte| char::from(b'a' + byte % 26)).collect();
        this.decoy = this.hash(&nothing);
        this
    }

    /// The hash to keep, with salt and cost in it. Takes tens of milliseconds: not for an async task.
    pub fn hash(&self, password: &str) -> String {
        let salt = random::bytes::<16>();
        let hash: PasswordHash = self
            .argon2
            .hash_password_with_salt(password.as_bytes(), &salt)
            .expect("length was checked before");
        hash.to_string()
    }

    /// Whether the password is the one hashed. Without a hash it takes as long and says no.
    pub fn verify(&self, password: &str, hash: Option<&str>) -> bool {
        let kept = hash.unwrap_or(&self.decoy);
        let Ok(parsed) = PasswordHash::new(kept) else { return false };
        let same = password.len() <= PASSWORD_BYTES_MAX
            && self.argon2.verify_password(password.as_bytes(), &parsed).is_ok();
        same && hash.is_some()
    }
}

/// Whether it is hard enough to guess, also for somebody who knows these words about the person: give them folded, in lower
/// case and without accents.
pub fn strong_enough(password: &str, about: &[&str]) -> Result<(), TooWeak> {
    let long_enough = password.chars().count() >= PASSWORD_CHARS_MIN && password.len() <= PASSWORD_BYTES_MAX;
    if !long_enough || zxcvbn(first_chars(password, 100), about).score() < Score::Three {
        return Err(TooWeak);
    }
    Ok(())
}

/// Guessing is judged on a part: its cost grows with the square of the length.
fn first_chars(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_passes_and_no_hash_never_does() {
        let passwords = Passwords::new(Cost::CHEAP);
        let hash = passwords.hash("trois mangues vertes");
        assert!(passwords.verify("trois mangues vertes", Some(&hash)));
        assert!(!passwords.verify("trois mangues mûres", Some(&hash)));
        assert!(!passwords.verify("trois mangues vertes", None));
        assert!(!passwords.verify("trois mangues vertes", Some("not a hash")));
        assert_ne!(hash, passwords.hash("trois mangues vertes"), "salted");
    }

    #[test]
    fn easy_passwords_are_refused() {
        for weak in ["", "court", "motdepasse", "1234567890", "password12", "azertyuiop", "konekonekone"] {
            assert_eq!(strong_enough(weak, &["awa", "kone"]), Err(TooWeak), "{weak}");
        }
        assert_eq!(strong_enough("trois mangues vertes", &["awa", "kone"]), Ok(()));
        assert_eq!(strong_enough(&"a".repeat(2000), &[]), Err(TooWeak));
    }
}
