//! What each finding ends in: a setting, or why there is none. Pure.

use super::advice::AdvisedSetting;
use super::finding::Finding;
use super::observations::{CaseForm, ClassifiedLine, FormMet};
use super::verdict::SharingVerdict;
use crate::backend::{BackendOptions, Shareable};
use crate::dialect::{Class, Phrases, classify};
use crate::pop3::reply::{ReplyTo, StatusLine};

/// What follows from one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// It is as it should be, or a fault, which no setting mends.
    NotNeeded,
    /// This setting settles it.
    Setting(AdvisedSetting, &'static str),
    /// One of the times and waits that hang together does, if any.
    Times,
    /// There is no setting for it, for this reason.
    None(&'static str),
}

/// What follows from `finding`, among `all`.
pub(super) fn remedy(finding: &Finding, options: &BackendOptions, all: &[Finding]) -> Remedy {
    use Finding::*;
    match finding {
        InClear {
            stls: true,
            near: false,
        } => Remedy::Setting(AdvisedSetting::Stls, "it has STLS"),
        InClear { near: false, .. } => {
            Remedy::None("it has no STLS; tls = \"implicit\" where it has a port for that")
        }
        Unverified => {
            Remedy::None("verify = true works once `ca` names who signed its certificate")
        }
        Certificate(..) | CertificateUnreadable(_) => {
            Remedy::None("its certificate is to be renewed there")
        }
        NoCapa(_) | CapaBroken(_) | CapaBreaks | NoUidl(_) | PipeliningLies(_) => {
            of_capabilities(finding, options, all)
        }
        LockMisread(line) => match taught(options, line) {
            Some(phrases) => Remedy::Setting(
                AdvisedSetting::Phrases(phrases),
                "the reply to a second session",
            ),
            None => {
                Remedy::None("no phrase is stronger than its response code, or there are no words")
            }
        },
        TakesNoMore(most, _) => Remedy::Setting(
            AdvisedSetting::Connections((*most).max(1)),
            "it takes no more; better let it take more",
        ),
        SecondTurnedAway(_) => Remedy::Setting(
            AdvisedSetting::Connections(1),
            "it takes one; better let it take more",
        ),
        FormsSame {
            aliases: Some(aliases),
            ..
        } => Remedy::Setting(
            AdvisedSetting::Aliases(aliases.clone()),
            "the forms of one maildrop",
        ),
        FormNeedsDomain(domain) => Remedy::Setting(
            AdvisedSetting::DefaultDomain(domain.clone()),
            "the tenant of logins without a domain",
        ),
        SpareFailed(_) if options.preconnect => Remedy::Setting(
            AdvisedSetting::NoPreconnect,
            "a connection that waits does not hold",
        ),
        SpareFailed(_) => Remedy::None("preconnect = false is set"),
        Reached(_) | LockGone(..) | LockStays(..) => Remedy::Times,
        Sharing(verdict, set) => of_sharing(verdict, *set),
        Case(form, folds) => of_case(form, *folds),
        other => of_the_rest(other),
    }
}

/// A `false` of the operator stays: what it was set for may not show twice.
fn of_sharing(verdict: &SharingVerdict, set: Shareable) -> Remedy {
    match (verdict, set) {
        (SharingVerdict::Shareable { .. }, Shareable::Ask) => Remedy::Setting(
            AdvisedSetting::Shareable(true),
            "listings stay as they were",
        ),
        (SharingVerdict::Not(_), Shareable::Ask | Shareable::Yes) => Remedy::Setting(
            AdvisedSetting::Shareable(false),
            "for the reasons at `sharing`",
        ),
        _ => Remedy::NotNeeded,
    }
}

fn of_case(form: &CaseForm, folds: bool) -> Remedy {
    if !form.is_misfolded(folds) {
        return Remedy::NotNeeded;
    }
    let reason = match form.met {
        FormMet::Other => "names in other case are other mailboxes",
        _ => "names in other case are the same mailbox",
    };
    Remedy::Setting(AdvisedSetting::FoldCase(!folds), reason)
}

/// What is not true of its capabilities.
fn of_capabilities(finding: &Finding, options: &BackendOptions, all: &[Finding]) -> Remedy {
    use Finding::*;
    let (lines, reason) = match finding {
        NoCapa(_) if lacks_uidl(all) => (
            vec!["TOP".to_owned()],
            "it knows neither CAPA nor UIDL; see whether it knows TOP",
        ),
        CapaBroken(_) => (assumed(all), "so that it is not asked at each look"),
        CapaBreaks => (
            listed(options, all, &[]),
            "so that it is not asked after a login",
        ),
        NoUidl(_) if lists(options, all, "UIDL") => (
            listed(options, all, &["UIDL"]),
            "all but UIDL, which is not true",
        ),
        NoUidl(_)
            if !all
                .iter()
                .any(|other| matches!(other, NoCapa(_) | CapaBroken(_))) =>
        {
            return Remedy::None("it does not list UIDL, and clients are told so");
        }
        NoUidl(_) => (assumed(all), "it knows no UIDL; see whether it knows TOP"),
        PipeliningLies(_) => (
            listed(options, all, &["PIPELINING"]),
            "all but PIPELINING, which is not true",
        ),
        _ => return Remedy::NotNeeded,
    };
    Remedy::Setting(AdvisedSetting::Capabilities(lines), reason)
}

/// What is the server's own affair.
fn of_the_rest(finding: &Finding) -> Remedy {
    use Finding::*;
    Remedy::None(match finding {
        LoggedIn { .. } => "somebody was in the maildrop, or the server was busy",
        LoginDelay { .. } => {
            "its refusals go on to the program; `polls` of a tenant can hold programs back before"
        }
        ClosesAfterQuit(_) => "popgate goes on after 1 s; to be mended there",
        KeepsOpen => "popgate goes on after 2 s; to be mended there",
        LockLate(_) | SecondWaits(_) | SecondCut(_) | FirstThrownOut => {
            "popgate lets one session at a time into a maildrop"
        }
        SecondTooSoon(_) => "look again with another account, or later",
        NextFailed(..) | PipeliningUnclear(_) | OutOfTime => "look again when the server is idle",
        UidlChanges { .. } => "only the server can keep its ids",
        ListingSlow(_) => "popgate waits for it where a client asks; to be mended there",
        Irregular(_) => "popgate understands it, as mail programs do",
        FormsIncomparable(_) => "put a message into the account's maildrop, and look again",
        FormsStopped(_) => "look again when the server takes logins as before",
        Reached(_)
        | Unreached(_)
        | InClear { .. }
        | Secured(..)
        | Unverified
        | Certificate(..)
        | CertificateUnreadable(_)
        | Capabilities { .. }
        | CapabilitiesSet(_)
        | NoCapa(_)
        | CapaBroken(_)
        | CapaInside { .. }
        | CapaDiffers { .. }
        | CapaBreaks
        | TakesConnections(_)
        | TakesNoMore(..)
        | WithinConnections(_)
        | NoAccount
        | NotLoggedIn(_)
        | NoLock
        | Locks { .. }
        | LockMisread(_)
        | SecondTurnedAway(_)
        | RefusedStays(_)
        | SpareFailed(_)
        | LockGone(..)
        | LockStays(..)
        | NoUidl(_)
        | UidlEmpty
        | UidlSame(_)
        | NoPipelining
        | Pipelining
        | PipeliningLosesBehindPass
        | FormsSame { .. }
        | FormNeedsDomain(_)
        | FormsOther(_)
        | FormsRefused(_)
        | Case(..)
        | Sharing(..)
        | SizeDiffers { .. }
        | PipeliningLies(_) => return Remedy::NotNeeded,
    })
}

/// Without CAPA popgate takes a server to know TOP and UIDL; one that was seen not to know UIDL
/// is left with TOP.
fn lacks_uidl(all: &[Finding]) -> bool {
    all.iter()
        .any(|finding| matches!(finding, Finding::NoUidl(_)))
}

fn assumed(all: &[Finding]) -> Vec<String> {
    let names: &[&str] = if lacks_uidl(all) {
        &["TOP"]
    } else {
        &["TOP", "UIDL"]
    };
    names.iter().map(|&name| name.to_owned()).collect()
}

/// What it lists before login, or is set to, without these.
fn listed(options: &BackendOptions, all: &[Finding], without: &[&str]) -> Vec<String> {
    let listed = all.iter().find_map(|finding| match finding {
        Finding::Capabilities { listed, .. } => Some(listed),
        _ => None,
    });
    options
        .capabilities
        .as_ref()
        .or(listed)
        .into_iter()
        .flatten()
        .filter(|line| !without.iter().any(|name| is_named(line, name)))
        .cloned()
        .collect()
}

fn lists(options: &BackendOptions, all: &[Finding], name: &str) -> bool {
    listed(options, all, &[])
        .iter()
        .any(|line| is_named(line, name))
}

fn is_named(line: &str, name: &str) -> bool {
    line.split_ascii_whitespace()
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case(name))
}

