-- Launches, interactions, codes, grants, consent and keys.
--
-- A column exists only where a verb tests it or finds by it; everything else is in the opaque `record`. Keys are BLOBs, so
-- that they are compared byte for byte whatever the file's encoding or collations are. Times are milliseconds since 1970.

CREATE TABLE {prefix}migrations (
    number INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE {prefix}interactions (
    tenant         BLOB    NOT NULL,
    id             BLOB    NOT NULL,
    revision       INTEGER NOT NULL,
    expires        INTEGER NOT NULL,
    saved_by       BLOB    NOT NULL,
    counted_client BLOB,
    record         BLOB    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX {prefix}interactions_by_end ON {prefix}interactions (expires);
CREATE INDEX {prefix}interactions_counted ON {prefix}interactions (tenant, counted_client, expires)
    WHERE counted_client IS NOT NULL;

CREATE TABLE {prefix}launches (
    tenant     BLOB    NOT NULL,
    hash       BLOB    NOT NULL,
    keep_until INTEGER NOT NULL,
    put_by     BLOB    NOT NULL,
    spent      INTEGER NOT NULL DEFAULT 0,
    record     BLOB    NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT;
CREATE INDEX {prefix}launches_by_end ON {prefix}launches (keep_until);

CREATE TABLE {prefix}grants (
    tenant     BLOB    NOT NULL,
    id         BLOB    NOT NULL,
    user       BLOB    NOT NULL,
    client     BLOB    NOT NULL,
    session    BLOB    NOT NULL,
    keep_until INTEGER NOT NULL,
    revoked    INTEGER NOT NULL DEFAULT 0,
    record     BLOB    NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX {prefix}grants_by_user ON {prefix}grants (tenant, user, id);
CREATE INDEX {prefix}grants_by_client ON {prefix}grants (tenant, client);
CREATE INDEX {prefix}grants_by_session ON {prefix}grants (tenant, session);
CREATE INDEX {prefix}grants_by_end ON {prefix}grants (keep_until);

-- A spent code stays as long as its grant, so that a replay can still find the grant and kill it. One code a grant.
CREATE TABLE {prefix}codes (
    tenant    BLOB    NOT NULL,
    hash      BLOB    NOT NULL,
    grant_id  BLOB    NOT NULL,
    binding   BLOB    NOT NULL,
    expires   INTEGER NOT NULL,
    issued_by BLOB    NOT NULL,
    spent_by  BLOB,
    PRIMARY KEY (tenant, hash),
    UNIQUE (tenant, grant_id),
    FOREIGN KEY (tenant, grant_id) REFERENCES {prefix}grants (tenant, id) ON DELETE CASCADE
) STRICT;

-- Answers are never deleted and their ids never used again: they are evidence.
CREATE TABLE {prefix}consents (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant    BLOB    NOT NULL,
    user      BLOB    NOT NULL,
    client    BLOB    NOT NULL,
    base      BLOB    NOT NULL,
    patient   BLOB,
    withdrawn INTEGER NOT NULL DEFAULT 0,
    record    TEXT    NOT NULL
) STRICT;
CREATE INDEX {prefix}consents_by_question ON {prefix}consents (tenant, user, client, base, patient, id)
    WHERE withdrawn = 0;
CREATE INDEX {prefix}consents_by_user ON {prefix}consents (tenant, user, id) WHERE withdrawn = 0;

CREATE TABLE {prefix}keys (
    tenant   BLOB    NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    document BLOB    NOT NULL
) STRICT;

INSERT INTO {prefix}migrations (number) VALUES (1);
