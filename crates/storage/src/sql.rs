//! The narrow waist: statements, parameters, rows. A backend implements [`Sql`]; everything above is written once.
//!
//! SQL is written with `?1 … ?n` and standard types, so that SQLite takes it as it is and PostgreSQL after a change of
//! placeholders.

use unionflow_protocol::{Amount, Date, Seq, Timestamp, chain::ChainHash, id::*};

use crate::fault::StoreFault;

/// A transaction on a backend.
pub trait Sql {
    /// Runs a statement; the number of rows it changed.
    fn execute(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<usize, StoreFault>;

    /// Runs a statement whose count nobody needs. A backend may put it off, and tell later that it failed: at the unit's next
    /// statement, or in place of its commit.
    fn submit(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        self.execute(sql, params).map(drop)
    }

    /// Runs a query and hands over each row; `false` stops.
    fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault>;

    /// Tells of a query that will follow. A backend that is far away may ask it with others, and answer from there as long as
    /// the unit has not written to its tables since.
    fn foresee(&mut self, sql: &'static str, params: &[Param<'_>]) -> Result<(), StoreFault> {
        let _ = (sql, params);
        Ok(())
    }

    /// Undoes everything since the unit of work began, and goes on within it.
    fn undo(&mut self) -> Result<(), StoreFault>;
}

/// A value given to a statement.
#[derive(Debug, Clone, Copy)]
pub enum Param<'a> {
    /// NULL
    Null,
    /// An integer.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

/// A row of an answer. Columns count from 0.
pub trait Row {
    /// Whether it is NULL, whatever its type.
    fn is_null(&self, column: usize) -> Result<bool, StoreFault>;
    /// An integer, or `None` for NULL.
    fn int(&self, column: usize) -> Result<Option<i64>, StoreFault>;
    /// A text, or `None` for NULL.
    fn text(&self, column: usize) -> Result<Option<&str>, StoreFault>;
    /// Bytes, or `None` for NULL.
    fn blob(&self, column: usize) -> Result<Option<&[u8]>, StoreFault>;
}

/// Takes queries as those that will follow, and answers each with no rows.
pub(crate) struct Foreseen<'a>(pub(crate) &'a mut dyn Sql);

impl Sql for Foreseen<'_> {
    fn execute(&mut self, sql: &'static str, _: &[Param<'_>]) -> Result<usize, StoreFault> {
        Err(StoreFault::Malformed(format!("only queries are foreseen, not `{sql}`")))
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Param<'_>],
        _: &mut dyn FnMut(&dyn Row) -> Result<bool, StoreFault>,
    ) -> Result<(), StoreFault> {
        self.0.foresee(sql, params)
    }

    fn undo(&mut self) -> Result<(), StoreFault> {
        Ok(())
    }
}

/// The first row of an answer, if any.
pub fn first<T>(
    sql: &mut dyn Sql,
    text: &'static str,
    params: &[Param<'_>],
    read: impl Fn(&dyn Row) -> Result<T, StoreFault>,
) -> Result<Option<T>, StoreFault> {
    let mut found = None;
    sql.query(text, params, &mut |row| {
        found = Some(read(row)?);
        Ok(false)
    })?;
    Ok(found)
}

/// All rows of an answer.
pub fn all<T>(
    sql: &mut dyn Sql,
    text: &'static str,
    params: &[Param<'_>],
    read: impl Fn(&dyn Row) -> Result<T, StoreFault>,
) -> Result<Vec<T>, StoreFault> {
    let mut rows = Vec::new();
    sql.query(text, params, &mut |row| {
        rows.push(read(row)?);
        Ok(true)
    })?;
    Ok(rows)
}

/// A value that can be given to a statement.
pub trait ToParam {
    /// As a parameter.
    fn param(&self) -> Param<'_>;
}

/// A value that can be read from a column.
pub trait Column: Sized {
    /// Reads it; NULL is an error unless the type is an `Option`.
    fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault>;
}

/// Reads a column.
pub fn get<T: Column>(row: &dyn Row, column: usize) -> Result<T, StoreFault> {
    T::read(row, column)
}

/// Reads a column that holds a text of some form: a code, a date, JSON.
pub fn parsed<T: std::str::FromStr>(row: &dyn Row, column: usize) -> Result<T, StoreFault> {
    parse(required(row.text(column)?, column)?)
}

/// Reads a column that holds JSON.
pub fn json<T: serde::de::DeserializeOwned>(row: &dyn Row, column: usize) -> Result<T, StoreFault> {
    from_json(required(row.text(column)?, column)?)
}

/// Reads stored JSON.
pub fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreFault> {
    serde_json::from_str(text).map_err(|error| StoreFault::Malformed(error.to_string()))
}

/// Writes JSON to be stored.
pub fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value)
        .expect("what we store holds only strings, integers, lists and maps with string keys")
}