/// What it lists in either state: a login needs what stands before it. PIPELINING is true where it
/// stands in both.
pub(super) fn together(before: &[String], after: &[String]) -> Vec<String> {
    let is_in = |lines: &[String], line: &str| {
        let name = line.split_ascii_whitespace().next().unwrap_or_default();
        lines.iter().any(|other| is_named(other, name))
    };
    let pipelining = |line: &&String| !is_named(line, "PIPELINING");
    let kept = before
        .iter()
        .filter(|line| pipelining(line) || is_in(after, line));
    let more = after
        .iter()
        .filter(pipelining)
        .filter(|line| !is_in(before, line));
    kept.chain(more).cloned().collect()
}

/// The backend's phrases with the words of `line`, if popgate would then know them.
fn taught(options: &BackendOptions, line: &ClassifiedLine) -> Option<Phrases> {
    let text = StatusLine::parse(&line.text).text;
    let mut phrases = options.phrases.clone();
    phrases.locked.push(text.to_owned());
    let learned =
        !text.is_empty() && classify(ReplyTo::Pass, &line.text, &phrases) == Class::Locked;
    learned.then_some(phrases)
}

#[cfg(test)]
mod tests {
    use super::super::advice::{Terms, advice, why_none};
    use super::super::certificate::Certificate;
    use super::super::finding::{EndedBy, Severity};
    use super::super::irregular;
    use super::super::observations::{self, Attempt};
    use super::super::verdict::{Against, MissingForVerdict};
    use super::*;
    use crate::doctor::tests::backend;
    use crate::time::Duration;
    use jiff::Timestamp;
    use std::collections::HashSet;

