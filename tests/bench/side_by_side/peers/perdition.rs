//! Perdition: a process for each connection, of which it has no other way; one instance for plain
//! sessions and one for TLS.

use super::Place;
use crate::Outcome;
use std::net::SocketAddr;
use std::process::Command;

pub(super) const PROGRAM: &str = "/usr/sbin/perdition";

pub(super) fn commands(place: &Place<'_>) -> Outcome<Vec<Command>> {
    let plain = command(place, place.plain);
    let mut tls = command(place, place.tls);
    tls.args(["--ssl_mode", "ssl_listen", "--ssl_cert_file"]);
    tls.arg(place.grounds.certificate.chain());
    tls.arg("--ssl_key_file")
        .arg(place.grounds.certificate.key());
    Ok(vec![plain, tls])
}

fn command(place: &Place<'_>, address: SocketAddr) -> Command {
    let backend = place.grounds.backend.address();
    let mut command = Command::new(PROGRAM);
    command
        .args([
            "--no_daemon",
            "--config_file",
            "/dev/null",
            "--protocol",
            "POP3",
        ])
        .args([
            "--bind_address",
            "127.0.0.1",
            "--no_lookup",
            "--map_library",
            "",
        ])
        .args(["--listen_port", &address.port().to_string()])
        .args(["--outgoing_server", "127.0.0.1"])
        .args(["--outgoing_port", &backend.port().to_string()])
        .args(["--timeout", "3600", "--server_resp_line", "--quiet"])
        .arg("--pid_file")
        .arg(place.folder.join(format!("pid{}", address.port())));
    command
}
