//! Users of the system, in a server's own root, with mboxes in `/var/mail`.

use crate::Outcome;
use crate::server::{Ground, MAIL, deliver_to_mbox, password_hash};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

/// A shell script that makes the users known in the root that it runs in, by their names there.
pub(crate) fn script(ground: &Ground, name: fn(&str) -> &str) -> Outcome<String> {
    let (dir, hash) = (ground.dir(), password_hash()?);
    let (mut passwd, mut shadow) = (String::new(), String::new());
    for user in &ground.users {
        let (name, home) = (name(user), ground.home(user));
        passwd += &format!("{name}:x:{MAIL}:{MAIL}::{}:/bin/false\n", home.display());
        shadow += &format!("{name}:{hash}:20000:0:99999:7:::\n");
    }
    fs::write(dir.join("passwd"), passwd)?;
    fs::write(dir.join("shadow"), shadow)?;
    let spool = dir.join("spool");
    fs::create_dir(&spool)?;
    fs::set_permissions(&spool, fs::Permissions::from_mode(0o2775))?;
    chown(&spool, None, Some(MAIL))?;
    let dir = dir.display();
    Ok(format!(
        "cat {dir}/passwd >>/etc/passwd\n\
         cat {dir}/shadow >>/etc/shadow\n\
         mount --bind {dir}/spool /var/mail\n"
    ))
}

/// Puts a message into the mbox of the user who has this name there.
pub(crate) fn deliver(ground: &Ground, name: &str, message: &str) -> Outcome<()> {
    deliver_to_mbox(&ground.dir().join("spool").join(name), message)
}
