//! The end of a reply. A client here asks one thing at a time: what ends a reply ends what came.

const BODY_END: &[u8; 5] = b"\r\n.\r\n";
/// Of a status line, what is kept for a report.
const LINE_KEPT_MAX: usize = 200;

#[derive(Default)]
pub(crate) struct ReplyReader {
    has_body: bool,
    line: Vec<u8>,
    /// The last octets of the body.
    tail: Option<[u8; 5]>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Incomplete,
    Ok,
    /// The line, without its end.
    Refused(String),
}

impl ReplyReader {
    /// A reader of the next reply.
    pub(crate) fn expect(has_body: bool) -> Self {
        Self {
            has_body,
            ..Self::default()
        }
    }

    pub(crate) fn read(&mut self, octets: &[u8]) -> Reply {
        if self.tail.is_some() {
            return self.read_body(octets);
        }
        let Some(end) = octets.iter().position(|&b| b == b'\n') else {
            self.keep(octets);
            return Reply::Incomplete;
        };
        self.keep(&octets[..end]);
        if !self.line.starts_with(b"+OK") {
            let line = self.line.trim_ascii_end();
            return Reply::Refused(String::from_utf8_lossy(line).into_owned());
        }
        if !self.has_body {
            return Reply::Ok;
        }
        self.tail = Some(*b"\0\0\0\r\n");
        self.read_body(&octets[end + 1..])
    }

    fn keep(&mut self, octets: &[u8]) {
        let room = LINE_KEPT_MAX.saturating_sub(self.line.len());
        self.line
            .extend_from_slice(&octets[..octets.len().min(room)]);
    }

    fn read_body(&mut self, octets: &[u8]) -> Reply {
        let Some(tail) = &mut self.tail else {
            return Reply::Incomplete;
        };
        let new = &octets[octets.len().saturating_sub(tail.len())..];
        tail.rotate_left(new.len());
        let kept = tail.len() - new.len();
        tail[kept..].copy_from_slice(new);
        if tail == BODY_END {
            Reply::Ok
        } else {
            Reply::Incomplete
        }
    }
}
