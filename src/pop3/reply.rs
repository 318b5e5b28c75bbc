//! Status lines: `+OK` and `-ERR`, with their response codes (RFC 1939 section 3, RFC 2449
//! section 8, RFC 3206).

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

/// The first token of a status line, compared whole: some servers say `+ERR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `+OK`.
    Ok,
    /// `-ERR`, and `+ERR` of hMailServer and DBMail.
    Err,
    /// `+`: a server challenge of a SASL exchange (RFC 5034 section 4).
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
    /// Takes `line` apart, with or without its line end.
    #[must_use]
    pub fn parse(line: &'a str) -> Self {
        let line = line.trim_end_matches(['\r', '\n']);
        let (token, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let rest = rest.trim();
        let (code, text) = split_code(rest);
        Self {
            status: Status::of_token(token.as_bytes()),
            code,
            text,
        }
    }
}

impl Status {
    /// The status of a whole line, by its first token.
    #[must_use]
    pub fn of_line(line: &[u8]) -> Self {
        let end = line
            .iter()
            .position(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
        Self::of_token(&line[..end.unwrap_or(line.len())])
    }

    fn of_token(token: &[u8]) -> Self {
        match token {
            b"+" => Self::Continue,
            t if t.eq_ignore_ascii_case(b"+OK") => Self::Ok,
            t if t.eq_ignore_ascii_case(b"-ERR") || t.eq_ignore_ascii_case(b"+ERR") => Self::Err,
            _ => Self::Other,
        }
    }
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

    #[test]
    fn compares_the_whole_token() {
        assert_eq!(Status::of_line(b"+OKAY"), Status::Other);
        assert_eq!(
            Status::of_line(b"+ERR database has gone fishing"),
            Status::Err
        );
        assert_eq!(Status::of_line(b"+ \r\n"), Status::Continue);
        assert_eq!(Status::of_line(b"+ok hi\r\n"), Status::Ok);
    }
}
