//! Names, phones and e-mails as people write them, and the keys they are found by.

use std::str::FromStr;

use phonenumber::Mode;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unionflow_protocol::{limits::CONTACT_BYTES, problem::FieldCode};

use crate::{hint::Hint, refusal::Fault};

/// A country that phone numbers without a prefix belong to: two letters of ISO 3166.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(phonenumber::country::Id);

/// A phone number in E.164: `+2250708123456`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

/// An e-mail address: one `@` with something sensible on both sides. Its domain is kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

/// Why a text is not a phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAPhone {
    /// It is an Ivorian number from before 2021; the new one, where the old prefix tells the operator.
    Old(Option<Phone>),
    /// A spreadsheet took its leading zero away; the number with it.
    LostZero(Phone),
    /// It is no number of this or any country.
    Invalid,
}

impl Country {
    /// Côte d'Ivoire.
    pub const CI: Self = Self(phonenumber::country::CI);

    /// Reads two letters.
    pub fn parse(pointer: &str, text: &str) -> Result<Self, Fault> {
        text.parse().map_err(|()| Fault::new(pointer, FieldCode::Invalid, Hint::Country))
    }
}

impl FromStr for Country {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.to_ascii_uppercase().parse().map(Self).map_err(|_| ())
    }
}

impl TryFrom<String> for Country {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map_err(|()| "not a country")
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

impl std::fmt::Display for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_ref())
    }
}

impl Phone {
    /// Reads a number as people write it: spaces, dots, hyphens, brackets, `00` or `+` before the country, or none.
    pub fn parse(text: &str, country: Country) -> Result<Self, NotAPhone> {
        if text.len() > CONTACT_BYTES {
            return Err(NotAPhone::Invalid); // reading takes time by the length
        }
        let parsed = phonenumber::parse(Some(country.0), text).map_err(|_| NotAPhone::Invalid)?;
        let e164 = parsed.format().mode(Mode::E164).to_string();
        if let Some(old) = e164.strip_prefix("+225").filter(|national| national.len() == 8) {
            return Err(NotAPhone::Old(ten_digits(old)));
        }
        if parsed.is_valid() {
            return Ok(Self(e164));
        }
        Err(Self::with_its_zero(text, country).map_or(NotAPhone::Invalid, NotAPhone::LostZero))
    }

    /// What a spreadsheet made `708123456` or `708123456.00` of.
    fn with_its_zero(text: &str, country: Country) -> Option<Self> {
        let digits = text.trim().split(['.', ',']).next()?;
        if digits.is_empty() || digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let parsed = phonenumber::parse(Some(country.0), format!("0{digits}")).ok()?;
        parsed.is_valid().then(|| Self(parsed.format().mode(Mode::E164).to_string()))
    }

    /// Reads a field.
    pub fn field(pointer: &str, text: &str, country: Country) -> Result<Self, Fault> {
        Self::parse(text, country)
            .map_err(|reason| Fault::new(pointer, FieldCode::Invalid, reason.hint(country)))
    }

    /// In E.164.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From what was stored.
    pub fn from_stored(e164: String) -> Self {
        Self(e164)
    }
}

/// Côte d'Ivoire went from eight to ten digits on 31 January 2021: mobile numbers got 07 (Orange), 05 (MTN) or 01 (Moov)
/// in front by their old second digit, fixed ones 27, 25 or 21. A proposal only: numbers were ported since.
fn ten_digits(old: &str) -> Option<Phone> {
    let digits = old.as_bytes();
    let prefix = match (digits[0], digits[1]) {
        (b'0' | b'4' | b'5' | b'6' | b'7' | b'8' | b'9', b'7' | b'8' | b'9') => "07",
        (b'0' | b'4' | b'5' | b'6' | b'7' | b'8' | b'9', b'4' | b'5' | b'6') => "05",
        (b'0' | b'4' | b'5' | b'6' | b'7' | b'8' | b'9', b'0' | b'1' | b'2' | b'3') => "01",
        (b'2' | b'3', b'0') => match digits[2] {
            b'8' => "21",
            b'0' => "25",
            _ => "27",
        },
        (b'2' | b'3', _) => match digits[2] {
            b'8' => "21",
            b'0' => "25",
            _ => "27",
        },
        _ => return None,
    };
    Some(Phone(format!("+225{prefix}{old}")))
}

impl NotAPhone {
    /// What would be right.
    pub fn hint(&self, country: Country) -> Hint {
        match self {
            Self::Old(proposal) => {
                Hint::OldPhone { proposal: proposal.as_ref().map(|phone| phone.0.clone()) }
            }
            Self::LostZero(proposal) => Hint::LostZero { proposal: proposal.0.clone() },
            Self::Invalid => Hint::Phone { country: country.to_string() },
        }
    }
}

impl Email {
    /// Reads an address.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@')?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"<>()[],;:\"\\@".contains(c);
        let label_ok = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let fine = (1..=64).contains(&local.len())
            && local.chars().all(plain)
            && text.len() <= CONTACT_BYTES
            && domain.contains('.')
            && domain.split('.').all(label_ok);
        fine.then(|| Self(format!("{local}@{}", domain.to_lowercase())))
    }

    /// Reads a field.
    pub fn field(pointer: &str, text: &str) -> Result<Self, Fault> {
        Self::parse(text).ok_or_else(|| Fault::new(pointer, FieldCode::Invalid, Hint::Email))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From what was stored.
    pub fn from_stored(address: String) -> Self {
        Self(address)
    }
}

