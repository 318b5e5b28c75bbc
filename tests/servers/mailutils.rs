//! GNU mailutils pop3d, installed on the host.

use crate::Outcome;
use crate::process::Process;
use crate::server::{
    Ground, MAIL, Product, Refusal, Running, append, deliver_to_mbox, password_hash,
};
use std::fmt;
use std::fs;
use std::io::Write;

const POP3D: &str = "/usr/sbin/pop3d";

/// A second session is refused at once.
pub(crate) struct Mailutils;

impl fmt::Display for Mailutils {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GNU mailutils pop3d")
    }
}

impl Product for Mailutils {
    fn needs(&self) -> &'static [&'static str] {
        &[POP3D]
    }

    fn refusal(&self) -> Option<Refusal> {
        Some(Refusal {
            said: "-ERR [IN-USE] Mailbox in use",
            logged: "Conflict with previous locker",
        })
    }

    fn second_session(&self) -> &'static [(&'static str, &'static str)] {
        &[("PASS", "-ERR [IN-USE] Mailbox in use")]
    }

    /// Users come from a password file of a virtual domain, so that the system's are not touched.
    fn start(&self, ground: &Ground) -> Outcome<Running> {
        let dir = ground.dir();
        fs::create_dir(dir.join("domains"))?;
        fs::create_dir(dir.join("lock"))?;
        let hash = password_hash()?;
        for user in &ground.users {
            let (name, domain) = user.split_once('@').ok_or("a user without a domain")?;
            let home = ground.home(user);
            let mut passwd = append(&dir.join("domains").join(domain))?;
            writeln!(
                passwd,
                "{name}:{hash}:{MAIL}:{MAIL}::{}:/bin/false",
                home.display()
            )?;
        }
        let config = dir.join("pop3d.conf");
        fs::write(&config, configuration(ground))?;
        let config = config.to_string_lossy();
        let command = [POP3D, "--config-file", &config];
        Ok(Box::new(Process::start_tree(&command, &ground.log())?))
    }

    fn deliver(&self, ground: &Ground, user: &str, _: &str, message: &str) -> Outcome<()> {
        deliver_to_mbox(&ground.home(user).join("INBOX"), message)
    }
}

fn configuration(ground: &Ground) -> String {
    let (dir, address) = (ground.dir().display(), ground.address);
    format!(
        "mode daemon;\n\
         foreground yes;\n\
         pidfile \"{dir}/pid\";\n\
         max-children 50;\n\
         mandatory-locking {{ enable yes; lock-directory \"{dir}/lock\"; }};\n\
         auth {{\n\
         authorization clear; authorization virtdomain;\n\
         authentication clear; authentication generic;\n\
         }};\n\
         virtdomain {{ passwd-dir \"{dir}/domains\"; }};\n\
         mailbox {{ mailbox-type mbox; }};\n\
         logging {{ syslog no; }};\n\
         server {address} {{ }};\n"
    )
}
