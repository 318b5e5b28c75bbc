//! Cyrus, in a root of its own.

use crate::Outcome;
use crate::root::Packages;
use crate::server::{Ground, PASSWORD, Product, Refusal, Running};
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

/// `sasl2-bin` makes the users' passwords.
static PACKAGES: Packages = Packages::new(&["cyrus-pop3d", "sasl2-bin"]);

/// A second session is let in.
pub(crate) struct Cyrus;

impl fmt::Display for Cyrus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cyrus")
    }
}

impl Product for Cyrus {
    fn refusal(&self) -> Option<Refusal> {
        None
    }

    fn second_session(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("PASS", "+OK Mailbox locked and ready"),
            ("STAT", "+OK 1 "),
            ("RETR 1", "+OK Message follows"),
            ("DELE 1", "+OK message deleted"),
            ("QUIT", "+OK"),
        ]
    }

    fn start(&self, ground: &Ground) -> Outcome<Running> {
        let config = ground.dir().join("cyrus.conf");
        fs::write(&config, services(ground))?;
        let rooted = PACKAGES.root()?.start(ground.dir(), &script(ground)?)?;
        Ok(Box::new(rooted))
    }

    fn deliver(&self, ground: &Ground, user: &str, _: &str, message: &str) -> Outcome<()> {
        let socket = UnixStream::connect(ground.dir().join("lmtp"))?;
        let mut replies = BufReader::new(socket.try_clone()?).lines();
        let say = |text: &str| -> Outcome<()> {
            let mut socket = &socket;
            write!(socket, "{text}\r\n")?;
            Ok(())
        };
        let mut expect = |code: &str| -> Outcome<()> {
            for line in replies.by_ref() {
                let line = line?;
                if !line.starts_with(code) {
                    return Err(format!("lmtp: {line}").into());
                }
                if !line[code.len()..].starts_with('-') {
                    return Ok(());
                }
            }
            Err("lmtp: closed".into())
        };
        expect("220")?;
        say("LHLO popgate.test")?;
        expect("250")?;
        say("MAIL FROM:<sender@popgate.test>")?;
        expect("250")?;
        say(&format!("RCPT TO:<{user}>"))?;
        expect("250")?;
        say("DATA")?;
        expect("354")?;
        say(&message.replace('\n', "\r\n"))?;
        say(".")?;
        expect("250")?;
        say("QUIT")?;
        expect("221")
    }
}

/// No user may poll more than once a minute, as Debian has it: that would refuse the second
/// of all sessions.
fn script(ground: &Ground) -> Outcome<String> {
    let dir = ground.dir().display();
    let mut script = format!(
        "sed -i '/^popminpoll:/d; /^lmtpsocket:/d' /etc/imapd.conf\n\
         printf 'virtdomains: userid\\nautocreate_post: yes\\nlmtpsocket: {dir}/lmtp\\n' \
         >>/etc/imapd.conf\n\
         install -d -o cyrus -g mail /run/cyrus /run/cyrus/proc /run/cyrus/lock /run/cyrus/socket\n"
    );
    for user in &ground.users {
        let (name, domain) = user.split_once('@').ok_or("a user without a domain")?;
        script += &format!("echo {PASSWORD} | saslpasswd2 -p -c -u {domain} {name}\n");
    }
    script += &format!(
        "chgrp sasl /etc/sasldb2\n\
         chmod 640 /etc/sasldb2\n\
         cyrmaster -d -M {dir}/cyrus.conf\n"
    );
    Ok(script)
}

fn services(ground: &Ground) -> String {
    let (dir, address) = (ground.dir().display(), ground.address);
    format!(
        "START {{\n recover cmd=\"/usr/sbin/cyrus ctl_cyrusdb -r\"\n}}\n\
         SERVICES {{\n\
         pop3 cmd=\"pop3d -U 30\" listen=\"{address}\" prefork=0 maxchild=50\n\
         lmtpunix cmd=\"lmtpd\" listen=\"{dir}/lmtp\" prefork=0 maxchild=20\n\
         }}\n\
         EVENTS {{\n}}\n"
    )
}
