//! Whether listings may be shared, in words.

use super::finding::EndedBy;
use super::listings::PastSession;
use super::verdict::{Against, MissingForVerdict, SharingVerdict};
use super::wording::time;
use crate::backend::Shareable;
use crate::policy::sharing::Unshareable;
use crate::pop3::listing::NotWhole;
use std::fmt;

pub(super) fn verdict_text(verdict: &SharingVerdict, set: Shareable) -> String {
    match verdict {
        SharingVerdict::Shareable { messages, sessions } => {
            let but = match set {
                Shareable::No => {
                    "; but the configuration says `shareable = false`, and may know more"
                }
                Shareable::Yes | Shareable::Ask => "",
            };
            format!(
                "yes, if the messages were new: ids, order and sizes stayed the same in \
                 {sessions} sessions, with and without QUIT and a download; messages: {messages}{but}"
            )
        }
        SharingVerdict::Not(against) => {
            let though = match set {
                Shareable::Yes => ", though the configuration says `shareable = true`",
                Shareable::No | Shareable::Ask => "",
            };
            let reasons: Vec<_> = against.iter().map(Against::to_string).collect();
            format!("no{though}: {}", reasons.join("; "))
        }
        SharingVerdict::Unknown(lacking) => format!("not known: {lacking}"),
    }
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUidl => f.write_str("there is no UIDL"),
            Self::NotWhole(why) => f.write_str(not_whole(*why)),
            Self::Unshareable(why, None) => f.write_str(unshareable(*why)),
            Self::Unshareable(why, Some(after)) => write!(f, "{} {after}", unshareable(*why)),
            Self::LockKept(elapsed) => write!(
                f,
                "after a close without QUIT the maildrop is still locked after {}",
                time(*elapsed)
            ),
            Self::LockFreedLate(elapsed) => write!(
                f,
                "after a close without QUIT the maildrop is free after {}, and not within 1 s",
                time(*elapsed)
            ),
        }
    }
}

fn not_whole(why: NotWhole) -> &'static str {
    match why {
        NotWhole::Unfinished => "a reply has no end",
        NotWhole::CountsDiffer => "STAT, LIST and UIDL tell of different numbers of messages",
        NotWhole::Gap => "the numbers of the messages are not 1, 2, 3 and so on",
        NotWhole::Malformed => "a line of STAT, LIST or UIDL cannot be read",
        NotWhole::UniqueId => "a unique id is not 1 to 70 octets of 0x21 to 0x7E",
        NotWhole::Repeated => "two messages have one unique id",
        NotWhole::TooLarge => "there are too many messages",
    }
}

fn unshareable(why: Unshareable) -> &'static str {
    match why {
        Unshareable::Numbers => {
            "the unique ids are the numbers of the messages (in a new account that can be chance: \
             delete its first message, and look again)"
        }
        Unshareable::Repeated => "two messages have one unique id",
        Unshareable::Changed => "messages have other unique ids",
        Unshareable::Recycled => "the unique id of a deleted message is used again",
        Unshareable::Renumbered => "messages stand in another order",
        Unshareable::Resized => "the size of a message is another",
        Unshareable::Vanished => "message 1 is gone",
        Unshareable::Expire => {
            "it announces EXPIRE other than NEVER, and so deletes messages by itself"
        }
        Unshareable::LoginDelay => {
            "it announces more than 60 s between two logins, or refused one as too soon"
        }
        Unshareable::NotPromoted => "a session could not go on from an older listing",
    }
}

impl fmt::Display for PastSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.fetched, self.ended) {
            (false, EndedBy::Close) => "after a close without QUIT",
            (true, EndedBy::Close) => "after a download and a close without QUIT",
            (false, EndedBy::Quit) => "after a QUIT",
            (true, EndedBy::Quit) => "after a download and a QUIT",
        })
    }
}

impl fmt::Display for MissingForVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMessage => f.write_str(
                "the account had no message all the time: send one to it, and look again",
            ),
            Self::TooLarge => f.write_str("there are too many messages: look with another account"),
            Self::Gone => f.write_str(
                "messages went away meanwhile: look with an account that no client reads",
            ),
            Self::Sessions => f.write_str("not all sessions were had, or a reply is missing"),
            Self::Unfetched(why) => write!(f, "message 1 could not be fetched: {why}"),
            Self::NotNew(line) => write!(
                f,
                "message 1 was in a session before ({line}), and the ids of new ones may not stay: \
                 empty the account, send a message to it, and look again"
            ),
        }
    }
}
