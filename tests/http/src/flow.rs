//! Whole flows, cut into their requests, so that something can go wrong at each of them.

use std::pin::Pin;

use bytes::Bytes;
use http::{Method, Request};
use vestibule::LaunchError;
use vestibule_host::{ClientId, UserId};

use crate::app::{Az, Tk, az, az_ehr, bare, cc, introspection, revocation, rf, tk};
use crate::assertion::assertion;
use crate::browser::{Answer, Browser, form};
use crate::world::{E1, FHIR1, P1, World, handle_of, open_visit};

/// One request of a flow.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// The EHR makes a launch. Not a request, but a call of the host's.
    Launch,
    Authorize,
    Open,
    Pick,
    Consent,
    Token,
    Refresh,
    /// Client credentials.
    Service,
    UserInfo,
    Introspect,
    /// The app gives its tokens back.
    Revoke,
    /// "Apps with access".
    Manage,
    /// The user ends the app's access there.
    TakeBack,
}

/// Who does what.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    pub name: &'static str,
    pub client: &'static str,
    pub user: &'static str,
    pub scope: &'static str,
    /// The request is too large for a cookie.
    pub large: bool,
    pub steps: &'static [Step],
}

const STANDALONE: &[Step] = &[Step::Authorize, Step::Open, Step::Pick, Step::Consent, Step::Token];
const EHR: &[Step] = &[Step::Launch, Step::Authorize, Step::Open, Step::Consent, Step::Token];

impl Flow {
    /// A standalone launch, to the tokens.
    pub const fn standalone(client: &'static str) -> Self {
        let scope = "openid fhirUser launch/patient patient/Observation.rs";
        Self { name: "standalone", client, user: "alice", scope, large: false, steps: STANDALONE }
    }

    /// A launch from the EHR, to the tokens.
    pub const fn ehr(client: &'static str) -> Self {
        let scope = "launch openid fhirUser patient/Observation.rs";
        Self { name: "ehr", client, user: "dr", scope, large: false, steps: EHR }
    }

    /// Every flow that calls the store.
    pub fn all() -> Vec<Self> {
        use Step::{
            Authorize, Consent, Introspect, Launch, Manage, Open, Pick, Refresh, Revoke, Service, TakeBack,
            Token, UserInfo,
        };
        const OFFLINE: &str = "openid launch/patient patient/Observation.rs offline_access";
        let standalone = Self::standalone("pub");
        vec![
            Self { name: "standalone, secret", ..Self::standalone("basic") },
            Self { name: "ehr, public", ..Self::ehr("pub") },
            Self { name: "ehr, approved", steps: &[Launch, Authorize, Open, Token], ..Self::ehr("pre") },
            Self {
                name: "refresh, public",
                scope: OFFLINE,
                steps: &[Authorize, Open, Pick, Consent, Token, Refresh, Introspect, Refresh, Revoke],
                ..standalone
            },
            Self {
                name: "refresh, key",
                client: "jwt",
                scope: OFFLINE,
                steps: &[Authorize, Open, Pick, Consent, Token, Refresh, UserInfo],
                ..standalone
            },
            Self {
                name: "opaque tokens",
                client: "narrow",
                scope: "launch/patient patient/Observation.r",
                steps: &[Authorize, Open, Pick, Consent, Token, Introspect, Revoke],
                ..standalone
            },
            Self { name: "large request", large: true, ..standalone },
            Self {
                name: "backend service",
                client: "svc",
                steps: &[Service, Introspect, Revoke],
                ..standalone
            },
            Self {
                name: "taken back",
                scope: OFFLINE,
                steps: &[Authorize, Open, Pick, Consent, Token, Manage, TakeBack],
                ..standalone
            },
        ]
    }

    /// The steps from this place on.
    pub fn from(&self, at: usize) -> &'static [Step] {
        self.steps.get(at..).unwrap_or_default()
    }
}

/// What a step comes to, as a future of its own: it may be dropped, or run on a task.
pub type Asked = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A flow that stands before one of its requests.
#[derive(Debug)]
pub struct Run {
    pub world: World,
    pub flow: Flow,
    pub browser: Browser,
    launch: String,
    code: String,
    access: String,
    refresh: String,
    /// The grant on the page of apps with access.
    grant: String,
}

