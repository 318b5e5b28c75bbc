//! What a report tells, as data: one login that went wrong, who was in the maildrop then, and what
//! else was seen of it within a day. Pure.

mod choice;
mod programs;

pub use choice::{WhichLogin, choose};
pub use programs::count_programs;

use crate::dialect::Class;
use crate::history::{
    CauseName, End, GateNotice, HistoryEntry, HistoryLogin, NoticeKind, StoredEntry,
};
use crate::ids::{BackendName, ClientPrefix, MaildropKey, SessionId};
use crate::limits::{REPORT_DAY, REPORT_NEIGHBOURS_AROUND, SILENT_AT_END};
use crate::policy::block::BlockEntry;
use crate::program::{Family, ProgramGuess};
use crate::time::Duration;
use choice::{KnownClients, owners};
use jiff::Timestamp;
use std::collections::HashSet;
use std::net::SocketAddr;

/// All that a report is made of.
#[derive(Clone, Debug)]
pub struct ReportFacts<'a> {
    /// The login that it is about; none where the history has none of the maildrop.
    pub incident: Option<PastLogin<'a>>,
    /// Whether its client has been in the maildrop before or since, or knew the password lately: a
    /// stranger who guesses has not.
    pub is_of_known_client: bool,
    /// Places from which somebody had a right password, in the days that are kept, or is in the
    /// maildrop now.
    pub owners: HashSet<ClientPrefix>,
    /// Whether it was asked for by its place in the history.
    pub is_named: bool,
    /// Who was in the maildrop while the login waited or was tried; the one that was longest in its
    /// way comes first.
    pub occupants: Vec<Occupant>,
    /// Logins of the maildrop within [`REPORT_DAY`] before the incident and until shortly after,
    /// the oldest first.
    pub day: Vec<PastLogin<'a>>,
    /// How other maildrops fared at the same time.
    pub neighbours: Neighbours,
    /// What happened to the gate and its backends around the incident, the oldest first.
    pub notices: &'a [GateNotice],
    /// Entries of the block list that are about the maildrop or the incident's client.
    pub blocks: &'a [BlockEntry],
}

/// What facts are taken from.
#[derive(Clone, Copy, Debug)]
pub struct ReportSources<'a> {
    /// Entries of the maildrop, in any order.
    pub entries: &'a [StoredEntry],
    /// Entries of all maildrops shortly before the incident.
    pub around: &'a [StoredEntry],
    /// What happened to the gate, the oldest first.
    pub notices: &'a [GateNotice],
    /// Entries of the block list that are about the maildrop or its clients.
    pub blocks: &'a [BlockEntry],
    /// Who is in the maildrop now.
    pub open: &'a [Occupant],
}

/// A login of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastLogin<'a> {
    /// What is known of its session.
    pub entry: &'a HistoryEntry,
    /// What is known of it.
    pub login: &'a HistoryLogin,
}

/// A session that was in the maildrop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// Its number.
    pub session: SessionId,
    /// Its client.
    pub client: SocketAddr,
    /// The program that it is thought to be.
    pub program: ProgramGuess,
    /// When it was granted the lock.
    pub from: Timestamp,
    /// How long it held the lock, or has held it until now.
    pub held: Duration,
    /// For how long its client had been silent at the end, or has been until now.
    pub idle: Duration,
    /// How it ended; none where it is still in there.
    pub end: Option<End>,
    /// Why it ended.
    pub cause: Option<CauseName>,
    /// Whether it is one of two sessions of a client within two seconds.
    pub is_twin: bool,
}

/// How other maildrops fared on the backends of the incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Maildrops that got in.
    pub let_in: usize,
    /// Maildrops that the backend refused, or did not answer, and let nobody into.
    pub refused: usize,
}

/// Who counts as one mail program: in an office many share an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientProgram {
    /// Where it is.
    pub prefix: ClientPrefix,
    /// What it is.
    pub family: Family,
}

/// How badly a login ended for its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    /// Nobody noticed anything.
    None,
    /// It was cut short, or what it deleted is still there.
    CutShort,
    /// The user saw an error, or no mail.
    Failed,
}

