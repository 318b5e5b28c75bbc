use super::*;
use crate::limits::{BLANK_LINES_MAX, COMMAND_LINE_MAX, REPLY_LINE_MAX, UNASKED_MAX};
use crate::pop3::listing::MessageNumber;

const CAPA: &str = "+OK\r\nTOP\r\n.\r\n";

mod bodies;
mod opaque;
mod own_asks;
mod shown;

fn options(pipelining: bool) -> ExchangeOptions {
    ExchangeOptions {
        pipelining,
        capa_reply: CAPA.into(),
        keeps_listing: false,
        asks_listing: false,
        shown: None,
    }
}

/// An exchange with both ends of its session recorded.
struct Session {
    exchange: Exchange,
    /// Octets of the backend that are too few to tell.
    held: Vec<u8>,
    backend_saw: Vec<u8>,
    client_saw: Vec<u8>,
    replied: Vec<Replied>,
}

impl Session {
    fn new(pipelining: bool) -> Self {
        Self::with(options(pipelining))
    }

    fn with(options: ExchangeOptions) -> Self {
        Self {
            exchange: Exchange::new(options, Trace::default()),
            held: Vec::new(),
            backend_saw: Vec::new(),
            client_saw: Vec::new(),
            replied: Vec::new(),
        }
    }

    fn client(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let mut out = Output::default();
        self.exchange.client_bytes(bytes.as_ref(), &mut out);
        self.exchange.backend_is_read(&mut out);
        self.take(out);
        self
    }

    fn backend(&mut self, bytes: &str) -> &mut Self {
        self.try_backend(bytes.as_bytes()).unwrap();
        self
    }

    fn try_backend(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.in_one_piece(bytes)?;
        let mut out = Output::default();
        let held = std::mem::take(&mut self.held);
        if !held.is_empty()
            && let Disposition::Forward(octets) = self.exchange.backend_pauses(&held, &mut out)?
        {
            self.client_saw.extend_from_slice(&held[..octets]);
        }
        self.exchange.backend_is_read(&mut out);
        self.take(out);
        Ok(())
    }

    /// Of the backend, with more behind it that was not read yet.
    fn in_one_piece(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let bytes = [&std::mem::take(&mut self.held), bytes].concat();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let mut out = Output::default();
            let octets = match self.exchange.backend_bytes(rest, &mut out)? {
                Disposition::Forward(octets) => {
                    self.client_saw.extend_from_slice(&rest[..octets]);
                    octets
                }
                Disposition::Swallow(octets) => octets,
                Disposition::Hold => {
                    self.held = rest.to_vec();
                    rest.len()
                }
            };
            rest = &rest[octets..];
            self.take(out);
        }
        Ok(())
    }

    /// popgate wants to know the listing.
    fn ask(&mut self) -> &mut Self {
        let mut out = Output::default();
        self.exchange.ask_for_listing(&mut out);
        self.take(out);
        self
    }

    /// The backend says nothing for so long.
    fn silence(&mut self, seconds: u64) -> &mut Self {
        let mut out = Output::default();
        let silence = Duration::from_secs(seconds);
        self.exchange.backend_is_silent(silence, &mut out);
        self.exchange.backend_is_read(&mut out);
        self.take(out);
        self
    }

    fn take(&mut self, out: Output) {
        self.backend_saw.extend(out.to_backend);
        self.client_saw.extend(out.to_client);
        self.replied.extend(out.replied);
    }

    fn client_saw(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.client_saw)).unwrap()
    }

    fn backend_saw(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.backend_saw)).unwrap()
    }

    fn tally(&self) -> &Tally {
        self.exchange.tally()
    }
}

#[test]
fn a_backend_that_goes_on_unasked_breaks_the_protocol() {
    let unasked = "+OK and another thing\r\n".repeat(UNASKED_MAX / 23 - 1);
    let mut session = Session::new(true);
    session.backend(&unasked);
    session.client("STAT\r\n").backend("+OK 1 2\r\n");
    assert_eq!(session.client_saw(), "+OK 1 2\r\n");
    let error = session.try_backend(&[b'a'; 100]).unwrap_err();
    assert!(matches!(error, Violation::Unasked));
}

#[test]
fn lines_go_on_ending_in_crlf_with_their_trailing_blanks_cut() {
    let mut session = Session::new(true);
    session.client("STAT\nLIST \r\nRE").client("TR 1\r\n");
    assert_eq!(session.backend_saw(), "STAT\r\nLIST\r\nRETR 1\r\n");
    assert_eq!(session.exchange.awaiting(), 3);
}

#[test]
fn own_answers_come_in_their_place_among_the_replies() {
    let mut session = Session::new(true);
    session.client("CAPA\r\n");
    assert_eq!(session.client_saw(), CAPA);
    session.client("NOOP\r\nUSER x\r\nRETR 1\r\nCAPA\r\n\r\nSTAT\r\n");
    assert_eq!(session.client_saw(), "");
    session.backend("+OK\r\n+OK 3 octets\r\nabc\r\n.\r\n+OK 1 3\r\n");
    assert_eq!(
        session.client_saw(),
        format!(
            "+OK\r\n-ERR Already logged in\r\n+OK 3 octets\r\nabc\r\n.\r\n{CAPA}\
             -ERR No command given\r\n+OK 1 3\r\n"
        )
    );
    assert_eq!(session.backend_saw(), "NOOP\r\nRETR 1\r\nSTAT\r\n");
}

