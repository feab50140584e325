//! The threads that read: one snapshot for each unit, apart from writers.

use std::{
    sync::{Arc, mpsc::Receiver},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use unionflow_protocol::Timestamp;

use super::{
    Shared,
    link::{Link, Trouble},
    pool::now,
    transaction::{BEGIN_READING, COMMIT, NOW, Transaction, time},
};
use crate::{fault::StoreFault, store::ReadUnit};

/// How long whoever reads waits for a turn before being told to come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// A unit that waits to read, and until when.
pub(super) struct Waiting {
    unit: Box<dyn ReadUnit>,
    until: Instant,
}

impl Waiting {
    pub(super) fn new(unit: Box<dyn ReadUnit>) -> Self {
        Self { unit, until: now() + PATIENCE }
    }

    pub(super) fn refuse(self, fault: StoreFault) {
        self.unit.run(Err(fault), Timestamp::from_millis(0));
    }
}

pub(super) fn run(shared: &Shared, units: &Arc<Mutex<Receiver<Waiting>>>) {
    loop {
        // Bound first: the lock must not be held while the unit runs.
        let next = units.lock().recv();
        let Ok(waiting) = next else { return };
        if now() > waiting.until {
            waiting.refuse(StoreFault::Busy);
            continue;
        }
        match shared.pool.begin(waiting.until, |link| begin(link, shared)) {
            Ok((mut link, now)) => {
                let mut transaction = Transaction::new(&mut link);
                waiting.unit.run(Ok(&mut transaction), now);
                let ended = transaction.ended().is_some();
                if !ended && link.ask(COMMIT, &[]).is_ok() {
                    shared.pool.put(link);
                }
            }
            Err(fault) => waiting.refuse(fault),
        }
    }
}

/// Begins a snapshot; the time of it.
fn begin(link: &mut Link, shared: &Shared) -> Result<Timestamp, Trouble> {
    let calls = [link.call(BEGIN_READING, &[])?, link.call(NOW, &[])?];
    let mut told = None;
    for answer in link.send(&calls) {
        told = time(&answer?);
    }
    let told = told.unwrap_or(Timestamp::from_millis(0));
    Ok(shared.clock.as_ref().map_or(told, |clock| clock.now()))
}
