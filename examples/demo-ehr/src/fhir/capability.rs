//! `/metadata`: what this FHIR base can do, who guards it, and where. To an app with a token: what that token is good for.

use serde_json::{Value, json};
use vestibule_resource::{Principal, Rules};
use vestibule_scope::{Permission, ResourceType};

use super::FhirBase;
use super::params::{self, Kind};
use super::write::WRITABLE;
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

/// Which interactions there are, and the permission that each needs.
const INTERACTIONS: [(&str, Permission); 8] = [
    ("read", Permission::Read),
    ("vread", Permission::Read),
    ("history-instance", Permission::Read),
    ("search-type", Permission::Search),
    ("create", Permission::Create),
    ("update", Permission::Update),
    ("patch", Permission::Update),
    ("delete", Permission::Delete),
];

/// The CapabilityStatement of one FHIR base; IPA-003: for whoever shows a token, only what that is good for.
pub(super) fn statement(base: &FhirBase, caller: Option<&Principal>) -> Value {
    let resources: Vec<Value> =
        TYPES.into_iter().filter_map(|kind| resource(kind, caller, &base.guard.rules)).collect();
    let mut rest = json!({
        "mode": "server", "security": security(&base.uris),
        "interaction": [{"code": "batch"}, {"code": "transaction"}, {"code": "search-system"}]
    });
    if let (false, Some(members)) = (resources.is_empty(), rest.as_object_mut()) {
        members.insert("resource".to_owned(), Value::Array(resources));
    }
    let description = match caller {
        None => "Synthetic records of a small hospital",
        Some(_) => "Synthetic records of a small hospital: what the scopes of this access token open",
    };
    json!({
        "resourceType": "CapabilityStatement", "status": "active", "date": "2026-11-22", "kind": "instance",
        "name": "DemoEhr", "title": "Demo EHR", "publisher": "Elmsby General Hospital (invented)",
        // IPA-002: a server says that it follows International Patient Access.
        "instantiates": [
            "http://hl7.org/fhir/uv/ipa/CapabilityStatement/ipa-server",
            "http://hl7.org/fhir/uv/ipa/CapabilityStatement/ipa"
        ],
        "software": {"name": "demo-ehr", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": description, "url": base.url},
        "fhirVersion": "4.0.1", "format": ["json", "application/fhir+json"],
        "patchFormat": ["application/json-patch+json"], "rest": [rest]
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
    // SMART-SCOPE-064, SMART-SCOPE-065: what `patient/` scopes reach is published.
    let description = "SMART on FHIR. `patient/` scopes open what is about the one patient in context; besides that, for \
                       reading: Practitioner, PractitionerRole, Organization, Location, Medication, and a Device that names \
                       the patient. What is about several patients belongs to none of them. Patient.link is not followed.";
    json!({
        "cors": true, "description": description,
        "service": [{"coding": [coding], "text": "OAuth2 using SMART on FHIR"}],
        "extension": [{"url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris", "extension": endpoints}]
    })
}

/// One type, unless there is nothing in it for this caller.
fn resource(name: &'static str, caller: Option<&Principal>, rules: &Rules) -> Option<Value> {
    let kind = ResourceType::from_name(name)?;
    let open =
        |permission: Permission| caller.is_none_or(|who| !who.reach(kind, permission, rules).is_nothing());
    let writes = |permission: Permission| {
        matches!(permission, Permission::Read | Permission::Search) || WRITABLE.contains(&name)
    };
    let interactions: Vec<Value> = INTERACTIONS
        .into_iter()
        .filter(|(_, permission)| writes(*permission) && open(*permission))
        // Who may not read does not patch.
        .filter(|(code, _)| *code != "patch" || open(Permission::Read))
        .map(|(code, _)| json!({"code": code}))
        .collect();
    if interactions.is_empty() {
        return None;
    }
    let mut resource = json!({
        "type": name, "interaction": interactions, "versioning": "versioned", "readHistory": true, "updateCreate": false,
        "conditionalCreate": WRITABLE.contains(&name), "conditionalUpdate": WRITABLE.contains(&name),
        "conditionalDelete": if WRITABLE.contains(&name) { "single" } else { "not-supported" }
    });
    let members = resource.as_object_mut()?;
    let references: Vec<&str> =
        params::of_type(name).filter(|param| param.kind == Kind::Reference).map(|param| param.name).collect();
    if !references.is_empty() {
        let includes: Vec<String> = references.iter().map(|param| format!("{name}:{param}")).collect();
        members.insert("searchInclude".to_owned(), json!(includes));
    }
    members.insert("searchParam".to_owned(), Value::Array(params::of_type(name).map(parameter).collect()));
    if name == "Patient" {
        let everything = "http://hl7.org/fhir/OperationDefinition/Patient-everything";
        members.insert("operation".to_owned(), json!([{"name": "everything", "definition": everything}]));
    }
    Some(resource)
}

fn parameter(param: &params::Param) -> Value {
    let kind = match param.kind {
        Kind::Token => "token",
        Kind::Date => "date",
        Kind::Reference => "reference",
        Kind::Text => "string",
    };
    json!({"name": param.name, "type": kind})
}
