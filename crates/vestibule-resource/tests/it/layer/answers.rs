//! What comes back of reads and searches.

use serde_json::{Value, json};

use super::{Fhir, ask, guard, observation, told, value};

const OWN: &str = "patient/*.cruds";

/// SMART-SCOPE-060, SMART-SCOPE-026
#[tokio::test]
async fn what_is_hidden_deleted_or_missing_is_one_answer() {
    let fhir = Fhir::new();
    let own = ask("GET", "/Observation/o-1", OWN).send(&fhir).await;
    assert_eq!((own.status().as_u16(), value(&own)["id"].as_str()), (200, Some("o-1")));
    assert_eq!(own.headers()["etag"], "W/\"1\"");
    assert_eq!(own.headers()["cache-control"], "no-store");

    let missing = ask("GET", "/Observation/nope", OWN).send(&fhir).await;
    assert_eq!(missing.status(), 404);
    assert!(!value(&missing).to_string().contains("nope"));
    let hidden = ask("GET", "/Observation/o-2", OWN).send(&fhir).await;
    assert_eq!(told(&hidden), told(&missing));
    let granular = "patient/Observation.rs?category=laboratory";
    assert_eq!(told(&ask("GET", "/Observation/o-1", granular).send(&fhir).await), told(&missing));
    assert_eq!(ask("GET", "/Observation/o-3", granular).send(&fhir).await.status(), 200);
    for (status, kind, body) in [
        (410, "application/fhir+json", "{}"),
        (304, "application/fhir+json", ""),
        (302, "text/html", ""),
        (403, "text/plain", "o-2 is not yours"),
        (200, "application/fhir+xml", "<Observation/>"),
        (200, "application/fhir+json", "{\"resourceType\":\"Observation\",\"resourceType\":\"Basic\"}"),
        (200, "application/fhir+json", "[]"),
    ] {
        fhir.says(status, kind, body);
        assert_eq!(
            told(&ask("GET", "/Observation/o-2", OWN).send(&fhir).await),
            told(&missing),
            "{status} {body}"
        );
    }
    fhir.says(500, "text/plain", "panic at o-2");
    let broken = ask("GET", "/Observation/o-2", OWN).send(&fhir).await;
    assert_eq!((broken.status().as_u16(), broken.headers()["retry-after"].to_str().unwrap()), (503, "5"));
    assert!(!value(&broken).to_string().contains("o-2"));
}

#[tokio::test]
async fn nothing_is_told_by_not_coming() {
    let fhir = Fhir::new();
    let conditional = ask("GET", "/Observation/o-1?_elements=id&_format=json&_pretty=true", OWN)
        .with("if-none-match", "W/\"1\"")
        .with("if-modified-since", "Sun, 22 Nov 2026 10:00:00 GMT")
        .with("range", "bytes=0-1")
        .with("accept", "application/fhir+xml")
        .with("prefer", "respond-async")
        .with("accept-encoding", "gzip");
    assert_eq!(conditional.send(&fhir).await.status(), 200);
    let asked = fhir.asked().pop().unwrap();
    assert_eq!(asked.uri().to_string(), "/fhir/Observation/o-1?_pretty=true");
    for name in ["if-none-match", "if-modified-since", "range", "authorization", "prefer"] {
        assert!(!asked.headers().contains_key(name), "{name}");
    }
    assert_eq!(asked.headers()["accept"], "application/fhir+json");
    assert_eq!(asked.headers()["accept-encoding"], "identity");
    let xml = ask("GET", "/Observation/o-1?_format=xml", OWN).send(&fhir).await;
    assert_eq!((xml.status().as_u16(), fhir.asked().len()), (406, 0));

    // HEAD is judged like GET, and has no body.
    let head = ask("HEAD", "/Observation/o-1", OWN).send(&fhir).await;
    assert_eq!((head.status().as_u16(), head.body().len()), (200, 0));
    assert_eq!(fhir.asked().pop().unwrap().method(), "GET");
    assert_eq!(ask("HEAD", "/Observation/o-2", OWN).send(&fhir).await.status(), 404);
}

