//! The client for servers that the operator named.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vestibule_resource::{HttpClient, Transport};

/// A server that reads one head and answers with these bytes; its address, and what it was sent.
async fn server(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        if answer.is_empty() {
            std::future::pending::<()>().await;
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(head).unwrap()
    });
    (url, serving)
}

fn client() -> HttpClient {
    HttpClient::new([]).unwrap().with_longest(Duration::from_millis(300)).with_largest(10)
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn one_request_one_answer() {
    let (url, serving) =
        server("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 2\r\n\r\nok").await;
    let request = Request::post(format!("{url}/a?b=c"))
        .header("host", "elsewhere.example")
        .header("content-length", "99")
        .header("transfer-encoding", "chunked")
        .header("upgrade", "h2c")
        .body(Bytes::from_static(b"12345"))
        .unwrap();
    let answer = client().send(request).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (302, &b"ok"[..]), "nothing is followed");
    let head = serving.await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("post /a?b=c http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: {}\r\n", url.trim_start_matches("http://"))), "{head}");
    assert!(head.contains("content-length: 5\r\n") && !head.contains("content-length: 99"), "{head}");
    assert!(!head.contains("transfer-encoding") && !head.contains("upgrade") && !head.contains("elsewhere"));
}

#[tokio::test]
async fn an_answer_has_bounds() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n12345678901",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n123",
        "nonsense\r\n\r\n",
    ] {
        let (url, serving) = server(answer).await;
        assert!(client().send(get(&url)).await.is_err(), "{answer:?}");
        serving.abort();
    }
    for url in ["ftp://127.0.0.1/", "/relative", "http://127.0.0.1:1/"] {
        assert!(client().send(get(url)).await.is_err(), "{url}");
    }
    assert!(HttpClient::new([b"no certificate".to_vec()]).is_err());
}
