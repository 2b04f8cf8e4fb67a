-- $1 at most. A code and a chain are counted with their grant.
SELECT
    (SELECT count(*) FROM (SELECT 1 FROM {p}interactions LIMIT $1) one),
    (SELECT count(*) FROM (SELECT 1 FROM {p}launches LIMIT $1) one),
    (SELECT count(*) FROM (SELECT 1 FROM {p}grants LIMIT $1) one),
    (SELECT count(*) FROM (SELECT 1 FROM {p}access LIMIT $1) one),
    (SELECT count(*) FROM (SELECT 1 FROM {p}claims LIMIT $1) one),
    (SELECT count(*) FROM (SELECT 1 FROM {p}events LIMIT $1) one)
