//! What happens in browsers: two of them, with tabs that may be answered out of order, twice, and from the wrong one.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{Request, Response};
use vestibule_host::EventKind;

use super::hospital::{APPS, BASE, Hospital, PATIENTS, SCOPES, address};
use super::model::{Grant, Wrong, hold, is_ehr, patient_named};
use super::{Engine, newest};
use crate::ISSUER;

/// RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Default)]
pub(super) struct Browser {
    /// Who is signed in at the host, and in which session.
    pub(super) session: Option<(usize, String)>,
    /// Name, path, value.
    cookies: Vec<(String, String, String)>,
}

/// An interaction and the pages that were seen of it, the newest last.
pub(super) struct Tab {
    browser: usize,
    app: usize,
    scopes: usize,
    launch: Option<usize>,
    path: String,
    pages: Vec<Page>,
    /// Whose record its user chose.
    picked: Option<&'static str>,
    ended: Option<Ended>,
}

/// The code that it ended with, and the form and session that got it.
struct Ended {
    code: String,
    form: String,
    session: String,
    at: i64,
}

#[derive(Clone, Debug)]
struct Page {
    is_consent: bool,
    step: String,
    patients: Vec<&'static str>,
    scopes: Vec<String>,
}

impl Browser {
    fn request(&self, method: &str, path: &str, form: &str) -> Request<Bytes> {
        let path = path.strip_prefix(ISSUER).unwrap_or(path);
        let plain = path.split('?').next().unwrap_or(path);
        let sent = self.cookies.iter().filter(|(_, at, _)| at == "/" || plain.starts_with(at.as_str()));
        let line: Vec<String> = sent.map(|(name, _, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(path).header(COOKIE, line.join("; "));
        if let Some((_, session)) = &self.session {
            request = request.header("x-session", session);
        }
        if method == "POST" {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        request.body(Bytes::copy_from_slice(form.as_bytes())).expect("our own paths")
    }

    fn keep(&mut self, response: &Response<Bytes>) {
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("cookies are ASCII");
            let mut parts = cookie.split("; ");
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            let path = parts.find_map(|part| part.strip_prefix("Path=")).unwrap_or("/");
            self.cookies.retain(|(known, at, _)| !(known == name && at == path));
            if !cookie.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), path.to_owned(), value.to_owned()));
            }
        }
    }
}

pub(super) fn location(response: &Response<Bytes>) -> &str {
    let location = response.headers().get(LOCATION);
    location.map_or("", |location| location.to_str().expect("addresses are ASCII"))
}

/// The values of the lines of this name in a page.
pub(super) fn lines<'a>(response: &'a Response<Bytes>, name: &str) -> Vec<&'a str> {
    let text = std::str::from_utf8(response.body()).expect("pages are text");
    let of_name = |line: &'a str| line.split_once(' ').filter(|(known, _)| *known == name);
    text.lines().filter_map(of_name).map(|(_, value)| value).collect()
}

fn parameter<'a>(location: &'a str, name: &str) -> Option<&'a str> {
    let pairs = location.split_once('?')?.1.split('&');
    pairs.filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    let escape =
        |text: &str| text.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace(' ', "+");
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    pairs.join("&")
}

impl Engine {
    /// A request of a browser. A fault may show as a 503, or as an error of the app; without one, neither may (I12).
    pub(super) fn browse(
        &mut self,
        browser: usize,
        (method, path, form): (&str, &str, &str),
    ) -> Result<Response<Bytes>, Wrong> {
        let request = self.browsers[browser].request(method, path, form);
        let server = self.server.clone();
        let response = self.call(server.handle(request));
        self.browsers[browser].keep(&response);
        let status = response.status().as_u16();
        let error = parameter(location(&response), "error").unwrap_or_default();
        hold!(status != 500 && error != "server_error", "a bug: {status} {response:?}");
        let faulty = status == 503 || error == "temporarily_unavailable";
        hold!(self.hit || !faulty, "{status} {error} without a fault");
        Ok(response)
    }

