//! `attacks.toml` against the sources: every id of the catalogue has its line, and every test that a line names exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const REGISTRY: &str = include_str!("../../attacks.toml");

/// What is wrong with the registry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fault {
    /// A line that cannot be read.
    Unreadable(String),
    /// An id of the catalogue without a line.
    Missing(String),
    /// A line whose id is not in the catalogue.
    Unknown(String),
    /// An id with two lines.
    Double(String),
    /// A test or a file that does not exist, or that is not the row's by its name.
    NoTest { id: String, test: String },
    /// No reason is given for what comes later.
    NoReason(String),
    /// A test of this package that no line names.
    Unlisted(String),
}

/// Where a row is shown.
#[derive(PartialEq, Eq, Debug)]
enum Place {
    /// Tests, as `member::name`; those of this package without a member.
    Tests(Vec<String>),
    /// A file with an example that must not compile.
    CompileFail(String),
    Later(String),
}

#[derive(Default, Debug)]
struct Registry {
    ids: BTreeSet<String>,
    rows: Vec<(String, Place)>,
    faults: Vec<Fault>,
}

impl Registry {
    /// As much of TOML as the registry uses: `[ids]` with `AREA = "01 02"`, `[rows]` with `ID = { kind = "value" }`.
    fn read(text: &str) -> Self {
        let (mut registry, mut in_rows) = (Self::default(), false);
        for line in text.lines().map(str::trim) {
            match line {
                "" => {}
                "[ids]" => in_rows = false,
                "[rows]" => in_rows = true,
                comment if comment.starts_with('#') => {}
                line => {
                    let read = if in_rows { registry.row(line) } else { registry.area(line) };
                    if read.is_none() {
                        registry.faults.push(Fault::Unreadable(line.to_owned()));
                    }
                }
            }
        }
        registry
    }

    fn area(&mut self, line: &str) -> Option<()> {
        let (area, numbers) = line.split_once(" = ")?;
        let numbers = numbers.strip_prefix('"')?.strip_suffix('"')?;
        self.ids.extend(numbers.split(' ').map(|number| format!("{area}-{number}")));
        Some(())
    }

    fn row(&mut self, line: &str) -> Option<()> {
        let (id, table) = line.split_once(" = ")?;
        let (kind, value) = table.strip_prefix("{ ")?.strip_suffix(" }")?.split_once(" = ")?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        let place = match kind {
            "test" => Place::Tests(value.split(", ").map(str::to_owned).collect()),
            "compile_fail" => Place::CompileFail(value.to_owned()),
            "later" => Place::Later(value.to_owned()),
            _ => return None,
        };
        self.rows.push((id.to_owned(), place));
        Some(())
    }
}

/// What the repository offers.
#[derive(Default, Debug)]
struct Sources {
    /// `member::name` of every test, without the member for those of this package.
    tests: BTreeSet<String>,
    /// Files with examples that must not compile.
    compile_fail: BTreeSet<String>,
}

impl Sources {
    fn of_repository() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut sources = Self::default();
        for group in ["crates", "examples"] {
            for member in entries(&root.join(group)) {
                let name = member.file_name().unwrap().to_string_lossy().into_owned();
                for file in ["src", "tests"].iter().flat_map(|part| rust_files(&member.join(part))) {
                    let text = fs::read_to_string(&file).unwrap();
                    sources.tests.extend(tests_in(&text).map(|test| format!("{name}::{test}")));
                    if text.contains("```compile_fail") {
                        let path = file.strip_prefix(&root).unwrap().display().to_string();
                        sources.compile_fail.insert(path);
                    }
                }
            }
        }
        for file in rust_files(&root.join("tests/http/tests")) {
            sources.tests.extend(tests_in(&fs::read_to_string(&file).unwrap()).map(str::to_owned));
        }
        sources
    }
}

/// The functions below a `#[test]` or `#[tokio::test]`.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    text.lines().map(str::trim).filter_map(move |line| {
        if line.starts_with('#') {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            return None;
        }
        let line = line.strip_prefix("async ").unwrap_or(line);
        let name = line.strip_prefix("fn ").and_then(|rest| rest.split(['(', '<']).next());
        std::mem::take(&mut is_test).then_some(name).flatten()
    })
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect());
    let mut entries: Vec<PathBuf> = read.unwrap_or_default();
    entries.sort();
    entries
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| {
        if path.is_dir() { rust_files(&path) } else { vec![path] }
    };
    let mut files: Vec<PathBuf> = entries(folder).into_iter().flat_map(below).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}

/// `A-REDIR-01` → `a_redir_01_`
fn beginning(id: &str) -> String {
    format!("{}_", id.to_ascii_lowercase().replace('-', "_"))
}

