//! The command line as a person or a script meets it: the real binary, its words, its exit codes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acting;
mod api;
mod blocks;
mod cluster;
mod control;
mod demo;
mod doctor;
mod explain;
mod gate;
mod refusals;
mod reload;
mod report;
mod running;
mod serving;
mod starts;
mod terminal;
mod timeline;
mod top;
mod views;
mod watching;

use popgate::demo::certificate::self_signed;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs `popgate` in `folder`.
fn popgate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_popgate"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("popgate cannot be run")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("no text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("no text")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("popgate was killed")
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/config")
}

/// A folder with every example configuration, and the files that they name.
fn folder_with_examples() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("no temporary folder");
    copy_examples(folder.path()).expect("examples cannot be copied");
    folder
}

fn copy_examples(folder: &Path) -> io::Result<()> {
    for example in fs::read_dir(examples())? {
        let example = example?;
        fs::copy(example.path(), folder.join(example.file_name()))?;
    }
    for name in ["example.com", "example.org"] {
        fs::create_dir(folder.join(name))?;
    }
    let (certificate, key) = self_signed().map_err(io::Error::other)?;
    fs::write(folder.join("internal-ca.pem"), &certificate)?;
    for name in ["", "example.com", "example.org"] {
        fs::write(folder.join(name).join("fullchain.pem"), &certificate)?;
        fs::write(folder.join(name).join("privkey.pem"), key.as_bytes())?;
    }
    let secret = folder.join("cluster.secret");
    fs::write(&secret, "6b1f".repeat(16))?;
    fs::set_permissions(secret, fs::Permissions::from_mode(0o600))?;
    Ok(())
}

#[test]
fn every_example_configuration_is_right() {
    let folder = folder_with_examples();
    let mut seen = 0;
    for example in fs::read_dir(examples()).unwrap() {
        let name = example.unwrap().file_name().into_string().unwrap();
        let output = popgate(folder.path(), &["check", "--config", &name]);
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        assert!(stdout(&output).starts_with(&format!("{name}: ok\n")));
        seen += 1;
    }
    assert!(seen >= 2);
}

#[test]
fn check_tells_a_person_what_the_file_says() {
    let folder = folder_with_examples();
    let told = stdout(&popgate(folder.path(), &["check", "--config", "full.toml"]));
    for line in [
        "  listener pop3: 0.0.0.0:110, TLS stls\n",
        "  listener behind-balancer: 10.20.0.7:1110, TLS stls, PROXY protocol\n",
        "  backend  new: mail-2.example.net:995, TLS implicit\n",
        "  TLS      1.2 and 1.3, ECDHE with AES-GCM or ChaCha20-Poly1305\n",
        "  tenants  default, example, moved\n",
    ] {
        assert!(told.contains(line), "{line:?} is not in\n{told}");
    }
    let told = stdout(&popgate(
        folder.path(),
        &["check", "--config", "minimal.toml"],
    ));
    assert!(!told.contains("warning:"), "{told}");
}

#[test]
fn check_tells_a_program_the_same() {
    let folder = folder_with_examples();
    let check = |name: &str| {
        let output = popgate(folder.path(), &["check", "--json", "--config", name]);
        let verdict: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        (code(&output), verdict)
    };
    let (exit, verdict) = check("full.toml");
    assert_eq!(exit, 0);
    assert_eq!(verdict["ok"], true);
    assert_eq!(verdict["listeners"][1]["tls"], "implicit");
    assert_eq!(verdict["tls"]["versions"][1], "TLSv1.3");
    let suites = verdict["tls"]["cipher_suites"].to_string();
    assert!(suites.contains("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"));
    assert_eq!(verdict["tenants"], 3);

    fs::write(folder.path().join("bad.toml"), "[server]\ngrcae = 5\n").unwrap();
    let (exit, verdict) = check("bad.toml");
    assert_eq!(exit, 64);
    assert_eq!(verdict["ok"], false);
    assert_eq!(verdict["error"]["line"], 2);
    assert_eq!(verdict["error"]["column"], 1);
    assert_eq!(verdict["error"]["hint"], "did you mean `grace`?");
}

#[test]
fn a_refusal_is_shown_at_its_place() {
    let folder = folder_with_examples();
    let text = fs::read_to_string(examples().join("minimal.toml")).unwrap();
    let text = format!("{text}\n[defaults]\nqeue = 16\n");
    fs::write(folder.path().join("popgate.toml"), text).unwrap();
    let output = popgate(folder.path(), &["check", "--config", "popgate.toml"]);
    let expected = "\
popgate.toml:16:1: unknown key `qeue`
   |
16 | qeue = 16
   | ^^^^
hint: did you mean `queue`?
";
    assert_eq!(stderr(&output), expected);
    assert_eq!(stdout(&output), "");
    assert_eq!(code(&output), 64);
}

