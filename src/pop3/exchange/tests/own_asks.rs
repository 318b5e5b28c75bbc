//! What popgate asks itself for the listing.

use super::*;

fn asking(pipelining: bool) -> Session {
    Session::with(ExchangeOptions {
        keeps_listing: true,
        asks_listing: true,
        ..options(pipelining)
    })
}

const ASKS: &str = "STAT\r\nLIST\r\nUIDL\r\n";

const REPLIES: [&str; 3] = [
    "+OK 2 320\r\n",
    "+OK\r\n1 120\r\n2 200\r\n.\r\n",
    "+OK\r\n1 one\r\n2 two\r\n.\r\n",
];

impl Session {
    /// The sizes of the listing, where it is whole and was not taken yet.
    fn listed(&mut self) -> Option<u64> {
        let listing = self.exchange.take_listing()?.unwrap();
        Some(listing.octets())
    }
}

#[test]
fn what_is_missing_is_asked_for_and_the_client_sees_nothing_of_it() {
    let mut session = asking(true);
    session.ask();
    assert_eq!(session.backend_saw(), ASKS);
    assert!(session.exchange.asks_itself() && session.exchange.is_at_rest());
    assert!(!session.exchange.can_leave_maildrop());
    assert_eq!(
        (session.exchange.awaiting(), session.exchange.held_back()),
        (0, 0)
    );
    session.backend(&REPLIES.concat());
    assert!(!session.exchange.asks_itself() && session.exchange.can_leave_maildrop());
    assert_eq!(
        (session.client_saw().as_str(), session.listed()),
        ("", Some(320))
    );
    assert!(session.replied.is_empty());
    assert_eq!(session.tally(), &Tally::default());
    assert_eq!(session.exchange.progress(), 0);
    assert_eq!(session.exchange.trace().to_text(), "");
    assert_eq!(
        (session.exchange.last_command(), session.exchange.uidl()),
        (None, None)
    );
}

#[test]
fn a_backend_without_pipelining_is_asked_one_by_one() {
    let mut session = asking(false);
    session.ask();
    for (ask, reply) in ASKS.split_inclusive('\n').zip(REPLIES) {
        assert_eq!(session.backend_saw(), ask);
        assert_eq!(session.exchange.held_back(), 0);
        session.backend(reply);
    }
    assert_eq!(session.listed(), Some(320));
}

#[test]
fn only_what_is_missing_is_asked_for() {
    for (asked, replies, asks) in [
        ("STAT\r\n", REPLIES[0], "LIST\r\nUIDL\r\n"),
        ("LIST\r\n", REPLIES[1], "STAT\r\nUIDL\r\n"),
        ("UIDL\r\n", REPLIES[2], "STAT\r\nLIST\r\n"),
        ("UIDL 1\r\nLIST 1\r\n", "+OK 1 one\r\n+OK 1 120\r\n", ASKS),
        ("LIST\r\nUIDL\r\n", &REPLIES[1..].concat(), ""),
        ("LIST\r\n", "-ERR\r\n", ASKS),
        ("LIST\r\n", "+OK\n1 120\n2 200\n.\n", "STAT\r\nUIDL\r\n"),
        (
            "UIDL\r\nNOOP\r\n",
            "+OK\r\n1 one\r\n2 two\r\n.\r\n+OK\r\n",
            ASKS,
        ),
    ] {
        let mut session = asking(true);
        session.client(asked).backend(replies);
        session.backend_saw();
        session.ask();
        assert_eq!(session.backend_saw(), asks, "{asked:?}");
    }
}

#[test]
fn a_part_that_was_let_go_is_asked_for_again() {
    let mut session = asking(true);
    session.client("UIDL\r\n").backend(REPLIES[2]);
    session.exchange.forget_part_of_listing();
    session.ask();
    assert_eq!(session.backend_saw(), format!("UIDL\r\n{ASKS}"));
}