fn check(registry: &Registry, sources: &Sources) -> Vec<Fault> {
    let mut faults = registry.faults.clone();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, place) in &registry.rows {
        *seen.entry(id).or_default() += 1;
        if !registry.ids.contains(id) {
            faults.push(Fault::Unknown(id.clone()));
        }
        let no_test = |test: &str| Fault::NoTest { id: id.clone(), test: test.to_owned() };
        match place {
            Place::Tests(tests) => {
                let exists = |test: &String| {
                    let is_named = test.contains("::") || test.starts_with(&beginning(id));
                    is_named && sources.tests.contains(test)
                };
                faults.extend(tests.iter().filter(|test| !exists(test)).map(|test| no_test(test)));
            }
            Place::CompileFail(file) if !sources.compile_fail.contains(file) => faults.push(no_test(file)),
            Place::Later(reason) if reason.len() < 5 => faults.push(Fault::NoReason(id.clone())),
            Place::CompileFail(_) | Place::Later(_) => {}
        }
    }
    for id in &registry.ids {
        match seen.get(id.as_str()) {
            Some(1) => {}
            Some(_) => faults.push(Fault::Double(id.clone())),
            None => faults.push(Fault::Missing(id.clone())),
        }
    }
    let listed = |name: &String| {
        registry.rows.iter().any(|(_, place)| matches!(place, Place::Tests(tests) if tests.contains(name)))
    };
    let of_a_row =
        sources.tests.iter().filter(|name| name.starts_with("a_") && name.contains(char::is_numeric));
    faults.extend(of_a_row.filter(|name| !listed(name)).map(|name| Fault::Unlisted(name.clone())));
    faults
}

#[test]
fn every_row_of_the_catalogue_leads_somewhere() {
    let registry = Registry::read(REGISTRY);
    assert_eq!(check(&registry, &Sources::of_repository()), []);
    assert!(registry.ids.len() >= 374, "a floor, not the whole: {}", registry.ids.len());
}

#[test]
fn planted_mistakes_are_found() {
    let sources = Sources {
        tests: ["a_x_01_one", "a_x_02_two", "vestibule::other"].map(str::to_owned).into(),
        compile_fail: ["crates/a/src/b.rs".to_owned()].into(),
    };
    let of = |rows: &str| {
        let registry = Registry::read(&format!("# text\n[ids]\nA-X = \"01 02 03\"\n\n[rows]\n{rows}"));
        check(&registry, &sources)
    };
    let one = "A-X-01 = { test = \"a_x_01_one\" }\n";
    let two = "A-X-02 = { test = \"a_x_02_two, vestibule::other\" }\n";
    let three = "A-X-03 = { compile_fail = \"crates/a/src/b.rs\" }\n";
    assert_eq!(of(&format!("{one}{two}{three}")), []);
    assert_eq!(of(&format!("{one}{two}A-X-03 = {{ later = \"a reason\" }}\n")), []);
    let no_test = |id: &str, test: &str| Fault::NoTest { id: id.to_owned(), test: test.to_owned() };
    let three_is = |row: &str| of(&format!("{one}{two}{row}"));
    assert_eq!(three_is(""), [Fault::Missing("A-X-03".into())]);
    assert_eq!(three_is("A-X-03 = { later = \"\" }"), [Fault::NoReason("A-X-03".into())]);
    assert_eq!(three_is("A-X-03 = { test = \"vestibule::gone\" }"), [no_test("A-X-03", "vestibule::gone")]);
    assert_eq!(three_is("A-X-03 = { test = \"a_x_01_one\" }"), [no_test("A-X-03", "a_x_01_one")]);
    assert_eq!(three_is("A-X-03 = { compile_fail = \"x.rs\" }"), [no_test("A-X-03", "x.rs")]);
    assert_eq!(of(&format!("{one}{one}{two}{three}")), [Fault::Double("A-X-01".into())]);
    let unlisted = of(&format!("A-X-01 = {{ later = \"a reason\" }}\n{two}{three}"));
    assert_eq!(unlisted, [Fault::Unlisted("a_x_01_one".into())]);
    let four = "A-X-04 = { later = \"a reason\" }";
    assert_eq!(of(&format!("{one}{two}{three}{four}")), [Fault::Unknown("A-X-04".into())]);
    let unreadable = "A-X-03 = later";
    assert_eq!(three_is(unreadable), [Fault::Unreadable(unreadable.into()), Fault::Missing("A-X-03".into())]);
    // What is read as a test.
    let text = "#[test]\nfn one() {}\n#[tokio::test(flavor = \"x\")]\nasync fn two() {\n}\nfn helper() {}\n";
    assert_eq!(tests_in(text).collect::<Vec<_>>(), ["one", "two"]);
}