#[test]
fn several_replies_go_on_in_one_step() {
    let mut session = Session::new(true);
    session.client("DELE 1\r\nDELE 2\r\nDELE 3\r\n");
    let mut out = Output::default();
    let replies = b"+OK\r\n-ERR\r\n+O";
    let step = session.exchange.backend_bytes(replies, &mut out);
    assert_eq!(step, Ok(Disposition::Forward(replies.len())));
    assert_eq!(out.replied.len(), 2);
    assert!(session.exchange.in_reply());
}

#[test]
fn an_error_has_no_body() {
    let mut session = Session::new(true);
    session.client("RETR 9\r\nLIST\r\nNOOP\r\n");
    session.backend("-ERR [SYS/TEMP] gone \r\n-ERR no\r\n+OK\r\n");
    assert_eq!(session.exchange.awaiting(), 0);
    let first = Replied {
        to: ReplyTo::Retr,
        status: Status::Err,
        line: b"-ERR [SYS/TEMP] gone".to_vec(),
    };
    assert_eq!(session.replied[0], first);
    assert_eq!(session.replied[2].line, b"");
}

#[test]
fn a_backend_without_pipelining_gets_one_command_at_a_time() {
    let mut session = Session::new(false);
    session.client("LIST\r\nCAPA\r\nRETR 1\r\nQUIT\r\n");
    assert_eq!(session.backend_saw(), "LIST\r\n");
    session.backend("+OK\r\n1 3\r\n");
    assert_eq!(session.backend_saw(), "");
    session.backend(".\r\n");
    assert_eq!(session.backend_saw(), "RETR 1\r\n");
    assert_eq!(session.client_saw(), format!("+OK\r\n1 3\r\n.\r\n{CAPA}"));
    assert_eq!(session.exchange.awaiting(), 2);
    session.backend("-ERR\r\n");
    assert_eq!(session.backend_saw(), "QUIT\r\n");
}

#[test]
fn the_tally_follows_the_replies() {
    let mut session = Session::new(true);
    session.client("STAT\r\nRETR 1\r\nTOP 2 99999999\r\nTOP 2 0\r\nDELE 1\r\nDELE 7\r\n");
    session.backend("+OK 12 345\r\n+OK\r\na\r\n.\r\n+OK\r\nb\r\n.\r\n+OK\r\n.\r\n");
    session.backend("+OK\r\n-ERR\r\n");
    assert_eq!(
        (session.tally().listed, session.tally().retrieved),
        (Some(12), 2)
    );
    assert_eq!(session.tally().marked, 1);
    session.client("RSET\r\nUIDL\r\nDELE 2\r\nDELE 3\r\n");
    session.backend("+OK\r\n+OK\r\n2 x\r\n3 y\r\n.\r\n");
    session.backend("+OK\r\n+OK\r\n");
    assert_eq!(
        (session.tally().listed, session.tally().marked),
        (Some(2), 2)
    );
    session.client("QUIT\r\n").backend("+OK bye\r\n");
    assert_eq!((session.tally().marked, session.tally().deleted), (0, 2));
    assert_eq!(session.tally().commands, 11);
}

#[test]
fn a_message_cut_short_was_not_retrieved() {
    let mut session = Session::new(true);
    session
        .client("RETR 1\r\n")
        .backend("+OK\r\nhalf of it\r\n.");
    assert!(session.exchange.in_reply());
    assert_eq!(session.tally().retrieved, 0);
    session.backend("\r\n");
    assert!(!session.exchange.in_reply());
    assert_eq!(session.tally().retrieved, 1);
}

#[test]
fn nothing_follows_quit_and_a_refused_quit_deletes_nothing() {
    let mut session = Session::new(true);
    session
        .client("DELE 1\r\nquit\r\nRETR 1\r\n")
        .client("NOOP\r\n");
    assert_eq!(session.backend_saw(), "DELE 1\r\nquit\r\n");
    assert!(!session.exchange.wants_client_bytes());
    assert_eq!(session.exchange.quit(), Quit::Sent);
    session.backend("+OK\r\n-ERR not all removed\r\n+OK extra\r\n");
    assert_eq!(session.exchange.quit(), Quit::Answered { ok: false });
    assert_eq!((session.tally().marked, session.tally().deleted), (1, 0));
    assert_eq!(session.tally().commands, 2);
    assert_eq!(session.client_saw(), "+OK\r\n-ERR not all removed\r\n");
}