#[test]
fn it_is_asked_once_whatever_is_answered() {
    let mut session = asking(true);
    session.ask().ask();
    session
        .backend("-ERR\r\n-ERR [SYS/TEMP] no\r\n+OK\r\n.\r\n")
        .ask();
    session.client("QUIT\r\n");
    assert_eq!(session.backend_saw(), format!("{ASKS}QUIT\r\n"));
    assert!(session.exchange.take_listing().is_none() && session.replied.is_empty());
}

#[test]
fn nothing_is_asked_where_it_may_not_be_or_is_of_no_use() {
    for (allowed, client, backend) in [
        (false, "", ""),
        (true, "NOOP\r\n", ""),
        (true, "DELE 1\r\n", "+OK\r\n"),
        (true, "XTND\r\n", "+OK\r\n"),
        (true, "QUIT\r\n", "+OK\r\n"),
        (true, "RETR 1\r\n", "+OK\r\nhalf\n.\n"),
    ] {
        let mut session = asking(true);
        // What is asked before QUIT is another matter.
        session.exchange.options.asks_listing = false;
        session.client(client).backend(backend);
        session.exchange.options.asks_listing = allowed;
        session.ask();
        assert_eq!(session.backend_saw(), client, "{client:?}");
    }
    let mut session = asking(true);
    session.client("NOOP\r\n");
    session.in_one_piece(b"-ERR\r\n").unwrap();
    session.ask();
    assert_eq!(session.backend_saw(), "NOOP\r\n", "more may be on its way");
}

#[test]
fn deletions_that_were_taken_back_are_none() {
    let mut session = asking(true);
    session
        .client("DELE 1\r\nRSET\r\n")
        .backend("+OK\r\n+OK\r\n")
        .ask();
    assert_eq!(session.backend_saw(), format!("DELE 1\r\nRSET\r\n{ASKS}"));
    session.backend(&REPLIES.concat());
    assert_eq!(session.listed(), Some(320));
}

#[test]
fn what_the_client_sends_meanwhile_is_answered_behind_it_at_every_split() {
    let answers = "+OK\r\n+OK 3 octets\r\nabc\r\n.\r\n-ERR\r\n";
    let replies = [&REPLIES.concat(), answers].concat();
    for pipelining in [true, false] {
        for cut in 1..replies.len() {
            let mut session = asking(pipelining);
            session.ask().client("NOOP\r\nCAPA\r\nRETR 1\r\nLIST 1\r\n");
            assert_eq!(
                (session.exchange.awaiting(), session.client_saw().len()),
                (3, 0)
            );
            assert!(!session.exchange.is_at_rest());
            let (first, second) = replies.split_at(cut);
            session.backend(first).backend(second);
            let saw = session.client_saw();
            assert_eq!(
                saw,
                answers.replacen("+OK\r\n", &format!("+OK\r\n{CAPA}"), 1)
            );
            assert_eq!(session.listed(), Some(320), "{cut}");
            assert_eq!(session.replied.len(), 3);
            let trace = session.exchange.trace().to_text();
            assert_eq!(trace, "NOOP, +CAPA, +RETR, +LIST n");
        }
    }
}

#[test]
fn what_follows_an_unknown_command_behind_it_passes_unchanged() {
    for pipelining in [true, false] {
        let mut session = asking(pipelining);
        session.ask().client("XTND\r\nraw");
        for reply in REPLIES {
            session.backend(reply);
        }
        session.backend("+ anything");
        assert_eq!(session.backend_saw(), format!("{ASKS}XTND\r\nraw"));
        assert_eq!(session.client_saw(), "+ anything");
    }
}

#[test]
fn a_client_that_waits_behind_it_is_not_at_rest() {
    let mut session = asking(false);
    session.ask().backend(REPLIES[0]);
    session.in_one_piece(b"+OK\n1 120\n.\n").unwrap();
    assert!(session.exchange.is_at_rest());
    let mut out = Output::default();
    session.exchange.client_bytes(b"NOOP\r\n", &mut out);
    assert!(!session.exchange.is_at_rest());
}

