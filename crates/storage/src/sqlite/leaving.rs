//! A store that leaves its file for a database: what is taken along, and how the file says that it is no longer the one.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use unionflow_protocol::{Timestamp, id::Epoch};

use super::{
    backup::renew,
    connection::{fault, open_writer},
    lock::ServerLock,
    migrate,
};
use crate::{
    fault::{MoveFault, StoreFault},
    ids::Ids,
};

/// Set out and not known to have arrived; arrived. The value is where.
const MOVING: &str = "moving_to";
const MOVED: &str = "moved_to";

/// What a file says of where its store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It set out for there.
    Moving(String),
    /// It is there.
    Moved(String),
}

/// Refuses a file whose store is elsewhere, or may be.
pub(super) fn refuse_moved(connection: &Connection, path: &Path) -> Result<(), StoreFault> {
    match mark(connection, path)? {
        None => Ok(()),
        Some(Mark::Moving(to)) => Err(MoveFault::Interrupted { path: path.to_owned(), to }.into()),
        Some(Mark::Moved(to)) => Err(MoveFault::Moved { path: path.to_owned(), to }.into()),
    }
}

/// Makes a file the store again, for whoever gives up what it was moved to: another incarnation of its journals, so that what
/// was recorded over there is never taken for what is recorded here. Its new epoch.
pub fn take_back(path: &Path, ids: &Ids, now: Timestamp) -> Result<Epoch, StoreFault> {
    if !path.exists() {
        return Err(StoreFault::Missing(path.to_owned()));
    }
    let _lock = ServerLock::take(path)?;
    let mut connection = open_writer(path)?;
    migrate::migrate(&mut connection, path)?;
    if mark(&connection, path)?.is_none() {
        return Err(MoveFault::Never(path.to_owned()).into());
    }
    let epoch = Epoch::from_uuid(ids.uuid(now));
    renew(&mut connection, path, epoch, now)?;
    Ok(epoch)
}

/// Takes the marks off, within a transaction: the guards first, and then anything may be written.
pub(super) fn reopen(connection: &Connection) -> rusqlite::Result<()> {
    drop_guards(connection)?;
    connection.execute_batch("DELETE FROM meta WHERE key IN ('moving_to', 'moved_to')")
}

/// Lets anything be written again, within a transaction, though the marks stay.
pub(super) fn drop_guards(connection: &Connection) -> rusqlite::Result<()> {
    let mut guards = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")?;
    let guards = guards.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    for guard in guards.iter().filter(|name| name.starts_with(GUARD) || *name == OLD_GUARD) {
        connection.execute_batch(&format!("DROP TRIGGER {guard}"))?;
    }
    Ok(())
}

/// Whether a write was refused because the store is elsewhere, by the message of a guard, and where.
pub(super) fn refused_by_guard(message: &str, path: &Path) -> Option<StoreFault> {
    let to = message.strip_prefix(IS_ELSEWHERE)?;
    Some(MoveFault::Moved { path: path.to_owned(), to: to.to_owned() }.into())
}

/// What a guard says, before the place.
const IS_ELSEWHERE: &str = "the store was moved to ";
/// What the names of guards begin with.
const GUARD: &str = "elsewhere_";
/// The only guard that earlier versions made.
const OLD_GUARD: &str = "journal_is_elsewhere";

fn mark(connection: &Connection, path: &Path) -> Result<Option<Mark>, StoreFault> {
    let find = |key: &str| {
        connection
            .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get::<_, String>(0))
            .optional()
            .map_err(|error| fault(&error, path))
    };
    Ok(match (find(MOVED)?, find(MOVING)?) {
        (Some(to), _) => Some(Mark::Moved(to)),
        (None, Some(to)) => Some(Mark::Moving(to)),
        (None, None) => None,
    })
}

#[cfg(feature = "postgres")]
pub(crate) use departure::{Kind, Leaving, Table};

#[cfg(feature = "postgres")]
mod departure {
    use std::{collections::BTreeSet, path::PathBuf};

    use rusqlite::types::ValueRef;

    use super::*;
    use crate::sql::Param;

    const TABLES: &str =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";

