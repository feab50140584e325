-- Ids are 16 bytes, instants are milliseconds since 1970, dates are text, amounts are minor units. Texts sort by their bytes,
-- as SQLite does it. Rows that every command changes have room beside them, so that a change touches no index.

CREATE TABLE meta (
    key TEXT COLLATE "C" PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

-- Keys that sign: kept in the store, so that every process of it agrees.
CREATE TABLE secret_key (
    kid TEXT COLLATE "C" PRIMARY KEY,
    purpose TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- Every command of an organisation locks its row first. `head_*`: the end of its journal.
CREATE TABLE organization (
    id BYTEA PRIMARY KEY,
    version BIGINT NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    head_seq BIGINT NOT NULL,
    head_hash BYTEA NOT NULL,
    head_at BIGINT NOT NULL,
    last_member_number BIGINT NOT NULL
) WITH (fillfactor = 50);

-- How far the relay has come: what lies between this and the head is the outbox. Not in the organisation's row, or the
-- relay would wait for the commands that hold it.
CREATE TABLE published (
    organization_id BYTEA PRIMARY KEY REFERENCES organization (id),
    seq BIGINT NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE policy (
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    version BIGINT NOT NULL,
    rules TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    approval_id BYTEA,
    PRIMARY KEY (organization_id, version)
);

-- The journal: gapless `seq` per organisation, each entry chained to the one before. Never updated, never pruned.
CREATE TABLE journal (
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    seq BIGINT NOT NULL,
    event_id BYTEA NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL,
    topic TEXT COLLATE "C" NOT NULL,
    audience TEXT COLLATE "C" NOT NULL,
    aggregate_id BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    trace_parent TEXT COLLATE "C",
    inbound BIGINT NOT NULL,
    envelope BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (organization_id, seq)
);

CREATE FUNCTION journal_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is never %', TG_ARGV[0];
END
$$;
CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
FOR EACH ROW EXECUTE FUNCTION journal_is_kept('changed');
CREATE TRIGGER journal_is_never_pruned BEFORE DELETE ON journal
FOR EACH ROW EXECUTE FUNCTION journal_is_kept('pruned');
CREATE TRIGGER journal_is_never_emptied BEFORE TRUNCATE ON journal
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_kept('emptied');

-- Words of people, erasable: purposes, reasons, comments, announcements. `n` tells several of a kind apart.
CREATE TABLE text (
    owner_id BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL,
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    author_id BYTEA,
    salt BYTEA NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (owner_id, kind, n)
);

-- Who signs in.
CREATE TABLE person (
    id BYTEA PRIMARY KEY,
    password_hash TEXT COLLATE "C" NOT NULL,
    language TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);

CREATE TABLE login (
    name TEXT COLLATE "C" PRIMARY KEY,
    person_id BYTEA NOT NULL REFERENCES person (id)
);
CREATE INDEX login_of_person ON login (person_id);

-- A signed-in device: one number is all that its refresh tokens need.
CREATE TABLE sign_in (
    id BYTEA PRIMARY KEY,
    person_id BYTEA NOT NULL REFERENCES person (id),
    generation BIGINT NOT NULL,
    device TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX sign_in_of_person ON sign_in (person_id) WHERE ended_at IS NULL;
CREATE INDEX sign_in_ended ON sign_in (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE ticket (
    hash BYTEA PRIMARY KEY,
    person_id BYTEA NOT NULL REFERENCES person (id),
    sign_in_id BYTEA NOT NULL REFERENCES sign_in (id),
    access_expires_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX ticket_expiry ON ticket (expires_at);

-- Codes of invitations and resets.
CREATE TABLE code (
    hash BYTEA PRIMARY KEY,
    purpose TEXT COLLATE "C" NOT NULL,
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    member_id BYTEA NOT NULL,
    approval_id BYTEA,
    expires_at BIGINT NOT NULL
);
CREATE INDEX code_of_member ON code (member_id);

CREATE TABLE throttle (
    key BYTEA PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX throttle_age ON throttle (last_at);

-- How often a member did today what everybody is told of or what is stored for good.
CREATE TABLE done_today (
    member_id BYTEA NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    day TEXT COLLATE "C" NOT NULL,
    times BIGINT NOT NULL,
    PRIMARY KEY (member_id, what)
);

CREATE TABLE member (
    id BYTEA PRIMARY KEY,
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    version BIGINT NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    person_id BYTEA REFERENCES person (id),
    status TEXT COLLATE "C" NOT NULL,
    roles BIGINT NOT NULL,
    given_name TEXT COLLATE "C" NOT NULL,
    family_name TEXT COLLATE "C" NOT NULL,
    phone TEXT COLLATE "C",
    email TEXT COLLATE "C",
    joined_on TEXT COLLATE "C" NOT NULL,
    left_on TEXT COLLATE "C",
    code_givers TEXT COLLATE "C" NOT NULL,
    sort_key TEXT COLLATE "C" NOT NULL,
    search_key TEXT COLLATE "C" NOT NULL,
    -- Without contact data, for who may not see any.
    public_search_key TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, number)
);
CREATE INDEX member_order ON member (organization_id, sort_key, id);
CREATE UNIQUE INDEX member_of_person ON member (person_id, organization_id) WHERE person_id IS NOT NULL;
-- Bit 6 is MEMBER: whoever has another one holds an office.
CREATE INDEX member_office ON member (organization_id) WHERE (roles & 63) <> 0;

-- `deadline`: `decideBy` while pending, `executeBy` while approved, null once final. `open_key`: what makes two open
-- requests for a change of policy or role the same.
CREATE TABLE approval (
    id BYTEA PRIMARY KEY,
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    version BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    transaction_type TEXT COLLATE "C" NOT NULL,
    requester_id BYTEA NOT NULL,
    beneficiary_id BYTEA,
    deadline BIGINT,
    open_key TEXT COLLATE "C",
    body TEXT COLLATE "C" NOT NULL
);
CREATE INDEX approval_order ON approval (organization_id, id);
CREATE INDEX approval_deadline ON approval (deadline) WHERE deadline IS NOT NULL;
CREATE UNIQUE INDEX approval_open ON approval (organization_id, open_key) WHERE open_key IS NOT NULL;
CREATE INDEX approval_pending ON approval (organization_id, id) WHERE status = 'PENDING';

CREATE TABLE account (
    id BYTEA PRIMARY KEY,
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    version BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    balance BIGINT NOT NULL,
    reserved BIGINT NOT NULL CHECK (reserved >= 0),
    CHECK (kind NOT IN ('CASH', 'BANK', 'MOBILE_MONEY') OR balance >= reserved)
) WITH (fillfactor = 50);
CREATE INDEX account_of_organization ON account (organization_id);

CREATE TABLE entry (
    id BYTEA PRIMARY KEY,
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    seq BIGINT NOT NULL,
    posted_at BIGINT NOT NULL,
    value_date TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    cause_id BYTEA NOT NULL,
    lines TEXT COLLATE "C" NOT NULL
);
-- One entry an approval: execution is unique.
CREATE UNIQUE INDEX entry_of_approval ON entry (cause_id) WHERE cause = 'APPROVAL';

CREATE TABLE entry_line (
    account_id BYTEA NOT NULL REFERENCES account (id),
    seq BIGINT NOT NULL,
    entry_id BYTEA NOT NULL REFERENCES entry (id),
    amount BIGINT NOT NULL,
    PRIMARY KEY (account_id, seq)
);

CREATE FUNCTION entry_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an entry is never %', TG_ARGV[0];
END
$$;
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
FOR EACH ROW EXECUTE FUNCTION entry_is_kept('changed');
CREATE TRIGGER entry_is_never_removed BEFORE DELETE ON entry
FOR EACH ROW EXECUTE FUNCTION entry_is_kept('removed');
CREATE TRIGGER entry_is_never_emptied BEFORE TRUNCATE ON entry
FOR EACH STATEMENT EXECUTE FUNCTION entry_is_kept('emptied');
CREATE TRIGGER entry_line_is_never_changed BEFORE UPDATE ON entry_line
FOR EACH ROW EXECUTE FUNCTION entry_is_kept('changed');
CREATE TRIGGER entry_line_is_never_removed BEFORE DELETE ON entry_line
FOR EACH ROW EXECUTE FUNCTION entry_is_kept('removed');
CREATE TRIGGER entry_line_is_never_emptied BEFORE TRUNCATE ON entry_line
FOR EACH STATEMENT EXECUTE FUNCTION entry_is_kept('emptied');

CREATE TABLE reservation (
    approval_id BYTEA PRIMARY KEY REFERENCES approval (id),
    account_id BYTEA NOT NULL REFERENCES account (id),
    amount BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL
);

CREATE TABLE figures (
    organization_id BYTEA PRIMARY KEY REFERENCES organization (id),
    -- When the next day begins there: the sweeper recomputes then.
    stale_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX figures_stale ON figures (stale_at);

CREATE TABLE notification (
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    seq BIGINT NOT NULL,
    id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    severity TEXT COLLATE "C" NOT NULL,
    cause_type TEXT COLLATE "C",
    cause_id BYTEA,
    everyone BIGINT NOT NULL,
    roles BIGINT NOT NULL,
    member_id BYTEA,
    other_member_id BYTEA,
    PRIMARY KEY (organization_id, seq)
);

CREATE TABLE notification_read (
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    member_id BYTEA NOT NULL,
    read_up_to BIGINT NOT NULL,
    PRIMARY KEY (organization_id, member_id)
);

-- The answer of a command by its caller's key, written in the command's own transaction.
CREATE TABLE idempotency (
    scope BYTEA NOT NULL,
    principal BYTEA NOT NULL,
    route TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, principal, route, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE import_batch (
    id BYTEA PRIMARY KEY,
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    kind TEXT COLLATE "C" NOT NULL,
    file_hash BYTEA NOT NULL,
    next_row BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE UNIQUE INDEX import_unfinished ON import_batch (organization_id, kind, file_hash) WHERE finished_at IS NULL;

-- Who does what only one process may do at a time.
CREATE TABLE lease (
    name TEXT COLLATE "C" PRIMARY KEY,
    holder BYTEA NOT NULL,
    until BIGINT NOT NULL
);
