//! `unionflow setup`: founds the first organisation.

use std::io::{BufRead, IsTerminal, Write};

use unionflow_protocol::{
    Amount, Origin,
    rest::{
        auth::Secret,
        organization::{FounderAccount, OpeningBalances, Setup},
    },
};

use super::{Environment, Failure, beside, block_on};
use crate::cli;

pub(crate) fn run(environment: Environment, options: cli::Setup) -> Result<(), Failure> {
    block_on(async {
        let service = beside::open(&environment, true).await?;
        let setup = read(&environment, options)?;
        let id = service
            .set_up(setup, Origin::Operator)
            .await
            .map_err(|undo| beside::failed(&environment, &undo))?;
        println!("{} {id}", environment.say("Organisation fondée :", "Organisation founded:"));
        Ok(())
    })
}

fn read(environment: &Environment, options: cli::Setup) -> Result<Setup, Failure> {
    let ask = |given: Option<String>, option: &str, question: &str| match given {
        Some(given) => Ok(given),
        None if std::io::stdin().is_terminal() => prompt(question),
        None => Err(Failure::Usage(format!("--{option}: {}", environment.say("manque", "is missing")))),
    };
    let name =
        ask(options.name, "name", environment.say("Nom de l’organisation", "Name of the organisation"))?;
    let passwords = if options.password_stdin { stdin_lines()? } else { Vec::new() };
    let password = |n: usize, question: &str| match passwords.get(n) {
        Some(line) => Ok(Secret(line.clone())),
        None if options.password_stdin => Err(Failure::Usage(format!(
            "--password-stdin: {}",
            environment.say("il manque une ligne", "a line is missing")
        ))),
        None => prompt_password(question).map(Secret),
    };
    let president = FounderAccount {
        given_name: ask(
            options.president_given_name,
            "president-given-name",
            environment.say("Prénom de la présidence", "Given name of the president"),
        )?,
        family_name: ask(
            options.president_family_name,
            "president-family-name",
            environment.say("Nom de la présidence", "Family name of the president"),
        )?,
        login: ask(
            options.president_login,
            "president-login",
            environment.say("Téléphone ou e-mail de la présidence", "Phone or e-mail of the president"),
        )?,
        password: password(0, environment.say("Mot de passe de la présidence", "Password of the president"))?,
    };
    let treasurer = match options.treasurer_login {
        Some(login) => Some(FounderAccount {
            given_name: ask(
                options.treasurer_given_name,
                "treasurer-given-name",
                environment.say("Prénom de la trésorerie", "Given name of the treasurer"),
            )?,
            family_name: ask(
                options.treasurer_family_name,
                "treasurer-family-name",
                environment.say("Nom de la trésorerie", "Family name of the treasurer"),
            )?,
            login,
            password: password(
                1,
                environment.say("Mot de passe de la trésorerie", "Password of the treasurer"),
            )?,
        }),
        None => None,
    };
    let amount = |option: &str, minor: i64| {
        Amount::new(minor).map_err(|error| Failure::Usage(format!("--{option}: {error}")))
    };
    let parsed = |option: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("--{option}: {error}"));
    Ok(Setup {
        code: Secret(String::new()),
        name,
        currency: Some(options.currency.parse().map_err(|error| parsed("currency", &error))?),
        time_zone: Some(options.time_zone.parse().map_err(|error| parsed("time-zone", &error))?),
        country: Some(options.country),
        language: Some(environment.language),
        opening_balances: OpeningBalances {
            cash: amount("cash", options.cash)?,
            bank: amount("bank", options.bank)?,
            mobile_money: amount("mobile-money", options.mobile_money)?,
        },
        president,
        treasurer,
    })
}

fn prompt(question: &str) -> Result<String, Failure> {
    eprint!("{question} : ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| Failure::Other(error.to_string()))?;
    Ok(line.trim().to_owned())
}

fn prompt_password(question: &str) -> Result<String, Failure> {
    rpassword::prompt_password(format!("{question} : ")).map_err(|error| Failure::Other(error.to_string()))
}

fn stdin_lines() -> Result<Vec<String>, Failure> {
    let lines: Result<Vec<String>, _> = std::io::stdin().lock().lines().take(2).collect();
    lines.map_err(|error| Failure::Other(error.to_string()))
}
