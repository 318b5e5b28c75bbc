//! Sockets, TLS, and the looks at backends.

use crate::time::Duration;

/// A TLS handshake. Slow mobile lines need five round trips at 2 s each at most.
pub const TLS_HANDSHAKE: Duration = Duration::from_secs(20);

/// Plain text that a TLS connection takes ahead of its socket: one full record (RFC 8446
/// section 5.1). rustls has 64 KiB.
pub const TLS_UNSENT_MAX: usize = 16 * 1024;

/// Writing one short reply to a client before login: it fits into every socket buffer, so only a
/// client that takes nothing at all needs longer.
pub const REPLY_WRITE: Duration = Duration::from_secs(10);

/// A PROXY protocol header. Its specification (section 2.2) asks receivers of version 2 to take
/// 536 octets, the smallest segment; version 1 has 107 at most.
pub const PROXY_HEADER_MAX: usize = 536;

/// From the connection's start to its whole PROXY protocol header: the sender is a machine next
/// door, and its specification forbids it to wait.
pub const PROXY_HEADER: Duration = Duration::from_secs(5);

/// Connections that the kernel completes ahead of popgate: a thousand phones that reconnect at
/// once fit, and the kernel caps it at `net.core.somaxconn`.
pub const LISTEN_BACKLOG: u32 = 4_096;

/// How often a worker wakes. tokio writes to its waker for each new timer that falls due before the
/// next one: where one always falls due soon, a session's own timers cost no system call.
pub const WORKER_TICK: Duration = Duration::from_millis(250);

/// Names of backends that a worker looks up at a time, a thread for each; further look-ups wait.
pub const WORKER_BLOCKING_THREADS: usize = 64;

/// The first pause after accepting failed for want of descriptors or memory; it doubles up to
/// [`ACCEPT_PAUSE_MAX`].
pub const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest pause after accepting failed: sessions end meanwhile, and give descriptors back.
pub const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// Descriptors of a session: its client and its backend, or the connection that waits for it.
pub const SESSION_DESCRIPTORS: usize = 2;

/// Descriptors of a listener: its socket, a connection that is turned away, and the spare one by
/// which a connection is ended that there is no other for.
pub const LISTENER_DESCRIPTORS: usize = 3;

/// Descriptors of a worker's runtime: two to poll with, one to be woken by, one for signals.
pub const RUNTIME_DESCRIPTORS: usize = 4;

/// Descriptors that sessions leave to others:
/// [`ADMIN_CONNECTIONS_MAX`](super::ADMIN_CONNECTIONS_MAX),
/// [`STREAM_READERS_MAX`](super::STREAM_READERS_MAX), standard streams, polling and signals (10),
/// certificates and name look-ups (20), and a connection that is turned away.
pub const DESCRIPTORS_RESERVED: usize = 96;

/// Telling a client that there is no room for it. A new socket takes a line at once; whoever
/// comes behind waits for it.
pub const TURNED_AWAY: Duration = Duration::from_millis(100);

/// How long a TCP connection is silent before its peer is probed, and between probes, while
/// nobody waits for it. Middleboxes forget idle connections after some minutes.
pub const KEEPALIVE: KeepAlive = KeepAlive {
    idle: Duration::from_secs(60),
    interval: Duration::from_secs(15),
    retries: 4,
    user_timeout: Duration::from_secs(120),
};

/// The same while a waiter wants the holder's maildrop: a peer that is gone
/// is found in 15 s, a mobile one that lost its network for 10 s is kept.
pub const KEEPALIVE_HARD: KeepAlive = KeepAlive {
    idle: Duration::from_secs(5),
    interval: Duration::from_secs(5),
    retries: 2,
    user_timeout: Duration::from_secs(15),
};

/// How TCP looks after a peer that says nothing.
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Between probes.
    pub interval: Duration,
    /// Probes without an answer before the connection counts as dead.
    pub retries: u32,
    /// How long sent bytes may stay unacknowledged (`TCP_USER_TIMEOUT`).
    pub user_timeout: Duration,
}

/// One address of a backend's name; the next is tried while its `connect_timeout` lasts. Three
/// SYNs.
pub const CONNECT_ADDRESS: Duration = Duration::from_secs(5);

/// How long a backend that has greeted has for CAPA before it is used without: the answer needs no
/// look-up, and servers give it at once. It is also what a login waits for the list of after login.
pub const CAPA_PROMPT: Duration = Duration::from_secs(2);

/// Between two looks at a backend that is up.
pub const PROBE_UP: Duration = Duration::from_secs(30);

/// Between two looks at a backend that is down.
pub const PROBE_DOWN: Duration = Duration::from_secs(2);

/// Between a probe and the one that a failed login asks for: a failing backend is not hammered.
pub const PROBE_AGAIN: Duration = Duration::from_millis(250);

/// An answer that is no part of a login and is missed by nobody: to XCLIENT or XOIP on a connection
/// that is opened in advance, and to what the doctor sends at once.
pub const PROBE_REPLY: Duration = Duration::from_secs(10);

/// How long a backend that nothing is known of may keep clients from their greeting: until its
/// first look is over. Mail programs wait 29 s and more for any line; beyond this bound clients are
/// greeted, and their login waits for the backend itself.
pub const FIRST_LOOK: Duration = Duration::from_secs(10);
