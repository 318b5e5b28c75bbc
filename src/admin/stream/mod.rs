//! The stream of lock changes, as server-sent events (the HTML standard, section 9.2).
//!
//! | event | data | when |
//! |---|---|---|
//! | `snapshot` | [`LocksAtOnce`](super::model::LocksAtOnce) | first, and behind each `missed` |
//! | `lock` | [`LockInfo`](super::model::LockInfo) | a lock has changed: as it is now |
//! | `status` | [`GateStatus`](super::model::GateStatus) | once a second |
//! | `missed` | [`MissedInfo`](super::model::MissedInfo) | changes are not known any more |
//!
//! ```text
//! sessions ─▶ ChangedLocks ─▶ feeder: ChangeLog ─▶ readers, each at its own place in it ─▶ clients
//!             (each change)    (ten times a second)
//! ```
//!
//! No session waits for any of it: a session leaves the key of its lock, and the feeder comes for
//! it.

mod changes;
#[cfg(test)]
pub(super) mod double;
mod feeder;
mod position;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use changes::Scope;

use self::changes::ChangeLog;
use self::position::Incarnation;
use self::reader::Reader;
use super::gate::GateAdmin;
use super::model::LockInfo;
use super::reads::BlockingReads;
use super::reply::HttpRefusal;
use super::server::ConnectionPlace;
use crate::ids::MaildropKey;
use crate::limits::{LOCK_CHANGES_KEPT, STREAM_READERS_MAX};
use axum::body::{Body, Bytes};
use futures_util::stream::unfold;
use hyper::StatusCode;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Pieces of a stream that are written and not taken yet.
const UNTAKEN_PIECES: usize = 4;

/// The streams of one admin port.
pub(super) struct LockStreams {
    gate: Arc<dyn GateAdmin>,
    reads: BlockingReads,
    incarnation: Incarnation,
    log: Mutex<ChangeLog<MaildropKey>>,
    feed: watch::Sender<Feed>,
    readers: watch::Sender<usize>,
    places: Arc<Semaphore>,
}

/// What readers wait for.
#[derive(Clone, Default)]
struct Feed {
    /// The number of the last change; none while no changes are gathered, and a snapshot would go
    /// out of date unnoticed.
    last: Option<u64>,
    /// The last status, and how many there were.
    status: Bytes,
    statuses: u64,
}

impl LockStreams {
    pub(super) fn new(reads: BlockingReads) -> Self {
        Self {
            gate: Arc::clone(reads.gate()),
            reads,
            incarnation: Incarnation::new(),
            log: Mutex::new(ChangeLog::new(LOCK_CHANGES_KEPT)),
            feed: watch::Sender::default(),
            readers: watch::Sender::new(0),
            places: Arc::new(Semaphore::new(STREAM_READERS_MAX)),
        }
    }

    /// The body of an answer without an end, for a reader that has seen all up to the event
    /// `last_event`. It gives `connection` back to requests, and cuts it where nothing is taken.
    pub(super) fn open(
        self: &Arc<Self>,
        scope: Scope,
        last_event: Option<&str>,
        connection: ConnectionPlace,
    ) -> Result<Body, HttpRefusal> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| no_place())?;
        connection.give_back();
        let (out, untaken) = mpsc::channel(UNTAKEN_PIECES);
        let reader = Reader {
            place: ReaderPlace::new(Arc::clone(self), place),
            scope,
            position: last_event.and_then(|id| self.incarnation.position(scope, id)),
            is_new: true,
            has_begun: false,
            statuses: 0,
            out,
            connection,
        };
        tokio::spawn(reader.run());
        Ok(Body::from_stream(unfold(untaken, |mut untaken| async {
            let piece = untaken.recv().await?;
            Some((Ok::<_, Infallible>(piece), untaken))
        })))
    }

    /// A lock as it is now, to be shown.
    fn lock(&self, key: &MaildropKey) -> LockInfo {
        // Locked around both: see [`ChangeLog::shown_contended`].
        let mut log = self.log();
        let lock = self.gate.lock_feed().lock(key);
        if !lock.waiters.is_empty() {
            log.shown_contended(key.clone());
        }
        lock
    }

    fn log(&self) -> MutexGuard<'_, ChangeLog<MaildropKey>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_place() -> HttpRefusal {
    let why = format!(
        "all {STREAM_READERS_MAX} places for readers of this stream are taken: close another one, \
         or ask for /api/v1/locks again and again"
    );
    HttpRefusal::new(StatusCode::SERVICE_UNAVAILABLE, why)
}

/// A place among the readers. Its drop gives it back.
struct ReaderPlace {
    streams: Arc<LockStreams>,
    _permit: OwnedSemaphorePermit,
}

impl ReaderPlace {
    fn new(streams: Arc<LockStreams>, permit: OwnedSemaphorePermit) -> Self {
        streams.readers.send_modify(|readers| *readers += 1);
        streams.gate.lock_feed().reader_came();
        Self {
            streams,
            _permit: permit,
        }
    }
}

impl Drop for ReaderPlace {
    fn drop(&mut self) {
        self.streams.readers.send_modify(|readers| *readers -= 1);
        self.streams.gate.lock_feed().reader_left();
    }
}
