//! `/ehr/inspector`: what happened to each request of the last hour, and why. For developers and support.
//!
//! What an app was told stands beside what it was not told, so the page is for staff. There is no secret on it and nobody's name.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use form_urlencoded::Serializer;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use vestibule::{Check, Explanation, Fate, Outcome, ScopeLine};

use super::Ehr;
use super::page::page;
use super::sign_in::sign_out_token;
use crate::host::explanations::{Ending, Entry, Wanted};

/// Requests on a page.
const PER_PAGE: usize = 20;
/// At most so many scopes of a request are shown.
const MOST_SCOPES: usize = 100;
/// Longer than any name of an app or of a request.
const LONGEST: usize = 500;

#[derive(Template)]
#[template(path = "inspector.html")]
struct Page<'a> {
    user: Option<&'a str>,
    sign_out: &'a str,
    asked: &'a Asked,
    clients: BTreeSet<String>,
    requests: Vec<Line<'a>>,
    older: Option<String>,
}

/// One request, in words.
struct Line<'a> {
    told: &'a Explanation,
    time: String,
    ending: Ending,
    title: String,
    /// What the client was told: the constant text.
    said: Option<&'static str>,
    failed: Vec<&'a Check>,
    scopes: Vec<ScopeWords<'a>>,
    /// Scopes that are not shown.
    more_scopes: usize,
}

/// What became of a scope.
struct ScopeWords<'a> {
    line: &'a ScopeLine,
    fate: &'static str,
    left: String,
    why: String,
}

/// The page's address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    app: String,
    ending: String,
    name: String,
    before: String,
}

impl Asked {
    fn wanted(&self) -> Wanted {
        let text = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        Wanted {
            client: text(&self.app),
            ending: match self.ending.as_str() {
                "granted" => Some(Ending::Granted),
                "goes-on" => Some(Ending::GoesOn),
                "refused" => Some(Ending::Refused),
                _ => None,
            },
            name: text(&self.name),
        }
    }

    /// Whether everything is on the page that could be.
    fn is_all(&self) -> bool {
        self.before.is_empty() && self.wanted() == Wanted::default()
    }

    /// The same question, further down.
    fn before(&self, number: u64) -> String {
        let pairs = [("app", &self.app), ("ending", &self.ending), ("name", &self.name)];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        let mut query = Serializer::new(String::new());
        query.extend_pairs(pairs).append_pair("before", &number.to_string());
        format!("/ehr/inspector?{}", query.finish())
    }
}

pub(super) async fn list(
    State(ehr): State<Arc<Ehr>>,
    Query(mut asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let session = match ehr.staff(&headers, "/ehr/inspector").await {
        Ok(session) => session,
        Err(answer) => return answer,
    };
    if asked.app.len() > LONGEST || asked.name.len() > LONGEST {
        asked = Asked::default();
    }
    let (found, more) = ehr.recent.page(&asked.wanted(), asked.before.parse().ok(), PER_PAGE);
    let mut clients = ehr.recent.clients();
    // What is chosen can be seen to be chosen.
    if !asked.app.is_empty() {
        clients.insert(asked.app.clone());
    }
    let last = found.last().map(|entry| entry.number);
    let template = Page {
        user: Some(&session.user),
        sign_out: &sign_out_token(&ehr, &session),
        asked: &asked,
        clients,
        requests: found.iter().map(Line::of).collect(),
        older: last.filter(|_| more).map(|number| asked.before(number)),
    };
    page(StatusCode::OK, &template)
}

impl<'a> Line<'a> {
    fn of(entry: &'a Entry) -> Self {
        let told = &*entry.explanation;
        let time = jiff::Timestamp::from_millisecond(told.at.0).unwrap_or(jiff::Timestamp::MIN);
        let (title, said) = match told.outcome {
            Outcome::Granted => ("granted".to_owned(), None),
            Outcome::GoesOn(to) => (format!("goes on to: {to}"), None),
            Outcome::Refused { error, description } => (error.to_owned(), Some(description)),
            Outcome::Shown(problem) => (format!("a page said: {problem}"), None),
            other => (other.name().to_owned(), None),
        };
        Self {
            told,
            time: time.strftime("%H:%M:%S").to_string(),
            ending: Ending::of(told.outcome),
            title,
            said,
            failed: told.checks.iter().filter(|check| !check.passed).collect(),
            scopes: told.scopes.iter().take(MOST_SCOPES).map(ScopeWords::of).collect(),
            more_scopes: told.scopes.len().saturating_sub(MOST_SCOPES),
        }
    }

    fn app(&self) -> &str {
        self.told.client.as_ref().map_or("no known app", vestibule_host::ClientId::as_str)
    }

    /// For the eye: the text says it too.
    fn class(&self) -> &'static str {
        match self.ending {
            Ending::Granted => "good",
            Ending::GoesOn => "on",
            Ending::Refused => "bad",
        }
    }

    fn checks(&self) -> String {
        let of = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        match (self.told.checks.len(), self.failed.len()) {
            (all, 0) => format!("{}, all passed", of(all, "check")),
            (all, failed) => format!("{}, {failed} failed", of(all, "check")),
        }
    }

    fn fates(&self) -> String {
        let fates = self.told.scopes.iter().map(|line| line.fate);
        let (mut granted, mut narrowed, mut dropped) = (0_usize, 0_usize, 0_usize);
        for fate in fates {
            match fate {
                Fate::Granted => granted += 1,
                Fate::Narrowed(..) => narrowed += 1,
                Fate::Dropped(..) => dropped += 1,
            }
        }
        let counts = [(granted, "whole"), (narrowed, "narrowed"), (dropped, "dropped")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let words: Vec<_> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        format!("Scopes: {}", words.join(", "))
    }
}

impl<'a> ScopeWords<'a> {
    fn of(line: &'a ScopeLine) -> Self {
        let because = |stage, reason| format!("{reason} ({stage})");
        let (fate, left, why) = match line.fate {
            Fate::Granted => ("whole", String::new(), String::new()),
            Fate::Narrowed(stage, reason) => ("narrowed", line.left.join(" "), because(stage, reason)),
            Fate::Dropped(stage, reason) => ("dropped", String::new(), because(stage, reason)),
        };
        Self { line, fate, left, why }
    }
}
