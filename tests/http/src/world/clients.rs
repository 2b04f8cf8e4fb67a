//! The registered apps.

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
