//! What a backend's error line means.

/// Phrases that the operator adds for one backend; ASCII case does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phrases {
    /// The maildrop is held by another session.
    pub locked: Vec<String>,
    /// The name or the password is wrong.
    pub auth: Vec<String>,
    /// The server cannot do it now.
    pub temp: Vec<String>,
}

/// What an answer means (the words of `popgate classify`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// `+OK`.
    Ok,
    /// Another session holds the maildrop.
    Locked,
    /// The name or the password is wrong.
    Auth,
    /// The server wants more time between logins.
    LoginDelay,
    /// Too many connections or requests.
    TooMany,
    /// It may work later.
    Temp,
    /// It will not work.
    Perm,
    /// The message is not there, or was marked deleted.
    NoSuchMessage,
    /// QUIT did not remove all that was marked.
    DeletesNotRemoved,
    /// The server ended an idle session.
    IdleTimeout,
}

impl Class {
    /// All of them, for metrics that exist from the start.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Locked,
        Self::Auth,
        Self::LoginDelay,
        Self::TooMany,
        Self::Temp,
        Self::Perm,
        Self::NoSuchMessage,
        Self::DeletesNotRemoved,
        Self::IdleTimeout,
    ];

    /// The word that `popgate classify` prints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Locked => "locked",
            Self::Auth => "auth",
            Self::LoginDelay => "login_delay",
            Self::TooMany => "too_many",
            Self::Temp => "temp",
            Self::Perm => "perm",
            Self::NoSuchMessage => "no_such_message",
            Self::DeletesNotRemoved => "deletes_not_removed",
            Self::IdleTimeout => "idle_timeout",
        }
    }
}
