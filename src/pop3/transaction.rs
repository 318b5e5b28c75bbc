//! The server's side of the TRANSACTION state (RFC 1939 section 5): a command line in, its whole
//! reply out, over any maildrop.

use crate::pop3::listing::MessageNumber;
use crate::pop3::multiline::append_body;
use crate::pop3::reply::reply_line;
use std::fmt::Display;

/// What is in a maildrop. It does not change during a session: numbers stay (RFC 1939 section 5).
pub trait Maildrop {
    /// How many messages there are, marked as deleted or not. Numbers go from 1 to this.
    fn messages(&self) -> usize;
    /// The size of a message.
    fn octets(&self, number: MessageNumber) -> u64;
    /// Its unique-id (section 7).
    fn unique_id(&self, number: MessageNumber) -> String;
    /// All of it, in lines that end in CRLF.
    fn text(&self, number: MessageNumber) -> &[u8];
}

/// A command of the TRANSACTION state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionCommand {
    /// STAT.
    Stat,
    /// LIST, of all messages or of one.
    List(Option<MessageNumber>),
    /// UIDL, of all messages or of one.
    Uidl(Option<MessageNumber>),
    /// RETR.
    Retr(MessageNumber),
    /// TOP.
    Top {
        /// The message.
        number: MessageNumber,
        /// How many lines of its body.
        lines: usize,
    },
    /// DELE.
    Dele(MessageNumber),
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
}

/// Why a command is refused: the client's fault. The text fits behind `-ERR `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// It is none of this state.
    #[error("Unknown command")]
    Unknown,
    /// TOP has not a number and a count of lines behind it.
    #[error("TOP needs two numbers")]
    TopArguments,
    /// There is no message of that number, or what should be one is no number.
    #[error("No such message")]
    NoSuchMessage,
    /// The message is marked as deleted.
    #[error("No such message, it is marked as deleted")]
    Deleted,
}

impl TransactionCommand {
    /// Reads a line without its end. ASCII case of the keyword does not matter.
    ///
    /// # Errors
    /// It is no command of this state, or lacks the numbers that it needs.
    pub fn parse(line: &[u8]) -> Result<Self, TransactionError> {
        let at = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (keyword, rest) = line.split_at(at);
        let argument = rest.trim_ascii();
        match keyword.to_ascii_uppercase().as_slice() {
            b"STAT" => Ok(Self::Stat),
            b"LIST" => Ok(Self::List(optional_number(argument)?)),
            b"UIDL" => Ok(Self::Uidl(optional_number(argument)?)),
            b"RETR" => Ok(Self::Retr(number(argument)?)),
            b"TOP" => top(argument),
            b"DELE" => Ok(Self::Dele(number(argument)?)),
            b"RSET" => Ok(Self::Rset),
            b"NOOP" => Ok(Self::Noop),
            b"QUIT" => Ok(Self::Quit),
            _ => Err(TransactionError::Unknown),
        }
    }
}

fn optional_number(argument: &[u8]) -> Result<Option<MessageNumber>, TransactionError> {
    if argument.is_empty() {
        return Ok(None);
    }
    number(argument).map(Some)
}

fn number(argument: &[u8]) -> Result<MessageNumber, TransactionError> {
    MessageNumber::parse(argument).ok_or(TransactionError::NoSuchMessage)
}

fn top(argument: &[u8]) -> Result<TransactionCommand, TransactionError> {
    let space = memchr::memchr(b' ', argument).ok_or(TransactionError::TopArguments)?;
    let lines = std::str::from_utf8(argument[space..].trim_ascii())
        .ok()
        .and_then(|lines| lines.parse().ok())
        .ok_or(TransactionError::TopArguments)?;
    let number = number(&argument[..space])?;
    Ok(TransactionCommand::Top { number, lines })
}

/// What a server does with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionStep {
    /// It sends this, and the session goes on.
    Reply(Vec<u8>),
    /// It enters the UPDATE state: removes these messages, answers whether that went well, and
    /// closes (RFC 1939 section 6).
    Update(Vec<MessageNumber>),
}

/// A session in the TRANSACTION state: a maildrop, and which of its messages are marked.
#[derive(Clone, Debug)]
pub struct Transaction<M> {
    maildrop: M,
    deleted: Vec<bool>,
}

impl<M: Maildrop> Transaction<M> {
    /// A session that has marked nothing yet.
    #[must_use]
    pub fn new(maildrop: M) -> Self {
        let deleted = vec![false; maildrop.messages()];
        Self { maildrop, deleted }
    }

