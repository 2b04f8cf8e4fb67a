//! What an access token of ours means right now: the one place that introspection, UserInfo, revocation and a FHIR server in the
//! same process read it from (principle 9).

use serde_json::{Map, Value};
use vestibule_host::{
    AccessKey, ClientId, GrantId, GrantStatus, Moment, Record, StandingQuestion, StoredAccess, TokenId,
    UnixMillis,
};
use vestibule_scope::{ScopeList, ScopeSet};

use crate::grant::GrantRecord;
use crate::record::{self, Unreadable};

/// The claims of an access token: of a JWT whose signature was verified, or of the record behind an opaque one.
#[derive(Clone, PartialEq)]
pub struct AccessClaims {
    all: Map<String, Value>,
    id: TokenId,
    grant: Option<GrantId>,
    client: ClientId,
    audience: String,
    expires: UnixMillis,
}

impl std::fmt::Debug for AccessClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessClaims").field("client", &self.client).finish_non_exhaustive()
    }
}

impl AccessClaims {
    /// Reads claims of this issuer; `None` if they are not an access token's.
    pub fn read(claims: Map<String, Value>, issuer: &str) -> Option<Self> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss")? != issuer {
            return None; // A-KEY-11
        }
        let id = TokenId::new(text("jti")?);
        let client = ClientId::new(text("client_id")?);
        let audience = text("aud")?.to_owned();
        let grant = text("grant_id").map(GrantId::new);
        text("scope")?;
        let expires = UnixMillis::from_seconds(claims.get("exp")?.as_i64()?);
        Some(Self { id, grant, client, audience, expires, all: claims })
    }

    /// Reads the record behind an opaque token.
    ///
    /// # Errors
    /// [`Unreadable`] for a record that another version wrote, or that is damaged.
    pub fn from_record(record: &Record, issuer: &str) -> Result<Self, Unreadable> {
        Self::read(record::read(record)?, issuer).ok_or(Unreadable::Damaged)
    }

    /// How a JWT is looked up.
    pub const fn key(&self) -> AccessKey<'_> {
        AccessKey::Jwt { id: &self.id, grant: self.grant.as_ref() }
    }

    /// Its `jti`.
    pub const fn id(&self) -> &TokenId {
        &self.id
    }

    /// The grant that it names.
    pub const fn grant(&self) -> Option<&GrantId> {
        self.grant.as_ref()
    }

    /// The app that holds it.
    pub const fn client(&self) -> &ClientId {
        &self.client
    }

    /// The one FHIR base that it is for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// When it ends.
    pub const fn expires(&self) -> UnixMillis {
        self.expires
    }

    /// All claims.
    pub const fn all(&self) -> &Map<String, Value> {
        &self.all
    }

    /// Judges whether it lives, as far as the store knows (INTRO-004, STORE-004). A user's standing is still to be asked about:
    /// [`ActiveAccess::standing_question`].
    ///
    /// # Errors
    /// [`Unreadable`] for a grant's record that cannot be read: nobody knows then.
    pub fn judge(self, stored: &StoredAccess, now: UnixMillis) -> Result<Option<ActiveAccess>, Unreadable> {
        // What we issued has no leeway (design §9).
        if self.expires.is_over(now) || stored.revoked {
            return Ok(None);
        }
        let grant = match (&self.grant, &stored.grant) {
            (None, _) => None,
            (Some(named), Some(grant)) if grant.id == *named && grant.status == GrantStatus::Live => {
                let record: GrantRecord = record::read(&grant.record)?;
                if record.client != self.client || record.base != self.audience {
                    return Ok(None);
                }
                Some(record)
            }
            (Some(_), _) => return Ok(None),
        };
        Ok(Some(ActiveAccess { claims: self, grant }))
    }
}

/// An access token that lives.
#[derive(Clone, PartialEq, Debug)]
pub struct ActiveAccess {
    claims: AccessClaims,
    grant: Option<GrantRecord>,
}

impl ActiveAccess {
    /// What the token says.
    pub const fn claims(&self) -> &AccessClaims {
        &self.claims
    }

    /// What was granted; none for a backend service.
    pub const fn grant(&self) -> Option<&GrantRecord> {
        self.grant.as_ref()
    }

    /// The scopes of this token.
    pub fn scopes(&self) -> ScopeSet {
        let text = self.claims.all.get("scope").and_then(Value::as_str).unwrap_or_default();
        let Ok(list) = ScopeList::parse(text) else { return ScopeSet::new() };
        list.iter().filter_map(|requested| requested.parsed.clone().ok()).collect()
    }

    /// Whether the token has a scope, spelled like this.
    pub fn has_scope(&self, text: &str) -> bool {
        let scopes = self.claims.all.get("scope").and_then(Value::as_str).unwrap_or_default();
        scopes.split(' ').any(|scope| scope == text)
    }

    /// What to ask about its user, if it has one (A-INTRO-10).
    pub fn standing_question(&self) -> Option<StandingQuestion<'_>> {
        let record = self.grant.as_ref()?;
        Some(StandingQuestion::new(&record.who.user, record.session(), &record.client, Moment::Use))
    }

    /// The introspection response (RFC 7662 §2.2, SMART-INTRO-003 to -007, -013): the values of the token response.
    pub fn introspection(&self) -> Value {
        let mut answer = Map::new();
        answer.insert("active".into(), true.into());
        for name in ["scope", "client_id", "exp", "iat", "sub", "iss", "aud", "jti", "cnf"] {
            if let Some(value) = self.claims.all.get(name) {
                answer.insert(name.into(), value.clone());
            }
        }
        answer.insert("token_type".into(), "Bearer".into());
        if let Some(record) = &self.grant {
            // SMART-CTX-014, SMART-INTRO-005
            answer.extend(record.context.members());
            if let Some(fhir_user) =
                record.fhir_user.as_ref().filter(|_| names_user(|name| self.has_scope(name)))
            {
                answer.insert("fhirUser".into(), fhir_user.as_str().into());
            }
        }
        Value::Object(answer)
    }

    /// The UserInfo response, if this token has `openid` (OIDC-009, SMART-IDT-033): one that was narrowed says no more than its own
    /// scopes, whatever the grant has (RT-008).
    pub fn user_info(&self) -> Option<Value> {
        let record = self.grant.as_ref().filter(|_| self.has_scope("openid"))?;
        let mut answer = Map::new();
        answer.insert("sub".into(), record.subject.as_str().into());
        if let Some(fhir_user) = &record.fhir_user {
            for name in ["fhirUser", "profile"] {
                if self.has_scope(name) {
                    answer.insert(name.into(), fhir_user.as_str().into());
                }
            }
        }
        Some(Value::Object(answer))
    }
}

/// Whether a token with these scopes says which FHIR resource its user is (SMART-SCOPE-089, -091).
pub(crate) fn names_user(has: impl Fn(&str) -> bool) -> bool {
    has("openid") && (has("fhirUser") || has("profile"))
}

/// What is said of every token that does not live, or is not the caller's business: this and nothing else (INTRO-002).
pub const INACTIVE: &str = r#"{"active":false}"#;
