//! HAProxy in TCP mode: two threads, TLS by its defaults, which have tickets and a cache. What the
//! server sends is spliced: `splice-auto` was seen to splice nothing here, and costs more.

use super::{Place, with_file};
use crate::Outcome;
use std::process::Command;

pub(super) const PROGRAM: &str = "/usr/sbin/haproxy";

pub(super) fn commands(place: &Place<'_>) -> Outcome<Vec<Command>> {
    let file = with_file(place, "haproxy.cfg", &config(place))?;
    let mut command = Command::new(PROGRAM);
    command.args(["-db", "-f"]).arg(file);
    Ok(vec![command])
}

fn config(place: &Place<'_>) -> String {
    let Place { plain, tls, .. } = place;
    let certificate = place.grounds.certificate.both();
    let certificate = certificate.display();
    let backend = place.grounds.backend.address();
    format!(
        r"
global
  nbthread 2
  maxconn 9400
  maxpipes 250

defaults
  mode tcp
  option splice-response
  timeout connect 10s
  timeout client 1h
  timeout server 1h

listen pop3
  bind {plain}
  server backend {backend}

listen pop3s
  bind {tls} ssl crt {certificate}
  server backend {backend}
"
    )
}
