//! The schema: brought up to date at opening, refused when it is newer than this program.

use std::time::Duration;

use unionflow_protocol::{Timestamp, id::Epoch};

use super::{
    address::Target,
    incarnation::Incarnation,
    link::{Link, SILENCE, Trouble},
    transaction::{NOW, time},
};
use crate::{
    fault::{PostgresFault, StoreFault},
    ids::Ids,
    sql::{Param, ToParam, parse},
};

/// In order; never changed once released, only added to. They only expand until no running version needs the old shape.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/postgres/0001_core.sql"),
    include_str!("../../migrations/postgres/0002_inbound.sql"),
    include_str!("../../migrations/postgres/0003_service_key.sql"),
];
/// How long a change of the schema may take, or that of another process be waited for.
const PATIENCE: Duration = Duration::from_secs(600);
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0";
/// Many processes may start at once: one of them changes the schema.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7954881274316914001)";
const VERSIONS: &str =
    "CREATE TABLE schema_version (version BIGINT PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())";

/// Brings the schema up to date. The journal's epoch, minted where the store is new or another incarnation, and which that is.
pub(super) fn migrate(
    link: &mut Link,
    target: &Target,
    incarnation: Incarnation,
    ids: &Ids,
) -> Result<(Epoch, Incarnation), StoreFault> {
    let wrong = |trouble: Trouble| target.fault(&trouble);
    begin(link).map_err(wrong)?;
    update(link, target)?;
    let incarnation = incarnation.with_tables(link).map_err(wrong)?;
    let now = link.ask(NOW, &[]).map_err(wrong)?;
    let now = time(&now).unwrap_or(Timestamp::from_millis(0));
    let epoch = epoch(link, target, incarnation.clone(), Epoch::from_uuid(ids.uuid(now)))?;
    link.batch("COMMIT").map_err(wrong)?;
    link.patience = SILENCE;
    Ok((epoch, incarnation))
}

/// Begins a transaction in which the schema may be changed, alone among all processes, however long it takes.
pub(super) fn begin(link: &mut Link) -> Result<(), Trouble> {
    link.patience = PATIENCE;
    link.batch(BEGIN)?;
    link.ask(LOCK, &[]).map(drop)
}

/// The schema's version; none where there is no store.
pub(super) fn version(link: &mut Link, target: &Target) -> Result<Option<i64>, StoreFault> {
    let wrong = |trouble: Trouble| target.fault(&trouble);
    match number(link, "SELECT to_regclass('schema_version')::oid::bigint").map_err(wrong)? {
        Some(_) => {
            let version = number(link, "SELECT max(version) FROM schema_version").map_err(wrong)?;
            Ok(Some(version.unwrap_or(0)))
        }
        None => Ok(None),
    }
}

/// Brings it up to date. Tables of another program are refused.
pub(super) fn update(link: &mut Link, target: &Target) -> Result<(), StoreFault> {
    let wrong = |trouble: Trouble| target.fault(&trouble);
    let known = MIGRATIONS.len() as i64;
    let found = match version(link, target)? {
        Some(found) => found,
        None => {
            let tables = "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p', 'v') \
                          AND relnamespace = to_regnamespace(quote_ident(current_schema()))";
            if number(link, tables).map_err(wrong)?.unwrap_or(0) > 0 {
                let (at, database) = (target.at.clone(), target.database());
                return Err(PostgresFault::Foreign { at, database }.into());
            }
            link.batch(VERSIONS).map_err(wrong)?;
            0
        }
    };
    if found > known {
        return Err(StoreFault::Newer { found, known });
    }
    for (version, migration) in (1_i64..).zip(MIGRATIONS).skip(usize::try_from(found).unwrap_or(0)) {
        link.batch(migration).map_err(wrong)?;
        link.ask("INSERT INTO schema_version (version) VALUES (?1)", &[version.param()]).map_err(wrong)?;
    }
    Ok(())
}

/// The stored epoch, bound to this server; `fresh` where there is none or it was another server's.
pub(super) fn epoch(
    link: &mut Link,
    target: &Target,
    incarnation: Incarnation,
    fresh: Epoch,
) -> Result<Epoch, StoreFault> {
    let wrong = |trouble: Trouble| target.fault(&trouble);
    let stored = stored_epoch(link).map_err(wrong)?;
    let known = text(link, "SELECT value FROM meta WHERE key = 'incarnation'").map_err(wrong)?;
    let known = known.as_deref().map(Incarnation::parse);
    let same = known.as_ref().is_none_or(|known| known.matches(&incarnation));
    let (epoch, incarnation) = match (stored, known) {
        (Some(stored), Some(known)) if same => (parse(&stored)?, incarnation.or(known)),
        (Some(stored), None) => (parse(&stored)?, incarnation),
        _ => (fresh, incarnation),
    };
    for (key, value) in [("epoch", epoch.to_string()), ("incarnation", incarnation.to_string())] {
        link.ask(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            &[Param::Text(key), Param::Text(&value)],
        )
        .map_err(wrong)?;
    }
    Ok(epoch)
}

pub(super) fn stored_epoch(link: &mut Link) -> Result<Option<String>, Trouble> {
    text(link, "SELECT value FROM meta WHERE key = 'epoch'")
}

fn number(link: &mut Link, question: &'static str) -> Result<Option<i64>, Trouble> {
    Ok(link.ask(question, &[])?.number())
}

fn text(link: &mut Link, question: &'static str) -> Result<Option<String>, Trouble> {
    Ok(link.ask(question, &[])?.text())
}
