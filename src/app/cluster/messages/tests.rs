use super::*;
use crate::admin::model::{HolderInfo, WaiterInfo};
use crate::cluster::acceptance::AcceptedElsewhere;
use crate::cluster::handle::HandleParts;
use crate::cluster::keys::{ClusterKeys, ClusterSecret};
use crate::cluster::last_turns::LastTurns;
use crate::cluster::link::played::{PlayedLink, Plays};
use crate::cluster::link::{EngineLink, PendingCall};
use crate::cluster::member::{ClusterState, OnOutage};
use crate::cluster::status::ClusterStatus;
use crate::limits::CLUSTER_MESSAGE_AGE;
use crate::lock::shared::GateLease;
use crate::observe::hub::Reading;
use crate::time::{BootClock, Duration, Moment};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, advance};

type Inboxes = HashMap<GateId, mpsc::Sender<Arc<[u8]>>>;

/// An engine that carries messages, and keeps a copy of each.
#[derive(Default)]
struct Carrier {
    inboxes: Mutex<Inboxes>,
    carried: Mutex<Vec<(GateId, Vec<u8>)>>,
}

impl Plays for Arc<Carrier> {
    fn tell(&self, gate: GateId, sealed: Vec<u8>) -> PendingCall<bool> {
        assert!(sealed.len() <= CLUSTER_MESSAGE_MAX, "{}", sealed.len());
        let inboxes = self.inboxes.lock().unwrap();
        let inbox = inboxes.get(&gate).cloned();
        self.carried.lock().unwrap().push((gate, sealed.clone()));
        Box::pin(async move {
            match inbox {
                Some(inbox) => Ok(inbox.send(sealed.into()).await.is_ok()),
                None => Ok(false),
            }
        })
    }
}

/// What a gate has.
#[derive(Default)]
struct Has {
    locks: Vec<LockInfo>,
    kicks: Mutex<Vec<(u64, Operator)>>,
}

impl Answers for Has {
    fn locks(&self) -> Vec<LockInfo> {
        self.locks.clone()
    }

    /// Session 2 has sent QUIT.
    fn kick(&self, session: SessionId, operator: &Operator) -> Kick {
        let mut kicks = self.kicks.lock().unwrap();
        kicks.push((session.0, operator.clone()));
        match session.0 {
            2 => Kick::AfterQuit,
            _ => Kick::Kicked,
        }
    }
}

fn id(gate: u8) -> GateId {
    GateId([gate; 8])
}

fn operator() -> Operator {
    Operator {
        address: "127.0.0.1:9".parse().unwrap(),
        reason: Some("a phone".into()),
    }
}

fn lock(maildrop: &str, waiters: usize) -> LockInfo {
    let waiter = WaiterInfo {
        session: 1,
        client: "192.0.2.1:1".to_owned(),
        tenant: "default".to_owned(),
        program: None,
        lane: "main".to_owned(),
        since: Timestamp::UNIX_EPOCH,
        waited_seconds: 1.0,
        until: Timestamp::UNIX_EPOCH,
    };
    LockInfo {
        id: format!("legacy/{maildrop}"),
        maildrop: maildrop.to_owned(),
        backends: vec!["legacy".to_owned()],
        backend: None,
        tenant: None,
        holder: None::<HolderInfo>,
        waiters: vec![waiter; waiters],
        longest_wait_seconds: waiters as f64,
    }
}

fn at_most(max: usize) -> LocksWanted {
    LocksWanted {
        max,
        ..LocksWanted::default()
    }
}

/// Gates 1 to 3, named `a` to `c`, and the last one's id too. What gate 3 is told stays unread.
struct Cluster {
    carrier: Arc<Carrier>,
    gates: Vec<Arc<OtherGates>>,
    has: Vec<Arc<Has>>,
    unread: mpsc::Receiver<Arc<[u8]>>,
}

fn status(gate: u8, names: &[&str]) -> ClusterStatus {
    let gates = names.iter().zip(1..).map(|(name, gate)| GateSeen {
        gate: id(gate),
        name: (*name).to_owned(),
        settings: "".into(),
    });
    ClusterStatus {
        gate: id(gate),
        state: ClusterState::Healthy,
        epoch: None,
        why: String::new(),
        doubt: String::new(),
        gates: gates.collect(),
        settings: "".into(),
        on_outage: OnOutage::Local,
    }
}

