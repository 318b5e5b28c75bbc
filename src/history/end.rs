//! How sessions and logins end: the words that are counted, and the finer ones that are kept.

use crate::str_enum::str_enum;

str_enum! {
    /// How a session ended: the label `end` of `sessions_total`.
    End {
        /// QUIT before login.
        QuitBeforeLogin = "quit_before_login",
        /// QUIT after login, which the backend answered with `+OK`.
        Quit = "quit",
        /// QUIT after login, which the backend answered with an error.
        QuitFailed = "quit_failed",
        /// QUIT after login, which the backend never answered.
        QuitUnanswered = "quit_unanswered",
        /// The client left before login.
        LeftBeforeLogin = "left_before_login",
        /// Its last login was refused, in the backend's words; then it quit or left.
        LoginRefused = "login_refused",
        /// Its wait for the maildrop was spent, or there was no place for it; then it quit or left.
        WaitSpent = "wait_spent",
        /// An operator had paused its tenant or its backend until its wait was spent; then it quit
        /// or left.
        RefusedWhilePaused = "refused_while_paused",
        /// A rule of popgate refused its last login, then it quit or left; or refused it in place
        /// of the greeting.
        RefusedByRule = "refused_by_rule",
        /// The client left while it waited.
        LeftWaiting = "left_waiting",
        /// The client left after login without QUIT.
        Left = "left",
        /// The client was silent for `idle_timeout`, or did not log in in time.
        TimedOut = "timed_out",
        /// The client took no bytes for too long.
        Stalled = "stalled",
        /// Closed for a waiter.
        Preempted = "preempted",
        /// It was logged in without the maildrop, and could not have it when it wanted a message.
        NotPromoted = "not_promoted",
        /// The backend could not be reached, or a login got no answer there.
        BackendUnreachable = "backend_unreachable",
        /// The backend closed the connection instead of answering the password, which counts as
        /// a wrong one.
        ClosedAtPass = "closed_at_pass",
        /// The backend went away, or broke the protocol.
        BackendGone = "backend_gone",
        /// More of a message came behind what every mail program takes for its end: closed before
        /// the client could delete it.
        BodyMisread = "body_misread",
        /// The client broke a bound or the protocol.
        ClientViolation = "client_violation",
        /// The TLS handshake failed.
        TlsFailed = "tls_failed",
        /// An operator ended it.
        Kicked = "kicked",
        /// The gate stopped.
        Shutdown = "shutdown",
        /// A fault of popgate.
        Panicked = "panicked",
    }
}

str_enum! {
    /// Who is at fault where a session did not end well.
    Culprit {
        /// The client or its line.
        Client = "client",
        /// The backend.
        Backend = "backend",
        /// A rule of popgate.
        Policy = "policy",
        /// popgate itself.
        Proxy = "proxy",
    }
}

