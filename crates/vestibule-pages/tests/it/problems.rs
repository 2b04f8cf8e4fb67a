use vestibule_host::pages::{BounceView, FormPostView, Problem, ProblemView, View, WayOn};

use crate::html::{check, tags, text, values};
use crate::views::{app, draw, draw_in};

const PROBLEMS: [Problem; 15] = [
    Problem::UnknownClient,
    Problem::UnknownRedirect,
    Problem::Malformed,
    Problem::TooLarge,
    Problem::TooMany,
    Problem::Method,
    Problem::NotFound,
    Problem::Finished,
    Problem::Expired,
    Problem::NoCookie,
    Problem::OtherUser,
    Problem::Stale,
    Problem::Forged,
    Problem::Unavailable,
    Problem::Internal,
];

#[test]
fn every_problem_has_words_and_a_way_on() {
    let ways = [
        (WayOn::Continue("/auth/i/abc?x=1&y=2"), Some("/auth/i/abc?x=1&y=2"), "Continue where you were"),
        (
            WayOn::App { name: "Growth Chart", url: "https://app.example/" },
            Some("https://app.example/"),
            "Back to Growth Chart",
        ),
        (WayOn::App { name: "Growth Chart", url: "javascript:alert(1)" }, None, "Go back to Growth Chart"),
        (WayOn::StartAgain, None, "Close this window"),
        (WayOn::Retry, Some(""), "Try again"),
    ];
    let mut headings = std::collections::BTreeSet::new();
    for problem in PROBLEMS {
        for (way_on, link, words) in &ways {
            let view = View::Problem(ProblemView { problem, way_on: way_on.clone(), correlation: "7f3a-01" });
            let html = draw_in("en", &view);
            check(&html);
            let said = text(&html);
            assert!(said.contains(words), "{problem:?}: {said}");
            assert!(said.contains("7f3a-01"));
            let links: Vec<_> =
                tags(&html).iter().filter_map(|tag| tag.get("href").map(str::to_owned)).collect();
            assert_eq!(links.first().map(String::as_str), *link, "{problem:?}");
            let german = draw_in("de", &view);
            check(&german);
            assert_ne!(said, text(&german));
            headings.insert(html.split_once("<h1>").unwrap().1.split_once("</h1>").unwrap().0.to_owned());
        }
    }
    assert_eq!(headings.len(), PROBLEMS.len(), "each has its own words");
}

#[test]
fn a_frame_is_sent_on_without_script() {
    let html = draw(View::Bounce(BounceView { to: "/auth/authorize?a=1&b=\"x", app: app("App") }));
    check(&html);
    let refresh = tags(&html).into_iter().find(|tag| tag.is("meta", "http-equiv", "refresh")).unwrap();
    assert_eq!(refresh.get("content"), Some("0; url=/auth/authorize?a=1&b=\"x"));
    assert!(tags(&html).iter().any(|tag| tag.is("a", "href", "/auth/authorize?a=1&b=\"x")));
}

/// REDIR-012
#[test]
fn an_answer_is_posted_by_a_button_or_by_the_one_script() {
    let evil = "\"><script>alert(1)</script>".to_owned();
    let fields = [("state".to_owned(), evil.clone()), ("code".to_owned(), "vc_1".to_owned())];
    let view =
        FormPostView { to: "https://app.example/cb?a=1&b=2", fields: &fields, app: &evil, script: "go()" };
    let html = draw(View::FormPost(view));
    assert_eq!(html.matches("<script").count(), 1, "{html}");
    assert!(html.contains(">go()</script>") && html.contains("<script nonce="), "{html}");
    let tags = tags(&html);
    assert!(tags.iter().any(|tag| tag.is("form", "action", "https://app.example/cb?a=1&b=2")));
    assert!(tags.iter().any(|tag| tag.is("form", "method", "post")));
    assert_eq!(values(&html, "state"), [evil]);
    assert_eq!(values(&html, "code"), ["vc_1"]);
    assert!(tags.iter().any(|tag| tag.name == "button"));
}
