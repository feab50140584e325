//! Values on their way to and from PostgreSQL: integers are `bigint`, texts `text`, bytes `bytea`.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use postgres_protocol::IsNull;
use tokio_postgres::types::Type;

use super::wire::{Answer, Fields};
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

/// Writes a value in the server's binary form, as its statement takes it there.
pub(super) fn encode(
    value: &Param<'_>,
    kind: Option<&Type>,
    out: &mut BytesMut,
) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
    match (*value, kind) {
        (Param::Null, Some(_)) => return Ok(IsNull::Yes),
        (Param::Int(value), Some(&Type::INT8)) => out.put_i64(value),
        (Param::Int(value), Some(&Type::INT4)) => out.put_i32(value.try_into()?),
        (Param::Text(value), Some(&Type::TEXT)) => out.put_slice(value.as_bytes()),
        (Param::Blob(value), Some(&Type::BYTEA)) => out.put_slice(value),
        (_, Some(kind)) => return Err(format!("a value of another kind where `{kind}` belongs").into()),
        (_, None) => return Err("a value too many".into()),
    }
    Ok(IsNull::No)
}

impl Fields {
    fn cell(&self, column: usize) -> Result<(&Type, Option<&[u8]>), StoreFault> {
        self.column(column).ok_or_else(|| StoreFault::Malformed(format!("there is no column {column}")))
    }
}

impl Answer {
    /// The first column of the first row, where it is an integer.
    pub(super) fn number(&self) -> Option<i64> {
        self.rows.first().and_then(|row| row.int(0).ok()).flatten()
    }

    /// The first column of the first row, where it is a text.
    pub(super) fn text(&self) -> Option<String> {
        self.rows.first().and_then(|row| row.text(0).ok()).flatten().map(str::to_owned)
    }
}

fn other(column: usize, kind: &Type) -> StoreFault {
    StoreFault::Malformed(format!("column {column} is {kind}"))
}

impl Row for Fields {
    fn is_null(&self, column: usize) -> Result<bool, StoreFault> {
        Ok(self.cell(column)?.1.is_none())
    }

    fn int(&self, column: usize) -> Result<Option<i64>, StoreFault> {
        let (kind, Some(bytes)) = self.cell(column)? else { return Ok(None) };
        let value = match *kind {
            Type::INT8 => bytes.try_into().ok().map(i64::from_be_bytes),
            Type::INT4 => bytes.try_into().ok().map(|bytes| i64::from(i32::from_be_bytes(bytes))),
            _ => None,
        };
        value.map(Some).ok_or_else(|| other(column, kind))
    }

    fn text(&self, column: usize) -> Result<Option<&str>, StoreFault> {
        match self.cell(column)? {
            (_, None) => Ok(None),
            (&Type::TEXT, Some(bytes)) => std::str::from_utf8(bytes)
                .map(Some)
                .map_err(|_| StoreFault::Malformed(format!("column {column} is not UTF-8"))),
            (kind, Some(_)) => Err(other(column, kind)),
        }
    }

    fn blob(&self, column: usize) -> Result<Option<&[u8]>, StoreFault> {
        match self.cell(column)? {
            (_, None) => Ok(None),
            (&Type::BYTEA, Some(bytes)) => Ok(Some(bytes)),
            (kind, Some(_)) => Err(other(column, kind)),
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
}
