//! Changes: what is sent, what is stored, and what comes in between.

use serde_json::json;

use super::{Fhir, ask, observation, told, value};

const OWN: &str = "patient/Observation.cruds";

/// SMART-SCOPE-060, SMART-SCOPE-020
#[tokio::test]
async fn a_create_is_for_the_patient_in_context() {
    let fhir = Fhir::new();
    let mine = ask("POST", "/Observation", OWN).json(&observation("x", "p-1", "survey")).send(&fhir).await;
    assert_eq!(mine.status(), 201);
    assert_eq!(mine.headers()["location"], "https://ehr.example/fhir/Observation/new/_history/1");
    assert_eq!(value(&mine)["id"], "new");
    let count = fhir.asked().len();
    let theirs = ask("POST", "/Observation", OWN).json(&observation("x", "p-2", "survey")).send(&fhir).await;
    assert_eq!(theirs.status(), 403);
    let granular = "patient/Observation.c?category=laboratory";
    let other =
        ask("POST", "/Observation", granular).json(&observation("x", "p-1", "survey")).send(&fhir).await;
    assert_eq!(other.status(), 403);
    assert_eq!((count, fhir.asked().len()), (1, 0));
    // Who may create only is not shown what else the server has to say.
    fhir.says(
        201,
        "application/fhir+json",
        json!({"resourceType": "OperationOutcome", "text": "also see p-2"}),
    );
    let quiet = ask("POST", "/Observation", "patient/Observation.c")
        .json(&observation("x", "p-1", "survey"))
        .send(&fhir)
        .await;
    assert_eq!((quiet.status().as_u16(), quiet.body().len()), (201, 0));
    fhir.says(
        422,
        "application/fhir+json",
        json!({"resourceType": "OperationOutcome", "text": "Patient/p-9 is not here"}),
    );
    let invalid = ask("POST", "/Observation", OWN).json(&observation("x", "p-1", "survey")).send(&fhir).await;
    assert_eq!(invalid.status(), 422);
    assert!(!value(&invalid).to_string().contains("p-9"));
}

/// SMART-SCOPE-048, SMART-SCOPE-021
#[tokio::test]
async fn an_update_changes_the_version_that_was_judged() {
    let fhir = Fhir::new();
    let put = |id: &str, patient: &str| {
        ask("PUT", &format!("/Observation/{id}"), OWN).json(&observation(id, patient, "survey"))
    };
    assert_eq!(put("o-1", "p-1").send(&fhir).await.status(), 200);
    let asked = fhir.asked();
    assert_eq!(asked.iter().map(|it| it.method().as_str()).collect::<Vec<_>>(), ["GET", "PUT"]);
    assert_eq!(asked[1].headers()["if-match"], "W/\"1\"");
    assert_eq!(fhir.get("Observation/o-1").unwrap()["meta"]["versionId"], "2");

    // Somebody else's, given away, taken over: one answer.
    let theirs = put("o-2", "p-2").send(&fhir).await;
    assert_eq!(theirs.status(), 403);
    assert_eq!(told(&put("o-2", "p-1").send(&fhir).await), told(&theirs));
    assert_eq!(told(&put("o-1", "p-2").send(&fhir).await), told(&theirs));
    assert!(fhir.asked().iter().all(|it| it.method() == "GET"));

    // Nothing there yet: it is created if there is nothing still.
    assert_eq!(put("o-7", "p-1").send(&fhir).await.status(), 200);
    assert_eq!(fhir.asked()[1].headers()["if-none-match"], "*");

    // It became another patient's between the look and the change.
    *fhir.meanwhile.lock().unwrap() = Some(observation("o-1", "p-2", "survey"));
    assert_eq!(put("o-1", "p-1").send(&fhir).await.status(), 409);
    assert_eq!(fhir.get("Observation/o-1").unwrap()["subject"]["reference"], "Patient/p-2");
    *fhir.meanwhile.lock().unwrap() = Some(observation("o-8", "p-2", "survey"));
    // As for any id that is somebody else's: that it is taken since a moment is nobody's business either.
    assert_eq!(told(&put("o-8", "p-1").send(&fhir).await), told(&theirs));
    // Nor what the server has against an id of which there is nothing.
    fhir.asked();
    let numbered = put("78", "p-1");
    let missing = put("78", "p-1").with("if-match", "W/\"9\"").send(&fhir).await;
    assert_eq!(told(&missing), told(&theirs), "a version of nothing");
    fhir.says(404, "application/fhir+json", "{}");
    fhir.says(400, "application/fhir+json", "{\"resourceType\":\"OperationOutcome\"}");
    assert_eq!(told(&numbered.send(&fhir).await), told(&theirs));

    // What the app believes to change.
    fhir.asked();
    assert_eq!(put("o-3", "p-1").with("if-match", "W/\"1\"").send(&fhir).await.status(), 200);
    assert_eq!(put("o-3", "p-1").with("if-match", "W/\"1\"").send(&fhir).await.status(), 412);
    assert_eq!(put("o-3", "p-1").with("if-match", "*").send(&fhir).await.status(), 412);
    assert_eq!(fhir.asked().iter().filter(|it| it.method() == "PUT").count(), 1);
    assert_eq!(
        put("o-2", "p-1").with("if-match", "W/\"9\"").send(&fhir).await.status(),
        403,
        "before its version"
    );
}

