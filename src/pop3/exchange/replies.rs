//! The backend's half: replies in, each matched to its command.

use super::{Awaited, Exchange, Output, Replied, Step, Violation};
use crate::limits::{REPLY_LINE_MAX, UNASKED_MAX};
use crate::pop3::multiline::EndScanner;
use crate::pop3::reply::{ReplyTo, Status};
use crate::pop3::verb::Expected;
use bytes::BytesMut;
use memchr::{memchr, memchr_iter};
use std::borrow::Cow;

/// Room of the queue that an idle session keeps: clients that do not pipeline need no more.
const QUEUE_KEPT: usize = 4;

/// How far the reply at the head of the queue has come.
#[derive(Debug)]
pub(super) enum Receiving {
    /// The octets of its status line so far.
    Status(Vec<u8>),
    Body(Body),
}

#[derive(Debug, Default)]
pub(super) struct Body {
    end: EndScanner,
    /// Lines of a listing, the dot not counted.
    entries: u64,
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
}

impl Body {
    fn scan(&mut self, expected: Expected, input: &[u8]) -> Option<usize> {
        let ended = self.end.scan(input);
        if matches!(expected.to, ReplyTo::List | ReplyTo::Uidl) {
            let octets = ended.unwrap_or(input.len());
            self.entries += memchr_iter(b'\n', &input[..octets]).count() as u64;
            self.entries -= u64::from(ended.is_some());
        }
        ended
    }
}

impl Exchange {
    /// Says what to do with the first octets of `input`, which must not be empty. The caller
    /// does it, sends `out`, and calls again with the rest.
    ///
    /// # Errors
    /// When the backend breaks the protocol; nothing of `input` is to be sent on then.
    pub fn backend_bytes(&mut self, input: &[u8], out: &mut Output) -> Result<Step, Violation> {
        let unasked = self.queue.is_empty() && self.opaque.is_none();
        if self.stray || unasked {
            let octets = if unasked {
                input.len()
            } else {
                line_end(input)
            };
            self.stray = !input[..octets].ends_with(b"\n");
            self.unasked += octets;
            if self.unasked > UNASKED_MAX {
                return Err(Violation::Unasked);
            }
            return Ok(Step::Swallow(octets));
        }
        if self.queue.is_empty() {
            self.opaque.iter_mut().for_each(|o| o.backend_bytes(input));
            return Ok(Step::Forward(input.len()));
        }
        self.reply_bytes(input, out).map(Step::Forward)
    }

    /// Follows replies until `input` is used up, nothing is awaited, or an answer of popgate's
    /// own is due between two of them.
    fn reply_bytes(&mut self, input: &[u8], out: &mut Output) -> Result<usize, Violation> {
        let own_answers = out.to_client.len();
        let mut used = 0;
        while used < input.len() && out.to_client.len() == own_answers {
            let Some(&Awaited::Reply(expected)) = self.queue.front() else {
                break;
            };
            match self.part_of_reply(expected, &input[used..], out) {
                Ok(octets) => used += octets,
                Err(violation) if used == 0 => return Err(violation),
                // What was good goes to the client first; the next call finds it again.
                Err(_) => break,
            }
        }
        Ok(used)
    }

    fn part_of_reply(
        &mut self,
        expected: Expected,
        input: &[u8],
        out: &mut Output,
    ) -> Result<usize, Violation> {
        match &mut self.receiving {
            Receiving::Status(begun) => {
                let part = &input[..line_end(input)];
                if let Some(line) = whole_line(begun, part)? {
                    self.status_line(expected, &line, out)?;
                }
                Ok(part.len())
            }
            Receiving::Body(body) => {
                let Some(octets) = body.scan(expected, input) else {
                    return Ok(input.len());
                };
                self.tally.body(expected, body.entries);
                self.complete(out);
                Ok(octets)
            }
        }
    }

    fn status_line(
        &mut self,
        expected: Expected,
        line: &[u8],
        out: &mut Output,
    ) -> Result<(), Violation> {
        let status = Status::of_line(line);
        let error = match status {
            Status::Ok => &b""[..],
            Status::Err => line.trim_ascii_end(),
            Status::Continue | Status::Other => return Err(Violation::NotAReply),
        };
        out.replied.push(Replied {
            to: expected.to,
            status,
            line: error.to_vec(),
        });
        let ok = status == Status::Ok;
        if expected.to == ReplyTo::Quit {
            self.quit_answered(ok);
        } else if ok {
            self.tally.ok(expected, line);
        }
        if ok && expected.body {
            self.receiving = Receiving::Body(Body::default());
        } else {
            self.complete(out);
        }
        Ok(())
    }

    /// The head of the queue has its whole reply: what waited behind it is due.
    fn complete(&mut self, out: &mut Output) {
        self.receiving = Receiving::default();
        self.queue.pop_front();
        while let Some(&Awaited::Answer(answer)) = self.queue.front() {
            self.write_answer(answer, out);
            self.queue.pop_front();
        }
        if self.queue.is_empty() {
            self.queue.shrink_to(QUEUE_KEPT);
        }
        self.release(out);
    }

    /// Lets the next held line go; or all that is held, where no reply is awaited any more and
    /// the session is opaque from here on.
    fn release(&mut self, out: &mut Output) {
        let octets = if self.queue.is_empty() {
            self.held.len()
        } else {
            line_end(&self.held)
        };
        out.to_backend
            .extend_from_slice(&self.held.split_to(octets));
        if self.held.is_empty() {
            self.held = BytesMut::new();
        }
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

/// Octets up to and with the first LF, or all.
fn line_end(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1)
}
