//! Collect, call, answer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tower_service::Service;
use vestibule::{AuthorizationServer, MAX_BODY, Unread};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The engine as a service. Cheap to clone, always ready, never fails: faults are answers.
#[derive(Clone, Debug)]
pub struct VestibuleService {
    server: AuthorizationServer,
    max_body: usize,
}

impl VestibuleService {
    /// Serves this engine. Bodies may have [`MAX_BODY`] bytes, which the engine itself allows.
    pub const fn new(server: AuthorizationServer) -> Self {
        Self { server, max_body: MAX_BODY }
    }

    /// Allows less than that: at most `bytes`. Longer ones are answered with 413 and never held.
    #[must_use]
    pub const fn with_max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }
}

impl<B> Service<Request<B>> for VestibuleService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { server, max_body } = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let answer = match collect(body, max_body).await {
                Ok(body) => server.handle(Request::from_parts(head, body)).await,
                Err(why) => server.handle_unread(&head, why).await,
            };
            Ok(answer.map(Full::new))
        })
    }
}

async fn collect<B>(body: B, max: usize) -> Result<Bytes, Unread>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    // A body that announces too much is refused before a byte of it is read.
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(Unread::TooLarge);
    }
    match Limited::new(body, max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        // The client went away or sent something that is no body.
        Err(_) => Err(Unread::Broken),
    }
}
