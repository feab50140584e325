//! Words of people: purposes, reasons, comments. They are rows of their own, erasable; events carry a salted hash at most.

use sha2::{Digest, Sha256};
use unionflow_protocol::{limits, problem::FieldCode};

use crate::{hint::Hint, refusal::Fault};

/// Sixteen random bytes beside a text: without them its hash says nothing about it.
pub type Salt = [u8; 16];

/// `SHA-256(tag ‖ salt ‖ text)` in hexadecimal, every part behind its length as eight big-endian bytes.
pub fn commitment(salt: &Salt, text: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [b"unionflow text v1".as_slice(), salt, text.as_bytes()] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
        text
    })
}

/// Words of a person, trimmed: within these characters, without control characters other than line breaks.
pub fn words(pointer: &str, text: &str, chars: std::ops::RangeInclusive<usize>) -> Result<String, Fault> {
    let text = text.trim();
    let count = text.chars().count();
    let hint = || Hint::Characters { min: *chars.start(), max: *chars.end() };
    if count < *chars.start() {
        let code = if count == 0 { FieldCode::Required } else { FieldCode::TooSmall };
        return Err(Fault::new(pointer, code, hint()));
    }
    if count > *chars.end() {
        return Err(Fault::new(pointer, FieldCode::TooLarge, hint()));
    }
    if text.chars().any(turns_direction) {
        return Err(Fault::new(pointer, FieldCode::Invalid, Hint::Invisible));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\r' && c != '\t') {
        return Err(Fault::new(pointer, FieldCode::Invalid, Hint::OneLine));
    }
    Ok(text.to_owned())
}

/// One line of a person's words, such as a name: runs of white space become one space.
pub fn line(pointer: &str, text: &str, chars: std::ops::RangeInclusive<usize>) -> Result<String, Fault> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().any(char::is_control) {
        return Err(Fault::new(pointer, FieldCode::Invalid, Hint::OneLine));
    }
    if text.chars().any(is_invisible) {
        return Err(Fault::new(pointer, FieldCode::Invalid, Hint::Invisible));
    }
    words(pointer, &text, chars)
}

/// A part of a person's name: one line, and no formula. Whoever opens an export of ours in a spreadsheet would run it.
pub fn name(pointer: &str, text: &str) -> Result<String, Fault> {
    let name = line(pointer, text, limits::NAME_CHARS)?;
    if name.starts_with(['=', '+', '-', '@']) {
        return Err(Fault::new(pointer, FieldCode::Invalid, Hint::Formula));
    }
    Ok(name)
}

/// What makes a text read otherwise than it is written: `RLO`, and what is like it.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What takes no room on a line: two names that look alike would be two.
const fn is_invisible(c: char) -> bool {
    turns_direction(c)
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commitment_depends_on_text_and_salt_and_its_parts_do_not_slide() {
        let salt = [7; 16];
        assert_ne!(commitment(&salt, "toit de l'école"), commitment(&[8; 16], "toit de l'école"));
        assert_ne!(commitment(&salt, "toit"), commitment(&salt, "toi"));
        assert_eq!(commitment(&salt, "").len(), 64);
    }

    #[test]
    fn a_text_reads_as_it_is_written() {
        for hidden in ["Awa\u{202e}éno", "\u{2066}Awa"] {
            assert_eq!(words("/r", hidden, 1..=20).unwrap_err().hint, Hint::Invisible, "{hidden:?}");
            assert_eq!(line("/n", hidden, 1..=20).unwrap_err().hint, Hint::Invisible, "{hidden:?}");
        }
        for hidden in ["A\u{200b}wa", "Awa\u{feff}", "Awa\u{ad}", "Awa\u{e0041}"] {
            assert_eq!(line("/n", hidden, 1..=20).unwrap_err().hint, Hint::Invisible, "{hidden:?}");
        }
        assert!(
            words("/r", "famille 👨\u{200d}👩\u{200d}👧", 1..=20).is_ok(),
            "in longer texts some have a use"
        );
    }

    #[test]
    fn a_name_is_no_formula() {
        for formula in ["=1+1", " +225", "-Awa", "@A1"] {
            assert_eq!(name("/n", formula).unwrap_err().hint, Hint::Formula, "{formula}");
        }
        assert_eq!(name("/n", "N'Guessan-Koffi").unwrap(), "N'Guessan-Koffi");
    }

    #[test]
    fn words_are_counted_as_characters_and_trimmed() {
        assert_eq!(words("/r", "  été  ", 3..=3).unwrap(), "été");
        assert_eq!(words("/r", " \n ", 3..=9).unwrap_err().code, FieldCode::Required);
        assert_eq!(words("/r", "ab", 3..=9).unwrap_err().code, FieldCode::TooSmall);
        assert_eq!(words("/r", "ab\u{0}c", 3..=9).unwrap_err().code, FieldCode::Invalid);
        assert_eq!(line("/n", " Awa\u{a0} \tKoné ", 1..=20).unwrap(), "Awa Koné");
    }
}
