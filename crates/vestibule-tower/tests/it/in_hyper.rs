//! Behind a socket, without a framework.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use vestibule_tower::VestibuleService;

use crate::fixtures;

/// Sends bytes as they are and reads until the server closes.
async fn exchange(address: SocketAddr, request: String) -> String {
    let talk = move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A server that refuses an unread body may reset the connection after its answer.
        let _ = socket.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}

#[tokio::test]
async fn a_socket_serves_the_engine() {
    let service = VestibuleService::new(fixtures::server());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(
                hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(Duration::from_secs(5))
                    .serve_connection(TokioIo::new(socket), service),
            );
        }
    });

    let path = fixtures::DISCOVERY_PATH;
    let get = format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    let answer = exchange(address, get).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(fixtures::is_discovery(answer.split_once("\r\n\r\n").unwrap().1.as_bytes()));

    let post = |headers: &str, body: &str| {
        format!(
            "POST {} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n{headers}\r\n\r\n{body}",
            fixtures::TOKEN_PATH
        )
    };
    let form = fixtures::FORM;
    let chunked = exchange(
        address,
        post("transfer-encoding: chunked", &format!("{:x}\r\n{form}\r\n0\r\n\r\n", form.len())),
    )
    .await;
    let plain = exchange(address, post(&format!("content-length: {}", form.len()), form)).await;
    for answer in [chunked, plain] {
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("unsupported_grant_type"), "{answer}");
    }
    let announced = exchange(address, post("content-length: 1000000000", "")).await;
    assert!(announced.starts_with("HTTP/1.1 413"), "{announced}");
    let pieces = format!("4000\r\n{}\r\n", "x".repeat(0x4000)).repeat(5);
    let streamed = exchange(address, post("transfer-encoding: chunked", &pieces)).await;
    assert!(streamed.starts_with("HTTP/1.1 413"), "{streamed}");
    serving.abort();
}
