//! What the options of `unionflow setup` leave out is asked for, where somebody is there to answer. Every answer is looked at
//! when it is given, and asked for again where it cannot be used.

use std::io;

use unionflow_auth::password::strong_enough;
use unionflow_domain::{
    contact::{Country, LoginName, fold},
    hint::Hint,
    refusal::Fault,
    text,
};
use unionflow_protocol::{
    Amount, Currency, limits,
    problem::FieldCode,
    rest::{auth::Secret, organization::FounderAccount},
};

use super::{Environment, Failure};
use crate::{cli, out};

/// Who answers: lines that are seen (none at the end), and such that are not.
pub(super) struct Terminal<'a> {
    pub(super) line: &'a dyn Fn() -> io::Result<Option<String>>,
    pub(super) hidden: &'a dyn Fn(&str) -> io::Result<String>,
}

pub(super) struct Questions<'a> {
    pub(super) environment: &'a Environment,
    /// One a founder, with `--password-stdin`.
    pub(super) passwords: Option<Vec<String>>,
    pub(super) terminal: Option<Terminal<'a>>,
    /// Of phones without a prefix.
    pub(super) country: Country,
    pub(super) currency: Currency,
}

/// A question, in French and in English.
type Question = (&'static str, &'static str);
/// What reads an answer.
type Check<'c, T> = dyn Fn(&str) -> Result<T, Fault> + 'c;

