//! What a row says about a member, and what it changes.

use unionflow_protocol::{Date, event::members::MemberField, member::MemberStatus};

use super::{
    RowFault,
    header::{Field, Header},
};
use crate::{
    contact::{Country, Email, Phone, fold},
    hint::Hint,
    member::{Member, MemberNumber, Name},
    text,
};

/// A row that is a member. What a cell leaves empty is not known, and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// The line of the file.
    pub row: u32,
    /// Who; none in a file without numbers, such as Galette's import model: then the name says who, with phone and e-mail.
    pub number: Option<MemberNumber>,
    /// The column that the number stands in, or else the family name.
    pub key_column: String,
    /// The name.
    pub name: Name,
    /// Mobile, else fixed.
    pub phone: Option<Phone>,
    /// The column that the phone stands in.
    pub phone_column: String,
    /// E-mail.
    pub email: Option<Email>,
    /// The column that the e-mail stands in.
    pub email_column: String,
    /// Since when a member.
    pub joined_on: Option<Date>,
    /// `ACTIVE`, or `LEFT` for an account that was closed there. Counts only for somebody new here.
    pub status: MemberStatus,
    /// Since when no longer.
    pub left_on: Option<Date>,
}

/// A row that is not what it should be.
pub(super) struct WrongRow {
    /// Its number, where that can be read.
    pub(super) number: Option<MemberNumber>,
    /// The column that the number stands in.
    pub(super) key_column: String,
    /// The row as far as it can be read, where that is a name and no number.
    pub(super) unnumbered: Option<Box<MemberRow>>,
    /// What is wrong with its cells.
    pub(super) faults: Vec<RowFault>,
}

/// A row beside the member who has its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// Nothing differs.
    Unchanged,
    /// The member after the row, and what differs.
    Changed(Box<Member>, Vec<MemberField>),
    /// The number is that of another person.
    OtherPerson,
}

/// Whom a row without a number means, among the members who have its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant<'a> {
    /// Nobody: it is somebody new.
    Nobody,
    /// This member.
    Member(&'a Member),
    /// More than one may be meant.
    Several,
    /// All of them have another phone or e-mail; the first one.
    OtherContact(&'a Member),
}

struct Cells<'a> {
    row: u32,
    header: &'a Header,
    record: &'a csv::StringRecord,
    faults: Vec<RowFault>,
}

impl<'a> Cells<'a> {
    fn get(&self, field: Field) -> (&'a str, &'a str) {
        self.header.cell(field, self.record)
    }

    fn fault(&mut self, column: &str, value: &str, hint: Hint) {
        self.faults.push(RowFault {
            row: self.row,
            column: column.to_owned(),
            value: value.to_owned(),
            hint,
        });
    }
}

pub(super) fn member_row(
    row: u32,
    header: &Header,
    record: &csv::StringRecord,
    country: Country,
    today: Date,
) -> Result<MemberRow, WrongRow> {
    let mut cells = Cells { row, header, record, faults: Vec::new() };
    let numbered = header.has(Field::Number) || header.has(Field::Id);
    let (number_column, number) = if numbered { number(&mut cells) } else { (String::new(), None) };
    let given = name(&mut cells, Field::GivenName);
    let family = name(&mut cells, Field::FamilyName);
    let (phone_column, phone) = phone(&mut cells, country);
    let (email_column, email) = email(&mut cells);
    let joined_on = date(&mut cells, Field::JoinedOn, Some(today));
    let ends_on = date(&mut cells, Field::EndsOn, None);
    let active = active(&mut cells);
    let key_column = if numbered { number_column } else { cells.get(Field::FamilyName).0.to_owned() };
    let read = given.zip(family).map(|(given, family)| MemberRow {
        row,
        number: number.clone(),
        key_column: key_column.clone(),
        name: Name { given, family },
        phone,
        phone_column,
        email,
        email_column,
        joined_on,
        status: if active { MemberStatus::Active } else { MemberStatus::Left },
        left_on: (!active).then(|| ends_on.filter(|date| *date <= today).unwrap_or(today)),
    });
    match read {
        Some(member) if cells.faults.is_empty() => Ok(member),
        read => {
            let unnumbered = read.filter(|_| !numbered).map(Box::new);
            Err(WrongRow { number, key_column, unnumbered, faults: cells.faults })
        }
    }
}

