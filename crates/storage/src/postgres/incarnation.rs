//! Which server this is: its system identifier and timeline. A restore or a failover makes it another.

use std::fmt;

use super::link::{Link, Trouble};

/// A server's identity; what it does not tell is taken for unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Incarnation {
    system: Option<String>,
    timeline: Option<String>,
}

const UNKNOWN: &str = "?";

impl Incarnation {
    /// Asks the server. Some do not let us know.
    pub(super) fn of(link: &mut Link) -> Result<Self, Trouble> {
        let system = ask(link, "SELECT system_identifier::text FROM pg_control_system()")?;
        // The one that is written now: what pg_control says is that of the last checkpoint.
        let timeline = ask(link, "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")?;
        Ok(Self { system, timeline })
    }

    pub(super) fn parse(text: &str) -> Self {
        let part = |part: &str| (part != UNKNOWN && !part.is_empty()).then(|| part.to_owned());
        let (system, timeline) = text.split_once('/').unwrap_or((text, UNKNOWN));
        Self { system: part(system), timeline: part(timeline) }
    }

    /// Whether they may be one and the same.
    pub(super) fn matches(&self, other: &Self) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        same(&self.system, &other.system) && same(&self.timeline, &other.timeline)
    }

    /// With what it did not tell taken from what is known of it.
    pub(super) fn or(self, known: Self) -> Self {
        Self { system: self.system.or(known.system), timeline: self.timeline.or(known.timeline) }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.system.is_some() && self.timeline.is_some()
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        write!(f, "{}/{}", part(&self.system), part(&self.timeline))
    }
}

fn ask(link: &mut Link, question: &'static str) -> Result<Option<String>, Trouble> {
    match link.ask(question, &[]) {
        Ok(answer) => Ok(answer.rows.first().and_then(|row| row.try_get(0).ok())),
        Err(trouble) if trouble.is_end() => Err(trouble),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_system_or_timeline_is_another_incarnation_and_what_is_not_told_is_not() {
        let known = Incarnation::parse("42/00000001");
        for (text, same) in
            [("42/00000001", true), ("43/00000001", false), ("42/00000002", false), ("?/00000001", true)]
        {
            assert_eq!(known.matches(&Incarnation::parse(text)), same, "{text}");
        }
        let told = Incarnation::parse("?/00000001").or(known);
        assert_eq!((told.to_string().as_str(), told.is_complete()), ("42/00000001", true));
    }
}
