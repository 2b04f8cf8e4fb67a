//! What a script answers.

use redis::Value;
use vestibule_host::{
    ClientId, GrantId, GrantStatus, Record, SessionId, StoreFault, StoredGrant, UnixMillis, UserId,
};

use crate::error::Unreadable;

/// A list of values. An answer that cannot be read is a fault: nobody knows what it means.
#[derive(Debug)]
pub(crate) struct Reply(std::vec::IntoIter<Value>);

fn unreadable() -> StoreFault {
    StoreFault::outcome_unknown(Unreadable)
}

impl Reply {
    pub(crate) fn of(value: Value) -> Result<Self, StoreFault> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            _ => Err(unreadable()),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.len() == 0
    }

    /// The next value; `None` where the script said `false`.
    pub(crate) fn maybe(&mut self) -> Result<Option<Vec<u8>>, StoreFault> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => Ok(Some(bytes)),
            Some(Value::SimpleString(text)) => Ok(Some(text.into_bytes())),
            Some(Value::Int(number)) => Ok(Some(number.to_string().into_bytes())),
            Some(Value::Okay) => Ok(Some(b"OK".to_vec())),
            Some(Value::Nil) => Ok(None),
            _ => Err(unreadable()),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, StoreFault> {
        self.maybe()?.ok_or_else(unreadable)
    }

    pub(crate) fn text(&mut self) -> Result<String, StoreFault> {
        String::from_utf8(self.bytes()?).map_err(|_| unreadable())
    }

    pub(crate) fn number<N: std::str::FromStr>(&mut self) -> Result<N, StoreFault> {
        self.text()?.parse().map_err(|_| unreadable())
    }

    pub(crate) fn time(&mut self) -> Result<UnixMillis, StoreFault> {
        self.number().map(UnixMillis)
    }

    pub(crate) fn time_if_there(&mut self) -> Result<Option<UnixMillis>, StoreFault> {
        let Some(text) = self.maybe()? else { return Ok(None) };
        let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
        number.map(UnixMillis).map(Some).ok_or_else(unreadable)
    }

    pub(crate) fn flag(&mut self) -> Result<bool, StoreFault> {
        Ok(self.bytes()? == b"1")
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], StoreFault> {
        self.bytes()?.try_into().map_err(|_| unreadable())
    }

    pub(crate) fn record(&mut self) -> Result<Record, StoreFault> {
        self.bytes().map(|bytes| Record(bytes.into()))
    }

    /// A list inside the list; `None` where the script said `false`.
    pub(crate) fn list(&mut self) -> Result<Option<Self>, StoreFault> {
        match self.0.next() {
            Some(Value::Array(values)) => Ok(Some(Self(values.into_iter()))),
            Some(Value::Nil) => Ok(None),
            _ => Err(unreadable()),
        }
    }

    pub(crate) fn grant(&mut self) -> Result<Option<StoredGrant>, StoreFault> {
        let Some(mut of) = self.list()? else { return Ok(None) };
        let id = GrantId::new(of.text()?);
        let user = UserId::new(of.text()?);
        let client = ClientId::new(of.text()?);
        let session = of.maybe()?.map(String::from_utf8).transpose().map_err(|_| unreadable())?;
        Ok(Some(StoredGrant {
            id,
            user,
            client,
            session: session.map(SessionId::new),
            keep_until: of.time()?,
            used: of.time()?,
            status: if of.flag()? { GrantStatus::Live } else { GrantStatus::Revoked },
            record: of.record()?,
        }))
    }

    /// What a verb came to, where the word is all there is to know.
    pub(crate) fn outcome<T>(
        &mut self,
        outcomes: impl FnOnce(&str, &mut Self) -> Result<Option<T>, StoreFault>,
    ) -> Result<T, StoreFault> {
        let word = self.text()?;
        match word.as_str() {
            "full" => Err(StoreFault::Full),
            "taken" => Err(StoreFault::not_applied("something with this hash or id is already kept")),
            "two verbs" => Err(StoreFault::not_applied("one attempt was used for two verbs")),
            word => outcomes(word, self)?.ok_or_else(unreadable),
        }
    }
}
