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
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt as _;
use vestibule_host::Source;

use crate::drain::Drainable;

/// A client that does not finish its header in this time is cut off (`axum::serve` would wait for ever).
const HEADER_TIME: Duration = Duration::from_secs(10);
/// The one deadline of a request.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// How long requests in flight may take after the signal to stop.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// How much of the program strangers may hold, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// More connections wait in the kernel's queue.
    connections: usize,
    /// A client that takes not one byte of its answer in this time is cut off: it would keep its place for ever.
    write_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 1024, write_time: Duration::from_secs(15) }
    }
}

/// Serves until `stop` changes, then lets requests in flight finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        // Whoever waits for a free place still hears that it is time to stop.
        let next = async { (Arc::clone(&places).acquire_owned().await, listener.accept().await) };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stop.changed() => break,
        };
        let Ok((stream, from)) = accepted else {
            // Out of file descriptors, most likely: wait for some to come back.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(limits.write_time));
        let router = router.clone();
        let from = Source(from.ip().to_string());
        let service =
            hyper::service::service_fn(move |request| answer(router.clone(), from.clone(), request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
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

async fn answer(router: Router, from: Source, request: Request<Incoming>) -> Result<Response, Infallible> {
    // Who waits for leave to send a body has not sent one.
    let sends_body = !request.headers().contains_key(header::EXPECT);
    let (mut head, body) = request.into_parts();
    // Whom the gate counts. Behind a proxy that would be the proxy's, and the host's own to know better.
    head.extensions.insert(from);
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

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// More than the kernel takes off a program's hands.
    async fn large() -> Vec<u8> {
        vec![b'x'; 32 << 20]
    }

    async fn asks(address: std::net::SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    async fn served(
        limits: Limits,
    ) -> (std::net::SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/large", get(large)).route("/small", get(async || "here"));
        let (stop, stopped) = watch::channel(false);
        (address, stop, tokio::spawn(serve(listener, router, limits, stopped)))
    }

    #[tokio::test]
    async fn who_takes_nothing_does_not_keep_a_place() {
        let limits = Limits { connections: 2, write_time: Duration::from_millis(300) };
        let (address, _stop, _serving) = served(limits).await;
        let _idle = [asks(address, "/large").await, asks(address, "/large").await];
        let mut honest = asks(address, "/small").await;
        let mut answer = String::new();
        let read = tokio::time::timeout(PATIENCE, honest.read_to_string(&mut answer)).await;
        assert!(read.is_ok_and(|read| read.is_ok()) && answer.ends_with("here"), "{answer:?}");
    }

    #[tokio::test]
    async fn the_signal_is_heard_when_every_place_is_taken() {
        let limits = Limits { connections: 1, write_time: Duration::from_secs(1) };
        let (address, stop, serving) = served(limits).await;
        let _idle = asks(address, "/large").await;
        let _waits = asks(address, "/small").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(true).unwrap();
        assert!(tokio::time::timeout(PATIENCE, serving).await.is_ok(), "it never stops");
    }
}
