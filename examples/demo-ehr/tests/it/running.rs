//! The program itself, running: opened in a directory of its own, spoken to over sockets, ended or killed.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use vestibule_http_tests::browser::{Answer, form};
use vestibule_http_tests::race::Line;
use vestibule_test_servers::{Place, end, free_port};

/// An app that is on no hospital's own pages. Whoever said yes to it once is not asked again.
pub(crate) const APP: &str = "shared-app";
pub(crate) const CALLBACK: &str = "https://app.example/callback.html";
pub(crate) const SCOPE: &str = "launch/patient openid offline_access patient/Patient.rs";
const CLIENTS: &str = r#"[{"client_id": "shared-app", "token_endpoint_auth_method": "none",
    "redirect_uris": ["https://app.example/callback.html"], "grant_types": ["authorization_code", "refresh_token"],
    "scope": "launch/patient openid offline_access patient/*.rs", "vestibule": {"consent": "remember"}}]"#;

pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Where a hospital keeps its files, and which address browsers are told. Gone with the test.
#[derive(Debug)]
pub(crate) struct Home {
    place: Place,
    pub(crate) public: u16,
}

impl Home {
    pub(crate) fn new(kind: &str) -> Self {
        let place = Place::new(kind, "none.pid");
        std::fs::write(place.path().join("clients.json"), CLIENTS).unwrap();
        Self { place, public: free_pair() }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Opens the program at the public address.
    pub(crate) fn open(&self, store: &str) -> Running {
        self.open_at(self.public, store, Command::new(env!("CARGO_BIN_EXE_demo-ehr")))
    }

    /// The same at a port of its own, by a command that runs the program with the arguments that are added to it.
    pub(crate) fn open_at(&self, port: u16, store: &str, mut command: Command) -> Running {
        let (listen, public) = (format!("127.0.0.1:{port}"), self.origin());
        let mut child = command
            .args(["--listen", &listen, "--public-url", &public, "--store", store])
            .arg("--clients")
            .arg(self.file("clients.json"))
            .current_dir(self.place.path())
            .stdout(Stdio::piped())
            // What it says about a store that is away is not what is tested.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        lines.find(|line| line.contains("/ehr")).expect("a banner");
        std::thread::spawn(move || lines.for_each(drop)); // or the pipe fills
        Running { child, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.public)
    }
}

/// A running program, ended with the test.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Running {
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, and what it leaves with.
    pub(crate) fn close(mut self) -> Option<i32> {
        let told = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(told.unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn line(&self) -> Line {
        Line::to(self.address).unwrap()
    }

    /// The status of a page; none where nobody answers.
    pub(crate) fn status(&self, path: &str) -> Option<u16> {
        let mut line = Line::to(self.address).ok()?;
        Some(line.send(&format!("GET {path}"), &[("connection", "close")], None).ok()?.status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        end(&mut self.child, "TERM");
    }
}

/// The sample app takes the port after the hospital's.
pub(crate) fn free_pair() -> u16 {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    (0..100).map(|_| free_port()).find(|port| is_free(*port) && is_free(port + 1)).unwrap()
}

/// Somebody at a browser.
#[derive(Debug)]
pub(crate) struct Person {
    line: Line,
    origin: String,
    cookies: BTreeMap<String, String>,
}

impl Person {
    /// Carol, who has one record, and who has let the app in once.
    pub(crate) fn carol(home: &Home, at: &Running) -> Self {
        let mut carol = Self { line: at.line(), origin: home.origin(), cookies: BTreeMap::new() };
        let page = carol.get("/sign-in").unwrap();
        let token = page.values("input", "token").pop().unwrap();
        let fields = [("username", "carol"), ("password", "carol"), ("token", token.as_str())];
        let answer = carol.post("/sign-in", &fields).unwrap();
        assert_eq!(answer.status, 303, "{}", answer.brief());
        carol.code().unwrap();
        carol
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask("GET", path, None)
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> io::Result<Answer> {
        self.ask("POST", path, Some(form(fields)))
    }

    fn ask(&mut self, method: &str, path: &str, body: Option<String>) -> io::Result<Answer> {
        let path = path.strip_prefix(self.origin.as_str()).unwrap_or(path).to_owned();
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (cookies, origin) = (pairs.join("; "), self.origin.clone());
        let headers = [("cookie", cookies.as_str()), ("origin", origin.as_str())];
        let answer = self.line.send(&format!("{method} {path}"), &headers, body.as_deref())?;
        self.keep(&answer);
        Ok(answer)
    }

    /// Opens the app and says yes where she is asked: a code, or the answer that came instead.
    pub(crate) fn opens(&mut self) -> io::Result<Result<String, Answer>> {
        let mut at = format!("/auth/authorize?{}", authorize(&self.origin));
        let mut answer = self.get(&at)?;
        for _ in 0..8 {
            let to = answer.location().to_owned();
            if to.starts_with(CALLBACK) {
                return Ok(answer.params().remove("code").ok_or(answer));
            }
            answer = if !to.is_empty() {
                at = to;
                self.get(&at)?
            } else if answer.is_consent() && answer.status == 200 {
                let (step, ticked) = (answer.step(), answer.ticked());
                let mut fields = vec![("step", step.as_str()), ("decision", "allow")];
                fields.extend(ticked.iter().map(|scope| ("scope", scope.as_str())));
                self.post(&at, &fields)?
            } else {
                return Ok(Err(answer));
            };
        }
        Ok(Err(answer))
    }

    /// The same where everything works.
    pub(crate) fn code(&mut self) -> io::Result<String> {
        Ok(self.opens()?.unwrap_or_else(|answer| panic!("no code: {}", answer.brief())))
    }
}

/// The app's request.
pub(crate) fn authorize(origin: &str) -> String {
    form(&[
        ("response_type", "code"),
        ("client_id", APP),
        ("redirect_uri", CALLBACK),
        ("scope", SCOPE),
        ("state", "some-state"),
        ("aud", &format!("{origin}/fhir")),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ])
}

pub(crate) fn redeem(code: &str) -> String {
    form(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("client_id", APP),
        ("code_verifier", VERIFIER),
    ])
}

pub(crate) fn refresh(token: &str) -> String {
    form(&[("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", APP)])
}

/// The refresh token in an answer.
pub(crate) fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.brief());
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

/// A size of a test: what the variable says, else this.
pub(crate) fn sized(variable: &str, in_ci: u32) -> u32 {
    std::env::var(variable).map_or(in_ci, |number| number.parse().unwrap())
}
