SELECT record FROM {p}launches WHERE tenant = $1 AND hash = $2 AND NOT spent AND keep_until > $3
