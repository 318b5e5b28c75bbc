//! The server: its options, its listener, and what can be asked of it from outside.

use super::connection::{DemoSession, converse};
use super::log::SessionLog;
use super::messages;
use super::store::Store;
use crate::secret::Secret;
use crate::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How the server behaves; [`DemoOptions::default`] is a classic one that locks at PASS.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// Names with their passwords.
    pub users: Vec<(String, Secret)>,
    /// Whether names that are not in `users` are let in, with any password: for loads.
    pub any_user: bool,
    /// What is in each maildrop at first: RFC 5322 messages, their lines ending in CRLF.
    pub messages: Vec<Vec<u8>>,
    /// Whether no two maildrops list the same unique ids. Those that do look like several names of
    /// one.
    pub distinct_unique_ids: bool,
    /// What is wrong with its listings, if anything is.
    pub flaw: Option<ListingFlaw>,
    /// Whether a maildrop is locked from PASS to the end of the connection. Many modern
    /// servers do not: then sessions that overlap are accepted and counted.
    pub locking: bool,
    /// The line, without its end, that answers a login into a locked maildrop.
    pub refusal: String,
    /// Whether the connection is closed after such a refusal.
    pub close_after_refusal: bool,
    /// How long the lock stays after the connection ended.
    pub linger: Duration,
    /// How long PASS takes, before the password is looked at and the lock is tried. A client
    /// that leaves meanwhile is noticed afterwards, as by a server that waits for its disk.
    pub login_delay: Duration,
    /// A connection on which nothing happens for so long is closed, without UPDATE.
    pub idle_timeout: Duration,
    /// The lines of CAPA; what is not listed is not done. Where empty, CAPA is unknown, as on
    /// old servers, and everything is done.
    pub capabilities: Vec<String>,
}

/// What real servers do to listings, so that none may stand on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListingFlaw {
    /// Unique ids are the numbers of the messages.
    IdsAreNumbers,
    /// Each session has unique ids of its own.
    NewIds,
    /// A message has another unique id in each session, until one that ended with QUIT has seen it.
    NewIdsWithoutQuit,
    /// A QUIT adds a `Status` line to the messages that the session fetched.
    StatusLine,
    /// The end of a session removes the messages that it fetched.
    Vanish,
}

impl Default for DemoOptions {
    fn default() -> Self {
        let capabilities = "TOP,UIDL,RESP-CODES,AUTH-RESP-CODE,PIPELINING,USER,SASL PLAIN";
        Self {
            users: Vec::new(),
            any_user: false,
            messages: messages::samples(),
            distinct_unique_ids: false,
            flaw: None,
            locking: true,
            refusal: "-ERR [IN-USE] Unable to lock maildrop: Mailbox is locked by POP server"
                .to_owned(),
            close_after_refusal: false,
            linger: Duration::ZERO,
            login_delay: Duration::ZERO,
            // RFC 1939 section 3: at least ten minutes.
            idle_timeout: Duration::from_secs(600),
            capabilities: capabilities.split(',').map(str::to_owned).collect(),
        }
    }
}

/// A POP3 server in memory.
pub struct DemoServer {
    options: DemoOptions,
    initial: Vec<Arc<[u8]>>,
    store: Mutex<Store>,
}

impl DemoServer {
    /// A server with full maildrops and nobody in them.
    #[must_use]
    pub fn new(mut options: DemoOptions) -> Arc<Self> {
        let messages = std::mem::take(&mut options.messages);
        Arc::new(Self {
            store: Mutex::new(Store::new(options.distinct_unique_ids, options.flaw)),
            options,
            initial: messages.into_iter().map(Arc::from).collect(),
        })
    }

    /// Serves what `listener` accepts until `stop`; then all connections are dropped, without
    /// UPDATE.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let Ok((socket, _)) = accepted else {
                // Out of file descriptors, most likely: some come back when sessions end.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // A socket that refuses the option is slower, or broken, which reading will show.
            let _ = socket.set_nodelay(true);
            connections.spawn(Arc::clone(&self).serve_connection(socket));
        }
        connections.shutdown().await;
    }

    /// Serves one connection to its end. Dropping the future is a connection lost.
    pub async fn serve_connection<S>(self: Arc<Self>, io: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        self.store().log.counts.connections += 1;
        // Where this future is dropped, the stream goes before the lock: it is declared later.
        let mut session = DemoSession::new(self);
        let mut stream = session.stream(io);
        // A broken stream is an end like any other: the client is gone.
        let _ = converse(&mut session, &mut stream).await;
        session.end_with(stream);
    }

    /// The ground truth up to now.
    #[must_use]
    pub fn log(&self) -> SessionLog {
        self.store().log.clone()
    }

    /// Puts a message into `user`'s maildrop; a session that is in does not see it.
    pub fn deliver(&self, user: &str, message: &[u8]) {
        self.store().deliver(user, &self.initial, message.into());
    }

    /// How many messages are in `user`'s maildrop, marked as deleted or not.
    #[must_use]
    pub fn message_count(&self, user: &str) -> usize {
        self.store().count(user, &self.initial)
    }

    pub(super) fn options(&self) -> &DemoOptions {
        &self.options
    }

    pub(super) fn initial(&self) -> &[Arc<[u8]>] {
        &self.initial
    }

    /// Whether it does what CAPA would call `capability`.
    pub(super) fn offers(&self, capability: &str) -> bool {
        let listed = &self.options.capabilities;
        listed.is_empty() || listed.iter().any(|line| line == capability)
    }

    pub(super) fn password_is_right(&self, user: &str, password: &[u8]) -> bool {
        let known = self.options.users.iter().find(|(name, _)| name == user);
        known.map_or(self.options.any_user, |(_, right)| {
            right.expose() == password
        })
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        // No code under this lock can panic half-way through a change that matters.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "server/tests.rs"]
mod tests;
