//! A Galette export as rows: encoding, separator, header, cells.
//!
//! Galette writes its headers in the user's language with the colon stripped and a space left behind, every cell quoted,
//! dates as `d/m/Y`, booleans as Oui/Non; people then open it in a spreadsheet, which saves it in its own way. Its import
//! model has technical names instead (`nom_adh`, `prenom_adh` …); both are read.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use unionflow_protocol::{Date, limits};

use super::{
    RowFault, Told,
    doubles::Seen,
    header::Header,
    rows::{MemberRow, WrongRow, member_row, number_of},
};
use crate::{contact::Country, detail::Detail, hint::Hint};

/// A file, read.
#[derive(Debug)]
pub struct Reading {
    /// `UTF-8`, `UTF-16LE`, `UTF-16BE` or `windows-1252`.
    pub encoding: &'static str,
    /// The character between cells.
    pub separator: char,
    /// Columns that were recognised, as the file calls them.
    pub columns: Vec<String>,
    /// Columns that were left aside.
    pub ignored_columns: Vec<String>,
    /// The rows that are members, in order; those with a fault are left out.
    pub rows: Vec<MemberRow>,
    /// What is wrong.
    pub faults: Told,
    /// What somebody should look at, and what changes nothing: two rows that may be one person.
    pub remarks: Told,
    /// Rows without anything in them.
    pub blank: u32,
}

/// A file that is not read at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It is no table; what it is instead.
    NoTable(Detail),
    /// It lacks columns that an import needs: one name for each.
    ColumnsMissing(Vec<&'static str>),
    /// It has more rows than [`limits::IMPORT_ROWS_MAX`].
    TooManyRows,
    /// It has more columns than [`limits::IMPORT_COLUMNS_MAX`].
    TooManyColumns,
}

/// Entries of a report's lists other than its errors, beyond which they are only counted.
pub const LISTED_MAX: usize = 200;

/// Reads a file of members.
pub fn read(bytes: &[u8], country: Country, today: Date) -> Result<Reading, Unreadable> {
    if let Some(instead) = no_table(bytes) {
        return Err(Unreadable::NoTable(instead));
    }
    let (text, encoding) = decode(bytes);
    // The reader would count a line's number before the second half of its ending.
    let text = if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { text };
    let separator = separator(&text);
    if is_too_wide(&text, separator) {
        return Err(Unreadable::TooManyColumns);
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let first = records.next().and_then(Result::ok).unwrap_or_default();
    let (header, wrong) = Header::read(&first).map_err(Unreadable::ColumnsMissing)?;
    let mut faults = Told::at_most(limits::IMPORT_ERRORS_LISTED);
    faults.extend(wrong);
    let (columns, ignored_columns) = header.columns();
    let mut reading = Reading {
        encoding: encoding.name(),
        separator: char::from(separator),
        columns,
        ignored_columns,
        rows: Vec::new(),
        faults: Told::at_most(0),
        remarks: Told::at_most(LISTED_MAX),
        blank: 0,
    };
    let (mut seen, mut read) = (Seen::default(), 0);
    for record in records {
        let Ok(record) = record else { continue };
        let line = record.position().map_or(0, |position| line_of(position, &text));
        if record.iter().all(|cell| cell.trim().is_empty()) {
            reading.blank += 1;
            continue;
        }
        read += 1;
        if read > limits::IMPORT_ROWS_MAX {
            return Err(Unreadable::TooManyRows);
        }
        if record.len() != header.width() {
            faults.push(wrong_cells(line, &record, &header, char::from(separator)));
            if let Some(number) = number_of(&header, &record) {
                seen.remember_number(line, &number);
            }
            continue;
        }
        take_row(
            member_row(line, &header, &record, country, today),
            line,
            &mut seen,
            &mut reading,
            &mut faults,
        );
    }
    reading.faults = faults;
    Ok(reading)
}

/// Takes a row, or what is wrong with it; either way its number and name are seen.
fn take_row(
    row: Result<MemberRow, WrongRow>,
    line: u32,
    seen: &mut Seen,
    reading: &mut Reading,
    faults: &mut Told,
) {
    match row {
        Ok(row) => match seen.repeats(&row) {
            None => {
                reading.remarks.extend(seen.resembles(&row));
                reading.rows.push(row);
            }
            Some(repeated) => faults.push(repeated),
        },
        Err(wrong) => {
            faults.extend(wrong.faults);
            let number = wrong.number.as_ref();
            faults.extend(number.and_then(|number| seen.number_again(line, &wrong.key_column, number)));
            if let Some(number) = number {
                seen.remember_number(line, number);
            }
            if let Some(row) = wrong.unnumbered {
                seen.remember_name(*row);
            }
        }
    }
}

/// What people bring instead of a table as text.
fn no_table(bytes: &[u8]) -> Option<Detail> {
    const KNOWN: [(&[u8], Detail); 6] = [
        (b"PK\x03\x04", Detail::Workbook),
        (b"\xd0\xcf\x11\xe0", Detail::Workbook),
        (b"\xff\xd8\xff", Detail::Picture),
        (b"\x89PNG", Detail::Picture),
        (b"GIF8", Detail::Picture),
        (b"%PDF", Detail::Pdf),
    ];
    let blank =
        |byte: &u8| matches!(byte, 0 | b'\t' | b'\n' | b'\r' | b' ' | 0xef | 0xbb | 0xbf | 0xfe | 0xff);
    if bytes.iter().all(blank) {
        return Some(Detail::EmptyFile);
    }
    KNOWN.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, detail)| *detail)
}

