//! The task that joins the member, the engine and the gate's locks.
//!
//! It owns the state machine. Locks say which maildrops have changed; the link says what the engine
//! answers and pushes; what follows is carried out here. Nobody waits for it but by a queue's turn.

use super::keys::{ClusterKeys, Sealed};
use super::link::{EngineLink, LinkError, LinkEvent};
use super::member::{
    BlockNews, ClusterState, MaildropStatement, Member, MemberAction, MemberInput,
};
use super::protocol::{BeatAnswer, BeatCall, Epoch, MaildropId, MemberReport, Push, SyncCall};
use super::status::{ClusterStatus, GateSeen};
use crate::ids::MaildropKey;
use crate::lock::shared::{DirtyMaildrops, GateLease, SharedQueues, Turn};
use crate::net::BoxFuture;
use crate::observe::event::{CallResult, ClusterEvent, EngineCall, Event, TurnResult};
use crate::observe::hub::EventHub;
use crate::time::{Duration, Instant};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::HashMap;
use std::future::pending;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

/// What the task is made of.
pub struct NodeParts {
    /// The state machine.
    pub member: Member,
    /// The gate's locks.
    pub queues: Arc<dyn SharedQueues>,
    /// Which of them have changed.
    pub dirty: Arc<DirtyMaildrops>,
    /// Where sessions read how long the gate's lease is good.
    pub lease: Arc<GateLease>,
    /// Names and seals.
    pub keys: Arc<ClusterKeys>,
    /// Where events go.
    pub events: Arc<EventHub>,
    /// What the engine's link tells.
    pub link: mpsc::Receiver<LinkEvent>,
    /// What others read of it.
    pub status: watch::Sender<ClusterStatus>,
    /// The digest of the settings that gates should have alike.
    pub settings: watch::Receiver<Arc<str>>,
    /// Where changes of the block list and messages go.
    pub outlets: Outlets,
}

/// Where the node hands on what is not about locks.
pub struct Outlets {
    /// The link of now, for acceptance, the block list and messages.
    pub link: watch::Sender<Option<Arc<dyn EngineLink>>>,
    /// Changes of the block list.
    pub blocks: mpsc::Sender<BlockNews>,
    /// Sealed messages of other gates.
    pub messages: mpsc::Sender<Arc<[u8]>>,
}

/// What the task is told beside what happens.
#[derive(Debug)]
pub enum NodeCommand {
    /// The gate stops: wants and holds are given back. The answer comes when all is.
    Leave(tokio::sync::oneshot::Sender<()>),
}

/// The task.
pub struct Node {
    parts: NodeParts,
    engine: Option<Arc<dyn EngineLink>>,
    calls: FuturesUnordered<BoxFuture<'static, Finished>>,
    /// The maildrops that the gate has or wants something of.
    keys: HashMap<MaildropId, MaildropKey>,
    actions: Vec<MemberAction>,
    /// When the last beat that ended was sent, by both clocks.
    last_beat: (Instant, Duration),
    leaving: Option<tokio::sync::oneshot::Sender<()>>,
    knows_an_epoch: bool,
}

/// A call that ended.
enum Finished {
    Input(MemberInput, EngineCall, CallResult, Duration),
    Beat(FinishedBeat),
    Left,
}

/// A beat that ended.
struct FinishedBeat {
    ping: u64,
    sent_at: Instant,
    /// The same by the clock of the gate's lease.
    sent_at_boot: Duration,
    answer: Result<BeatAnswer, LinkError>,
}

impl Node {
    /// A task that knows no engine yet.
    #[must_use]
    pub fn new(parts: NodeParts) -> Self {
        Self {
            parts,
            engine: None,
            calls: FuturesUnordered::new(),
            keys: HashMap::new(),
            actions: Vec::new(),
            last_beat: (Instant::now(), Duration::ZERO),
            leaving: None,
            knows_an_epoch: false,
        }
    }

