//! Negative controls: broken tables and broken sources, and every kind of fault is seen.

use super::{Fault, Sources, areas, faults, spread};

type Expected = &'static [(&'static str, &'static [&'static str])];

const EXPECTED: Expected =
    &[("oauth.md 7: PKCE", &["PKCE-001..006", "PKCE-099", "E1"]), ("oauth.md 16: PAR", &["PAR-01..03"])];

const GOOD: &str = "\
## oauth.md 7: PKCE

| id | strength | what | where |
|---|---|---|---|
| PKCE-001 | MUST | a | test `vestibule-core::shows_it`, `browser: and, so: on` |
| PKCE-002 | MUST | b | later: refresh tokens, with `code` words |
| PKCE-003 | MUST | c | override: no counter: `browser: it is shown`; host: it does |
| PKCE-004 | MAY | d | decision: none |
| PKCE-005 | MUST | e | later: more of it; test `vestibule-core::waits_for_it` |
| PKCE-006 | MUST | f | host: it does |
| PKCE-099 | MUST | g | host: it does |
| E1 | row | h | test `vestibule-core::shows_it`, `vestibule-sqlite::a_case_of_a_suite` |

## oauth.md 16: PAR

| id | strength | what | where |
|---|---|---|---|
| PAR-01..03 | MUST | i | decision: an extension, not built |
";

fn sources(expected: Expected) -> Sources {
    let mut sources = Sources::new(&areas(expected));
    let text = "
        /// PKCE-003, A-PKCE-03, PKCE-0044, PAR-@01
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
    let suite = "
        macro_rules! __grant_cases {
            ($then:ident $($argument:tt)*) => {
                $crate::$then! { $($argument)*; grants:
                    a_case_of_a_suite
                }
            };
        }
    ";
    sources.read_rust("vestibule-testkit", "suite.rs", suite);
    sources.read_rust("vestibule-sqlite", "b.rs", "vestibule_testkit::store_suite!(file);");
    sources
        .read_script("browser", "test(\"it is shown\", async () => {\n  test('and, so: on', async () => {\n");
    sources.finish();
    sources
}

/// What is found after a change of the good table.
fn broken(from: &str, to: &str) -> Vec<Fault> {
    assert!(GOOD.contains(from), "{from}");
    faults(&GOOD.replace(from, to), EXPECTED, &sources(EXPECTED))
}

fn id(text: &str) -> String {
    text.to_owned()
}

#[test]
fn tests_are_read_from_sources() {
    let sources = sources(EXPECTED);
    let names: Vec<&str> = sources.tests.iter().map(String::as_str).collect();
    let expected = [
        "browser: and, so: on",
        "browser: it is shown",
        "vestibule-core::shows_it",
        "vestibule-core::waits_for_it",
        "vestibule-sqlite::a_case_of_a_suite",
    ];
    assert_eq!(names, expected);
    let shown: Vec<&str> = sources.shown.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(shown, ["PKCE-003", "PKCE-005"]);
    assert_eq!(spread("A-B-08..10"), ["A-B-08", "A-B-09", "A-B-10"]);
    assert_eq!(spread("3.8 rows 1..2 and more"), ["3.8 rows 1..2 and more"]);
}

#[test]
fn a_good_table_has_no_fault() {
    assert_eq!(faults(GOOD, EXPECTED, &sources(EXPECTED)), []);
}

/// An id without a row, a row without an id, an id with two rows, a row without its cells.
#[test]
fn missing_and_unexpected_rows_are_seen() {
    const SHORT: Expected = &[("oauth.md 7: PKCE", &["PKCE-001..006", "E1"]), EXPECTED[1]];
    assert_eq!(faults(GOOD, SHORT, &sources(SHORT)), [Fault::Unexpected { id: id("PKCE-099") }]);
    let line = |line| Fault::Cells { line };
    let missing = |text: &str| Fault::Missing { id: id(text) };
    assert_eq!(broken("| MUST | a |", "| MUST | |"), [line(5)]);
    assert_eq!(broken("| a | test", "| test"), [line(5), missing("PKCE-001")]);
    assert_eq!(
        broken("| PKCE-002", "| PKCE-001"),
        [Fault::Double { id: id("PKCE-001") }, missing("PKCE-002")]
    );
    let elsewhere = broken("## oauth.md 7: PKCE", "## elsewhere");
    assert_eq!(elsewhere.iter().filter(|fault| matches!(fault, Fault::Missing { .. })).count(), 8);
    assert_eq!(broken("PAR-01..03", "PAR-01..02"), [missing("PAR-03")]);
    assert_eq!(broken("PAR-01..03", "PAR-01..04"), [Fault::Unexpected { id: id("PAR-04") }]);
    // Nothing says any more what the code below claims to do.
    let unlisted = Fault::Unlisted { id: id("PKCE-099"), cited: id("a.rs") };
    assert_eq!(broken("| PKCE-099 | MUST | g | host: it does |\n", ""), [missing("PKCE-099"), unlisted]);
}

