//! One connection: a socket, perhaps TLS on top, and what was read and not yet used.

use super::Io;
use super::tls::{AcceptedStream, Acceptor, Connector, TlsError, suite_name};
use crate::history::TlsParameters;
use crate::limits::RELAY_CHUNK;
use crate::program::HelloFingerprint;
use bytes::BytesMut;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::task::yield_now;
use tokio_rustls::client;
use zeroize::Zeroize;

/// A byte stream, plain or TLS, with an input buffer.
///
/// While it waits for bytes it holds no room for them: an idle connection costs its socket and
/// its TLS state, nothing more. As an [`AsyncRead`] it yields what the stream brings; `input` is
/// apart from that.
pub struct Conn {
    /// What was read and not yet used.
    pub input: BytesMut,
    /// Empty lines that were skipped before status lines, for callers that report them.
    pub blank_lines: usize,
    stream: Stream,
    /// Whether the socket probes its peer hard; `None`: not at all yet.
    probes_hard: Option<bool>,
}

/// TLS is boxed: its state takes a kilobyte, which a plain connection need not carry.
enum Stream {
    Plain(Box<dyn Io>),
    ServerTls(Box<AcceptedStream<Box<dyn Io>>>),
    ClientTls(Box<client::TlsStream<Box<dyn Io>>>),
}

impl Conn {
    /// A connection in clear whose socket probes its peer, as those of [`Accept`](super::Accept)
    /// do.
    #[must_use]
    pub fn plain(io: Box<dyn Io>) -> Self {
        Self::over(Stream::Plain(io), Some(false))
    }

    /// A connection in clear whose socket does not, as those of [`Dial`](super::Dial): that takes
    /// five system calls, which a short session can do without.
    #[must_use]
    pub fn unprobed(io: Box<dyn Io>) -> Self {
        Self::over(Stream::Plain(io), None)
    }

    fn over(stream: Stream, probes_hard: Option<bool>) -> Self {
        Self {
            input: BytesMut::new(),
            blank_lines: 0,
            stream,
            probes_hard,
        }
    }

    /// Probes the peer hard or normally from now on.
    pub fn probe_hard(&mut self, hard: bool) {
        if self.probes_hard.replace(hard) != Some(hard) {
            self.io().probe_hard(hard);
        }
    }

    /// Reads once and appends to `input`; 0 at the end. Cancel-safe.
    ///
    /// # Errors
    /// The stream's.
    pub async fn fill(&mut self) -> io::Result<usize> {
        self.fill_at_most(RELAY_CHUNK).await
    }

