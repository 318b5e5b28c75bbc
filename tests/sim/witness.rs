//! Who listens to the gate's events, the clients and the mail server, and holds the gate to its
//! promises while things happen.

use crate::lock;
use crate::plan::{ClientPlan, Plan};
use crate::site::{Site, name};
use crate::trace::Trace;
use popgate::cluster::member::ClusterState;
use popgate::dialect::Class;
use popgate::ids::SessionId;
use popgate::limits::{CLUSTER_CALL, CLUSTER_ELSEWHERE};
use popgate::observe::event::{
    ClusterEvent, End, Event, LockEvent, LockOutcome, SessionSummary, TurnResult,
};
use popgate::observe::hub::{EventSink, Stamped};
use popgate::pop3::reply::ReplyTo;
use popgate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Timers are a millisecond coarse.
const COARSE: Duration = Duration::from_millis(2);

/// What a client did on one connection.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) address: SocketAddr,
    pub(crate) user: usize,
    pub(crate) is_in: bool,
    /// The unique ids whose deletion was answered with `+OK`, and not taken back.
    pub(crate) marked: BTreeSet<usize>,
    /// It sent DELE and read no answer, or not yet.
    pub(crate) deletes: bool,
    /// It sent a command whose reply popgate cannot follow: deletions are not counted then.
    pub(crate) is_opaque: bool,
    pub(crate) quit_sent: bool,
    pub(crate) quit_answered: bool,
    pub(crate) closed_at_once: bool,
    pub(crate) cut: bool,
}

impl Record {
    pub(crate) fn says(&mut self, commands: &[String]) {
        self.deletes |= commands.iter().any(|command| command.starts_with("DELE"));
        self.is_opaque |= commands.iter().any(|command| command.starts_with("XYZZY"));
        self.quit_sent |= commands.iter().any(|command| command == "QUIT");
    }
}

/// What was met, for the report: a simulation that meets nothing shows nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub(crate) fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or_default()
    }

    pub(crate) fn line(&self) -> String {
        let pairs: Vec<_> = self
            .0
            .iter()
            .map(|(what, count)| format!("{what}={count}"))
            .collect();
        pairs.join(" ")
    }

    /// Adds what a process printed.
    pub(crate) fn add(&mut self, printed: &[u8]) {
        let text = String::from_utf8_lossy(printed);
        let words = text.lines().next().unwrap_or_default().split(' ');
        for (what, count) in words.filter_map(|word| word.split_once('=')) {
            *self.0.entry(what.to_owned()).or_default() += count.parse::<u64>().unwrap_or_default();
        }
    }
}

type Key = (u32, SessionId);

#[derive(Default)]
struct Seen {
    asking: BTreeMap<IpAddr, (usize, bool)>,
    open: BTreeMap<Key, SocketAddr>,
    ended: BTreeMap<SocketAddr, SessionSummary>,
    granted: BTreeSet<SocketAddr>,
    /// Who waits for each maildrop at each gate, in the order of asking: its session, and whether its
    /// password is right.
    lines: BTreeMap<(u32, usize), Vec<(Key, bool)>>,
    /// When somebody waited last with the right password.
    waited: BTreeMap<usize, Instant>,
    /// How each gate that there was stood last with its engine.
    stands: BTreeMap<u32, ClusterState>,
    held: i64,
    records: Vec<Arc<Mutex<Record>>>,
    counts: Counts,
}

/// The witness.
pub(crate) struct Witness {
    trace: Arc<Trace>,
    site: Arc<Site>,
    users: usize,
    budget: Duration,
    may_force: bool,
    backend_fails: bool,
    restarts: bool,
    has_engine: bool,
    engine_fails: bool,
    /// Some calls of the engine have no answer.
    calls_fail: bool,
    /// Whether a login that has its lock may be told all the same that the maildrop is locked.
    may_be_locked: bool,
    disconnected: BTreeSet<IpAddr>,
    seen: Mutex<Seen>,
}

impl Witness {
    pub(crate) fn new(plan: &Plan, site: Arc<Site>, trace: Arc<Trace>) -> Arc<Self> {
        let disconnected = plan
            .clients
            .iter()
            .filter(|client| !plan.is_connected(client));
        Arc::new(Self {
            trace,
            site,
            users: plan.users,
            budget: Duration::from_secs(plan.settings.wait - 3),
            may_force: plan.may_force(),
            backend_fails: plan.backend_fails(),
            restarts: plan.restarts(),
            has_engine: plan.engine.is_some(),
            engine_fails: plan.engine_fails(),
            calls_fail: plan.engine.is_some_and(|lines| lines.unanswered > 0),
            may_be_locked: plan.backend.locking || plan.settings.connections > 0,
            disconnected: disconnected.map(|client| client.host).collect(),
            seen: Mutex::default(),
        })
    }

