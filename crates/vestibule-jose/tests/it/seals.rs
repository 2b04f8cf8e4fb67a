//! Sealed values and MACs.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use vestibule_host::{Alg, Entropy, EntropyError, KeyId, KeySet, SealKey, SigningKey};
use vestibule_jose::{Purpose, SealContext, SealError, Sealer, SystemRandom};

const PENDING: Purpose = Purpose::new("pending request");
const REDIRECT: Purpose = Purpose::new("finished redirect");
const ID: [u8; 32] = [9; 32];

const CONTEXT: SealContext<'_> =
    SealContext { purpose: PENDING, issuer: "https://a.example", name: "vestibule_i", id: &ID };

/// Masters named and made by number, the newest first.
fn masters(numbers: &[u8]) -> KeySet {
    let signing = SigningKey { id: KeyId::new("k"), alg: Alg::Es256 };
    KeySet {
        revision: 1,
        access_token: signing.clone(),
        id_token: signing,
        more_access_token: Vec::new(),
        more_id_token: Vec::new(),
        jwks: Bytes::new(),
        seal: numbers.iter().map(|n| SealKey::new(KeyId::new(format!("m{n}")), [*n; 32])).collect(),
        next_seal: None,
    }
}

fn seal(keys: &KeySet, context: &SealContext<'_>) -> String {
    Sealer::new(keys).seal(context, b"who wants what", &SystemRandom::new()).unwrap()
}

fn open(keys: &KeySet, context: &SealContext<'_>, sealed: &str) -> Option<Vec<u8>> {
    match Sealer::new(keys).open(context, sealed) {
        Ok(opened) => Some(opened),
        Err(SealError::Refused) => None,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_value_opens_where_it_was_sealed_for() {
    let keys = masters(&[1]);
    let sealed = seal(&keys, &CONTEXT);
    assert_eq!(open(&keys, &CONTEXT, &sealed).unwrap(), b"who wants what");
    assert_ne!(sealed, seal(&keys, &CONTEXT), "a fresh nonce each time");
    assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
    let empty = Sealer::new(&keys).seal(&CONTEXT, b"", &SystemRandom::new()).unwrap();
    assert_eq!(open(&keys, &CONTEXT, &empty).unwrap(), b"");
}

#[test]
fn a_value_opens_nowhere_else() {
    let keys = masters(&[1]);
    let sealed = seal(&keys, &CONTEXT);
    let mut other_id = ID;
    other_id[31] ^= 1;
    for elsewhere in [
        SealContext { purpose: REDIRECT, ..CONTEXT },
        SealContext { issuer: "https://b.example", ..CONTEXT },
        SealContext { issuer: "", ..CONTEXT },
        SealContext { name: "vestibule_j", ..CONTEXT },
        SealContext { id: &other_id, ..CONTEXT },
        // The same letters, divided elsewhere.
        SealContext { issuer: "https://a.examplev", name: "estibule_i", ..CONTEXT },
    ] {
        assert!(open(&keys, &elsewhere, &sealed).is_none(), "{elsewhere:?}");
    }
}

#[test]
fn a_change_anywhere_is_noticed() {
    let keys = masters(&[1, 2]);
    let sealed = seal(&keys, &CONTEXT);
    let raw = BASE64.decode(&sealed).unwrap();
    for at in 0..raw.len() {
        for bit in 0..8 {
            let mut changed = raw.clone();
            changed[at] ^= 1 << bit;
            assert!(open(&keys, &CONTEXT, &BASE64.encode(&changed)).is_none(), "byte {at} bit {bit}");
        }
        assert!(open(&keys, &CONTEXT, &BASE64.encode(&raw[..at])).is_none(), "cut at {at}");
    }
    for other in [format!("{sealed}="), format!("{sealed}A"), format!(" {sealed}"), String::new()] {
        assert!(open(&keys, &CONTEXT, &other).is_none());
    }
}

#[test]
fn two_old_masters_are_accepted_and_no_third() {
    let sealed = seal(&masters(&[1]), &CONTEXT);
    for (present, opens) in [
        (&[1_u8][..], true),
        (&[2, 1], true),
        (&[3, 2, 1], true),
        (&[4, 3, 2, 1], false),
        (&[4, 3, 2], false),
        (&[2], false),
        (&[], false),
    ] {
        assert_eq!(open(&masters(present), &CONTEXT, &sealed).is_some(), opens, "{present:?}");
    }
    assert!(open(&masters(&[2]), &CONTEXT, &seal(&masters(&[2, 1]), &CONTEXT)).is_some(), "the newest seals");
}

#[test]
fn a_master_is_its_bytes_and_its_name() {
    let sealed = seal(&masters(&[1]), &CONTEXT);
    let mut renamed = masters(&[1]);
    renamed.seal = vec![SealKey::new(KeyId::new("m2"), [1; 32])];
    assert!(open(&renamed, &CONTEXT, &sealed).is_none());
    renamed.seal = vec![SealKey::new(KeyId::new("m1"), [2; 32])];
    assert!(open(&renamed, &CONTEXT, &sealed).is_none());
}

#[test]
fn sealing_has_bounds_and_needs_a_key() {
    let keys = masters(&[1]);
    let seal = |len: usize| Sealer::new(&keys).seal(&CONTEXT, &vec![0; len], &SystemRandom::new());
    let longest = seal(12 * 1024 - 2 - 2 - 12 - 16).unwrap();
    assert!(longest.len() <= vestibule_jose::seal::MAX_SEALED_LEN);
    assert!(open(&keys, &CONTEXT, &longest).is_some());
    assert!(matches!(seal(12 * 1024), Err(SealError::TooLong)));
    assert!(open(&keys, &CONTEXT, &"A".repeat(1 << 20)).is_none());
    let none = masters(&[]);
    assert!(matches!(Sealer::new(&none).seal(&CONTEXT, b"x", &SystemRandom::new()), Err(SealError::NoKey)));
    assert!(matches!(Sealer::new(&none).mac(PENDING, &[]), Err(SealError::NoKey)));
}

#[test]
fn without_randomness_nothing_is_sealed() {
    #[derive(Debug)]
    struct Broken;
    impl Entropy for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
            Err(EntropyError)
        }
    }
    let keys = masters(&[1]);
    let refused = Sealer::new(&keys).seal(&CONTEXT, b"x", &Broken);
    assert!(matches!(refused, Err(SealError::Entropy(_))), "CRYPTO-001");
}

