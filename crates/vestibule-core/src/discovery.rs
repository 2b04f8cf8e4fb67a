//! The three discovery documents, from one source of truth (META-002): what is wired is what is advertised.

use serde_json::{Map, Value, json};

use vestibule_scope::{Dialect, Scope};

use crate::audience::FhirBase;

/// Absolute URLs of the endpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoints {
    /// Authorize.
    pub authorization: String,
    /// Token.
    pub token: String,
    /// The key set.
    pub jwks: String,
    /// "Apps with access".
    pub management: String,
    /// Introspection (RFC 7662).
    pub introspection: String,
    /// Revocation (RFC 7009).
    pub revocation: String,
    /// UserInfo (OpenID Connect Core 5.3).
    pub userinfo: String,
    /// Registration (RFC 7591).
    pub registration: String,
}

/// What the host has plugged in.
#[derive(Clone, Debug)]
pub struct Wired<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The endpoints.
    pub endpoints: &'a Endpoints,
    /// The algorithms that ID tokens can be signed with, the default first.
    pub id_token_algs: &'a [&'a str],
    /// The algorithms that client assertions can be signed with.
    pub assertion_algs: &'a [&'a str],
    /// Apps can register themselves.
    pub registration: bool,
    /// The authorization response can be a form.
    pub form_post: bool,
    /// Scopes of the host's own, such as the one that lets introspect.
    pub extension_scopes: &'a [String],
    /// EHR launches can be created.
    pub ehr_launch: bool,
    /// EHR launches carry a style document.
    pub smart_style: bool,
    /// A visit can be chosen in a standalone launch.
    pub standalone_encounters: bool,
    /// Scopes in the words of SMART 1.0 are understood.
    pub v1_scopes: bool,
}

impl Wired<'_> {
    /// The SMART configuration of one FHIR base (smart.md 1.2, 1.3).
    pub fn smart_configuration(&self, base: &FhirBase) -> Value {
        let mut document = self.common();
        document.insert("management_endpoint".into(), self.endpoints.management.as_str().into());
        document.insert("scopes_supported".into(), self.scopes(base).into());
        document.insert("capabilities".into(), self.capabilities().into());
        Value::Object(document)
    }

    /// OpenID Connect discovery (SMART-IDT-030, -031).
    pub fn openid_configuration(&self, bases: &[FhirBase]) -> Value {
        Value::Object(self.issuer_document(bases))
    }

    /// RFC 8414 metadata: the same document at another place (SMART-DISC-062).
    pub fn oauth_authorization_server(&self, bases: &[FhirBase]) -> Value {
        Value::Object(self.issuer_document(bases))
    }

    fn issuer_document(&self, bases: &[FhirBase]) -> Map<String, Value> {
        let mut document = self.common();
        let scopes = bases.first().map(|base| self.scopes(base)).unwrap_or_default();
        document.insert("scopes_supported".into(), scopes.into());
        document.insert("subject_types_supported".into(), json!(["public"]));
        document.insert("id_token_signing_alg_values_supported".into(), json!(self.id_token_algs));
        let claims =
            ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "fhirUser", "profile"];
        document.insert("claims_supported".into(), json!(claims));
        document.insert("userinfo_endpoint".into(), self.endpoints.userinfo.as_str().into());
        document
            .insert("prompt_values_supported".into(), json!(["none", "login", "consent", "select_account"]));
        // META-005: absent means true for the last but one.
        document.insert("request_parameter_supported".into(), false.into());
        document.insert("request_uri_parameter_supported".into(), false.into());
        document.insert("claims_parameter_supported".into(), false.into());
        document
    }

    fn common(&self) -> Map<String, Value> {
        // What works is what is said (SMART-CAUTH-006): each of them for the apps that are registered for it, and for no other.
        let confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
        let anybody = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
        let document = json!({
            "issuer": self.issuer,
            "jwks_uri": self.endpoints.jwks,
            "authorization_endpoint": self.endpoints.authorization,
            "token_endpoint": self.endpoints.token,
            "introspection_endpoint": self.endpoints.introspection,
            "revocation_endpoint": self.endpoints.revocation,
            "token_endpoint_auth_methods_supported": anybody,
            "token_endpoint_auth_signing_alg_values_supported": self.assertion_algs,
            "introspection_endpoint_auth_methods_supported": confidential,
            "introspection_endpoint_auth_signing_alg_values_supported": self.assertion_algs,
            "revocation_endpoint_auth_methods_supported": anybody,
            "revocation_endpoint_auth_signing_alg_values_supported": self.assertion_algs,
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "response_types_supported": ["code"],
            "response_modes_supported": if self.form_post { vec!["query", "form_post"] } else { vec!["query"] },
            "code_challenge_methods_supported": ["S256"], // SMART-PKCE-002, -003
            "authorization_response_iss_parameter_supported": true, // ISS-003
        });
        let mut members = match document {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        if self.registration {
            members.insert("registration_endpoint".into(), self.endpoints.registration.as_str().into());
        }
        members
    }

    /// SMART-CAP-001: each is a promise.
    fn capabilities(&self) -> Vec<&'static str> {
        let always = [
            "launch-standalone",
            "authorize-post",
            "client-public",
            "client-confidential-symmetric",
            "client-confidential-asymmetric",
            "sso-openid-connect",
            "context-standalone-patient",
            "permission-patient",
            "permission-user",
            "permission-offline",
            "permission-v2",
        ];
        let mut capabilities = always.to_vec();
        if self.v1_scopes {
            capabilities.push("permission-v1");
        }
        if self.ehr_launch {
            capabilities.extend([
                "launch-ehr",
                "context-banner",
                "context-ehr-patient",
                "context-ehr-encounter",
                "permission-online",
            ]);
            if self.smart_style {
                capabilities.push("context-style");
            }
        }
        if self.standalone_encounters {
            capabilities.push("context-standalone-encounter");
        }
        capabilities
    }

    /// SMART-DISC-028, -029: what is listed is supported.
    fn scopes(&self, base: &FhirBase) -> Vec<String> {
        let mut scopes: Vec<String> =
            ["openid", "fhirUser", "profile", "launch/patient", "offline_access"].map(str::to_owned).to_vec();
        if self.ehr_launch {
            scopes.extend(["launch", "online_access"].map(str::to_owned));
        }
        if self.ehr_launch || self.standalone_encounters {
            scopes.push("launch/encounter".to_owned());
        }
        let held = base.scopes().iter().chain(base.listed_scopes());
        let spoken = |scope: &&Scope| {
            self.v1_scopes || scope.as_resource().is_none_or(|resource| resource.dialect() == Dialect::V2)
        };
        scopes.extend(held.filter(spoken).map(|scope| scope.as_str().to_owned()));
        scopes.extend(self.extension_scopes.iter().cloned());
        scopes
    }
}
