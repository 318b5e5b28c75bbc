//! Status lines: `+OK` and `-ERR`, with their response codes (RFC 1939 section 3, RFC 2449
//! section 8, RFC 3206).
//!
//! Real servers do not keep to the letter, and mail programs do not insist on it. What a line is
//! taken for follows from three of their parsers, each read in its source: curl
//! (`pop3_endofresp` in lib/pop3.c, `Curl_pp_readresp` in lib/pingpong.c), fetchmail (`pop3_ok`
//! in pop3.c, `gen_recv` in transact.c) and Thunderbird (`_parse` in Pop3Client.sys.mjs). What all
//! three take, popgate takes; of what some take, that which can mean nothing else:
//!
//! | a line | curl | fetchmail | Thunderbird | popgate |
//! |---|---|---|---|---|
//! | `+OK`, `-ERR` alone | yes | yes | yes | yes |
//! | `+OK,` `+OK:` `+OK[X]` `-ERR:` `-ERR[X]` | yes | yes | yes | yes |
//! | `-ERROR`, `-ERRx` | yes | yes | yes | yes |
//! | `+OKready`, `+OKAY` | yes | no | yes | yes |
//! | `+ok`, `-err` | no | no | no | yes; Perl's Net::POP3 takes them |
//! | `+ERR` | no login | no reply | success | an error: hMailServer and DBMail mean one |
//! | `+`, `+ text` | challenge | no reply | challenge | challenge, never a login |
//! | `+text` | challenge | no reply | challenge | challenge to AUTH alone, else no reply |
//! | `-`, `- ERR`, `-NO`, ` +OK`, a byte order mark | no | no | no | no |
//! | empty lines before it | skipped | no reply | no reply | skipped |
//! | other lines before it | skipped | no reply | no reply | no reply: it may be any protocol |
//! | LF alone at its end | yes | yes | no | yes |
//! | CR CR LF at its end | yes | yes | no | yes |
//! | NUL in its text | no | cut there | yes | yes |
//! | octets above 127 | yes | yes | yes | yes |
//! | its length, at most | 64 KiB | 512 | none | `REPLY_LINE_MAX` |
//! | no end of line, then the end | no | no | no | no |
//!
//! A client gets the line itself, so its program decides for itself what it understands. Empty
//! lines before one are known from a server that enough_mail met (its pull request 250), a comma
//! behind `+OK` from Rumble's answer to STLS, `+ERR` from hMailServer (its issue 590).

use std::fmt;

/// What a status line answers: the greeting, a step of a login, or a command after login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplyTo {
    /// The connection itself: the greeting.
    Connect,
    /// XCLIENT or XOIP, which tell the backend who the client is.
    Xclient,
    /// USER, PASS, APOP, AUTH: any step of a login.
    Pass,
    /// STAT.
    Stat,
    /// LIST.
    List,
    /// UIDL.
    Uidl,
    /// RETR.
    Retr,
    /// TOP.
    Top,
    /// DELE.
    Dele,
    /// RSET.
    Rset,
    /// NOOP.
    Noop,
    /// QUIT.
    Quit,
    /// Anything else.
    Other,
}

impl ReplyTo {
    /// All of them, for metrics that exist from the start.
    pub const ALL: [Self; 13] = [
        Self::Connect,
        Self::Xclient,
        Self::Pass,
        Self::Stat,
        Self::List,
        Self::Uidl,
        Self::Retr,
        Self::Top,
        Self::Dele,
        Self::Rset,
        Self::Noop,
        Self::Quit,
        Self::Other,
    ];

    /// The command in capitals; `CONNECT` for the greeting, `PASS` for every step of a login,
    /// `XCLIENT` for XOIP too.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Xclient => "XCLIENT",
            Self::Pass => "PASS",
            Self::Stat => "STAT",
            Self::List => "LIST",
            Self::Uidl => "UIDL",
            Self::Retr => "RETR",
            Self::Top => "TOP",
            Self::Dele => "DELE",
            Self::Rset => "RSET",
            Self::Noop => "NOOP",
            Self::Quit => "QUIT",
            Self::Other => "OTHER",
        }
    }

    /// What a line in answer to `command` answers; ASCII case does not matter.
    #[must_use]
    pub fn from_command(command: &str) -> Self {
        match command.to_ascii_uppercase().as_str() {
            "CONNECT" => Self::Connect,
            "XCLIENT" | "XOIP" => Self::Xclient,
            "USER" | "PASS" | "APOP" | "AUTH" => Self::Pass,
            "STAT" => Self::Stat,
            "LIST" => Self::List,
            "UIDL" => Self::Uidl,
            "RETR" => Self::Retr,
            "TOP" => Self::Top,
            "DELE" => Self::Dele,
            "RSET" => Self::Rset,
            "NOOP" => Self::Noop,
            "QUIT" => Self::Quit,
            _ => Self::Other,
        }
    }
}