    const LONG: Duration = Duration::from_secs(20);

    /// The next kind behind this one; a new one has to be put into this ring, and so into the test.
    fn next(finding: &Finding) -> Finding {
        use Finding::*;
        match finding {
            OutOfTime => Reached(slow()),
            Reached(_) => Unreached(failed()),
            Unreached(_) => in_clear(true),
            InClear { stls: true, .. } => in_clear(false),
            InClear { stls: false, .. } => Unverified,
            Unverified => Certificate(ended(), Timestamp::MAX),
            Certificate(..) => CertificateUnreadable(text()),
            CertificateUnreadable(_) => CapaBroken(text()),
            CapaBroken(_) => TakesNoMore(1, failed()),
            LoginDelay { .. } => LoggedIn {
                after: Duration::ZERO,
                tries: 2,
            },
            LoggedIn { .. } => NotLoggedIn(silent()),
            other @ (TakesNoMore(..)
            | NotLoggedIn(_)
            | CapaBreaks
            | LockMisread(..)
            | LockLate(..)
            | SecondTooSoon(..)
            | SecondWaits(..)
            | SecondCut(..)
            | SecondTurnedAway(..)
            | FirstThrownOut
            | SpareFailed(..)
            | ClosesAfterQuit(..)
            | KeepsOpen
            | LockGone(..)
            | LockStays(..)
            | NextFailed(..)
            | NoUidl(..)
            | UidlChanges { .. }
            | PipeliningLies(..)
            | PipeliningUnclear(..)
            | FormsSame { .. }
            | FormNeedsDomain(..)
            | FormsIncomparable(..)
            | FormsStopped(..)
            | Irregular(..)
            | Secured(..)
            | Capabilities { .. }
            | CapabilitiesSet(_)
            | NoCapa(_)
            | TakesConnections(_)
            | WithinConnections(_)
            | NoAccount
            | CapaInside { .. }
            | CapaDiffers { .. }
            | NoLock
            | Locks { .. }
            | RefusedStays(_)
            | UidlEmpty
            | UidlSame(_)
            | NoPipelining
            | Pipelining
            | FormsOther(_)
            | FormsRefused(_)
            | Case(..)
            | Sharing(..)
            | ListingSlow(_)
            | SizeDiffers { .. }
            | PipeliningLosesBehindPass) => next_inside(other),
        }
    }

