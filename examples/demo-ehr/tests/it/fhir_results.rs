//! How results come: pages, POST `_search`, compartments, versions, batches of reads, and what `/metadata` says.

use http::StatusCode;
use serde_json::{Value, json};

use crate::fhir::{App, Server, ids, link, server};

#[tokio::test]
async fn pages_of_a_search_lead_to_each_other() {
    let app = App::new("alice", Some("alice"), "patient/*.rs").await;
    let mut path = "/Observation?patient=alice&_count=15".to_owned();
    let mut pages = Vec::new();
    let last = loop {
        let answer = app.get(&path).await;
        let bundle = answer.json();
        assert_eq!(bundle["type"], "searchset");
        assert_eq!(bundle["total"], 40);
        assert_eq!(link(&bundle, "self").unwrap(), path);
        pages.push(ids(&answer));
        let Some(next) = link(&bundle, "next") else { break bundle };
        path = next;
    };
    let mut seen: Vec<&String> = pages.iter().flatten().collect();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), pages.len()), (40, 3));
    // And back.
    let back = app.get(&link(&last, "previous").unwrap()).await;
    assert_eq!(ids(&back), pages[1]);
    let first = app.get(&link(&back.json(), "previous").unwrap()).await;
    assert_eq!(ids(&first), pages[0]);
    assert_eq!(link(&first.json(), "previous"), None);
    // A link holds a search and no rights: whoever follows it sees what their own token opens.
    let bens = App::new("alice", Some("ben"), "patient/*.rs").await;
    assert_eq!(bens.status(&path).await, 403);
}

