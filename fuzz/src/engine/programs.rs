//! What apps and resource servers send from behind: redemption, refresh, revocation, introspection; and "apps with access".

use bytes::Bytes;
use http::{Request, Response};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::browsing::{form, lines, location};
use super::commands::{Ask, Redeeming, Refreshing, Revoking};
use super::hospital::{APPS, USERS, address, secret};
use super::model::{Answer, Facts, Grant, Wrong, hold, narrower};
use super::{Engine, newest};

/// RFC 7636, appendix B; and one that is wrong.
const VERIFIERS: [&str; 2] =
    ["dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong"];
/// Whoever may introspect everything.
const SERVER: usize = APPS.len() - 1;

fn post(path: &str, app: usize, wrong_secret: bool, fields: &[(&str, &str)]) -> Request<Bytes> {
    let mut fields = fields.to_vec();
    fields.push(("client_id", APPS[app]));
    let secret = secret(app).map(|secret| if wrong_secret { secret.to_uppercase() } else { secret });
    fields.extend(secret.as_deref().map(|secret| ("client_secret", secret)));
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(form(&fields)))
        .expect("our own path")
}

fn ended<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn read(response: &Response<Bytes>) -> Answer {
    let json = serde_json::from_slice(response.body()).unwrap_or_default();
    Answer { status: response.status().as_u16(), json }
}

impl Engine {
    /// The request, the grant that it is about and the code or token that it presents; `None` where there is nothing to present.
    fn request(&self, ask: Ask) -> Option<(Request<Bytes>, (usize, String))> {
        let grant = |back| newest(self.model.grants.len(), back);
        let another = |app: usize| if app == 0 { 1 } else { 0 };
        match ask {
            Ask::Redeem { grant: back, way } => {
                let number = grant(back)?;
                let grant = &self.model.grants[number];
                let app = if way == Redeeming::OtherClient { another(grant.app) } else { grant.app };
                let wrong = address(another(grant.app));
                let right = address(grant.app);
                let fields = [
                    ("grant_type", "authorization_code"),
                    ("code", grant.code.as_str()),
                    ("redirect_uri", if way == Redeeming::WrongRedirect { &wrong } else { &right }),
                    ("code_verifier", VERIFIERS[usize::from(way == Redeeming::WrongVerifier)]),
                ];
                Some((
                    post("/auth/token", app, way == Redeeming::WrongSecret, &fields),
                    (number, grant.code.clone()),
                ))
            }
            Ask::Refresh { grant: which, back, way } => {
                let number = grant(which)?;
                let grant = &self.model.grants[number];
                let app = if way == Refreshing::OtherClient { another(grant.app) } else { grant.app };
                let token = grant.refresh_token(back)?;
                let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
                match way {
                    Refreshing::Narrower => fields.push(("scope", narrower(grant.scope()))),
                    Refreshing::Wider => fields.push(("scope", "patient/*.cruds")),
                    _ => {}
                }
                let request = post("/auth/token", app, way == Refreshing::WrongSecret, &fields);
                Some((request, (number, token.to_owned())))
            }
            Ask::Revoke { grant: which, what, by_another } => {
                let number = grant(which)?;
                let grant = &self.model.grants[number];
                let token = match what {
                    // One that is over may be forgotten already.
                    Revoking::Access => {
                        let mut own = self.model.tokens.iter().filter(|token| token.grant == number);
                        own.rfind(|token| self.now() < token.ends).map(|token| token.text.as_str())?
                    }
                    Revoking::Refresh { back } => grant.refresh_token(back)?,
                };
                let app = if by_another { another(grant.app) } else { grant.app };
                Some((post("/auth/revoke", app, false, &[("token", token)]), (number, token.to_owned())))
            }
        }
    }

    /// What the host thinks, of the app that asks.
    fn facts(&self, grant: usize, app: usize) -> Facts {
        let grant = &self.model.grants[grant];
        let given =
            grant.consent.as_ref().is_none_or(|consent| super::ready(self.hospital.is_given(consent)));
        Facts {
            now: self.now(),
            active: self.hospital.is_active(grant.user, grant.session()),
            given,
            may_open: grant
                .patient_shared()
                .is_none_or(|patient| self.hospital.may_open(grant.user, patient)),
            enabled: self.hospital.is_enabled(app),
        }
    }

