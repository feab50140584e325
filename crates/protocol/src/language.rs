//! The two languages of every text a person reads.

use crate::macros::codes;

codes! {
    /// French first; English second.
    pub enum Language {
        /// French.
        French = "fr",
        /// English.
        English = "en",
    }
}

impl Language {
    /// The first of the two in a list such as `Accept-Language: fr-CI,fr;q=0.9,en;q=0.5`, read in the order of `q`.
    ///
    /// `None` when neither is named: the caller then uses French.
    pub fn from_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for part in header.split(',') {
            let mut pieces = part.trim().split(';');
            let Some(language) = pieces.next().and_then(Self::from_tag) else { continue };
            let weight = pieces
                .find_map(|piece| piece.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            if weight > 0.0 && best.is_none_or(|(_, w)| weight > w) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }

    /// From a tag or a locale: `fr`, `fr-CI`, `fr_FR.UTF-8`, `en_US`.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_', '.']).next()?;
        Self::ALL.iter().copied().find(|language| primary.eq_ignore_ascii_case(language.as_str()))
    }

    /// A number as a person reads it: `100 000`, `100,000`.
    pub fn count(self, number: u32) -> String {
        grouped(&number.to_string(), self.group())
    }

    /// What stands between groups of three digits.
    pub(crate) const fn group(self) -> char {
        match self {
            Self::French => '\u{202f}',
            Self::English => ',',
        }
    }

    /// The sentence of this language.
    pub const fn pick<'a>(self, french: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::French => french,
            Self::English => english,
        }
    }
}

/// Digits in groups of three, from the right.
pub(crate) fn grouped(digits: &str, group: char) -> String {
    let mut text = String::with_capacity(digits.len() * 2);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_read_in_groups_of_three() {
        assert_eq!(Language::French.count(100_000), "100\u{202f}000");
        assert_eq!(Language::English.count(1_234_567), "1,234,567");
        assert_eq!(Language::French.count(999), "999");
    }

    #[test]
    fn accept_language_follows_weights_and_ignores_other_languages() {
        let of = Language::from_accept_language;
        assert_eq!(of("fr-CI,fr;q=0.9,en;q=0.5"), Some(Language::French));
        assert_eq!(of("de, en;q=0.4, fr;q=0.3"), Some(Language::English));
        assert_eq!(of("fr;q=0, en"), Some(Language::English));
        assert_eq!(of("de"), None);
        assert_eq!(of(""), None);
    }
}