#[tokio::test]
async fn a_search_by_post_is_the_same_search() {
    let app = App::new("alice", Some("alice"), "patient/*.rs").await;
    let by_get = app.get("/Observation?patient=alice&category=laboratory&_sort=-date").await;
    let by_post =
        app.post_search("/Observation/_search", "patient=alice&category=laboratory&_sort=-date").await;
    assert_eq!(by_post.status, StatusCode::OK, "{}", by_post.body);
    assert_eq!(by_post.json(), by_get.json());
    let both = app.post_search("/Observation/_search?category=laboratory", "patient=alice&_sort=-date").await;
    assert_eq!(ids(&both), ids(&by_get), "address and form both count");
    assert_eq!(app.post_search("/Observation/_search", "patient=carol").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_compartment_is_searched_by_type() {
    let app = App::new("alice", Some("ben"), "patient/*.rs").await;
    let found = app.finds("/Patient/ben/Condition").await;
    assert_eq!(found, app.finds("/Condition?patient=ben").await);
    assert!(!found.is_empty());
    assert_eq!(app.status("/Patient/alice/Condition").await, 403);
    assert_eq!(app.status("/Patient/ben/*").await, 400);
    assert_eq!(app.status("/Patient/ben/NoSuchType").await, 404);
}

/// SMART-SCOPE-023
#[tokio::test]
async fn several_types_are_searched_at_once() {
    let app = App::new("alice", Some("ben"), "patient/Condition.rs patient/Goal.rs").await;
    let each = [app.finds("/Condition?patient=ben").await, app.finds("/Goal?patient=ben").await].concat();
    assert_eq!(app.finds("/?_type=Condition,Goal&patient=ben&_count=200").await, each);
    assert_eq!(app.finds("/?_type=Condition,Goal,Condition&_count=200").await, each, "nobody else's");
    let posted = app.post_search("/_search", "_type=Condition,Goal&_count=200").await;
    assert_eq!((posted.status, ids(&posted)), (StatusCode::OK, each.clone()), "{}", posted.body);
    let mut path = "/?_type=Condition,Goal&_count=1".to_owned();
    let mut paged = Vec::new();
    loop {
        let answer = app.get(&path).await;
        paged.extend(ids(&answer));
        assert_eq!(answer.json()["total"], each.len());
        let Some(next) = link(&answer.json(), "next") else { break };
        path = format!("/{next}");
    }
    assert_eq!(paged, each);
    assert_eq!(app.status("/?_type=Condition,Goal&patient=alice").await, 403);
    assert_eq!(app.status("/?_type=Condition,Observation").await, 403, "each of them needs a scope");
}

#[tokio::test]
async fn records_have_versions() {
    let app = App::new("alice", Some("ben"), "patient/Observation.r").await;
    let read = app.get("/Observation/ben-glu-1").await;
    assert_eq!(read.header("etag"), "W/\"1\"");
    assert_eq!(read.json()["meta"]["versionId"], "1");
    let version = app.get("/Observation/ben-glu-1/_history/1").await;
    assert_eq!(version.json(), read.json());
    assert_eq!(app.status("/Observation/ben-glu-1/_history/2").await, 404);
    let history = app.get("/Observation/ben-glu-1/_history").await.json();
    assert_eq!((&history["type"], &history["total"]), (&json!("history"), &json!(1)));
    assert_eq!(app.status("/Observation/_history").await, 403, "that is a search");
}

/// SMART-SCOPE-022
#[tokio::test]
async fn each_entry_of_a_batch_is_judged_alone() {
    let app = App::new("alice", Some("ben"), "patient/Observation.rs").await;
    let get = |url: &str| json!({"request": {"method": "GET", "url": url}});
    let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": [
        get("Observation/ben-glu-1"), get("Observation/alice-glu-1"), get("Condition/ben-con-1"),
        get("Observation?category=laboratory&_summary=count"), get("https://ehr.example/fhir/Observation/ben-glu-1"),
        get("https://other.example/fhir/Observation/ben-glu-1"), {"resource": {}}
    ]});
    let answer = app.send("POST", "/", &[], Some(&bundle)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let answer = answer.json();
    let statuses: Vec<_> = answer["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["response"]["status"].as_str().unwrap()[..3])
        .collect();
    assert_eq!(statuses, ["200", "404", "403", "200", "200", "400", "400"], "{answer}");
    assert_eq!(answer["entry"][0]["resource"]["id"], "ben-glu-1");
    assert_eq!(answer["entry"][1]["response"]["outcome"]["resourceType"], "OperationOutcome");
    let many: Vec<Value> = (0..51).map(|_| get("Observation/ben-glu-1")).collect();
    let many = json!({"resourceType": "Bundle", "type": "batch", "entry": many});
    assert_eq!(app.send("POST", "/", &[], Some(&many)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_cannot_be_read_exactly_is_refused() {
    let app = App::new("alice", Some("ben"), "patient/*.rs").await;
    for path in [
        "/Observation//ben-glu-1",
        "/Observation/%62en-glu-1",
        "/Observation/ben-glu-1/",
        "/Observation/../Observation/ben-glu-1",
        "/observation/ben-glu-1",
        "/Observation?subject:Patient.name=x",
        "/Patient?_has:Observation:patient:code=x",
        "/Observation?_filter=code%20eq%20x",
        "/?_type=NoSuchType",
        "/?_type=Observation&_sort=date",
        "/?_type=DocumentReference&_include=DocumentReference:author",
        "/?patient=ben",
        "/Observation?_count=1&_count=2",
    ] {
        let answer = app.get(path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{path}");
    }
    let huge = json!({"resourceType": "Bundle", "type": "batch", "x": "x".repeat(300_000)});
    assert_eq!(app.send("POST", "/", &[], Some(&huge)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let xml = app.send("POST", "/", &[("content-type", "application/fhir+xml")], Some(&json!(1))).await;
    assert_eq!(xml.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

/// IPA-003
#[tokio::test]
async fn metadata_tells_an_app_what_its_token_is_good_for() {
    let app = App::new("alice", Some("ben"), "patient/Observation.rs patient/Condition.cr").await;
    let statement = app.get("/metadata").await;
    assert!(statement.headers.get_all("vary").iter().any(|value| value == "authorization"));
    let statement = statement.json();
    let codes = |statement: &Value, kind: &str| -> Vec<String> {
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        let found = resources.iter().find(|resource| resource["type"] == kind);
        let codes =
            found.map(|resource| resource["interaction"].as_array().unwrap().clone()).unwrap_or_default();
        codes.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes(&statement, "Observation"), ["read", "vread", "history-instance", "search-type"]);
    assert_eq!(codes(&statement, "Condition"), ["read", "vread", "history-instance", "create"]);
    assert!(codes(&statement, "Goal").is_empty());
    let public = server().await.get("/metadata", "expired").await.json();
    assert!(codes(&public, "Goal").contains(&"update".to_owned()));
    assert!(!codes(&public, "Patient").contains(&"update".to_owned()));
    assert_eq!(public["rest"][0]["security"]["cors"], true);
    for statement in [&statement, &public] {
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        assert!(resources.iter().all(|resource| resource["updateCreate"] == false));
    }
}

#[tokio::test]
async fn decisions_are_kept_without_ids() {
    let server = Server::open().await;
    let app = server.app("alice", Some("ben"), "patient/Goal.rs").await;
    assert_eq!(app.status("/Goal/ben-goa-1").await, 200);
    assert_eq!(app.status("/CareTeam?patient=ben").await, 403);
    let noted = server.journal.newest(500);
    let find = |what: &str| noted.iter().find(|one| one.judged.interaction == what).unwrap();
    let read = find("read Goal");
    assert_eq!((read.judged.answer.name(), read.judged.why.as_str()), ("narrowed", "patient/Goal.rs"));
    assert_eq!(find("search CareTeam").judged.answer.name(), "denied");
    assert!(noted.iter().all(|one| !format!("{one:?}").contains("ben")));
}
