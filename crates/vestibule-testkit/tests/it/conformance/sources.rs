//! What the repository's sources offer: tests, and the ids that their comments name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The macros that make tests, and the suites whose cases they make them of.
const SUITES: &[(&str, &str)] = &[
    ("store_suite", "grants"),
    ("consent_suite", "consents"),
    ("key_suite", "keys"),
    ("registrar_suite", "registrations"),
];

/// What the repository's sources offer.
#[derive(Default, Debug)]
pub(super) struct Sources {
    /// `package::name` of every test function, `folder: title` of every test in a script.
    pub(super) tests: BTreeSet<String>,
    /// The folders below `tests` whose tests are scripts.
    pub(super) scripts: BTreeSet<String>,
    /// An id that a comment names, and where.
    pub(super) cited: Vec<(String, String)>,
    /// An id that the comment of a test names, and the test.
    pub(super) shown: Vec<(String, String)>,
    /// The areas of ids, with the width of their numbers.
    areas: BTreeSet<(String, usize)>,
    /// The cases of each suite that a macro makes tests of.
    suites: BTreeMap<String, Vec<String>>,
    /// A package that makes tests of a suite.
    users: BTreeSet<(String, String)>,
}

impl Sources {
    pub(super) fn new(areas: &BTreeSet<(String, usize)>) -> Self {
        Self { areas: areas.clone(), ..Self::default() }
    }

    pub(super) fn of_repository(areas: &BTreeSet<(String, usize)>) -> Self {
        let root = root();
        let mut sources = Self::new(areas);
        let packages = ["crates", "examples", "tests"].iter().flat_map(|group| entries(&root.join(group)));
        for folder in packages.chain([root.join("benches")]) {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else {
                for file in ["js", "mjs"].iter().flat_map(|kind| files(&folder, kind)) {
                    sources.read_script(&name, &fs::read_to_string(&file).unwrap());
                }
                continue;
            };
            let package = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
            for file in ["src", "tests", "benches"].iter().flat_map(|part| files(&folder.join(part), "rs")) {
                let place = file.strip_prefix(&root).unwrap().display().to_string();
                sources.read_rust(package.unwrap(), &place, &fs::read_to_string(&file).unwrap());
            }
        }
        sources.finish();
        sources
    }

    /// Turns the suites that packages use into their tests.
    pub(super) fn finish(&mut self) {
        for (package, suite) in &self.users {
            let cases = self.suites.get(suite).into_iter().flatten();
            self.tests.extend(cases.map(|case| format!("{package}::{case}")));
        }
    }

    pub(super) fn read_rust(&mut self, package: &str, file: &str, text: &str) {
        let is_source = file.contains("/src/");
        let (mut above, mut is_test, mut suite) = (Vec::new(), false, None::<String>);
        for line in text.lines().map(str::trim) {
            if is_source {
                // Texts too: an explanation names the rule that it speaks of.
                self.cited.extend(self.ids(line).into_iter().map(|id| (id, file.to_owned())));
            }
            if let Some((_, comment)) = line.split_once("//") {
                let ids = self.ids(comment);
                self.cited.extend(ids.iter().map(|id| (id.clone(), file.to_owned())));
                if line.starts_with("///") {
                    above.extend(ids);
                }
                if line.starts_with("//") {
                    continue;
                }
            }
            if line.starts_with("#[") {
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                continue;
            }
            match &suite {
                Some(_) if line.starts_with('}') => suite = None,
                Some(suite) => self.suites.entry(suite.clone()).or_default().push(line.to_owned()),
                // `$crate::$then! { $($argument)*; grants:`
                None if line.starts_with("$crate::$then!") => {
                    let name = line.rsplit_once("; ").and_then(|(_, name)| name.strip_suffix(':'));
                    suite = name.map(str::to_owned);
                }
                None => {}
            }
            let user = line.strip_prefix("vestibule_testkit::").and_then(|rest| rest.split_once('!'));
            for (_, suite) in SUITES.iter().filter(|(name, _)| user.is_some_and(|(user, _)| user == *name)) {
                self.users.insert((package.to_owned(), (*suite).to_owned()));
            }
            if let Some(name) = function(line).filter(|_| is_test) {
                let test = format!("{package}::{name}");
                self.shown.extend(above.drain(..).map(|id| (id, test.clone())));
                self.tests.insert(test);
            }
            above.clear();
            is_test = false;
        }
    }

    pub(super) fn read_script(&mut self, folder: &str, text: &str) {
        self.scripts.insert(folder.to_owned());
        for rest in text.lines().filter_map(|line| line.trim_start().strip_prefix("test(")) {
            let quote = rest.chars().next().unwrap_or_default();
            if let Some((title, _)) = rest.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
                self.tests.insert(format!("{folder}: {title}"));
            }
        }
    }

    /// Every `AREA-123` of a known area in a comment, and everything that looks like an id of `smart.md`.
    fn ids(&self, comment: &str) -> Vec<String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        comment
            .split(|c| !is_part(c))
            .filter(|word| {
                word.rsplit_once('-').is_some_and(|(area, number)| {
                    let known = self.areas.contains(&(area.to_owned(), number.len()));
                    let looks = area.starts_with("SMART-") && number.len() == 3;
                    (known || looks) && number.bytes().all(|b| b.is_ascii_digit())
                })
            })
            .map(str::to_owned)
            .collect()
    }
}

/// The name in `async fn name(`.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let is_ours = |path: &PathBuf| path.file_name().is_some_and(|name| name != "node_modules");
    let below = |path: PathBuf| if path.is_dir() { files(&path, extension) } else { vec![path] };
    let is_one = |path: &PathBuf| path.extension().is_some_and(|found| found == extension);
    entries(folder).into_iter().filter(is_ours).flat_map(below).filter(is_one).collect()
}
