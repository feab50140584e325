//! What can be set, and the limits that are not.

use std::time::Duration;

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Pages of these origins may connect besides our own: `https://app.example.org`.
    pub allowed_origins: Vec<String>,
    /// Sockets that one person may have open.
    pub sessions_per_person: usize,
    /// Sockets in all.
    pub sessions: usize,
    /// Bytes of newest events kept in memory for resumes, over all organisations.
    pub ring_bytes: usize,
    /// Bytes that may wait for one slow client before it is closed, to resume.
    pub queue_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            sessions_per_person: 20,
            sessions: 100_000,
            ring_bytes: 64 * 1024 * 1024,
            queue_bytes: 256 * 1024,
        }
    }
}

/// Frames that may wait for one slow client.
pub(crate) const QUEUE_FRAMES: usize = 1024;
/// Events replayed between two looks at the socket.
pub(crate) const PAGE_EVENTS: u32 = 128;
/// Events read at once to fill a hole.
pub(crate) const HOLE_EVENTS: u32 = 500;
/// Bytes that may wait before the next page of a replay is read.
pub(crate) const PAGE_LOW_WATER: usize = 16 * 1024;
/// Frames a client may send within [`FRAMES_WINDOW`].
pub(crate) const FRAMES_PER_WINDOW: u32 = 200;
/// See [`FRAMES_PER_WINDOW`].
pub(crate) const FRAMES_WINDOW: Duration = Duration::from_secs(10);
/// How long a closing socket may take to say good-bye.
pub(crate) const GOOD_BYE: Duration = Duration::from_secs(3);
/// How long a hole in the order of `seq` may last before it is read from the journal: records of different topics overtake
/// each other for a moment.
pub(crate) const HOLE_LASTS: Duration = Duration::from_millis(40);
/// How long a start waits for the bus; it is followed in the background then.
pub(crate) const FOLLOW_WITHIN: Duration = Duration::from_millis(1500);
/// When a bus that could not be followed, or that broke off, is asked again.
pub(crate) const FOLLOW_AGAIN: Duration = Duration::from_secs(1);
/// How often the heads of journals with open sessions are compared with the store: for the last event, if the bus lost it.
pub(crate) const HEADS_EVERY: Duration = Duration::from_secs(2);
