//! A seeded simulation of all that lies between the journal and a client's screen.
//!
//! Real: the registry with its feeds, sessions, outbound queues, the reading of frames. Modelled: the store, the relay and the
//! bus (at least once: with loss, duplicates, delays, and no order between topics), sockets that are slow or cut between any
//! two bytes, crashes, drains, restores, and clients that keep a cursor; some of them are the SDK's own session. Time and chance come from the seed alone.
//!
//! Each frame that a client reads is held against an oracle, which knows the journal and who may see what at each place of
//! it: an event exactly once, in order, byte for byte, by the rights held; nothing of others; every promise about a cursor
//! true; every close and resync for a documented reason. In the end every client is complete and has the newest figures.
//!
//! `UNIONFLOW_SIM_SEED=17` runs one seed and tells what happened; `UNIONFLOW_SIM_SEEDS=20000` runs so many.

mod client;
mod gateway;
mod journal;
mod random;
mod sdk;
pub(crate) mod socket;
mod stream;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

use world::{Faults, World};

/// Seeds of an ordinary test run.
const SEEDS: u64 = 200;
/// Lines told of a run that failed.
const LINES: usize = 80;

#[test]
fn whatever_fails_every_client_sees_what_it_may_once_and_in_order() {
    let set = |name: &str| std::env::var(name).ok().map(|value| value.parse().expect("a number"));
    if let Some(seed) = set("UNIONFLOW_SIM_SEED") {
        return replay(seed);
    }
    let seeds = set("UNIONFLOW_SIM_SEEDS").unwrap_or(SEEDS);
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let work = || {
        let mut faults = Faults::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || failed.load(Ordering::Relaxed) != u64::MAX {
                return faults;
            }
            let run = catch_unwind(AssertUnwindSafe(|| run(seed)));
            match run {
                Ok(Some(counted)) => add(&mut faults, counted),
                Ok(None) | Err(_) => drop(failed.fetch_min(seed, Ordering::Relaxed)),
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let faults = std::thread::scope(|scope| {
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let counted = running.into_iter().map(|worker| worker.join().expect("panics are caught"));
        let mut faults = Faults::new();
        counted.for_each(|counted| add(&mut faults, counted));
        faults
    });
    let failed = failed.into_inner();
    if failed != u64::MAX {
        replay(failed);
        panic!("seed {failed} failed, and not when it was run again");
    }
    println!("{seeds} seeds, no violation");
    faults.iter().for_each(|(fault, n)| println!("{n:>9}  {fault}"));
}

fn add(faults: &mut Faults, counted: Faults) {
    for (fault, n) in counted {
        *faults.entry(fault).or_insert(0) += n;
    }
}

/// The faults of a run; `None` if a promise was broken.
fn run(seed: u64) -> Option<Faults> {
    let mut world = World::new(seed, false);
    world.run().ok()?;
    let (sessions, frames) = (world.sessions, world.frames);
    let mut faults = world.faults();
    faults.insert("(sessions)", sessions);
    faults.insert("(frames checked)", frames);
    Some(faults)
}

/// Runs a seed and tells the last that happened.
fn replay(seed: u64) {
    let mut world = World::new(seed, true);
    let run = catch_unwind(AssertUnwindSafe(|| world.run()));
    let told = &world.told[world.told.len().saturating_sub(LINES)..];
    told.iter().for_each(|line| println!("{line}"));
    let again = format!("run it again with UNIONFLOW_SIM_SEED={seed}");
    match run {
        Ok(Ok(())) => {}
        Ok(Err(violation)) => panic!("seed {seed}: {violation}; {again}"),
        Err(_) => panic!("seed {seed} panicked; {again}"),
    }
}
