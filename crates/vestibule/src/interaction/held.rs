//! Where an interaction is held: sealed in the browser until somebody signs in, stored afterwards (design §4.3).
//!
//! Junk writes no row: before sign-in the request lives in a cookie on the interaction's own path. What is too large for a
//! cookie is stored at once, against a quota; the cookie then only proves that this browser began it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vestibule_core::authorize::{AuthorizeResponse, PendingRequest, Progress, Who};
use vestibule_core::record;
use vestibule_host::pages::Problem;
use vestibule_host::{Advance, Advanced, Framing, Quota, RegisteredClient, Revision, StoreFault, UnixMillis};
use vestibule_jose::seal::{Purpose, SealContext, Sealer};

use super::id::InteractionId;
use super::step_token::StepToken;
use crate::error::AuthorizeError;
use crate::http_face::cookies::{self, Site};
use crate::server::Inner;

const PENDING: Purpose = Purpose::new("pending");
const BROWSER: Purpose = Purpose::new("browser");
const REPLAY: Purpose = Purpose::new("replay");

/// What a cookie of 3 KiB can hold: three quarters of it, less key id, nonce and tag (design §4.3).
const MAX_PLAIN: usize = 3 * 1024 / 4 * 3 - 96;

/// What the browser's hash adds once it is known.
const ROOM_FOR_BINDING: usize = 64;

/// Rows outlive the seal, so that a copied cookie opens nothing twice.
const MARGIN: std::time::Duration = std::time::Duration::from_secs(60);

/// For how long the same form gets the same redirect (INT-015).
const REPLAY_MILLIS: u64 = 10_000;

/// What the cookie of a pending interaction holds.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// The request, unless it is stored.
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pending: Option<PendingRequest>,
    /// The hash of the browser's cookie, from the first page on.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    browser: Option<String>,
}

/// What is stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Row {
    /// Too large for a cookie; nobody has signed in.
    Waiting(PendingRequest),
    /// Somebody signed in.
    Open { pending: PendingRequest, browser: String, progress: Progress },
    /// The app was answered.
    Finished { browser: String, who: Who, at: UnixMillis, replay: Option<String> },
}

/// An interaction as it was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nobody has signed in. Cookies bind it to this browser, which has one of its own only after this answer if it is new.
    Pending {
        pending: PendingRequest,
        browser: String,
        is_new_browser: bool,
        revision: Option<Revision>,
        cookies: Vec<HeaderValue>,
    },
    /// Somebody signed in.
    Open { pending: PendingRequest, browser: String, revision: Revision, progress: Progress },
    /// The app was answered.
    Finished(Finished),
}

/// What of an interaction goes into every row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held<'a> {
    pub(crate) id: &'a InteractionId,
    pub(crate) expected: Option<Revision>,
    pub(crate) pending: &'a PendingRequest,
    pub(crate) browser: &'a str,
}

impl Held<'_> {
    fn advance(&self, issuer: &str, row: vestibule_host::Record) -> Advance {
        Advance::new(self.id.hash(issuer), self.expected, self.pending.expires.plus(MARGIN), row)
    }
}

/// A finished interaction.
#[derive(Debug)]
pub(crate) struct Finished {
    browser: String,
    who: Who,
    at: UnixMillis,
    replay: Option<String>,
}

impl Inner {
    pub(crate) fn interaction_path(&self, id: &InteractionId) -> String {
        format!("{}/auth/i/{}", self.config.issuer_path(), id.as_str())
    }

    /// Begins to hold a request. Returns the cookie that goes with the redirect to the interaction's page.
    pub(crate) async fn hold(
        &self,
        id: &InteractionId,
        pending: PendingRequest,
        client: &RegisteredClient,
        now: UnixMillis,
    ) -> Result<Vec<HeaderValue>, AuthorizeError> {
        let expires = pending.expires;
        let sealed = Sealed { pending: Some(pending), browser: None };
        let value = if let Some(value) = self.seal_pending(id, &sealed)? {
            value
        } else {
            let Some(pending) = sealed.pending else { return Err(AuthorizeError::new(Problem::Internal)) };
            let quota = Quota { client: client.id.clone(), max: self.config.quota_per_client };
            let row = record::write(&Row::Waiting(pending))?;
            let operation =
                Advance::new(id.hash(self.issuer()), None, expires.plus(MARGIN), row).with_quota(Some(quota));
            let call = self.call(now)?;
            match certain(|| self.host.grants.advance_interaction(&operation, &call)).await? {
                Advanced::Saved(_) => {
                    let marker = Sealed { pending: None, browser: None };
                    self.seal_pending(id, &marker)?.ok_or(AuthorizeError::new(Problem::Internal))?
                }
                Advanced::Stale(_) | Advanced::Gone => return Err(AuthorizeError::new(Problem::Internal)),
            }
        };
        Ok(self.pending_cookie(id, &value, expires, now, site_of(client)).into_iter().collect())
    }