fn gate(number: u8, names: &[&str], carrier: &Arc<Carrier>) -> Arc<OtherGates> {
    let keys = Arc::new(ClusterKeys::new(&ClusterSecret::new([7; 32])).unwrap());
    let link: Arc<dyn EngineLink> = Arc::new(PlayedLink(Arc::clone(carrier)));
    let (_, link) = watch::channel(Some(link));
    let (_, status) = watch::channel(status(number, names));
    let (commands, _) = mpsc::channel(1);
    let wall = WallClock::From(Moment {
        instant: Instant::now(),
        wall: Timestamp::UNIX_EPOCH,
    });
    let events = Arc::new(EventHub::new(wall, Vec::new()));
    let (accepted, _) = AcceptedElsewhere::new(link.clone(), Arc::clone(&events));
    let (_, blocks_told) = watch::channel(true);
    let lease = Arc::new(GateLease::new(BootClock::From(Instant::now())));
    let last_turns = LastTurns::new(&keys, &lease, link.clone(), status.clone(), &events);
    let handle = ClusterHandle::new(HandleParts {
        keys,
        accepted,
        last_turns,
        status,
        link,
        commands,
        settings: watch::channel(Arc::from("")).0,
        blocks_told,
    });
    Arc::new(OtherGates::new(handle, wall, events))
}

fn cluster(names: &[&str], locks: [Vec<LockInfo>; 2]) -> Cluster {
    let carrier = Arc::new(Carrier::default());
    let mut gates = Vec::new();
    let mut has = Vec::new();
    for (number, locks) in (1..).zip(locks) {
        let gate = gate(number, names, &carrier);
        let answers = Arc::new(Has {
            locks,
            ..Has::default()
        });
        let (inbox, news) = mpsc::channel(100);
        carrier.inboxes.lock().unwrap().insert(id(number), inbox);
        tokio::spawn(Arc::clone(&gate).hear(news, answers.clone()));
        gates.push(gate);
        has.push(answers);
    }
    let (inbox, unread) = mpsc::channel(100);
    carrier.inboxes.lock().unwrap().insert(id(3), inbox);
    Cluster {
        carrier,
        gates,
        has,
        unread,
    }
}