impl<'a> ReportFacts<'a> {
    /// The facts about `incident`, which [`choose`] has found.
    #[must_use]
    pub fn of(incident: Option<PastLogin<'a>>, sources: ReportSources<'a>) -> Self {
        let day = incident.map_or_else(Vec::new, |it| day_of(it, sources.entries));
        let occupants =
            incident.map_or_else(Vec::new, |it| occupants(it, sources.entries, sources.open));
        let neighbours =
            incident.map_or_else(Neighbours::default, |it| Neighbours::of(it, sources.around));
        let is_of_known_client =
            incident.is_some_and(|it| KnownClients::of(sources.entries).has(it));
        Self {
            incident,
            is_of_known_client,
            owners: owners(sources.entries, sources.open),
            is_named: false,
            occupants,
            day,
            neighbours,
            notices: sources.notices,
            blocks: sources.blocks,
        }
    }

    /// The session that was longest in the incident's way.
    #[must_use]
    pub fn blocker(&self) -> Option<&Occupant> {
        self.occupants.first()
    }

    /// When a backend of the incident went down and was not up again before its end, as far as the
    /// notices go back: the one that the login went to before others.
    #[must_use]
    pub fn down_since(&self, incident: PastLogin<'_>) -> Option<&'a GateNotice> {
        (incident.login.backend.iter())
            .chain(incident.login.key.backends())
            .find_map(|backend| self.backend_down(backend, incident.entry.ended))
    }

    fn backend_down(&self, backend: &BackendName, until: Timestamp) -> Option<&'a GateNotice> {
        let is_of_backend = |notice: &&GateNotice| {
            notice.at <= until
                && matches!(notice.kind, NoticeKind::BackendUp | NoticeKind::BackendDown)
                && backend.as_str() == &*notice.subject
        };
        self.notices
            .iter()
            .rfind(is_of_backend)
            .filter(|notice| notice.kind == NoticeKind::BackendDown)
    }
}

impl<'a> PastLogin<'a> {
    /// That of `stored`, if it has one.
    #[must_use]
    pub fn of(stored: &'a StoredEntry) -> Option<Self> {
        let entry = &*stored.entry;
        let login = entry.login.as_deref()?;
        Some(Self { entry, login })
    }

    /// The program at its place.
    #[must_use]
    pub fn client(self) -> ClientProgram {
        ClientProgram::new(self.entry.client, self.entry.program)
    }

    /// Whether it only got the answer of an earlier login on its connection, whose wait was spent.
    /// Programs ask again so within a second.
    #[must_use]
    pub fn is_repeat(self) -> bool {
        let is_refused = matches!(self.entry.end, End::WaitSpent | End::RefusedWhilePaused);
        is_refused && self.login.ahead.is_none() && self.login.granted.is_none()
    }

    /// Whether its user had no reason to complain.
    #[must_use]
    pub fn ended_well(self) -> bool {
        self.harm() == Harm::None
    }

    /// Whether the backend had let it in and it never said QUIT.
    #[must_use]
    pub fn left_without_quit(self) -> bool {
        self.entry.left_without_quit() || self.login.entered && self.was_closed_for_silence()
    }

    /// Whether it said QUIT, whatever came of that.
    #[must_use]
    pub fn said_quit(self) -> bool {
        let is_quit = matches!(
            self.entry.end,
            End::Quit | End::QuitFailed | End::QuitUnanswered
        );
        self.login.entered && is_quit
    }

    /// Whether it ended without QUIT after it had said nothing for a while.
    #[must_use]
    pub fn fell_silent(self) -> bool {
        let entry = self.entry;
        self.login.entered && is_end_of_silence(entry.end, entry.cause, entry.idle)
    }

    /// Whether it went away in the middle of something.
    #[must_use]
    pub fn broke_off(self) -> bool {
        self.login.entered && is_in_the_middle(self.entry.cause)
    }

