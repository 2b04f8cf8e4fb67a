SELECT g.id, g.user_id, g.client, g.session, g.keep_until, g.used, g.revoked, g.record, a.record, a.expires, a.revoked
FROM {p}access a LEFT JOIN {p}grants g ON g.tenant = a.tenant AND g.id = a.grant_id AND g.keep_until > $3
WHERE a.tenant = $1 AND a.hash = $2 AND a.expires > $3 AND (a.grant_id IS NULL OR g.id IS NOT NULL)
