-- Apps that registered themselves.
--
-- `issued` orders an operator's list. Origins are those of enabled apps, gone with their app. A spent token without `keep_until`
-- is remembered forever.

CREATE TABLE {prefix}registrations (
    tenant   BLOB    NOT NULL,
    id       BLOB    NOT NULL,
    token    BLOB    NOT NULL,
    revision INTEGER NOT NULL,
    issued   INTEGER NOT NULL,
    record   BLOB    NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, token)
) STRICT;
CREATE INDEX {prefix}registrations_by_age ON {prefix}registrations (tenant, issued, id);

CREATE TABLE {prefix}registration_origins (
    tenant BLOB NOT NULL,
    origin BLOB NOT NULL,
    client BLOB NOT NULL,
    PRIMARY KEY (tenant, origin, client),
    FOREIGN KEY (tenant, client) REFERENCES {prefix}registrations (tenant, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX {prefix}registration_origins_by_client ON {prefix}registration_origins (tenant, client);

CREATE TABLE {prefix}spent_registration_tokens (
    tenant     BLOB    NOT NULL,
    hash       BLOB    NOT NULL,
    keep_until INTEGER,
    PRIMARY KEY (tenant, hash)
) STRICT;
CREATE INDEX {prefix}spent_registration_tokens_by_end ON {prefix}spent_registration_tokens (keep_until)
    WHERE keep_until IS NOT NULL;

INSERT INTO {prefix}migrations (number) VALUES (3);