    /// The ear of one gate.
    pub(crate) fn ear(self: &Arc<Self>, gate: u32) -> Arc<dyn EventSink> {
        Arc::new(Ear {
            witness: Arc::clone(self),
            gate,
        })
    }

    pub(crate) fn open(&self, plan: &ClientPlan, address: SocketAddr) -> Arc<Mutex<Record>> {
        let record = Arc::new(Mutex::new(Record {
            address,
            user: plan.user,
            is_in: false,
            marked: BTreeSet::new(),
            deletes: false,
            is_opaque: false,
            quit_sent: false,
            quit_answered: false,
            closed_at_once: false,
            cut: false,
        }));
        self.seen().records.push(Arc::clone(&record));
        record
    }

    /// A client is about to say a password.
    pub(crate) fn asks(&self, plan: &ClientPlan, right: bool) {
        self.seen().asking.insert(plan.host, (plan.user, right));
    }

    pub(crate) fn is_connected(&self, plan: &ClientPlan) -> bool {
        !self.disconnected.contains(&plan.host)
    }

    /// Whether a client may be told that the server cannot be reached.
    pub(crate) fn may_be_unreachable(&self) -> bool {
        self.backend_fails || self.restarts
    }

    /// Whether a client may be told that its gate does not know whose turn it is: one that has just
    /// started has not found its engine yet.
    pub(crate) fn may_not_be_locked(&self) -> bool {
        self.engine_fails && self.restarts
    }

    /// Whether a client of `host` had its QUIT answered.
    pub(crate) fn quit_well(&self, host: IpAddr) -> bool {
        let records: Vec<_> = self.seen().records.clone();
        let of_host = |it: &Arc<Mutex<Record>>| {
            let record = lock(it);
            record.address.ip() == host && record.quit_answered
        };
        records.iter().any(of_host)
    }

    /// Sessions that have not ended.
    pub(crate) fn open_sessions(&self) -> usize {
        self.seen().open.len()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.seen().counts.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        self.trace.check(holds, what);
    }

    fn hear(&self, gate: u32, event: &Event) {
        let mut seen = self.seen();
        match event {
            Event::SessionOpened {
                session, client, ..
            } => {
                seen.counts.count("sessions");
                let before = seen.open.insert((gate, *session), *client);
                self.check(before.is_none(), || format!("{session} opened twice"));
            }
            Event::SessionEnded(summary) => self.ended(&mut seen, gate, summary),
            Event::Lock(LockEvent::Queued { session, .. }) => {
                seen.counts.count("waits");
                let key = (gate, *session);
                let (user, right) = seen.asking[&seen.open[&key].ip()];
                seen.lines
                    .entry((gate, user))
                    .or_default()
                    .push((key, right));
            }
            Event::Lock(LockEvent::Outcome {
                session,
                outcome,
                waited,
                ..
            }) => self.outcome(&mut seen, (gate, *session), *outcome, *waited),
            Event::Lock(LockEvent::Released { .. }) => {
                seen.held -= 1;
                self.check(seen.held >= 0, || "a lock was released twice".to_owned());
            }
            Event::Lock(LockEvent::HandOverForced { .. }) => {
                seen.counts.count("forced");
                self.check(self.may_force, || {
                    "a forced hand-over without a cause".to_owned()
                });
            }
            Event::Preempted { session, .. } => {
                seen.counts.count("preempted");
                let (user, _) = seen.asking[&seen.open[&(gate, *session)].ip()];
                let waits = seen
                    .lines
                    .iter()
                    .any(|((_, of), line)| *of == user && line.iter().any(|it| it.1));
                // That somebody waits at another gate counts for a while.
                let waited = seen.waited.get(&user);
                let waits = waits
                    || self.has_engine
                        && waited.is_some_and(|at| at.elapsed() <= CLUSTER_ELSEWHERE + COARSE);
                self.check(waits, || format!("{session} was preempted for nobody"));
            }
            Event::BackendReplied {
                to: ReplyTo::Pass,
                class,
                ..
            } => self.backend_answered(&mut seen, *class),
            Event::AuthFailed { session, .. } => {
                let (_, right) = seen.asking[&seen.open[&(gate, *session)].ip()];
                // A backend that dies behind a password seems to have refused it without words.
                self.check(!right || self.backend_fails, || {
                    format!("{session}: a right password was refused")
                });
            }
            Event::Cluster(event) => self.cluster(&mut seen, gate, event),
            Event::Panicked { session } => {
                self.check(false, || format!("{session} panicked"));
            }
            _ => {}
        }
    }

