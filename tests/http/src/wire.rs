//! HTTP/1.1 by hand, because the requests of an attack are not those of a client library: twice the same header, a length that
//! is not the body's, bytes that are no text.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// A server on loopback. It ends when this is dropped.
#[derive(Debug)]
pub struct Socket {
    address: SocketAddr,
    /// The server's thread runs until this is gone.
    _stop: oneshot::Sender<()>,
}

impl Socket {
    pub const fn new(address: SocketAddr, stop: oneshot::Sender<()>) -> Self {
        Self { address, _stop: stop }
    }

    /// Where it listens, for tests that speak to it in their own way.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends bytes as they are and reads until the server closes.
    pub async fn exchange(&self, bytes: Vec<u8>) -> Vec<u8> {
        let talk = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let (mut reading, mut writing) = stream.split();
            let mut answer = Vec::new();
            let write = async {
                // A server that refuses what it has not read may close while we still write.
                let _ = writing.write_all(&bytes).await;
            };
            let read = async {
                let _ = reading.read_to_end(&mut answer).await;
            };
            tokio::join!(write, read);
            answer
        };
        tokio::time::timeout(Duration::from_secs(20), talk).await.expect("an answer within 20 s")
    }
}

/// A request as a client writes it: its headers in order, a host and a length where there is none.
pub fn written(request: &Request<Bytes>) -> Vec<u8> {
    let headers = request.headers();
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut out = format!("{} {target} HTTP/1.1\r\n", request.method()).into_bytes();
    let mut put = |name: &HeaderName, value: &[u8]| {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    if !headers.contains_key(HOST) {
        put(&HOST, b"as.example");
    }
    for (name, value) in headers {
        put(name, value.as_bytes());
    }
    let framed = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
    if !framed && (!request.body().is_empty() || request.method() == Method::POST) {
        put(&CONTENT_LENGTH, request.body().len().to_string().as_bytes());
    }
    if !headers.contains_key(CONNECTION) {
        put(&CONNECTION, b"close");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(request.body());
    out
}

/// The answer in these bytes, without the headers that belong to the connection. Its framing must be flawless.
#[track_caller]
pub fn read(method: &Method, bytes: &[u8]) -> Response<Bytes> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let (head, rest) = (&bytes[..end], &bytes[end + 4..]);
    let mut lines = std::str::from_utf8(head).expect("headers are text").split("\r\n");
    let start = lines.next().unwrap().strip_prefix("HTTP/1.1 ").expect("HTTP/1.1");
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = start.get(..3).and_then(|code| code.parse().ok()).expect("a status");
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').expect("a header");
        let name = HeaderName::try_from(name).expect("a header's name");
        headers.append(name, HeaderValue::from_str(value.trim()).expect("a header's value"));
    }
    let body = body(method, answer.status().as_u16(), &headers, rest);
    for of_the_connection in [CONNECTION, DATE, TRANSFER_ENCODING] {
        headers.remove(of_the_connection);
    }
    *answer.headers_mut() = headers;
    *answer.body_mut() = Bytes::copy_from_slice(body);
    answer
}

/// The body, which must be as long as was said: whatever follows would be taken for another answer.
#[track_caller]
fn body<'a>(method: &Method, status: u16, headers: &HeaderMap, rest: &'a [u8]) -> &'a [u8] {
    assert!(headers.get(TRANSFER_ENCODING).is_none(), "the engine's answers have a length: {headers:?}");
    let lengths: Vec<&HeaderValue> = headers.get_all(CONTENT_LENGTH).iter().collect();
    assert!(lengths.len() <= 1, "{headers:?}");
    if *method == Method::HEAD || matches!(status, 204 | 304) {
        assert!(rest.is_empty(), "no body for {method} {status}: {:?}", String::from_utf8_lossy(rest));
        return rest;
    }
    let length: usize = lengths.first().expect("a length").to_str().unwrap().parse().unwrap();
    assert_eq!(rest.len(), length, "{headers:?}");
    rest
}
