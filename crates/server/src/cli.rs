//! The command line: what can be asked.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod help;

pub(crate) use help::{command, error_in_french, help_document, with_help};

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