    /// What a gate tells of its engine has a cause.
    fn cluster(&self, seen: &mut Seen, gate: u32, event: &ClusterEvent) {
        match event {
            ClusterEvent::StateChanged { state, .. } => {
                seen.counts.count(format!("cluster_{}", state.as_str()));
                seen.stands.insert(gate, *state);
                let is_away = matches!(state, ClusterState::Degraded | ClusterState::Excluded);
                self.check(!is_away || self.engine_fails, || {
                    format!("gate {gate} is {state:?}, and its engine answers")
                });
            }
            ClusterEvent::Turn(result) => {
                seen.counts.count(format!("turns_{}", result.as_str()));
                let is_lost = *result == TurnResult::Lost;
                self.check(!is_lost || self.engine_fails, || {
                    format!("gate {gate} lost a turn")
                });
            }
            ClusterEvent::Overlap { .. } => {
                seen.counts.count("overlaps_told");
                self.check(self.engine_fails, || format!("gate {gate} overlaps"));
            }
            ClusterEvent::EpochBegan { .. } => seen.counts.count("epochs"),
            _ => {}
        }
    }

    /// Each gate stands well with its engine again.
    pub(crate) fn conclude_clusters(&self, living: &BTreeMap<usize, u32>) {
        let seen = self.seen();
        for gate in living.values().filter(|_| self.has_engine) {
            let state = seen.stands.get(gate);
            // One whose calls are not answered now and then doubts its engine for a moment.
            let is_well = state.is_some_and(|state| {
                matches!(state, ClusterState::Healthy)
                    || (self.calls_fail && matches!(state, ClusterState::Suspect))
            });
            self.check(is_well, || format!("gate {gate} is {state:?} in the end"));
        }
    }

    /// At most one session in a maildrop, as the mail server saw it. Each forced hand-over leaves
    /// at most one there, which others may meet until the server lets go of it.
    fn backend_answered(&self, seen: &mut Seen, class: Class) {
        seen.counts.count(format!("backend_{}", class.as_str()));
        let (log, forced) = (self.site.demo.log(), seen.counts.of("forced"));
        for user in 0..self.users {
            let most = log.max_overlap(&name(user)) as u64;
            self.check(most <= 1 + forced, || {
                format!("{most} sessions at once in maildrop {user}, {forced} hand-overs forced")
            });
        }
    }

    fn outcome(&self, seen: &mut Seen, key: Key, outcome: LockOutcome, waited: Duration) {
        let address = seen.open[&key];
        let (user, right) = seen.asking[&address.ip()];
        if right {
            seen.waited.insert(user, Instant::now());
        }
        let line = seen.lines.entry((key.0, user)).or_default();
        let place = line.iter().position(|(waiter, _)| *waiter == key);
        let describe = || format!("{address} for maildrop {user}: {outcome:?} after {waited:?}");
        self.check(place.is_some() == outcome.had_place(), || {
            format!("{}: a place that it had not, or two", describe())
        });
        if let Some(place) = place {
            line.remove(place);
        }
        seen.counts.count(format!("lock_{}", outcome.as_str()));
        let passed = &line[..place.unwrap_or(line.len())];
        if outcome.is_granted() {
            // Whoever finds the lock free came when nobody waited; else its lane is a queue. Whose
            // password the engine was asked about in vain waits among strangers.
            let is_its_lane = |of: &bool| *of == right && !self.calls_fail;
            let is_passed = |of: &bool| outcome == LockOutcome::Immediate || is_its_lane(of);
            let first = !passed.iter().any(|(_, of)| is_passed(of));
            self.check(first, || format!("{}: others came before", describe()));
            seen.held += 1;
            seen.granted.insert(address);
        }
        if outcome == LockOutcome::Timeout {
            // Before it waits here its gate asks whether others know its password.
            let asked = if self.has_engine {
                CLUSTER_CALL
            } else {
                Duration::ZERO
            };
            let whole = waited + asked + COARSE >= self.budget && waited <= self.budget + COARSE;
            self.check(whole, || format!("{}: not its whole wait", describe()));
        }
    }

    fn ended(&self, seen: &mut Seen, gate: u32, summary: &SessionSummary) {
        let session = summary.session;
        let opened = seen.open.remove(&(gate, session));
        self.check(opened.is_some(), || {
            format!("{session} ended, and was not open")
        });
        let address = summary.client;
        let waits = |line: &Vec<(Key, bool)>| line.iter().any(|it| it.0 == (gate, session));
        let still = seen.lines.values().any(waits);
        self.check(!still, || format!("{session} ended, and has its place"));
        self.check(self.may_end_so(summary), || {
            let (end, detail) = (summary.end(), &summary.detail());
            format!("{address} ended as {end:?}, {detail:?}")
        });
        seen.counts.count(format!("end_{}", summary.end().as_str()));
        seen.ended.insert(address, summary.clone());
    }