/// SMART-SCOPE-060
#[tokio::test]
async fn a_bundle_is_filtered_and_otherwise_untouched() {
    let fhir = Fhir::new();
    let answer = ask("GET", "/Observation?status=final", OWN).send(&fhir).await;
    let bundle = value(&answer);
    let ids: Vec<_> =
        bundle["entry"].as_array().unwrap().iter().map(|entry| entry["resource"]["id"].clone()).collect();
    assert_eq!(ids, ["o-1", "o-3"]);
    assert!(bundle.get("total").is_none());
    let relations: Vec<_> =
        bundle["link"].as_array().unwrap().iter().map(|link| link["relation"].clone()).collect();
    assert_eq!(relations, ["next"], "the last page would count");
    assert!(!answer.headers().contains_key("etag"), "it was of the whole");
    assert_eq!(fhir.asked().pop().unwrap().uri().query(), Some("status=final&patient=p-1"));
    // The next page is a search of its own.
    assert_eq!(ask("GET", "/Observation?_page=2", OWN).send(&fhir).await.status(), 200);

    let form =
        ask("POST", "/Observation/_search", OWN).body("application/x-www-form-urlencoded", "status=final");
    assert_eq!(value(&form.send(&fhir).await)["entry"].as_array().unwrap().len(), 2);
    assert_eq!(fhir.asked().pop().unwrap().body(), "status=final&patient=p-1");

    // Nothing found is an answer; a number would be one about others.
    let none = ask("GET", "/Observation", "patient/Observation.rs?category=survey").send(&fhir).await;
    assert_eq!(
        value(&none),
        json!({"resourceType": "Bundle", "type": "searchset", "link": bundle["link"].as_array().map(|links| vec![links[0].clone()])})
    );
    assert_eq!(ask("GET", "/Observation?_summary=count", OWN).send(&fhir).await.status(), 403);

    // Digits stay as the server wrote them.
    let mut entry = observation("o-9", "p-1", "laboratory").to_string();
    entry.insert_str(entry.len() - 1, ",\"valueQuantity\":{\"value\":5.40}");
    fhir.says(
        200,
        "application/fhir+json",
        format!(
            "{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{{\"resource\":{entry}}}]}}"
        ),
    );
    let answer = ask("GET", "/Observation", OWN).send(&fhir).await;
    assert!(std::str::from_utf8(answer.body()).unwrap().contains("5.40"));

    for (status, kind, body, wanted) in [
        (200, "application/fhir+xml", "<Bundle/>", 502),
        (200, "application/fhir+json", "{\"resourceType\":\"Observation\"}", 502),
        (202, "application/fhir+json", "", 502),
        (301, "text/html", "", 502),
        (
            400,
            "application/fhir+json",
            "{\"resourceType\":\"OperationOutcome\",\"text\":\"Patient/p-2\"}",
            400,
        ),
        (500, "text/plain", "p-2", 503),
    ] {
        fhir.says(status, kind, body);
        let answer = ask("GET", "/Observation", OWN).send(&fhir).await;
        assert_eq!(answer.status(), wanted, "{status}");
        assert!(!value(&answer).to_string().contains("p-2"));
    }
    let small = guard().enforcing().with_max_answer(100);
    assert_eq!(ask("GET", "/Observation", OWN).send_by(&fhir, small).await.status(), 502);
}

#[tokio::test]
async fn the_history_of_what_is_hidden_is_not_there() {
    let fhir = Fhir::new();
    let history = |id: &str| {
        let resource = fhir.get(&format!("Observation/{id}"));
        json!({"resourceType": "Bundle", "type": "history", "total": 1, "entry": [{"resource": resource}, {"request": {"method": "DELETE", "url": "x"}}]})
    };
    fhir.says(200, "application/fhir+json", history("o-1"));
    let own = ask("GET", "/Observation/o-1/_history", OWN).send(&fhir).await;
    assert_eq!(value(&own)["entry"].as_array().unwrap().len(), 1);
    fhir.says(200, "application/fhir+json", history("o-2"));
    let hidden = ask("GET", "/Observation/o-2/_history", OWN).send(&fhir).await;
    fhir.says(404, "application/fhir+json", "{}");
    let missing = ask("GET", "/Observation/o-2/_history", OWN).send(&fhir).await;
    assert_eq!(told(&hidden), told(&missing));
}

/// SMART-SCOPE-024
#[tokio::test]
async fn everything_is_filtered_and_unknown_operations_are_refused() {
    let fhir = Fhir::new();
    let all: Vec<Value> = ["Patient/p-1", "Observation/o-1", "Observation/o-2"]
        .iter()
        .map(|key| json!({"resource": fhir.get(key)}))
        .collect();
    // The patient is looked at first, then asked for everything.
    let everything = json!({"resourceType": "Bundle", "type": "searchset", "entry": all});
    let fake = fhir.clone();
    let answer = {
        fake.put(json!({"resourceType": "Patient", "id": "p-1", "active": true}));
        let patient = fake.get("Patient/p-1").unwrap();
        let layer = guard().enforcing().with_stored_resources(std::sync::Arc::new(OnlyThis(patient)));
        fhir.says(200, "application/fhir+json", everything);
        ask("GET", "/Patient/p-1/$everything", OWN).send_by(&fhir, layer).await
    };
    assert_eq!(value(&answer)["entry"].as_array().unwrap().len(), 2);
    assert_eq!(fhir.asked().len(), 1);
    for path in ["/Patient/p-2/$everything", "/$export", "/Patient/$match", "/Observation/$lastn"] {
        assert_eq!(ask("GET", path, OWN).send(&fhir).await.status(), 403, "{path}");
    }
    assert_eq!(fhir.asked().len(), 0);
}

