//! The dialect against what servers say: 255 lines of real servers (`replies.tsv`), lines that
//! others might say (`other.tsv`, plausible and mostly invented), and every other line.

use popgate::dialect::{Class, Phrases, classify, expected_classes, is_being_unlocked};
use popgate::pop3::reply::ReplyTo;
use proptest::prelude::*;

/// A row of a table: who says it, in answer to what, the line, and what it means.
#[derive(Debug, PartialEq)]
struct Row<'a> {
    server: &'a str,
    command: &'a str,
    reply: &'a str,
    class: &'a str,
}

/// Rows of real servers that their text cannot tell apart from another situation, with the
/// class that does the least harm.
const UNDECIDABLE: &[(&str, &str, &str, Class)] = &[
    // One text for a wrong password and for a password program that failed. Trying again would
    // repeat a wrong password; a prompt is what the user gets without a gate, too.
    (
        "qmail-popup / qmail-pop3d",
        "temp",
        "-ERR authorization failed",
        Class::Auth,
    ),
    // It cannot create the lock file, for good. Others say it for a lock: a few attempts more,
    // then the client is told that the maildrop is locked.
    (
        "vm-pop3d",
        "perm",
        "-ERR Unable to lock mailbox",
        Class::Locked,
    ),
];

fn real_replies() -> Vec<Row<'static>> {
    let rows = include_str!("replies.tsv").lines().skip(1);
    rows.map(|row| match *row.split('\t').collect::<Vec<_>>() {
        [server, _version, class, command, reply, _source] => Row {
            server,
            command,
            reply,
            class,
        },
        _ => panic!("not six columns: {row}"),
    })
    .collect()
}

fn other_replies() -> Vec<Row<'static>> {
    let rows = include_str!("other.tsv").lines().skip(1);
    rows.map(|row| match *row.split('\t').collect::<Vec<_>>() {
        [server, command, reply, class] => Row {
            server,
            command,
            reply,
            class,
        },
        _ => panic!("not four columns: {row}"),
    })
    .collect()
}

fn class_of(command: &str, reply: &str) -> Class {
    classify(ReplyTo::from_command(command), reply, &Phrases::default())
}

