//! What a member may do so many times a day: the journal keeps it for good, so that nobody fills it.

use unionflow_protocol::{Date, id::MemberId};

use crate::{
    fault::StoreFault,
    sql::{ToParam, get},
    tx::Tx,
};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Requests of a member without an office.
    Requests,
    /// Events that test the way to the own sessions.
    TestEvents,
    /// Changes of the own contact data.
    OwnContacts,
    /// Service keys made.
    ServiceKeys,
}

impl Counted {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "REQUESTS",
            Self::TestEvents => "TEST_EVENTS",
            Self::OwnContacts => "OWN_CONTACTS",
            Self::ServiceKeys => "SERVICE_KEYS",
        }
    }
}

impl Tx<'_> {
    /// Counts once more. How often it is now, on this day.
    pub fn count_today(&mut self, member: MemberId, what: Counted, today: Date) -> Result<u32, StoreFault> {
        let today = today.to_string();
        let times = self.first(
            "INSERT INTO done_today (member_id, what, day, times) VALUES (?1, ?2, ?3, 1) \
             ON CONFLICT (member_id, what) DO UPDATE SET day = excluded.day, \
             times = CASE WHEN done_today.day = excluded.day THEN done_today.times + 1 ELSE 1 END RETURNING times",
            &[member.param(), what.as_str().param(), today.param()],
            |row| get(row, 0),
        )?;
        Ok(times.unwrap_or(1))
    }
}
