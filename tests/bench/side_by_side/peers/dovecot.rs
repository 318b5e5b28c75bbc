//! Dovecot's login proxy: two login processes for all clients, in its high-performance mode.

use super::{Place, with_file};
use crate::Outcome;
use std::process::Command;

pub(super) const PROGRAM: &str = "/usr/sbin/dovecot";

pub(super) fn commands(place: &Place<'_>) -> Outcome<Vec<Command>> {
    let file = with_file(place, "dovecot.conf", &config(place))?;
    let mut command = Command::new(PROGRAM);
    command.arg("-F").arg("-c").arg(file);
    Ok(vec![command])
}

fn config(place: &Place<'_>) -> String {
    let (plain, tls) = (place.plain.port(), place.tls.port());
    let (chain, key) = (
        place.grounds.certificate.chain(),
        place.grounds.certificate.key(),
    );
    let (chain, key) = (chain.display(), key.display());
    let (folder, backend) = (
        place.folder.display(),
        place.grounds.backend.address().port(),
    );
    format!(
        r"
base_dir = {folder}/base
state_dir = {folder}/state
log_path = {folder}/log
protocols = pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
disable_plaintext_auth = no
auth_mechanisms = plain
default_client_limit = 19000
default_process_limit = 100

passdb {{
  driver = static
  args = nopassword=y proxy=y host=127.0.0.1 port={backend}
}}

service pop3-login {{
  process_min_avail = 2
  process_limit = 2
  service_count = 0
  client_limit = 9500
  vsz_limit = 2G
  inet_listener pop3 {{
    port = {plain}
  }}
  inet_listener pop3s {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  client_limit = 19000
}}
service auth {{
  client_limit = 19000
}}
"
    )
}
