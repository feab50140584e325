//! `unionflow setup`: founds the first organisation.

use std::io::{BufRead, IsTerminal};

use unionflow_auth::password::strong_enough;
use unionflow_domain::{contact::fold, hint::Hint};
use unionflow_protocol::{
    Amount, Origin,
    rest::{
        auth::Secret,
        organization::{FounderAccount, OpeningBalances, Setup},
    },
};

use super::{Environment, Failure, beside, block_on};
use crate::{
    cli,
    out::{self, outln},
};

pub(crate) fn run(environment: Environment, options: cli::Setup) -> Result<(), Failure> {
    block_on(async {
        let service = beside::open(&environment, true).await?;
        let setup = read(&environment, options)?;
        let id = service
            .set_up(setup, Origin::Operator)
            .await
            .map_err(|undo| beside::failed(&environment, &undo))?;
        outln!("{} {id}", environment.say("Organisation fondée :", "Organisation founded:"));
        Ok(())
    })
}

fn read(environment: &Environment, options: cli::Setup) -> Result<Setup, Failure> {
    let (name, cash, bank, mobile_money) =
        (options.name.clone(), options.cash, options.bank, options.mobile_money);
    let (currency, time_zone, country) =
        (options.currency.clone(), options.time_zone.clone(), options.country.clone());
    let questions = Questions {
        environment,
        passwords: if options.password_stdin { Some(stdin_lines()?) } else { None },
        interactive: std::io::stdin().is_terminal() && !options.password_stdin,
    };
    let name = questions.ask(name, "name", "Nom de l’organisation", "Name of the organisation")?;
    let president = questions.president(&options)?;
    let treasurer = questions.treasurer(options)?;
    let amount = |option: &str, minor: i64| {
        Amount::new(minor).map_err(|error| Failure::Usage(format!("--{option}: {error}")))
    };
    let parsed = |option: &str, error: &dyn std::fmt::Display| Failure::Usage(format!("--{option}: {error}"));
    Ok(Setup {
        code: Secret(String::new()),
        name,
        currency: Some(currency.parse().map_err(|error| parsed("currency", &error))?),
        time_zone: Some(time_zone.parse().map_err(|error| parsed("time-zone", &error))?),
        country: Some(country),
        language: Some(environment.language),
        opening_balances: OpeningBalances {
            cash: amount("cash", cash)?,
            bank: amount("bank", bank)?,
            mobile_money: amount("mobile-money", mobile_money)?,
        },
        president,
        treasurer,
    })
}

/// What the options leave out is asked for, where somebody is there to answer.
struct Questions<'a> {
    environment: &'a Environment,
    /// One a founder, with `--password-stdin`.
    passwords: Option<Vec<String>>,
    interactive: bool,
}

