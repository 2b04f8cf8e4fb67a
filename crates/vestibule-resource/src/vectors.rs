//! Runs the shared vectors (`vectors/README.md`), with every rule on and with each rule off.

use std::collections::BTreeMap;
use std::path::Path;

use http::Method;
use serde_json::{Map, Value, json};
use vestibule_host::PatientId;
use vestibule_scope::{Permissions, ResourceType};

use crate::rule::{Rule, without};
use crate::{
    Decision, Denial, Element, FhirRequest, FhirVersion, Interaction, Loaded, Narrowing, OperationRule, Part,
    Principal, Reach, Rules, Target, Unreadable,
};

const BASE: &str = "https://ehr.example/fhir";

type Resources = BTreeMap<String, Value>;

struct Case {
    file: String,
    members: Map<String, Value>,
}

#[test]
fn there_are_enough_vectors() {
    let (_, cases) = load();
    assert!(cases.len() >= 300, "{} vectors", cases.len());
    let mut topics: Vec<&str> = cases.iter().map(|case| case.file.as_str()).collect();
    topics.sort_unstable();
    topics.dedup();
    assert_eq!(
        topics,
        [
            "batch",
            "binary",
            "chain",
            "conditional",
            "granular",
            "history",
            "include",
            "operation",
            "provenance",
            "read",
            "search",
            "unparseable",
            "version",
            "write",
        ]
    );
}

/// SMART-SCOPE-022
#[test]
fn vectors_of_batches_hold() {
    hold("batch");
}

/// SMART-SCOPE-060
#[test]
fn vectors_of_binaries_hold() {
    hold("binary");
}

/// SMART-SCOPE-023
#[test]
fn vectors_of_chains_hold() {
    hold("chain");
}

/// SMART-SCOPE-021, SMART-SCOPE-023
#[test]
fn vectors_of_conditional_interactions_hold() {
    hold("conditional");
}

/// SMART-SCOPE-040, SMART-SCOPE-042, SMART-SCOPE-043, SMART-SCOPE-044, SMART-SCOPE-045, SMART-SCOPE-046, SMART-SCOPE-048
#[test]
fn vectors_of_granular_scopes_hold() {
    hold("granular");
}

/// SMART-SCOPE-020
#[test]
fn vectors_of_histories_hold() {
    hold("history");
}

/// SMART-SCOPE-023
#[test]
fn vectors_of_includes_hold() {
    hold("include");
}

/// SMART-SCOPE-024, SMART-SCOPE-067
#[test]
fn vectors_of_operations_hold() {
    hold("operation");
}

/// SMART-SCOPE-060
#[test]
fn vectors_of_provenances_hold() {
    hold("provenance");
}

/// SMART-SCOPE-020, SMART-SCOPE-060, SMART-SCOPE-064, SMART-SCOPE-065, SMART-SCOPE-066, SMART-SCOPE-069, SMART-IDT-014, IPA-016
#[test]
fn vectors_of_reads_hold() {
    hold("read");
}

/// SMART-SCOPE-020, SMART-SCOPE-023, SMART-SCOPE-046
#[test]
fn vectors_of_searches_hold() {
    hold("search");
}

#[test]
fn vectors_of_unparseable_requests_hold() {
    hold("unparseable");
}

/// SMART-SCOPE-060
#[test]
fn vectors_of_releases_hold() {
    hold("version");
}

/// SMART-SCOPE-020, SMART-SCOPE-021, SMART-SCOPE-048
#[test]
fn vectors_of_writes_hold() {
    hold("write");
}

