//! The text: its order, its bounds, and what strangers may have typed into it.

use super::super::domain::{DomainCheck, MxAnswer, MxHost, NotChecked};
use super::super::text::{Coverage, ReportText};
use super::super::words::{Language, Words};
use super::*;
use crate::history::{Encryption, TlsParameters};
use crate::ids::UserName;
use crate::net::ResolverChoice;
use crate::policy::refusal::{LoginRule, Refusal};
use jiff::tz::{Offset, TimeZone};
use unicode_width::UnicodeWidthStr;

fn words(language: Language) -> Words {
    Words::new(language, TimeZone::fixed(Offset::constant(1)))
}

fn text_of(past: &Past, language: Language) -> String {
    text_with(past, language, None)
}

fn text_with(past: &Past, language: Language, trouble: Option<&str>) -> String {
    let words = words(language);
    let facts = past.facts();
    let name = UserName::new(b"ann@example.org");
    let check = DomainCheck::Mx(vec![MxHost {
        name: "mx.example.org".to_owned(),
        preference: 10,
        is_implicit: false,
        address: Some("192.0.2.25".parse().unwrap()),
        answer: MxAnswer::Greeted("220 mx.example.org ESMTP".to_owned()),
    }]);
    ReportText {
        login: &name,
        maildrop: &name,
        at: None,
        since: time(-86_400),
        until: time(3_000),
        now: time(3_600),
        domain: words.domain(Some("example.org"), &check, ResolverChoice::System),
        facts: &facts,
        causes: &causes(&facts),
        open: &past.open,
        coverage: Coverage {
            kept_since: Some(time(-80_000)),
            trouble: trouble.map(str::to_owned),
            ..Coverage::default()
        },
    }
    .text(&words)
}

/// A phone in the maildrop, and a PC by TLS that waits in vain.
fn household() -> Past {
    let phone = silent(inside(740, 60, 7, PHONE, &EndCause::Left), 50);
    let mut pc = waited_in_vain(730, 22, 8, THUNDERBIRD);
    pc.listener = crate::ids::ListenerName::new("pop3s");
    pc.port = 995;
    pc.server_name = Some("pop.example.org".into());
    pc.encryption = Encryption::Implicit(TlsParameters {
        version: "TLSv1.3".into(),
        cipher: "TLS_AES_256_GCM_SHA384".into(),
    });
    Past::of([phone, pc])
}

