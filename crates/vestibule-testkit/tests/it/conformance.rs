//! `docs/conformance.md` against the sources: every requirement has its row, every test that a row names exists, and no id
//! that a test or a line of code names is without a row.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every id that must have a row, by the heading of its table. A row that is deleted is a missing id.
const EXPECTED: &[(&str, &[&str])] = &[
    (
        "smart.md 1: discovery",
        &[
            "SMART-DISC-001..015",
            "SMART-DISC-020..042",
            "SMART-DISC-050..055",
            "SMART-DISC-060..063",
            "SMART-CAP-001..005",
            "SMART-CAP-010..033",
            "SMART-CORS-001..008",
        ],
    ),
    (
        "smart.md 2: launch and authorize",
        &[
            "SMART-REG-001..006",
            "SMART-LAUNCH-001..007",
            "SMART-LAUNCH-010..017",
            "SMART-LAUNCH-020..022",
            "SMART-AUTHZ-001..021",
            "SMART-AUTHZ-030..034",
            "SMART-AUTHZ-040..046",
            "SMART-AUTHZ-050..067",
            "SMART-AUTHZ-070..079",
            "SMART-PKCE-001..008",
        ],
    ),
    (
        "smart.md 3: scopes",
        &[
            "SMART-SCOPE-001..010",
            "SMART-SCOPE-020..028",
            "SMART-SCOPE-030..034",
            "SMART-SCOPE-040..053",
            "SMART-SCOPE-060..072",
            "SMART-SCOPE-080..098",
            "SMART-SCOPE-110..117",
        ],
    ),
    (
        "smart.md 3.8: worked examples",
        &[
            "3.8 rows 1–21",
            "3.8 rows 22–24",
            "3.8 rows 25–31",
            "3.8 row 32",
            "3.8 rows 33–40",
            "3.8 row 41",
            "3.8 row 42",
            "3.8 row 43",
            "3.8 row 44",
            "3.8 rows 45–46",
            "3.8 rows 47–55",
            "3.8 rows 56–58",
            "3.8 rows 59–61",
            "3.8 rows 62–63",
            "3.8 rows 64–65",
            "3.8 rows 66–67",
            "3.8 row 68",
            "3.8 row 69",
            "3.8 grant outcomes",
        ],
    ),
    (
        "smart.md 4: launch context",
        &[
            "SMART-CTX-001..015",
            "SMART-CTX-020..030",
            "SMART-CTX-040..042",
            "SMART-CTX-050",
            "SMART-CTX-060..066",
        ],
    ),
    (
        "smart.md 4.5: the patient-context machine",
        &[
            "E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9", "E10", "E11", "E12", "S1", "S2", "S3",
            "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S12", "S13", "R1", "R2", "R3",
        ],
    ),
    ("smart.md 6: ID token and keys", &["SMART-IDT-001..018", "SMART-IDT-020..022", "SMART-IDT-030..034"]),
    ("oauth.md 2: authorization endpoint", &["AUTHZ-001..014"]),
    ("oauth.md 3: redirect URIs", &["REDIR-001..013"]),
    ("oauth.md 4: token endpoint", &["TOKEN-001..012"]),
    ("oauth.md 7: PKCE", &["PKCE-001..010"]),
    ("oauth.md 8: authorization code", &["CODE-001..012"]),
    ("oauth.md 14: metadata and issuer", &["META-001..009", "ISS-001..004"]),
    ("oauth.md 20: OpenID Connect", &["OIDC-001..014", "LOGOUT-001..003"]),
    ("oauth.md 27: outbound requests", &["FETCH-001..007"]),
    (
        "Decided otherwise, in other sections",
        &["SMART-TOKEN-013", "SMART-TOKEN-026", "SMART-CAUTH-005", "A-PKCE-03", "GEN-017"],
    ),
];

/// The areas that these sections own as a whole: an id of one of them that has no row is a slip.
const AREAS: &[&str] = &[
    "SMART-DISC",
    "SMART-CAP",
    "SMART-CORS",
    "SMART-LAUNCH",
    "SMART-AUTHZ",
    "SMART-PKCE",
    "SMART-SCOPE",
    "SMART-CTX",
    "SMART-IDT",
    "AUTHZ",
    "REDIR",
    "TOKEN",
    "PKCE",
    "CODE",
    "META",
    "ISS",
    "OIDC",
    "LOGOUT",
    "FETCH",
];

