use super::*;
use crate::limits::{REPLY_LINE_MAX, TEMPLATE_TIMES_MAX};
use crate::policy::auth_failure_template::DEFAULT_LINE;
use std::collections::HashSet;

const TOOK: Duration = Duration::from_millis(300);

fn backend(name: &str) -> BackendName {
    BackendName::new(name)
}

fn user(name: &str) -> UserName {
    UserName::new(name.as_bytes())
}

/// What `other` is told after the backend answered each of `seen`: (login, line).
fn told_after(seen: &[(&str, &str)], other: &str) -> String {
    let templates = AuthFailureTemplates::new();
    for (login, line) in seen {
        templates.record(&backend("b"), &user(login), line.as_bytes(), TOOK);
    }
    let (line, _) = templates.render(&[backend("b")], &user(other), 0);
    String::from_utf8(line).unwrap()
}

#[test]
fn a_line_without_the_login_is_the_backends_own_to_the_octet() {
    for line in [
        "-ERR Login failed.",
        "-ERR [AUTH] Invalid login",
        "-ERR Logon failure: unknown user name or bad password.",
        "-ERR",
    ] {
        assert_eq!(told_after(&[("ann", line)], "bob"), line);
    }
}

#[test]
fn the_login_of_another_gives_way_to_the_own() {
    for (login, line, other, expected) in [
        (
            "ann",
            r#"-ERR [AUTH] Password supplied for "ann" is incorrect."#,
            "bob",
            r#"-ERR [AUTH] Password supplied for "bob" is incorrect."#,
        ),
        (
            "ann@example.com",
            "-ERR user ann@example.com: no; ann@example.com.",
            "bob@example.org",
            "-ERR user bob@example.org: no; bob@example.org.",
        ),
        (
            "ann",
            "-ERR no login for ann",
            "a longer name",
            "-ERR no login for a longer name",
        ),
        (
            "ann",
            "-ERR <ann> cannot log in",
            "bob",
            "-ERR <bob> cannot log in",
        ),
        ("jürgen", "-ERR jürgen: no", "bob", "-ERR bob: no"),
    ] {
        assert_eq!(told_after(&[(login, line)], other), expected);
    }
}

#[test]
fn a_server_that_leaves_the_domain_out_does_so_for_the_other_too() {
    let line = r#"-ERR [AUTH] "ann": access denied."#;
    let seen = [("ann@example.com", line)];
    let expected = r#"-ERR [AUTH] "bob": access denied."#;
    assert_eq!(told_after(&seen, "bob@example.com"), expected);
    assert_eq!(told_after(&seen, "bob"), expected);
}

#[test]
fn a_login_is_not_found_inside_words_status_or_response_code() {
    for (login, line) in [
        ("ann", "-ERR you cannot log in"),
        ("a", "-ERR [AUTH] Authentication failed."),
        ("in", "-ERR [AUTH] Invalid login, try again"),
        ("ERR", "-ERR Bad login"),
        ("AUTH", "-ERR [AUTH] Bad login"),
        ("err", "-ERR Bad login"),
        ("", "-ERR Bad login"),
        ("@", "-ERR Bad login"),
    ] {
        assert_eq!(told_after(&[(login, line)], "bob"), line, "{login}");
    }
}

