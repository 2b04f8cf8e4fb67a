//! Hundreds of generated requests with generated scopes, over HTTP, against an oracle that knows the rules and nothing else.
//!
//! `world.rs` is the oracle: plain loops over all records. It calls no decision of Vestibule's and no search of the demo's.
//! `cases.rs` makes the requests. What comes back must be exactly what the oracle says: nothing more, nothing less. Then the
//! oracle is given one mistake after the other, and each must be noticed.

mod cases;
mod world;

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};
use vestibule_host::{Clock as _, SystemClock};

use crate::fhir::{App, BASE, ISSUER, Server, link};
use cases::{CATEGORIES, Case, Random, Who};
use world::{Expected, MISTAKES, Oracle};

const CASES: usize = 1500;
const SEED: u64 = 0x5eed_0004_0600;

/// SMART-SCOPE-040, SMART-SCOPE-043, SMART-SCOPE-044, SMART-SCOPE-045, SMART-SCOPE-046
#[tokio::test]
async fn exactly_what_an_oracle_says_comes_back() {
    let server = Server::open().await;
    let oracle = Oracle::new(None);
    let mut random = Random(SEED);
    let mut answers: Vec<(Case, Expected)> = Vec::new();
    for number in 0..CASES {
        let case = Case::generated(&mut random, oracle.world());
        let app = app(&server, &case).await;
        let got = got(&app, &case).await;
        let expected = oracle.expects(&case);
        assert_eq!(got, expected, "case {number}: {case:?}");
        answers.push((case, got));
    }

    // They are worth something only if they try what they should.
    let found =
        answers.iter().filter(|(_, got)| matches!(got, Expected::Found(all) if !all.is_empty())).count();
    let searches = answers.iter().filter(|(case, _)| case.is_search()).count();
    let includes = answers.iter().filter(|(case, _)| case.has_include()).count();
    println!(
        "{} cases of seed {SEED:#x}: {searches} searches, {includes} with includes, {found} find something",
        answers.len()
    );
    assert!(answers.len() >= 500 && searches >= 300 && includes >= 60 && found >= 200);
    for (_, category) in CATEGORIES {
        let with = answers.iter().filter(|(case, got)| {
            case.scopes.iter().any(|scope| scope.to_string().contains(category))
                && matches!(got, Expected::Found(_))
        });
        assert!(with.count() >= 5, "{category}");
    }

    for mistake in MISTAKES {
        let wrong = Oracle::new(Some(mistake));
        let noticed = answers.iter().filter(|(case, got)| wrong.expects(case) != *got).count();
        println!("{mistake:?}: noticed {noticed} times");
        assert!(noticed > 0, "nobody would notice {mistake:?}");
    }
}

/// An app with the case's scopes.
async fn app<'s>(server: &'s Server, case: &Case) -> App<'s> {
    let scope: Vec<String> = case.scopes.iter().map(ToString::to_string).collect();
    let scope = if scope.is_empty() { "openid fhirUser".to_owned() } else { scope.join(" ") };
    match case.who {
        Who::User { name, patient } => server.app(name, patient, &scope).await,
        Who::Service => {
            let now = SystemClock.now().seconds();
            let claims = json!({
                "iss": ISSUER, "aud": BASE, "sub": "service", "client_id": "service", "jti": "2", "iat": now, "exp": now + 300,
                "scope": scope
            });
            App { token: server.sign(&claims).await, server }
        }
    }
}

/// Every page of the answer, as a set.
async fn got(app: &App<'_>, case: &Case) -> Expected {
    let mut all = BTreeSet::new();
    let mut total = None;
    let mut matches = 0;
    let mut path = case.path();
    loop {
        let answer = app.get(&path).await;
        if matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
            return Expected::Refused;
        }
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        let body = answer.json();
        if !case.is_search() {
            return Expected::Found(BTreeSet::from([(name(&body), false)]));
        }
        total = total.or(body["total"].as_u64());
        for entry in body["entry"].as_array().into_iter().flatten() {
            let included = entry["search"]["mode"] == "include";
            matches += u64::from(!included);
            all.insert((name(&entry["resource"]), included));
        }
        match link(&body, "next") {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(total, Some(matches), "the total is honest: {case:?}");
    // What comes along on one page may be found on the next.
    let found: BTreeSet<_> =
        all.iter().filter(|(_, included)| !included).map(|(name, _)| name.clone()).collect();
    all.retain(|(name, included)| !included || !found.contains(name));
    Expected::Found(all)
}

fn name(resource: &Value) -> String {
    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
}