#[derive(Debug)]
struct OnlyThis(Value);

#[async_trait::async_trait]
impl vestibule_resource::layer::StoredResources for OnlyThis {
    async fn stored(
        &self,
        _: vestibule_scope::ResourceType,
        _: &vestibule_resource::LogicalId,
    ) -> Result<Option<Value>, vestibule_host::BoxError> {
        Ok(Some(self.0.clone()))
    }
}

/// SMART-SCOPE-027
#[tokio::test]
async fn an_open_scope_gets_the_servers_own_answers() {
    let fhir = Fhir::new();
    let open = "user/*.cruds";
    let answer = ask("GET", "/Observation?status=final&_summary=count", open)
        .with("accept", "application/fhir+xml")
        .send(&fhir)
        .await;
    assert_eq!((answer.status().as_u16(), value(&answer)["total"].as_u64()), (200, Some(3)));
    assert_eq!(answer.headers()["etag"], "W/\"whole\"");
    let asked = fhir.asked().pop().unwrap();
    assert_eq!(asked.headers()["accept"], "application/fhir+xml");
    assert!(!asked.headers().contains_key("authorization"));
    fhir.says(410, "text/plain", "gone");
    assert_eq!(ask("GET", "/Observation/o-1", open).send(&fhir).await.status(), 410);
}

/// SMART-SCOPE-046
#[tokio::test]
async fn a_search_that_cannot_be_limited_is_refused() {
    let fhir = Fhir::new();
    // What is left out later moves others to another page, and so tells whether something hidden matches.
    for path in [
        "/?_type=Observation&subject=Patient/p-2&code=x&_count=1",
        "/?subject=Patient/p-2",
        "/_history?_count=1",
        "/Observation/_history?_count=1",
        "/Practitioner/d/*?subject=Patient/p-2",
    ] {
        assert_eq!(ask("GET", path, "patient/*.rs").send(&fhir).await.status(), 403, "{path}");
    }
    assert_eq!(fhir.asked().len(), 0);
    // Another's compartment is searched for what is the patient's.
    ask("GET", "/Practitioner/d/Observation?code=x&_count=1", "patient/*.rs").send(&fhir).await;
    assert_eq!(fhir.asked().pop().unwrap().uri().query(), Some("code=x&_count=1&patient=p-1"));
    // A page that the server named.
    assert_ne!(ask("GET", "/?_page=2", "patient/*.rs").send(&fhir).await.status(), 403);
}

/// SMART-SCOPE-043, SMART-SCOPE-046
#[tokio::test]
async fn pages_tell_nothing_of_what_no_scope_reaches() {
    let fhir = Fhir::new();
    // Together they are no search of FHIR's; that there is a next page would tell of a third kind.
    let two = "patient/Observation.rs?category=laboratory patient/Observation.rs?code=8867-4";
    for path in ["/Observation?_count=1", "/Observation?category=survey", "/Patient/p-1/Observation"] {
        assert_eq!(ask("GET", path, two).send(&fhir).await.status(), 403, "{path}");
    }
    // Nor is what nobody understands.
    let unclear = ask("GET", "/Encounter?_count=1", "patient/*.rs?category=laboratory").send(&fhir).await;
    assert_eq!(unclear.status(), 403);
    assert_eq!(fhir.asked().len(), 0);
    let own = ask("GET", "/Observation?category=laboratory", two).send(&fhir).await;
    assert_eq!(own.status(), 200);
    assert_eq!(value(&own)["entry"].as_array().unwrap().len(), 1);
    assert_eq!(fhir.asked().pop().unwrap().uri().query(), Some("category=laboratory&patient=p-1"));
}

/// SMART-SCOPE-046
#[tokio::test]
async fn a_form_holds_all_that_limits() {
    let fhir = Fhir::new();
    // Some servers read the form of a POST alone, also where none came.
    for search in [
        ask("POST", "/Observation/_search?status=final", OWN),
        ask("POST", "/Observation/_search?status=final", OWN).body("application/fhir+json", ""),
    ] {
        assert_eq!(search.send(&fhir).await.status(), 200);
        let asked = fhir.asked().pop().unwrap();
        assert_eq!((asked.uri().query(), asked.body().as_ref()), (Some("status=final"), &b"patient=p-1"[..]));
        assert_eq!(asked.headers()["content-type"], "application/x-www-form-urlencoded");
    }
    let two = "patient/Observation.rs?category=laboratory patient/Observation.rs?code=8867-4";
    let search = ask("POST", "/Observation/_search?category=laboratory", two);
    assert_eq!(search.send(&fhir).await.status(), 403);
}

