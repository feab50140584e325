//! What would be right: every hint about a field, in both languages, in one place.

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    account::AccountKind,
    approval::TransactionType,
    language::Language,
    money::{Amount, Currency},
    role::RoleSet,
};

/// What would be right in a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the values that the sentence names")]
pub enum Hint {
    /// It has to be there.
    Required,
    /// It has to be left out here.
    LeaveOut,
    /// Between so many and so many characters.
    Characters { min: usize, max: usize },
    /// Without line breaks and control characters.
    OneLine,
    /// Without characters that nobody sees.
    Invisible,
    /// A phone number.
    Phone { country: String },
    /// A phone number of the old eight digits; a proposal.
    OldPhone { proposal: Option<String> },
    /// A phone number whose leading zero a spreadsheet took away; a proposal.
    LostZero { proposal: String },
    /// An e-mail address.
    Email,
    /// A phone number or an e-mail address.
    PhoneOrEmail,
    /// An amount above zero.
    AmountAboveZero,
    /// An amount of zero or more.
    AmountNotNegative,
    /// The currency of the organisation.
    CurrencyIs(Currency),
    /// An account of this organisation that holds money.
    MoneyAccount,
    /// Another account than the cash box.
    AccountNotCash,
    /// Two different accounts.
    AccountsDiffer,
    /// Does not belong to this type.
    NotForType(TransactionType),
    /// An active member of this organisation.
    ActiveMember,
    /// A plain member asks for himself only.
    OnlyYourself,
    /// One of the types a plain member may ask for.
    MemberTypes,
    /// Asked for by another route.
    UseRoute(String),
    /// A range that ends above its beginning.
    BandEndsAboveStart,
    /// Ranges of one type do not overlap.
    BandsOverlap,
    /// A level that a band names is described.
    LevelMissing,
    /// Only `NONE` has no steps.
    StepsRequired,
    /// `NONE` has no steps.
    NoSteps,
    /// Only these roles may vote.
    OnlyRoles(RoleSet),
    /// Between these numbers.
    Between { min: u64, max: u64 },
    /// At most so many.
    AtMost(u64),
    /// Changes of policy and of roles need a level with at least one vote.
    GovernanceNeedsVotes(TransactionType),
    /// An ISO 3166 country.
    Country,
    /// A time zone.
    TimeZone,
    /// Nothing would change.
    NothingChanges,
    /// Not after today.
    NotInTheFuture,
    /// `ACTIVE` or `APPLICANT`.
    NewMemberStatus,
    /// Not taken by somebody else.
    NumberTaken,
    /// This login belongs to another account.
    LoginTaken,
    /// This login is the president's, given a moment ago.
    LoginOfPresident,
    /// A password that is hard to guess.
    PasswordTooWeak,
    /// Characters that a member number is made of.
    MemberNumber,
    /// Up to the newest event.
    UpTo(u64),
    /// There is no such thing here.
    DoesNotExist,
    /// Another value: what is wrong with this one cannot be said better.
    OtherValue,
    /// Where a text stops being JSON.
    NotJson { line: usize, column: usize },
    /// Once, not several times.
    OnlyOnce,
    /// Another kind of value.
    Expected(Kind),
    /// The password that is in force.
    OtherPassword,
    /// What opens a WebSocket.
    Handshake,
    /// A whole number.
    WholeNumber,
    /// An id.
    Uuid,
    /// A currency.
    Currency,
    /// An amount within what every JSON reader holds exactly.
    AmountRange,
    /// An idempotency key.
    IdempotencyKey,
    /// As another system writes it.
    Foreign(Foreign),
    /// One of these codes.
    OneOf(String),
    /// A date.
    Date,
    /// A date that exists, and its order.
    DateDayFirst,
    /// Yes or no.
    YesNo,
    /// A duplicate within the file.
    DuplicateInFile { first_row: u32 },
    /// A row without a number, about somebody who has the name of an earlier one and no contact that tells them apart.
    NamesakeInFile { first_row: u32 },
    /// Two columns with one name.
    DuplicateColumn,
    /// The row has another number of cells than the header.
    Cells { expected: usize, found: usize },
    /// A text that a spreadsheet would run.
    Formula,
    /// A quote that is never closed.
    OpenQuote,
    /// Somebody else has this number here.
    NumberOfOther,
    /// Several members have this name.
    SeveralOfThisName,
    /// A member of this name is here with another phone or e-mail.
    NamesakeHere { number: String },
    /// Perhaps the same person as on another line.
    PerhapsSame { first_row: u32 },
    /// Characters that cannot be read in the file's encoding.
    Unreadable,
    /// Contact data of a member with an account is theirs to change.
    ContactOfAccount,
    /// How much is available.
    Available(Amount, Currency),
    /// An account of this kind is missing.
    AccountMissing(AccountKind),
}