/// What the last cell of a row may begin with.
const KINDS: &[&str] = &["test ", "later: ", "host: ", "app: ", "override: ", "decision: "];

/// What is wrong with the table.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fault {
    /// A row without exactly four cells, or with an empty one.
    Cells { line: usize },
    /// An id with two rows.
    Double { id: String },
    /// An id without a row below its heading.
    Missing { id: String },
    /// A row whose id nobody expects there.
    Unexpected { id: String },
    /// A last cell that is none of [`KINDS`], or a kind that needs a test and names none.
    Place { id: String, part: String },
    /// A test that does not exist.
    NoTest { id: String, test: String },
    /// An id in the sources that has no row.
    Unlisted { id: String, cited: String },
    /// A test says that it shows the id, and the row says that it comes later.
    Outdated { id: String, test: String },
}

/// What the repository's sources offer.
#[derive(Default, Debug)]
struct Sources {
    /// `crate::name` of every test function, `browser: title` of every browser test.
    tests: BTreeSet<String>,
    /// An id that a comment names, and where.
    cited: Vec<(String, String)>,
    /// An id that the comment of a test names, and the test.
    shown: Vec<(String, String)>,
}

impl Sources {
    fn of_repository() -> Self {
        let root = root();
        let mut sources = Self::default();
        for group in ["crates", "examples"] {
            for member in entries(&root.join(group)) {
                let name = member.file_name().unwrap().to_string_lossy().into_owned();
                for file in ["src", "tests"].iter().flat_map(|part| files(&member.join(part), "rs")) {
                    sources.read_rust(
                        &name,
                        &file.display().to_string(),
                        &fs::read_to_string(&file).unwrap(),
                    );
                }
            }
        }
        for file in files(&root.join("tests/browser/test"), "js") {
            sources.read_browser(&fs::read_to_string(&file).unwrap());
        }
        sources
    }

    fn read_rust(&mut self, member: &str, file: &str, text: &str) {
        let (mut above, mut is_test) = (Vec::new(), false);
        for line in text.lines().map(str::trim) {
            if let Some((_, comment)) = line.split_once("//") {
                let ids = ids(comment);
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
            if let Some(name) = function(line).filter(|_| is_test) {
                let test = format!("{member}::{name}");
                self.shown.extend(above.drain(..).map(|id| (id, test.clone())));
                self.tests.insert(test);
            }
            above.clear();
            is_test = false;
        }
    }

    fn read_browser(&mut self, text: &str) {
        for rest in text.lines().filter_map(|line| line.trim_start().strip_prefix("test(")) {
            let quote = rest.chars().next().unwrap_or_default();
            if let Some((title, _)) = rest.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
                self.tests.insert(format!("browser: {title}"));
            }
        }
    }
}

/// The name in `async fn name(`.
fn function(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// Every `AREA-123` of [`AREAS`] in a comment.
fn ids(comment: &str) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    comment
        .split(|c| !is_part(c))
        .filter(|word| {
            word.rsplit_once('-').is_some_and(|(area, number)| {
                AREAS.contains(&area) && number.len() == 3 && number.bytes().all(|b| b.is_ascii_digit())
            })
        })
        .map(str::to_owned)
        .collect()
}

/// `SMART-AUTHZ-001..003` → its three ids; anything else is itself.
fn spread(range: &str) -> Vec<String> {
    let Some((first, last)) = range.split_once("..") else { return vec![range.to_owned()] };
    let (area, first) = first.rsplit_once('-').unwrap();
    let numbers = first.parse::<u32>().unwrap()..=last.parse().unwrap();
    numbers.map(|number| format!("{area}-{number:03}")).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { files(&path, extension) } else { vec![path] };
    let is_one = |path: &PathBuf| path.extension().is_some_and(|found| found == extension);
    entries(folder).into_iter().flat_map(below).filter(is_one).collect()
}

/// The names of tests in a part of the last cell: what stands in backquotes and looks like one.
fn named(part: &str) -> Vec<&str> {
    let quoted = part.split('`').skip(1).step_by(2);
    let all = part.starts_with("test ");
    quoted.filter(|name| all || name.contains("::") || name.starts_with("browser: ")).collect()
}