str_enum! {
    /// Why a session or a login ended, without what others said: finer than [`End`], which is
    /// counted.
    CauseName {
        /// QUIT before a login.
        QuitBeforeLogin = "quit_before_login",
        /// The connection ended before a login, or cannot be written to.
        LeftBeforeLogin = "left_before_login",
        /// No login came within `BEFORE_LOGIN`.
        LoginTimeout = "login_timeout",
        /// More refused logins than one connection may have.
        TooManyLogins = "too_many_logins",
        /// More commands that are unknown, malformed or out of place than are answered.
        TooManyBadCommands = "too_many_bad_commands",
        /// Something stood behind STLS, in clear, where the handshake was due.
        BytesBehindStls = "bytes_behind_stls",
        /// The handshake was due, and there is no certificate for it.
        NoCertificate = "no_certificate",
        /// The handshake failed.
        TlsHandshake = "tls_handshake",
        /// The handshake was not done in time.
        TlsHandshakeTimeout = "tls_handshake_timeout",
        /// No backend could be reached when the greeting was due.
        NoBackend = "no_backend",
        /// The backend refused name or password.
        WrongPassword = "wrong_password",
        /// The backend refused the login for another reason.
        LoginRefused = "login_refused",
        /// The backend closed the connection instead of answering the password.
        ClosedAtPass = "closed_at_pass",
        /// It did so when another login gave it the same password, and this one was not tried.
        ClosedAtPassOfAnother = "closed_at_pass_of_another",
        /// A rule of popgate refused the login, or the connection in place of the greeting.
        RefusedByRule = "refused_by_rule",
        /// The maildrop's queue had no place left in its lane.
        QueueFull = "queue_full",
        /// The wait was spent while another session held the maildrop.
        HeldByAnother = "held_by_another",
        /// The backend said until the wait was spent that somebody who does not come through
        /// popgate holds the maildrop.
        LockedElsewhere = "locked_elsewhere",
        /// The backend had no connection free under its `connections` limit until the wait was
        /// spent.
        BackendFull = "backend_full",
        /// The tenant or the backend was paused until the wait was spent.
        Paused = "paused",
        /// The engine of the cluster was away, or the gate was not let in there.
        EngineAway = "engine_away",
        /// No connection to the backend was made.
        BackendUnreachable = "backend_unreachable",
        /// The backend's connection ended, or what came over it made no sense, where a login was to
        /// be answered.
        LoginUnanswered = "login_unanswered",
        /// The backend was silent for `login_timeout`.
        LoginUnansweredInTime = "login_unanswered_in_time",
        /// The login was accepted, and popgate's own CAPA behind it lost that session.
        LostToCapa = "lost_to_capa",
        /// The client left while it waited.
        LeftWaiting = "left_waiting",
        /// QUIT, and the backend said `+OK` to it.
        Quit = "quit",
        /// QUIT, and the backend said `-ERR` to it.
        QuitFailed = "quit_failed",
        /// QUIT, and the backend closed instead of answering it.
        ClosedAtQuit = "closed_at_quit",
        /// QUIT, and the backend was silent until `idle_timeout`.
        SilentAtQuit = "silent_at_quit",
        /// The client left after its login, without QUIT.
        Left = "left",
        /// The client left so before it had all that it had asked for.
        LeftInReply = "left_in_reply",
        /// The client was silent for `idle_timeout`.
        IdleTimeout = "idle_timeout",
        /// The client took no byte for `CLIENT_WRITE_STALL`.
        Stalled = "stalled",
        /// Closed for a waiter.
        Preempted = "preempted",
        /// QUIT of a session without the maildrop, which had marked nothing.
        QuitWithoutMaildrop = "quit_without_maildrop",
        /// A session without the maildrop could not have it.
        NotPromoted = "not_promoted",
        /// The backend ended the connection, and owed the client nothing.
        BackendClosed = "backend_closed",
        /// The backend ended the connection, and owed the client a reply or the rest of one.
        BackendClosedInReply = "backend_closed_in_reply",
        /// The backend sent what cannot be followed.
        BackendViolation = "backend_violation",
        /// An operator ended it.
        Kicked = "kicked",
        /// The gate stopped.
        Shutdown = "shutdown",
        /// A task of the session ended in a panic.
        Panicked = "panicked",
        /// A login was accepted, and its connection is not there.
        NoConnection = "no_connection",
        /// The state of its lock was wrong.
        LockBroken = "lock_broken",
    }
}

impl End {
    /// Whether a client that had logged in ended so without QUIT, of its own accord or because it
    /// did not leave: not where the backend, an operator or popgate ended it.
    #[must_use]
    pub fn is_without_quit(self) -> bool {
        matches!(
            self,
            Self::Left | Self::TimedOut | Self::Stalled | Self::Preempted
        )
    }

    /// Whether a session can end so that never said whose it is.
    #[must_use]
    pub fn needs_no_login(self) -> bool {
        match self {
            Self::QuitBeforeLogin
            | Self::LeftBeforeLogin
            | Self::RefusedByRule
            | Self::TimedOut
            | Self::Stalled
            | Self::BackendUnreachable
            | Self::ClientViolation
            | Self::TlsFailed
            | Self::Kicked
            | Self::Shutdown
            | Self::Panicked => true,
            Self::Quit
            | Self::QuitFailed
            | Self::QuitUnanswered
            | Self::LoginRefused
            | Self::WaitSpent
            | Self::RefusedWhilePaused
            | Self::LeftWaiting
            | Self::Left
            | Self::Preempted
            | Self::NotPromoted
            | Self::ClosedAtPass
            | Self::BackendGone
            | Self::BodyMisread => false,
        }
    }
}

impl CauseName {
    /// The sentence of a cause that most sessions have, where that is always the same.
    #[must_use]
    pub fn fixed_sentence(self) -> Option<&'static str> {
        Some(match self {
            Self::QuitBeforeLogin => "the client quit without a login",
            Self::LeftBeforeLogin => "the client left without a login",
            Self::LeftWaiting => "the client left while it waited",
            Self::HeldByAnother => "another session held the maildrop for the whole wait",
            Self::Quit => "the client quit, and the backend confirmed it",
            Self::QuitWithoutMaildrop => "the client quit, and had not needed the maildrop",
            Self::Left => "the client left without QUIT",
            Self::IdleTimeout => "the client was idle for too long",
            _ => return None,
        })
    }
}