    /// Runs until it is told to leave and all is given back, or for ever.
    pub async fn run(mut self, mut commands: mpsc::Receiver<NodeCommand>) {
        loop {
            let deadline = self.parts.member.next_deadline();
            tokio::select! {
                event = self.parts.link.recv() => match event {
                    Some(event) => self.hear(event),
                    // Nobody looks for the engine any more: the gate is gone.
                    None => return,
                },
                Some(finished) = self.calls.next(), if !self.calls.is_empty() => match finished {
                    Finished::Input(input, call, result, took) => {
                        self.tell(ClusterEvent::Called { call, result, took });
                        self.apply(input);
                    }
                    Finished::Beat(beat) => self.beaten(beat),
                    Finished::Left => {
                        if let Some(done) = self.leaving.take() {
                            let _ = done.send(());
                        }
                        return;
                    }
                },
                () = self.parts.dirty.changed() => self.state_changed_maildrops(),
                () = due(deadline) => self.apply(MemberInput::Tick),
                Ok(()) = self.parts.settings.changed() => self.take_over_settings(),
                Some(command) = commands.recv() => match command {
                    NodeCommand::Leave(done) => {
                        self.leaving = Some(done);
                        self.apply(MemberInput::Leave);
                    }
                },
            }
        }
    }

    /// The first one that a gate finds is no news.
    fn epoch_began(&mut self, epoch: Epoch) {
        let number = epoch.number;
        self.parts
            .status
            .send_modify(|status| status.epoch = Some(epoch));
        if std::mem::replace(&mut self.knows_an_epoch, true) {
            self.tell(ClusterEvent::EpochBegan { number });
        }
    }

    fn take_over_settings(&mut self) {
        let digest = Arc::clone(&self.parts.settings.borrow_and_update());
        self.parts.member.have_settings(Arc::clone(&digest));
        self.parts
            .status
            .send_modify(|status| status.settings = Arc::clone(&digest));
        let status = self.parts.status.borrow().clone();
        let others = status.gates.iter().filter(|it| it.gate != status.gate);
        for other in others.filter(|it| it.settings != digest) {
            self.tell(ClusterEvent::SettingsDiffer {
                gate: other.name.clone(),
            });
        }
    }