    fn asker(&self, ask: Ask, grant: usize) -> usize {
        let app = self.model.grants[grant].app;
        let other = matches!(
            ask,
            Ask::Redeem { way: Redeeming::OtherClient, .. }
                | Ask::Refresh { way: Refreshing::OtherClient, .. }
                | Ask::Revoke { by_another: true, .. }
        );
        match (other, app) {
            (false, app) => app,
            (true, 0) => 1,
            (true, _) => 0,
        }
    }

    /// A fault is a 503 that changes nothing, and nothing else is a 503 (I12).
    fn is_fault(&self, answer: &Answer) -> Result<bool, Wrong> {
        hold!(answer.status != 500, "a bug: {}", answer.json);
        let fault = answer.status == 503;
        hold!(self.hit || !fault, "503 without a fault");
        let error = answer.json.get("error").and_then(serde_json::Value::as_str);
        hold!(!fault || error == Some("temporarily_unavailable"), "503 {error:?}");
        Ok(fault)
    }

    /// One request.
    pub(super) fn one(&mut self, ask: Ask) -> Result<(), Wrong> {
        let Some((request, about)) = self.request(ask) else { return Ok(()) };
        let facts = self.facts(about.0, self.asker(ask, about.0));
        let server = self.server.clone();
        let answer = read(&self.call(server.handle(request)));
        if self.is_fault(&answer)? {
            return Ok(());
        }
        self.model.judge(ask, &about, facts, &answer).map_err(|wrong| format!("{ask:?}: {wrong}"))
    }

    /// Two requests at once. The bits of `order` say who goes on at each wait.
    pub(super) fn race(&mut self, order: usize, first: Ask, second: Ask) -> Result<(), Wrong> {
        let (Some((one, a)), Some((two, b))) = (self.request(first), self.request(second)) else {
            return Ok(());
        };
        let facts = [self.facts(a.0, self.asker(first, a.0)), self.facts(b.0, self.asker(second, b.0))];
        let (left, right) = self.at_once(order, one, two)?;
        let (left, right) = (read(&left), read(&right));
        self.is_fault(&left)?;
        self.is_fault(&right)?;
        // Either order explains it, or it is wrong.
        let told = [(first, &a, facts[0], &left), (second, &b, facts[1], &right)];
        let explain = |order: [usize; 2]| {
            let mut model = self.model.clone();
            for (ask, about, facts, answer) in order.map(|one| told[one]) {
                model.judge(ask, about, facts, answer)?;
            }
            Ok::<_, Wrong>(model)
        };
        self.model = match (explain([0, 1]), explain([1, 0])) {
            (Ok(one), Ok(other)) => one.or(other),
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => one,
            (Err(one), Err(other)) => {
                return Err(format!("{first:?} and {second:?} at once: {one}; or: {other}"));
            }
        };
        Ok(())
    }

    /// Runs two requests at once, without faults.
    pub(super) fn at_once(
        &mut self,
        order: usize,
        one: Request<Bytes>,
        two: Request<Bytes>,
    ) -> Result<(Response<Bytes>, Response<Bytes>), Wrong> {
        (self.armed, self.hit) = (None, false);
        self.store.restart();
        self.hospital.mind().answers.clear();
        let server = self.server.clone();
        let (mut one, mut two) = (pin!(server.handle(one)), pin!(server.handle(two)));
        let (mut left, mut right) = (None, None);
        let mut context = Context::from_waker(Waker::noop());
        for turn in 0..10_000_usize {
            let first = order >> (turn % 8) & 1 == 0;
            if left.is_none() && (first || right.is_some()) {
                left = ended(one.as_mut().poll(&mut context));
            } else if right.is_none() {
                right = ended(two.as_mut().poll(&mut context));
            }
            if let (Some(_), Some(_)) = (&left, &right) {
                break;
            }
        }
        left.zip(right).ok_or_else(|| "a race that hangs".to_owned())
    }

    pub(super) fn introspect(&mut self, back: usize) -> Result<(), Wrong> {
        let Some(token) = newest(self.model.tokens.len(), back) else { return Ok(()) };
        let request = post("/auth/introspect", SERVER, false, &[("token", &self.model.tokens[token].text)]);
        let grant = self.model.tokens[token].grant;
        let facts = self.facts(grant, self.model.grants[grant].app);
        let server = self.server.clone();
        let answer = read(&self.call(server.handle(request)));
        if self.is_fault(&answer)? {
            return Ok(());
        }
        self.model.introspected(token, facts, &answer)
    }

