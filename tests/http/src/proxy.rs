//! A proxy that cuts a connection at a chosen byte, as trains, lifts and load balancers do (T6).

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// After so many bytes of the request.
    Request(usize),
    /// After the whole request: nobody waits for the answer.
    Unheard,
    /// After so many bytes of the answer, all of which has come.
    Answer(usize),
    /// Nowhere.
    Nowhere,
}

/// What came through.
#[derive(Clone, Debug)]
pub struct Passed {
    /// What the client got of the answer.
    pub to_client: Vec<u8>,
    /// The whole answer, where it was waited for.
    pub answer: Vec<u8>,
}

/// Sends a request to a server through a proxy that cuts it off there.
pub async fn through(server: SocketAddr, cut: Cut, request: &[u8]) -> Passed {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let length = request.len();
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The proxy may be gone before all of it is written.
        let _ = stream.write_all(request).await;
        let mut got = Vec::new();
        let _ = stream.read_to_end(&mut got).await;
        got
    };
    let proxy = async {
        let (mut from, _) = listener.accept().await.unwrap();
        let mut to = TcpStream::connect(server).await.unwrap();
        let mut passed = vec![0; if let Cut::Request(at) = cut { at.min(length) } else { length }];
        from.read_exact(&mut passed).await.unwrap();
        to.write_all(&passed).await.unwrap();
        let mut answer = Vec::new();
        match cut {
            Cut::Request(_) | Cut::Unheard => {}
            Cut::Answer(at) => {
                let _ = to.read_to_end(&mut answer).await;
                from.write_all(&answer[..at.min(answer.len())]).await.unwrap();
            }
            Cut::Nowhere => {
                let _ = to.read_to_end(&mut answer).await;
                from.write_all(&answer).await.unwrap();
            }
        }
        answer
    };
    let both = async { tokio::join!(client, proxy) };
    let limit = std::time::Duration::from_secs(60);
    let (to_client, answer) = tokio::time::timeout(limit, both).await.expect("an end within a minute");
    Passed { to_client, answer }
}
