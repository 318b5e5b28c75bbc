//! One member, and an engine that answers what a test says.

mod blocks;
mod calls;
mod exclusion;
mod lease;
mod outages;
mod pushes;
mod sessions;

use super::*;
use crate::cluster::protocol::{
    BeatAnswer, BlockRow, BlockStamp, ClusterReport, Holds, StoredBlock, SyncCall, TurnNumber,
    TurnStanding,
};
use crate::limits::{CLUSTER_AWAY, CLUSTER_BLOCKS_EACH, CLUSTER_CALLS_MAX, CLUSTER_ELSEWHERE};
use crate::lock::queue::{HolderStatement, Lane, LaneStatement, Statement};

const ANN: MaildropId = MaildropId([1; 16]);

struct Scene {
    member: Member,
    now: Instant,
    out: Vec<MemberAction>,
}

impl Scene {
    /// Connected, and joined in an epoch that gives turns away.
    fn joined() -> Self {
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
        let mut scene = Self {
            member: Member::new(options, now),
            now,
            out: Vec::new(),
        };
        scene.connect();
        scene.beaten(report("run", 1));
        assert_eq!(scene.member.state(), ClusterState::Healthy);
        scene
    }

    fn apply(&mut self, input: MemberInput) -> Vec<MemberAction> {
        let mut out = std::mem::take(&mut self.out);
        self.member.apply(input, self.now, &mut out);
        out
    }

    fn connect(&mut self) {
        self.out = self.apply(MemberInput::Connected);
    }

    /// Answers the beat that was made last.
    fn beaten(&mut self, report: ClusterReport) -> Vec<MemberAction> {
        let made = self.out.drain(..).find_map(|action| match action {
            MemberAction::Beat(call) => Some(call.ping),
            _ => None,
        });
        let ping = made.expect("it beats");
        self.apply(MemberInput::Beaten {
            ping,
            sent_at: self.now,
            lapsed: false,
            answer: Ok(BeatAnswer::Alive(report)),
        })
    }

    /// The beat that was made last is not answered.
    fn unbeaten(&mut self) -> Vec<MemberAction> {
        let beat = self.out.iter().find_map(|action| match action {
            MemberAction::Beat(call) => Some(call.ping),
            _ => None,
        });
        self.out.clear();
        self.apply(MemberInput::Beaten {
            ping: beat.expect("it beats"),
            sent_at: self.now,
            lapsed: false,
            answer: Err("timeout".to_owned()),
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
            standing,
            others_in_main,
            others_in_unproven: false,
            holder: None,
            home: None,
            ended: None,
            last: TurnNumber(0),
        };
        self.apply(MemberInput::Synced {
            maildrop: ANN,
            sequence: call.sequence,
            answer: Ok(SyncAnswer::Done(report)),
        })
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
