//! Reading to the end what nobody wanted.
//!
//! A handler that refuses a large body answers before it was read. If the connection were closed then, the system would
//! send a reset, and the client would often see that instead of the answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// Beyond this a client is not being honest, and may see a reset.
const MOST_BYTES: usize = 16 * 1024 * 1024;
const MOST_TIME: Duration = Duration::from_secs(5);

/// A body of which the rest can be drained after the handler let go of it.
#[derive(Clone, Debug)]
pub(crate) struct Drainable(Arc<Mutex<Incoming>>);

impl Drainable {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    /// Reads and forgets the rest, within bounds.
    pub(crate) async fn drain(mut self) {
        let rest = async {
            let mut left = MOST_BYTES;
            while let Some(Ok(frame)) = self.frame().await {
                let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
                left = less;
            }
        };
        // Out of time: the client has had its chance.
        let _ = tokio::time::timeout(MOST_TIME, rest).await;
    }
}

impl Body for Drainable {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