/// The questions and options about one founder.
struct Founder<'o> {
    place: usize,
    office: &'static str,
    given_name: (Option<&'o str>, Question),
    family_name: (Option<&'o str>, Question),
    password: Question,
}

impl Questions<'_> {
    pub(super) fn president(&self, options: &cli::Setup) -> Result<FounderAccount, Failure> {
        let founder = Founder {
            place: 0,
            office: "president",
            given_name: (
                options.president_given_name.as_deref(),
                ("Prénom du président ou de la présidente", "Given name of the president"),
            ),
            family_name: (
                options.president_family_name.as_deref(),
                ("Nom du président ou de la présidente", "Family name of the president"),
            ),
            password: ("Mot de passe du président ou de la présidente", "Password of the president"),
        };
        let login = |questions: &Self| {
            let question =
                ("Téléphone ou e-mail du président ou de la présidente", "Phone or e-mail of the president");
            let check = |text: &str| questions.login(text);
            questions.ask(options.president_login.as_deref(), "president-login", question, &check)
        };
        self.founder(&founder, login)
    }

    /// None where one person begins alone: nothing is said of a treasurer.
    pub(super) fn treasurer(
        &self,
        options: &cli::Setup,
        president: &FounderAccount,
    ) -> Result<Option<FounderAccount>, Failure> {
        let founder = Founder {
            place: 1,
            office: "treasurer",
            given_name: (
                options.treasurer_given_name.as_deref(),
                ("Prénom du trésorier ou de la trésorière", "Given name of the treasurer"),
            ),
            family_name: (
                options.treasurer_family_name.as_deref(),
                ("Nom du trésorier ou de la trésorière", "Family name of the treasurer"),
            ),
            password: ("Mot de passe du trésorier ou de la trésorière", "Password of the treasurer"),
        };
        let taken = self.login(&president.login).ok();
        let check = |text: &str| {
            let login = self.login(text)?;
            if Some(&login) == taken.as_ref() {
                return Err(Fault::new("", FieldCode::Taken, Hint::LoginOfPresident));
            }
            Ok(login)
        };
        let named = founder.given_name.0.is_some() || founder.family_name.0.is_some();
        let login = match (options.treasurer_login.as_deref(), &self.terminal) {
            (None, None) if !named => return Ok(None),
            (None, Some(_)) if !named => {
                let question = (
                    "Téléphone ou e-mail du trésorier ou de la trésorière (vide : une personne commence seule)",
                    "Phone or e-mail of the treasurer (empty: one person begins alone)",
                );
                let or_nobody = |text: &str| if text.is_empty() { Ok(None) } else { check(text).map(Some) };
                match self.ask(None, "treasurer-login", question, &or_nobody)? {
                    Some(login) => login,
                    None => return Ok(None),
                }
            }
            (given, _) => {
                let question = (
                    "Téléphone ou e-mail du trésorier ou de la trésorière",
                    "Phone or e-mail of the treasurer",
                );
                self.ask(given, "treasurer-login", question, &check)?
            }
        };
        self.founder(&founder, |_| Ok(login)).map(Some)
    }

    fn founder(
        &self,
        founder: &Founder<'_>,
        login: impl FnOnce(&Self) -> Result<String, Failure>,
    ) -> Result<FounderAccount, Failure> {
        let name = |text: &str| text::line("", text, limits::NAME_CHARS);
        let ask = |(given, question): (Option<&str>, Question), part: &str| {
            self.ask(given, &format!("{}-{part}", founder.office), question, &name)
        };
        let mut account = FounderAccount {
            given_name: ask(founder.given_name, "given-name")?,
            family_name: ask(founder.family_name, "family-name")?,
            login: login(self)?,
            password: Secret(String::new()),
        };
        account.password = self.password(founder.place, &account, founder.password)?;
        Ok(account)
    }

    fn login(&self, text: &str) -> Result<String, Fault> {
        LoginName::field("", text, self.country).map(|login| login.as_str().to_owned())
    }

    /// What an account holds at first: 0 where nobody says.
    pub(super) fn amount(
        &self,
        given: Option<i64>,
        option: &str,
        question: Question,
    ) -> Result<Amount, Failure> {
        let fine = |minor: i64| {
            let amount = Amount::new(minor).ok().filter(|amount| !amount.is_negative());
            amount.ok_or_else(|| Fault::new("", FieldCode::Invalid, Hint::AmountNotNegative))
        };
        let given = match (given, &self.terminal) {
            (Some(given), _) => return fine(given).map_err(|fault| self.wrong(option, &fault)),
            (None, None) => return Ok(Amount::ZERO),
            (None, Some(_)) => None,
        };
        let unit = match self.currency.exponent() {
            0 => self.currency.label().to_owned(),
            _ => format!(
                "{}, {}",
                self.currency,
                self.environment.say("dans la plus petite unité", "in the smallest unit")
            ),
        };
        let empty = self.environment.say("vide : 0", "empty: 0");
        let question = format!("{}, {unit} ({empty})", self.environment.say(question.0, question.1));
        let check = |text: &str| {
            let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            if digits.is_empty() {
                return Ok(Amount::ZERO);
            }
            fine(digits.parse().unwrap_or(-1))
        };
        self.answer(given, option, &question, &check)
    }

    /// What an option says, or else somebody.
    pub(super) fn ask<T>(
        &self,
        given: Option<&str>,
        option: &str,
        question: Question,
        check: &Check<'_, T>,
    ) -> Result<T, Failure> {
        self.answer(given, option, self.environment.say(question.0, question.1), check)
    }

    fn answer<T>(
        &self,
        given: Option<&str>,
        option: &str,
        question: &str,
        check: &Check<'_, T>,
    ) -> Result<T, Failure> {
        if let Some(given) = given {
            return check(given.trim()).map_err(|fault| self.wrong(option, &fault));
        }
        let Some(terminal) = &self.terminal else {
            let missing = self.environment.say("manque", "is missing");
            let mut text = format!("--{option}{}{missing}", self.colon());
            if self.passwords.is_none() {
                text.push_str(&format!("{}{}", self.environment.say(" ; ", "; "), self.no_terminal()));
            }
            return Err(Failure::Usage(text));
        };
        loop {
            match check(&self.line(terminal, question)?) {
                Ok(value) => return Ok(value),
                Err(fault) => self.remark(&fault.hint.text(self.environment.language)),
            }
        }
    }

    /// Whether it is to be founded as the summary says.
    pub(super) fn confirm(&self) -> Result<(), Failure> {
        let Some(terminal) = &self.terminal else { return Ok(()) };
        loop {
            let question = self.environment.say("Fonder ainsi ? (oui/non)", "Found it so? (yes/no)");
            match fold(&self.line(terminal, question)?).as_str() {
                "o" | "oui" | "y" | "yes" => return Ok(()),
                "n" | "non" | "no" => {
                    let text = self.environment.say("rien n’a été fondé", "nothing was founded");
                    return Err(Failure::Other(text.to_owned()));
                }
                _ => self.remark(self.environment.say("oui ou non", "yes or no")),
            }
        }
    }

    fn line(&self, terminal: &Terminal<'_>, question: &str) -> Result<String, Failure> {
        out::complain(format_args!("{question}{}", self.colon()));
        let line = (terminal.line)().map_err(|error| Failure::Other(error.to_string()))?;
        let line = line.ok_or_else(|| {
            let ended =
                self.environment.say("pas de réponse ; rien n’a été fondé", "no answer; nothing was founded");
            Failure::Other(ended.to_owned())
        })?;
        Ok(line.trim().to_owned())
    }

    fn password(
        &self,
        founder: usize,
        account: &FounderAccount,
        question: Question,
    ) -> Result<Secret, Failure> {
        match (&self.passwords, &self.terminal) {
            (Some(lines), _) => lines.get(founder).cloned().map(Secret).ok_or_else(|| {
                let missing = self.environment.say("il manque une ligne", "a line is missing");
                Failure::Usage(format!("--password-stdin{}{missing}", self.colon()))
            }),
            (None, Some(terminal)) => self.new_password(terminal, account, question),
            (None, None) => Err(Failure::Usage(self.no_terminal().to_owned())),
        }
    }

    /// A password that is strong enough, typed twice alike: whoever mistypes it here could not sign in.
    fn new_password(
        &self,
        terminal: &Terminal<'_>,
        account: &FounderAccount,
        question: Question,
    ) -> Result<Secret, Failure> {
        let ask = |question: &str| {
            (terminal.hidden)(&format!("{question}{}", self.colon()))
                .map_err(|error| Failure::Other(error.to_string()))
        };
        let about = [fold(&account.given_name), fold(&account.family_name), fold(&account.login)];
        loop {
            let password = ask(self.environment.say(question.0, question.1))?;
            if strong_enough(&password, &about.each_ref().map(String::as_str)).is_err() {
                self.remark(&Hint::PasswordTooWeak.text(self.environment.language));
            } else if ask(self.environment.say("Encore une fois", "Once more"))? == password {
                return Ok(Secret(password));
            } else {
                self.remark(self.environment.say(
                    "les deux mots de passe ne sont pas les mêmes",
                    "the two passwords are not the same",
                ));
            }
        }
    }

    fn remark(&self, text: &str) {
        out::complain(format_args!("  {text}\n"));
    }

    fn wrong(&self, option: &str, fault: &Fault) -> Failure {
        Failure::Usage(format!("--{option}{}{}", self.colon(), fault.hint.text(self.environment.language)))
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