#[test]
fn a_login_that_is_a_word_of_a_known_line_spoils_nothing() {
    let line_for = |login: &str| format!(r#"-ERR Password supplied for "{login}" is incorrect."#);
    let honest = line_for("ann");
    for odd in ["is", "Password", "supplied", "for", "x"] {
        let line = line_for(odd);
        let seen = [("ann", honest.as_str()), (odd, line.as_str())];
        assert_eq!(told_after(&seen, "bob"), line_for("bob"), "{odd}");
    }
}

#[test]
fn an_odd_login_that_came_first_is_mended_by_the_next() {
    let seen = [
        ("is", r#"-ERR Password supplied for "is" is incorrect."#),
        ("ann", r#"-ERR Password supplied for "ann" is incorrect."#),
    ];
    let expected = r#"-ERR Password supplied for "bob" is incorrect."#;
    assert_eq!(told_after(&seen, "bob"), expected);
}

#[test]
fn the_last_line_holds() {
    let seen = [("ann", "-ERR Bad login"), ("ann", "-ERR Too bad")];
    assert_eq!(told_after(&seen, "bob"), "-ERR Too bad");
}

#[test]
fn nobody_is_told_anothers_name_in_another_form() {
    let default = String::from_utf8(DEFAULT_LINE.to_vec()).unwrap();
    let changed = ("Ann", r#"-ERR "ann" is wrong"#);
    let added = ("ANN@example.com", "-ERR ann@mail.example.com is wrong");
    assert_eq!(told_after(&[changed], "bob"), default);
    assert_eq!(told_after(&[added], "bob"), default);
    let before = ("bob", "-ERR wrong");
    assert_eq!(told_after(&[before, changed], "carl"), "-ERR wrong");
}

#[test]
fn a_line_stays_within_its_bound() {
    let long = "x".repeat(REPLY_LINE_MAX);
    let line = format!("-ERR ann {long}");
    assert_eq!(told_after(&[("ann", &line)], "bob").len(), REPLY_LINE_MAX);
    assert_eq!(
        told_after(&[("ann", "-ERR ann")], &long).len(),
        REPLY_LINE_MAX
    );
}

#[test]
fn a_login_with_a_line_end_in_it_leaves_the_line_one() {
    let known = ("ann", r#"-ERR "ann" is wrong"#);
    let told = told_after(&[known], "bob\r\n+OK");
    assert_eq!(told, r#"-ERR "bob+OK" is wrong"#);
}

#[test]
fn times_are_drawn_from_the_last_ones_and_keep_their_spread() {
    let templates = AuthFailureTemplates::new();
    let took = |n: usize| Duration::from_millis(n as u64);
    for n in 0..TEMPLATE_TIMES_MAX + 8 {
        templates.record(&backend("b"), &user("ann"), b"-ERR no", took(n));
    }
    let draws = (0..1000).map(|draw| templates.render(&[backend("b")], &user("bob"), draw).1);
    let drawn: HashSet<Duration> = draws.collect();
    let expected = (8..TEMPLATE_TIMES_MAX + 8).map(took);
    assert_eq!(drawn, expected.collect());
}

#[test]
fn the_first_backend_that_has_answered_is_imitated() {
    let templates = AuthFailureTemplates::new();
    templates.record(&backend("second"), &user("ann"), b"-ERR 2", TOOK);
    templates.record(&backend("third"), &user("ann"), b"-ERR 3", 2 * TOOK);
    let backends = ["first", "second", "third"].map(backend);
    let posed = templates.render(&backends, &user("bob"), 7);
    assert_eq!(posed, (b"-ERR 2".to_vec(), TOOK));
}

#[test]
fn before_any_answer_it_is_dovecot() {
    let templates = AuthFailureTemplates::new();
    for draw in [0, 1, 499, 500, u64::MAX] {
        let (line, time) = templates.render(&[backend("b")], &user("bob"), draw);
        assert_eq!(line, DEFAULT_LINE);
        let shape = Duration::from_secs(2)..Duration::from_millis(2_500);
        assert!(shape.contains(&time), "{time:?}");
    }
}

#[test]
fn a_backend_that_closed_the_last_time_is_imitated_by_a_close() {
    let templates = AuthFailureTemplates::new();
    let names = [backend("unseen"), backend("b")];
    assert!(!templates.closes(&names));
    templates.record_close(&backend("b"), TOOK);
    assert!(templates.closes(&names));
    assert_eq!(templates.render(&names, &user("bob"), 0).1, TOOK);
    templates.record(&backend("b"), &user("ann"), b"-ERR no", TOOK);
    assert!(!templates.closes(&names), "a single close is no habit");
    templates.record_close(&backend("b"), TOOK);
    assert!(templates.closes(&names));
}
