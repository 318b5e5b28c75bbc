//! The relay's book: which reply of the backend answers which command of the client.
//!
//! Commands wait for their replies in one queue. What popgate answers itself stands in the same
//! queue, so that a client that pipelines gets every answer in its place.

mod commands;
mod listed;
mod opaque;
mod own_asks;
mod progress;
mod queue;
mod replies;
mod shown;
mod tally;
mod unasked;

pub use shown::ShownMaildrop;
pub use tally::Tally;

use crate::limits::AWAITED_REPLIES_MAX;
use crate::pop3::keyword::Keyword;
use crate::pop3::line::LineReader;
use crate::pop3::listing::{MaildropListing, NotWhole};
use crate::pop3::reply::{ReplyTo, Status};
use crate::pop3::uidl_digest::ListingDigest;
use crate::pop3::verb::Expected;
use crate::program::Trace;
use crate::time::Duration;
use bytes::BytesMut;
use listed::ListedReplies;
use opaque::Opaque;
use progress::Progress;
use queue::QueuedReply;
use replies::Receiving;
use std::collections::VecDeque;
use unasked::Unasked;

/// What is fixed for a session.
#[derive(Clone, Debug)]
pub struct ExchangeOptions {
    /// Whether the backend has PIPELINING; without it commands go one at a time.
    pub pipelining: bool,
    /// The whole answer to CAPA after login.
    pub capa_reply: Vec<u8>,
    /// Whether the listing of the maildrop is put together from the replies.
    pub keeps_listing: bool,
    /// Whether popgate itself may ask the backend for what the client did not ask of STAT, LIST
    /// and UIDL.
    pub asks_listing: bool,
    /// What the client sees of the maildrop, where that is not what the backend says.
    pub shown: Option<ShownMaildrop>,
}

/// What a call has to say; the caller sends it and clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Bytes for the backend.
    pub to_backend: Vec<u8>,
    /// popgate's own answers that are due: behind the bytes of the step that gave them, before
    /// any further byte of the backend.
    pub to_client: Vec<u8>,
    /// One for each status line of the backend that is now whole.
    pub replied: Vec<Replied>,
    /// The last error line among `to_client`, which comes behind all of `replied`.
    pub refusal: Option<&'static str>,
}

/// A status line of the backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replied {
    /// The command that it answers.
    pub to: ReplyTo,
    /// `Ok` or `Err`.
    pub status: Status,
    /// The line without its end where it is an error, else empty; bounded by
    /// [`REPLY_LINE_MAX`](crate::limits::REPLY_LINE_MAX).
    pub line: Vec<u8>,
}

/// What to do with the first octets of what the backend sent. The count is 0 only where an answer
/// of popgate's own is due before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Send so many octets on to the client.
    Forward(usize),
    /// Throw so many octets away: nobody asked for them.
    Swallow(usize),
    /// They are too few to tell: keep them, and give them again with what comes behind them, or
    /// to [`Exchange::backend_pauses`] where nothing does for a while.
    Hold,
}

/// A reply that cannot be followed: the backend's fault. The session cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A status line without an end.
    #[error("the backend's status line is too long")]
    ReplyLineTooLong,
    /// A line that starts with neither `+OK` nor `-ERR` where a status line is due.
    #[error("the backend sent something else than a reply")]
    NotAReply,
    /// More than [`UNASKED_MAX`](crate::limits::UNASKED_MAX) octets that answer no command.
    #[error("the backend goes on sending what nobody asked for")]
    Unasked,
    /// Octets that are no reply follow what was taken for the end of a body, as every mail program
    /// takes it: the client has got part of a message, and must not delete it.
    #[error(
        "what follows the end of {} is no reply: the server does not double a dot that begins a line (RFC 1939 section 3), ends the message twice, or was silent in its middle",
        described(.0)
    )]
    BehindBody(Expected),
}

fn described(reply: &Expected) -> String {
    match reply.number {
        Some(number) => format!("message {number} ({})", reply.to.as_str()),
        None => format!("the reply to {}", reply.to.as_str()),
    }
}

/// How far QUIT has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quit {
    /// The client has not sent it.
    #[default]
    None,
    /// The client has sent it, the backend has not answered.
    Sent,
    /// The backend has answered.
    Answered {
        /// With `+OK`: what was marked is deleted.
        ok: bool,
    },
}

