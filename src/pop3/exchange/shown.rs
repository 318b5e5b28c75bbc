//! A session whose client goes on seeing the listing that it was shown before it got the maildrop:
//! STAT, LIST and UIDL are answered from that, and no message behind its end reaches the backend. A
//! script that deletes 1 to n must not delete what it never saw.

use super::queue::OwnAnswer;
use super::{Exchange, Output};
use crate::limits::WHOLE_LISTINGS_DUE_MAX;
use crate::pop3::listing::{
    ListingReplies, MaildropListing, MessageNumber, NO_SUCH_MESSAGE, no_such_message,
};
use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::{Expected, Verb};
use std::sync::Arc;

const UNKNOWN: &str = "-ERR Unknown command\r\n";
const TOO_MANY: &str = "-ERR Too many listings at a time\r\n";

/// What the client of a session sees of its maildrop.
#[derive(Clone, Debug)]
pub struct ShownMaildrop {
    /// The messages that there are for it, under the numbers that they have in the maildrop.
    pub listing: Arc<MaildropListing>,
    /// Whether the maildrop has just these messages; else others stand behind them.
    pub is_all: bool,
}

impl ShownMaildrop {
    /// What popgate answers to a command itself; `None`: it goes the way of all others.
    pub(super) fn answer(&self, verb: Verb) -> Option<OwnAnswer> {
        let refusal = match verb {
            Verb::Forward(expected) => match expected.to {
                ReplyTo::Stat | ReplyTo::List | ReplyTo::Uidl => {
                    return Some(OwnAnswer::Listing(expected));
                }
                ReplyTo::Retr | ReplyTo::Top | ReplyTo::Dele if !self.shows(expected.number) => {
                    NO_SUCH_MESSAGE
                }
                // LAST: it may tell of a message that is not shown.
                ReplyTo::Other if !self.is_all => UNKNOWN,
                _ => return None,
            },
            Verb::Unknown if !self.is_all => UNKNOWN,
            _ => return None,
        };
        Some(OwnAnswer::Refusal(refusal))
    }

    fn shows(&self, number: Option<MessageNumber>) -> bool {
        number.is_some_and(|number| self.listing.size(number).is_some())
    }
}

impl Exchange {
    /// A client that asks for one whole listing behind the other and reads none must not fill the
    /// memory: a line that asks for it has six octets.
    pub(super) fn within_bounds(&mut self, answer: OwnAnswer) -> OwnAnswer {
        if !answer.is_whole_listing() {
            return answer;
        }
        if self.whole_listings_due >= WHOLE_LISTINGS_DUE_MAX {
            return OwnAnswer::Refusal(TOO_MANY);
        }
        self.whole_listings_due += 1;
        answer
    }

    /// Those that were written before this read are gone, or the client would not have been read.
    pub(super) fn count_whole_listings_due(&mut self) {
        if self.options.shown.is_some() {
            let due = self.queue.iter().filter(|it| it.is_whole_listing());
            self.whole_listings_due = due.count();
        }
    }

    /// Less what is marked by now.
    pub(super) fn write_listing(&mut self, expected: Expected, out: &mut Output) {
        let Some(shown) = &self.options.shown else {
            return;
        };
        let marks = self.listed.as_ref().map_or(&[][..], |it| it.marks());
        let replies = ListingReplies::new(&shown.listing, marks);
        let reply = replies.to(expected).unwrap_or_else(no_such_message);
        if reply.starts_with(b"-ERR") {
            out.refusal = Some(NO_SUCH_MESSAGE);
        } else if expected.to == ReplyTo::Stat || expected.body {
            self.tally.listed = Some(replies.messages() as u64);
        }
        out.to_client.extend_from_slice(&reply);
    }
}