fn hold(topic: &str) {
    let (resources, cases) = load();
    let cases: Vec<&Case> = cases.iter().filter(|case| case.file == topic).collect();
    let failures: Vec<String> = cases.iter().filter_map(|case| run(case, &resources).err()).collect();
    assert!(
        !cases.is_empty() && failures.is_empty(),
        "{} of {}\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

/// SMART-SCOPE-020, SMART-SCOPE-023, SMART-SCOPE-040, SMART-SCOPE-060
#[test]
fn without_any_of_the_rules_some_vector_fails() {
    let (resources, mut cases) = load();
    cases.retain(|case| run(case, &resources).is_ok());
    let unnoticed: Vec<&Rule> = Rule::ALL
        .iter()
        .filter(|rule| !without(**rule, || cases.iter().any(|case| run(case, &resources).is_err())))
        .collect();
    assert!(unnoticed.is_empty(), "nobody notices that these are gone: {unnoticed:?}");
}

#[test]
fn names_are_unique() {
    let (_, cases) = load();
    let mut names: Vec<String> =
        cases.iter().map(|case| format!("{}: {}", case.file, case.text("name"))).collect();
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

fn load() -> (Resources, Vec<Case>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut resources = Resources::new();
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        match value {
            Value::Object(members) => resources.extend(members),
            Value::Array(list) => cases.extend(list.into_iter().map(|case| {
                let Value::Object(members) = case else { panic!("{file}: a case is an object") };
                Case { file: file.clone(), members }
            })),
            _ => panic!("{file}"),
        }
    }
    (resources, cases)
}

const MEMBERS: [&str; 34] = [
    "name",
    "scopes",
    "context",
    "version",
    "rules",
    "request",
    "form",
    "body",
    "content_type",
    "if_none_exist",
    "decision",
    "reason",
    "by",
    "parts",
    "types",
    "checks",
    "known",
    "shown",
    "hidden",
    "submitted",
    "stored",
    "included",
    "resulting",
    "condition",
    "bundle",
    "kept",
    "entries",
    "additions",
    "within_patient",
    "within",
    "later_page",
    "outcome",
    "told",
    "why",
];

impl Case {
    fn text(&self, name: &str) -> &str {
        self.members.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn list(&self, name: &str) -> Vec<&str> {
        strings(self.members.get(name).unwrap_or(&Value::Null))
    }

    fn rules(&self) -> Rules {
        let version = match self.text("version") {
            "" | "R4" => FhirVersion::R4,
            "R4B" => FhirVersion::R4B,
            "R5" => FhirVersion::R5,
            "STU3" => FhirVersion::Stu3,
            other => panic!("{other}"),
        };
        let mut rules = Rules::new(version, BASE);
        let kinds = |value: &Value| strings(value).into_iter().map(kind).collect::<Vec<_>>();
        for (name, value) in self.members.get("rules").and_then(Value::as_object).into_iter().flatten() {
            rules = match name.as_str() {
                "outside" => rules.with_outside_types(kinds(value)),
                "not_outside" => rules.without_outside_types(kinds(value)),
                "alias" => rules.with_alias(value.as_str().unwrap()),
                "paging" => rules.with_paging_parameter(value.as_str().unwrap()),
                "max_entries" => rules.with_max_entries(usize::try_from(value.as_u64().unwrap()).unwrap()),
                "operations" => value
                    .as_object()
                    .unwrap()
                    .iter()
                    .fold(rules, |rules, (name, rule)| rules.with_operation(name, operation_rule(rule))),
                other => panic!("{other}"),
            };
        }
        rules
    }

    fn principal(&self) -> Principal {
        let default = json!({"patient": "ann"});
        let context = self.members.get("context").unwrap_or(&default);
        let mut claims = json!({
            "aud": BASE, "sub": "u", "client_id": "app", "jti": "t", "exp": 2_000_000_000, "scope": self.text("scopes"),
        });
        for name in ["patient", "fhirUser"] {
            if let Some(value) = context.get(name) {
                claims[name] = value.clone();
            }
        }
        let principal = Principal::of_living_token(claims.as_object().unwrap(), BASE).unwrap();
        let linked = strings(context.get("linked").unwrap_or(&Value::Null));
        principal.with_linked_patients(linked.into_iter().map(PatientId::new))
    }
}

fn operation_rule(value: &Value) -> OperationRule {
    let mut rule = OperationRule::new();
    for level in strings(&value["on"]) {
        rule = match level {
            "system" => rule.on_system(),
            "type" => rule.on_type(),
            "instance" => rule.on_instance(),
            other => panic!("{other}"),
        };
    }
    rule = rule.only_on(strings(&value["only"]).into_iter().map(kind));
    for (target, letters) in value["needs"].as_object().into_iter().flatten() {
        let target = match target.as_str() {
            "called" => Target::Called,
            "*" => Target::Everything,
            name => Target::Type(kind(name)),
        };
        let letters = letters.as_str().unwrap();
        let permissions =
            vestibule_scope::Permission::ALL.into_iter().filter(|it| letters.contains(it.letter()));
        rule = rule.needing(target, permissions.collect::<Permissions>());
    }
    if value["bundle"] == json!(true) { rule.answering_bundle() } else { rule }
}

fn kind(name: &str) -> ResourceType {
    ResourceType::from_name(name).unwrap_or_else(|| panic!("{name}"))
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|it| it.as_str().unwrap()).collect()
}

/// A name of a resource, or the resource itself. In bodies, `@name` stands for one anywhere.
fn resource<'r>(value: &'r Value, resources: &'r Resources) -> &'r Value {
    match value.as_str() {
        Some(name) => resources.get(name).unwrap_or_else(|| panic!("no resource {name}")),
        None => value,
    }
}

fn expanded(value: &Value, resources: &Resources) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix('@') {
            Some(name) => resources.get(name).unwrap_or_else(|| panic!("no resource {name}")).clone(),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| expanded(item, resources)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, it)| (name.clone(), expanded(it, resources))).collect()
        }
        other => other.clone(),
    }
}

