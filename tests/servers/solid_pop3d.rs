//! solid-pop3d, in a root of its own. inetd starts it, as Debian has it.

use crate::Outcome;
use crate::client::CLOSED;
use crate::inetd::Inetd;
use crate::root::Packages;
use crate::server::{Ground, Product, Refusal, Running};
use crate::system_users;
use std::fmt;

static PACKAGES: Packages = Packages::new(&["solid-pop3d"]);

/// curl believes the greeting that APOP works, which it does for users with a secret only.
const WITHOUT_APOP: &str = "sed -i '/^<Global>/a AllowAPOP no' /etc/spop3d.conf\n";

/// A second session is let in.
pub(crate) struct SolidPop3d;

impl fmt::Display for SolidPop3d {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("solid-pop3d")
    }
}

impl Product for SolidPop3d {
    fn refusal(&self) -> Option<Refusal> {
        None
    }

    fn second_session(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("PASS", "+OK authentication successful"),
            ("STAT", "+OK 1 "),
            ("RETR 1", CLOSED),
            ("DELE 1", CLOSED),
            ("QUIT", CLOSED),
        ]
    }

    fn start(&self, ground: &Ground) -> Outcome<Running> {
        let script = system_users::script(ground, name)? + WITHOUT_APOP;
        let root = PACKAGES.root()?.start(ground.dir(), &script)?;
        let inetd = Inetd::start(ground.address, root, "/usr/sbin/solid-pop3d")?;
        Ok(Box::new(inetd))
    }

    fn deliver(&self, ground: &Ground, user: &str, _: &str, message: &str) -> Outcome<()> {
        system_users::deliver(ground, name(user), message)
    }
}

/// What stands behind the `@` is a virtual host, and no part of the system's name.
fn name(user: &str) -> &str {
    user.split('@').next().unwrap_or(user)
}
