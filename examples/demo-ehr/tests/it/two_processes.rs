//! Two hospitals behind one address and on one store: each request may go to either.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use vestibule_test_servers::{Postgres, Redis, end, free_port};

use crate::browser::Answer;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A running hospital, ended with the test.
struct Hospital {
    child: Child,
    port: u16,
}

impl Hospital {
    /// Opens one that says it is reached at the port of another.
    fn open(port: u16, public: u16, store: &str, directory: &Path) -> Self {
        let (listen, public) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{public}"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_demo-ehr"))
            .args([
                "--listen",
                &listen,
                "--public-url",
                &public,
                "--store",
                store,
                "--clients",
                "clients.json",
            ])
            // The hospital's own tables are there as well.
            .current_dir(directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        lines.find(|line| line.contains("://") && line.contains("Stored")).expect("a banner");
        std::thread::spawn(move || lines.for_each(drop)); // or the pipe fills
        Self { child, port }
    }
}

impl Drop for Hospital {
    fn drop(&mut self) {
        end(&mut self.child, "TERM");
    }
}

/// An app that is on neither of them: each would send a browser to its own sample app.
const CALLBACK: &str = "https://app.example/callback.html";
const CLIENTS: &str = r#"[{"client_id": "shared-app", "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://app.example/callback.html"], "grant_types": ["authorization_code", "refresh_token"],
    "scope": "launch/patient openid offline_access patient/Patient.rs"}]"#;

/// The sample app takes the port after the hospital's.
fn free_pair() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    (0..100).map(|_| free_port()).find(|port| is_free(*port) && is_free(port + 1)).unwrap()
}

/// A browser, or an app, that is sent to the next hospital with each request.
struct Visitor {
    public: u16,
    ports: [u16; 2],
    turn: usize,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    fn request(&mut self, path: &str, form: Option<&[(&str, &str)]>, bearer: Option<&str>) -> Answer {
        let port = self.ports[self.turn % 2];
        self.turn += 1;
        let public = format!("127.0.0.1:{}", self.public);
        let path = path.strip_prefix(&format!("http://{public}")).unwrap_or(path);
        let body = form
            .map(|form| form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish())
            .unwrap_or_default();
        let mut head = format!(
            "{} {path} HTTP/1.1\r\nHost: {public}\r\nConnection: close\r\n",
            if form.is_some() { "POST" } else { "GET" }
        );
        if form.is_some() {
            head += &format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            );
            if bearer.is_none() {
                head += &format!("Origin: http://{public}\r\n");
            }
        }
        if let Some(token) = bearer {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            head += &format!("Cookie: {}\r\n", cookies.join("; "));
        }
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).unwrap();
        self.read(&String::from_utf8(said).unwrap())
    }

    fn read(&mut self, said: &str) -> Answer {
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = http::HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            headers.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        for line in headers.get_all("set-cookie") {
            let (pair, attributes) = line.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer { status, headers, body: body.to_owned() }
    }

    /// Follows redirects within the hospital.
    fn follow(&mut self, mut answer: Answer, mut at: String) -> (Answer, String) {
        for _ in 0..8 {
            let to = answer.header("location").to_owned();
            if to.is_empty() || to.contains("/callback.html") {
                return (answer, at);
            }
            answer = self.request(&to, None, None);
            at = to;
        }
        panic!("too many redirects");
    }

    fn get(&mut self, path: &str) -> (Answer, String) {
        let answer = self.request(path, None, None);
        self.follow(answer, path.to_owned())
    }

    fn post(&mut self, path: &str, form: &[(&str, &str)]) -> (Answer, String) {
        let answer = self.request(path, Some(form), None);
        self.follow(answer, path.to_owned())
    }
}

fn parameter(answer: &Answer, name: &str) -> String {
    let location = answer.header("location");
    let query = location.split_once('?').unwrap_or_else(|| panic!("no answer to the app: {}", answer.body)).1;
    form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).expect(name).1.into_owned()
}

