//! The messages of every maildrop, as they go over the wire.

use std::sync::Arc;

/// What messages 1 and 2 of every maildrop have, without the line that ends them.
pub(crate) const SMALL: usize = 30_000;
pub(crate) const LARGE: usize = 1_000_000;

const LINE: &[u8] = b"It was a bright cold day, and the post had come, as it does on a Monday.\r\n";

/// The answers to RETR 1 and RETR 2, made once.
#[derive(Clone)]
pub(crate) struct Mail {
    small: Arc<[u8]>,
    large: Arc<[u8]>,
}

impl Mail {
    pub(crate) fn new() -> Self {
        Self {
            small: answer(SMALL).into(),
            large: answer(LARGE).into(),
        }
    }

    pub(crate) fn answer(&self, number: &[u8]) -> Option<Arc<[u8]>> {
        match number {
            b"1" => Some(Arc::clone(&self.small)),
            b"2" => Some(Arc::clone(&self.large)),
            _ => None,
        }
    }
}

fn answer(octets: usize) -> Vec<u8> {
    let mut answer = format!("+OK {octets} octets\r\n").into_bytes();
    let end = answer.len() + octets;
    while answer.len() + LINE.len() + 2 <= end {
        answer.extend_from_slice(LINE);
    }
    answer.resize(end - 2, b'x');
    answer.extend_from_slice(b"\r\n.\r\n");
    answer
}