    /// The same for what is seen behind the login.
    fn next_inside(finding: &Finding) -> Finding {
        use Finding::*;
        match finding {
            TakesNoMore(..) => LoginDelay {
                seconds: 60,
                insists: Some(true),
            },
            NotLoggedIn(_) => CapaBreaks,
            CapaBreaks => LockMisread(line(Class::Perm)),
            LockMisread(_) => LockLate(line(Class::Locked)),
            LockLate(_) => SecondTooSoon(line(Class::LoginDelay)),
            SecondTooSoon(_) => SecondWaits(LONG),
            SecondWaits(_) => SecondCut(text()),
            SecondCut(_) => SecondTurnedAway(failed()),
            SecondTurnedAway(_) => FirstThrownOut,
            FirstThrownOut => SpareFailed(failed()),
            SpareFailed(_) => ClosesAfterQuit(None),
            ClosesAfterQuit(_) => KeepsOpen,
            KeepsOpen => LockGone(EndedBy::Quit, LONG),
            LockGone(..) => LockStays(EndedBy::Close, LONG, line(Class::Locked)),
            LockStays(..) => NextFailed(EndedBy::Quit, silent()),
            NextFailed(..) => NoUidl(text()),
            NoUidl(_) => UidlChanges {
                changed: 1,
                messages: 2,
            },
            UidlChanges { .. } => PipeliningLies(text()),
            PipeliningLies(_) => PipeliningUnclear(text()),
            PipeliningUnclear(_) => FormsSame {
                forms: Vec::new(),
                aliases: Some(text()),
            },
            FormsSame { .. } => FormNeedsDomain(text()),
            FormNeedsDomain(_) => FormsIncomparable(Vec::new()),
            FormsIncomparable(_) => FormsStopped(text()),
            FormsStopped(_) => Irregular(irregular::Irregular {
                what: irregular::Irregularity::BlankLines,
                at: vec![text()],
            }),
            Irregular(_) => ListingSlow(LONG),
            ListingSlow(_) => Case(case(FormMet::Other), true),
            Case(form, true) if form.met == FormMet::Other => Case(case(FormMet::Same), true),
            Case(..) => Sharing(SharingVerdict::Not(vec![Against::NoUidl]), Shareable::Ask),
            Sharing(SharingVerdict::Not(_), _) => Sharing(
                SharingVerdict::Unknown(MissingForVerdict::NoMessage),
                Shareable::Yes,
            ),
            Sharing(..) => SizeDiffers { listed: 2, sent: 1 },
            SizeDiffers { .. } => Secured(crate::net::TlsMode::Stls, "TLSv1.3"),
            fine => next_fine(fine),
        }
    }