#[tokio::test]
async fn a_delete_looks_first() {
    let fhir = Fhir::new();
    let delete = |id: &str| ask("DELETE", &format!("/Observation/{id}"), OWN);
    let theirs = delete("o-2").send(&fhir).await;
    assert_eq!(theirs.status(), 403);
    assert_eq!(told(&delete("nope").send(&fhir).await), told(&theirs));
    assert!(fhir.get("Observation/o-2").is_some());
    fhir.asked();
    assert_eq!(delete("o-1").send(&fhir).await.status(), 204);
    assert_eq!(fhir.asked()[1].headers()["if-match"], "W/\"1\"");
    *fhir.meanwhile.lock().unwrap() = Some(observation("o-3", "p-2", "survey"));
    assert_eq!(delete("o-3").send(&fhir).await.status(), 409);
    // A server that cannot say what is stored has nothing changed.
    for (status, body) in [(500, ""), (200, "x"), (200, "{\"resourceType\":\"Observation\",\"id\":\"o-2\"}")]
    {
        fhir.says(status, "application/fhir+json", body);
        assert!(delete("o-3").send(&fhir).await.status().is_server_error());
    }
    assert!(fhir.get("Observation/o-3").is_some());
}

/// SMART-SCOPE-023
#[tokio::test]
async fn what_cannot_be_judged_beforehand_is_refused() {
    let fhir = Fhir::new();
    let patch = "[{\"op\":\"replace\",\"path\":\"/subject/reference\",\"value\":\"Patient/p-2\"}]";
    let patched =
        ask("PATCH", "/Observation/o-1", OWN).body("application/json-patch+json", patch).send(&fhir).await;
    assert_eq!(patched.status(), 403);
    for (method, path) in [("PUT", "/Observation?code=x"), ("DELETE", "/Observation?code=x")] {
        let request = ask(method, path, OWN);
        let request =
            if method == "PUT" { request.json(&observation("x", "p-1", "survey")) } else { request };
        assert_eq!(request.send(&fhir).await.status(), 403, "{method}");
    }
    let once = ask("POST", "/Observation", OWN).with("if-none-exist", "code=x");
    assert_eq!(once.json(&observation("x", "p-1", "survey")).send(&fhir).await.status(), 403);
    assert_eq!(fhir.asked().len(), 0);
}

/// SMART-SCOPE-020
#[tokio::test]
async fn to_write_is_not_to_read() {
    let fhir = Fhir::new();
    let patch = "[{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"final\"}]";
    let patched =
        |scopes| ask("PATCH", "/Observation/o-2", scopes).body("application/json-patch+json", patch);
    let stored = observation("o-2", "p-2", "vital-signs").to_string();
    for (scopes, shown) in [("user/Observation.u", false), ("user/Observation.ru", true), (BY_CATEGORY, true)]
    {
        fhir.says(200, "application/fhir+json", &stored);
        let answer = patched(scopes).with("if-match", "W/\"1\"").send(&fhir).await;
        assert_eq!((answer.status().as_u16(), !answer.body().is_empty()), (200, shown), "{scopes}");
        assert_eq!(fhir.asked().pop().unwrap().headers()["if-match"], "W/\"1\"", "{scopes}");
    }
    // What a condition found is another one than what was sent.
    let once = ask("POST", "/Observation", "user/Observation.cs").with("if-none-exist", "code=x");
    fhir.says(200, "application/fhir+json", &stored);
    let answer = once.json(&observation("x", "p-1", "survey")).send(&fhir).await;
    assert_eq!((answer.status().as_u16(), answer.body().len()), (200, 0));
    // Nor does a refusal speak of it.
    fhir.says(422, "application/fhir+json", &stored);
    let answer = patched("user/Observation.u").send(&fhir).await;
    assert_eq!(answer.status(), 422);
    assert!(!String::from_utf8_lossy(answer.body()).contains("p-2"));
    fhir.asked();
    // In bundles that nothing narrows neither.
    let entry = serde_json::json!({"request": {"method": "PUT", "url": "Observation/o-2"},
        "resource": observation("o-2", "p-2", "survey")});
    for kind in ["batch", "transaction"] {
        let bundle = serde_json::json!({"resourceType": "Bundle", "type": kind, "entry": [entry]});
        fhir.says(
            200,
            "application/fhir+json",
            match kind {
                "batch" => stored.clone(),
                _ => serde_json::json!({"resourceType": "Bundle", "type": "transaction-response", "entry": [
                {"response": {"status": "200"}, "resource": observation("o-2", "p-2", "survey")}]})
                .to_string(),
            },
        );
        let answer = ask("POST", "/", "user/Observation.us").json(&bundle).send(&fhir).await;
        assert_eq!(value(&answer)["entry"][0]["response"]["status"], "200", "{kind}");
        assert!(!String::from_utf8_lossy(answer.body()).contains("p-2"), "{kind}");
    }
}

const BY_CATEGORY: &str = "user/Observation.u user/Observation.r?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
