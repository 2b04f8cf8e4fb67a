//! A browser without sockets: cookies by path, redirects by hand, forms as they are drawn.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use http::{Method, Request, Response};

use crate::app::Az;
use crate::door::Door;
use crate::world::{AS, World};

/// An answer, read.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        let body = String::from_utf8(body.to_vec()).expect("every answer is text");
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The parameters in the query of the redirect, each of which must be there once.
    pub fn params(&self) -> BTreeMap<String, String> {
        assert_eq!(self.status, 303, "{self:?}");
        params_of(self.location())
    }

    /// The code in the redirect to an app.
    #[track_caller]
    pub fn code(&self) -> String {
        let params = self.params();
        assert_eq!(params.get("iss").map(String::as_str), Some(AS), "{self:?}");
        params.get("code").unwrap_or_else(|| panic!("no code: {self:?}")).clone()
    }

    /// Enough to see what it is.
    pub fn brief(&self) -> String {
        let main = self.body.split_once("</style>").map_or(self.body.as_str(), |(_, rest)| rest);
        format!("{} {} {}", self.status, self.location(), main.chars().take(2_000).collect::<String>())
    }

    /// A page that shows a problem and leads nowhere.
    #[track_caller]
    pub fn is_page(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.brief());
        assert!(self.headers.get(LOCATION).is_none(), "a page must not redirect: {}", self.location());
        assert!(self.header("content-type").starts_with("text/html"), "{self:?}");
        self
    }

    /// `RED e`: an error that the app is told, at its own address.
    #[track_caller]
    pub fn is_refusal(&self, redirect_uri: &str, error: &str) -> &Self {
        assert_eq!(self.status, 303, "{error} expected: {}", self.brief());
        let rest = self.location().strip_prefix(redirect_uri).expect("the registered address");
        assert!(rest.starts_with(['?', '&']), "{}", self.location());
        assert!(!self.location().contains('#'), "{}", self.location());
        let params = self.params();
        assert_eq!(params.get("error").map(String::as_str), Some(error), "{}", self.location());
        assert_eq!(params.get("iss").map(String::as_str), Some(AS));
        assert!(!params.contains_key("code"));
        let description = &params["error_description"];
        // RFC 6749 §4.1.2.1
        assert!(
            description.bytes().all(|b| matches!(b, 0x20..=0x7e) && b != b'"' && b != b'\\'),
            "{description}"
        );
        assert!(
            self.cookies().is_empty() || !self.cookies().iter().any(|cookie| cookie.contains("Max-Age=600"))
        );
        self
    }

    /// `J400 e` and its like.
    #[track_caller]
    pub fn is_error(&self, status: u16, error: &str) -> &Self {
        assert_eq!(self.status, status, "{error} expected: {}", self.brief());
        let json = self.json();
        assert_eq!(json["error"], error, "{}", self.body);
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("pragma"), "no-cache");
        assert_eq!(self.header("content-type"), "application/json");
        assert!(json.get("access_token").is_none());
        self
    }

    pub fn is_picker(&self) -> bool {
        self.body.contains("name=\"patient\"")
    }

    pub fn is_consent(&self) -> bool {
        self.body.contains("name=\"decision\"")
    }

    pub fn is_visits(&self) -> bool {
        self.body.contains("value=\"skip\"")
    }

    /// The step token of the page's forms.
    #[track_caller]
    pub fn step(&self) -> String {
        let steps = self.values("input", "step");
        assert!(!steps.is_empty(), "a page with a form: {} {}", self.status, self.body);
        assert!(steps.windows(2).all(|pair| pair[0] == pair[1]));
        steps[0].clone()
    }

    /// The values of all elements with this name, as a form would send them.
    pub fn values(&self, element: &str, name: &str) -> Vec<String> {
        let of_name = |tag: &BTreeMap<String, String>| tag.get("name").map(String::as_str) == Some(name);
        tags(&self.body, element).iter().filter(|tag| of_name(tag)).map(|tag| tag["value"].clone()).collect()
    }

    /// The values of the boxes that are ticked at first, sorted: the page groups them.
    pub fn ticked(&self) -> Vec<String> {
        let boxes = tags(&self.body, "input").into_iter();
        let ticked = |tag: &BTreeMap<String, String>| {
            tag.get("name").map(String::as_str) == Some("scope") && tag.contains_key("checked")
        };
        let mut ticked: Vec<String> = boxes.filter(ticked).map(|tag| tag["value"].clone()).collect();
        ticked.sort();
        ticked
    }
}