/// Everything that is wrong.
fn faults(table: &str, expected: &[(&str, &[&str])], sources: &Sources) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut missing: BTreeSet<(&str, String)> = expected
        .iter()
        .flat_map(|(heading, ranges)| {
            ranges.iter().flat_map(|range| spread(range)).map(move |id| (*heading, id))
        })
        .collect();
    // Each id, and whether its row only says what comes later.
    let mut rows: BTreeMap<&str, bool> = BTreeMap::new();
    let mut heading = "";
    for (at, line) in table.lines().enumerate() {
        if let Some(text) = line.strip_prefix("## ") {
            heading = text.trim();
        }
        let Some(cells) = line.strip_prefix('|').and_then(|line| line.trim_end().strip_suffix('|')) else {
            continue;
        };
        let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
        if cells[0] == "id" || cells[0].starts_with("---") {
            continue;
        }
        let [id, _, _, place] = cells[..] else {
            faults.push(Fault::Cells { line: at + 1 });
            continue;
        };
        if cells.iter().any(|cell| cell.is_empty()) {
            faults.push(Fault::Cells { line: at + 1 });
        }
        let id_text = id.to_owned();
        if rows.contains_key(id) {
            faults.push(Fault::Double { id: id_text });
            continue;
        }
        if !missing.remove(&(heading, id_text.clone())) {
            faults.push(Fault::Unexpected { id: id_text.clone() });
        }
        for part in place.split("; ") {
            let tests = named(part);
            let needs_one = ["test ", "override: "].iter().any(|kind| part.starts_with(kind));
            if !KINDS.iter().any(|kind| part.starts_with(kind)) || (needs_one && tests.is_empty()) {
                faults.push(Fault::Place { id: id_text.clone(), part: part.to_owned() });
            }
            for test in tests.into_iter().filter(|test| !sources.tests.contains(*test)) {
                faults.push(Fault::NoTest { id: id_text.clone(), test: test.to_owned() });
            }
        }
        rows.insert(id, place.split("; ").all(|part| part.starts_with("later: ")));
    }
    faults.extend(missing.into_iter().map(|(_, id)| Fault::Missing { id }));
    for (id, cited) in &sources.cited {
        if !rows.contains_key(id.as_str()) {
            faults.push(Fault::Unlisted { id: id.clone(), cited: cited.clone() });
        }
    }
    for (id, test) in &sources.shown {
        if rows.get(id.as_str()) == Some(&true) {
            faults.push(Fault::Outdated { id: id.clone(), test: test.clone() });
        }
    }
    faults.sort();
    faults.dedup();
    faults
}

#[test]
fn every_requirement_leads_to_a_test_or_a_reason() {
    let table = fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let found = faults(&table, EXPECTED, &Sources::of_repository());
    let shown: Vec<String> = found.iter().map(|fault| format!("{fault:?}")).collect();
    assert!(found.is_empty(), "docs/conformance.md:\n{}", shown.join("\n"));
}

/// The list of expected ids is whole: as many as the two requirement references have in these sections.
#[test]
fn the_list_of_ids_is_whole() {
    let count = |heading: &str| {
        let (_, ranges) = EXPECTED.iter().find(|(found, _)| found.starts_with(heading)).unwrap();
        ranges.iter().map(|range| spread(range).len()).sum::<usize>()
    };
    let smart = ["smart.md 1:", "smart.md 2:", "smart.md 3:", "smart.md 4:", "smart.md 6:"].map(count);
    assert_eq!(smart, [85, 93, 78, 37, 26]);
    assert_eq!((count("smart.md 3.8:"), count("smart.md 4.5:")), (19, 28));
    let oauth = ["2:", "3:", "4:", "7:", "8:", "14:", "20:", "27:"]
        .map(|section| count(&format!("oauth.md {section}")));
    assert_eq!(oauth, [14, 13, 12, 10, 12, 13, 17, 7]);
    let all: Vec<String> =
        EXPECTED.iter().flat_map(|(_, ranges)| *ranges).flat_map(|range| spread(range)).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "an id stands twice");
}

