//! nginx as a mail proxy: two workers. It asks by HTTP where each session belongs; the backend
//! answers, whose CPU is not counted.

use super::{Place, with_file};
use crate::Outcome;
use std::process::Command;

pub(super) const PROGRAM: &str = "/usr/sbin/nginx";
pub(super) const MODULE: &str = "/usr/lib/nginx/modules/ngx_mail_module.so";

pub(super) fn commands(place: &Place<'_>) -> Outcome<Vec<Command>> {
    let file = with_file(place, "nginx.conf", &config(place))?;
    let mut command = Command::new(PROGRAM);
    command.args(["-e", "stderr", "-p"]).arg(place.folder);
    command.arg("-c").arg(file);
    Ok(vec![command])
}

fn config(place: &Place<'_>) -> String {
    let Place { plain, tls, .. } = place;
    let (chain, key) = (
        place.grounds.certificate.chain(),
        place.grounds.certificate.key(),
    );
    let (chain, key) = (chain.display(), key.display());
    let http = place.grounds.backend.http_address();
    let pid = place.folder.join("pid");
    let pid = pid.display();
    format!(
        r"
load_module {MODULE};
daemon off;
worker_processes 2;
worker_rlimit_nofile 20000;
pid {pid};
error_log stderr error;

events {{
    worker_connections 19900;
}}

mail {{
    server_name localhost;
    auth_http {http}/auth;
    proxy_pass_error_message on;
    proxy_timeout 1h;
    timeout 1h;

    ssl_certificate {chain};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:mail:10m;
    ssl_session_tickets on;

    server {{
        listen {plain};
        protocol pop3;
    }}
    server {{
        listen {tls} ssl;
        protocol pop3;
    }}
}}
"
    )
}
