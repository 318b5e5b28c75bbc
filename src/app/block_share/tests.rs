//! A gate before an engine that takes its time.

use super::*;
use crate::app::Gate;
use crate::app::cluster::scene::Scene;
use crate::cluster::link::played::{PlayedLink, Plays, report};
use crate::cluster::link::{LinkEvent, PendingCall};
use crate::cluster::protocol::{BeatAnswer, BeatCall, BlockRow, ClusterReport, StoredBlock};
use crate::limits::CLUSTER_BLOCKS_EACH;
use crate::policy::attempt::tests::{attempt, policy};
use crate::policy::block::{BlockAction, BlockState, ChangedBy, Offence};
use crate::policy::rules::{BlockMode, BlockRules};
use crate::time::Duration;
use std::future::ready;
use std::net::{IpAddr, Ipv4Addr};
use tokio::time::sleep;

/// What it was told, in order.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Blocks(usize),
    Accepted,
    Refused,
    Left,
}

/// An engine that knows some blocks, and takes its time for what it is told.
#[derive(Default)]
struct Slow {
    rows: Mutex<Vec<BlockRow>>,
    told: Mutex<Vec<Told>>,
    heard: Notify,
}

const SLOW: Duration = Duration::from_millis(200);

impl Slow {
    fn hear<T: Send + 'static>(self: &Arc<Self>, told: Told, answer: T) -> PendingCall<T> {
        let engine = Arc::clone(self);
        Box::pin(async move {
            sleep(SLOW).await;
            engine.told.lock().unwrap().push(told);
            engine.heard.notify_one();
            Ok(answer)
        })
    }

    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }
}

impl Plays for Arc<Slow> {
    fn beat(&self, call: BeatCall) -> PendingCall<BeatAnswer> {
        let rows = self.rows.lock().unwrap().clone();
        let rows: Vec<_> = rows
            .into_iter()
            .filter(|row| row.version > call.blocks)
            .take(CLUSTER_BLOCKS_EACH)
            .collect();
        let report = ClusterReport {
            blocks_version: rows.len() as u64,
            blocks: rows,
            ..report()
        };
        Box::pin(ready(Ok(BeatAnswer::Alive(report))))
    }

    fn leave(&self) -> PendingCall<()> {
        self.told.lock().unwrap().push(Told::Left);
        Box::pin(ready(Ok(())))
    }

    fn put_blocks(&self, puts: Vec<BlockPut>) -> PendingCall<Vec<Option<StoredBlock>>> {
        self.hear(Told::Blocks(puts.len()), vec![None; puts.len()])
    }

    fn put_accepted(&self, _: u64) -> PendingCall<()> {
        self.hear(Told::Accepted, ())
    }

    fn remove_accepted(&self, _: u64) -> PendingCall<()> {
        self.hear(Told::Refused, ())
    }
}

async fn gate() -> (Gate, mpsc::Sender<LinkEvent>, Arc<Slow>) {
    let Scene { gate, engine, .. } = Scene::start().await;
    (gate, engine, Arc::default())
}

fn up(engine: &Arc<Slow>) -> LinkEvent {
    LinkEvent::Up(Arc::new(PlayedLink(Arc::clone(engine))))
}

/// So many addresses are blocked.
fn block(gate: &Gate, addresses: u8) {
    let rules = BlockRules {
        mode: BlockMode::Block,
        abuses: 1,
        ..policy().rules.blocks
    };
    let tenant = crate::ids::TenantName::new("default");
    let now = gate.cx.moment().wall;
    for number in 0..addresses {
        let client = format!("192.0.2.{number}").parse().unwrap();
        let blocks = &gate.cx.admission.shared.blocks;
        let changes = blocks.record(None, client, &tenant, Offence::Abuse, &rules, now);
        assert_eq!(changes.len(), 1);
        gate.cx.tell_blocks(&changes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_what_is_new_before_it_says_good_bye() {
    let (gate, events, engine) = gate().await;
    events.send(up(&engine)).await.unwrap();
    let login = attempt("ann", policy());
    block(&gate, 3);
    let _ = gate.cx.admission.accepted(&login, gate.cx.moment());
    gate.cx.admission.refused(&login, Instant::now());
    while gate.cx.cluster.as_ref().unwrap().link().is_none() {
        tokio::task::yield_now().await;
    }
    gate.stop(Duration::ZERO, ready(())).await;
    let mut told = engine.told();
    assert_eq!(told.pop(), Some(Told::Left));
    let blocks = told.iter().map(|told| match told {
        Told::Blocks(blocks) => *blocks,
        _ => 0,
    });
    assert!(blocks.sum::<usize>() >= 3, "{told:?}");
    // What was said last of the password counts.
    assert!(told.contains(&Told::Refused), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_an_engine_that_is_away() {
    let (gate, _events, engine) = gate().await;
    block(&gate, 1);
    let began = Instant::now();
    gate.stop(Duration::ZERO, ready(())).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(engine.told(), []);
}

#[tokio::test(start_paused = true)]
async fn what_changed_while_the_engine_was_away_is_told_at_once_and_as_it_is_now() {
    let (gate, events, engine) = gate().await;
    block(&gate, 200);
    let by = ChangedBy::Operator(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let blocks = &gate.cx.admission.shared.blocks;
    let now = gate.cx.moment().wall;
    for changes in blocks.change(&BlockFilter::default(), BlockAction::Release, by, now) {
        gate.cx.tell_blocks(&changes);
    }
    sleep(Duration::from_secs(3600)).await;
    events.send(up(&engine)).await.unwrap();
    engine.heard.notified().await;
    assert_eq!(engine.told(), [Told::Blocks(200)], "of each the last");
    gate.stop(Duration::ZERO, ready(())).await;
}

#[tokio::test(start_paused = true)]
async fn what_came_faster_than_it_was_looked_at_comes_again() {
    let (gate, events, engine) = gate().await;
    // Another gate's, in more parts than there is room for.
    let mut other = BlockShare::new(
        Arc::clone(&gate.cx.cluster.as_ref().unwrap().keys),
        GateId([9; 8]),
    );
    let list = crate::admission::block_list::BlockList::default();
    let rules = BlockRules {
        mode: BlockMode::Block,
        abuses: 1,
        ..policy().rules.blocks
    };
    let tenant = crate::ids::TenantName::new("default");
    let now = gate.cx.moment().wall;
    let mut rows = Vec::new();
    for number in 0..10_000_u32 {
        let client = Ipv4Addr::from(0x0a00_0000 + number).to_string();
        let client = client.parse().unwrap();
        for change in list.record(None, client, &tenant, Offence::Abuse, &rules, now) {
            other.changed(&change, now);
            let put = other.news(now).remove(0);
            other.sent(std::slice::from_ref(&put), &[None], now);
            rows.push(BlockRow {
                version: u64::from(number) + 1,
                name: put.name,
                stored: put.stored,
            });
        }
    }
    *engine.rows.lock().unwrap() = rows;
    events.send(up(&engine)).await.unwrap();
    let blocks = &gate.cx.admission.shared.blocks;
    let blocked = BlockFilter {
        state: Some(BlockState::Blocked),
        ..BlockFilter::default()
    };
    let all_here = async {
        while blocks.entries(&blocked, now).len() < 10_000 {
            sleep(CLUSTER_BEAT).await;
        }
    };
    let patience = Duration::from_secs(120);
    tokio::time::timeout(patience, all_here).await.unwrap();
    assert_eq!(engine.told(), [], "nothing is sent back");
    gate.stop(Duration::ZERO, ready(())).await;
}
