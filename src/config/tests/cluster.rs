//! What is told of mistakes in `[cluster]`, in its settings and in the files that it names.

use crate::config::{Config, ConfigErrors};
use rcgen::generate_simple_self_signed;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const GATE: &str = "[[listen]]\naddress = \"127.0.0.1:110\"\ntls = \"off\"\n\
    [[backend]]\nname = \"legacy\"\naddress = \"h:110\"\n";

const RIGHT: &str = "[cluster]\n\
    nodes = [\"10.0.0.1:26379\", \"10.0.0.2:26379\", \"10.0.0.3:26379\"]\n\
    master = \"mail\"\n\
    secret_file = \"secret\"\n\
    tls = true\n\
    ca = \"ca.pem\"\n\
    username = \"popgate\"\n\
    password_file = \"password\"\n\
    prefix = \"mail:\"\n\
    lease = \"15s\"\n\
    on_outage = \"refuse\"\n\
    name = \"pop1\"\n";

/// What stands before the first key of `[cluster]`.
const LINES_BEFORE: usize = 7;

fn parsed(cluster: &str) -> Result<Config, ConfigErrors> {
    let text = format!("{GATE}{cluster}");
    Config::parse(&text, Path::new("a.toml"))
}

/// One change of [`RIGHT`] each, the key's place behind `[cluster]`, and what is told.
const SETTINGS: &[(&str, &str, usize, &[&str])] = &[
    (
        "master = \"mail\"\n",
        "",
        1,
        &[
            "`nodes` has 3 addresses, and there is no `master`",
            "the Sentinels' addresses and master =",
        ],
    ),
    (
        "[\"10.0.0.1:26379\", \"10.0.0.2:26379\", \"10.0.0.3:26379\"]",
        "[]",
        1,
        &["`nodes` has 0 addresses", "nodes = [\"127.0.0.1:6379\"]"],
    ),
    (
        "10.0.0.2:26379",
        "10.0.0.1:26379",
        1,
        &["`10.0.0.1:26379` is in `nodes` twice", "leave one out"],
    ),
    (
        "10.0.0.2:26379",
        "10.0.0.2",
        1,
        &["`10.0.0.2` is not a host and a port"],
    ),
    (
        "10.0.0.2:26379",
        "redis://10.0.0.2:26379",
        1,
        &["`redis://10.0.0.2:26379` is not a host and a port"],
    ),
    (
        "10.0.0.2:26379",
        "10.0.0.2:0",
        1,
        &["`10.0.0.2:0` is not a host and a port"],
    ),
    (
        "tls = true",
        "tls = false",
        5,
        &["`ca` has no meaning", "write tls = true too"],
    ),
    ("tls = true\n", "", 4, &["`ca` has no meaning"]),
    (
        "password_file = \"password\"\n",
        "",
        6,
        &[
            "`username` without `password_file`",
            "a file with the password in one line",
        ],
    ),
    (
        "username = \"popgate\"",
        "username = \"pop gate\"",
        6,
        &["printable ASCII without blanks"],
    ),
    (
        "prefix = \"mail:\"",
        "prefix = \"\"",
        8,
        &["printable ASCII without blanks"],
    ),
    (
        "prefix = \"mail:\"",
        "prefix = \"a23456789b23456789c23456789d23456789e23456789f23456789g23456789hi\"",
        8,
        &["it is longer than 64 characters"],
    ),
    ("lease = \"15s\"", "lease = \"5s\"", 9, &["6s", "1m"]),
    ("lease = \"15s\"", "lease = \"61s\"", 9, &["6s", "1m"]),
    (
        "lease = \"15s\"",
        "lease = 15",
        9,
        &["wrong type: integer `15`"],
    ),
    (
        "on_outage = \"refuse\"",
        "on_outage = \"deny\"",
        10,
        &["local", "refuse"],
    ),
    ("name = \"pop1\"", "name = \"\"", 11, &["printable ASCII"]),
    ("lease =", "leas =", 9, &["unknown key `leas`", "`lease`"]),
    ("secret_file = \"secret\"\n", "", 0, &["secret_file"]),
];

