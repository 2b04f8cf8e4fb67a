//! A key server that does as it likes, over any stream.

use std::fmt::{self, Debug};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use vestibule_fetch::Stream;

/// What happens on one connection.
#[derive(Clone)]
pub(crate) enum Answer {
    /// These bytes, and a proper end.
    Bytes(Vec<u8>),
    /// These bytes, and the connection breaks.
    Cut(Vec<u8>),
    /// The head, and then one more byte each second.
    Drip(Vec<u8>),
    /// The first, and then the second as often as given. "For ever" would be for ever where nothing stops it.
    Flood(Vec<u8>, Vec<u8>, usize),
    /// The question is read, and nothing comes.
    Hang,
    /// Not even the question is read, and no TLS is spoken.
    Mute,
    /// The answer, some time later.
    After(Duration, Box<Self>),
}

/// An answer with these header lines and this body.
pub(crate) fn http(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    let mut bytes = head(status, headers);
    bytes.truncate(bytes.len() - 2);
    bytes.extend(format!("content-length: {}\r\n\r\n", body.as_ref().len()).into_bytes());
    bytes.extend(body.as_ref());
    Answer::Bytes(bytes)
}

/// Status line and headers, and the empty line.
pub(crate) fn head(status: &str, headers: &[&str]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for header in headers {
        head.push_str(&format!("{header}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// 200 with a JSON body, and a `Cache-Control` of this value if it has one.
pub(crate) fn json(cache_control: &str, body: impl AsRef<[u8]>) -> Answer {
    let cache_control = format!("cache-control: {cache_control}");
    http("200 OK", &["content-type: application/json", &cache_control], body)
}

/// A key set with these key ids.
pub(crate) fn keys(ids: &[&str]) -> String {
    let keys: Vec<String> = ids.iter().map(|id| format!("{{\"kid\":\"{id}\"}}")).collect();
    format!("{{\"keys\":[{}]}}", keys.join(","))
}

type Script = Box<dyn Fn(usize) -> Answer + Send + Sync>;

pub(crate) struct Server {
    script: Script,
    tls: Option<Arc<ServerConfig>>,
    connections: AtomicUsize,
    questions: Mutex<Vec<String>>,
    sent: AtomicUsize,
    now: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Server {
    /// What it does on the first, second, … connection.
    pub(crate) fn new(script: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            script: Box::new(script),
            tls: None,
            connections: AtomicUsize::new(0),
            questions: Mutex::default(),
            sent: AtomicUsize::new(0),
            now: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
        }
    }

    /// The same on every connection.
    pub(crate) fn always(answer: Answer) -> Self {
        Self::new(move |_| answer.clone())
    }

    pub(crate) fn with_tls(mut self, tls: Arc<ServerConfig>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many answers were under way at the same time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once.load(Ordering::SeqCst)
    }

    /// What was asked, head by head.
    pub(crate) fn questions(&self) -> Vec<String> {
        self.questions.lock().unwrap().clone()
    }

    /// How many bytes it got rid of.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }

    pub(crate) async fn serve(self: Arc<Self>, stream: impl Stream + 'static) {
        let answer = (self.script)(self.connections.fetch_add(1, Ordering::SeqCst));
        if matches!(answer, Answer::Mute) {
            std::future::pending::<()>().await;
        }
        match self.tls.clone() {
            None => self.speak(stream, answer).await,
            Some(tls) => {
                if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
                    self.speak(stream, answer).await;
                }
            }
        }
    }

    async fn speak(&self, mut stream: impl Stream, answer: Answer) {
        let mut question = Vec::new();
        while !question.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => question.push(byte),
                Err(_) => return,
            }
        }
        self.questions.lock().unwrap().push(String::from_utf8(question).unwrap());
        self.most_at_once.fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        self.answer(stream, answer).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    async fn answer(&self, mut stream: impl Stream, mut answer: Answer) {
        while let Answer::After(time, later) = answer {
            tokio::time::sleep(time).await;
            answer = *later;
        }
        let (bytes, more, times, pause) = match answer {
            Answer::Bytes(bytes) | Answer::Cut(bytes) if bytes.is_empty() => return,
            Answer::Cut(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.flush().await;
                return;
            }
            Answer::Bytes(bytes) => (bytes, Vec::new(), 0, None),
            Answer::Flood(bytes, more, times) => (bytes, more, times, None),
            Answer::Drip(bytes) => (bytes, b" ".to_vec(), usize::MAX, Some(Duration::from_secs(1))),
            Answer::Hang | Answer::Mute | Answer::After(..) => return std::future::pending().await,
        };
        let _ = self.send(&mut stream, &bytes, &more, times, pause).await;
        let _ = stream.shutdown().await;
        // A server that closes with something unread resets the connection, and what it sent may be lost.
        let _ = stream.read(&mut [0; 64]).await;
    }

    async fn send(
        &self,
        stream: &mut impl Stream,
        bytes: &[u8],
        more: &[u8],
        times: usize,
        pause: Option<Duration>,
    ) -> std::io::Result<()> {
        stream.write_all(bytes).await?;
        stream.flush().await?;
        self.sent.fetch_add(bytes.len(), Ordering::SeqCst);
        for _ in 0..times {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            stream.write_all(more).await?;
            stream.flush().await?;
            self.sent.fetch_add(more.len(), Ordering::SeqCst);
        }
        Ok(())
    }
}

impl Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({} connections)", self.connections())
    }
}
