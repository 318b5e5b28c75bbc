//! The client's half: command lines in, forwarded, held back or answered.

use super::queue::{OwnAnswer, QueuedReply};
use super::unasked::line_end;
use super::{Exchange, Output, Quit};
use crate::limits::COMMAND_LINE_MAX;
use crate::pop3::keyword::Keyword;
use crate::pop3::line::Line;
use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::{Expected, Verb};
use crate::program::Step;
use bytes::BytesMut;
use std::collections::VecDeque;

const TOO_LONG: &str = "-ERR Line too long\r\n";
const MALFORMED: &str = "-ERR Line holds a NUL or a stray CR\r\n";

impl Exchange {
    /// Takes bytes of the client in any pieces. Whole lines go to `out.to_backend`, ending in
    /// CRLF, or are held back, or are answered by popgate in their place. What comes behind QUIT
    /// is thrown away.
    ///
    /// All of `input` is taken; the caller keeps to
    /// [`wants_client_bytes`](Self::wants_client_bytes) before each read of at most
    /// [`RELAY_CHUNK`](crate::limits::RELAY_CHUNK) octets.
    pub fn client_bytes(&mut self, input: &[u8], out: &mut Output) {
        let mut input = self.with_partial(input);
        self.count_whole_listings_due();
        let mut came_with_another = false;
        while self.quit == Quit::None {
            // From here on no line is known to be a command: it may be the body of one.
            if self.opaque.is_some() {
                return self.client_raw(&input, out);
            }
            let Some(line) = self.lines.next(&mut input, COMMAND_LINE_MAX) else {
                // A copy, so that an idle session does not keep the room of a whole read.
                self.partial = BytesMut::from(&input[..]);
                return;
            };
            self.client_line(&line, came_with_another, out);
            came_with_another = true;
        }
    }

    fn with_partial(&mut self, input: &[u8]) -> BytesMut {
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(input);
        joined
    }

    /// `came_with_another`: it was there already when popgate took in the line before it.
    fn client_line(&mut self, line: &Line, came_with_another: bool, out: &mut Output) {
        self.tally.commands += 1;
        self.client_goes_on(out);
        let text = match line {
            Line::Text(text) => text,
            Line::TooLong => return self.answer(OwnAnswer::Refusal(TOO_LONG), out),
            Line::Malformed => return self.answer(OwnAnswer::Refusal(MALFORMED), out),
        };
        self.last_command = Some(Keyword::of_line(text));
        let sent_ahead = came_with_another || self.client_awaits_something();
        self.trace.push(Step::of_line(text), sent_ahead);
        let verb = Verb::of_line(text);
        let shown = self.options.shown.as_ref();
        if let Some(answer) = shown.and_then(|shown| shown.answer(verb)) {
            let answer = self.within_bounds(answer);
            return self.answer(answer, out);
        }
        match verb {
            Verb::Forward(expected) => self.forward(expected, text, out),
            Verb::Capa => self.answer(OwnAnswer::Capa, out),
            Verb::Refused(refusal) => self.answer(OwnAnswer::Refusal(refusal), out),
            Verb::Unknown => {
                self.opaque = Some(Box::default());
                self.progress.raw_line(text);
                self.send_raw(&[text.as_slice(), b"\r\n"].concat(), out);
            }
        }
    }

    /// The client says something. If it awaits one reply alone, whose body stops at a lone dot and
    /// which it has whole, then that was the end of it: for a program that reads line by line.
    fn client_goes_on(&mut self, out: &mut Output) {
        if self.queue.len() != 1 || !self.receiving.has_begun() {
            self.client_pipelines |= self.client_awaits_something();
            return;
        }
        if self.receiving.stops_at_a_dot() && self.all_is_read {
            self.end_body(out);
        } else {
            // A client that pipelines may have sent this before it saw anything.
            self.client_went_on = !self.client_pipelines;
        }
    }

