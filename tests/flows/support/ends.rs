//! The two ends of a connection in memory, and what the gate's one knows of its socket.

use popgate::net::Io;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::task::coop;

/// What the gate asks of its end's socket, and tells it.
#[derive(Default)]
pub(crate) struct Socket {
    /// Octets that the kernel of the script's end has not acknowledged.
    pub(crate) unacknowledged: AtomicUsize,
    /// Whether the gate probes hard.
    pub(crate) probed_hard: AtomicBool,
    /// Whether the gate's close is a reset.
    pub(crate) reset: AtomicBool,
    /// The gate's next read panics.
    pub(crate) panics_at_read: AtomicBool,
    /// The gate's next write panics.
    pub(crate) panics_at_write: AtomicBool,
    /// The gate's reads always bring lines.
    pub(crate) is_torrent: AtomicBool,
    /// The gate's writes always go through, and nobody hears them.
    pub(crate) is_deaf: AtomicBool,
    /// Octets that the gate has not read yet.
    unread: AtomicUsize,
    /// Whether the script's end follows them.
    has_ended: AtomicBool,
}

/// The gate's end.
pub(super) struct GateEnd {
    stream: DuplexStream,
    socket: Arc<Socket>,
}

/// The script's end, which notes what the gate can read.
pub(super) struct ScriptEnd {
    stream: DuplexStream,
    socket: Arc<Socket>,
}

/// Both ends, whose buffers hold `room` octets each way.
pub(super) fn ends(room: usize) -> (ScriptEnd, GateEnd) {
    let (script, gate) = duplex(room);
    let socket = Arc::new(Socket::default());
    let script = ScriptEnd {
        stream: script,
        socket: Arc::clone(&socket),
    };
    let gate = GateEnd {
        stream: gate,
        socket,
    };
    (script, gate)
}

impl GateEnd {
    pub(super) fn socket(&self) -> Arc<Socket> {
        Arc::clone(&self.socket)
    }
}

impl Io for GateEnd {
    fn unacknowledged(&self) -> usize {
        self.socket.unacknowledged.load(Ordering::Relaxed)
    }

    fn may_have_arrived(&self) -> bool {
        let socket = &self.socket;
        socket.unread.load(Ordering::Relaxed) > 0
            || socket.has_ended.load(Ordering::Relaxed)
            || socket.is_torrent.load(Ordering::Relaxed)
    }

    fn probe_hard(&self, hard: bool) {
        self.socket.probed_hard.store(hard, Ordering::Relaxed);
    }

    fn reset_on_close(&self) {
        self.socket.reset.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for GateEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.socket.panics_at_read.swap(false, Ordering::Relaxed) {
            panic!("injected while reading");
        }
        if self.socket.is_torrent.load(Ordering::Relaxed) {
            ready!(coop::poll_proceed(cx)).made_progress();
            buf.put_slice(&b"again and again\r\n".repeat(buf.remaining() / 17));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        self.socket.unread.fetch_sub(read, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for GateEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.socket.panics_at_write.swap(false, Ordering::Relaxed) {
            panic!("injected while writing");
        }
        if self.socket.is_deaf.load(Ordering::Relaxed) {
            ready!(coop::poll_proceed(cx)).made_progress();
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Io for ScriptEnd {}

impl Drop for ScriptEnd {
    fn drop(&mut self) {
        self.socket.has_ended.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for ScriptEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for ScriptEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.socket.unread.fetch_add(written, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.has_ended.store(true, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn the_gate_knows_what_has_arrived() {
        let (mut script, mut gate) = ends(10);
        assert!(!gate.may_have_arrived());
        script.write_all(b"xy").await.unwrap();
        assert!(gate.may_have_arrived());
        gate.read_exact(&mut [0]).await.unwrap();
        assert!(gate.may_have_arrived());
        gate.read_exact(&mut [0]).await.unwrap();
        assert!(!gate.may_have_arrived());
        script.shutdown().await.unwrap();
        assert!(gate.may_have_arrived());
    }
}
