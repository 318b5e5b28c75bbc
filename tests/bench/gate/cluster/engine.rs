//! The engine, and what its server says of itself.

use super::link::{Watched, alive, beat, options};
use super::process::EngineProcess;
use crate::process::{cpu_of, free_address};
use popgate::cluster::link::{EngineLink, LinkError};
use popgate::cluster::protocol::{
    Epoch, GateId, Holds, MaildropId, MainSlot, SyncAnswer, SyncCall, TurnNumber, TurnStanding,
};
use popgate::limits::CLUSTER_GRACE;
use std::ops::Sub;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What gates have by default.
const LEASE: Duration = Duration::from_secs(15);

pub(crate) struct Engine(pub(crate) EngineProcess);

/// What it has received, sent and computed so far.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) cpu: Duration,
}

impl Sub for Used {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            received: self.received - before.received,
            sent: self.sent - before.sent,
            cpu: self.cpu - before.cpu,
        }
    }
}

impl Engine {
    pub(crate) fn start() -> Self {
        let mut process = EngineProcess::server(free_address(), &[], &[]);
        process.revive(&[]);
        Self(process)
    }

    /// A figure of `INFO`.
    fn info(&self, section: &str, name: &str) -> u64 {
        let said = self.0.say(&format!("INFO {section}")).unwrap();
        let value = said
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap().trim().parse().unwrap()
    }

    pub(crate) fn used(&self) -> Used {
        let process = u32::try_from(self.info("server", "process_id")).unwrap();
        Used {
            received: self.info("stats", "total_net_input_bytes"),
            sent: self.info("stats", "total_net_output_bytes"),
            cpu: cpu_of(process),
        }
    }

    /// Memory that it has allocated, in octets.
    pub(crate) fn memory(&self) -> u64 {
        self.info("memory", "used_memory")
    }
}

/// The real client of one gate, without the gate.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) link: Arc<dyn EngineLink>,
    epoch: Epoch,
    sequence: Arc<AtomicU64>,
}

/// Gates that live as long as this does.
pub(crate) struct Callers {
    pub(crate) all: Vec<Caller>,
    _beats: JoinSet<()>,
}

impl Callers {
    /// They have joined, and the engine gives turns away.
    pub(crate) async fn join(engine: &Engine, count: u8) -> Self {
        let mut callers = Vec::new();
        let mut beats = JoinSet::new();
        for number in 0..count {
            let mut options = options(engine.0.address);
            options.gate = GateId([number; 8]);
            let mut watched = Watched::start(options);
            let link = watched.up().await;
            let epoch = alive(&link, 1).await.epoch;
            let beating = Arc::clone(&link);
            beats.spawn(async move {
                for ping in 2.. {
                    sleep(Duration::from_secs(1)).await;
                    // One that is late is made up for by the next.
                    let _ = beating.beat(beat(ping)).await;
                }
            });
            // What is pushed is heard, and not looked at.
            beats.spawn(async move {
                loop {
                    watched.next().await;
                }
            });
            callers.push(Caller {
                link,
                epoch,
                sequence: Arc::new(AtomicU64::new(1)),
            });
        }
        sleep(CLUSTER_GRACE).await;
        Self {
            all: callers,
            _beats: beats,
        }
    }
}

impl Caller {
    /// States that the gate waits in the main lane.
    pub(crate) async fn want(&self, maildrop: MaildropId) -> TurnStanding {
        let slot = MainSlot {
            age: Duration::ZERO,
            until: Duration::from_secs(50),
        };
        self.say(maildrop, TurnNumber(0), Some(slot)).await
    }

    /// A turn that is free.
    pub(crate) async fn acquire(&self, maildrop: MaildropId) -> TurnNumber {
        match self.want(maildrop).await {
            TurnStanding::Granted(turn, _) => turn,
            other => panic!("{other:?}"),
        }
    }

    /// States that it holds nothing and waits for nothing, having seen this turn.
    pub(crate) async fn release(&self, maildrop: MaildropId, seen: TurnNumber) {
        let standing = self.say(maildrop, seen, None).await;
        assert_eq!(standing, TurnStanding::Idle);
    }

    /// Again where the answer came too late, as gates do.
    async fn say(
        &self,
        maildrop: MaildropId,
        seen: TurnNumber,
        main: Option<MainSlot>,
    ) -> TurnStanding {
        loop {
            let call = SyncCall {
                maildrop,
                epoch: self.epoch.clone(),
                sequence: self.sequence.fetch_add(1, Ordering::Relaxed),
                holds: Holds::Nothing,
                lease: LEASE,
                seen,
                main,
                unproven: None,
                hears: true,
                home: None,
                ended: None,
                keep: Duration::ZERO,
            };
            match self.link.sync(call).await {
                Ok(SyncAnswer::Done(report)) => return report.standing,
                Err(LinkError::Timeout) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The one with this number.
pub(crate) fn maildrop(number: usize) -> MaildropId {
    MaildropId(
        (number as u128)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_le_bytes(),
    )
}