impl Questions<'_> {
    fn president(&self, options: &cli::Setup) -> Result<FounderAccount, Failure> {
        let (given, family, login) = (
            options.president_given_name.clone(),
            options.president_family_name.clone(),
            options.president_login.clone(),
        );
        let mut president = FounderAccount {
            given_name: self.ask(
                given,
                "president-given-name",
                "Prénom du président ou de la présidente",
                "Given name of the president",
            )?,
            family_name: self.ask(
                family,
                "president-family-name",
                "Nom du président ou de la présidente",
                "Family name of the president",
            )?,
            login: self.ask(
                login,
                "president-login",
                "Téléphone ou e-mail du président ou de la présidente",
                "Phone or e-mail of the president",
            )?,
            password: Secret(String::new()),
        };
        let question = self
            .environment
            .say("Mot de passe du président ou de la présidente", "Password of the president");
        president.password = self.password(0, &president, question)?;
        Ok(president)
    }

    /// None where one person begins alone.
    fn treasurer(&self, options: cli::Setup) -> Result<Option<FounderAccount>, Failure> {
        let login = match options.treasurer_login {
            None if self.interactive => self.prompt(
                "Téléphone ou e-mail du trésorier ou de la trésorière (vide : une personne commence seule)",
                "Phone or e-mail of the treasurer (empty: one person begins alone)",
            )?,
            given => given.unwrap_or_default(),
        };
        if login.is_empty() {
            return Ok(None);
        }
        let mut treasurer = FounderAccount {
            given_name: self.ask(
                options.treasurer_given_name,
                "treasurer-given-name",
                "Prénom du trésorier ou de la trésorière",
                "Given name of the treasurer",
            )?,
            family_name: self.ask(
                options.treasurer_family_name,
                "treasurer-family-name",
                "Nom du trésorier ou de la trésorière",
                "Family name of the treasurer",
            )?,
            login,
            password: Secret(String::new()),
        };
        let question = self
            .environment
            .say("Mot de passe du trésorier ou de la trésorière", "Password of the treasurer");
        treasurer.password = self.password(1, &treasurer, question)?;
        Ok(Some(treasurer))
    }

    fn ask(
        &self,
        given: Option<String>,
        option: &str,
        french: &str,
        english: &str,
    ) -> Result<String, Failure> {
        match given {
            Some(given) => Ok(given),
            None if self.interactive => self.prompt(french, english),
            None if self.passwords.is_some() => {
                Err(Failure::Usage(format!("--{option}: {}", self.environment.say("manque", "is missing"))))
            }
            None => Err(Failure::Usage(format!(
                "--{option}: {} ; {}",
                self.environment.say("manque", "is missing"),
                self.no_terminal()
            ))),
        }
    }

    fn prompt(&self, french: &str, english: &str) -> Result<String, Failure> {
        out::complain(format_args!("{}{}", self.environment.say(french, english), self.colon()));
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map_err(|error| Failure::Other(error.to_string()))?;
        Ok(line.trim().to_owned())
    }

    fn password(&self, founder: usize, account: &FounderAccount, question: &str) -> Result<Secret, Failure> {
        match &self.passwords {
            Some(lines) => lines.get(founder).cloned().map(Secret).ok_or_else(|| {
                let missing = self.environment.say("il manque une ligne", "a line is missing");
                Failure::Usage(format!("--password-stdin: {missing}"))
            }),
            None if self.interactive => self.new_password(account, question),
            None => Err(Failure::Usage(self.no_terminal().to_owned())),
        }
    }

    /// A password that is strong enough, typed twice alike: whoever mistypes it here could not sign in.
    fn new_password(&self, account: &FounderAccount, question: &str) -> Result<Secret, Failure> {
        let ask = |question: &str| {
            rpassword::prompt_password(format!("{question}{}", self.colon()))
                .map_err(|error| Failure::Other(error.to_string()))
        };
        let about = [fold(&account.given_name), fold(&account.family_name), fold(&account.login)];
        loop {
            let password = ask(question)?;
            if strong_enough(&password, &about.each_ref().map(String::as_str)).is_err() {
                let hint = Hint::PasswordTooWeak.text(self.environment.language);
                out::complain(format_args!("  {hint}\n"));
            } else if ask(self.environment.say("Encore une fois", "Once more"))? == password {
                return Ok(Secret(password));
            } else {
                let differ = self.environment.say(
                    "les deux mots de passe ne sont pas les mêmes",
                    "the two passwords are not the same",
                );
                out::complain(format_args!("  {differ}\n"));
            }
        }
    }

    fn colon(&self) -> &'static str {
        self.environment.language.pick(" : ", ": ")
    }

    fn no_terminal(&self) -> &'static str {
        self.environment.language.pick(
            "pas de terminal : donnez les réponses en options, et les mots de passe avec --password-stdin",
            "no terminal: give the answers as options, and the passwords with --password-stdin",
        )
    }
}

fn stdin_lines() -> Result<Vec<String>, Failure> {
    let lines: Result<Vec<String>, _> = std::io::stdin().lock().lines().take(2).collect();
    lines.map_err(|error| Failure::Other(error.to_string()))
}
