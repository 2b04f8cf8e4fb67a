//! Serving: a listener, time limits, and an orderly end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

use crate::drain::Drainable;

/// A client that does not finish its header in this time is cut off (`axum::serve` would wait for ever).
const HEADER_TIME: Duration = Duration::from_secs(10);
/// The one deadline of a request.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// How long requests in flight may take after the signal to stop.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// More connections wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 1024;

/// Serves until `stop` changes, then lets requests in flight finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: wait for some to come back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let router = router.clone();
        let service = hyper::service::service_fn(move |request| answer(router.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks off is the client's business.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN_TIME, graceful.shutdown()).await;
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    // Who waits for leave to send a body has not sent one.
    let sends_body = !request.headers().contains_key(header::EXPECT);
    let (head, body) = request.into_parts();
    let body = Drainable::new(body);
    let rest = body.clone();
    let request = Request::from_parts(head, Body::new(body));
    let answered = tokio::time::timeout(REQUEST_TIME, router.oneshot(request)).await;
    if sends_body {
        rest.drain().await;
    }
    Ok(answered.map_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response(), |Ok(response)| response))
}

/// Listens for Ctrl-C and SIGTERM from now on; the future completes when one comes.
pub(crate) fn stop_signal() -> impl Future<Output = ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals =
            signal(SignalKind::terminate()).and_then(|end| Ok((end, signal(SignalKind::interrupt())?)));
        async move {
            let Ok((mut end, mut interrupt)) = signals else { return std::future::pending().await };
            tokio::select! {
                _ = end.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    }
    #[cfg(not(unix))]
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}
