//! Rows that are about one person: certainly, and perhaps.

use std::collections::HashMap;

use super::{RowFault, rows::MemberRow};
use crate::{contact::fold, hint::Hint, member::MemberNumber};

/// How many rows with one phone or e-mail are looked at: a family shares a phone, a village does not.
const SHARED_MAX: usize = 8;

/// The rows of a file so far, as they were found.
#[derive(Default)]
pub(super) struct Seen {
    by_number: HashMap<String, u32>,
    /// Rows without a number, by name.
    by_name: HashMap<String, Vec<MemberRow>>,
    /// Line and folded name, by phone and by e-mail.
    by_contact: HashMap<String, Vec<(u32, String)>>,
}

impl Seen {
    /// The fault of a row that repeats an earlier one; else the row is remembered.
    pub(super) fn repeats(&mut self, row: &MemberRow) -> Option<RowFault> {
        let repeated = match &row.number {
            Some(number) => self.number_again(row.row, &row.key_column, number),
            None => self.same_name(row).map(|first_row| RowFault {
                row: row.row,
                column: row.key_column.clone(),
                value: row.who(),
                hint: Hint::NamesakeInFile { first_row },
            }),
        };
        if repeated.is_some() {
            return repeated;
        }
        match &row.number {
            Some(number) => self.remember_number(row.row, number),
            None => self.remember_name(row.clone()),
        }
        None
    }

    /// Remembers whose number it is, also of a row that is left out: a later row may not take it.
    pub(super) fn remember_number(&mut self, row: u32, number: &MemberNumber) {
        self.by_number.entry(number.as_str().to_owned()).or_insert(row);
    }

    /// Remembers who has a name, also of a row that is left out.
    pub(super) fn remember_name(&mut self, row: MemberRow) {
        self.by_name.entry(row.name.sort_key()).or_default().push(row);
    }

    /// The fault of a number that an earlier row has.
    pub(super) fn number_again(&self, row: u32, column: &str, number: &MemberNumber) -> Option<RowFault> {
        let first_row = *self.by_number.get(number.as_str())?;
        let (column, value) = (column.to_owned(), number.as_str().to_owned());
        Some(RowFault { row, column, value, hint: Hint::DuplicateInFile { first_row } })
    }

    /// Two people may have one name: they are two where each has a phone or an e-mail, and no two of those are equal.
    fn same_name(&self, row: &MemberRow) -> Option<u32> {
        let namesakes = self.by_name.get(&row.name.sort_key())?;
        let same =
            |other: &&MemberRow| !row.has_contact() || !other.has_contact() || row.shares_contact(other);
        namesakes.iter().find(same).map(|other| other.row)
    }

    /// A remark about a row that has the phone or the e-mail of an earlier one, and nearly its name.
    pub(super) fn resembles(&mut self, row: &MemberRow) -> Option<RowFault> {
        let name = row.name.sort_key();
        let phone = row.phone.as_ref().map(|phone| (phone.as_str(), &row.phone_column));
        let email = row.email.as_ref().map(|email| (email.as_str(), &row.email_column));
        let mut remark = None;
        for (contact, column) in [phone, email].into_iter().flatten() {
            let others = self.by_contact.entry(contact.to_lowercase()).or_default();
            let like = others.iter().find(|(_, other)| nearly(&name, other));
            if let Some((first_row, _)) = like.filter(|_| remark.is_none()) {
                let hint = Hint::PerhapsSame { first_row: *first_row };
                let value = format!("{} ({contact})", row.who());
                remark = Some(RowFault { row: row.row, column: column.clone(), value, hint });
            }
            if others.len() < SHARED_MAX {
                others.push((row.row, name.clone()));
            }
        }
        remark
    }
}

/// Whether two folded names may be one: one has all words of the other in any order, or they differ by a letter.
fn nearly(a: &str, b: &str) -> bool {
    let holds = |a: &str, b: &str| b.split(' ').all(|word| a.split(' ').any(|other| other == word));
    holds(a, b) || holds(b, a) || differ_by_a_letter(a, b)
}

fn differ_by_a_letter(a: &str, b: &str) -> bool {
    let (a, b) = (fold(a), fold(b));
    let same = |(a, b): &(char, char)| a == b;
    let front = a.chars().zip(b.chars()).take_while(same).count();
    let back = a.chars().rev().zip(b.chars().rev()).take_while(same).count();
    let (short, long) = {
        let (a, b) = (a.chars().count(), b.chars().count());
        (a.min(b), a.max(b))
    };
    long - short <= 1 && front + back + 1 >= long
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_be_one_person_are_told_from_those_of_a_family() {
        for (a, b) in [
            ("kone awa", "kone awa"),
            ("kone awa", "awa kone"),
            ("kone awa", "kone awa marie"),
            ("kouassi ya", "kouassi yah"),
            ("traore issa", "traore isse"),
        ] {
            assert!(nearly(a, b) && nearly(b, a), "{a} / {b}");
        }
        for (a, b) in [("kone awa", "kone issa"), ("bamba ali", "bamba awa"), ("kone awa", "diallo awa")] {
            assert!(!nearly(a, b) && !nearly(b, a), "{a} / {b}");
        }
    }
}
