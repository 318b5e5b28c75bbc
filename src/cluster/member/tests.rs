//! One member, and an engine that answers what a test says.

mod beats;
mod blocks;
mod calls;
mod exclusion;
mod lease;
mod outages;
mod pushes;
mod restating;
mod sessions;

use super::*;
use crate::cluster::protocol::{
    BeatAnswer, BeatCall, BlockRow, BlockStamp, ClusterReport, HoldingGate, Holds, MainSlot,
    MemberReport, StoredBlock, SyncCall, TurnNumber, TurnStanding, UnprovenSlot,
};
use crate::ids::BackendName;
use crate::limits::{
    CLUSTER_AWAY, CLUSTER_BLOCKS_EACH, CLUSTER_CALLS_MAX, CLUSTER_ELSEWHERE, CLUSTER_ESTABLISHED,
    CLUSTER_GRACE, CLUSTER_LEASE_MARGIN, CLUSTER_LOOK_AGAIN, CLUSTER_REPEAT, CLUSTER_UNHEARD,
    WAIT_MAX,
};
use crate::lock::queue::{HolderStatement, Lane, LaneStatement, Statement};

const ANN: MaildropId = MaildropId([1; 16]);

struct Scene {
    member: Member,
    now: Instant,
    out: Vec<MemberAction>,
}

impl Scene {
    /// Without a connection yet.
    fn new() -> Self {
        let now = Instant::now();
        let options = MemberOptions {
            gate: GateId([7; 8]),
            lease: Duration::from_secs(15),
            on_outage: OnOutage::Local,
            fingerprint: "f".into(),
            settings: "s".into(),
            info: Arc::from(&b"i"[..]),
            seed: 1,
        };
        Self {
            member: Member::new(options, now),
            now,
            out: Vec::new(),
        }
    }

    /// Connected, and joined in an epoch that gives turns away.
    fn joined() -> Self {
        let mut scene = Self::new();
        scene.connect();
        scene.beaten(report("run", 1));
        assert_eq!(scene.member.state(), ClusterState::Healthy);
        scene
    }

    fn apply(&mut self, input: MemberInput) -> Vec<MemberAction> {
        let mut out = Vec::new();
        self.member.apply(input, self.now, &mut out);
        out
    }

    fn connect(&mut self) {
        self.out = self.apply(MemberInput::Connected);
    }

    /// Answers the beat that was made last.
    fn beaten(&mut self, report: ClusterReport) -> Vec<MemberAction> {
        self.beaten_since(self.now, false, Ok(BeatAnswer::Alive(report)))
    }

    /// The beat that was made last is not answered.
    fn unbeaten(&mut self) -> Vec<MemberAction> {
        self.beaten_since(self.now, false, Err("timeout".to_owned()))
    }

    fn beaten_since(
        &mut self,
        sent_at: Instant,
        lapsed: bool,
        answer: Result<BeatAnswer, String>,
    ) -> Vec<MemberAction> {
        let made = beats(&self.out).pop();
        self.out.clear();
        self.apply(MemberInput::Beaten {
            ping: made.expect("it beats").ping,
            sent_at,
            lapsed,
            answer,
        })
    }

    /// Goes on to the next beat.
    fn next_beat(&mut self) {
        self.out = self.pass(Duration::from_millis(1_000));
    }

    fn state(&mut self, life: u64, queue: Statement) -> Vec<MemberAction> {
        let statement = MaildropStatement {
            queue,
            life,
            ..MaildropStatement::default()
        };
        self.apply(MemberInput::Stated(ANN, statement))
    }

    fn answer(&mut self, call: &SyncCall, standing: TurnStanding) -> Vec<MemberAction> {
        self.answer_with(call, standing, false)
    }

    fn answer_with(
        &mut self,
        call: &SyncCall,
        standing: TurnStanding,
        others_in_main: bool,
    ) -> Vec<MemberAction> {
        let report = MaildropReport {
            others_in_main,
            ..standing_of(standing)
        };
        self.synced(call, Ok(SyncAnswer::Done(report)))
    }

    fn synced(&mut self, call: &SyncCall, answer: Result<SyncAnswer, String>) -> Vec<MemberAction> {
        self.apply(MemberInput::Synced {
            maildrop: call.maildrop,
            sequence: call.sequence,
            answer,
        })
    }

    fn unanswered(&mut self, call: &SyncCall) -> Vec<MemberAction> {
        self.synced(call, Err("timeout".to_owned()))
    }

    /// Another gate holds it, and its lease is good for so long.
    fn held_elsewhere(&mut self, call: &SyncCall, lease_left: Duration) {
        let holder = HoldingGate {
            gate: GateId([8; 8]),
            lease_left,
        };
        let report = MaildropReport {
            holder: Some(holder),
            ..standing_of(TurnStanding::Queued)
        };
        self.synced(call, Ok(SyncAnswer::Done(report)));
    }

    fn pushed(&mut self, push: Push) -> Vec<MemberAction> {
        self.apply(MemberInput::Pushed(push))
    }

