//! A slow, obvious model of scopes on resources. It reads the text by itself and answers one question: does this scope
//! let this interaction through? Laws are checked by asking it of every interaction in a small world.

/// Types that scopes name, and one that only a wildcard reaches: a type of a later release.
pub(crate) const TYPES: [&str; 4] = ["Observation", "Condition", "Patient", "TypeOfALaterRelease"];
const LEVELS: [&str; 3] = ["patient", "user", "system"];
const LETTERS: [char; 5] = ['c', 'r', 'u', 'd', 's'];
pub(crate) const CATEGORIES: [&str; 3] = ["a", "b", "c"];
pub(crate) const STATUSES: [&str; 2] = ["x", "y"];

/// Every answer to "may it?", in the order of the world's interactions.
pub(crate) type Allowed = Vec<bool>;

/// One resource: the values it has for the two search parameters.
struct Resource {
    categories: Vec<&'static str>,
    statuses: Vec<&'static str>,
}

fn subsets(of: &[&'static str]) -> Vec<Vec<&'static str>> {
    (0..1_u32 << of.len())
        .map(|bits| of.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, it)| *it).collect())
        .collect()
}

fn resources() -> Vec<Resource> {
    subsets(&CATEGORIES)
        .into_iter()
        .flat_map(|categories| {
            subsets(&STATUSES)
                .into_iter()
                .map(move |statuses| Resource { categories: categories.clone(), statuses })
        })
        .collect()
}

/// What one resource scope, given as text, allows.
pub(crate) fn allowed(text: &str) -> Allowed {
    let (level, rest) = text.split_once('/').expect("level");
    let (head, constraint) = rest.split_once('?').map_or((rest, None), |(head, it)| (head, Some(it)));
    let (type_name, suffix) = head.split_once('.').expect("suffix");
    let letters = match suffix {
        "read" => "rs",
        "write" => "cud",
        "*" => "cruds",
        letters => letters,
    };
    let matching: Vec<bool> =
        resources().iter().map(|resource| constraint.is_none_or(|it| matches(it, resource))).collect();
    let mut answers = Vec::new();
    for its_level in LEVELS {
        for its_type in TYPES {
            for letter in LETTERS {
                let speaks_of = its_level == level
                    && (type_name == "*" || type_name == its_type)
                    && letters.contains(letter);
                answers.extend(matching.iter().map(|matches| speaks_of && *matches));
            }
        }
    }
    answers
}

/// What several scopes allow together.
pub(crate) fn allowed_by_any<'a>(texts: impl IntoIterator<Item = &'a str>) -> Allowed {
    let nothing = vec![false; LEVELS.len() * TYPES.len() * LETTERS.len() * resources().len()];
    texts.into_iter().fold(nothing, |all, text| all.iter().zip(allowed(text)).map(|(a, b)| *a || b).collect())
}

pub(crate) fn both(left: &Allowed, right: &Allowed) -> Allowed {
    left.iter().zip(right).map(|(a, b)| *a && *b).collect()
}

pub(crate) fn is_subset(small: &Allowed, large: &Allowed) -> bool {
    small.iter().zip(large).all(|(a, b)| !*a || *b)
}

fn matches(constraint: &str, resource: &Resource) -> bool {
    constraint.split('&').all(|pair| {
        let (name, value) = pair.split_once('=').expect("pair");
        let has = if name == "category" { &resource.categories } else { &resource.statuses };
        // The only escapes in this world are those of single letters and the comma.
        let value = value
            .replace("%61", "a")
            .replace("%62", "b")
            .replace("%63", "c")
            .replace("%78", "x")
            .replace("%79", "y")
            .replace("%2C", ",");
        value.split(',').any(|alternative| has.contains(&alternative))
    })
}
