//! QUIT, looked for in what a client sends while its maildrop is waited for.

use crate::limits::COMMAND_LINE_MAX;
use crate::pop3::line::without_end;
use memchr::memchr;

/// How far the input was looked through: each octet once, however small the pieces are.
#[derive(Debug, Default)]
pub(super) struct QuitSearch {
    /// Where the line begins that has not ended yet.
    line: usize,
    looked_at: usize,
    found: bool,
}

impl QuitSearch {
    /// Goes on in `input`, which is what it was and has perhaps grown.
    pub(super) fn look(&mut self, input: &[u8]) {
        while let Some(lf) = memchr(b'\n', &input[self.looked_at..]) {
            let end = self.looked_at + lf + 1;
            self.found |= is_quit(&input[self.line..end]);
            (self.line, self.looked_at) = (end, end);
        }
        self.looked_at = input.len();
    }

    pub(super) fn is_found(&self) -> bool {
        self.found
    }
}

/// Whether it is QUIT for a session that is followed, and for one that is opaque.
fn is_quit(line: &[u8]) -> bool {
    let text = without_end(line);
    let is_read = line.len() <= COMMAND_LINE_MAX && memchr(b'\r', text).is_none();
    is_read && text.trim_ascii_end().eq_ignore_ascii_case(b"QUIT")
}