#[test]
fn a_mistake_in_a_setting_is_told_with_its_line_and_what_to_write() {
    assert!(parsed(RIGHT).is_ok());
    for (right, wrong, place, told) in SETTINGS {
        assert!(RIGHT.contains(right), "{right}");
        let Err(errors) = parsed(&RIGHT.replacen(right, wrong, 1)) else {
            panic!("{wrong:?} in place of {right:?} is taken");
        };
        let [error] = errors.shown() else {
            panic!("{wrong:?} in place of {right:?} brings more: {errors}");
        };
        assert_eq!(error.line(), Some(LINES_BEFORE + place), "{error}");
        let said = error.to_string();
        for part in *told {
            assert!(said.contains(part), "{part:?} is not in\n{said}");
        }
    }
}

const SECRET: &str = "6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d";

/// A folder with all that [`RIGHT`] names.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ca = generate_simple_self_signed(vec!["h".to_owned()]).unwrap();
    put(folder.path(), "ca.pem", &ca.cert.pem(), 0o644);
    put(folder.path(), "secret", &format!("{SECRET}\n"), 0o640);
    put(folder.path(), "password", "a password\r\n", 0o600);
    put(folder.path(), "a.toml", &format!("{GATE}{RIGHT}"), 0o644);
    folder
}

fn put(folder: &Path, name: &str, text: &str, mode: u32) {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

/// The file, its text (`None`: it is not there), its mode, and what is told.
const FILES: &[(&str, Option<&str>, u32, &[&str])] = &[
    (
        "secret",
        None,
        0,
        &[
            "secret is not there\n",
            "\nhint: make one with `popgate cluster secret",
            "copy it to all gates",
        ],
    ),
    (
        "secret",
        Some("6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d"),
        0o604,
        &["may be read by everybody", "\nhint: chmod 0640"],
    ),
    (
        "secret",
        Some("6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc"),
        0o600,
        &["does not hold 64 hex digits", "popgate cluster secret"],
    ),
    (
        "secret",
        Some("6b1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d0d"),
        0o600,
        &["does not hold 64 hex digits"],
    ),
    (
        "secret",
        Some("zb1f0c5d9e2a47388c4f5e6d7a8b9c0d1e2f30415263748596a7b8c9daebfc0d"),
        0o600,
        &["does not hold 64 hex digits"],
    ),
    ("secret", Some(""), 0o600, &["does not hold 64 hex digits"]),
    (
        "password",
        None,
        0,
        &["password is not there", "the password of the engine's user"],
    ),
    (
        "password",
        Some("canary\n"),
        0o644,
        &["may be read by everybody", "chmod 0640"],
    ),
    (
        "password",
        Some("\n"),
        0o600,
        &["does not hold one line with a password"],
    ),
    (
        "password",
        Some("canary\nsecond line\n"),
        0o600,
        &["does not hold one line with a password"],
    ),
    ("ca.pem", None, 0, &["ca.pem", "cannot be read"]),
    ("ca.pem", Some("canary"), 0o600, &["ca.pem", "certificate"]),
];

#[test]
fn a_file_that_will_not_do_is_told_with_what_to_do() {
    let folder = folder();
    let file = folder.path().join("a.toml");
    if let Err(errors) = Config::load(&file) {
        panic!("{errors}");
    }
    for (name, text, mode, told) in FILES {
        let path = folder.path().join(name);
        let right = fs::read_to_string(&path).unwrap();
        let right_mode = fs::metadata(&path).unwrap().permissions().mode();
        match text {
            Some(text) => put(folder.path(), name, text, *mode),
            None => fs::remove_file(&path).unwrap(),
        }
        let Err(errors) = Config::load(&file) else {
            panic!("{name} with {text:?} is taken");
        };
        assert_eq!(errors.shown().len(), 1, "{errors}");
        let said = errors.to_string();
        for part in *told {
            assert!(said.contains(part), "{part:?} is not in\n{said}");
        }
        let secret = text.is_some_and(|text| text.len() > 10 && said.contains(text));
        assert!(!secret && !said.contains("canary"), "{said}");
        put(folder.path(), name, &right, right_mode);
    }
}

#[test]
fn a_secret_without_an_end_is_none() {
    let folder = folder();
    let file = folder.path().join("a.toml");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("\"secret\"", "\"/dev/zero\"");
    fs::write(&file, text).unwrap();
    let said = Config::load(&file).unwrap_err().to_string();
    assert!(said.contains("/dev/zero"), "{said}");
}
