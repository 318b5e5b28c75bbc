//! A connection of the synthetic backend: lines in, answers out, no more than the socket takes.

use super::mail::Mail;
use super::maildrops::Maildrops;
use super::session::{Answer, GREETING, Session};
use crate::poller::Interest;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Longer than a burst of commands that a proxy sends ahead.
const READ_MAX: usize = 4_096;

pub(crate) struct Connection {
    stream: TcpStream,
    session: Session,
    /// What came and ends no line yet.
    input: Vec<u8>,
    /// Short answers that were not sent yet.
    output: Vec<u8>,
    /// A message that is being sent behind `output`, and how far it is.
    message: Option<(Arc<[u8]>, usize)>,
    is_last: bool,
}

pub(crate) enum Progress {
    Open,
    Over,
}

impl Connection {
    pub(crate) fn greet(mut stream: TcpStream) -> io::Result<Self> {
        // A new connection takes a greeting at once.
        stream.write_all(GREETING)?;
        Ok(Self {
            stream,
            session: Session::default(),
            input: Vec::new(),
            output: Vec::new(),
            message: None,
            is_last: false,
        })
    }

    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn interest(&self) -> Interest {
        if self.is_sending() {
            Interest::Write
        } else {
            Interest::Read
        }
    }

    /// Reads what is there, answers it, and sends as much as goes.
    pub(crate) fn proceed(
        &mut self,
        mail: &Mail,
        maildrops: &mut Maildrops,
    ) -> io::Result<Progress> {
        if !self.is_sending() {
            let mut buffer = [0; READ_MAX];
            let count = self.stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(Progress::Over);
            }
            self.input.extend_from_slice(&buffer[..count]);
        }
        loop {
            self.answer_lines(mail, maildrops);
            if !self.send()? {
                return Ok(Progress::Open);
            }
            if self.is_last {
                return Ok(Progress::Over);
            }
            if !self.input.contains(&b'\n') {
                return Ok(Progress::Open);
            }
        }
    }

    pub(crate) fn end(&mut self, maildrops: &mut Maildrops) {
        self.session.end(maildrops);
    }

    const fn is_sending(&self) -> bool {
        !self.output.is_empty() || self.message.is_some()
    }

    /// Up to a message: what is behind it is answered when it is sent.
    fn answer_lines(&mut self, mail: &Mail, maildrops: &mut Maildrops) {
        let mut start = 0;
        while self.message.is_none() && !self.is_last {
            let Some(length) = self.input[start..].iter().position(|&b| b == b'\n') else {
                break;
            };
            let line = self.input[start..start + length].trim_ascii_end();
            match self.session.answer(line, mail, maildrops) {
                Answer::Short(answer) => self.output.extend_from_slice(answer),
                Answer::Message(answer) => self.message = Some((answer, 0)),
                Answer::Goodbye => {
                    self.output.extend_from_slice(b"+OK bye\r\n");
                    self.is_last = true;
                }
            }
            start += length + 1;
        }
        self.input.drain(..start);
    }

    /// Whether all of it went.
    fn send(&mut self) -> io::Result<bool> {
        while !self.output.is_empty() {
            let Some(count) = written(self.stream.write(&self.output))? else {
                return Ok(false);
            };
            self.output.drain(..count);
        }
        while let Some((message, sent)) = &mut self.message {
            let Some(count) = written(self.stream.write(&message[*sent..]))? else {
                return Ok(false);
            };
            *sent += count;
            if *sent == message.len() {
                self.message = None;
            }
        }
        Ok(true)
    }
}

/// How many octets went; none where the socket is full.
fn written(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