fn run(case: &Case, resources: &Resources) -> Result<(), String> {
    let name = case.text("name");
    for member in case.members.keys() {
        assert!(MEMBERS.contains(&member.as_str()), "{}: {name}: {member}", case.file);
    }
    judged(case, resources).map_err(|what| format!("{}: {name}: {what}", case.file))
}

fn read(case: &Case, rules: &Rules, resources: &Resources) -> Result<Interaction, Unreadable> {
    let (method, url) = case.text("request").split_once(' ').unwrap();
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let body = case.members.get("body").map(|body| expanded(body, resources));
    FhirRequest::new(&method, path)
        .with_query(query)
        .with_form(case.members.get("form").and_then(Value::as_str))
        .with_content_type(case.members.get("content_type").and_then(Value::as_str))
        .with_if_none_exist(case.members.get("if_none_exist").and_then(Value::as_str))
        .with_body(body.as_ref())
        .read(rules)
}

fn judged(case: &Case, resources: &Resources) -> Result<(), String> {
    let rules = case.rules();
    let interaction = match read(case, &rules, resources) {
        Ok(interaction) => interaction,
        Err(unreadable) => {
            same("decision", &case.text("decision"), &"unreadable")?;
            return same_if_said(case, "reason", &format!("{unreadable:?}"));
        }
    };
    let decision = case.principal().decide(&interaction, &rules);
    same("decision", &case.text("decision"), &word(&decision))?;
    if let Decision::Deny(denial) = &decision {
        return same_if_said(case, "reason", &reason(denial));
    }
    if case.members.contains_key("by") {
        same("by", &case.list("by"), &decision.scopes())?;
    }
    if let Decision::PermitNarrowed(narrowing) = &decision {
        limits(case, narrowing, &rules)?;
        checked(case, &case.members, narrowing, resources)?;
        bundled(case, narrowing, resources)?;
        told(case, narrowing)?;
        for (at, expected) in
            case.members.get("entries").and_then(Value::as_array).into_iter().flatten().enumerate()
        {
            let entry = narrowing.entries().get(at).ok_or("too few entries")?;
            same(&format!("entry {at}"), &expected["decision"].as_str().unwrap(), &word(entry))?;
            if let Decision::PermitNarrowed(narrowing) = entry {
                checked(case, expected.as_object().unwrap(), narrowing, resources)?;
            }
        }
    }
    Ok(())
}