#[test]
fn files_that_are_not_there_are_named() {
    let folder = folder_with_examples();
    let check = |name: &str| {
        let output = popgate(folder.path(), &["check", "--config", name]);
        assert_eq!(code(&output), 64);
        stderr(&output)
    };
    assert!(check("nothing.toml").starts_with("nothing.toml: cannot be read: No such file"));
    fs::remove_file(folder.path().join("privkey.pem")).unwrap();
    let told = check("minimal.toml");
    assert!(
        told.starts_with("minimal.toml:9:7: `privkey.pem` cannot be read: No such file"),
        "{told}"
    );
    fs::create_dir(folder.path().join("privkey.pem")).unwrap();
    assert!(check("minimal.toml").contains("`privkey.pem` cannot be read: is a directory"));
    fs::write(folder.path().join("latin.toml"), b"# a\n# \xfc\n").unwrap();
    assert!(check("latin.toml").starts_with("latin.toml:2:3: this is not UTF-8"));
}

#[test]
fn wrong_usage_is_told_on_standard_error_with_exit_code_64() {
    let folder = folder_with_examples();
    for arguments in [
        &[][..],
        &["chekc"],
        &["check"],
        &["check", "--config"],
        &["check", "--config", "minimal.toml", "more"],
        &["check", "--config", "minimal.toml", "--explain", " "],
        &["check", "--config", "minimal.toml", "--listener", "pop3"],
        &["classify", "-ERR locked"],
        &["classify", "--command", "PASS"],
        &["classify", "--command", "P A", "-ERR locked"],
        &[
            "classify",
            "--command",
            "PASS",
            "--backend",
            "legacy",
            "+OK",
        ],
        &[
            "classify",
            "--command",
            "PASS",
            "--config",
            "full.toml",
            "+OK",
        ],
    ] {
        let output = popgate(folder.path(), arguments);
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert_ne!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn serve_refuses_a_wrong_configuration_before_it_opens_a_port() {
    let folder = folder_with_examples();
    fs::write(folder.path().join("bad.toml"), "[server]\ngrcae = 5\n").unwrap();
    let output = popgate(folder.path(), &["serve", "--config", "bad.toml"]);
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).starts_with("bad.toml:2:1: unknown key `grcae`\n"));
}

#[test]
fn help_lists_the_commands() {
    let output = popgate(Path::new("."), &["--help"]);
    assert_eq!(code(&output), 0);
    for command in [
        "serve", "check", "doctor", "demo", "classify", "status", "locks", "sessions", "backends",
        "tenants", "explain", "kick", "blocks", "release", "pause", "resume", "drain", "reload",
        "log",
    ] {
        assert!(stdout(&output).contains(&format!("\n  {command} ")));
    }
}

#[test]
fn a_reply_is_classified_by_one_word() {
    let folder = folder_with_examples();
    let word = |arguments: &[&str]| {
        let output = popgate(folder.path(), &[&["classify"], arguments].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        stdout(&output)
    };
    let locked = "-ERR [IN-USE] Unable to lock maildrop: Mailbox is locked by POP server";
    assert_eq!(word(&["--command", "PASS", locked]), "locked\n");
    assert_eq!(word(&[locked, "--command", "pass"]), "locked\n");
    assert_eq!(word(&["--command", "CONNECT", "+OK hello"]), "ok\n");
    // The phrases of a backend count, and its certificates are not needed for that.
    fs::remove_file(folder.path().join("privkey.pem")).unwrap();
    let own = "-ERR Maildrop in use elsewhere, sorry";
    let backend = ["--config", "full.toml", "--backend", "legacy"];
    let arguments = [&["--command", "PASS", own], &backend[..]].concat();
    assert_eq!(word(&arguments), "locked\n");
}

#[test]
fn a_backend_that_is_not_there_is_named() {
    let folder = folder_with_examples();
    let arguments = ["classify", "--command", "PASS", "--config", "full.toml"];
    let arguments = [&arguments[..], &["--backend", "legcy", "+OK"]].concat();
    let output = popgate(folder.path(), &arguments);
    assert_eq!(code(&output), 64);
    let expected = "full.toml: there is no backend `legcy`\nhint: did you mean `legacy`?\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn a_reader_that_went_away_is_no_fault() {
    let folder = folder_with_examples();
    for arguments in [&["check", "--config", "full.toml"][..], &["--help"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_popgate"))
            .args(arguments)
            .current_dir(folder.path())
            .stdout(Stdio::from(writer))
            .output()
            .unwrap();
        assert_eq!(code(&output), 0);
        assert_eq!(stderr(&output), "");
    }
}