/// A login name: an e-mail address in lower case, or a phone number in E.164. What two people type alike is one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LoginName(String);

impl LoginName {
    /// Reads an e-mail address or a phone number.
    pub fn parse(text: &str, country: Country) -> Option<Self> {
        Self::read(text, country).ok()
    }

    /// Reads a field.
    pub fn field(pointer: &str, text: &str, country: Country) -> Result<Self, Fault> {
        Self::read(text, country).map_err(|hint| Fault::new(pointer, FieldCode::Invalid, hint))
    }

    /// Reads either, or says what would be right: of a number that can be mended, how.
    fn read(text: &str, country: Country) -> Result<Self, Hint> {
        if text.contains('@') {
            let email = Email::parse(text).ok_or(Hint::PhoneOrEmail)?;
            return Ok(Self(email.0.to_lowercase()));
        }
        Phone::parse(text, country).map(|phone| Self(phone.0)).map_err(|reason| match reason {
            NotAPhone::Invalid => Hint::PhoneOrEmail,
            NotAPhone::Old(_) | NotAPhone::LostZero(_) => reason.hint(country),
        })
    }

    /// As stored and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From what was stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

/// Folded for search and order: lower case, accents and ligatures taken apart, runs of anything else one space.
///
/// Folding happens here, in Rust, so that every store finds and sorts alike.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfkd().flat_map(char::to_lowercase) {
        match c {
            'œ' => folded.push_str("oe"),
            'æ' => folded.push_str("ae"),
            'ß' => folded.push_str("ss"),
            c if c.is_alphanumeric() => folded.push(c),
            c if unicode_normalization::char::is_combining_mark(c) => {}
            _ if folded.ends_with(' ') || folded.is_empty() => {}
            _ => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str) -> Result<String, NotAPhone> {
        Phone::parse(text, Country::CI).map(|phone| phone.0)
    }

    #[test]
    fn phones_as_people_write_them_become_e164() {
        for text in [
            "07 08 12 34 56",
            "0708123456",
            "+225 07-08-12-34-56",
            "00225 0708123456",
            "(225) 07.08.12.34.56",
        ] {
            assert_eq!(phone(text).as_deref(), Ok("+2250708123456"), "{text}");
        }
        assert_eq!(phone("+33 6 12 34 56 78").as_deref(), Ok("+33612345678"));
        assert_eq!(Phone::parse("77 123 45 67", "SN".parse().unwrap()).unwrap().as_str(), "+221771234567");
        for bad in ["", "abc", "07 08 12 34 5", "12", "+225 07 08 12 34 56 78 90", &" ".repeat(100_000)] {
            assert_eq!(phone(bad), Err(NotAPhone::Invalid), "{bad}");
        }
    }

    #[test]
    fn an_old_ivorian_number_is_proposed_never_changed_silently() {
        let proposal = |text| match phone(text) {
            Err(NotAPhone::Old(Some(Phone(proposal)))) => proposal,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(proposal("08 12 34 56"), "+2250708123456");
        assert_eq!(proposal("05 12 34 56"), "+2250505123456");
        assert_eq!(proposal("01 12 34 56"), "+2250101123456");
        assert_eq!(proposal("22 41 23 45"), "+2252722412345");
    }

    #[test]
    fn a_zero_that_a_spreadsheet_took_is_proposed_never_put_back_silently() {
        for text in ["708123456", "708123456.00", "708123456,0"] {
            assert_eq!(phone(text), Err(NotAPhone::LostZero(Phone("+2250708123456".into()))), "{text}");
        }
    }

    #[test]
    fn emails_need_a_name_and_a_domain() {
        assert_eq!(Email::parse(" Awa.Kone@Exemple.ORG ").unwrap().as_str(), "Awa.Kone@exemple.org");
        for bad in
            ["", "awa", "awa@", "@exemple.org", "awa@exemple", "a wa@exemple.org", "awa@-x.org", "a@b..org"]
        {
            assert!(Email::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_login_is_one_however_it_is_typed() {
        let login = |text| LoginName::parse(text, Country::CI);
        assert_eq!(login("AWA@exemple.org"), login("awa@EXEMPLE.org"));
        assert_eq!(login("07 08 12 34 56"), login("+2250708123456"));
        assert_eq!(login("awa"), None);
    }

    #[test]
    fn a_login_of_the_old_eight_digits_says_how_it_is_written_now() {
        let hint = |text| LoginName::field("/login", text, Country::CI).unwrap_err().hint;
        let proposal = |new: &str| format!("+225{new}");
        assert_eq!(hint("07081234"), Hint::OldPhone { proposal: Some(proposal("0707081234")) });
        assert_eq!(hint("708123456"), Hint::LostZero { proposal: proposal("0708123456") });
        assert_eq!((hint("awa"), hint("awa@")), (Hint::PhoneOrEmail, Hint::PhoneOrEmail));
    }

    #[test]
    fn folding_forgets_accents_case_and_punctuation() {
        assert_eq!(fold("  N'Guessan-KOFFI  Éloïse "), "n guessan koffi eloise");
        assert_eq!(fold("Cœur"), "coeur");
    }
}
