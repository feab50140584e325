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

    /// The sentence of this language.
    pub const fn pick<'a>(self, french: &'a str, english: &'a str) -> &'a str {
        match self {
            Self::French => french,
            Self::English => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
