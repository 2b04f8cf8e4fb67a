//! Batches and transactions.

use serde_json::{Value, json};

use super::{Fhir, ask, guard, observation, value};

const OWN: &str = "patient/*.cruds";

fn bundle(kind: &str, entries: &[Value]) -> Value {
    json!({"resourceType": "Bundle", "type": kind, "entry": entries})
}

fn get(url: &str) -> Value {
    json!({"request": {"method": "GET", "url": url}})
}

fn put(id: &str, patient: &str) -> Value {
    json!({"request": {"method": "PUT", "url": format!("Observation/{id}")}, "resource": observation(id, patient, "survey")})
}

/// SMART-SCOPE-022
#[tokio::test]
async fn entries_of_a_batch_are_as_if_sent_alone() {
    let fhir = Fhir::new();
    let entries = [
        get("Observation/o-1"),
        get("Observation/o-2"),
        get("https://ehr.example/fhir/Observation?status=final"),
        put("o-1", "p-1"),
        put("o-2", "p-1"),
        get("Nothing/1"),
        get("../secret"),
        json!({"request": {"method": "POST", "url": "Observation"}, "resource": observation("x", "p-2", "survey")}),
    ];
    let answer = ask("POST", "/", OWN).json(&bundle("batch", &entries)).send(&fhir).await;
    assert_eq!(answer.status(), 200);
    let answer = value(&answer);
    assert_eq!(answer["type"], "batch-response");
    let statuses: Vec<_> = answer["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["response"]["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["200", "404", "200", "200", "403", "404", "400", "403"]);
    assert_eq!(answer["entry"][0]["resource"]["id"], "o-1");
    assert_eq!(answer["entry"][2]["resource"]["entry"].as_array().unwrap().len(), 2);
    assert_eq!(answer["entry"][3]["response"]["etag"], "W/\"2\"");
    assert!(answer["entry"][1].get("resource").is_none());
    assert!(!answer.to_string().contains("p-2"), "{answer}");
    assert!(fhir.asked().iter().all(|it| it.uri().path() != "/fhir/"), "none was sent as a whole");
}

#[tokio::test]
async fn a_transaction_is_judged_and_bound_or_refused() {
    let fhir = Fhir::new();
    let send = async |entries: &[Value]| {
        ask("POST", "/", OWN).json(&bundle("transaction", entries)).send(&fhir).await
    };
    let good = [
        put("o-1", "p-1"),
        put("o-7", "p-1"),
        json!({"request": {"method": "DELETE", "url": "Observation/o-3"}}),
    ];
    let answer = send(&good).await;
    assert_eq!(answer.status(), 200);
    // The server behind sends a resource and an outcome with each entry.
    assert_eq!(
        value(&answer)["entry"],
        json!([{"response": {"status": "200 OK"}}, {"response": {"status": "200 OK"}}, {"response": {"status": "200 OK"}}])
    );
    let sent: Value = serde_json::from_slice(fhir.asked().last().unwrap().body()).unwrap();
    assert_eq!(sent["entry"][0]["request"]["ifMatch"], "W/\"1\"");
    assert_eq!(sent["entry"][1]["request"]["ifNoneMatch"], "*");
    assert_eq!(sent["entry"][2]["request"]["ifMatch"], "W/\"1\"");
    assert_eq!(sent["entry"][0]["resource"], good[0]["resource"]);

    for bad in [
        put("o-2", "p-1"),
        put("o-1", "p-2"),
        json!({"request": {"method": "DELETE", "url": "Observation/o-2"}}),
        json!({"request": {"method": "PUT", "url": "Observation?code=x"}, "resource": observation("x", "p-1", "survey")}),
        get("Observation/o-1"),
        get("Observation?patient=p-1"),
        json!({"request": {"method": "POST", "url": "Observation", "ifNoneExist": "code=x"}, "resource": observation("x", "p-1", "survey")}),
    ] {
        let answer = send(&[put("o-1", "p-1"), bad.clone()]).await;
        assert_eq!(answer.status(), 403, "{bad}");
        assert!(fhir.asked().iter().all(|it| it.method() == "GET"));
    }
}

#[tokio::test]
async fn an_open_scope_sends_its_bundle_as_it_is() {
    let fhir = Fhir::new();
    let answer =
        ask("POST", "/", "user/*.cruds").json(&bundle("batch", &[get("Observation/o-2")])).send(&fhir).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(fhir.asked().len(), 1);
}

#[tokio::test]
async fn new_resources_bring_their_address_where_nothing_is_judged() {
    let fhir = Fhir::new();
    let mut new = json!({"request": {"method": "POST", "url": "Observation"}, "resource": observation("x", "p-1", "survey")});
    new["fullUrl"] = json!("https://other.example/fhir/Observation/1");
    let bundle = bundle("transaction", &[new, put("o-1", "p-1")]);
    // Who may not read is not shown what the server answers, and the bundle is the same.
    for open in ["user/*.cruds", "user/*.cu"] {
        assert_eq!(ask("POST", "/", open).json(&bundle).send(&fhir).await.status(), 200, "{open}");
        let sent: Value = serde_json::from_slice(fhir.asked().pop().unwrap().body()).unwrap();
        assert_eq!(sent["entry"][0]["fullUrl"], bundle["entry"][0]["fullUrl"]);
    }
    for narrowed in [OWN, "user/*.c patient/*.u"] {
        assert_eq!(ask("POST", "/", narrowed).json(&bundle).send(&fhir).await.status(), 403, "{narrowed}");
    }
    assert_eq!(fhir.asked().len(), 0);
}

#[tokio::test]
async fn the_answers_of_a_batch_have_a_bound() {
    let fhir = Fhir::new();
    let entries: Vec<Value> = (0..20).map(|_| get("Observation/o-1")).collect();
    let guard = guard().enforcing().with_max_answer(1_000);
    let answer = ask("POST", "/", OWN).json(&bundle("batch", &entries)).send_by(&fhir, guard).await;
    let statuses: Vec<String> = value(&answer)["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["response"]["status"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(statuses.len(), 20, "each is answered");
    assert_eq!((statuses.first().unwrap().as_str(), statuses.last().unwrap().as_str()), ("200", "413"));
    assert!(fhir.asked().len() < 10);
    // What went wrong stands where clients look for it.
    fhir.says(404, "application/fhir+json", "{\"resourceType\":\"OperationOutcome\"}");
    let two = [get("Observation/none"), get("Patient/p-2")];
    let answer = ask("POST", "/", "user/Observation.rs").json(&bundle("batch", &two)).send(&fhir).await;
    let first = &value(&answer)["entry"][0];
    assert_eq!((&first["response"]["status"], first.get("resource")), (&json!("404"), None));
    assert_eq!(first["response"]["outcome"]["resourceType"], "OperationOutcome");
}
