//! What programs do, as a table: how a session begins, how it goes on behind the login, what else
//! has to hold, whose way that is, and how sure that makes it.
//!
//! High is only what no other program of this table does, as far as it is known; low what scripts
//! do as well. What tells a program apart by what it does *not* do is a condition, since a trace
//! is looked at while it grows.

use super::evidence::{Evidence, Halves, Stls};
use super::family::Confidence::{self, High, Low, Medium};
use super::family::Family::{self, *};
use super::step::Step::{self, *};
use super::tls::TlsLibrary::{self, GnuTls, Nss, OpenSsl};
use crate::time::Duration;

/// A way to begin: CAPA where it stands, and the login. STLS is a condition.
type Before = &'static [&'static [Step]];

const USER: Before = &[&[User, Pass]];
const CAPA_USER: Before = &[&[Capa, User, Pass]];
const CAPA_PLAIN: Before = &[&[Capa, AuthPlain]];
/// A second mechanism, since the first one was refused.
const CAPA_PLAIN_USER: Before = &[&[Capa, AuthPlain, User, Pass]];
const PLAIN_AT_ONCE: Before = &[&[AuthPlainInitial]];
const CAPA_AND: Before = &[
    &[Capa, User, Pass],
    &[Capa, AuthPlain],
    &[Capa, AuthPlainInitial],
    &[Capa, AuthPlain, User, Pass],
    &[Capa, AuthLogin],
];
const USER_OF_HOST: Before = &[&[UserOfHost, Pass], &[Capa, UserOfHost, Pass]];

/// Messages, or parts of them.
const MESSAGES: &[Step] = &[Retr, Top, TopHeader, TopAll, Dele];
const LISTINGS: &[Step] = &[List, Uidl];
const ANYTHING: &[Step] = &[List, Uidl, Retr, Top, TopHeader, Dele];
/// What curl's URLs and its option `-X` ask for.
const SINGLE: &[Step] = &[List, ListOne, Uidl, UidlOne, Retr, Top, TopHeader];

/// CAPA and STLS, and then no CAPA, by a library that is on phones.
const ASKED_ONCE: &[When] = &[Started(Stls::Asked), Perhaps(TlsLibrary::Other)];

/// A program that leaves its session open has left it alone by then: between two messages others
/// are quicker.
const SILENCE: Duration = Duration::from_secs(10);

/// What else has to hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum When {
    /// TLS is used.
    Tls,
    /// STLS is used so.
    Started(Stls),
    /// It is this library's TLS.
    By(TlsLibrary),
    /// It is not TLS of another library that is known.
    Perhaps(TlsLibrary),
    /// PASS came with USER.
    PassAhead,
    /// One of these came before the reply in front of it.
    Ahead(&'static [Step]),
    /// Nothing did.
    Stepwise,
    /// This came.
    Has(Step),
    /// This did not.
    Lacks(Step),
    /// There was one command, and QUIT.
    Single,
    /// It is silent, or has left, without QUIT.
    SilentWithoutQuit,
}

/// A row of the table: how a program is known.
#[derive(Debug)]
pub(super) struct Signature {
    before: Before,
    after: &'static [Step],
    when: &'static [When],
    pub(super) family: Family,
    pub(super) confidence: Confidence,
}

const fn row(
    before: Before,
    after: &'static [Step],
    when: &'static [When],
    family: Family,
    confidence: Confidence,
) -> Signature {
    Signature {
        before,
        after,
        when,
        family,
        confidence,
    }
}

use When::{
    Ahead, By, Has, Lacks, PassAhead, Perhaps, SilentWithoutQuit, Single, Started, Stepwise, Tls,
};