    /// An app sends a browser here. `None`: there is nothing to go on with.
    pub(super) fn authorize(
        &mut self,
        browser: usize,
        app: usize,
        scopes: usize,
        launch: Option<usize>,
    ) -> Result<Option<usize>, Wrong> {
        let address = address(app);
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", APPS[app]),
            ("redirect_uri", &address),
            ("scope", SCOPES[scopes]),
            ("state", "s"),
            ("aud", BASE),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let handle = launch.map(|launch| self.launches[launch].handle.clone());
        query.extend(handle.as_deref().map(|handle| ("launch", handle)));
        let path = format!("/auth/authorize?{}", form(&query));
        let response = self.browse(browser, ("GET", &path, ""))?;
        let good = match launch.map(|launch| &self.launches[launch]) {
            None => !is_ehr(scopes),
            Some(launch) => launch.app == app && !launch.spent && self.now() < launch.until,
        };
        let path = location(&response);
        if path.starts_with("/auth/i/") {
            hold!(good, "an interaction with a launch that is spent, over, missing or another app's");
            hold!(self.hospital.is_enabled(app), "an interaction of an app that is disabled");
            let path = path.to_owned();
            let (pages, picked, ended) = (Vec::new(), None, None);
            self.tabs.push(Tab { browser, app, scopes, launch, path, pages, picked, ended });
            return Ok(Some(self.tabs.len() - 1));
        }
        hold!(
            self.hit || !good || !self.hospital.is_enabled(app),
            "a good request was refused: {} {path}",
            response.status()
        );
        Ok(None)
    }

    /// A tab is loaded, in a browser that may not be its own.
    pub(super) fn load(&mut self, tab: usize, browser: usize) -> Result<(), Wrong> {
        let path = self.tabs[tab].path.clone();
        let mut response = self.browse(browser, ("GET", &path, ""))?;
        if location(&response) == path {
            // A new browser comes back with its cookie.
            response = self.browse(browser, ("GET", &path, ""))?;
        }
        self.look(tab, browser, &response)?;
        self.answered(tab, browser, &response, "", &[])
    }

    /// Reads a page, if that is what came.
    fn look(&mut self, tab: usize, browser: usize, response: &Response<Bytes>) -> Result<(), Wrong> {
        let kind = lines(response, "page");
        if !matches!(kind.as_slice(), ["picker"] | ["consent"]) {
            return Ok(());
        }
        let is_consent = kind == ["consent"];
        let held = &self.tabs[tab];
        hold!(held.browser == browser, "a page of another browser's interaction");
        hold!(held.ended.is_none(), "a page of an interaction that is over");
        let Some((user, session)) = self.browsers[browser].session.clone() else {
            return Err("a page for nobody".to_owned());
        };
        let patients: Vec<_> = lines(response, "patient").into_iter().filter_map(patient_named).collect();
        for patient in &patients {
            hold!(self.hospital.may_open(user, patient), "a page about a record that its user may not open");
        }
        if let Some(launch) = held.launch.map(|launch| &self.launches[launch]) {
            hold!(launch.user == user, "somebody else's launch");
            hold!(is_consent, "the EHR has a patient open, and the user is asked for one");
            let shown = patients.first().is_none_or(|patient| *patient == launch.patient);
            hold!(shown, "another patient than the EHR has open");
        } else if is_consent && let Some(shown) = patients.first() {
            let chosen = held.picked.or(only_record(&self.hospital, user));
            hold!(chosen == Some(*shown), "consent about {shown}, and {chosen:?} was chosen ({session})");
        }
        let step = lines(response, "step").first().copied().unwrap_or_default().to_owned();
        let scopes = lines(response, "scope").into_iter().map(str::to_owned).collect();
        self.tabs[tab].pages.push(Page { is_consent, step, patients, scopes });
        Ok(())
    }

    /// The form that picks a patient, from one of the tab's pickers.
    fn picking(&self, tab: usize, patient: &str, back: usize) -> Option<String> {
        let pickers: Vec<&Page> = self.tabs[tab].pages.iter().filter(|page| !page.is_consent).collect();
        let page = pickers[newest(pickers.len(), back)?];
        Some(form(&[("step", &page.step), ("patient", patient), ("move", "choose")]))
    }

    pub(super) fn pick(&mut self, tab: usize, patient: &'static str, back: usize) -> Result<(), Wrong> {
        let Some(form) = self.picking(tab, patient, back) else { return Ok(()) };
        let (path, browser) = (self.tabs[tab].path.clone(), self.tabs[tab].browser);
        let response = self.browse(browser, ("POST", &path, &form))?;
        self.look(tab, browser, &response)?;
        self.picked(tab, patient, &form, &response).map(drop)
    }

