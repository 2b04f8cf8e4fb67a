-- Launches, interactions, codes, grants, refresh chains, opaque access tokens, spent assertions, events, consent and keys.
--
-- A column exists only where a verb tests it or finds by it; everything else is in the opaque `record`. Keys are BYTEA, so that
-- they are compared byte for byte whatever the database's encoding or collations are. Times are milliseconds since 1970.
--
-- Every statement may be run again: a migration that was cut short goes on from the beginning.

CREATE TABLE IF NOT EXISTS {p}migrations (
    number BIGINT PRIMARY KEY
);

CREATE TABLE IF NOT EXISTS {p}interactions (
    tenant         BYTEA  NOT NULL,
    id             BYTEA  NOT NULL,
    revision       BIGINT NOT NULL,
    expires        BIGINT NOT NULL,
    saved_by       BYTEA  NOT NULL,
    counted_client BYTEA,
    record         BYTEA  NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX IF NOT EXISTS {i}interactions_by_end ON {p}interactions (expires);

CREATE INDEX IF NOT EXISTS {i}interactions_counted ON {p}interactions (tenant, counted_client, expires)
    WHERE counted_client IS NOT NULL;

-- Whoever counts holds the row of the app: two that count at once would both see the last free place.
CREATE TABLE IF NOT EXISTS {p}quotas (
    tenant BYTEA  NOT NULL,
    client BYTEA  NOT NULL,
    counts BIGINT NOT NULL,
    PRIMARY KEY (tenant, client)
);

CREATE TABLE IF NOT EXISTS {p}launches (
    tenant     BYTEA   NOT NULL,
    hash       BYTEA   NOT NULL,
    keep_until BIGINT  NOT NULL,
    put_by     BYTEA   NOT NULL,
    spent      BOOLEAN NOT NULL,
    record     BYTEA   NOT NULL,
    PRIMARY KEY (tenant, hash)
);

CREATE INDEX IF NOT EXISTS {i}launches_by_end ON {p}launches (keep_until);

CREATE TABLE IF NOT EXISTS {p}grants (
    tenant     BYTEA   NOT NULL,
    id         BYTEA   NOT NULL,
    user_id    BYTEA   NOT NULL,
    client     BYTEA   NOT NULL,
    session    BYTEA,
    keep_until BIGINT  NOT NULL,
    used       BIGINT  NOT NULL,
    revoked    BOOLEAN NOT NULL,
    record     BYTEA   NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX IF NOT EXISTS {i}grants_by_user ON {p}grants (tenant, user_id, id);

CREATE INDEX IF NOT EXISTS {i}grants_by_client ON {p}grants (tenant, client);

CREATE INDEX IF NOT EXISTS {i}grants_by_session ON {p}grants (tenant, session) WHERE session IS NOT NULL;

CREATE INDEX IF NOT EXISTS {i}grants_by_end ON {p}grants (keep_until);

-- A spent code stays as long as its grant, so that a replay can still find the grant and kill it. One code a grant.
CREATE TABLE IF NOT EXISTS {p}codes (
    tenant    BYTEA  NOT NULL,
    hash      BYTEA  NOT NULL,
    grant_id  BYTEA  NOT NULL,
    binding   BYTEA  NOT NULL,
    expires   BIGINT NOT NULL,
    issued_by BYTEA  NOT NULL,
    spent_by  BYTEA,
    PRIMARY KEY (tenant, hash),
    UNIQUE (tenant, grant_id),
    FOREIGN KEY (tenant, grant_id) REFERENCES {p}grants (tenant, id) ON DELETE CASCADE
);

-- One chain a grant, gone with it. `previous`, `salt`, `rotated` and `rotated_by` are there together or not at all, and so are
-- `answered_by` and `answered`.
CREATE TABLE IF NOT EXISTS {p}chains (
    tenant      BYTEA  NOT NULL,
    handle      BYTEA  NOT NULL,
    grant_id    BYTEA  NOT NULL,
    generation  BIGINT NOT NULL,
    current     BYTEA  NOT NULL,
    previous    BYTEA,
    salt        BYTEA,
    rotated     BIGINT,
    rotated_by  BYTEA,
    replays     BIGINT NOT NULL,
    suspected   BIGINT NOT NULL,
    answered_by BYTEA,
    answered    BIGINT,
    idle_until  BIGINT NOT NULL,
    until       BIGINT NOT NULL,
    PRIMARY KEY (tenant, handle),
    UNIQUE (tenant, grant_id),
    FOREIGN KEY (tenant, grant_id) REFERENCES {p}grants (tenant, id) ON DELETE CASCADE
);

-- Either `grant_id` or `client` is there. A row outlives its grant harmlessly: without the grant it is never found.
CREATE TABLE IF NOT EXISTS {p}access (
    tenant   BYTEA   NOT NULL,
    hash     BYTEA   NOT NULL,
    grant_id BYTEA,
    client   BYTEA,
    expires  BIGINT  NOT NULL,
    revoked  BOOLEAN NOT NULL,
    kept_by  BYTEA   NOT NULL,
    record   BYTEA   NOT NULL,
    PRIMARY KEY (tenant, hash)
);

CREATE INDEX IF NOT EXISTS {i}access_by_end ON {p}access (expires);

CREATE INDEX IF NOT EXISTS {i}access_by_client ON {p}access (tenant, client) WHERE client IS NOT NULL;

CREATE TABLE IF NOT EXISTS {p}revoked_tokens (
    tenant BYTEA  NOT NULL,
    id     BYTEA  NOT NULL,
    until  BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX IF NOT EXISTS {i}revoked_tokens_by_end ON {p}revoked_tokens (until);

-- `tries` tells an attempt's first use of its assertion from a repetition.
CREATE TABLE IF NOT EXISTS {p}claims (
    tenant     BYTEA  NOT NULL,
    key        BYTEA  NOT NULL,
    keep_until BIGINT NOT NULL,
    spent_by   BYTEA  NOT NULL,
    tries      BIGINT NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE INDEX IF NOT EXISTS {i}claims_by_end ON {p}claims (keep_until);

-- An outbox: `number` is the order of appending.
CREATE TABLE IF NOT EXISTS {p}events (
    number       BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant       BYTEA  NOT NULL,
    id           BYTEA  NOT NULL,
    kind         TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    leased_until BIGINT,
    record       BYTEA  NOT NULL,
    UNIQUE (tenant, id)
);

CREATE INDEX IF NOT EXISTS {i}events_by_tenant ON {p}events (tenant, number);

-- Answers are never deleted and their ids never used again: they are evidence. `about` is empty where no patient was asked about.
CREATE TABLE IF NOT EXISTS {p}consents (
    id        BIGINT  GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    tenant    BYTEA   NOT NULL,
    user_id   BYTEA   NOT NULL,
    client    BYTEA   NOT NULL,
    base      BYTEA   NOT NULL,
    about     BYTEA   NOT NULL,
    withdrawn BOOLEAN NOT NULL,
    record    BYTEA   NOT NULL
);

CREATE INDEX IF NOT EXISTS {i}consents_by_question ON {p}consents (tenant, user_id, client, base, about, id)
    WHERE NOT withdrawn;

CREATE INDEX IF NOT EXISTS {i}consents_by_user ON {p}consents (tenant, user_id, id) WHERE NOT withdrawn;

CREATE TABLE IF NOT EXISTS {p}keys (
    tenant   BYTEA  NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    document BYTEA  NOT NULL
);

INSERT INTO {p}migrations (number) VALUES (1) ON CONFLICT (number) DO NOTHING;
