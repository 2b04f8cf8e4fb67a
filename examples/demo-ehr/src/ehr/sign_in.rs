//! The front page, and the door: sign-in and sign-out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::Ehr;
use super::page::{message, page, page_with_forms_to, see_other, unavailable};
use super::session::{self, Session};
use crate::random;

/// Longer than any user name or password of this hospital.
const LONGEST_INPUT: usize = 200;

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    sample_app: &'a str,
    staff: bool,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    token: &'a str,
    resume: &'a str,
    username: &'a str,
    why: &'static str,
    mistake: Option<&'a str>,
}

pub(super) async fn home(State(ehr): State<Arc<Ehr>>, headers: HeaderMap) -> Response {
    match ehr.session(&headers).await {
        Ok(session) => {
            let sign_out = session.as_ref().map(|session| sign_out_token(&ehr, session)).unwrap_or_default();
            let user = session.as_ref().map(|session| session.user.as_str());
            let staff = session.as_ref().is_some_and(|session| session.clinician);
            page(StatusCode::OK, &Home { user, sign_out: &sign_out, sample_app: &ehr.sample_app, staff })
        }
        Err(error) => unavailable(&error),
    }
}

/// The token for the sign-out button that every page has.
pub(super) fn sign_out_token(ehr: &Ehr, session: &Session) -> String {
    ehr.forms.token("sign-out", &session.id)
}

/// What the address of the sign-in page says. Anybody can write such an address, so none of it is believed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    resume: String,
    why: String,
    login_hint: String,
}

impl Asked {
    /// Why somebody who may be signed in sees this page.
    fn reason(&self) -> &'static str {
        match self.why.as_str() {
            "again" => "The app asks that you sign in again.",
            "account" => "The app asks you to choose with which account you go on.",
            _ => "",
        }
    }

    /// The user name to begin with.
    fn hint(&self) -> &str {
        if self.login_hint.len() <= LONGEST_INPUT { &self.login_hint } else { "" }
    }
}

pub(super) async fn form(
    State(ehr): State<Arc<Ehr>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    show_form(&ehr, &headers, &asked, None).await
}

async fn show_form(ehr: &Ehr, headers: &HeaderMap, asked: &Asked, mistake: Option<&str>) -> Response {
    let (visit, is_new) = match ehr.visit.read(headers) {
        Some(visit) => (visit, false),
        None => (random::token(), true),
    };
    let token = ehr.forms.token("sign-in", &visit);
    let template = SignIn {
        user: None,
        sign_out: "",
        token: &token,
        resume: &asked.resume,
        username: asked.hint(),
        why: asked.reason(),
        mistake,
    };
    let status = if mistake.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    // After sign-in the browser may go straight on to an app.
    let mut response = page_with_forms_to(status, &template, &ehr.launcher.form_targets().await);
    if let (true, Some(cookie)) = (is_new, ehr.visit.set(&visit)) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    resume: String,
    #[serde(default)]
    token: String,
}

pub(super) async fn submit(
    State(ehr): State<Arc<Ehr>>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Response {
    let visit = ehr.visit.read(&headers).unwrap_or_default();
    if ehr.forms.check(&headers, "sign-in", &visit, &form.token).is_err() {
        let mistake = "This form was out of date. Please sign in again.";
        let asked = Asked { resume: form.resume, ..Asked::default() };
        return show_form(&ehr, &headers, &asked, Some(mistake)).await;
    }
    let fits = form.username.len() <= LONGEST_INPUT && form.password.len() <= LONGEST_INPUT;
    let former = match ehr.session(&headers).await {
        Ok(former) => former,
        Err(error) => return unavailable(&error),
    };
    let opened = match fits {
        true => session::open(&ehr.database, &form.username, &form.password, former.as_ref()).await,
        false => Ok(None),
    };
    match opened {
        Ok(Some(secret)) => {
            let mut response = see_other(local_path(&form.resume).unwrap_or("/"));
            if let Some(cookie) = ehr.session.set(&secret) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            if let Some(former) = former.filter(|former| former.user != form.username) {
                end_former_session(&ehr, &former).await;
            }
            response
        }
        // INT-020: one text for every reason.
        Ok(None) => {
            let mistake = "That user name and password do not belong together.";
            let asked = Asked { resume: form.resume, login_hint: form.username, ..Asked::default() };
            show_form(&ehr, &headers, &asked, Some(mistake)).await
        }
        Err(error) => unavailable(&error),
    }
}

/// Another user replaces whoever was signed in at this browser. One who signs in again, because an app asked for it, takes nothing
/// from the other apps.
async fn end_former_session(ehr: &Ehr, former: &Session) {
    if let Err(error) = ehr.end_session(&former.id).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "a former session stays open until it expires");
    }
}

/// Only a path on this origin is worth following: `//host` and `/\host` are other origins to a browser.
fn local_path(resume: &str) -> Option<&str> {
    let rest = resume.strip_prefix('/')?;
    let elsewhere = rest.starts_with('/')
        || resume.contains("//")
        || resume.contains(|c: char| c.is_control() || c == '\\');
    (!elsewhere && resume.is_ascii()).then_some(resume)
}

#[derive(Debug, Deserialize)]
pub(super) struct SignOut {
    #[serde(default)]
    token: String,
}

pub(super) async fn sign_out(
    State(ehr): State<Arc<Ehr>>,
    headers: HeaderMap,
    Form(form): Form<SignOut>,
) -> Response {
    let session = match ehr.session(&headers).await {
        Ok(Some(session)) => session,
        Ok(None) => return see_other("/"),
        Err(error) => return unavailable(&error),
    };
    if let Err(refused) = ehr.forms.check(&headers, "sign-out", &session.id, &form.token) {
        let text = "This form was out of date. Go back to the front page and sign out there.";
        return message(refused.status(), "You are still signed in", text);
    }
    if let Err(error) = ehr.end_session(&session.id).await {
        return unavailable(&error);
    }
    let mut response = see_other("/");
    if let Some(cookie) = ehr.session.clear() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn sign_in_leads_to_no_other_site() {
        assert_eq!(local_path("/auth/resume/abc?x=1"), Some("/auth/resume/abc?x=1"));
        for evil in [
            "",
            "//evil.test",
            "/\\evil.test",
            "https://evil.test",
            "/a\\b",
            "/\t/evil.test",
            "/é",
            "javascript:1",
        ] {
            assert_eq!(local_path(evil), None, "{evil:?}");
        }
    }
}