    /// "Apps with access": what lives is listed, what is dead is not, and what is ended there is dead.
    pub(super) fn manage(&mut self, browser: usize, what: usize, which: usize) -> Result<(), Wrong> {
        let Some((user, _)) = self.browsers[browser].session.clone() else { return Ok(()) };
        let page = self.browse(browser, ("GET", "/auth/manage", ""))?;
        if lines(&page, "page") != ["manage"] {
            return Ok(()); // A fault.
        }
        let found = self.listed(user, &page)?;
        for (grant, _) in &found {
            hold!(!self.model.grants[*grant].dead, "an access that has ended is listed");
        }
        for (number, grant) in self.model.grants.iter().enumerate() {
            let expected = grant.user == user && grant.lives(self.now());
            let listed = found.iter().any(|(one, _)| *one == number);
            hold!(!expected || listed, "{} has access that is not listed", APPS[grant.app]);
        }
        let step = lines(&page, "step").first().copied().unwrap_or_default().to_owned();
        let target = newest(found.len(), which).map(|one| found[one].clone());
        let (name, value, ended): (_, _, Option<usize>) = match (what, target) {
            (1, Some((grant, id))) => ("revoke", id, Some(grant)),
            (2, _) => ("end_all", "yes".to_owned(), None),
            _ => return Ok(()),
        };
        let form = form(&[("step", &step), (name, &value)]);
        let done = self.browse(browser, ("POST", "/auth/manage", &form))?;
        if self.hit && done.status() == 503 {
            // One grant after the other was being ended: some may be. What is not listed any more is dead.
            let page = self.browse(browser, ("GET", "/auth/manage", ""))?;
            let left = self.listed(user, &page)?;
            let gone = found.iter().filter(|one| !left.contains(one)).map(|(grant, _)| *grant).collect();
            self.ended_one_by_one(gone);
            return Ok(());
        }
        hold!(location(&done).starts_with("/auth/manage?"), "ending access was answered with {done:?}");
        match ended {
            Some(grant) => {
                // All that this app holds of this user for this record, and what stood on the same answers.
                let known = &self.model.grants[grant];
                let (app, patient) = (known.app, known.patient_shared());
                let groundless = |one: &Grant| {
                    one.consent.as_ref().is_some_and(|id| !super::ready(self.hospital.is_given(id)))
                };
                hold!(
                    known.consent.is_none() || groundless(known),
                    "an access was ended, and the answer behind it stands"
                );
                let all = self.model.grants.iter().enumerate();
                let own = all.filter(|(_, one)| one.user == user && one.app == app);
                let over = own.filter(|(_, one)| one.patient_shared() == patient || groundless(one));
                self.ended_one_by_one(over.map(|(number, _)| number).collect());
            }
            None => {
                let now = self.now();
                self.model.end(now, |grant| grant.user == user);
                let left = super::ready(self.hospital.answers_of(user));
                hold!(left == 0, "{} ended everything, and {left} answers stand", USERS[user]);
            }
        }
        Ok(())
    }

    /// The grants on a page of "apps with access", with their ids. A moment names a grant.
    fn listed(&self, user: usize, page: &Response<Bytes>) -> Result<Vec<(usize, String)>, Wrong> {
        let mut found = Vec::new();
        for line in lines(page, "grant") {
            let mut words = line.split(' ');
            let (id, app, since) = (words.next(), words.next(), words.next());
            let since: i64 = since.and_then(|text| text.parse().ok()).unwrap_or_default();
            let grant = self.model.grants.iter().position(|grant| {
                grant.user == user && grant.issued == since && Some(APPS[grant.app]) == app
            });
            let Some(grant) = grant else {
                return Err(format!("{user} is shown what nobody granted: {line}"));
            };
            found.push((grant, id.unwrap_or_default().to_owned()));
        }
        Ok(found)
    }

    /// Each with an event of its own.
    fn ended_one_by_one(&mut self, grants: Vec<usize>) {
        for grant in grants {
            let (now, issued) = (self.now(), self.model.grants[grant].issued);
            self.model.end(now, |one| one.issued == issued);
        }
    }
}
