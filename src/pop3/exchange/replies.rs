//! The backend's half: replies in, each matched to its command.

use super::listed::ListedBody;
use super::queue::QueuedReply;
use super::unasked::line_end;
use super::{Disposition, Exchange, Output, Replied, Violation};
use crate::limits::{BLANK_LINES_MAX, REPLY_LINE_MAX, REPLY_PRESUMED_EMPTY, REPLY_PRESUMED_WHOLE};
use crate::pop3::line::without_end;
use crate::pop3::multiline::{Behind, EndScanner, Scanned};
use crate::pop3::reply::{ReplyTo, Status, is_blank};
use crate::pop3::uidl_digest::ListingDigester;
use crate::pop3::verb::Expected;
use crate::time::Duration;
use memchr::memchr_iter;
use std::borrow::Cow;

/// Room of the queue that an idle session keeps: clients that do not pipeline need no more.
const QUEUE_KEPT: usize = 4;

/// How far the reply at the head of the queue has come.
#[derive(Debug)]
pub(super) enum Receiving {
    /// The octets of its status line so far.
    Status(Vec<u8>),
    /// Boxed: between two replies it takes no room.
    Body(Box<Body>),
}

#[derive(Debug, Default)]
pub(super) struct Body {
    end: EndScanner,
    /// Lines of a listing, the dot not counted.
    entries: u64,
    /// Of a UIDL listing.
    uidl: ListingDigester,
    /// For the listing of the maildrop, where that is kept.
    listed: Option<Box<ListedBody>>,
}

impl Default for Receiving {
    fn default() -> Self {
        Self::Status(Vec::new())
    }
}

impl Receiving {
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self, Self::Status(line) if line.is_empty())
    }

    /// How long a backend has to say nothing until the body counts as whole, though it has no end
    /// that anybody knows; `None`: it is no body.
    pub(super) fn presumed_whole_after(&self, expected: Expected) -> Option<Duration> {
        let is_listing = matches!(expected.to, ReplyTo::List | ReplyTo::Uidl);
        match self {
            Self::Status(_) => None,
            Self::Body(body) if is_listing && body.end.is_at_its_start() => {
                Some(REPLY_PRESUMED_EMPTY)
            }
            Self::Body(_) => Some(REPLY_PRESUMED_WHOLE),
        }
    }

    /// Octets of memory that what is read of the maildrop's listing takes.
    pub(super) fn listing_footprint(&self) -> usize {
        match self {
            Self::Status(_) => 0,
            Self::Body(body) => body.listed.as_ref().map_or(0, |listed| listed.footprint()),
        }
    }

    /// It is not read for the listing any more.
    pub(super) fn give_up_listing(&mut self) {
        if let Self::Body(body) = self {
            body.listed = None;
        }
    }

    pub(super) fn is_body(&self) -> bool {
        matches!(self, Self::Body(_))
    }

    /// Whether it is a body that stops at a lone dot, so that it may be whole.
    pub(super) fn stops_at_a_dot(&self) -> bool {
        matches!(self, Self::Body(body) if body.end.stops_at_a_dot())
    }
}

impl Body {
    fn scan(&mut self, expected: Expected, input: &[u8], behind: Behind) -> Scanned {
        let scanned = self.end.scan(input, behind);
        if matches!(expected.to, ReplyTo::List | ReplyTo::Uidl) {
            let octets = &input[..scanned.octets];
            self.entries += memchr_iter(b'\n', octets).count() as u64;
            if expected.to == ReplyTo::Uidl {
                self.uidl.read(octets);
            }
            if let Some(listed) = &mut self.listed {
                listed.read(octets);
            }
        }
        scanned
    }
}

/// What became of the first octets of a piece.
enum TakenIn {
    /// So many of them are good.
    Good(usize),
    /// They are too few to tell.
    TooShort,
}

impl Exchange {
    /// Says what to do with the first octets of `input`, which must not be empty. The caller
    /// does it, sends `out`, and calls again with the rest.
    ///
    /// # Errors
    /// When the backend breaks the protocol; nothing of `input` is to be sent on then.
    pub fn backend_bytes(
        &mut self,
        input: &[u8],
        out: &mut Output,
    ) -> Result<Disposition, Violation> {
        self.take_in(input, false, out)
    }

    /// [`Exchange::backend_bytes`] for octets that it had [held](Disposition::Hold), and that
    /// nothing follows for now.
    ///
    /// # Errors
    /// As there.
    pub fn backend_pauses(
        &mut self,
        held: &[u8],
        out: &mut Output,
    ) -> Result<Disposition, Violation> {
        self.take_in(held, true, out)
    }

    fn take_in(
        &mut self,
        input: &[u8],
        pauses: bool,
        out: &mut Output,
    ) -> Result<Disposition, Violation> {
        self.client_went_on = false;
        self.all_is_read = false;
        let raw = self.opaque.is_some() && self.queue.is_empty();
        if self.unasked.in_line() || (self.sent == 0 && !raw) {
            return self.unasked_line(input, pauses);
        }
        // Behind a command with an unknown reply nothing can be counted: all of it goes on.
        if raw {
            self.opaque.iter_mut().for_each(|o| o.backend_bytes(input));
            return Ok(Disposition::Forward(input.len()));
        }
        self.reply_bytes(input, pauses, out)
    }

