//! Bare: bodies of every kind.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use tower::{Service, ServiceExt};
use vestibule_tower::VestibuleService;

use crate::fixtures::{self, token_request};

/// A body that arrives in pieces, the last of the list first, does not say how long it is, and may break.
struct Pieces(Vec<Result<Bytes, std::io::Error>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(self.0.pop().map(|piece| piece.map(Frame::data)))
    }
}

/// A body that must not be read.
struct Untouchable(u64);

impl Body for Untouchable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("somebody read it");
    }

    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0)
    }
}

async fn answer<B>(service: VestibuleService, request: Request<B>) -> (StatusCode, Bytes)
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let answer: Response<Full<Bytes>> = service.oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn a_request_reaches_the_engine_whole() {
    let service = VestibuleService::new(fixtures::server());
    let (status, body) = answer(service.clone(), fixtures::discovery_request(Empty::<Bytes>::new())).await;
    assert_eq!(status, StatusCode::OK);
    assert!(fixtures::is_discovery(&body));

    let whole = answer(service.clone(), token_request(Full::<Bytes>::from(fixtures::FORM))).await;
    assert!(fixtures::is_unsupported_grant(whole.0, &whole.1), "{whole:?}");
    let pieces =
        fixtures::FORM.as_bytes().chunks(7).rev().map(|piece| Ok(Bytes::from_static(piece))).collect();
    assert_eq!(answer(service.clone(), token_request(Pieces(pieces))).await, whole, "pieces are joined");
    let empty = answer(service, token_request(Empty::<Bytes>::new())).await;
    assert_ne!(empty.1, whole.1, "the body counts");
}

#[tokio::test]
async fn bodies_have_a_bound() {
    let service = VestibuleService::new(fixtures::server());
    let form = |len: usize| format!("{:x<8}{}", "pad=", "x".repeat(len - 8));
    let of = |service: &VestibuleService, len: usize| {
        answer(service.clone(), token_request(Full::<Bytes>::from(form(len))))
    };
    assert_eq!(of(&service, 64 * 1024 + 1).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_ne!(of(&service, 32 * 1024).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(of(&service.clone().with_max_body(10), 100).await.0, StatusCode::PAYLOAD_TOO_LARGE);

    let announced = answer(service.clone(), token_request(Untouchable(1 << 40))).await;
    assert_eq!(announced.0, StatusCode::PAYLOAD_TOO_LARGE, "refused unread");
    let endless = (0..100).map(|_| Ok(Bytes::from(vec![b'x'; 1024]))).collect();
    assert_eq!(answer(service, token_request(Pieces(endless))).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_broken_body_is_a_bad_request() {
    let service = VestibuleService::new(fixtures::server());
    let broken = vec![Err(std::io::Error::other("gone")), Ok(Bytes::from("grant_type="))];
    let (status, body) = answer(service, token_request(Pieces(broken))).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        body,
        r#"{"error":"invalid_request","error_description":"the request body could not be read"}"#
    );
}

#[tokio::test]
async fn it_is_always_ready() {
    let mut service = VestibuleService::new(fixtures::server());
    let ready: &mut VestibuleService =
        ServiceExt::<Request<Empty<Bytes>>>::ready(&mut service).await.unwrap();
    let first = ready.call(fixtures::discovery_request(Empty::<Bytes>::new()));
    let second = service.call(fixtures::discovery_request(Empty::<Bytes>::new()));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
}
