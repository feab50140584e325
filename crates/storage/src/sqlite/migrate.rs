//! The schema: brought up to date at opening, refused when it is newer than this program.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use unionflow_protocol::{Timestamp, id::Epoch};

use super::connection::fault;
use crate::{fault::StoreFault, ids::Ids};

/// In order; never changed once released, only added to. They only expand until no running version needs the old shape.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_core.sql"),
    include_str!("../../migrations/sqlite/0002_lease.sql"),
    include_str!("../../migrations/sqlite/0003_inbound.sql"),
    include_str!("../../migrations/sqlite/0004_service_key.sql"),
];
/// `UnFl`: marks the file as ours.
const APPLICATION_ID: i64 = 0x556e_466c;

pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreFault> {
    let wrong = |error: rusqlite::Error| fault(&error, path);
    let (found, empty) = state(connection, path)?;
    let known = MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreFault::Newer { found, known });
    }
    if found == known {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive).map_err(wrong)?;
    // Another process may have been first.
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(wrong)?;
    // Of a file whose store is elsewhere, and is being looked after or taken back.
    super::leaving::drop_guards(&transaction).map_err(wrong)?;
    for migration in &MIGRATIONS[usize::try_from(found).unwrap_or(0)..] {
        transaction.execute_batch(migration).map_err(wrong)?;
    }
    if empty {
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(wrong)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(wrong)?;
    transaction.commit().map_err(wrong)
}

/// The schema's version, and whether the file is new. A file of another program is refused.
fn state(connection: &Connection, path: &Path) -> Result<(i64, bool), StoreFault> {
    let number = |pragma: &str| {
        connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).map_err(|error| fault(&error, path))
    };
    let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if application != APPLICATION_ID && tables > 0 {
        return Err(StoreFault::Foreign(path.to_owned()));
    }
    Ok((version, tables == 0))
}

/// The journal's incarnation: minted when the store is made.
pub(super) fn epoch(
    connection: &mut Connection,
    ids: &Ids,
    now: Timestamp,
    path: &Path,
) -> Result<Epoch, StoreFault> {
    let fresh = Epoch::from_uuid(ids.uuid(now)).to_string();
    connection
        .execute("INSERT INTO meta (key, value) VALUES ('epoch', ?1) ON CONFLICT (key) DO NOTHING", [&fresh])
        .map_err(|error| fault(&error, path))?;
    stored_epoch(connection, path)?.ok_or_else(|| StoreFault::Malformed("the store has no epoch".to_owned()))
}

pub(super) fn stored_epoch(connection: &Connection, path: &Path) -> Result<Option<Epoch>, StoreFault> {
    state(connection, path)?;
    let text: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'epoch'", [], |row| row.get(0))
        .optional()
        .map_err(|error| fault(&error, path))?;
    text.map(|text| crate::sql::parse(&text)).transpose()
}
