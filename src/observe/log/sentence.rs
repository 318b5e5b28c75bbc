//! What a person reads of a session, and of those that a stop left behind.
//!
//! What a client or a backend said is escaped, so that no client can forge a line.

use crate::history::ListingUse;
use crate::ids::{BackendName, MaildropKey};
use crate::observe::event::{End, LeftBehind, OperatorChange, SessionSummary, UnendedSession};
use crate::policy::sharing::LetInReason;
use crate::time::Duration;
use std::borrow::Cow;

/// All of `summary` as a sentence. What did not happen, such as a wait, is left out.
pub(super) fn sentence(summary: &SessionSummary) -> String {
    let parts = [
        Some(who_and_where(summary)),
        Some(format!("{} total", seconds(summary.duration))),
        some_time("waited", summary.waited),
        some_time("delayed", summary.delayed),
        some_time("held", summary.held),
        on_listing(&summary.listing),
        Some(counted(summary.commands, "command")),
        mail(summary),
        some_bytes(summary.bytes_to_client, "out"),
        some_bytes(summary.bytes_to_backend, "in"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let session = summary.session;
    let end = how(summary.end());
    let reason = reason(summary);
    format!("session {session} {end}: {}{reason}", parts.join(", "))
}

/// What a stop left behind, as the end of a sentence that begins with "the stop".
pub(super) fn left_behind(what: &LeftBehind) -> String {
    match what {
        LeftBehind::Sessions { count, oldest } => {
            let named = oldest.iter().map(open_session).collect();
            gave_up(*count, "session", named)
        }
        LeftBehind::Connections { count, maildrops } => {
            let named = maildrops.iter().map(unclosed).collect();
            gave_up(*count, "backend connection", named)
        }
        LeftBehind::Services { count } => gave_up(*count, "task", Vec::new()),
    }
}

/// What an operator did, as the end of a sentence that begins with "operator:".
pub(super) fn operator_change(change: &OperatorChange) -> String {
    match change {
        OperatorChange::Kicked(session) => format!("session {session} kicked"),
        OperatorChange::Paused(subject) => format!("{subject} paused"),
        OperatorChange::Resumed(subject) => format!("{subject} resumed"),
        OperatorChange::Draining(grace) => {
            format!("draining, sessions may finish within {} s", grace.as_secs())
        }
        OperatorChange::LogLevel(level) => format!("log level set to {level}"),
    }
}

fn gave_up(count: usize, what: &str, mut named: Vec<String>) -> String {
    let more = count.saturating_sub(named.len());
    if more > 0 && !named.is_empty() {
        named.push(format!("{more} more"));
    }
    let colon = if named.is_empty() { "" } else { ": " };
    let count = counted(count as u64, what);
    format!("gave up waiting for {count}{colon}{}", named.join(", "))
}

fn open_session(open: &UnendedSession) -> String {
    let phase = open.phase.replace('_', " ");
    let from = open.client.ip();
    match &open.maildrop {
        Some(maildrop) => {
            let maildrop = maildrop.to_string();
            let maildrop = quoted(&maildrop);
            format!(
                "session {} of {maildrop} from {from} ({phase})",
                open.session
            )
        }
        None => format!("session {} from {from} ({phase})", open.session),
    }
}

fn unclosed(key: &MaildropKey) -> String {
    let backends: Vec<&str> = key.backends().iter().map(BackendName::as_str).collect();
    format!("{} on {}", quoted(&key.to_string()), backends.join(" or "))
}

fn how(end: End) -> String {
    let words = end.as_str().replace('_', " ");
    words.replace("tls", "TLS").replace("at pass", "at PASS")
}

fn who_and_where(summary: &SessionSummary) -> String {
    let mut text = String::new();
    if let Some(maildrop) = &summary.maildrop {
        text += &quoted(&maildrop.to_string());
        text += " ";
    }
    if let Some(tenant) = &summary.tenant {
        text += &format!("of tenant {tenant} ");
    }
    text += &format!("from {} at {}", summary.client.ip(), summary.listener);
    text += &match &summary.tls {
        Some(version) => format!(" over {version}"),
        None => " in plaintext".to_owned(),
    };
    if let Some(backend) = &summary.backend {
        text += &format!(" on backend {backend}");
    }
    text
}

/// What it was without its maildrop.
fn on_listing(listing: &ListingUse) -> Option<String> {
    let let_in = listing.let_in.map(|reason| match reason {
        LetInReason::Fresh => "let in on a fresh listing".to_owned(),
        LetInReason::Absorbed => "came early, let in on its listing".to_owned(),
        LetInReason::WaitSpent => "let in on its listing when its wait was spent".to_owned(),
    });
    let demoted = (listing.demotions > 0).then(|| {
        let times = counted(u64::from(listing.demotions), "time");
        format!("sent back to its listing {times}")
    });
    let parts: Vec<String> = let_in.into_iter().chain(demoted).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn mail(summary: &SessionSummary) -> Option<String> {
    let retrieved = summary.retrieved;
    let deleted = summary.deleted;
    match summary.listed {
        None if retrieved == 0 && deleted == 0 => None,
        None => Some(format!(
            "{} retrieved, {deleted} deleted",
            counted(retrieved, "message")
        )),
        Some(listed) => Some(format!(
            "{retrieved} of {} retrieved, {deleted} deleted",
            counted(listed, "message")
        )),
    }
}

fn reason(summary: &SessionSummary) -> String {
    let Some(detail) = summary.detail() else {
        return String::new();
    };
    let fault = summary
        .culprit()
        .map(|culprit| format!(" (fault: {})", culprit.as_str()))
        .unwrap_or_default();
    format!("{fault}; {}", printable(&detail))
}

fn some_time(what: &str, time: Duration) -> Option<String> {
    (!time.is_zero()).then(|| format!("{what} {}", seconds(time)))
}

fn some_bytes(bytes: u64, way: &str) -> Option<String> {
    (bytes > 0).then(|| format!("{} {way}", size(bytes)))
}

fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match time.as_millis() {
        0..100 => format!("{:.0} ms", seconds * 1e3),
        100..10_000 => format!("{seconds:.1} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// Octets in the largest decimal unit, with two digits at least.
fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    let tenths = bytes / (unit / 10);
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

/// A name as it is, or between quotes where it could be taken for more than a name: a login
/// may hold ` from 192.0.2.1`, and programs that read logs block addresses.
///
/// A quote inside is written as `\u{22}` and not as `\"`: behind a backslash of the client's own the
/// latter would read as the closing quote.
fn quoted(name: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | ',' | ':' | ';');
    if !name.is_empty() && name.chars().all(is_plain) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\\u{22}")))
    }
}

/// `text` on one line: control characters are escaped.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    Cow::Owned(text.chars().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{BackendName, ListenerName, SessionId, TenantName, UserName};
    use crate::observe::event::EndCause;

    fn summary() -> SessionSummary {
        SessionSummary {
            session: SessionId(17),
            listener: ListenerName::new("pop3s"),
            client: "192.0.2.7:49152".parse().unwrap(),
            tls: Some("TLSv1.3".into()),
            tenant: Some(TenantName::new("example")),
            maildrop: Some(UserName::new(b"ann@example.com")),
            backend: Some(BackendName::new("legacy")),
            duration: Duration::from_millis(3_150),
            waited: Duration::from_millis(2_100),
            delayed: Duration::ZERO,
            held: Duration::from_millis(800),
            listing: ListingUse::default(),
            commands: 12,
            bytes_to_client: 48_123,
            bytes_to_backend: 212,
            listed: Some(7),
            retrieved: 3,
            deleted: 1,
            cause: EndCause::Quit,
        }
    }

    #[test]
    fn a_session_without_its_maildrop_is_told_as_one() {
        let told = |let_in, demotions| {
            let listing = ListingUse {
                let_in,
                demotions,
                promotions: 0,
            };
            on_listing(&listing)
        };
        assert_eq!(told(None, 0), None);
        assert_eq!(
            told(Some(LetInReason::WaitSpent), 2).as_deref(),
            Some("let in on its listing when its wait was spent, sent back to its listing 2 times")
        );
        let fresh = told(Some(LetInReason::Fresh), 0);
        assert_eq!(fresh.as_deref(), Some("let in on a fresh listing"));
    }

    #[test]
    fn a_session_is_told_in_one_sentence() {
        let expected = "session 17 quit: ann@example.com of tenant example from 192.0.2.7 at pop3s \
                        over TLSv1.3 on backend legacy, 3.1 s total, waited 2.1 s, held 0.8 s, \
                        12 commands, 3 of 7 messages retrieved, 1 deleted, 48 kB out, 212 B in";
        assert_eq!(sentence(&summary()), expected);
    }

    #[test]
    fn a_session_without_login_says_only_what_happened() {
        let stranger = SessionSummary {
            tls: None,
            tenant: None,
            maildrop: None,
            backend: None,
            duration: Duration::from_millis(42),
            waited: Duration::ZERO,
            held: Duration::ZERO,
            commands: 1,
            bytes_to_client: 0,
            bytes_to_backend: 0,
            listed: None,
            retrieved: 0,
            deleted: 0,
            cause: EndCause::LeftBeforeLogin,
            ..summary()
        };
        let expected = "session 17 left before login: from 192.0.2.7 at pop3s in plaintext, \
                        42 ms total, 1 command";
        assert_eq!(sentence(&stranger), expected);
    }

    #[test]
    fn fault_and_detail_come_last_and_stay_on_the_line() {
        let failed = SessionSummary {
            cause: EndCause::TlsHandshake {
                error: "said \x1b[2J\r\nsession 18 quit".into(),
            },
            ..summary()
        };
        let line = sentence(&failed);
        assert!(line.starts_with("session 17 TLS failed: "), "{line}");
        let end = r" 212 B in (fault: client); said \u{1b}[2J\r\nsession 18 quit";
        assert!(line.ends_with(end), "{line}");
    }

    #[test]
    fn commands_and_protocols_are_written_as_such() {
        assert_eq!(how(End::ClosedAtPass), "closed at PASS");
        assert_eq!(how(End::TlsFailed), "TLS failed");
    }

    #[test]
    fn what_a_stop_left_behind_is_named_as_far_as_it_is_known() {
        let first = UnendedSession {
            session: SessionId(17),
            client: "192.0.2.7:49152".parse().unwrap(),
            phase: "logging_in",
            maildrop: Some(UserName::new(b"ann")),
        };
        let sessions = LeftBehind::Sessions {
            count: 3,
            oldest: vec![first],
        };
        assert_eq!(
            left_behind(&sessions),
            "gave up waiting for 3 sessions: session 17 of ann from 192.0.2.7 (logging in), 2 more"
        );
        let backends = [BackendName::new("old"), BackendName::new("new")].into();
        let ann = UserName::new(b"ann");
        let connections = LeftBehind::Connections {
            count: 1,
            maildrops: vec![MaildropKey::new(&backends, &ann)],
        };
        assert_eq!(
            left_behind(&connections),
            "gave up waiting for 1 backend connection: ann on old or new"
        );
        let services = LeftBehind::Services { count: 2 };
        assert_eq!(left_behind(&services), "gave up waiting for 2 tasks");
    }

    #[test]
    fn a_login_cannot_pass_for_an_address() {
        let liar = SessionSummary {
            maildrop: Some(UserName::new(b"ann from 198.51.100.1 at pop3\r\n\"")),
            ..summary()
        };
        let line = sentence(&liar);
        let start = r#"session 17 quit: "ann from 198.51.100.1 at pop3\r\n\u{22}" of tenant"#;
        assert!(line.starts_with(start), "{line}");
    }

    #[test]
    fn times_and_sizes_have_the_unit_that_suits_them() {
        let time = |millis| seconds(Duration::from_millis(millis));
        assert_eq!([time(3), time(99), time(100)], ["3 ms", "99 ms", "0.1 s"]);
        assert_eq!([time(9_940), time(25_000)], ["9.9 s", "25 s"]);
        assert_eq!(
            [size(999), size(1_000), size(9_999)],
            ["999 B", "1.0 kB", "9.9 kB"]
        );
        assert_eq!([size(48_123), size(1_260_000)], ["48 kB", "1.2 MB"]);
        assert_eq!(size(12_000_000_000), "12 GB");
    }

    #[test]
    fn words_of_others_are_escaped_where_they_hold_controls() {
        assert_eq!(printable("-ERR déjà vu"), "-ERR déjà vu");
        assert_eq!(printable("a\n\x1b[1m\u{9b}b"), r"a\n\u{1b}[1m\u{9b}b");
    }
}
