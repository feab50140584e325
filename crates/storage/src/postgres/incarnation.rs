//! Which server this is, by its system identifier and timeline, and which tables, by the identity of one of them. A restore or
//! a failover makes it another: a copy of the server has another system or timeline, a dump that is read in has other tables.

use std::fmt;

use super::link::{Link, Trouble};

/// A server's identity; what it does not tell is taken for unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Incarnation {
    system: Option<String>,
    timeline: Option<String>,
    tables: Option<String>,
}

const UNKNOWN: &str = "?";

impl Incarnation {
    /// Asks the server. Some do not let us know.
    pub(super) fn of(link: &mut Link) -> Result<Self, Trouble> {
        let system = ask(link, "SELECT system_identifier::text FROM pg_control_system()")?;
        // The one that is written now: what pg_control says is that of the last checkpoint.
        let timeline = ask(link, "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)")?;
        Self { system, timeline, tables: None }.with_tables(link)
    }

    /// With the tables as they are now, where they have been made.
    pub(super) fn with_tables(self, link: &mut Link) -> Result<Self, Trouble> {
        let tables = ask(link, "SELECT to_regclass('meta')::oid::text")?;
        Ok(Self { tables: tables.or(self.tables), ..self })
    }

    pub(super) fn parse(text: &str) -> Self {
        let part = |part: &str| (part != UNKNOWN && !part.is_empty()).then(|| part.to_owned());
        let mut parts = text.split('/').map(part);
        let mut next = || parts.next().flatten();
        Self { system: next(), timeline: next(), tables: next() }
    }

    /// Whether they may be one and the same.
    pub(super) fn matches(&self, other: &Self) -> bool {
        let same = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
        same(&self.system, &other.system)
            && same(&self.timeline, &other.timeline)
            && same(&self.tables, &other.tables)
    }

    /// Whether there are no tables where the other has some.
    pub(super) fn lacks_tables_of(&self, other: &Self) -> bool {
        self.tables.is_none() && other.tables.is_some()
    }

    /// With what it did not tell taken from what is known of it.
    pub(super) fn or(self, known: Self) -> Self {
        Self {
            system: self.system.or(known.system),
            timeline: self.timeline.or(known.timeline),
            tables: self.tables.or(known.tables),
        }
    }

    /// Whether the server tells who it is.
    pub(super) fn is_complete(&self) -> bool {
        self.system.is_some() && self.timeline.is_some()
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| UNKNOWN.to_owned());
        write!(f, "{}/{}/{}", part(&self.system), part(&self.timeline), part(&self.tables))
    }
}

fn ask(link: &mut Link, question: &'static str) -> Result<Option<String>, Trouble> {
    match link.ask(question, &[]) {
        Ok(answer) => Ok(answer.text()),
        Err(trouble) if trouble.is_end() => Err(trouble),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_system_timeline_or_table_is_another_incarnation_and_what_is_not_told_is_not() {
        let known = Incarnation::parse("42/00000001/16384");
        for (text, same) in [
            ("42/00000001/16384", true),
            ("43/00000001/16384", false),
            ("42/00000002/16384", false),
            ("42/00000001/16999", false),
            ("?/00000001/16384", true),
            ("42/00000001", true),
        ] {
            assert_eq!(known.matches(&Incarnation::parse(text)), same, "{text}");
        }
        let emptied = Incarnation::parse("42/00000001");
        assert!(emptied.lacks_tables_of(&known) && !known.lacks_tables_of(&emptied));
        let told = Incarnation::parse("?/00000001").or(known);
        assert_eq!((told.to_string().as_str(), told.is_complete()), ("42/00000001/16384", true));
    }
}