    pub(super) fn client_awaits_something(&self) -> bool {
        self.queue.iter().any(|item| !item.is_swallowed())
    }

    fn forward(&mut self, expected: Expected, line: &[u8], out: &mut Output) {
        match expected.to {
            // What comes behind QUIT is nothing that any server would answer.
            ReplyTo::Quit => {
                self.ask_before_quit();
                self.quit = Quit::Sent;
            }
            ReplyTo::Retr | ReplyTo::Top | ReplyTo::Dele => self.ask_before_fetch(),
            _ => {}
        }
        // Servers differ on whether `LIST ` has an argument, and so on where its reply ends.
        self.held.extend_from_slice(line.trim_ascii_end());
        self.held.extend_from_slice(b"\r\n");
        self.unsent.push_back(expected);
        self.queue.push_back(QueuedReply::Reply(expected));
        self.release(out);
    }

    /// Lets go to the backend what is held and may.
    pub(super) fn release(&mut self, out: &mut Output) {
        while let Some(&expected) = self.unsent.front() {
            if self.must_wait(expected) {
                return;
            }
            self.unsent.pop_front();
            self.sent += 1;
            self.sent_bodies += usize::from(expected.body);
            self.sent_deletion |= expected.to == ReplyTo::Dele;
            let octets = line_end(&self.held);
            out.to_backend
                .extend_from_slice(&self.held.split_to(octets));
        }
        // What is left is raw.
        if self.options.pipelining || self.queue.is_empty() {
            out.to_backend.extend_from_slice(&self.held);
            self.held.clear();
        }
        if self.held.is_empty() {
            // An idle session keeps no room.
            (self.held, self.unsent) = (BytesMut::new(), VecDeque::new());
        }
    }

    /// To a backend without PIPELINING commands go one at a time. What changes deletions waits, at
    /// every backend, until each body before it is whole beyond doubt: a program that was misled
    /// about a message must not delete it. QUIT also waits for the next answer behind a body, where
    /// one is due: what the backend still had to say of that body would come before.
    fn must_wait(&self, expected: Expected) -> bool {
        let in_doubt = self.sent_bodies > 0
            || self.unasked.more_may_come()
            || (expected.to == ReplyTo::Quit && self.sent > 0 && self.unasked.is_behind_body());
        let one_by_one = !self.options.pipelining && self.sent > 0;
        one_by_one || (expected.changes_deletions() && in_doubt)
    }

    fn send_raw(&mut self, bytes: &[u8], out: &mut Output) {
        self.held.extend_from_slice(bytes);
        self.release(out);
    }

    fn answer(&mut self, answer: OwnAnswer, out: &mut Output) {
        if self.queue.is_empty() {
            self.write_answer(answer, out);
        } else {
            self.queue.push_back(QueuedReply::Answer(answer));
        }
    }

    pub(super) fn write_answer(&mut self, answer: OwnAnswer, out: &mut Output) {
        match answer {
            OwnAnswer::Capa => out.to_client.extend_from_slice(&self.options.capa_reply),
            OwnAnswer::Refusal(line) => {
                out.to_client.extend_from_slice(line.as_bytes());
                out.refusal = Some(line);
            }
            OwnAnswer::Listing(expected) => self.write_listing(expected, out),
        }
    }

    fn client_raw(&mut self, input: &[u8], out: &mut Output) {
        let Some(opaque) = &mut self.opaque else {
            return;
        };
        let (input, tail) = input.split_at(input.len() - opaque.perhaps_quit(input));
        let quit_end = opaque.client_bytes(input, &mut self.progress);
        if quit_end.is_some() {
            self.quit = Quit::Sent;
        }
        // A client that vanishes must not have said QUIT by half: servers may take it for whole.
        self.partial = BytesMut::from(tail);
        let passing = &input[..quit_end.unwrap_or(input.len())];
        self.tally.commands += memchr::memchr_iter(b'\n', passing).count() as u64;
        self.send_raw(passing, out);
    }
}
