//! From what was seen to what is said: pure, a case after the other.

use super::finding::{EndedBy, Finding};
use super::listings::{Fetched, SharingObservations};
use super::observations::{
    AccountObservations, Attempt, Capa, CapaInside, ConnectionCapacity, FormObservations, Freed,
    LockRelease, Observations, ObservedGreeting, Pipelining, Second, Uidl,
};
use super::verdict::verdict;
use crate::backend::BackendOptions;
use crate::dialect::Class;
use crate::limits::SLOW_LISTING;
use crate::pop3::capability::Capabilities;
use jiff::Timestamp;

/// All that is to be said of a backend, in the order in which it was seen.
#[must_use]
pub fn findings(seen: &Observations, options: &BackendOptions, now: Timestamp) -> Vec<Finding> {
    let mut said = Vec::new();
    match &seen.reach {
        Some(Ok(reached)) => said.push(Finding::Reached(reached.clone())),
        Some(Err(why)) => said.push(Finding::Unreached(why.clone())),
        None => {}
    }
    if let Some(Ok(reached)) = &seen.reach {
        said.extend(tls(reached, seen, options));
    }
    match &seen.certificate {
        Some(Ok(found)) => said.push(Finding::Certificate(found.clone(), now)),
        Some(Err(why)) => said.push(Finding::CertificateUnreadable(why.clone())),
        None => {}
    }
    said.extend(
        seen.capa
            .iter()
            .flat_map(|capa| capabilities(capa, seen, options)),
    );
    said.extend(
        seen.connections
            .as_ref()
            .map(|seen| connections(seen, options)),
    );
    match &seen.account {
        Some(account) => {
            said.extend(inside(account, seen.capa.as_ref()));
            said.extend(sharing(account, seen, options));
        }
        None if seen.capa.is_some() => said.push(Finding::NoAccount),
        None => {}
    }
    said.extend(seen.forms.iter().flat_map(forms));
    said.extend(seen.irregular.iter().cloned().map(Finding::Irregular));
    said.extend(seen.out_of_time.then_some(Finding::OutOfTime));
    said
}

fn tls(reached: &ObservedGreeting, seen: &Observations, options: &BackendOptions) -> Vec<Finding> {
    let Some(version) = reached.tls else {
        let near = reached
            .address
            .is_some_and(|address| address.ip().is_loopback());
        let stls = seen.lists("STLS");
        return vec![Finding::InClear { stls, near }];
    };
    let secured = Finding::Secured(options.tls, version);
    let unverified = (!options.verify).then_some(Finding::Unverified);
    [secured].into_iter().chain(unverified).collect()
}

fn capabilities(capa: &Capa, seen: &Observations, options: &BackendOptions) -> Vec<Finding> {
    let first = match (&options.capabilities, capa) {
        (Some(names), _) => Finding::CapabilitiesSet(names.clone()),
        (None, Capa::Lists(listed)) => Finding::Capabilities {
            listed: listed.clone(),
            offered: offered(&seen.capabilities_for(options)),
        },
        (None, Capa::Unknown(line)) => Finding::NoCapa(line.clone()),
        (None, Capa::Broken(why)) => Finding::CapaBroken(why.clone()),
    };
    // `LOGIN-DELAY 0` says that there is none.
    let delay = seen
        .login_delay()
        .filter(|&seconds| seconds > 0)
        .map(|seconds| Finding::LoginDelay {
            seconds,
            insists: seen.account.as_ref().and_then(insists_on_delay),
        });
    [first].into_iter().chain(delay).collect()
}

/// The second login comes at once behind the first.
fn insists_on_delay(account: &AccountObservations) -> Option<bool> {
    let line = account.second.as_ref()?.attempt.line()?;
    Some(line.class == Class::LoginDelay)
}

fn connections(seen: &ConnectionCapacity, options: &BackendOptions) -> Finding {
    match seen {
        ConnectionCapacity::AtLeast(most) => Finding::TakesConnections(*most),
        ConnectionCapacity::AtMost(most, _) if (1..=*most).contains(&options.connections) => {
            Finding::WithinConnections(*most)
        }
        ConnectionCapacity::AtMost(most, why) => Finding::TakesNoMore(*most, why.clone()),
    }
}

/// What popgate passes on.
fn offered(capabilities: &Capabilities) -> Vec<String> {
    let expire = capabilities
        .expire
        .as_ref()
        .map(|days| format!("EXPIRE {days}"));
    let names = [
        (capabilities.top, "TOP"),
        (capabilities.uidl, "UIDL"),
        (capabilities.pipelining, "PIPELINING"),
        (capabilities.auth_resp_code, "AUTH-RESP-CODE"),
    ];
    names
        .into_iter()
        .filter(|(has, _)| *has)
        .map(|(_, name)| name.to_owned())
        .chain(expire)
        .collect()
}

