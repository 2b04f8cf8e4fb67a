//! A browser without sockets: it talks to a function.
//!
//! It does what a launch needs of a browser: keeps cookies, follows redirects within the origin, fills in forms. It runs no
//! script and draws nothing. Methods take `&self`, so that tabs can act at once over one cookie jar.
//!
//! ```
//! use bytes::Bytes;
//! use vestibule_testkit::Browser;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let browser = Browser::new("https://ehr.example", |request: http::Request<Bytes>| async move {
//!     let html = if request.method() == http::Method::POST { "<p>welcome</p>" } else {
//!         r#"<form method="post" action="/in"><input type="hidden" name="step" value="1"><button name="go" value="y">Go</button></form>"#
//!     };
//!     http::Response::new(Bytes::from(html))
//! });
//! let page = browser.get("/sign-in").await;
//! let form = page.form().unwrap();
//! let page = browser.submit(&page, &form, Some(("go", "y"))).await;
//! assert_eq!(page.words(), "welcome");
//! # });
//! ```

mod cookies;
mod html;
mod page;
mod url;

use std::fmt::{self, Debug};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};

pub use cookies::Cookie;
use cookies::Jar;
pub use page::{Button, Form, Page};
use url::{host, origin, resolve, target};

/// A chain of redirects that is longer than this goes round in circles.
const HOPS: usize = 20;

/// A browser over a server, which is any function from a request to a response.
pub struct Browser<S> {
    origin: String,
    server: S,
    jar: Mutex<Jar>,
    headers: HeaderMap,
}

impl<S> Debug for Browser<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browser").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl<S: Clone> Clone for Browser<S> {
    /// Another browser with a copy of the cookies: what a thief of the cookies would have.
    fn clone(&self) -> Self {
        let jar = Mutex::new(self.jar().clone());
        Self { origin: self.origin.clone(), server: self.server.clone(), jar, headers: self.headers.clone() }
    }
}

impl<S: Clone> Browser<S> {
    /// Another browser over the same server, without a cookie: another person.
    #[must_use]
    pub fn stranger(&self) -> Self {
        let jar = Mutex::default();
        Self { origin: self.origin.clone(), server: self.server.clone(), jar, headers: self.headers.clone() }
    }
}

impl<S> Browser<S> {
    /// A browser whose relative addresses belong to `origin`, for example `https://ehr.example`.
    pub fn new(origin: impl Into<String>, server: S) -> Self {
        Self { origin: origin.into(), server, jar: Mutex::default(), headers: HeaderMap::new() }
    }

    /// Sends one more header with every request, or another value for one that is sent anyway.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// All cookies.
    pub fn cookies(&self) -> Vec<Cookie> {
        self.jar().all().to_vec()
    }

    /// Forgets all cookies.
    pub fn clear_cookies(&self) {
        *self.jar() = Jar::default();
    }

    /// Keeps a cookie, written as `Set-Cookie` is, as if `url` had set it.
    pub fn set_cookie(&self, url: &str, set_cookie: &str) {
        let url = resolve(&self.origin, url);
        self.jar().keep(&url, set_cookie);
    }

    fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request for a whole address.
    fn request(&self, method: &Method, url: &str, from: Option<&str>, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = target(url).parse().unwrap_or_default();
        let cookies = self.jar().header(url);
        let site = match from {
            None => "none",
            Some(from) if origin(from) == origin(url) => "same-origin",
            Some(_) => "cross-site",
        };
        let mut put = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                request.headers_mut().insert(name, value);
            }
        };
        put(HOST, host(url));
        put(HeaderName::from_static("sec-fetch-site"), site);
        if !cookies.is_empty() {
            put(COOKIE, &cookies);
        }
        if *method == Method::POST {
            put(CONTENT_TYPE, "application/x-www-form-urlencoded");
            put(ORIGIN, from.map_or("null", origin));
        }
        request.headers_mut().extend(self.headers.clone());
        request
    }
}

impl<S, F> Browser<S>
where
    S: Fn(Request<Bytes>) -> F,
    F: Future<Output = Response<Bytes>>,
{
    /// Opens an address, as if it had been typed.
    pub async fn get(&self, url: &str) -> Page {
        self.go(Method::GET, resolve(&self.origin, url), None, Bytes::new()).await
    }

    /// Follows a link on a page, wherever it leads.
    pub async fn follow(&self, page: &Page, link: &str) -> Page {
        self.go(Method::GET, resolve(&page.url, link), Some(&page.url), Bytes::new()).await
    }

    /// Posts a form from a page of this origin. With [`submit`](Self::submit) the page's own fields come along.
    pub async fn post_form(&self, url: &str, pairs: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let from = format!("{}/", self.origin);
        self.go(Method::POST, resolve(&self.origin, url), Some(&from), body.into()).await
    }

    /// Presses a button of a form, or none, as Enter would.
    pub async fn submit(&self, page: &Page, form: &Form, button: Option<(&str, &str)>) -> Page {
        let pairs = form.entries(button);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let url = resolve(&page.url, &form.action);
        if form.method == Method::POST {
            return self.go(Method::POST, url, Some(&page.url), body.into()).await;
        }
        let path = url.split(['?', '#']).next().unwrap_or_default();
        self.go(Method::GET, format!("{path}?{body}"), Some(&page.url), Bytes::new()).await
    }

    /// Sends a request as it is, with no cookie and no header but its own, and follows nothing: what a program would do.
    pub async fn raw(&self, request: Request<Bytes>) -> Response<Bytes> {
        (self.server)(request).await
    }

    async fn go(&self, mut method: Method, mut url: String, from: Option<&str>, mut body: Bytes) -> Page {
        let mut visited = Vec::new();
        loop {
            let response = (self.server)(self.request(&method, &url, from, body)).await;
            for value in response.headers().get_all(SET_COOKIE) {
                if let Ok(value) = value.to_str() {
                    self.jar().keep(&url, value);
                }
            }
            let next = next_hop(&response, &url);
            visited.push(url.clone());
            let (parts, content) = response.into_parts();
            match next {
                // Where a redirect leaves the origin, the test takes over: that is where the app is answered.
                Some(next) if origin(&next) == origin(&url) && visited.len() < HOPS => {
                    (method, body) = (Method::GET, Bytes::new());
                    url = next;
                }
                next => {
                    let headers = parts.headers;
                    return Page {
                        url,
                        status: parts.status,
                        headers,
                        body: content,
                        visited,
                        location: next,
                    };
                }
            }
        }
    }
}

/// Where a redirect leads, as a whole address. Only those that a browser follows with a GET: a form is never posted twice.
fn next_hop(response: &Response<Bytes>, url: &str) -> Option<String> {
    if !matches!(response.status(), StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER)
    {
        return None;
    }
    let location = response.headers().get(LOCATION)?;
    // Bytes beyond ASCII are shown as they are, not lost.
    let location = String::from_utf8_lossy(location.as_bytes());
    Some(resolve(url, &location))
}