/// Reads a stored text of some form.
pub fn parse<T: std::str::FromStr>(text: &str) -> Result<T, StoreFault> {
    text.parse().map_err(|_| {
        StoreFault::Malformed(format!("`{}` is not what it should be", text.get(..40).unwrap_or(text)))
    })
}

fn required<T>(value: Option<T>, column: usize) -> Result<T, StoreFault> {
    value.ok_or_else(|| StoreFault::Malformed(format!("column {column} is null")))
}

impl ToParam for str {
    fn param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for String {
    fn param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for &str {
    fn param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for [u8] {
    fn param(&self) -> Param<'_> {
        Param::Blob(self)
    }
}

impl<const N: usize> ToParam for [u8; N] {
    fn param(&self) -> Param<'_> {
        Param::Blob(self)
    }
}

impl<T: ToParam> ToParam for Option<T> {
    fn param(&self) -> Param<'_> {
        self.as_ref().map_or(Param::Null, ToParam::param)
    }
}

macro_rules! integers {
    ($($type:ty: $to:expr, $from:expr;)+) => {$(
        impl ToParam for $type {
            fn param(&self) -> Param<'_> { Param::Int(($to)(*self)) }
        }

        impl Column for $type {
            fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault> {
                let value = required(row.int(column)?, column)?;
                ($from)(value).ok_or_else(|| StoreFault::Malformed(format!("column {column} is out of range")))
            }
        }
    )+};
}

integers! {
    i64: |v| v, Some;
    u64: |v: u64| i64::try_from(v).unwrap_or(i64::MAX), |v: i64| u64::try_from(v).ok();
    u32: i64::from, |v: i64| u32::try_from(v).ok();
    u8: i64::from, |v: i64| u8::try_from(v).ok();
    bool: i64::from, |v: i64| Some(v != 0);
    Timestamp: Timestamp::as_millis, |v| Some(Timestamp::from_millis(v));
    Seq: |v: Seq| i64::try_from(v.0).unwrap_or(i64::MAX), |v: i64| u64::try_from(v).ok().map(Seq);
    Amount: Amount::minor_units, |v| Amount::new(v).ok();
    unionflow_protocol::RoleSet: |v: unionflow_protocol::RoleSet| i64::from(v.bits()), |v: i64| u8::try_from(v).ok().map(unionflow_protocol::RoleSet::from_bits);
}

macro_rules! ids {
    ($($type:ident),+) => {$(
        impl ToParam for $type {
            fn param(&self) -> Param<'_> { Param::Blob(self.as_bytes()) }
        }

        impl Column for $type {
            fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault> {
                fixed(row, column).map(Self::from_bytes)
            }
        }
    )+};
}

ids!(
    OrganizationId,
    PersonId,
    MemberId,
    ApprovalId,
    AccountId,
    EntryId,
    EventId,
    NotificationId,
    BatchId,
    SignInId,
    ServiceKeyId,
    AggregateId
);

fn fixed<const N: usize>(row: &dyn Row, column: usize) -> Result<[u8; N], StoreFault> {
    required(row.blob(column)?, column)?
        .try_into()
        .map_err(|_| StoreFault::Malformed(format!("column {column} has not {N} bytes")))
}

impl<const N: usize> Column for [u8; N] {
    fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault> {
        fixed(row, column)
    }
}

impl ToParam for ChainHash {
    fn param(&self) -> Param<'_> {
        Param::Blob(self.as_bytes())
    }
}

impl Column for ChainHash {
    fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault> {
        fixed(row, column).map(Self::from_bytes)
    }
}

impl Column for String {
    fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault> {
        required(row.text(column)?, column).map(str::to_owned)
    }
}

impl Column for Vec<u8> {
    fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault> {
        required(row.blob(column)?, column).map(<[u8]>::to_vec)
    }
}

impl Column for Date {
    fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault> {
        parsed(row, column)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(row: &dyn Row, column: usize) -> Result<Self, StoreFault> {
        if row.is_null(column)? { Ok(None) } else { T::read(row, column).map(Some) }
    }
}
