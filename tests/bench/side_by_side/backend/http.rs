//! What is asked by HTTP: `/auth`, where nginx learns which server a session belongs to, and
//! `/report`, what the locks have seen since the last report.

use super::accepted;
use super::maildrops::Maildrops;
use popgate::time::Duration;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

const REQUEST_MAX: usize = 4_096;
/// The requests are short, and come at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Each connection is for one request, as nginx has it.
pub(crate) fn answer_all(
    listener: &TcpListener,
    pop3_port: u16,
    maildrops: &mut Maildrops,
) -> io::Result<()> {
    while let Some(stream) = accepted(listener)? {
        // A client that goes too early is its own affair.
        let _ = answer(stream, pop3_port, maildrops);
    }
    Ok(())
}

fn answer(mut stream: TcpStream, pop3_port: u16, maildrops: &mut Maildrops) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = read_head(&mut stream)?;
    if request.starts_with(b"GET /report") {
        let report = serde_json::to_string(&maildrops.report())?;
        return write!(stream, "HTTP/1.0 200 OK\r\n\r\n{report}");
    }
    // In one segment.
    let answer = format!(
        "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 127.0.0.1\r\n\
         Auth-Port: {pop3_port}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())
}

fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(REQUEST_MAX);
    let mut buffer = [0; REQUEST_MAX];
    while !head.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer)?;
        if count == 0 || head.len() > REQUEST_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.extend_from_slice(&buffer[..count]);
    }
    Ok(head)
}