fn inside(account: &AccountObservations, capa: Option<&Capa>) -> Vec<Finding> {
    let mut said = Vec::new();
    match &account.login {
        Some((Attempt::Answered { line, after }, tries)) if line.class == Class::Ok => {
            said.push(Finding::LoggedIn {
                after: *after,
                tries: *tries,
            });
        }
        Some((attempt, _)) => said.push(Finding::NotLoggedIn(attempt.clone())),
        None => {}
    }
    let inside = account.capa_inside.as_ref();
    said.extend(inside.map(|inside| capa_inside(inside, capa)));
    said.extend(account.second.iter().flat_map(second));
    if let Some(Err(why)) = &account.spare {
        said.push(Finding::SpareFailed(why.clone()));
    }
    // Of a session that was thrown out there is no end to be timed.
    if account
        .second
        .as_ref()
        .is_some_and(|second| second.first_lives)
    {
        said.extend(account.after_close.iter().flat_map(after_close));
        said.extend(account.after_quit.iter().flat_map(after_quit));
    }
    said.extend(account.uidl.as_ref().map(uidl));
    said.extend(account.pipelining.as_ref().map(pipelining));
    said
}

fn sharing(
    account: &AccountObservations,
    seen: &Observations,
    options: &BackendOptions,
) -> Vec<Finding> {
    let inside = match &account.capa_inside {
        Some(CapaInside::Lists(lines)) => Some(lines),
        _ => None,
    };
    let before = match &seen.capa {
        Some(Capa::Lists(lines)) => Some(lines),
        _ => None,
    };
    let listed: Vec<_> = [before, inside, options.capabilities.as_ref()]
        .into_iter()
        .flatten()
        .map(|lines| Capabilities::from_names(lines))
        .collect();
    let verdict = verdict(account, &listed);
    let verdict = verdict.map(|verdict| Finding::Sharing(verdict, options.shareable));
    let told = &account.sharing;
    let findings = [slow_listing(told), other_size(told), verdict];
    findings.into_iter().flatten().collect()
}

fn slow_listing(seen: &SharingObservations) -> Option<Finding> {
    let longest = seen.listings.iter().map(|seen| seen.took).max()?;
    (longest > SLOW_LISTING).then_some(Finding::ListingSlow(longest))
}

/// Clients live with it, as they do with each server that counts line ends as one octet.
fn other_size(seen: &SharingObservations) -> Option<Finding> {
    match seen.fetched.first()? {
        Fetched::Message { listed, octets, .. } if u64::from(*listed) != *octets => {
            Some(Finding::SizeDiffers {
                listed: u64::from(*listed),
                sent: *octets,
            })
        }
        _ => None,
    }
}

fn capa_inside(inside: &CapaInside, before: Option<&Capa>) -> Finding {
    match (inside, before) {
        (CapaInside::Breaks, _) => Finding::CapaBreaks,
        (CapaInside::Refused, _) => Finding::CapaInside { answered: false },
        // Only what clients are told of counts: many servers drop STLS and SASL after a login.
        (CapaInside::Lists(after), Some(Capa::Lists(before)))
            if Capabilities::parse(after).is_other_inside(&Capabilities::parse(before)) =>
        {
            Finding::CapaDiffers {
                before: before.clone(),
                after: after.clone(),
            }
        }
        (CapaInside::Lists(_), _) => Finding::CapaInside { answered: true },
    }
}

fn second(second: &Second) -> Vec<Finding> {
    let lock = match (&second.attempt, &second.refused_late) {
        (_, Some(line)) => Finding::LockLate(line.clone()),
        (Attempt::Answered { line, after }, None) => match line.class {
            Class::Ok => Finding::NoLock,
            Class::Locked => Finding::Locks {
                line: line.clone(),
                after: *after,
            },
            Class::LoginDelay => Finding::SecondTooSoon(line.clone()),
            _ => Finding::LockMisread(line.clone()),
        },
        (Attempt::Unreached(why), None) => Finding::SecondTurnedAway(why.clone()),
        (Attempt::Silent(elapsed), None) => Finding::SecondWaits(*elapsed),
        (Attempt::Broken(why), None) => Finding::SecondCut(why.clone()),
    };
    let stays = second.stays_open.map(Finding::RefusedStays);
    let thrown_out = (!second.first_lives).then_some(Finding::FirstThrownOut);
    [lock].into_iter().chain(stays).chain(thrown_out).collect()
}

