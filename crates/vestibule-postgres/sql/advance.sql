-- $1 tenant, $2 now, $3 attempt, $4 event, $5 its record
-- $6 interaction, $7 revision that was read, $8 next revision, $9 expires, $10 record, $11 counted for, $12 at most
WITH {found_interaction},
saved AS (
    INSERT INTO {p}interactions AS i (tenant, id, revision, expires, saved_by, counted_client, record)
    SELECT $1, $6, $8, $9, $3, $11, $10 FROM room
    WHERE room.free AND ($7 IS NULL OR EXISTS (SELECT 1 FROM found WHERE found.revision = $7))
    {save_interaction}
),
event AS (
    INSERT INTO {p}events (tenant, id, kind, at, record)
    SELECT $1, $4, 'refused', $2, $5 FROM saved WHERE $4 IS NOT NULL
    ON CONFLICT (tenant, id) DO NOTHING
)
SELECT CASE
    WHEN EXISTS (SELECT 1 FROM saved)
        AND (found.revision IS NULL AND {full interactions} OR $4 IS NOT NULL AND {full events}) THEN {no_room}
    WHEN EXISTS (SELECT 1 FROM saved) THEN 'saved'
    WHEN found.saved_by = $3 AND found.revision = $8 THEN 'saved'
    WHEN found.revision IS NULL AND $7 IS NOT NULL THEN 'gone'
    WHEN found.revision <> $7 OR (found.revision IS NOT NULL AND $7 IS NULL) THEN 'stale'
    WHEN NOT room.free THEN 'full'
    ELSE {raced}
END, found.revision, found.record
FROM room LEFT JOIN found ON true
