-- Sixteen organisations for `approval.sql`, as large as those that are measured, with ids of their own.
INSERT INTO organization SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), version, currency, settings, created_at, 0, head_hash, head_at, 0
FROM (SELECT * FROM organization LIMIT 1) AS one, generate_series(0, 15) AS n;
INSERT INTO figures SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), stale_at, body
FROM (SELECT * FROM figures LIMIT 1) AS one, generate_series(0, 15) AS n;
INSERT INTO member SELECT decode(lpad(to_hex(n + 16 * k), 32, '0'), 'hex'), decode(lpad(to_hex(n), 32, '0'), 'hex'), version, 'M' || k, NULL,
status, roles, given_name, family_name, phone, email, joined_on, left_on, code_givers, sort_key, search_key, public_search_key, updated_at
FROM (SELECT * FROM member WHERE (roles & 63) <> 0 LIMIT 1) AS one, generate_series(0, 15) AS n, generate_series(0, 7) AS k;
INSERT INTO account SELECT decode(lpad(to_hex(n + 16 * k), 32, '0'), 'hex'), decode(lpad(to_hex(n), 32, '0'), 'hex'), version, kind, currency,
balance, reserved FROM (SELECT * FROM account LIMIT 1) AS one, generate_series(0, 15) AS n, generate_series(0, 6) AS k;
INSERT INTO approval SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(lpad(to_hex(n), 32, '0'), 'hex'), version, status, transaction_type,
requester_id, beneficiary_id, deadline, open_key, body FROM (SELECT * FROM approval LIMIT 1) AS one, generate_series(0, 15) AS n;
INSERT INTO reservation SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), decode(lpad(to_hex(n), 32, '0'), 'hex'), 1, 'HELD'
FROM generate_series(0, 15) AS n;
INSERT INTO text SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), 'PURPOSE', 0, decode(lpad(to_hex(n), 32, '0'), 'hex'), NULL, ''::bytea, 'x'
FROM generate_series(0, 15) AS n;
