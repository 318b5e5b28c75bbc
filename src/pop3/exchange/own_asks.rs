//! What popgate asks the backend itself, to know the listing of the maildrop: the replies are read
//! and swallowed, and the client sees nothing of it but that its next reply may come later.

use super::queue::QueuedReply;
use super::{Exchange, Output, Quit};
use crate::limits::REPLY_PRESUMED_WHOLE;
use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::Expected;
use crate::time::Duration;

impl Exchange {
    /// Asks the backend for what is missing of the listing, once in a session: where that is
    /// [allowed](super::ExchangeOptions::asks_listing), the client has all that it asked for, and
    /// nothing is marked.
    pub fn ask_for_listing(&mut self, out: &mut Output) {
        // What the backend had still to say of the last reply would be taken for the next one.
        if self.quit != Quit::None || !self.may_ask() || !self.all_is_read {
            return;
        }
        // In a listing a lone dot is nothing but the end. In a message it may be none, and what is
        // behind it is the client's.
        if self.is_behind_a_listing() {
            self.end_body(out);
        }
        if self.queue.is_empty() {
            self.ask_for_missing();
            self.release(out);
        }
    }

    /// Whether what popgate asked itself is not answered yet.
    #[must_use]
    pub fn asks_itself(&self) -> bool {
        self.queue.iter().any(|item| item.is_swallowed())
    }

    /// Whether what the backend says next answers what popgate asked itself.
    pub(super) fn swallows(&self) -> bool {
        self.queue.front().is_some_and(|item| item.is_swallowed())
    }

    /// A client that leaves without having fetched anything has perhaps asked for a part.
    pub(super) fn ask_before_quit(&mut self) {
        let fetches = |expected: Expected| {
            matches!(expected.to, ReplyTo::Retr | ReplyTo::Top | ReplyTo::Dele)
        };
        let mut awaited = self.queue.iter().filter_map(|it| it.expected());
        if self.may_ask() && !self.has_fetched() && !awaited.any(fetches) {
            self.ask_for_missing();
        }
    }

    /// A client that fetches does not ask for the rest of the listing any more: many ask for UIDL
    /// alone. One that has asked for nothing of it does not go by it.
    pub(super) fn ask_before_fetch(&mut self) {
        let is_one_of_both = || {
            let missing = self.missing();
            missing.contains(&ReplyTo::List) != missing.contains(&ReplyTo::Uidl)
        };
        if self.may_ask() && !self.has_fetched() && is_one_of_both() {
            self.ask_for_missing();
        }
    }

    /// Whether the body of such a reply counts as whole, though it has no end: the client waits
    /// behind it. That a listing has not begun says nothing here, unless STAT has said that there
    /// is nothing: no client takes it for empty.
    pub(super) fn own_body_is_over(&self, expected: Expected, silence: Duration) -> bool {
        let is_empty = self
            .listed
            .as_ref()
            .is_some_and(|it| it.is_said_to_be_empty());
        let after = match is_empty {
            true => self.receiving.presumed_whole_after(expected),
            false => self.receiving.is_body().then_some(REPLY_PRESUMED_WHOLE),
        };
        self.client_awaits_something() && after.is_some_and(|after| silence >= after)
    }

    fn may_ask(&self) -> bool {
        let is_wanted = self.options.asks_listing && self.options.keeps_listing;
        is_wanted && !self.asked_itself && self.opaque.is_none() && !self.may_have_marks()
    }

    /// A listing lacks what is marked, also by a DELE whose answer has not come yet.
    fn may_have_marks(&self) -> bool {
        let mut awaited = self.queue.iter().filter_map(|it| it.expected());
        self.tally.marked > 0 || awaited.any(|it| it.to == ReplyTo::Dele)
    }

    fn is_behind_a_listing(&self) -> bool {
        let is_listing = self
            .queue
            .front()
            .and_then(|item| item.expected())
            .is_some_and(|it| matches!(it.to, ReplyTo::List | ReplyTo::Uidl));
        is_listing && self.receiving.stops_at_a_dot()
    }

    /// What of the listing is neither known nor awaited.
    fn missing(&self) -> Vec<ReplyTo> {
        let awaited = self.queue.iter().filter_map(|it| it.expected());
        let listed = self.listed.as_ref();
        listed.map(|it| it.missing(awaited)).unwrap_or_default()
    }

    /// Behind all that is awaited.
    fn ask_for_missing(&mut self) {
        let missing = self.missing();
        self.asked_itself |= !missing.is_empty();
        for to in missing {
            let expected = Expected {
                to,
                body: matches!(to, ReplyTo::List | ReplyTo::Uidl),
                message: false,
                number: None,
            };
            self.held.extend_from_slice(to.as_str().as_bytes());
            self.held.extend_from_slice(b"\r\n");
            self.unsent.push_back(expected);
            self.queue.push_back(QueuedReply::Swallowed(expected));
        }
    }
}