#[test]
fn what_nobody_asked_for_is_swallowed_to_the_end_of_its_line() {
    let mut session = Session::new(true);
    session.backend("-ERR idle\r\nConnection is");
    session.client("NOOP\r\n").backend(" closed.\r\n+OK\r\n");
    assert_eq!(session.client_saw(), "+OK\r\n");
    assert_eq!(session.replied.len(), 1);
}

#[test]
fn lines_that_cannot_go_on_are_answered_in_their_place() {
    let mut session = Session::new(true);
    let long = [b'x'; COMMAND_LINE_MAX];
    session
        .client("NOOP\r\nRETR \0\r\n")
        .client(long)
        .client("\r\nST\rAT\r\n");
    assert_eq!(session.backend_saw(), "NOOP\r\n");
    session.backend("+OK\r\n");
    assert_eq!(
        session.client_saw(),
        "+OK\r\n-ERR Line holds a NUL or a stray CR\r\n-ERR Line too long\r\n\
         -ERR Line holds a NUL or a stray CR\r\n"
    );
}

#[test]
fn a_line_that_is_no_reply_ends_it_behind_what_was_good() {
    let mut session = Session::new(true);
    session.client("NOOP\r\nNOOP\r\n");
    let result = session.try_backend(b"+OK\r\nHTTP/1.1 400 Bad Request\r\n");
    assert_eq!(result, Err(Violation::NotAReply));
    assert_eq!(session.client_saw(), "+OK\r\n");
    session = Session::new(true);
    session.client("NOOP\r\n");
    assert_eq!(session.try_backend(b"+ \r\n"), Err(Violation::NotAReply));
}

#[test]
fn a_status_line_without_end_is_bounded() {
    let mut session = Session::new(true);
    session.client("NOOP\r\nNOOP\r\n");
    let mut longest = vec![b'x'; REPLY_LINE_MAX];
    longest[..4].copy_from_slice(b"+OK ");
    longest[REPLY_LINE_MAX - 1] = b'\n';
    assert_eq!(session.try_backend(&longest), Ok(()));
    longest[REPLY_LINE_MAX - 1] = b'x';
    assert_eq!(session.try_backend(&longest), Ok(()));
    assert_eq!(session.try_backend(b"\n"), Err(Violation::ReplyLineTooLong));
}

#[test]
fn a_client_that_sends_too_much_ahead_is_left_waiting() {
    let mut session = Session::new(false);
    session.client("NOOP\r\n".repeat(AWAITED_REPLIES_MAX));
    assert!(!session.exchange.wants_client_bytes());
    session.backend("+OK\r\n");
    assert!(session.exchange.wants_client_bytes());
}

#[test]
fn blank_lines_before_a_status_line_go_on_and_are_bounded() {
    let mut session = Session::new(true);
    session.client("STAT\r\nNOOP\r\n");
    session
        .backend("\n+OK 2 82\r\n \r\n\r")
        .backend("\n+OK\r\n");
    assert_eq!(session.client_saw(), "\n+OK 2 82\r\n \r\n\r\n+OK\r\n");
    assert_eq!(session.tally().listed, Some(2));
    session.client("NOOP\r\n");
    let blanks = "\r\n".repeat(BLANK_LINES_MAX);
    assert_eq!(session.try_backend(blanks.as_bytes()), Ok(()));
    assert_eq!(session.try_backend(b"\n"), Err(Violation::NotAReply));
}

#[test]
fn progress_is_what_was_fetched_or_marked_and_the_first_listings() {
    let mut session = Session::new(true);
    session.client("LIST\r\n");
    assert!(session.exchange.progress_is_awaited());
    session.backend("+OK\r\n.\r\n");
    session.client("LIST\r\nNOOP\r\n");
    assert!(!session.exchange.progress_is_awaited());
    session.backend("+OK\r\n.\r\n+OK\r\n");
    assert_eq!(session.exchange.progress(), 1);
    session.client("RETR 1\r\nDELE 9\r\n");
    session.backend("+OK\r\na\r\n.\r\n-ERR\r\n");
    assert_eq!(session.exchange.progress(), 2);
}

#[test]
fn a_trace_says_what_came_before_the_answer_in_front_of_it() {
    let mut session = Session::new(true);
    session.client("CAPA\r\n");
    session.client("STAT\r\n").backend("+OK 2 10\r\n");
    // In one segment; popgate answers the first one itself.
    session
        .client("CAPA\r\nUIDL\r\n")
        .backend("+OK\r\n1 a\r\n.\r\n");
    session.client("RETR 1\r\n").client("RETR 2\r\n");
    assert_eq!(
        session.exchange.trace().to_text(),
        "CAPA, STAT, CAPA, +UIDL, RETR, +RETR"
    );
}

#[test]
fn a_trace_goes_on_from_what_came_before_login_and_ends_where_a_session_becomes_opaque() {
    let before = Trace::from_text("USER, PASS");
    let mut exchange = Exchange::new(options(true), before);
    exchange.client_bytes(b"STAT\r\nXTND XLST\r\nSTAT\r\n", &mut Output::default());
    assert_eq!(exchange.trace().to_text(), "USER, PASS, STAT, +other");
}
