//! Commands after login: which reply each awaits, and who gives it (RFC 1939).

use crate::pop3::listing::MessageNumber;
use crate::pop3::reply::ReplyTo;

/// `TOP n` with so many lines asks for the whole message: fetchmail sends `TOP n 99999999`
/// instead of RETR.
pub(crate) const TOP_AS_RETR_LINES: u64 = 1_000_000;

/// What becomes of a command line after login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It goes to the backend, whose reply has a known shape.
    Forward(Expected),
    /// CAPA: popgate answers with its own list.
    Capa,
    /// popgate answers with this `-ERR` line, CRLF included.
    Refused(&'static str),
    /// It goes to the backend, and nobody knows where its reply ends.
    Unknown,
}

/// The reply that a forwarded command awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The command.
    pub to: ReplyTo,
    /// Whether a body follows `+OK`. Nothing ever follows `-ERR`.
    pub body: bool,
    /// Whether the body is a whole message.
    pub message: bool,
    /// The message that the command names, where it does so as strictly as no server reads it
    /// otherwise: digits, and nothing else behind the keyword but for the lines of TOP (RFC 1939
    /// section 3 separates arguments by a single space, and has numbers in digits alone).
    pub number: Option<MessageNumber>,
}

impl Expected {
    /// Whether it is about what QUIT deletes, so that a program must not have been misled before.
    #[must_use]
    pub fn changes_deletions(self) -> bool {
        matches!(self.to, ReplyTo::Dele | ReplyTo::Rset | ReplyTo::Quit)
    }
}

impl Verb {
    /// Looks up a line without its end. ASCII case does not matter.
    #[must_use]
    pub fn of_line(line: &[u8]) -> Self {
        let text = String::from_utf8_lossy(line.trim_ascii_end());
        let (keyword, arguments) = text.split_once(' ').unwrap_or((&text, ""));
        match keyword.to_ascii_uppercase().as_str() {
            "STAT" => Self::line(ReplyTo::Stat, arguments),
            "DELE" => Self::line(ReplyTo::Dele, arguments),
            "RSET" => Self::line(ReplyTo::Rset, arguments),
            "NOOP" => Self::line(ReplyTo::Noop, arguments),
            "QUIT" => Self::line(ReplyTo::Quit, arguments),
            // Of RFC 1460; some old programs still ask, and its reply is one line.
            "LAST" => Self::line(ReplyTo::Other, arguments),
            "LIST" => Self::listing(ReplyTo::List, arguments),
            "UIDL" => Self::listing(ReplyTo::Uidl, arguments),
            "RETR" => Self::message(ReplyTo::Retr, arguments, true),
            "TOP" => Self::top(arguments),
            // The backend's own list names what does not work through popgate, such as STLS.
            "CAPA" => Self::Capa,
            "USER" | "PASS" | "APOP" | "AUTH" => Self::Refused("-ERR Already logged in\r\n"),
            "STLS" => Self::Refused("-ERR Only before login\r\n"),
            // UTF8 (RFC 6856) changes what octets mean; the others name another client.
            "UTF8" | "XCLIENT" | "XOIP" => Self::Refused("-ERR Command not supported\r\n"),
            // Some servers skip an empty line without a word: its reply would never come.
            "" if arguments.is_empty() => Self::Refused("-ERR No command given\r\n"),
            _ => Self::Unknown,
        }
    }

    fn line(to: ReplyTo, arguments: &str) -> Self {
        Self::Forward(Expected {
            to,
            body: false,
            message: false,
            number: number_in(arguments),
        })
    }

    /// With an argument LIST and UIDL tell of one message, in the status line.
    fn listing(to: ReplyTo, arguments: &str) -> Self {
        Self::Forward(Expected {
            to,
            body: arguments.is_empty(),
            message: false,
            number: number_in(arguments),
        })
    }

    fn top(arguments: &str) -> Self {
        let number = arguments.split_ascii_whitespace().next();
        Self::message(
            ReplyTo::Top,
            number.unwrap_or_default(),
            asks_for_all(arguments),
        )
    }

    fn message(to: ReplyTo, number: &str, whole: bool) -> Self {
        Self::Forward(Expected {
            to,
            body: true,
            message: whole,
            number: number_in(number),
        })
    }
}

fn number_in(arguments: &str) -> Option<MessageNumber> {
    MessageNumber::parse(arguments.trim_ascii().as_bytes())
}

fn asks_for_all(arguments: &str) -> bool {
    let lines = arguments.split_ascii_whitespace().nth(1);
    lines
        .and_then(|lines| lines.parse::<u64>().ok())
        .is_some_and(|lines| lines >= TOP_AS_RETR_LINES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(line: &str) -> Expected {
        match Verb::of_line(line.as_bytes()) {
            Verb::Forward(expected) => expected,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_body_follows_listings_without_argument_and_messages() {
        for line in ["LIST", "uidl", "LIST ", "RETR 1", "TOP 1 0"] {
            assert!(expected(line).body, "{line}");
        }
        for line in [
            "LIST 1", "UIDL 2", "STAT", "DELE 1", "RSET", "NOOP", "LAST", "QUIT",
        ] {
            assert!(!expected(line).body, "{line}");
        }
    }

    #[test]
    fn a_top_of_everything_is_a_whole_message() {
        assert!(expected("RETR 3").message);
        assert!(expected("TOP 3 99999999").message);
        assert!(!expected("TOP 3 20").message);
        assert!(!expected("TOP 3 many").message);
    }

    #[test]
    fn the_message_that_a_command_names_is_known() {
        for (line, number) in [
            ("RETR 3", Some(3)),
            ("RETR  03 ", Some(3)),
            ("top 12 0", Some(12)),
            ("TOP 12", Some(12)),
            ("UIDL 4", Some(4)),
            ("DELE x", None),
            ("DELE 0", None),
            ("DELE 1 2", None),
            ("DELE 1,2", None),
            ("LIST", None),
            ("LIST +1", None),
            ("LIST 1 2", None),
            ("TOP +1 0", None),
        ] {
            let number = number.and_then(MessageNumber::new);
            assert_eq!(expected(line).number, number, "{line}");
        }
    }

    #[test]
    fn logins_are_refused_and_strangers_pass() {
        for line in [
            "USER a",
            "pass b",
            "APOP a b",
            "AUTH",
            "STLS",
            "UTF8",
            "XOIP",
            "XCLIENT A=1",
            "",
            "  ",
        ] {
            assert!(
                matches!(Verb::of_line(line.as_bytes()), Verb::Refused(_)),
                "{line}"
            );
        }
        for line in ["LANG", "XTND XLST", " LIST", "LIST\t1", "LISTE"] {
            assert_eq!(Verb::of_line(line.as_bytes()), Verb::Unknown, "{line}");
        }
        assert_eq!(Verb::of_line(b"capa"), Verb::Capa);
    }
}