    /// Whether the backend closed it because the client said nothing: some wait less long for a
    /// command than popgate does.
    #[must_use]
    pub fn was_closed_for_silence(self) -> bool {
        self.entry.cause == CauseName::BackendClosed && self.entry.idle >= SILENT_AT_END
    }

    /// Whether the backend's last error means one of these.
    #[must_use]
    pub fn said(self, classes: &[Class]) -> bool {
        let answer = self.login.backend_answer.as_ref();
        answer.is_some_and(|it| classes.contains(&it.class))
    }

    /// How long it waited for the maildrop, wherever that was locked.
    #[must_use]
    pub fn waited_in_all(self) -> Duration {
        self.login.waited + self.login.waited_elsewhere()
    }

    /// When it gave up the lock; none where it never had it.
    #[must_use]
    pub fn left_maildrop(self) -> Option<Timestamp> {
        Some(later(self.login.granted?, self.login.held))
    }

    /// Until when it waited for the maildrop.
    fn waited_until(self) -> Timestamp {
        self.login.granted.unwrap_or(self.entry.ended)
    }

    fn harm(self) -> Harm {
        match self.entry.end {
            _ if self.was_closed_for_silence() => Harm::CutShort,
            End::Left if self.broke_off() => self.harm_after_login().max(Harm::CutShort),
            End::Quit | End::Left | End::TimedOut | End::Shutdown if self.login.got_in() => {
                self.harm_after_login()
            }
            End::Stalled | End::Preempted | End::Kicked => Harm::CutShort,
            _ => Harm::Failed,
        }
    }

    /// Whether the last error line that the client got has to do with how the login ended.
    #[must_use]
    pub fn answer_tells_end(self) -> bool {
        !self.login.got_in() || self.entry.end == End::QuitFailed || self.is_error_shown()
    }

    /// Whether a program shows the backend's error after login: programs ask for commands that a
    /// server does not know, and get along without.
    fn is_error_shown(self) -> bool {
        self.said(&[
            Class::NoSuchMessage,
            Class::DeletesNotRemoved,
            Class::LoginDelay,
        ])
    }

    fn harm_after_login(self) -> Harm {
        match self.login.marked {
            _ if self.is_error_shown() => Harm::Failed,
            0 => Harm::None,
            _ => Harm::CutShort,
        }
    }
}

impl Occupant {
    /// The session of a login that held the lock.
    #[must_use]
    pub fn of(past: PastLogin<'_>) -> Option<Self> {
        Some(Self {
            session: past.entry.session,
            client: past.entry.client,
            program: past.entry.program,
            from: past.login.granted?,
            held: past.login.held,
            idle: past.entry.idle,
            end: Some(past.entry.end),
            cause: Some(past.entry.cause),
            is_twin: past.entry.is_twin,
        })
    }

    /// The program at its place.
    #[must_use]
    pub fn client_program(&self) -> ClientProgram {
        ClientProgram::new(self.client, self.program)
    }

    /// Whether it said nothing for a while, and never QUIT.
    #[must_use]
    pub fn fell_silent(&self) -> bool {
        match self.end.zip(self.cause) {
            Some((end, cause)) => is_end_of_silence(end, cause, self.idle),
            None => self.idle >= SILENT_AT_END,
        }
    }

    /// Whether it went away in the middle of something.
    #[must_use]
    pub fn broke_off(&self) -> bool {
        self.cause.is_some_and(is_in_the_middle)
    }

    /// When it ended, or now.
    #[must_use]
    pub fn left(&self) -> Timestamp {
        later(self.from, self.held)
    }

    /// For how long of the time from `since` to `until` it was in the maildrop.
    fn overlap(&self, since: Timestamp, until: Timestamp) -> Duration {
        let left = self.left().min(until);
        let overlap = left.duration_since(self.from.max(since));
        overlap.try_into().unwrap_or(Duration::ZERO)
    }
}

impl ClientProgram {
    fn new(client: SocketAddr, program: ProgramGuess) -> Self {
        Self {
            prefix: client.ip().into(),
            family: program.family,
        }
    }

