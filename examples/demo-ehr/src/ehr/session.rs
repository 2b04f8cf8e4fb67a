//! Who is signed in: a random cookie, of which the tables keep only the hash.

use http::{HeaderMap, HeaderValue, header};
use rusqlite::{OptionalExtension as _, params};
use tokio::sync::Semaphore;
use vestibule_host::{Clock as _, SystemClock};

use crate::database::{Database, DatabaseError};
use crate::{passwords, random};

/// A session ends after this, used or not (INT-021).
const SESSION_SECONDS: i64 = 12 * 60 * 60;

/// A check takes 19 MiB for some 30 ms: so many at a time, the others wait.
static CHECKS: Semaphore = Semaphore::const_new(4);

/// A signed-in user, as the hospital knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names the session without giving it away: the hash of the cookie.
    pub id: String,
    /// The user name.
    pub user: String,
    /// What apps see instead of the user name.
    pub subject: String,
    /// The user's own FHIR resource, `Type/id`.
    pub fhir_user: String,
    /// Whether the user works here.
    pub clinician: bool,
    /// When the password was checked, in seconds since 1970.
    pub signed_in: i64,
    /// The first of the sign-ins that followed each other at this browser.
    browser: String,
}

/// Checks a password and opens a session; the text is the new cookie's value. `None` says no more than no (INT-020).
///
/// If the `former` session of this browser is the same user's, the new one goes on from it: its cookie is worth nothing any more, and
/// what apps were given in it lives until both end.
///
/// # Errors
/// When the tables are away.
pub async fn open(
    database: &Database,
    user: &str,
    password: &str,
    former: Option<&Session>,
) -> Result<Option<String>, DatabaseError> {
    let name = user.to_owned();
    let find = "SELECT password FROM ehr_user WHERE name = ?1";
    let stored =
        database.run(move |c| c.query_row(find, [name], |row| row.get::<_, String>(0)).optional()).await?;
    let password = password.to_owned();
    let place = CHECKS.acquire().await.map_err(|_| DatabaseError::Cancelled)?;
    let check = move || {
        // The place goes with the work: a browser that hangs up ends the waiting, not the check.
        let _place = place;
        passwords::verify(&password, stored.as_deref())
    };
    let right = tokio::task::spawn_blocking(check).await.map_err(|_| DatabaseError::Cancelled)?;
    if !right {
        return Ok(None);
    }
    // A new id at each sign-in: whatever the browser held before means nothing (INT-002).
    let secret = random::token();
    let (id, user, now) = (random::hash(&secret), user.to_owned(), SystemClock.now().seconds());
    let browser = former.filter(|former| former.user == user).map_or(&id, |former| &former.browser).clone();
    let open = move |connection: &mut rusqlite::Connection| {
        let change = connection.transaction()?;
        change.execute("UPDATE ehr_sign_in SET replaced = 1 WHERE browser = ?1", [&browser])?;
        let insert = "INSERT INTO ehr_sign_in (id, user, browser, replaced, signed_in, ends) VALUES (?1, ?2, ?3, 0, ?4, ?5)";
        change.execute(insert, params![id, user, browser, now, now + SESSION_SECONDS])?;
        change.execute("DELETE FROM ehr_sign_in WHERE ends <= ?1", [now])?;
        change.commit()
    };
    database.change(open).await?;
    Ok(Some(secret))
}

/// The session a request belongs to.
///
/// # Errors
/// When the tables are away: not knowing is not the same as nobody.
pub async fn current(
    database: &Database,
    headers: &HeaderMap,
    cookie: &Cookie,
) -> Result<Option<Session>, DatabaseError> {
    let Some(secret) = cookie.read(headers) else { return Ok(None) };
    let (id, now) = (random::hash(&secret), SystemClock.now().seconds());
    let find = "SELECT s.id, u.name, u.subject, u.fhir_user, u.kind = 'clinician', s.signed_in, s.browser \
                FROM ehr_sign_in s JOIN ehr_user u ON u.name = s.user \
                WHERE s.id = ?1 AND s.ends > ?2 AND s.replaced = 0";
    let session = move |row: &rusqlite::Row<'_>| {
        Ok(Session {
            id: row.get(0)?,
            user: row.get(1)?,
            subject: row.get(2)?,
            fhir_user: row.get(3)?,
            clinician: row.get(4)?,
            signed_in: row.get(5)?,
            browser: row.get(6)?,
        })
    };
    database.run(move |c| c.query_row(find, params![id, now], session).optional()).await
}

/// Whether a session is still open.
///
/// # Errors
/// When the tables are away.
pub async fn is_open(database: &Database, id: &str, user: &str) -> Result<bool, DatabaseError> {
    let (id, user, now) = (id.to_owned(), user.to_owned(), SystemClock.now().seconds());
    let find = "SELECT EXISTS (SELECT 1 FROM ehr_sign_in WHERE id = ?1 AND user = ?2 AND ends > ?3)";
    database.run(move |c| c.query_row(find, params![id, user, now], |row| row.get(0))).await
}

/// Ends a session and those that it went on from; tells which they were.
///
/// # Errors
/// When the tables are away: the session is then still open.
pub async fn close(database: &Database, id: &str) -> Result<Vec<String>, DatabaseError> {
    let id = id.to_owned();
    let end = "DELETE FROM ehr_sign_in WHERE browser = (SELECT browser FROM ehr_sign_in WHERE id = ?1) RETURNING id";
    database.run(move |c| c.prepare(end)?.query_map([id], |row| row.get(0))?.collect()).await
}

/// A cookie of the EHR: how it is called and written.
#[derive(Clone, Debug)]
pub struct Cookie {
    name: String,
    attributes: &'static str,
}

impl Cookie {
    /// `__Host-` and `Secure` on https; plain http is loopback only, where browsers would refuse both.
    #[must_use]
    pub fn new(name: &str, https: bool) -> Self {
        match https {
            true => {
                Self { name: format!("__Host-{name}"), attributes: "Path=/; HttpOnly; SameSite=Lax; Secure" }
            }
            false => Self { name: name.to_owned(), attributes: "Path=/; HttpOnly; SameSite=Lax" },
        }
    }

    /// The value a browser sent; refused unless it looks like one of ours.
    #[must_use]
    pub fn read(&self, headers: &HeaderMap) -> Option<String> {
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, value)| *name == self.name && value.len() == 43)
            .map(|(_, value)| value.to_owned())
    }

    /// `Set-Cookie` for a value of a new session.
    #[must_use]
    pub fn set(&self, value: &str) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{}={value}; {}", self.name, self.attributes)).ok()
    }

    /// `Set-Cookie` that takes the cookie away.
    #[must_use]
    pub fn clear(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&format!("{}=; {}; Max-Age=0", self.name, self.attributes)).ok()
    }
}
