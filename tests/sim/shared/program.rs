//! Mail programs as they are: what each does with a listing, and what it remembers of it.

use super::plan::{Ending, Kind, Plan, ProgramPlan};
use super::server::MailServer;
use super::session::{Session, Stop};
use super::store::password;
use super::witness::Witness;
use crate::net::Net;
use crate::plan::gate_address;
use crate::trace::Trace;
use popgate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::{sleep, timeout};

/// What a program fetches in one visit while others come and go.
const FETCHED_MAX: usize = 4;

/// A program, and what it remembers.
pub(crate) struct Program {
    pub(crate) plan: ProgramPlan,
    pub(crate) world: World,
    /// Which of the account's passwords it knows.
    pub(crate) password: usize,
    /// The names of messages that it has, and which these are.
    pub(crate) kept: BTreeMap<String, usize>,
    /// How often it has fetched each.
    fetched: BTreeMap<usize, usize>,
    visits: usize,
    /// How many messages it fetches in one visit.
    pub(crate) fetches: usize,
    /// Its last visit went well.
    pub(crate) went_well: bool,
}

/// What a program knows of the world.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) lists_well: bool,
    pub(crate) net: Arc<Net>,
    pub(crate) server: Arc<MailServer>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) witness: Arc<Witness>,
}

impl World {
    pub(crate) fn new(
        plan: &Plan,
        net: &Arc<Net>,
        server: &Arc<MailServer>,
        trace: &Arc<Trace>,
        witness: &Arc<Witness>,
    ) -> Self {
        Self {
            lists_well: plan.lists_well(),
            net: Arc::clone(net),
            server: Arc::clone(server),
            trace: Arc::clone(trace),
            witness: Arc::clone(witness),
        }
    }
}

impl Program {
    pub(crate) fn new(plan: ProgramPlan, world: World) -> Self {
        Self {
            plan,
            world,
            password: 0,
            kept: BTreeMap::new(),
            fetched: BTreeMap::new(),
            visits: 0,
            fetches: FETCHED_MAX,
            went_well: false,
        }
    }

    /// All its visits.
    pub(crate) async fn run(mut self) -> Self {
        sleep(self.plan.start).await;
        for _ in 0..self.plan.visits {
            self.visit().await;
            sleep(self.plan.between).await;
        }
        self
    }

    /// Whether it keeps what it has fetched for as long as it is listed.
    pub(crate) fn is_keeper(&self) -> bool {
        matches!(self.plan.kind, Kind::Keeper | Kind::Phone)
    }

    pub(crate) async fn visit(&mut self) {
        let host = self.plan.host;
        self.visits += 1;
        self.went_well = false;
        let dialed = self.world.net.connect(host, gate_address(0), host).await;
        let Ok((end, _)) = dialed else {
            return self.world.witness.count("refused");
        };
        let mut session = Session::new(end, self.plan.clone(), self.world.clone());
        let stop = match self.plan.ending {
            Ending::Killed(after) => match timeout(after, self.session(&mut session)).await {
                Ok(ended) => ended,
                Err(_) => return self.say("is killed"),
            },
            _ => self.session(&mut session).await,
        };
        match stop {
            Ok(()) => self.went_well = true,
            Err(stop) => {
                self.say(stop.as_str());
                self.world.witness.count(stop.as_str());
            }
        }
    }

    fn say(&self, what: &str) {
        self.world.trace.say(&format!("{} {what}", self.plan.host));
    }

    async fn session(&mut self, session: &mut Session) -> Result<(), Stop> {
        let account = self.plan.account;
        let is_in = session
            .log_in(self.password, &password(self.password))
            .await?;
        if !is_in {
            let newest = self.world.server.store().password_changes(account);
            let what = if newest == self.password {
                "prompt"
            } else {
                "old_password"
            };
            self.password = newest;
            self.world.witness.count(what);
            self.say(what);
            session.leave(Ending::Quit).await?;
            return Err(Stop::NotIn);
        }
        self.world.witness.count("in");
        match self.work(session).await {
            Ok(()) => {}
            Err(Stop::Alert) => {
                self.world.witness.count("alert");
                self.say("aborts");
            }
            Err(stop) => return Err(stop),
        }
        session.leave(self.plan.ending).await
    }

