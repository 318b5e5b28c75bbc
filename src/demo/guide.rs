//! What the demo prints to try next.

use std::net::SocketAddr;

/// Where everything is in a demo that runs.
pub struct DemoGuide<'a> {
    /// popgate, as the person who started the demo called it.
    pub program: &'a str,
    /// The port for clients in clear, with STLS.
    pub pop3: SocketAddr,
    /// The port for clients over TLS.
    pub pop3s: SocketAddr,
    /// The admin port.
    pub admin: SocketAddr,
    /// The embedded server.
    pub backend: SocketAddr,
    /// A user of the server.
    pub user: &'a str,
    /// The password of every user.
    pub password: &'a str,
}

impl DemoGuide<'_> {
    /// For a demo that nobody uses yet. Its commands work as printed, each under a line that says
    /// what it does.
    #[must_use]
    pub fn quiet(&self) -> String {
        format!("{}{}", self.head(""), tries(&self.by_hand()))
    }

    /// The same for a demo whose mailboxes, each with those who use it, are in use.
    #[must_use]
    pub fn busy(&self, mailboxes: &[(&str, &str)]) -> String {
        let users = mailboxes
            .iter()
            .map(|(name, who)| format!("  {name:<20}{who}\n"))
            .collect::<String>();
        let password = self.password;
        let household = format!(
            "Mail programs compete for these mailboxes, all with the password {password}:\n{users}"
        );
        format!("{}{}", self.head(&household), tries(&self.to_watch()))
    }

    fn head(&self, household: &str) -> String {
        let Self {
            pop3,
            pop3s,
            admin,
            backend,
            ..
        } = self;
        format!(
            "Open http://{admin}/ to see who holds a mailbox and who waits; \
             this machine needs no token.\n\
             popgate listens on {pop3} (STLS) and {pop3s} (TLS), \
             in front of a POP3 server on {backend}\n\
             that locks each mailbox for one session. Press Ctrl-C to stop.\n\
             {household}In another terminal, try:\n\n"
        )
    }

    fn by_hand(&self) -> Vec<(&'static str, String)> {
        let Self {
            pop3, pop3s, admin, ..
        } = self;
        let login = quoted(&format!("{}:{}", self.user, self.password));
        let arguments = [
            pop3.ip().to_string(),
            pop3.port().to_string(),
            quoted(self.user),
            quoted(self.password),
        ]
        .join(" ");
        let hold = "import poplib, sys, time; h, p, u, w = sys.argv[1:]; \
                    m = poplib.POP3(h, p); m.user(u); m.pass_(w); time.sleep(8); m.quit()";
        vec![
            (
                "read the first message",
                format!("curl -s -u {login} pop3://{pop3}/1"),
            ),
            (
                "list the mailbox over TLS, and over STLS",
                format!(
                    "curl -sk -u {login} pop3s://{pop3s}/; curl -sk --ssl-reqd -u {login} pop3://{pop3}/"
                ),
            ),
            (
                "log in while another client holds the mailbox for 8 s: the login waits, then succeeds",
                format!(
                    "python3 -c '{hold}' {arguments} & sleep 1; time curl -s -u {login} pop3://{pop3}/"
                ),
            ),
            (
                "speak POP3 by hand over STLS (then: USER, PASS, LIST, RETR 1, QUIT)",
                format!("openssl s_client -quiet -crlf -starttls pop3 -connect {pop3}"),
            ),
            (
                "show the lock metrics",
                format!("curl -s http://{admin}/metrics | grep popgate_lock"),
            ),
        ]
    }

    fn to_watch(&self) -> Vec<(&'static str, String)> {
        let admin = self.admin;
        let popgate = quoted(self.program);
        vec![
            (
                "watch the mailboxes where somebody waits (? for help, q to quit)",
                format!("{popgate} top --admin http://{admin}"),
            ),
            (
                "show the lock metrics",
                format!("curl -s http://{admin}/metrics | grep popgate_lock"),
            ),
        ]
    }
}

/// Each command under a line that says what it does.
fn tries(commands: &[(&str, String)]) -> String {
    commands
        .iter()
        .map(|(what, command)| format!("# {what}\n{command}\n"))
        .collect()
}

/// For a POSIX shell: as it is where that is safe, else in single quotes.
fn quoted(text: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if !text.is_empty() && text.chars().all(is_safe) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_is_quoted() {
        assert_eq!(quoted("ann@example.com:demo"), "ann@example.com:demo");
        assert_eq!(quoted("it's $5"), r"'it'\''s $5'");
    }

    fn guide() -> DemoGuide<'static> {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        DemoGuide {
            program: "target/my debug/popgate",
            pop3: at(1110),
            pop3s: at(1995),
            admin: at(9110),
            backend: at(2110),
            user: "ann",
            password: "open sesame",
        }
    }

    #[test]
    fn each_port_is_named_where_it_is_spoken_to() {
        let text = guide().quiet();
        assert!(text.starts_with("Open http://127.0.0.1:9110/ to see"));
        assert!(text.contains("curl -s -u 'ann:open sesame' pop3://127.0.0.1:1110/1\n"));
        assert!(text.contains("pop3s://127.0.0.1:1995/"));
        assert!(text.contains("' 127.0.0.1 1110 ann 'open sesame' &"));
        assert!(text.contains("http://127.0.0.1:9110/metrics"));
    }

    #[test]
    fn a_household_is_named_before_the_commands_that_watch_it() {
        let text = guide().busy(&[("ann@example.org", "a phone")]);
        assert!(text.starts_with("Open http://127.0.0.1:9110/ to see"));
        let (head, tries) = text.split_once("\n\n").unwrap();
        assert!(head.contains("\n  ann@example.org     a phone\n"));
        assert!(tries.contains("'target/my debug/popgate' top --admin http://127.0.0.1:9110\n"));
    }
}
