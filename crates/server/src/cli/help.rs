//! The command line's help and complaints, in both languages: French replaces what clap would say by itself.

use std::ffi::OsString;

use clap::{
    Arg, ArgAction, Command, CommandFactory,
    error::{ContextKind, ErrorKind},
};
use unionflow_protocol::Language;

use super::Cli;
use crate::texts::{FRENCH_HELP, FRENCH_VALUES};

/// The command line with its help in a language.
pub(crate) fn command(language: Language) -> Command {
    let command = Cli::command();
    match language {
        Language::English => command.after_help(ENGLISH_EXIT_CODES),
        Language::French => in_french(command, "").after_help(FRENCH_EXIT_CODES),
    }
}

const ENGLISH_EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done, 2 the command line or the configuration is wrong,
3 done, and what was looked at is not in order (verify, doctor, import members), 130 ended by a second signal.";
const FRENCH_EXIT_CODES: &str = "\
Codes de sortie : 0 fait, 1 rien n’a pu être fait, 2 la ligne de commande ou la configuration est fausse,
3 fait, et ce qui a été examiné n’est pas en ordre (verify, doctor, import members), 130 arrêté par un second signal.";

const FRENCH_TEMPLATE: &str = "\
{before-help}{about-with-newline}
Usage : {usage}

{all-args}{after-help}";

fn french(path: &str) -> Option<&'static str> {
    FRENCH_HELP.iter().find(|(at, _)| *at == path).map(|(_, text)| *text)
}

fn in_french(mut command: Command, path: &str) -> Command {
    let joined = |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path} {part}") };
    if let Some(about) = french(path) {
        command = command.about(about).long_about(None);
    }
    // What clap would add by itself, it adds in English.
    let shown = |name: &'static str, short, action| Arg::new(name).long(name).short(short).action(action);
    command = command.disable_help_flag(true).arg(shown("help", 'h', ArgAction::Help));
    if path.is_empty() {
        command = command.disable_version_flag(true).arg(shown("version", 'V', ArgAction::Version));
    }
    command = command
        .help_template(FRENCH_TEMPLATE)
        .subcommand_help_heading("Commandes\u{a0}")
        .subcommand_value_name("COMMANDE")
        .disable_help_subcommand(true)
        .mut_args(|arg| {
            let place = place_of(&arg);
            let text = french(&joined(&place)).or_else(|| french(&place));
            arg_in_french(arg, text)
        });
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        let below = joined(&name);
        command = command.mut_subcommand(name, |sub| in_french(sub, &below));
    }
    command
}

fn arg_in_french(arg: Arg, text: Option<&'static str>) -> Arg {
    let heading = match (arg.is_positional(), arg.is_global_set()) {
        (true, _) => "Arguments\u{a0}",
        (false, true) => "Options communes\u{a0}",
        (false, false) => "Options\u{a0}",
    };
    let arg = arg.help_heading(heading);
    let Some(text) = text else { return arg };
    let mut text = text.to_owned();
    let mut arg = arg;
    if arg.get_action().takes_values() {
        arg = arg.hide_default_value(true).hide_env(true).hide_possible_values(true);
        let defaults = arg.get_default_values().iter().filter_map(|value| value.to_str());
        text.extend(defaults.map(|value| format!(" [par défaut\u{a0}: {value}]")));
        let possible: Vec<String> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !possible.is_empty() {
            text.push_str(&format!(" [au choix\u{a0}: {}]", possible.join(", ")));
        }
        let variable = arg.get_env().and_then(|name| name.to_str());
        text.extend(variable.map(|name| format!(" [variable\u{a0}: {name}]")));
        let named = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
        let french = FRENCH_VALUES.iter().find(|(english, _)| named.as_deref() == Some(*english));
        if let Some((_, french)) = french {
            arg = arg.value_name(*french);
        }
    }
    arg.help(text).long_help(None::<&str>)
}

/// `unionflow help COMMAND` as `unionflow COMMAND --help`: in French, clap's own command would speak English.
pub(crate) fn with_help(language: Language, mut arguments: Vec<OsString>) -> Vec<OsString> {
    if language == Language::French && arguments.get(1).is_some_and(|first| first == "help") {
        arguments.remove(1);
        arguments.push("--help".into());
    }
    arguments
}

/// What is wrong with a command line; nothing where clap's own words have to do.
pub(crate) fn error_in_french(error: &clap::Error) -> Option<String> {
    let of = |kind| error.get(kind).map(ToString::to_string);
    let text = match error.kind() {
        ErrorKind::UnknownArgument => {
            format!("`{}` n’est pas une option de cette commande", of(ContextKind::InvalidArg)?)
        }
        ErrorKind::InvalidSubcommand => {
            format!("la commande `{}` n’existe pas", of(ContextKind::InvalidSubcommand)?)
        }
        ErrorKind::MissingSubcommand => "il manque une commande".to_owned(),
        ErrorKind::MissingRequiredArgument => format!("il manque {}", of(ContextKind::InvalidArg)?),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let (value, arg) = (of(ContextKind::InvalidValue)?, of(ContextKind::InvalidArg)?);
            match value.is_empty() {
                true => format!("il manque une valeur à {arg}"),
                false => format!("la valeur `{value}` ne convient pas à {arg}"),
            }
        }
        ErrorKind::ArgumentConflict => {
            let (arg, prior) = (of(ContextKind::InvalidArg)?, of(ContextKind::PriorArg)?);
            if arg == prior {
                format!("{arg} est donné deux fois")
            } else {
                format!("{arg} et {prior} ne vont pas ensemble : gardez l’un des deux")
            }
        }
        _ => return None,
    };
    Some(format!("{text}\n\nVoir `unionflow --help`, ou `--help` après une commande."))
}

