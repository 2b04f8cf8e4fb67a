-- The hospital's own tables. Run at every start; creates what is missing.
CREATE TABLE IF NOT EXISTS ehr_user (
    name          TEXT PRIMARY KEY,
    password      TEXT NOT NULL,          -- Argon2id
    subject       TEXT NOT NULL UNIQUE,   -- what apps see instead of the name
    fhir_user     TEXT NOT NULL,          -- the user's own FHIR resource
    kind          TEXT NOT NULL CHECK (kind IN ('patient', 'clinician')),
    every_patient INTEGER NOT NULL        -- may search all unrestricted records
) STRICT;

CREATE TABLE IF NOT EXISTS ehr_patient (
    id         TEXT PRIMARY KEY,
    given      TEXT NOT NULL,
    family     TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    restricted INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS ehr_relationship (
    user    TEXT NOT NULL,
    patient TEXT NOT NULL,
    why     TEXT NOT NULL,
    PRIMARY KEY (user, patient)
) STRICT;

-- Who signs in again at the same browser keeps what apps were given there; signing out ends all of it.
CREATE TABLE IF NOT EXISTS ehr_sign_in (
    id        TEXT PRIMARY KEY,   -- the hash of the cookie's value
    user      TEXT NOT NULL REFERENCES ehr_user (name),
    browser   TEXT NOT NULL,      -- the first of the sign-ins that followed each other there
    replaced  INTEGER NOT NULL,   -- its cookie is worth nothing any more
    signed_in INTEGER NOT NULL,
    ends      INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS ehr_sign_in_by_browser ON ehr_sign_in (browser);

-- What Vestibule told the audit log.
CREATE TABLE IF NOT EXISTS ehr_audit (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL,
    at       INTEGER NOT NULL,    -- milliseconds since 1970
    client   TEXT,
    user     TEXT,
    patient  TEXT,
    scopes   TEXT NOT NULL,
    resource TEXT NOT NULL        -- FHIR AuditEvent
) STRICT;
CREATE INDEX IF NOT EXISTS ehr_audit_newest ON ehr_audit (at, number);

-- The one rule about who may open which record. Everybody asks here.
CREATE VIEW IF NOT EXISTS ehr_access AS
SELECT u.name AS user, p.id AS patient, p.given, p.family, p.birth_date,
       COALESCE(r.why, 'care team') AS why
FROM ehr_user u
JOIN ehr_patient p
LEFT JOIN ehr_relationship r ON r.user = u.name AND r.patient = p.id
WHERE r.why IS NOT NULL OR (u.every_patient AND NOT p.restricted);

-- What all processes on these tables must agree on.
CREATE TABLE IF NOT EXISTS ehr_secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

-- What apps wrote over the FHIR API: each version of each resource, on top of the records that come with the demo.
CREATE TABLE IF NOT EXISTS ehr_written (
    version INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice
    base    TEXT NOT NULL,
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    at      INTEGER NOT NULL,                    -- milliseconds since 1970
    body    TEXT                                 -- NULL: deleted
) STRICT;
CREATE INDEX IF NOT EXISTS ehr_written_by_resource ON ehr_written (base, kind, id);