/// What a line begins with; the table above says how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `+OK`.
    Ok,
    /// `-ERR`, and `+ERR` of hMailServer and DBMail.
    Err,
    /// `+` alone or with a blank behind it: a server challenge of a SASL exchange (RFC 5034
    /// section 4).
    Continue,
    /// None of these: no status line.
    Other,
}

/// A status line taken apart; it borrows from the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLine<'a> {
    /// Whether it went well.
    pub status: Status,
    /// The response code without its brackets, such as `IN-USE` or `SYS/TEMP`, as written.
    pub code: Option<&'a str>,
    /// What follows, ends trimmed.
    pub text: &'a str,
}

impl<'a> StatusLine<'a> {
    /// Takes `line` apart, with or without its line end; empty lines before it are skipped.
    #[must_use]
    pub fn parse(line: &'a str) -> Self {
        let line = from_first_line(line).trim_end_matches(['\r', '\n']);
        let (status, octets) = Status::with_length(line.as_bytes());
        // Marks that servers put behind the word are no part of what they say.
        let rest = line[octets..].trim_start_matches([':', ',', ';', '.', '-']);
        let (code, text) = split_code(rest.trim());
        Self { status, code, text }
    }
}

impl Status {
    /// The status of a whole line, with or without its end.
    #[must_use]
    pub fn of_line(line: &[u8]) -> Self {
        Self::with_length(line).0
    }

    /// The status of the first line of `input` that is not [empty](is_blank).
    #[must_use]
    pub fn of_first_line(input: &[u8]) -> Self {
        input
            .split(|&b| b == b'\n')
            .find(|line| !is_blank(line))
            .map_or(Self::Other, Self::of_line)
    }

    /// The status of a line, and how many octets say it.
    fn with_length(line: &[u8]) -> (Self, usize) {
        let begins = |word: &[u8]| {
            let head = line.get(..word.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(word))
        };
        if begins(b"+OK") {
            return (Self::Ok, 3);
        }
        if begins(b"-ERR") || begins(b"+ERR") {
            // `-ERROR` is a word of its own, `-ERRORS` is `-ERR` with a text glued to it.
            let is_error = begins(b"-ERROR") && !line.get(6).is_some_and(u8::is_ascii_alphabetic);
            return (Self::Err, if is_error { 6 } else { 4 });
        }
        match line {
            [b'+'] | [b'+', b' ' | b'\t' | b'\r' | b'\n', ..] => (Self::Continue, 1),
            _ => (Self::Other, 0),
        }
    }
}

/// A server's side: a line with its end.
#[must_use]
pub fn reply_line(text: impl fmt::Display) -> Vec<u8> {
    format!("{text}\r\n").into_bytes()
}

/// Whether `line` asks for the next response of a SASL exchange. Some servers leave out the blank
/// behind the plus sign. It is to be asked of an answer to AUTH alone: elsewhere such a line is no
/// reply.
#[must_use]
pub fn is_challenge(line: &[u8]) -> bool {
    let is_status = matches!(Status::of_line(line), Status::Ok | Status::Err);
    line.starts_with(b"+") && !is_status
}

/// What a status line begins with, in any case of letters.
pub(crate) const STATUS_WORDS: [&[u8]; 3] = [b"+OK", b"-ERR", b"+ERR"];

/// Whether there is nothing in `octets` but line ends and blanks. Some servers send such lines
/// before a status line; they mean nothing.
#[must_use]
pub fn is_blank(octets: &[u8]) -> bool {
    octets.iter().all(|b| b" \t\r\n".contains(b))
}

/// `text` without the empty lines that it begins with.
fn from_first_line(text: &str) -> &str {
    let mut rest = text;
    while let Some((line, behind)) = rest.split_once('\n')
        && is_blank(line.as_bytes())
    {
        rest = behind;
    }
    rest
}