    /// Whether there is a cause for such an end.
    fn may_end_so(&self, summary: &SessionSummary) -> bool {
        match summary.end() {
            End::NotPromoted => self.site.shares,
            End::Panicked | End::TlsFailed | End::Kicked | End::QuitFailed | End::BodyMisread => {
                false
            }
            // A gate that has just started has not looked at its backend yet.
            End::BackendUnreachable => self.backend_fails || self.restarts,
            End::BackendGone | End::ClosedAtPass => self.backend_fails,
            End::QuitUnanswered => self.backend_fails || self.restarts,
            // The run ends by a stop, too, but without sessions.
            End::Shutdown => self.restarts,
            _ => true,
        }
    }

    /// What must hold when everything has ended.
    pub(crate) async fn conclude(&self) {
        let records: Vec<_> = self.seen().records.clone();
        for user in 0..self.users {
            match self.site.present(user).await {
                Ok(present) => self.check_messages(user, &present, &records),
                Err(error) => self
                    .trace
                    .fault(&format!("the auditor is not let in: {error}")),
            }
        }
        let seen = self.seen();
        for record in &records {
            self.check_record(&seen, &lock(record));
        }
        let waits = seen.lines.values().map(Vec::len).sum::<usize>();
        self.check(waits == 0, || format!("{waits} places without an outcome"));
        self.check(seen.held == 0, || {
            format!("{} locks were not released", seen.held)
        });
        self.check_quits(&records);
    }

    /// What is gone was deleted by somebody who said QUIT; what such a one deleted is gone.
    fn check_messages(&self, user: usize, present: &[usize], records: &[Arc<Mutex<Record>>]) {
        let of_user = || {
            records
                .iter()
                .map(|it| lock(it))
                .filter(|it| it.user == user)
        };
        for id in 1..=self.site.ever(user) {
            let is_there = present.contains(&id);
            let mut quitters = of_user().filter(|it| it.quit_sent);
            let wanted =
                quitters.any(|it| it.marked.contains(&id) || (it.deletes && !it.quit_answered));
            self.check(is_there || wanted, || {
                format!("message {id} of {} is lost", name(user))
            });
            let promised = of_user().any(|it| it.quit_answered && it.marked.contains(&id));
            self.check(!is_there || !promised, || {
                format!(
                    "message {id} of {} is there, and its deletion was confirmed",
                    name(user)
                )
            });
        }
    }

    /// A client that stayed on its line and did nothing wrong.
    fn check_record(&self, seen: &Seen, record: &Record) {
        let address = record.address;
        let calm = !self.backend_fails
            && !self.restarts
            && !self.may_force
            && !self.disconnected.contains(&address.ip());
        let Some(summary) = seen.ended.get(&address) else {
            return self.check(!calm, || format!("{address} never was a session"));
        };
        if record.quit_answered {
            let counted = summary.deleted == record.marked.len() as u64 || record.is_opaque;
            // popgate learns of an opaque session's QUIT only at the backend's end.
            let ended = summary.end() == End::Quit || (record.is_opaque && self.restarts);
            let ok = ended && counted;
            self.check(ok, || {
                format!("{address} quit well, and its record says {summary:?}")
            });
        }
        if calm && record.cut && record.is_in {
            let causes = [End::Preempted, End::TimedOut, End::NotPromoted];
            let cause = causes.contains(&summary.end());
            self.check(cause, || format!("{address} was cut off: {summary:?}"));
        }
        let was_in = seen.granted.contains(&address) && seen.asking[&address.ip()].1;
        if calm && record.closed_at_once && was_in && !self.may_be_locked {
            let committed = summary.end() == End::Quit;
            // Nothing is marked in a session that stands on a listing.
            let committed = committed || summary.end() == End::NotPromoted;
            self.check(committed, || {
                format!("{address} said QUIT and closed: {summary:?}")
            });
        }
    }

    /// No QUIT at the backend that no client said.
    fn check_quits(&self, records: &[Arc<Mutex<Record>>]) {
        let said = records.iter().filter(|it| lock(it).quit_sent).count();
        let answered = records.iter().filter(|it| lock(it).quit_answered).count();
        let log = self.site.demo.log();
        let heard = log.sessions().filter(|session| session.quit).count();
        // popgate answers one from a listing.
        let least = if self.site.shares { 0 } else { answered };
        self.check((least..=said).contains(&heard), || {
            format!("the backend heard {heard} QUITs; {said} were said, {answered} answered")
        });
    }
}

struct Ear {
    witness: Arc<Witness>,
    gate: u32,
}

impl EventSink for Ear {
    fn handle(&self, event: &Stamped) {
        let event = &event.event;
        let told = match event {
            Event::SessionEnded(summary) => {
                format!(
                    "{} ended: {:?} {:?}",
                    summary.session,
                    summary.end(),
                    summary.detail()
                )
            }
            other => format!("{other:?}"),
        };
        self.witness
            .trace
            .say(&format!("gate {}: {told}", self.gate));
        self.witness.hear(self.gate, event);
    }
}
