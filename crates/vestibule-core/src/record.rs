//! How records are written: a version byte, then JSON. A new field touches no store and no migration.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vestibule_host::Record;

/// The only version so far.
const VERSION: u8 = 1;

/// A stored record cannot be read: it is from a newer version, or damaged. Nothing is guessed (INT-007).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Written by a newer version of this library.
    #[error("a stored record was written by a newer version")]
    Newer,
    /// Damaged, or of another kind.
    #[error("a stored record is damaged")]
    Damaged,
}

/// Writes a record.
///
/// # Errors
/// [`Unreadable::Damaged`] when the value has no JSON form, which none of ours lacks.
pub fn write<T: Serialize>(value: &T) -> Result<Record, Unreadable> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, value).map_err(|_| Unreadable::Damaged)?;
    Ok(Record(Bytes::from(bytes)))
}

/// Reads a record.
///
/// # Errors
/// [`Unreadable`].
pub fn read<T: DeserializeOwned>(record: &Record) -> Result<T, Unreadable> {
    match record.0.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|_| Unreadable::Damaged),
        Some((&version, _)) if version > VERSION => Err(Unreadable::Newer),
        _ => Err(Unreadable::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        let record = write(&"text").unwrap();
        assert_eq!(read::<String>(&record), Ok("text".to_owned()));
        assert_eq!(read::<u32>(&record), Err(Unreadable::Damaged));
        assert_eq!(read::<String>(&Record(Bytes::from_static(b"\x02\"text\""))), Err(Unreadable::Newer));
        assert_eq!(read::<String>(&Record(Bytes::new())), Err(Unreadable::Damaged));
    }
}
