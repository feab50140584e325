//! Facts about imports, on files as people have them.

use unionflow_protocol::{Date, RoleSet, Timestamp, id::*, member::MemberStatus};
use uuid::Uuid;

use super::*;
use crate::{
    contact::Country,
    member::{Member, MemberNumber, Name},
};

const HEADER: &str = "\"ID de l'adhérent \";\"Nom \";\"Prénom \";\"Téléphone \";\"GSM \";\"Courriel \";\"Date de création \";\"Compte \";\"Date d’échéance \";\"Numéro adhérent\"\r\n";

fn today() -> Date {
    "2026-11-22".parse().unwrap()
}

fn reading(text: &str) -> Reading {
    read(text.as_bytes(), Country::CI, today()).unwrap()
}

fn rows(lines: &[&str]) -> Reading {
    reading(&format!("{HEADER}{}\r\n", lines.join("\r\n")))
}

fn fault(line: &str) -> (String, String, String) {
    let reading = rows(&[line]);
    assert!(reading.rows.is_empty(), "{line}");
    let fault = &reading.faults[0];
    (fault.column.clone(), fault.value.clone(), fault.hint.text(unionflow_protocol::Language::French))
}

#[test]
fn a_galette_export_is_read_as_it_is() {
    let reading = rows(&[
        "\"12\";\"Koné\";\"Awa \";\"\";\"07 08 12 34 56\";\"awa@exemple.org\";\"03/02/2019\";\"Oui\";\"\";\"A-7\"",
        "\"13\";\"N'Guessan\";\"Koffi; Jean\";\"27 21 23 45 67\";\"\";\"\";\"1901-01-01\";\"Non\";\"31/12/2024\";\"\"",
    ]);
    assert_eq!((reading.encoding, reading.separator, reading.faults.len()), ("UTF-8", ';', 0));
    let first = &reading.rows[0];
    assert_eq!((first.row, first.number.as_str(), first.name.given.as_str()), (2, "A-7", "Awa"));
    assert_eq!(first.phone.as_ref().unwrap().as_str(), "+2250708123456");
    assert_eq!(first.joined_on, "2019-02-03".parse().ok());
    let second = &reading.rows[1];
    assert_eq!((second.number.as_str(), second.status), ("13", MemberStatus::Left));
    assert_eq!((second.joined_on, second.left_on), (None, "2024-12-31".parse().ok()));
    assert_eq!(second.name.given, "Koffi; Jean", "a separator within quotes is part of the text");
}

#[test]
fn encodings_are_recognised() {
    let text = format!("{HEADER}1;Koné;Éloïse;;;;;;;\r\n");
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&text);
    let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (bytes, encoding) in [(latin.to_vec(), "windows-1252"), (marked, "UTF-8"), (wide, "UTF-16LE")] {
        let reading = read(&bytes, Country::CI, today()).unwrap();
        assert_eq!((reading.encoding, reading.rows[0].name.given.as_str()), (encoding, "Éloïse"));
    }
}

#[test]
fn the_import_model_and_other_separators_are_read_too() {
    let reading = reading("id_adh,nom_adh,prenom_adh,gsm_adh\n7,Koné,Awa,0708123456\n");
    assert_eq!((reading.separator, reading.rows[0].number.as_str()), (',', "7"));
    let reading =
        read("Numéro adhérent\tNom\tPrénom\n7.00\tKoné\tAwa\n".as_bytes(), Country::CI, today()).unwrap();
    assert_eq!(
        (reading.separator, reading.rows[0].number.as_str()),
        ('\t', "7"),
        "a spreadsheet made 7.00 of 7"
    );
}

#[test]
fn every_fault_names_column_value_and_what_would_fix_it() {
    for (line, column, value, hint) in [
        ("1;;Awa;;;;;;;", "Nom", "", "obligatoire"),
        ("1;Koné;;;;;;;;", "Prénom", "", "obligatoire"),
        (";Koné;Awa;;;;;;;", "ID de l'adhérent", "", "obligatoire"),
        ("1;Koné;Awa;;08 12 34 56;;;;;", "GSM", "08 12 34 56", "+2250708123456"),
        ("1;Koné;Awa;;07 08 12;;;;;", "GSM", "07 08 12", "numéro de téléphone"),
        ("1;Koné;Awa;;;awa(at)exemple;;;;", "Courriel", "awa(at)exemple", "e-mail"),
        ("1;Koné;Awa;;;;31/02/2020;;;", "Date de création", "31/02/2020", "jour/mois/année"),
        ("1;Koné;Awa;;;;03/02/19;;;", "Date de création", "03/02/19", "jour/mois/année"),
        ("1;Koné;Awa;;;;03/02/2031;;;", "Date de création", "03/02/2031", "au plus tard aujourd’hui"),
        ("1;Koné;Awa;;;;;peut-être;;", "Compte", "peut-être", "Oui ou Non"),
        ("1;=HYPERLINK(\"\"x\"\");Awa;;;;;;;", "Nom", "=HYPERLINK(\"\"x\"\")", "sur une seule ligne"),
        ("1;Koné;Awa", "", "1;Koné;Awa", "3 cellules au lieu de 10"),
    ] {
        let (found_column, found_value, text) = fault(line);
        assert_eq!((found_column.as_str(), found_value.as_str()), (column, value), "{line}");
        assert!(text.contains(hint), "{line}: {text}");
    }
}

