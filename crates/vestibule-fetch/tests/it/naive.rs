//! A fetcher as it is written in an afternoon: it believes names, certificates, redirects and lengths, waits as long as it takes, and
//! keeps what it has. Every check must fail for it, or the check shows nothing.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use vestibule_fetch::{Dial, Resolve, Stream, TcpDial};
use vestibule_host::{BoxError, FetchError, FetchedKeySet, JwksFetcher, UnixMillis};

use crate::net::Net;

#[derive(Debug)]
pub(crate) struct Naive {
    net: Option<Arc<Net>>,
    kept: Mutex<HashMap<String, Bytes>>,
}

impl Naive {
    pub(crate) fn on(net: Arc<Net>) -> Self {
        Self { net: Some(net), kept: Mutex::default() }
    }

    pub(crate) fn on_loopback() -> Self {
        Self { net: None, kept: Mutex::default() }
    }

    async fn fetch(&self, url: &str) -> Result<Bytes, BoxError> {
        let mut url = url.to_owned();
        for _ in 0..10 {
            let answer = self.ask(&url).await?;
            let text = String::from_utf8_lossy(&answer).into_owned();
            let (head, _) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
            match head.lines().find_map(|line| line.strip_prefix("location: ")) {
                Some(location) => url = location.to_owned(),
                None => {
                    let body = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0) + 4;
                    return Ok(Bytes::copy_from_slice(answer.get(body..).unwrap_or_default()));
                }
            }
        }
        Err("too many redirects".into())
    }

    async fn ask(&self, url: &str) -> Result<Vec<u8>, BoxError> {
        let uri: http::Uri = url.parse()?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        // Looks twice: whether the name is good, and then where to connect to.
        let _checked = self.look_up(host).await?;
        let address = self.look_up(host).await?;
        let at = SocketAddr::new(address, port);
        let mut stream = match &self.net {
            Some(net) => net.dial(at).await?,
            None => TcpDial.dial(at).await?,
        };
        if secure {
            let name = ServerName::try_from(host.to_owned())?;
            stream = Box::new(TlsConnector::from(trusting()).connect(name, stream).await?);
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let question =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\ncookie: a=b\r\naccept-encoding: gzip\r\n\r\n");
        stream.write_all(question.as_bytes()).await?;
        let mut answer = Vec::new();
        // A connection that breaks has brought something all the same.
        let _ = read_all(&mut stream, &mut answer).await;
        Ok(answer)
    }

    async fn look_up(&self, host: &str) -> Result<IpAddr, BoxError> {
        match (host.parse(), &self.net) {
            (Ok(address), _) => Ok(address),
            (Err(_), Some(net)) => net.resolve(host).await?.pop().ok_or_else(|| "no address".into()),
            (Err(_), None) => Err("no names on loopback".into()),
        }
    }
}

async fn read_all(stream: &mut Box<dyn Stream>, answer: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        // Whole as soon as it is as long as it says.
        let text = String::from_utf8_lossy(answer.get(..4096.min(answer.len())).unwrap_or_default());
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if length.is_some_and(|length| answer.len() >= head.len() + 4 + length.parse().unwrap_or(0)) {
                return Ok(());
            }
        }
        if stream.read_buf(answer).await? == 0 {
            return Ok(());
        }
    }
}

#[async_trait]
impl JwksFetcher for Naive {
    fn may_fetch(&self, url: &str) -> bool {
        url.starts_with("http")
    }

    async fn key_set(
        &self,
        url: &str,
        _: UnixMillis,
        seen: Option<&FetchedKeySet>,
    ) -> Result<FetchedKeySet, FetchError> {
        let kept = self.kept.lock().unwrap().get(url).cloned();
        if let Some(kept) = kept.filter(|_| seen.is_none()) {
            return Ok(FetchedKeySet::from_cache(kept));
        }
        let document = self.fetch(url).await.map_err(FetchError::refused)?;
        self.kept.lock().unwrap().insert(url.to_owned(), document.clone());
        Ok(FetchedKeySet::from_network(document))
    }
}

/// Believes every certificate.
fn trusting() -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_no_client_auth();
    Arc::new(config)
}

#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
