//! When a line comes: the same words mean something else in answer to PASS and to RETR.

use super::Class;
use crate::pop3::reply::ReplyTo;

/// What the client and the server are about when a line comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReplyStage {
    /// The greeting.
    Connect,
    /// USER, PASS, APOP, AUTH.
    Login,
    /// STAT, RSET, NOOP: well-known commands without an argument that could be wrong.
    Session,
    /// LIST, UIDL, RETR, TOP, DELE: a message number may be wrong.
    Message,
    /// A command that the server may not know.
    Other,
}

impl ReplyStage {
    pub(super) fn of(to: ReplyTo) -> Self {
        match to {
            ReplyTo::Connect => Self::Connect,
            ReplyTo::Pass => Self::Login,
            ReplyTo::Stat | ReplyTo::Rset | ReplyTo::Noop => Self::Session,
            ReplyTo::List | ReplyTo::Uidl | ReplyTo::Retr | ReplyTo::Top | ReplyTo::Dele => {
                Self::Message
            }
            ReplyTo::Xclient | ReplyTo::Quit | ReplyTo::Other => Self::Other,
        }
    }

    /// What an error is that no rule knows. One without a text tells nothing about the password
    /// (popa3d: the maildrop could not be loaded), so the login may be tried again.
    pub(super) fn otherwise(self, text: &str) -> Class {
        match self {
            Self::Message => Class::NoSuchMessage,
            Self::Session => Class::Temp,
            _ if text.is_empty() => Class::Temp,
            Self::Connect | Self::Login | Self::Other => Class::Perm,
        }
    }
}

/// At any time.
pub(super) const ANY: &[ReplyStage] = &[
    ReplyStage::Connect,
    ReplyStage::Login,
    ReplyStage::Session,
    ReplyStage::Message,
    ReplyStage::Other,
];

/// Whenever no message is asked for.
pub(super) const NO_MESSAGE: &[ReplyStage] = &[
    ReplyStage::Connect,
    ReplyStage::Login,
    ReplyStage::Session,
    ReplyStage::Other,
];

/// From the greeting on: before it nobody can have been idle.
pub(super) const CONNECTED: &[ReplyStage] = &[
    ReplyStage::Login,
    ReplyStage::Session,
    ReplyStage::Message,
    ReplyStage::Other,
];

/// In TRANSACTION.
pub(super) const AFTER_LOGIN: &[ReplyStage] =
    &[ReplyStage::Session, ReplyStage::Message, ReplyStage::Other];
