//! Pages and the headers around them (oauth.md 26.1).

use bytes::Bytes;
use http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, PRAGMA, REFERRER_POLICY,
    RETRY_AFTER,
};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use vestibule_core::authorize::{AuthorizeResponse, ProvenRedirect, ResponseMode};
use vestibule_core::explain::Outcome;
use vestibule_host::pages::{AppView, FormPostView, Frame, Problem, ProblemView, View, WayOn};
use vestibule_host::{Framing, RegisteredClient, redirect_uri};

use crate::AuthorizationServer;
use crate::error::AuthorizeError;
use crate::explain::named;
use crate::interaction::answer::redirect;

/// The one script there is: it saves a click. Without scripts the page has a button.
const SUBMIT: &str = "document.forms[0].submit()";

/// What a page may do: where its forms may lead, and who may frame it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageKind {
    form_action: Option<String>,
    frame_ancestors: Vec<String>,
    /// Whether the page has a script of ours, which carries the nonce.
    scripted: bool,
}

impl PageKind {
    /// A page of an interaction. Browsers apply `form-action` to the redirect that answers a form, so the app's proven address
    /// takes part (design §9, A-UI-07).
    pub(crate) fn of(client: &RegisteredClient, redirect: &ProvenRedirect) -> Self {
        let frame_ancestors = ancestors_of(client);
        Self { form_action: Some(redirect.form_action()), frame_ancestors, scripted: false }
    }

    fn policy(&self, nonce: &str) -> String {
        let ancestors = if self.frame_ancestors.is_empty() {
            "'none'".to_owned()
        } else {
            self.frame_ancestors.join(" ")
        };
        let action = self.form_action.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
        let script = if self.scripted { format!("; script-src 'nonce-{nonce}'") } else { String::new() };
        format!(
            "default-src 'none'; style-src 'nonce-{nonce}'{script}; base-uri 'none'; form-action 'self'{action}; frame-ancestors {ancestors}"
        )
    }
}

fn ancestors_of(client: &RegisteredClient) -> Vec<String> {
    match &client.framing {
        Framing::Refuse => Vec::new(),
        Framing::Origins(origins) => origins.clone(),
    }
}

/// What the browser wants to read, best first, at most eight tags.
pub(crate) fn languages(head: &Parts) -> Vec<String> {
    let header = head.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut weighed: Vec<(f32, &str)> = header
        .split(',')
        .take(8)
        .filter_map(|entry| {
            let (tag, params) = entry.split_once(';').unwrap_or((entry, ""));
            let tag = tag.trim();
            let quality = params.trim().strip_prefix("q=").and_then(|q| q.parse().ok()).unwrap_or(1.0);
            let plain = !tag.is_empty()
                && tag.len() <= 35
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            plain.then_some((quality, tag))
        })
        .collect();
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0));
    weighed.into_iter().map(|(_, tag)| tag.to_owned()).collect()
}

impl AuthorizationServer {
    /// Draws a page and sets every header around it.
    pub(crate) fn page(&self, head: &Parts, view: &View<'_>, kind: PageKind) -> Response<Bytes> {
        self.page_in(&languages(head), view, kind)
    }

    fn page_in(&self, languages: &[String], view: &View<'_>, kind: PageKind) -> Response<Bytes> {
        let inner = self.inner();
        let nonce = inner.secret("").unwrap_or_default();
        let frame = Frame { languages, nonce: &nonce, organization: &inner.config.organization };
        let mut response = match &inner.pages {
            Some(pages) => Response::new(Bytes::from(pages.render(view, &frame))),
            None => Response::new(Bytes::from(plain(view))),
        };
        let html =
            if inner.pages.is_some() { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(html));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store")); // A-UI-06
        headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        if kind.frame_ancestors.is_empty() {
            headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
        }
        // Built from configuration, registration and a proven address; were one of them unfit for a header, nothing may load.
        let policy = HeaderValue::try_from(kind.policy(&nonce))
            .unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        response
    }

    /// Sends an answer to the app (SMART-AUTHZ-034, REDIR-012).
    pub(crate) fn answer_app(
        &self,
        languages: &[String],
        client: &RegisteredClient,
        answer: &AuthorizeResponse,
    ) -> Result<Response<Bytes>, AuthorizeError> {
        self.send_to_app(languages, Some(&client.name), ancestors_of(client), answer)
    }

    /// The same, by whoever knows less of the app.
    pub(crate) fn send_to_app(
        &self,
        languages: &[String],
        app: Option<&str>,
        frame_ancestors: Vec<String>,
        answer: &AuthorizeResponse,
    ) -> Result<Response<Bytes>, AuthorizeError> {
        let internal = || AuthorizeError::new(Problem::Internal);
        match answer.mode() {
            ResponseMode::Query => redirect(&answer.location()).ok_or_else(internal),
            ResponseMode::FormPost => {
                let target = redirect_uri::origin(answer.to()).ok_or_else(internal)?;
                let view = View::FormPost(FormPostView {
                    to: answer.to(),
                    fields: answer.fields(),
                    app: app.unwrap_or(&target),
                    script: SUBMIT,
                });
                let form_action = Some(target.clone());
                Ok(self.page_in(languages, &view, PageKind { form_action, frame_ancestors, scripted: true }))
            }
        }
    }