/// KEY-005
#[test]
fn a_mac_holds_for_its_purpose_and_parts() {
    let keys = masters(&[1]);
    let sealer = Sealer::new(&keys);
    let mac = sealer.mac(PENDING, &[b"ab", b"c"]).unwrap();
    let holds = |purpose, parts: &[&[u8]], mac: &[u8]| sealer.verify_mac(purpose, parts, mac).is_ok();
    assert!(holds(PENDING, &[b"ab", b"c"], &mac));
    assert!(!holds(REDIRECT, &[b"ab", b"c"], &mac));
    assert!(!holds(PENDING, &[b"a", b"bc"], &mac));
    assert!(!holds(PENDING, &[b"abc"], &mac));
    assert!(!holds(PENDING, &[b"ab", b"c", b""], &mac));
    assert!(!holds(PENDING, &[b"ab", b"c"], &mac[..31]));
    assert!(!holds(PENDING, &[b"ab", b"c"], b""));
    for at in 0..mac.len() {
        let mut changed = mac;
        changed[at] ^= 1;
        assert!(!holds(PENDING, &[b"ab", b"c"], &changed));
    }
}

#[test]
fn macs_outlive_two_rotations() {
    let made = masters(&[1]);
    let mac = Sealer::new(&made).mac(PENDING, &[b"x"]).unwrap();
    for (present, holds) in [(&[2_u8, 1][..], true), (&[3, 2, 1], true), (&[4, 3, 2, 1], false), (&[], false)]
    {
        let keys = masters(present);
        assert_eq!(Sealer::new(&keys).verify_mac(PENDING, &[b"x"], &mac).is_ok(), holds, "{present:?}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let keys = masters(&[77]);
    let shown = format!("{:?} {CONTEXT:?} {keys:?}", Sealer::new(&keys));
    assert!(shown.contains("m77"));
    assert!(!shown.contains("77, 77") && !shown.contains("9, 9"));
}
