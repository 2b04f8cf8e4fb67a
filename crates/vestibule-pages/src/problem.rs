//! "That did not work", and the step between two pages in a frame.

use askama::Template;
use vestibule_host::pages::{BounceView, FormPostView, Frame, Problem, ProblemView, WayOn};

use crate::language::{Sentence, Texts, shown};
use crate::page::{Page, draw, is_web_address};

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    page: Page<'a>,
    heading: String,
    detail: String,
    /// What to do, said.
    advice: Option<Sentence>,
    /// What to do, as a link.
    link: Option<(String, Sentence)>,
    correlation: String,
}

pub(crate) fn problem(view: &ProblemView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    let key = key(view.problem);
    let start_again = || Some(Sentence::own(texts.say("problem-start-again")));
    let (advice, link) = match &view.way_on {
        WayOn::Continue(path) => {
            (None, Some(((*path).to_owned(), Sentence::own(texts.say("problem-continue")))))
        }
        WayOn::App { name, url } if is_web_address(url) => (
            Some(texts.about("problem-app-lead", "app", name)),
            Some(((*url).to_owned(), texts.about("problem-app", "app", name))),
        ),
        WayOn::App { name, .. } => (Some(texts.about("problem-app-lead", "app", name)), None),
        WayOn::StartAgain => (start_again(), None),
        // An empty address is the page itself, asked for again with GET.
        WayOn::Retry => (None, Some((String::new(), Sentence::own(texts.say("problem-retry"))))),
    };
    draw(&ProblemPage {
        page: Page::new(texts, frame, texts.say("problem-title"), None),
        heading: texts.say(key),
        detail: texts.detail(key),
        advice,
        link,
        correlation: shown(view.correlation),
    })
}

const fn key(problem: Problem) -> &'static str {
    match problem {
        Problem::UnknownClient => "problem-unknown-client",
        Problem::UnknownRedirect => "problem-unknown-redirect",
        Problem::Malformed => "problem-malformed",
        Problem::TooLarge => "problem-too-large",
        Problem::Method => "problem-method",
        Problem::NotFound => "problem-not-found",
        Problem::Finished => "problem-finished",
        Problem::Expired => "problem-expired",
        Problem::NoCookie => "problem-no-cookie",
        Problem::OtherUser => "problem-other-user",
        Problem::Stale => "problem-stale",
        Problem::Forged => "problem-forged",
        Problem::TooMany => "problem-too-many",
        Problem::Unavailable => "problem-unavailable",
        Problem::Internal => "problem-internal",
    }
}

#[derive(Template)]
#[template(path = "bounce.html")]
struct BouncePage<'a> {
    page: Page<'a>,
    lead: Sentence,
    to: &'a str,
}

pub(crate) fn bounce(view: &BounceView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    let title = texts.about("bounce-title", "app", view.app.name).to_string();
    let mut page = Page::new(texts, frame, title, None);
    page.goes_to = Some(view.to);
    draw(&BouncePage { page, lead: texts.about("bounce-lead", "app", view.app.name), to: view.to })
}

#[derive(Template)]
#[template(path = "form_post.html")]
struct FormPostPage<'a> {
    page: Page<'a>,
    lead: Sentence,
    to: &'a str,
    fields: &'a [(String, String)],
    script: &'a str,
}

pub(crate) fn form_post(view: &FormPostView<'_>, frame: &Frame<'_>, texts: Texts<'_>) -> String {
    let title = texts.about("bounce-title", "app", view.app).to_string();
    draw(&FormPostPage {
        page: Page::new(texts, frame, title, None),
        lead: texts.about("bounce-lead", "app", view.app),
        to: view.to,
        fields: view.fields,
        script: view.script,
    })
}
