//! Refresh chains as bytes: the one row that is judged here and not by a script.
//!
//! A version byte, then the fields of [`Family`] in their order, fixed in length. Two states are the same if their bytes are, which
//! is what the script compares.

use vestibule_host::family::{Answered, Predecessor, Told};
use vestibule_host::{AttemptId, Family, RefreshHash, Salt, StoreFault, UnixMillis};

const VERSION: u8 = 1;

/// The state as it is stored.
pub(crate) fn encode(family: &Family) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(family.generation.to_be_bytes());
    out.extend(family.current.as_bytes());
    out.push(family.suspected);
    out.extend(family.idle_until.0.to_be_bytes());
    out.extend(family.until.0.to_be_bytes());
    match &family.previous {
        None => out.push(0),
        Some(previous) => {
            out.push(1);
            out.extend(previous.hash.as_bytes());
            out.extend(previous.salt.as_bytes());
            out.extend(previous.rotated.0.to_be_bytes());
            out.extend(previous.by.as_bytes());
            out.push(previous.replays);
        }
    }
    match &family.answered {
        None => out.push(0),
        Some(answered) => {
            out.push(number(answered.told));
            out.extend(answered.by.as_bytes());
        }
    }
    out
}

/// What was stored cannot be judged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Illegible {
    #[error("a refresh chain of version {0}, which a newer version wrote")]
    Newer(u8),
    #[error("a refresh chain that was cut or changed")]
    Damaged,
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Family, StoreFault> {
    read(bytes).map_err(StoreFault::not_applied)
}

fn read(bytes: &[u8]) -> Result<Family, Illegible> {
    let mut rest = Rest(bytes);
    match rest.byte()? {
        VERSION => {}
        newer => return Err(Illegible::Newer(newer)),
    }
    let generation = u64::from_be_bytes(rest.take()?);
    let current = RefreshHash::new(rest.take()?);
    let suspected = rest.byte()?;
    let (idle_until, until) = (rest.time()?, rest.time()?);
    let previous = match rest.byte()? {
        0 => None,
        1 => Some(Predecessor {
            hash: RefreshHash::new(rest.take()?),
            salt: Salt::new(rest.take()?),
            rotated: rest.time()?,
            by: AttemptId::new(rest.take()?),
            replays: rest.byte()?,
        }),
        _ => return Err(Illegible::Damaged),
    };
    let answered = match rest.byte()? {
        0 => None,
        told => Some(Answered { told: self::told(told)?, by: AttemptId::new(rest.take()?) }),
    };
    if !rest.0.is_empty() {
        return Err(Illegible::Damaged);
    }
    Ok(Family { generation, current, previous, suspected, idle_until, until, answered })
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Illegible> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Illegible::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Illegible> {
        self.take().map(|[byte]| byte)
    }

    fn time(&mut self) -> Result<UnixMillis, Illegible> {
        self.take().map(i64::from_be_bytes).map(UnixMillis)
    }
}

/// Never renumber: the numbers are stored.
const fn number(told: Told) -> u8 {
    match told {
        Told::Again => 1,
        Told::TooOften => 2,
        Told::Reused => 3,
    }
}

const fn told(number: u8) -> Result<Told, Illegible> {
    match number {
        1 => Ok(Told::Again),
        2 => Ok(Told::TooOften),
        3 => Ok(Told::Reused),
        _ => Err(Illegible::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<Family> {
        let new = Family::new(RefreshHash::new([1; 32]), UnixMillis(-5), UnixMillis(i64::MAX));
        let successor = (RefreshHash::new([2; 32]), Salt::new([3; 32]));
        let rotated = new.rotated(successor, UnixMillis(7), AttemptId::new([4; 16]), UnixMillis(6));
        let mut answered = rotated.repeated(UnixMillis(1_000_000)).suspect();
        answered.answered = Some(Answered { by: AttemptId::new([5; 16]), told: Told::TooOften });
        vec![new, rotated, answered]
    }

    #[test]
    fn a_chain_comes_back_as_it_was() {
        for family in families() {
            assert_eq!(read(&encode(&family)).unwrap(), family);
        }
    }

    #[test]
    fn what_was_cut_or_is_newer_is_no_chain() {
        for family in families() {
            let whole = encode(&family);
            for end in 0..whole.len() {
                assert!(read(&whole[..end]).is_err(), "{end} bytes");
            }
            let mut longer = whole.clone();
            longer.push(0);
            assert!(matches!(read(&longer), Err(Illegible::Damaged)));
            let mut newer = whole;
            newer[0] = 2;
            assert!(matches!(read(&newer), Err(Illegible::Newer(2))));
        }
    }

    /// The bytes of version 1. They are in servers: a change here is a migration.
    #[test]
    fn golden_bytes() {
        let family = families().remove(2);
        let golden = concat!(
            "01",
            "0000000000000001",
            "0202020202020202020202020202020202020202020202020202020202020202",
            "01",
            "0000000000000007",
            "7fffffffffffffff",
            "01",
            "0101010101010101010101010101010101010101010101010101010101010101",
            "0303030303030303030303030303030303030303030303030303030303030303",
            "0000000000000006",
            "04040404040404040404040404040404",
            "01",
            "02",
            "05050505050505050505050505050505",
        );
        let hex: String = encode(&family).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, golden);
    }
}