/// A code is letters, hyphens and slashes between brackets: `[9]` of DBMail is text. What
/// follows the slash is free (`[REFERRAL/user@host]`).
fn split_code(rest: &str) -> (Option<&str>, &str) {
    let Some((code, text)) = rest
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
    else {
        return (None, rest);
    };
    let name = code.split('/').next().unwrap_or_default();
    let is_code = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-');
    if is_code {
        (Some(code), text.trim_start())
    } else {
        (None, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_status_lines_apart() {
        let line = StatusLine::parse("-ERR [SYS/TEMP] try later \r\n");
        let expected = StatusLine {
            status: Status::Err,
            code: Some("SYS/TEMP"),
            text: "try later",
        };
        assert_eq!(line, expected);
        assert_eq!(StatusLine::parse("-ERR [9] no such message").code, None);
        assert_eq!(StatusLine::parse("+OK").text, "");
        assert_eq!(
            StatusLine::parse("-ERR [REFERRAL/a@b] go").code,
            Some("REFERRAL/a@b")
        );
    }

    const OK: &[&[u8]] = &[
        b"+OK",
        b"+ok hi",
        b"+OK\tready",
        b"+OK, ready",
        b"+OK: ready",
        b"+OK[XCLIENT]",
        b"+OKready",
        b"+OKAY",
        b"+OK \0",
        b"+OK\0",
        b"+OK\xfc",
        b"+OK\r\r\n",
    ];
    const ERR: &[&[u8]] = &[
        b"-ERR",
        b"-err no",
        b"-ERR: no",
        b"-ERR, no",
        b"-ERR[IN-USE] no",
        b"-ERROR no",
        b"-ERROR",
        b"-ERRno",
        b"-ERR\xdf",
        b"+ERR database has gone fishing",
    ];
    const CONTINUE: &[&[u8]] = &[b"+", b"+ ", b"+ OK", b"+\tOK", b"+ -ERR"];
    const OTHER: &[&[u8]] = &[
        b"",
        b" ",
        b"-",
        b"- ERR no",
        b"-ER",
        b"-NO",
        b"+O",
        b"+done",
        b"++OK",
        b"OK",
        b"ERR",
        b" +OK",
        b"\t-ERR",
        b"\0+OK",
        b"\xef\xbb\xbf+OK",
        b"* OK IMAP4rev1",
        b"220 smtp.example.com",
    ];

    #[test]
    fn a_line_is_what_mail_programs_take_it_for() {
        for (expected, lines) in [
            (Status::Ok, OK),
            (Status::Err, ERR),
            (Status::Continue, CONTINUE),
            (Status::Other, OTHER),
        ] {
            for line in lines {
                for end in [&b""[..], b"\n", b"\r\n", b"\r\r\n"] {
                    let line = [*line, end].concat();
                    let shown = line.escape_ascii();
                    assert_eq!(Status::of_line(&line), expected, "{shown}");
                }
            }
        }
    }

    #[test]
    fn code_and_text_begin_behind_the_word_however_it_is_followed() {
        for (line, code, text) in [
            ("-ERR: mailbox locked", None, "mailbox locked"),
            ("-ERROR: mailbox locked", None, "mailbox locked"),
            ("-ERROR mailbox locked", None, "mailbox locked"),
            ("-ERRmailbox locked", None, "mailbox locked"),
            ("-ERRORS were made", None, "ORS were made"),
            ("-ERR - mailbox locked", None, "- mailbox locked"),
            ("-ERR[IN-USE]locked", Some("IN-USE"), "locked"),
            ("-ERR: [IN-USE] locked", Some("IN-USE"), "locked"),
            (
                "\r\n \t\r\n-ERR [IN-USE] locked\r\n",
                Some("IN-USE"),
                "locked",
            ),
            ("+OK[XCLIENT] ready", Some("XCLIENT"), "ready"),
            ("\n", None, ""),
        ] {
            let parsed = StatusLine::parse(line);
            assert_eq!((parsed.code, parsed.text), (code, text), "{line:?}");
        }
    }

    #[test]
    fn a_challenge_is_what_begins_with_a_plus_and_is_no_status() {
        for line in ["+", "+ ", "+ go on", "+VXNlcm5hbWU6", "+done"] {
            assert!(is_challenge(line.as_bytes()), "{line:?}");
        }
        for line in [
            "+OK",
            "+OK go on",
            "+ok",
            "+ERR no",
            "-ERR",
            "334 ",
            "",
            " +",
        ] {
            assert!(!is_challenge(line.as_bytes()), "{line:?}");
        }
    }

    #[test]
    fn the_first_line_is_the_first_that_is_not_empty() {
        assert_eq!(Status::of_first_line(b"\n \r\n-ERR no\r\n+OK"), Status::Err);
        assert_eq!(Status::of_first_line(b"+OK\r\n-ERR no\r\n"), Status::Ok);
        assert_eq!(Status::of_first_line(b"\r\n -ERR no\r\n"), Status::Other);
        assert_eq!(Status::of_first_line(b" \r\n\t"), Status::Other);
        assert!(is_blank(b"") && is_blank(b" \t\r\r\n\n") && !is_blank(b"\r\n.\r\n"));
    }
}