    /// What the session works on.
    #[must_use]
    pub fn maildrop(&self) -> &M {
        &self.maildrop
    }

    /// Takes a command line without its end.
    pub fn answer(&mut self, line: &[u8]) -> TransactionStep {
        let step = TransactionCommand::parse(line).and_then(|command| self.execute(command));
        step.unwrap_or_else(|error| TransactionStep::Reply(reply_line(format!("-ERR {error}"))))
    }

    fn execute(
        &mut self,
        command: TransactionCommand,
    ) -> Result<TransactionStep, TransactionError> {
        let reply = match command {
            TransactionCommand::Stat => self.stat(),
            TransactionCommand::List(number) => self.list(number, |n| self.maildrop.octets(n))?,
            TransactionCommand::Uidl(number) => {
                self.list(number, |n| self.maildrop.unique_id(n))?
            }
            TransactionCommand::Retr(number) => self.retr(number)?,
            TransactionCommand::Top { number, lines } => self.top(number, lines)?,
            TransactionCommand::Dele(number) => self.dele(number)?,
            TransactionCommand::Rset => self.rset(),
            TransactionCommand::Noop => reply_line("+OK"),
            // What QUIT answers depends on whether UPDATE goes well, which is the server's to see.
            TransactionCommand::Quit => return Ok(TransactionStep::Update(self.marked())),
        };
        Ok(TransactionStep::Reply(reply))
    }

    fn stat(&self) -> Vec<u8> {
        let (count, octets) = self.totals();
        reply_line(format!("+OK {count} {octets}"))
    }

    /// LIST and UIDL differ in what stands behind the number.
    fn list<T: Display>(
        &self,
        number: Option<MessageNumber>,
        column: impl Fn(MessageNumber) -> T,
    ) -> Result<Vec<u8>, TransactionError> {
        if let Some(number) = number {
            self.check(number)?;
            return Ok(reply_line(format!("+OK {number} {}", column(number))));
        }
        let (count, octets) = self.totals();
        let mut reply = reply_line(format!("+OK {count} messages ({octets} octets)"));
        for number in self.present() {
            reply.extend(reply_line(format!("{number} {}", column(number))));
        }
        reply.extend_from_slice(b".\r\n");
        Ok(reply)
    }

    fn retr(&self, number: MessageNumber) -> Result<Vec<u8>, TransactionError> {
        self.check(number)?;
        let text = self.maildrop.text(number);
        let mut reply = reply_line(format!("+OK {} octets", text.len()));
        append_body(&mut reply, text);
        Ok(reply)
    }

    fn top(&self, number: MessageNumber, lines: usize) -> Result<Vec<u8>, TransactionError> {
        self.check(number)?;
        let mut reply = reply_line("+OK");
        append_body(&mut reply, head(self.maildrop.text(number), lines));
        Ok(reply)
    }

    fn dele(&mut self, number: MessageNumber) -> Result<Vec<u8>, TransactionError> {
        self.check(number)?;
        self.deleted[number.index()] = true;
        Ok(reply_line("+OK Marked as deleted"))
    }

    /// The answer is STAT's: RFC 1939's example says how many messages there are again.
    fn rset(&mut self) -> Vec<u8> {
        self.deleted.fill(false);
        self.stat()
    }

    fn totals(&self) -> (usize, u64) {
        self.present().fold((0, 0), |(count, octets), number| {
            (count + 1, octets + self.maildrop.octets(number))
        })
    }

    fn present(&self) -> impl Iterator<Item = MessageNumber> {
        self.numbers(false)
    }

    fn marked(&self) -> Vec<MessageNumber> {
        self.numbers(true).collect()
    }

    fn numbers(&self, deleted: bool) -> impl Iterator<Item = MessageNumber> {
        self.deleted
            .iter()
            .enumerate()
            .filter(move |(_, is_deleted)| **is_deleted == deleted)
            .filter_map(|(index, _)| MessageNumber::from_index(index))
    }

    /// Whether the message is there and not marked as deleted.
    fn check(&self, number: MessageNumber) -> Result<(), TransactionError> {
        match self.deleted.get(number.index()) {
            None => Err(TransactionError::NoSuchMessage),
            Some(true) => Err(TransactionError::Deleted),
            Some(false) => Ok(()),
        }
    }
}

