//! The demo as a program of its own, with its log at every level, and everything secret that went over its wires.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use vestibule_test_servers::end;

use crate::browser::{Answer, PUBLIC, SAMPLE_APP};
use crate::running::free_pair;

/// What requests and answers call what nobody else may know.
const SECRETS: [&str; 15] = [
    "code",
    "access_token",
    "refresh_token",
    "id_token",
    "client_assertion",
    "client_secret",
    "code_verifier",
    "registration_access_token",
    "registration_token",
    "launch",
    "step",
    "token",
    "form_token",
    "Bearer",
    "Basic",
];

/// A running hospital, ended with the test.
pub(crate) struct Overheard {
    child: Mutex<Child>,
    pub(crate) port: u16,
    log: Arc<Mutex<String>>,
    /// Everything secret so far, by what it is.
    seen: Mutex<BTreeSet<(String, String)>>,
}

impl Overheard {
    /// Opens one that keeps everything in memory and logs all that it can.
    pub(crate) fn open() -> Arc<Self> {
        let port = free_pair();
        let listen = format!("127.0.0.1:{port}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_demo-ehr"))
            .args(["--listen", &listen, "--public-url", PUBLIC, "--store", "memory"])
            .env("RUST_LOG", "trace")
            // A colour before a word would hide it.
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (mut said, kept) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = said.read(&mut piece) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..read]));
            }
        });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        lines.find(|line| line.contains("Ctrl-C")).expect("a banner");
        std::thread::spawn(move || lines.for_each(drop)); // or the pipe fills
        Arc::new(Self { child: Mutex::new(child), port, log, seen: Mutex::default() })
    }

    /// Ends it, and says what it logged and what was secret: each with its kind.
    pub(crate) fn close(&self) -> (String, Vec<(String, String)>) {
        end(&mut self.child.lock().unwrap(), "TERM");
        let log = self.log.lock().unwrap().clone();
        (log, self.seen.lock().unwrap().iter().cloned().collect())
    }

    /// One request to one of its ports. Tests call its sample apps by the address that these have elsewhere.
    pub(crate) async fn send(&self, port: u16, request: Request<Body>) -> Answer {
        let apps = format!("http://localhost:{}", self.port + 1);
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let mut text = format!("{} {} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n", head.method, head.uri);
        for (name, value) in &head.headers {
            text += &format!("{name}: {}\r\n", value.to_str().unwrap().replace(SAMPLE_APP, &apps));
        }
        text += &format!("content-length: {}\r\n\r\n{}", body.len(), std::str::from_utf8(&body).unwrap());
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        self.remember(&text);
        self.remember(&said);
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = http::HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let value = value.replace(&apps, SAMPLE_APP);
            headers.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        Answer { status, headers, body: body.to_owned() }
    }

    fn remember(&self, text: &str) {
        let text = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&amp;", "&");
        let mut seen = self.seen.lock().unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (_, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if is_long(value) {
                seen.insert(("a cookie".to_owned(), value.to_owned()));
            }
        }
        for name in SECRETS {
            for (at, _) in text.match_indices(name) {
                let before = text.get(..at).and_then(|text| text.chars().next_back());
                if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    continue;
                }
                let rest = text.get(at + name.len()..).unwrap_or_default();
                let rest = rest.trim_start_matches(['"', '\'', ':', '=', ' ']);
                let rest = rest.strip_prefix("value=\"").unwrap_or(rest);
                let value: String = rest.chars().take_while(|c| is_of_a_token(*c)).collect();
                if is_long(&value) {
                    seen.insert((name.to_owned(), value));
                }
            }
        }
    }
}

impl Drop for Overheard {
    fn drop(&mut self) {
        end(&mut self.child.lock().unwrap(), "TERM");
    }
}

fn is_of_a_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/%".contains(c)
}

/// Shorter is a word, and words may be said.
fn is_long(value: &str) -> bool {
    value.len() >= 24
}