#[test]
fn the_first_command_behind_it_was_not_sent_ahead() {
    let mut session = asking(true);
    session.ask().client("NOOP\r\n").client("NOOP\r\n");
    assert_eq!(session.exchange.trace().to_text(), "NOOP, +NOOP");
}

#[test]
fn a_listing_in_bare_line_feeds_ends_at_its_dot() {
    for pipelining in [true, false] {
        let mut session = asking(pipelining);
        session.ask();
        for reply in REPLIES {
            session.backend(&reply.replace('\r', ""));
        }
        assert!(!session.exchange.asks_itself());
        assert_eq!(
            (session.listed(), session.client_saw().as_str()),
            (Some(320), "")
        );
    }
}

#[test]
fn a_listing_that_never_comes_holds_the_client_back_for_a_while_only() {
    let mut session = asking(false);
    session.ask().backend(REPLIES[0]).backend("+OK empty\r\n");
    session.silence(100);
    assert_eq!(session.backend_saw(), "STAT\r\nLIST\r\n");
    session.client("NOOP\r\n").silence(9);
    assert_eq!(session.backend_saw(), "");
    session.silence(10).backend("+OK\r\n").silence(10);
    assert_eq!(session.backend_saw(), "UIDL\r\nNOOP\r\n");
    session.backend("+OK\r\n");
    assert_eq!(session.client_saw(), "+OK\r\n");
}

#[test]
fn an_empty_listing_without_a_body_holds_the_client_back_no_longer_than_its_own_would() {
    let mut session = asking(true);
    session.ask().client("QUIT\r\n");
    assert_eq!(session.backend_saw(), ASKS);
    session.backend("+OK 0 0\r\n+OK no messages\r\n");
    session.silence(2).backend("+OK no messages\r\n");
    assert_eq!(session.backend_saw(), "");
    session.silence(1);
    assert_eq!(session.backend_saw(), "");
    session.silence(2);
    assert_eq!(session.backend_saw(), "QUIT\r\n");
}

#[test]
fn deletions_wait_for_it_as_for_every_body() {
    let mut session = asking(true);
    session.ask().client("DELE 1\r\nQUIT\r\n");
    assert_eq!(session.backend_saw(), ASKS);
    session
        .backend(&REPLIES[..2].concat())
        .backend("+OK\r\n1 one\r\n");
    assert_eq!(session.backend_saw(), "");
    session.in_one_piece(b"2 two\r\n.\r\n").unwrap();
    assert_eq!(session.backend_saw(), "");
    session.backend("");
    assert_eq!(session.backend_saw(), "DELE 1\r\n");
    session.backend("+OK\r\n");
    assert_eq!(session.backend_saw(), "QUIT\r\n");
}

#[test]
fn before_quit_it_is_asked_what_is_not_on_its_way() {
    for (sent, asks) in [
        ("", ASKS),
        ("STAT\r\nLIST\r\n", "UIDL\r\n"),
        ("UIDL\r\nLIST\r\n", ""),
        ("UIDL\r\nNOOP\r\n", ASKS),
        ("UIDL\r\nLIST\r\nNOOP\r\n", ""),
        ("UIDL 1\r\nLIST 1\r\n", ASKS),
        ("RETR 1\r\n", ""),
        ("TOP 1 0\r\n", ""),
        ("DELE 1\r\nRSET\r\n", ""),
        ("XTND\r\n", ""),
    ] {
        let mut session = asking(true);
        session.client(format!("{sent}QUIT\r\n"));
        // QUIT waits for the bodies in front of it.
        let held = String::from_utf8_lossy(&session.exchange.held).into_owned();
        let saw = session.backend_saw() + &held;
        assert_eq!(saw, format!("{sent}{asks}QUIT\r\n"), "{sent:?}");
    }
}

