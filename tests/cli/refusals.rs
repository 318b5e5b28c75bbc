//! What `check` refuses: each with its line, its column and a word that helps.

use crate::{code, popgate, stderr, stdout};
use popgate::demo::certificate::self_signed;
use std::fs;

/// A right beginning of six lines: what is tested starts in line 7.
const GATE: &str = r#"[[listen]]
address = "127.0.0.1:1110"
tls = "off"
[[backend]]
name = "b"
address = "10.0.0.5:110"
"#;

/// Behind [`GATE`]: a text, where it is refused, words of the message.
const BEHIND_A_GATE: &[(&str, &str, &str)] = &[
    // TOML itself
    ("wait =", "7:7", "quoted"),
    ("name = \"c\"", "7:1", "duplicate key"),
    (
        "[defaults]\nwait = \"9s\"\nwait = \"9s\"",
        "9:1",
        "duplicate key",
    ),
    ("[defaults]\nqeue = 5", "8:1", "did you mean `queue`?"),
    ("[default]", "7:2", "did you mean `defaults`?"),
    (
        "[defaults]\ncolour = 5",
        "8:1",
        "known here: aliases, backend",
    ),
    (
        "[[admin]]\naddress = \"127.0.0.1:1\"",
        "7:1",
        "single brackets",
    ),
    ("[tenant]\nname = \"a\"", "7:1", "double brackets"),
    ("[admin]\ntoken_file = \"t\"", "7:1", "`address` is missing"),
    ("[[backend]]\naddress = \"h:1\"", "7:1", "`name` is missing"),
    ("[journal]\nkeep = \"1d\"", "7:1", "`file` is missing"),
    ("[tls]\ncertificate = \"c\"", "7:1", "`key` is missing"),
    (
        "[[tenant]]\ndomains = [\"a.b\"]",
        "7:1",
        "`name` is missing",
    ),
    (
        "[[tenant]]\nname = \"t\"\n[[tenant.user]]\nqueue = 4",
        "9:1",
        "`name` is missing",
    ),
    // single values
    (
        "[defaults]\nwait = 25",
        "8:8",
        "write a duration such as \"25s\"",
    ),
    ("[defaults]\nwait = \"25\"", "8:8", "`25` is not a duration"),
    (
        "[defaults]\nwait = \"-5s\"",
        "8:8",
        "`-5s` is not a duration",
    ),
    (
        "[defaults]\nidle_timeout = \"1 month\"",
        "8:16",
        "no fixed length",
    ),
    ("[defaults]\npreempt_idle = \"never\"", "8:16", "or \"off\""),
    ("[defaults]\nfold_case = \"yes\"", "8:13", "true or false"),
    (
        "[defaults]\naliases = [\"imial\"]",
        "8:12",
        "did you mean `imail`?",
    ),
    (
        "[defaults]\naliases = [\"nobody\"]",
        "8:12",
        "known: at-signs",
    ),
    (
        "[defaults]\naliases = [5]",
        "8:12",
        "a preset's name, or a rule",
    ),
    ("[defaults]\naliases = \"imail\"", "8:11", "write a list"),
    (
        "[defaults]\naliases = [{ match = 'a' }]",
        "8:12",
        "`to` is missing",
    ),
    (
        "[defaults]\naliases = [{ match = '(a', to = 'b' }]",
        "8:22",
        "unclosed group",
    ),
    (
        "[defaults]\naliases = [{ match = '(a)', to = '$2' }]",
        "8:34",
        "write $1, the only group",
    ),
    (
        "[defaults]\naliases = [{ match = '(a)', to = '$1x' }]",
        "8:34",
        "write ${1}x",
    ),
    (
        "[defaults]\naliases = [{ match = '(a{99}){999}', to = 'b' }]",
        "8:22",
        "smaller repetitions",
    ),
    (
        "[[tenant]]\nname = \"t\"\n[[tenant.user]]\nname = \"u\"\naliases = []",
        "11:1",
        "unknown key `aliases`",
    ),
    ("[defaults]\nqueue = \"16\"", "8:9", "whole number"),
    ("[defaults]\nqueue = -1", "8:9", "below zero"),
    (
        "[defaults]\nqueue = 99999999999999999999",
        "8:9",
        "whole number",
    ),
    (
        "[defaults]\ncleartext = \"sometimes\"",
        "8:13",
        "\"trusted\" or \"always\"",
    ),
    ("[defaults]\nbackends = \"b\"", "8:12", "write a list"),
    ("[server]\nlog = \"xml\"", "8:7", "\"human\" or \"json\""),
    (
        "[server]\ntrusted_networks = [\"::1\", \"10.0.0.300/8\"]",
        "8:28",
        "is not a network",
    ),
    (
        "[server]\ntrusted_networks = [\"10.0.0.5/8\"]",
        "8:21",
        "write \"10.0.0.0/8\"",
    ),
    (
        "[admin]\naddress = \"localhost:9110\"",
        "8:11",
        "is not an IP address and a port",
    ),
    (
        "[admin]\naddress = \"127.0.0.1:1\"\ntoken_file = \"\"",
        "9:14",
        "an empty path",
    ),
    (
        "[[backend]]\nname = \"c c\"\naddress = \"h:1\"",
        "8:8",
        "one word",
    ),
    (
        "[[backend]]\nname = \"\"\naddress = \"h:1\"",
        "8:8",
        "one word",
    ),
    (
        "[[backend]]\nname = \"a\\u0007\"\naddress = \"h:1\"",
        "8:8",
        "control character",
    ),
    (
        "[[backend]]\nname = \"c\"\naddress = \"h\"",
        "9:11",
        "not a host and a port",
    ),
    (
        "[[backend]]\nname = \"c\"\naddress = \"h:0\"",
        "9:11",
        "not a host and a port",
    ),
    (
        "[[backend]]\nname = \"c\"\naddress = \"fe80::1:110\"",
        "9:11",
        "not a host and a port",
    ),
    ("[[tenant]]\nname = \"none\"", "8:8", "choose another name"),
    (
        "[[tenant]]\nname = \"t\"\ndomains = [\"*\"]",
        "9:12",
        "is not a domain",
    ),
    (
        "[[tenant]]\nname = \"t\"\ndomains = [\"a.*.b\"]",
        "9:12",
        "is not a domain",
    ),
    (
        "[[tenant]]\nname = \"t\"\ndefault_domain = \"*.a.b\"",
        "9:18",
        "is not a name",
    ),
    (
        "[[tenant]]\nname = \"t\"\nallow_burst_from = [\"here\"]",
        "9:21",
        "is not a network",
    ),
    (
        "[[tenant]]\nname = \"t\"\n[[tenant.user]]\nname = \" \"",
        "10:8",
        "cannot be a login",
    ),
    // ranges
    ("[defaults]\nwait = \"56s\"", "8:8", "at most 55s"),
    (
        "[defaults]\nwait = \"60s\"",
        "8:8",
        "`wait` is 1m, and mail clients do not wait that long",
    ),
    (
        "[defaults]\nwait = \"60s\"",
        "8:8",
        "hint: write at most 55s\n",
    ),
    (
        "[defaults]\nqueue = 0",
        "8:9",
        "at least 1 and at most 1024",
    ),
    ("[defaults]\nqueue = 1025", "8:9", "at least 1"),
    ("[defaults]\nidle_timeout = \"9s\"", "8:16", "at least 10s"),
    ("[defaults]\npreempt_idle = \"2h\"", "8:16", "at most 1h"),
    ("[server]\ngrace = \"0s\"", "8:9", "at least 1s"),
    (
        "[journal]\nfile = \"j\"\nkeep = \"1m\"",
        "9:8",
        "out of range",
    ),
    // polls
    (
        "[defaults]\npolls = { enforce = \"ban\" }",
        "8:21",
        "\"delay\", \"absorb\" or \"refuse\"",
    ),
    (
        "[defaults]\npolls = { max_delay = \"2m\" }",
        "8:23",
        "out of range",
    ),
    (
        "[defaults]\npolls = { every = \"0s\" }",
        "8:19",
        "out of range",
    ),
    ("[defaults]\npolls = { burst = 0 }", "8:19", "out of range"),
    (
        "[defaults]\npolls = { per_client = { burst = 0 } }",
        "8:34",
        "out of range",
    ),
    (
        "[defaults]\npolls = { per_client = { each = 1 } }",
        "8:26",
        "known here: every, burst",
    ),
    (
        "[[tenant]]\nname = \"t\"\npolls = { every = \"0s\" }",
        "9:19",
        "out of range",
    ),
    (
        "[defaults]\npolls = { burst = 5000000000 }",
        "8:19",
        "is too large",
    ),
    (
        "[defaults]\npolls = { max_delay = \"25s\" }",
        "8:23",
        "not below `wait` (25s) of tenant `default`",
    ),
    (
        "[defaults]\npolls = { max_delay = \"20s\" }\n[[tenant]]\nname = \"t\"\nwait = \"20s\"",
        "8:23",
        "not below `wait` (20s) of tenant `t`",
    ),
    // connections
    (
        "[defaults]\nconnections = { per_address = 2000000 }",
        "8:31",
        "at most 1048576",
    ),
    (
        "[defaults]\nconnections = { per_maildrop = -1 }",
        "8:32",
        "below zero",
    ),
    (
        "[defaults]\nconnections = { per_tenant = \"many\" }",
        "8:30",
        "whole number",
    ),
    (
        "[defaults]\nconnections = { per_user = 1 }",
        "8:17",
        "known here: per_address, per_maildrop, per_tenant",
    ),
    ("[defaults]\nconnections = 5", "8:15", "write a table"),
    ("[server]\nconnections = 2000000", "8:15", "at most 1048576"),
    // failures
    (
        "[defaults]\nfailures = { max_delay = \"30s\" }",
        "8:26",
        "at most 29s",
    ),
    (
        "[defaults]\nfailures = { delay = \"20s\" }",
        "8:22",
        "`failures.delay` (20s) is above `failures.max_delay` (15s)",
    ),
    (
        "[defaults]\nfailures = { max_delay = \"0s\" }",
        "8:26",
        "write both",
    ),
    (
        "[defaults]\nfailures = { max_delay = \"2s\" }\n[[tenant]]\nname = \"t\"\nfailures = { delay = \"3s\" }",
        "11:22",
        "above `failures.max_delay` (2s)",
    ),
    (
        "[defaults]\nfailures = { same_password = 11 }",
        "8:30",
        "at most 10",
    ),
    (
        "[defaults]\nfailures = { retry = \"1s\" }",
        "8:22",
        "at least 10s",
    ),
    (
        "[defaults]\nfailures = { retyr = \"1s\" }",
        "8:14",
        "did you mean `retry`?",
    ),
    // blocks
    (
        "[defaults]\nblocks = { enforce = \"delay\" }",
        "8:22",
        "\"off\", \"shadow\" or \"block\"",
    ),
    (
        "[defaults]\nblocks = { abuses = 1001 }",
        "8:21",
        "at most 1000",
    ),
    (
        "[defaults]\nblocks = { passwords_per_maildrop = 1001 }",
        "8:37",
        "out of range",
    ),
    (
        "[defaults]\nblocks = { passwords_per_address = 1001 }",
        "8:36",
        "out of range",
    ),
    (
        "[defaults]\nblocks = { passing_per_day = 1001 }",
        "8:30",
        "out of range",
    ),
    (
        "[defaults]\nblocks = { window = \"10s\" }",
        "8:21",
        "at least 1m",
    ),
    (
        "[defaults]\nblocks = { duration = \"0s\" }",
        "8:23",
        "at least 1s",
    ),
    (
        "[defaults]\nblocks = { max_duration = \"31d\" }",
        "8:27",
        "out of range",
    ),
    (
        "[defaults]\nblocks = { duration = \"2d\" }",
        "8:23",
        "is above `blocks.max_duration`",
    ),
    (
        "[[tenant]]\nname = \"t\"\n[[tenant.user]]\nname = \"ann\"\nblocks = { max_duration = \"5m\" }",
        "11:27",
        "`blocks.duration` (10m) is above",
    ),
    // names that do not fit together
    (
        "[[listen]]\nname = \"127.0.0.1:1110\"\naddress = \"127.0.0.1:1111\"\ntls = \"off\"",
        "8:8",
        "as in line 2",
    ),
    (
        "[[listen]]\nname = \"x\"\naddress = \"127.0.0.1:1110\"\ntls = \"off\"",
        "9:11",
        "as in line 2",
    ),
    (
        "[[backend]]\nname = \"b\"\naddress = \"h:1\"",
        "8:8",
        "a second backend named `b`, as in line 5",
    ),
    (
        "[[tenant]]\nname = \"t\"\n[[tenant]]\nname = \"t\"",
        "10:8",
        "a second tenant named `t`, as in line 8",
    ),
    ("[defaults]\nbackend = \"bb\"", "8:11", "did you mean `b`?"),
    (
        "[defaults]\nbackends = [\"b\", \"other\"]",
        "8:18",
        "known: b",
    ),
    ("[defaults]\nbackends = []", "8:12", "`backends` is empty"),
    (
        "[defaults]\nbackends = [\"b\", \"b\"]",
        "8:18",
        "stands here twice",
    ),
    (
        "[defaults]\nbackends = [\"b\"]\nbackend = \"b\"",
        "9:11",
        "write one of them",
    ),
    (
        "[[tenant]]\nname = \"t\"\nbackend = \"c\"",
        "9:11",
        "there is no backend `c`",
    ),
    (
        "[[tenant]]\nname = \"t\"\nlisteners = [\"pop\"]",
        "9:14",
        "known: 127.0.0.1:1110",
    ),
    (
        "[[tenant]]\nname = \"t\"\ndomains = [\"a.b\"]\n[[tenant]]\nname = \"u\"\ndomains = [\"x.y\", \"A.b\"]",
        "12:19",
        "the domain `a.b` is claimed twice, as in line 9",
    ),
    (
        "[[tenant]]\nname = \"t\"\nserver_names = [\"a.b\"]\n[[tenant]]\nname = \"u\"\nserver_names = [\"A.b\"]",
        "12:17",
        "the server name `a.b` is claimed twice, as in line 9",
    ),
    (
        "[[tenant]]\nname = \"t\"\nlisteners = [\"127.0.0.1:1110\"]\n[[tenant]]\nname = \"u\"\nlisteners = [\"127.0.0.1:1110\"]",
        "12:14",
        "is claimed twice, as in line 9",
    ),
    (
        "[[tenant]]\nname = \"t\"\ndefault_domain = \"a.b\"\n[[tenant.user]]\nname = \"ann\"\n[[tenant.user]]\nname = \"Ann@A.b\"",
        "13:8",
        "a second user",
    ),
    // times that do not fit together
    (
        "[defaults]\nwait = \"3s\"",
        "8:8",
        "not above `login_reserve` (3s) of backend `b`",
    ),
    (
        "login_reserve = \"30s\"",
        "7:17",
        "`wait` (25s) of tenant `default` is not above `login_reserve` (30s)",
    ),
    (
        "[[tenant]]\nname = \"t\"\n[[tenant.user]]\nname = \"ann\"\nwait = \"2s\"",
        "11:8",
        "is not above `login_reserve`",
    ),
    (
        "[[backend]]\nname = \"slow\"\naddress = \"h:1\"\nlogin_reserve = \"9s\"\n[defaults]\nbackends = [\"b\", \"slow\"]\nwait = \"8s\"",
        "13:8",
        "of backend `slow`",
    ),
    ("[server]\ngrace = \"24s\"", "8:9", "write at least \"25s\""),
    (
        "[[tenant]]\nname = \"t\"\n[[tenant.user]]\nname = \"ann\"\nwait = \"50s\"\n[server]\ngrace = \"40s\"",
        "13:9",
        "write at least \"50s\"",
    ),
    // the rest of a backend and a listener
    ("proxy_protocol = 1", "7:18", "true or false"),
    ("xoip = \"yes\"", "7:8", "true or false"),
    ("shareable = \"yes\"", "7:13", "true, false or \"ask\""),
    ("shareable = \"true\"", "7:13", "write true"),
    (
        "[server]\nsharing_memory = \"10KiB\"",
        "8:18",
        "at least 1MiB",
    ),
    ("[server]\nsharing_memory = 64", "8:18", "a size such as"),
    ("tls = \"ssl\"", "7:7", "\"off\", \"stls\" or \"implicit\""),
    ("ca = \"ca.pem\"", "7:6", "spoken to without TLS"),
    ("server_name = \"h\"", "7:15", "spoken to without TLS"),
    (
        "tls = \"stls\"\nserver_name = \"a b\"",
        "8:15",
        "cannot be the name in a certificate",
    ),
    ("login_timeout = \"0s\"", "7:17", "at least 1s"),
    ("login_reserve = \"56s\"", "7:17", "at most 55s"),
    ("connections = 70000", "7:15", "at most 65535"),
    (
        "capabilities = [\"TOP\", \"UI\\nDL\"]",
        "7:24",
        "control character",
    ),
    ("capabilities = [\"\"]", "7:17", "is not a capability"),
    (
        "phrases = { locked = [\"\"] }",
        "7:23",
        "at least three characters",
    ),
    (
        "phrases = { lokced = [\"x\"] }",
        "7:13",
        "did you mean `locked`?",
    ),
    (
        "[[backend]]\nname = \"c\"\naddress = \"h:1\"",
        "8:8",
        "write [defaults]",
    ),
    (
        "[defaults]\nqueue = 5\n[[backend]]\nname = \"c\"\naddress = \"h:1\"",
        "7:1",
        "names none of the 2 backends",
    ),
    (
        "[[listen]]\naddress = \"127.0.0.1:1\"\ntls = \"off\"\nproxy_protocol = true\n[server]\ntrusted_networks = []",
        "10:18",
        "trusted",
    ),
    (
        "[[listen]]\naddress = \"127.0.0.1:1995\"\ntls = \"implicit\"",
        "9:7",
        "there is no `[tls]`",
    ),
    (
        "[[listen]]\naddress = \"127.0.0.1:1995\"",
        "7:1",
        "there is no `[tls]`",
    ),
    (
        "[tls]\ncertificate = \"c\"\nkey = \"k\"\n[[tls.host]]\nnames = []\ncertificate = \"c\"\nkey = \"k\"",
        "11:9",
        "`names` is empty",
    ),
    (
        "[tls]\ncertificate = \"c\"\nkey = \"k\"\n[[tls.host]]\nnames = [\"a.b\", \"A.B\"]\ncertificate = \"c\"\nkey = \"k\"",
        "11:17",
        "a second certificate for `a.b`, as in line 11",
    ),
    (
        "[tls]\ncertificate = \"no.pem\"\nkey = \"no.key\"",
        "8:15",
        "`no.pem` cannot be read",
    ),
    (
        "tls = \"stls\"\nca = \"no.pem\"",
        "8:6",
        "`no.pem` cannot be read",
    ),
];

