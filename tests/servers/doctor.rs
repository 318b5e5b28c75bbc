//! What `popgate doctor` says of each server.

use crate::Outcome;
use crate::server::{Kind, PASSWORD, Server};
use crate::site::straight;
use serde_json::Value;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use tempfile::TempDir;

const USER: &str = "patient@popgate.test";

/// A finding: how bad it is, what it is about, and words of it.
type Expected = (&'static str, &'static str, &'static str);

const CONNECTED: Expected = ("ok", "reach", "greeted after");
const NEAR: Expected = ("ok", "tls", "in clear, and on this host");
const MANY: Expected = ("ok", "connections", "12 at a time are taken");
const NO_CAPA: Expected = ("ok", "capa", "not known (-ERR");
const ACCEPTED: Expected = ("ok", "login", "accepted after");
const CAPA_INSIDE: Expected = ("ok", "capa", "answered after the login too");
const CAPA_REFUSED: Expected = ("ok", "capa", "refused after the login");
const NO_LOCK: Expected = ("ok", "lock", "none: a second session is let in");
const CLOSES: Expected = ("ok", "after QUIT", "the connection is closed within");
const FREE_AFTER_QUIT: Expected = ("ok", "after QUIT", "the next login is accepted");
const FREE_AFTER_CUT: Expected = ("ok", "after a cut", "the next login is accepted");
const SAME_IDS: Expected = ("ok", "uidl", "the same in two sessions, 2 messages");
const HONEST: Expected = ("ok", "pipelining", "answered in order");
const ONE_BY_ONE: Expected = ("ok", "pipelining", "not announced");
const SHAREABLE: Expected = ("ok", "sharing", "yes, if the messages were new");

const WITHOUT_CAPA: &[Expected] = &[
    CONNECTED,
    NEAR,
    NO_CAPA,
    MANY,
    ACCEPTED,
    CAPA_REFUSED,
    NO_LOCK,
    CLOSES,
    SAME_IDS,
    ONE_BY_ONE,
    SHAREABLE,
];

/// What is said of each server, by its name.
const SAID: [(&str, &[Expected]); 7] = [
    (
        "Courier",
        &[
            CONNECTED,
            NEAR,
            ("ok", "capa", "popgate offers TOP, UIDL, PIPELINING of it"),
            (
                "ok",
                "login",
                "it announces 10 s between two logins, and takes who comes earlier",
            ),
            (
                "warn",
                "connections",
                "4 at a time are taken, and not one more",
            ),
            ACCEPTED,
            CAPA_INSIDE,
            NO_LOCK,
            CLOSES,
            SAME_IDS,
            // The process that reads the login does not hand on what it has read beyond that.
            (
                "ok",
                "pipelining",
                "true after the login; what stands behind PASS",
            ),
            SHAREABLE,
        ],
    ),
    (
        "Cyrus",
        &[
            CONNECTED,
            NEAR,
            (
                "ok",
                "capa",
                "offers TOP, UIDL, PIPELINING, AUTH-RESP-CODE, EXPIRE NEVER of it",
            ),
            MANY,
            ACCEPTED,
            CAPA_INSIDE,
            NO_LOCK,
            CLOSES,
            SAME_IDS,
            HONEST,
            SHAREABLE,
        ],
    ),
    ("popa3d", WITHOUT_CAPA),
    ("solid-pop3d", WITHOUT_CAPA),
    (
        "Dovecot with session lock",
        &[
            CONNECTED,
            NEAR,
            ("ok", "capa", "offers TOP, UIDL, PIPELINING, AUTH-RESP-CODE"),
            MANY,
            ACCEPTED,
            CAPA_INSIDE,
            // After ten seconds or more.
            (
                "ok",
                "lock",
                " s: -ERR [IN-USE] Mailbox is locked by another POP3 session.",
            ),
            ("ok", "lock", "the refused connection is closed"),
            FREE_AFTER_CUT,
            CLOSES,
            FREE_AFTER_QUIT,
            SAME_IDS,
            HONEST,
            SHAREABLE,
        ],
    ),
    (
        "Dovecot without session lock",
        &[
            CONNECTED,
            NEAR,
            ("ok", "capa", "offers TOP, UIDL, PIPELINING, AUTH-RESP-CODE"),
            MANY,
            ACCEPTED,
            CAPA_INSIDE,
            NO_LOCK,
            CLOSES,
            SAME_IDS,
            HONEST,
            SHAREABLE,
        ],
    ),
    (
        "GNU mailutils pop3d",
        &[
            CONNECTED,
            NEAR,
            // The space in EXPIRE is missing.
            (
                "ok",
                "capa",
                "EXPIRENEVER, USER; popgate offers TOP, UIDL, PIPELINING, AUTH",
            ),
            MANY,
            ACCEPTED,
            CAPA_INSIDE,
            ("ok", "lock", "-ERR [IN-USE] Mailbox in use"),
            ("ok", "lock", "the refused connection stays open"),
            FREE_AFTER_CUT,
            CLOSES,
            FREE_AFTER_QUIT,
            SAME_IDS,
            HONEST,
            // UIDL adds a line to the header, which LIST did not count.
            (
                "warn",
                "sharing",
                "no: the size of a message is another after a close without QUIT",
            ),
        ],
    ),
];

/// The doctor's findings are those that stand here, in this order and no others, and what it
/// advises is what the trials set for this server.
pub(crate) fn says_what_the_server_does(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    straight(kind, ip, &[USER], |server| {
        server.deliver(USER, &["one".to_owned(), "two".to_owned()], 500)?;
        let verdict = examine(server)?;
        println!("{kind}: {}", said_of_sharing(&verdict));
        let findings = verdict["findings"].as_array().ok_or("no findings")?;
        let expected = expected(kind)?;
        let as_expected = findings.len() == expected.len()
            && findings
                .iter()
                .zip(expected)
                .all(|(found, expected)| is(found, expected));
        if !as_expected {
            return Err(format!("other findings than expected: {verdict:#}").into());
        }
        if verdict["sharing"]["shareable"] == false {
            let again = examine(server)?;
            println!("{kind}, at a second look: {}", said_of_sharing(&again));
            if again["sharing"]["shareable"] == true {
                return Err("a second look with old messages says the contrary".into());
            }
        }
        let advice = verdict["advice"].as_array().ok_or("no advice")?;
        let settings = advice.iter().filter_map(|advice| advice["toml"].as_str());
        // The trials share nothing, and the verdict on that is among the findings.
        let settings: String = settings
            .filter(|line| !line.starts_with("shareable = "))
            .map(|line| format!("{line}\n"))
            .collect();
        if settings != kind.backend_settings() {
            return Err(format!("it advises {:#}", verdict["advice"]).into());
        }
        Ok(())
    })
}

fn expected(kind: Kind) -> Outcome<&'static [Expected]> {
    let name = kind.to_string();
    let said = SAID.iter().find(|(server, _)| *server == name);
    Ok(said.map_or(&[], |(_, said)| said))
}