/// Fails with all rows that are not as expected, not only with the first.
fn check(rows: &[Row], undecidable: &[(&str, &str, &str, Class)]) {
    let mut wrong = Vec::new();
    for row in rows {
        let exception = undecidable.iter().find(|(server, class, reply, _)| {
            (*server, *class, *reply) == (row.server, row.class, row.reply)
        });
        let expected = exception.map_or(row.class, |(.., safe)| safe.as_str());
        let found = class_of(row.command, row.reply).as_str();
        if found != expected {
            wrong.push(format!("{found} instead of {expected}: {row:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_line_of_a_real_server_is_read_as_it_was_meant() {
    let rows = real_replies();
    assert_eq!(rows.len(), 257);
    check(&rows, UNDECIDABLE);
}

#[test]
fn each_undecidable_row_exists() {
    let rows = real_replies();
    for (server, class, reply, _) in UNDECIDABLE {
        let named = |row: &Row| (row.server, row.class, row.reply) == (*server, *class, *reply);
        assert!(rows.iter().any(named), "{server}: {reply}");
    }
}

#[test]
fn lines_of_servers_that_nobody_has_looked_at_are_read_sensibly() {
    let rows = other_replies();
    assert!(rows.len() >= 60);
    check(&rows, &[]);
}

#[test]
fn what_servers_are_known_to_say_is_expected() {
    let is_unexpected = |row: &&Row<'static>| {
        let class = class_of(row.command, row.reply);
        let expected = expected_classes(ReplyTo::from_command(row.command));
        // A greeting that is no error is not counted.
        class != Class::Ok && !expected.contains(&class)
    };
    let (real, other) = (real_replies(), other_replies());
    let unexpected: Vec<_> = real.iter().chain(&other).filter(is_unexpected).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

#[test]
fn what_is_expected_can_be_said() {
    for to in ReplyTo::ALL {
        for &class in expected_classes(to) {
            let line = match class {
                Class::Ok => "+OK",
                Class::Locked => "-ERR [IN-USE] locked",
                Class::Auth => "-ERR [AUTH] no",
                Class::LoginDelay => "-ERR [LOGIN-DELAY] wait",
                Class::TooMany => "-ERR too many connections",
                Class::Temp => "-ERR [SYS/TEMP] later",
                Class::Perm => "-ERR [SYS/PERM] never",
                Class::NoSuchMessage => "-ERR no such message",
                Class::DeletesNotRemoved => "-ERR some deleted messages not removed",
                Class::IdleTimeout => "-ERR idle timeout",
            };
            assert_eq!(classify(to, line, &Phrases::default()), class, "{to:?}");
        }
    }
}

#[test]
fn case_and_line_end_do_not_matter() {
    for row in real_replies().iter().chain(&other_replies()) {
        let expected = class_of(row.command, row.reply);
        for line in [
            row.reply.to_ascii_uppercase(),
            row.reply.to_ascii_lowercase(),
            format!("{}\r\n", row.reply),
            row.reply.replacen(' ', "  ", 1),
        ] {
            assert_eq!(class_of(row.command, &line), expected, "{line}");
        }
    }
}

#[test]
fn a_lock_is_a_word_and_not_a_part_of_one() {
    for text in ["Locked", "the LOCK is held", "lock: busy", "(locked)"] {
        assert_eq!(
            class_of("PASS", &format!("-ERR {text}")),
            Class::Locked,
            "{text}"
        );
    }
    for text in [
        "Your address is blocked",
        "The clock is wrong",
        "Mail of Lockheed only",
        "Maildrop unlocked",
        "Interlock",
        "No locks",
    ] {
        assert_eq!(
            class_of("PASS", &format!("-ERR {text}")),
            Class::Perm,
            "{text}"
        );
    }
}

#[test]
fn the_name_of_a_user_says_nothing() {
    for line in [
        "-ERR Password supplied for \"lock\" is incorrect.",
        "-ERR \"locked\": unknown user",
        "-ERR no mailbox for <lock> here",
        "-ERR no such user idle@lock.example",
    ] {
        assert_eq!(class_of("PASS", line), Class::Auth, "{line}");
    }
}

#[test]
fn a_response_code_wins_over_text() {
    for (line, class) in [
        ("-ERR [AUTH] Account locked", Class::Auth),
        ("-ERR [IN-USE] Wrong password", Class::Locked),
        ("-ERR [LOGIN-DELAY] Mailbox is locked", Class::LoginDelay),
        ("-ERR [SYS/TEMP] Invalid password", Class::Temp),
        ("-ERR [SYS/PERM] Try again later", Class::Perm),
        ("-ERR [in-use]", Class::Locked),
        ("-ERR [sys/temp]", Class::Temp),
        ("-ERR [XYZZY] Invalid password", Class::Auth),
        ("-ERR [9] Mailbox locked", Class::Locked),
    ] {
        assert_eq!(class_of("PASS", line), class, "{line}");
    }
}

#[test]
fn text_makes_an_exception_of_a_code_where_servers_misuse_it() {
    for (line, class) in [
        (
            "-ERR [IN-USE] Maximum number of connections exceeded",
            Class::TooMany,
        ),
        (
            "-ERR [IN-USE] Unable to lock maildrop: Permission denied",
            Class::Perm,
        ),
        ("-ERR [IN-USE] Temporary login failure.", Class::Temp),
        ("-ERR [IN-USE] Temporarily locked by webmail", Class::Locked),
        (
            "-ERR [AUTH] Account exceeded bandwidth limits",
            Class::LoginDelay,
        ),
        ("-ERR [AUTH] Web login required", Class::Perm),
        ("-ERR [AUTH] Temporary authentication failure", Class::Temp),
        (
            "-ERR [SYS/TEMP] Mailbox is locked or busy, please wait",
            Class::Locked,
        ),
        ("-ERR [SYS/TEMP] No locks available", Class::Temp),
    ] {
        assert_eq!(class_of("PASS", line), class, "{line}");
    }
}

#[test]
fn the_operators_phrases_come_after_codes_and_before_ours() {
    let phrases = Phrases {
        locked: vec!["Postfach BELEGT".into(), String::new()],
        auth: vec!["kein zutritt".into()],
        temp: vec!["mailbox locked".into()],
    };
    let class = |to, line| classify(to, line, &phrases);
    let pass = ReplyTo::Pass;
    assert_eq!(
        class(pass, "-ERR Das postfach belegt gerade wer"),
        Class::Locked
    );
    assert_eq!(class(pass, "-ERR Kein Zutritt, Server busy"), Class::Auth);
    assert_eq!(class(pass, "-ERR Mailbox locked"), Class::Temp);
    assert_eq!(class(pass, "-ERR [AUTH] Postfach belegt"), Class::Auth);
    assert_eq!(class(pass, "-ERR Ungültig"), Class::Perm);
    assert_eq!(class(pass, "+OK Postfach belegt"), Class::Ok);
    assert_eq!(class(ReplyTo::Connect, "-ERR Kein Zutritt"), Class::Perm);
    assert_eq!(
        class(ReplyTo::Quit, "-ERR Mailbox locked"),
        Class::DeletesNotRemoved
    );
}

#[test]
fn a_challenge_goes_on_only_within_a_login() {
    assert_eq!(class_of("AUTH", "+ \r\n"), Class::Ok);
    assert_eq!(class_of("AUTH", "+"), Class::Ok);
    assert_eq!(class_of("RETR", "+ "), Class::Temp);
    assert_eq!(class_of("CONNECT", "+ "), Class::Temp);
}

#[test]
fn only_ok_to_quit_means_that_messages_are_gone() {
    assert_eq!(class_of("QUIT", "+OK 1 deleted"), Class::Ok);
    for line in [
        "-ERR",
        "-ERR [SYS/TEMP] x",
        "-ERR Idle timeout",
        "",
        "+",
        "++OK",
        "junk",
    ] {
        assert_eq!(class_of("QUIT", line), Class::DeletesNotRemoved, "{line}");
    }
}

#[test]
fn what_is_no_status_line_is_temp() {
    for line in [
        "",
        "\r\n",
        "HTTP/1.1 400 Bad Request",
        "* OK IMAP4",
        " -ERR locked",
        "-NO locked",
        "ERR locked",
    ] {
        for command in ["CONNECT", "PASS", "STAT", "RETR"] {
            assert_eq!(class_of(command, line), Class::Temp, "{command}: {line}");
        }
    }
}

#[test]
fn a_line_that_is_not_quite_one_means_what_its_words_say() {
    for line in [
        "-ERR: mailbox locked",
        "-ERR, mailbox locked",
        "-ERROR: mailbox locked",
        "-ERRmailbox locked",
        "-err mailbox locked",
        "-ERR[IN-USE] come again",
        "-ERR: [IN-USE] come again",
        "\r\n-ERR mailbox locked\r\n",
        "\n \r\n-ERR [IN-USE] come again\r\r\n",
        "+ERR: mailbox locked",
    ] {
        assert_eq!(class_of("PASS", line), Class::Locked, "{line:?}");
    }
    for line in ["+OK, come in", "+OKready", "\r\n+OK", "+ok"] {
        assert_eq!(class_of("PASS", line), Class::Ok, "{line:?}");
        assert_eq!(class_of("CONNECT", line), Class::Ok, "{line:?}");
    }
}

#[test]
fn a_maildrop_that_is_being_unlocked_is_known() {
    assert!(is_being_unlocked(
        "-ERR [IN-USE] Maildrop being unlocked; try again."
    ));
    assert!(is_being_unlocked("-ERR MAILDROP BEING UNLOCKED"));
    assert!(!is_being_unlocked("-ERR Maildrop is locked"));
    assert!(!is_being_unlocked(""));
}

#[test]
fn each_class_has_a_word_of_its_own() {
    let mut words = Class::ALL.map(Class::as_str);
    words.sort_unstable();
    let expected = [
        "auth",
        "deletes_not_removed",
        "idle_timeout",
        "locked",
        "login_delay",
        "no_such_message",
        "ok",
        "perm",
        "temp",
        "too_many",
    ];
    assert_eq!(words, expected);
}

/// What lines are made of where chance alone would not find it.
const PIECES: &[&str] = &[
    "-ERR", "+ERR", "+OK", "+", " ", "  ", "[", "]", "IN-USE", "SYS/TEMP", "AUTH", "/", "lock",
    "locked", "un", "é", "\u{fffd}", "\"", "<", ">", "@", "\r\n", "timeout", ".", "busy",
];

/// Bytes as a backend may send them, as the gate makes text of them.
fn any_line() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..80);
    let lossy = bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let built = prop::collection::vec(prop::sample::select(PIECES), 0..12);
    prop_oneof![lossy, built.prop_map(|pieces| pieces.concat())]
}

fn any_command() -> impl Strategy<Value = ReplyTo> {
    prop::sample::select(&ReplyTo::ALL[..])
}

fn is_ok(line: &str) -> bool {
    let head = line.trim_start().as_bytes().get(..3);
    head.is_some_and(|head| head.eq_ignore_ascii_case(b"+OK"))
}

proptest! {
    #[test]
    fn any_bytes_have_a_class(to in any_command(), line in any_line()) {
        let class = classify(to, &line, &Phrases::default());
        let goes_on = to == ReplyTo::Pass && line.starts_with('+');
        prop_assert!(class != Class::Ok || is_ok(&line) || goes_on);
        let unlocked = line.to_ascii_lowercase().contains("being unlocked");
        prop_assert_eq!(is_being_unlocked(&line), unlocked);
    }

    #[test]
    fn auth_is_said_of_logins_only(to in any_command(), line in any_line()) {
        let class = classify(to, &line, &Phrases::default());
        let coded = line.to_ascii_uppercase().contains("[AUTH");
        prop_assert!(class != Class::Auth || to == ReplyTo::Pass || coded);
    }

    #[test]
    fn no_text_turns_login_delay_into_anything_else(text in "[ -~]{0,60}") {
        let line = format!("-ERR [LOGIN-DELAY] {text}");
        prop_assert_eq!(class_of("PASS", &line), Class::LoginDelay);
    }

    #[test]
    fn no_phrase_of_the_operator_panics(line in any_line(), phrase in any_line()) {
        let phrases = Phrases { locked: vec![phrase], ..Phrases::default() };
        let class = classify(ReplyTo::Pass, &line, &phrases);
        prop_assert!(Class::ALL.contains(&class));
    }
}
