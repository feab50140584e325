-- Keys of other systems. The secret is kept as its hash only; a key that was revoked stays, so that people see who made it.
CREATE TABLE service_key (
    id BLOB PRIMARY KEY,
    organization_id BLOB NOT NULL REFERENCES organization (id),
    version INTEGER NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    -- The member who made it; null for the operator.
    created_by BLOB,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX service_key_of_organization ON service_key (organization_id, id);
