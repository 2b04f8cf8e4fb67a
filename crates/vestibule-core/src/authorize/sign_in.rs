//! What an app may ask of the sign-in, and whether whoever is there will do (oauth.md 20.1, smart.md 2.10).
//!
//! One decision in two questions: [`SignInWish::judge`] before the host is asked about the user, [`SignInWish::judge_standing`]
//! after it answered. "Back" is a browser that returns from the host's sign-in: whatever is still missing then is refused, so
//! that no redirect leads round in circles (A-DOS-13).
//!
//! | who is there | `prompt=none` | otherwise | back |
//! |---|---|---|---|
//! | nobody | `login_required` | sign in | sign in |
//! | one who signed in too long ago for `prompt=login` or `max_age` | `login_required` | sign in again | `login_required` |
//! | another than the hint's subject | `login_required` | choose an account | `login_required` |
//! | anybody, with `prompt=select_account` | – | choose an account | go on |
//! | one whom the host keeps from this app | `access_denied` | `access_denied` | `access_denied` |
//! | one who must sign in more strongly | `login_required` | step up | `unmet_authentication_requirements` |
//! | one whose session has just ended | `login_required` | sign in | `login_required` |
//! | anybody else | go on | go on | go on |
//!
//! `prompt` is obeyed whether or not `openid` is asked for: an app that says `none` wants no page, whatever it asks for.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vestibule_host::{ClientId, SignInAsk, SignInReason, SignedInUser, Standing, UnixMillis};

use super::error::{AuthorizeCode, AuthorizeRefusal};
use crate::params::{ParamError, Params};

/// The longest hint of any kind.
pub const MAX_HINT: usize = 512;

/// Reads the claims of an ID token that this issuer signed, whatever its times; `None` for everything else.
pub type VerifyHint<'a> = dyn Fn(&str) -> Option<Map<String, Value>> + Send + Sync + 'a;

/// What a request asks of the sign-in. Kept with it until somebody is signed in.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SignInWish {
    /// `prompt=none`.
    #[serde(rename = "n", default, skip_serializing_if = "is_false")]
    silent: bool,
    /// `prompt=consent`.
    #[serde(rename = "c", default, skip_serializing_if = "is_false")]
    consent: bool,
    /// `prompt=select_account`.
    #[serde(rename = "a", default, skip_serializing_if = "is_false")]
    select_account: bool,
    /// `prompt=login` and `max_age` are one thing: the user must have signed in at this moment or later.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    signed_in_from: Option<UnixMillis>,
    /// `login_hint`.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    login_hint: Option<String>,
    /// `sub` of the `id_token_hint`.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// `acr_values`.
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    acr_values: Vec<String>,
    /// `ui_locales`.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    ui_locales: Option<String>,
}

impl std::fmt::Debug for SignInWish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Hints may name the user (LOG-001).
        f.debug_struct("SignInWish").field("silent", &self.silent).finish_non_exhaustive()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde wants")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// What follows.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The interaction is theirs.
    GoOn,
    /// To the host's sign-in, for this reason.
    SignIn(SignInReason),
    /// The app is told so.
    Refuse(AuthorizeRefusal),
}

/// A page that a user would see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// Whose record, which visit.
    Picker,
    /// "Do you agree?"
    Consent,
}

impl SignInWish {
    /// Reads `prompt`, `max_age`, `login_hint`, `id_token_hint`, `acr_values` and `ui_locales`. `display`, `claims` and
    /// `claims_locales` are hints that nobody here takes: they are ignored (A-OIDC-11).
    pub(crate) fn read(
        params: &Params,
        client: &ClientId,
        verify: &VerifyHint<'_>,
        now: UnixMillis,
    ) -> Result<Self, AuthorizeRefusal> {
        let one = |name, too_long| match params.one(name) {
            Ok(Some(hint)) if hint.len() > MAX_HINT => Err(AuthorizeRefusal::invalid(too_long)),
            Ok(hint) => Ok(hint.map(str::to_owned)),
            Err(error) => Err(unreadable(error)),
        };
        let mut wish = Self::default();
        wish.take_prompts(params.one("prompt").map_err(unreadable)?, now)?;
        if let Some(text) = params.one("max_age").map_err(unreadable)? {
            let seconds = whole_seconds(text)
                .ok_or(AuthorizeRefusal::invalid("max_age must be a whole number of seconds"))?;
            let from = UnixMillis(now.0.saturating_sub(i64::from(seconds) * 1_000));
            wish.signed_in_from = wish.signed_in_from.max(Some(from));
        }
        wish.login_hint = one("login_hint", "login_hint is too long")?;
        let acr_values = one("acr_values", "acr_values is too long")?.unwrap_or_default();
        wish.acr_values =
            acr_values.split(' ').filter(|value| !value.is_empty()).map(str::to_owned).collect();
        wish.ui_locales = one("ui_locales", "ui_locales is too long")?;
        if let Some(token) = params.one("id_token_hint").map_err(unreadable)? {
            wish.subject = Some(subject_of(verify(token), client).ok_or(AuthorizeRefusal::invalid(
                "id_token_hint is not an ID token that this server gave this app",
            ))?);
        }
        Ok(wish)
    }