    /// Finds an interaction and checks that this browser may see it.
    pub(crate) async fn find(
        &self,
        head: &Parts,
        id: &InteractionId,
        now: UnixMillis,
    ) -> Result<Found, AuthorizeError> {
        let stored = self.host.grants.interaction(&id.hash(self.issuer()), &self.call(now)?).await?;
        let (row, revision) = match stored {
            Some(stored) => (Some(record::read::<Row>(&stored.record)?), Some(stored.revision)),
            None => (None, None),
        };
        let browser = self.browser_of(head);
        match (row, revision) {
            (Some(Row::Open { pending, browser: bound, progress }), Some(revision)) => {
                // INT-001: the path is not enough; A-CTX-18, A-UI-10.
                match browser {
                    Some(browser) if browser == bound => {}
                    Some(_) => return Err(AuthorizeError::new(Problem::OtherUser)),
                    None => return Err(AuthorizeError::new(Problem::NoCookie)),
                }
                if pending.expires.is_over(now) {
                    return Err(AuthorizeError::new(Problem::Expired));
                }
                Ok(Found::Open { pending, browser: bound, revision, progress })
            }
            (Some(Row::Finished { browser, who, at, replay }), _) => {
                Ok(Found::Finished(Finished { browser, who, at, replay }))
            }
            (Some(Row::Waiting(pending)), revision) => {
                let sealed = self.open_pending(head, id).ok_or(AuthorizeError::new(Problem::NoCookie))?;
                self.bind(id, Sealed { pending: None, ..sealed }, pending, revision, browser, now).await
            }
            (_, _) => {
                let mut sealed = self.open_pending(head, id).ok_or(AuthorizeError::new(Problem::Expired))?;
                // Its row was purged, or this never was an interaction of ours.
                let pending = sealed.pending.take().ok_or(AuthorizeError::new(Problem::Expired))?;
                let sealed = Sealed { pending: Some(pending.clone()), browser: sealed.browser };
                self.bind(id, sealed, pending, None, browser, now).await
            }
        }
    }

    /// Binds a pending interaction to this browser at its first page, and checks the binding at later ones.
    ///
    /// Not at the authorize request: that may be a cross-site form, which carries no cookie of ours (SMART-AUTHZ-019).
    async fn bind(
        &self,
        id: &InteractionId,
        sealed: Sealed,
        pending: PendingRequest,
        revision: Option<Revision>,
        browser: Option<String>,
        now: UnixMillis,
    ) -> Result<Found, AuthorizeError> {
        if pending.expires.is_over(now) {
            return Err(AuthorizeError::new(Problem::Expired));
        }
        let mut cookies = Vec::new();
        let is_new_browser = browser.is_none();
        let browser = match (sealed.browser.clone(), browser) {
            (Some(bound), Some(browser)) if bound == browser => bound,
            (Some(_), None) => return Err(AuthorizeError::new(Problem::NoCookie)),
            (Some(_), Some(_)) => return Err(AuthorizeError::new(Problem::OtherUser)),
            (None, known) => {
                let found = self.host.clients.client(&pending.client).await?;
                let site = found.as_ref().map_or(Site::Lax, site_of);
                let browser = match known {
                    Some(browser) => browser,
                    None => {
                        let (value, browser) = self.fresh_browser()?;
                        cookies.extend(self.documents.cookies.set_browser(&value, site));
                        browser
                    }
                };
                // The binding adds some 60 characters to what fitted before; `hold` left room for them.
                let bound = self.seal_pending(id, &Sealed { browser: Some(browser.clone()), ..sealed })?;
                let value = bound.ok_or(AuthorizeError::new(Problem::Internal))?;
                cookies.extend(self.pending_cookie(id, &value, pending.expires, now, site));
                browser
            }
        };
        Ok(Found::Pending { pending, browser, is_new_browser, revision, cookies })
    }

    /// Saves an open interaction.
    pub(crate) fn open_row(
        &self,
        held: &Held<'_>,
        progress: &Progress,
    ) -> Result<Advance, record::Unreadable> {
        let (pending, browser, progress) = (held.pending.clone(), held.browser.to_owned(), progress.clone());
        let row = record::write(&Row::Open { pending, browser, progress })?;
        Ok(held.advance(self.issuer(), row))
    }

    /// Closes an interaction. `answered` is the form that closed it: the same form gets the same redirect for 10 s.
    pub(crate) fn finished_row(
        &self,
        held: &Held<'_>,
        who: &Who,
        answer: &AuthorizeResponse,
        answered: Option<&StepToken>,
        now: UnixMillis,
    ) -> Result<Advance, AuthorizeError> {
        let replay = match answered {
            Some(step) => {
                let salt = step.salt();
                let keys = self.host.keys.snapshot();
                Some(Sealer::new(&keys).seal(
                    &self.replay_context(&salt),
                    &record::write(answer)?.0,
                    self.entropy(),
                )?)
            }
            None => None,
        };
        let (browser, who) = (held.browser.to_owned(), who.clone());
        Ok(held.advance(self.issuer(), record::write(&Row::Finished { browser, who, at: now, replay })?))
    }

    /// The answer that this form already got, asked for by a request that is not otherwise checked.
    pub(crate) fn replayed(
        &self,
        finished: &Finished,
        head: &Parts,
        who: &Who,
        step: &StepToken,
        now: UnixMillis,
    ) -> Option<AuthorizeResponse> {
        self.replay_of(finished, &self.browser_of(head)?, who, step, now)
    }

