//! Each invariant sees a history that breaks it, and only that one.

use std::collections::BTreeSet;

use vestibule_testkit::invariants::{ALL, Answer, Fact, History, Seen};

fn set(scopes: &[&str]) -> BTreeSet<String> {
    scopes.iter().map(|scope| (*scope).to_owned()).collect()
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// A day without a fault: everything that may happen, lost answers told again among it.
fn good() -> Vec<Seen> {
    let won = |attempt| Seen::CodeWon { code: text("1"), attempt: text(attempt) };
    let next = |chain, presented, successor| Seen::Successor {
        chain: text(chain),
        presented: text(presented),
        successor: text(successor),
    };
    let whose = |grant, user| Seen::Whose {
        grant: text(grant),
        user: text(user),
        client: text("app"),
        patient: Some(text("ben")),
    };
    let spent = |client, attempt| Seen::AssertionSpent {
        client: text(client),
        jti: text("jti"),
        attempt: text(attempt),
    };
    vec![
        won("a"),
        won("a"),
        Seen::CodeWon { code: text("2"), attempt: text("b") },
        next("1", "r0", "r1"),
        next("1", "r0", "r1"),
        next("1", "r1", "r2"),
        next("2", "r0", "s1"),
        Seen::Missing(text("grant 3")),
        Seen::Acknowledged(text("grant 1")),
        Seen::There(text("grant 1")),
        Seen::Lives { grant: text("1") },
        Seen::Issued { grant: text("1") },
        Seen::Revoked { grant: text("1") },
        Seen::Lives { grant: text("2") },
        Seen::Issued { grant: text("2") },
        Seen::Ended { grant: text("2") },
        Seen::Granted {
            registered: set(&["a", "b", "c"]),
            requested: set(&["a", "b", "d"]),
            consented: set(&["a", "b"]),
            granted: set(&["a"]),
        },
        whose("1", "alice"),
        whose("1", "alice"),
        whose("2", "carol"),
        spent("app", "a"),
        spent("app", "a"),
        spent("other", "b"),
        Seen::Changed { event: text("e1") },
        Seen::Told { event: text("e1") },
        Seen::Told { event: text("e1") },
        Seen::Secret(text("s3cret")),
        Seen::Output { place: text("a log"), text: text("all is well") },
        Seen::Held { what: text("connections"), count: 0 },
        Seen::Answered { fact: Fact::Good, answer: Answer::Yes },
        Seen::Answered { fact: Fact::Bad, answer: Answer::No },
        Seen::Answered { fact: Fact::Unknown, answer: Answer::Later },
    ]
}

/// What breaks each, added to the day without a fault.
fn bad(invariant: &str) -> Vec<Vec<Seen>> {
    let granted = |granted: &str| Seen::Granted {
        registered: set(&["a", "b"]),
        requested: set(&["a", "c"]),
        consented: set(&["b", "c"]),
        granted: set(&[granted]),
    };
    match invariant {
        "I1" => vec![vec![Seen::CodeWon { code: text("1"), attempt: text("thief") }]],
        "I2" => {
            vec![vec![Seen::Successor { chain: text("1"), presented: text("r0"), successor: text("fork") }]]
        }
        "I3" => vec![vec![Seen::Missing(text("grant 1"))]],
        "I4" => vec![vec![Seen::Lives { grant: text("1") }]],
        "I5" => vec![vec![Seen::Issued { grant: text("1") }], vec![Seen::Issued { grant: text("2") }]],
        "I6" => vec![vec![granted("a")], vec![granted("b")], vec![granted("c")]],
        "I7" => {
            let whose = |user: &str, client: &str, patient: Option<&str>| {
                let (user, client, patient) = (text(user), text(client), patient.map(text));
                vec![Seen::Whose { grant: text("1"), user, client, patient }]
            };
            vec![
                whose("ben", "app", Some("ben")),
                whose("alice", "other", Some("ben")),
                whose("alice", "app", Some("alice")),
                whose("alice", "app", None),
            ]
        }
        "I8" => {
            let (client, jti, attempt) = (text("app"), text("jti"), text("thief"));
            vec![vec![Seen::AssertionSpent { client, jti, attempt }]]
        }
        "I9" => vec![
            vec![Seen::Changed { event: text("e2") }],
            vec![Seen::Told { event: text("e2") }],
            vec![Seen::Changed { event: text("e1") }],
        ],
        "I10" => vec![vec![Seen::Output { place: text("a log"), text: text("token=s3cret&x") }]],
        "I11" => vec![vec![Seen::Held { what: text("transactions"), count: 1 }]],
        "I12" => {
            let pairs = [
                (Fact::Good, Answer::No),
                (Fact::Good, Answer::Broken),
                (Fact::Bad, Answer::Yes),
                (Fact::Bad, Answer::Later),
                (Fact::Unknown, Answer::No),
                (Fact::Unknown, Answer::Yes),
                (Fact::Unknown, Answer::Broken),
            ];
            pairs.into_iter().map(|(fact, answer)| vec![Seen::Answered { fact, answer }]).collect()
        }
        other => panic!("no history breaks {other}"),
    }
}

#[test]
fn a_day_without_a_fault_breaks_nothing() {
    let mut history = History::default();
    history.extend(good());
    history.check().unwrap();
    assert_eq!(history.seen().len(), good().len());
    History::default().check().unwrap();
}

#[test]
fn each_invariant_sees_what_breaks_it_and_nothing_else() {
    for (name, _) in ALL {
        for seen in bad(name) {
            let mut history = History::default();
            history.extend(good());
            history.extend(seen.clone());
            let broken: Vec<_> =
                ALL.iter().filter(|(_, holds)| holds(&history).is_err()).map(|(name, _)| *name).collect();
            assert_eq!(broken, [name], "{seen:?}");
            assert!(history.check().unwrap_err().0.starts_with(&format!("{name}: ")), "{seen:?}");
        }
    }
}

/// Whoever reads the failure must not read the secret.
#[test]
fn a_secret_that_was_seen_is_not_shown_again() {
    let mut history = History::default();
    history.extend(good());
    history.extend(bad("I10").remove(0));
    assert_eq!(history.check().unwrap_err().0, "I10: a secret is in a log");
}
