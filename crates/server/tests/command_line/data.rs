//! People and copies: what the operator does beside a server.

use crate::{founded, text, unionflow};

#[test]
fn the_operator_sees_and_changes_accounts() {
    let folder = founded();
    let user = |arguments: &[&str]| {
        let ended = unionflow(&[&["--data", text(folder.path()), "user"], arguments].concat());
        (ended.code, ended.out + &ended.err)
    };
    let (_, list) = user(&["list"]);
    assert!(
        list.contains("Mutuelle Essai") && list.contains("Awa Koné  PRESIDENT, MEMBER  awa@exemple.test\n"),
        "{list}"
    );
    let (_, shown) = user(&["show", "0708123456"]);
    assert!(shown.contains("+2250708123456") && shown.contains("TREASURER"), "{shown}");
    assert_eq!(user(&["role", "awa@exemple.test", "SECRETARY"]).0, Some(0));
    let (code, twice) = user(&["role", "awa@exemple.test", "SECRETARY"]);
    assert!(code == Some(1) && twice.contains("a déjà ce rôle"), "{twice}");
    assert_eq!(user(&["role", "awa@exemple.test", "SECRETARY", "--revoke"]).0, Some(0));
    let (code, unknown) = user(&["role", "awa@exemple.test", "CHEF"]);
    assert!(code == Some(2) && unknown.contains("BOARD_MEMBER"), "{unknown}");
    let (code, number) = user(&["show", "M-1"]);
    assert!(code == Some(1) && number.contains("`unionflow user list`"), "{number}");
    let (code, numbered) = user(&["show", "0001"]);
    assert!(code == Some(0) && numbered.contains("awa@exemple.test"), "{numbered}");
    let (code, nobody) = user(&["disable", "nobody@exemple.test"]);
    assert!(code == Some(1) && nobody.contains("personne n’a de compte"), "{nobody}");
    assert_eq!(user(&["disable", "awa@exemple.test"]).0, Some(0));
    assert!(user(&["show", "awa@exemple.test"]).1.contains("compte désactivé"));
    assert_eq!(user(&["enable", "awa@exemple.test"]).0, Some(0));
    let (code, reset) = user(&["reset", "awa@exemple.test"]);
    assert!(code == Some(0) && reset.contains("valable jusqu’au"), "{reset}");
    let (code, number) = user(&["release", "0001"]);
    assert!(code == Some(2) && number.contains("ni un téléphone ni un e-mail"), "{number}");
    let (code, free) = user(&["release", "0708123456"]);
    assert!(code == Some(0) && free.contains("ne peut plus se connecter"), "{free}");
    assert_eq!(user(&["show", "0708123456"]).0, Some(1));
}

#[test]
fn a_copy_is_put_back_beside_what_stood_there() {
    let folder = founded();
    let (data, copy) = (text(folder.path()).to_owned(), folder.path().join("copies/soir.db"));
    let run = |arguments: &[&str]| {
        let ended = unionflow(&[&["--data", &data], arguments].concat());
        (ended.code, ended.out + &ended.err)
    };
    let (code, unmounted) = run(&["backup", text(&copy)]);
    assert!(code == Some(1) && unmounted.contains("le dossier") && !copy.exists(), "{unmounted}");
    std::fs::create_dir(folder.path().join("copies")).expect("a folder");
    assert_eq!(run(&["backup", text(&copy)]).0, Some(0));
    let (code, again) = run(&["backup", text(&copy)]);
    assert!(code == Some(1) && again.contains("choisissez un autre nom"), "{again}");
    assert_eq!(run(&["user", "role", "awa@exemple.test", "AUDITOR"]).0, Some(0));
    let (code, restored) = run(&["restore", text(&copy)]);
    assert!(code == Some(0) && restored.contains("est gardé ici"), "{restored}");
    assert!(!run(&["user", "list"]).1.contains("AUDITOR"), "the copy is from before");
    let (code, verified) = run(&["verify"]);
    assert!(code == Some(0) && verified.contains("l’enchaînement est intact"), "{verified}");
    let table = folder.path().join("membres.csv");
    std::fs::write(&table, "Nom;Prénom\nKoné;Awa\n").expect("a file");
    let (code, other) = run(&["restore", text(&table)]);
    assert!(code == Some(1) && other.contains("n’est pas une sauvegarde d’UnionFlow"), "{other}");
    let (code, missing) = run(&["restore", "nothing.db"]);
    assert!(code == Some(2) && missing.contains("donnez le chemin d’une sauvegarde"), "{missing}");
}

#[test]
fn the_doctor_says_that_nobody_can_decide_where_a_decider_s_account_is_disabled() {
    let folder = founded();
    let run = |arguments: &[&str]| unionflow(&[&["--data", text(folder.path())], arguments].concat());
    let says = "personne ne peut plus décider";
    assert!(!run(&["doctor"]).out.contains(says));
    assert_eq!(run(&["user", "disable", "awa@exemple.test"]).code, Some(0));
    let examined = run(&["doctor"]);
    assert!(examined.code == Some(3) && examined.out.contains(says), "{examined:?}");
    assert_eq!(run(&["user", "enable", "awa@exemple.test"]).code, Some(0));
    assert!(!run(&["doctor"]).out.contains(says));
}

#[test]
fn the_doctor_finds_a_sound_installation_sound_and_says_how_much_room_is_left() {
    let folder = founded();
    let examined = unionflow(&["--data", text(folder.path()), "doctor"]);
    for words in ["le fichier des données est sain", "l’enchaînement est intact", "disque :", "Mio libres"]
    {
        assert!(examined.out.contains(words), "{words}: {} {}", examined.out, examined.err);
    }
    assert_ne!(examined.code, Some(2));
}
