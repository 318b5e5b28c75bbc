//! What is said of a maildrop: listings, and the server's side of a session.

use crate::limits::LISTING_LINE_MAX;
use crate::pop3::line::PassingLines;
use crate::pop3::listing::{DropListing, MessageNumber, ScanListing, UniqueIdListing};
use crate::pop3::multiline::{Behind, EndScanner};
use crate::pop3::reply::Status;
use crate::pop3::transaction::{Maildrop, Transaction, TransactionStep};
use crate::pop3::uidl_digest::ListingDigester;
use crate::pop3::verb::Verb;

/// The lines of a listing are the same in whatever pieces they pass by; what is read of one is part
/// of it, and reads back as the same from what a server would write. The first byte is the size of
/// the pieces.
pub fn listing(data: &[u8]) {
    let Some((&piece, body)) = data.split_first() else {
        return;
    };
    let whole = passing_lines(body, body.len().max(1));
    assert_eq!(passing_lines(body, usize::from(piece) + 1), whole);
    for line in &whole {
        assert!(line.len() <= LISTING_LINE_MAX && !line.contains(&b'\n'));
        check_listing(line);
    }
    let digest = |size: usize| {
        let mut digester = ListingDigester::default();
        body.chunks(size).for_each(|piece| digester.read(piece));
        digester.finish()
    };
    assert_eq!(digest(usize::from(piece) + 1), digest(body.len().max(1)));
}

fn passing_lines(body: &[u8], size: usize) -> Vec<Vec<u8>> {
    let mut lines = PassingLines::default();
    let mut seen = Vec::new();
    for piece in body.chunks(size) {
        lines.read(piece, |line| seen.push(line.to_vec()));
    }
    seen
}

fn check_listing(line: &[u8]) {
    if let Ok(listing) = DropListing::parse(line) {
        let written = format!("{} {}", listing.messages, listing.octets);
        assert_eq!(DropListing::parse(written.as_bytes()), Ok(listing));
    }
    if let Ok(listing) = ScanListing::parse(line) {
        let written = format!("{} {}", listing.number, listing.octets);
        assert_eq!(ScanListing::parse(written.as_bytes()), Ok(listing));
        // The message is there in a maildrop of so many.
        let index = listing.number.index();
        assert_eq!(MessageNumber::from_index(index), Some(listing.number));
    }
    match UniqueIdListing::parse(line) {
        Ok(UniqueIdListing { number, unique_id }) => {
            assert!(!unique_id.is_empty() && unique_id == unique_id.trim_ascii());
            let written = [number.to_string().as_bytes(), b" ", unique_id].concat();
            let read = UniqueIdListing::parse(&written);
            assert_eq!(read, Ok(UniqueIdListing { number, unique_id }));
        }
        Err(error) => assert!(error.to_string().len() < 1000),
    }
}

/// Each reply of the server's side is what the relay's book expects of that command, and its
/// listings are what the listing parser reads. Each line of the data is a command.
pub fn transaction(data: &[u8]) {
    let mut transaction = Transaction::new(FuzzMaildrop);
    for line in data.split(|&b| b == b'\n') {
        let reply = match transaction.answer(line) {
            TransactionStep::Reply(reply) => reply,
            TransactionStep::Update(marked) => {
                assert!(marked.is_sorted() && marked.len() <= FuzzMaildrop::TEXTS.len());
                return;
            }
        };
        let status_end = memchr::memchr(b'\n', &reply).map_or(0, |lf| lf + 1);
        let (status, body) = reply.split_at(status_end);
        assert!(matches!(Status::of_line(status), Status::Ok | Status::Err));
        let has_body = match Verb::of_line(line) {
            Verb::Forward(expected) => expected.body && Status::of_line(status) == Status::Ok,
            Verb::Capa | Verb::Refused(_) | Verb::Unknown => false,
        };
        if has_body {
            let scanned = EndScanner::new().scan(body, Behind::default());
            assert_eq!((scanned.octets, scanned.ended), (body.len(), true));
        } else {
            assert!(body.is_empty());
        }
    }
}

/// Messages with what makes a body hard: dots, no line end, nothing at all.
struct FuzzMaildrop;

impl FuzzMaildrop {
    const TEXTS: [&[u8]; 4] = [
        b"A: b\r\n\r\n.\r\n..\r\n.x\r\n",
        b"A: b\r\n\r\nno end",
        b"",
        b".",
    ];
}

impl Maildrop for FuzzMaildrop {
    fn messages(&self) -> usize {
        Self::TEXTS.len()
    }

    fn octets(&self, number: MessageNumber) -> u64 {
        self.text(number).len() as u64
    }

    fn unique_id(&self, number: MessageNumber) -> String {
        format!("id-{number}")
    }

    fn text(&self, number: MessageNumber) -> &[u8] {
        Self::TEXTS[number.index()]
    }
}
