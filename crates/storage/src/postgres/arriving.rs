//! A store that arrives from a file: the whole of it in one transaction, or nothing.

use std::{collections::BTreeSet, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use unionflow_protocol::{Timestamp, id::Epoch};

use super::{
    address::Target,
    incarnation::Incarnation,
    link::{Link, Trouble},
    migrate,
    pool::{Pool, now},
    transaction::Transaction,
};
use crate::{
    fault::{MoveFault, PostgresFault, StoreFault},
    reader::Reader,
    sql::Param,
    sqlite::leaving::{Kind, Table},
};

/// What stands at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing: it was empty, and has the schema now.
    Nothing,
    /// A store of this epoch.
    SameEpoch,
    /// Another store.
    Other,
}

/// Rows are sent in pieces of about so many bytes.
const PIECE: usize = 64 * 1024;
/// How PostgreSQL's binary form of rows begins and ends.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: i16 = -1;

/// Where a store is to arrive.
pub(crate) struct Destination(Arc<Target>);

impl Destination {
    pub(crate) fn parse(address: &str) -> Result<Self, StoreFault> {
        Target::parse(address).map(|target| Self(Arc::new(target)))
    }

    /// Without user and password.
    pub(crate) fn place(&self) -> String {
        format!("postgres://{}/{}", self.0.at, self.0.database())
    }
}

/// A transaction that a store arrives in. Dropped before its commit, it leaves nothing.
pub(crate) struct Arriving {
    link: Link,
    target: Arc<Target>,
    incarnation: Incarnation,
}

impl Arriving {
    /// Begins it, and makes the schema where there is nothing. Servers that start there meanwhile wait for its end.
    pub(crate) fn begin(Destination(target): Destination, epoch: Epoch) -> Result<(Self, Found), StoreFault> {
        let mut link = Pool::new(target.clone()).connect(now())?;
        let incarnation = Incarnation::of(&mut link).map_err(|trouble| target.fault(&trouble))?;
        let mut arriving = Self { link, target, incarnation };
        let at = arriving.target.clone();
        let wrong = |trouble: Trouble| at.fault(&trouble);
        migrate::begin(&mut arriving.link).map_err(wrong)?;
        let found = match migrate::version(&mut arriving.link, &arriving.target)? {
            None => {
                migrate::update(&mut arriving.link, &arriving.target)?;
                Found::Nothing
            }
            Some(_) => match migrate::stored_epoch(&mut arriving.link).map_err(wrong)? {
                Some(stored) if stored == epoch.to_string() => Found::SameEpoch,
                _ => Found::Other,
            },
        };
        Ok((arriving, found))
    }

    /// Why it is not taken.
    pub(crate) fn not_empty(&self) -> StoreFault {
        let (at, database) = (self.target.at.clone(), self.target.database());
        PostgresFault::NotEmpty { at, database }.into()
    }

    /// Whether these are the tables and columns that there are here.
    pub(crate) fn compare(&mut self, tables: &[Table]) -> Result<(), StoreFault> {
        let columns = "SELECT table_name || '.' || column_name || ' ' || data_type FROM information_schema.columns \
                       WHERE table_schema = current_schema() AND table_name <> 'schema_version'";
        let here: BTreeSet<String> =
            self.link.texts(columns).map_err(|t| self.fault(&t))?.into_iter().collect();
        let there: BTreeSet<String> = tables
            .iter()
            .flat_map(|table| {
                table
                    .columns
                    .iter()
                    .map(|(name, kind)| format!("{}.{name} {}", table.name, kind.in_postgres()))
            })
            .collect();
        match here.symmetric_difference(&there).next() {
            None => Ok(()),
            Some(column) => Err(MoveFault::Differs(format!("{column} is not on both sides")).into()),
        }
    }

