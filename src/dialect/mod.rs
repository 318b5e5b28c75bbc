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