    fn hear(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up(engine) => {
                self.engine = Some(engine);
                self.publish_link();
                self.apply(MemberInput::Connected);
            }
            LinkEvent::Down(why) => {
                self.engine = None;
                self.publish_link();
                self.apply(MemberInput::Disconnected(why));
            }
            LinkEvent::Refused(why) => self.apply(MemberInput::Refused(why)),
            LinkEvent::Doubted(why) => self.doubt_engine(why),
            // What finds no room is lost: it is asked for again.
            LinkEvent::Pushed(Push::Message(sealed)) => {
                if self.parts.outlets.messages.try_send(sealed).is_err() {
                    self.tell(ClusterEvent::PushesDropped { count: 1 });
                }
            }
            LinkEvent::PushesDropped(count) => self.tell(ClusterEvent::PushesDropped { count }),
            LinkEvent::Pushed(push) => self.apply(MemberInput::Pushed(push)),
        }
    }

    /// Told where it is news.
    fn doubt_engine(&self, why: String) {
        let is_news = self.parts.status.send_if_modified(|status| {
            let is_news = status.doubt != why;
            status.doubt.clone_from(&why);
            is_news
        });
        if is_news {
            self.tell(ClusterEvent::EngineDoubted { why });
        }
    }

    /// Each maildrop's statement as it is now, and not as it was when it changed.
    fn state_changed_maildrops(&mut self) {
        for key in self.parts.dirty.take() {
            let maildrop = self.parts.keys.maildrop_id(&key);
            let queues = &self.parts.queues;
            let (queue, life) = queues.statement(&key);
            let statement = MaildropStatement {
                queue,
                life,
                home: queues.home(&key),
                ended: queues.last_end(&key),
                shown_for: queues.shown_for(&key),
            };
            if statement.queue.is_empty() {
                self.keys.remove(&maildrop);
            } else {
                self.keys.insert(maildrop, key);
            }
            self.apply(MemberInput::Stated(maildrop, statement));
        }
    }

    fn apply(&mut self, input: MemberInput) {
        let mut actions = std::mem::take(&mut self.actions);
        self.parts.member.apply(input, Instant::now(), &mut actions);
        for action in actions.drain(..) {
            self.carry_out(action);
        }
        // Kept for its room: there are some for each login.
        self.actions = actions;
    }

    fn carry_out(&mut self, action: MemberAction) {
        match action {
            MemberAction::Sync(call) => self.sync(call),
            MemberAction::Beat(call) => self.beat(call),
            MemberAction::Lease { generation, until } => self.renew(generation, until),
            MemberAction::Turn {
                maildrop,
                life,
                number,
                lane,
                generation,
                home,
                ended,
            } => {
                self.tell(ClusterEvent::Turn(TurnResult::Granted));
                let turn = Turn {
                    number: number.0,
                    lane,
                    generation,
                    home,
                    ended,
                };
                self.at(maildrop, |queues, key| queues.turn(key, life, turn));
            }
            MemberAction::Confirm {
                maildrop,
                life,
                number,
                generation,
            } => self.at(maildrop, |queues, key| {
                queues.turn_confirmed(key, life, number.map(|it| it.0), generation);
            }),
            MemberAction::Lose { maildrop, life } => {
                self.tell(ClusterEvent::Turn(TurnResult::Lost));
                self.at(maildrop, |queues, key| queues.turn_lost(key, life));
            }
            MemberAction::Contended {
                maildrop,
                elsewhere,
            } => self.at(maildrop, |queues, key| {
                queues.waiters_elsewhere(key, elsewhere)
            }),
            MemberAction::Authority {
                maildrop,
                authority,
            } => self.at(maildrop, |queues, key| queues.authority(key, authority)),
            MemberAction::Overlap { maildrop } => {
                if let Some(key) = self.keys.get(&maildrop).cloned() {
                    self.tell(ClusterEvent::Overlap { key });
                }
            }
            MemberAction::State { state, why } => self.set_state(state, why),
            MemberAction::EpochBegan(epoch) => self.epoch_began(epoch),
            MemberAction::Members(members) => self.set_members(&members),
            MemberAction::Blocks(news) => {
                let after = news.after;
                if self.parts.outlets.blocks.try_send(news).is_err() {
                    self.apply(MemberInput::BlocksUntaken(after));
                }
            }
            MemberAction::Resubscribe => {
                if let Some(engine) = &self.engine {
                    engine.resubscribe();
                }
            }
            MemberAction::Left => self.say_good_bye(),
        }
    }

    /// Nothing, where the maildrop is not in use any more.
    fn at(&self, maildrop: MaildropId, what: impl FnOnce(&dyn SharedQueues, &MaildropKey)) {
        if let Some(key) = self.keys.get(&maildrop) {
            what(&*self.parts.queues, key);
        }
    }

    fn sync(&mut self, call: SyncCall) {
        let maildrop = call.maildrop;
        let sequence = call.sequence;
        let answer = self.engine.as_ref().map(|engine| engine.sync(call));
        self.calls.push(Box::pin(async move {
            let began = Instant::now();
            let answer = match answer {
                Some(answer) => answer.await,
                None => Err(LinkError::Disconnected),
            };
            let result = result_of(&answer);
            let input = match answer {
                Err(LinkError::Refused(_)) => MemberInput::SyncRefused { maildrop, sequence },
                answer => MemberInput::Synced {
                    maildrop,
                    sequence,
                    answer: answer.map_err(|error| error.to_string()),
                },
            };
            Finished::Input(input, EngineCall::Sync, result, began.elapsed())
        }));
    }

    fn beat(&mut self, call: BeatCall) {
        let ping = call.ping;
        let sent_at = Instant::now();
        let sent_at_boot = self.parts.lease.now();
        let answer = self.engine.as_ref().map(|engine| engine.beat(call));
        self.calls.push(Box::pin(async move {
            let answer = match answer {
                Some(answer) => answer.await,
                None => Err(LinkError::Disconnected),
            };
            Finished::Beat(FinishedBeat {
                ping,
                sent_at,
                sent_at_boot,
                answer,
            })
        }));
    }

    fn beaten(&mut self, beat: FinishedBeat) {
        self.tell(ClusterEvent::Called {
            call: EngineCall::Beat,
            result: result_of(&beat.answer),
            took: beat.sent_at.elapsed(),
        });
        self.last_beat = (beat.sent_at, beat.sent_at_boot);
        self.apply(MemberInput::Beaten {
            ping: beat.ping,
            sent_at: beat.sent_at,
            lapsed: self.parts.lease.has_lapsed(),
            answer: beat.answer.map_err(|error| error.to_string()),
        });
    }

    /// From the sending of the beat that was answered, by a clock that goes on while the machine is
    /// suspended.
    fn renew(&self, generation: u64, until: Instant) {
        let (sent_at, sent_at_boot) = self.last_beat;
        let until = sent_at_boot + until.saturating_duration_since(sent_at);
        self.parts.lease.renew(generation, until);
    }

    fn say_good_bye(&mut self) {
        let farewell = self.engine.as_ref().map(|engine| engine.leave());
        self.calls.push(Box::pin(async move {
            if let Some(farewell) = farewell {
                // Without an answer the lease runs out by itself.
                let _ = farewell.await;
            }
            Finished::Left
        }));
    }

    /// A gate that takes no part tells the others nothing: it may be none of theirs.
    fn publish_link(&self) {
        let is_open = self.parts.status.borrow().state.is_open();
        let link = self.engine.clone().filter(|_| is_open);
        self.parts.outlets.link.send_if_modified(|before| {
            let is_same = match (&link, &before) {
                (Some(now), Some(before)) => Arc::ptr_eq(now, before),
                (None, None) => true,
                _ => false,
            };
            *before = link;
            !is_same
        });
    }

    fn set_state(&self, state: ClusterState, why: String) {
        self.parts.status.send_modify(|status| {
            status.state = state;
            status.why.clone_from(&why);
        });
        self.publish_link();
        self.tell(ClusterEvent::StateChanged { state, why });
    }

    /// Tells who came and who left.
    fn set_members(&self, members: &[MemberReport]) {
        let mut seen = Vec::with_capacity(members.len());
        for member in members {
            let info = self.parts.keys.open(Sealed::MemberInfo, &member.info);
            let name = info.map_or_else(
                |_| member.gate.to_string(),
                |name| String::from_utf8_lossy(&name).into_owned(),
            );
            seen.push(GateSeen {
                gate: member.gate,
                name,
                settings: Arc::clone(&member.settings),
            });
        }
        let before = self.parts.status.borrow().gates.clone();
        if before == seen {
            return;
        }
        let members = seen.len();
        self.tell_differences(&before, &seen, members);
        self.parts.status.send_modify(|status| status.gates = seen);
    }

    fn tell_differences(&self, before: &[GateSeen], now: &[GateSeen], members: usize) {
        let own = self.parts.status.borrow().settings.clone();
        for gate in now {
            let old = before.iter().find(|it| it.gate == gate.gate);
            let name = gate.name.clone();
            if old.is_none() {
                self.tell(ClusterEvent::GateJoined {
                    gate: name.clone(),
                    members,
                });
            }
            if gate.settings != own && old.is_none_or(|old| old.settings != gate.settings) {
                self.tell(ClusterEvent::SettingsDiffer { gate: name });
            }
        }
        for gone in before
            .iter()
            .filter(|it| !now.iter().any(|gate| gate.gate == it.gate))
        {
            self.tell(ClusterEvent::GateLeft {
                gate: gone.name.clone(),
                members,
            });
        }
    }

    fn tell(&self, event: ClusterEvent) {
        self.parts.events.emit(Event::Cluster(event));
    }
}

fn result_of<T>(answer: &Result<T, LinkError>) -> CallResult {
    match answer {
        Ok(_) => CallResult::Answered,
        Err(error) => error.result(),
    }
}

async fn due(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
