//! Facts about imports, on files as people have them.

use unionflow_protocol::{Date, RoleSet, Timestamp, id::*, limits, member::MemberStatus};
use uuid::Uuid;

use super::*;
use crate::{
    contact::Country,
    detail::Detail,
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

fn number(row: &MemberRow) -> &str {
    row.number.as_ref().map_or("", MemberNumber::as_str)
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
    assert_eq!((first.row, number(first), first.name.given.as_str()), (2, "A-7", "Awa"));
    assert_eq!(first.phone.as_ref().unwrap().as_str(), "+2250708123456");
    assert_eq!(first.joined_on, "2019-02-03".parse().ok());
    let second = &reading.rows[1];
    assert_eq!((number(second), second.status), ("13", MemberStatus::Left));
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
    assert_eq!((reading.separator, number(&reading.rows[0])), (',', "7"));
    let reading =
        read("Numéro adhérent\tNom\tPrénom\n7.00\tKoné\tAwa\n".as_bytes(), Country::CI, today()).unwrap();
    assert_eq!((reading.separator, number(&reading.rows[0])), ('\t', "7"), "a spreadsheet made 7.00 of 7");
}

#[test]
fn every_fault_names_column_value_and_what_would_fix_it() {
    for (line, column, value, hint) in [
        ("1;;Awa;;;;;;;", "Nom", "", "obligatoire"),
        ("1;Koné;;;;;;;;", "Prénom", "", "obligatoire"),
        (";Koné;Awa;;;;;;;", "ID de l'adhérent", "", "obligatoire"),
        ("1;Koné;Awa;;08 12 34 56;;;;;", "GSM", "08 12 34 56", "+2250708123456"),
        ("1;Koné;Awa;;07 08 12;;;;;", "GSM", "07 08 12", "numéro de téléphone"),
        ("1;Koné;Awa;;708123456;;;;;", "GSM", "708123456", "est-ce +2250708123456"),
        ("1;Koné;Awa;;708123456.00;;;;;", "GSM", "708123456.00", "est-ce +2250708123456"),
        ("1,03E+11;Koné;Awa;;;;;;;", "ID de l'adhérent", "1,03E+11", "chiffres"),
        ("1;Koné;-Awa;;;;;;;", "Prénom", "-Awa", "une formule"),
        ("1;Koné;Awa;;;awa(at)exemple;;;;", "Courriel", "awa(at)exemple", "e-mail"),
        ("1;Koné;Awa;;;;31/02/2020;;;", "Date de création", "31/02/2020", "jour/mois/année"),
        ("1;Koné;Awa;;;;03/02/19;;;", "Date de création", "03/02/19", "jour/mois/année"),
        ("1;Koné;Awa;;;;03/02/2031;;;", "Date de création", "03/02/2031", "au plus tard aujourd’hui"),
        ("1;Koné;Awa;;;;;peut-être;;", "Compte", "peut-être", "Oui ou Non"),
        ("1;=HYPERLINK(\"\"x\"\");Awa;;;;;;;", "Nom", "=HYPERLINK(\"\"x\"\")", "une formule"),
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
fn a_number_twice_is_told_beside_whatever_else_is_wrong_with_its_row() {
    let reading = rows(&["1;Koné;Awa;;;;;;;", "1;Koné;Awa;;;;31/02/2020;;;", "2;Koné;Issa;;;;31/02/2020;;;"]);
    let hints: Vec<_> = reading.faults.iter().map(|fault| (fault.row, fault.hint.clone())).collect();
    let again = Hint::DuplicateInFile { first_row: 2 };
    assert_eq!(hints, [(3, Hint::DateDayFirst), (3, again), (4, Hint::DateDayFirst)]);
}

#[test]
fn a_number_or_a_name_of_a_row_with_errors_is_not_given_to_somebody_else() {
    let wrong = ["1;Koné;Awa;;07 08 12;;;;;", "1;;Awa;;;;;;;", "1;Koné;Awa;;;;;"];
    for wrong in wrong {
        let reading = rows(&[wrong, "1;Diallo;Moussa;;;;;;;"]);
        assert_eq!(reading.rows, [], "{wrong}");
        assert_eq!(reading.faults.last().unwrap().hint, Hint::DuplicateInFile { first_row: 2 }, "{wrong}");
    }
    let named = reading("Nom;Prénom;GSM\nKoné;Awa;07 08 12\nKoné;Awa;0708123456\nKoné;Issa;\n");
    assert_eq!(named.rows.len(), 1);
    assert_eq!(named.faults.last().unwrap().hint, Hint::NamesakeInFile { first_row: 2 });
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
fn a_file_of_more_rows_than_an_import_takes_is_read_no_further() {
    let mut file = "Nom;Prénom\n".to_owned() + &"K;A\n".repeat(limits::IMPORT_ROWS_MAX);
    assert!(read(file.as_bytes(), Country::CI, today()).is_ok());
    file.push_str("\nK;B\n");
    assert_eq!(read(file.as_bytes(), Country::CI, today()).unwrap_err(), Unreadable::TooManyRows);
}

#[test]
fn a_file_of_something_else_says_which_columns_are_missing() {
    let unreadable = |text: &str| read(text.as_bytes(), Country::CI, today()).unwrap_err();
    let missing = |names: &[&'static str]| Unreadable::ColumnsMissing(names.to_vec());
    assert_eq!(unreadable("x"), missing(&["Nom", "Prénom"]));
    assert_eq!(unreadable("Numéro adhérent;Nom\n1;Koné\n"), missing(&["Prénom"]));
    assert_eq!(unreadable("\u{0}\u{1}PNG\u{2}"), missing(&["Nom", "Prénom"]));
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
        code_givers: Vec::new(),
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
    let row = rows(&["1;Koné;Awa;;0708123456;awa@exemple.org;;;;"]).rows.remove(0);
    assert_eq!(compare(&row, &member(true)), Compared::Unchanged);
    let withheld = row.withheld(&member(true));
    let said: Vec<_> = withheld.iter().map(|fault| (fault.column.as_str(), &fault.hint)).collect();
    assert_eq!(said, [("GSM", &Hint::ContactOfAccount), ("Courriel", &Hint::ContactOfAccount)]);
    assert_eq!(row.withheld(&member(false)), []);
}

#[test]
fn a_fault_names_the_line_that_an_editor_shows() {
    let reading = rows(&["1;Koné;Awa;;;;;;;", "", "", "2;\"Kouadio\r\nAya\";Ya;;;;;;;", "3;;Yao;;;;;;;"]);
    assert_eq!(reading.rows.iter().map(|row| row.row).collect::<Vec<_>>(), [2, 5]);
    assert_eq!(reading.faults[0].row, 7, "a line break within quotes counts too");
}

#[test]
fn a_quote_that_is_never_closed_is_told_as_that() {
    let reading = rows(&["1;Koné;Awa;;;;;;;", "2;\"Traoré;Issa;;;;;;;", "3;Bamba;Ali;;;;;;;"]);
    assert_eq!((reading.rows.len(), reading.faults.len()), (1, 1));
    assert_eq!((reading.faults[0].row, &reading.faults[0].hint), (3, &Hint::OpenQuote));
}

const MODEL: &str = "nom_adh;prenom_adh;ddn_adh;adresse_adh;cp_adh;ville_adh;pays_adh;tel_adh;gsm_adh;email_adh;prof_adh;pseudo_adh;societe_adh;login_adh;date_crea_adh;id_statut;info_public_adh;info_adh\n";

fn model(lines: &[&str]) -> Reading {
    let cells = |line: &&str| {
        let (name, phone) = line.split_once('/').unwrap_or((line, ""));
        format!("{name};1980-01-01;;;Bouaké;;;{phone};;;;;login;2020-05-06;4;1;\n")
    };
    reading(&format!("{MODEL}{}", lines.iter().map(cells).collect::<String>()))
}

#[test]
fn the_import_model_has_no_numbers_and_its_people_are_told_apart_by_name_and_contact() {
    let reading = model(&[
        "Koné;Awa/0708123456",
        "Koné;Awa/0505123456",
        "KONE;awa/07 08 12 34 56",
        "Bamba;Ali",
        "Bamba;Ali/0102030405",
    ]);
    let kept: Vec<u32> = reading.rows.iter().map(|row| row.row).collect();
    assert_eq!(kept, [2, 3, 5], "two who share a name are two if their phones say so");
    let repeated: Vec<_> = reading.faults.iter().map(|fault| (fault.row, &fault.hint)).collect();
    assert_eq!(
        repeated,
        [(4, &Hint::NamesakeInFile { first_row: 2 }), (6, &Hint::NamesakeInFile { first_row: 5 })]
    );
    assert_eq!((&reading.rows[0].number, reading.rows[0].joined_on), (&None, "2020-05-06".parse().ok()));
    assert!(reading.ignored_columns.contains(&"login_adh".to_owned()), "logins are never set by an import");
}

#[test]
fn a_row_without_a_number_means_the_member_of_its_name_whose_contact_does_not_speak_against_it() {
    let with = |phone: Option<&str>| {
        let phone = phone.map(|phone| crate::contact::Phone::from_stored(phone.to_owned()));
        Member { phone, ..member(false) }
    };
    let (one, other, silent) = (with(Some("+2250708123456")), with(Some("+2250505123456")), with(None));
    let row = |line: &str| model(&[line]).rows.remove(0);
    let phoned = row("Koné;Awa/0708123456");
    assert_eq!(meant(&phoned, &[]), Meant::Nobody);
    assert_eq!(meant(&phoned, &[&other, &one]), Meant::Member(&one));
    assert_eq!(meant(&phoned, &[&other, &silent]), Meant::Member(&silent));
    assert_eq!(meant(&phoned, &[&other]), Meant::OtherContact(&other));
    assert_eq!(meant(&row("Koné;Awa"), &[&one]), Meant::Member(&one));
    assert_eq!(meant(&row("Koné;Awa"), &[&one, &other]), Meant::Several);
}

#[test]
fn two_spellings_of_one_person_are_remarked_and_both_kept() {
    let reading = rows(&[
        "1;Kouassi;Ya Amenan;;0708123456;;;;;",
        "2;KOUASSI;Yah Amenan;;0708123456;;;;;",
        "3;Kouassi;Serge;;0708123456;;;;;",
    ]);
    assert_eq!((reading.rows.len(), reading.faults.len()), (3, 0));
    assert_eq!(reading.remarks.len(), 1, "a family shares a phone: {:?}", reading.remarks);
    assert_eq!((reading.remarks[0].row, &reading.remarks[0].hint), (3, &Hint::PerhapsSame { first_row: 2 }));
}

#[test]
fn the_samples_are_read_as_their_makers_meant_them() {
    let model =
        read(include_bytes!("../../samples/galette-modele-import.csv"), Country::CI, today()).unwrap();
    assert_eq!((model.rows.len(), model.faults.len()), (3, 0));
    let damaged =
        read(include_bytes!("../../samples/tableur-windows-1252.csv"), Country::CI, today()).unwrap();
    assert_eq!((damaged.encoding, damaged.blank), ("windows-1252", 2));
    let hints: Vec<_> = damaged.faults.iter().map(|fault| (fault.row, &fault.hint)).collect();
    let (old, lost) = ("+2250708123456".to_owned(), "+2250708123457".to_owned());
    assert_eq!(
        hints,
        [(2, &Hint::OldPhone { proposal: Some(old) }), (3, &Hint::LostZero { proposal: lost })]
    );
    assert_eq!((number(&damaged.rows[0]), damaged.rows[0].left_on), ("3", "2022-12-31".parse().ok()));
}

#[test]
fn a_file_that_is_no_text_is_called_what_it_is() {
    for (bytes, instead) in [
        (&b"PK\x03\x04\x14\0\x06\0"[..], Detail::Workbook),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", Detail::Workbook),
        (b"\xff\xd8\xff\xe0", Detail::Picture),
        (b"\x89PNG\r\n", Detail::Picture),
        (b"%PDF-1.7", Detail::Pdf),
        (b"", Detail::EmptyFile),
        (b"\xef\xbb\xbf \r\n", Detail::EmptyFile),
    ] {
        let unknown = read(bytes, Country::CI, today()).unwrap_err();
        assert_eq!(unknown, Unreadable::NoTable(instead), "{bytes:?}");
    }
}

#[test]
fn a_file_that_is_wrong_everywhere_is_told_by_its_first_errors_and_counted() {
    let mut text = "Nom;Prénom;Date de création\n".to_owned();
    for _ in 0..6000 {
        text.push_str(";=A1;31/02/2021\n");
    }
    let reading = reading(&text);
    assert_eq!((reading.faults.len(), reading.faults.count(), reading.faults.rows()), (5000, 18_000, 6000));
    assert_eq!((reading.faults[0].row, reading.faults[4999].row), (2, 1668));
}

#[test]
fn a_table_wider_than_any_is_not_read() {
    let refused = |text: &str| read(text.as_bytes(), Country::CI, today()).err();
    let (wide, widest) = (";".repeat(500), ";".repeat(499));
    assert_eq!(refused(&wide), Some(Unreadable::TooManyColumns));
    assert_eq!(refused(&format!("Nom;Prénom\nK;A\n{wide}")), Some(Unreadable::TooManyColumns));
    assert_eq!(refused(&format!("Nom;Prénom\n{widest}\nK;A\n")), None);
    let quoted = format!("Nom;Prénom;Note\nK;A;\"{wide}\n\"\"{wide}\"\"\"\nK;5\" B;{}\n", "x\"");
    assert_eq!(refused(&quoted), None, "what stands within quotes is one cell");
}