/// The number in a row of too many or too few cells, as far as the header says where it stands.
pub(super) fn number_of(header: &Header, record: &csv::StringRecord) -> Option<MemberNumber> {
    number(&mut Cells { row: 0, header, record, faults: Vec::new() }).1
}

/// The member's own number where there is one, else Galette's id. A spreadsheet may have made `12.00` of `12`.
fn number(cells: &mut Cells<'_>) -> (String, Option<MemberNumber>) {
    let own = cells.get(Field::Number);
    let (column, value) = if own.1.is_empty() { cells.get(Field::Id) } else { own };
    let column = if column.is_empty() { own.0 } else { column };
    let repaired = value.strip_suffix(".00").or_else(|| value.strip_suffix(".0")).unwrap_or(value);
    match MemberNumber::parse("", repaired) {
        Ok(number) => (column.to_owned(), Some(number)),
        Err(_) => {
            let hint = if value.is_empty() { Hint::Required } else { Hint::MemberNumber };
            cells.fault(column, value, hint);
            (column.to_owned(), None)
        }
    }
}

fn name(cells: &mut Cells<'_>, field: Field) -> Option<String> {
    let (column, value) = cells.get(field);
    let unreadable = value.chars().any(|c| c == '\u{fffd}' || ('\u{80}'..='\u{9f}').contains(&c));
    if unreadable {
        cells.fault(column, value, Hint::Unreadable);
        return None;
    }
    let fault = match text::name("", value) {
        Ok(name) => return Some(name),
        Err(_) if value.is_empty() => Hint::Required,
        Err(fault) => fault.hint,
    };
    cells.fault(column, value, fault);
    None
}

fn phone(cells: &mut Cells<'_>, country: Country) -> (String, Option<Phone>) {
    let mobile = cells.get(Field::Mobile);
    let (column, value) = if mobile.1.is_empty() { cells.get(Field::Phone) } else { mobile };
    if value.is_empty() {
        return (column.to_owned(), None);
    }
    match Phone::parse(value, country) {
        Ok(phone) => (column.to_owned(), Some(phone)),
        Err(reason) => {
            cells.fault(column, value, reason.hint(country));
            (column.to_owned(), None)
        }
    }
}

fn email(cells: &mut Cells<'_>) -> (String, Option<Email>) {
    let (column, value) = cells.get(Field::Email);
    if value.is_empty() {
        return (column.to_owned(), None);
    }
    let email = Email::parse(value);
    if email.is_none() {
        cells.fault(column, value, Hint::Email);
    }
    (column.to_owned(), email)
}

/// `22/11/2026`, `22-11-2026`, `22.11.2026` or `2026-11-22`, with or without a time behind it. Day first, never guessed.
fn date(cells: &mut Cells<'_>, field: Field, latest: Option<Date>) -> Option<Date> {
    let (column, value) = cells.get(field);
    let day = value.split([' ', 'T']).next().unwrap_or("");
    if day.is_empty() || day == "0000-00-00" {
        return None;
    }
    let parts: Vec<&str> = day.split(['/', '-', '.']).collect();
    let parsed = match parts.as_slice() {
        [year, month, date] if year.len() == 4 => parse_date(year, month, date),
        [date, month, year] if year.len() == 4 => parse_date(year, month, date),
        _ => None,
    };
    match parsed {
        // Galette's way of writing "no date".
        Some(date) if Some(date) == Date::new(1901, 1, 1) => None,
        Some(date) if latest.is_some_and(|latest| date > latest) => {
            cells.fault(column, value, Hint::NotInTheFuture);
            None
        }
        Some(date) => Some(date),
        None => {
            cells.fault(column, value, Hint::DateDayFirst);
            None
        }
    }
}

