-- Keys of other systems. The secret is kept as its hash only; a key that was revoked stays, so that people see who made it.
CREATE TABLE service_key (
    id BYTEA PRIMARY KEY,
    organization_id BYTEA NOT NULL REFERENCES organization (id),
    version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    scopes TEXT COLLATE "C" NOT NULL,
    secret_hash BYTEA NOT NULL,
    -- The member who made it; null for the operator.
    created_by BYTEA,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);
CREATE INDEX service_key_of_organization ON service_key (organization_id, id);
