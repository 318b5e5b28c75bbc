//! Cyrus, in a root of its own.

use crate::Outcome;
use crate::root::Packages;
use crate::server::{Ground, PASSWORD, Product, Refusal, Running};
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

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
        let mut lmtp = Lmtp::connect(&ground.dir().join("lmtp"))?;
        lmtp.expect("220")?;
        lmtp.say("LHLO popgate.test", "250")?;
        lmtp.say("MAIL FROM:<sender@popgate.test>", "250")?;
        lmtp.say(&format!("RCPT TO:<{user}>"), "250")?;
        lmtp.say("DATA", "354")?;
        lmtp.say(&(message.replace('\n', "\r\n") + "\r\n."), "250")?;
        lmtp.say("QUIT", "221")
    }
}

/// A client of the port for deliveries (RFC 2033).
struct Lmtp {
    socket: UnixStream,
    replies: Lines<BufReader<UnixStream>>,
}

impl Lmtp {
    fn connect(path: &Path) -> Outcome<Self> {
        let socket = UnixStream::connect(path)?;
        let replies = BufReader::new(socket.try_clone()?).lines();
        Ok(Self { socket, replies })
    }

    fn say(&mut self, text: &str, code: &str) -> Outcome<()> {
        write!(self.socket, "{text}\r\n")?;
        self.expect(code)
    }

    /// Reads a reply, of one line or more.
    fn expect(&mut self, code: &str) -> Outcome<()> {
        loop {
            let line = self.replies.next().ok_or("lmtp: closed")??;
            let rest = line.strip_prefix(code);
            let rest = rest.ok_or_else(|| format!("lmtp: {line}"))?;
            if !rest.starts_with('-') {
                return Ok(());
            }
        }
    }
}

/// Debian's configuration, but for `popminpoll`, which refuses a second login within a minute.
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
