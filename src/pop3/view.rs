//! A view: a client's session that stands on a listing of its maildrop and holds no lock.
//!
//! STAT, LIST, UIDL, NOOP, RSET, CAPA and QUIT need nothing but the listing. What fetches or
//! deletes needs the maildrop itself, and so does what popgate does not know: there the view stops,
//! and what came of the client from that command on is for the session that goes on in the
//! maildrop.

use crate::limits::COMMAND_LINE_MAX;
use crate::pop3::line::{Line, LineReader};
use crate::pop3::listing::{ListingReplies, MaildropListing, MessageNumber, no_such_message};
use crate::pop3::reply::{ReplyTo, reply_line};
use crate::pop3::transaction::{TransactionCommand, TransactionError};
use crate::pop3::verb::Verb;
use bytes::BytesMut;
use std::sync::Arc;

/// The state of a view. Bytes go in by [`push`](Self::push), and come out answered one command at
/// a time, so that a client which sends many and takes no answer costs no memory.
#[derive(Debug)]
pub struct View {
    listing: Arc<MaildropListing>,
    /// The whole reply to CAPA.
    capa_reply: Arc<[u8]>,
    lines: LineReader,
    /// What the client sent and was not answered yet.
    input: BytesMut,
    needs: Option<Needs>,
}

/// What a view has for its client next.
#[derive(Debug, PartialEq, Eq)]
pub enum ViewStep {
    /// Nothing, before more bytes come.
    Idle,
    /// The answer to the next command.
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
    /// A view on `listing`.
    #[must_use]
    pub fn new(listing: Arc<MaildropListing>, capa_reply: Arc<[u8]>) -> Self {
        Self {
            listing,
            capa_reply,
            lines: LineReader::new(),
            input: BytesMut::new(),
            needs: None,
        }
    }

    /// What it stands on.
    #[must_use]
    pub fn listing(&self) -> &Arc<MaildropListing> {
        &self.listing
    }

    /// Takes bytes of the client in any pieces.
    pub fn push(&mut self, input: &[u8]) {
        self.input.extend_from_slice(input);
    }

    /// What follows from the next command, if a whole one has come.
    pub fn step(&mut self) -> ViewStep {
        if let Some(needs) = self.needs {
            return ViewStep::Needs(needs);
        }
        let Some(line) = self.lines.next(&mut self.input, COMMAND_LINE_MAX) else {
            // A view at rest keeps no room.
            self.input = BytesMut::from(&self.input[..]);
            return ViewStep::Idle;
        };
        match line {
            Line::Text(text) => self.command(&text),
            Line::TooLong => ViewStep::Answer(reply_line("-ERR Line too long")),
            Line::Malformed => ViewStep::Answer(reply_line("-ERR Line holds a NUL or a stray CR")),
        }
    }

    /// What came of the client and was not answered: the command that needs the maildrop, and what
    /// stands behind it.
    #[must_use]
    pub fn unanswered(&self) -> &[u8] {
        &self.input
    }

    /// Whether a whole QUIT stands behind the command that needs the maildrop: the client's word
    /// that all before it is to be done, whatever becomes of its connection.
    #[must_use]
    pub fn quit_follows(&self) -> bool {
        let is_quit = |line: &[u8]| {
            line.ends_with(b"\n")
                && matches!(Verb::of_line(line), Verb::Forward(to) if to.to == ReplyTo::Quit)
        };
        self.needs.is_some() && self.input.split_inclusive(|&b| b == b'\n').any(is_quit)
    }

    fn command(&mut self, text: &[u8]) -> ViewStep {
        match Verb::of_line(text) {
            Verb::Capa => ViewStep::Answer(self.capa_reply.to_vec()),
            Verb::Refused(line) => ViewStep::Answer(line.as_bytes().to_vec()),
            Verb::Unknown => self.stop(text, Needs::SameListing),
            Verb::Forward(_) => match TransactionCommand::parse(text) {
                Ok(command) => self.known(command, text),
                // LAST, of which only the backend knows.
                Err(TransactionError::Unknown) => self.stop(text, Needs::SameListing),
                Err(error) => ViewStep::Answer(reply_line(format!("-ERR {error}"))),
            },
        }
    }

    fn known(&mut self, command: TransactionCommand, text: &[u8]) -> ViewStep {
        let replies = ListingReplies::new(&self.listing, &[]);
        let reply = match command {
            TransactionCommand::Stat => replies.stat(),
            TransactionCommand::List(number) => replies.list(number),
            TransactionCommand::Uidl(number) => replies.uidl(number),
            TransactionCommand::Noop | TransactionCommand::Rset => reply_line("+OK"),
            TransactionCommand::Quit => return ViewStep::Quit(reply_line("+OK Bye")),
            TransactionCommand::Retr(number)
            | TransactionCommand::Top { number, .. }
            | TransactionCommand::Dele(number) => return self.fetch(number, text),
        };
        ViewStep::Answer(reply)
    }

    /// A message that the view does not show is none, whatever has come since.
    fn fetch(&mut self, number: MessageNumber, text: &[u8]) -> ViewStep {
        if self.listing.size(number).is_none() {
            return ViewStep::Answer(no_such_message());
        }
        self.stop(text, Needs::AllMessages)
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
