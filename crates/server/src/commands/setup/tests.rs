//! The questions of `setup`, answered as people do.

use std::{cell::RefCell, collections::VecDeque};

use clap::Parser;
use unionflow_protocol::Language;

use super::*;
use crate::config::{Flags, Settings};

/// What is founded where somebody answers so; passwords are always the same.
fn answered(options: &[&str], lines: &[&str]) -> Result<Setup, Failure> {
    let settings = Settings::load(None, &Flags::default()).expect("the defaults are good");
    let environment = Environment { settings, language: Language::French };
    let line = [&["unionflow", "setup"][..], options].concat();
    let cli::Action::Setup(options) = cli::Cli::parse_from(line).command else { panic!("setup") };
    let lines = RefCell::new(lines.iter().map(|line| format!("{line}\n")).collect::<VecDeque<_>>());
    let line = || Ok(lines.borrow_mut().pop_front());
    let hidden = |_: &str| Ok("baobab-pirogue-42-long".to_owned());
    let setup = answers(&environment, *options, None, Some(Terminal { line: &line, hidden: &hidden }));
    assert!(lines.borrow().is_empty(), "left: {lines:?}");
    setup
}

const TWO: [&str; 7] = ["Mutuelle Essai", "Awa", "Koné", "awa@exemple.test", "0708123456", "Issa", "Bamba"];

#[test]
fn whoever_founds_at_the_terminal_is_asked_what_the_accounts_hold_and_confirms() {
    let setup = answered(&[], &[&TWO[..], &["125 000", "", "40000", "oui"]].concat()).unwrap();
    let opening = setup.opening_balances;
    let held = [opening.cash, opening.bank, opening.mobile_money].map(Amount::minor_units);
    assert_eq!(held, [125_000, 0, 40_000]);
    assert_eq!(setup.treasurer.unwrap().login, "+2250708123456");
    let given = answered(&["--cash", "7", "--bank", "8"], &[&TWO[..], &["", "o"]].concat()).unwrap();
    assert_eq!(given.opening_balances.bank.minor_units(), 8, "what an option says is not asked");
    for (last, says) in [(&["non"][..], "rien n’a été fondé"), (&[], "pas de réponse")] {
        let refused = answered(&[], &[&TWO[..], &["", "", ""], last].concat()).unwrap_err();
        assert!(matches!(&refused, Failure::Other(text) if text.contains(says)), "{refused:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_used_is_asked_for_again() {
    let lines = [
        "",
        "M\u{7}",
        "Mutuelle Essai",
        "",
        "Awa",
        "Koné",
        "awa",
        "07081234",
        "0708123456",
        // The president's own, written otherwise; then nobody.
        "+225 07 08 12 34 56",
        "",
        "10,5",
        "-5",
        "dix mille",
        "10000",
        "",
        "",
        "peut-être",
        "oui",
    ];
    let setup = answered(&[], &lines).unwrap();
    assert_eq!((setup.name.as_str(), setup.president.given_name.as_str()), ("Mutuelle Essai", "Awa"));
    assert_eq!(setup.president.login, "+2250708123456");
    assert_eq!(setup.opening_balances.cash.minor_units(), 10_000);
    assert!(setup.treasurer.is_none());
}

#[test]
fn a_treasurer_with_a_name_is_asked_for_the_login_too() {
    let named = ["--treasurer-given-name", "Issa", "--treasurer-family-name", "Bamba"];
    let lines = [&TWO[..4], &["", "issa@exemple.test", "", "", "", "oui"]].concat();
    assert_eq!(answered(&named, &lines).unwrap().treasurer.unwrap().given_name, "Issa");
}

#[test]
fn the_summary_names_people_amounts_and_a_single_signature() {
    let settings = Settings::load(None, &Flags::default()).expect("the defaults are good");
    let environment = Environment { settings, language: Language::French };
    let lines = ["Mutuelle Essai", "Awa", "Koné", "awa@exemple.test", "", "125000", "", "", "oui"];
    let setup = answered(&[], &lines).unwrap();
    let said = summary(&environment, &setup, Currency::XOF).replace(['\u{202f}', '\u{a0}'], " ");
    for words in
        ["Présidence : Awa Koné (awa@exemple.test)", "Signature unique", "Dans la caisse : 125 000 FCFA"]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
}
