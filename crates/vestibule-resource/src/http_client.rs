//! A small HTTP client for servers that the operator named: the issuer's introspection endpoint, the FHIR server behind a proxy.
//!
//! Not for addresses that somebody else chose; `GuardedFetcher` of `vestibule-fetch` is for those. From there comes the exchange alone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use vestibule_fetch::exchange;
use vestibule_host::BoxError;

use crate::transport::Transport;

/// HTTP/1.1 over TCP or TLS (rustls with ring, the public roots and those that are added). One connection for each request, no
/// redirect, no proxy from the environment, no cookie, no compression of its own. 10 seconds and 16 MiB for an answer.
///
/// Needs a tokio runtime where it is used.
#[derive(Clone)]
pub struct HttpClient {
    tls: Arc<ClientConfig>,
    longest: Duration,
    largest: usize,
}

impl HttpClient {
    /// Trusts the public certificate authorities and these, each in DER.
    ///
    /// # Errors
    /// What is wrong with a certificate.
    pub fn new(authorities: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, BoxError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for authority in authorities {
            roots.add(authority.into())?;
        }
        let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(tls), longest: LONGEST, largest: LARGEST })
    }

    /// How long an exchange may take, from the connection to the last byte.
    #[must_use]
    pub const fn with_longest(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// How many bytes an answer's body may have.
    #[must_use]
    pub const fn with_largest(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, BoxError> {
        let uri = request.uri().clone();
        let authority = uri.authority().ok_or("the address has no host")?;
        // The one that is connected to, whatever the caller wrote.
        let host = HeaderValue::from_str(authority.as_str())?;
        request.headers_mut().insert(HOST, host);
        // How the body is framed is said by what sends it, once.
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING, TE, TRAILER, UPGRADE] {
            request.headers_mut().remove(name);
        }
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        // An address in brackets is written without them outside of URIs.
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err("the address is neither http nor https".into()),
        };
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((name, port)).await?;
        if is_tls {
            let server = ServerName::try_from(name.to_owned())?;
            let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(server, stream).await?;
            ask(stream, request, self.largest).await
        } else {
            ask(stream, request, self.largest).await
        }
    }
}

#[async_trait]
impl Transport for HttpClient {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, BoxError> {
        timeout(self.longest, self.exchange(request)).await.map_err(|_| "no whole answer in time")?
    }
}

async fn ask<S>(stream: S, request: Request<Bytes>, largest: usize) -> Result<Response<Bytes>, BoxError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut limits = http1::Builder::new();
    limits.max_headers(MAX_HEADERS);
    exchange(stream, &limits, request.map(Full::new), move |answer: Response<Incoming>| async move {
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, largest).collect().await.map_err(|error| -> BoxError {
            if error.is::<LengthLimitError>() { "the answer is too long".into() } else { error }
        })?;
        // Trailers say nothing that was judged.
        Ok(Response::from_parts(head, body.to_bytes()))
    })
    .await
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("longest", &self.longest).finish_non_exhaustive()
    }
}

const LONGEST: Duration = Duration::from_secs(10);
const LARGEST: usize = 16 * 1024 * 1024;
/// Header lines of an answer.
const MAX_HEADERS: usize = 100;