/// What the narrowing says that a server can use in its search.
fn limits(case: &Case, narrowing: &Narrowing, rules: &Rules) -> Result<(), String> {
    for (name, expected) in case.members.get("parts").and_then(Value::as_object).into_iter().flatten() {
        let _ = rules;
        let reaches = narrowing.reach(kind(name));
        let found: Vec<Vec<String>> = reaches.iter().map(said).collect();
        for found in found {
            same(
                &format!("parts of {name}"),
                &strings(expected).iter().map(ToString::to_string).collect(),
                &found,
            )?;
        }
    }
    if case.members.contains_key("types") {
        let types: Vec<&str> = narrowing.types().unwrap_or_default().iter().map(|kind| kind.name()).collect();
        same("types", &case.list("types"), &types)?;
    }
    if case.members.contains_key("checks") {
        let checks = narrowing.checks();
        let all = [
            ("result", checks.result),
            ("bundle", checks.bundle),
            ("submitted", checks.submitted),
            ("stored", checks.stored),
            ("resulting", checks.resulting),
            ("condition", checks.condition),
            ("outcome", checks.outcome),
            ("entries", checks.entries),
        ];
        let found: Vec<&str> = all.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        same("checks", &case.list("checks"), &found)?;
    }
    if let Some(expected) = case.members.get("additions") {
        let found = narrowing
            .additions()
            .map(|all| all.into_iter().map(|it| json!([it.name, it.value])).collect::<Vec<_>>());
        same("additions", expected, &json!(found))?;
    }
    for (name, found) in [
        ("within_patient", narrowing.searches_within_patient()),
        ("within", narrowing.searches_within()),
        ("later_page", narrowing.is_later_page()),
    ] {
        if let Some(expected) = case.members.get(name) {
            same(name, expected, &json!(found))?;
        }
    }
    Ok(())
}

fn said(reach: &Reach) -> Vec<String> {
    let part = |part: &Part| {
        let level = if part.patient().is_some() { "patient" } else { "everyone" };
        part.constraint().map_or(level.to_owned(), |constraint| format!("{level}?{constraint}"))
    };
    match reach {
        Reach::Nothing => Vec::new(),
        Reach::Everything(_) => vec!["everyone".to_owned()],
        Reach::Parts(parts) => parts.iter().map(part).collect(),
    }
}

/// What the checks say to single resources.
fn checked(
    case: &Case,
    members: &Map<String, Value>,
    narrowing: &Narrowing,
    resources: &Resources,
) -> Result<(), String> {
    let empty = Vec::new();
    let list = |name: &str| members.get(name).and_then(Value::as_array).unwrap_or(&empty).clone();
    let known_values = case.list("known").into_iter().map(|name| &resources[name]);
    let known: Loaded<'_> = known_values.collect();
    for (name, expected) in [("shown", true), ("hidden", false)] {
        for it in list(name) {
            let found = narrowing.check_result_among(resource(&it, resources), &known).is_permitted();
            same(&format!("{name} {it}"), &expected, &found)?;
        }
    }
    for (name, value) in members {
        let check = |it: &Value| match name.as_str() {
            "included" => Some(narrowing.check_included_among(resource(it, resources), &known)),
            "submitted" => Some(narrowing.check_submitted_among(resource(it, resources), &known)),
            "resulting" => Some(narrowing.check_resulting(resource(it, resources))),
            "stored" if it.as_str() == Some("none") => Some(narrowing.check_stored(None)),
            "stored" => Some(narrowing.check_stored(Some(resource(it, resources) as &dyn Element))),
            "condition" => Some(narrowing.condition().unwrap().check_result(resource(it, resources))),
            _ => None,
        };
        for (answer, expected) in [("yes", true), ("no", false)] {
            for it in value.get(answer).and_then(Value::as_array).unwrap_or(&empty) {
                if let Some(verdict) = check(it) {
                    same(&format!("{name} {it}"), &expected, &verdict.is_permitted())?;
                }
            }
        }
    }
    Ok(())
}

