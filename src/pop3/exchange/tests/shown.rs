//! A client that goes on seeing the listing that it was shown before.

use super::*;
use crate::limits::WHOLE_LISTINGS_DUE_MAX;
use crate::pop3::listing::{ScanReader, UniqueIdReader};
use std::sync::Arc;

/// A session in a maildrop of which its client sees two messages, of 120 and 200 octets.
fn two(pipelining: bool, is_all: bool) -> Session {
    let (mut scan, mut ids) = (ScanReader::default(), UniqueIdReader::default());
    scan.read(b"1 120\r\n2 200\r\n.\r\n");
    ids.read(b"1 one\r\n2 two\r\n.\r\n");
    let listing = MaildropListing::new(None, scan, ids).unwrap();
    let shown = ShownMaildrop {
        listing: Arc::new(listing),
        is_all,
    };
    Session::with(ExchangeOptions {
        shown: Some(shown),
        ..options(pipelining)
    })
}

#[test]
fn stat_list_and_uidl_are_answered_from_the_listing() {
    let mut session = two(true, false);
    session.client("STAT\r\nlist \r\nUIDL\r\nLIST 2\r\nUIDL 1\r\nLIST 3\r\nUIDL x\r\n");
    session.client("LIST +1\r\nUIDL 1 2\r\n");
    assert_eq!(session.backend_saw(), "");
    assert_eq!(
        session.client_saw(),
        "+OK 2 320\r\n\
         +OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n\
         +OK 2 messages\r\n1 one\r\n2 two\r\n.\r\n\
         +OK 2 200\r\n+OK 1 one\r\n-ERR No such message\r\n-ERR No such message\r\n\
         -ERR No such message\r\n-ERR No such message\r\n"
    );
}

#[test]
fn an_answer_is_less_what_is_marked_when_it_is_due() {
    for pipelining in [true, false] {
        let mut session = two(pipelining, false);
        session.client("DELE 1\r\nSTAT\r\nUIDL\r\nLIST 1\r\nRSET\r\nLIST\r\nDELE 2\r\nSTAT\r\n");
        assert_eq!(session.client_saw(), "");
        for reply in ["+OK\r\n", "+OK\r\n", "-ERR in use\r\n"] {
            session.backend(reply);
        }
        assert_eq!(session.backend_saw(), "DELE 1\r\nRSET\r\nDELE 2\r\n");
        assert_eq!(
            session.client_saw(),
            "+OK\r\n+OK 1 200\r\n+OK 1 messages\r\n2 two\r\n.\r\n-ERR No such message\r\n\
             +OK\r\n+OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n-ERR in use\r\n+OK 2 320\r\n"
        );
        assert_eq!(session.tally().listed, Some(2));
    }
}

#[test]
fn a_message_that_is_not_shown_never_reaches_the_backend() {
    for is_all in [true, false] {
        for line in [
            "RETR 3",
            "RETR 0",
            "RETR",
            "RETR +1",
            "RETR 1 3",
            "RETR 1,3",
            "RETR 4294967297",
            "RETR 0x1",
            "top 3 0",
            "TOP 3",
            "TOP  3 1",
            "TOP -1 0",
            "DELE 3",
            "dele 1 3",
            "DELE \t3",
            "DELE x",
        ] {
            let mut session = two(true, is_all);
            session.client(format!("NOOP\r\n{line}\r\nNOOP\r\n"));
            assert_eq!(session.backend_saw(), "NOOP\r\nNOOP\r\n", "{line}");
            session.backend("+OK\r\n+OK\r\n");
            let saw = session.client_saw();
            assert_eq!(saw, "+OK\r\n-ERR No such message\r\n+OK\r\n", "{line}");
            assert!(!session.exchange.has_sent_deletion(), "{line}");
        }
    }
}

#[test]
fn all_other_commands_reach_the_backend() {
    for line in [
        "RETR 1", "retr 02", "TOP 2 0", "TOP 1", "TOP 1 x", "DELE 2 ", "NOOP", "RSET", "QUIT",
    ] {
        let mut session = two(true, false);
        session.client(format!("{line}\r\n"));
        assert_eq!(session.backend_saw().trim_end(), line.trim_end());
    }
}

#[test]
fn what_may_tell_of_more_messages_is_refused_where_there_are_more() {
    for line in ["LAST", "XTND XLST", "LIST\t1"] {
        let mut session = two(true, false);
        session.client(format!("{line}\r\nSTAT\r\n"));
        assert_eq!(session.backend_saw(), "", "{line}");
        let saw = session.client_saw();
        assert_eq!(saw, "-ERR Unknown command\r\n+OK 2 320\r\n", "{line}");
        assert!(!session.exchange.opaque(), "{line}");
    }
}

