-- Refresh chains, opaque access tokens, revoked JWTs, spent client assertions, events.
--
-- Grants get columns, which rewrites no row. A grant that outlives its session keeps an empty `session` and says so beside it,
-- since the column was made for one that is always there.

ALTER TABLE {prefix}grants ADD COLUMN outlives_session INTEGER NOT NULL DEFAULT 0;
ALTER TABLE {prefix}grants ADD COLUMN used INTEGER NOT NULL DEFAULT 0;

-- One chain a grant, gone with it. `previous`, `salt`, `rotated` and `rotated_by` are there together or not at all, and so are
-- `answered_by` and `answered`.
CREATE TABLE {prefix}chains (
    tenant      BLOB    NOT NULL,
    handle      BLOB    NOT NULL,
    grant_id    BLOB    NOT NULL,
    generation  INTEGER NOT NULL,
    current     BLOB    NOT NULL,
    previous    BLOB,
    salt        BLOB,
    rotated     INTEGER,
    rotated_by  BLOB,
    replays     INTEGER NOT NULL DEFAULT 0,
    suspected   INTEGER NOT NULL DEFAULT 0,
    answered_by BLOB,
    answered    INTEGER,
    idle_until  INTEGER NOT NULL,
    until       INTEGER NOT NULL,
    PRIMARY KEY (tenant, handle),
    UNIQUE (tenant, grant_id),
    FOREIGN KEY (tenant, grant_id) REFERENCES {prefix}grants (tenant, id) ON DELETE CASCADE
) STRICT;

-- Either `grant_id` or `client` is there. A row outlives its grant harmlessly: without the grant it is never found.
CREATE TABLE {prefix}access (
    tenant   BLOB    NOT NULL,
    hash     BLOB    NOT NULL,
    grant_id BLOB,
    client   BLOB,
    expires  INTEGER NOT NULL,
    revoked  INTEGER NOT NULL DEFAULT 0,
    kept_by  BLOB    NOT NULL,
    record   BLOB    NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT;
CREATE INDEX {prefix}access_by_end ON {prefix}access (expires);
CREATE INDEX {prefix}access_by_client ON {prefix}access (tenant, client) WHERE client IS NOT NULL;

CREATE TABLE {prefix}revoked_tokens (
    tenant BLOB    NOT NULL,
    id     BLOB    NOT NULL,
    until  INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX {prefix}revoked_tokens_by_end ON {prefix}revoked_tokens (until);

CREATE TABLE {prefix}claims (
    tenant     BLOB    NOT NULL,
    key        BLOB    NOT NULL,
    keep_until INTEGER NOT NULL,
    spent_by   BLOB    NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT;
CREATE INDEX {prefix}claims_by_end ON {prefix}claims (keep_until);

-- An outbox: `number` is the order of appending, and no number is used twice.
CREATE TABLE {prefix}events (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       BLOB    NOT NULL,
    id           BLOB    NOT NULL,
    kind         TEXT    NOT NULL,
    at           INTEGER NOT NULL,
    leased_until INTEGER,
    record       BLOB    NOT NULL,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX {prefix}events_by_tenant ON {prefix}events (tenant, number);

INSERT INTO {prefix}migrations (number) VALUES (2);
