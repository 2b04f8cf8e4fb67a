//! Introspection: a resource server asks what a token means (RFC 7662, smart.md 7.1). Never open (INTRO-001).

use http::header::AUTHORIZATION;
use http::request::Parts;
use vestibule_core::access::{ActiveAccess, INACTIVE};
use vestibule_core::explain::{Endpoint, Outcome, Trail};
use vestibule_core::params::Params;
use vestibule_core::token::{AuthenticatedClient, TokenError};
use vestibule_host::{IssueToken, RatePoint, RateQuestion, Source, TokenIssuance, UnixMillis};

use crate::AuthorizationServer;
use crate::authenticate::away;
use crate::bearer::{Bearer, BearerError};
use crate::explain::{answered, refused};
use crate::interaction::held::certain;
use crate::server::Inner;

/// Why nobody is told anything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum IntrospectError {
    /// The caller did not authenticate as a client.
    Client(TokenError),
    /// The caller's own token will not do.
    Bearer(BearerError),
}

impl From<TokenError> for IntrospectError {
    fn from(error: TokenError) -> Self {
        Self::Client(error)
    }
}

/// Who asks.
enum Caller {
    /// A bearer of the scope, for its own FHIR base (SMART-INTRO-011).
    Bearer(Box<ActiveAccess>),
    /// A client, with what it proved.
    Client(Box<AuthenticatedClient>),
}

impl AuthorizationServer {
    /// Answers an introspection request whose form has been read.
    pub(crate) async fn introspect(&self, head: &Parts, form: &Params) -> Result<String, IntrospectError> {
        let mut trail = self.inner().trail();
        let answer = self.introspection(head, form, &mut trail).await;
        let outcome = match &answer {
            Ok(_) => Outcome::Granted,
            Err(IntrospectError::Client(error)) => answered::<()>(&Err(*error)),
            Err(IntrospectError::Bearer(error)) => refused(*error),
        };
        self.inner().explain(trail, Endpoint::Introspection, outcome);
        answer
    }

    async fn introspection(
        &self,
        head: &Parts,
        form: &Params,
        trail: &mut Trail,
    ) -> Result<String, IntrospectError> {
        let inner = self.inner();
        let now = inner.now();
        let token = trail.check("INTRO-007", "one token, in the body", one_token(head, form))?;
        let caller = inner.introspector(head, form, now, trail).await;
        let caller = trail.check("INTRO-001", "the caller may introspect", caller)?;
        let source = head.extensions.get::<Source>();
        let client = match &caller {
            Caller::Bearer(bearer) => bearer.claims().client(),
            Caller::Client(client) => &client.client().id,
        };
        let question = RateQuestion::new(RatePoint::Introspection, Some(client), source);
        trail.client(client);
        trail.check("A-INTRO-14", "not too many requests", inner.may_go_on(&question).await)?;
        let found = inner.active_access(token.expose_secret(), now).await.map_err(away)?;
        let lives = trail.note("INTRO-004", "the token lives", found.is_some());
        let found = found.filter(|token| caller.may_see(token));
        if lives {
            trail.note("INTRO-003", "it is the caller's business", found.is_some());
        }
        let answer = match found {
            Some(token) => token.introspection().to_string(),
            None => {
                if let Some(gate) = &inner.rate {
                    gate.failed(&question).await; // A-INTRO-14
                }
                INACTIVE.to_owned()
            }
        };
        Ok(answer)
    }
}

impl Caller {
    /// INTRO-003: a resource server sees tokens for its bases, an app its own, nobody anything else (A-INTRO-03, -04).
    fn may_see(&self, token: &ActiveAccess) -> bool {
        let claims = token.claims();
        match self {
            Self::Bearer(bearer) => bearer.claims().audience() == claims.audience(),
            Self::Client(client) => {
                let client = client.client();
                client.id == *claims.client()
                    || client.introspects.iter().any(|base| base == claims.audience())
            }
        }
    }
}

impl Inner {
    async fn introspector(
        &self,
        head: &Parts,
        form: &Params,
        now: UnixMillis,
        trail: &mut Trail,
    ) -> Result<Caller, IntrospectError> {
        if Bearer::is_used(head) {
            let bearer = Bearer::read(head).and_then(|bearer| bearer.alone(form));
            let bearer = bearer.map_err(IntrospectError::Bearer)?;
            let active = self.active_access(bearer.token(), now).await.map_err(away)?;
            let active = active.ok_or(IntrospectError::Bearer(BearerError::InvalidToken))?;
            // A-INTRO-12, A-INTRO-17
            if !active.has_scope(&self.config.introspect_scope) {
                return Err(IntrospectError::Bearer(BearerError::InsufficientScope));
            }
            return Ok(Caller::Bearer(Box::new(active)));
        }
        let client =
            self.authenticate(head, form, &self.config.endpoints().introspection, now, trail).await?;
        // A-INTRO-02: who only names itself proves nothing.
        if !client.client().authentication.is_confidential() {
            return Err(TokenError::InvalidClient { header: head.headers.contains_key(AUTHORIZATION) }.into());
        }
        if let Some(claim) = client.claim() {
            let call = self.call(now).map_err(away)?;
            let spend = IssueToken::new().with_claim(Some(claim));
            match certain(|| self.host.grants.issue_token(&spend, &call)).await.map_err(away)? {
                TokenIssuance::Won => {}
                TokenIssuance::ClaimSeen => return Err(TokenError::InvalidClient { header: false }.into()),
            }
        }
        Ok(Caller::Client(Box::new(client)))
    }
}

/// The parameter `token`, from the body alone (INTRO-007, A-INTRO-06, -13, GEN-007).
pub(crate) fn one_token(head: &Parts, form: &Params) -> Result<vestibule_host::Secret, TokenError> {
    if head.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(TokenError::InvalidRequest("parameters belong into the body, not into the URL"));
    }
    if form.repeats_any_but("resource") {
        return Err(TokenError::InvalidRequest("a parameter was sent more than once"));
    }
    let token =
        form.one("token").map_err(|_| TokenError::InvalidRequest("a parameter is not well-formed"))?;
    token.map(vestibule_host::Secret::new).ok_or(TokenError::InvalidRequest("token is missing"))
}
