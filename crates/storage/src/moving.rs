//! A store moves from its file into PostgreSQL: whole, verified, under the same epoch.
//!
//! The file is locked as a server locks it, and no other command writes to it meanwhile. What arrives is one transaction over
//! there: until it is committed the target is as empty as it was, so that whoever was interrupted begins anew. The file is
//! marked before that commit and not after: there is no moment at which both can be served, because two that go on from one
//! epoch would tell clients two stories under the same numbers.

use std::path::Path;

use unionflow_protocol::{Timestamp, id::Epoch};

use crate::{
    fault::{MoveFault, StoreFault},
    postgres::arriving::{Arriving, Destination, Found},
    sqlite::leaving::{Leaving, Mark},
};

/// How far a move has come, in rows copied and entries verified.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Done.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The journals' incarnation, as it was.
    pub epoch: Epoch,
    /// Organisations.
    pub organizations: u64,
    /// Entries of their journals, each verified over there.
    pub entries: u64,
    /// Rows of all tables.
    pub rows: u64,
}

/// Moves the store of a file into an empty database. Afterwards the file is refused to whoever would open it as a store, until
/// [`take_back`](crate::sqlite::take_back) makes it another incarnation. Blocks.
pub fn to_postgres(
    from: &Path,
    address: &str,
    now: Timestamp,
    progress: impl FnMut(Progress) + Send,
) -> Result<Moved, StoreFault> {
    // On a thread of its own: it drives its connection itself, and this one may drive others.
    std::thread::scope(|scope| scope.spawn(|| run(from, address, now, progress)).join())
        .unwrap_or_else(|_| Err(StoreFault::Database("moving the store panicked".to_owned())))
}

fn run(
    from: &Path,
    address: &str,
    now: Timestamp,
    mut progress: impl FnMut(Progress),
) -> Result<Moved, StoreFault> {
    let target = Destination::parse(address)?;
    let mut leaving = Leaving::begin(from)?;
    let (place, mark) = (target.place(), leaving.mark()?);
    if let Some(Mark::Moved(to)) = mark {
        return Err(MoveFault::Moved { path: from.to_owned(), to }.into());
    }
    let epoch = leaving.epoch()?;
    let (mut arriving, found) = Arriving::begin(target, epoch)?;
    let tables = leaving.tables()?;
    let (rows, entries) = (tables.iter().map(|table| table.rows).sum::<u64>(), leaving.entries()?);
    let mut state = Progress { done: 0, total: rows + entries };
    match (found, mark) {
        (Found::Nothing, _) => {}
        // It had been committed there, and nobody lived to note it here.
        (Found::SameEpoch, Some(Mark::Moving(_))) => {
            state.done = rows;
            let organizations = verify(&mut arriving, epoch, now, state, &mut progress)?;
            leaving.finish()?;
            return Ok(Moved { epoch, organizations, entries, rows });
        }
        (Found::SameEpoch | Found::Other, _) => return Err(arriving.not_empty()),
    }
    arriving.compare(&tables)?;
    for table in &tables {
        let copied = arriving.copy(table, |take| {
            leaving.each_row(table, &mut |row| {
                take(row)?;
                state.done += 1;
                progress(state);
                Ok(())
            })
        })?;
        differs(&table.name, table.rows, copied)?;
    }
    arriving.bind(epoch)?;
    for table in &tables {
        let (name, there) = (&table.name, arriving.count(&table.name)?);
        // Which server it is on was added to what describes the store.
        differs(name, table.rows + u64::from(name == "meta"), there)?;
    }
    let organizations = verify(&mut arriving, epoch, now, state, &mut progress)?;
    leaving.set_out(&place, now)?;
    match arriving.commit() {
        Ok(()) => leaving.finish()?,
        // Whether it arrived is found out by whoever tries again: the mark stays.
        Err(fault @ StoreFault::Postgres(crate::PostgresFault::Unknown { .. })) => return Err(fault),
        Err(fault) => {
            leaving.stay()?;
            return Err(fault);
        }
    }
    Ok(Moved { epoch, organizations, entries, rows })
}

fn differs(table: &str, here: u64, there: u64) -> Result<(), StoreFault> {
    if here == there {
        return Ok(());
    }
    Err(MoveFault::Differs(format!("{table}: {here} ≠ {there}")).into())
}

/// Reads every journal over there and holds the tables against it, as `unionflow verify` does. How many there are.
fn verify(
    arriving: &mut Arriving,
    epoch: Epoch,
    now: Timestamp,
    mut state: Progress,
    progress: &mut impl FnMut(Progress),
) -> Result<u64, StoreFault> {
    let organizations = arriving.read(epoch, now, |reader| reader.load_organizations())?;
    for organization in &organizations {
        let id = organization.id;
        let wrong = |why: String| MoveFault::Differs(format!("{id}: {why}")).into();
        let entries = arriving.read(epoch, now, |reader| reader.verify_journal(id))?;
        state.done += entries.map_err(|broken| wrong(broken.to_string()))?;
        let different = arriving.read(epoch, now, |reader| reader.verify_state(id))?;
        if let Some(difference) = different {
            return Err(wrong(difference.text(unionflow_protocol::Language::English)));
        }
        progress(state);
    }
    Ok(organizations.len() as u64)
}
