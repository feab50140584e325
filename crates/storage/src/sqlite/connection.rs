//! Connections, and what SQLite's errors mean to an operator.

use std::{io::ErrorKind, path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode, OpenFlags, types::ValueRef};

use crate::{
    fault::StoreFault,
    sql::{Param, Row, Sql},
};

/// How long a statement waits for another process's transaction.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks: SQLite's own waiting grows to 100 ms, which an interactive command would feel.
const LOOK_EVERY: Duration = Duration::from_micros(500);
const STATEMENTS_CACHED: usize = 256;

pub(super) fn make_folder(database: &Path) -> Result<(), StoreFault> {
    let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| StoreFault::Folder { path: folder.to_owned(), reason: error.to_string() })
}

/// Makes an empty file that only its owner may read: it is going to hold people's data. SQLite gives the files beside it the
/// same rights.
pub(super) fn make_private(path: &Path) -> Result<(), StoreFault> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(cannot_open(path, &error)),
    }
}

pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreFault> {
    make_private(path)?;
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // A checkpoint writes each page once, however often it changed: every 32 MiB instead of SQLite's 4 costs a start after a
    // crash some 50 ms, and a busy hour a third of its syncs.
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; \
                   PRAGMA wal_autocheckpoint = 8192; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536;";
    connection.execute_batch(pragmas).map_err(|error| fault(&error, path))?;
    Ok(connection)
}

pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreFault> {
    if !path.exists() {
        return Err(StoreFault::Missing(path.to_owned()));
    }
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.execute_batch("PRAGMA query_only = ON;").map_err(|error| fault(&error, path))?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreFault> {
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| fault(&error, path))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    let looks_max = i32::try_from(PATIENCE.as_micros() / LOOK_EVERY.as_micros()).unwrap_or(i32::MAX);
    connection
        .busy_handler(Some(move |looks: i32| {
            std::thread::sleep(LOOK_EVERY);
            looks < looks_max
        }))
        .map_err(|error| fault(&error, path))?;
    let pragmas = "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; \
                   PRAGMA cache_size = -8192;";
    connection.execute_batch(pragmas).map_err(|error| fault(&error, path))?;
    Ok(connection)
}

pub(super) fn limit_pages(connection: &Connection, path: &Path, pages: u32) -> Result<(), StoreFault> {
    let limited = connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
    limited.map_err(|error| fault(&error, path))
}

/// What an error of SQLite means.
pub(super) fn fault(error: &rusqlite::Error, path: &Path) -> StoreFault {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreFault::Full,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => StoreFault::ReadOnly(path.to_owned()),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreFault::Corrupt { path: path.to_owned(), reason: text }
        }
        Some(ErrorCode::CannotOpen) => match std::fs::metadata(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => cannot_open(path, &error),
            _ if folder_is_read_only(path) => StoreFault::ReadOnly(path.to_owned()),
            _ => StoreFault::CannotOpen { path: path.to_owned(), reason: text },
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreFault::Busy,
        Some(ErrorCode::ConstraintViolation) => {
            super::leaving::refused_by_guard(&text, path).unwrap_or(StoreFault::Constraint(text))
        }
        // A write that finds no room inside the operating system shows as an I/O error.
        Some(ErrorCode::SystemIoFailure) if text.contains("full") || has_no_room(path) => StoreFault::Full,
        _ => StoreFault::Database(text),
    }
}

/// Whether the disk is full: SQLite calls it an I/O error where the file beside the log finds no room. Asked only then.
fn has_no_room(path: &Path) -> bool {
    let mut probe = path.as_os_str().to_owned();
    probe.push(".room");
    let written = std::fs::write(&probe, [0; 64 * 1024]);
    let _ = std::fs::remove_file(&probe);
    let full = |kind| matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    written.is_err_and(|error| full(error.kind()))
}

fn folder_is_read_only(path: &Path) -> bool {
    let folder = path.parent().and_then(|folder| folder.metadata().ok());
    folder.is_some_and(|meta| meta.permissions().readonly())
}

pub(super) fn cannot_open(path: &Path, error: &std::io::Error) -> StoreFault {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreFault::ReadOnly(path.to_owned()),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreFault::Full,
        _ => StoreFault::CannotOpen { path: path.to_owned(), reason: error.to_string() },
    }
}

/// A transaction on a connection.
pub(super) struct Statements<'a> {
    pub(super) connection: &'a Connection,
    pub(super) path: &'a Path,
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

impl Sql for Statements<'_> {
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault> {
        let run = || self.connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(params));
        run().map_err(|error| fault(&error, self.path))
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        let path = self.path;
        let wrong = |error: rusqlite::Error| fault(&error, path);
        let mut statement = self.connection.prepare_cached(sql).map_err(wrong)?;
        let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(wrong)?;
        while let Some(row) = rows.next().map_err(wrong)? {
            if !each(&SqliteRow(row))? {
                break;
            }
        }
        Ok(())
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        self.connection.execute_batch("ROLLBACK TO unit").map_err(|error| fault(&error, self.path))
    }
}

struct SqliteRow<'a>(&'a rusqlite::Row<'a>);

impl SqliteRow<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, StoreFault> {
        self.0.get_ref(column).map_err(|error| StoreFault::Malformed(error.to_string()))
    }
}

impl Row for SqliteRow<'_> {
    fn is_null(&self, column: usize) -> Result<bool, StoreFault> {
        Ok(matches!(self.value(column)?, ValueRef::Null))
    }

    fn int(&self, column: usize) -> Result<Option<i64>, StoreFault> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Integer(value) => Ok(Some(value)),
            other => Err(StoreFault::Malformed(format!("column {column} is {}", other.data_type()))),
        }
    }

    fn text(&self, column: usize) -> Result<Option<&str>, StoreFault> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Text(value) => std::str::from_utf8(value)
                .map(Some)
                .map_err(|_| StoreFault::Malformed(format!("column {column} is not UTF-8"))),
            other => Err(StoreFault::Malformed(format!("column {column} is {}", other.data_type()))),
        }
    }

    fn blob(&self, column: usize) -> Result<Option<&[u8]>, StoreFault> {
        match self.value(column)? {
            ValueRef::Null => Ok(None),
            ValueRef::Blob(value) => Ok(Some(value)),
            other => Err(StoreFault::Malformed(format!("column {column} is {}", other.data_type()))),
        }
    }
}
