//! What the demo prints to try next.

use std::net::SocketAddr;

/// Commands that work as printed while the demo runs, each under a line that says what it does.
#[must_use]
pub fn what_next(
    pop3: SocketAddr,
    pop3s: SocketAddr,
    metrics: SocketAddr,
    user: &str,
    password: &str,
) -> String {
    let login = quoted(&format!("{user}:{password}"));
    let arguments = [
        pop3.ip().to_string(),
        pop3.port().to_string(),
        quoted(user),
        quoted(password),
    ]
    .join(" ");
    let hold = "import poplib, sys, time; h, p, u, w = sys.argv[1:]; \
                m = poplib.POP3(h, p); m.user(u); m.pass_(w); time.sleep(8); m.quit()";
    let tries = [
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
            format!("curl -s http://{metrics}/metrics | grep popgate_lock"),
        ),
    ];
    tries
        .map(|(what, command)| format!("# {what}\n{command}\n"))
        .concat()
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

    #[test]
    fn each_port_is_named_where_it_is_spoken_to() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let text = what_next(at(1110), at(1995), at(9110), "ann", "open sesame");
        assert!(text.contains("curl -s -u 'ann:open sesame' pop3://127.0.0.1:1110/1\n"));
        assert!(text.contains("pop3s://127.0.0.1:1995/"));
        assert!(text.contains("' 127.0.0.1 1110 ann 'open sesame' &"));
        assert!(text.contains("http://127.0.0.1:9110/metrics"));
    }
}
