-- A code and a chain go with their grant.
WITH interaction AS (DELETE FROM {p}interactions WHERE tenant = '' AND id = ''),
launch AS (DELETE FROM {p}launches WHERE tenant = '' AND hash = ''),
of_nobody AS (DELETE FROM {p}grants WHERE tenant = '' AND id = ''),
token AS (DELETE FROM {p}access WHERE tenant = '' AND hash = ''),
claim AS (DELETE FROM {p}claims WHERE tenant = '' AND key = ''),
quota AS (DELETE FROM {p}quotas WHERE tenant = '' AND client = '')
DELETE FROM {p}events WHERE tenant = '' AND id = ''
