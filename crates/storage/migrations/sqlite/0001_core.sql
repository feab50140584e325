-- Ids are 16 bytes, instants are milliseconds since 1970, dates are text, amounts are minor units.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that sign: kept in the store, so that every process of it agrees.
CREATE TABLE secret_key (
    kid TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    secret BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every command of an organisation locks its row first. `head_*`: the end of its journal.
CREATE TABLE organization (
    id BLOB PRIMARY KEY,
    version INTEGER NOT NULL,
    currency TEXT NOT NULL,
    settings TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    head_seq INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    head_at INTEGER NOT NULL,
    last_member_number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How far the relay has come: what lies between this and the head is the outbox. Not in the organisation's row, or the
-- relay would wait for the commands that hold it.
CREATE TABLE published (
    organization_id BLOB PRIMARY KEY REFERENCES organization (id),
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
    organization_id BLOB NOT NULL REFERENCES organization (id),
    version INTEGER NOT NULL,
    rules TEXT NOT NULL,
    since INTEGER NOT NULL,
    approval_id BLOB,
    PRIMARY KEY (organization_id, version)
) STRICT, WITHOUT ROWID;

-- The journal: gapless `seq` per organisation, each entry chained to the one before. Never updated, never pruned.
CREATE TABLE journal (
    organization_id BLOB NOT NULL REFERENCES organization (id),
    seq INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    event_type TEXT NOT NULL,
    topic TEXT NOT NULL,
    audience TEXT NOT NULL,
    aggregate_id BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    trace_parent TEXT,
    inbound INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (organization_id, seq)
) STRICT;

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is never changed'); END;
CREATE TRIGGER journal_is_never_pruned BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is never pruned'); END;

-- Words of people, erasable: purposes, reasons, comments, announcements. `n` tells several of a kind apart.
CREATE TABLE text (
    owner_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    n INTEGER NOT NULL,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    author_id BLOB,
    salt BLOB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (owner_id, kind, n)
) STRICT, WITHOUT ROWID;

-- Who signs in.
CREATE TABLE person (
    id BLOB PRIMARY KEY,
    password_hash TEXT NOT NULL,
    language TEXT,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE login (
    name TEXT PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES person (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_of_person ON login (person_id);

-- A signed-in device: one number is all that its refresh tokens need.
CREATE TABLE sign_in (
    id BLOB PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES person (id),
    generation INTEGER NOT NULL,
    device TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_of_person ON sign_in (person_id, ended_at);
CREATE INDEX sign_in_ended ON sign_in (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE ticket (
    hash BLOB PRIMARY KEY,
    person_id BLOB NOT NULL REFERENCES person (id),
    sign_in_id BLOB NOT NULL REFERENCES sign_in (id),
    access_expires_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_expiry ON ticket (expires_at);
CREATE INDEX ticket_of_person ON ticket (person_id, expires_at);

-- Codes of invitations and resets.
CREATE TABLE code (
    hash BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    member_id BLOB NOT NULL,
    approval_id BLOB,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX code_of_member ON code (member_id);

CREATE TABLE throttle (
    key BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_age ON throttle (last_at);

-- How often a member did today what everybody is told of or what is stored for good.
CREATE TABLE done_today (
    member_id BLOB NOT NULL,
    what TEXT NOT NULL,
    day TEXT NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (member_id, what)
) STRICT, WITHOUT ROWID;

CREATE TABLE member (
    id BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    version INTEGER NOT NULL,
    number TEXT NOT NULL,
    person_id BLOB REFERENCES person (id),
    status TEXT NOT NULL,
    roles INTEGER NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    phone TEXT,
    email TEXT,
    joined_on TEXT NOT NULL,
    left_on TEXT,
    code_givers TEXT NOT NULL,
    sort_key TEXT NOT NULL,
    search_key TEXT NOT NULL,
    -- Without contact data, for who may not see any.
    public_search_key TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (organization_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_order ON member (organization_id, sort_key, id);
CREATE UNIQUE INDEX member_of_person ON member (person_id, organization_id) WHERE person_id IS NOT NULL;
-- Bit 6 is MEMBER: whoever has another one holds an office.
CREATE INDEX member_office ON member (organization_id) WHERE (roles & 63) <> 0;

-- `deadline`: `decideBy` while pending, `executeBy` while approved, null once final. `open_key`: what makes two open
-- requests for a change of policy or role the same.
CREATE TABLE approval (
    id BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    transaction_type TEXT NOT NULL,
    requester_id BLOB NOT NULL,
    beneficiary_id BLOB,
    deadline INTEGER,
    open_key TEXT,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX approval_order ON approval (organization_id, id);
CREATE INDEX approval_deadline ON approval (deadline) WHERE deadline IS NOT NULL;
CREATE UNIQUE INDEX approval_open ON approval (organization_id, open_key) WHERE open_key IS NOT NULL;
CREATE INDEX approval_pending ON approval (organization_id, id) WHERE status = 'PENDING';

CREATE TABLE account (
    id BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    balance INTEGER NOT NULL,
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    CHECK (kind NOT IN ('CASH', 'BANK', 'MOBILE_MONEY') OR balance >= reserved)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_of_organization ON account (organization_id);

CREATE TABLE entry (
    id BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    seq INTEGER NOT NULL,
    posted_at INTEGER NOT NULL,
    value_date TEXT NOT NULL,
    currency TEXT NOT NULL,
    cause TEXT NOT NULL,
    cause_id BLOB NOT NULL,
    lines TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- One entry an approval: execution is unique.
CREATE UNIQUE INDEX entry_of_approval ON entry (cause_id) WHERE cause = 'APPROVAL';

CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
CREATE TRIGGER entry_is_never_removed BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END;

CREATE TABLE entry_line (
    account_id BLOB NOT NULL REFERENCES account (id),
    seq INTEGER NOT NULL,
    entry_id BLOB NOT NULL REFERENCES entry (id),
    amount INTEGER NOT NULL,
    PRIMARY KEY (account_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER entry_line_is_never_changed BEFORE UPDATE ON entry_line
BEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;
CREATE TRIGGER entry_line_is_never_removed BEFORE DELETE ON entry_line
BEGIN SELECT RAISE(ABORT, 'an entry is never removed'); END;

CREATE TABLE reservation (
    approval_id BLOB PRIMARY KEY REFERENCES approval (id),
    account_id BLOB NOT NULL REFERENCES account (id),
    amount INTEGER NOT NULL,
    state TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE figures (
    organization_id BLOB PRIMARY KEY REFERENCES organization (id),
    -- When the next day begins there: the sweeper recomputes then.
    stale_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX figures_stale ON figures (stale_at);

CREATE TABLE notification (
    organization_id BLOB NOT NULL REFERENCES organization (id),
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    cause_type TEXT,
    cause_id BLOB,
    everyone INTEGER NOT NULL,
    roles INTEGER NOT NULL,
    member_id BLOB,
    other_member_id BLOB,
    PRIMARY KEY (organization_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE notification_read (
    organization_id BLOB NOT NULL REFERENCES organization (id),
    member_id BLOB NOT NULL,
    read_up_to INTEGER NOT NULL,
    PRIMARY KEY (organization_id, member_id)
) STRICT, WITHOUT ROWID;

-- The answer of a command by its caller's key, written in the command's own transaction.
CREATE TABLE idempotency (
    scope BLOB NOT NULL,
    principal BLOB NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, principal, route, key)
) STRICT;
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE import_batch (
    id BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    kind TEXT NOT NULL,
    file_hash BLOB NOT NULL,
    next_row INTEGER NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX import_unfinished ON import_batch (organization_id, kind, file_hash) WHERE finished_at IS NULL;
