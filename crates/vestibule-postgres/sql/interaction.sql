SELECT revision, record FROM {p}interactions WHERE tenant = $1 AND id = $2 AND expires > $3