    /// Whether it can be the same program as another one: what is unknown can be any.
    #[must_use]
    pub fn may_be(self, other: Self) -> bool {
        let is_unknown = [self.family, other.family].contains(&Family::Unknown);
        self.prefix == other.prefix && (is_unknown || self.family.with(other.family).is_some())
    }
}

impl Neighbours {
    fn of(incident: PastLogin<'_>, around: &[StoredEntry]) -> Self {
        let since = earlier(incident.entry.ended, REPORT_NEIGHBOURS_AROUND);
        let until = incident.entry.ended;
        let others = around.iter().filter_map(PastLogin::of).filter(|it| {
            !it.login.key.overlaps(&incident.login.key)
                && shares_backend(&it.login.key, incident.login.key.backends())
                && it.entry.ended >= since
                && it.entry.opened <= until
        });
        let mut let_in = HashSet::new();
        let mut refused = HashSet::new();
        for other in others {
            if other.login.entered {
                let_in.insert(&other.login.key);
            } else if is_backends_refusal(other) {
                refused.insert(&other.login.key);
            }
        }
        Self {
            let_in: let_in.len(),
            refused: refused.difference(&let_in).count(),
        }
    }
}

fn shares_backend(key: &MaildropKey, backends: &[BackendName]) -> bool {
    key.backends().iter().any(|it| backends.contains(it))
}

/// Whether the backend said no, or nothing, to somebody who should have got in. A password that was
/// never right says nothing of the backend: a stranger gives many.
fn is_backends_refusal(past: PastLogin<'_>) -> bool {
    match past.entry.cause {
        CauseName::WrongPassword | CauseName::ClosedAtPass | CauseName::ClosedAtPassOfAnother => {
            past.login.proven
        }
        CauseName::LoginRefused => true,
        _ => matches!(past.entry.end, End::BackendUnreachable | End::BackendGone),
    }
}

/// Whether a session ended so that had said nothing for a while, and never QUIT. Whoever ended it:
/// an operator who kicked it has not changed what it does.
fn is_end_of_silence(end: End, cause: CauseName, idle: Duration) -> bool {
    let is_cut = matches!(
        end,
        End::Left | End::TimedOut | End::Preempted | End::Kicked | End::Shutdown
    );
    let is_without_quit = is_cut || cause == CauseName::BackendClosed;
    idle >= SILENT_AT_END && is_without_quit && !is_in_the_middle(cause)
}

/// Whether a client that ended so took no more of what it had asked for.
fn is_in_the_middle(cause: CauseName) -> bool {
    matches!(cause, CauseName::LeftInReply | CauseName::Stalled)
}

fn day_of<'a>(incident: PastLogin<'a>, entries: &'a [StoredEntry]) -> Vec<PastLogin<'a>> {
    let since = earlier(incident.entry.ended, REPORT_DAY);
    let until = later(incident.entry.ended, REPORT_NEIGHBOURS_AROUND);
    let mut day: Vec<_> = entries
        .iter()
        .filter_map(PastLogin::of)
        .filter(|it| it.entry.ended >= since && it.entry.opened <= until)
        .filter(|it| !it.is_repeat())
        .collect();
    day.sort_by_key(|it| it.login.asked);
    day
}

/// Who was in the maildrop from the incident's password to its turn; where it did not wait, until
/// it gave up the lock: a session that is closed for another one may take long to end.
fn occupants(incident: PastLogin<'_>, entries: &[StoredEntry], open: &[Occupant]) -> Vec<Occupant> {
    let since = incident.login.asked;
    let until = match incident.login.waited.is_zero() {
        true => incident.left_maildrop().unwrap_or(incident.entry.ended),
        false => incident.waited_until(),
    };
    let mut found: Vec<_> = entries
        .iter()
        .filter_map(PastLogin::of)
        .filter(|it| it.entry != incident.entry)
        .filter_map(Occupant::of)
        .chain(open.iter().cloned())
        .filter(|it| !it.overlap(since, until).is_zero())
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.overlap(since, until)));
    found
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
