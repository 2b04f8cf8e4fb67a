//! What the program says when it cannot start, and that it stops when told to.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Runs the program until it ends: exit status and what it said.
fn fails(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_demo-ehr")).args(arguments).output().unwrap();
    assert!(output.stdout.is_empty(), "no banner where there is no server");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn clients_file(name: &str, text: &str) -> String {
    let path = scratch(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, said) = fails(&["--store", "memory", "--listen", &address]);
    assert_eq!(status, 1);
    assert!(said.contains(&format!("cannot listen on {address}")) && said.contains("in use"), "{said}");
}

#[test]
fn a_missing_directory_is_named_and_not_made() {
    let directory = scratch("nosuch");
    let store = format!("sqlite:{}/demo.sqlite3", directory.display());
    let (status, said) = fails(&["--listen", "127.0.0.1:0", "--store", &store]);
    assert_eq!(status, 1);
    assert!(said.contains("nosuch, does not exist"), "{said}");
    assert!(!directory.exists());
}

#[test]
fn wrong_options_are_explained() {
    for (arguments, says) in [
        (["--store", "postgres://db.example/x"], "say `sslmode=require`"),
        (
            ["--store", "postgres://db.example/x?sslrootcert=nosuch.pem"],
            "nosuch.pem does not hold certificates",
        ),
        (["--store", "postgres://db.example/x?sslmode=verify-ca"], "`sslmode` is `disable`, `require` or"),
        (["--store", "rediss://localhost?sslrootcert=nosuch.pem"], "nosuch.pem does not hold certificates"),
        (["--store", "nonsense"], "expected `memory`, `sqlite:PATH`, `postgres:"),
        (["--public-url", "ehr.example"], "the scheme must be https"),
        (["--public-url", "http://ehr.example"], "loopback addresses only"),
        (["--public-url", "https://ehr.example/path"], "without path"),
        (["--listen", "here"], "invalid socket address"),
    ] {
        let (status, said) = fails(&arguments);
        assert_eq!(status, 2, "{arguments:?}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn a_password_is_not_repeated_whatever_is_wrong() {
    for wrong in [
        vec!["--store", "postgres://me:hunter2@db.example/x"],
        vec!["--store", "postgres://me:hunter2@db.example/x?sslmode=verify-ca"],
        vec!["--store", "POSTGRES://me:hunter2@localhost/x"],
        vec!["--store", "rediss://me:hunter2@127.0.0.1:1"],
        vec!["--store", "rediss://me:hunter2@localhost?sslrootcert=nosuch.pem"],
        vec!["--store", "rediss://me:hunter2@localhost#insecure"],
        vec!["--store", "redis://me:hunter2@db.example:6379"],
        vec!["--store", "host=db.example password=hunter2"],
        vec!["--store=postgres://db.example/x?password=hunter2"],
        vec!["--stor=postgres://me:hunter2@localhost/x"],
        vec!["postgres://me:hunter2@localhost/x"],
        vec!["--listen", "postgres://me:hunter2@localhost/x"],
    ] {
        let (_, said) = fails(&wrong);
        assert!(said.len() > 20 && !said.contains("hunter2"), "{wrong:?}: {said}");
    }
}

/// SMART-REG-015
#[test]
fn a_wrong_clients_file_names_the_client_and_the_field() {
    let fails = |file: &str| fails(&["--listen", "127.0.0.1:0", "--store", "memory", "--clients", file]);
    let (status, said) = fails(&scratch("nosuch.json").display().to_string());
    assert_eq!(status, 2);
    assert!(said.contains("nosuch.json cannot be read"), "{said}");

    let good = r#""redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "none", "scope": "openid""#;
    for (name, text, says) in [
        ("json", "[{".to_owned(), vec!["has mistakes"]),
        ("object", "{}".to_owned(), vec!["array"]),
        ("unknown", format!(r#"[{{"client_id": "x", "colour": "red", {good}}}]"#), vec!["x", "colour"]),
        ("duplicate", format!(r#"[{{"client_id": "sample-app", {good}}}]"#), vec!["sample-app", "client_id"]),
        ("secret", r#"[{"client_id": "s", "client_secret": "short", "redirect_uris": ["https://a.example/"], "scope": "openid"}]"#.to_owned(), vec!["\"s\"", "client_secret"]),
        ("uri", r#"[{"client_id": "u", "token_endpoint_auth_method": "none", "redirect_uris": ["nonsense"], "scope": "openid"}]"#.to_owned(), vec!["\"u\"", "redirect_uris"]),
        // What could never be fetched is said now, not when the app comes (A-JWKS-01).
        ("keys", r#"[{"client_id": "k", "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://127.0.0.1/jwks", "redirect_uris": ["https://a.example/"], "scope": "openid"}]"#.to_owned(), vec!["keys.json", "\"k\"", "jwks_uri"]),
    ] {
        let (status, said) = fails(&clients_file(&format!("{name}.json"), &text));
        assert_eq!(status, 2, "{name}");
        assert!(says.iter().all(|part| said.contains(part)), "{name}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_clients_file_without_an_end_is_too_large() {
    let (status, said) = fails(&["--listen", "127.0.0.1:0", "--store", "memory", "--clients", "/dev/zero"]);
    assert_eq!(status, 2);
    assert!(said.contains("/dev/zero is larger than 4 MiB"), "{said}");
}

#[cfg(unix)]
#[test]
fn it_opens_with_its_tables_says_where_and_stops_when_told() {
    let path = scratch("opens.sqlite3");
    let _ = fs::remove_file(&path);
    let store = format!("sqlite:{}", path.display());
    let mut child = Command::new(env!("CARGO_BIN_EXE_demo-ehr"))
        .args(["--listen", "127.0.0.1:0", "--store", &store])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let launcher = lines.find(|line| line.contains("/ehr")).unwrap();
    assert!(launcher.contains("http://127.0.0.1:") && !launcher.contains(":0/"), "{launcher}");
    assert!(path.exists());
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(lines.any(|line| line.contains("Closing")));
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// The status of a plain GET.
#[cfg(unix)]
fn status(address: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

/// Whoever spreads the load sees it before the port is closed, and loses nobody meanwhile.
#[cfg(unix)]
#[test]
fn it_says_that_it_is_closing_before_it_closes() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_demo-ehr"))
        .args(["--listen", "127.0.0.1:0", "--store", "memory", "--drain-wait", "3"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find(|line| line.contains("http://127.0.0.1:")).unwrap();
    let address = line.split_once("http://").unwrap().1.split('/').next().unwrap().to_owned();
    assert_eq!(status(&address, "/readyz"), "200");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(lines.any(|line| line.contains("Closing")));
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!((status(&address, "/readyz"), status(&address, "/healthz")), ("503".into(), "200".into()));
    assert_eq!(status(&address, "/.well-known/openid-configuration"), "200", "it still serves");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// What `keys` prints: id, use, algorithm and state of each key.
fn keys(store: &str, action: &[&str]) -> Vec<[String; 4]> {
    let output = Command::new(env!("CARGO_BIN_EXE_demo-ehr"))
        .args(["keys"])
        .args(action)
        .args(["--store", store, "--listen", "127.0.0.1:8080"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let row = |line: &str| {
        let (id, rest) = line.split_once(' ').unwrap();
        let (signs, rest) = rest.trim_start().split_once(" tokens").unwrap();
        let (alg, state) = rest.trim_start().split_once(' ').unwrap();
        [id, signs, alg, state.trim()].map(str::to_owned)
    };
    text.lines().skip(1).map(row).collect()
}

/// KEY-001, KEY-003
#[test]
fn keys_are_listed_rotated_and_withdrawn() {
    let path = scratch("keys.sqlite3");
    let _ = fs::remove_file(&path);
    let store = format!("sqlite:{}", path.display());
    let first = keys(&store, &["list"]);
    let kinds: Vec<_> = first.iter().map(|[_, signs, alg, _]| (signs.as_str(), alg.as_str())).collect();
    assert_eq!(kinds, [("access", "ES256"), ("ID", "RS256"), ("ID", "ES384"), ("ID", "EdDSA")]);
    assert!(first.iter().all(|[.., state]| state == "signs"));
    assert_eq!(keys(&store, &["list"]), first, "they last");

    let rotated = keys(&store, &["rotate"]);
    assert_eq!(rotated.len(), 8);
    let announced = rotated.iter().filter(|[.., state]| state.starts_with("announced, signs from 20"));
    assert_eq!(announced.count(), 4);
    assert_eq!(keys(&store, &["rotate"]), rotated, "what is announced already is the one");

    let withdrawn = keys(&store, &["revoke", &first[0][0]]);
    assert_eq!(withdrawn.len(), 7);
    assert!(withdrawn.iter().all(|[id, ..]| *id != first[0][0]));
    let access: Vec<_> = withdrawn.iter().filter(|[_, signs, ..]| signs == "access").collect();
    assert_eq!(access.len(), 1);
    assert_eq!(access[0][3], "signs", "a successor takes over at once");
}

#[test]
fn keys_need_a_store_and_an_id_that_is_known() {
    let (status, said) = fails(&["keys", "list", "--store", "memory"]);
    assert_eq!(status, 2);
    assert!(said.contains("keys in memory end with the program"), "{said}");
    let store = format!("sqlite:{}", scratch("keys-unknown.sqlite3").display());
    let (status, said) = fails(&["keys", "revoke", "nosuch", "--store", &store]);
    assert_eq!(status, 1);
    assert!(said.contains("key"), "{said}");
    // A file of its own lasts, whatever the store.
    let file = scratch("keys.json");
    let _ = fs::remove_file(&file);
    let file = file.display().to_string();
    let list = || keys("memory", &["list", "--keys", &file]);
    let first = list();
    assert_eq!((first.len(), list()), (4, first.clone()));
    let missing = format!("sqlite:{}/x.sqlite3", scratch("nosuch").display());
    assert_eq!(fails(&["keys", "list", "--store", &missing]).0, 1);
}
