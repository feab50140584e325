//! Values on their way to and from PostgreSQL: integers are `bigint`, texts `text`, bytes `bytea`.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::{
    fault::StoreFault,
    sql::{Param, Row},
};

/// The placeholders of all backends, as PostgreSQL writes them: `?1` becomes `$1`.
pub(super) fn numbered(text: &str) -> String {
    let mut numbered = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let placeholder = c == '?' && rest.peek().is_some_and(char::is_ascii_digit);
        numbered.push(if placeholder { '$' } else { c });
    }
    numbered
}

/// A value that is kept until its statement is sent.
pub(super) enum Kept {
    Null,
    Int(i64),
    Text(Box<str>),
    Blob(Box<[u8]>),
}

impl Kept {
    pub(super) fn of(value: &Param<'_>) -> Self {
        match *value {
            Param::Null => Self::Null,
            Param::Int(value) => Self::Int(value),
            Param::Text(value) => Self::Text(value.into()),
            Param::Blob(value) => Self::Blob(value.into()),
        }
    }

    /// Whether it is this one.
    pub(super) fn is(&self, value: &Param<'_>) -> bool {
        match (self, value) {
            (Self::Null, Param::Null) => true,
            (Self::Int(kept), Param::Int(value)) => kept == value,
            (Self::Text(kept), Param::Text(value)) => **kept == **value,
            (Self::Blob(kept), Param::Blob(value)) => **kept == **value,
            (Self::Null | Self::Int(_) | Self::Text(_) | Self::Blob(_), _) => false,
        }
    }

    pub(super) fn param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(value) => Param::Int(*value),
            Self::Text(value) => Param::Text(value),
            Self::Blob(value) => Param::Blob(value),
        }
    }
}

/// A value as the driver takes it.
pub(super) struct Bound<'a>(pub(super) Param<'a>);

impl std::fmt::Debug for Bound<'_> {
    /// The driver logs what it sends: people's data and secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, as_type: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (self.0, as_type) {
            (Param::Null, _) => return Ok(IsNull::Yes),
            (Param::Int(value), &Type::INT8) => out.put_i64(value),
            (Param::Int(value), &Type::INT4) => out.put_i32(value.try_into()?),
            (Param::Text(value), &Type::TEXT) => out.put_slice(value.as_bytes()),
            (Param::Blob(value), &Type::BYTEA) => out.put_slice(value),
            (Param::Int(_) | Param::Text(_) | Param::Blob(_), other) => {
                return Err(format!("a value of another kind where `{other}` belongs").into());
            }
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A column's type and bytes, as they came.
struct Cell<'a>(Type, &'a [u8]);

impl<'a> FromSql<'a> for Cell<'a> {
    fn from_sql(as_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(as_type.clone(), raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row of an answer.
pub(super) struct PostgresRow<'a>(pub(super) &'a tokio_postgres::Row);

impl PostgresRow<'_> {
    fn cell(&self, column: usize) -> Result<Option<Cell<'_>>, StoreFault> {
        self.0.try_get(column).map_err(|error| StoreFault::Malformed(error.to_string()))
    }
}

fn other(column: usize, cell: &Cell<'_>) -> StoreFault {
    StoreFault::Malformed(format!("column {column} is {}", cell.0))
}

impl Row for PostgresRow<'_> {
    fn is_null(&self, column: usize) -> Result<bool, StoreFault> {
        Ok(self.cell(column)?.is_none())
    }

    fn int(&self, column: usize) -> Result<Option<i64>, StoreFault> {
        let Some(cell) = self.cell(column)? else { return Ok(None) };
        let value = match cell.0 {
            Type::INT8 => cell.1.try_into().ok().map(i64::from_be_bytes),
            Type::INT4 => cell.1.try_into().ok().map(|bytes| i64::from(i32::from_be_bytes(bytes))),
            _ => None,
        };
        value.map(Some).ok_or_else(|| other(column, &cell))
    }

    fn text(&self, column: usize) -> Result<Option<&str>, StoreFault> {
        match self.cell(column)? {
            None => Ok(None),
            Some(Cell(Type::TEXT, bytes)) => std::str::from_utf8(bytes)
                .map(Some)
                .map_err(|_| StoreFault::Malformed(format!("column {column} is not UTF-8"))),
            Some(cell) => Err(other(column, &cell)),
        }
    }

    fn blob(&self, column: usize) -> Result<Option<&[u8]>, StoreFault> {
        match self.cell(column)? {
            None => Ok(None),
            Some(Cell(Type::BYTEA, bytes)) => Ok(Some(bytes)),
            Some(cell) => Err(other(column, &cell)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_and_other_question_marks_left_alone() {
        assert_eq!(numbered("a = ?1 AND b = ?12 AND c <> '?'"), "a = $1 AND b = $12 AND c <> '?'");
    }

    #[test]
    fn values_never_show_in_a_log() {
        assert_eq!(format!("{:?}", Bound(Param::Text("secret"))), "…");
    }
}
