//! Who may be connected: so many in all, and so many from one address, so that nobody alone takes every seat.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use unionflow_api::network;

/// The least that one address may have: a carrier puts a town behind one.
const PER_ADDRESS_MIN: usize = 1000;

/// Places for connections.
pub(crate) struct Seats {
    in_all: usize,
    per_address: usize,
    /// Everybody comes through them: they are counted in all only.
    proxies: Vec<IpAddr>,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    in_all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// A place that is taken; given back when dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    /// Whose share it is of; none for a proxy.
    network: Option<IpAddr>,
}

impl Seats {
    /// So many in all, and from one address; 0 from one address is a quarter of all, and not few.
    pub(crate) fn new(in_all: usize, per_address: usize, proxies: Vec<IpAddr>) -> Arc<Self> {
        let per_address = if per_address == 0 { (in_all / 4).max(PER_ADDRESS_MIN) } else { per_address };
        let proxies = proxies.into_iter().map(|proxy| proxy.to_canonical()).collect();
        Arc::new(Self { in_all, per_address, proxies, taken: Mutex::default() })
    }

    /// A place for a connection from this address, if there is one.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let counted = !self.proxies.contains(&address.to_canonical());
        let network = counted.then(|| network(address));
        let mut taken = self.taken();
        if taken.in_all >= self.in_all {
            return None;
        }
        if let Some(network) = network {
            let here = taken.by_network.entry(network).or_default();
            if *here >= self.per_address {
                return None;
            }
            *here += 1;
        }
        taken.in_all += 1;
        drop(taken);
        Some(Seat { seats: self.clone(), network })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.in_all -= 1;
        if let Some(network) = self.network
            && let Some(here) = taken.by_network.get_mut(&network)
        {
            *here -= 1;
            if *here == 0 {
                taken.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_seats_to_others_and_a_proxy_may_take_all() {
        let seats = Seats::new(6, 2, vec![from("10.0.0.1")]);
        let take = |address: &str| seats.take(from(address));
        let first = [take("203.0.113.7"), take("::ffff:203.0.113.7")];
        assert!(first.iter().all(Option::is_some) && take("203.0.113.7").is_none());
        let second = [take("2001:db8:0:1::1"), take("2001:db8:0:1::2")];
        assert!(second.iter().all(Option::is_some) && take("2001:db8:0:1:f::").is_none(), "a /64 is one");
        let rest = [take("10.0.0.1"), take("10.0.0.1")];
        assert!(rest.iter().all(Option::is_some) && take("10.0.0.1").is_none(), "six in all");
        drop((first, second, rest));
        assert!(take("203.0.113.7").is_some() && seats.taken().by_network.is_empty());
    }

    #[test]
    fn unless_set_an_address_may_have_a_quarter_and_not_few() {
        assert_eq!(Seats::new(100_000, 0, vec![]).per_address, 25_000);
        assert_eq!(Seats::new(2000, 0, vec![]).per_address, 1000);
    }
}
