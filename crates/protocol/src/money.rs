//! Money: whole minor units, and the currency beside them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    language::{Language, grouped},
    macros::as_string,
};

/// An amount in the minor unit of its currency (francs for XOF, cents for EUR), between −(2⁵³−1) and 2⁵³−1, so that
/// every JSON reader holds it exactly. A sum that does not fit is an error, never a wrong number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Amount(
    #[cfg_attr(feature = "schema", schemars(range(min = -9007199254740991i64, max = 9007199254740991i64)))]
    i64,
);

/// A currency of ISO 4217 that has a minor unit, such as XOF (no decimals), EUR (2) or TND (3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

/// A sum that leaves the range of [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount must lie between -9007199254740991 and 9007199254740991")]
pub struct AmountOutOfRange;

/// A text that names no currency that can be counted in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency code of ISO 4217 such as XOF")]
pub struct UnknownCurrency(String);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount: 2⁵³−1.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// An amount of so many minor units.
    pub const fn new(minor_units: i64) -> Result<Self, AmountOutOfRange> {
        if minor_units > Self::MAX.0 || minor_units < -Self::MAX.0 {
            return Err(AmountOutOfRange);
        }
        Ok(Self(minor_units))
    }

    /// The number of minor units.
    pub const fn minor_units(self) -> i64 {
        self.0
    }

    /// The sum.
    pub const fn plus(self, other: Self) -> Result<Self, AmountOutOfRange> {
        Self::new(self.0 + other.0) // two 54-bit numbers: their sum always fits an i64
    }

    /// The difference.
    pub const fn minus(self, other: Self) -> Result<Self, AmountOutOfRange> {
        Self::new(self.0 - other.0)
    }

    /// With the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(-self.0)
    }

    /// Above zero.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// Below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The sum of several.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, AmountOutOfRange> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }

    /// As a person reads it: `12 500 FCFA`, `1 234,50 EUR`, `1,234.50 EUR`.
    pub fn format(self, currency: Currency, language: Language) -> String {
        let decimal = match language {
            Language::French => ',',
            Language::English => '.',
        };
        // The franc CFA is written with spaces in both languages.
        let group = if currency.is_cfa() { Language::French } else { language }.group();
        let digits = self.0.unsigned_abs().to_string();
        let exponent = currency.exponent();
        let padded = format!("{digits:0>width$}", width = exponent + 1);
        let (whole, fraction) = padded.split_at(padded.len() - exponent);
        let mut text = String::with_capacity(padded.len() + 12);
        if self.is_negative() {
            text.push('\u{2212}');
        }
        text.push_str(&grouped(whole, group));
        if exponent > 0 {
            text.push(decimal);
            text.push_str(fraction);
        }
        text.push('\u{a0}');
        text.push_str(currency.label());
        text
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(i64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Currency {
    /// The franc CFA of the West African monetary union.
    pub const XOF: Self = Self(iso_currency::Currency::XOF);

    /// The three letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals its minor unit stands for: 0 for XOF, 2 for EUR, 3 for TND.
    pub fn exponent(self) -> usize {
        usize::from(self.0.exponent().expect("checked on creation"))
    }

    /// What stands behind an amount: `FCFA` for both francs CFA, else the code.
    pub fn label(self) -> &'static str {
        if self.is_cfa() { "FCFA" } else { self.code() }
    }

    fn is_cfa(self) -> bool {
        matches!(self.0, iso_currency::Currency::XOF | iso_currency::Currency::XAF)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        iso_currency::Currency::from_code(text)
            .filter(|currency| currency.exponent().is_some())
            .map(Self)
            .ok_or_else(|| UnknownCurrency(text.chars().take(16).collect()))
    }
}

as_string!(Currency, {
    "description": "A currency of ISO 4217 that has a minor unit. Its exponent says how many decimals that stands for: XOF 0, EUR 2, TND 3.",
    "type": "string", "pattern": "^[A-Z]{3}$", "examples": ["XOF"],
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_integers_within_two_to_the_53() {
        assert_eq!(serde_json::from_str::<Amount>("75000").unwrap(), Amount(75_000));
        for bad in ["1.5", "\"75000\"", "9007199254740992", "-9007199254740992", "1e3"] {
            assert!(serde_json::from_str::<Amount>(bad).is_err(), "{bad}");
        }
        assert_eq!(Amount::MAX.plus(Amount(1)), Err(AmountOutOfRange));
        assert_eq!(Amount::MAX.negated().minus(Amount(1)), Err(AmountOutOfRange));
    }

    #[test]
    fn exponents_are_those_of_iso_4217() {
        for (code, exponent) in [("XOF", 0), ("EUR", 2), ("TND", 3), ("GNF", 0)] {
            assert_eq!(code.parse::<Currency>().unwrap().exponent(), exponent, "{code}");
        }
        for bad in ["xof", "XX", "FCFA", "", "XAU"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
    }

    #[test]
    fn people_read_francs_with_spaces_and_euros_with_decimals() {
        let plain = |text: String| text.replace(['\u{202f}', '\u{a0}'], " ");
        let euro: Currency = "EUR".parse().unwrap();
        assert_eq!(plain(Amount(12_500).format(Currency::XOF, Language::French)), "12 500 FCFA");
        assert_eq!(plain(Amount(1_250_000).format(Currency::XOF, Language::English)), "1 250 000 FCFA");
        assert_eq!(plain(Amount(123_450).format(euro, Language::French)), "1 234,50 EUR");
        assert_eq!(plain(Amount(-5).format(euro, Language::English)), "\u{2212}0.05 EUR");
    }
}
