//! A maildrop as one session must see it: the reply to each command, octet for octet. Where sessions
//! stand on listings their status lines are popgate's words at times, and the server's at others.

use crate::site::Site;
use popgate::pop3::listing::UniqueIdListing;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a session knows.
pub(crate) struct View {
    site: Arc<Site>,
    user: usize,
    /// How many messages there are, where the server has said that.
    count: Option<usize>,
    /// The unique ids in order, once UIDL told them.
    ids: Vec<usize>,
    deleted: BTreeSet<usize>,
}

/// A reply that is expected.
pub(crate) enum Expected {
    Exactly(Vec<u8>),
    /// `+OK` in whichever words, and this behind the line.
    Body(Vec<u8>),
    /// One line that begins so.
    Line(&'static str),
    /// A list whose first line begins so.
    List(&'static str),
}

impl Expected {
    /// What popgate says to it while the client is not logged in.
    pub(crate) fn before_login(command: &str) -> Self {
        match command.split(' ').next() {
            Some("QUIT") => Self::Line("+OK Goodbye"),
            Some("CAPA") => Self::List("+OK"),
            Some("USER") => Self::Line("+OK Send PASS"),
            _ => Self::Line("-ERR"),
        }
    }

    pub(crate) fn is_multiline(&self) -> bool {
        match self {
            Self::Exactly(reply) => reply.ends_with(b"\r\n.\r\n"),
            Self::Line(_) => false,
            Self::Body(_) | Self::List(_) => true,
        }
    }

    pub(crate) fn fits(&self, reply: &[u8]) -> bool {
        match self {
            Self::Exactly(expected) => reply == expected,
            Self::Body(expected) => {
                let (status, body) = split_status(reply);
                status.starts_with(b"+OK") && body == expected
            }
            Self::Line(start) | Self::List(start) => reply.starts_with(start.as_bytes()),
        }
    }

    pub(crate) fn may_begin(&self, came: &[u8]) -> bool {
        match self {
            Self::Exactly(expected) => came.len() < expected.len() && expected.starts_with(came),
            Self::Body(expected) => {
                let (status, body) = split_status(came);
                Self::Line("+OK").may_begin(status)
                    && body.len() < expected.len()
                    && expected.starts_with(body)
            }
            Self::Line(start) | Self::List(start) => {
                let length = start.len().min(came.len());
                came[..length] == start.as_bytes()[..length]
            }
        }
    }
}

/// The first line, and what stands behind it.
fn split_status(reply: &[u8]) -> (&[u8], &[u8]) {
    let end = reply.iter().position(|&octet| octet == b'\n');
    reply.split_at(end.map_or(reply.len(), |end| end + 1))
}

impl View {
    pub(crate) fn new(site: Arc<Site>, user: usize, count: Option<usize>) -> Self {
        Self {
            site,
            user,
            count,
            ids: Vec::new(),
            deleted: BTreeSet::new(),
        }
    }

    /// The unique ids that are marked as deleted.
    pub(crate) fn marked(&self) -> BTreeSet<usize> {
        self.deleted.iter().map(|index| self.ids[*index]).collect()
    }

    pub(crate) fn expected(&mut self, command: &str) -> Expected {
        let exactly = self.expected_of_server(command);
        match exactly {
            Expected::Exactly(reply) if self.site.shares => loosely(command, &reply),
            exactly => exactly,
        }
    }

    fn expected_of_server(&self, command: &str) -> Expected {
        let mut words = command.split(' ');
        let verb = words.next().unwrap_or_default();
        let argument = words.next();
        match (verb, argument) {
            ("UIDL", None) if self.ids.is_empty() => Expected::List("+OK"),
            ("QUIT", _) => line(format!("+OK Bye, {} messages deleted", self.deleted.len())),
            ("CAPA", _) => Expected::List("+OK"),
            ("USER", _) => Expected::Line("-ERR"),
            ("NOOP", _) => line("+OK"),
            ("STAT", _) => {
                let (count, octets) = self.totals();
                line(format!("+OK {count} {octets}"))
            }
            ("RSET", _) => {
                let all = (0..self.ids.len()).map(|index| self.text(index).len());
                line(format!("+OK {} {}", self.ids.len(), all.sum::<usize>()))
            }
            ("LIST" | "UIDL", None) => self.list(verb),
            ("LIST" | "UIDL" | "RETR" | "TOP" | "DELE", Some(number)) => {
                self.about_one(verb, number, words.next())
            }
            _ => line("-ERR Unknown command"),
        }
    }

    /// Takes in what a reply tells; whether it fits.
    pub(crate) fn learn(&mut self, command: &str, expected: &Expected, reply: &[u8]) -> bool {
        if command == "UIDL" && self.ids.is_empty() {
            return self.learn_ids(reply);
        }
        if !expected.fits(reply) {
            return false;
        }
        if command == "RSET" {
            self.deleted.clear();
        }
        if let Some(number) = command.strip_prefix("DELE ")
            && reply.starts_with(b"+OK")
            && let Ok(number) = number.parse::<usize>()
        {
            self.deleted.insert(number - 1);
        }
        true
    }

    fn learn_ids(&mut self, reply: &[u8]) -> bool {
        self.ids = reply.split(|&b| b == b'\n').filter_map(unique_id).collect();
        let is_known = |id: &usize| self.site.text(self.user, *id).is_some();
        let is_count = self.count.is_none_or(|count| count == self.ids.len());
        let as_said = is_count && self.ids.iter().all(is_known);
        let list = self.expected("UIDL");
        as_said && self.ids.is_sorted() && list.fits(reply)
    }

    fn list(&self, verb: &str) -> Expected {
        let (count, octets) = self.totals();
        let mut reply = format!("+OK {count} messages ({octets} octets)\r\n");
        for index in self.present() {
            reply += &format!("{} {}\r\n", index + 1, self.column(verb, index));
        }
        Expected::Exactly((reply + ".\r\n").into_bytes())
    }

    fn about_one(&self, verb: &str, number: &str, lines: Option<&str>) -> Expected {
        let index = number
            .parse::<usize>()
            .map_or(usize::MAX, |number| number - 1);
        if index >= self.ids.len() {
            return line("-ERR No such message");
        }
        if self.deleted.contains(&index) {
            return line("-ERR No such message, it is marked as deleted");
        }
        let text = self.text(index);
        match verb {
            "DELE" => line("+OK Marked as deleted"),
            "RETR" => body(&format!("+OK {} octets", text.len()), &text),
            "TOP" => {
                let lines = lines.and_then(|lines| lines.parse().ok()).unwrap_or(0);
                body("+OK", &head(&text, lines))
            }
            _ => line(format!("+OK {} {}", index + 1, self.column(verb, index))),
        }
    }

    fn column(&self, verb: &str, index: usize) -> String {
        if verb == "LIST" {
            self.text(index).len().to_string()
        } else {
            format!("demo-{:06}", self.ids[index])
        }
    }

    fn totals(&self) -> (usize, usize) {
        let octets = self.present().map(|index| self.text(index).len());
        (self.present().count(), octets.sum())
    }

    fn present(&self) -> impl Iterator<Item = usize> {
        (0..self.ids.len()).filter(|index| !self.deleted.contains(index))
    }

    fn text(&self, index: usize) -> Vec<u8> {
        self.site
            .text(self.user, self.ids[index])
            .unwrap_or_default()
    }
}

/// The same where the status line may be popgate's own.
fn loosely(command: &str, reply: &[u8]) -> Expected {
    let (status, body) = split_status(reply);
    let verb = command.split(' ').next();
    match (status.starts_with(b"+OK"), verb) {
        (false, _) => Expected::Line("-ERR"),
        (true, _) if !body.is_empty() => Expected::Body(body.to_vec()),
        (true, Some("STAT" | "LIST" | "UIDL")) => Expected::Exactly(reply.to_vec()),
        (true, _) => Expected::Line("+OK"),
    }
}

/// The id that the demo's server gave to a message, in a line of UIDL.
pub(crate) fn unique_id(line: &[u8]) -> Option<usize> {
    let listing = UniqueIdListing::parse(line).ok()?;
    let count = listing.unique_id.strip_prefix(b"demo-")?;
    std::str::from_utf8(count).ok()?.parse().ok()
}

fn line(text: impl std::fmt::Display) -> Expected {
    Expected::Exactly(format!("{text}\r\n").into_bytes())
}

fn head(text: &[u8], lines: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let Some((header, rest)) = text.split_once("\r\n\r\n") else {
        return text.as_bytes().to_vec();
    };
    let rest: String = rest.split_inclusive('\n').take(lines).collect();
    format!("{header}\r\n\r\n{rest}").into_bytes()
}

fn body(status: &str, text: &[u8]) -> Expected {
    let text = String::from_utf8_lossy(text);
    let mut reply = format!("{status}\r\n");
    for line in text.lines() {
        let dot = if line.starts_with('.') { "." } else { "" };
        reply += &format!("{dot}{line}\r\n");
    }
    Expected::Exactly((reply + ".\r\n").into_bytes())
}
