//! What the program says when it cannot start, and that it stops when told to.

use std::fs;
use std::io::{BufRead as _, BufReader};
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
        (["--store", "postgres://localhost/x"], "not built yet"),
        (["--store", "redis://localhost"], "not built yet"),
        (["--store", "nonsense"], "expected `memory` or `sqlite:PATH`"),
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
