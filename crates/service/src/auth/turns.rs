//! Who is having a password looked at. Hashing is slow on purpose: whoever sends many sign-ins at once waits for themselves.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

/// Passwords of one address that are looked at, or wait for it, at once: a town may share one, and others have the rest.
const AT_ONCE_PER_ADDRESS: usize = 20;

/// The sign-ins under way.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    /// A login from an address, and not a login alone: else whoever guesses elsewhere would have its owner's turn.
    pairs: HashSet<[u8; 32]>,
    addresses: HashMap<String, usize>,
}

/// A turn; the next may have it once this is dropped.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    pair: [u8; 32],
    address: String,
}

impl Turns {
    /// Takes a turn; `None` while this login has one from this address, or the address has too many.
    pub(crate) fn take(&self, pair: [u8; 32], address: &str) -> Option<Turn<'_>> {
        let taken = &mut *self.0.lock();
        if taken.addresses.get(address).is_some_and(|here| *here >= AT_ONCE_PER_ADDRESS)
            || !taken.pairs.insert(pair)
        {
            return None;
        }
        *taken.addresses.entry(address.to_owned()).or_default() += 1;
        Some(Turn { turns: self, pair, address: address.to_owned() })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let taken = &mut *self.turns.0.lock();
        taken.pairs.remove(&self.pair);
        if let Some(here) = taken.addresses.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                taken.addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_has_one_turn_an_address_a_few_and_both_are_given_back() {
        let turns = Turns::default();
        let first = turns.take([0; 32], "203.0.113.7");
        assert!(first.is_some() && turns.take([0; 32], "203.0.113.7").is_none());
        let others: Vec<_> = (1..20).map(|n| turns.take([n; 32], "203.0.113.7").unwrap()).collect();
        assert!(turns.take([20; 32], "203.0.113.7").is_none(), "twenty at once");
        let elsewhere = turns.take([21; 32], "198.51.100.4");
        assert!(elsewhere.is_some(), "and others go on");
        drop((first, others, elsewhere));
        assert!(turns.take([0; 32], "203.0.113.7").is_some());
        assert!(turns.0.lock().addresses.is_empty() && turns.0.lock().pairs.is_empty());
    }
}