/// The state of one session after login.
#[derive(Debug)]
pub struct Exchange {
    options: ExchangeOptions,
    lines: LineReader,
    /// A line of the client that has not ended yet.
    partial: BytesMut,
    /// Never starts with an answer of popgate's own: such a one is due at once.
    queue: VecDeque<QueuedReply>,
    /// How many replies of the queue the backend knows that it owes: the first ones.
    sent: usize,
    /// How many of those have a body.
    sent_bodies: usize,
    /// Lines that may not go to the backend yet, and what is raw behind them.
    held: BytesMut,
    /// The replies that the lines in `held` await.
    unsent: VecDeque<Expected>,
    /// How far the reply to the head of the queue has come.
    receiving: Receiving,
    /// Blank lines before its status line.
    blank_lines: usize,
    /// All that the backend has sent so far was taken in.
    all_is_read: bool,
    /// The client sent a command behind the last octets of the one reply that it awaits.
    client_went_on: bool,
    /// The client does not wait for replies, so that a command of its says nothing of them.
    client_pipelines: bool,
    unasked: Unasked,
    /// Boxed: few sessions are.
    opaque: Option<Box<Opaque>>,
    quit: Quit,
    progress: Progress,
    tally: Tally,
    last_command: Option<Keyword>,
    trace: Trace,
    uidl: Option<ListingDigest>,
    /// What the listing of the maildrop is put together from, where it is kept.
    listed: Option<Box<ListedReplies>>,
    /// Whether popgate has asked for the listing itself.
    asked_itself: bool,
    /// Whether a DELE has gone to the backend.
    sent_deletion: bool,
    /// Whole listings that the client asked popgate for since the last read, or before it and was
    /// not given yet.
    whole_listings_due: usize,
}

impl Exchange {
    /// A session right after its login; `trace` has what its client did before.
    #[must_use]
    pub fn new(options: ExchangeOptions, trace: Trace) -> Self {
        Self {
            listed: (options.keeps_listing || options.shown.is_some()).then(Box::default),
            options,
            lines: LineReader::new(),
            partial: BytesMut::new(),
            queue: VecDeque::new(),
            sent: 0,
            sent_bodies: 0,
            held: BytesMut::new(),
            unsent: VecDeque::new(),
            receiving: Receiving::default(),
            blank_lines: 0,
            all_is_read: true,
            client_went_on: false,
            client_pipelines: false,
            unasked: Unasked::default(),
            opaque: None,
            quit: Quit::None,
            progress: Progress::default(),
            tally: Tally::default(),
            last_command: None,
            trace,
            uidl: None,
            asked_itself: false,
            sent_deletion: false,
            whole_listings_due: 0,
        }
    }

    /// Whether [`client_bytes`](Self::client_bytes) may be given more: not while too much is
    /// awaited, and never after QUIT.
    #[must_use]
    pub fn wants_client_bytes(&self) -> bool {
        let raw_is_held = self.opaque.is_some() && !self.held.is_empty();
        self.quit == Quit::None && self.queue.len() < AWAITED_REPLIES_MAX && !raw_is_held
    }

    /// Replies that the backend still owes the client, also to commands that are held back. What an
    /// opaque session awaits is not known and not counted.
    #[must_use]
    pub fn awaiting(&self) -> usize {
        self.queue.iter().filter_map(|it| it.forwarded()).count()
    }

    /// Whether the backend owes a reply with a body, which may be much.
    #[must_use]
    pub fn awaits_body(&self) -> bool {
        self.sent_bodies > 0
    }

    /// How many of those the backend was not asked for yet.
    #[must_use]
    pub fn held_back(&self) -> usize {
        let owed = self.queue.iter().filter(|it| it.expected().is_some());
        owed.skip(self.sent).filter_map(|it| it.forwarded()).count()
    }