/// A test that does not exist: misspelled, of another package, a helper, one that was never a case.
#[test]
fn missing_tests_are_seen() {
    let no_test = |of: &str, test: &str| [Fault::NoTest { id: id(of), test: id(test) }];
    let first = |to: &str| broken("core::shows_it`, `browser", to);
    assert_eq!(first("core::shows`, `browser"), no_test("PKCE-001", "vestibule-core::shows"));
    assert_eq!(first("jose::shows_it`, `browser"), no_test("PKCE-001", "vestibule-jose::shows_it"));
    assert_eq!(broken("so: on`", "so`"), no_test("PKCE-001", "browser: and, so"));
    let helper = broken("test `vestibule-core::shows_it`, `browser", "test `helper`, `browser");
    assert_eq!(helper, no_test("PKCE-001", "helper"));
    assert_eq!(
        broken("sqlite::a_case_of_a_suite", "core::a_case_of_a_suite"),
        no_test("E1", "vestibule-core::a_case_of_a_suite")
    );
    assert_eq!(broken("`browser: it is", "`browser: that is"), no_test("PKCE-003", "browser: that is shown"));
}

/// A last cell that leads nowhere.
#[test]
fn rows_that_lead_nowhere_are_seen() {
    let place = |of: &str, part: &str| [Fault::Place { id: id(of), part: id(part) }];
    assert_eq!(broken("later: refresh", "refresh"), place("PKCE-002", "refresh tokens, with `code` words"));
    assert_eq!(broken("host: it does |\n| PKCE-099", "host: |\n| PKCE-099"), place("PKCE-006", "host:"));
    assert_eq!(
        broken(": `browser: it is shown`;", ";").first(),
        place("PKCE-003", "override: no counter").first()
    );
    assert_eq!(
        broken("test `vestibule-core::shows_it`, `browser: and, so: on`", "test done"),
        place("PKCE-001", "test done")
    );
}

/// What binds cannot be decided away, and several ids in one row cannot hide one that is shown.
#[test]
fn decisions_have_their_limits() {
    assert_eq!(broken("MAY | d", "MUST | d"), [Fault::Undecidable { id: id("PKCE-004") }]);
    assert_eq!(broken("MAY | d", "SHALL NOT | d"), [Fault::Undecidable { id: id("PKCE-004") }]);
    assert_eq!(broken("MAY | d | decision: none", "TEST | d | decision: none; host: it does"), []);
    let group = Fault::Group { ids: id("PAR-01..03") };
    assert_eq!(broken("decision: an ext", "later: an ext"), [group]);
    let mut sources = sources(EXPECTED);
    sources.read_rust("vestibule", "c.rs", "/// PAR-02\n#[test]\nfn pushes() {}\n");
    let outdated = Fault::Outdated { id: id("PAR-02"), test: id("vestibule::pushes") };
    assert_eq!(faults(GOOD, EXPECTED, &sources), [outdated]);
}

/// A row that says "later" of what a test shows by now.
#[test]
fn outdated_rows_are_seen() {
    let outdated = Fault::Outdated { id: id("PKCE-005"), test: id("vestibule-core::waits_for_it") };
    assert_eq!(broken("; test `vestibule-core::waits_for_it`", ""), [outdated]);
}

/// An id that a test names, of an area that is known or looks like one, and that no row has.
#[test]
fn unlisted_ids_are_seen() {
    for (named, seen) in
        [("PKCE-042", true), ("SMART-NEW-001", true), ("PKCE-42", false), ("RFC-7636", false)]
    {
        let found = |file: &str, text: &str| {
            let mut sources = sources(EXPECTED);
            sources.read_rust("vestibule", file, text);
            faults(GOOD, EXPECTED, &sources)
        };
        let unlisted = |file: &str| {
            if seen { vec![Fault::Unlisted { id: id(named), cited: id(file) }] } else { Vec::new() }
        };
        let test = format!("/// {named}\n#[test]\nfn pushes() {{}}\n");
        assert_eq!(found("c.rs", &test), unlisted("c.rs"), "{named}");
        let told = format!("trail.check(\"{named}\", \"it fits\");\n");
        assert_eq!(found("vestibule/src/c.rs", &told), unlisted("vestibule/src/c.rs"), "{named}");
        assert_eq!(found("vestibule/tests/c.rs", &told), [], "a test may talk of anything");
    }
}
