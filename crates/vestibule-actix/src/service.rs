//! Collect, call, answer.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody, to_bytes_limited};
use actix_web::dev::{Payload, Service, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{Error, HttpRequest, HttpResponse};
use bytes::Bytes;
use vestibule::{AuthorizationServer, MAX_BODY, Unread};

use crate::translate;

/// The engine as an actix-web service: the default of an `App` or of a scope. Cheap to clone, always ready, never fails: faults
/// are answers.
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

impl ServiceFactory<ServiceRequest> for VestibuleService {
    type Response = ServiceResponse;
    type Error = Error;
    type Config = ();
    type Service = Self;
    type InitError = ();
    type Future = Ready<Result<Self, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        ready(Ok(self.clone()))
    }
}

impl Service<ServiceRequest> for VestibuleService {
    type Response = ServiceResponse;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<ServiceResponse, Error>>>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let Self { server, max_body } = self.clone();
        Box::pin(async move {
            let (head, mut payload) = request.into_parts();
            let body = collect(&head, &mut payload, max_body).await;
            let Some(mut request) = translate::request(&head) else {
                return Ok(ServiceResponse::new(head, HttpResponse::new(StatusCode::BAD_REQUEST)));
            };
            let answer = match body {
                Ok(body) => {
                    *request.body_mut() = body;
                    translate::answer(server.handle(request).await)
                }
                Err(why) => refusal(server.handle_unread(&request.into_parts().0, why).await, payload),
            };
            Ok(ServiceResponse::new(head, answer))
        })
    }
}

/// The answer to a body that never reached the engine.
fn refusal(answer: http::Response<Bytes>, unread: Payload) -> HttpResponse {
    let text = answer.body().clone();
    translate::answer(answer).set_body(BoxBody::new(Refusal { text, _unread: unread }))
}

/// A text, and the body that it is about.
///
/// While somebody could still read that body, actix closes the connection behind the answer. One that was let go is read to its
/// end instead, and a body in chunks need not have an end.
struct Refusal {
    text: Bytes,
    _unread: Payload,
}

impl MessageBody for Refusal {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.text.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let text = std::mem::take(&mut self.text);
        Poll::Ready((!text.is_empty()).then_some(Ok(text)))
    }
}

/// Reads the body itself, because the limit of actix's extractors is the host's to change.
async fn collect(head: &HttpRequest, body: &mut Payload, max: usize) -> Result<Bytes, Unread> {
    if matches!(body, Payload::None) {
        return Ok(Bytes::new());
    }
    // A body that announces too much is refused before a byte of it is read.
    let announced = head.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > u64::try_from(max).unwrap_or(u64::MAX)) {
        return Err(Unread::TooLarge);
    }
    match to_bytes_limited(BodyStream::new(body), max).await {
        Ok(Ok(body)) => Ok(body),
        // The client went away or sent something that is no body.
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooLarge),
    }
}