    /// Follows replies until `input` is used up, nothing is awaited, an answer of popgate's own is
    /// due between two of them, or one is the client's and the next is not.
    fn reply_bytes(
        &mut self,
        input: &[u8],
        pauses: bool,
        out: &mut Output,
    ) -> Result<Disposition, Violation> {
        let own_answers = out.to_client.len();
        let mut used = 0;
        let mut swallowed = self.swallows();
        while used < input.len() && self.sent > 0 && out.to_client.len() == own_answers {
            let Some(expected) = self.awaited_first() else {
                break;
            };
            if self.swallows() != swallowed {
                if used > 0 {
                    break;
                }
                swallowed = !swallowed;
            }
            match self.part_of_reply(expected, &input[used..], pauses, out) {
                Ok(TakenIn::Good(octets)) => used += octets,
                Ok(TakenIn::TooShort) if used == 0 => return Ok(Disposition::Hold),
                Err(violation) if used == 0 => return Err(violation),
                // What was good goes to the client first; the next call finds it again.
                Ok(TakenIn::TooShort) | Err(_) => break,
            }
        }
        Ok(match swallowed {
            true => Disposition::Swallow(used),
            false => Disposition::Forward(used),
        })
    }

    fn awaited_first(&self) -> Option<Expected> {
        self.queue.front().and_then(|item| item.expected())
    }

    fn part_of_reply(
        &mut self,
        expected: Expected,
        input: &[u8],
        pauses: bool,
        out: &mut Output,
    ) -> Result<TakenIn, Violation> {
        match &mut self.receiving {
            Receiving::Status(begun) => {
                let part = &input[..line_end(input)];
                if let Some(line) = whole_line(begun, part)? {
                    self.status_line(expected, &line, out)?;
                }
                Ok(TakenIn::Good(part.len()))
            }
            Receiving::Body(body) => {
                let behind = Behind {
                    reply: self.sent > 1,
                    nothing: pauses,
                };
                let scanned = body.scan(expected, input, behind);
                if scanned.ended {
                    self.end_body(out);
                // Nothing can be told from a piece that may be the beginning of an end.
                } else if scanned.octets == 0 {
                    return Ok(TakenIn::TooShort);
                }
                Ok(TakenIn::Good(scanned.octets))
            }
        }
    }

    fn status_line(
        &mut self,
        expected: Expected,
        line: &[u8],
        out: &mut Output,
    ) -> Result<(), Violation> {
        if is_blank(line) {
            return self.blank_line();
        }
        let status = Status::of_line(line);
        let error = match status {
            Status::Ok => &b""[..],
            Status::Err => line.trim_ascii_end(),
            // After login no command asks for a challenge.
            Status::Continue | Status::Other => return Err(self.unasked.no_reply()),
        };
        let swallowed = self.swallows();
        if !swallowed {
            out.replied.push(Replied {
                to: expected.to,
                status,
                line: error.to_vec(),
            });
        }
        let ok = status == Status::Ok;
        if expected.to == ReplyTo::Quit {
            self.quit_answered(ok);
        } else if ok {
            if !swallowed {
                self.tally.ok(expected, line);
            }
            if let Some(listed) = &mut self.listed {
                listed.ok(expected, without_end(line));
            }
        }
        self.blank_lines = 0;
        if ok && expected.body {
            let listed = self.listed.as_deref();
            self.receiving = Receiving::Body(Box::new(Body {
                listed: listed.and_then(|listed| listed.body(expected)),
                ..Body::default()
            }));
        } else {
            self.complete(expected, ok, out);
        }
        Ok(())
    }

    /// A blank line where a status line is due: mail programs look past it.
    fn blank_line(&mut self) -> Result<(), Violation> {
        self.blank_lines += 1;
        if self.blank_lines > BLANK_LINES_MAX {
            return Err(Violation::NotAReply);
        }
        Ok(())
    }

    /// The body at the head of the queue is whole.
    pub(super) fn end_body(&mut self, out: &mut Output) {
        let Some(expected) = self.awaited_first() else {
            return;
        };
        if let Receiving::Body(body) = std::mem::take(&mut self.receiving) {
            if !self.swallows() {
                // The last line is the dot's; a body that was presumed whole has none.
                self.tally.body(expected, body.entries.saturating_sub(1));
                if expected.to == ReplyTo::Uidl {
                    self.uidl = Some(body.uidl.finish());
                }
            }
            if let Some(listed) = &mut self.listed {
                listed.body_ended(body.listed);
            }
        }
        self.complete(expected, true, out);
    }

    /// The head of the queue has its whole reply: what waited behind it is due.
    fn complete(&mut self, expected: Expected, ok: bool, out: &mut Output) {
        self.receiving = Receiving::default();
        self.unasked.reply_ended(expected, ok && expected.body);
        if ok && !self.swallows() {
            self.progress.done(expected);
        }
        self.sent -= 1;
        self.sent_bodies -= usize::from(expected.body);
        self.queue.pop_front();
        while let Some(&QueuedReply::Answer(answer)) = self.queue.front() {
            self.write_answer(answer, out);
            self.queue.pop_front();
        }
        // Tens of thousands of sessions rest at a time.
        if self.queue.is_empty() {
            self.queue.shrink_to(QUEUE_KEPT);
        }
        self.release(out);
    }
}

/// The status line of which `begun` has come before and `part` comes now, once it is whole.
fn whole_line<'a>(begun: &mut Vec<u8>, part: &'a [u8]) -> Result<Option<Cow<'a, [u8]>>, Violation> {
    if begun.len() + part.len() > REPLY_LINE_MAX {
        return Err(Violation::ReplyLineTooLong);
    }
    let whole = part.ends_with(b"\n");
    if whole && begun.is_empty() {
        return Ok(Some(Cow::Borrowed(part)));
    }
    begun.extend_from_slice(part);
    Ok(whole.then(|| Cow::Owned(std::mem::take(begun))))
}
