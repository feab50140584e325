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
    #[expect(clippy::disallowed_methods, reason = "how long this process may wait decides nothing else")]
    pub(super) fn new(unit: Box<dyn ReadUnit>) -> Self {
        Self { unit, until: Instant::now() + PATIENCE }
    }

    pub(super) fn refuse(self, fault: StoreFault) {
        self.unit.run(Err(fault), Timestamp::from_millis(0));
    }

    #[expect(clippy::disallowed_methods, reason = "how long this process may wait decides nothing else")]
    fn is_late(&self) -> bool {
        Instant::now() > self.until
    }
}

pub(super) fn run(shared: &Shared, units: &Arc<Mutex<Receiver<Waiting>>>) {
    let mut kept = None;
    loop {
        // Bound first: the lock must not be held while the unit runs.
        let next = units.lock().recv();
        let Ok(waiting) = next else { return };
        if waiting.is_late() {
            waiting.refuse(StoreFault::Busy);
            continue;
        }
        match begin(shared, kept.take(), waiting.until) {
            Ok((mut link, now)) => {
                let mut transaction = Transaction::new(&mut link, false);
                waiting.unit.run(Ok(&mut transaction), now);
                let ended = transaction.ended().is_some();
                kept = (!ended && link.ask(COMMIT, &[]).is_ok()).then_some(link);
            }
            Err(fault) => waiting.refuse(fault),
        }
    }
}

/// Begins a snapshot. A connection that broke while nobody used it is replaced once.
fn begin(shared: &Shared, kept: Option<Link>, until: Instant) -> Result<(Link, Timestamp), StoreFault> {
    if let Some(mut link) = kept
        && let Ok(now) = begin_on(&mut link, shared)
    {
        return Ok((link, now));
    }
    let mut link = shared.connect(until)?;
    let now = begin_on(&mut link, shared).map_err(|trouble| shared.target.fault(&trouble))?;
    Ok((link, now))
}

fn begin_on(link: &mut Link, shared: &Shared) -> Result<Timestamp, Trouble> {
    let calls = [link.call(BEGIN_READING, &[])?, link.call(NOW, &[])?];
    let mut now = None;
    for answer in link.send(&calls) {
        now = time(&answer?);
    }
    let told = now.unwrap_or(Timestamp::from_millis(0));
    Ok(shared.clock.as_ref().map_or(told, |clock| clock.now()))
}
