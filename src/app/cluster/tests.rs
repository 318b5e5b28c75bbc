//! What a gate of a cluster tells of the engine's epochs and of the other gates.

use super::scene::Scene;
use super::*;
use crate::app::ReloadError;
use crate::cluster::link::PendingCall;
use crate::cluster::link::played::{PlayedLink, Plays, report};
use crate::cluster::protocol::{
    BeatAnswer, BeatCall, BlockPut, ClusterReport, MemberReport, StoredBlock,
};
use crate::limits::CLUSTER_BEAT;
use crate::observe::event::{ClusterEvent, Event};
use crate::observe::hub::{Reading, Subscription};
use std::future::ready;
use std::sync::Mutex;
use tokio::time::timeout;

/// An engine that answers each beat alike.
struct Repeats(Mutex<ClusterReport>);

impl Repeats {
    /// In the first of its epochs.
    fn new(members: Vec<MemberReport>) -> Arc<Self> {
        let report = ClusterReport {
            members,
            ..report()
        };
        Arc::new(Self(Mutex::new(report)))
    }

    fn begins_epoch(&self, number: u64) {
        self.0.lock().unwrap().epoch.number = number;
    }
}

impl Plays for Arc<Repeats> {
    fn beat(&self, _: BeatCall) -> PendingCall<BeatAnswer> {
        let report = self.0.lock().unwrap().clone();
        Box::pin(ready(Ok(BeatAnswer::Alive(report))))
    }

    fn put_blocks(&self, puts: Vec<BlockPut>) -> PendingCall<Vec<Option<StoredBlock>>> {
        Box::pin(ready(Ok(vec![None; puts.len()])))
    }
}

impl Scene {
    /// Its engine is there from now on; what the gate tells from then on.
    async fn reaches(&self, engine: &Arc<Repeats>) -> Subscription {
        let told = self.gate.cx.events.subscribe();
        let link = PlayedLink(Arc::clone(engine));
        self.engine
            .send(LinkEvent::Up(Arc::new(link)))
            .await
            .unwrap();
        told
    }

    /// Another gate, which this one can read the name of.
    fn member(&self, number: u8, name: &str, settings: &Config) -> MemberReport {
        let keys = &self.gate.cx.cluster.as_ref().unwrap().keys;
        MemberReport {
            gate: GateId([number; 8]),
            info: keys
                .seal(Sealed::MemberInfo, name.as_bytes())
                .unwrap()
                .into(),
            settings: shared_settings_digest(settings).into(),
        }
    }
}

/// What is chosen of all that is told within some beats.
async fn heard<T>(told: &mut Subscription, choose: impl Fn(&ClusterEvent) -> Option<T>) -> Vec<T> {
    let mut heard = Vec::new();
    let listening = async {
        while let Some(Reading::Event(stamped)) = told.next().await {
            if let Event::Cluster(event) = &stamped.event {
                heard.extend(choose(event));
            }
        }
    };
    let ended = timeout(CLUSTER_BEAT * 5, listening).await;
    assert!(ended.is_err(), "events were missed, or the gate has ended");
    heard
}

fn epoch(event: &ClusterEvent) -> Option<u64> {
    match event {
        ClusterEvent::EpochBegan { number } => Some(*number),
        _ => None,
    }
}

fn differs(event: &ClusterEvent) -> Option<String> {
    match event {
        ClusterEvent::SettingsDiffer { gate } => Some(gate.clone()),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_epoch_that_a_gate_learns_of_is_no_news_and_a_second_one_is() {
    let scene = Scene::start().await;
    let engine = Repeats::new(Vec::new());
    let mut told = scene.reaches(&engine).await;
    assert_eq!(heard(&mut told, epoch).await, [0; 0]);
    engine.begins_epoch(2);
    assert_eq!(heard(&mut told, epoch).await, [2]);
}

#[tokio::test(start_paused = true)]
async fn a_reload_tells_which_gates_differ() {
    let scene = Scene::start().await;
    let before = scene.config("");
    let after = scene.config("[[tenant]]\nname = \"t\"\ndomains = [\"example.com\"]\n");
    let members = vec![
        scene.member(2, "as before", &before),
        scene.member(3, "as after", &after),
    ];
    let mut told = scene.reaches(&Repeats::new(members)).await;
    assert_eq!(heard(&mut told, differs).await, ["as after"]);
    scene.gate.reload(&after).await.unwrap();
    assert_eq!(heard(&mut told, differs).await, ["as before"]);
}

#[tokio::test(start_paused = true)]
async fn another_secret_needs_a_restart() {
    let scene = Scene::start().await;
    scene.gate.reload(&scene.config("")).await.unwrap();
    scene.write_secret("cd");
    let refused = scene.gate.reload(&scene.config("")).await;
    let Err(ReloadError::NeedsRestart(why)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        why,
        ["[cluster] secret_file: it holds another secret than before"]
    );
}
