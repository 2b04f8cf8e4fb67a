//! `/metadata`: what this FHIR base can do, who guards it, and where.

use serde_json::{Value, json};

use super::params::{self, Kind};
use crate::records::TYPES;

/// The OAuth endpoints, as the SMART configuration names them. Only what exists may stand here.
#[derive(Clone, Debug)]
pub struct OAuthUris {
    /// `authorization_endpoint`.
    pub authorize: String,
    /// `token_endpoint`.
    pub token: String,
    /// `introspection_endpoint`.
    pub introspect: String,
    /// `revocation_endpoint`.
    pub revoke: String,
    /// `registration_endpoint`.
    pub register: String,
    /// `management_endpoint`.
    pub manage: String,
}

/// The CapabilityStatement of one FHIR base.
#[must_use]
pub fn statement(base: &str, uris: &OAuthUris) -> Value {
    json!({
        "resourceType": "CapabilityStatement", "status": "active", "date": "2026-01-05", "kind": "instance",
        "name": "DemoEhr", "title": "Demo EHR", "publisher": "Elmsby General Hospital (invented)",
        // IPA-002: a server says that it follows International Patient Access.
        "instantiates": [
            "http://hl7.org/fhir/uv/ipa/CapabilityStatement/ipa-server",
            "http://hl7.org/fhir/uv/ipa/CapabilityStatement/ipa"
        ],
        "software": {"name": "demo-ehr", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": "Synthetic records of a small hospital", "url": base},
        "fhirVersion": "4.0.1", "format": ["json", "application/fhir+json"],
        "rest": [{"mode": "server", "security": security(uris), "resource": TYPES.map(resource).to_vec()}]
    })
}

/// SMART-DISC-050 to 054: the deprecated block, kept for old apps, from the same values as discovery.
fn security(uris: &OAuthUris) -> Value {
    let named = [
        ("authorize", &uris.authorize),
        ("token", &uris.token),
        ("introspect", &uris.introspect),
        ("revoke", &uris.revoke),
        ("register", &uris.register),
        ("manage", &uris.manage),
    ];
    let endpoints = named.map(|(url, uri)| json!({"url": url, "valueUri": uri})).to_vec();
    let coding = json!({"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"});
    json!({
        "cors": true,
        "service": [{"coding": [coding], "text": "OAuth2 using SMART on FHIR"}],
        "extension": [{"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": endpoints}]
    })
}

fn resource(kind: &'static str) -> Value {
    let search: Vec<Value> = params::of_type(kind)
        .map(|param| {
            let kind = match param.kind {
                Kind::Token => "token",
                Kind::Date => "date",
                Kind::Reference => "reference",
                Kind::Text => "string",
            };
            json!({"name": param.name, "type": kind})
        })
        .collect();
    json!({
        "type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}], "versioning": "no-version",
        "searchParam": search
    })
}
