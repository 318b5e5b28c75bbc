//! The end of a multi-line reply (RFC 1939 section 3): a line with a dot alone.

use memchr::memmem;

const END: &[u8; 5] = b"\r\n.\r\n";
const CARRY_MAX: usize = END.len() - 1;

/// Finds the end of a reply's body in chunks of any size. It starts right behind the LF of the
/// status line, so that `.` CRLF at once is an empty body.
///
/// Only CRLF `.` CRLF ends a reply: mail may hold a dot between bare LFs.
#[derive(Debug)]
pub struct EndScanner {
    /// The last octets before the next chunk: the end may lie across the seam.
    carry: [u8; CARRY_MAX],
    carried: usize,
}

impl Default for EndScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl EndScanner {
    /// A scanner for a body that starts with the next chunk.
    #[must_use]
    pub fn new() -> Self {
        Self {
            carry: *b"\r\n\0\0",
            carried: 2,
        }
    }

    /// `Some(n)` when the reply ends after `n` octets of `chunk`. Then the scanner is spent.
    pub fn scan(&mut self, chunk: &[u8]) -> Option<usize> {
        let end = self
            .scan_seam(chunk)
            .or_else(|| memmem::find(chunk, END).map(|start| start + END.len()));
        if end.is_none() {
            self.keep_tail(chunk);
        }
        end
    }

    /// An end that starts in the carried octets; it comes before any that starts in `chunk`.
    fn scan_seam(&self, chunk: &[u8]) -> Option<usize> {
        let mut seam = [0; 2 * CARRY_MAX];
        let fresh = chunk.len().min(CARRY_MAX);
        seam[..self.carried].copy_from_slice(&self.carry[..self.carried]);
        seam[self.carried..self.carried + fresh].copy_from_slice(&chunk[..fresh]);
        let start = seam[..self.carried + fresh]
            .windows(END.len())
            .position(|window| window == END)?;
        Some(start + END.len() - self.carried)
    }

    fn keep_tail(&mut self, chunk: &[u8]) {
        let fresh = chunk.len().min(CARRY_MAX);
        let old = self.carried.min(CARRY_MAX - fresh);
        self.carry.copy_within(self.carried - old..self.carried, 0);
        self.carry[old..old + fresh].copy_from_slice(&chunk[chunk.len() - fresh..]);
        self.carried = old + fresh;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(body: &[u8]) -> Option<usize> {
        EndScanner::new().scan(body)
    }

    #[test]
    fn a_dot_alone_on_its_line_ends_a_reply() {
        assert_eq!(end(b".\r\n"), Some(3));
        assert_eq!(end(b"a\r\n.\r\n+OK next\r\n"), Some(6));
        assert_eq!(end(b"\r\n\r\n.\r\n.\r\n"), Some(7));
    }

    #[test]
    fn stuffed_dots_and_bare_line_feeds_are_data() {
        assert_eq!(end(b"..\r\na\r\n..\r\n.a\r\n"), None);
        assert_eq!(end(b"a\n.\n\n.\r\n\r\n.\n"), None);
        assert_eq!(end(b".\n.\r\n"), None);
    }

    #[test]
    fn the_end_is_found_octet_by_octet() {
        let body = b"a\r\r\n..\r\n\r\n.\r\n";
        let mut scanner = EndScanner::new();
        let ends: Vec<_> = body.iter().map(|&b| scanner.scan(&[b])).collect();
        assert_eq!(ends.iter().position(Option::is_some), Some(body.len() - 1));
        assert_eq!(ends.last(), Some(&Some(1)));
    }
}