/// The line that a record begins on, as an editor counts: the reader's own position is before the blank lines it passed over.
fn line_of(position: &csv::Position, text: &str) -> u32 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let behind = text.as_bytes().get(from..).unwrap_or_default();
    let blank = behind.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).filter(|byte| **byte == b'\n');
    u32::try_from(position.line() + blank.count() as u64).unwrap_or(u32::MAX)
}

fn wrong_cells(row: u32, record: &csv::StringRecord, header: &Header, separator: char) -> RowFault {
    // A quote that is never closed makes one cell of all lines behind it.
    let swallowed = record.iter().next_back().is_some_and(|cell| cell.contains('\n'));
    let hint = match swallowed {
        true => Hint::OpenQuote,
        false => Hint::Cells { expected: header.width(), found: record.len() },
    };
    let value = record.iter().take(3).collect::<Vec<_>>().join(&separator.to_string());
    RowFault { row, column: String::new(), value, hint }
}

/// A mark at the beginning says; else it is UTF-8 if it reads as that, and what old spreadsheets write if not.
fn decode(bytes: &[u8]) -> (Cow<'_, str>, &'static Encoding) {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes)
        && (encoding == UTF_8 || encoding == UTF_16LE || encoding == UTF_16BE)
    {
        return (encoding.decode_without_bom_handling(&bytes[mark..]).0, encoding);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), UTF_8),
        Err(_) => (WINDOWS_1252.decode_without_bom_handling(bytes).0, WINDOWS_1252),
    }
}

/// Whether a row has more cells than a table of members ever has: looked at before any of them is held.
fn is_too_wide(text: &str, separator: u8) -> bool {
    // Within quotes, two in a row close and open again: as if nothing were.
    let (mut cells, mut quoted, mut opens) = (1, false, true);
    for byte in text.bytes() {
        match byte {
            b'"' if quoted || opens => (quoted, opens) = (!quoted, true),
            b'\n' | b'\r' if !quoted => (cells, opens) = (1, true),
            _ if byte == separator && !quoted => (cells, opens) = (cells + 1, true),
            _ => opens = false,
        }
        if cells > limits::IMPORT_COLUMNS_MAX {
            return true;
        }
    }
    false
}

/// The one of the usual separators that the first line has most of, outside quotes.
fn separator(text: &str) -> u8 {
    let mut counts = [(b';', 0), (b',', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in text.bytes().take_while(|byte| *byte != b'\n') {
        quoted ^= byte == b'"';
        if let Some(count) = counts.iter_mut().find(|(separator, _)| *separator == byte && !quoted) {
            count.1 += 1;
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b';', |(separator, _)| separator)
}
