//! Writing: what is stored and what is submitted are both judged, and nobody overwrites what they have not seen.

use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::browser::Answer;
use crate::fhir::{App, BASE, Server, ids};

const LABORATORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory";

/// A base of their own, so that those who count are not disturbed.
async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(Server::open).await
}

async fn app(user: &'static str, patient: &str, scope: &str) -> App<'static> {
    server().await.app(user, Some(patient), scope).await
}

fn observation(patient: &str, category: &str) -> Value {
    json!({
        "resourceType": "Observation", "status": "final", "subject": {"reference": format!("Patient/{patient}")},
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}, "valueQuantity": {"value": 61, "unit": "/min"}
    })
}

/// Where something was written, below the base and without its version.
fn place(answer: &Answer) -> String {
    let location = answer.header("location").strip_prefix(BASE).unwrap();
    location.split_once("/_history/").unwrap().0.to_owned()
}

fn with_id(mut resource: Value, place: &str) -> Value {
    resource["id"] = json!(place.rsplit_once('/').unwrap().1);
    resource
}

/// SMART-SCOPE-020, SMART-SCOPE-048
#[tokio::test]
async fn a_resource_lives_from_create_to_delete() {
    let app = app("dr-lee", "hana", "patient/Observation.cruds").await;
    let made = app.send("POST", "/Observation", &[], Some(&observation("hana", "vital-signs"))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let place = place(&made);
    let read = app.get(&place).await;
    assert_eq!(read.json(), made.json());
    assert_eq!(read.header("etag"), made.header("etag"));
    let id = place.rsplit_once('/').unwrap().1.to_owned();
    assert!(app.finds("/Observation?patient=hana&_count=200").await.contains(&id));

    let mut changed = with_id(observation("hana", "vital-signs"), &place);
    changed["valueQuantity"]["value"] = json!(64);
    let stale = app.send("PUT", &place, &[("if-match", "W/\"1\"")], Some(&changed)).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let put = app.send("PUT", &place, &[("if-match", read.header("etag"))], Some(&changed)).await;
    assert_eq!(put.status, StatusCode::OK, "{}", put.body);
    assert_ne!(put.header("etag"), read.header("etag"));
    assert_eq!(app.get(&place).await.json()["valueQuantity"]["value"], 64);

    let version = made.header("location").strip_prefix(BASE).unwrap();
    assert_eq!(app.get(version).await.json()["valueQuantity"]["value"], 61);
    assert_eq!(app.get(&format!("{place}/_history")).await.json()["total"], 2);

    // One without a version would be nobody's to compare.
    changed["meta"] = json!([]);
    assert_eq!(app.send("PUT", &place, &[], Some(&changed)).await.status, StatusCode::BAD_REQUEST);

    let deleted = app.send("DELETE", &place, &[], None).await;
    assert_eq!((deleted.status, deleted.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(app.status(&place).await, 404);
    assert_eq!(app.send("DELETE", &place, &[], None).await.status, StatusCode::NOT_FOUND);
    assert!(!app.finds("/Observation?patient=hana&_count=200").await.contains(&id));
    assert_eq!(app.get(version).await.json()["valueQuantity"]["value"], 61, "what was, was");
    let history = app.get(&format!("{place}/_history")).await.json();
    assert_eq!(history["total"], 2, "of its end nobody says whose it was");
    let whole = server().await.app("dr-lee", None, "user/Observation.r").await;
    assert_eq!(whole.get(&format!("{place}/_history")).await.json()["total"], 3);
}

/// SMART-SCOPE-020, SMART-SCOPE-048
#[tokio::test]
async fn a_patch_is_judged_before_and_after() {
    let app = app("dr-lee", "hana", "patient/Observation.cruds").await;
    let made = app.send("POST", "/Observation", &[], Some(&observation("hana", "vital-signs"))).await;
    let place = place(&made);
    let json_patch = ("content-type", "application/json-patch+json");
    let patch = async |app: &App<'_>, place: &str, steps: Value| {
        app.send("PATCH", place, &[json_patch], Some(&steps)).await
    };
    let value = |value: u32| json!([{"op": "replace", "path": "/valueQuantity/value", "value": value}]);
    let done = patch(&app, &place, value(70)).await;
    assert_eq!(
        (done.status, &done.json()["valueQuantity"]["value"]),
        (StatusCode::OK, &json!(70)),
        "{}",
        done.body
    );
    assert_ne!(done.header("etag"), made.header("etag"));
    assert_eq!(app.get(&place).await.json(), done.json());
    let stale = app.send("PATCH", &place, &[json_patch, ("if-match", "W/\"1\"")], Some(&value(71))).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);

    // What it leaves must still be the patient's, within the scope, and the resource that it was.
    let laboratory = format!("patient/Observation.ru?category={LABORATORY} patient/Observation.c");
    let granular = server().await.app("dr-lee", Some("hana"), &laboratory).await;
    let lab = app.send("POST", "/Observation", &[], Some(&observation("hana", "laboratory"))).await;
    let lab = self::place(&lab);
    assert_eq!(patch(&granular, &lab, value(5)).await.status, StatusCode::OK);
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    let recoded = json!([{"op": "replace", "path": "/category/0/coding/0/code", "value": "survey"}]);
    for (app, at, steps, status) in [
        (&granular, &lab, recoded, StatusCode::FORBIDDEN),
        (
            &app,
            &place,
            json!([{"op": "replace", "path": "/subject/reference", "value": "Patient/jonas"}]),
            StatusCode::FORBIDDEN,
        ),
        (&app, &place, json!([{"op": "remove", "path": "/subject"}]), StatusCode::FORBIDDEN),
        (&app, &place, json!([{"op": "replace", "path": "/id", "value": "other"}]), StatusCode::BAD_REQUEST),
        (&app, &place, json!([{"op": "replace", "path": "/meta", "value": 7}]), StatusCode::BAD_REQUEST),
        (
            &app,
            &place,
            json!([{"op": "replace", "path": "/resourceType", "value": "Condition"}]),
            StatusCode::BAD_REQUEST,
        ),
        (
            &app,
            &place,
            json!([{"op": "replace", "path": "/subject/reference", "value": "Patient?identifier=x"}]),
            StatusCode::BAD_REQUEST,
        ),
        (
            &app,
            &place,
            json!([{"op": "test", "path": "/status", "value": "draft"}]),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (&app, &place, json!([{"op": "remove", "path": "/nothing"}]), StatusCode::UNPROCESSABLE_ENTITY),
        (&app, &place, json!({"op": "remove"}), StatusCode::BAD_REQUEST),
        (
            &app,
            &place,
            vec![json!({"op": "copy", "from": "/code", "path": "/code/coding/-"}); 64].into(),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            &app,
            &place,
            vec![json!({"op": "copy", "from": "/code", "path": "/code/x"}); 64].into(),
            StatusCode::BAD_REQUEST,
        ),
        (&app, &place, json!([{"op": "add", "path": "/note", "value": deep}]), StatusCode::BAD_REQUEST),
        (
            &app,
            &place,
            vec![json!({"op": "copy", "from": "/valueQuantity/value", "path": "/x"}); 65].into(),
            StatusCode::BAD_REQUEST,
        ),
        (
            &app,
            &place,
            json!([{"op": "add", "path": "/note", "value": "x".repeat(40_000)}]),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let before = app.get(at).await.json();
        assert_eq!(patch(app, at, steps.clone()).await.status, status, "{steps}");
        assert_eq!(app.get(at).await.json(), before);
    }

    // Hidden, missing, and what may not be read: one answer.
    let missing = patch(&app, "/Observation/hana-glu-999", value(1)).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let writer = server().await.app("dr-lee", Some("hana"), "patient/Observation.u").await;
    for (app, at) in
        [(&app, "/Observation/jonas-glu-1"), (&granular, place.as_str()), (&writer, place.as_str())]
    {
        let hidden = patch(app, at, value(1)).await;
        assert_eq!((hidden.status, &hidden.body), (missing.status, &missing.body), "{at}");
    }
    let reader = server().await.app("dr-lee", Some("hana"), "patient/Observation.rs").await;
    assert_eq!(patch(&reader, &place, value(1)).await.status, StatusCode::FORBIDDEN);
    let other = app.send("PATCH", &place, &[], Some(&json!({"resourceType": "Parameters"}))).await;
    assert_eq!(other.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

/// SMART-SCOPE-020
#[tokio::test]
async fn each_letter_is_one_permission() {
    let reader = app("dr-lee", "hana", "patient/Observation.rs").await;
    let body = observation("hana", "survey");
    for (method, path) in
        [("POST", "/Observation"), ("PUT", "/Observation/hana-glu-1"), ("DELETE", "/Observation/hana-glu-1")]
    {
        let sent = (method != "DELETE").then_some(&body);
        let answer = reader.send(method, path, &[], sent).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method}");
        assert!(answer.header("www-authenticate").contains("insufficient_scope"));
    }
    let writer = app("dr-lee", "hana", "patient/Observation.c").await;
    let made = writer.send("POST", "/Observation", &[], Some(&body)).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(writer.status(&place(&made)).await, 403, "writing is not reading");
}

/// SMART-SCOPE-048
#[tokio::test]
async fn nothing_is_written_for_somebody_else() {
    let app = app("dr-lee", "jonas", "patient/Observation.cruds").await;
    for patient in ["hana", "vip", "nosuch"] {
        let answer = app.send("POST", "/Observation", &[], Some(&observation(patient, "survey"))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{patient}");
    }
    let nobody = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}});
    assert_eq!(app.send("POST", "/Observation", &[], Some(&nobody)).await.status, StatusCode::FORBIDDEN);

    // Neither take what is somebody else's, nor give away, and whether it is there is not told.
    let theirs = "/Observation/hana-glu-1";
    let mine = app.send("PUT", theirs, &[], Some(&with_id(observation("jonas", "survey"), theirs))).await;
    let missing = "/Observation/hana-glu-999";
    let none = app.send("PUT", missing, &[], Some(&with_id(observation("jonas", "survey"), missing))).await;
    assert_eq!((mine.status, &mine.body), (StatusCode::NOT_FOUND, &none.body));
    assert_eq!(mine.status, none.status);
    let (gone, none) =
        (app.send("DELETE", theirs, &[], None).await, app.send("DELETE", missing, &[], None).await);
    assert_eq!((gone.status, &gone.body), (StatusCode::NOT_FOUND, &none.body));
    let own = "/Observation/jonas-glu-1";
    let away = app.send("PUT", own, &[], Some(&with_id(observation("hana", "survey"), own))).await;
    assert_eq!(away.status, StatusCode::FORBIDDEN);
    assert_eq!(app.get(own).await.header("etag"), "W/\"1\"");

    // SMART-SCOPE-025: a scope for everything does not open what the user may not open.
    let lee = server().await.app("dr-lee", None, "user/*.cruds").await;
    assert_eq!(
        lee.send("POST", "/Observation", &[], Some(&observation("vip", "survey"))).await.status,
        StatusCode::FORBIDDEN
    );
    let vips = "/Observation/vip-glu-1";
    let answer = lee.send("PUT", vips, &[], Some(&with_id(observation("vip", "survey"), vips))).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

/// SMART-SCOPE-048
#[tokio::test]
async fn a_granular_scope_holds_before_and_after() {
    let scope = format!("patient/Observation.cruds?category={LABORATORY}");
    let app = app("dr-lee", "maya", &scope).await;
    let made = app.send("POST", "/Observation", &[], Some(&observation("maya", "laboratory"))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let place = place(&made);
    let other = app.send("POST", "/Observation", &[], Some(&observation("maya", "survey"))).await;
    assert_eq!(other.status, StatusCode::FORBIDDEN);
    let out = app.send("PUT", &place, &[], Some(&with_id(observation("maya", "survey"), &place))).await;
    assert_eq!(out.status, StatusCode::FORBIDDEN, "not out of the scope");
    let vital = "/Observation/maya-bp-1";
    let into = app.send("PUT", vital, &[], Some(&with_id(observation("maya", "laboratory"), vital))).await;
    assert_eq!(into.status, StatusCode::NOT_FOUND, "nor into it");
}

/// SMART-SCOPE-023
#[tokio::test]
async fn conditions_are_searches() {
    let key = |text: &str| {
        let mut resource = observation("goran", "survey");
        resource["code"] = json!({"coding": [{"system": "https://app.example/keys", "code": text}]});
        resource
    };
    let all = app("dr-lee", "goran", "patient/Observation.cruds").await;
    let condition = [("if-none-exist", "code=https://app.example/keys|one")];
    let first = all.send("POST", "/Observation", &condition, Some(&key("one"))).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let again = all.send("POST", "/Observation", &condition, Some(&key("one"))).await;
    assert_eq!((again.status, again.header("location")), (StatusCode::OK, first.header("location")));
    // Of somebody else's, nothing is found: so there is none.
    let hanas = app("dr-lee", "hana", "patient/Observation.cruds").await;
    let mut body = key("one");
    body["subject"] = json!({"reference": "Patient/hana"});
    assert_eq!(hanas.send("POST", "/Observation", &condition, Some(&body)).await.status, StatusCode::CREATED);
    let blind = app("dr-lee", "goran", "patient/Observation.c").await;
    let refused = blind.send("POST", "/Observation", &condition, Some(&key("one"))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "it would need to search");

    let path = "/Observation?code=https://app.example/keys|one";
    let updated = all.send("PUT", path, &[], Some(&key("one"))).await;
    assert_eq!((updated.status, place(&updated)), (StatusCode::OK, place(&first)));
    let several = all.send("PUT", "/Observation?category=laboratory", &[], Some(&key("one"))).await;
    assert_eq!(several.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(all.send("DELETE", path, &[], None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(all.send("DELETE", path, &[], None).await.status, StatusCode::NOT_FOUND);
}

/// SMART-SCOPE-022
#[tokio::test]
async fn a_transaction_is_done_whole_or_not_at_all() {
    let app = app("dr-lee", "liam", "patient/Observation.cruds patient/DiagnosticReport.cr").await;
    let post = |resource: Value, full_url: &str| {
        let url = resource["resourceType"].as_str().unwrap().to_owned();
        json!({"fullUrl": full_url, "resource": resource, "request": {"method": "POST", "url": url}})
    };
    let report = json!({
        "resourceType": "DiagnosticReport", "status": "final", "code": {"text": "x"}, "subject": {"reference": "Patient/liam"},
        "result": [{"reference": "urn:uuid:0c4f3a55-6b6e-4a3e-8a63-3c5fb8a2e6aa"}]
    });
    let observed = post(observation("liam", "laboratory"), "urn:uuid:0c4f3a55-6b6e-4a3e-8a63-3c5fb8a2e6aa");
    let transaction =
        |entries: Vec<Value>| json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    let before = app.finds("/Observation?patient=liam&_count=200").await;

    let foreign = post(observation("hana", "laboratory"), "urn:uuid:1");
    let refused = app.send("POST", "/", &[], Some(&transaction(vec![observed.clone(), foreign]))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.body);
    let condition =
        json!({"resource": {"resourceType": "Condition"}, "request": {"method": "POST", "url": "Condition"}});
    let refused = app.send("POST", "/", &[], Some(&transaction(vec![observed.clone(), condition]))).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(app.finds("/Observation?patient=liam&_count=200").await, before, "nothing of it");

    let get = json!({"request": {"method": "GET", "url": "Observation?patient=liam&_summary=count"}});
    let done =
        app.send("POST", "/", &[], Some(&transaction(vec![post(report, "urn:uuid:2"), observed, get]))).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let done = done.json();
    assert_eq!(done["type"], "transaction-response");
    let created = done["entry"][1]["resource"]["id"].as_str().unwrap();
    assert_eq!(done["entry"][0]["resource"]["result"][0]["reference"], format!("Observation/{created}"));
    assert_eq!(done["entry"][2]["resource"]["total"], before.len() + 1, "reads come last");
}

#[tokio::test]
async fn what_apps_do_not_write_here() {
    let lee = server().await.app("dr-lee", None, "user/*.cruds").await;
    for (method, path, body) in [
        ("POST", "/Patient", json!({"resourceType": "Patient"})),
        ("PUT", "/Practitioner/lee", json!({"resourceType": "Practitioner", "id": "lee"})),
        ("DELETE", "/Provenance/prov-ben", Value::Null),
        ("POST", "/Binary", json!({"resourceType": "Binary", "contentType": "text/plain"})),
    ] {
        let answer = lee.send(method, path, &[], (method != "DELETE").then_some(&body)).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}: {}", answer.body);
    }
    let mut large = observation("ben", "survey");
    large["note"] = json!([{"text": "x".repeat(40_000)}]);
    assert_eq!(
        lee.send("POST", "/Observation", &[], Some(&large)).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let mut vague = observation("ben", "survey");
    vague["encounter"] = json!({"reference": "Encounter?identifier=x"});
    assert_eq!(lee.send("POST", "/Observation", &[], Some(&vague)).await.status, StatusCode::BAD_REQUEST);
    let new = "/Observation/chosen-id";
    let chosen = lee.send("PUT", new, &[], Some(&with_id(observation("ben", "survey"), new))).await;
    assert_eq!(chosen.status, StatusCode::NOT_FOUND, "no update as create");
    let other = lee.send("POST", "/Observation", &[], Some(&json!({"resourceType": "Condition"}))).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn references_to_this_base_lead_home() {
    let app = app("dr-lee", "ines", "patient/Observation.crs").await;
    let mut absolute = observation("ines", "survey");
    absolute["subject"] = json!({"reference": format!("{BASE}/Patient/ines")});
    let made = app.send("POST", "/Observation", &[], Some(&absolute)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(made.json()["subject"]["reference"], "Patient/ines");
    let found = app.get("/Observation?patient=ines&_lastUpdated=gt2026-11-10").await;
    assert_eq!(ids(&found), [made.json()["id"].as_str().unwrap()]);
}

#[tokio::test]
async fn there_is_room_for_so_much_and_no_more() {
    let full = Server::open().await;
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                INSERT INTO ehr_written (base, kind, id, at, body) SELECT '/fhir', 'Observation', 'row-' || i, ?1, NULL FROM n";
    let now = jiff::Timestamp::now().as_millisecond();
    let fill = move |at: i64| move |c: &rusqlite::Connection| c.execute(rows, [at]).map(|_| ());
    full.database.run(fill(now)).await.unwrap();
    let app = full.app("alice", Some("alice"), "patient/Observation.crs").await;
    let post =
        async || app.send("POST", "/Observation", &[], Some(&observation("alice", "survey"))).await.status;
    assert_eq!(post().await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.status("/Observation/alice-glu-1").await, 200, "reading goes on");
    // What nobody touched for a day makes room.
    let yesterday = now - 25 * 60 * 60 * 1000;
    let age =
        move |c: &rusqlite::Connection| c.execute("UPDATE ehr_written SET at = ?1", [yesterday]).map(|_| ());
    full.database.run(age).await.unwrap();
    assert_eq!(post().await, StatusCode::CREATED);
}
