//! A client of the admin port.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The whole answer, head and body. It must be a success.
pub(crate) async fn get(admin: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = ask(admin, path).await;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{path}: {}",
        String::from_utf8_lossy(&answer[..answer.len().min(500)])
    );
    answer
}

/// Reads an answer that does not end, as fast as it comes.
pub(crate) async fn read_for_ever(admin: SocketAddr, path: &'static str) {
    let mut stream = ask(admin, path).await;
    let mut octets = vec![0; 64 * 1024];
    while stream.read(&mut octets).await.unwrap() > 0 {}
}

async fn ask(admin: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}