fn after_quit(release: &LockRelease) -> Vec<Finding> {
    let closed = Finding::ClosesAfterQuit(release.closed);
    let freed = release.freed.as_ref().map(|how| freed(EndedBy::Quit, how));
    [closed].into_iter().chain(freed).collect()
}

fn after_close(release: &LockRelease) -> Vec<Finding> {
    let open = release.closed.is_none().then_some(Finding::KeepsOpen);
    let freed = release.freed.as_ref().map(|how| freed(EndedBy::Close, how));
    open.into_iter().chain(freed).collect()
}

fn freed(after: EndedBy, freed: &Freed) -> Finding {
    match freed {
        Freed::After(elapsed) => Finding::LockGone(after, *elapsed),
        Freed::Not(elapsed, line) => Finding::LockStays(after, *elapsed, line.clone()),
        Freed::Otherwise(attempt) => Finding::NextFailed(after, attempt.clone()),
    }
}

fn uidl(seen: &Uidl) -> Finding {
    match seen {
        Uidl::Unknown(line) => Finding::NoUidl(line.clone()),
        Uidl::Empty => Finding::UidlEmpty,
        Uidl::Compared {
            messages,
            changed: 0,
        } => Finding::UidlSame(*messages),
        Uidl::Compared { messages, changed } => Finding::UidlChanges {
            changed: *changed,
            messages: *messages,
        },
    }
}

fn forms(seen: &FormObservations) -> Vec<Finding> {
    let told = |forms: &[String], finding: fn(Vec<String>) -> Finding| {
        (!forms.is_empty()).then(|| finding(forms.to_vec()))
    };
    let same = (!seen.same.is_empty()).then(|| Finding::FormsSame {
        forms: seen.same.clone(),
        aliases: seen.aliases.clone(),
    });
    let rest = [
        seen.default_domain.clone().map(Finding::FormNeedsDomain),
        told(&seen.other, Finding::FormsOther),
        told(&seen.incomparable, Finding::FormsIncomparable),
        told(&seen.refused, Finding::FormsRefused),
        seen.stopped.clone().map(Finding::FormsStopped),
    ];
    let case = seen.case.clone();
    let case = case.map(|form| Finding::Case(form, seen.folds_case));
    same.into_iter()
        .chain(rest.into_iter().flatten())
        .chain(case)
        .collect()
}

fn pipelining(seen: &Pipelining) -> Finding {
    match seen {
        Pipelining::NotOffered => Finding::NoPipelining,
        Pipelining::Honest => Finding::Pipelining,
        Pipelining::LostBehindPass => Finding::PipeliningLosesBehindPass,
        Pipelining::Dishonest(what) => Finding::PipeliningLies(what.clone()),
        Pipelining::Unclear(why) => Finding::PipeliningUnclear(why.clone()),
    }
}

impl Observations {
    fn lists(&self, name: &str) -> bool {
        self.capa_words(name).is_some()
    }

    /// RFC 2449 section 6.5.
    fn login_delay(&self) -> Option<u64> {
        self.capa_words("LOGIN-DELAY")?.first()?.parse().ok()
    }

