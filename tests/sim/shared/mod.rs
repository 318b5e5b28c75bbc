//! `sharing = "on"` loses nothing: mail programs as they are before a gate that shares, and a mail
//! server that is slow, short of messages, and breaks. Each seed is played twice, with sharing and
//! without: what it does to nobody is what it must not do with.
//!
//! - Nothing is deleted at the server that its own session did not delete.
//! - Nobody is shown less than before, but for what is gone, or for what the server itself has said.
//! - The server never sees two sessions in one maildrop.
//! - A message that stays reaches each program that keeps it, and where the server lists well just
//!   once.
//! - Of so many logins over all seeds sharing refuses and closes no more, destroys no more, and
//!   makes no more duplicates. Seed by seed that cannot be: who is let in sooner meets others.

mod plan;
mod program;
mod server;
mod session;
mod store;
mod witness;

use crate::net::{Dialer, Link, Net};
use crate::plan::{BACKEND, gate_address, gate_host};
use crate::trace::Trace;
use crate::witness::Counts;
use crate::world::Outcome;
use plan::{Ending, Fate, Ids, Kind, Plan};
use popgate::app::{BoundPort, Gate, Outside};
use popgate::config::Config;
use popgate::ids::{BackendName, ListenerName};
use popgate::net::Accept;
use popgate::observe::hub::EventSink;
use popgate::observe::metrics::Metrics;
use popgate::time::{Duration, Instant};
use program::{Program, World};
use server::MailServer;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};
use witness::Witness;

/// Beyond the longest stall, keep-alive and time-out of the gate together.
const QUIET: Duration = Duration::from_secs(1000);
/// Beyond any `fresh`.
const LATER: Duration = Duration::from_secs(70);

/// Plays `seed`, once in each mode: one after the other, each in a world of its own.
pub(crate) async fn play(seed: u64, is_on: bool, aloud: bool) -> Outcome {
    let start = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let plan = Plan::draw(&mut random);
    let trace = Arc::new(Trace::new(aloud));
    trace.say(&format!("sharing: {is_on}, {plan:#?}"));
    let counts = Scene::new(plan, is_on, random, &trace).run().await;
    Outcome {
        faults: trace.faults(),
        digest: trace.digest(),
        counts,
        lasted: start.elapsed(),
    }
}

struct Scene {
    plan: Plan,
    config: Config,
    net: Arc<Net>,
    server: Arc<MailServer>,
    trace: Arc<Trace>,
    witness: Arc<Witness>,
    metrics: Arc<Metrics>,
}

impl Scene {
    fn new(plan: Plan, is_on: bool, mut random: fastrand::Rng, trace: &Arc<Trace>) -> Self {
        let toml = plan.rules.toml(is_on, plan.server.pipelining);
        let config = Config::parse(&toml, Path::new("sim.toml"));
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let net = Net::new(random.fork(), Arc::clone(trace));
        let latency = plan.server.latency;
        net.add(BACKEND, Link::new(0..=latency, 16 * 1024, 64 * 1024));
        for program in &plan.programs {
            let link = Link::new(0..=program.latency, program.piece, 64 * 1024);
            net.add(program.host, link);
        }
        let server = MailServer::start(
            plan.server.clone(),
            plan.accounts.clone(),
            &net,
            random.fork(),
            Arc::clone(trace),
        );
        let witness = Witness::new(&plan, is_on, Arc::clone(&server), Arc::clone(trace));
        let (listeners, backends) = ([ListenerName::new("pop3")], [BackendName::new("legacy")]);
        let metrics = Metrics::new(&[], &listeners, &backends, 1);
        Self {
            plan,
            config,
            net,
            server,
            trace: Arc::clone(trace),
            witness,
            metrics: Arc::new(metrics.expect("names that fit")),
        }
    }

    async fn run(self) -> Counts {
        let gate = self.start_gate().await;
        let mut running = JoinSet::new();
        let world = World::new(
            &self.plan,
            &self.net,
            &self.server,
            &self.trace,
            &self.witness,
        );
        for plan in self.plan.programs.clone() {
            running.spawn(Program::new(plan, world.clone()).run());
        }
        self.fates().await;
        let mut programs = Vec::new();
        while let Some(ended) = running.join_next().await {
            match ended {
                Ok(program) => programs.push(program),
                Err(error) => self.trace.fault(&format!("a program failed: {error}")),
            }
        }
        self.be_quiet(&gate).await;
        programs.sort_by_key(|program| program.plan.host);
        self.come_once_more(&mut programs).await;
        self.be_quiet(&gate).await;
        self.end(gate, &programs).await;
        self.witness.counts()
    }

