//! One maildrop on one time axis: a row for each program at each address, what took time as bars,
//! what happened at one moment as marks.

mod past;
mod present;
#[cfg(test)]
pub(crate) mod tests;

pub use present::OpenLogin;

use crate::history::{EntryId, HistoryEntry, StoredEntry};
use crate::ids::{ClientPrefix, SessionId, UserName};
use crate::limits::{SHOWN_WAIT_MIN, TIMELINE_ROWS_MAX};
use crate::program::{Confidence, Family, ProgramGuess};
use crate::str_enum::str_enum;
use crate::time::Duration;
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What happened in one maildrop, on one time axis.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The login that was asked about.
    pub login: UserName,
    /// The canonical name of its maildrop.
    pub maildrop: UserName,
    /// What is shown of the past.
    pub axis: Axis,
    /// When it was made: what goes on is shown up to here.
    pub now: Timestamp,
    /// How far back the history goes; none where it has nothing.
    pub kept_since: Option<Timestamp>,
    /// Them; the one that was there first comes first.
    pub rows: Vec<ClientRow>,
    /// Logins of this time that are not shown, because there are too many: at least so many.
    pub left_out: usize,
    /// Why logins of the past may be missing; none where they are all that is kept.
    pub incomplete: Option<String>,
}

/// A stretch of time, from `since` up to `until`, which is later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    since: Timestamp,
    until: Timestamp,
}

/// One program at one address.
#[derive(Clone, Debug)]
pub struct ClientRow {
    /// The program, as sure as it was at best.
    pub program: ProgramGuess,
    /// The client.
    pub client: ClientPrefix,
    /// What took time, the earliest first.
    pub bars: Vec<Bar>,
    /// What happened at one moment, the earliest first.
    pub marks: Vec<Mark>,
}

str_enum! {
    /// What took time.
    BarKind {
        /// The login was held for coming too often, or for wrong passwords.
        Delay = "delay",
        /// It waited for the lock.
        Wait = "wait",
        /// It was logged in on a listing, and not in the maildrop.
        View = "view",
        /// It had the lock, and the backend had not let it in.
        Login = "login",
        /// It was in the maildrop.
        Hold = "hold",
    }
}

str_enum! {
    /// What happened at one moment. A later one is the graver one.
    MarkKind {
        /// Another session of the same client was there: a scanner or checker beside a program.
        Twin = "twin",
        /// The client was let in, and left without QUIT.
        WithoutQuit = "without_quit",
        /// The client left before it was let in.
        GaveUp = "gave_up",
        /// The session was cut off: by the backend, by a stop of popgate, by a fault, or because it
        /// could not have its maildrop.
        Failed = "failed",
        /// An operator ended it.
        Kicked = "kicked",
        /// It was closed for a waiter.
        Preempted = "preempted",
        /// The login was refused.
        Refused = "refused",
    }
}

/// Something that took time.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What.
    pub kind: BarKind,
    /// When it began.
    pub from: Timestamp,
    /// When it ended; none where it goes on.
    pub until: Option<Timestamp>,
    /// Whose it is.
    pub login: ShownLogin,
    /// The place of its entry; none where that is not over.
    pub id: Option<EntryId>,
}

/// Something that happened at one moment.
#[derive(Clone, Debug)]
pub struct Mark {
    /// What.
    pub kind: MarkKind,
    /// When.
    pub at: Timestamp,
    /// Whose it is.
    pub entry: Arc<HistoryEntry>,
    /// The place of that.
    pub id: EntryId,
}

/// A login of the past, or one that is not over.
#[derive(Clone, Debug)]
pub enum ShownLogin {
    /// It is over.
    Past(Arc<HistoryEntry>),
    /// It is not.
    Open(Arc<OpenLogin>),
}

/// Whose timeline it is, and when.
#[derive(Clone, Debug)]
pub struct TimelineSubject {
    /// The login that was asked about.
    pub login: UserName,
    /// The canonical name of its maildrop.
    pub maildrop: UserName,
    /// What is to be shown.
    pub axis: Axis,
    /// Now.
    pub now: Timestamp,
    /// How far back the history goes; none where it has nothing.
    pub kept_since: Option<Timestamp>,
    /// Why logins that are over may be missing.
    pub incomplete: Option<String>,
    /// Logins that are shown at most, the latest ones.
    pub logins_max: usize,
}

impl Axis {
    /// From `since` to `until`; none where that is no later.
    #[must_use]
    pub fn new(since: Timestamp, until: Timestamp) -> Option<Self> {
        (since < until).then_some(Self { since, until })
    }

    /// Its beginning.
    #[must_use]
    pub fn since(self) -> Timestamp {
        self.since
    }

    /// Its end.
    #[must_use]
    pub fn until(self) -> Timestamp {
        self.until
    }

    /// Whether something from `from` to `until` is in it, at least for a moment.
    #[must_use]
    pub fn meets(self, from: Timestamp, until: Timestamp) -> bool {
        from < self.until && until >= self.since
    }
}

impl Timeline {
    /// Made of the logins to one maildrop that are over (`past`, the latest first) and of those
    /// that are not (`open`). What went over between the two looks is shown once.
    #[must_use]
    pub fn of(subject: TimelineSubject, past: &[StoredEntry], open: Vec<OpenLogin>) -> Self {
        let axis = subject.axis;
        let mut logins: Vec<ClientLogin> = open
            .into_iter()
            .filter(|login| !login.is_over(past))
            .map(ClientLogin::open)
            .chain(past.iter().filter_map(ClientLogin::past))
            .filter(|login| axis.meets(login.from(), login.until(subject.now)))
            .collect();
        let too_many = logins.len().saturating_sub(subject.logins_max);
        logins.truncate(subject.logins_max);
        let (rows, in_other_rows) = rows(logins);
        Self {
            login: subject.login,
            maildrop: subject.maildrop,
            axis,
            now: subject.now,
            kept_since: subject.kept_since,
            rows,
            left_out: too_many + in_other_rows,
            incomplete: subject.incomplete,
        }
    }
}

