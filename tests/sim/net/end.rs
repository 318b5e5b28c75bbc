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
    hard: watch::Sender<bool>,
    /// Where it is the gate's: how many it has open.
    open: Option<Arc<AtomicUsize>>,
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
    let open = |is_gate: bool| is_gate.then(|| Arc::clone(open));
    let caller = End::new(&there, &back, link, open(gate_calls));
    let called = End::new(&back, &there, link, open(!gate_calls));
    (caller, called)
}

impl End {
    fn new(
        sends: &Arc<Pipe>,
        receives: &Arc<Pipe>,
        link: &Arc<Link>,
        open: Option<Arc<AtomicUsize>>,
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
        if let Some(open) = &open {
            open.fetch_add(1, Ordering::Relaxed);
        }
        Self {
            sends: Arc::clone(sends),
            receives: Arc::clone(receives),
            link: Arc::clone(link),
            crashes: link.crashes(),
            reset: AtomicBool::new(false),
            hard,
            open,
            _watch: closed.drop_guard(),
        }
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
    let (mut hard_since, mut lost_since) = (Instant::now(), None);
    loop {
        let state = *link.borrow_and_update();
        let is_hard = *hard.borrow_and_update();
        let is_cut = !state.up || state.crashes != crashes;
        let is_gone = is_cut || lost_since.is_some();
        let since = if is_cut {
            Some(state.since)
        } else {
            lost_since.or(sends.stuck_since())
        };
        let bound = if is_hard { KEEPALIVE_HARD } else { KEEPALIVE }.user_timeout;
        let due = since.map(|since| since.max(hard_since) + bound);
        let far = Instant::now() + Duration::from_secs(3600);
        tokio::select! {
            biased;
            _ = link.changed() => {}
            _ = hard.changed() => hard_since = Instant::now(),
            () = sends.stuck.notified() => {}
            () = receives.lost.notified() => lost_since = Some(Instant::now()),
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

    fn may_have_arrived(&self) -> bool {
        self.receives.has_arrived()
    }

    fn probe_hard(&self, hard: bool) {
        self.hard.send_replace(hard);
    }

    fn reset_on_close(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.fetch_sub(1, Ordering::Relaxed);
        } else if self.link.crashes() != self.crashes {
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
