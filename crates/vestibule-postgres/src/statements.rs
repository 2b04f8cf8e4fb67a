//! All SQL that runs after the schema is there: one statement a verb and a read, so that each is one round trip and one
//! transaction.
//!
//! The texts are in `sql/`. What several of them say stands here once, under a name in braces.

use tokio_postgres::types::Type;

use crate::options::Names;
use crate::room::TABLES;

/// A statement and the types of its parameters, so that the server need not guess them.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) text: String,
    pub(crate) types: Vec<Type>,
    /// Whether its last parameter says which tables are full: the text names it `{full}`.
    pub(crate) is_bounded: bool,
}

impl Statement {
    fn new(text: &str, mut types: Vec<Type>, names: &Names) -> Self {
        let mut text = assemble(text, names);
        let is_bounded = text.contains("{full}");
        if is_bounded {
            types.push(INT);
            text = text.replace("{full}", &format!("${}", types.len()));
        }
        Self { text, types, is_bounded }
    }
}

const BYTES: Type = Type::BYTEA;
const INT: Type = Type::INT8;
const BOOL: Type = Type::BOOL;
const MANY: Type = Type::BYTEA_ARRAY;

/// Spends the assertion. What decides is the row, locked: a row comes back if it was free or is this attempt's own (JWTCA-009).
const CLAIM: &str = "\
claim AS (
    INSERT INTO {p}claims AS c (tenant, key, keep_until, spent_by, tries)
    SELECT $1, $4, $5, $3, 1 WHERE $4 IS NOT NULL
    ON CONFLICT (tenant, key) DO UPDATE
    SET keep_until = CASE WHEN c.keep_until <= $2 THEN excluded.keep_until ELSE c.keep_until END,
        tries = CASE WHEN c.keep_until <= $2 THEN 1 ELSE c.tries + 1 END,
        spent_by = excluded.spent_by
    WHERE c.keep_until <= $2 OR c.spent_by = excluded.spent_by
    RETURNING tries
)";
const CLAIMED: &str = "($4 IS NULL OR EXISTS (SELECT 1 FROM claim))";

/// An opaque token is inserted, never updated (row 12), unless the one in its place is over: then `kept_by` gets no value, which
/// the column refuses, and the whole statement with it.
const KEEP_ACCESS: &str = "\
ON CONFLICT (tenant, hash) DO UPDATE
    SET grant_id = excluded.grant_id, client = excluded.client, expires = excluded.expires, revoked = false,
        kept_by = CASE WHEN a.expires <= $2 THEN excluded.kept_by END, record = excluded.record
    RETURNING 1 AS one";

/// The interaction as it was when the statement began, and whether the quota leaves room. A row that counts already is not one
/// more. The count stops at the quota.
const FOUND_INTERACTION: &str = "\
found AS (
    SELECT revision, record, saved_by FROM {p}interactions WHERE tenant = $1 AND id = $6 AND expires > $2
),
room AS (
    SELECT $11 IS NULL
        OR EXISTS (SELECT 1 FROM {p}interactions
                   WHERE tenant = $1 AND id = $6 AND counted_client = $11 AND expires > $2)
        OR (SELECT count(*) FROM (SELECT 1 FROM {p}interactions
                                  WHERE tenant = $1 AND counted_client = $11 AND expires > $2 LIMIT $12) counted) < $12
        AS free
)";
/// The swap. What decides is the row, locked; a row that is over is no row, whether it was purged or not.
const SAVE_INTERACTION: &str = "\
ON CONFLICT (tenant, id) DO UPDATE
    SET revision = excluded.revision, expires = excluded.expires, saved_by = excluded.saved_by,
        counted_client = excluded.counted_client, record = excluded.record
    WHERE CASE WHEN $7 IS NULL THEN i.expires <= $2 ELSE i.revision = $7 AND i.expires > $2 END
    RETURNING revision";

