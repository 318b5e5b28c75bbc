//! Courier, in a root of its own, with the limits that it comes with.

use crate::Outcome;
use crate::root::Packages;
use crate::server::{Ground, MAIL, Product, Refusal, Running, deliver_to_maildir, password_hash};
use std::fmt;
use std::fs;

static PACKAGES: Packages = Packages::new(&["courier-pop"]);

/// A second session is let in.
pub(crate) struct Courier;

impl fmt::Display for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Courier")
    }
}

impl Product for Courier {
    fn refusal(&self) -> Option<Refusal> {
        None
    }

    fn second_session(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("PASS", "+OK logged in."),
            ("STAT", "+OK 1 "),
            ("RETR 1", "-ERR Can't open the message file - it's gone!"),
            ("DELE 1", "+OK Deleted."),
            ("QUIT", "+OK Bye-bye."),
        ]
    }

    fn backend_settings(&self) -> &'static str {
        // Its `MAXPERIP`; more are closed without a word.
        "connections = 4\n"
    }

    fn start(&self, ground: &Ground) -> Outcome<Running> {
        let hash = password_hash()?;
        let users: String = ground
            .users
            .iter()
            .map(|user| {
                let home = ground.home(user);
                let home = home.display();
                format!("{user}\tuid={MAIL}|gid={MAIL}|home={home}|systempw={hash}\n")
            })
            .collect();
        fs::write(ground.dir().join("users"), users)?;
        let rooted = PACKAGES.root()?.start(ground.dir(), &script(ground))?;
        Ok(Box::new(rooted))
    }

    fn deliver(&self, ground: &Ground, user: &str, id: &str, message: &str) -> Outcome<()> {
        deliver_to_maildir(&ground.home(user), id, message)
    }
}

fn script(ground: &Ground) -> String {
    let dir = ground.dir().display();
    let (ip, port) = (ground.address.ip(), ground.address.port());
    format!(
        "install -m 600 {dir}/users /etc/courier/userdb\n\
         makeuserdb\n\
         echo 'authmodulelist=\"authuserdb\"' >>/etc/courier/authdaemonrc\n\
         printf 'ADDRESS={ip}\\nPORT={port}\\n' >>/etc/courier/pop3d\n\
         install -d -o courier -g courier /run/courier /run/courier/authdaemon\n\
         authdaemond start\n\
         /usr/lib/courier/pop3d start\n"
    )
}
