//! Backup of a running store, and restore.

use std::{
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, backup::StepResult};
use unionflow_protocol::{Timestamp, id::Epoch};

use super::{
    connection::{fault, make_folder, make_private, open_reader},
    lock::ServerLock,
    migrate,
};
use crate::{fault::StoreFault, ids::Ids};

/// How far a copy has come, in pages.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Copied.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// Pages copied at once, between two looks at the progress.
const PAGES_AT_ONCE: i32 = 256;

/// Copies a store into a new file while a server goes on writing it. The copy is whole: of one moment, and checked.
pub fn backup(from: &Path, to: &Path, progress: impl FnMut(Progress)) -> Result<(), StoreFault> {
    if to.exists() {
        return Err(StoreFault::Exists(to.to_owned()));
    }
    // Not made: where a stick should be mounted and is not, the copy would lie on the disk that it is to outlive.
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        return Err(StoreFault::NoFolder(folder.to_owned()));
    }
    let source = open_reader(from)?;
    migrate::stored_epoch(&source, from)?.ok_or_else(|| StoreFault::Foreign(from.to_owned()))?;
    let partial = partial_name(to);
    let copied = copy(&source, &partial, progress).and_then(|()| check(&partial));
    settle(copied, &partial, to)
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The new incarnation of the journals.
    pub epoch: Epoch,
    /// Where the store that stood there before is now.
    pub kept: Option<PathBuf>,
}

/// Puts a backup where a server will look for its store. It becomes another incarnation of its journals: clients that have
/// seen events since the backup are told to fetch snapshots.
///
/// A store that stands there, sound or not, is kept beside the new one under another name; one that a server runs on is
/// refused.
pub fn restore(
    from: &Path,
    to: &Path,
    ids: &Ids,
    now: Timestamp,
    progress: impl FnMut(Progress),
) -> Result<Restored, StoreFault> {
    make_folder(to)?;
    let _lock = ServerLock::take(to)?;
    check_copy(from)?;
    let partial = partial_name(to);
    let epoch = Epoch::from_uuid(ids.uuid(now));
    let copied = copy(&open_reader(from)?, &partial, progress).and_then(|()| {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let opened = Connection::open_with_flags(&partial, flags);
        renew(&mut opened.map_err(|error| fault(&error, &partial))?, &partial, epoch, now)
    });
    // Only now, when the new one is whole, does the old one make way.
    let kept = match copied.clone().and_then(|()| move_aside(to, now)) {
        Ok(kept) => kept,
        Err(fault) => {
            settle(Err(fault.clone()), &partial, to)?;
            return Err(fault);
        }
    };
    settle(copied, &partial, to)?;
    Ok(Restored { epoch, kept })
}

/// The same as [`check`], in words about a copy.
fn check_copy(path: &Path) -> Result<(), StoreFault> {
    const BEGINS: &[u8; 16] = b"SQLite format 3\0";
    let mut begins = [0; 16];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut begins));
    if path.is_file()
        && (read.is_err_and(|error| error.kind() == ErrorKind::UnexpectedEof)
            || begins != *BEGINS && begins != [0; 16])
    {
        return Err(StoreFault::NotACopy(path.to_owned()));
    }
    check(path).map_err(|fault| match fault {
        StoreFault::Foreign(path) => StoreFault::NotACopy(path),
        StoreFault::Missing(path) => StoreFault::NoCopy(path),
        StoreFault::Corrupt { path, reason } => StoreFault::CorruptCopy { path, reason },
        other => other,
    })
}

/// Moves a store and the files that belong to it: a write-ahead log beside another file would be taken for that one's.
fn move_aside(path: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreFault> {
    let stamp: String = now.to_string().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let aside = with_ending(path, &format!(".before-restore-{stamp}"));
    let mut kept = None;
    for ending in ["-wal", "-shm", ""] {
        let (old, new) = (with_ending(path, ending), with_ending(&aside, ending));
        match std::fs::rename(&old, &new) {
            Ok(()) if ending.is_empty() => kept = Some(new),
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(super::connection::cannot_open(&old, &error)),
        }
    }
    Ok(kept)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Whether a store file is one of ours and undamaged.
pub fn check(path: &Path) -> Result<(), StoreFault> {
    let connection = open_reader(path)?;
    migrate::stored_epoch(&connection, path)?.ok_or_else(|| StoreFault::Foreign(path.to_owned()))?;
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| fault(&error, path))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(StoreFault::Corrupt { path: path.to_owned(), reason: verdict })
}

fn copy(source: &Connection, to: &Path, mut progress: impl FnMut(Progress)) -> Result<(), StoreFault> {
    let wrong = |error: rusqlite::Error| fault(&error, to);
    let _ = std::fs::remove_file(to);
    make_private(to)?;
    let mut target = Connection::open(to).map_err(wrong)?;
    // One read transaction over the whole copy: what a server writes meanwhile does not make it begin anew.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema;").map_err(wrong)?;
    {
        let backup = rusqlite::backup::Backup::new(source, &mut target).map_err(wrong)?;
        loop {
            let step = backup.step(PAGES_AT_ONCE).map_err(wrong)?;
            let state = backup.progress();
            let number = |pages: i32| u64::try_from(pages).unwrap_or(0);
            progress(Progress {
                done: number(state.pagecount - state.remaining),
                total: number(state.pagecount),
            });
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
    let _ = source.execute_batch("ROLLBACK");
    target.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;").map_err(wrong)
}

/// A new epoch; nothing that was valid for a moment is valid any more, and that it once was moved is no matter. Whoever was signed
/// in signs in again: an end of a sign-in that came after the copy is not known here.
pub(super) fn renew(
    connection: &mut Connection,
    path: &Path,
    epoch: Epoch,
    now: Timestamp,
) -> Result<(), StoreFault> {
    let wrong = |error: rusqlite::Error| fault(&error, path);
    let renewing = connection.transaction().map_err(wrong)?;
    super::leaving::reopen(&renewing).map_err(wrong)?;
    renewing.execute("UPDATE meta SET value = ?1 WHERE key = 'epoch'", [epoch.to_string()]).map_err(wrong)?;
    renewing
        .execute(
            "INSERT INTO meta (key, value) VALUES ('restored_at', ?1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            [now.to_string()],
        )
        .map_err(wrong)?;
    renewing.execute_batch("DELETE FROM ticket;").map_err(wrong)?;
    renewing
        .execute("UPDATE sign_in SET ended_at = ?1 WHERE ended_at IS NULL", [now.as_millis()])
        .map_err(wrong)?;
    renewing.commit().map_err(wrong)
}

fn partial_name(to: &Path) -> PathBuf {
    with_ending(to, ".partial")
}

/// A copy appears under its name only when it is complete.
fn settle(copied: Result<(), StoreFault>, partial: &Path, to: &Path) -> Result<(), StoreFault> {
    let moved = copied.and_then(|()| {
        std::fs::rename(partial, to).map_err(|error| super::connection::cannot_open(to, &error))
    });
    if moved.is_err() {
        for ending in ["", "-journal", "-wal", "-shm"] {
            let _ = std::fs::remove_file(with_ending(partial, ending));
        }
    }
    moved
}