/// The parameters of a URL's query, each of which must be there once.
pub fn params_of(url: &str) -> BTreeMap<String, String> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut params = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let before = params.insert(name.clone().into_owned(), value.into_owned());
        assert!(before.is_none(), "{name} twice in {url}");
    }
    params
}

/// The tags of an element, with their attributes.
fn tags(html: &str, element: &str) -> Vec<BTreeMap<String, String>> {
    let open = format!("<{element} ");
    html.split(&open)
        .skip(1)
        .map(|rest| attributes(rest.split_once('>').map_or(rest, |(tag, _)| tag)))
        .collect()
}

fn attributes(mut tag: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    loop {
        tag = tag.trim_start();
        if tag.is_empty() {
            return found;
        }
        let end = tag.find([' ', '=']).unwrap_or(tag.len());
        let (name, rest) = tag.split_at(end);
        match rest.strip_prefix("=\"").and_then(|rest| rest.split_once('"')) {
            Some((value, rest)) => {
                let text = value
                    .replace("&#34;", "\"")
                    .replace("&#39;", "'")
                    .replace("&#60;", "<")
                    .replace("&#62;", ">");
                let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
                found.insert(name.to_owned(), text.replace("&#38;", "&").replace("&amp;", "&"));
                tag = rest;
            }
            None => {
                found.insert(name.to_owned(), String::new());
                tag = rest.strip_prefix('=').unwrap_or(rest);
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub path: String,
}

/// A page that is open in some tab.
#[derive(Clone, Debug)]
pub struct Tab {
    path: String,
    page: Answer,
}

/// A browser: its cookies, and the tab in front.
#[derive(Clone, Debug)]
pub struct Browser {
    pub door: Door,
    pub cookies: Vec<Cookie>,
    /// The host's session, as `user/session`.
    pub session: Option<String>,
    /// Everything that any answer ever set as a cookie.
    pub set: Vec<String>,
    /// Every URL that was ever in the address bar, or that an answer led to.
    pub urls: Vec<String>,
    /// Every body that was ever shown.
    pub shown: Vec<String>,
    /// The interaction in front.
    pub path: String,
    /// Its page.
    pub page: Answer,
}

impl Browser {
    pub fn new(world: &World) -> Self {
        Self {
            door: world.door.clone(),
            cookies: Vec::new(),
            session: None,
            set: Vec::new(),
            urls: Vec::new(),
            shown: Vec::new(),
            path: String::new(),
            page: Answer::default(),
        }
    }

    /// A browser in which a user is signed in at the host.
    pub fn of(world: &World, user: &str) -> Self {
        Self { session: Some(format!("{user}/session-of-{user}")), ..Self::new(world) }
    }

    pub fn request(&self, method: Method, path: &str, body: &str) -> Request<Bytes> {
        let path = path.strip_prefix(AS).unwrap_or(path);
        let mut request = Request::builder().method(method.clone()).uri(path);
        let plain = path.split('?').next().unwrap_or(path);
        let under = |cookie: &&Cookie| {
            cookie.path == "/" || plain == cookie.path || plain.starts_with(&format!("{}/", cookie.path))
        };
        let mut sent: Vec<&Cookie> = self.cookies.iter().filter(under).collect();
        sent.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let mut line: Vec<String> = sent.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        line.extend(self.session.as_ref().map(|session| format!("host={session}")));
        if !line.is_empty() {
            request = request.header(COOKIE, line.join("; "));
        }
        if method == Method::POST {
            // What browsers send with a form from a page whose referrer policy is `no-referrer`.
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ORIGIN, "null")
                .header("sec-fetch-site", "same-origin");
        }
        request.body(Bytes::from(body.to_owned())).unwrap()
    }

    /// Sends a request and keeps the cookies of the answer.
    pub async fn send(&mut self, request: Request<Bytes>) -> Answer {
        self.urls.push(request.uri().to_string());
        let answer = Answer::from(Box::pin(self.door.send(request)).await);
        self.keep(&answer);
        answer
    }

    pub fn keep(&mut self, answer: &Answer) {
        always(answer);
        self.shown.push(answer.body.clone());
        self.urls.extend(answer.headers.get(LOCATION).map(|value| value.to_str().unwrap().to_owned()));
        for cookie in answer.cookies() {
            self.set.push(cookie.to_owned());
            let mut parts = cookie.split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let attributes: Vec<&str> = parts.collect();
            let path = attributes.iter().find_map(|part| part.strip_prefix("Path=")).unwrap();
            self.cookies.retain(|known| !(known.name == name && known.path == path));
            if !attributes.contains(&"Max-Age=0") {
                let (name, value, path) = (name.to_owned(), value.to_owned(), path.to_owned());
                self.cookies.push(Cookie { name, value, path });
            }
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path, "")).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path, &form(fields))).await
    }

    /// Opens an authorize request and nothing more.
    pub async fn authorize(&mut self, az: &Az) -> Answer {
        self.get(&format!("/auth/authorize?{}", az.query())).await
    }

    /// Opens an authorize request and its first page.
    pub async fn begin(&mut self, az: &Az) -> &Answer {
        let answer = self.authorize(az).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let path = answer.location().to_owned();
        assert!(path.starts_with("/auth/i/"), "an interaction, not {path}");
        self.path = path;
        self.reload().await
    }

    /// Loads the interaction's page again.
    pub async fn reload(&mut self) -> &Answer {
        let path = self.path.clone();
        self.page = self.get(&path).await;
        if self.page.location() == path {
            // A new browser comes back with its cookie first.
            self.page = self.get(&path).await;
        }
        &self.page
    }

    /// Comes back from the host's sign-in, to where the host was told to send the browser.
    pub async fn come_back(&mut self) -> &Answer {
        let login = self.page.location();
        let resume = params_of(login).remove("resume").unwrap_or_else(|| panic!("a sign-in, not {login}"));
        self.page = self.get(&resume).await;
        &self.page
    }

    /// Answers the form in front.
    pub async fn submit(&mut self, fields: &[(&str, &str)]) -> &Answer {
        let (path, step) = (self.path.clone(), self.page.step());
        let mut all = vec![("step", step.as_str())];
        all.extend_from_slice(fields);
        self.page = self.post(&path, &all).await;
        if self.page.location() == path {
            // On to the next step.
            self.page = self.get(&path).await;
        }
        &self.page
    }

    pub async fn pick(&mut self, patient: &str) -> &Answer {
        assert!(self.page.is_picker(), "a picker, not {} {}", self.page.status, self.page.body);
        self.submit(&[("patient", patient), ("move", "choose")]).await
    }

    /// Allows what is ticked at first.
    pub async fn allow(&mut self) -> &Answer {
        assert!(
            self.page.is_consent(),
            "consent, not {} {} {}",
            self.page.status,
            self.page.location(),
            self.page.body
        );
        let ticked = self.page.ticked();
        let ticked: Vec<&str> = ticked.iter().map(String::as_str).collect();
        self.allow_only(&ticked).await
    }

    pub async fn allow_only(&mut self, scopes: &[&str]) -> &Answer {
        let mut fields: Vec<(&str, &str)> = scopes.iter().map(|scope| ("scope", *scope)).collect();
        fields.push(("decision", "allow"));
        self.submit(&fields).await
    }

    pub async fn deny(&mut self) -> &Answer {
        self.submit(&[("decision", "deny")]).await
    }

    pub fn tab(&self) -> Tab {
        Tab { path: self.path.clone(), page: self.page.clone() }
    }

    pub fn switch_to(&mut self, tab: &Tab) {
        self.path.clone_from(&tab.path);
        self.page.clone_from(&tab.page);
    }
}

pub fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// What holds for every answer (HDR-001, A-HDR-03, A-ERR-07).
#[track_caller]
pub fn always(answer: &Answer) {
    assert!(answer.headers.get("access-control-allow-credentials").is_none());
    assert!(answer.headers.get("server").is_none());
    assert!(!(301..=308).contains(&answer.status) || answer.status == 303 || answer.status == 304);
    if answer.status == 303 || answer.header("content-type").starts_with("text/html") {
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
    }
    if answer.header("content-type").starts_with("text/html") {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"), "{policy}");
        // A script of ours carries the nonce, and there is one only where an answer is posted to an app.
        let scripts = answer.body.matches("<script nonce=\"").count();
        assert_eq!(scripts == 1, policy.contains("script-src 'nonce-"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.body.matches("<script").count(), scripts);
        assert!(policy.contains("frame-ancestors ") && policy.contains("base-uri 'none'"), "{policy}");
    }
}
