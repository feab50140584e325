//! Limits that both sides of the wire know. Everything has one.

use std::time::Duration;

/// A frame from a client, in bytes.
pub const CLIENT_FRAME_BYTES: usize = 16 * 1024;
/// An event, encoded, in bytes: what fits a Kafka record and a phone's memory many times over. A command whose event would
/// be larger is refused with `BODY_TOO_LARGE`.
pub const EVENT_BYTES: usize = 64 * 1024;
/// The body of a REST request, in bytes; uploads have their own.
pub const BODY_BYTES: usize = 1024 * 1024;
/// The body of a request without a sign-in, in bytes: signing in, and founding.
pub const OPEN_BODY_BYTES: usize = 16 * 1024;
/// The file of an import, in bytes.
pub const IMPORT_BYTES: usize = 32 * 1024 * 1024;
/// Rows of an import's file, blank ones aside.
pub const IMPORT_ROWS_MAX: usize = 100_000;
/// Columns of an import's file.
pub const IMPORT_COLUMNS_MAX: usize = 500;
/// Errors that the report of an import lists; all are counted.
pub const IMPORT_ERRORS_LISTED: usize = 5000;
/// How often a client pings.
pub const HEARTBEAT: Duration = Duration::from_secs(30);
/// How long a client may be silent before its session is closed with 4001.
pub const SILENCE: Duration = Duration::from_secs(75);
/// How many events behind the head a session may resume from; beyond, it fetches snapshots.
pub const RESUME_EVENTS: u64 = 10_000;
/// How long a ticket for a WebSocket can be redeemed.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);
/// Tickets of one person that can be redeemed; beyond, the oldest ends.
pub const TICKETS_PER_PERSON: u32 = 10;
/// The longest life of an access token.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// A page of a list when the caller does not say.
pub const PAGE_DEFAULT: usize = 50;
/// The largest page of a list.
pub const PAGE_MAX: usize = 200;
/// The longest id of another system, in bytes.
pub const FOREIGN_ID_BYTES: usize = 200;
/// The longest time as another system writes it, in bytes.
pub const FOREIGN_TIMESTAMP_BYTES: usize = 64;
/// The longest idempotency key, in bytes. The shortest is 8: shorter ones repeat by chance.
pub const IDEMPOTENCY_KEY_BYTES: std::ops::RangeInclusive<usize> = 8..=200;
/// How long an idempotency key is kept.
pub const IDEMPOTENCY_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// A purpose or a reason, in characters.
pub const REASON_CHARS: std::ops::RangeInclusive<usize> = 3..=500;
/// A comment on a vote, in characters.
pub const COMMENT_CHARS: std::ops::RangeInclusive<usize> = 0..=500;
/// A broadcast's text, in characters.
pub const BROADCAST_CHARS: std::ops::RangeInclusive<usize> = 3..=2000;
/// A name of a person, in characters.
pub const NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=100;
/// What members are searched by, in characters; some become many when accents are taken off, so folded it is at most
/// [`SEARCH_FOLDED_BYTES`].
pub const SEARCH_CHARS: std::ops::RangeInclusive<usize> = 0..=100;
/// See [`SEARCH_CHARS`].
pub const SEARCH_FOLDED_BYTES: usize = 300;
/// A name of an organisation, in characters.
pub const ORGANIZATION_NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=150;
/// A member's number, in characters.
pub const MEMBER_NUMBER_CHARS: std::ops::RangeInclusive<usize> = 1..=32;
/// An e-mail address, a phone number or a login name, in bytes.
pub const CONTACT_BYTES: usize = 254;
/// A name of a service key, in characters.
pub const SERVICE_KEY_NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=100;
/// The scopes of a service key, as they are sent.
pub const SERVICE_KEY_SCOPES: std::ops::RangeInclusive<usize> = 1..=20;
/// Service keys of one organisation that work.
pub const SERVICE_KEYS_MAX: u32 = 50;
/// The login names of one person.
pub const LOGINS: std::ops::RangeInclusive<usize> = 1..=5;
/// The fewest characters of a password.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// The most bytes of a password: beyond, hashing would be a way to keep the server busy.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Members that one request may name.
pub const IDS_MAX: usize = 100;
/// Bands of a policy.
pub const POLICY_BANDS_MAX: usize = 200;
/// Steps of a level.
pub const POLICY_STEPS_MAX: usize = 5;
/// Votes that a step may ask for.
pub const STEP_APPROVALS: std::ops::RangeInclusive<u8> = 1..=10;
/// How long a request may wait for votes or for its execution, in hours.
pub const POLICY_HOURS: std::ops::RangeInclusive<u32> = 1..=8760;
/// Rows that one unit of an import writes at the most, so that no other organisation waits.
pub const IMPORT_UNIT_ROWS: usize = 500;
/// Figures are published at most this often for one organisation.
pub const FIGURES_INTERVAL: Duration = Duration::from_millis(250);
/// The months of a KPI series.
pub const KPI_MONTHS: usize = 12;