    /// The same for those that are never a warning.
    fn next_fine(finding: &Finding) -> Finding {
        use Finding::*;
        match finding {
            Secured(..) => Capabilities {
                listed: Vec::new(),
                offered: Vec::new(),
            },
            Capabilities { .. } => CapabilitiesSet(Vec::new()),
            CapabilitiesSet(_) => NoCapa(text()),
            NoCapa(_) => TakesConnections(12),
            TakesConnections(_) => WithinConnections(1),
            WithinConnections(_) => NoAccount,
            NoAccount => CapaInside { answered: true },
            CapaInside { .. } => CapaDiffers {
                before: Vec::new(),
                after: Vec::new(),
            },
            CapaDiffers { .. } => NoLock,
            NoLock => Locks {
                line: line(Class::Locked),
                after: LONG,
            },
            Locks { .. } => RefusedStays(true),
            RefusedStays(_) => UidlEmpty,
            UidlEmpty => UidlSame(1),
            UidlSame(_) => NoPipelining,
            NoPipelining => Pipelining,
            Pipelining => PipeliningLosesBehindPass,
            PipeliningLosesBehindPass => FormsOther(Vec::new()),
            FormsOther(_) => FormsRefused(Vec::new()),
            _ => OutOfTime,
        }
    }

    fn in_clear(stls: bool) -> Finding {
        Finding::InClear { stls, near: false }
    }

    fn case(met: FormMet) -> CaseForm {
        CaseForm { form: text(), met }
    }

    fn text() -> String {
        "-ERR".to_owned()
    }

    fn line(class: Class) -> ClassifiedLine {
        ClassifiedLine {
            class,
            text: text(),
        }
    }

    fn failed() -> observations::Unreached {
        observations::Unreached::Failed(text())
    }

    fn silent() -> Attempt {
        Attempt::Silent(LONG)
    }

    fn slow() -> observations::ObservedGreeting {
        observations::ObservedGreeting {
            address: None,
            connected: Duration::ZERO,
            greeted: LONG,
            greeting: "+OK".to_owned(),
            tls: None,
        }
    }

    fn ended() -> Certificate {
        Certificate {
            issuer: None,
            names: Vec::new(),
            not_before: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn each_warning_ends_in_a_setting_or_says_why_there_is_none() {
        let options = backend();
        let terms = Terms::default();
        let mut finding = Finding::OutOfTime;
        let mut warned = HashSet::new();
        loop {
            let all = [finding.clone()];
            let advised = !advice(&all, &options, &terms).is_empty();
            let why = why_none(&finding, &all, &options, &terms);
            if finding.severity() == Severity::Warn {
                assert!(advised != why.is_some(), "{finding:?}: {why:?}");
                warned.insert(std::mem::discriminant(&finding));
            } else {
                assert_eq!(why, None, "{finding:?}");
            }
            finding = next(&finding);
            if matches!(finding, Finding::OutOfTime) {
                break;
            }
        }
        assert_eq!(warned.len(), 36);
    }

    #[test]
    fn a_warning_that_the_settings_cover_already_says_so() {
        let options = BackendOptions {
            connect_timeout: Duration::from_secs(55),
            login_reserve: Duration::from_secs(40),
            preconnect: false,
            ..backend()
        };
        let terms = Terms::default();
        for finding in [
            Finding::Reached(slow()),
            Finding::LockGone(EndedBy::Quit, Duration::from_secs(3)),
            Finding::SpareFailed(observations::Unreached::Failed("closed".to_owned())),
        ] {
            let all = [finding.clone()];
            assert!(
                why_none(&finding, &all, &options, &terms).is_some(),
                "{finding:?}"
            );
            assert!(advice(&all, &options, &terms).is_empty(), "{finding:?}");
        }
    }

    #[test]
    fn what_is_listed_in_either_state_is_told_together_but_pipelining() {
        let lines = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let before = lines("USER,SASL PLAIN,TOP");
        let after = lines("TOP,UIDL,PIPELINING");
        assert_eq!(together(&before, &after), lines("USER,SASL PLAIN,TOP,UIDL"));
        let both = lines("PIPELINING,UIDL");
        assert_eq!(together(&both, &both), both);
    }
}
