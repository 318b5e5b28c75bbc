//! One end of a connection.

use super::pipe::{LastWord, Pipe, carry};
use super::{Link, LinkState};
use popgate::limits::{KEEPALIVE, KEEPALIVE_HARD};
use popgate::net::Io;
use popgate::time::{Duration, Instant};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// One end of a connection; dropping it closes it.
pub(crate) struct End {
    sends: Arc<Pipe>,
    receives: Arc<Pipe>,
    link: Arc<Link>,
    crashes: u32,
    reset: AtomicBool,
    /// At the gate's end alone: what its kernel does for it.
    kernel: Option<Kernel>,
}

/// What the gate's kernel does: it looks whether the peer is there.
struct Kernel {
    hard: watch::Sender<bool>,
    open: Arc<AtomicUsize>,
    _watch: DropGuard,
}

/// Both ends of a new connection: the caller's, and that of the called.
pub(super) fn connect(
    link: &Arc<Link>,
    random: &mut fastrand::Rng,
    gate_calls: bool,
    open: &Arc<AtomicUsize>,
) -> (End, End) {
    let (there, back) = (Pipe::new(link.room), Pipe::new(link.room));
    for (pipe, back) in [(&there, &back), (&back, &there)] {
        let carried = carry(
            Arc::clone(pipe),
            Arc::clone(back),
            Arc::clone(link),
            random.fork(),
        );
        tokio::spawn(carried);
    }
    let end = |sends: &Arc<Pipe>, receives: &Arc<Pipe>, is_gate: bool| End {
        sends: Arc::clone(sends),
        receives: Arc::clone(receives),
        link: Arc::clone(link),
        crashes: link.state.borrow().crashes,
        reset: AtomicBool::new(false),
        kernel: is_gate.then(|| Kernel::new(sends, receives, link, open)),
    };
    let caller = end(&there, &back, gate_calls);
    let called = end(&back, &there, !gate_calls);
    (caller, called)
}

impl Kernel {
    fn new(
        sends: &Arc<Pipe>,
        receives: &Arc<Pipe>,
        link: &Arc<Link>,
        open: &Arc<AtomicUsize>,
    ) -> Self {
        let (hard, probing) = watch::channel(false);
        let closed = CancellationToken::new();
        let looks = look_after(
            Arc::clone(sends),
            Arc::clone(receives),
            link.state.subscribe(),
            probing,
        );
        let until = closed.clone();
        tokio::spawn(async move { until.run_until_cancelled(looks).await });
        open.fetch_add(1, Ordering::Relaxed);
        Self {
            hard,
            open: Arc::clone(open),
            _watch: closed.drop_guard(),
        }
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Keep-alive and `TCP_USER_TIMEOUT`: a peer that is gone, or has no room for long, is given up.
async fn look_after(
    sends: Arc<Pipe>,
    receives: Arc<Pipe>,
    mut link: watch::Receiver<LinkState>,
    mut hard: watch::Receiver<bool>,
) {
    let crashes = link.borrow().crashes;
    let mut hard_since = Instant::now();
    loop {
        let state = *link.borrow_and_update();
        let is_hard = *hard.borrow_and_update();
        let is_gone = !state.up || state.crashes != crashes;
        let since = if is_gone {
            Some(state.since)
        } else {
            sends.stuck_since()
        };
        let bound = if is_hard { KEEPALIVE_HARD } else { KEEPALIVE }.user_timeout;
        let due = since.map(|since| since.max(hard_since) + bound);
        let far = Instant::now() + Duration::from_secs(3600);
        tokio::select! {
            biased;
            _ = link.changed() => {}
            _ = hard.changed() => hard_since = Instant::now(),
            () = sends.stuck.notified() => {}
            () = tokio::time::sleep_until(due.unwrap_or(far)) => {
                let still = is_gone || sends.stuck_since() == since;
                if since.is_some() && still {
                    sends.break_sender(io::ErrorKind::TimedOut);
                    receives.break_receiver(io::ErrorKind::TimedOut);
                    return;
                }
            }
        }
    }
}

impl Io for End {
    fn unacknowledged(&self) -> usize {
        self.sends.unacknowledged()
    }

    fn probe_hard(&self, hard: bool) {
        if let Some(kernel) = &self.kernel {
            kernel.hard.send_replace(hard);
        }
    }

    fn reset_on_close(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.link.state.borrow().crashes != self.crashes && self.kernel.is_none() {
            // The host is gone, and its kernel with it: nobody says anything.
            return;
        }
        let unread = self.receives.close();
        let reset = unread || self.reset.load(Ordering::Relaxed);
        let word = if reset {
            LastWord::Reset
        } else {
            LastWord::Fin
        };
        self.sends.finish(word);
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.receives.poll_read(cx, buffer)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.sends.poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sends.finish(LastWord::Fin);
        Poll::Ready(Ok(()))
    }
}