#[rustfmt::skip]
pub(super) const TABLE: &[Signature] = &[
    // On the desktop. The sizes before the names of the messages, by STAT, LIST, UIDL: so does
    // mpop, which then asks for many messages at once.
    row(CAPA_PLAIN, &[], &[By(Nss)], Thunderbird, Medium),
    row(CAPA_PLAIN_USER, &[], &[By(Nss)], Thunderbird, Medium),
    row(CAPA_PLAIN, &[Stat, List, Uidl], &[By(Nss)], Thunderbird, High),
    row(CAPA_PLAIN, &[Stat, List, Uidl], &[Perhaps(Nss), Stepwise], Thunderbird, Medium),
    row(CAPA_USER, &[Capa, List, Uidl], &[PassAhead, Ahead(LISTINGS)], Evolution, High),
    row(CAPA_AND, &[Capa, List, Uidl], &[], Evolution, Medium),
    row(USER, &[List, Uidl], &[Started(Stls::Unasked)], KMail, High),
    row(USER, &[List, Uidl], &[], KMail, Low),
    row(PLAIN_AT_ONCE, &[], &[], KMail, Medium),
    row(PLAIN_AT_ONCE, &[List, Uidl], &[], KMail, High),
    row(USER, &[Stat, Uidl, List], &[Started(Stls::Unasked)], ClawsOrSylpheed, High),
    row(USER, &[Stat, Uidl, List], &[], ClawsOrSylpheed, Medium),
    row(USER, &[Stat, Uidl, Last], &[], ClawsOrSylpheed, Medium),
    row(CAPA_USER, &[Stat, Uidl, List], &[Perhaps(TlsLibrary::Other)], Outlook, Low),

    // On phones.
    row(CAPA_PLAIN, &[Stat, Uidl], &[Perhaps(TlsLibrary::Other)], K9, High),
    row(CAPA_USER, &[Stat], &[Tls, PassAhead, Perhaps(TlsLibrary::Other)], JavaMail, Medium),
    row(CAPA_USER, &[Stat, Uidl], ASKED_ONCE, AndroidMail, Medium),
    row(USER, &[Stat, Uidl], &[SilentWithoutQuit, Lacks(List), Lacks(Dele)], IosMail, Medium),

    // On the command line.
    row(CAPA_USER, &[Stat, Last], &[], Fetchmail, High),
    row(CAPA_USER, &[Stat, ListOne, Retr], &[], Fetchmail, High),
    row(CAPA_USER, &[Stat, ListOne, TopAll], &[], Fetchmail, High),
    row(CAPA_USER, &[Stat], &[Has(TopAll)], Fetchmail, High),
    row(CAPA_USER, &[Stat, Uidl, ListOne], &[], Fetchmail, Medium),
    row(USER, &[Uidl, List, Uidl, List], &[], Getmail, High),
    row(USER, &[Uidl, List], &[], Getmail, Medium),
    row(CAPA_PLAIN, &[Stat, List, Uidl], &[Ahead(MESSAGES)], Mpop, High),
    row(CAPA_PLAIN, &[Stat, List, Uidl], &[By(GnuTls)], Mpop, Medium),
    row(CAPA_USER, &[Stat, List, Uidl], &[Ahead(MESSAGES)], Mpop, High),
    row(CAPA_USER, &[Stat, List, Uidl], &[], Mpop, Low),
    // Behind STLS it asks CAPA again, and Python's poplib does not.
    row(CAPA_AND, &[], &[Single, Started(Stls::Unused)], Curl, High),
    row(CAPA_AND, &[], &[Single, Started(Stls::AskedTwice)], Curl, High),
    row(CAPA_PLAIN, &[Retr], &[Perhaps(OpenSsl)], Curl, Medium),
    row(CAPA_AND, &[Capa, Stat, Uidl, ListOne, TopHeader], &[], Mutt, High),
    row(CAPA_AND, &[Capa, Stat, Uidl], &[Stepwise], Mutt, Medium),
    row(CAPA_PLAIN_USER, &[], &[By(GnuTls)], Mutt, Medium),
    row(CAPA_AND, &[Capa, Stat, List], &[Stepwise], CClient, Medium),

    // Libraries and scripts.
    row(CAPA_AND, &[Capa, Stat], &[Ahead(ANYTHING)], MailKit, Medium),
    row(USER, &[Noop], &[], GoPop3, Medium),
    row(USER, &[Stat, Retr], &[Started(Stls::Unasked)], Script, Medium),
    row(CAPA_USER, &[Stat, Retr], &[Started(Stls::Asked)], Script, Medium),
    row(USER, &[Stat, Retr], &[], Script, Low),
    row(USER, &[Stat, List], &[], Script, Low),
    row(USER, &[List, Retr], &[], Script, Low),

    // Beside another program.
    row(USER, &[Stat, Uidl, Top, Top], &[Lacks(Retr)], Notifier, Medium),
    row(USER, &[Stat, List, Top, Top], &[Lacks(Retr)], Notifier, Medium),
    row(USER, &[Stat, Top, Top], &[Lacks(Retr)], Notifier, Medium),
    row(USER_OF_HOST, &[], &[], LocalProxy, Medium),
];

impl Signature {
    pub(super) fn fits(&self, halves: &Halves, evidence: &Evidence<'_>) -> bool {
        // Most rows end at the first comparison, which is the quicker one.
        halves.goes_on(self.after)
            && self.before.contains(&halves.before.as_slice())
            && self.when.iter().all(|when| when.holds(halves, evidence))
    }

    /// Whether it fits so far: what is still to come may make it fit.
    pub(super) fn may_fit(&self, halves: &Halves) -> bool {
        let done = halves.after.steps().map(|seen| seen.step);
        // With nothing to do, most programs leave at once.
        let done = done.take_while(|step| *step != Quit);
        self.before.contains(&halves.before.as_slice())
            && done.zip(self.after).all(|(done, step)| done == *step)
    }
}

impl When {
    fn holds(self, halves: &Halves, evidence: &Evidence<'_>) -> bool {
        match self {
            Self::Tls => evidence.tls_library().is_some(),
            Self::Started(stls) => halves.stls == stls,
            Self::By(library) => evidence.tls_library() == Some(library),
            Self::Perhaps(library) => evidence.tls_library().is_none_or(|it| it == library),
            Self::PassAhead => halves.pass_ahead,
            Self::Ahead(steps) => halves.has_ahead(steps),
            Self::Stepwise => halves.after.steps().all(|seen| !seen.sent_ahead),
            Self::Has(step) => halves.has(step),
            Self::Lacks(step) => !halves.has(step),
            Self::Single => is_single(halves),
            Self::SilentWithoutQuit => !halves.has(Quit) && evidence.idle >= SILENCE,
        }
    }
}

fn is_single(halves: &Halves) -> bool {
    let mut steps = halves.after.steps().map(|seen| seen.step);
    let single = steps.next().is_some_and(|only| SINGLE.contains(&only));
    single && steps.eq([Quit])
}
