//! New ids, and the other randomness that a unit of work needs.

use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use unionflow_domain::text::Salt;
use unionflow_protocol::Timestamp;
use uuid::Uuid;

/// Makes ids: UUID version 7, so that they sort by time.
pub struct Ids(Mutex<StdRng>);

impl Ids {
    /// Unguessable ones.
    pub fn system() -> Self {
        Self(Mutex::new(rand::make_rng()))
    }

    /// The same ones for the same seed: for tests and the demonstration.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A new id made at this time.
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let mut random = [0; 10];
        self.0.lock().fill_bytes(&mut random);
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A salt for a text.
    pub fn salt(&self) -> Salt {
        let mut salt = [0; 16];
        self.0.lock().fill_bytes(&mut salt);
        salt
    }
}
