//! A connection in memory, on tokio's clock, as the household has them: slow, with a window like a
//! kernel's, and lost at times without a word to the other side.

use crate::limits::{KEEPALIVE, KEEPALIVE_HARD};
use crate::net::Io;
use crate::time::{Duration, Instant};
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep_until};

/// What the kernels of both sides hold of one direction.
const WINDOW: usize = 64 * 1024;

/// So much arrives at once.
const PIECE: usize = 8 * 1024;

/// How fast a line is, the same both ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// One way.
    pub(super) latency: Duration,
    pub(super) octets_per_second: u32,
}

/// One direction.
#[derive(Default)]
struct Direction(Mutex<Flow>);

#[derive(Default)]
struct Flow {
    /// What is under way or waits to be read, and when it has arrived.
    pieces: VecDeque<(Instant, Bytes)>,
    octets: usize,
    /// When the line has carried all of it.
    carried: Option<Instant>,
    /// When the receiver learns that there is no more.
    end: Option<Instant>,
    /// Nobody reads any more.
    is_unread: bool,
    lost: Option<Instant>,
    /// The sender looks for a lost peer hard, and since when.
    hard: Option<Instant>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One end of a connection; dropping it closes it.
pub(super) struct LineEnd {
    sends: Arc<Direction>,
    receives: Arc<Direction>,
    pace: Pace,
    arrival: Pin<Box<Sleep>>,
}

/// What can happen to a connection from outside.
pub(super) struct LineControl(Arc<Direction>, Arc<Direction>);

/// Both ends of a new connection, and the line between them.
pub(super) fn connect(pace: Pace) -> (LineEnd, LineEnd, LineControl) {
    let there = Arc::new(Direction::default());
    let back = Arc::new(Direction::default());
    let end = |sends: &Arc<Direction>, receives: &Arc<Direction>| LineEnd {
        sends: Arc::clone(sends),
        receives: Arc::clone(receives),
        pace,
        arrival: Box::pin(sleep_until(Instant::now())),
    };
    let ends = (end(&there, &back), end(&back, &there));
    (ends.0, ends.1, LineControl(there, back))
}

impl LineControl {
    /// Nothing arrives any more, and neither side is told.
    pub(super) fn lose(&self) {
        for direction in [&self.0, &self.1] {
            let mut flow = direction.flow();
            flow.lost = Some(Instant::now());
            flow.wake();
        }
    }
}

impl Direction {
    fn flow(&self) -> MutexGuard<'_, Flow> {
        // No code under this lock can panic half-way through a change that matters.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sender says no more.
    fn finish(&self, latency: Duration) {
        let mut flow = self.flow();
        let now = Instant::now();
        let carried = flow.carried.map_or(now, |carried| carried.max(now));
        flow.end.get_or_insert(carried + latency);
        flow.wake();
    }
}

impl Flow {
    fn wake(&mut self) {
        let wakers = [self.reader.take(), self.writer.take()];
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Octets that the receiver's side has not got.
    fn unacknowledged(&self) -> usize {
        let now = Instant::now();
        self.pieces
            .iter()
            .filter(|(at, _)| self.lost.is_some() || *at > now)
            .map(|(_, piece)| piece.len())
            .sum()
    }

    /// When a side whose peer is gone gives up.
    fn given_up_at(&self) -> Option<Instant> {
        let lost = self.lost?;
        Some(match self.hard {
            Some(since) => lost.max(since) + KEEPALIVE_HARD.user_timeout,
            None => lost + KEEPALIVE.user_timeout,
        })
    }
}

impl Io for LineEnd {
    fn unacknowledged(&self) -> usize {
        self.sends.flow().unacknowledged()
    }

    fn probe_hard(&self, hard: bool) {
        for direction in [&self.sends, &self.receives] {
            let mut flow = direction.flow();
            flow.hard = hard.then(|| flow.hard.unwrap_or_else(Instant::now));
            flow.wake();
        }
    }
}

impl AsyncRead for LineEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let now = Instant::now();
            let receives = Arc::clone(&self.receives);
            let mut flow = receives.flow();
            flow.reader = Some(cx.waker().clone());
            let given_up = flow.given_up_at();
            if given_up.is_some_and(|at| at <= now) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let first = flow.pieces.front_mut().filter(|_| given_up.is_none());
            let next = match first {
                Some((at, piece)) if *at <= now => {
                    let taken = piece.len().min(buffer.remaining());
                    buffer.put_slice(&piece[..taken]);
                    piece.advance(taken);
                    if piece.is_empty() {
                        flow.pieces.pop_front();
                    }
                    flow.octets -= taken;
                    flow.writer.take().into_iter().for_each(Waker::wake);
                    return Poll::Ready(Ok(()));
                }
                Some((at, _)) => Some(*at),
                None => given_up.or(flow.end),
            };
            drop(flow);
            let Some(next) = next else {
                return Poll::Pending;
            };
            if next <= now {
                return Poll::Ready(Ok(()));
            }
            self.arrival.as_mut().reset(next);
            ready!(self.arrival.as_mut().poll(cx));
        }
    }
}

impl AsyncWrite for LineEnd {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        let mut flow = self.sends.flow();
        if flow.is_unread {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if flow.given_up_at().is_some_and(|at| at <= now) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let taken = octets.len().min(PIECE).min(WINDOW - flow.octets);
        if taken == 0 {
            flow.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let begins = flow.carried.map_or(now, |carried| carried.max(now));
        let seconds = taken as f64 / f64::from(self.pace.octets_per_second);
        let carried = begins + Duration::from_secs_f64(seconds);
        let piece = Bytes::copy_from_slice(&octets[..taken]);
        flow.pieces.push_back((carried + self.pace.latency, piece));
        flow.octets += taken;
        flow.carried = Some(carried);
        flow.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sends.finish(self.pace.latency);
        Poll::Ready(Ok(()))
    }
}

impl Drop for LineEnd {
    fn drop(&mut self) {
        self.sends.finish(self.pace.latency);
        let mut flow = self.receives.flow();
        // A side whose line is lost cannot tell the other that it is gone.
        if flow.lost.is_none() {
            flow.is_unread = true;
            flow.pieces.clear();
            flow.octets = 0;
            flow.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const SLOW: Pace = Pace {
        latency: Duration::from_millis(10),
        octets_per_second: 1000,
    };

    #[tokio::test(start_paused = true)]
    async fn octets_arrive_at_the_pace_of_the_line_and_then_the_end() {
        let (mut near, mut far, _line) = connect(SLOW);
        let start = Instant::now();
        near.write_all(&[7; 500]).await.unwrap();
        assert_eq!(near.unacknowledged(), 500);
        drop(near);
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        assert_eq!((all.len(), start.elapsed().as_millis()), (500, 510));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_lost_is_given_up_later_or_sooner() {
        for (hard, seconds) in [(false, 120), (true, 15)] {
            let (mut near, far, line) = connect(SLOW);
            near.write_all(b"hello").await.unwrap();
            line.lose();
            drop(far);
            near.probe_hard(hard);
            let start = Instant::now();
            let error = near.read_u8().await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert_eq!(start.elapsed().as_secs(), seconds);
            assert_eq!(near.unacknowledged(), 5);
        }
    }
}
