//! A client's connection, plain or in TLS, that never blocks.

use crate::poller::Interest;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use socket2::{Domain, Socket, Type};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

pub(crate) struct Wire {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// Of a plain connection, what did not go yet.
    output: Vec<u8>,
}

impl Wire {
    /// Begins to connect.
    pub(crate) fn connect(
        address: SocketAddr,
        tls: Option<&Arc<ClientConfig>>,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        match socket.connect(&address.into()) {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            result => result?,
        }
        let mut wire = Self {
            stream: socket.into(),
            tls: tls.map(begin_tls).transpose()?.map(Box::new),
            output: Vec::new(),
        };
        wire.flush()?;
        Ok(wire)
    }

    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn interest(&self) -> Interest {
        let has_more = match &self.tls {
            Some(tls) => tls.wants_write(),
            None => !self.output.is_empty(),
        };
        if has_more {
            Interest::Write
        } else {
            Interest::Read
        }
    }

    pub(crate) fn is_resumed(&self) -> bool {
        let kind = self.tls.as_ref().and_then(|tls| tls.handshake_kind());
        kind == Some(HandshakeKind::Resumed)
    }

    pub(crate) fn send(&mut self, line: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(line)?,
            None => self.output.extend_from_slice(line),
        }
        self.flush()
    }

    /// What came; none where nothing is there.
    ///
    /// # Errors
    ///
    /// If the other side has closed, too.
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let Some(tls) = &mut self.tls else {
            return non_empty(self.stream.read(buffer));
        };
        // What came earlier may be more than the buffer held.
        if let Some(count) = non_empty(tls.reader().read(buffer))? {
            return Ok(Some(count));
        }
        if non_empty(tls.read_tls(&mut self.stream))?.is_none() {
            return Ok(None);
        }
        tls.process_new_packets().map_err(io::Error::other)?;
        self.flush()?;
        match &mut self.tls {
            Some(tls) => non_empty(tls.reader().read(buffer)),
            None => Ok(None),
        }
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let result = match &mut self.tls {
            Some(tls) => flush_tls(tls, &mut self.stream),
            None => flush_plain(&mut self.output, &mut self.stream),
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            result => result,
        }
    }

    /// As a mail program does when QUIT was answered.
    pub(crate) fn close(mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = self.flush();
        }
    }
}

fn begin_tls(config: &Arc<ClientConfig>) -> io::Result<ClientConnection> {
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)
}

fn flush_tls(tls: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(stream)?;
    }
    Ok(())
}

fn flush_plain(output: &mut Vec<u8>, stream: &mut TcpStream) -> io::Result<()> {
    while !output.is_empty() {
        let count = stream.write(output)?;
        output.drain(..count);
    }
    Ok(())
}

fn non_empty(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
