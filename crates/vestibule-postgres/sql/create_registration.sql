-- $1 tenant, $2 now, $3 client, $4 token, $5 revision, $6 issued, $7 origins, $8 record
-- $9 initial access token, $10 remembered until, $11 how many there may be
--
-- Whoever creates holds the quota of the issuer, so that what is counted and looked for here stays so.
WITH spent_before AS (
    SELECT 1 AS one FROM {p}spent_registration_tokens
    WHERE tenant = $1 AND hash = $9 AND (keep_until IS NULL OR keep_until > $2)
),
taken AS (
    SELECT 1 AS one FROM {p}registrations WHERE tenant = $1 AND (id = $3 OR token = $4)
),
room AS (
    SELECT (SELECT count(*) FROM (SELECT 1 FROM {p}registrations WHERE tenant = $1 LIMIT $11) there) < $11
       AND ($9 IS NULL OR (SELECT count(*) FROM (
               SELECT 1 FROM {p}spent_registration_tokens
               WHERE tenant = $1 AND (keep_until IS NULL OR keep_until > $2) LIMIT $11) there) < $11)
        AS free
),
created AS (
    INSERT INTO {p}registrations (tenant, id, token, revision, issued, origins, record)
    SELECT $1, $3, $4, $5, $6, $7, $8 FROM room
    WHERE room.free AND NOT EXISTS (SELECT 1 FROM spent_before) AND NOT EXISTS (SELECT 1 FROM taken)
    RETURNING 1 AS one
),
spent AS (
    INSERT INTO {p}spent_registration_tokens AS s (tenant, hash, keep_until)
    SELECT $1, $9, $10 FROM created WHERE $9 IS NOT NULL
    ON CONFLICT (tenant, hash) DO UPDATE SET keep_until = excluded.keep_until WHERE s.keep_until <= $2
    RETURNING 1 AS one
)
SELECT CASE
    WHEN EXISTS (SELECT 1 FROM created) AND $9 IS NOT NULL AND NOT EXISTS (SELECT 1 FROM spent) THEN {raced}
    WHEN EXISTS (SELECT 1 FROM created) THEN 'won'
    WHEN EXISTS (SELECT 1 FROM spent_before) THEN 'token_spent'
    WHEN EXISTS (SELECT 1 FROM taken) THEN 'id_taken'
    ELSE 'full'
END
