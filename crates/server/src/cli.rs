//! The command line: what can be asked, in both languages.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Arg, ArgAction, Args, Command, CommandFactory, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ErrorKind},
};
use unionflow_protocol::Language;

use crate::texts::{FRENCH_HELP, FRENCH_VALUES};

/// Where options that every command has are listed.
const COMMON: &str = "Common options";

/// The live backbone of associations, mutuals and unions
#[derive(Debug, Parser)]
#[command(name = "unionflow", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// Read the configuration from this file (TOML)
    #[arg(
        long,
        global = true,
        help_heading = COMMON,
        value_name = "FILE",
        env = "UNIONFLOW_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,
    /// The language of texts: fr or en
    #[arg(long, global = true, help_heading = COMMON, value_name = "LANG")]
    pub(crate) lang: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or by module
    #[arg(long, global = true, help_heading = COMMON, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// The form of log lines: human or json
    #[arg(long, global = true, help_heading = COMMON, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// The folder of the data (short for DATABASE_URL=sqlite:DIR/unionflow.db)
    #[arg(long, global = true, help_heading = COMMON, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Action,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Run the server
    Serve(Listen),
    /// Try UnionFlow: a full server with two made-up organisations and something going on
    Demo(Demo),
    /// Found the first organisation, by answering questions or by options
    Setup(Box<Setup>),
    /// Import a file
    #[command(subcommand)]
    Import(Import),
    /// People's accounts, as the operator sees them
    #[command(subcommand)]
    User(User),
    /// Keys of other systems: what each may read or send
    #[command(subcommand)]
    Keys(Keys),
    /// Verify that nobody has touched the journals
    Verify(InOrganization),
    /// Copy the data while the server runs
    Backup {
        /// The file to write
        file: PathBuf,
    },
    /// Put a copy back in place
    Restore {
        /// The copy
        file: PathBuf,
    },
    /// What other systems sent and could not be taken in
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Move the data from its file into a PostgreSQL database
    Migrate(Migrate),
    /// Look at the installation and say what is wrong
    Doctor,
    /// Sign in to a server, and stay signed in on this machine
    Login(Login),
    /// Sign out, here and on the server
    Logout,
    /// The dashboard of your organisation, live, in this terminal
    Watch(Watch),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigAction),
    /// Completions for your shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args, Clone)]
pub(crate) struct Listen {
    /// The address where everything is served
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// The local address of metrics and health
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin_listen: Option<String>,
    /// What this process serves of it: all, api, gateway
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) listen: Listen,
    /// The same seed gives the same people, amounts and passwords
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// No activity: nothing happens but what you do
    #[arg(long)]
    pub(crate) quiet_life: bool,
    /// One line of JSON for scripts, and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Setup {
    /// The organisation's name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its currency; it never changes
    #[arg(long, value_name = "CODE", default_value = "XOF")]
    pub(crate) currency: String,
    /// Its time zone
    #[arg(long, value_name = "ZONE", default_value = "Africa/Abidjan")]
    pub(crate) time_zone: String,
    /// The country of phone numbers written without a prefix
    #[arg(long, value_name = "CC", default_value = "CI")]
    pub(crate) country: String,
    /// The president's given name
    #[arg(long, value_name = "NAME")]
    pub(crate) president_given_name: Option<String>,
    /// The president's family name
    #[arg(long, value_name = "NAME")]
    pub(crate) president_family_name: Option<String>,
    /// The president's phone or e-mail
    #[arg(long, value_name = "LOGIN")]
    pub(crate) president_login: Option<String>,
    /// The treasurer's given name
    #[arg(long, value_name = "NAME")]
    pub(crate) treasurer_given_name: Option<String>,
    /// The treasurer's family name
    #[arg(long, value_name = "NAME")]
    pub(crate) treasurer_family_name: Option<String>,
    /// The treasurer's phone or e-mail; without one, one person begins alone
    #[arg(long, value_name = "LOGIN")]
    pub(crate) treasurer_login: Option<String>,
    /// What the cash box holds at first, in the smallest unit
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub(crate) cash: Option<i64>,
    /// What the bank account holds at first
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub(crate) bank: Option<i64>,
    /// What the mobile money account holds at first
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub(crate) mobile_money: Option<i64>,
    /// Read the passwords from standard input: a line for the president, one for the treasurer
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import members (export of Galette)
    Members(ImportMembers),
}

