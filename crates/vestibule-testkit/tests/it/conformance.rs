//! `docs/conformance.md` against the sources: every requirement has its row, every test that a row names exists, and no id
//! that a test or a line of code names is without a row.

mod broken;
mod ids;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use ids::{COUNTS, EXPECTED};
use sources::{Sources, root};

/// What the last cell of a row may begin with.
const KINDS: &[&str] = &["test ", "later: ", "host: ", "app: ", "override: ", "decision: "];

/// What has to be shown. Only what the reference leaves open can be settled by a decision alone.
const BINDING: &[&str] = &["SHALL", "TEST", "MUST", "ENGINE"];

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
    /// A requirement that binds, and the row only decides something.
    Undecidable { id: String },
    /// Several ids in one row, which says more than a decision.
    Group { ids: String },
    /// A test that does not exist.
    NoTest { id: String, test: String },
    /// An id in the sources that has no row.
    Unlisted { id: String, cited: String },
    /// A test says that it shows the id, and the row names no test.
    Outdated { id: String, test: String },
}

/// `SMART-AUTHZ-001..003` → its three ids; anything else is itself.
fn spread(range: &str) -> Vec<String> {
    let split = || {
        let (first, last) = range.split_once("..")?;
        let (area, first) = first.rsplit_once('-')?;
        let (width, numbers) = (first.len(), first.parse::<u32>().ok()?..=last.parse().ok()?);
        Some(numbers.map(|number| format!("{area}-{number:0width$}")).collect())
    };
    split().unwrap_or_else(|| vec![range.to_owned()])
}

/// The areas that the expected ids are of, with the width of their numbers: whatever looks like an id of one of them is one.
fn areas(expected: &[(&str, &[&str])]) -> BTreeSet<(String, usize)> {
    let ids = expected.iter().flat_map(|(_, ranges)| *ranges).flat_map(|range| spread(range));
    ids.filter(|id| !id.starts_with("A-"))
        .filter_map(|id| {
            let (area, number) = id.rsplit_once('-')?;
            number.bytes().all(|b| b.is_ascii_digit()).then(|| (area.to_owned(), number.len()))
        })
        .collect()
}

/// The names of tests in a part of the last cell: what stands in backquotes and looks like one.
fn named<'a>(part: &'a str, sources: &Sources) -> Vec<&'a str> {
    let quoted = part.split('`').skip(1).step_by(2);
    let scripted =
        |name: &str| name.split_once(": ").is_some_and(|(suite, _)| sources.scripts.contains(suite));
    let all = part.starts_with("test ");
    quoted.filter(|name| all || name.contains("::") || scripted(name)).collect()
}

/// What a row promises.
#[derive(Clone, Copy)]
struct Row {
    /// It names a test, or what is to come stands beside something else.
    shown: bool,
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
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
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
        let [ids, strength, _, place] = cells[..] else {
            faults.push(Fault::Cells { line: at + 1 });
            continue;
        };
        if cells.iter().any(|cell| cell.is_empty()) {
            faults.push(Fault::Cells { line: at + 1 });
        }
        let parts = || place.split("; ");
        let is_group = spread(ids).len() > 1;
        let only = |kind: &str| parts().all(|part| part.starts_with(kind));
        if is_group && !only("decision: ") {
            faults.push(Fault::Group { ids: ids.to_owned() });
        }
        let binds = BINDING.iter().any(|word| strength.starts_with(word));
        if !is_group && binds && only("decision: ") {
            faults.push(Fault::Undecidable { id: ids.to_owned() });
        }
        for part in parts() {
            let tests = named(part, sources);
            let needs_one = ["test ", "override: "].iter().any(|kind| part.starts_with(kind));
            if !KINDS.iter().any(|kind| part.starts_with(kind)) || (needs_one && tests.is_empty()) {
                faults.push(Fault::Place { id: ids.to_owned(), part: part.to_owned() });
            }
            for test in tests.into_iter().filter(|test| !sources.tests.contains(*test)) {
                faults.push(Fault::NoTest { id: ids.to_owned(), test: test.to_owned() });
            }
        }
        for id in spread(ids) {
            if !missing.remove(&(heading, id.clone())) && !rows.contains_key(&id) {
                faults.push(Fault::Unexpected { id: id.clone() });
            }
            let row = Row { shown: !only("later: ") && !is_group };
            if rows.insert(id.clone(), row).is_some() {
                faults.push(Fault::Double { id });
            }
        }
    }
    faults.extend(missing.into_iter().map(|(_, id)| Fault::Missing { id }));
    for (id, cited) in &sources.cited {
        if !rows.contains_key(id.as_str()) {
            faults.push(Fault::Unlisted { id: id.clone(), cited: cited.clone() });
        }
    }
    for (id, test) in &sources.shown {
        if rows.get(id.as_str()).is_some_and(|row| !row.shown) {
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
    let found = faults(&table, EXPECTED, &Sources::of_repository(&areas(EXPECTED)));
    let shown: Vec<String> = found.iter().map(|fault| format!("{fault:?}")).collect();
    assert!(found.is_empty(), "docs/conformance.md:\n{}", shown.join("\n"));
}

/// The list of expected ids is whole: as many as the two requirement references have in each section.
#[test]
fn the_list_of_ids_is_whole() {
    let listed: Vec<(&str, usize)> = EXPECTED
        .iter()
        .map(|(heading, ranges)| (*heading, ranges.iter().map(|range| spread(range).len()).sum()))
        .collect();
    for (section, count) in COUNTS {
        let found: Vec<_> = listed.iter().filter(|(heading, _)| heading.starts_with(section)).collect();
        assert!(matches!(found[..], [(_, listed)] if listed == count), "{section} has {count}: {found:?}");
    }
    let others =
        listed.iter().filter(|(heading, _)| !COUNTS.iter().any(|(section, _)| heading.starts_with(section)));
    assert_eq!(others.count(), 1, "the attacks that were decided otherwise");
    let all: Vec<String> =
        EXPECTED.iter().flat_map(|(_, ranges)| *ranges).flat_map(|range| spread(range)).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "an id stands twice");
}

/// The tests that the sources offer are found where they are, whoever has them.
#[test]
fn every_package_is_read() {
    let sources = Sources::of_repository(&areas(EXPECTED));
    for test in [
        "vestibule::a_code_lives_for_sixty_seconds",
        "vestibule-core::published_vectors",
        "vestibule-fetch::no_redirect_is_followed",
        "vestibule-actix::a_body_has_a_bound",
        "vestibule-http-tests::a_redir_04_userinfo",
        "vestibule-testkit::of_many_redemptions_one_wins",
        "vestibule-sqlite::of_many_redemptions_one_wins",
        "vestibule-testkit::an_initial_token_buys_one_registration",
        "vestibule-jose::a_document_is_saved_by_compare_and_swap",
        "demo-ehr::metadata_is_for_everybody",
        "browser: cookies are narrow",
    ] {
        assert!(sources.tests.contains(test), "{test}");
    }
    assert!(!sources.tests.contains("vestibule-jose::of_many_redemptions_one_wins"));
}
