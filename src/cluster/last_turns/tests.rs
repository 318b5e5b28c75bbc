use super::*;
use crate::cluster::keys::ClusterSecret;
use crate::cluster::link::PendingCall;
use crate::cluster::link::played::{PlayedLink, Plays};
use crate::cluster::member::OnOutage;
use crate::cluster::protocol::GateId;
use crate::ids::{BackendName, UserName};
use crate::time::{BootClock, Duration, Moment, WallClock};
use jiff::Timestamp;
use std::sync::Mutex;

const LEASE: Duration = Duration::from_secs(15);
const TURN: SessionTurn = SessionTurn {
    lease: 3,
    number: 5,
};

/// An engine that answers one question alike each time, and counts how often it is asked.
struct Says {
    answer: Result<LastTurnAnswer, LinkError>,
    asked: Mutex<Vec<LastTurnCall>>,
    /// How long it takes.
    takes: Duration,
}

impl Plays for Arc<Says> {
    fn last_turn(&self, call: LastTurnCall) -> PendingCall<LastTurnAnswer> {
        self.asked.lock().unwrap().push(call);
        let (answer, takes) = (self.answer.clone(), self.takes);
        Box::pin(async move {
            tokio::time::sleep(takes).await;
            answer
        })
    }
}

struct Scene {
    engine: Arc<Says>,
    lease: Arc<GateLease>,
    status: watch::Sender<ClusterStatus>,
    last_turns: LastTurns,
}

fn epoch() -> Epoch {
    Epoch {
        run_id: "run".into(),
        number: 2,
    }
}

impl Scene {
    fn new(answer: Result<LastTurnAnswer, LinkError>, takes: Duration) -> Self {
        let engine = Arc::new(Says {
            answer,
            asked: Mutex::default(),
            takes,
        });
        let lease = Arc::new(GateLease::new(BootClock::From(Instant::now())));
        lease.renew(TURN.lease, lease.now() + LEASE);
        let (status, statuses) = watch::channel(ClusterStatus {
            gate: GateId([1; 8]),
            state: ClusterState::Healthy,
            epoch: Some(epoch()),
            why: String::new(),
            doubt: String::new(),
            gates: Vec::new(),
            settings: "".into(),
            on_outage: OnOutage::Local,
        });
        let wall = WallClock::From(Moment {
            instant: Instant::now(),
            wall: Timestamp::UNIX_EPOCH,
        });
        let keys = ClusterKeys::new(&ClusterSecret::new([1; 32])).unwrap();
        let link: Arc<dyn EngineLink> = Arc::new(PlayedLink(Arc::clone(&engine)));
        let last_turns = LastTurns::new(
            &Arc::new(keys),
            &lease,
            watch::channel(Some(link)).1,
            statuses,
            &Arc::new(EventHub::new(wall, Vec::new())),
        );
        Self {
            engine,
            lease,
            status,
            last_turns,
        }
    }

    fn says(answer: LastTurnAnswer) -> Self {
        Self::new(Ok(answer), Duration::ZERO)
    }

    async fn is_last(&self) -> bool {
        let backends = Arc::from([BackendName::new("b")]);
        let key = MaildropKey::new(&backends, &UserName::new(b"ann"));
        self.last_turns.is_last(&key, TURN).await
    }

    fn asked(&self) -> Vec<Epoch> {
        let asked = self.engine.asked.lock().unwrap();
        asked.iter().map(|call| call.epoch.clone()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_the_last_one_if_the_engine_says_so_and_nothing_else_counts() {
    let same = Scene::says(LastTurnAnswer::Last(TurnNumber(5)));
    assert!(same.is_last().await);
    assert_eq!(same.asked(), [epoch()]);
    for answer in [
        Ok(LastTurnAnswer::Last(TurnNumber(6))),
        Ok(LastTurnAnswer::Last(TurnNumber(4))),
        Ok(LastTurnAnswer::Unknown),
        Ok(LastTurnAnswer::OtherEpoch),
        Ok(LastTurnAnswer::NoLease),
        Err(LinkError::Timeout),
        Err(LinkError::Disconnected),
        Err(LinkError::Refused("READONLY".to_owned())),
    ] {
        let scene = Scene::new(answer.clone(), Duration::ZERO);
        assert!(!scene.is_last().await, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_while_the_engine_is_not_well() {
    for &state in ClusterState::ALL {
        let scene = Scene::says(LastTurnAnswer::Last(TurnNumber(5)));
        scene.status.send_modify(|status| status.state = state);
        let is_well = state == ClusterState::Healthy;
        assert_eq!(scene.is_last().await, is_well, "{state:?}");
        assert_eq!(scene.asked().len(), usize::from(is_well), "{state:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_another_lease_is_not_asked_about() {
    let scene = Scene::says(LastTurnAnswer::Last(TurnNumber(5)));
    scene.lease.renew(TURN.lease + 1, scene.lease.now() + LEASE);
    assert!(!scene.is_last().await);
    assert_eq!(scene.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_runs_out_while_the_engine_is_asked_ends_it() {
    let scene = Scene::new(Ok(LastTurnAnswer::Last(TurnNumber(5))), LEASE);
    assert!(!scene.is_last().await);
    assert_eq!(scene.asked().len(), 1);
}
