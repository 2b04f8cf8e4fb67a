-- $1 tenant, $2 client, $3 token, $4 revision that was read, $5 revision, $6 origins, $7 record
WITH won AS (
    UPDATE {p}registrations SET revision = $5, origins = $6, record = $7
    WHERE tenant = $1 AND id = $2 AND token = $3 AND revision = $4
    RETURNING 1 AS one
)
SELECT CASE
    WHEN EXISTS (SELECT 1 FROM won) THEN 'won'
    WHEN EXISTS (SELECT 1 FROM {p}registrations WHERE tenant = $1 AND id = $2 AND token = $3) THEN 'stale'
    ELSE 'gone'
END