fn parse_date(year: &str, month: &str, day: &str) -> Option<Date> {
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

fn active(cells: &mut Cells<'_>) -> bool {
    let (column, value) = cells.get(Field::Active);
    match fold(value).as_str() {
        "" | "oui" | "yes" | "actif" | "active" | "1" | "true" | "vrai" => true,
        "non" | "no" | "inactif" | "inactive" | "0" | "false" | "faux" => false,
        _ => {
            cells.fault(column, value, Hint::YesNo);
            true
        }
    }
}

/// What a row changes about the member who has its number. Contact data of a member with an account is theirs to change;
/// status and roles are never touched.
pub fn compare(row: &MemberRow, member: &Member) -> Compared {
    let same = |a: &str, b: &str| fold(a) == fold(b);
    if !same(&row.name.family, &member.name.family) && !same(&row.name.given, &member.name.given) {
        return Compared::OtherPerson;
    }
    let mut changed = member.clone();
    changed.name = row.name.clone();
    changed.joined_on = row.joined_on.unwrap_or(member.joined_on);
    if member.person_id.is_none() {
        changed.phone = row.phone.clone().or(changed.phone);
        changed.email = row.email.clone().or(changed.email);
    }
    let fields = member.differences(&changed);
    if fields.is_empty() { Compared::Unchanged } else { Compared::Changed(Box::new(changed), fields) }
}

/// Whom a row without a number means, among those who have its name. A phone or e-mail in common decides; where one side
/// has neither, the name alone does, if only one member has it.
pub fn meant<'a>(row: &MemberRow, namesakes: &[&'a Member]) -> Meant<'a> {
    let only = |found: Vec<&'a Member>| match found.as_slice() {
        [] => None,
        [one] => Some(Meant::Member(one)),
        [_, _, ..] => Some(Meant::Several),
    };
    let by_contact = namesakes.iter().copied().filter(|member| row.shares_contact_with(member));
    let by_name = namesakes.iter().copied().filter(|member| {
        let silent = member.phone.is_none() && member.email.is_none();
        silent || !row.has_contact()
    });
    only(by_contact.collect())
        .or_else(|| only(by_name.collect()))
        .or_else(|| namesakes.first().map(|member| Meant::OtherContact(member)))
        .unwrap_or(Meant::Nobody)
}

fn in_common<T: PartialEq>(a: Option<&T>, b: Option<&T>) -> bool {
    a.is_some() && a == b
}

impl MemberRow {
    /// Whether the row has a phone or an e-mail.
    pub const fn has_contact(&self) -> bool {
        self.phone.is_some() || self.email.is_some()
    }

    /// Whether phone or e-mail are those of a member.
    pub fn shares_contact_with(&self, member: &Member) -> bool {
        in_common(self.phone.as_ref(), member.phone.as_ref())
            || in_common(self.email.as_ref(), member.email.as_ref())
    }

    /// Whether phone or e-mail are those of another row.
    pub(super) fn shares_contact(&self, other: &Self) -> bool {
        in_common(self.phone.as_ref(), other.phone.as_ref())
            || in_common(self.email.as_ref(), other.email.as_ref())
    }

    /// Number and name, as a report shows them.
    pub fn who(&self) -> String {
        let number = self.number.as_ref().map_or("", MemberNumber::as_str);
        format!("{number} {} {}", self.name.given, self.name.family).trim_start().to_owned()
    }

    /// Contact data that the row has and an account keeps as it is.
    pub fn withheld(&self, member: &Member) -> Vec<RowFault> {
        if member.person_id.is_none() {
            return Vec::new();
        }
        let phone = self.phone.as_ref().filter(|phone| member.phone.as_ref() != Some(phone));
        let email = self.email.as_ref().filter(|email| member.email.as_ref() != Some(email));
        let kept = |column: &String, value: &str| RowFault {
            row: self.row,
            column: column.clone(),
            value: value.to_owned(),
            hint: Hint::ContactOfAccount,
        };
        let phone = phone.map(|phone| kept(&self.phone_column, phone.as_str()));
        phone.into_iter().chain(email.map(|email| kept(&self.email_column, email.as_str()))).collect()
    }
}
