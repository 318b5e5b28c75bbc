//! A session that cannot be followed: only QUIT, and the last thing that the backend says, are
//! watched.

use super::progress::Progress;
use crate::pop3::reply::Status;
use memchr::{memchr, memrchr};

/// Octets of a line that are looked at: enough for QUIT or a status, with blanks behind.
const HEAD_MAX: usize = 16;

const QUIT: &[u8] = b"QUIT";

#[derive(Debug, Default)]
pub(super) struct Opaque {
    from_client: Head,
    from_backend: Head,
    last_status: Option<Status>,
}

impl Opaque {
    /// Where a whole line QUIT ends in `input`; the other lines are told to `progress`.
    pub(super) fn client_bytes(&mut self, input: &[u8], progress: &mut Progress) -> Option<usize> {
        let mut used = 0;
        while let Some((octets, head)) = self.from_client.line(&input[used..]) {
            used += octets;
            progress.raw_line(head.octets());
            if head.is_quit() {
                // What the backend said before is no answer to QUIT.
                self.last_status = None;
                return Some(used);
            }
        }
        None
    }

    /// Octets at the end of `input` that may yet become a line QUIT. They are not to be sent
    /// before it is whole: some servers take half a line at the end of a connection for one.
    pub(super) fn perhaps_quit(&self, input: &[u8]) -> usize {
        let start = memrchr(b'\n', input).map_or(0, |lf| lf + 1);
        let begins_line = start > 0 || self.from_client.len == 0;
        let tail = &input[start..];
        if begins_line && starts_quit(tail) {
            tail.len()
        } else {
            0
        }
    }

    pub(super) fn backend_bytes(&mut self, input: &[u8]) {
        let mut rest = input;
        while let Some((octets, head)) = self.from_backend.line(rest) {
            rest = &rest[octets..];
            let status = Status::of_line(head.octets());
            // Lines of a body look like anything; only a status can be the answer to QUIT.
            if matches!(status, Status::Ok | Status::Err) {
                self.last_status = Some(status);
            }
        }
    }

    /// `Ok` or `Err`, by the last whole line since QUIT that looks like a status line.
    pub(super) fn last_status(&self) -> Option<Status> {
        self.last_status
    }
}

fn starts_quit(line: &[u8]) -> bool {
    let (keyword, blanks) = line.split_at(line.len().min(QUIT.len()));
    line.len() < HEAD_MAX
        && keyword.eq_ignore_ascii_case(&QUIT[..keyword.len()])
        && blanks.trim_ascii().is_empty()
}

/// The first octets of a line that arrives in pieces.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    octets: [u8; HEAD_MAX],
    len: usize,
}

impl Head {
    /// Takes `input` up to its first line end; with one, how far that is and the line's head.
    fn line(&mut self, input: &[u8]) -> Option<(usize, Self)> {
        let lf = memchr(b'\n', input);
        self.push(&input[..lf.unwrap_or(input.len())]);
        lf.map(|lf| (lf + 1, std::mem::take(self)))
    }

    fn push(&mut self, input: &[u8]) {
        let octets = input.len().min(HEAD_MAX - self.len);
        self.octets[self.len..self.len + octets].copy_from_slice(&input[..octets]);
        self.len += octets;
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    fn is_quit(&self) -> bool {
        // A full head may be the start of a longer line.
        self.len < HEAD_MAX && self.octets().trim_ascii_end().eq_ignore_ascii_case(QUIT)
    }
}
