//! The page about client libraries names the versions that are tested.

use std::fs;
use std::path::Path;

use serde_json::Value;

#[test]
fn the_documented_versions_are_the_tested_ones() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let lock: Value = serde_json::from_str(&read("tests/browser/package-lock.json")).unwrap();
    let python = format!("\n{}", read("tests/python/requirements.txt").to_lowercase());
    let page = read("docs/clients.md");
    let mut rows = 0;
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let (name, registry) = cells[1].split_once(' ').unwrap();
        let (name, version) = (name.trim_matches('`'), cells[2]);
        let tested = match registry {
            "(npm)" => lock["packages"][format!("node_modules/{name}")]["version"] == version,
            "(PyPI)" => python.contains(&format!("\n{}=={version} ", name.to_lowercase())),
            other => panic!("{other}"),
        };
        assert!(tested, "{row}");
        rows += 1;
    }
    assert_eq!(rows, 6);
}