/// SMART-SCOPE-024, SMART-SCOPE-048
#[tokio::test]
async fn a_validation_tells_nothing_of_others() {
    let fhir = Fhir::new();
    let own = "patient/Observation.cu";
    let validate = |scopes, patient| {
        ask("POST", "/Observation/$validate", scopes).json(&observation("x", patient, "survey"))
    };
    let outcome = |code| {
        json!({"resourceType": "OperationOutcome", "issue": [
            {"severity": "error", "code": code, "diagnostics": "Patient/p-9 is not here"},
            {"severity": "warning", "code": "value", "diagnostics": "as p-2 has it", "expression": ["Observation.code"]},
        ]})
    };
    fhir.says(
        200,
        "application/fhir+json",
        json!({"resourceType": "OperationOutcome", "issue": [
        {"severity": "warning", "code": "value"}]}),
    );
    let sound = validate(own, "p-1").send(&fhir).await;
    assert_eq!(sound.status(), 200);
    assert_eq!(value(&sound)["issue"][0], json!({"severity": "warning", "code": "value"}));
    // Whether a reference leads somewhere, whether an identifier is taken: the same bytes.
    for (status, code) in
        [(200, "not-found"), (422, "not-found"), (409, "duplicate"), (412, "conflict"), (400, "processing")]
    {
        fhir.says(status, "application/fhir+json", outcome(code));
        assert_eq!(told(&validate(own, "p-1").send(&fhir).await), told(&sound), "{status} {code}");
    }
    fhir.says(422, "application/fhir+json", outcome("required"));
    assert_eq!(value(&validate(own, "p-1").send(&fhir).await)["issue"][0]["code"], "required");
    fhir.says(500, "application/fhir+json", outcome("exception"));
    assert_eq!(validate(own, "p-1").send(&fhir).await.status(), 503);
    fhir.asked();
    // What could not be written is not validated.
    let parameters = |resources: &[serde_json::Value]| {
        let all: Vec<_> = resources.iter().map(|it| json!({"name": "resource", "resource": it})).collect();
        json!({"resourceType": "Parameters", "parameter": all})
    };
    let both = [observation("x", "p-1", "survey"), observation("x", "p-2", "survey")];
    assert_eq!(validate(own, "p-2").send(&fhir).await.status(), 403);
    for (resources, status) in [(&both[1..], 403), (&both[..], 400), (&[][..], 400)] {
        let asked = ask("POST", "/Observation/$validate", own).json(&parameters(resources));
        assert_eq!(asked.send(&fhir).await.status(), status);
    }
    let stored = ask("POST", "/Observation/o-2/$validate", "patient/Observation.ru");
    assert_eq!(stored.json(&both[0]).send(&fhir).await.status(), 404);
    assert!(fhir.asked().iter().all(|it| it.method() == "GET"));
    let asked = ask("POST", "/Observation/$validate", own).json(&parameters(&both[..1]));
    fhir.says(200, "application/fhir+json", outcome("not-found"));
    assert_eq!(told(&asked.send(&fhir).await), told(&sound));
    // Who may write and read all of it is told what the server says; who may not read, is not.
    fhir.says(422, "application/fhir+json", outcome("not-found"));
    let open = validate("user/Observation.cr", "p-2").send(&fhir).await;
    assert_eq!((open.status().as_u16(), value(&open)["issue"][0]["code"].as_str()), (422, Some("not-found")));
    fhir.says(422, "application/fhir+json", outcome("not-found"));
    assert_eq!(told(&validate("user/Observation.c", "p-2").send(&fhir).await), told(&sound));
}

#[tokio::test]
async fn a_second_token_is_refused_in_a_form_too() {
    let fhir = Fhir::new();
    let form = "code=x&access_token=zzz";
    let search = ask("POST", "/Observation/_search", OWN).body("application/x-www-form-urlencoded", form);
    assert_eq!(search.send(&fhir).await.status(), 400);
    assert_eq!(fhir.asked().len(), 0);
}

#[tokio::test]
async fn headers_that_nobody_judged_stay_here() {
    let fhir = Fhir::new();
    let asked = ask("GET", "/Observation/o-1", "user/*.rs")
        .with("x-original-url", "/Patient/p-2")
        .with("x-cascade", "delete")
        .with("x-forwarded-host", "elsewhere.example")
        .with("traceparent", "00-1-2-00");
    assert_eq!(asked.send(&fhir).await.status(), 200);
    let mut names: Vec<String> =
        fhir.asked().pop().unwrap().headers().keys().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(names, ["traceparent"]);
}