/// A launch that begins on one is redeemed on the other: keys, sessions, interactions, codes, chains and revocations are shared.
#[test]
fn a_launch_goes_through_two_processes_on_one_database() {
    let database = Postgres::start_encrypted();
    // Nobody else could have vouched for it.
    let (server, authority) = (database.encrypted_url("localhost", "postgres"), database.authority());
    a_launch_goes_through_two_processes(&format!("{server}&sslrootcert={}", authority.display()), "database");
}

#[test]
fn a_launch_goes_through_two_processes_on_one_redis() {
    let server = Redis::start();
    a_launch_goes_through_two_processes(&server.url(), "redis");
}

fn a_launch_goes_through_two_processes(store: &str, name: &str) {
    let directory =
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("two-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("clients.json"), CLIENTS).unwrap();
    let public = free_pair();
    // At once: one makes the schema and the keys, the other finds them.
    let (first, second) = std::thread::scope(|scope| {
        let directory = &directory;
        let first = scope.spawn(move || Hospital::open(public, public, store, directory));
        let second = scope.spawn(move || Hospital::open(free_pair(), public, store, directory));
        (first.join().unwrap(), second.join().unwrap())
    });
    let new = || Visitor { public, ports: [first.port, second.port], turn: 0, cookies: BTreeMap::new() };

    let (mut alice, mut app) = (new(), new());
    let documents: Vec<_> =
        (0..2).map(|_| app.get("/fhir/.well-known/smart-configuration").0.json()).collect();
    assert_eq!(documents[0], documents[1], "one hospital");
    let key_set = documents[0]["jwks_uri"].as_str().unwrap();
    assert_eq!(app.get(key_set).0.json(), app.get(key_set).0.json(), "one key set");
    let (sign_in, at) = alice.get("/sign-in");
    let token = sign_in.field("token");
    alice.post(&at, &[("username", "alice"), ("password", "alice"), ("token", &token)]);

    let aud = format!("http://127.0.0.1:{public}/fhir");
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", "shared-app"),
            ("redirect_uri", CALLBACK),
            ("scope", "launch/patient openid offline_access patient/Patient.rs"),
            ("state", "some-state"),
            ("aud", &aud),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let authorize = documents[0]["authorization_endpoint"].as_str().unwrap();
    let (picker, at) = alice.get(&format!("{authorize}?{query}"));
    let step = picker.field("step");
    let (consent, at) = alice.post(&at, &[("step", &step), ("patient", "ben"), ("move", "choose")]);
    let step = consent.field("step");
    let allow = [
        ("step", step.as_str()),
        ("decision", "allow"),
        ("scope", "launch/patient"),
        ("scope", "openid"),
        ("scope", "offline_access"),
        ("scope", "patient/Patient.rs"),
    ];
    let (done, _) = alice.post(&at, &allow);
    let code = parameter(&done, "code");

    let endpoint = documents[0]["token_endpoint"].as_str().unwrap();
    let redeem = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("client_id", "shared-app"),
        ("code_verifier", VERIFIER),
    ];
    let mut token = app.post(endpoint, &redeem).0.json();
    assert_eq!(token["patient"], "ben", "{token}");
    for _ in 0..3 {
        for _ in 0..2 {
            let access = token["access_token"].as_str().unwrap();
            assert_eq!(app.request("/fhir/Patient/ben", None, Some(access)).status, 200);
        }
        let refresh = token["refresh_token"].as_str().unwrap().to_owned();
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", &refresh), ("client_id", "shared-app")];
        token = app.post(endpoint, &form).0.json();
        assert_ne!(token["refresh_token"], Value::from(refresh), "{token}");
    }
    // The code again, wherever: what it bought dies everywhere.
    assert_eq!(app.post(endpoint, &redeem).0.json()["error"], "invalid_grant");
    for _ in 0..2 {
        let access = token["access_token"].as_str().unwrap();
        assert_eq!(app.request("/fhir/Patient/ben", None, Some(access)).status, 401);
    }
    drop((first, second));
    std::fs::remove_dir_all(directory).unwrap();
}
