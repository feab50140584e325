//! The header of a file: which column holds what.

use std::collections::HashMap;

use super::RowFault;
use crate::{contact::fold, hint::Hint};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Number,
    Id,
    FamilyName,
    GivenName,
    Phone,
    Mobile,
    Email,
    JoinedOn,
    Active,
    EndsOn,
}

/// Folded names of each column: French, English, and the import model's.
const HEADERS: &[(Field, &[&str])] = &[
    (
        Field::Number,
        &[
            "numero adherent",
            "numero d adherent",
            "n adherent",
            "no adherent",
            "numero de membre",
            "matricule",
            "member number",
            "num adh",
        ],
    ),
    (Field::Id, &["id de l adherent", "id adherent", "member id", "id adh"]),
    (Field::FamilyName, &["nom", "name", "last name", "nom adh"]),
    (Field::GivenName, &["prenom", "first name", "prenom adh"]),
    (Field::Phone, &["telephone", "phone", "tel adh"]),
    (Field::Mobile, &["gsm", "mobile", "mobile phone", "gsm adh"]),
    (Field::Email, &["courriel", "e mail", "email", "email adh"]),
    (Field::JoinedOn, &["date de creation", "creation date", "date crea adh"]),
    (Field::Active, &["compte", "account", "activite adh"]),
    (Field::EndsOn, &["date d echeance", "due date", "date echeance"]),
];

/// A header and where each field stands.
pub(super) struct Header {
    names: Vec<String>,
    at: HashMap<Field, usize>,
}

impl Header {
    /// Reads the first line; with it what is wrong there, or else the needed columns that are missing.
    pub(super) fn read(first: &csv::StringRecord) -> Result<(Self, Vec<RowFault>), Vec<&'static str>> {
        let names: Vec<String> =
            first.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        let mut at = HashMap::new();
        let mut faults = Vec::new();
        for (i, name) in names.iter().enumerate() {
            let folded = fold(name);
            let Some((field, _)) = HEADERS.iter().find(|(_, known)| known.contains(&folded.as_str())) else {
                continue;
            };
            if at.insert(*field, i).is_some() {
                let column = name.trim().to_owned();
                faults.push(RowFault { row: 1, value: column.clone(), column, hint: Hint::DuplicateColumn });
            }
        }
        let mut missing = Vec::new();
        for (field, name) in [(Field::FamilyName, "Nom"), (Field::GivenName, "Prénom")] {
            if !at.contains_key(&field) {
                missing.push(name);
            }
        }
        if missing.is_empty() { Ok((Self { names, at }, faults)) } else { Err(missing) }
    }

    /// How many cells a row has.
    pub(super) fn width(&self) -> usize {
        self.names.len()
    }

    /// The columns that are known, and those that are left aside, as the file calls them.
    pub(super) fn columns(&self) -> (Vec<String>, Vec<String>) {
        let known = |at: &usize| self.at.values().any(|known| known == at);
        let (known, others): (Vec<usize>, Vec<usize>) = (0..self.width()).partition(known);
        let named = |at: Vec<usize>| at.into_iter().map(|at| self.names[at].trim().to_owned()).collect();
        (named(known), named(others))
    }

    /// Whether there is such a column.
    pub(super) fn has(&self, field: Field) -> bool {
        self.at.contains_key(&field)
    }

    /// The cell of a field and the column's name; empty if there is no such column.
    pub(super) fn cell<'a>(&'a self, field: Field, record: &'a csv::StringRecord) -> (&'a str, &'a str) {
        let Some(at) = self.at.get(&field).copied() else { return ("", "") };
        (self.names.get(at).map_or("", |name| name.trim()), record.get(at).unwrap_or("").trim())
    }
}
