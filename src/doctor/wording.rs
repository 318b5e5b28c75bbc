//! The doctor's findings in words.

use super::advice::AdvisedSetting;
use super::certificate::Certificate;
use super::finding::Finding;
use super::observations::{Attempt, CaseForm, FormMet, ObservedGreeting};
use super::remedy::together;
use super::sharing_wording::verdict_text;
use crate::dialect::Class;
use crate::limits::EOF_AFTER_QUIT;
use crate::net::TlsMode;
use crate::time::Duration;
use jiff::Timestamp;
use std::fmt;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(&self.text()))
    }
}

/// What servers say goes to a terminal: it may not steer it.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

impl Finding {
    fn text(&self) -> String {
        use Finding::*;
        match self {
            Reached(reached) => reached_text(reached),
            Unreached(why) => why.to_string(),
            InClear { near: true, .. } => "in clear, and on this host".to_owned(),
            InClear { stls: true, .. } => {
                "in clear, though it has STLS: who listens between reads passwords".to_owned()
            }
            InClear { .. } => "in clear: who listens between reads passwords".to_owned(),
            Secured(TlsMode::Stls, version) => format!("{version} after STLS"),
            Secured(_, version) => format!("{version} from the first byte"),
            Unverified => "the certificate is not verified (`verify = false`)".to_owned(),
            Certificate(certificate, now) => certificate_text(certificate, *now),
            CertificateUnreadable(why) => format!("cannot be read: {why}"),
            Capabilities { listed, offered } => format!(
                "lists {}; popgate offers {} of it",
                words(listed),
                words(offered)
            ),
            CapabilitiesSet(lines) => format!("{}, as the configuration says", words(lines)),
            NoCapa(line) => format!("not known ({line}); popgate takes it to know TOP and UIDL"),
            CapaBroken(why) => {
                format!("no answer that can be used: {why}; popgate takes it to know TOP and UIDL")
            }
            CapaInside { answered: true } => "answered after the login too".to_owned(),
            CapaInside { answered: false } => {
                "refused after the login, which does no harm".to_owned()
            }
            CapaDiffers { before, after } => format!(
                "after the login it lists {}, which popgate learns at the first login; so that \
                 programs see it before their login too: {}",
                words(after),
                AdvisedSetting::Capabilities(together(before, after))
            ),
            CapaBreaks => {
                "after the login it breaks the session, so the rest was left out".to_owned()
            }
            FormsSame {
                forms,
                aliases: None,
            } => {
                format!("one maildrop, also for popgate: {}", words(forms))
            }
            FormsSame { forms, .. } => {
                format!("one maildrop, with a lock each: {}", words(forms))
            }
            FormNeedsDomain(domain) => {
                format!("the name without {domain} is let in, and has a lock of its own")
            }
            FormsOther(forms) => format!("let in, with other messages: {}", words(forms)),
            FormsIncomparable(forms) => {
                format!(
                    "let in, and there is no message to compare: {}",
                    words(forms)
                )
            }
            FormsRefused(forms) => format!("refused: {}", words(forms)),
            Case(form, folds) => case_text(form, *folds),
            FormsStopped(form) => format!(
                "given up at {form}, which met no answer about its password; nothing can be set for \
                 that: try again later"
            ),
            other => other.login_text(),
        }
    }

    fn login_text(&self) -> String {
        use Finding::*;
        match self {
            LoginDelay { seconds, insists } => {
                let insists = match insists {
                    Some(true) => ", and refuses who comes earlier",
                    Some(false) => ", and takes who comes earlier",
                    None => "",
                };
                format!("it announces {seconds} s between two logins{insists}")
            }
            TakesConnections(most) => format!("{most} at a time are taken, and perhaps more"),
            TakesNoMore(most, why) => {
                format!("{most} at a time are taken, and not one more: {why}")
            }
            WithinConnections(most) => {
                format!("{most} at a time are taken, and popgate opens no more (`connections`)")
            }
            NoAccount => {
                "not looked at: give a test account by --user and --password-file".to_owned()
            }
            LoggedIn { after, tries: 1 } => format!("accepted after {}", time(*after)),
            LoggedIn { after, tries } => {
                format!("accepted after {}, at the {tries}. try", time(*after))
            }
            NotLoggedIn(attempt) => attempt_text(attempt),
            other => other.lock_text(),
        }
    }

    fn lock_text(&self) -> String {
        use Finding::*;
        match self {
            NoLock => "none: a second session is let in beside the first".to_owned(),
            Locks { line, after } => {
                format!(
                    "a second session is refused after {}: {}",
                    time(*after),
                    line.text
                )
            }
            LockMisread(line) => format!(
                "a second session is rejected; popgate classifies the reply as `{}`: {}",
                line.class.as_str(),
                line.text
            ),
            LockLate(line) => format!(
                "a second session is let in, and refused at its first command: {}",
                line.text
            ),
            SecondTooSoon(line) => {
                format!("unknown: a second session comes too soon: {}", line.text)
            }
            SecondWaits(elapsed) => format!(
                "a second session gets no answer while the first is open; given up after {}",
                time(*elapsed)
            ),
            SecondCut(why) => format!("a second session is cut without a word: {why}"),
            RefusedStays(true) => "the refused connection stays open".to_owned(),
            RefusedStays(false) => "the refused connection is closed".to_owned(),
            FirstThrownOut => "a second session ends the first one".to_owned(),
            SecondTurnedAway(why) => {
                format!("a second one is not taken: {}", why)
            }
            SpareFailed(why) => format!("one that waits beside a session does not hold: {}", why),
            other => other.release_text(),
        }
    }

