//! Threads: one that writes in group commits, a few that read.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::time::Instant;

use super::{
    connection::{Statements, fault, open_reader},
    lock::ServerLock,
};
use crate::{
    clock::Clock,
    fault::StoreFault,
    store::{Backend, ReadUnit, UnitEnd, WriteUnit},
    wake::WakeSender,
};

/// Units that may wait for the writer; beyond, a command is told to come back.
const WRITES_QUEUED: usize = 8192;
/// Units that may wait for a reader; beyond, whoever reads waits in line.
const READS_QUEUED: usize = 8192;
/// Units that share one commit at the most.
const GROUP_MAX: usize = 256;
const READERS: usize = 3;
/// How long a group waits for as many units as the last one had: their callers have just been answered and may ask again, and
/// then one sync serves them all instead of one the first and another the rest. Where nobody else writes, nobody waits.
const GATHER: Duration = Duration::from_micros(200);

pub(super) struct SqliteBackend {
    writer: Mutex<Option<SyncSender<Box<dyn WriteUnit>>>>,
    readers: Mutex<Option<SyncSender<Box<dyn ReadUnit>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    clock: Arc<dyn Clock>,
}

impl SqliteBackend {
    pub(super) fn start(
        path: PathBuf,
        connection: Connection,
        lock: Option<ServerLock>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreFault> {
        let (writer, write_units) = sync_channel(WRITES_QUEUED);
        let (readers, read_units) = sync_channel(READS_QUEUED);
        let read_units = Arc::new(Mutex::new(read_units));
        let mut threads = Vec::new();
        for _ in 0..READERS {
            let connection = open_reader(&path)?;
            let (path, units, clock) = (path.clone(), read_units.clone(), clock.clone());
            threads
                .push(spawn("store-reader", move || read_loop(&connection, &path, &units, clock.as_ref()))?);
        }
        let writer_clock = clock.clone();
        threads.push(spawn("store-writer", move || {
            let writer = Writer { connection, path, clock: writer_clock };
            writer.run(&write_units);
            drop(lock);
        })?);
        Ok(Self {
            writer: Mutex::new(Some(writer)),
            readers: Mutex::new(Some(readers)),
            threads: Mutex::new(threads),
            clock,
        })
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreFault> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| StoreFault::Database(format!("no thread for `{name}`: {error}")))
}

impl Backend for SqliteBackend {
    fn write(&self, unit: Box<dyn WriteUnit>) {
        let Some(writer) = self.writer.lock().clone() else { return unit.finish(Err(StoreFault::Closed)) };
        match writer.try_send(unit) {
            Ok(()) => {}
            Err(TrySendError::Full(unit)) => unit.finish(Err(StoreFault::Busy)),
            Err(TrySendError::Disconnected(unit)) => unit.finish(Err(StoreFault::Closed)),
        }
    }

    fn read(&self, unit: Box<dyn ReadUnit>) {
        let now = self.clock.now();
        let Some(readers) = self.readers.lock().clone() else {
            return unit.run(Err(StoreFault::Closed), now);
        };
        match readers.try_send(unit) {
            Ok(()) => {}
            Err(TrySendError::Full(unit)) => unit.run(Err(StoreFault::Busy), now),
            Err(TrySendError::Disconnected(unit)) => unit.run(Err(StoreFault::Closed), now),
        }
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn follow(&self, _: WakeSender) {
        // One file has one server; what a command beside it commits is found by polling.
    }

    fn close(&self) {
        self.writer.lock().take();
        self.readers.lock().take();
        for thread in self.threads.lock().drain(..) {
            // A thread that panicked has nothing left to make durable.
            let _ = thread.join();
        }
    }
}

impl Drop for SqliteBackend {
    fn drop(&mut self) {
        self.close();
    }
}

struct Writer {
    connection: Connection,
    path: PathBuf,
    clock: Arc<dyn Clock>,
}

impl Writer {
    fn run(mut self, units: &Receiver<Box<dyn WriteUnit>>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        let mut expected = 1;
        while let Ok(first) = units.recv() {
            group.push(first);
            gather(units, &mut group, expected);
            expected = group.len();
            self.commit_group(&mut group);
        }
        if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the write-ahead log was not checkpointed; the next start does it");
        }
    }

    /// One transaction for the whole group, a savepoint for each unit. Units are told only once the commit is durable.
    fn commit_group(&mut self, group: &mut Vec<Box<dyn WriteUnit>>) {
        let committed = self.transaction(group);
        for unit in group.drain(..) {
            unit.finish(committed.clone());
        }
    }

    fn transaction(&mut self, group: &mut Vec<Box<dyn WriteUnit>>) -> Result<(), StoreFault> {
        self.batch("BEGIN IMMEDIATE")?;
        let mut i = 0;
        while i < group.len() {
            if group[i].is_stale() {
                group.remove(i).finish(Err(StoreFault::Busy));
                continue;
            }
            if let Err(fault) = self.unit(group[i].as_mut()) {
                // SQLite gave up the whole transaction: nobody's unit was written.
                let _ = self.batch("ROLLBACK");
                return Err(fault);
            }
            i += 1;
        }
        self.batch("COMMIT").inspect_err(|_| {
            let _ = self.batch("ROLLBACK");
        })
    }

    fn unit(&mut self, unit: &mut dyn WriteUnit) -> Result<(), StoreFault> {
        self.batch("SAVEPOINT unit")?;
        let mut statements = Statements { connection: &self.connection, path: &self.path };
        let end = unit.run(&mut statements, self.clock.now());
        if self.connection.is_autocommit() {
            return Err(StoreFault::Full); // what makes SQLite roll back on its own: no room, no memory, broken I/O
        }
        match end {
            UnitEnd::Keep => self.batch("RELEASE unit"),
            UnitEnd::Undo => self.batch("ROLLBACK TO unit").and_then(|()| self.batch("RELEASE unit")),
        }
    }

    fn batch(&self, sql: &'static str) -> Result<(), StoreFault> {
        let run = || self.connection.prepare_cached(sql)?.execute([]);
        run().map(|_| ()).map_err(|error| fault(&error, &self.path))
    }
}

/// Takes what waits, and waits a moment for what is expected.
fn gather(units: &Receiver<Box<dyn WriteUnit>>, group: &mut Vec<Box<dyn WriteUnit>>, expected: usize) {
    let until = Instant::now() + GATHER;
    while group.len() < GROUP_MAX {
        let patience = if group.len() < expected { until - Instant::now() } else { Duration::ZERO };
        match units.recv_timeout(patience) {
            Ok(unit) => group.push(unit),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn read_loop(
    connection: &Connection,
    path: &Path,
    units: &Mutex<Receiver<Box<dyn ReadUnit>>>,
    clock: &dyn Clock,
) {
    loop {
        // Bound first: the lock must not be held while the unit runs.
        let next = units.lock().recv();
        let Ok(unit) = next else { return };
        let began = connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([]));
        match began {
            Ok(_) => {
                let mut statements = Statements { connection, path };
                unit.run(Ok(&mut statements), clock.now());
                if let Err(error) = connection.prepare_cached("COMMIT").and_then(|mut end| end.execute([])) {
                    tracing::warn!(%error, "a read transaction did not end");
                    let _ = connection.execute_batch("ROLLBACK");
                }
            }
            Err(error) => unit.run(Err(fault(&error, path)), clock.now()),
        }
    }
}