/// The kinds of values that JSON knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Text,
    Number,
    Boolean,
    List,
    Object,
}

impl Kind {
    fn name(self, language: Language) -> &'static str {
        match self {
            Self::Text => language.pick("un texte entre guillemets", "a text in quotes"),
            Self::Number => language.pick("un nombre", "a number"),
            Self::Boolean => language.pick("true ou false", "true or false"),
            Self::List => language.pick("une liste, entre [ et ]", "a list, between [ and ]"),
            Self::Object => language.pick("un objet, entre { et }", "an object, between { and }"),
        }
    }

    fn expected(self, language: Language) -> String {
        format!("{}{}", language.pick("valeur attendue : ", "expected: "), self.name(language))
    }
}

/// What another system writes in a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Foreign {
    /// An id.
    Id,
    /// An id of the event, or the header that stands for it.
    EventIdOrKey,
    /// A code of the catalogue.
    Code,
    /// A SHA-256.
    Hash,
    /// A time with its zone.
    Instant,
}

impl Foreign {
    fn text(self, language: Language) -> String {
        let (french, english) = match self {
            Self::Id => (
                "un identifiant : un texte de 1 à 200 octets ; dans data, un nombre entier aussi",
                "an id: a text of 1 to 200 bytes; in data, a whole number too",
            ),
            Self::EventIdOrKey => (
                "votre identifiant de l’événement, ou l’en-tête Idempotency-Key à sa place",
                "your id of the event, or the header Idempotency-Key in its place",
            ),
            Self::Code => (
                "un des codes du catalogue pour cette clé (docs/schemas), comme MOBILE_MONEY",
                "one of the codes of the catalogue for this key (docs/schemas), such as MOBILE_MONEY",
            ),
            Self::Hash => ("64 chiffres hexadécimaux en minuscules", "64 hexadecimal digits in lower case"),
            Self::Instant => (
                "une heure avec son fuseau, comme 2026-11-22T10:15:30Z",
                "a time with its zone, such as 2026-11-22T10:15:30Z",
            ),
        };
        language.pick(french, english).to_owned()
    }
}

/// The longest two, in French and in English.
const HANDSHAKE: (&str, &str) = (
    "une demande WebSocket : `Upgrade: websocket`, `Sec-WebSocket-Version: 13` et `Sec-WebSocket-Key`",
    "a WebSocket request: `Upgrade: websocket`, `Sec-WebSocket-Version: 13` and `Sec-WebSocket-Key`",
);
const IDEMPOTENCY_KEY: (&str, &str) = (
    "8 à 200 caractères ASCII visibles, dont 5 différents et sans suite comme 12345678 ; une autre clé pour chaque commande, comme un UUID",
    "8 to 200 visible ASCII characters, 5 of them different and no run such as 12345678; another key for every command, such as a UUID",
);