#[test]
fn a_number_twice_in_a_file_keeps_the_first_and_names_it() {
    let reading = rows(&["1;Koné;Awa;;;;;;;", "", "1;Koné;Awa;;;;;;;", "1;Diallo;Moussa;;;;;;;"]);
    assert_eq!(reading.rows.len(), 1);
    let hints: Vec<_> = reading.faults.iter().map(|fault| (fault.row, fault.hint.clone())).collect();
    assert_eq!(hints[0].1, Hint::DuplicateInFile { first_row: 2 });
    assert_eq!(hints[1].1, Hint::DuplicateInFile { first_row: 2 });
}

#[test]
fn blank_rows_are_passed_over_and_unknown_columns_are_told() {
    let reading = reading("Numéro adhérent;Nom;Prénom;Titre;Nom\n1;Koné;Awa;Mme;\n;;;;\n\n");
    assert_eq!(
        (reading.rows.len(), reading.blank),
        (0, 1),
        "the second `Nom` is the one that counts, and it is empty"
    );
    assert_eq!(reading.ignored_columns, ["Nom", "Titre"]);
    assert_eq!(reading.faults[0].hint, Hint::DuplicateColumn);
}

#[test]
fn a_file_of_something_else_says_which_columns_are_missing() {
    let missing = |text: &str| read(text.as_bytes(), Country::CI, today()).unwrap_err().missing;
    assert_eq!(missing(""), ["Numéro adhérent", "Nom", "Prénom"]);
    assert_eq!(missing("Nom;Prénom\nKoné;Awa\n"), ["Numéro adhérent"]);
    assert_eq!(missing("\u{0}\u{1}PNG\u{2}"), ["Numéro adhérent", "Nom", "Prénom"]);
}

fn member(with_account: bool) -> Member {
    Member {
        id: MemberId::from_uuid(Uuid::from_u128(1)),
        organization_id: OrganizationId::from_uuid(Uuid::from_u128(2)),
        version: 1,
        number: MemberNumber::from_stored("1".into()),
        person_id: with_account.then(|| PersonId::from_uuid(Uuid::from_u128(3))),
        status: MemberStatus::Suspended,
        roles: RoleSet::EMPTY,
        name: Name { given: "Awa".into(), family: "Koné".into() },
        phone: None,
        email: None,
        joined_on: "2019-02-03".parse().unwrap(),
        left_on: None,
        updated_at: Timestamp::from_millis(0),
    }
}

#[test]
fn a_row_changes_what_it_says_and_nothing_else() {
    let row = |line: &str| rows(&[line]).rows.remove(0);
    assert_eq!(
        compare(&row("1;Koné;Awa;;;;;;;"), &member(false)),
        Compared::Unchanged,
        "empty cells change nothing"
    );
    let new_phone = row("1;Koné;Awa Marie;;0708123456;;;Non;;");
    let Compared::Changed(changed, fields) = compare(&new_phone, &member(false)) else { panic!("changed") };
    assert_eq!(
        fields,
        [
            unionflow_protocol::event::members::MemberField::GivenName,
            unionflow_protocol::event::members::MemberField::Phone
        ]
    );
    assert_eq!(changed.status, MemberStatus::Suspended, "never the status");
    assert_eq!(compare(&row("1;Traoré;Issa;;;;;;;"), &member(false)), Compared::OtherPerson);
}

#[test]
fn contact_data_of_a_member_with_an_account_is_not_changed_and_that_is_said() {
    let row = rows(&["1;Koné;Awa;;0708123456;;;;;"]).rows.remove(0);
    assert_eq!(compare(&row, &member(true)), Compared::Unchanged);
    assert_eq!(row.withheld(&member(true)).unwrap().hint, Hint::ContactOfAccount);
    assert_eq!(row.withheld(&member(false)), None);
}
