//! The program with its grants, consents and keys on a Redis server.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use vestibule_test_servers::{Redis, end, pause_until};

/// The hospital's own tables go to its working directory.
fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn program(directory: &PathBuf, store: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo-ehr"));
    command.args(["--store", store, "--listen", "127.0.0.1:0"]).current_dir(directory);
    command
}

/// A program that is open, and where.
struct Open {
    process: Child,
    address: String,
}

impl Open {
    fn start(directory: &PathBuf, store: &str) -> Self {
        let mut process = program(directory, store).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let launcher = lines.find(|line| line.contains("/ehr")).unwrap();
        let (_, rest) = launcher.split_once("http://").unwrap();
        let address = rest.split('/').next().unwrap().to_owned();
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        end(&mut self.process, "TERM");
    }
}

#[test]
fn a_server_that_may_lose_is_refused_in_words() {
    let server = Redis::start_with(&[("appendonly", "no")]);
    let output = program(&directory("redis-weak"), &server.url()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("may lose what it has acknowledged (`appendonly no`)"), "{said}");
}

#[test]
fn the_way_to_a_server_is_encrypted_when_it_is_asked_for() {
    let server = Redis::start_encrypted(&[]);
    let url = server.encrypted_url("localhost");
    let output = program(&directory("redis-unknown"), &url).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "browsers do not trust it: {said}");
    assert!(said.contains("UnknownIssuer"), "{said}");
    let open = Open::start(
        &directory("redis-known"),
        &format!("{url}?sslrootcert={}", server.authority().display()),
    );
    assert_eq!(open.get("/readyz").0, 200);
    server.stop();
    assert_eq!(open.get("/readyz").0, 503);
    server.resume();
    assert!(pause_until(|| open.get("/readyz").0 == 200), "it does not recover");
}

#[test]
fn keys_are_on_the_server_and_readiness_follows_it() {
    let server = Redis::start();
    let (here, there) = (directory("redis-here"), directory("redis-there"));
    let list = |directory: &PathBuf| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo-ehr"));
        command.args(["keys", "list", "--store", &server.url(), "--listen", "127.0.0.1:8080"]);
        let output = command.current_dir(directory).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let keys = list(&here);
    assert_eq!(keys.lines().count(), 5, "{keys}");
    assert_eq!(list(&there), keys, "another process has the same keys");

    let open = Open::start(&here, &server.url());
    assert_eq!(open.get("/readyz").0, 200);
    server.stop();
    assert_eq!(open.get("/readyz").0, 503);
    assert_eq!(open.get("/healthz").0, 200);
    server.resume();
    assert!(pause_until(|| open.get("/readyz").0 == 200), "it does not recover");
}
