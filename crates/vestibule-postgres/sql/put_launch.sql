-- $1 tenant, $2 now, $3 attempt, $4 event, $5 its record, $6 hash, $7 keep until, $8 record
WITH put AS (
    INSERT INTO {p}launches AS l (tenant, hash, keep_until, put_by, spent, record)
    VALUES ($1, $6, $7, $3, false, $8)
    ON CONFLICT (tenant, hash) DO UPDATE
    SET keep_until = excluded.keep_until, put_by = excluded.put_by, spent = false, record = excluded.record
    WHERE l.keep_until <= $2
    RETURNING 1 AS one
),
event AS (
    INSERT INTO {p}events (tenant, id, kind, at, record)
    SELECT $1, $4, 'launch_made', $2, $5 FROM put WHERE $4 IS NOT NULL
    ON CONFLICT (tenant, id) DO NOTHING
),
before AS (SELECT put_by FROM {p}launches WHERE tenant = $1 AND hash = $6)
SELECT CASE
    WHEN EXISTS (SELECT 1 FROM put) AND ({full launches} OR $4 IS NOT NULL AND {full events}) THEN {no_room}
    WHEN EXISTS (SELECT 1 FROM put) OR EXISTS (SELECT 1 FROM before WHERE put_by = $3) THEN 'put'
    WHEN EXISTS (SELECT 1 FROM before) THEN 'taken'
    ELSE {raced}
END