    /// Copies a table's rows, as `rows` hands them over; how many were taken.
    pub(crate) fn copy(
        &mut self,
        table: &Table,
        rows: impl FnOnce(&mut dyn FnMut(&[Param<'_>]) -> Result<(), StoreFault>) -> Result<(), StoreFault>,
    ) -> Result<u64, StoreFault> {
        let columns: Vec<&str> = table.columns.iter().map(|(name, _)| name.as_str()).collect();
        let (name, columns) = (&table.name, columns.join(", "));
        let copy = format!("COPY {name} ({columns}) FROM STDIN (FORMAT binary)");
        self.link.copy_in(&copy).map_err(|trouble| self.fault(&trouble))?;
        let mut piece = BytesMut::with_capacity(2 * PIECE);
        piece.put_slice(SIGNATURE);
        rows(&mut |row| {
            write(row, &mut piece)?;
            if piece.len() < PIECE {
                return Ok(());
            }
            let full: Bytes = piece.split().freeze();
            self.link.copy_more(full).map_err(|trouble| self.target.fault(&trouble))
        })?;
        piece.put_i16(TRAILER);
        self.link
            .copy_more(piece.freeze())
            .and_then(|()| self.link.copy_end())
            .map_err(|trouble| self.target.fault(&trouble))
    }

    /// Binds the epoch to this server, and lets it look at what came: what follows reads much of it.
    pub(crate) fn bind(&mut self, epoch: Epoch) -> Result<(), StoreFault> {
        let incarnation = self.incarnation.clone().with_tables(&mut self.link).map_err(|t| self.fault(&t))?;
        let kept = migrate::epoch(&mut self.link, &self.target, incarnation, epoch)?;
        if kept != epoch {
            return Err(MoveFault::Differs(format!("epoch: {epoch} ≠ {kept}")).into());
        }
        self.link.batch("ANALYZE journal, organization, entry, entry_line").map_err(|t| self.fault(&t))
    }

    /// Rows of a table.
    pub(crate) fn count(&mut self, table: &str) -> Result<u64, StoreFault> {
        let counted = self.link.texts(&format!("SELECT count(*)::text FROM {table}"));
        let counted = counted.map_err(|trouble| self.fault(&trouble))?;
        Ok(counted.first().and_then(|count| count.parse().ok()).unwrap_or(0))
    }

    /// Reads what has arrived, within the transaction.
    pub(crate) fn read<T>(
        &mut self,
        epoch: Epoch,
        now: Timestamp,
        unit: impl FnOnce(&mut Reader<'_>) -> Result<T, StoreFault>,
    ) -> Result<T, StoreFault> {
        unit(&mut Reader::new(&mut Transaction::new(&mut self.link), now, epoch))
    }

    /// Makes it the store. [`PostgresFault::Unknown`]: nobody knows whether it is.
    pub(crate) fn commit(mut self) -> Result<(), StoreFault> {
        self.link.batch("COMMIT").map_err(|trouble| {
            if trouble.is_end() {
                return PostgresFault::Unknown { at: self.target.at.clone() }.into();
            }
            self.fault(&trouble)
        })
    }

    fn fault(&self, trouble: &Trouble) -> StoreFault {
        self.target.fault(trouble)
    }
}

impl Kind {
    const fn in_postgres(self) -> &'static str {
        match self {
            Self::Integer => "bigint",
            Self::Text => "text",
            Self::Bytes => "bytea",
        }
    }
}

/// A row in PostgreSQL's binary form.
fn write(row: &[Param<'_>], to: &mut BytesMut) -> Result<(), StoreFault> {
    let too_long = || StoreFault::Malformed("a value is too long".to_owned());
    to.put_i16(i16::try_from(row.len()).map_err(|_| too_long())?);
    for value in row {
        let bytes = match value {
            Param::Null => {
                to.put_i32(-1);
                continue;
            }
            Param::Int(value) => {
                to.put_i32(8);
                to.put_i64(*value);
                continue;
            }
            Param::Text(text) => text.as_bytes(),
            Param::Blob(bytes) => bytes,
        };
        to.put_i32(i32::try_from(bytes.len()).map_err(|_| too_long())?);
        to.put_slice(bytes);
    }
    Ok(())
}