/// One login as it is shown.
struct ClientLogin {
    program: ProgramGuess,
    client: ClientPrefix,
    was_let_in: bool,
    bars: Vec<Bar>,
    marks: Vec<Mark>,
}

impl ClientLogin {
    fn from(&self) -> Timestamp {
        let bars = self.bars.iter().map(|bar| bar.from);
        let marks = self.marks.iter().map(|mark| mark.at);
        bars.chain(marks).min().unwrap_or(Timestamp::MAX)
    }

    fn is_twin(&self) -> bool {
        self.marks.iter().any(|mark| mark.kind == MarkKind::Twin)
    }

    fn until(&self, now: Timestamp) -> Timestamp {
        let bars = self.bars.iter().map(|bar| bar.until.unwrap_or(now));
        let marks = self.marks.iter().map(|mark| mark.at);
        bars.chain(marks).max().unwrap_or(Timestamp::MIN)
    }
}

/// A row for each program and address, and how many logins are in none because there would be too
/// many. A stranger who tries a name from a thousand addresses must not push its owner's programs
/// out: those that were let in come first, then those with the most logins.
fn rows(logins: Vec<ClientLogin>) -> (Vec<ClientRow>, usize) {
    let mut groups: HashMap<(Family, ClientPrefix), Vec<ClientLogin>> = HashMap::new();
    for login in logins {
        let group = (login.program.family, login.client);
        groups.entry(group).or_default().push(login);
    }
    name_unknown(&mut groups);
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_cached_key(|group| {
        let was_let_in = group.iter().any(|login| login.was_let_in);
        Reverse((was_let_in, group.len(), group[0].client))
    });
    let shown_max = groups.len().min(TIMELINE_ROWS_MAX);
    let left_out = groups.split_off(shown_max).iter().map(Vec::len).sum();
    groups.sort_by_cached_key(|group| {
        let first = group.iter().map(ClientLogin::from).min();
        (first, group[0].client)
    });
    (groups.into_iter().filter_map(row).collect(), left_out)
}

/// Logins of a program that was not recognised are those of the only known one at their place,
/// unless they came beside it: a scanner does so.
fn name_unknown(groups: &mut HashMap<(Family, ClientPrefix), Vec<ClientLogin>>) {
    let mut known: HashMap<ClientPrefix, Vec<Family>> = HashMap::new();
    for (family, client) in groups.keys() {
        if *family != Family::Unknown {
            known.entry(*client).or_default().push(*family);
        }
    }
    for (client, families) in known {
        let place = (Family::Unknown, client);
        let has_twins = |group: &Vec<ClientLogin>| group.iter().any(ClientLogin::is_twin);
        let [only] = families[..] else { continue };
        if !groups.get(&place).is_some_and(has_twins) {
            let unknown = groups.remove(&place).unwrap_or_default();
            groups.entry((only, client)).or_default().extend(unknown);
        }
    }
}

fn row(group: Vec<ClientLogin>) -> Option<ClientRow> {
    let surest = group.iter().map(|it| it.program).max_by_key(sureness)?;
    let client = group.first()?.client;
    let mut bars = Vec::new();
    let mut marks = Vec::new();
    for login in group {
        bars.extend(login.bars);
        marks.extend(login.marks);
    }
    bars.sort_by_key(|bar| bar.from);
    marks.sort_by_key(|mark| mark.at);
    Some(ClientRow {
        program: surest,
        client,
        bars,
        marks,
    })
}

fn sureness(guess: &ProgramGuess) -> (bool, usize) {
    let confidence = Confidence::ALL
        .iter()
        .position(|it| *it == guess.confidence);
    let is_known = guess.family != Family::Unknown;
    (is_known, confidence.unwrap_or_default())
}

impl Bar {
    /// How long it took, or has taken up to `now`.
    #[must_use]
    pub fn length(&self, now: Timestamp) -> Duration {
        let until = self.until.unwrap_or(now);
        Duration::try_from(until.duration_since(self.from)).unwrap_or_default()
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        match &self.login {
            ShownLogin::Past(entry) => entry.session,
            ShownLogin::Open(login) => login.session,
        }
    }
}

/// In a sentence. It can hold words of the backend, and any character.
impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.login {
            ShownLogin::Past(entry) => past::tell(self.kind, entry, f),
            ShownLogin::Open(_) => f.write_str(present::tell(self.kind)),
        }
    }
}

/// In a sentence. It can hold words of the backend, and any character.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            MarkKind::Twin => f.write_str(
                "another session of the same client was in the maildrop, or had just left it",
            ),
            MarkKind::Refused => match &self.entry.answer {
                Some(answer) => write!(f, "{}; the client got: {answer}", self.entry.sentence),
                None => f.write_str(&self.entry.sentence),
            },
            MarkKind::WithoutQuit
            | MarkKind::GaveUp
            | MarkKind::Failed
            | MarkKind::Kicked
            | MarkKind::Preempted => f.write_str(&self.entry.sentence),
        }
    }
}

/// Whether something that took so long is shown: a lock that was free is waited for as well, for
/// some microseconds.
fn is_shown(length: Duration) -> bool {
    length >= SHOWN_WAIT_MIN
}
