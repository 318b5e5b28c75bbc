//! Dovecot, installed on the host.

use crate::Outcome;
use crate::process::Process;
use crate::server::{Ground, MAIL, PASSWORD, Product, Refusal, Running, deliver_to_maildir};
use std::fmt;
use std::fs;

const DOVECOT: &str = "/usr/sbin/dovecot";

/// Dovecot in one of two ways.
pub(crate) struct Dovecot {
    /// `pop3_lock_session`: with it a second session waits ten seconds, then is refused. Without,
    /// as Dovecot comes, any number of sessions is in a maildrop.
    pub(crate) locks_session: bool,
    /// Whether popgate is in its `login_trusted_networks`, as the manual says.
    pub(crate) trusts: bool,
}

impl fmt::Display for Dovecot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = if self.locks_session {
            "with"
        } else {
            "without"
        };
        write!(f, "Dovecot {with} session lock")
    }
}

impl Product for Dovecot {
    fn needs(&self) -> &'static [&'static str] {
        &[DOVECOT, "/usr/lib/dovecot/pop3"]
    }

    fn refusal(&self) -> Option<Refusal> {
        self.locks_session.then_some(Refusal {
            said: "-ERR [IN-USE] Mailbox is locked by another POP3 session.",
            logged: "Couldn't lock POP3 session",
        })
    }

    fn second_session(&self) -> &'static [(&'static str, &'static str)] {
        if self.locks_session {
            return &[(
                "PASS",
                "-ERR [IN-USE] Mailbox is locked by another POP3 session.",
            )];
        }
        &[
            ("PASS", "+OK Logged in."),
            ("STAT", "+OK 1 "),
            ("RETR 1", "-ERR Message 1 expunged."),
            ("DELE 1", "+OK Marked to be deleted."),
            ("QUIT", "+OK Logging out, messages deleted."),
        ]
    }

    fn start(&self, ground: &Ground) -> Outcome<Running> {
        let passwd: String = ground
            .users
            .iter()
            .map(|user| format!("{user}:{{PLAIN}}{PASSWORD}::::::\n"))
            .collect();
        fs::write(ground.dir().join("users"), passwd)?;
        let config = ground.dir().join("dovecot.conf");
        fs::write(&config, self.configuration(ground))?;
        let config = config.to_string_lossy();
        let command = [DOVECOT, "-F", "-c", &config];
        Ok(Box::new(Process::start_tree(&command, &ground.log())?))
    }

    fn deliver(&self, ground: &Ground, user: &str, id: &str, message: &str) -> Outcome<()> {
        deliver_to_maildir(&ground.home(user), id, message)
    }
}

impl Dovecot {
    fn configuration(&self, ground: &Ground) -> String {
        let dir = ground.dir().display();
        let lock = if self.locks_session { "yes" } else { "no" };
        let trusted = if self.trusts { "127.0.0.0/8" } else { "" };
        let (ip, port) = (ground.address.ip(), ground.address.port());
        format!(
            "base_dir = {dir}/run\n\
             state_dir = {dir}/run\n\
             log_path = /dev/stderr\n\
             protocols = pop3\n\
             ssl = no\n\
             disable_plaintext_auth = no\n\
             auth_failure_delay = 0\n\
             mail_max_userip_connections = 100\n\
             login_trusted_networks = {trusted}\n\
             first_valid_uid = 1\n\
             pop3_lock_session = {lock}\n\
             mail_location = maildir:~/Maildir\n\
             passdb {{\n driver = passwd-file\n args = {dir}/users\n}}\n\
             userdb {{\n driver = static\n args = uid={MAIL} gid={MAIL} home={dir}/mail/%u\n}}\n\
             service anvil {{\n\
             unix_listener anvil-auth-penalty {{\n mode = 0\n}}\n\
             }}\n\
             service pop3-login {{\n\
             inet_listener pop3 {{\n address = {ip}\n port = {port}\n}}\n\
             inet_listener pop3s {{\n port = 0\n}}\n\
             }}\n"
        )
    }
}
