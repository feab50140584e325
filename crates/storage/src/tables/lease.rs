//! Leases: what only one process may do at a time, by the store's clock. Whoever holds one renews it; whoever dies loses it.

use std::time::Duration;

use uuid::Uuid;

use crate::{fault::StoreFault, sql::ToParam, tx::Tx};

impl Tx<'_> {
    /// Takes a lease that is free, ran out, or is this holder's own. Whether it is held now.
    pub fn take_lease(&mut self, name: &str, holder: Uuid, term: Duration) -> Result<bool, StoreFault> {
        let (now, until) = (self.now(), self.now().plus(term));
        let taken = self.execute(
            "INSERT INTO lease (name, holder, until) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET \
             holder = excluded.holder, until = excluded.until WHERE lease.until <= ?4 OR lease.holder = excluded.holder",
            &[name.param(), holder.as_bytes().param(), until.param(), now.param()],
        )?;
        Ok(taken == 1)
    }

    /// Goes on with a lease that is held. Whether it still was: what ran out may have been another's meanwhile.
    pub fn renew_lease(&mut self, name: &str, holder: Uuid, term: Duration) -> Result<bool, StoreFault> {
        let (now, until) = (self.now(), self.now().plus(term));
        let renewed = self.execute(
            "UPDATE lease SET until = ?3 WHERE name = ?1 AND holder = ?2 AND until > ?4",
            &[name.param(), holder.as_bytes().param(), until.param(), now.param()],
        )?;
        Ok(renewed == 1)
    }

    /// Gives a lease back, for the next one to take at once.
    pub fn release_lease(&mut self, name: &str, holder: Uuid) -> Result<(), StoreFault> {
        self.submit(
            "DELETE FROM lease WHERE name = ?1 AND holder = ?2",
            &[name.param(), holder.as_bytes().param()],
        )
    }
}
