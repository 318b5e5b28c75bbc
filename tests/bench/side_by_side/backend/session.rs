//! One POP3 session of the synthetic backend: what a line is answered with.

use super::mail::Mail;
use super::maildrops::{LOCKING, Maildrops};
use popgate::time::Instant;
use std::sync::Arc;

pub(crate) const GREETING: &[u8] = b"+OK ready\r\n";
const CAPABILITIES: &[u8] =
    b"+OK\r\nUSER\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n.\r\n";
const STAT: &[u8] = b"+OK 2 1030000\r\n";
const LIST: &[u8] = b"+OK\r\n1 30000\r\n2 1000000\r\n.\r\n";
const UIDL: &[u8] = b"+OK\r\n1 first.1747913\r\n2 second.1747914\r\n.\r\n";
const LOCKED: &[u8] = b"-ERR [IN-USE] Unable to lock maildrop\r\n";

/// What goes back for a line.
pub(crate) enum Answer {
    Short(&'static [u8]),
    Message(Arc<[u8]>),
    /// The last one: the connection is closed behind it.
    Goodbye,
}

/// The state of a session; any user and any password.
#[derive(Default)]
pub(crate) struct Session {
    user: Vec<u8>,
    /// The locking maildrop that it is in.
    locked: Option<Vec<u8>>,
}

impl Session {
    /// `line` is without its CRLF.
    pub(crate) fn answer(&mut self, line: &[u8], mail: &Mail, maildrops: &mut Maildrops) -> Answer {
        let word = line.split(|&b| b == b' ').next().unwrap_or_default();
        let argument = line.get(word.len() + 1..).unwrap_or_default();
        let ok = Answer::Short(b"+OK\r\n");
        match word.to_ascii_uppercase().as_slice() {
            b"USER" => {
                argument.clone_into(&mut self.user);
                ok
            }
            b"PASS" => self.pass(maildrops),
            b"STAT" => Answer::Short(STAT),
            b"LIST" => Answer::Short(LIST),
            b"UIDL" => Answer::Short(UIDL),
            b"CAPA" => Answer::Short(CAPABILITIES),
            b"RETR" => mail
                .answer(argument)
                .map_or(Answer::Short(b"-ERR no such message\r\n"), Answer::Message),
            b"DELE" | b"NOOP" | b"RSET" => ok,
            b"QUIT" => Answer::Goodbye,
            _ => Answer::Short(b"-ERR unknown command\r\n"),
        }
    }

    fn pass(&mut self, maildrops: &mut Maildrops) -> Answer {
        if !self.user.starts_with(LOCKING) {
            return Answer::Short(b"+OK\r\n");
        }
        if !maildrops.enter(&self.user, Instant::now()) {
            return Answer::Short(LOCKED);
        }
        self.locked = Some(self.user.clone());
        Answer::Short(b"+OK\r\n")
    }

    /// The connection is closed, or about to be.
    pub(crate) fn end(&mut self, maildrops: &mut Maildrops) {
        if let Some(login) = self.locked.take() {
            maildrops.leave(&login, Instant::now());
        }
    }
}
