//! A view: a client's session that stands on a listing of its maildrop and holds no lock.
//!
//! STAT, LIST, UIDL, NOOP, RSET, CAPA and QUIT need nothing but the listing. What fetches or
//! deletes needs the maildrop itself, and so does what popgate does not know: there the view stops,
//! and what came of the client from that command on is for the session that goes on in the
//! maildrop.

use crate::limits::{COMMAND_LINE_MAX, LISTING_PIECE};
use crate::pop3::keyword::Keyword;
use crate::pop3::line::{Line, LineReader};
use crate::pop3::listing::{ListingReplies, MaildropListing, no_such_message};
use crate::pop3::reply::{ReplyTo, reply_line};
use crate::pop3::verb::{Expected, Verb};
use crate::program::{Step, Trace};
use bytes::BytesMut;
use std::sync::Arc;

/// The state of a view. Bytes go in by [`push`](Self::push), and come out answered one command at
/// a time, and long listings in pieces, so that a client which asks and takes no answer costs no
/// memory.
#[derive(Debug)]
pub struct View {
    listing: Arc<MaildropListing>,
    /// The whole reply to CAPA.
    capa_reply: Arc<[u8]>,
    lines: LineReader,
    /// What the client sent and was not answered yet.
    input: BytesMut,
    /// The line in front was answered while this input was there already.
    came_with_another: bool,
    needs: Option<Needs>,
    /// The reply to LIST or UIDL that is not all said, and how many messages it has told.
    due: Option<(ReplyTo, usize)>,
    commands: u64,
    last_command: Option<Keyword>,
    trace: Trace,
}

/// What a view has for its client next.
#[derive(Debug, PartialEq, Eq)]
pub enum ViewStep {
    /// Nothing, before more bytes come.
    Idle,
    /// The answer to the next command, or the next piece of one.
    Answer(Vec<u8>),
    /// The answer to QUIT: nothing was marked, and nothing is to be done at the backend.
    Quit(Vec<u8>),
    /// The next command needs the maildrop. The view answers no more.
    Needs(Needs),
}

/// What a maildrop must be like for a view to go on in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// It has each message of the view's listing under its number; others may follow behind.
    AllMessages,
    /// Its listing is the view's: nobody knows what the command asks.
    SameListing,
}

impl View {
    /// A view on `listing`; `trace` has what its client did before, and `input` what it has sent
    /// since.
    #[must_use]
    pub fn new(
        listing: Arc<MaildropListing>,
        capa_reply: Arc<[u8]>,
        trace: Trace,
        input: BytesMut,
    ) -> Self {
        Self {
            listing,
            capa_reply,
            lines: LineReader::new(),
            input,
            came_with_another: false,
            needs: None,
            due: None,
            commands: 0,
            last_command: None,
            trace,
        }
    }

    /// What it stands on.
    #[must_use]
    pub fn listing(&self) -> &Arc<MaildropListing> {
        &self.listing
    }

    /// Lines of the client that were answered, and QUIT. The command that needs the maildrop is
    /// counted where it is answered.
    #[must_use]
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// The last command of the client, the one that needs the maildrop included.
    #[must_use]
    pub fn last_command(&self) -> Option<Keyword> {
        self.last_command
    }

    /// What the client did, up to the command that needs the maildrop.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Takes bytes of the client in any pieces. The caller gives more when
    /// [`step`](Self::step) has nothing left to answer.
    pub fn push(&mut self, input: &[u8]) {
        self.input.extend_from_slice(input);
    }

    /// What follows from the next command, if a whole one has come.
    pub fn step(&mut self) -> ViewStep {
        if let Some(needs) = self.needs {
            return ViewStep::Needs(needs);
        }
        if let Some((to, told)) = self.due {
            return self.piece(to, told);
        }
        let Some(line) = self.lines.next(&mut self.input, COMMAND_LINE_MAX) else {
            // A view at rest keeps no room.
            self.input = BytesMut::from(&self.input[..]);
            self.came_with_another = false;
            return ViewStep::Idle;
        };
        let sent_ahead = std::mem::replace(&mut self.came_with_another, true);
        let step = self.line(&line, sent_ahead);
        self.commands += u64::from(!matches!(step, ViewStep::Needs(_)));
        step
    }

    /// What came of the client and was not answered: the command that needs the maildrop, and what
    /// stands behind it.
    #[must_use]
    pub fn into_unanswered(self) -> BytesMut {
        self.input
    }

    fn line(&mut self, line: &Line, sent_ahead: bool) -> ViewStep {
        match line {
            Line::Text(text) => {
                self.last_command = Some(Keyword::of_line(text));
                let step = self.command(text);
                if !matches!(step, ViewStep::Needs(_)) {
                    self.trace.push(Step::of_line(text), sent_ahead);
                }
                step
            }
            Line::TooLong => ViewStep::Answer(reply_line("-ERR Line too long")),
            Line::Malformed => ViewStep::Answer(reply_line("-ERR Line holds a NUL or a stray CR")),
        }
    }

    fn command(&mut self, text: &[u8]) -> ViewStep {
        match Verb::of_line(text) {
            Verb::Capa => ViewStep::Answer(self.capa_reply.to_vec()),
            Verb::Refused(line) => ViewStep::Answer(line.as_bytes().to_vec()),
            Verb::Unknown => self.stop(text, Needs::SameListing),
            Verb::Forward(expected) => self.known(expected, text),
        }
    }

    fn known(&mut self, expected: Expected, text: &[u8]) -> ViewStep {
        match expected.to {
            ReplyTo::Noop | ReplyTo::Rset => ViewStep::Answer(reply_line("+OK")),
            ReplyTo::Quit => ViewStep::Quit(reply_line("+OK Bye")),
            ReplyTo::Retr | ReplyTo::Top | ReplyTo::Dele => self.fetch(expected, text),
            ReplyTo::List | ReplyTo::Uidl if expected.body => self.piece(expected.to, 0),
            _ => match ListingReplies::new(&self.listing, &[]).to(expected) {
                Some(reply) => ViewStep::Answer(reply),
                // LAST, of which only the backend knows.
                None => self.stop(text, Needs::SameListing),
            },
        }
    }

    fn piece(&mut self, to: ReplyTo, told: usize) -> ViewStep {
        let by_then = told + LISTING_PIECE;
        self.due = (by_then < self.listing.messages()).then_some((to, by_then));
        let replies = ListingReplies::new(&self.listing, &[]);
        ViewStep::Answer(replies.piece(to, told..by_then))
    }

    /// A message that the view does not show is none, whatever has come since.
    fn fetch(&mut self, expected: Expected, text: &[u8]) -> ViewStep {
        let is_shown = |number| self.listing.size(number).is_some();
        if expected.number.is_some_and(is_shown) {
            return self.stop(text, Needs::AllMessages);
        }
        ViewStep::Answer(no_such_message())
    }

    fn stop(&mut self, text: &[u8], needs: Needs) -> ViewStep {
        let behind = std::mem::take(&mut self.input);
        self.input.extend_from_slice(text);
        self.input.extend_from_slice(b"\r\n");
        self.input.extend_from_slice(&behind);
        self.needs = Some(needs);
        ViewStep::Needs(needs)
    }
}

#[cfg(test)]
mod tests;
