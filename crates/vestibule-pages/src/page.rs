//! What every template is given.

use askama::Template;
use vestibule_host::PatientSummary;
use vestibule_host::pages::{AppView, Frame, Mistake};

use crate::language::{Sentence, Texts, shown};

/// The frame around a page.
pub(crate) struct Page<'a> {
    pub(crate) t: Texts<'a>,
    /// The task, first in the window's title.
    pub(crate) title: String,
    pub(crate) nonce: &'a str,
    pub(crate) organization: String,
    pub(crate) user: Option<String>,
    /// Where the browser goes by itself.
    pub(crate) goes_to: Option<&'a str>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(texts: Texts<'a>, frame: &'a Frame<'a>, title: String, user: Option<&str>) -> Self {
        Self {
            t: texts,
            title,
            nonce: frame.nonce,
            organization: shown(frame.organization),
            user: user.filter(|user| !user.is_empty()).map(shown),
            goes_to: None,
        }
    }
}

/// The app as a page shows it.
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) answers_to: String,
    /// Only a web address: a registered `javascript:` must not become a link.
    pub(crate) home_page: Option<String>,
}

impl App {
    pub(crate) fn of(view: &AppView<'_>) -> Self {
        Self {
            name: shown(view.name),
            answers_to: shown(view.answers_to),
            home_page: view.home_page.filter(|url| is_web_address(url)).map(str::to_owned),
        }
    }
}

/// Whether a link may lead there.
pub(crate) fn is_web_address(url: &str) -> bool {
    let starts = |scheme: &str| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    };
    (starts("https://") || starts("http://")) && !url.chars().any(char::is_control)
}

/// A patient as a page shows them.
pub(crate) struct Person<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: String,
    pub(crate) born: Option<Sentence>,
    pub(crate) note: Option<String>,
}

impl<'a> Person<'a> {
    pub(crate) fn of(patient: &'a PatientSummary, texts: Texts<'_>) -> Self {
        Self {
            id: patient.id.as_str(),
            name: shown(&patient.name),
            born: patient.birth_date.as_deref().map(|date| texts.about("born", "date", date)),
            note: patient.note.as_deref().filter(|note| !note.is_empty()).map(shown),
        }
    }
}

/// What was wrong with the last try, in words.
pub(crate) fn mistake(mistake: Mistake, texts: Texts<'_>) -> String {
    texts.say(match mistake {
        Mistake::NothingChosen => "mistake-nothing-chosen",
        Mistake::NotAvailable => "mistake-not-available",
        Mistake::SearchTooLong => "mistake-search-too-long",
    })
}

/// The document. Writing into a `String` does not fail; if it ever did, a page with the title alone is better than none.
pub(crate) fn draw(template: &impl Template) -> String {
    template.render().unwrap_or_else(|_| "<!DOCTYPE html><title>Error</title>".to_owned())
}
