//! The subcommands: one file each.

use std::{ffi::OsString, process::ExitCode, time::Duration};

use clap::FromArgMatches;
use unionflow_protocol::Language;
use unionflow_storage::StoreFault;

use crate::{
    cli::{self, Action, Cli},
    config::{ConfigFault, Flags, Settings},
    out, texts,
};

mod backup;
mod beside;
mod completions;
mod config;
mod dead_letters;
mod demo;
mod doctor;
mod import;
#[cfg(feature = "kafka")]
mod kafka;
mod keys;
mod login;
mod migrate;
mod serve;
mod setup;
mod user;
mod verify;
mod watch;

/// How a command ended, beside success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration or the options are wrong: exit code 2.
    Usage(String),
    /// It could not be done: exit code 1.
    Other(String),
    /// It was done, and what it looked at is not in order: exit code 3. Everything has been said.
    FoundFaults,
}

/// What every command gets.
pub(crate) struct Environment {
    pub(crate) settings: Settings,
    pub(crate) language: Language,
}

impl Environment {
    /// The sentence of this language.
    pub(crate) fn say<'a>(&self, french: &'a str, english: &'a str) -> &'a str {
        self.language.pick(french, english)
    }

    /// What is wrong with the configuration, in this language.
    pub(crate) fn usage(&self, fault: &ConfigFault) -> Failure {
        Failure::Usage(fault.text(self.language).to_owned())
    }

    /// A fault of the store, in this language.
    pub(crate) fn fault(&self, fault: &StoreFault) -> Failure {
        Failure::Other(fault.text(self.language))
    }
}

pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    let language = texts::language(&arguments);
    let matches = match cli::command(language).try_get_matches_from(cli::with_help(language, arguments)) {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are asked for, and no failure; clap knows which is which.
            match cli::error_in_french(&error).filter(|_| language == Language::French) {
                Some(text) => out::complain(format_args!("unionflow: {text}\n")),
                None => drop(error.print()),
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = match Cli::from_arg_matches(&matches) {
        Ok(cli) => dispatch(cli, language),
        Err(error) => Err(Failure::Usage(error.to_string())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => complain(&text, 2),
        Err(Failure::Other(text)) => complain(&text, 1),
        Err(Failure::FoundFaults) => ExitCode::from(3),
    }
}

fn complain(text: &str, code: u8) -> ExitCode {
    out::complain(format_args!("unionflow: {text}\n"));
    ExitCode::from(code)
}

fn dispatch(cli: Cli, language: Language) -> Result<(), Failure> {
    // Those that need no server of their own, and so no configuration.
    match &cli.command {
        Action::Completions { shell } => {
            completions::run(*shell, language);
            return Ok(());
        }
        Action::Login(asked) => return login::login(language, asked),
        Action::Logout => return login::logout(language),
        Action::Watch(asked) => return watch::run(language, asked),
        _ => {}
    }
    let listen = match &cli.command {
        Action::Serve(listen) => Some(listen.clone()),
        Action::Demo(demo) => Some(demo.listen.clone()),
        _ => None,
    };
    let flags = Flags {
        listen: listen.as_ref().and_then(|listen| listen.listen.clone()),
        admin_listen: listen.as_ref().and_then(|listen| listen.admin_listen.clone()),
        role: listen.as_ref().and_then(|listen| listen.role.clone()),
        database_url: cli.data.as_ref().map(|data| format!("sqlite:{}", data.join("unionflow.db").display())),
        log: cli.log.clone(),
        log_format: cli.log_format.clone(),
    };
    let settings = Settings::load(cli.config.as_deref(), &flags)
        .map_err(|fault| Failure::Usage(fault.text(language).to_owned()))?;
    let environment = Environment { settings, language };
    match cli.command {
        Action::Serve(_) => serve::run(environment),
        Action::Demo(demo) => demo::run(environment, &demo),
        Action::Setup(setup) => setup::run(environment, *setup),
        Action::Import(cli::Import::Members(members)) => import::run(environment, &members),
        Action::User(user) => user::run(environment, user),
        Action::Keys(keys) => keys::run(environment, keys),
        Action::Verify(verify) => verify::run(environment, &verify),
        Action::Backup { file } => backup::backup(environment, &file),
        Action::Restore { file } => backup::restore(environment, &file),
        Action::DeadLetters(asked) => dead_letters::run(&environment, asked),
        Action::Migrate(migrate) => migrate::run(environment, &migrate),
        Action::Doctor => doctor::run(environment),
        Action::Config(action) => config::run(&environment, action),
        Action::Completions { .. } | Action::Login(_) | Action::Logout | Action::Watch(_) => Ok(()),
    }
}

/// How long threads may take that nobody waits for any more.
const GOODBYE: Duration = Duration::from_millis(200);

/// Runs a command's work on a runtime.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Other(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(work);
    // What is left asks brokers that do not answer: nothing waits for it.
    runtime.shutdown_timeout(GOODBYE);
    outcome
}
