-- Apps that registered themselves.
--
-- `issued` orders an operator's list. `origins` are those of an enabled app, none otherwise. A spent token without `keep_until` is
-- remembered forever.

CREATE TABLE IF NOT EXISTS {p}registrations (
    tenant   BYTEA   NOT NULL,
    id       BYTEA   NOT NULL,
    token    BYTEA   NOT NULL,
    revision BIGINT  NOT NULL,
    issued   BIGINT  NOT NULL,
    origins  BYTEA[] NOT NULL,
    record   BYTEA   NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, token)
);

CREATE INDEX IF NOT EXISTS {i}registrations_by_age ON {p}registrations (tenant, issued, id);

CREATE INDEX IF NOT EXISTS {i}registrations_by_origin ON {p}registrations USING gin (origins);

CREATE TABLE IF NOT EXISTS {p}spent_registration_tokens (
    tenant     BYTEA NOT NULL,
    hash       BYTEA NOT NULL,
    keep_until BIGINT,
    PRIMARY KEY (tenant, hash)
);

CREATE INDEX IF NOT EXISTS {i}spent_registration_tokens_by_end ON {p}spent_registration_tokens (keep_until)
    WHERE keep_until IS NOT NULL;

INSERT INTO {p}migrations (number) VALUES (2) ON CONFLICT (number) DO NOTHING;