/// What is left of a Bundle that holds these, its total and its links.
fn bundled(case: &Case, narrowing: &Narrowing, resources: &Resources) -> Result<(), String> {
    let Some(entries) = case.members.get("bundle").and_then(Value::as_array) else { return Ok(()) };
    let entries: Vec<Value> = entries
        .iter()
        .map(|entry| match entry.as_array().map(Vec::as_slice) {
            Some([name, mode]) => json!({
                "fullUrl": format!("{BASE}/{}", name.as_str().unwrap()),
                "resource": resource(name, resources), "search": {"mode": mode},
            }),
            _ if entry.as_str() == Some("deletion") => {
                json!({"fullUrl": format!("{BASE}/x"), "request": {"method": "DELETE", "url": "Observation/x"}})
            }
            _ => json!({"resource": resource(entry, resources)}),
        })
        .collect();
    let mut bundle = json!({
        "resourceType": "Bundle", "id": "b", "type": "searchset", "total": 99, "entry": entries,
        "meta": {"tag": [{"code": "99"}]}, "extension": [{"url": "urn:total", "valueInteger": 99}], "signature": {"data": "99"},
        "link": [
            {"relation": "self", "url": "x"}, {"relation": "next", "url": "x?_offset=10"},
            {"relation": "last", "url": "x?_offset=90"}, {"relation": "urn:page-10", "url": "x?_offset=90"}, {"url": "x"},
        ],
    });
    let known: Loaded<'_> = case.list("known").into_iter().map(|name| &resources[name]).collect();
    narrowing.filter_bundle_among(&mut bundle, &known);
    let empty = Vec::new();
    let left = bundle.get("entry").and_then(Value::as_array).unwrap_or(&empty);
    let left: Vec<&str> =
        left.iter().map(|entry| entry["resource"]["id"].as_str().unwrap_or("without id")).collect();
    same("kept", &case.list("kept"), &left)?;
    same("total", &None, &bundle.get("total"))?;
    same("links", &2, &bundle["link"].as_array().unwrap().len())?;
    bundle.as_object_mut().unwrap().remove("entry");
    let members: Vec<&str> = bundle.as_object().unwrap().keys().map(String::as_str).collect();
    same("members", &4, &members.len())
}

/// What is told of a validation with these issues.
fn told(case: &Case, narrowing: &Narrowing) -> Result<(), String> {
    let Some(issues) = case.members.get("outcome").and_then(Value::as_array) else { return Ok(()) };
    let issue = |said: &Value| {
        json!({"severity": said[0], "code": said[1], "diagnostics": "Patient/ben", "details": {"text": "Patient/ben"},
            "expression": ["Observation.subject"]})
    };
    let issues: Vec<Value> = issues.iter().map(issue).collect();
    let outcome =
        json!({"resourceType": "OperationOutcome", "id": "ben", "text": {"div": "ben"}, "issue": issues});
    let left = narrowing.filter_outcome(&outcome);
    let said = |issue: &Value| json!([issue["severity"], issue["code"]]);
    let mut found: Vec<Value> = left["issue"].as_array().unwrap().iter().map(said).collect();
    same("the last issue", &Some(json!(["information", "suppressed"])), &found.pop())?;
    same("told", &case.members["told"], &json!(found))?;
    same("words", &false, &left.to_string().contains("ben"))
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Permit(_) => "permit",
        Decision::PermitNarrowed(_) => "narrowed",
        Decision::Deny(_) => "deny",
    }
}

fn reason(denial: &Denial) -> String {
    match denial {
        Denial::NoScope { permission, resource_type } => {
            format!("NoScope {} {}", permission.letter(), resource_type.map_or("*", |kind| kind.name()))
        }
        Denial::Entry { at, source } => format!("Entry {at}: {}", reason(source)),
        Denial::Unreadable(unreadable) => format!("Unreadable {unreadable:?}"),
        other => format!("{other:?}"),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("{what}: expected {expected:?}, found {found:?}")) }
}

fn same_if_said(case: &Case, what: &str, found: &str) -> Result<(), String> {
    if case.members.contains_key(what) { same(what, &case.text(what), &found) } else { Ok(()) }
}
