//! The registered apps.

use vestibule_host::client::SecretHash;
use vestibule_host::{ClientAuthentication, ClientId, ClientKeys, ClientSecret, KeySource, RegisteredClient};
use vestibule_scope::{ScopeList, ScopeSet};

use super::{FHIR1, FHIR2};
use crate::assertion::key_set;

/// Where `jwtu` publishes its keys.
pub const JWTU_KEYS: &str = "https://keys.example/jwks";

/// The secret of a resource server, `rs1` or `rs2`.
pub fn resource_server_secret(id: &str) -> String {
    format!("{id}-secret-").repeat(4)
}

/// Those with keys of their own, and the resource servers.
pub(super) fn with_keys() -> Vec<RegisteredClient> {
    let inline = |id: &str| ClientKeys::new(KeySource::Inline(key_set(id).to_string().into()));
    let user_scopes = "launch launch/patient openid fhirUser offline_access patient/*.cruds user/*.cruds";
    let app = |id: &str, keys: ClientKeys| {
        let address = format!("https://{id}.example/cb");
        let authentication = ClientAuthentication::PrivateKeyJwt(keys);
        RegisteredClient::new(ClientId::new(id), authentication, &address, scopes(user_scopes))
    };
    let resource_server = |id: &str, base: &str| {
        let secret = ClientSecret::new(SecretHash::of(&resource_server_secret(id)).unwrap());
        let authentication = ClientAuthentication::SecretBasic(vec![secret]);
        let mut client = RegisteredClient::new(ClientId::new(id), authentication, "", ScopeSet::new());
        client.redirect_uris.clear();
        client.introspects = vec![base.to_owned()];
        client
    };
    vec![
        app("jwt", inline("jwt")),
        app("jwtu", ClientKeys::new(KeySource::Url(JWTU_KEYS.into()))),
        RegisteredClient::backend_service(
            ClientId::new("svc"),
            inline("svc"),
            scopes("system/Observation.rs"),
        ),
        resource_server("rs1", FHIR1),
        resource_server("rs2", FHIR2),
    ]
}

/// A registered ceiling.
pub fn scopes(text: &str) -> ScopeSet {
    ScopeList::parse(text).unwrap().iter().map(|requested| requested.parsed.clone().unwrap()).collect()
}

/// What is registered, as a file would say it.
pub(super) const CLIENTS: &str = r#"[
  {
    "client_id": "pub", "client_name": "Growth Chart", "client_uri": "https://app.example/",
    "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://app.example/cb", "https://app.example/cb-two"],
    "launch_uris": ["https://app.example/launch", "https://app.example/open?view=chart"],
    "scope": "launch launch/patient launch/encounter launch/imagingstudy openid fhirUser profile offline_access patient/*.cruds user/*.cruds"
  },
  {
    "client_id": "nat", "client_name": "Pocket Record", "application_type": "native",
    "token_endpoint_auth_method": "none",
    "redirect_uris": ["http://127.0.0.1/cb", "http://[::1]/cb", "com.example.app:/cb"],
    "scope": "launch/patient openid fhirUser patient/*.rs",
    "vestibule": { "loopback_ports": true, "consent": "remember" }
  },
  {
    "client_id": "basic", "client_name": "Ward Board", "client_secret": "basic-secret-basic-secret-basic-secret",
    "redirect_uris": ["https://basic.example/cb"], "launch_uris": ["https://basic.example/launch"],
    "scope": "launch launch/patient launch/encounter openid fhirUser patient/*.cruds user/*.cruds"
  },
  {
    "client_id": "post", "client_name": "Old Hand", "client_secret": "post-secret-post-secret-post-secret-p",
    "token_endpoint_auth_method": "client_secret_post",
    "redirect_uris": ["https://post.example/cb"], "scope": "launch/patient patient/*.rs"
  },
  {
    "client_id": "other", "client_name": "Other App", "client_secret": "other-secret-other-secret-other-secret",
    "redirect_uris": ["https://other.example/cb"], "launch_uris": ["https://other.example/launch"],
    "scope": "launch launch/patient openid fhirUser patient/*.cruds"
  },
  {
    "client_id": "memo", "client_name": "Memo", "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://memo.example/cb"], "scope": "launch/patient openid patient/*.cruds",
    "vestibule": { "consent": "remember" }
  },
  {
    "client_id": "pre", "client_name": "Approved", "client_secret": "pre-secret-pre-secret-pre-secret-pre-s",
    "redirect_uris": ["https://pre.example/cb"], "launch_uris": ["https://pre.example/launch"],
    "scope": "launch launch/patient openid fhirUser patient/*.cruds user/*.cruds",
    "vestibule": { "consent": "pre_approved" }
  },
  {
    "client_id": "query", "client_name": "With Query", "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://query.example/cb?tenant=1"], "scope": "launch/patient patient/*.rs"
  },
  {
    "client_id": "framed", "client_name": "In A Frame", "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://framed.example/cb"], "launch_uris": ["https://framed.example/launch"],
    "scope": "launch launch/patient patient/*.rs", "vestibule": { "framing": ["https://ehr.example"] }
  },
  {
    "client_id": "strict", "client_name": "Strict", "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://strict.example/cb"], "scope": "launch/patient patient/Observation.rs",
    "vestibule": { "strict_scopes": true }
  },
  {
    "client_id": "narrow", "client_name": "Narrow", "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://narrow.example/cb"],
    "scope": "launch/patient patient/Observation.r patient/Condition.rs?category=http://terminology.hl7.org/CodeSystem/condition-category|problem-list-item",
    "fhir_bases": ["https://fhir.example/r4"]
  }
]"#;