#[test]
fn a_ticket_is_answered_in_the_order_in_which_it_asks() {
    let text = text_of(&household(), Language::English);
    let mut rest = text.as_str();
    for part in [
        "Domain and MX     example.org exists; MX mx.example.org [192.0.2.25] answers: 220 mx.",
        "Date and time     2026-11-28T13:11:48+01:00 (Saturday, 28 November 2026, 13:11:48)",
        "Client address    192.0.2.8\n",
        "Mail program      Thunderbird (confidence: high; version not visible)",
        "Server name       pop.example.org (listener pop3s)",
        "POP3 user         ann@example.org\n",
        "TCP port          995\n",
        "Encryption        TLS, TLSv1.3, TLS_AES_256_GCM_SHA384\n",
        "Error message     -ERR [IN-USE] Mailbox is locked\n",
        "Operating system  ___",
        "Antivirus         ___",
        "Firewall          ___",
        "another session was in the mailbox for the whole wait",
        "192.0.2.7 (iOS Mail): from 2026-11-28T13:11:20+01:00 for 1 min 00 s",
        "waited 22.0 s; others who waited before it: 0",
        "no outage of legacy is known",
        "logins: 2; ended badly: 1",
        "1. A phone or program that never says QUIT (possible)",
        "What to do: Set this device",
        "2026-11-28T13:11:20+01:00",
        "> 2026-11-28T13:11:48+01:00",
    ] {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("{part:?} is not in\n{rest}\nof\n{text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn who_waited_for_a_lock_elsewhere_or_was_held_back_was_not_in_the_mailbox() {
    let line = "-ERR mailbox locked".to_owned();
    let locked = login(700, 7, PHONE, &EndCause::LockedElsewhere { line });
    let locked = with_login(locked, |login| {
        login.granted = Some(time(681));
        login.held = seconds(19);
        login.locked_replies = 7;
    });
    let text = text_of(&Past::of([locked]), Language::English);
    assert!(
        text.contains("waited 19.0 s while the backend said that the mailbox is locked"),
        "{text}"
    );
    assert!(!text.contains("did not wait"), "{text}");
    assert!(text.contains("waited 19.0 s, not let in: "), "{text}");
    assert!(!text.contains("in the mailbox 19"), "{text}");

    let delayed = with_login(guess(700, 7, PHONE), |login| login.delayed = seconds(2));
    let text = text_of(&Past::of([delayed]), Language::English);
    assert!(
        text.contains("held back 2.0 s, waited 0.0 s, not let in: "),
        "{text}"
    );
    let barely = with_login(guess(700, 7, PHONE), |login| {
        login.delayed = Duration::from_millis(5);
    });
    let text = text_of(&Past::of([barely]), Language::English);
    assert!(!text.contains("held back"), "{text}");
    let quit = inside(700, 5, 7, PHONE, &EndCause::Quit);
    let text = text_of(&Past::of([quit]), Language::English);
    assert!(
        text.contains("waited 0.0 s, in the mailbox 5.0 s: "),
        "{text}"
    );
}

#[test]
fn a_report_in_another_language_has_no_english_and_no_hole() {
    let catalogue = |language: Language| -> Vec<String> {
        let lines = language.catalogue().lines();
        lines
            .filter_map(|line| Some(line.split_once(" = ")?.1))
            .flat_map(|pattern| pattern.split(['{', '}']))
            .filter(|part| !part.trim_start().starts_with('$'))
            .map(|part| part.trim().to_owned())
            .filter(|part| part.split(' ').count() > 1)
            .collect()
    };
    let english = catalogue(Language::English);
    for (cause, past) in incidents::all() {
        for &language in Language::ALL {
            let text = text_of(&past, language);
            assert!(!text.contains(['{', '}']), "{language:?} {cause:?}\n{text}");
            assert!(
                !text.contains("evidence-") && !text.contains("ended-"),
                "{text}"
            );
            if language != Language::English {
                let own = catalogue(language);
                let foreign = english
                    .iter()
                    .find(|it| !own.contains(it) && text.contains(*it));
                assert_eq!(foreign, None, "{language:?} {cause:?}\n{text}");
            }
        }
    }
}

#[test]
fn what_strangers_typed_moves_nothing_and_no_line_is_too_wide() {
    let mut entry = waited_in_vain(730, 22, 8, THUNDERBIRD);
    entry.server_name = Some("a\u{1b}[2Jb".into());
    entry.answer = Some("-ERR \u{202e}\n\u{7}bell".into());
    let long = "x".repeat(300);
    let hostile = with_login(entry, |login| {
        login.name = UserName::new("ann\u{202e}\n\u{1b}{ $who }".as_bytes());
        login.backend_answer = told(Class::Temp, &format!("{long} { }\t", "{ $x }"));
    });
    for &language in Language::ALL {
        let text = text_of(&Past::of([hostile.clone()]), language);
        let is_safe = |c: char| c == '\n' || !(c.is_control() || crate::escape::is_invisible(c));
        assert!(text.chars().all(is_safe), "{text}");
        assert!(text.contains("{ $who }"), "a name is no pattern\n{text}");
        assert!(text.lines().all(|line| line.width() <= 100), "{text}");
    }
}

#[test]
fn the_error_line_stands_exact_and_one_of_a_probe_is_not_taken_for_it() {
    let words = "-ERR ".to_owned() + &"no such  word ".repeat(30) + "end";
    let mut refused = waited_in_vain(730, 22, 8, THUNDERBIRD);
    refused.answer = Some(words.as_str().into());
    let text = text_of(&Past::of([refused]), Language::English);
    assert!(
        text.contains(&format!("Error message     {words}\n")),
        "{text}"
    );

    let idle = seconds(15);
    let mut closed = inside(700, 30, 7, PHONE, &EndCause::Preempted { idle });
    closed.answer = Some("-ERR unknown command".into());
    let closed = with_login(closed, |login| {
        login.backend_answer = told(Class::Perm, "-ERR unknown command");
    });
    let text = text_of(&Past::of([closed]), Language::English);
    let earlier =
        "Error message     none at its end; earlier in the session: -ERR unknown command\n";
    assert!(text.contains(earlier), "{text}");

    let (_, gone) = incidents::all()
        .into_iter()
        .find(|it| it.0 == Cause::MessageGone)
        .unwrap();
    let gone = &gone.entries[0].entry;
    let mut gone = HistoryEntry::clone(gone);
    gone.answer = Some("-ERR no such message".into());
    let text = text_of(&Past::of([gone]), Language::English);
    assert!(
        text.contains("Error message     -ERR no such message\n"),
        "{text}"
    );
}

#[test]
fn a_hash_of_a_name_is_not_told_as_the_login() {
    let mut entry = waited_in_vain(730, 22, 8, THUNDERBIRD);
    entry.answer = Some("-ERR no <user>".into());
    let hash = format!("#{}", "3f".repeat(crate::limits::NAME_HASH_OCTETS));
    let entry = with_login(entry, |login| login.name = UserName::new(hash.as_bytes()));
    let text = text_of(&Past::of([entry]), Language::English);
    assert!(!text.contains(&hash), "{text}");
    for row in [
        "POP3 user         typed in another form, which is kept as a hash: mailbox ann@example.org\n",
        "-ERR no <user>\n                  (<user> stands for the name where",
    ] {
        assert!(text.contains(row), "{text}");
    }
    assert!(!text_of(&household(), Language::English).contains("<user>"));
}

#[test]
fn a_maildrop_without_a_past_is_told_so() {
    let text = text_of(&Past::default(), Language::English);
    let said = "The history has no login of this mailbox from 2026-11-27T13:00:00+01:00 to\n\
                2026-11-28T13:50:00+01:00. Check how the login name is spelt.";
    assert!(text.contains(said), "{text}");
    assert!(!text.contains("For the ticket"));
}

#[test]
fn a_file_that_cannot_be_read_is_not_told_as_a_maildrop_without_logins() {
    let why = Some("the journal does not answer within 2s");
    let text = text_with(&Past::default(), Language::English, why);
    assert!(!text.contains("The history has no login"), "{text}");
    assert!(
        text.contains("The file of the history could not be read"),
        "{text}"
    );
    let text = text_with(&household(), Language::English, why);
    let row = "its file could not be read, so that older logins may be missing: the journal does";
    assert!(text.contains(row), "{text}");
    assert!(!text_of(&household(), Language::English).contains("could not be read"));
}

#[test]
fn what_was_not_checked_says_why() {
    let words = words(Language::English);
    let not = |why| {
        let check = DomainCheck::NotChecked(why);
        words.domain(Some("example.org"), &check, ResolverChoice::System)
    };
    assert!(not(NotChecked::Off).starts_with("not checked: `resolver`"));
    let unanswered = "example.org: not checked: no DNS server answered";
    assert_eq!(not(NotChecked::NoAnswer), unanswered);
}

#[test]
fn programs_and_wrong_passwords_of_the_day_are_counted_as_the_causes_count_them() {
    let from_memory = EndCause::RefusedByRule(Refusal::FromMemory);
    let remembered = |second| {
        with_login(login(second, 7, PHONE, &from_memory), |login| {
            login.rule = Some(LoginRule::FromMemory);
            login.backend = None;
            login.backend_answer = None;
        })
    };
    let refused = with_login(guess(60, 7, Family::Unknown), |login| {
        login.backend_answer = told(Class::Auth, "-ERR [AUTH] no");
    });
    let pc = inside(10, 3, 8, THUNDERBIRD, &EndCause::Quit);
    let past = Past::of([pc, refused, remembered(70), remembered(80)]);
    let text = text_of(&past, Language::English);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "wrong passwords: 3; without QUIT: 0; programs: 2 ",
        "3 logins of 192.0.2.7 (iOS Mail) were refused for their password",
        "What happened refused without asking the backend, which had refused this password",
        "Its own words none: it was not asked; at 2026-11-28T13:01:00+01:00 it had said: -ERR [AUTH] no",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("a rule of popgate"), "{text}");
}

#[test]
fn one_that_left_without_quit_is_not_told_that_nothing_was_unusual() {
    let past = Past::of([inside(100, 2, 8, THUNDERBIRD, &EndCause::Left)]);
    let text = text_of(&past, Language::English);
    assert!(
        text.contains("Nothing failed: the client got in, and left"),
        "{text}"
    );
    assert!(!text.contains("Nothing is wrong"), "{text}");
    let quit = Past::of([inside(100, 2, 8, THUNDERBIRD, &EndCause::Quit)]);
    assert!(text_of(&quit, Language::English).contains("Nothing is wrong"));
}

#[test]
fn a_domain_that_does_not_exist_does_so_by_the_word_of_a_named_server() {
    let server = ResolverChoice::Server("192.0.2.53:53".parse().unwrap());
    for language in Language::ALL {
        let said = |check, asked| words(*language).domain(Some("example.org"), &check, asked);
        for check in [DomainCheck::NoSuchDomain, DomainCheck::NoMx] {
            let told = said(check.clone(), server);
            assert!(told.contains("192.0.2.53:53"), "{told}");
            let told = said(check, ResolverChoice::System);
            assert!(
                told.contains("DNS") && !told.contains("192.0.2.53"),
                "{told}"
            );
        }
    }
    let english = words(Language::English);
    let missing = DomainCheck::NoSuchDomain;
    assert_eq!(
        english.domain(Some("example.org"), &missing, ResolverChoice::System),
        "example.org does not exist, according to the system's DNS server"
    );
}

#[test]
fn who_was_in_there_is_told_in_the_order_in_which_they_came() {
    let past = Past::of([
        inside(83, 18, 2, PHONE, &EndCause::Quit),
        inside(101, 15, 3, PHONE, &EndCause::Quit),
        waited_in_vain(100, 22, 8, THUNDERBIRD),
    ]);
    let longest = past.facts().occupants[0].client.ip().to_string();
    assert_eq!(longest, "192.0.2.3");
    let text = text_of(&past, Language::English);
    let (_, told) = text.split_once("Who was in there").unwrap();
    assert!(told.find("192.0.2.2") < told.find("192.0.2.3"), "{told}");
}