    /// The connection ends, and no other comes until the engine counts as away.
    fn go_away(&mut self) -> Vec<MemberAction> {
        let mut told = self.apply(MemberInput::Disconnected("cut".to_owned()));
        told.extend(self.pass(CLUSTER_AWAY));
        told
    }

    fn come_back(&mut self) -> Vec<MemberAction> {
        self.connect();
        self.beaten(report("run", 1))
    }

    /// Moves to the next moment at which something is due, as often as it takes.
    fn pass(&mut self, time: Duration) -> Vec<MemberAction> {
        let end = self.now + time;
        let mut all = Vec::new();
        while let Some(due) = self.member.next_deadline().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            all.extend(self.apply(MemberInput::Tick));
        }
        self.now = end;
        all
    }

    fn waits(&self) -> Statement {
        Statement {
            main: Some(LaneStatement {
                since: self.now,
                half: self.now,
                until: self.now + Duration::from_secs(20),
            }),
            ..Statement::default()
        }
    }

    fn holds(&self) -> Statement {
        Statement {
            holder: Some(HolderStatement {
                lane: Lane::Main,
                since: self.now,
                has_begun: true,
            }),
            ..Statement::default()
        }
    }

    fn waits_unproven(&self) -> Statement {
        Statement {
            unproven: self.waits().main,
            ..Statement::default()
        }
    }

    /// Granted, and not in the maildrop yet.
    fn connects(&self) -> Statement {
        let mut queue = self.holds();
        queue.holder.as_mut().unwrap().has_begun = false;
        queue
    }

    /// As it was stated last.
    fn of_ann(&self) -> Statement {
        self.member.maildrops[&ANN].statement.queue
    }

    /// Somebody waits here, as the engine knows.
    fn waiting(&mut self) {
        let waits = self.waits();
        let call = sync_of(&self.state(1, waits));
        self.answer(&call, TurnStanding::Queued);
    }

    /// Somebody waits in so many other maildrops.
    fn many(&mut self, count: usize) -> Vec<SyncCall> {
        let mut made = Vec::new();
        for number in 0..count {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            let statement = MaildropStatement {
                queue: self.waits(),
                life: 1,
                ..MaildropStatement::default()
            };
            made.extend(syncs(
                &self.apply(MemberInput::Stated(MaildropId(id), statement)),
            ));
        }
        made
    }

    /// When it is looked at again.
    fn due_in(&self) -> Duration {
        let due = self.member.maildrops[&ANN].due.expect("it is looked at");
        due - self.now
    }

    /// In the maildrop by this turn.
    fn holding(&mut self, turn: u64) {
        let waits = self.waits();
        let call = sync_of(&self.state(1, waits));
        self.answer(&call, TurnStanding::Granted(TurnNumber(turn), Lane::Main));
        let holds = self.holds();
        assert_eq!(syncs(&self.state(1, holds)), [], "the engine knows it");
    }
}

fn report(run_id: &str, number: u64) -> ClusterReport {
    ClusterReport {
        epoch: Epoch {
            run_id: run_id.into(),
            number,
        },
        epoch_age: Duration::from_secs(60),
        is_heard: true,
        is_continued: true,
        members: Vec::new(),
        blocks_version: 0,
        blocks: Vec::new(),
    }
}

fn standing_of(standing: TurnStanding) -> MaildropReport {
    MaildropReport {
        standing,
        others_in_main: false,
        others_in_unproven: false,
        holder: None,
        home: None,
        ended: None,
        last: TurnNumber(0),
    }
}

/// Of a lease that the engine let go meanwhile.
fn lapsed_report() -> ClusterReport {
    ClusterReport {
        is_continued: false,
        ..report("run", 1)
    }
}

fn block(version: u64) -> BlockRow {
    BlockRow {
        version,
        name: "n".into(),
        stored: StoredBlock {
            stamp: BlockStamp::default(),
            entry: Arc::from(&b"e"[..]),
        },
    }
}

fn beats(actions: &[MemberAction]) -> Vec<BeatCall> {
    let calls = actions.iter().filter_map(|action| match action {
        MemberAction::Beat(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

fn states(actions: &[MemberAction]) -> Vec<(ClusterState, &str)> {
    let told = actions.iter().filter_map(|action| match action {
        MemberAction::State { state, why } => Some((*state, why.as_str())),
        _ => None,
    });
    told.collect()
}

fn syncs(actions: &[MemberAction]) -> Vec<SyncCall> {
    let calls = actions.iter().filter_map(|action| match action {
        MemberAction::Sync(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

fn sync_of(actions: &[MemberAction]) -> SyncCall {
    let [call] = &syncs(actions)[..] else {
        panic!("{actions:?}");
    };
    call.clone()
}

fn authorities(actions: &[MemberAction]) -> Vec<Authority> {
    let told = actions.iter().filter_map(|action| match action {
        MemberAction::Authority { authority, .. } => Some(*authority),
        _ => None,
    });
    told.collect()
}

fn contended(elsewhere: bool) -> MemberAction {
    MemberAction::Contended {
        maildrop: ANN,
        elsewhere,
    }
}