#[derive(Debug, Args)]
pub(crate) struct ImportMembers {
    /// The file
    pub(crate) file: PathBuf,
    /// The organisation: its id, or part of its name
    #[arg(long, value_name = "ORG")]
    pub(crate) organization: Option<String>,
    /// Say what would happen, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Import the rows without errors
    #[arg(long)]
    pub(crate) skip_errors: bool,
    /// The report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// People who have an account
    List(InOrganization),
    /// One person
    Show {
        /// Phone, e-mail or member number
        login: String,
    },
    /// Give or take a role without a vote: journaled, and announced to all
    Role {
        /// Phone, e-mail or member number
        login: String,
        /// The role: ADMIN, PRESIDENT, TREASURER, SECRETARY, BOARD_MEMBER, AUDITOR
        role: String,
        /// The organisation, if the person has several
        #[arg(long, value_name = "ORG")]
        organization: Option<String>,
        /// Take the role
        #[arg(long)]
        revoke: bool,
    },
    /// A code for a new password; all sessions end
    Reset {
        /// Phone, e-mail or member number
        login: String,
    },
    /// Close an account: its sessions end within seconds
    Disable {
        /// Phone, e-mail or member number
        login: String,
    },
    /// Open an account again
    Enable {
        /// Phone, e-mail or member number
        login: String,
    },
    /// Take a phone or an e-mail away from the account that claimed it, so that its owner can use it
    Release {
        /// Phone or e-mail
        login: String,
    },
    /// Give a member without an account that of a person
    Link {
        /// The person's phone or e-mail
        login: String,
        /// The member's organisation
        #[arg(long, value_name = "ORG")]
        organization: Option<String>,
        /// The member's number
        #[arg(long, value_name = "NUMBER")]
        member_number: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Give another system a key; its secret is shown this once
    Create {
        /// What people are to call it: the system that gets it
        name: String,
        /// What it may do: read:members, read:money, declare-payments, inbound:TYPE,TYPE; once for each
        #[arg(long, value_name = "SCOPE", required = true)]
        scope: Vec<String>,
        /// The organisation: its id, or part of its name
        #[arg(long, value_name = "ORG")]
        organization: Option<String>,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// All keys, those that were revoked too, without their secrets
    List {
        /// Only this organisation: its id, or part of its name
        #[arg(long, value_name = "ORG")]
        organization: Option<String>,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// End a key, at once and everywhere
    Revoke {
        /// Its id, or the key itself
        key: String,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetters {
    /// The newest of them, the newest last, and how many there are of each reason
    List {
        /// Only this reason, such as UNKNOWN_ORGANIZATION
        #[arg(long, value_name = "CODE")]
        reason: Option<String>,
        /// How many at the most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// One of them, whole
    Show {
        /// Which: PARTITION:OFFSET, as the list has it
        place: String,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Send them to be taken in once more, after what was in the way is gone
    Replay {
        /// Which: PARTITION:OFFSET, as the list has it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        places: Vec<String>,
        /// All of them
        #[arg(long)]
        all: bool,
        /// With --all: only those of this reason
        #[arg(long, value_name = "CODE", requires = "all")]
        reason: Option<String>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// The empty database: postgres://user:password@host/database; without it, what UNIONFLOW_MIGRATE_TO names
    #[arg(long, value_name = "URL", conflicts_with = "take_back")]
    pub(crate) to: Option<String>,
    /// Give up the database that the data was moved to, and go on with the file as it was then
    #[arg(long)]
    pub(crate) take_back: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InOrganization {
    /// Only this organisation: its id, or part of its name
    #[arg(long, value_name = "ORG")]
    pub(crate) organization: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Login {
    /// Where the server is: its address in a browser
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,
    /// Your phone or e-mail
    #[arg(long, value_name = "LOGIN")]
    pub(crate) login: String,
    /// Read the password from standard input, one line
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// Which organisation, if you belong to several: its id, or part of its name
    #[arg(long, value_name = "ORG")]
    pub(crate) organization: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Another of your organisations than the one chosen when you signed in: its id, or part of its name
    #[arg(long, value_name = "ORG")]
    pub(crate) organization: Option<String>,
    /// One event a line, as JSON, for scripts
    #[arg(long, conflicts_with = "once")]
    pub(crate) json: bool,
    /// Print the figures, and leave
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigAction {
    /// Say whether the configuration is good
    Check,
    /// Show the configuration in force, without secrets
    Show,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Shell {
    /// bash
    Bash,
    /// elvish
    Elvish,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
    /// zsh
    Zsh,
}

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
