//! The keyword that a command line begins with (RFC 1939 section 3), for those who only count or
//! show commands.

use crate::str_enum::str_enum;

str_enum! {
    /// A keyword of POP3.
    Keyword {
        /// RFC 1939.
        User = "USER",
        /// RFC 1939.
        Pass = "PASS",
        /// RFC 1939.
        Apop = "APOP",
        /// RFC 5034.
        Auth = "AUTH",
        /// RFC 2595.
        Stls = "STLS",
        /// RFC 2449.
        Capa = "CAPA",
        /// RFC 1939.
        Stat = "STAT",
        /// RFC 1939.
        List = "LIST",
        /// RFC 1939.
        Uidl = "UIDL",
        /// RFC 1939.
        Retr = "RETR",
        /// RFC 1939.
        Top = "TOP",
        /// RFC 1939.
        Dele = "DELE",
        /// RFC 1939.
        Rset = "RSET",
        /// RFC 1939.
        Noop = "NOOP",
        /// RFC 1939.
        Quit = "QUIT",
        /// Anything else, what is no command included.
        Other = "other",
    }
}

impl Keyword {
    /// The keyword of a line, in any case; what stands behind it is not looked at.
    #[must_use]
    pub fn of_line(line: &[u8]) -> Self {
        // A tab is no separator for a server, but for who only counts it makes no difference.
        let word = line
            .split(|octet| octet.is_ascii_whitespace())
            .next()
            .unwrap_or_default();
        Self::ALL
            .iter()
            .copied()
            .find(|keyword| word.eq_ignore_ascii_case(keyword.as_str().as_bytes()))
            .unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_the_first_word_in_any_case() {
        for (line, keyword) in [
            ("retr 3", Keyword::Retr),
            ("PASS quit", Keyword::Pass),
            ("Quit\r\n", Keyword::Quit),
            ("RETRY", Keyword::Other),
            (" STAT", Keyword::Other),
            ("", Keyword::Other),
        ] {
            assert_eq!(Keyword::of_line(line.as_bytes()), keyword, "{line:?}");
        }
    }
}