    async fn work(&mut self, session: &mut Session) -> Result<(), Stop> {
        match self.plan.kind {
            Kind::Notifier => {
                session.ask(&["STAT"]).await?;
                sleep(self.plan.pause).await;
                session.ask(&["NOOP", "STAT"]).await
            }
            Kind::Script => self.script(session).await,
            _ => self.mail_program(session).await,
        }
    }

    async fn script(&mut self, session: &mut Session) -> Result<(), Stop> {
        let commands: &[&str] = match self.visits % 2 {
            0 => &["STAT"],
            _ => &["STAT", "LIST", "UIDL"],
        };
        session.ask(commands).await?;
        if session.messages() == 0 {
            return Ok(());
        }
        let seen = Instant::now();
        session.ask(&["RETR 1"]).await?;
        sleep(self.plan.pause).await;
        session.ask(&["STAT"]).await?;
        let last = session.messages();
        session.intends_all_until(seen);
        for number in 1..=last {
            session.ask(&[&format!("DELE {number}")]).await?;
        }
        Ok(())
    }

    async fn mail_program(&mut self, session: &mut Session) -> Result<(), Stop> {
        let commands: &[&str] = match self.plan.kind {
            Kind::Aborter => &["STAT", "LIST", "UIDL"],
            Kind::Forgetter => &["UIDL", "LIST"],
            _ if session.needs_sizes() => &["STAT", "LIST", "UIDL"],
            _ => &["STAT", "UIDL"],
        };
        session.ask(commands).await?;
        self.remember(session);
        sleep(self.plan.pause).await;
        if self.visits.is_multiple_of(2) {
            session.ask(&["STAT", "UIDL"]).await?;
        }
        self.fetch(session).await?;
        if self.plan.kind == Kind::Phone {
            sleep(self.plan.pause + Duration::from_secs(4)).await;
            session.ask(&["NOOP", "STAT"]).await?;
            if session.messages() > 0 && self.visits.is_multiple_of(3) {
                session.ask(&["TOP 1 0"]).await?;
            }
        }
        if self.plan.kind == Kind::Keeper && self.visits.is_multiple_of(3) {
            session.ask(&["RSET"]).await?;
        }
        Ok(())
    }

    /// A listing is an instruction to delete, or to forget.
    fn remember(&mut self, session: &Session) {
        if self.plan.kind == Kind::Deleter {
            return self.kept.clear();
        }
        let listed: BTreeSet<_> = session.rows().map(|row| row.name.clone()).collect();
        let maildrop = self.world.server.maildrop(self.plan.account);
        let present = self.world.server.store().present(maildrop);
        for (name, id) in &self.kept {
            if !listed.contains(name) && present.contains(id) && self.is_keeper() {
                self.world.witness.count("destroyed");
                self.world.trace.check(!self.world.lists_well, || {
                    format!("{} destroys message {id}, which is there", self.plan.host)
                });
            }
        }
        self.kept.retain(|name, _| listed.contains(name));
    }

    async fn fetch(&mut self, session: &mut Session) -> Result<(), Stop> {
        let is_new = |name: &String| !self.kept.contains_key(name);
        let rows = session.rows().filter(|row| is_new(&row.name));
        let new: Vec<_> = rows.take(self.fetches).collect();
        let deletes = self.plan.kind == Kind::Deleter;
        for row in new {
            let id = session.fetch(row.number).await?;
            self.kept.insert(row.name, id);
            self.has_fetched(id);
            if deletes {
                session.delete(row.number, id).await?;
            }
        }
        Ok(())
    }

    fn has_fetched(&mut self, id: usize) {
        let times = self.fetched.entry(id).or_default();
        *times += 1;
        self.world.witness.count("fetched");
        if *times > 1 {
            self.world.witness.count("duplicate");
            let may = !self.world.lists_well || self.plan.kind == Kind::Deleter;
            self.world.trace.check(may, || {
                format!("{} fetches message {id} once more", self.plan.host)
            });
        }
    }
}
