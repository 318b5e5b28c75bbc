//! The client's half: command lines in, forwarded, held back or answered.

use super::{Answer, Awaited, Exchange, Opaque, Output, Quit};
use crate::limits::COMMAND_LINE_MAX;
use crate::pop3::line::Line;
use crate::pop3::reply::ReplyTo;
use crate::pop3::verb::{Expected, Verb};
use bytes::BytesMut;

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
        while self.quit == Quit::None {
            if self.opaque.is_some() {
                return self.client_raw(&input, out);
            }
            let Some(line) = self.lines.next(&mut input, COMMAND_LINE_MAX) else {
                // A copy, so that an idle session does not keep the room of a whole read.
                self.partial = BytesMut::from(&input[..]);
                return;
            };
            self.client_line(&line, out);
        }
    }

    fn with_partial(&mut self, input: &[u8]) -> BytesMut {
        let mut joined = std::mem::take(&mut self.partial);
        joined.extend_from_slice(input);
        joined
    }

    fn client_line(&mut self, line: &Line, out: &mut Output) {
        self.tally.commands += 1;
        let text = match line {
            Line::Text(text) => text,
            Line::TooLong => return self.answer(Answer::Refusal(TOO_LONG), out),
            Line::Malformed => return self.answer(Answer::Refusal(MALFORMED), out),
        };
        match Verb::of_line(text) {
            Verb::Forward(expected) => self.forward(expected, text, out),
            Verb::Capa => self.answer(Answer::Capa, out),
            Verb::Refused(refusal) => self.answer(Answer::Refusal(refusal), out),
            Verb::Unknown => {
                self.opaque = Some(Opaque::default());
                self.send_line(text, out);
            }
        }
    }

    fn forward(&mut self, expected: Expected, line: &[u8], out: &mut Output) {
        if expected.to == ReplyTo::Quit {
            self.quit = Quit::Sent;
        }
        // Servers differ on whether `LIST ` has an argument, and so on where its reply ends.
        self.send_line(line.trim_ascii_end(), out);
        self.queue.push_back(Awaited::Reply(expected));
    }

    fn send_line(&mut self, line: &[u8], out: &mut Output) {
        self.send(line, out);
        self.send(b"\r\n", out);
    }

    fn send(&mut self, bytes: &[u8], out: &mut Output) {
        if self.options.pipelining || self.queue.is_empty() {
            out.to_backend.extend_from_slice(bytes);
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    fn answer(&mut self, answer: Answer, out: &mut Output) {
        if self.queue.is_empty() {
            self.write_answer(answer, out);
        } else {
            self.queue.push_back(Awaited::Answer(answer));
        }
    }

    pub(super) fn write_answer(&self, answer: Answer, out: &mut Output) {
        out.to_client.extend_from_slice(match answer {
            Answer::Capa => &self.options.capa_reply,
            Answer::Refusal(line) => line.as_bytes(),
        });
    }

    fn client_raw(&mut self, input: &[u8], out: &mut Output) {
        let Some(opaque) = &mut self.opaque else {
            return;
        };
        let (input, tail) = input.split_at(input.len() - opaque.perhaps_quit(input));
        let quit_end = opaque.client_bytes(input);
        if quit_end.is_some() {
            self.quit = Quit::Sent;
        }
        self.partial = BytesMut::from(tail);
        let passing = &input[..quit_end.unwrap_or(input.len())];
        self.tally.commands += memchr::memchr_iter(b'\n', passing).count() as u64;
        self.send(passing, out);
    }
}
