//! By what the mailboxes are sorted.

/// An order of contended mailboxes; the gate sorts, as it may have more of them than are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LockOrder {
    #[default]
    LongestWait,
    Waiters,
    Held,
    Name,
}

impl LockOrder {
    /// As the API names it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::LongestWait => "-longest_wait",
            Self::Waiters => "-waiters",
            Self::Held => "-held",
            Self::Name => "maildrop",
        }
    }

    /// For a person.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::LongestWait => "longest wait",
            Self::Waiters => "waiters",
            Self::Held => "time held",
            Self::Name => "name",
        }
    }

    pub(super) fn next(self) -> Self {
        match self {
            Self::LongestWait => Self::Waiters,
            Self::Waiters => Self::Held,
            Self::Held => Self::Name,
            Self::Name => Self::LongestWait,
        }
    }
}