    /// A table, as the schema has it.
    pub(crate) struct Table {
        pub(crate) name: String,
        pub(crate) columns: Vec<(String, Kind)>,
        pub(crate) rows: u64,
        /// Tables whose rows must be there first.
        references: BTreeSet<String>,
    }

    /// What a column holds.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Kind {
        Integer,
        Text,
        Bytes,
    }

    /// A file that nobody else writes to until this is dropped, or [`set_out`](Self::set_out) closes it.
    pub(crate) struct Leaving {
        connection: Connection,
        path: PathBuf,
        _lock: ServerLock,
    }

    impl Leaving {
        pub(crate) fn begin(path: &Path) -> Result<Self, StoreFault> {
            if !path.exists() {
                return Err(StoreFault::Missing(path.to_owned()));
            }
            let lock = ServerLock::take(path)?;
            let mut connection = open_writer(path)?;
            migrate::migrate(&mut connection, path)?;
            let leaving = Self { connection, path: path.to_owned(), _lock: lock };
            leaving.batch("BEGIN IMMEDIATE")?;
            Ok(leaving)
        }

        pub(crate) fn mark(&self) -> Result<Option<Mark>, StoreFault> {
            mark(&self.connection, &self.path)
        }

        pub(crate) fn epoch(&self) -> Result<Epoch, StoreFault> {
            let stored = migrate::stored_epoch(&self.connection, &self.path)?;
            stored.ok_or_else(|| StoreFault::Foreign(self.path.clone()))
        }

        /// Every table of the schema, those that others refer to first.
        pub(crate) fn tables(&self) -> Result<Vec<Table>, StoreFault> {
            let mut left = Vec::new();
            for name in self.texts(TABLES)? {
                left.push(self.table(name)?);
            }
            let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
            while !left.is_empty() {
                let is_there = |name: &String| ordered.iter().any(|table| table.name == *name);
                let Some(next) = left.iter().position(|table| table.references.iter().all(is_there)) else {
                    return Err(StoreFault::Malformed("tables that refer to each other".to_owned()));
                };
                ordered.push(left.swap_remove(next));
            }
            Ok(ordered)
        }

        fn table(&self, name: String) -> Result<Table, StoreFault> {
            let mut columns = Vec::new();
            let described =
                self.texts(&format!("SELECT name || ' ' || type FROM pragma_table_info('{name}')"))?;
            for described in described {
                let (column, kind) = described.split_once(' ').unwrap_or((&described, ""));
                let kind = match kind {
                    "INTEGER" => Kind::Integer,
                    "TEXT" => Kind::Text,
                    "BLOB" => Kind::Bytes,
                    other => return Err(StoreFault::Malformed(format!("{name}.{column} is {other}"))),
                };
                columns.push((column.to_owned(), kind));
            }
            let references =
                self.texts(&format!("SELECT \"table\" FROM pragma_foreign_key_list('{name}')"))?;
            let rows = self.number(&format!("SELECT count(*) FROM {name} {}", but_marks(&name)))?;
            let references = references.into_iter().filter(|other| *other != name).collect();
            Ok(Table { name, columns, rows, references })
        }

        /// Entries of all journals.
        pub(crate) fn entries(&self) -> Result<u64, StoreFault> {
            self.number("SELECT count(*) FROM journal")
        }

        /// Hands over every row, its columns in their order.
        pub(crate) fn each_row(
            &self,
            table: &Table,
            each: &mut dyn FnMut(&[Param<'_>]) -> Result<(), StoreFault>,
        ) -> Result<(), StoreFault> {
            let wrong = |error: rusqlite::Error| fault(&error, &self.path);
            let columns: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
            let sql = format!("SELECT {} FROM {} {}", columns.join(", "), table.name, but_marks(&table.name));
            let mut statement = self.connection.prepare(&sql).map_err(wrong)?;
            let mut rows = statement.query([]).map_err(wrong)?;
            while let Some(row) = rows.next().map_err(wrong)? {
                let mut values = Vec::with_capacity(columns.len());
                for place in 0..columns.len() {
                    values.push(param(row.get_ref(place).map_err(wrong)?)?);
                }
                each(&values)?;
            }
            Ok(())
        }

        /// From here on nobody writes to this file, nor opens it as a store.
        pub(crate) fn set_out(&mut self, to: &str, now: Timestamp) -> Result<(), StoreFault> {
            let set = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            for (key, value) in [(MOVING, to), ("moved_at", &now.to_string())] {
                self.connection.execute(set, [key, value]).map_err(|error| fault(&error, &self.path))?;
            }
            self.guard(to)?;
            self.batch("COMMIT")
        }

        /// A command that had the file open before it was marked can write nothing after, to whichever table: what it did would
        /// be reported as done, and be lost. Only the marks themselves may change.
        fn guard(&self, to: &str) -> Result<(), StoreFault> {
            drop_guards(&self.connection).map_err(|error| fault(&error, &self.path))?;
            let says = format!("{IS_ELSEWHERE}{to}").replace('\'', "''");
            for table in self.texts(TABLES)? {
                for (verb, rows) in
                    [("INSERT", &["NEW"][..]), ("UPDATE", &["OLD", "NEW"]), ("DELETE", &["OLD"])]
                {
                    let other = |row| format!("{row}.key NOT IN ('moving_to', 'moved_to', 'moved_at')");
                    let others: Vec<String> = rows.iter().map(other).collect();
                    let when =
                        if table == "meta" { format!("WHEN {}", others.join(" OR ")) } else { String::new() };
                    self.batch(&format!(
                        "CREATE TRIGGER {GUARD}{table}_{verb} BEFORE {verb} ON {table} {when} \
                         BEGIN SELECT RAISE(ABORT, '{says}'); END;"
                    ))?;
                }
            }
            Ok(())
        }

        /// It has arrived.
        pub(crate) fn finish(&mut self) -> Result<(), StoreFault> {
            if self.connection.is_autocommit() {
                self.batch("BEGIN IMMEDIATE")?;
            }
            // A migration may have taken the guards off, or made tables that have none.
            if let Some(Mark::Moving(to) | Mark::Moved(to)) = self.mark()? {
                self.guard(&to)?;
            }
            self.batch(&format!("UPDATE meta SET key = '{MOVED}' WHERE key = '{MOVING}'; COMMIT"))
        }

        /// It was not taken in: the file is the store as before.
        pub(crate) fn stay(&mut self) -> Result<(), StoreFault> {
            self.batch("BEGIN IMMEDIATE")?;
            reopen(&self.connection).map_err(|error| fault(&error, &self.path))?;
            self.batch("COMMIT")
        }

        fn texts(&self, sql: &str) -> Result<Vec<String>, StoreFault> {
            let read = || {
                let mut statement = self.connection.prepare(sql)?;
                let rows = statement.query_map([], |row| row.get(0))?;
                rows.collect::<Result<Vec<String>, _>>()
            };
            read().map_err(|error| fault(&error, &self.path))
        }

        fn number(&self, sql: &str) -> Result<u64, StoreFault> {
            let read = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
            Ok(read.map_err(|error| fault(&error, &self.path))?.unsigned_abs())
        }

        fn batch(&self, sql: &str) -> Result<(), StoreFault> {
            self.connection.execute_batch(sql).map_err(|error| fault(&error, &self.path))
        }
    }

    /// The marks of a move that was interrupted stay behind.
    fn but_marks(table: &str) -> &'static str {
        if table == "meta" { "WHERE key NOT IN ('moving_to', 'moved_to', 'moved_at')" } else { "" }
    }

    fn param(value: ValueRef<'_>) -> Result<Param<'_>, StoreFault> {
        match value {
            ValueRef::Null => Ok(Param::Null),
            ValueRef::Integer(value) => Ok(Param::Int(value)),
            ValueRef::Text(text) => std::str::from_utf8(text)
                .map(Param::Text)
                .map_err(|_| StoreFault::Malformed("a text is not UTF-8".to_owned())),
            ValueRef::Blob(bytes) => Ok(Param::Blob(bytes)),
            ValueRef::Real(_) => Err(StoreFault::Malformed("a number is not whole".to_owned())),
        }
    }
}
