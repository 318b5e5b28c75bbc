//! One reader: what it is sent, and in which order.

use super::changes::{ChangedLock, Scope};
use super::{Feed, LockStreams, ReaderPlace};
use crate::admin::model::{LocksAtOnce, MissedInfo};
use crate::admin::reply::WrittenJson;
use crate::admin::server::ConnectionPlace;
use crate::ids::MaildropKey;
use crate::limits::{LOCKS_AT_ONCE_MAX, STREAM_CHUNK, STREAM_COMMENT, STREAM_STALL};
use axum::body::Bytes;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval_at, timeout};

const MISSED: &str = "changes came faster than they were read, or than they could be gathered";

/// A reader of the stream.
pub(super) struct Reader {
    pub(super) place: ReaderPlace,
    pub(super) scope: Scope,
    /// All changes up to this one have been sent; none where it needs a snapshot.
    pub(super) position: Option<u64>,
    /// Whether it has been sent nothing yet.
    pub(super) is_new: bool,
    /// Whether it has been sent all changes once: see [`Scope`].
    pub(super) has_begun: bool,
    /// Statuses when the last one was sent.
    pub(super) statuses: u64,
    pub(super) out: mpsc::Sender<Bytes>,
    pub(super) connection: ConnectionPlace,
}

/// The stream is over: its client has left or was cut, or the gate stops.
pub(super) struct Over;

impl Reader {
    pub(super) async fn run(mut self) {
        let out = self.out.clone();
        tokio::select! {
            // The connection is gone, also where there is nothing to send.
            () = out.closed() => {}
            // It ends by itself only where nothing can be sent any more.
            Err(Over) = self.follow() => {}
        }
    }

    async fn follow(&mut self) -> Result<(), Over> {
        let mut feed = self.streams().feed.subscribe();
        let mut comments = interval_at(Instant::now() + STREAM_COMMENT, STREAM_COMMENT);
        loop {
            let now = gathering(&mut feed).await?;
            self.catch_up().await?;
            self.is_new = false;
            self.send_status(&now).await?;
            tokio::select! {
                changed = feed.changed() => changed.map_err(|_| Over)?,
                _ = comments.tick() => self.send(Bytes::from_static(b":\n\n")).await?,
            }
        }
    }

    fn streams(&self) -> Arc<LockStreams> {
        Arc::clone(&self.place.streams)
    }

    async fn catch_up(&mut self) -> Result<(), Over> {
        let Some(position) = self.position else {
            return self.send_snapshot().await;
        };
        let Some(missing) = self.missing(position) else {
            // One that comes again from long ago knows that it has missed something.
            if !self.is_new {
                let why = MISSED.to_owned();
                self.send_event("missed", None, &MissedInfo { why }).await?;
            }
            return self.send_snapshot().await;
        };
        for change in missing.changes {
            let lock = self.streams().lock(&change.key);
            self.send_event("lock", Some(change.number), &lock).await?;
            self.position = Some(change.number);
        }
        self.has_begun = true;
        self.position = Some(missing.last);
        Ok(())
    }

    /// None where it is not known.
    fn missing(&self, position: u64) -> Option<Missing> {
        let scope = if self.has_begun {
            self.scope
        } else {
            Scope::All
        };
        let streams = self.streams();
        let log = streams.log();
        Some(Missing {
            changes: log.since(position, scope)?,
            last: log.last(),
        })
    }

    async fn send_snapshot(&mut self) -> Result<(), Over> {
        let streams = self.streams();
        // First: what changes while it is made is sent again behind it.
        let position = streams.log().last();
        let contended_only = self.scope == Scope::Contended;
        let reads = streams.reads.clone();
        // On no thread that has sessions: there may be ten thousand locks.
        let made = reads.run(move |_| WrittenJson::of(&snapshot(&streams, contended_only)));
        let snapshot = made.await.and_then(|made| made).map_err(|_| Over)?;
        let event = self.event("snapshot", Some(position), &snapshot.into_octets());
        self.send(event).await?;
        self.position = Some(position);
        self.has_begun = false;
        self.statuses = self.streams().feed.borrow().statuses;
        Ok(())
    }

    async fn send_status(&mut self, feed: &Feed) -> Result<(), Over> {
        if feed.statuses <= self.statuses {
            return Ok(());
        }
        self.statuses = feed.statuses;
        let event = self.event("status", self.position, &feed.status);
        self.send(event).await
    }

    async fn send_event(
        &self,
        name: &str,
        number: Option<u64>,
        data: &impl Serialize,
    ) -> Result<(), Over> {
        let data = serde_json::to_vec(data).map_err(|_| Over)?;
        self.send(self.event(name, number, &data)).await
    }

    /// JSON has no line end in it, so that one `data` line holds all of it.
    fn event(&self, name: &str, number: Option<u64>, json: &[u8]) -> Bytes {
        let mut event = format!("event: {name}\n").into_bytes();
        if let Some(number) = number {
            let id = self.place.streams.incarnation.id(self.scope, number);
            event.extend(format!("id: {id}\n").bytes());
        }
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(json);
        event.extend_from_slice(b"\n\n");
        Bytes::from(event)
    }

    /// In pieces: a slow line is not cut as long as it takes one now and then.
    async fn send(&self, mut octets: Bytes) -> Result<(), Over> {
        while !octets.is_empty() {
            let piece = octets.split_to(octets.len().min(STREAM_CHUNK));
            let Ok(sent) = timeout(STREAM_STALL, self.out.send(piece)).await else {
                self.connection.cut();
                return Err(Over);
            };
            sent.map_err(|_| Over)?;
        }
        Ok(())
    }
}

/// What a reader has not seen yet.
struct Missing {
    changes: Vec<ChangedLock<MaildropKey>>,
    /// The number of the last change, also where it is none for this reader.
    last: u64,
}

/// Waits until changes are gathered.
async fn gathering(feed: &mut watch::Receiver<Feed>) -> Result<Feed, Over> {
    let feed = feed.wait_for(|feed| feed.last.is_some()).await;
    feed.map(|feed| feed.clone()).map_err(|_| Over)
}

fn snapshot(streams: &LockStreams, contended_only: bool) -> LocksAtOnce {
    let shown = streams
        .gate
        .lock_feed()
        .locks(contended_only, LOCKS_AT_ONCE_MAX);
    let mut log = streams.log();
    for (key, lock) in &shown.locks {
        if !lock.waiters.is_empty() {
            log.shown_contended(key.clone());
        }
    }
    drop(log);
    LocksAtOnce {
        status: streams.gate.view().status(),
        locks: shown.locks.into_iter().map(|(_, lock)| lock).collect(),
        left_out: shown.left_out,
    }
}