#[test]
fn where_all_messages_are_shown_what_follows_an_unknown_command_passes_unchanged() {
    let mut session = two(true, true);
    session.client("LAST\r\nSTAT\r\nXTND XLST\r\nSTAT\r\n");
    assert_eq!(session.backend_saw(), "LAST\r\nXTND XLST\r\nSTAT\r\n");
    session
        .backend("+OK 0\r\n")
        .backend("-ERR\r\n+OK 2 321\r\n");
    assert_eq!(
        session.client_saw(),
        "+OK 0\r\n+OK 2 320\r\n-ERR\r\n+OK 2 321\r\n"
    );
    assert!(session.exchange.opaque());
}

#[test]
fn an_answer_of_popgates_own_is_counted_and_traced_and_is_no_progress() {
    let mut session = two(true, false);
    session.client("STAT\r\nLIST\r\nUIDL 1\r\n");
    session.client("DELE 1\r\n").backend("+OK\r\n");
    session.client("UIDL\r\n");
    assert_eq!(
        session.exchange.trace().to_text(),
        "STAT, +LIST, +UIDL n, DELE, UIDL"
    );
    assert_eq!(session.exchange.last_command(), Some(Keyword::Uidl));
    assert_eq!(session.exchange.progress(), 1);
    let expected = Tally {
        commands: 5,
        listed: Some(1),
        marked: 1,
        ..Tally::default()
    };
    assert_eq!(session.tally(), &expected);
    let told: Vec<_> = session.replied.iter().map(|reply| reply.to).collect();
    assert_eq!(told, [ReplyTo::Dele]);
    assert_eq!(session.exchange.marks(), [true]);
}

#[test]
fn the_line_of_a_refusal_is_told() {
    let mut session = two(true, false);
    for line in ["RETR 9\r\n", "UIDL 9\r\n", "XTND\r\n"] {
        let mut out = Output::default();
        session.exchange.client_bytes(line.as_bytes(), &mut out);
        assert_eq!(
            out.refusal.map(str::as_bytes),
            Some(&out.to_client[..]),
            "{line}"
        );
    }
}

#[test]
fn a_client_that_asks_for_listing_after_listing_gets_only_so_many_at_a_time() {
    let mut session = two(true, false);
    let asked = "UIDL\r\n".repeat(WHOLE_LISTINGS_DUE_MAX + 9);
    let given = |saw: String| saw.matches("two\r\n").count();
    let refused = |saw: &str| saw.matches("-ERR Too many").count();
    session.client(&asked);
    let saw = session.client_saw();
    assert_eq!((refused(&saw), given(saw)), (9, WHOLE_LISTINGS_DUE_MAX));
    // In the queue it is the same, also where they come one by one.
    session.client("NOOP\r\n");
    for _ in 0..WHOLE_LISTINGS_DUE_MAX + 9 {
        session.client("UIDL\r\nSTAT\r\n");
    }
    session.backend("+OK\r\n");
    let saw = session.client_saw();
    assert_eq!((refused(&saw), given(saw)), (9, WHOLE_LISTINGS_DUE_MAX));
    session.client("UIDL\r\n");
    assert_eq!(given(session.client_saw()), 1);
}

#[test]
fn a_session_can_leave_its_maildrop_only_where_nobody_would_see_it() {
    let fresh = || two(false, true);
    assert!(fresh().exchange.can_leave_maildrop());
    for (client, backend) in [
        ("NOOP\r\n", ""),
        ("NOOP\r\nSTAT\r\n", ""),
        ("DELE 1\r\n", "+OK\r\n"),
        ("RETR 1\r\n", "+OK\r\na\n.\n"),
        ("QUIT\r\n", ""),
        ("QUIT\r\n", "+OK\r\n"),
        ("XTND\r\n", "+OK\r\n"),
        (&"x".repeat(COMMAND_LINE_MAX), ""),
    ] {
        let mut session = fresh();
        session.client(client).backend(backend);
        assert!(!session.exchange.can_leave_maildrop(), "{client:?}");
    }
    let mut session = fresh();
    session
        .client("RETR 1\r\nRET")
        .in_one_piece(b"+OK\r\n.\r\n")
        .unwrap();
    assert!(!session.exchange.can_leave_maildrop());
    session.client("R");
    assert!(session.exchange.can_leave_maildrop());
    assert_eq!(session.exchange.take_partial(), "RETR");
    session.client("NOOP\r\n");
    assert_eq!(session.backend_saw(), "RETR 1\r\nNOOP\r\n");
}

#[test]
fn a_deletion_is_sent_when_the_backend_gets_it() {
    let mut session = two(false, false);
    session.client("NOOP\r\nDELE 1\r\n");
    assert!(!session.exchange.has_sent_deletion());
    session.backend("+OK\r\n");
    assert!(session.exchange.has_sent_deletion() && !session.exchange.has_fetched());
    session
        .backend("-ERR\r\n")
        .client("RETR 1\r\n")
        .backend("+OK\r\n");
    assert!(session.exchange.has_sent_deletion() && session.exchange.has_fetched());
}