impl Hint {
    /// The sentence.
    pub fn text(&self, language: Language) -> String {
        let pick = |french: &str, english: &str| language.pick(french, english).to_owned();
        match self {
            Self::Required => pick("ce champ est obligatoire", "this field is required"),
            Self::LeaveOut => pick("ne remplissez pas ce champ ici", "leave this field out"),
            Self::Characters { min, max } => match language {
                Language::French => format!("entre {min} et {max} caractères"),
                Language::English => format!("between {min} and {max} characters"),
            },
            Self::OneLine => pick(
                "sur une seule ligne, sans caractère de contrôle",
                "on one line, without control characters",
            ),
            Self::Invisible => pick(
                "sans caractère invisible : saisissez le texte à nouveau",
                "without invisible characters: type the text anew",
            ),
            Self::Phone { country } => match language {
                Language::French => format!(
                    "un numéro de téléphone valable ({country}), ou avec son indicatif, comme +225 07 08 12 34 56"
                ),
                Language::English => {
                    format!(
                        "a valid phone number ({country}), or with its prefix, such as +225 07 08 12 34 56"
                    )
                }
            },
            Self::OldPhone { proposal: Some(proposal) } => match language {
                Language::French => format!(
                    "un ancien numéro à 8 chiffres : écrivez-le à 10 chiffres, par exemple {proposal}"
                ),
                Language::English => {
                    format!("an old number of 8 digits: write it with 10, for example {proposal}")
                }
            },
            Self::OldPhone { proposal: None } => pick(
                "un ancien numéro à 8 chiffres : écrivez-le à 10 chiffres",
                "an old number of 8 digits: write it with 10",
            ),
            Self::LostZero { proposal } => match language {
                Language::French => {
                    format!("le zéro du début s’est perdu dans un tableur : est-ce {proposal} ?")
                }
                Language::English => {
                    format!("a spreadsheet took the leading zero away: is it {proposal}?")
                }
            },
            Self::Email => pick(
                "une adresse e-mail, comme awa@exemple.org",
                "an e-mail address, such as awa@example.org",
            ),
            Self::PhoneOrEmail => {
                pick("un numéro de téléphone ou une adresse e-mail", "a phone number or an e-mail address")
            }
            Self::AmountAboveZero => pick(
                "un montant entier supérieur à 0, dans la plus petite unité de la monnaie",
                "a whole amount above 0, in the smallest unit of the currency",
            ),
            Self::AmountNotNegative => pick("un montant entier, 0 ou plus", "a whole amount, 0 or more"),
            Self::CurrencyIs(currency) => match language {
                Language::French => format!("la monnaie de l’organisation est {currency}"),
                Language::English => format!("the organisation's currency is {currency}"),
            },
            Self::MoneyAccount => pick(
                "un compte de cette organisation qui contient de l’argent (caisse, banque, mobile money)",
                "an account of this organisation that holds money (cash, bank, mobile money)",
            ),
            Self::AccountNotCash => {
                pick("un autre compte que la caisse", "another account than the cash box")
            }
            Self::AccountsDiffer => pick("deux comptes différents", "two different accounts"),
            Self::NotForType(kind) => match language {
                Language::French => format!("ce champ ne s’emploie pas avec {kind}"),
                Language::English => format!("this field is not used with {kind}"),
            },
            Self::ActiveMember => {
                pick("un membre actif de cette organisation", "an active member of this organisation")
            }
            Self::OnlyYourself => pick(
                "un membre sans fonction ne peut demander que pour lui-même",
                "a plain member may only ask for himself",
            ),
            Self::MemberTypes => pick(
                "un membre sans fonction ne peut demander que AID ou REFUND",
                "a plain member may only ask for AID or REFUND",
            ),
            Self::UseRoute(route) => match language {
                Language::French => format!("passez par {route}"),
                Language::English => format!("use {route}"),
            },
            Self::BandEndsAboveStart => {
                pick("maxAmount doit être supérieur à minAmount", "maxAmount must be above minAmount")
            }
            Self::BandsOverlap => pick(
                "deux tranches du même type se chevauchent ; une tranche va de minAmount inclus à maxAmount exclu",
                "two bands of one type overlap; a band goes from minAmount up to, but without, maxAmount",
            ),
            Self::LevelMissing => pick("décrivez ce niveau dans `levels`", "describe this level in `levels`"),
            Self::StepsRequired => {
                pick("au moins une étape ; seul NONE n’en a pas", "at least one step; only NONE has none")
            }
            Self::NoSteps => pick("NONE n’a pas d’étape", "NONE has no step"),
            Self::OnlyRoles(roles) => match language {
                Language::French => format!("au moins un rôle, parmi {}", list(*roles)),
                Language::English => format!("at least one role, of {}", list(*roles)),
            },
            Self::Between { min, max } => match language {
                Language::French => format!("entre {min} et {max}"),
                Language::English => format!("between {min} and {max}"),
            },
            Self::AtMost(max) => match language {
                Language::French => format!("au plus {max}"),
                Language::English => format!("at most {max}"),
            },
            Self::GovernanceNeedsVotes(kind) => match language {
                Language::French => {
                    format!("{kind} doit exiger, pour le montant 0, un niveau avec au moins un vote")
                }
                Language::English => {
                    format!("{kind} must, for the amount 0, require a level with at least one vote")
                }
            },
            Self::Country => {
                pick("un pays, en deux lettres, comme CI", "a country, as two letters, such as CI")
            }
            Self::TimeZone => {
                pick("un fuseau horaire, comme Africa/Abidjan", "a time zone, such as Africa/Abidjan")
            }
            Self::NothingChanges => pick("indiquez ce qui doit changer", "say what should change"),
            Self::NotInTheFuture => pick("au plus tard aujourd’hui", "not after today"),
            Self::NewMemberStatus => pick("ACTIVE ou APPLICANT", "ACTIVE or APPLICANT"),
            Self::NumberTaken => pick("ce numéro est déjà pris", "this number is taken"),
            Self::LoginTaken => {
                pick("cet identifiant appartient à un autre compte", "this login belongs to another account")
            }
            Self::LoginOfPresident => {
                pick("déjà donné pour la présidence", "already given for the president")
            }
            Self::PasswordTooWeak => pick(
                "trop facile à deviner : au moins 10 caractères, par exemple trois mots sans rapport",
                "too easy to guess: at least 10 characters, for example three unrelated words",
            ),
            Self::MemberNumber => pick(
                "1 à 32 lettres, chiffres, points, tirets ou barres obliques",
                "1 to 32 letters, digits, dots, hyphens or slashes",
            ),
            Self::UpTo(seq) => match language {
                Language::French => format!("au plus {seq}, le dernier événement"),
                Language::English => format!("at most {seq}, the newest event"),
            },
            Self::DoesNotExist => pick("n’existe pas ici", "does not exist here"),
            Self::OtherValue => pick("cette valeur ne convient pas", "this value cannot be used"),
            Self::NotJson { line, column } => match language {
                Language::French => format!("ce n’est plus du JSON à la ligne {line}, colonne {column}"),
                Language::English => format!("no longer JSON at line {line}, column {column}"),
            },
            Self::OnlyOnce => pick("ce champ figure plusieurs fois", "this field appears more than once"),
            Self::Expected(kind) => kind.expected(language),
            Self::OtherPassword => {
                pick("ce n’est pas le mot de passe actuel", "this is not the current password")
            }
            Self::Handshake => pick(HANDSHAKE.0, HANDSHAKE.1),
            Self::WholeNumber => pick("un nombre entier, en chiffres", "a whole number, in digits"),
            Self::Uuid => pick(
                "un identifiant, comme 0199c5f2-6a3e-7c10-8f00-2b1d3c4e5f60",
                "an id, such as 0199c5f2-6a3e-7c10-8f00-2b1d3c4e5f60",
            ),
            Self::Currency => {
                pick("un code de monnaie ISO 4217, comme XOF", "a currency code of ISO 4217, such as XOF")
            }
            Self::AmountRange => pick(
                "un montant entier entre -9007199254740991 et 9007199254740991",
                "a whole amount between -9007199254740991 and 9007199254740991",
            ),
            Self::IdempotencyKey => pick(IDEMPOTENCY_KEY.0, IDEMPOTENCY_KEY.1),
            Self::Foreign(what) => what.text(language),
            Self::OneOf(codes) => match language {
                Language::French => format!("l’une des valeurs {codes}"),
                Language::English => format!("one of {codes}"),
            },
            Self::Date => pick("une date, comme 2026-11-22", "a date, such as 2026-11-22"),
            Self::DateDayFirst => pick(
                "une date qui existe, jour/mois/année, comme 22/11/2026",
                "an existing date, day/month/year, such as 22/11/2026",
            ),
            Self::YesNo => pick("Oui ou Non", "Oui or Non"),
            Self::DuplicateInFile { first_row } => duplicate(*first_row, language),
            Self::NamesakeInFile { first_row } => namesake(*first_row, language),
            Self::DuplicateColumn => pick(
                "deux colonnes portent ce nom ; gardez-en une seule",
                "two columns have this name; keep only one",
            ),
            Self::Cells { expected, found } => cells(*expected, *found, language),
            Self::Formula => pick(
                "un nom ne commence pas par = + - @ : un tableur le prendrait pour une formule",
                "a name does not begin with = + - @: a spreadsheet would take it for a formula",
            ),
            Self::OpenQuote => pick(
                "un guillemet ouvert à partir d’ici n’est jamais fermé : fermez-le, ou retirez-le",
                "a quote that opens from here on is never closed: close it, or take it away",
            ),
            Self::SeveralOfThisName => pick(
                "plusieurs membres portent ce nom : ajoutez une colonne avec le numéro du membre",
                "several members have this name: add a column with the member's number",
            ),
            Self::NamesakeHere { number } => namesake_here(number, language),
            Self::PerhapsSame { first_row } => perhaps_same(*first_row, language),
            Self::NumberOfOther => pick(
                "ce numéro est celui d’un autre membre ; corrigez le numéro ou le nom",
                "this number belongs to another member; correct the number or the name",
            ),
            Self::Unreadable => pick(
                "des caractères illisibles ; enregistrez le fichier en UTF-8",
                "unreadable characters; save the file as UTF-8",
            ),
            Self::ContactOfAccount => pick(
                "ce membre a un compte : lui seul change son téléphone et son e-mail",
                "this member has an account: only the member changes phone and e-mail",
            ),
            Self::Available(amount, currency) => match language {
                Language::French => format!("disponible : {}", amount.format(*currency, language)),
                Language::English => format!("available: {}", amount.format(*currency, language)),
            },
            Self::AccountMissing(kind) => match language {
                Language::French => format!("l’organisation n’a pas de compte {kind}"),
                Language::English => format!("the organisation has no account {kind}"),
            },
        }
    }
}