    fn release_text(&self) -> String {
        use Finding::*;
        match self {
            ClosesAfterQuit(Some(elapsed)) => {
                format!("the connection is closed within {}", time(*elapsed))
            }
            ClosesAfterQuit(None) => format!(
                "the connection is not closed within {}: each hand-over is forced",
                time(EOF_AFTER_QUIT)
            ),
            KeepsOpen => {
                "the server keeps its side open: the next one's turn comes 2 s later".to_owned()
            }
            LockGone(_, elapsed) => format!("the next login is accepted within {}", time(*elapsed)),
            LockStays(_, elapsed, line) => {
                format!("still locked {} later: {}", time(*elapsed), line.text)
            }
            NextFailed(_, attempt) => format!("the next login fails: {}", attempt_text(attempt)),
            other => other.rest_text(),
        }
    }

    fn rest_text(&self) -> String {
        use Finding::*;
        match self {
            NoUidl(line) => {
                format!(
                    "not known ({line}): programs that leave mail here fetch it again and again"
                )
            }
            UidlEmpty => "nothing to compare: the maildrop is empty".to_owned(),
            UidlSame(messages) => format!("the same in two sessions, {messages} messages"),
            UidlChanges { changed, messages } => format!(
                "{changed} of {messages} ids are others in the second session: programs fetch \
                 their mail again"
            ),
            NoPipelining => "not announced: commands go one at a time".to_owned(),
            Pipelining => {
                "true: USER, PASS, STAT and LIST at once are answered in order".to_owned()
            }
            PipeliningLosesBehindPass => {
                "true after the login; what stands behind PASS in its segment is lost, where \
                 popgate sends nothing"
                    .to_owned()
            }
            PipeliningLies(what) => format!("announced, and not true: {what}"),
            PipeliningUnclear(why) => format!("not tried: {why}"),
            Sharing(verdict, set) => verdict_text(verdict, *set),
            ListingSlow(elapsed) => format!(
                "LIST or UIDL takes {}: popgate does not ask for them itself",
                time(*elapsed)
            ),
            SizeDiffers { listed, sent } => format!(
                "message 1 has {listed} octets by LIST and {sent} by RETR, which clients live with"
            ),
            Irregular(seen) => format!("{} ({})", seen.what, seen.at.join(", ")),
            _ => "the time ran out before all was looked at".to_owned(),
        }
    }
}

fn case_text(case: &CaseForm, folds: bool) -> String {
    let form = &case.form;
    match (case.met, folds) {
        (FormMet::Same, true) => format!("{form} is the same maildrop, also for popgate"),
        (FormMet::Same, false) => format!("{form} is the same maildrop, with a lock of its own"),
        (FormMet::Other, true) => {
            format!("{form} is another maildrop, and popgate has one lock for both")
        }
        (FormMet::Other, false) => format!("{form} is another maildrop, also for popgate"),
        (FormMet::Incomparable, _) => format!(
            "{form} is let in, and there is no message to compare: send one to the account, and \
             look again"
        ),
        (FormMet::Refused, _) => format!(
            "{form} is refused: if there is no such account, `fold_case` makes no difference"
        ),
    }
}

fn reached_text(reached: &ObservedGreeting) -> String {
    let address = reached
        .address
        .map_or_else(String::new, |address| format!("{address} "));
    let connected = time(reached.connected);
    let greeted = time(reached.greeted);
    let greeting = &reached.greeting;
    format!("{address}connected after {connected}, greeted after {greeted}: {greeting}")
}

fn certificate_text(certificate: &Certificate, now: Timestamp) -> String {
    match certificate.days_left(now) {
        _ if now < certificate.not_before => format!("{certificate}: not valid yet"),
        0.. => {
            let days = certificate.days_left(now);
            format!("{certificate}, {days} days left")
        }
        past => format!("{certificate}: ended {} days ago", -past),
    }
}

fn attempt_text(attempt: &Attempt) -> String {
    match attempt {
        Attempt::Answered { line, after } => {
            let class = line.class.as_str();
            let after = time(*after);
            format!(
                "refused after {after} ({class}): {}{}",
                line.text,
                remedy(line.class)
            )
        }
        Attempt::Unreached(why) => why.to_string(),
        Attempt::Silent(elapsed) => format!("no answer within {}", time(*elapsed)),
        Attempt::Broken(why) => format!("no answer: {why}"),
    }
}

fn remedy(class: Class) -> &'static str {
    match class {
        Class::Auth => "; is this name and password right?",
        Class::Locked => "; use an account that no program reads",
        Class::LoginDelay => "; come back later",
        _ => "",
    }
}

fn words(lines: &[String]) -> String {
    if lines.is_empty() {
        return "nothing".to_owned();
    }
    lines.join(", ")
}

/// A time as a person reads it.
#[must_use]
pub(super) fn time(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds < 0.01 {
        format!("{:.1} ms", (seconds * 1e3).max(0.1))
    } else if seconds < 1.0 {
        format!("{:.0} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}