#[test]
fn before_the_first_fetch_it_is_asked_what_the_client_leaves_out() {
    for (sent, asks, fetches) in [
        ("STAT\r\nUIDL\r\n", "LIST\r\n", "RETR 1\r\nRETR 2\r\n"),
        ("UIDL\r\nLIST 1\r\n", "STAT\r\nLIST\r\n", "TOP 1 0\r\n"),
        ("LIST\r\n", "STAT\r\nUIDL\r\n", "DELE 1\r\n"),
        ("UIDL\r\nLIST\r\n", "", "RETR 1\r\n"),
        ("STAT\r\n", "", "RETR 1\r\n"),
        ("UIDL 1\r\n", "", "RETR 1\r\n"),
        // What is marked is missing in a listing, whatever the answer will be.
        ("DELE 1\r\nUIDL\r\n", "", "RETR 2\r\n"),
        ("DELE 1\r\nRSET\r\nLIST\r\n", "", "TOP 2 0\r\n"),
    ] {
        let mut session = asking(true);
        session.client(format!("{sent}{fetches}"));
        let held = String::from_utf8_lossy(&session.exchange.held).into_owned();
        let saw = session.backend_saw() + &held;
        assert_eq!(saw, format!("{sent}{asks}{fetches}"), "{sent:?}");
    }
}

#[test]
fn a_quit_behind_its_own_questions_is_answered_and_the_listing_known() {
    for pipelining in [true, false] {
        let mut session = asking(pipelining);
        session
            .client("UIDL\r\n")
            .backend(REPLIES[2])
            .client("QUIT\r\n");
        session.client_saw();
        session.backend(REPLIES[0]).backend(REPLIES[1]);
        assert_eq!(session.backend_saw(), "UIDL\r\nSTAT\r\nLIST\r\nQUIT\r\n");
        session.backend("+OK bye\r\n");
        assert_eq!(session.exchange.quit(), Quit::Answered { ok: true });
        assert_eq!(
            (session.client_saw().as_str(), session.listed()),
            ("+OK bye\r\n", Some(320))
        );
    }
}

#[test]
fn what_was_fetched_before_quit_is_not_asked_about() {
    let mut session = asking(true);
    session
        .client("RETR 1\r\n")
        .backend("+OK\r\n.\r\n")
        .client("QUIT\r\n");
    assert_eq!(session.backend_saw(), "RETR 1\r\nQUIT\r\n");
}

#[test]
fn early_octets_are_swallowed_to_the_end_of_their_line() {
    let mut session = asking(true);
    session
        .backend("-ERR by the")
        .ask()
        .backend(" way\r\n")
        .backend(&REPLIES.concat());
    assert_eq!(
        (session.listed(), session.client_saw().as_str()),
        (Some(320), "")
    );
}

#[test]
fn a_violation_in_it_is_one() {
    let mut session = asking(true);
    session.ask();
    assert_eq!(
        session.try_backend(b"HTTP/1.1 400\r\n"),
        Err(Violation::NotAReply)
    );
    let mut session = asking(true);
    session.ask().backend(&REPLIES.concat());
    let late = session.try_backend(b"3 three\r\n");
    assert!(matches!(late, Err(Violation::BehindBody(_))), "{late:?}");
}

#[test]
fn what_is_read_of_the_listing_takes_memory_until_it_is_given_up() {
    let mut session = asking(true);
    session.ask();
    let mut taken = Vec::new();
    for piece in [REPLIES[0], REPLIES[1], "+OK\r\n1 one\r\n"] {
        session.backend(piece);
        taken.push(session.exchange.listing_footprint());
    }
    assert!(
        taken[0] == 0 && taken[1] > 0 && taken[2] > taken[1],
        "{taken:?}"
    );
    session.exchange.give_up_listing();
    session.backend("2 two\r\n.\r\n");
    assert_eq!(session.exchange.listing_footprint(), 0);
    assert!(session.listed().is_none() && !session.exchange.asks_itself());
    session.ask();
    assert_eq!(session.backend_saw(), ASKS);
}