    /// [`Conn::fill`] that leaves all beyond `octets` in the stream.
    ///
    /// # Errors
    /// The stream's.
    pub async fn fill_at_most(&mut self, octets: usize) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(cx, octets)).await
    }

    /// [`Conn::fill_at_most`] as a poll.
    ///
    /// # Errors
    /// The stream's.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, octets: usize) -> Poll<io::Result<usize>> {
        // Uninitialised, and on the stack: a poll that finds nothing costs no allocation.
        let mut room = [MaybeUninit::uninit(); RELAY_CHUNK];
        let mut chunk = ReadBuf::uninit(&mut room[..octets.min(RELAY_CHUNK)]);
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut chunk);
        if polled.is_pending() {
            // It may be minutes until more comes. Its capacity does not say what it keeps: not the
            // room in front of it, of what was taken out.
            self.keep_input_in(self.input.len());
        }
        ready!(polled)?;
        let read = chunk.filled_mut();
        let length = self.input.len() + read.len();
        if self.input.capacity() < length {
            self.keep_input_in(length);
        }
        self.input.extend_from_slice(read);
        let octets = read.len();
        // It may be a password.
        read.zeroize();
        Poll::Ready(Ok(octets))
    }

    /// Moves `input` to a buffer of this size, and wipes the one before: a client's may hold half
    /// a password.
    fn keep_input_in(&mut self, capacity: usize) {
        let mut kept = BytesMut::with_capacity(capacity);
        kept.extend_from_slice(&self.input);
        self.input.zeroize();
        self.input = kept;
    }

    /// Lets this task's runtime hear of what has arrived by now, which it does between two turns: a
    /// read before that finds nothing. Where nothing has arrived it returns at once. Of a socket
    /// that another runtime has registered, that one hears, when it comes to it.
    pub async fn catch_up(&mut self) {
        if self.io().may_have_arrived() {
            yield_now().await;
        }
    }

    /// Writes all of `octets` and flushes.
    ///
    /// # Errors
    /// The stream's.
    pub async fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        AsyncWriteExt::write_all(&mut self.stream, octets).await?;
        self.stream.flush().await
    }

    /// Shuts our side, close_notify and FIN; what the peer still sends can be read. It may take
    /// as long as the peer takes to make room: the caller bounds it.
    pub async fn shut(&mut self) {
        // An error means that the connection is gone, which is what was wanted.
        let _ = self.stream.shutdown().await;
    }

    /// Reads and throws away until the end of the connection itself, past a TLS close_notify:
    /// only that end tells that the peer has let go. The caller bounds it.
    ///
    /// # Errors
    /// The socket's; a reset is an end.
    pub async fn drain_to_end(&mut self) -> io::Result<()> {
        self.input = BytesMut::new();
        poll_fn(|cx| poll_drain(self.stream.raw_mut(), cx)).await
    }

    /// Makes the connection TLS as its server. No byte of a client that came in clear may count
    /// behind the handshake. The handshake is bounded.
    ///
    /// # Errors
    /// The client's fault, or its line's; the connection is gone.
    pub async fn accept_tls(self, acceptor: &Acceptor) -> Result<Self, TlsError> {
        let probes_hard = self.probes_hard;
        let accepted = acceptor.accept(self.into_clear()?).await?;
        Ok(Self::over(
            Stream::ServerTls(Box::new(accepted)),
            probes_hard,
        ))
    }

    /// Makes the connection TLS as its client; early bytes of the server are refused as well.
    ///
    /// # Errors
    /// The backend's fault, or its line's; the connection is gone.
    pub async fn connect_tls(self, connector: &Connector) -> Result<Self, TlsError> {
        let probes_hard = self.probes_hard;
        let stream = connector.connect(self.into_clear()?).await?;
        Ok(Self::over(Stream::ClientTls(Box::new(stream)), probes_hard))
    }

    fn into_clear(self) -> Result<Box<dyn Io>, TlsError> {
        if !self.input.is_empty() {
            return Err(TlsError::EarlyBytes);
        }
        match self.stream {
            Stream::Plain(io) => Ok(io),
            Stream::ServerTls(_) | Stream::ClientTls(_) => Err(TlsError::AlreadyTls),
        }
    }

    /// Whether it is TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        !matches!(self.stream, Stream::Plain(_))
    }

    /// `TLSv1.2` or `TLSv1.3`; `None` in clear.
    #[must_use]
    pub fn tls_version(&self) -> Option<&'static str> {
        Some(version_name(self.session()?.protocol_version()?))
    }

    /// What the handshake agreed on; `None` in clear.
    #[must_use]
    pub fn tls_parameters(&self) -> Option<TlsParameters> {
        let session = self.session()?;
        let suite = session.negotiated_cipher_suite()?.suite();
        Some(TlsParameters {
            version: version_name(session.protocol_version()?).into(),
            cipher: suite_name(suite).into(),
        })
    }

    /// What both sides of TLS know of their session.
    fn session(&self) -> Option<&rustls::CommonState> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::ServerTls(tls) => Some(tls.stream.get_ref().1),
            Stream::ClientTls(tls) => Some(tls.get_ref().1),
        }
    }

    /// What a TLS client offered.
    #[must_use]
    pub fn client_hello(&self) -> Option<HelloFingerprint> {
        match &self.stream {
            Stream::ServerTls(tls) => Some(tls.hello),
            Stream::Plain(_) | Stream::ClientTls(_) => None,
        }
    }

    /// The certificate that a TLS server has shown, DER.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        match &self.stream {
            Stream::ClientTls(tls) => tls.get_ref().1.peer_certificates()?.first().map(|c| &**c),
            Stream::Plain(_) | Stream::ServerTls(_) => None,
        }
    }

    /// The server name that a TLS client asked for.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        match &self.stream {
            Stream::ServerTls(tls) => tls.stream.get_ref().1.server_name(),
            Stream::Plain(_) | Stream::ClientTls(_) => None,
        }
    }

    /// The socket below TLS, for what only it knows.
    #[must_use]
    pub fn io(&self) -> &dyn Io {
        match &self.stream {
            Stream::Plain(io) => io.as_ref(),
            Stream::ServerTls(tls) => tls.stream.get_ref().0.as_ref(),
            Stream::ClientTls(tls) => tls.get_ref().0.as_ref(),
        }
    }
}

impl Stream {
    fn top(&mut self) -> Pin<&mut dyn Top> {
        match self {
            Self::Plain(io) => Pin::new(io),
            Self::ServerTls(tls) => Pin::new(&mut tls.stream),
            Self::ClientTls(tls) => Pin::new(tls),
        }
    }

    fn raw_mut(&mut self) -> &mut dyn Io {
        match self {
            Self::Plain(io) => io.as_mut(),
            Self::ServerTls(tls) => tls.stream.get_mut().0.as_mut(),
            Self::ClientTls(tls) => tls.get_mut().0.as_mut(),
        }
    }
}

fn version_name(version: rustls::ProtocolVersion) -> &'static str {
    match version {
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
        // rustls speaks no third version.
        _ => "TLSv1.3",
    }
}

/// What plain and TLS streams have in common.
trait Top: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Top for T {}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(self.top().poll_read(cx, buf)) {
            // TLS that ends without close_notify. In POP3 no end of a connection means success,
            // so it hides nothing, and half of all peers end so.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.top().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.top().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.top().poll_shutdown(cx)
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn poll_drain(io: &mut dyn Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    // A backend that was asked for much sends it all before it sees our end: be quick.
    let mut sink = [MaybeUninit::uninit(); RELAY_CHUNK];
    loop {
        let mut sink = ReadBuf::uninit(&mut sink);
        match ready!(Pin::new(&mut *io).poll_read(cx, &mut sink)) {
            Ok(()) if sink.filled().is_empty() => return Poll::Ready(Ok(())),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Poll::Ready(Ok(()));
            }
            Err(error) => return Poll::Ready(Err(error)),
        }
    }
}

#[cfg(test)]
mod tests;