    /// The answer that this form already got, if everything about it is the same and 10 s are not over.
    pub(crate) fn replay_of(
        &self,
        finished: &Finished,
        browser: &str,
        who: &Who,
        step: &StepToken,
        now: UnixMillis,
    ) -> Option<AuthorizeResponse> {
        // The winner may have begun a moment after this request, or on a node whose clock is ahead: the order of the two is
        // not in their times (design §9).
        let apart = now.0.abs_diff(finished.at.0);
        if finished.browser != browser || finished.who != *who || apart >= REPLAY_MILLIS {
            return None;
        }
        let salt = step.salt();
        let keys = self.host.keys.snapshot();
        let opened = Sealer::new(&keys).open(&self.replay_context(&salt), finished.replay.as_ref()?).ok()?;
        record::read(&vestibule_host::Record(opened.into())).ok()
    }

    /// Reads a finished row that another request wrote first.
    pub(crate) fn as_finished(row: &vestibule_host::StoredInteraction) -> Option<Finished> {
        match record::read::<Row>(&row.record) {
            Ok(Row::Finished { browser, who, at, replay }) => Some(Finished { browser, who, at, replay }),
            _ => None,
        }
    }

    pub(crate) fn clear_pending(&self, id: &InteractionId, client: &RegisteredClient) -> Option<HeaderValue> {
        self.documents.cookies.clear_pending(&self.interaction_path(id), site_of(client))
    }

    fn replay_context<'a>(&'a self, salt: &'a [u8; 32]) -> SealContext<'a> {
        SealContext { purpose: REPLAY, issuer: self.issuer(), name: "redirect", id: salt }
    }

    fn pending_context<'a>(&'a self, id: &'a InteractionId) -> SealContext<'a> {
        let name = self.documents.cookies.pending();
        SealContext { purpose: PENDING, issuer: self.issuer(), name, id: id.bytes() }
    }

    /// The cookie's value, or `None` if it would be too large for a cookie.
    fn seal_pending(&self, id: &InteractionId, sealed: &Sealed) -> Result<Option<String>, AuthorizeError> {
        let plain = record::write(sealed)?;
        let room = if sealed.browser.is_none() { ROOM_FOR_BINDING } else { 0 };
        if plain.0.len() + room > MAX_PLAIN {
            return Ok(None);
        }
        let keys = self.host.keys.snapshot();
        Ok(Some(Sealer::new(&keys).seal(&self.pending_context(id), &plain.0, self.entropy())?))
    }

    fn open_pending(&self, head: &Parts, id: &InteractionId) -> Option<Sealed> {
        let keys = self.host.keys.snapshot();
        let sealer = Sealer::new(&keys);
        let context = self.pending_context(id);
        cookies::values(head, self.documents.cookies.pending()).into_iter().find_map(|value| {
            let plain = sealer.open(&context, value).ok()?;
            record::read(&vestibule_host::Record(plain.into())).ok()
        })
    }

    fn pending_cookie(
        &self,
        id: &InteractionId,
        value: &str,
        expires: UnixMillis,
        now: UnixMillis,
        site: Site,
    ) -> Option<HeaderValue> {
        let seconds = expires.seconds().saturating_sub(now.seconds());
        self.documents.cookies.set_pending(value, &self.interaction_path(id), seconds, site)
    }

    /// The hash of the browser's cookie, if we made it. A value that somebody planted is not adopted (A-CTX-20).
    fn browser_of(&self, head: &Parts) -> Option<String> {
        let keys = self.host.keys.snapshot();
        let sealer = Sealer::new(&keys);
        cookies::values(head, self.documents.cookies.browser()).into_iter().find_map(|value| {
            let (random, mac) = value.split_once('.')?;
            let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
            sealer.verify_mac(BROWSER, &[self.issuer().as_bytes(), random.as_bytes()], &mac).ok()?;
            Some(browser_hash(random))
        })
    }

    fn fresh_browser(&self) -> Result<(String, String), AuthorizeError> {
        let random = self.secret("")?;
        let keys = self.host.keys.snapshot();
        let mac = Sealer::new(&keys).mac(BROWSER, &[self.issuer().as_bytes(), random.as_bytes()])?;
        Ok((format!("{random}.{}", URL_SAFE_NO_PAD.encode(mac)), browser_hash(&random)))
    }
}

pub(crate) const fn site_of(client: &RegisteredClient) -> Site {
    match client.framing {
        Framing::Refuse => Site::Lax,
        Framing::Origins(_) => Site::Framed,
    }
}

fn browser_hash(random: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(random.as_bytes()))
}

/// Calls a verb again, with the same attempt, when the store cannot say whether it was applied (reliability 6.2).
pub(crate) async fn certain<T, F>(mut verb: impl FnMut() -> F) -> Result<T, StoreFault>
where
    F: Future<Output = Result<T, StoreFault>>,
{
    match verb().await {
        Err(StoreFault::OutcomeUnknown(_)) => verb().await,
        settled => settled,
    }
}