    /// Whether the choice was taken.
    fn picked(
        &mut self,
        tab: usize,
        patient: &'static str,
        form: &str,
        response: &Response<Bytes>,
    ) -> Result<bool, Wrong> {
        let (to, browser) = (location(response), self.tabs[tab].browser);
        let went_on = to == self.tabs[tab].path;
        let taken = went_on || parameter(to, "code").is_some();
        if taken && self.tabs[tab].ended.is_none() {
            let user = self.browsers[browser].session.as_ref().map(|(user, _)| *user);
            let open = user.is_some_and(|user| self.hospital.may_open(user, patient));
            hold!(open, "a record was chosen that its user may not open");
            self.tabs[tab].picked = Some(patient);
        }
        self.answered(tab, browser, response, form, &[])?;
        Ok(went_on)
    }

    /// The form that allows everything (0), nothing (1), or some (anything else: a bit a scope), with what it answers.
    fn consenting(&self, tab: usize, answer: usize, back: usize) -> Option<(String, Page, Vec<String>)> {
        let pages: Vec<&Page> = self.tabs[tab].pages.iter().filter(|page| page.is_consent).collect();
        let page = pages[newest(pages.len(), back)?].clone();
        let ticked: Vec<String> = match answer {
            0 => page.scopes.clone(),
            _ => {
                let bits = page.scopes.iter().enumerate().filter(|(bit, _)| answer >> bit & 1 == 1);
                bits.map(|(_, scope)| scope.clone()).collect()
            }
        };
        let mut pairs = vec![("step", page.step.as_str())];
        pairs.push(("decision", if answer == 1 { "deny" } else { "allow" }));
        pairs.extend(ticked.iter().map(|scope| ("scope", scope.as_str())));
        Some((form(&pairs), page, ticked))
    }

    pub(super) fn consent(&mut self, tab: usize, answer: usize, back: usize) -> Result<(), Wrong> {
        let Some((form, page, ticked)) = self.consenting(tab, answer, back) else { return Ok(()) };
        let (path, browser) = (self.tabs[tab].path.clone(), self.tabs[tab].browser);
        let response = self.browse(browser, ("POST", &path, &form))?;
        hold!(answer != 1 || parameter(location(&response), "code").is_none(), "a no that was a yes");
        self.look(tab, browser, &response)?;
        self.answered(tab, browser, &response, &form, &[(page, ticked)])
    }

    /// One page is answered twice at once: by a double click, or in two windows. One answer counts. A page that the other one shows, since
    /// its choice was not possible, may have come first: it is none of an interaction that is over.
    pub(super) fn both(
        &mut self,
        order: usize,
        tab: usize,
        consents: bool,
        (first, second): (usize, usize),
    ) -> Result<(), Wrong> {
        let (path, browser) = (self.tabs[tab].path.clone(), self.tabs[tab].browser);
        if consents {
            let forms = self.consenting(tab, first, 0).zip(self.consenting(tab, second, 0));
            let Some((one, two)) = forms else { return Ok(()) };
            let (left, right) = self.browse_at_once(order, (browser, &path), (&one.0, &two.0))?;
            both_are_right((&one.0, &left), (&two.0, &right))?;
            self.look(tab, browser, &left)?;
            self.look(tab, browser, &right)?;
            for (answer, response, (form, page, ticked)) in [(first, left, one), (second, right, two)] {
                hold!(answer != 1 || parameter(location(&response), "code").is_none(), "a no that was a yes");
                self.answered(tab, browser, &response, &form, &[(page, ticked)])?;
            }
            return Ok(());
        }
        let [first, second] = [first, second].map(|one| PATIENTS[one % PATIENTS.len()]);
        let forms = self.picking(tab, first, 0).zip(self.picking(tab, second, 0));
        let Some((one, two)) = forms else { return Ok(()) };
        let (left, right) = self.browse_at_once(order, (browser, &path), (&one, &two))?;
        both_are_right((&one, &left), (&two, &right))?;
        self.look(tab, browser, &left)?;
        self.look(tab, browser, &right)?;
        let went_on = [self.picked(tab, first, &one, &left)?, self.picked(tab, second, &two, &right)?];
        hold!(went_on != [true, true], "two choices of a patient at once, and both were taken");
        Ok(())
    }

    fn browse_at_once(
        &mut self,
        order: usize,
        (browser, path): (usize, &str),
        (one, two): (&str, &str),
    ) -> Result<(Response<Bytes>, Response<Bytes>), Wrong> {
        let [one, two] = [one, two].map(|form| self.browsers[browser].request("POST", path, form));
        let (left, right) = self.at_once(order, one, two)?;
        for response in [&left, &right] {
            self.browsers[browser].keep(response);
            hold!(!response.status().is_server_error(), "two forms at once: {response:?}");
        }
        Ok((left, right))
    }