const REVOKED_EVENT: &str = "\
event AS (
    INSERT INTO {p}events (tenant, id, kind, at, record)
    SELECT $1, $6, 'revoked', $2, $7 WHERE $6 IS NOT NULL AND EXISTS (SELECT 1 FROM died)
    ON CONFLICT (tenant, id) DO NOTHING
)
SELECT CASE
    WHEN {full claims} AND EXISTS (SELECT 1 FROM claim WHERE tries = 1) AND NOT EXISTS (SELECT 1 FROM died)
        THEN {no_room}
    WHEN {claimed} THEN 'done'
    ELSE 'claim_seen'
END";

/// Whether what goes beside a verb has taken a place that is not there. A row that this attempt has left before takes none.
const FULL_BESIDE: &str = "\
({full claims} AND EXISTS (SELECT 1 FROM claim WHERE tries = 1)
    OR {full access} AND EXISTS (SELECT 1 FROM kept)
    OR {full events} AND EXISTS (SELECT 1 FROM event))";

/// What was found when the statement began has changed since. SQL has no other word for "undo all this and come again" that
/// every database with PostgreSQL's protocol knows: there is no migration 0, and nobody divides by nothing.
const RACED: &str = "CAST(1 / (SELECT count(*) FROM {p}migrations WHERE number = 0) AS text)";

/// A verb that has added a row where there was room for none: as above, with an error of its own. What it wrote is undone, and so it
/// waits for whoever writes the same at this moment, which may be this very attempt.
const NO_ROOM: &str = "\
CAST(CAST((SELECT 'room ' || CAST(count(*) AS text) FROM {p}migrations WHERE number = 0) AS bigint) AS text)";

/// [`Family::answer`](vestibule_host::Family::answer) for the chain `x`, what it was told before included; `sql/rotate.sql` says
/// what the numbers mean. Sums stop at the end of time, as [`UnixMillis::plus`](vestibule_host::UnixMillis::plus) does.
const JUDGED: &str = "\
(CASE
    WHEN x.rotated_by = $3 AND x.current = $14 THEN 0
    WHEN x.answered_by = $3 THEN 0
    WHEN x.idle_until <= $2 OR x.until <= $2 THEN 0
    WHEN x.current = $12 THEN 4
    WHEN x.previous = $12 AND least(CAST(x.rotated AS numeric) + $16, 9223372036854775807) > $2 THEN CASE
        WHEN {uncounted x} OR x.replays < $17 THEN 1
        WHEN 1 + ((x.suspected >> 1) & 1) + ((x.suspected >> 2) & 1) + ((x.suspected >> 3) & 1)
               + ((x.suspected >> 4) & 1) >= 3 THEN 3
        WHEN (x.suspected & 1) = 1 THEN 0
        ELSE 2 END
    ELSE 3
END)";
const UNCOUNTED: &str = "(least(CAST(x.rotated AS numeric) + 5000, 9223372036854775807) > $2)";

/// The whole text, with the host's names in it and without its comments.
fn assemble(text: &str, names: &Names) -> String {
    let of = |judgement: &str, chain: &str| judgement.replace("x.", &format!("{chain}."));
    let mut whole = text
        .replace("{claim}", CLAIM)
        .replace("{keep_access}", KEEP_ACCESS)
        .replace("{found_interaction}", FOUND_INTERACTION)
        .replace("{save_interaction}", SAVE_INTERACTION)
        .replace("{revoked_event}", REVOKED_EVENT)
        .replace("{full_beside}", FULL_BESIDE)
        .replace("{no_room}", NO_ROOM)
        .replace("{claimed}", CLAIMED)
        .replace("{raced}", RACED);
    let judged = JUDGED.replace("{uncounted x}", UNCOUNTED);
    for chain in ["c", "found"] {
        whole = whole
            .replace(&format!("{{judged {chain}}}"), &of(&judged, chain))
            .replace(&format!("{{uncounted {chain}}}"), &of(UNCOUNTED, chain));
    }
    for (table, name) in TABLES.iter().enumerate() {
        whole = whole.replace(&format!("{{full {name}}}"), &format!("({{full}} & {} <> 0)", 1 << table));
    }
    let without_comments = |line: &&str| !line.trim_start().starts_with("--");
    names.fill(&whole.lines().filter(without_comments).collect::<Vec<_>>().join("\n"))
}

