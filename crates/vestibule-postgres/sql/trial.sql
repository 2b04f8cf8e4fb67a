-- $1 is as large as what a verb writes. The rows are nobody's: no tenant is without a name. Nobody else ever sees them.
WITH interaction AS (
    INSERT INTO {p}interactions (tenant, id, revision, expires, saved_by, record) VALUES ('', '', 0, 0, '', $1)
),
launch AS (
    INSERT INTO {p}launches (tenant, hash, keep_until, put_by, spent, record) VALUES ('', '', 0, '', false, $1)
),
of_nobody AS (
    INSERT INTO {p}grants (tenant, id, user_id, client, keep_until, used, revoked, record)
    VALUES ('', '', '', '', 0, 0, false, $1)
),
code AS (
    INSERT INTO {p}codes (tenant, hash, grant_id, binding, expires, issued_by) VALUES ('', '', '', '', 0, '')
),
chain AS (
    INSERT INTO {p}chains (tenant, handle, grant_id, generation, current, replays, suspected, idle_until, until)
    VALUES ('', '', '', 0, '', 0, 0, 0, 0)
),
token AS (
    INSERT INTO {p}access (tenant, hash, expires, revoked, kept_by, record) VALUES ('', '', 0, false, '', $1)
),
claim AS (
    INSERT INTO {p}claims (tenant, key, keep_until, spent_by, tries) VALUES ('', '', 0, '', 1)
)
INSERT INTO {p}events (tenant, id, kind, at, record) VALUES ('', '', '', 0, $1)
