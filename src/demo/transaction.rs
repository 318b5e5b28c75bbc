//! The TRANSACTION state (RFC 1939 section 5): a command in, its whole reply out.

use super::store::Message;
use std::fmt::Display;

/// A command line taken apart. The argument is as typed: a PASS keeps its spaces.
pub(super) struct Command<'a> {
    /// The keyword in capitals.
    pub(super) verb: String,
    pub(super) argument: &'a [u8],
}

impl<'a> Command<'a> {
    /// Takes a line without its end apart.
    pub(super) fn parse(line: &'a [u8]) -> Self {
        let end = line.iter().position(|&b| b == b' ');
        let (verb, argument) = line.split_at(end.unwrap_or(line.len()));
        Self {
            verb: String::from_utf8_lossy(verb).to_ascii_uppercase(),
            argument: argument.strip_prefix(b" ").unwrap_or_default(),
        }
    }
}

/// The maildrop as one session sees it: its messages and numbers do not change.
pub(super) struct Transaction {
    messages: Vec<Message>,
    deleted: Vec<bool>,
}

impl Transaction {
    pub(super) fn new(messages: Vec<Message>) -> Self {
        let deleted = vec![false; messages.len()];
        Self { messages, deleted }
    }

    /// The reply to any command but QUIT and CAPA.
    pub(super) fn answer(&mut self, command: &Command<'_>) -> Vec<u8> {
        let argument = String::from_utf8_lossy(command.argument);
        let argument = argument.trim();
        let reply = match command.verb.as_str() {
            "STAT" => Ok(self.stat()),
            "LIST" => self.listing(argument, |message| message.text.len().to_string()),
            "UIDL" => self.listing(argument, unique_id),
            "RETR" => self.retr(argument),
            "TOP" => self.top(argument),
            "DELE" => self.dele(argument),
            "RSET" => Ok(self.rset()),
            "NOOP" => Ok(line("+OK")),
            _ => Err("Unknown command"),
        };
        reply.unwrap_or_else(|error| line(format!("-ERR {error}")))
    }

    /// The unique ids of what is marked as deleted.
    pub(super) fn deleted(&self) -> Vec<u64> {
        let marked = self.messages.iter().zip(&self.deleted);
        marked
            .filter(|(_, deleted)| **deleted)
            .map(|(message, _)| message.unique_id)
            .collect()
    }

    fn stat(&self) -> Vec<u8> {
        let (count, octets) = self.totals();
        line(format!("+OK {count} {octets}"))
    }

    fn listing(
        &self,
        argument: &str,
        column: impl Fn(&Message) -> String,
    ) -> Result<Vec<u8>, &'static str> {
        if !argument.is_empty() {
            let index = self.find(argument)?;
            let entry = column(&self.messages[index]);
            return Ok(line(format!("+OK {} {entry}", index + 1)));
        }
        let (count, octets) = self.totals();
        let mut reply = line(format!("+OK {count} messages ({octets} octets)"));
        for (index, message) in self.present() {
            reply.extend(line(format!("{} {}", index + 1, column(message))));
        }
        reply.extend_from_slice(b".\r\n");
        Ok(reply)
    }

    fn retr(&self, argument: &str) -> Result<Vec<u8>, &'static str> {
        let text = &self.messages[self.find(argument)?].text;
        let mut reply = line(format!("+OK {} octets", text.len()));
        append_dot_stuffed(&mut reply, text);
        Ok(reply)
    }

    fn top(&self, argument: &str) -> Result<Vec<u8>, &'static str> {
        let (number, lines) = argument.split_once(' ').ok_or("TOP needs two numbers")?;
        let lines = lines.trim().parse().map_err(|_| "TOP needs two numbers")?;
        let text = &self.messages[self.find(number)?].text;
        let mut reply = line("+OK");
        append_dot_stuffed(&mut reply, head(text, lines));
        Ok(reply)
    }

    fn dele(&mut self, argument: &str) -> Result<Vec<u8>, &'static str> {
        let index = self.find(argument)?;
        self.deleted[index] = true;
        Ok(line("+OK Marked as deleted"))
    }

    fn rset(&mut self) -> Vec<u8> {
        self.deleted.fill(false);
        self.stat()
    }

    fn totals(&self) -> (usize, usize) {
        self.present().fold((0, 0), |(count, octets), (_, m)| {
            (count + 1, octets + m.text.len())
        })
    }

    fn present(&self) -> impl Iterator<Item = (usize, &Message)> {
        let all = self.messages.iter().enumerate();
        all.filter(|(index, _)| !self.deleted[*index])
    }

    /// The index of a message that is there and not marked as deleted.
    fn find(&self, number: &str) -> Result<usize, &'static str> {
        let index = number
            .parse::<usize>()
            .ok()
            .and_then(|n| n.checked_sub(1))
            .filter(|&index| index < self.messages.len())
            .ok_or("No such message")?;
        if self.deleted[index] {
            return Err("No such message, it is marked as deleted");
        }
        Ok(index)
    }
}

/// A line with its end.
pub(super) fn line(text: impl Display) -> Vec<u8> {
    format!("{text}\r\n").into_bytes()
}

fn unique_id(message: &Message) -> String {
    format!("demo-{:06}", message.unique_id)
}

/// A message with dots doubled at line starts, and the final dot (RFC 1939 section 3).
fn append_dot_stuffed(reply: &mut Vec<u8>, text: &[u8]) {
    for line in text.split_inclusive(|&b| b == b'\n') {
        if line.starts_with(b".") {
            reply.push(b'.');
        }
        reply.extend_from_slice(line);
    }
    if !text.is_empty() && !text.ends_with(b"\r\n") {
        reply.extend_from_slice(b"\r\n");
    }
    reply.extend_from_slice(b".\r\n");
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

    fn answers(texts: &[&str], commands: &[&str]) -> Vec<String> {
        let messages = texts.iter().zip(1..).map(|(text, unique_id)| Message {
            unique_id,
            text: text.as_bytes().into(),
        });
        let mut transaction = Transaction::new(messages.collect());
        let answer = |command: &&str| transaction.answer(&Command::parse(command.as_bytes()));
        let replies = commands.iter().map(answer);
        replies.map(|r| String::from_utf8(r).unwrap()).collect()
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
        assert_eq!(replies[4..6].concat(), "+OK 2 demo-000002\r\n+OK 2 7\r\n");
        assert!(replies[6].ends_with("\r\n1 demo-000001\r\n2 demo-000002\r\n.\r\n"));
    }

    #[test]
    fn nonsense_is_refused() {
        for command in [
            "RETR", "RETR 0", "RETR 2", "DELE x", "TOP 1", "TOP 1 -1", "XYZ",
        ] {
            assert!(
                answers(&["a\r\n"], &[command])[0].starts_with("-ERR "),
                "{command}"
            );
        }
    }

    #[test]
    fn a_password_keeps_its_spaces() {
        let command = Command::parse(b"pass  a b ");
        assert_eq!(
            (command.verb.as_str(), command.argument),
            ("PASS", &b" a b "[..])
        );
    }
}
