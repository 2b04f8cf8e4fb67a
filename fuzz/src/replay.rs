//! The seeds, and mutants of them that are the same in every run.

use std::fs;
use std::path::Path;

use vestibule_host::StaticClients;

const MUTANTS: usize = 20_000;
/// Of the engine's target: each is a hundred requests.
const MUTANTS_OF_SEQUENCES: usize = 1_500;

/// xorshift64*: no dependency, and the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }
}

/// Bytes that readers treat specially; cut into seeds they break structure, not only text.
const PIECES: &[&[u8]] = &[
    b"&",
    b"=",
    b"%",
    b"%00",
    b"%ff",
    b"%c3%28",
    b"+",
    b" ",
    b"  ",
    b"?",
    b"/",
    b"//",
    b":",
    b"#",
    b"@",
    b".",
    b"..",
    b"*",
    b"|",
    b"\\",
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"\xff",
    b"\xc3\x28",
    b"\xf0\x9f\x8f\xa5",
    b"\xe2\x80\xae",
    b"state=a",
    b"scope=",
    b"client_id=app",
    b"patient/*.rs",
    b"?category=",
    b"http://127.0.0.1:65536",
    b"[::1]",
    b"=",
    b"==",
    b"e30",
    b"e30.e30.e30",
    b"Basic ",
    b"\x01",
    b"\x02",
];

fn mutate(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut data = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(data.len() + 1);
        let end = (at + dice.below(8)).min(data.len());
        match dice.below(7) {
            0 if at < data.len() => data[at] ^= 1 << dice.below(8),
            1 if at < data.len() => data[at] = dice.roll() as u8,
            2 => drop(data.drain(at..end)),
            3 => drop(data.splice(at..at, PIECES[dice.below(PIECES.len())].iter().copied())),
            4 => drop(data.splice(at..end, PIECES[dice.below(PIECES.len())].iter().copied())),
            5 => {
                // The tail of another seed.
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                data.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let repeated = data[at..end].repeat(1 + dice.below(20));
                data.splice(at..at, repeated);
            }
        }
    }
    data
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let seeds: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(!seeds.is_empty(), "{} has no seeds", folder.display());
    seeds
}

fn replay(name: &str, mutants: usize, target: fn(&[u8]) -> bool) {
    let seeds = seeds(name);
    target(b"");
    assert!(seeds.iter().filter(|seed| target(seed)).count() > 0, "{name}: no seed is accepted");
    let mut dice = Dice(0x5EED_0000_0000_0001);
    for number in 0..mutants {
        let data = mutate(&mut dice, &seeds);
        if std::panic::catch_unwind(|| target(&data)).is_err() {
            panic!("{name}, mutant {number}: {:?}", String::from_utf8_lossy(&data));
        }
    }
}

macro_rules! replay {
    ($($target:ident)*) => { $(
        #[test]
        fn $target() {
            replay(stringify!($target), MUTANTS, crate::$target);
        }
    )* };
}

replay! { scope authorize_query token_form jws client_assertion refresh_token jwks sealed_cookie redirect_uri clients_file registration record http_request fhir_request fhir_search }