    /// What stands behind `name` in CAPA.
    fn capa_words(&self, name: &str) -> Option<Vec<&str>> {
        let Some(Capa::Lists(lines)) = &self.capa else {
            return None;
        };
        lines.iter().find_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let is_it = words.next()?.eq_ignore_ascii_case(name);
            is_it.then(|| words.collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::super::observations::{ClassifiedLine, Unreached};
    use super::*;
    use crate::time::Duration;

    fn line(class: Class, text: &str) -> ClassifiedLine {
        let text = text.to_owned();
        ClassifiedLine { class, text }
    }

    fn answered(class: Class, text: &str) -> Attempt {
        Attempt::Answered {
            line: line(class, text),
            after: Duration::from_millis(1),
        }
    }

    fn told(findings: &[Finding]) -> Vec<(Severity, &'static str, String)> {
        let told = findings.iter();
        told.map(|found| (found.severity(), found.topic(), found.to_string()))
            .collect()
    }

    /// What a second session met, and what is said of that first.
    #[test]
    fn a_second_session_is_judged_by_how_it_ends() {
        let locked = || line(Class::Locked, "-ERR locked");
        let refused = |class| answered(class, "-ERR no");
        let failed = || Unreached::Failed("it is gone".to_owned());
        let cases = [
            (answered(Class::Ok, "+OK"), None, Severity::Ok, "none"),
            (
                answered(Class::Ok, "+OK"),
                Some(locked()),
                Severity::Warn,
                "a second session is let in, and refused at its first",
            ),
            (
                refused(Class::Locked),
                None,
                Severity::Ok,
                "a second session is refused after 1.0 ms: -ERR no",
            ),
            (
                refused(Class::Auth),
                None,
                Severity::Warn,
                "a second session is rejected; popgate classifies the reply as `auth`",
            ),
            (
                refused(Class::TooMany),
                None,
                Severity::Warn,
                "a second session is rejected; popgate classifies the reply as `too_many`",
            ),
            (
                refused(Class::LoginDelay),
                None,
                Severity::Warn,
                "unknown: a second session comes too soon",
            ),
            (
                Attempt::Unreached(failed()),
                None,
                Severity::Warn,
                "a second one is not taken: it is gone",
            ),
            (
                Attempt::Silent(Duration::from_secs(25)),
                None,
                Severity::Warn,
                "a second session gets no answer",
            ),
            (
                Attempt::Broken("closed".to_owned()),
                None,
                Severity::Warn,
                "a second session is cut",
            ),
        ];
        for (attempt, refused_late, severity, words) in cases {
            let seen = Second {
                attempt,
                refused_late,
                stays_open: None,
                first_lives: true,
            };
            let [(found, _, text)] = &told(&second(&seen))[..] else {
                panic!("{words}: more than one finding");
            };
            assert_eq!(*found, severity, "{text}");
            assert!(text.starts_with(words), "{text:?}, not {words:?}");
        }
    }

    #[test]
    fn a_first_session_that_is_thrown_out_ends_what_can_be_said_of_its_lock() {
        let account = AccountObservations {
            second: Some(Second {
                attempt: answered(Class::Ok, "+OK"),
                refused_late: None,
                stays_open: None,
                first_lives: false,
            }),
            after_quit: Some(LockRelease {
                closed: None,
                freed: None,
            }),
            ..AccountObservations::default()
        };
        let told = told(&inside(&account, None));
        let texts: Vec<_> = told.iter().map(|(_, _, text)| text.as_str()).collect();
        let expected = [
            "none: a second session is let in beside the first",
            "a second session ends the first one",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn a_lock_that_outlives_its_session_is_told_for_each_end() {
        let locked = || line(Class::Locked, "-ERR locked");
        let seconds = Duration::from_secs;
        let cases = [
            (
                Some(Duration::ZERO),
                Freed::After(seconds(1)),
                Severity::Ok,
                "accepted within 1.0 s",
            ),
            (
                None,
                Freed::After(seconds(3)),
                Severity::Warn,
                "accepted within 3.0 s",
            ),
            (
                None,
                Freed::Not(seconds(60), locked()),
                Severity::Warn,
                "still locked 60.0 s later: -ERR locked",
            ),
            (
                None,
                Freed::Otherwise(Attempt::Silent(seconds(60))),
                Severity::Warn,
                "fails: no answer within 60.0 s",
            ),
        ];
        for (closed, freed, severity, words) in cases {
            let release = LockRelease {
                closed,
                freed: Some(freed),
            };
            for (topic, findings) in [
                ("after QUIT", after_quit(&release)),
                ("after a cut", after_close(&release)),
            ] {
                let told = told(&findings);
                let (found, about, text) = told.last().unwrap();
                assert_eq!((*found, *about), (severity, topic), "{text}");
                assert!(text.contains(words), "{text:?}, not {words:?}");
                let open = told
                    .iter()
                    .any(|(_, _, text)| text.contains("open") || text.contains("not closed"));
                assert_eq!(open, closed.is_none(), "{told:?}");
            }
        }
    }

    #[test]
    fn control_characters_of_a_server_do_not_reach_the_terminal() {
        let refusal = answered(Class::Perm, "-ERR \x1b[2Jgone");
        let text = Finding::NotLoggedIn(refusal).to_string();
        assert!(text.ends_with("-ERR \u{fffd}[2Jgone"), "{text:?}");
    }

    #[test]
    fn a_login_delay_is_read_from_capa() {
        let capa = |lines: &[&str]| Observations {
            capa: Some(Capa::Lists(
                lines.iter().map(|&line| line.to_owned()).collect(),
            )),
            ..Observations::default()
        };
        assert_eq!(capa(&["TOP", "login-delay 30"]).login_delay(), Some(30));
        assert_eq!(capa(&["LOGIN-DELAY 900 USER"]).login_delay(), Some(900));
        assert_eq!(capa(&["LOGIN-DELAY", "TOP 30"]).login_delay(), None);
    }
}
