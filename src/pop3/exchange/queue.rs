//! What a session awaits, in order.

use crate::pop3::verb::Expected;

/// An entry of the queue.
#[derive(Clone, Copy, Debug)]
pub(super) enum QueuedReply {
    /// The backend's reply to a command of the client.
    Reply(Expected),
    /// The backend's reply to what popgate asked itself: the client gets none of it.
    Swallowed(Expected),
    /// An answer of popgate's own.
    Answer(OwnAnswer),
}

/// An answer of popgate's own. It is made when it is due, and not when it is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum OwnAnswer {
    Capa,
    Refusal(&'static str),
    /// To this STAT, LIST or UIDL, from the listing that the client is shown.
    Listing(Expected),
}

impl QueuedReply {
    /// The reply that the backend owes.
    pub(super) fn expected(self) -> Option<Expected> {
        match self {
            Self::Reply(expected) | Self::Swallowed(expected) => Some(expected),
            Self::Answer(_) => None,
        }
    }

    /// The reply that it owes the client.
    pub(super) fn forwarded(self) -> Option<Expected> {
        match self {
            Self::Reply(expected) => Some(expected),
            Self::Swallowed(_) | Self::Answer(_) => None,
        }
    }

    pub(super) fn is_whole_listing(self) -> bool {
        matches!(self, Self::Answer(answer) if answer.is_whole_listing())
    }

    pub(super) fn is_swallowed(self) -> bool {
        matches!(self, Self::Swallowed(_))
    }
}

impl OwnAnswer {
    /// Whether it has a line for each message.
    pub(super) fn is_whole_listing(self) -> bool {
        matches!(self, Self::Listing(expected) if expected.body)
    }
}
