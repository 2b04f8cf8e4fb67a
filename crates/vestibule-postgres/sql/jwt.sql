SELECT g.id, g.user_id, g.client, g.session, g.keep_until, g.used, g.revoked, g.record,
       EXISTS (SELECT 1 FROM {p}revoked_tokens WHERE tenant = $1 AND id = $2 AND until > $4)
FROM (SELECT 1 AS one) one LEFT JOIN {p}grants g ON g.tenant = $1 AND g.id = $3 AND g.keep_until > $4
