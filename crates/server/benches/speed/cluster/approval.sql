BEGIN;
SELECT 1 FROM organization WHERE id = ORG FOR NO KEY UPDATE;
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now \gset
SELECT id, version, currency, settings, created_at, head_seq AS seq, head_hash, head_at FROM organization WHERE id = ORG \gset
SELECT body FROM figures WHERE organization_id = ORG;
SELECT fingerprint, answer FROM idempotency WHERE scope = ORG AND principal = ORG AND route = 'POST /approve' AND key = 'absent';
SELECT id, roles, code_givers FROM member WHERE organization_id = ORG AND (roles & 63) <> 0 AND status = 'ACTIVE';
SELECT body FROM approval WHERE id = ORG;
SELECT * FROM member WHERE id = ORG;
SELECT id, version, kind, currency, balance, reserved FROM account WHERE organization_id = ORG ORDER BY id;
SELECT body FROM text WHERE owner_id = ORG AND kind = 'PURPOSE' AND n = 0;
SELECT n, body FROM text WHERE owner_id = ORG AND kind = 'COMMENT' ORDER BY n;
INSERT INTO journal VALUES (ORG, :seq::bigint + 1, uuid_send(gen_random_uuid()), 'APPROVAL_VOTE_RECORDED', 'approvals', 'roles PRESIDENT,TREASURER', ORG, :now::bigint, NULL, 0, repeat('x', 618)::bytea, repeat('h', 32)::bytea);
INSERT INTO journal VALUES (ORG, :seq::bigint + 2, uuid_send(gen_random_uuid()), 'APPROVAL_APPROVED', 'approvals', 'roles PRESIDENT,TREASURER', ORG, :now::bigint, NULL, 0, repeat('x', 709)::bytea, repeat('h', 32)::bytea);
INSERT INTO notification VALUES (ORG, :seq::bigint + 3, uuid_send(gen_random_uuid()), :now::bigint, 'APPROVAL_APPROVED', 'INFO', 'APPROVAL', ORG, 0, 0, ORG, NULL);
INSERT INTO journal VALUES (ORG, :seq::bigint + 3, uuid_send(gen_random_uuid()), 'USER_NOTIFICATION', 'notifications', 'roles TREASURER', ORG, :now::bigint, NULL, 0, repeat('x', 575)::bytea, repeat('h', 32)::bytea);
INSERT INTO notification VALUES (ORG, :seq::bigint + 4, uuid_send(gen_random_uuid()), :now::bigint, 'APPROVAL_TO_EXECUTE', 'INFO', 'APPROVAL', ORG, 0, 2, NULL, NULL);
INSERT INTO journal VALUES (ORG, :seq::bigint + 4, uuid_send(gen_random_uuid()), 'USER_NOTIFICATION', 'notifications', 'roles TREASURER', ORG, :now::bigint, NULL, 0, repeat('x', 575)::bytea, repeat('h', 32)::bytea);
UPDATE account SET version = version + 1, reserved = 0 WHERE id = ORG;
UPDATE reservation SET amount = 1, state = 'HELD' WHERE approval_id = ORG;
UPDATE approval SET version = version + 1, status = 'APPROVED', deadline = :now::bigint, body = repeat('x', 1339) WHERE id = ORG;
UPDATE organization SET head_seq = :seq::bigint + 4, head_hash = repeat('h', 32)::bytea, head_at = :now::bigint WHERE id = ORG;
UPDATE figures SET stale_at = :now::bigint, body = repeat('x', 447) WHERE organization_id = ORG;
INSERT INTO idempotency VALUES (ORG, ORG, 'POST /approve', gen_random_uuid()::text, repeat('f', 32)::bytea, repeat('x', 1731), :now::bigint);
COMMIT;