/// A parser that breaks where real ones did: behind a check that most input fails. Each must be found from the seeds, by the same
/// mutants that are replayed above.
#[test]
fn a_planted_panic_is_found() {
    fn in_percent_decoding(data: &[u8]) -> bool {
        assert!(!data.windows(2).any(|pair| pair == b"%f"), "planted");
        true
    }
    /// An index past the end where a list ends with a constraint.
    fn in_scopes(data: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(data) else { return false };
        let Ok(list) = vestibule_scope::ScopeList::parse(text) else { return false };
        let last = list.scopes().last().map_or("", |scope| scope.as_str());
        assert!(!(list.iter().count() > 4 && last.contains('?')), "planted");
        crate::scope(data)
    }
    /// A port that is read as 16 bits after the rest was accepted.
    fn in_redirect_uris(data: &[u8]) -> bool {
        let accepted = crate::redirect_uri(data);
        assert!(!(accepted && data.windows(3).any(|three| three == b":65")), "planted");
        accepted
    }
    /// A query that is cut off where there is none to cut.
    fn in_clients_files(data: &[u8]) -> bool {
        let accepted = crate::clients_file(data);
        let Some(clients) =
            std::str::from_utf8(data).ok().and_then(|text| StaticClients::from_json(text).ok())
        else {
            return accepted;
        };
        let mut uris = clients.iter().flat_map(|client| &client.redirect_uris);
        assert!(!uris.any(|uri| uri.ends_with('?')), "planted");
        accepted
    }
    /// A successor that is computed twice: only a token that was used and used again gets there.
    fn in_the_engine(data: &[u8]) -> bool {
        use vestibule_testkit::mutants::{Mistake, MutantGrants};
        let store = std::sync::Arc::new(MutantGrants::new(Mistake::SaltOverwritten));
        crate::engine::run(data, store).expect("planted")
    }
    /// An operation on an instance that is taken for one on a type.
    fn in_fhir_requests(data: &[u8]) -> bool {
        let accepted = crate::fhir_request(data);
        assert!(
            !(accepted
                && data.windows(3).any(|three| three == b"/1$" || three == b"/1/")
                && data.contains(&b'$')),
            "planted"
        );
        accepted
    }
    /// A chain that is followed one link too far.
    fn in_fhir_searches(data: &[u8]) -> bool {
        let accepted = crate::fhir_search(data);
        let links = |part: &[u8]| part.iter().filter(|byte| **byte == b'.').count();
        assert!(!(accepted && data.split(|byte| *byte == b'&').any(|part| links(part) > 3)), "planted");
        accepted
    }
    let planted: [(&str, usize, fn(&[u8]) -> bool); 7] = [
        ("authorize_query", MUTANTS, in_percent_decoding),
        ("scope", MUTANTS, in_scopes),
        ("redirect_uri", MUTANTS, in_redirect_uris),
        ("clients_file", MUTANTS, in_clients_files),
        ("engine", 500, in_the_engine),
        ("fhir_request", MUTANTS, in_fhir_requests),
        ("fhir_search", MUTANTS, in_fhir_searches),
    ];
    for (name, mutants, broken) in planted {
        let found = std::panic::catch_unwind(|| replay(name, mutants, broken));
        assert!(found.is_err(), "{name}: {mutants} mutants find nothing");
    }
}

#[test]
fn the_seeds_of_records_are_records() {
    use vestibule_core::record::read;
    let seed = |name| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/record").join(name);
        vestibule_host::Record(fs::read(file).unwrap().into())
    };
    assert!(read::<crate::GrantRecord>(&seed("grant")).is_ok());
    assert!(read::<crate::LaunchRecord>(&seed("launch")).is_ok());
    assert!(read::<crate::PendingRequest>(&seed("pending")).is_ok());
    assert!(read::<crate::Progress>(&seed("progress")).is_ok());
    assert!(crate::Registration::from_record(&seed("registration")).is_ok());
}

#[test]
fn engine() {
    replay("engine", MUTANTS_OF_SEQUENCES, crate::engine);
}

/// Stores with a mistake that was made in real servers. The model must notice each through the engine alone, from the seeds or from
/// few mutants of them.
#[test]
fn the_model_notices_a_store_that_is_wrong() {
    use vestibule_testkit::mutants::{Mistake, MutantGrants};
    let mistakes = [
        Mistake::UnguardedRedemption,
        Mistake::ForgottenExpiry,
        Mistake::LateByOne,
        Mistake::ReplayWithoutRevocation,
        Mistake::SpentCodesDeleted,
        Mistake::SessionsNotRevoked,
        Mistake::LaunchNotSpent,
        Mistake::UnguardedRotation,
        Mistake::ForkedChain,
        Mistake::ForgottenPredecessor,
        Mistake::EndlessWindow,
        Mistake::SaltOverwritten,
        Mistake::UncountedReplays,
        Mistake::SuspicionForgotten,
        Mistake::RestIgnored,
        Mistake::ReuseWithoutRevocation,
        Mistake::ForgetfulAttempts,
        Mistake::TokensOutliveTheirGrant,
        Mistake::EventLost,
        Mistake::EventPerTry,
        Mistake::RefusalTold,
        Mistake::LastWriterWins,
    ];
    let seeds = seeds("engine");
    for seed in &seeds {
        let text = String::from_utf8_lossy(seed);
        crate::engine::run(seed, std::sync::Arc::new(vestibule_host::MemoryGrants::new()))
            .unwrap_or_else(|wrong| panic!("{text}\n{wrong}"));
    }
    let mut unnoticed = Vec::new();
    for mistake in mistakes {
        let run = |data: &[u8]| crate::engine::run(data, std::sync::Arc::new(MutantGrants::new(mistake)));
        let by_seed = seeds.iter().find_map(|seed| run(seed).err());
        let mut dice = Dice(0x5EED_0000_0000_0002);
        let mut by_mutant = || (0..300).find_map(|_| run(&mutate(&mut dice, &seeds)).err());
        match by_seed.or_else(&mut by_mutant) {
            Some(wrong) => println!("{mistake:?}: {wrong}"),
            None => unnoticed.push(mistake),
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}