/// All that the doctor says of sharing.
fn said_of_sharing(verdict: &Value) -> String {
    let findings = verdict["findings"].as_array().into_iter().flatten();
    findings
        .filter(|finding| finding["topic"] == "sharing")
        .map(|finding| format!("{} {}", finding["severity"], finding["text"]))
        .collect::<Vec<_>>()
        .join("; ")
}

fn is(finding: &Value, (severity, topic, words): &Expected) -> bool {
    let text = finding["text"].as_str().unwrap_or_default();
    finding["severity"] == *severity && finding["topic"] == *topic && text.contains(words)
}

/// The only backend's part of the report.
fn examine(server: &Server) -> Outcome<Value> {
    let dir = tempfile::tempdir()?;
    write_files(&dir, server)?;
    let output = Command::new(env!("CARGO_BIN_EXE_popgate"))
        .args(["doctor", "--config", "popgate.toml", "--json"])
        .args(["--user", USER, "--password-file", "password"])
        .current_dir(dir.path())
        .output()?;
    let (said, warned) = (
        String::from_utf8(output.stdout)?,
        String::from_utf8(output.stderr)?,
    );
    if said.contains(PASSWORD) || warned.contains(PASSWORD) {
        return Err("the password is shown".into());
    }
    if !output.status.success() || !warned.is_empty() {
        return Err(format!("{}: {said}{warned}", output.status).into());
    }
    let verdict: Value = serde_json::from_str(&said)?;
    Ok(verdict["backends"][0].clone())
}

fn write_files(dir: &TempDir, server: &Server) -> Outcome<()> {
    let address = server.address();
    let config = format!(
        "[[listen]]\naddress = \"127.0.0.1:110\"\ntls = \"off\"\n\n\
         [[backend]]\nname = \"server\"\naddress = \"{address}\"\n"
    );
    fs::write(dir.path().join("popgate.toml"), config)?;
    let password = dir.path().join("password");
    fs::write(&password, format!("{PASSWORD}\n"))?;
    Ok(fs::set_permissions(
        password,
        fs::Permissions::from_mode(0o600),
    )?)
}