    async fn start_gate(&self) -> Gate {
        let outside = Outside {
            sinks: vec![
                Arc::clone(&self.witness) as Arc<dyn EventSink>,
                Arc::clone(&self.metrics) as Arc<dyn EventSink>,
            ],
            seed: Some(1),
            ..Outside::dialing(Arc::new(Dialer {
                net: Arc::clone(&self.net),
                gate: gate_host(0),
            }))
        };
        let accept: Box<dyn Accept> = Box::new(self.net.listen(gate_address(0)));
        let gate = Gate::start_on(
            vec![BoundPort::new(gate_address(0), accept)],
            &self.config,
            outside,
        )
        .await;
        let gate = gate.expect("nothing that it needs of the system");
        gate.looked_around().await;
        gate
    }

    async fn fates(&self) {
        let start = Instant::now();
        for &(at, fate) in &self.plan.fates {
            sleep_until(start + at).await;
            self.trace.say(&format!("{fate:?}"));
            match fate {
                Fate::Delivery(maildrop) => self.server.store().deliver(maildrop),
                Fate::Webmail(maildrop) => self.server.store().webmail(maildrop),
                Fate::NewIds(maildrop) => self.server.store().renew(maildrop),
                Fate::Password(account) => self.server.store().change_password(account),
                Fate::Outage(host, lasts) => {
                    let net = Arc::clone(&self.net);
                    net.set_up(host, false);
                    tokio::spawn(async move {
                        sleep(lasts).await;
                        net.set_up(host, true);
                    });
                }
            }
        }
    }

    /// Waits until the gate has no session and no lock any more.
    async fn be_quiet(&self, gate: &Gate) {
        let quiet = async {
            while self.witness.open_sessions() > 0 || gate.locks_in_use() > 0 {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let is_quiet = timeout(QUIET, quiet).await.is_ok();
        self.trace.check(is_quiet, || {
            let (sessions, locks) = (self.witness.open_sessions(), gate.locks_in_use());
            format!("{sessions} sessions and {locks} locks do not end")
        });
    }

    /// Whatever happened: who comes now gets in, and finds what it lacks. Twice, so that some are
    /// let in.
    async fn come_once_more(&self, programs: &mut [Program]) {
        self.server.store().is_calm = true;
        self.trace.say("all is calm");
        sleep(LATER).await;
        for _ in 0..2 {
            for program in programs.iter_mut() {
                if matches!(program.plan.kind, Kind::Deleter | Kind::Script) {
                    continue;
                }
                program.plan.ending = Ending::Quit;
                program.fetches = usize::MAX;
                program.visit().await;
                // Until no lock lingers.
                sleep(Duration::from_secs(4)).await;
            }
        }
        // It is found out by a session that cannot go on.
        let is_fickle = self.plan.server.ids == Ids::PerSession;
        for program in programs.iter().filter(|it| it.is_keeper()) {
            let host = program.plan.host;
            self.trace.check(program.went_well || is_fickle, || {
                format!("{host} cannot get in any more")
            });
            let present = self
                .server
                .store()
                .present(self.server.maildrop(program.plan.account));
            let kept = program.kept.values().copied().collect();
            self.trace
                .check(!self.plan.names_stay() || present == kept, || {
                    format!("{host} has {kept:?}, and there are {present:?}")
                });
        }
    }

    async fn end(&self, gate: Gate, programs: &[Program]) {
        self.trace
            .say(&format!("{} programs have ended", programs.len()));
        gate.stop(Duration::from_secs(60), std::future::pending())
            .await;
        sleep(Duration::from_secs(15)).await;
        let maildrops = self.plan.accounts.iter().map(|it| it.maildrop).max();
        self.witness.conclude(maildrops.unwrap_or(0) + 1);
        let open = self.net.open_at_gate();
        self.trace.check(open == 0, || {
            format!("the gate left {open} connections open")
        });
        let metrics = self.metrics.render().unwrap_or_default();
        for gauge in [
            "sessions_open",
            "lock_waiters",
            "locks_held",
            "sharing_views",
        ] {
            let name = format!("popgate_{gauge}{{");
            let lines = metrics.lines().filter(|line| line.starts_with(&name));
            for line in lines {
                let is_zero = line.ends_with(" 0");
                self.trace
                    .check(is_zero, || format!("a gauge stays: {line}"));
            }
        }
    }
}
