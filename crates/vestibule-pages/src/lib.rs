//! Accessible, translatable pages for Vestibule.
//!
//! [`HtmlPages`] draws what the engine wants to show: the patient and encounter pickers, consent, "apps with access", and
//! problems. A host plugs it in as it is, adds a language, changes single texts, or writes a [`Pages`] of its own.
//!
//! ```
//! use vestibule_host::pages::{Frame, Pages, Problem, ProblemView, View, WayOn};
//! use vestibule_pages::HtmlPages;
//!
//! let pages = HtmlPages::new()
//!     // A text of our own in place of a built-in one …
//!     .with_language("en", "problem-title = Sorry, that did not work")?
//!     // … and another language; what is missing in it stays English.
//!     .with_language("fr", "problem-title = Cela n'a pas fonctionné")?;
//!
//! let wants = ["fr-CA".to_owned(), "en".to_owned()];
//! let frame = Frame { languages: &wants, nonce: "r4nd0m", organization: "Example Hospital" };
//! let view = View::Problem(ProblemView {
//!     problem: Problem::Expired,
//!     way_on: WayOn::StartAgain,
//!     correlation: "7f3a",
//! });
//! let html = pages.render(&view, &frame);
//! assert!(html.contains(r#"<html lang="fr""#));
//! assert!(html.contains("<title>Cela n&#39;a pas fonctionné"));
//! # Ok::<(), vestibule_pages::LanguageError>(())
//! ```
//!
//! # What every page keeps to
//!
//! * One `<style>` with the nonce, no image, nothing from elsewhere; every form works with the keyboard alone. No script,
//!   but for the engine's own one that spares a click where an answer is posted to the app.
//! * Every value from outside is escaped, stands in `<bdi>`, and loses control characters: a name cannot rewrite the
//!   sentence around it (INT-018).
//! * One `h1`, landmarks, a label for every input; text contrast of at least 4.5:1 in light and dark; 320 px wide.
//!
//! # Where to read
//!
//! `templates/` and `locales/` are the pages; `words` says a scope in plain words, `language` picks and fills texts,
//! and one file a page prepares its template.

mod consent;
mod language;
mod manage;
mod moments;
mod page;
mod pickers;
mod problem;
mod words;

pub use language::LanguageError;

use std::fmt::{self, Debug};

use vestibule_host::pages::{Frame, Pages, View};

use language::{Language, Texts, choose};

/// Draws every page as HTML, in English, German, and what a host adds.
pub struct HtmlPages {
    /// English first.
    languages: Vec<Language>,
}

impl HtmlPages {
    /// English and German.
    #[must_use]
    pub fn new() -> Self {
        Self {
            languages: vec![
                Language::built_in("en", include_str!("../locales/en.ftl")),
                Language::built_in("de", include_str!("../locales/de.ftl")),
            ],
        }
    }

    /// Adds a language, or changes texts of one that is there. `messages` is a Fluent file with the keys of
    /// `locales/en.ftl`; what it lacks is shown in English.
    ///
    /// # Errors
    /// [`LanguageError`] if the tag or the file cannot be read.
    pub fn with_language(mut self, tag: &str, messages: &str) -> Result<Self, LanguageError> {
        if let Some(known) = self.languages.iter_mut().find(|known| known.tag().eq_ignore_ascii_case(tag)) {
            known.add(messages)?;
        } else {
            self.languages.push(Language::new(tag, messages)?);
        }
        Ok(self)
    }

    fn texts(&self, languages: &[String]) -> Texts<'_> {
        Texts::new(choose(&self.languages, languages), self.languages.first())
    }
}

impl Default for HtmlPages {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for HtmlPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HtmlPages").field("languages", &self.languages).finish()
    }
}

impl Pages for HtmlPages {
    fn render(&self, view: &View<'_>, frame: &Frame<'_>) -> String {
        let texts = self.texts(frame.languages);
        match view {
            View::Patients(view) => pickers::patients(view, frame, texts),
            View::Encounters(view) => pickers::encounters(view, frame, texts),
            View::Consent(view) => consent::consent(view, frame, texts),
            View::Manage(view) => manage::manage(view, frame, texts),
            View::EndAll(view) => manage::end_all(view, frame, texts),
            View::Problem(view) => problem::problem(view, frame, texts),
            View::Bounce(view) => problem::bounce(view, frame, texts),
            View::FormPost(view) => problem::form_post(view, frame, texts),
        }
    }

    fn language(&self, languages: &[String]) -> String {
        self.texts(languages).tag().to_owned()
    }
}
