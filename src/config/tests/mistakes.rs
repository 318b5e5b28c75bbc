//! Many mistakes in one file, and one mistake that looks like many.

use crate::config::{Config, ConfigError, ConfigErrors};
use std::path::Path;

/// Nothing is wrong with it.
const RIGHT: &str = r#"[[listen]]
name = "pop3"
address = "127.0.0.1:110"
[[backend]]
name = "legacy"
address = "h:110"
[[backend]]
name = "new"
address = "h:111"
tls = "stls"
ca = "ca.pem"
login_reserve = "30s"
[tls]
certificate = "c"
key = "k"
[defaults]
backends = ["legacy", "new"]
wait = "40s"
polls = { enforce = "delay", max_delay = "30s" }
failures = { delay = "20s", max_delay = "25s" }
[[tenant]]
name = "t"
listeners = ["pop3"]
[[tenant]]
name = "default"
[[tenant.user]]
name = "ann"
wait = "35s"
[server]
grace = "40s"
[journal]
file = "popgate.db"
rows = 10000
"#;

fn refused(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, Path::new("a.toml"))
}

/// The line of each mistake, and its first line.
fn mistakes(text: &str) -> Vec<(usize, String)> {
    let Err(errors) = refused(text) else {
        return Vec::new();
    };
    let first_line = |error: &ConfigError| error.to_string().lines().next().map(str::to_owned);
    let shown = errors.shown().iter();
    let told = shown.map(|error| (error.line().unwrap(), first_line(error).unwrap()));
    told.collect()
}

/// One change of [`RIGHT`] each, and the line of the one mistake that it makes.
const ONE_MISTAKE_EACH: &[(&str, &str, usize)] = &[
    // A table that has a mistake is there all the same, under its name.
    ("\"127.0.0.1:110\"", "\"127.0.0.1\"", 3),
    ("address = \"127.0.0.1:110\"\n", "", 1),
    ("name = \"pop3\"", "name = 5", 2),
    ("name = \"pop3\"", "nam = \"pop3\"", 2),
    ("[[listen]]", "[listen]", 1),
    ("address = \"h:110\"", "address = \"h\"", 6),
    ("address = \"h:110\"", "adress = \"h:110\"", 6),
    ("name = \"legacy\"", "name = \"leg acy\"", 5),
    ("name = \"legacy\"\n", "", 4),
    ("[tls]", "[tsl]", 13),
    ("[tls]", "[[tls]]", 13),
    ("[defaults]", "[default]", 16),
    ("[defaults]", "[[defaults]]", 16),
    ("name = \"default\"", "name = \"none\"", 25),
    ("[[tenant.user]]", "[tenant.user]", 26),
    ("[server]", "[srever]", 29),
    // A value that is refused may have been all right with the others.
    ("tls = \"stls\"", "tls = \"on\"", 10),
    ("login_reserve = \"30s\"", "login_reserve = 50", 12),
    ("login_reserve = \"30s\"", "login_reserve = \"56s\"", 12),
    ("[\"legacy\", \"new\"]", "5", 17),
    ("[\"legacy\", \"new\"]", "[5]", 17),
    ("[\"legacy\", \"new\"]", "[\"lagacy\"]", 17),
    ("[\"legacy\", \"new\"]", "[]", 17),
    ("backends =", "backnds =", 17),
    ("wait = \"40s\"", "wait = 40", 18),
    ("wait = \"40s\"", "wait = \"56s\"", 18),
    ("wait = \"40s\"", "wiat = \"40s\"", 18),
    ("max_delay = \"30s\"", "max_delay = 30", 19),
    ("\"delay\"", "\"dealy\"", 19),
    ("delay = \"20s\"", "delay = \"30s\"", 20),
    ("max_delay = \"25s\"", "max_delay = \"2m\"", 20),
    ("max_delay = \"25s\"", "maxdelay = \"25s\"", 20),
    (
        "name = \"default\"\n",
        "name = \"default\"\nblocks = { duration = \"1h\", max_duration = \"0s\" }\n",
        26,
    ),
    ("[\"pop3\"]", "[\"pop4\"]", 23),
    ("wait = \"35s\"", "wait = \"1h\"", 28),
    // What many tables inherit.
    (
        "wait = \"40s\"\npolls = { enforce = \"delay\", max_delay = \"30s\" }",
        "wait = \"30s\"\npolls = {}",
        18,
    ),
    ("delay = \"20s\"", "delay = \"26s\"", 20),
    ("max_delay = \"30s\"", "max_delay = \"41s\"", 19),
    // What does not fit what is right.
    ("grace = \"40s\"", "grace = \"39s\"", 30),
    ("rows = 10000", "rows = 9999", 33),
    ("rows = 10000", "rows = 1", 33),
    ("name = \"new\"", "name = \"legacy\"", 8),
];

#[test]
fn one_mistake_is_told_once_and_brings_no_others() {
    assert_eq!(mistakes(RIGHT), []);
    for (right, wrong, line) in ONE_MISTAKE_EACH {
        assert!(RIGHT.contains(right), "{right}");
        let told = mistakes(&RIGHT.replacen(right, wrong, 1));
        // A name that two have is not that of the second one.
        let told: Vec<_> = told
            .iter()
            .filter(|it| !it.1.contains("no backend `new`"))
            .collect();
        assert!(
            matches!(told[..], [(at, _)] if at == line),
            "{wrong} in line {line} brings {told:#?}"
        );
    }
}

#[test]
fn a_text_that_is_no_toml_does_not_hide_the_other_tables() {
    for (right, wrong, line) in [
        ("wait = \"40s\"", "wait = ", 18),
        ("wait = \"40s\"", "wait = \"40s", 18),
        ("[\"legacy\", \"new\"]", "[\"legacy\",", 17),
        ("[defaults]", "[defaults", 16),
        ("{ delay", "{ , delay", 20),
    ] {
        let text = RIGHT.replacen(right, wrong, 1);
        let lines = |text: &str| mistakes(text).iter().map(|it| it.0).collect::<Vec<_>>();
        let alone = lines(&text);
        // An open bracket is missed where the next thing stands.
        assert!(
            alone.len() == 1 && alone[0].abs_diff(line) <= 3,
            "{wrong} {alone:?}"
        );
        let text = text.replacen("address = \"h:110\"", "adress = 5", 1);
        let text = text.replacen("grace = \"40s\"", "grace = 40", 1);
        assert_eq!(lines(&text), [6, alone[0], 30], "{wrong}");
    }
}

#[test]
fn two_of_a_key_do_not_hide_the_rest() {
    let text = RIGHT.replacen("[defaults]\n", "[defaults]\nwait = \"39s\"\nqeue = 5\n", 1);
    let told = mistakes(&text);
    assert!(
        told[0].1.starts_with("a.toml:18:1: unknown key `qeue`"),
        "{told:#?}"
    );
    assert!(
        told[1].1.starts_with("a.toml:20:1: duplicate key"),
        "{told:#?}"
    );
    assert_eq!(told.len(), 2);
}

#[test]
fn where_most_is_wrong_the_search_ends_and_says_so() {
    let text = format!(
        "{RIGHT}\n[journal]\nfile = \"j\"\n{}",
        "[[tenant]]\n".repeat(300)
    );
    let told = refused(&text).unwrap_err().to_string();
    assert_eq!(told.matches("a.toml:").count(), 20);
    assert!(
        told.ends_with("\n\nand at least 80 more mistakes"),
        "{told}"
    );
}