impl Run {
    /// In an empty world.
    pub async fn new(world: World, flow: Flow) -> Self {
        if flow.client == "narrow" {
            world.clients.change("narrow", |app| app.token_format = vestibule_host::TokenFormat::Opaque);
        }
        let mut browser = Browser::of(&world, flow.user);
        // A browser that has been here before.
        browser.authorize(&az("pub")).await;
        let path = browser.urls.last().unwrap().clone();
        browser.get(&path).await;
        world.count_rows_and_purge().await;
        let nothing = String::new;
        let (launch, code, access, refresh, grant) = (nothing(), nothing(), nothing(), nothing(), nothing());
        Self { world, flow, browser, launch, code, access, refresh, grant }
    }

    /// Just before the step at this place.
    pub async fn before(world: World, flow: Flow, at: usize) -> Self {
        let mut run = Self::new(world, flow).await;
        for step in flow.steps.iter().take(at) {
            let answer = run.send(*step).await;
            run.took(*step, &answer).await.unwrap_or_else(|wrong| panic!("{}: {wrong}", flow.name));
        }
        run.world.script.restart();
        run.world.grants.restart();
        run
    }

    fn authorize(&self) -> Az {
        let request = if self.flow.steps.contains(&Step::Launch) {
            az_ehr(self.flow.client, &self.launch)
        } else {
            az(self.flow.client)
        };
        if !self.flow.large {
            return request.scope(self.flow.scope);
        }
        let more = (0..100).map(|number| format!(" patient/Observation.rs?category=number-{number}"));
        request.scope(&format!("launch/patient patient/Condition.rs{}", more.collect::<String>()))
    }

    fn signed(&self, request: Tk) -> Tk {
        match self.flow.client {
            "jwt" => request.with_assertion(&assertion(&self.world, "jwt").text()),
            "svc" => request.with_assertion(&assertion(&self.world, "svc").text()),
            _ => request,
        }
    }

    fn request(&self, step: Step) -> Request<Bytes> {
        let answered = |path: &str, fields: &[(&str, &str)]| {
            let token = self.browser.page.step();
            let mut all = vec![("step", token.as_str())];
            all.extend_from_slice(fields);
            self.browser.request(Method::POST, path, &form(&all))
        };
        let client = self.flow.client;
        match step {
            Step::Launch => panic!("the EHR's call is no request"),
            Step::Authorize if self.flow.large => {
                self.browser.request(Method::POST, "/auth/authorize", &self.authorize().query())
            }
            Step::Authorize => {
                let path = format!("/auth/authorize?{}", self.authorize().query());
                self.browser.request(Method::GET, &path, "")
            }
            Step::Open => self.browser.request(Method::GET, &self.browser.path, ""),
            Step::Pick => answered(&self.browser.path, &[("patient", P1), ("move", "choose")]),
            Step::Consent => {
                let ticked = self.browser.page.ticked();
                let mut fields: Vec<(&str, &str)> =
                    ticked.iter().map(|scope| ("scope", scope.as_str())).collect();
                fields.push(("decision", "allow"));
                answered(&self.browser.path, &fields)
            }
            Step::Token => self.signed(tk(client, &self.code)).request(),
            Step::Refresh => self.signed(rf(client, &self.refresh)).request(),
            Step::Service => cc(&assertion(&self.world, client).text()).request(),
            Step::UserInfo => bare("/auth/userinfo", &[]).with_bearer(&self.access).request(),
            Step::Introspect => introspection("rs1", &self.access).request(),
            Step::Revoke => self.signed(revocation(client, &self.access)).request(),
            Step::Manage => self.browser.request(Method::GET, "/auth/manage", ""),
            Step::TakeBack => answered("/auth/manage", &[("revoke", &self.grant)]),
        }
    }

