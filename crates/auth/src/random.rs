//! Randomness that nobody can guess, from the operating system.

/// So many random bytes.
///
/// # Panics
/// When the operating system has no randomness to give: nothing may go on then.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the system for secrets")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}
