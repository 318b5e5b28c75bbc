//! The backend's half: replies in, each matched to its command.

use super::{Awaited, Exchange, Output, Replied, Step, Violation};
use crate::limits::REPLY_LINE_MAX;
use crate::pop3::multiline::EndScanner;
use crate::pop3::reply::{ReplyTo, Status};
use crate::pop3::verb::Expected;
use memchr::{memchr, memchr_iter};

/// How far the reply at the head of the queue has come.
#[derive(Debug)]
pub(super) enum Receiving {
    /// The octets of its status line so far.
    Status(Vec<u8>),
    Body {
        end: EndScanner,
        lines: u64,
    },
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
            Receiving::Status(_) => self.status_bytes(expected, input, out),
            Receiving::Body { end, lines } => {
                let ended = end.scan(input);
                let octets = ended.unwrap_or(input.len());
                if matches!(expected.to, ReplyTo::List | ReplyTo::Uidl) {
                    *lines += memchr_iter(b'\n', &input[..octets]).count() as u64;
                }
                if ended.is_some() {
                    let entries = *lines;
                    self.tally.body(expected, entries.saturating_sub(1));
                    self.complete(out);
                }
                Ok(octets)
            }
        }
    }

    fn status_bytes(
        &mut self,
        expected: Expected,
        input: &[u8],
        out: &mut Output,
    ) -> Result<usize, Violation> {
        let octets = line_end(input);
        let part = &input[..octets];
        let Receiving::Status(line) = &mut self.receiving else {
            return Ok(0);
        };
        if line.len() + octets > REPLY_LINE_MAX {
            return Err(Violation::ReplyLineTooLong);
        }
        if !part.ends_with(b"\n") {
            line.extend_from_slice(part);
            return Ok(octets);
        }
        if line.is_empty() {
            self.status_line(expected, part, out)?;
        } else {
            let mut line = std::mem::take(line);
            line.extend_from_slice(part);
            self.status_line(expected, &line, out)?;
        }
        Ok(octets)
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
            self.receiving = Receiving::Body {
                end: EndScanner::new(),
                lines: 0,
            };
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
            self.held = bytes::BytesMut::new();
        }
    }
}

/// Octets up to and with the first LF, or all.
fn line_end(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1)
}