/// Whole files.
const ALONE: &[(&str, &str, &str)] = &[
    ("", "1:1", "no `[[listen]]`"),
    (
        "[[listen]]\naddress = \"127.0.0.1:1\"\ntls = \"off\"",
        "1:1",
        "no `[[backend]]`",
    ),
    ("[[listen]]\ntls = \"off\"", "1:1", "`address` is missing"),
    (
        "[[listen]]\naddress = \"localhost:110\"",
        "2:11",
        "is not an IP address and a port",
    ),
];

#[test]
fn what_is_wrong_is_refused_at_its_place_with_words_that_help() {
    let behind = BEHIND_A_GATE
        .iter()
        .map(|(text, place, words)| (format!("{GATE}{text}\n"), place, words));
    let alone = ALONE
        .iter()
        .map(|(text, place, words)| ((*text).to_owned(), place, words));
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for (text, place, words) in behind.chain(alone) {
        fs::write(folder.path().join("popgate.toml"), &text).unwrap();
        let output = popgate(folder.path(), &["check", "--config", "popgate.toml"]);
        let told = stderr(&output);
        let place_words = format!("popgate.toml:{place}: ");
        let is_it = |it: &str| it.starts_with(&place_words) && it.contains(words);
        if code(&output) != 64 || !told.split("\n\n").any(is_it) {
            wrong.push(format!(
                "{text}\nshould say {words:?} at {place}, says\n{told}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n----\n"));
}

/// A file with mistakes of all kinds: the place and words of each, in order.
const MANY: &str = r#"colour = "red"
[server]
grace = "20s"
trusted_networks = ["127.0.0.1", "10.0.0.300/8", "10.0.0.5/8"]
[[listen]]
name = "pop3"
address = "0.0.0.0"
[[listen]]
name = "pop3s"
address = "0.0.0.0:995"
tls = "ssl"
[tls]
certificate = "chain.pem"
key = "other.pem"
[[backend]]
name = "legacy"
adress = "10.0.0.5:110"
login_timeout = "0s"
[[backend]]
name = "new"
address = "10.0.0.6:110"
tls = "stls"
ca = "no.pem"
[defaults]
backends = ["legacy", "nwe"]
wait = "15s"
qeue = 5
polls = { max_delay = "15s" }
failures = { delay = "20s" }
[[tenant]]
name = "t"
listeners = ["pop3", "pop4"]
wait = "2s"
"#;

const MANY_MISTAKES: &[(&str, &str)] = &[
    ("1:1", "unknown key `colour`"),
    ("4:34", "`10.0.0.300/8` is not a network"),
    ("4:50", "write \"10.0.0.0/8\""),
    ("7:11", "`0.0.0.0` is not an IP address and a port"),
    ("11:7", "`ssl` is no way to speak TLS"),
    ("14:7", "the key is not that of chain.pem"),
    ("17:1", "did you mean `address`?"),
    ("18:17", "`login_timeout` is out of range"),
    ("23:6", "`no.pem` cannot be read"),
    ("25:23", "there is no backend `nwe`"),
    ("27:1", "did you mean `queue`?"),
    ("28:23", "`max_delay` (15s) is not below `wait`"),
    (
        "29:22",
        "`failures.delay` (20s) is above `failures.max_delay` (15s)",
    ),
    ("32:22", "there is no listener `pop4`"),
    (
        "33:8",
        "`wait` (2s) of tenant `t` is not above `login_reserve` (3s)",
    ),
];

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, _) = self_signed().unwrap();
    let (_, other_key) = self_signed().unwrap();
    fs::write(folder.path().join("chain.pem"), certificate).unwrap();
    fs::write(folder.path().join("other.pem"), other_key.as_bytes()).unwrap();
    fs::write(folder.path().join("popgate.toml"), MANY).unwrap();
    for command in ["check", "serve"] {
        let output = popgate(folder.path(), &[command, "--config", "popgate.toml"]);
        let told = stderr(&output);
        let each: Vec<&str> = told.split("\n\n").collect();
        assert_eq!(
            (code(&output), each.len()),
            (64, MANY_MISTAKES.len()),
            "{told}"
        );
        for (it, (place, words)) in each.iter().zip(MANY_MISTAKES) {
            let is_it = it.starts_with(&format!("popgate.toml:{place}: ")) && it.contains(words);
            assert!(is_it, "{words} is not at {place}: {it}");
        }
    }
}

#[test]
fn twenty_mistakes_are_shown_and_the_others_counted() {
    let folder = tempfile::tempdir().unwrap();
    let wrong: String = (0..23).map(|n| format!("key_{n} = 1\n")).collect();
    fs::write(folder.path().join("popgate.toml"), wrong + GATE).unwrap();
    let output = popgate(
        folder.path(),
        &["check", "--json", "--config", "popgate.toml"],
    );
    let told = stderr(&output);
    assert_eq!(
        (code(&output), told.matches("unknown key").count()),
        (64, 20)
    );
    assert!(told.ends_with("\n\nand 3 more mistakes\n"), "{told}");
    let verdict: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(verdict["errors"].as_array().unwrap().len(), 20);
    assert_eq!(verdict["errors"][19]["line"], 20);
    assert_eq!(
        (&verdict["error"], &verdict["more"]),
        (&verdict["errors"][0], &3.into())
    );
}