/// The header, the empty line, and `lines` lines of the body (RFC 1939 section 7, TOP).
fn head(text: &[u8], lines: usize) -> &[u8] {
    let header = memchr::memmem::find(text, b"\r\n\r\n").map_or(text.len(), |at| at + 4);
    let body = text[header..].split_inclusive(|&b| b == b'\n');
    let taken: usize = body.take(lines).map(<[u8]>::len).sum();
    &text[..header + taken]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages by their text; the unique-id is made of the number.
    struct Texts(Vec<&'static str>);

    impl Maildrop for Texts {
        fn messages(&self) -> usize {
            self.0.len()
        }

        fn octets(&self, number: MessageNumber) -> u64 {
            self.text(number).len() as u64
        }

        fn unique_id(&self, number: MessageNumber) -> String {
            format!("id-{number}")
        }

        fn text(&self, number: MessageNumber) -> &[u8] {
            self.0[number.index()].as_bytes()
        }
    }

    fn reply(transaction: &mut Transaction<Texts>, line: &str) -> String {
        match transaction.answer(line.as_bytes()) {
            TransactionStep::Reply(octets) => String::from_utf8(octets).unwrap(),
            TransactionStep::Update(numbers) => panic!("{line}: {numbers:?}"),
        }
    }

    fn answers(texts: &[&'static str], commands: &[&str]) -> Vec<String> {
        let mut transaction = Transaction::new(Texts(texts.to_vec()));
        let mut replies = Vec::new();
        for command in commands {
            replies.push(reply(&mut transaction, command));
        }
        replies
    }

    #[test]
    fn dots_at_line_starts_are_doubled() {
        let replies = answers(&["A: b\r\n\r\n.x\r\n..\r\n.\r\n"], &["RETR 1", "TOP 1 1"]);
        assert_eq!(
            replies[0],
            "+OK 19 octets\r\nA: b\r\n\r\n..x\r\n...\r\n..\r\n.\r\n"
        );
        assert_eq!(replies[1], "+OK\r\nA: b\r\n\r\n..x\r\n.\r\n");
    }

    #[test]
    fn a_deleted_message_is_gone_until_rset_and_numbers_stay() {
        let commands = ["DELE 1", "STAT", "LIST", "RETR 1", "UIDL 2", "rset", "UIDL"];
        let replies = answers(&["a\r\n", "bb\r\n"], &commands);
        assert_eq!(
            replies[1..3].concat(),
            "+OK 1 4\r\n+OK 1 messages (4 octets)\r\n2 4\r\n.\r\n"
        );
        assert_eq!(
            replies[3],
            "-ERR No such message, it is marked as deleted\r\n"
        );
        assert_eq!(replies[4..6].concat(), "+OK 2 id-2\r\n+OK 2 7\r\n");
        assert!(replies[6].ends_with("\r\n1 id-1\r\n2 id-2\r\n.\r\n"));
    }

    #[test]
    fn nonsense_is_refused() {
        for (command, error) in [
            ("RETR", TransactionError::NoSuchMessage),
            ("RETR 0", TransactionError::NoSuchMessage),
            ("RETR 2", TransactionError::NoSuchMessage),
            ("DELE x", TransactionError::NoSuchMessage),
            ("LIST -1", TransactionError::NoSuchMessage),
            ("TOP 1", TransactionError::TopArguments),
            ("TOP 1 -1", TransactionError::TopArguments),
            ("TOP 0 1", TransactionError::NoSuchMessage),
            ("XYZ", TransactionError::Unknown),
            ("", TransactionError::Unknown),
            ("PASS x", TransactionError::Unknown),
        ] {
            let replies = answers(&["a\r\n"], &[command]);
            assert_eq!(replies, [format!("-ERR {error}\r\n")], "{command}");
        }
    }

    #[test]
    fn one_message_is_listed_in_the_status_line() {
        let replies = answers(
            &["a\r\n", "bb\r\n"],
            &["LIST 2", "uidl 1 ", "LIST 3", "NOOP"],
        );
        let expected = "+OK 2 4\r\n+OK 1 id-1\r\n-ERR No such message\r\n+OK\r\n";
        assert_eq!(replies.concat(), expected);
    }

    #[test]
    fn quit_leads_to_update_with_what_is_marked() {
        let mut transaction = Transaction::new(Texts(vec!["a\r\n", "b\r\n", "c\r\n"]));
        assert_eq!(transaction.answer(b"QUIT"), TransactionStep::Update(vec![]));
        reply(&mut transaction, "DELE 3");
        reply(&mut transaction, "DELE 1");
        let marked = [0, 2].map(|index| MessageNumber::from_index(index).unwrap());
        let update = TransactionStep::Update(marked.to_vec());
        assert_eq!(transaction.answer(b"quit"), update);
    }
}
