//! One direction of a connection: the sender's kernel, the line, the receiver's kernel.

use super::Link;
use bytes::BytesMut;
use popgate::time::Instant;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::ReadBuf;
use tokio::sync::Notify;

/// One direction.
pub(super) struct Pipe {
    state: Mutex<State>,
    room: usize,
    /// Something to carry, or room for it.
    work: Notify,
    /// Bytes wait that the receiver has no room for.
    pub(super) stuck: Notify,
    /// The sender is gone, and its reset was lost.
    pub(super) lost: Notify,
}

#[derive(Default)]
struct State {
    /// In the sender's kernel: sent, not acknowledged.
    unacknowledged: BytesMut,
    /// What stands behind that.
    last_word: Option<LastWord>,
    /// The sender has no connection any more: it was reset, or timed out.
    broken: Option<io::ErrorKind>,
    /// In the receiver's kernel.
    inbox: BytesMut,
    /// What the receiver finds behind that.
    end: Option<End>,
    /// Nobody reads any more.
    closed: bool,
    /// When the receiver acknowledged bytes last, or the first of these were sent.
    progress: Option<Instant>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LastWord {
    Fin,
    Reset,
}

#[derive(Clone, Copy)]
enum End {
    Fin,
    Failed(io::ErrorKind),
}

/// What the carrier has to do next.
enum Task {
    Carry,
    Reset,
    Fin,
    Rest,
    /// The receiver has closed, and bytes come: they are answered by a reset.
    Unwanted,
}

impl Pipe {
    pub(super) fn new(room: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            room,
            work: Notify::new(),
            stuck: Notify::new(),
            lost: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if let Some(kind) = state.broken {
            return Poll::Ready(Err(kind.into()));
        }
        if state.last_word.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = self.room - state.unacknowledged.len();
        if room == 0 {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if state.unacknowledged.is_empty() {
            state.progress = Some(Instant::now());
        }
        let taken = room.min(octets.len());
        state.unacknowledged.extend_from_slice(&octets[..taken]);
        self.work.notify_one();
        Poll::Ready(Ok(taken))
    }

    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.state();
        if !state.inbox.is_empty() {
            let taken = buffer.remaining().min(state.inbox.len());
            buffer.put_slice(&state.inbox.split_to(taken));
            self.work.notify_one();
            return Poll::Ready(Ok(()));
        }
        match state.end {
            Some(End::Fin) => Poll::Ready(Ok(())),
            Some(End::Failed(kind)) => Poll::Ready(Err(kind.into())),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The sender says no more.
    pub(super) fn finish(&self, word: LastWord) {
        let mut state = self.state();
        if state.last_word != Some(LastWord::Reset) {
            state.last_word = Some(word);
        }
        self.work.notify_one();
    }

    /// The receiver reads no more; whether bytes were left unread.
    pub(super) fn close(&self) -> bool {
        let mut state = self.state();
        state.closed = true;
        self.work.notify_one();
        !state.inbox.is_empty()
    }

    /// The sender's side is told that its connection is no more.
    pub(super) fn break_sender(&self, kind: io::ErrorKind) {
        let mut state = self.state();
        state.broken = state.broken.or(Some(kind));
        state.unacknowledged.clear();
        state.writer.take().into_iter().for_each(Waker::wake);
        self.work.notify_one();
    }

    /// The receiver's side is told so.
    pub(super) fn break_receiver(&self, kind: io::ErrorKind) {
        let mut state = self.state();
        if state.end.is_none() {
            state.end = Some(End::Failed(kind));
        }
        state.reader.take().into_iter().for_each(Waker::wake);
    }

    /// Whether a read finds octets, the end or an error.
    pub(super) fn has_arrived(&self) -> bool {
        let state = self.state();
        !state.inbox.is_empty() || state.end.is_some()
    }

    /// Octets that the receiver has not acknowledged.
    pub(super) fn unacknowledged(&self) -> usize {
        self.state().unacknowledged.len()
    }

    /// Since when the receiver has had no room for what waits.
    pub(super) fn stuck_since(&self) -> Option<Instant> {
        let state = self.state();
        let is_stuck = !state.unacknowledged.is_empty() && state.inbox.len() >= self.room;
        is_stuck.then_some(state.progress).flatten()
    }

    fn task(&self) -> Task {
        let state = self.state();
        if state.broken.is_some() {
            return Task::Reset;
        }
        match (state.unacknowledged.is_empty(), state.last_word) {
            (false, _) if state.closed => Task::Unwanted,
            (false, _) if state.inbox.len() < self.room => Task::Carry,
            (false, None | Some(LastWord::Fin)) => Task::Rest,
            (_, Some(LastWord::Reset)) => Task::Reset,
            (true, Some(LastWord::Fin)) => Task::Fin,
            (true, None) => Task::Rest,
        }
    }

    fn deliver(&self, at_most: usize) {
        let mut state = self.state();
        let octets = at_most
            .min(state.unacknowledged.len())
            .min(self.room - state.inbox.len());
        let piece = state.unacknowledged.split_to(octets);
        state.inbox.extend_from_slice(&piece);
        state.progress = Some(Instant::now());
        state.reader.take().into_iter().for_each(Waker::wake);
        state.writer.take().into_iter().for_each(Waker::wake);
        if !state.unacknowledged.is_empty() && state.inbox.len() >= self.room {
            self.stuck.notify_one();
        }
    }

    fn deliver_fin(&self) {
        let mut state = self.state();
        state.end = state.end.or(Some(End::Fin));
        state.reader.take().into_iter().for_each(Waker::wake);
    }

    fn has_finished(&self) -> bool {
        self.state().end.is_some()
    }

    fn is_reset(&self) -> bool {
        let state = self.state();
        state.broken.is_some() || state.last_word == Some(LastWord::Reset)
    }
}

/// Carries what `pipe` holds until its last word has arrived. `back` is the other direction.
pub(super) async fn carry(
    pipe: Arc<Pipe>,
    back: Arc<Pipe>,
    link: Arc<Link>,
    mut random: fastrand::Rng,
) {
    let crashes = link.crashes();
    loop {
        if matches!(pipe.task(), Task::Rest) {
            pipe.work.notified().await;
            continue;
        }
        tokio::time::sleep(link.delay(&mut random)).await;
        if !link.state.borrow().up {
            if pipe.is_reset() {
                // A reset is sent once.
                return pipe.lost.notify_one();
            }
            link.wait_until_up().await;
        }
        if link.crashes() != crashes {
            // One side knows nothing of this connection; the other learns it now.
            return reset(&pipe, &back);
        }
        match pipe.task() {
            Task::Carry => pipe.deliver(link.piece(&mut random)),
            Task::Reset => return reset(&pipe, &back),
            // It goes behind what the closed side has sent, which is on its way.
            Task::Unwanted if !back.has_finished() => return back.finish(LastWord::Reset),
            Task::Unwanted => return reset(&pipe, &back),
            Task::Fin => return pipe.deliver_fin(),
            Task::Rest => {}
        }
    }
}

/// Neither side has a connection any more.
fn reset(pipe: &Pipe, back: &Pipe) {
    let kind = io::ErrorKind::ConnectionReset;
    for direction in [pipe, back] {
        direction.break_receiver(kind);
        direction.break_sender(kind);
    }
}