#[tokio::test(start_paused = true)]
async fn locks_come_from_each_gate_and_who_is_silent_is_named() {
    let theirs = vec![lock("ann", 0), lock("bob", 2)];
    let cluster = cluster(&["a", "b", "c", "gone"], [Vec::new(), theirs.clone()]);
    let began = Instant::now();
    let all = cluster.gates[0].ask_locks(&at_most(10)).await;
    assert_eq!(began.elapsed(), CLUSTER_ANSWER);
    assert_eq!(all.unanswered, ["c", "gone"]);
    let contended_first = vec![theirs[1].clone(), theirs[0].clone()];
    let expected = LocksOfGate {
        gate: "b".to_owned(),
        id: id(2).to_string(),
        locks: contended_first,
        left_out: 0,
    };
    assert_eq!(all.gates, [expected]);
    let one = cluster.gates[0].ask_locks(&at_most(1)).await;
    assert_eq!(one.gates[0].locks, [theirs[1].clone()]);
    assert_eq!(one.gates[0].left_out, 1);
    assert!(cluster.gates[0].asked.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_wanted_is_not_sent() {
    let theirs = ["Ann", "bob", "joanna"].map(|name| lock(name, usize::from(name != "bob")));
    let cluster = cluster(&["a", "b"], [Vec::new(), theirs.into()]);
    let told = async |wanted: LocksWanted| {
        let all = cluster.gates[0].ask_locks(&wanted).await;
        let LocksOfGate {
            locks, left_out, ..
        } = &all.gates[0];
        let names = locks.iter().map(|it| it.maildrop.clone());
        (names.collect::<Vec<_>>(), *left_out)
    };
    let named = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let contended = LocksWanted {
        contended: true,
        ..at_most(1)
    };
    assert_eq!(told(contended).await, (named(&["Ann"]), 1));
    let part = LocksWanted {
        maildrop: Some("ann".to_owned()),
        ..at_most(10)
    };
    assert_eq!(told(part).await, (named(&["Ann", "joanna"]), 0));
    let nowhere = LocksWanted {
        tenant: Some("other".to_owned()),
        ..at_most(10)
    };
    assert_eq!(told(nowhere).await, (named(&[]), 0));
    let moved = LocksWanted {
        backend: Some("new".to_owned()),
        ..at_most(10)
    };
    assert_eq!(told(moved).await, (named(&[]), 0));
    let ids = LocksWanted {
        ids: Some(["legacy/bob", "legacy/eve"].map(str::to_owned).into()),
        ..at_most(10)
    };
    assert_eq!(told(ids).await, (named(&["bob"]), 0));
}

/// A client of a large site, whose wait is shorter than those of all that are told.
#[tokio::test(start_paused = true)]
async fn what_meets_the_conditions_is_found_behind_thousands_that_do_not() {
    let theirs = (0..CLUSTER_LOCKS_TOLD).map(|n| lock(&format!("user{n:05}"), 3));
    let mut ann = lock("ann", 1);
    ann.waiters[0].client = "198.51.100.7:1".to_owned();
    ann.waiters[0].tenant = "acme".to_owned();
    ann.backends = vec!["old".to_owned(), "new".to_owned()];
    let cluster = cluster(&["a", "b"], [Vec::new(), theirs.chain([ann]).collect()]);
    let all = || at_most(usize::MAX);
    let network = "198.51.100.0/24".parse().unwrap();
    for wanted in [
        LocksWanted {
            tenant: Some("acme".to_owned()),
            ..all()
        },
        LocksWanted {
            address: Some(network),
            ..all()
        },
        LocksWanted {
            backend: Some("new".to_owned()),
            ..all()
        },
    ] {
        let told = cluster.gates[0].ask_locks(&wanted).await;
        let names: Vec<_> = told.gates[0].locks.iter().map(|it| &*it.maildrop).collect();
        assert_eq!(
            (names, told.gates[0].left_out),
            (vec!["ann"], 0),
            "{wanted:?}"
        );
    }
    let of_another = LocksWanted {
        tenant: Some("default".to_owned()),
        address: Some(network),
        ..all()
    };
    let told = cluster.gates[0].ask_locks(&of_another).await;
    assert_eq!(told.gates[0].locks, [], "both are of one login");
}

#[tokio::test(start_paused = true)]
async fn many_locks_come_in_parts() {
    let theirs: Vec<_> = (0..1_500)
        .map(|n| lock(&format!("user{n:05}"), 1))
        .collect();
    let cluster = cluster(&["a", "b"], [Vec::new(), theirs.clone()]);
    let all = cluster.gates[0].ask_locks(&at_most(usize::MAX)).await;
    assert_eq!(all.unanswered, Vec::<String>::new());
    assert_eq!(all.gates[0].locks, theirs);
    let parts = cluster.carrier.carried.lock().unwrap().len() - 1;
    assert!(parts > 3, "{parts}");
}

#[test]
fn what_is_told_is_bounded() {
    let huge = lock(&"x".repeat(CLUSTER_MESSAGE_MAX), 3);
    let told = parts(vec![huge, lock("ann", 1)], &at_most(10));
    assert_eq!(told.left_out, 1);
    assert_eq!(told.parts.concat().len(), 1);
    let wide = || lock(&"x".repeat(CLUSTER_MESSAGE_MAX / 3), 0);
    let told = parts((0..100).map(|_| wide()).collect(), &at_most(1_000));
    assert_eq!(told.parts.len(), CLUSTER_ANSWER_PARTS);
    assert_eq!(told.left_out, 100 - CLUSTER_ANSWER_PARTS);
    assert_eq!(parts(Vec::new(), &at_most(10)).parts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kick_reaches_its_gate_and_is_told_there() {
    let cluster = cluster(&["a", "b", "c", "c"], [Vec::new(), Vec::new()]);
    let kick = async |gate: &str, session| {
        let session = SessionId(session);
        cluster.gates[0].kick(gate, session, &operator()).await
    };
    let answered = KickElsewhere::Answered;
    assert_eq!(kick("b", 1).await, answered(Kick::Kicked));
    let by_id = kick(&id(2).to_string(), 2).await;
    assert_eq!(by_id, answered(Kick::AfterQuit));
    assert_eq!(kick(&id(3).to_string(), 1).await, KickElsewhere::Unanswered);
    let others = ["b", "c", "c"].map(str::to_owned).to_vec();
    assert_eq!(kick("d", 1).await, KickElsewhere::NoSuchGate(others));
    let twins = vec![id(3).to_string(), id(4).to_string()];
    assert_eq!(kick("c", 1).await, KickElsewhere::SeveralGates(twins));
    let kicks = cluster.has[1].kicks.lock().unwrap();
    let told = Operator {
        reason: Some("by gate a: a phone".into()),
        ..operator()
    };
    assert_eq!(*kicks, [(1, told.clone()), (2, told)]);
    assert!(cluster.has[0].kicks.lock().unwrap().is_empty());
}

/// A gate that has the name of this one is another one.
#[tokio::test(start_paused = true)]
async fn a_name_that_this_gate_shares_says_not_which() {
    let cluster = cluster(&["a", "a"], [Vec::new(), Vec::new()]);
    let kicked = cluster.gates[0].kick("a", SessionId(1), &operator()).await;
    let twins = vec![id(1).to_string(), id(2).to_string()];
    assert_eq!(kicked, KickElsewhere::SeveralGates(twins));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_sent_again_later_or_to_another_gate_is_not_read() {
    let mut cluster = cluster(&["a", "b", "c"], [Vec::new(), Vec::new()]);
    let kicked = cluster.gates[0].kick("b", SessionId(1), &operator()).await;
    assert_eq!(kicked, KickElsewhere::Answered(Kick::Kicked));
    let (_, sealed) = cluster.carrier.carried.lock().unwrap()[0].clone();
    let kicks = async |cluster: &Cluster, to| {
        cluster.carrier.tell(to, sealed.clone()).await.unwrap();
        // What is heard in order: by the answer to this, the message before is done with.
        let other = if to == id(1) { 1 } else { 0 };
        cluster.gates[other]
            .ask_locks_of(to, &at_most(1))
            .await
            .unwrap();
        [0, 1].map(|gate| cluster.has[gate].kicks.lock().unwrap().len())
    };
    assert_eq!(kicks(&cluster, id(1)).await, [0, 1]);
    assert_eq!(kicks(&cluster, id(2)).await, [0, 2], "what remains");
    advance(CLUSTER_MESSAGE_AGE + Duration::from_millis(1)).await;
    assert_eq!(kicks(&cluster, id(2)).await, [0, 2]);
    assert!(cluster.unread.try_recv().is_err());
}

/// Its operator would look for the fault at the gate that does not answer.
#[tokio::test(start_paused = true)]
async fn that_clocks_are_apart_is_told_once_a_minute_of_each_gate() {
    let cluster = cluster(&["a", "b"], [Vec::new(), Vec::new()]);
    let mut told = cluster.gates[1].events.subscribe();
    let sent = cluster.gates[1].wall.now().wall;
    // As a gate sends it whose clock is a minute before, or behind.
    let send = async |from, apart: SignedDuration| {
        let question = GateMessage::AskLocks {
            question: 7,
            from: id(from).to_string(),
            wanted: at_most(1),
        };
        let octets = question.encode(id(2), sent + apart);
        let sealed = cluster.gates[0].cluster.keys.seal(Sealed::Message, &octets);
        cluster.carrier.tell(id(2), sealed.unwrap()).await.unwrap();
        // By the answer to this, the message before is done with.
        let asked = cluster.gates[0].ask_locks_of(id(2), &at_most(1)).await;
        assert!(asked.is_some());
    };
    let minute = SignedDuration::from_mins(1);
    for (from, apart) in [(1, minute), (1, -minute), (3, -minute), (3, minute)] {
        send(from, apart).await;
    }
    advance(CLUSTER_CLOCKS_TOLD).await;
    send(1, SignedDuration::ZERO).await;
    let mut heard = async || match told.next().await.unwrap() {
        Reading::Event(stamped) => match &stamped.event {
            Event::Cluster(ClusterEvent::ClocksApart { gate, age }) => (gate.clone(), *age),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    assert_eq!(heard().await, ("a".to_owned(), -minute));
    assert_eq!(heard().await, (id(3).to_string(), minute));
    assert_eq!(heard().await, ("a".to_owned(), minute));
}