    /// Whether the client has all that it asked for, as far as it can tell: no reply is awaited but
    /// one that stops at a lone dot.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let mut due = self.queue.iter().filter(|it| !it.is_swallowed());
        match (due.next(), due.next()) {
            (None, _) => true,
            (Some(_), None) => !self.swallows() && self.receiving.stops_at_a_dot(),
            (Some(_), Some(_)) => false,
        }
    }

    /// How often the client has got on in its work: messages fetched (RETR, TOP) or marked (DELE),
    /// and the first STAT, LIST and UIDL. In an opaque session every command counts but those that
    /// only ask again.
    #[must_use]
    pub fn progress(&self) -> u64 {
        self.progress.count()
    }

    /// Whether a reply is awaited that will be progress.
    #[must_use]
    pub fn progress_is_awaited(&self) -> bool {
        if self.is_at_rest() {
            return false;
        }
        self.queue
            .iter()
            .filter_map(|it| it.forwarded())
            .any(|expected| self.progress.would_be(expected))
    }

    /// Whether a reply has begun and not ended.
    #[must_use]
    pub fn in_reply(&self) -> bool {
        self.receiving.has_begun()
    }

    /// How far QUIT has come.
    #[must_use]
    pub fn quit(&self) -> Quit {
        self.quit
    }

    /// Whether the client has sent a command whose reply has no known end; from there on bytes
    /// pass unchanged.
    #[must_use]
    pub fn opaque(&self) -> bool {
        self.opaque.is_some()
    }

    /// What was done so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The last command of the client, but for those of an opaque session.
    #[must_use]
    pub fn last_command(&self) -> Option<Keyword> {
        self.last_command
    }

    /// What the client did, before login too, but for what follows the first unknown command.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The backend has said nothing for `silence`. A reply that the client has visibly got must not
    /// hold back what it said since: one that stops at a lone dot is over when something waits
    /// behind it; another one when the client has gone on and nothing followed for long enough.
    pub fn backend_is_silent(&mut self, silence: Duration, out: &mut Output) {
        let presumed_whole = match self.queue.front() {
            Some(&QueuedReply::Reply(expected)) if self.client_went_on => {
                let after = self.receiving.presumed_whole_after(expected);
                after.is_some_and(|after| silence >= after)
            }
            Some(&QueuedReply::Swallowed(expected)) => self.own_body_is_over(expected, silence),
            _ => false,
        };
        if self.queue.len() > 1 && (self.receiving.stops_at_a_dot() || presumed_whole) {
            self.end_body(out);
        }
    }

    /// All that the backend has sent so far was taken in: what waited for that may go to it.
    pub fn backend_is_read(&mut self, out: &mut Output) {
        self.all_is_read = true;
        let behind_the_end = self.client_went_on && self.queue.len() > 1;
        if (behind_the_end || self.swallows()) && self.receiving.stops_at_a_dot() {
            self.end_body(out);
        }
        if !self.receiving.has_begun() {
            self.unasked.nothing_is_left();
            self.release(out);
        }
    }

    /// The last UIDL listing that passed whole.
    #[must_use]
    pub fn uidl(&self) -> Option<ListingDigest> {
        self.uidl
    }

    /// The maildrop's listing, or why there is none: once, when LIST and UIDL were answered.
    pub fn take_listing(&mut self) -> Option<Result<MaildropListing, NotWhole>> {
        self.listed.as_mut()?.take_listing()
    }

    /// Whether LIST was answered and UIDL was not, or the other way round, so that what was read
    /// waits for the other one.
    #[must_use]
    pub fn has_part_of_listing(&self) -> bool {
        self.listed.as_ref().is_some_and(|listed| listed.has_part())
    }

    /// The other one is not awaited any more.
    pub fn forget_part_of_listing(&mut self) {
        if let Some(listed) = &mut self.listed {
            listed.forget_part();
        }
    }

    /// Octets of memory that what was read of the listing takes, before it is whole.
    #[must_use]
    pub fn listing_footprint(&self) -> usize {
        let parts = self.listed.as_ref().map_or(0, |listed| listed.footprint());
        parts + self.receiving.listing_footprint()
    }

    /// There is no room for the listing.
    pub fn give_up_listing(&mut self) {
        self.receiving.give_up_listing();
        if let Some(listed) = &mut self.listed {
            listed.give_up();
        }
    }

    /// Which messages DELE has marked, by place, from 0, where the listing is kept or shown: none
    /// behind the end, and none behind [`LISTED_MESSAGES_MAX`](crate::limits::LISTED_MESSAGES_MAX).
    #[must_use]
    pub fn marks(&self) -> &[bool] {
        self.listed.as_ref().map_or(&[], |listed| listed.marks())
    }

    /// Whether the backend has accepted a RETR, TOP or DELE, where the listing is kept or shown, or
    /// may have in an opaque session.
    #[must_use]
    pub fn has_fetched(&self) -> bool {
        let listed = self.listed.as_ref();
        self.opaque() || listed.is_some_and(|listed| listed.needs_maildrop())
    }

    /// Whether a DELE has gone to the backend, answered or not, or may have in an opaque session.
    #[must_use]
    pub fn has_sent_deletion(&self) -> bool {
        self.opaque() || self.sent_deletion
    }

    /// Whether the session could go on without its maildrop, and nobody would see it: nothing is
    /// marked, held back or under way, and all that the backend has said was taken in.
    #[must_use]
    pub fn can_leave_maildrop(&self) -> bool {
        let is_followed = self.opaque.is_none() && !self.lines.in_overlong_line();
        let is_quiet = self.queue.is_empty() && self.held.is_empty() && self.all_is_read;
        self.quit == Quit::None && is_followed && is_quiet && self.tally.marked == 0
    }

    /// The client's line that has not ended yet, for what follows the session.
    pub fn take_partial(&mut self) -> BytesMut {
        std::mem::take(&mut self.partial)
    }

    /// Whether messages may be gone by this session: it sent QUIT, and either had messages marked
    /// or nobody knows whether it had.
    #[must_use]
    pub fn may_have_deleted(&self) -> bool {
        let Tally {
            marked, deleted, ..
        } = self.tally;
        self.quit != Quit::None && (self.opaque() || marked + deleted > 0)
    }

    /// Settles at the backend's EOF what the last line of an opaque session said about QUIT.
    pub fn backend_closed(&mut self) {
        let said = self.opaque.as_deref().and_then(Opaque::last_status);
        if let (Quit::Sent, Some(status)) = (self.quit, said) {
            self.quit_answered(status == Status::Ok);
        }
    }

    fn quit_answered(&mut self, ok: bool) {
        self.quit = Quit::Answered { ok };
        if ok {
            self.tally.commit();
        }
    }
}

#[cfg(test)]
mod tests;
