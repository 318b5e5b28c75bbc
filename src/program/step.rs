//! One command, in the form that tells programs apart.

use crate::pop3::verb::TOP_AS_RETR_LINES;
use crate::str_enum::str_enum;

str_enum! {
    /// A command, in the form that tells programs apart.
    Step {
        /// CAPA.
        Capa = "CAPA",
        /// STLS.
        Stls = "STLS",
        /// AUTH without a mechanism.
        AuthList = "AUTH",
        /// AUTH PLAIN that waits for the server's `+`.
        AuthPlain = "AUTH PLAIN",
        /// AUTH PLAIN with an initial response.
        AuthPlainInitial = "AUTH PLAIN =",
        /// AUTH LOGIN.
        AuthLogin = "AUTH LOGIN",
        /// Another mechanism.
        AuthOther = "AUTH other",
        /// USER.
        User = "USER",
        /// USER with the name of a server before that of a user, as in `pop.example.org:ann`.
        UserOfHost = "USER host:name",
        /// PASS.
        Pass = "PASS",
        /// APOP.
        Apop = "APOP",
        /// STAT.
        Stat = "STAT",
        /// LIST without a number.
        List = "LIST",
        /// LIST of one message.
        ListOne = "LIST n",
        /// UIDL without a number.
        Uidl = "UIDL",
        /// UIDL of one message.
        UidlOne = "UIDL n",
        /// RETR.
        Retr = "RETR",
        /// TOP of the header alone.
        TopHeader = "TOP n 0",
        /// TOP of some lines.
        Top = "TOP n m",
        /// TOP of so many lines that it is the whole message.
        TopAll = "TOP n all",
        /// DELE.
        Dele = "DELE",
        /// RSET.
        Rset = "RSET",
        /// NOOP.
        Noop = "NOOP",
        /// LAST (RFC 1460).
        Last = "LAST",
        /// UTF8 (RFC 6856).
        Utf8 = "UTF8",
        /// QUIT.
        Quit = "QUIT",
        /// Anything else.
        Other = "other",
    }
}

impl Step {
    /// Whether it is what a login ends in.
    #[must_use]
    pub fn ends_login(self) -> bool {
        matches!(
            self,
            Self::Pass
                | Self::Apop
                | Self::AuthLogin
                | Self::AuthOther
                | Self::AuthPlain
                | Self::AuthPlainInitial
        )
    }

    /// What the client says by a command line, before login or after it. ASCII case does not
    /// matter.
    #[must_use]
    pub fn of_line(line: &[u8]) -> Self {
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let keyword = words.next().unwrap_or_default();
        if is_word(keyword, "TOP") {
            return top(words.nth(1));
        }
        let named = Self::ALL
            .iter()
            .find(|step| is_word(keyword, step.as_str()));
        match (named.copied().unwrap_or(Self::Other), words.next()) {
            (Self::AuthList, Some(mechanism)) => auth(mechanism, words.next().is_some()),
            (Self::List, Some(_)) => Self::ListOne,
            (Self::Uidl, Some(_)) => Self::UidlOne,
            (Self::User, Some(name)) if names_host(name) => Self::UserOfHost,
            (step, _) => step,
        }
    }
}

/// POPFile and the like find the server there that they pass the login on to.
fn names_host(name: &[u8]) -> bool {
    let colon = memchr::memchr(b':', name);
    colon.is_some_and(|colon| name[..colon].contains(&b'.') && !name[..colon].contains(&b'@'))
}

fn auth(mechanism: &[u8], has_initial_response: bool) -> Step {
    if is_word(mechanism, "LOGIN") {
        Step::AuthLogin
    } else if !is_word(mechanism, "PLAIN") {
        Step::AuthOther
    } else if has_initial_response {
        Step::AuthPlainInitial
    } else {
        Step::AuthPlain
    }
}

fn top(lines: Option<&[u8]>) -> Step {
    let lines = lines.and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
    match lines {
        Some(0_u64) => Step::TopHeader,
        Some(lines) if lines >= TOP_AS_RETR_LINES => Step::TopAll,
        _ => Step::Top,
    }
}

fn is_word(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_step_that_its_keyword_and_the_form_of_its_arguments_make_it() {
        for (line, step) in [
            ("capa", Step::Capa),
            ("AUTH", Step::AuthList),
            ("AUTH  ", Step::AuthList),
            ("auth plain", Step::AuthPlain),
            ("AUTH PLAIN AGEAYg==", Step::AuthPlainInitial),
            ("AUTH PLAIN =", Step::AuthPlainInitial),
            ("AUTH LOGIN", Step::AuthLogin),
            ("AUTH SCRAM-SHA-256", Step::AuthOther),
            ("USER ann", Step::User),
            ("USER pop.example.org:ann", Step::UserOfHost),
            ("USER ann@example.org:1", Step::User),
            ("PASS two words", Step::Pass),
            ("LIST", Step::List),
            ("LIST ", Step::List),
            ("LIST 3", Step::ListOne),
            ("UIDL", Step::Uidl),
            ("UIDL 3", Step::UidlOne),
            ("TOP 3 0", Step::TopHeader),
            ("TOP 3 20", Step::Top),
            ("TOP 3", Step::Top),
            ("TOP 3 99999999", Step::TopAll),
            ("UTF8", Step::Utf8),
            ("", Step::Other),
            ("GET / HTTP/1.1", Step::Other),
            ("AUTH\u{e4} PLAIN", Step::Other),
        ] {
            assert_eq!(Step::of_line(line.as_bytes()), step, "{line:?}");
        }
    }

    #[test]
    fn each_step_has_room_for_the_mark_that_a_trace_puts_into_its_octet() {
        assert!(Step::ALL.len() < 0x80);
    }
}