    /// A-OIDC-06
    fn take_prompts(&mut self, prompts: Option<&str>, now: UnixMillis) -> Result<(), AuthorizeRefusal> {
        let Some(prompts) = prompts else { return Ok(()) };
        for prompt in prompts.split(' ') {
            match prompt {
                "none" => self.silent = true,
                "login" => self.signed_in_from = Some(now),
                "consent" => self.consent = true,
                "select_account" => self.select_account = true,
                _ => return Err(AuthorizeRefusal::invalid("prompt has a value that is not supported")),
            }
        }
        if self.silent && prompts.split(' ').any(|prompt| prompt != "none") {
            return Err(AuthorizeRefusal::invalid("prompt none cannot be combined with others"));
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `prompt=none`: no page may be shown (OIDC-001).
    pub const fn is_silent(&self) -> bool {
        self.silent
    }

    /// `prompt=consent`: the user is asked although they agreed before (OIDC-003).
    pub const fn wants_consent(&self) -> bool {
        self.consent
    }

    /// `acr_values`, for the question about the user's standing.
    pub fn acr_values(&self) -> &[String] {
        &self.acr_values
    }

    /// What the host's sign-in is told.
    pub fn ask<'a>(
        &'a self,
        resume: &'a str,
        client_name: Option<&'a str>,
        reason: SignInReason,
    ) -> SignInAsk<'a> {
        let mut ask = SignInAsk::new(resume, client_name);
        ask.reason = reason;
        ask.login_hint = self.login_hint.as_deref();
        ask.expected_subject = self.subject.as_deref();
        ask.acr_values = &self.acr_values;
        ask.ui_locales = self.ui_locales.as_deref();
        ask
    }

    /// Whether whoever is there may be asked about at all. `back`: the browser returns from the host's sign-in.
    pub fn judge(&self, user: Option<&SignedInUser>, back: bool) -> Verdict {
        let Some(user) = user else {
            return self.sign_in(self.reason_for_nobody(), false);
        };
        if self.signed_in_from.is_some_and(|from| !signed_in_since(user.auth_time, from, back)) {
            return self.sign_in(SignInReason::Again, back); // OIDC-002, A-OIDC-07, A-OIDC-08
        }
        if self.subject.as_ref().is_some_and(|subject| *subject != user.subject) {
            return self.sign_in(SignInReason::SelectAccount, back);
        }
        if self.select_account && !back {
            return self.sign_in(SignInReason::SelectAccount, false);
        }
        Verdict::GoOn
    }

    /// Whether the host lets the user go on with this app (OIDC-014, A-CTX-45).
    pub fn judge_standing(&self, standing: Standing, back: bool) -> Verdict {
        match standing {
            Standing::Active => Verdict::GoOn,
            Standing::NotAllowed => {
                Verdict::Refuse(AuthorizeRefusal::denied("the user may not use this app"))
            }
            Standing::SessionEnded => self.sign_in(self.reason_for_nobody(), back),
            Standing::SignInAgain if back => Verdict::Refuse(AuthorizeRefusal::new(
                AuthorizeCode::UnmetAuthenticationRequirements,
                "the user did not sign in as strongly as this app needs",
            )),
            Standing::SignInAgain => self.sign_in(SignInReason::StepUp, false),
        }
    }

    /// Whether a page may be shown.
    ///
    /// # Errors
    /// What the app is told instead (OIDC-001, A-OIDC-05).
    pub const fn may_show(&self, page: Page) -> Result<(), AuthorizeRefusal> {
        if !self.silent {
            return Ok(());
        }
        Err(match page {
            Page::Picker => AuthorizeRefusal::new(
                AuthorizeCode::InteractionRequired,
                "the user must choose, which prompt none forbids",
            ),
            Page::Consent => AuthorizeRefusal::new(
                AuthorizeCode::ConsentRequired,
                "the user must agree, which prompt none forbids",
            ),
        })
    }

    const fn reason_for_nobody(&self) -> SignInReason {
        if self.select_account { SignInReason::SelectAccount } else { SignInReason::NobodyIsSignedIn }
    }

    /// `again`: the user was sent to sign in already.
    const fn sign_in(&self, reason: SignInReason, again: bool) -> Verdict {
        if !(self.silent || again) {
            return Verdict::SignIn(reason);
        }
        Verdict::Refuse(AuthorizeRefusal::new(AuthorizeCode::LoginRequired, "the user must sign in for this"))
    }
}

/// Whether a sign-in was late enough. Who comes back signed in since: a host that counts in seconds is believed to the second.
/// Before that it is not: a sign-in of the same second may be the one that the app wants renewed.
const fn signed_in_since(auth_time: UnixMillis, from: UnixMillis, back: bool) -> bool {
    if back { auth_time.seconds() >= from.seconds() } else { auth_time.0 >= from.0 }
}

/// A-DOS-15: digits and nothing else.
fn whole_seconds(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The subject of a hint that was given to this app. It may be over; it may not be another app's.
fn subject_of(claims: Option<Map<String, Value>>, client: &ClientId) -> Option<String> {
    let claims = claims?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    (text("aud")? == client.as_str()).then_some(())?;
    text("sub").map(str::to_owned)
}

const fn unreadable(error: ParamError) -> AuthorizeRefusal {
    AuthorizeRefusal::unreadable(error)
}
