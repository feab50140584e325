//! The binary as operators and treasurers use it: every command from outside, by what it prints and how it ends.

#[path = "command_line/data.rs"]
mod data;
#[path = "command_line/faults.rs"]
mod faults;
#[path = "command_line/history.rs"]
mod history;
#[path = "command_line/import.rs"]
mod import;
#[path = "command_line/keys.rs"]
mod keys;
#[path = "command_line/metrics.rs"]
mod metrics;
#[path = "command_line/running.rs"]
mod running;
#[path = "../../../xtask/src/sample.rs"]
mod sample;
#[path = "command_line/settings.rs"]
mod settings;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

/// The binary with nothing but a language in its environment, and cheap passwords.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unionflow"));
    command
        .args(arguments)
        .env_clear()
        .env("LANG", "fr_CI.UTF-8")
        .env("UNIONFLOW_PASSWORD_MEMORY_KIB", "8")
        .stdin(Stdio::null());
    command
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn unionflow(arguments: &[&str]) -> Ended {
    ended(&mut command(arguments))
}

/// A folder with one organisation: a president and a treasurer.
fn founded() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let data = folder.path().to_str().expect("text");
    let mut setup = command(&["setup", "--data", data, "--name", "Mutuelle Essai", "--password-stdin"]);
    setup.args(["--president-given-name", "Awa", "--president-family-name", "Koné"]);
    setup.args(["--president-login", "awa@exemple.test", "--treasurer-given-name", "Issa"]);
    setup.args(["--treasurer-family-name", "Bamba", "--treasurer-login", "07 08 12 34 56"]);
    let mut child = setup.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the binary starts");
    let passwords = b"baobab-pirogue-42-long\nmanioc-lagune-99-tres\n";
    child.stdin.take().expect("piped").write_all(passwords).expect("it reads");
    assert!(child.wait().expect("it ends").success(), "founded");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn a_closed_pipe_ends_a_command_quietly() {
    for arguments in [&["config", "show"][..], &["completions", "bash"]] {
        let mut child = command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn a_wrong_command_line_is_said_in_the_language_asked_for_and_ends_with_2() {
    let french = unionflow(&["bogus"]);
    assert_eq!(
        (french.code, french.err.contains("la commande `bogus` n’existe pas")),
        (Some(2), true),
        "{french:?}"
    );
    let english = unionflow(&["--lang", "en", "bogus"]);
    assert_eq!((english.code, english.err.contains("unrecognized subcommand")), (Some(2), true));
    let version = unionflow(&["--version"]);
    assert_eq!((version.code, version.out.starts_with("unionflow ")), (Some(0), true));
    for shell in ["bash", "zsh", "fish"] {
        let script = unionflow(&["completions", shell]);
        assert!(script.code == Some(0) && script.out.contains("import"), "{shell}");
    }
}

#[test]
fn founding_without_a_terminal_says_how_else_the_answers_are_given() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let named = ["setup", "--data", text(folder.path()), "--name", "Mutuelle Essai"];
    let president = ["--president-given-name", "Awa", "--president-family-name", "Koné"];
    let all = [&named[..], &president[..], &["--president-login", "awa@exemple.test"]].concat();
    for arguments in [&named[..], &all[..]] {
        let ended = unionflow(arguments);
        assert!(
            ended.code == Some(2)
                && ended.err.contains("pas de terminal : donnez les réponses en options")
                && ended.err.contains("--password-stdin"),
            "{ended:?}"
        );
    }
}

#[test]
fn founding_by_options_drops_no_treasurer_and_says_where_one_person_decides_alone() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let found = |more: &[&str], passwords: &[u8]| {
        let mut setup = command(&["setup", "--data", text(folder.path()), "--password-stdin"]);
        setup.args(["--president-given-name", "Awa", "--president-family-name", "Koné"]);
        setup.args(["--name", "Mutuelle Essai", "--president-login", "awa@exemple.test"]).args(more);
        setup.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = setup.spawn().expect("the binary starts");
        child.stdin.take().expect("piped").write_all(passwords).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
        (output.status.code(), said)
    };
    let two = b"baobab-pirogue-42-long\nmanioc-lagune-99-tres\n";
    for (more, says) in [
        (["--treasurer-given-name", "Issa"], "--treasurer-login : manque"),
        (["--treasurer-family-name", "Bamba"], "--treasurer-login : manque"),
        (["--treasurer-login", "07081234"], "--treasurer-login : un ancien numéro à 8 chiffres"),
        (["--treasurer-login", "AWA@exemple.test"], "--treasurer-login : déjà donné pour la présidence"),
        (["--cash", "-5"], "--cash : un montant entier, 0 ou plus"),
    ] {
        let (code, said) = found(&more, two);
        assert!(code == Some(2) && said.contains(says), "{more:?}: {said}");
    }
    let (code, said) = found(&["--cash", "125000"], two);
    assert!(code == Some(0) && said.contains("Signature unique"), "{said}");
}

#[test]
fn a_wrong_setting_names_its_key_and_where_it_was_set() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("unionflow.toml");
    std::fs::write(&file, "sessions = 0\n").expect("a file");
    let check = |change: &dyn Fn(&mut Command)| {
        let mut check = command(&["config", "check"]);
        change(&mut check);
        let ended = ended(&mut check);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        ended.err
    };
    let from_file = check(&|command| {
        command.args(["--config", text(&file)]);
    });
    assert!(
        from_file.contains("sessions : 0 n’est pas entre") && from_file.contains("unionflow.toml"),
        "{from_file}"
    );
    std::fs::write(&file, "sessions = 0\nlisten = \"ici\"\ncountry = \"Ivoire\"\n").expect("a file");
    let several = check(&|command| {
        command.args(["--config", text(&file)]);
    });
    for key in ["sessions : 0", "listen : `ici`", "country : `Ivoire`"] {
        assert!(several.contains(key), "{key}: {several}");
    }
    let from_environment = check(&|command| {
        command.env("UNIONFLOW_SESSIONS", "many");
    });
    assert!(from_environment.contains("(vient de `UNIONFLOW_SESSIONS`)"), "{from_environment}");
    let both = check(&|command| {
        command.args(["--data", "d"]).env("DATABASE_URL", "sqlite:x");
    });
    assert!(both.contains("--data") && both.contains("DATABASE_URL"), "{both}");
    let from_flag = unionflow(&["--lang", "en", "serve", "--listen", "there"]);
    assert!(
        from_flag.err.contains("listen: `there` is not an address")
            && from_flag.err.contains("(from `--listen`)")
    );
}