macro_rules! statements {
    ($($name:ident($($type:ident)*): $text:expr;)*) => {
        /// The statements with the host's schema and prefix in them.
        #[derive(Debug)]
        pub(crate) struct Statements { $(pub(crate) $name: Statement,)* }

        impl Statements {
            pub(crate) fn new(names: &Names) -> Self {
                Self { $($name: Statement::new($text, vec![$($type),*], names),)* }
            }

            /// All of them: a connection prepares them before it is used.
            pub(crate) fn all(&self) -> Vec<&Statement> {
                vec![$(&self.$name,)*]
            }
        }
    };
}

macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../sql/", $name, ".sql"))
    };
}

statements! {
    ping(): "SELECT 1 FROM {p}migrations WHERE number = 1";

    // Room for what a verb writes: a row of nobody's in each table that grows with every launch, gone before the commit.
    trial(BYTES): sql!("trial");
    end_trial(): sql!("end_trial");

    interaction(BYTES BYTES INT): sql!("interaction");
    launch(BYTES BYTES INT): sql!("launch");
    grant_by_id(BYTES BYTES INT): sql!("grant_by_id");
    grant_by_code(BYTES BYTES INT): sql!("grant_by_code");
    grant_by_refresh(BYTES BYTES INT): sql!("grant_by_refresh");
    grants_of(BYTES BYTES BYTES INT INT): sql!("grants_of");
    access(BYTES BYTES INT): sql!("access");
    jwt(BYTES BYTES BYTES INT): sql!("jwt");

    // Up to so many rows of each table.
    count_rows(INT): sql!("count_rows");

    put_launch(BYTES INT BYTES BYTES BYTES BYTES INT BYTES): sql!("put_launch");
    advance(BYTES INT BYTES BYTES BYTES BYTES INT INT INT BYTES BYTES INT): sql!("advance");
    issue(BYTES INT BYTES BYTES BYTES BYTES INT INT INT BYTES BYTES INT
          BYTES BYTES BYTES INT BYTES BYTES BYTES BYTES INT INT BOOL BYTES): sql!("issue");
    redeem(BYTES INT BYTES BYTES INT BYTES BYTES BYTES INT BYTES
           BYTES BYTES INT BYTES BYTES INT INT): sql!("redeem");
    rotate(BYTES INT BYTES BYTES INT BYTES BYTES BYTES INT BYTES
           BYTES BYTES BYTES BYTES BYTES INT INT INT INT): sql!("rotate");
    issue_token(BYTES INT BYTES BYTES INT BYTES BYTES BYTES INT BYTES BYTES): sql!("issue_token");
    revoke_grant(BYTES INT BYTES BYTES INT BYTES BYTES BYTES): sql!("revoke_grant");
    revoke_user(BYTES INT BYTES BYTES INT BYTES BYTES BYTES): sql!("revoke_user");
    revoke_user_and_client(BYTES INT BYTES BYTES INT BYTES BYTES BYTES BYTES): sql!("revoke_user_and_client");
    revoke_client(BYTES INT BYTES BYTES INT BYTES BYTES BYTES): sql!("revoke_client");
    revoke_session(BYTES INT BYTES BYTES INT BYTES BYTES BYTES): sql!("revoke_session");
    revoke_access(BYTES INT BYTES BYTES INT BYTES BYTES BYTES): sql!("revoke_access");
    revoke_token(BYTES INT BYTES BYTES INT BYTES BYTES BYTES INT): sql!("revoke_token");

    // Whoever counts against a quota waits here for the one before.
    begin(): "BEGIN";
    hold_quota(BYTES BYTES): "\
        INSERT INTO {p}quotas AS q (tenant, client, counts) VALUES ($1, $2, 1)
        ON CONFLICT (tenant, client) DO UPDATE SET counts = q.counts + 1";
    commit(): "COMMIT";

    lease_events(BYTES INT INT INT): sql!("lease_events");
    ack_events(BYTES MANY): "DELETE FROM {p}events WHERE tenant = $1 AND id = ANY ($2)";

    // Purging takes the tenants together.
    purge_interactions(INT INT): sql!("purge_interactions");
    purge_launches(INT INT): sql!("purge_launches");
    purge_grants(INT INT): sql!("purge_grants");
    purge_access(INT INT): sql!("purge_access");
    purge_revoked_tokens(INT INT): sql!("purge_revoked_tokens");
    purge_claims(INT INT): sql!("purge_claims");

    purge_spent_registration_tokens(INT INT): sql!("purge_spent_registration_tokens");

    registration_by_id(BYTES BYTES): "SELECT record FROM {p}registrations WHERE tenant = $1 AND id = $2";
    registration_by_token(BYTES BYTES): "SELECT record FROM {p}registrations WHERE tenant = $1 AND token = $2";
    newest_registrations(BYTES INT BYTES INT): "\
        SELECT record FROM {p}registrations WHERE tenant = $1 AND (issued, id) < ($2, $3)
        ORDER BY issued DESC, id DESC LIMIT $4";
    known_origin(BYTES MANY): "SELECT 1 FROM {p}registrations WHERE tenant = $1 AND origins @> $2 LIMIT 1";
    create_registration(BYTES INT BYTES BYTES INT INT MANY BYTES BYTES INT INT): sql!("create_registration");
    update_registration(BYTES BYTES BYTES INT INT MANY BYTES): sql!("update_registration");
    delete_registration(BYTES BYTES BYTES): "\
        DELETE FROM {p}registrations WHERE tenant = $1 AND id = $2 AND token = $3";

    record_consent(BYTES BYTES BYTES BYTES BYTES BYTES): "\
        INSERT INTO {p}consents (tenant, user_id, client, base, about, withdrawn, record)
        VALUES ($1, $2, $3, $4, $5, false, $6) RETURNING id";
    remembered_consent(BYTES BYTES BYTES BYTES BYTES): "\
        SELECT id, record FROM {p}consents
        WHERE tenant = $1 AND user_id = $2 AND client = $3 AND base = $4 AND about = $5 AND NOT withdrawn
        ORDER BY id DESC LIMIT 1";
    consent_given(BYTES INT): "SELECT 1 FROM {p}consents WHERE tenant = $1 AND id = $2 AND NOT withdrawn";
    consents_of(BYTES BYTES): "\
        SELECT id, record FROM {p}consents WHERE tenant = $1 AND user_id = $2 AND NOT withdrawn ORDER BY id DESC";
    withdraw_consent(BYTES INT): "UPDATE {p}consents SET withdrawn = true WHERE tenant = $1 AND id = $2";

    load_keys(BYTES): "SELECT revision, document FROM {p}keys WHERE tenant = $1";
    key_revision(BYTES): "SELECT revision FROM {p}keys WHERE tenant = $1";
    first_keys(BYTES BYTES): "\
        INSERT INTO {p}keys (tenant, revision, document) VALUES ($1, 1, $2) ON CONFLICT (tenant) DO NOTHING
        RETURNING revision";
    save_keys(BYTES INT BYTES): "\
        UPDATE {p}keys SET revision = revision + 1, document = $3 WHERE tenant = $1 AND revision = $2
        RETURNING revision";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_in_braces_and_every_parameter_has_a_type() {
        let names = Names::new(Some("auth"), "v_").unwrap();
        let all = Statements::new(&names);
        assert_eq!(all.redeem.types.len(), 18);
        for Statement { text, types, .. } in all.all() {
            assert!(!text.contains(['{', '}']), "{text}");
            assert!(!text.contains("--"), "{text}");
            for number in 1..=types.len() {
                assert!(text.contains(&format!("${number}")), "no ${number} in {text}");
            }
            assert!(!text.contains(&format!("${}", types.len() + 1)), "{text}");
        }
        assert!(all.ping.text.contains("\"auth\".v_migrations"), "{}", all.ping.text);
    }
}
