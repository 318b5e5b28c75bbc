use super::*;
use crate::pop3::listing::{DropListing, ScanReader, UniqueIdReader};
use proptest::prelude::*;

const CAPA: &[u8] = b"+OK\r\nUIDL\r\n.\r\n";

fn listing(messages: &[(u32, String)]) -> Arc<MaildropListing> {
    let (mut scan, mut ids) = (ScanReader::default(), UniqueIdReader::default());
    let stat = DropListing {
        messages: messages.len() as u64,
        octets: messages.iter().map(|(octets, _)| u64::from(*octets)).sum(),
    };
    for ((octets, id), number) in messages.iter().zip(1..) {
        scan.read(format!("{number} {octets}\r\n").as_bytes());
        ids.read(format!("{number} {id}\r\n").as_bytes());
    }
    scan.read(b".\r\n");
    ids.read(b".\r\n");
    Arc::new(MaildropListing::new(Some(stat), scan, ids).unwrap())
}

fn two() -> View {
    let messages = [(120, "one".to_owned()), (200, "two".to_owned())];
    let listing = listing(&messages);
    View::new(listing, Arc::from(CAPA), Trace::default(), BytesMut::new())
}

/// All that a view answers to `sent`, and where it stops.
fn run(view: &mut View, sent: &[u8]) -> (String, ViewStep) {
    view.push(sent);
    let mut said = Vec::new();
    loop {
        match view.step() {
            ViewStep::Answer(answer) => said.extend(answer),
            ViewStep::Quit(answer) => {
                said.extend_from_slice(&answer);
                return (text(&said), ViewStep::Quit(answer));
            }
            other => return (text(&said), other),
        }
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn a_listing_answers_what_asks_for_no_message() {
    let (said, step) = run(
        &mut two(),
        b"STAT\r\nlist\r\nUIDL\r\nLIST 2\r\nUIDL 1\r\nNOOP\r\nRSET\r\nCAPA\r\nQUIT\r\n",
    );
    assert_eq!(
        said,
        "+OK 2 320\r\n\
         +OK 2 messages\r\n1 120\r\n2 200\r\n.\r\n\
         +OK 2 messages\r\n1 one\r\n2 two\r\n.\r\n\
         +OK 2 200\r\n+OK 1 one\r\n+OK\r\n+OK\r\n\
         +OK\r\nUIDL\r\n.\r\n+OK Bye\r\n"
    );
    assert!(matches!(step, ViewStep::Quit(_)));
}

#[test]
fn a_long_listing_is_answered_in_pieces_before_what_was_sent_behind_it() {
    for messages in [0, 1, LISTING_PIECE, LISTING_PIECE + 1, 10 * LISTING_PIECE] {
        let all: Vec<_> = (0..messages).map(|n| (7, format!("{n:0>70}"))).collect();
        let listing = listing(&all);
        let whole = ListingReplies::new(&listing, &[]);
        let whole = [whole.list(None), whole.uidl(None), reply_line("+OK")].concat();
        let mut view = View::new(listing, CAPA.into(), Trace::default(), BytesMut::new());
        view.push(b"LIST\r\nUIDL\r\nNOOP\r\n");
        let mut said = Vec::new();
        while let ViewStep::Answer(piece) = view.step() {
            assert!(piece.len() <= 80 * LISTING_PIECE, "{} octets", piece.len());
            said.extend(piece);
        }
        assert_eq!(text(&said), text(&whole), "{messages} messages");
        assert_eq!(view.commands(), 3);
    }
}

#[test]
fn what_is_no_message_or_no_command_of_a_session_is_refused() {
    let lines = b"RETR 3\r\nDELE 0\r\nLIST 3\r\nUIDL x\r\nTOP x 1\r\nPASS x\r\nSTLS\r\n\r\n\
        RETR +1\r\nDELE 1 2\r\nLIST +1\r\nUIDL 1 2\r\n";
    let (said, step) = run(&mut two(), lines);
    assert!(said.lines().all(|line| line.starts_with("-ERR ")), "{said}");
    assert_eq!((said.lines().count(), step), (12, ViewStep::Idle));
}

#[test]
fn a_line_that_no_server_would_read_is_refused() {
    let long = [
        b"X".repeat(COMMAND_LINE_MAX),
        b"\r\nNO\0OP\r\nNOOP\r\n".to_vec(),
    ]
    .concat();
    let (said, _) = run(&mut two(), &long);
    assert_eq!(
        said,
        "-ERR Line too long\r\n-ERR Line holds a NUL or a stray CR\r\n+OK\r\n"
    );
}

#[test]
fn a_view_stops_at_the_first_command_that_needs_the_maildrop() {
    for (command, needs) in [
        ("RETR 1", Needs::AllMessages),
        ("top 2 0", Needs::AllMessages),
        ("TOP 1", Needs::AllMessages),
        ("DELE 2", Needs::AllMessages),
        ("LAST", Needs::SameListing),
        ("XTND XLST", Needs::SameListing),
    ] {
        let mut view = two();
        let sent = format!("NOOP\r\n{command}\r\nQUI");
        let (said, step) = run(&mut view, sent.as_bytes());
        assert_eq!((said.as_str(), step), ("+OK\r\n", ViewStep::Needs(needs)));
        view.push(b"T\n");
        assert_eq!(view.step(), ViewStep::Needs(needs));
        let unanswered = view.into_unanswered();
        assert_eq!(text(&unanswered), format!("{command}\r\nQUIT\n"));
    }
}

#[test]
fn a_view_begins_with_what_its_client_has_sent_and_done_before() {
    let messages = [(120, "one".to_owned())];
    let before = Trace::from_text("USER, PASS, STAT");
    let input = BytesMut::from(&b"UIDL\r\nLI"[..]);
    let mut view = View::new(listing(&messages), Arc::from(CAPA), before, input);
    let (said, _) = run(&mut view, b"ST 1\r\n");
    assert_eq!(said, "+OK 1 messages\r\n1 one\r\n.\r\n+OK 1 120\r\n");
    run(&mut view, b"NOOP\r\n");
    run(&mut view, b"NO\0OP\r\n");
    run(&mut view, b"retr 1\r\nNOOP\r\n");
    let trace = view.trace().to_text();
    assert_eq!(trace, "USER, PASS, STAT, UIDL, +LIST n, NOOP");
    assert_eq!(view.commands(), 4);
    assert_eq!(view.last_command(), Some(Keyword::Retr));
}

/// A command, and what a naive model of the two messages that are listed says to it: an answer, or
/// nothing where it needs the maildrop.
fn commands() -> impl Strategy<Value = (String, Option<String>)> {
    let number = 0_u32..5;
    prop_oneof![
        Just(("STAT".to_owned(), Some("+OK 2 320\r\n".to_owned()))),
        Just(("NOOP".to_owned(), Some("+OK\r\n".to_owned()))),
        number.clone().prop_map(|n| {
            let answer = match n {
                1 => "+OK 1 120\r\n",
                2 => "+OK 2 200\r\n",
                _ => "-ERR No such message\r\n",
            };
            (format!("LIST {n}"), Some(answer.to_owned()))
        }),
        number.clone().prop_map(|n| {
            let is_there = n == 1 || n == 2;
            let answer = (!is_there).then(|| "-ERR No such message\r\n".to_owned());
            (format!("RETR {n}"), answer)
        }),
        number.prop_map(|n| {
            let is_there = n == 1 || n == 2;
            let answer = (!is_there).then(|| "-ERR No such message\r\n".to_owned());
            (format!("DELE {n}"), answer)
        }),
    ]
}

proptest! {
    /// In any pieces the answers come in order, and nothing of the client is lost.
    #[test]
    fn answers_come_in_order_and_the_rest_is_kept(
        commands in prop::collection::vec(commands(), 0..12),
        cut in 1_usize..9,
    ) {
        let sent: String = commands.iter().map(|(line, _)| format!("{line}\r\n")).collect();
        let answered = commands.iter().take_while(|(_, answer)| answer.is_some());
        let expected: String = answered.clone().filter_map(|(_, answer)| answer.clone()).collect();
        let taken: usize = answered.map(|(line, _)| line.len() + 2).sum();

        let mut view = two();
        let mut said = String::new();
        for piece in sent.as_bytes().chunks(cut) {
            said += &run(&mut view, piece).0;
        }
        prop_assert_eq!(said, expected);
        prop_assert_eq!(text(&view.into_unanswered()), &sent[taken..]);
    }
}
