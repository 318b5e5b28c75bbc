//! popa3d, in a root of its own. inetd starts it, as Debian has it.

use crate::Outcome;
use crate::client::CLOSED;
use crate::inetd::Inetd;
use crate::root::Packages;
use crate::server::{Ground, Product, Refusal, Running};
use crate::system_users;
use std::fmt;

static PACKAGES: Packages = Packages::new(&["popa3d"]);

/// A second session is let in.
pub(crate) struct Popa3d;

impl fmt::Display for Popa3d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("popa3d")
    }
}

impl Product for Popa3d {
    fn refusal(&self) -> Option<Refusal> {
        None
    }

    fn second_session(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("PASS", "+OK"),
            ("STAT", "+OK 1 "),
            ("RETR 1", CLOSED),
            ("DELE 1", CLOSED),
            ("QUIT", CLOSED),
        ]
    }

    fn start(&self, ground: &Ground) -> Outcome<Running> {
        let script = system_users::script(ground, |user| user)?;
        let root = PACKAGES.root()?.start(ground.dir(), &script)?;
        let inetd = Inetd::start(ground.address, root, "/usr/sbin/popa3d")?;
        Ok(Box::new(inetd))
    }

    fn deliver(&self, ground: &Ground, user: &str, _: &str, message: &str) -> Outcome<()> {
        system_users::deliver(ground, user, message)
    }
}
