//! Instants, calendar dates and time zones.

use std::{fmt, str::FromStr, time::Duration};

use crate::macros::as_string;

/// An instant, in whole milliseconds, between the years 1970 and 9999. Written as RFC 3339 in UTC with three decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A calendar date, without a time zone: `2026-11-22`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

/// A time zone of the IANA database, such as `Africa/Abidjan`.
#[derive(Clone, PartialEq, Eq)]
pub struct TimeZone(jiff::tz::TimeZone);

/// A text that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct NotTime {
    text: String,
    expected: &'static str,
}

/// The last representable instant: 9999-12-30T22:00:00Z, the bound of the calendar library.
const MAX_MILLIS: i64 = 253_402_207_200_000;

impl Timestamp {
    /// From milliseconds since 1970; held within the representable years.
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 {
            0
        } else if millis > MAX_MILLIS {
            MAX_MILLIS
        } else {
            millis
        })
    }

    /// Milliseconds since 1970, as stored.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, as in tokens.
    pub const fn as_seconds(self) -> i64 {
        self.0 / 1000
    }

    /// Later by a duration.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Earlier by a duration.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after an earlier instant; zero when it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The calendar date here.
    pub fn date_in(self, zone: &TimeZone) -> Date {
        Date(zone.0.to_datetime(self.instant()).date())
    }

    fn instant(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).expect("held within the representable years on creation")
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::tz::TimeZone::UTC.to_datetime(self.instant());
        let (date, time) = (at.date(), at.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            date.year(),
            date.month(),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond()
        )
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = NotTime;

    fn from_str(text: &str) -> Result<Self, NotTime> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Self::from_millis(instant.as_millisecond()))
            .map_err(|_| NotTime::new(text, "an RFC 3339 time such as 2026-11-22T10:15:30.123Z"))
    }
}

impl Date {
    /// The date of this year, month (1–12) and day, if there is one.
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        jiff::civil::Date::new(year, month, day).ok().filter(|date| date.year() >= 1).map(Self)
    }

    /// The year.
    pub fn year(self) -> i16 {
        self.0.year()
    }

    /// The month, 1–12.
    pub fn month(self) -> i8 {
        self.0.month()
    }

    /// The day of the month.
    pub fn day(self) -> i8 {
        self.0.day()
    }

    /// The first day of its month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// The same day so many months later (earlier when negative), or the last of that month where it is shorter.
    #[must_use]
    pub fn plus_months(self, months: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().months(months)))
    }

    /// So many days later (earlier when negative).
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(days)))
    }

    /// The instant at which this date begins there.
    pub fn start_in(self, zone: &TimeZone) -> Timestamp {
        self.0
            .to_zoned(zone.0.clone())
            .map_or(Timestamp(MAX_MILLIS), |start| Timestamp::from_millis(start.timestamp().as_millisecond()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0.year(), self.0.month(), self.0.day())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Date {
    type Err = NotTime;

    fn from_str(text: &str) -> Result<Self, NotTime> {
        let not_a_date = || NotTime::new(text, "a date such as 2026-11-22");
        if text.len() != 10 {
            return Err(not_a_date());
        }
        text.parse().ok().map(Self).filter(|date| date.year() >= 1).ok_or_else(not_a_date)
    }
}

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(jiff::tz::TimeZone::UTC);

    /// Its name in the IANA database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TimeZone {
    type Err = NotTime;

    fn from_str(text: &str) -> Result<Self, NotTime> {
        jiff::tz::TimeZone::get(text)
            .ok()
            .filter(|zone| zone.iana_name().is_some())
            .map(Self)
            .ok_or_else(|| NotTime::new(text, "a time zone such as Africa/Abidjan"))
    }
}

impl NotTime {
    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(64).collect(), expected }
    }
}

as_string!(Timestamp, {
    "description": "An instant, RFC 3339. The server writes UTC with three decimals of a second.",
    "type": "string", "format": "date-time", "examples": ["2026-11-22T10:15:30.123Z"],
});
as_string!(Date, {
    "description": "A calendar date, without a time zone.",
    "type": "string", "format": "date", "examples": ["2026-11-22"],
});
as_string!(TimeZone, {
    "description": "A time zone, by its name in the IANA database.",
    "type": "string", "maxLength": 64, "examples": ["Africa/Abidjan"],
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_written_with_three_decimals_and_read_back() {
        let at = Timestamp::from_millis(1_795_342_530_120);
        assert_eq!(at.to_string(), "2026-11-22T10:15:30.120Z");
        assert_eq!(at.to_string().parse(), Ok(at));
        assert_eq!("2026-11-22T11:15:30.12+01:00".parse(), Ok(at));
        assert!("2026-11-22".parse::<Timestamp>().is_err());
    }

    #[test]
    fn the_day_is_that_of_the_zone() {
        let late: Timestamp = "2026-12-31T23:30:00Z".parse().unwrap();
        assert_eq!(late.date_in(&TimeZone::UTC).to_string(), "2026-12-31");
        assert_eq!(late.date_in(&"Europe/Paris".parse().unwrap()).to_string(), "2027-01-01");
    }

    #[test]
    fn dates_outside_the_calendar_are_refused() {
        assert!("2026-02-29".parse::<Date>().is_err());
        assert!("22/11/2026".parse::<Date>().is_err());
        assert_eq!(Date::new(2024, 1, 31).unwrap().plus_months(1).to_string(), "2024-02-29");
    }

    #[test]
    fn extreme_instants_are_held_within_the_calendar() {
        assert_eq!(Timestamp::from_millis(i64::MIN).to_string(), "1970-01-01T00:00:00.000Z");
        assert!(Timestamp::from_millis(i64::MAX).to_string().starts_with("9999-12-30"));
    }
}