    /// Says what is wrong, and how to get on. The operator finds the reason in the log, by the correlation id.
    pub(crate) fn problem_page(&self, head: &Parts, error: &AuthorizeError) -> Response<Bytes> {
        // An event of the same request may carry the name already.
        let named_before = error.aside.trail.as_ref().map(|(trail, _)| trail.correlation().to_owned());
        let correlation = named_before.unwrap_or_else(|| self.inner().correlation());
        let status = status_of(error.problem);
        let problem = error.problem;
        let source = std::error::Error::source(error);
        if status.is_server_error() {
            tracing::error!(correlation, ?problem, error = source, "page");
        } else {
            tracing::info!(correlation, ?problem, error = source, "page");
        }
        if let Some((trail, endpoint)) = &error.aside.trail {
            let shown = Outcome::Shown(name_of(problem));
            self.inner().explain(trail.clone(), *endpoint, shown);
        }
        let way_on = match (&error.go_on, &error.app, problem) {
            (Some(path), ..) => WayOn::Continue(path),
            (None, _, Problem::Unavailable | Problem::TooMany) => WayOn::Retry,
            (None, Some((name, Some(url))), _) => WayOn::App { name, url },
            _ => WayOn::StartAgain,
        };
        let view = View::Problem(ProblemView { problem, way_on, correlation: &correlation });
        let frame_ancestors = error.aside.frame_ancestors.clone();
        let kind = PageKind { frame_ancestors, ..PageKind::default() };
        let mut response = self.page(head, &view, kind);
        *response.status_mut() = status;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        if let Some(wait) = error.aside.wait {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        named(response, &correlation)
    }

    pub(crate) fn app_view<'a>(
        &self,
        client: &'a RegisteredClient,
        redirect: &'a ProvenRedirect,
    ) -> AppView<'a> {
        AppView {
            name: &client.name,
            answers_to: redirect.answers_to(),
            home_page: client.home_page.as_deref(),
        }
    }
}

const fn status_of(problem: Problem) -> StatusCode {
    match problem {
        Problem::UnknownClient
        | Problem::UnknownRedirect
        | Problem::Malformed
        | Problem::Finished
        | Problem::Expired => StatusCode::BAD_REQUEST,
        Problem::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Problem::Method => StatusCode::METHOD_NOT_ALLOWED,
        Problem::NotFound => StatusCode::NOT_FOUND,
        Problem::OtherUser | Problem::NoCookie | Problem::Forged => StatusCode::FORBIDDEN,
        Problem::Stale => StatusCode::CONFLICT,
        Problem::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Problem::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Problem::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn name_of(problem: Problem) -> &'static str {
    match problem {
        Problem::UnknownClient => "unknown client",
        Problem::UnknownRedirect => "unknown redirect URI",
        Problem::Malformed => "malformed",
        Problem::TooLarge => "too large",
        Problem::Method => "wrong method",
        Problem::NotFound => "no such page",
        Problem::Finished => "finished",
        Problem::Expired => "expired",
        Problem::NoCookie => "no cookie",
        Problem::OtherUser => "another user",
        Problem::Stale => "stale",
        Problem::Forged => "forged",
        Problem::TooMany => "too many requests",
        Problem::Unavailable => "unavailable",
        Problem::Internal => "internal",
    }
}

/// Without a page set, the host draws the steps and only problems come here.
fn plain(view: &View<'_>) -> String {
    match view {
        View::Problem(problem) => {
            format!(
                "This did not work ({:?}). Please start again in the app.\nReference: {}\n",
                problem.problem, problem.correlation
            )
        }
        _ => "This page is drawn by the host.\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_ordered_and_bounded() {
        let of = |header: &str| {
            let (head, ()) =
                http::Request::get("/").header(ACCEPT_LANGUAGE, header).body(()).unwrap().into_parts();
            languages(&head)
        };
        assert_eq!(of("en;q=0.5, de-AT, fr;q=0.9"), ["de-AT", "fr", "en"]);
        assert!(of("<script>, ;;;, q=1").is_empty());
        assert_eq!(of(&"a,".repeat(100)).len(), 8);
    }

    #[test]
    fn policies() {
        let kind = PageKind {
            form_action: Some("https://app.example".into()),
            frame_ancestors: vec!["https://ehr.example".into()],
            scripted: false,
        };
        let policy = kind.policy("n");
        assert!(policy.contains("form-action 'self' https://app.example;"), "{policy}");
        assert!(policy.ends_with("frame-ancestors https://ehr.example"), "{policy}");
        assert!(!policy.contains("script-src"), "{policy}");
        let scripted = PageKind { scripted: true, ..PageKind::default() };
        assert!(scripted.policy("n").contains("; script-src 'nonce-n';"));
        assert!(PageKind::default().policy("n").ends_with("form-action 'self'; frame-ancestors 'none'"));
    }
}