/// Negative control: a broken table and broken sources, and every kind of fault is seen.
#[test]
fn every_kind_of_fault_is_seen() {
    let mut sources = Sources::default();
    let text = "
        /// PKCE-003, A-PKCE-03, PKCE-0044
        #[test]
        fn shows_it() {}

        /// PKCE-005
        #[tokio::test(flavor = \"current_thread\")]
        async fn waits_for_it() {
            let url = \"https://app.example\"; // PKCE-@99
        }

        /// PKCE-006: a helper of tests is none.
        fn helper() {}
    ";
    sources.read_rust("vestibule-core", "a.rs", &text.replace('@', "0"));
    sources.read_browser("test(\"it is shown\", async () => {\n  test('and, so: on', async () => {\n");
    let names: Vec<&str> = sources.tests.iter().map(String::as_str).collect();
    let expected_names = [
        "browser: and, so: on",
        "browser: it is shown",
        "vestibule-core::shows_it",
        "vestibule-core::waits_for_it",
    ];
    assert_eq!(names, expected_names);

    let expected: &[(&str, &[&str])] = &[("oauth.md 7: PKCE", &["PKCE-001..006", "E1"])];
    let good = "\
## oauth.md 7: PKCE

| id | strength | what | where |
|---|---|---|---|
| PKCE-001 | MUST | a | test `vestibule-core::shows_it`, `browser: and, so: on` |
| PKCE-002 | MUST | b | later: refresh tokens, with `code` words |
| PKCE-003 | MUST | c | override: no counter: `browser: it is shown`; host: it does |
| PKCE-004 | MUST | d | decision: none |
| PKCE-005 | MUST | e | later: more of it; test `vestibule-core::waits_for_it` |
| PKCE-006 | MUST | f | host: it does |
| PKCE-099 | MUST | g | host: it does |
| E1 | row | h | test `vestibule-core::shows_it` |
";
    let with = |expected: &'static [&'static str]| vec![("oauth.md 7: PKCE", expected)];
    let whole = with(&["PKCE-001..006", "PKCE-099", "E1"]);
    assert_eq!(faults(good, &whole, &sources), []);
    let unexpected = Fault::Unexpected { id: "PKCE-099".into() };
    assert_eq!(faults(good, expected, &sources), [unexpected]);

    let broken = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        faults(&good.replace(from, to), &whole, &sources)
    };
    let id = |text: &str| text.to_owned();
    let line = |line| Fault::Cells { line };
    assert_eq!(broken("| MUST | a |", "| MUST | |"), [line(5)]);
    assert_eq!(broken("| a | test", "| test"), [line(5), Fault::Missing { id: id("PKCE-001") }]);
    let double = Fault::Double { id: id("PKCE-001") };
    assert_eq!(broken("| PKCE-002", "| PKCE-001"), [double, Fault::Missing { id: id("PKCE-002") }]);
    assert_eq!(
        broken("## oauth.md 7: PKCE", "## elsewhere")
            .iter()
            .filter(|f| matches!(f, Fault::Missing { .. }))
            .count(),
        8
    );
    let no_test = |test: &str| [Fault::NoTest { id: id("PKCE-001"), test: id(test) }];
    assert_eq!(broken("core::shows_it`, ", "core::shows`, "), no_test("vestibule-core::shows"));
    assert_eq!(broken("core::shows_it`, ", "jose::shows_it`, "), no_test("vestibule-jose::shows_it"));
    assert_eq!(broken("so: on`", "so`"), no_test("browser: and, so"));
    assert_eq!(broken("vestibule-core::shows_it`, ", "helper`, "), no_test("helper"));
    let place = |of: &str, part: &str| [Fault::Place { id: id(of), part: id(part) }];
    assert_eq!(broken("later: refresh", "refresh"), place("PKCE-002", "refresh tokens, with `code` words"));
    assert_eq!(
        broken(": `browser: it is shown`;", ";").first(),
        place("PKCE-003", "override: no counter").first()
    );
    assert_eq!(
        broken("test `vestibule-core::shows_it`, `browser: and, so: on`", "test done"),
        place("PKCE-001", "test done")
    );
    let outdated = Fault::Outdated { id: id("PKCE-005"), test: id("vestibule-core::waits_for_it") };
    assert_eq!(broken("; test `vestibule-core::waits_for_it`", ""), [outdated]);
    let unlisted = Fault::Unlisted { id: id("PKCE-099"), cited: id("a.rs") };
    let row = "| PKCE-099 | MUST | g | host: it does |\n";
    assert_eq!(broken(row, ""), [Fault::Missing { id: id("PKCE-099") }, unlisted]);
}