    /// Asks as an honest client does, each time anew.
    pub fn ask(&self, step: Step) -> Asked {
        let server = self.world.server.clone();
        if step != Step::Launch {
            let request = self.request(step);
            return Box::pin(async move { Answer::from(server.handle(request).await) });
        }
        let (user, client) = (UserId::new(self.flow.user), ClientId::new(self.flow.client));
        Box::pin(async move {
            let context = open_visit(P1, E1);
            match server.create_launch(&user, None, &client, None, FHIR1, context).await {
                Ok(launch) => {
                    Answer { status: 200, body: handle_of(launch.expose_url()), ..Answer::default() }
                }
                Err(LaunchError::Unavailable(_)) => Answer { status: 503, ..Answer::default() },
                Err(other) => panic!("{other:?}"),
            }
        })
    }

    /// Asks, and keeps the cookies of the answer.
    pub async fn send(&mut self, step: Step) -> Answer {
        let answer = self.ask(step).await;
        self.browser.keep(&answer);
        answer
    }

    /// Takes what a step that worked leads to.
    ///
    /// # Errors
    /// It did not work.
    pub async fn took(&mut self, step: Step, answer: &Answer) -> Result<(), String> {
        let due = |is_so: bool| {
            if is_so { Ok(()) } else { Err(format!("{step:?}: {}", answer.brief())) }
        };
        due(answer.status < 400)?;
        match step {
            Step::Launch => self.launch.clone_from(&answer.body),
            Step::Authorize => {
                due(answer.location().starts_with("/auth/i/"))?;
                answer.location().clone_into(&mut self.browser.path);
            }
            Step::Open | Step::Pick => {
                let mut page = answer.clone();
                if page.location() == self.browser.path {
                    page = self.send(Step::Open).await;
                }
                if page.location().contains("code=") {
                    self.code = page.code();
                } else {
                    due(page.status == 200)?;
                    self.browser.page = page;
                }
            }
            Step::Consent => self.code = answer.code(),
            Step::Token | Step::Refresh | Step::Service => {
                let json = answer.json();
                due(step == Step::Service || json["patient"] == P1)?;
                let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
                (self.access, self.refresh) = (text("access_token"), text("refresh_token"));
            }
            Step::UserInfo => due(answer.json()["sub"] == format!("sub-{}", self.flow.user))?,
            Step::Introspect => due(answer.json()["active"] == true)?,
            Step::Revoke => due(answer.status == 200)?,
            Step::Manage => {
                self.grant = answer.values("button", "revoke").pop().unwrap_or_default();
                due(!self.grant.is_empty())?;
                self.browser.page = answer.clone();
            }
            Step::TakeBack => due(answer.location() == "/auth/manage?revoked")?,
        }
        Ok(())
    }

    /// Asks for the steps from this place on, all of which must work.
    ///
    /// # Errors
    /// One did not.
    pub async fn goes_on(&mut self, at: usize) -> Result<(), String> {
        for step in self.flow.from(at) {
            let answer = self.send(*step).await;
            self.took(*step, &answer).await?;
        }
        Ok(())
    }

    /// How many live grants the user has.
    pub async fn live(&self) -> usize {
        self.world.grants_of(self.flow.user).await
    }

    /// Whether the newest access token is good, where there is one.
    pub async fn is_active(&self) -> bool {
        if self.access.is_empty() {
            return false;
        }
        introspection("rs1", &self.access).send(&self.world).await.json()["active"] == true
    }
}

/// Whether an answer says 503 in the form that belongs to the step.
///
/// # Errors
/// It says something else.
pub fn unavailable(step: Step, answer: &Answer) -> Result<(), String> {
    let due = |is_so: bool| {
        if is_so { Ok(()) } else { Err(format!("{step:?} is not unavailable: {}", answer.brief())) }
    };
    match step {
        Step::Launch => return due(answer.status == 503),
        Step::Token | Step::Refresh | Step::Service | Step::UserInfo | Step::Introspect | Step::Revoke => {
            due(answer.status == 503 && answer.json()["error"] == "temporarily_unavailable")?;
        }
        _ if answer.status == 303 => {
            let error = answer.params().remove("error");
            return due(error.as_deref() == Some("temporarily_unavailable"));
        }
        _ => due(answer.status == 503 && answer.header("content-type").starts_with("text/html"))?,
    }
    due(answer.header("retry-after") == "5")
}
