//! One request, one answer, one connection.

use std::future::{Future, poll_fn};
use std::task::Poll;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use vestibule_host::BoxError;

/// Sends a request on a connection that is used for nothing else, and has the answer read as it comes. Ends when `read` does, which may be never: the
/// caller counts the time. Nothing is spawned: whoever drops the future has dropped the connection.
///
/// It knows nothing of addresses, and guards none: [`GuardedFetcher`](crate::GuardedFetcher) does. The headers of the request go out as they are.
///
/// # Errors
/// What breaks the connection, and what `read` says.
pub async fn exchange<S, B, R, T, E>(
    stream: S,
    limits: &http1::Builder,
    request: Request<B>,
    read: impl FnOnce(Response<Incoming>) -> R + Send,
) -> Result<T, E>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
    R: Future<Output = Result<T, E>> + Send,
    E: From<hyper::Error>,
{
    let (mut sender, connection) = limits.handshake(TokioIo::new(stream)).await?;
    let mut exchange = Box::pin(async move { read(sender.send_request(request).await?).await });
    let mut connection = Box::pin(connection);
    // In one task, so that nothing outlives this future.
    let answered = poll_fn(|context| match exchange.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => connection.as_mut().poll(context).map(|_| None),
    });
    match answered.await {
        Some(answer) => answer,
        // The server has closed it; what had arrived before is still to be read.
        None => {
            drop(connection);
            exchange.await
        }
    }
}
