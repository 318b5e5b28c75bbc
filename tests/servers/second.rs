//! What two sessions in one maildrop do to each other, without popgate.

use crate::Outcome;
use crate::client::Client;
use crate::server::{Kind, PASSWORD};
use crate::site::straight;
use std::net::Ipv4Addr;

const PAGE: &str = include_str!("../../deploy/manual/servers.md");
const USER: &str = "reader@popgate.test";
/// What the second session sends when the first one is gone.
const AFTERWARDS: [&str; 3] = ["RETR 1", "DELE 1", "QUIT"];

/// A second session comes while the first one holds the maildrop, and sees its only message. The
/// first one deletes that and quits; the second one goes on as if it were there.
pub(crate) fn second_session_is_told(kind: Kind, ip: Ipv4Addr) -> Outcome<()> {
    straight(kind, ip, &[USER], |server| {
        server.deliver(USER, &["shared".to_owned()], 0)?;
        let mut first = Client::log_in(server.address(), USER, PASSWORD)?;
        let mut second = Client::connect(server.address())?;
        second.ok(&format!("USER {USER}"))?;
        let pass = second.exchange(&format!("PASS {PASSWORD}"))?;
        let is_in = pass.starts_with("+OK");
        let mut told = vec![("PASS", pass)];
        if is_in {
            told.push(("STAT", second.exchange("STAT")?));
            first.ok("DELE 1")?;
            first.quit()?;
            for command in AFTERWARDS {
                told.push((command, second.exchange(command)?));
            }
        }
        compare(&told, kind.second_session())?;
        stands_in_readme(kind)
    })
}

/// The manual has a row for each server, with all but STAT.
fn stands_in_readme(kind: Kind) -> Outcome<()> {
    let told = kind.second_session().iter();
    let cells = told.filter(|(command, _)| *command != "STAT");
    let cells: String = cells.map(|(_, reply)| format!(" `{reply}` |")).collect();
    let row = format!("| {kind} |{cells}");
    if PAGE.lines().any(|line| line.starts_with(&row)) {
        return Ok(());
    }
    Err(format!("servers.md has no row {row}").into())
}

fn compare(told: &[(&str, String)], expected: &[(&str, &str)]) -> Outcome<()> {
    let mut pairs = told.iter().zip(expected);
    let alike =
        pairs.all(|(told, expected)| told.0 == expected.0 && told.1.starts_with(expected.1));
    if alike && told.len() == expected.len() {
        return Ok(());
    }
    Err(format!("the second session is told {told:#?}, expected {expected:#?}").into())
}