/// How an argument is named in the table of French texts.
fn place_of(arg: &Arg) -> String {
    match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => format!("<{}>", arg.get_id().as_str().to_lowercase()),
    }
}

const ENGLISH_TITLE: &str = "\
# The command line

What `--help` says, command by command. What can be set beside these options: [configuration](configuration.md).

This page is generated from the code: `cargo xtask codegen`.

";
const FRENCH_TITLE: &str = "\
# La ligne de commande

Ce que dit `--help`, commande par commande. Ce qui se règle en dehors de ces options : [la configuration](configuration.md).

Cette page est tirée du code : `cargo xtask codegen`.

";

/// The help of every command, one after the other.
pub(crate) fn help_document(language: Language) -> String {
    let mut document = language.pick(FRENCH_TITLE, ENGLISH_TITLE).to_owned();
    let mut root = command(language);
    root.build();
    describe(&root, &mut document);
    document.truncate(document.trim_end().len());
    document.push('\n');
    document
}

fn describe(command: &Command, document: &mut String) {
    let mut copy = command.clone().term_width(110);
    let name = copy.get_bin_name().unwrap_or(copy.get_name()).to_owned();
    document.push_str(&format!("## {name}\n\n```text\n{}```\n\n", copy.render_help()));
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        describe(sub, document);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(command: &Command, path: &str, missing: &mut Vec<String>) {
        let joined = |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path} {part}") };
        if french(path).is_none() {
            missing.push(format!("command `{path}`"));
        }
        for arg in command.get_arguments() {
            let place = place_of(arg);
            if french(&joined(&place)).is_none() && french(&place).is_none() {
                missing.push(joined(&place));
            }
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            walk(sub, &joined(sub.get_name()), missing);
        }
    }

    #[test]
    fn every_help_text_has_its_french() {
        let mut missing = Vec::new();
        walk(&Cli::command(), "", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn both_languages_parse_the_same_command_line() {
        for language in [Language::French, Language::English] {
            let line = ["unionflow", "import", "members", "membres.csv", "--dry-run", "--data", "d"];
            assert!(command(language).try_get_matches_from(line).is_ok(), "{language}");
            command(language).debug_assert();
        }
    }

    #[test]
    fn a_wrong_command_line_is_explained_in_french() {
        for (line, word) in [
            (&["unionflow", "demarrer"][..], "demarrer"),
            (&["unionflow", "serve", "--port"], "--port"),
            (&["unionflow", "user", "role"], "<IDENTIFIANT>"),
            (&["unionflow", "demo", "--seed", "x"], "`x`"),
            (&["unionflow", "demo", "--seed"], "--seed"),
            (&["unionflow", "completions", "cmd"], "`cmd`"),
            (&["unionflow", "serve", "--log", "info", "--log", "info"], "--log <FILTRE> est donné deux fois"),
            (&["unionflow", "dead-letters", "replay", "--all", "2:3"], "ne vont pas ensemble"),
            (&["unionflow", "migrate", "--take-back", "--to", "x"], "ne vont pas ensemble"),
        ] {
            let error = command(Language::French).try_get_matches_from(line).unwrap_err();
            let text = error_in_french(&error).unwrap_or_default();
            assert!(text.contains(word), "{line:?}: {text}");
        }
        let help = command(Language::French).try_get_matches_from(["unionflow", "--help"]).unwrap_err();
        assert_eq!(error_in_french(&help), None, "help is no error");
    }

    #[test]
    fn the_command_help_speaks_french_too() {
        let asked = ["unionflow", "help", "import", "members"].map(OsString::from).to_vec();
        let line = with_help(Language::French, asked);
        let help = command(Language::French).try_get_matches_from(line).unwrap_err();
        assert_eq!(help.kind(), ErrorKind::DisplayHelp);
        assert!(help.to_string().contains("Importer des membres"), "{help}");
    }

    #[test]
    fn help_is_in_the_language_asked_for() {
        assert!(
            help_document(Language::French).contains("Copier les données pendant que le serveur fonctionne")
        );
        for english in ["Commands", "Print help", "Print version", "default:", "env:", "<FILE>", "possible"] {
            assert!(!help_document(Language::French).contains(english), "{english}");
        }
        assert!(help_document(Language::English).contains("Copy the data while the server runs"));
    }
}