    /// The app is answered, if that is what happened. `consented`: the page that was answered with yes, and what was ticked.
    fn answered(
        &mut self,
        tab: usize,
        browser: usize,
        response: &Response<Bytes>,
        form: &str,
        consented: &[(Page, Vec<String>)],
    ) -> Result<(), Wrong> {
        if parameter(location(response), "error").is_some() {
            self.model.told(EventKind::Refused, false);
        }
        let Some(code) = parameter(location(response), "code") else { return Ok(()) };
        let held = &self.tabs[tab];
        hold!(location(response).starts_with(&address(held.app)), "a code for somebody else's address");
        hold!(held.browser == browser, "a code in another browser");
        let Some((user, session)) = self.browsers[browser].session.clone() else {
            return Err("a code for nobody".to_owned());
        };
        if let Some(ended) = &held.ended {
            // INT-015: the same form gets the same redirect.
            hold!(ended.code == code, "one interaction, two codes");
            hold!(
                !form.is_empty() && ended.form == form && ended.session == session,
                "a code was repeated to another form or session"
            );
            hold!(self.now() - ended.at < 10_000, "a code was repeated too late");
            return Ok(());
        }
        hold!(self.hospital.is_active(user, Some(&session)), "a code for a user who may not go on");
        let mut grant = Grant::new(code, held.app, (user, &session), self.now());
        grant.patient = match (consented, held.launch) {
            ([(page, _), ..], _) => page.patients.first().copied(),
            ([], Some(launch)) => Some(self.launches[launch].patient),
            ([], None) => held.picked.or(only_record(&self.hospital, user)),
        };
        // The answer that this code stands on: two requests at once may have one each.
        let answers = self.hospital.mind().answers.clone();
        let consent = answers.into_iter().rfind(|answer| match consented {
            [(page, ticked), ..] => {
                page.scopes.iter().all(|scope| ticked.contains(scope) == answer.granted.contains(scope))
            }
            [] => answer.patient.as_ref().is_none_or(|patient| Some(patient.as_str()) == grant.patient),
        });
        grant.agreed = match (consented, &consent) {
            ([(page, ticked), ..], _) => {
                ticked.iter().filter(|scope| page.scopes.contains(scope)).cloned().collect()
            }
            ([], Some(found)) => {
                hold!(APPS[held.app] == "memo", "an answer was remembered for an app that asks each time");
                found.granted.iter().cloned().collect()
            }
            ([], None) => {
                hold!(APPS[held.app] == "approved" && user == 2, "nobody was asked");
                SCOPES[held.scopes].split(' ').map(str::to_owned).collect()
            }
        };
        grant.consent = consent.map(|found| found.id);
        let requested: BTreeSet<&str> = SCOPES[held.scopes].split(' ').collect();
        for scope in &grant.agreed {
            hold!(
                requested.contains(scope.as_str()) || consented.is_empty(),
                "more was shown than asked for"
            );
        }
        grant.agreed.retain(|scope| requested.contains(scope.as_str()));
        if let Some(patient) = grant.patient {
            hold!(self.hospital.may_open(user, patient), "a code for a record that its user may not open");
        }
        if let Some(launch) = held.launch {
            let launch = &mut self.launches[launch];
            hold!(launch.user == user && launch.app == held.app, "somebody else's launch");
            hold!(!std::mem::replace(&mut launch.spent, true), "a launch was used twice");
        }
        let (code, at) = (code.to_owned(), self.now());
        self.tabs[tab].ended = Some(Ended { code, form: form.to_owned(), session, at });
        self.model.issued(grant)
    }
}

/// The same form leads to the same end: where it got a code it shows no page as well, in whatever order.
fn both_are_right(
    (one, left): (&str, &Response<Bytes>),
    (two, right): (&str, &Response<Bytes>),
) -> Result<(), Wrong> {
    let has_code = |response| parameter(location(response), "code").is_some();
    let is_page = |response| matches!(lines(response, "page").as_slice(), ["picker"] | ["consent"]);
    let both = has_code(left) && is_page(right) || has_code(right) && is_page(left);
    hold!(one != two || !both, "one form at once got a code and a page");
    Ok(())
}

/// The record that is chosen without asking: the only one of somebody who has but one.
fn only_record(hospital: &Hospital, user: usize) -> Option<&'static str> {
    let mut open = Hospital::records_of(user).iter().filter(|patient| hospital.may_open(user, patient));
    let first = open.next().filter(|_| user != 2)?;
    open.next().is_none().then_some(*first)
}
