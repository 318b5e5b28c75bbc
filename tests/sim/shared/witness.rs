//! Who listens to the gate and to its clients where sessions are shared: what each was shown, what
//! each wanted deleted, and how often things happened.

use super::plan::Plan;
use super::server::MailServer;
use crate::lock;
use crate::trace::Trace;
use crate::witness::Counts;
use popgate::observe::event::{Event, LockEvent, SharingEvent};
use popgate::observe::hub::{EventSink, Stamped};
use popgate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What a client did on one connection.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) maildrop: usize,
    /// What it would have deleted: the messages as it knows them.
    pub(crate) intends: BTreeSet<usize>,
    /// Those whose DELE was answered with `+OK`.
    pub(crate) marked: BTreeSet<usize>,
    pub(crate) quit_sent: bool,
    pub(crate) quit_answered: bool,
}

/// A login as it is proven: an account, and how often its password had changed.
type Login = (usize, usize);

pub(crate) struct Witness {
    trace: Arc<Trace>,
    server: Arc<MailServer>,
    is_on: bool,
    shares: [bool; 3],
    shown: Mutex<BTreeMap<Login, BTreeSet<usize>>>,
    records: Mutex<Vec<Arc<Mutex<Record>>>>,
    counts: Mutex<Counts>,
    open: Mutex<i64>,
}

impl Witness {
    pub(crate) fn new(
        plan: &Plan,
        is_on: bool,
        server: Arc<MailServer>,
        trace: Arc<Trace>,
    ) -> Arc<Self> {
        let rules = &plan.rules;
        Arc::new(Self {
            trace,
            server,
            is_on,
            shares: [rules.end_of_wait, rules.demotion, rules.let_in],
            shown: Mutex::default(),
            records: Mutex::default(),
            counts: Mutex::default(),
            open: Mutex::default(),
        })
    }

    pub(crate) fn open(&self, maildrop: usize) -> Arc<Mutex<Record>> {
        let record = Arc::new(Mutex::new(Record {
            maildrop,
            ..Record::default()
        }));
        lock(&self.records).push(Arc::clone(&record));
        record
    }

    pub(crate) fn count(&self, what: &str) {
        let mode = if self.is_on { "on" } else { "off" };
        lock(&self.counts).count(format!("{mode}_{what}"));
    }

    pub(crate) fn counts(&self) -> Counts {
        lock(&self.counts).clone()
    }

    pub(crate) fn open_sessions(&self) -> i64 {
        *lock(&self.open)
    }

    /// What a login has been shown so far.
    pub(crate) fn shown_before(&self, login: Login) -> BTreeSet<usize> {
        lock(&self.shown).get(&login).cloned().unwrap_or_default()
    }

    /// A login that said its password at `asked`, when it had been shown `before`, is shown these.
    /// Where the server has not said so itself since, nothing that is there may be lacking.
    pub(crate) fn shows(
        &self,
        login: Login,
        asked: Instant,
        before: &BTreeSet<usize>,
        ids: &BTreeSet<usize>,
    ) {
        let maildrop = self.server.maildrop(login.0);
        let store = self.server.store();
        if !store.has_shown(login.0, asked, ids) {
            let present = store.present(maildrop);
            let lacking: Vec<_> = before.iter().filter(|id| !ids.contains(id)).collect();
            let lacks = lacking.iter().any(|id| present.contains(id));
            self.trace.check(!lacks, || {
                format!("{login:?} is shown {ids:?} and was shown {lacking:?} besides")
            });
            let came = store.came_until(maildrop, Instant::now());
            self.trace.check(ids.is_subset(&came), || {
                format!("{login:?} is shown {ids:?}, which were never all there")
            });
            self.count("shown_views");
        }
        drop(store);
        lock(&self.shown).entry(login).or_default().extend(ids);
    }

    /// What is gone was deleted by somebody who meant it and said QUIT; what such a one was told is
    /// gone.
    pub(crate) fn conclude(&self, maildrops: usize) {
        let records = lock(&self.records).clone();
        for maildrop in 0..maildrops {
            let store = self.server.store();
            let (deleted, present) = (store.deleted(maildrop).clone(), store.present(maildrop));
            drop(store);
            let of_maildrop = || {
                let records = records.iter().map(|it| lock(it));
                records.filter(|it| it.maildrop == maildrop)
            };
            for id in &deleted {
                let meant = of_maildrop().any(|it| it.quit_sent && it.intends.contains(id));
                self.trace
                    .check(meant, || format!("nobody meant to delete message {id}"));
            }
            for record in of_maildrop().filter(|it| it.quit_answered) {
                let left: Vec<_> = record.marked.intersection(&present).collect();
                self.trace.check(left.is_empty(), || {
                    format!("messages {left:?} are there, and their deletion was confirmed")
                });
            }
        }
    }

    fn hear(&self, event: &Event) {
        match event {
            Event::SessionOpened { .. } => *lock(&self.open) += 1,
            Event::SessionEnded(summary) => {
                *lock(&self.open) -= 1;
                self.count(&format!("end_{}", summary.end().as_str()));
            }
            Event::Panicked { session } => self.trace.fault(&format!("{session} panicked")),
            Event::Lock(LockEvent::HandOverForced { .. }) => {
                self.trace.fault("a forced hand-over without a cause");
            }
            Event::Sharing(event) => self.shares(event),
            _ => {}
        }
    }

    fn shares(&self, event: &SharingEvent) {
        self.trace
            .check(self.is_on, || format!("sharing is off: {event:?}"));
        let [end_of_wait, demotion, let_in] = self.shares;
        match event {
            SharingEvent::LetIn { reason, .. } => {
                self.count(&format!("let_in_{}", reason.as_str()));
                let may = match reason.as_str() {
                    "wait_spent" => end_of_wait,
                    _ => let_in,
                };
                self.trace
                    .check(may, || format!("that is not allowed: {reason:?}"));
            }
            SharingEvent::Demoted { fetched, .. } => {
                self.count(if *fetched {
                    "demoted_fetched"
                } else {
                    "demoted"
                });
                self.trace
                    .check(demotion, || "demotion is not allowed".to_owned());
            }
            SharingEvent::Promoted { outcome, .. } => {
                self.count(&format!("promotion_{}", outcome.as_str()));
            }
            SharingEvent::Unshareable { why, .. } => {
                self.count(&format!("unshareable_{}", why.as_str()));
            }
            SharingEvent::Killed { by, .. } => self.count(&format!("killed_{}", by.as_str())),
            SharingEvent::ViewEnded {
                saved_a_login: true,
                ..
            } => self.count("saved_logins"),
            _ => {}
        }
    }
}

impl EventSink for Witness {
    fn handle(&self, event: &Stamped) {
        let event = &event.event;
        // It says at length what the others have said.
        if matches!(event, Event::Recorded(_)) {
            return;
        }
        let told = match event {
            Event::SessionEnded(summary) => format!(
                "{} ended: {:?} {:?}",
                summary.session,
                summary.end(),
                summary.detail()
            ),
            other => format!("{other:?}"),
        };
        self.trace.say(&format!("gate: {told}"));
        self.hear(event);
    }
}
