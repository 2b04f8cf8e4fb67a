//! One way to answer with a page, with the headers that every page has.

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::database::DatabaseError;

/// A message with a way on.
#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    title: &'a str,
    text: &'a str,
    user: Option<&'a str>,
    sign_out: &'a str,
}

/// A page whose forms go nowhere but here.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    page_with_forms_to(status, template, "")
}

/// A page with a form whose answer may send the browser to an app. Browsers apply `form-action` to the redirect as well,
/// so the apps' origins must stand there.
pub(super) fn page_with_forms_to(status: StatusCode, template: &impl Template, targets: &str) -> Response {
    let Ok(html) = template.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'{targets}"
    );
    let Ok(policy) = HeaderValue::from_str(&policy) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let fixed = |text: &'static str| HeaderValue::from_static(text);
    let headers: [(HeaderName, HeaderValue); 6] = [
        (header::CONTENT_TYPE, fixed("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, fixed("no-store")),
        // Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
        (header::REFERRER_POLICY, fixed("same-origin")),
        (header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff")),
        (header::X_FRAME_OPTIONS, fixed("DENY")),
    ];
    (status, headers, html).into_response()
}

/// A page that says what went wrong and leads on.
pub(super) fn message(status: StatusCode, title: &str, text: &str) -> Response {
    page(status, &Message { title, text, user: None, sign_out: "" })
}

pub(super) async fn not_found() -> Response {
    message(
        StatusCode::NOT_FOUND,
        "There is no such page",
        "The address may be mistyped, or the page may have moved.",
    )
}

/// 303: the next request is a GET, whatever this one was.
pub(super) fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let no_store = HeaderValue::from_static("no-store");
            (StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::CACHE_CONTROL, no_store)])
                .into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The hospital's tables are away: nothing is decided, nothing is lost.
pub(super) fn unavailable(error: &DatabaseError) -> Response {
    away(error)
}

/// The same for Vestibule's store.
pub(super) fn away(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "the store is away");
    let text = "The records cannot be reached at the moment. Please try again in a minute.";
    message(StatusCode::SERVICE_UNAVAILABLE, "Please try again", text)
}

pub(super) async fn stylesheet() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=300"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, include_str!("../../templates/ehr.css"))
}
