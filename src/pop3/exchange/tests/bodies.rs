//! Where a body ends, and what comes behind it.

use super::*;

#[test]
fn a_body_in_bare_line_feeds_ends_at_its_dot_when_the_client_goes_on() {
    for body in ["a\n.\r\n", "a\n.\n", "a\r\n.\n", ".\n"] {
        for pipelining in [true, false] {
            let mut session = Session::new(pipelining);
            session
                .client("RETR 1\r\n")
                .backend(&format!("+OK\r\n{body}"));
            assert!(session.exchange.in_reply() && session.exchange.is_at_rest());
            assert_eq!(session.client_saw(), format!("+OK\r\n{body}"));
            session.client("DELE 1\r\n");
            assert_eq!(session.backend_saw(), "RETR 1\r\nDELE 1\r\n");
            session
                .backend("+OK\r\n")
                .client("QUIT\r\n")
                .backend("+OK bye\r\n");
            assert_eq!((session.tally().retrieved, session.tally().deleted), (1, 1));
        }
    }
}

#[test]
fn a_dot_between_bare_line_feeds_is_data_where_the_body_goes_on() {
    let mut session = Session::new(true);
    session.client("RETR 1\r\n");
    for piece in ["+OK\r\na\n.\n", "b\n.\r\n", "c\r\n.\r\n"] {
        session.backend(piece);
    }
    assert_eq!(session.exchange.awaiting(), 0);
    assert_eq!(session.client_saw(), "+OK\r\na\n.\nb\n.\r\nc\r\n.\r\n");
}

#[test]
fn pipelined_bodies_in_bare_line_feeds_end_where_the_next_reply_begins() {
    let mut session = Session::new(true);
    session.client("LIST\r\nRETR 1\r\nRETR 2\r\nNOOP\r\nSTAT\r\n");
    let replies = "+OK\n1 3\n2 3\n.\n+OK\na\n.\n+OK\nb\n.\n-ERR\n+OK 2 6\n";
    session.backend(replies);
    assert_eq!(session.client_saw(), replies);
    assert_eq!(session.exchange.awaiting(), 0);
    assert_eq!(
        (session.tally().listed, session.tally().retrieved),
        (Some(2), 2)
    );
}

#[test]
fn commands_sent_ahead_go_on_when_the_backend_is_silent_behind_a_lone_dot() {
    let mut session = Session::new(false);
    session
        .client("LIST\r\nRETR 1\r\n")
        .backend("+OK\n1 3\n.\n");
    assert_eq!(session.backend_saw(), "LIST\r\n");
    session.silence(1);
    assert_eq!(session.backend_saw(), "RETR 1\r\n");
    assert_eq!(session.tally().listed, Some(1));
}

#[test]
fn a_body_that_never_came_holds_nothing_back_for_ever() {
    let mut session = Session::new(false);
    session.client("LIST\r\n").backend("+OK 0 messages\r\n");
    session.client("QUIT\r\n").silence(1);
    assert_eq!(session.backend_saw(), "LIST\r\n");
    session.silence(2);
    assert_eq!(session.backend_saw(), "QUIT\r\n");
    session.backend("+OK\r\n");
    assert_eq!(session.exchange.quit(), Quit::Answered { ok: true });
}

#[test]
fn a_body_that_its_client_took_for_whole_holds_nothing_back_for_ever() {
    let mut session = Session::new(true);
    session.client("RETR 1\r\n").backend("+OK 4 octets\r\nmail");
    session.client("DELE 1\r\n").silence(9);
    assert_eq!(session.backend_saw(), "RETR 1\r\n");
    session.silence(10);
    assert_eq!(session.backend_saw(), "DELE 1\r\n");
    let late = session.try_backend(b"!\r\n.\r\n");
    assert!(matches!(late, Err(Violation::BehindBody(_))));
}

#[test]
fn a_body_that_stops_in_the_middle_keeps_back_what_was_sent_ahead_of_it() {
    let mut session = Session::new(false);
    session.client("RETR 1\r\nDELE 1\r\n");
    session.backend("+OK\r\nhalf").silence(100);
    assert_eq!(session.backend_saw(), "RETR 1\r\n");
}

#[test]
fn what_is_no_reply_behind_a_body_ends_the_session() {
    for rest in ["after\r\nmore\r\n.\r\n", "-- \r\n", "x", ".\r\n", "+1"] {
        let mut session = Session::new(true);
        session.client("RETR 7\r\n");
        let end = session.try_backend(format!("+OK\r\nbefore\r\n.\r\n{rest}").as_bytes());
        assert_eq!(session.client_saw(), "+OK\r\nbefore\r\n.\r\n");
        let Err(Violation::BehindBody(reply)) = end else {
            panic!("{rest:?}: {end:?}");
        };
        assert_eq!(
            (reply.to, reply.number),
            (ReplyTo::Retr, MessageNumber::new(7))
        );
    }
}

#[test]
fn a_farewell_behind_a_body_is_swallowed() {
    let mut session = Session::new(true);
    session.client("RETR 1\r\n").backend("+OK\r\na\r\n.\r\n");
    session
        .backend("\r\n-ER")
        .backend("R idle for too long\r\n");
    assert_eq!(session.client_saw(), "+OK\r\na\r\n.\r\n");
}

#[test]
fn no_deletion_passes_before_all_behind_a_body_is_read() {
    for pipelining in [true, false] {
        let mut session = Session::new(pipelining);
        session.client("RETR 1\r\nDELE 1\r\nQUIT\r\n");
        assert_eq!(session.backend_saw(), "RETR 1\r\n");
        session.in_one_piece(b"+OK\r\na\r\n.\r\n").unwrap();
        assert_eq!(session.backend_saw(), "");
        let end = session.in_one_piece(b"after\r\n");
        assert!(matches!(end, Err(Violation::BehindBody(_))));
        assert_eq!(session.backend_saw(), "");
    }
}

#[test]
fn quit_waits_for_the_answer_behind_a_body() {
    let mut session = Session::new(true);
    session.client("RETR 1\r\nDELE 1\r\nQUIT\r\n");
    session.backend("+OK\r\na\r\n.\r\n");
    assert_eq!(session.backend_saw(), "RETR 1\r\nDELE 1\r\n");
    let end = session.try_backend(b"after\r\n");
    assert!(matches!(end, Err(Violation::BehindBody(_))));
    assert_eq!(session.backend_saw(), "");
}

#[test]
fn a_command_ends_no_body_of_which_more_is_still_to_be_read() {
    let mut session = Session::new(true);
    session.client("RETR 1\r\n");
    session.in_one_piece(b"+OK\r\na\n.\n").unwrap();
    let mut out = Output::default();
    session.exchange.client_bytes(b"NOOP\r\n", &mut out);
    session.take(out);
    session.in_one_piece(b"b\r\n.\r\n+OK\r\n").unwrap();
    assert_eq!(session.client_saw(), "+OK\r\na\n.\nb\r\n.\r\n+OK\r\n");
    assert_eq!(session.exchange.awaiting(), 0);
}
