//! All SQL that runs after the schema is there.
//!
//! Single use is decided by the row count of a conditional `UPDATE`, never by what was read before it. In every statement `?1`
//! is the tenant.

macro_rules! statements {
    ($($name:ident: $sql:literal;)*) => {
        /// The statements with the host's table prefix in them.
        #[derive(Debug)]
        pub(crate) struct Statements {
            /// How many pages the file may have, where that is bounded.
            pub(crate) pages: Option<u32>,
            $(pub(crate) $name: String,)*
        }

        impl Statements {
            pub(crate) fn new(prefix: &str) -> Self {
                Self { pages: None, $($name: $sql.replace("{p}", prefix),)* }
            }

            /// In a file of so many pages.
            pub(crate) fn within(mut self, pages: Option<u32>) -> Self {
                self.pages = pages;
                self
            }

            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), self.$name.as_str()),)*]
            }
        }
    };
}

statements! {
    ping: "SELECT max(number) FROM {p}migrations";
    // What a trial writes is nobody's launch, and gone before its commit: its pages are written all the same.
    trial:
        "INSERT INTO {p}launches (tenant, hash, keep_until, put_by, record) VALUES (x'', x'', 0, x'', zeroblob(16384))";
    end_trial:
        "DELETE FROM {p}launches WHERE tenant = x'' AND hash = x''";

    // Interactions.
    interaction:
        "SELECT revision, record FROM {p}interactions WHERE tenant = ?1 AND id = ?2 AND expires > ?3";
    interaction_saver:
        "SELECT revision, record, saved_by FROM {p}interactions WHERE tenant = ?1 AND id = ?2 AND expires > ?3";
    // A row that is over is no row, whether it was purged or not.
    open_interaction:
        "INSERT INTO {p}interactions (tenant, id, revision, expires, saved_by, counted_client, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (tenant, id) DO UPDATE
         SET revision = excluded.revision, expires = excluded.expires, saved_by = excluded.saved_by,
             counted_client = excluded.counted_client, record = excluded.record
         WHERE expires <= ?8";
    save_interaction:
        "UPDATE {p}interactions SET revision = ?3, expires = ?4, saved_by = ?5, counted_client = ?6, record = ?7
         WHERE tenant = ?1 AND id = ?2 AND revision = ?9 AND expires > ?8";
    // A row that counts already is not one more. The count stops at the quota.
    quota_room:
        "SELECT EXISTS (SELECT 1 FROM {p}interactions
                        WHERE tenant = ?1 AND id = ?2 AND counted_client = ?3 AND expires > ?4)
             OR (SELECT count(*) FROM (SELECT 1 FROM {p}interactions
                                       WHERE tenant = ?1 AND counted_client = ?3 AND expires > ?4 LIMIT ?5)) < ?5";

    // Launches.
    launch:
        "SELECT record FROM {p}launches WHERE tenant = ?1 AND hash = ?2 AND spent = 0 AND keep_until > ?3";
    put_launch:
        "INSERT INTO {p}launches (tenant, hash, keep_until, put_by, record) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant, hash) DO UPDATE
         SET keep_until = excluded.keep_until, put_by = excluded.put_by, spent = 0, record = excluded.record
         WHERE keep_until <= ?6";
    launch_put_by:
        "SELECT put_by FROM {p}launches WHERE tenant = ?1 AND hash = ?2";
    spend_launch:
        "UPDATE {p}launches SET spent = 1 WHERE tenant = ?1 AND hash = ?2 AND spent = 0 AND keep_until > ?3";

    // Codes and grants.
    grant_by_id:
        "SELECT id, user, client, session, outlives_session, keep_until, used, revoked, record FROM {p}grants
         WHERE tenant = ?1 AND id = ?2 AND keep_until > ?3";
    grant_by_code:
        "SELECT g.id, g.user, g.client, g.session, g.outlives_session, g.keep_until, g.used, g.revoked, g.record
         FROM {p}codes c JOIN {p}grants g ON g.tenant = c.tenant AND g.id = c.grant_id
         WHERE c.tenant = ?1 AND c.hash = ?2 AND g.keep_until > ?3";
    grant_by_refresh:
        "SELECT g.id, g.user, g.client, g.session, g.outlives_session, g.keep_until, g.used, g.revoked, g.record
         FROM {p}chains c JOIN {p}grants g ON g.tenant = c.tenant AND g.id = c.grant_id
         WHERE c.tenant = ?1 AND c.handle = ?2 AND g.keep_until > ?3";
    grants_of:
        "SELECT id, user, client, session, outlives_session, keep_until, used, revoked, record FROM {p}grants
         WHERE tenant = ?1 AND user = ?2 AND id > ?3 AND revoked = 0 AND keep_until > ?4 ORDER BY id LIMIT ?5";
    insert_grant:
        "INSERT INTO {p}grants (tenant, id, user, client, session, outlives_session, keep_until, used, revoked, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    note_use:
        "UPDATE {p}grants SET used = ?3, keep_until = max(keep_until, ?4) WHERE tenant = ?1 AND id = ?2";
    insert_code:
        "INSERT INTO {p}codes (tenant, hash, grant_id, binding, expires, issued_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    code_issued_by:
        "SELECT issued_by FROM {p}codes WHERE tenant = ?1 AND hash = ?2";
    spend_code:
        "UPDATE {p}codes SET spent_by = ?4
         WHERE tenant = ?1 AND hash = ?2 AND binding = ?3 AND spent_by IS NULL AND expires > ?5
           AND EXISTS (SELECT 1 FROM {p}grants g
                       WHERE g.tenant = ?1 AND g.id = {p}codes.grant_id AND g.revoked = 0 AND g.keep_until > ?5)
         RETURNING grant_id";
    code_state:
        "SELECT c.binding = ?3, c.spent_by, g.revoked, g.id
         FROM {p}codes c JOIN {p}grants g ON g.tenant = c.tenant AND g.id = c.grant_id
         WHERE c.tenant = ?1 AND c.hash = ?2 AND g.keep_until > ?4";
    revoke_grant:
        "UPDATE {p}grants SET revoked = 1 WHERE tenant = ?1 AND id = ?2 AND revoked = 0";
    revoke_user:
        "UPDATE {p}grants SET revoked = 1 WHERE tenant = ?1 AND user = ?2 AND revoked = 0";
    revoke_user_and_client:
        "UPDATE {p}grants SET revoked = 1 WHERE tenant = ?1 AND user = ?2 AND client = ?3 AND revoked = 0";
    revoke_client:
        "UPDATE {p}grants SET revoked = 1 WHERE tenant = ?1 AND client = ?2 AND revoked = 0";
    revoke_session:
        "UPDATE {p}grants SET revoked = 1
         WHERE tenant = ?1 AND session = ?2 AND outlives_session = 0 AND revoked = 0";

    // Refresh chains. Whoever judged another state than is stored writes nothing.
    open_chain:
        "INSERT INTO {p}chains (tenant, handle, grant_id, generation, current, idle_until, until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    chain:
        "SELECT g.id, g.user, g.client, g.session, g.outlives_session, g.keep_until, g.used, g.revoked, g.record,
                c.generation, c.current, c.previous, c.salt, c.rotated, c.rotated_by, c.replays, c.suspected,
                c.answered_by, c.answered, c.idle_until, c.until
         FROM {p}chains c JOIN {p}grants g ON g.tenant = c.tenant AND g.id = c.grant_id
         WHERE c.tenant = ?1 AND c.handle = ?2 AND g.keep_until > ?3";
    use_chain:
        "UPDATE {p}chains
         SET generation = ?5, current = ?6, previous = ?7, salt = ?8, rotated = ?9, rotated_by = ?10, replays = ?11,
             suspected = ?12, answered_by = ?13, answered = ?14, idle_until = ?15
         WHERE tenant = ?1 AND handle = ?2 AND generation = ?3 AND current = ?4";

    // Access tokens. A row that is over is no row.
    keep_access:
        "INSERT INTO {p}access (tenant, hash, grant_id, client, expires, kept_by, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (tenant, hash) DO UPDATE
         SET grant_id = excluded.grant_id, client = excluded.client, expires = excluded.expires, revoked = 0,
             kept_by = excluded.kept_by, record = excluded.record
         WHERE expires <= ?8";
    access_kept_by:
        "SELECT kept_by FROM {p}access WHERE tenant = ?1 AND hash = ?2 AND expires > ?3";
    access:
        "SELECT g.id, g.user, g.client, g.session, g.outlives_session, g.keep_until, g.used, g.revoked, g.record,
                a.record, a.expires, a.revoked
         FROM {p}access a LEFT JOIN {p}grants g ON g.tenant = a.tenant AND g.id = a.grant_id AND g.keep_until > ?3
         WHERE a.tenant = ?1 AND a.hash = ?2 AND a.expires > ?3 AND (a.grant_id IS NULL OR g.id IS NOT NULL)";
    jwt:
        "SELECT g.id, g.user, g.client, g.session, g.outlives_session, g.keep_until, g.used, g.revoked, g.record,
                EXISTS (SELECT 1 FROM {p}revoked_tokens WHERE tenant = ?1 AND id = ?2 AND until > ?4)
         FROM (SELECT 1) LEFT JOIN {p}grants g ON g.tenant = ?1 AND g.id = ?3 AND g.keep_until > ?4";
    revoke_access:
        "UPDATE {p}access SET revoked = 1 WHERE tenant = ?1 AND hash = ?2 AND revoked = 0";
    revoke_access_of_client:
        "UPDATE {p}access SET revoked = 1 WHERE tenant = ?1 AND client = ?2 AND revoked = 0";
    revoke_token:
        "INSERT INTO {p}revoked_tokens (tenant, id, until) VALUES (?1, ?2, ?3)
         ON CONFLICT (tenant, id) DO UPDATE SET until = excluded.until WHERE until < excluded.until";

    // What goes with a verb.
    spend_claim:
        "INSERT INTO {p}claims (tenant, key, keep_until, spent_by) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (tenant, key) DO UPDATE SET keep_until = excluded.keep_until, spent_by = excluded.spent_by
         WHERE keep_until <= ?5";
    claim_spent_by:
        "SELECT spent_by FROM {p}claims WHERE tenant = ?1 AND key = ?2";
    append_event:
        "INSERT INTO {p}events (tenant, id, kind, at, record) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (tenant, id) DO NOTHING";
    lease_events:
        "UPDATE {p}events SET leased_until = ?3 WHERE number IN
         (SELECT number FROM {p}events
          WHERE tenant = ?1 AND (leased_until IS NULL OR leased_until <= ?2) ORDER BY number LIMIT ?4)
         RETURNING number, id, kind, at, record";
    ack_event:
        "DELETE FROM {p}events WHERE tenant = ?1 AND id = ?2";

    // Purging takes the tenants together: here `?1` is the time and `?2` the bound.
    purge_interactions:
        "DELETE FROM {p}interactions WHERE rowid IN
         (SELECT rowid FROM {p}interactions WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";
    purge_launches:
        "DELETE FROM {p}launches WHERE rowid IN
         (SELECT rowid FROM {p}launches WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)";
    purge_grants:
        "DELETE FROM {p}grants WHERE rowid IN
         (SELECT rowid FROM {p}grants WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)";

    purge_access:
        "DELETE FROM {p}access WHERE rowid IN
         (SELECT rowid FROM {p}access WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";
    purge_revoked_tokens:
        "DELETE FROM {p}revoked_tokens WHERE rowid IN
         (SELECT rowid FROM {p}revoked_tokens WHERE until <= ?1 ORDER BY until LIMIT ?2)";
    purge_claims:
        "DELETE FROM {p}claims WHERE rowid IN
         (SELECT rowid FROM {p}claims WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)";

    purge_spent_tokens:
        "DELETE FROM {p}spent_registration_tokens WHERE rowid IN
         (SELECT rowid FROM {p}spent_registration_tokens WHERE keep_until <= ?1 ORDER BY keep_until LIMIT ?2)";

    // Apps that registered themselves. The counts stop one beyond the bound.
    registration_by_id:
        "SELECT record FROM {p}registrations WHERE tenant = ?1 AND id = ?2";
    registration_by_token:
        "SELECT record FROM {p}registrations WHERE tenant = ?1 AND token = ?2";
    newest_registrations:
        "SELECT record FROM {p}registrations WHERE tenant = ?1 AND (issued, id) < (?2, ?3)
         ORDER BY issued DESC, id DESC LIMIT ?4";
    known_origin:
        "SELECT EXISTS (SELECT 1 FROM {p}registration_origins WHERE tenant = ?1 AND origin = ?2)";
    create_registration:
        "INSERT INTO {p}registrations (tenant, id, token, revision, issued, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING";
    update_registration:
        "UPDATE {p}registrations SET revision = ?5, record = ?6
         WHERE tenant = ?1 AND id = ?2 AND token = ?3 AND revision = ?4";
    registration_is_there:
        "SELECT EXISTS (SELECT 1 FROM {p}registrations WHERE tenant = ?1 AND id = ?2 AND token = ?3)";
    delete_registration:
        "DELETE FROM {p}registrations WHERE tenant = ?1 AND id = ?2 AND token = ?3";
    keep_origin:
        "INSERT INTO {p}registration_origins (tenant, origin, client) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    forget_origins:
        "DELETE FROM {p}registration_origins WHERE tenant = ?1 AND client = ?2";
    spend_initial_token:
        "INSERT INTO {p}spent_registration_tokens (tenant, hash, keep_until) VALUES (?1, ?2, ?3)
         ON CONFLICT (tenant, hash) DO UPDATE SET keep_until = excluded.keep_until WHERE keep_until <= ?4";
    registrations_beyond:
        "SELECT count(*) > ?2 FROM (SELECT 1 FROM {p}registrations WHERE tenant = ?1 LIMIT ?2 + 1)";
    spent_tokens_beyond:
        "SELECT count(*) > ?2 FROM (SELECT 1 FROM {p}spent_registration_tokens WHERE tenant = ?1 LIMIT ?2 + 1)";

    // Consent.
    record_consent:
        "INSERT INTO {p}consents (tenant, user, client, base, patient, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    remembered_consent:
        "SELECT id, record FROM {p}consents
         WHERE tenant = ?1 AND user = ?2 AND client = ?3 AND base = ?4 AND patient IS ?5 AND withdrawn = 0
         ORDER BY id DESC LIMIT 1";
    consent_given:
        "SELECT EXISTS (SELECT 1 FROM {p}consents WHERE tenant = ?1 AND id = ?2 AND withdrawn = 0)";
    consents_of:
        "SELECT id, record FROM {p}consents WHERE tenant = ?1 AND user = ?2 AND withdrawn = 0 ORDER BY id DESC";
    withdraw_consent:
        "UPDATE {p}consents SET withdrawn = 1 WHERE tenant = ?1 AND id = ?2";

    // Keys.
    load_keys: "SELECT revision, document FROM {p}keys WHERE tenant = ?1";
    first_keys: "INSERT INTO {p}keys (tenant, revision, document) VALUES (?1, 1, ?2) ON CONFLICT DO NOTHING";
    save_keys: "UPDATE {p}keys SET revision = revision + 1, document = ?3 WHERE tenant = ?1 AND revision = ?2";
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::migrations;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        for migration in migrations() {
            connection.execute_batch(&migration.sql("x_")).unwrap();
        }
        connection
    }

    /// What a verb costs does not grow with what is stored: every statement finds its rows by an index, and sorts nothing.
    #[test]
    fn no_statement_walks_through_a_table() {
        let connection = database();
        // One row a migration.
        let small = ["ping"];
        for (name, sql) in Statements::new("x_").all() {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let unbound = vec![rusqlite::types::Null; plan.parameter_count()];
            let steps: Vec<String> = plan
                .query_map(rusqlite::params_from_iter(unbound), |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            let walks = |step: &String| {
                // What a purge walks along is an index over ends, and it stops at its bound.
                let along = step.contains("USING INDEX") || step.contains("USING COVERING INDEX");
                step.contains("TEMP B-TREE") || (step.starts_with("SCAN x_") && !along)
            };
            let walking: Vec<_> = steps.iter().filter(|step| walks(step)).collect();
            assert!(walking.is_empty() || small.contains(&name), "{name}: {walking:?}");
        }
    }

    /// The test above would see it.
    #[test]
    fn a_walk_is_seen() {
        let connection = database();
        let walk = "EXPLAIN QUERY PLAN UPDATE x_grants SET revoked = 1 WHERE record = x'00'";
        let step: String = connection.query_row(walk, [], |row| row.get(3)).unwrap();
        assert!(step.starts_with("SCAN x_grants"), "{step}");
    }
}
