//! A key store in memory, keys, and a way to wait for futures that never wait.

use std::future::Future;
use std::pin::pin;
use std::sync::{Barrier, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use vestibule_host::{KeyDocument, KeySaved, KeyStore, StoreFault, Tenant, UnixMillis};

/// For keys without an end.
pub(crate) const WHENEVER: UnixMillis = UnixMillis(0);

/// The futures in these tests are ready at once: nothing behind them waits.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits for something"),
    }
}

#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) held: Mutex<Option<(u64, KeyDocument)>>,
    /// Where racing nodes meet after they all found nothing.
    pub(crate) meet: Option<Barrier>,
}

impl Store {
    pub(crate) fn holding(document: &[u8]) -> Self {
        Self { held: Mutex::new(Some((1, KeyDocument::new(document.to_vec())))), meet: None }
    }
}

#[async_trait]
impl KeyStore for Store {
    async fn load(&self, _: &Tenant) -> Result<Option<(u64, KeyDocument)>, StoreFault> {
        let held = self.held.lock().unwrap().clone();
        if let (None, Some(meet)) = (&held, &self.meet) {
            meet.wait();
        }
        Ok(held)
    }

    async fn save(
        &self,
        _: &Tenant,
        expected: Option<u64>,
        document: &KeyDocument,
    ) -> Result<KeySaved, StoreFault> {
        let mut held = self.held.lock().unwrap();
        if held.as_ref().map(|(revision, _)| *revision) != expected {
            return Ok(KeySaved::Stale);
        }
        let revision = expected.unwrap_or(0) + 1;
        *held = Some((revision, document.clone()));
        Ok(KeySaved::Saved(revision))
    }
}

/// One ring for all tests that do not care which: RSA generation is slow without optimisation.
#[cfg(feature = "generate")]
pub(crate) fn ring() -> &'static vestibule_jose::LocalKeyRing {
    use std::sync::OnceLock;
    use vestibule_jose::{LocalKeyRing, SystemRandom};
    static RING: OnceLock<LocalKeyRing> = OnceLock::new();
    RING.get_or_init(|| LocalKeyRing::ephemeral(&SystemRandom::new()).unwrap())
}
