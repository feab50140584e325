//! `unionflow setup`: founds the first organisation.

use std::io::{BufRead, IsTerminal};

use unionflow_domain::{contact::Country, hint::Hint, organization};
use unionflow_protocol::{
    Amount, Currency, Origin,
    rest::{
        auth::Secret,
        organization::{OpeningBalances, Setup},
    },
};

use self::questions::{Questions, Terminal};
use super::{Environment, Failure, beside, block_on};
use crate::{
    cli,
    out::{self, outln},
};

mod questions;

pub(crate) fn run(environment: Environment, options: cli::Setup) -> Result<(), Failure> {
    block_on(async {
        let service = beside::open(&environment, true).await?;
        let setup = read(&environment, options)?;
        let alone = setup.treasurer.is_none();
        let id = service
            .set_up(setup, Origin::Operator)
            .await
            .map_err(|undo| beside::failed(&environment, &undo))?;
        outln!("{} {id}", environment.say("Organisation fondée :", "Organisation founded:"));
        if alone {
            outln!("{}", single_signature(&environment));
        }
        Ok(())
    })
}

fn single_signature(environment: &Environment) -> &str {
    environment.say(
        "Signature unique : une personne est à la fois à la présidence et à la trésorerie, et décide seule jusqu’à ce qu’une autre ait une fonction.",
        "Single signature: one person is president and treasurer, and decides alone until somebody else holds an office.",
    )
}

fn read(environment: &Environment, options: cli::Setup) -> Result<Setup, Failure> {
    let passwords = if options.password_stdin { Some(stdin_lines()?) } else { None };
    let line = || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line)?;
        Ok((read > 0).then_some(line))
    };
    let hidden = |question: &str| rpassword::prompt_password(question);
    let terminal = Terminal { line: &line, hidden: &hidden };
    let somebody = std::io::stdin().is_terminal() && passwords.is_none();
    answers(environment, options, passwords, somebody.then_some(terminal))
}

/// The answers: those of the options, and of whoever sits at the terminal where somebody does.
fn answers(
    environment: &Environment,
    options: cli::Setup,
    passwords: Option<Vec<String>>,
    terminal: Option<Terminal<'_>>,
) -> Result<Setup, Failure> {
    let wrong = |option: &str, hint: Hint| {
        let colon = environment.say(" : ", ": ");
        Failure::Usage(format!("--{option}{colon}{}", hint.text(environment.language)))
    };
    let currency: Currency = options.currency.parse().map_err(|_| wrong("currency", Hint::Currency))?;
    let time_zone = options.time_zone.parse().map_err(|_| wrong("time-zone", Hint::TimeZone))?;
    let country =
        Country::parse("/country", &options.country).map_err(|fault| wrong("country", fault.hint))?;
    let questions = Questions { environment, passwords, terminal, country, currency };
    let name = questions.ask(
        options.name.as_deref(),
        "name",
        ("Nom de l’organisation", "Name of the organisation"),
        &organization::organization_name,
    )?;
    let president = questions.president(&options)?;
    let treasurer = questions.treasurer(&options, &president)?;
    let opening_balances = OpeningBalances {
        cash: questions.amount(options.cash, "cash", ("Dans la caisse", "In the cash box"))?,
        bank: questions.amount(options.bank, "bank", ("À la banque", "In the bank"))?,
        mobile_money: questions.amount(
            options.mobile_money,
            "mobile-money",
            ("Sur mobile money", "In mobile money"),
        )?,
    };
    let setup = Setup {
        code: Secret(String::new()),
        name,
        currency: Some(currency),
        time_zone: Some(time_zone),
        country: Some(country.to_string()),
        language: Some(environment.language),
        opening_balances,
        president,
        treasurer,
    };
    if questions.terminal.is_some() {
        out::complain(format_args!("\n{}\n", summary(environment, &setup, currency)));
        questions.confirm()?;
    }
    Ok(setup)
}

/// What is going to be founded, so that somebody sees it before it is.
fn summary(environment: &Environment, setup: &Setup, currency: Currency) -> String {
    let colon = environment.say(" : ", ": ");
    let opening = &setup.opening_balances;
    let amount = |amount: Amount| amount.format(currency, environment.language);
    let mut lines = vec![
        format!("{}{colon}{}", environment.say("Organisation", "Organisation"), setup.name),
        format!("{}{colon}{currency}", environment.say("Monnaie (pour toujours)", "Currency (for ever)")),
    ];
    let people = [
        (environment.say("Présidence", "President"), Some(&setup.president)),
        (environment.say("Trésorerie", "Treasurer"), setup.treasurer.as_ref()),
    ];
    for (office, person) in people {
        lines.extend(person.map(|person| {
            format!("{office}{colon}{} {} ({})", person.given_name, person.family_name, person.login)
        }));
    }
    if setup.treasurer.is_none() {
        lines.push(single_signature(environment).to_owned());
    }
    for (place, holds) in [
        (environment.say("Dans la caisse", "In the cash box"), opening.cash),
        (environment.say("À la banque", "In the bank"), opening.bank),
        (environment.say("Sur mobile money", "In mobile money"), opening.mobile_money),
    ] {
        lines.push(format!("{place}{colon}{}", amount(holds)));
    }
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

fn stdin_lines() -> Result<Vec<String>, Failure> {
    let lines: Result<Vec<String>, _> = std::io::stdin().lock().lines().take(2).collect();
    lines.map_err(|error| Failure::Other(error.to_string()))
}

#[cfg(test)]
mod tests;
