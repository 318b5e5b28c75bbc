//! A POP3 server that never closes a connection: the lock behind it is handed over by force.

use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Serves at `address` for as long as the runtime lives.
pub(crate) async fn serve_and_never_close(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(tokio::spawn(converse(stream)));
        }
    });
    Ok(())
}

/// Says yes to everything but CAPA, until the client's end; then the connection stays.
async fn converse(stream: TcpStream) -> io::Result<TcpStream> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"+OK ready\r\n").await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let answer: &[u8] = match line.trim_end() {
            "CAPA" => b"-ERR unknown command\r\n",
            _ => b"+OK 0 0\r\n",
        };
        stream.write_all(answer).await?;
        line.clear();
    }
    Ok(stream.into_inner())
}
