-- Rows as version 0.1 wrote them under the first schema. Never changed: what was written once must be read for ever.
INSERT INTO vestibule_grants (tenant, id, user_id, client, session, keep_until, used, revoked, record) VALUES
    ('t', 'grant-1', 'a', 'b', 's', 1000, 7, false, '\x01'),
    ('t', 'grant-2', 'a', 'b', 's', 1000, 7, false, '\x01'),
    ('t', 'grant-3', 'a', 'b', NULL, 1000, 7, true, '\x01');
INSERT INTO vestibule_codes (tenant, hash, grant_id, binding, expires, issued_by, spent_by) VALUES
    ('t', decode(repeat('01', 32), 'hex'), 'grant-1', decode(repeat('01', 32), 'hex'), 100, decode(repeat('01', 16), 'hex'), NULL),
    ('t', decode(repeat('02', 32), 'hex'), 'grant-2', decode(repeat('01', 32), 'hex'), 100, decode(repeat('02', 16), 'hex'), decode(repeat('09', 16), 'hex')),
    ('t', decode(repeat('03', 32), 'hex'), 'grant-3', decode(repeat('01', 32), 'hex'), 100, decode(repeat('03', 16), 'hex'), NULL);
INSERT INTO vestibule_keys (tenant, revision, document) VALUES ('t', 4, '\x0102');
INSERT INTO vestibule_events (tenant, id, kind, at, record) VALUES
    ('t', decode(repeat('04', 16), 'hex'), 'code_issued', 1, '\x07');
