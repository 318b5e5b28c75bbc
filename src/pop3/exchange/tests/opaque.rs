//! A session in which an unknown command has passed.

use super::*;

#[test]
fn an_unknown_command_makes_everything_behind_it_pass_unchanged() {
    let mut session = Session::new(true);
    session.client("RETR 1\r\nCAPA\r\nXTND XMIT\nraw\r line\n\0part");
    assert!(session.exchange.opaque());
    assert_eq!(
        session.backend_saw(),
        "RETR 1\r\nXTND XMIT\r\nraw\r line\n\0part"
    );
    session.backend("+OK\r\na\r\n.\r\n+ anything\n");
    assert_eq!(
        session.client_saw(),
        format!("+OK\r\na\r\n.\r\n{CAPA}+ anything\n")
    );
    session.backend("goes");
    assert_eq!(session.client_saw(), "goes");
}

#[test]
fn an_opaque_quit_is_settled_by_the_last_line() {
    let mut session = Session::new(true);
    session.client("DELE 1\r\n").backend("+OK\r\n");
    session.client("LANG\r\nQU").client("IT \r\nNOOP\r\n");
    assert_eq!(session.backend_saw(), "DELE 1\r\nLANG\r\nQUIT \r\n");
    assert_eq!(session.exchange.quit(), Quit::Sent);
    session.backend("-ERR unknown\r\n+O").backend("K bye\r\n");
    session.exchange.backend_closed();
    assert_eq!(session.exchange.quit(), Quit::Answered { ok: true });
    assert_eq!(session.tally().deleted, 1);
}

#[test]
fn half_an_opaque_quit_is_kept_until_the_line_is_whole() {
    let mut session = Session::new(true);
    session.client("LANG\r\nqui");
    assert_eq!(session.backend_saw(), "LANG\r\n");
    session.client("t ");
    assert_eq!(session.backend_saw(), "");
    session.client("now");
    assert_eq!(session.backend_saw(), "quit now");
    session.client("\r\nQUIT\r");
    assert_eq!(session.backend_saw(), "\r\n");
    session.client("\n");
    assert_eq!(session.backend_saw(), "QUIT\r\n");
    assert_eq!(session.exchange.quit(), Quit::Sent);
}

#[test]
fn an_opaque_quit_without_an_answer_stays_unanswered() {
    let mut session = Session::new(true);
    session.client("LANG\r\n").backend("+OK\r\n.\r\n");
    session
        .client("XQUIT\r\nQUIT a\r\nQUIT\r\n")
        .backend("+OK cut");
    session.exchange.backend_closed();
    assert_eq!(session.exchange.quit(), Quit::Sent);
}

#[test]
fn an_opaque_session_waits_for_the_replies_before_it() {
    let mut session = Session::new(false);
    session.client("STAT\r\nNOOP\r\nLANG\r\nmore");
    assert_eq!(session.backend_saw(), "STAT\r\n");
    assert!(!session.exchange.wants_client_bytes());
    session.backend("+OK 0 0\r\n");
    assert_eq!(session.backend_saw(), "NOOP\r\n");
    session.backend("+OK\r\n");
    assert_eq!(session.backend_saw(), "LANG\r\nmore");
    assert!(session.exchange.wants_client_bytes());
}