fn cells(expected: usize, found: usize, language: Language) -> String {
    match language {
        Language::French => format!(
            "{found} cellules au lieu de {expected} ; mettez entre guillemets un texte qui contient un point-virgule"
        ),
        Language::English => {
            format!("{found} cells instead of {expected}; a semicolon within a text needs quotes around it")
        }
    }
}

fn namesake_here(number: &str, language: Language) -> String {
    match language {
        Language::French => format!(
            "le membre n° {number} porte ce nom, avec un autre téléphone ou e-mail : ajoutez une colonne avec le numéro du membre, ou corrigez sa fiche"
        ),
        Language::English => format!(
            "member no. {number} has this name, with another phone or e-mail: add a column with the member's number, or correct that member"
        ),
    }
}

fn perhaps_same(first_row: u32, language: Language) -> String {
    match language {
        Language::French => {
            format!("peut-être la personne de la ligne {first_row}, écrite autrement ; les deux sont gardées")
        }
        Language::English => {
            format!("perhaps the person of line {first_row}, spelt otherwise; both are kept")
        }
    }
}

fn duplicate(first_row: u32, language: Language) -> String {
    match language {
        Language::French => format!("déjà à la ligne {first_row} ; gardez-en une seule"),
        Language::English => format!("already on line {first_row}; keep only one"),
    }
}

fn namesake(first_row: u32, language: Language) -> String {
    match language {
        Language::French => format!(
            "déjà à la ligne {first_row} : même personne ? gardez-en une ; sinon ajoutez le numéro du membre"
        ),
        Language::English => {
            format!("already on line {first_row}: the same person? keep one; else add the member's number")
        }
    }
}

fn list(roles: RoleSet) -> String {
    roles.iter().map(unionflow_protocol::Role::as_str).collect::<Vec<_>>().join(", ")
}
