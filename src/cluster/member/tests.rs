//! One member, and an engine that answers what a test says.

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

#[test]
fn a_session_takes_two_calls_and_leaves_nothing_behind() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    assert!(call.main.is_some() && call.holds == Holds::Nothing);
    let granted = scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert!(
        matches!(
            granted[..],
            [MemberAction::Turn {
                lane: Lane::Main,
                ..
            }]
        ),
        "nothing is said before the queue has said what it made of it: {granted:?}"
    );
    let holds = scene.holds();
    assert_eq!(syncs(&scene.state(1, holds)), []);
    let call = sync_of(&scene.state(1, Statement::default()));
    assert_eq!((call.holds, call.seen), (Holds::Nothing, TurnNumber(5)));
    scene.answer(&call, TurnStanding::Idle);
    assert_eq!(scene.member.known(), 0);
}

#[test]
fn a_turn_that_the_queue_does_not_take_is_given_back() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let call = sync_of(&scene.state(1, waits));
    assert_eq!((call.holds, call.seen), (Holds::Nothing, TurnNumber(5)));
}

#[test]
fn what_was_not_answered_is_said_again_and_a_late_answer_counts_for_nothing() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let first = sync_of(&scene.state(1, waits));
    scene.apply(MemberInput::Synced {
        maildrop: ANN,
        sequence: first.sequence,
        answer: Err("timeout".to_owned()),
    });
    let second = sync_of(&scene.pass(Duration::from_millis(300)));
    assert!(second.sequence > first.sequence);
    let late = scene.answer(&first, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert_eq!(late, []);
    let granted = scene.answer(&second, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert!(
        matches!(
            granted[..],
            [MemberAction::Turn { .. }, ..]
                | [MemberAction::State { .. }, MemberAction::Turn { .. }]
        ),
        "{granted:?}"
    );
}

#[test]
fn a_release_that_met_no_connection_is_said_when_there_is_one() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let call = sync_of(&scene.state(1, Statement::default()));
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    assert_eq!(syncs(&scene.pass(Duration::from_millis(500))), []);
    scene.connect();
    scene.beaten(report("run", 1));
    let again = sync_of(&scene.pass(Duration::from_millis(300)));
    assert_eq!(again.holds, Holds::Nothing);
    assert!(again.sequence > call.sequence);
}

#[test]
fn while_the_engine_is_away_each_queue_serves_by_itself_a_new_one_too() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    let away = scene.pass(CLUSTER_AWAY);
    assert_eq!(authorities(&away), [Authority::Local]);
    assert_eq!(scene.member.state(), ClusterState::Degraded);
    // Another queue of the same maildrop, whose end and begin were seen as one change.
    let waits = scene.waits();
    assert_eq!(authorities(&scene.state(2, waits)), [Authority::Local]);
    let holds = scene.holds();
    scene.state(2, holds);
    scene.connect();
    let back = scene.beaten(report("another", 2));
    assert_eq!(authorities(&back), [Authority::Leased]);
    assert_eq!(sync_of(&back).holds, Holds::Local);
    assert_eq!(scene.member.state(), ClusterState::Reconciling);
    scene.answer(&sync_of(&back), TurnStanding::Held(TurnNumber(9)));
    assert_eq!(scene.member.state(), ClusterState::Healthy);
}

#[test]
fn a_turn_that_another_gate_has_by_now_is_lost_once_and_nobody_behind_it_is_served() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let both = Statement {
        main: scene.waits().main,
        ..scene.holds()
    };
    assert_eq!(syncs(&scene.state(1, both)), [], "its place is known");
    let call = sync_of(&scene.pass(Duration::from_millis(1_200)));
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    let lost = scene.answer(&call, TurnStanding::Lost);
    assert!(lost.contains(&MemberAction::Lose {
        maildrop: ANN,
        life: 1
    }));
    assert!(lost.contains(&MemberAction::Overlap { maildrop: ANN }));
    for call in syncs(&scene.pass(Duration::from_secs(5))) {
        assert_eq!((call.holds, call.main), (Holds::Turn(TurnNumber(5)), None));
        let again = scene.answer(&call, TurnStanding::Lost);
        assert!(!again.contains(&MemberAction::Overlap { maildrop: ANN }));
    }
}

#[test]
fn a_new_epoch_brings_the_whole_block_list() {
    let mut scene = Scene::joined();
    scene.out = scene.pass(Duration::from_secs(1));
    let known = ClusterReport {
        blocks: vec![block(8)],
        ..report("run", 1)
    };
    scene.beaten(known);
    scene.out = scene.pass(Duration::from_secs(1));
    let failed_over = ClusterReport {
        blocks: vec![block(9)],
        ..report("other", 2)
    };
    let told = scene.beaten(failed_over);
    assert!(
        !told.iter().any(|it| matches!(it, MemberAction::Blocks(_))),
        "they were asked for from a place of the epoch before: {told:?}"
    );
    let beat = told.iter().find_map(|action| match action {
        MemberAction::Beat(call) => Some(call.blocks),
        _ => None,
    });
    assert_eq!(beat, Some(0), "at once, and from the beginning");
}

#[test]
fn a_lease_that_the_engine_let_go_makes_each_turn_be_confirmed() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let mut holds = scene.holds();
    holds.holder.as_mut().unwrap().has_begun = false;
    assert_eq!(syncs(&scene.state(1, holds)), []);
    scene.next_beat();
    let gone = ClusterReport {
        is_continued: false,
        ..report("run", 1)
    };
    let said = scene.beaten(gone);
    let leases = said.iter().find_map(|action| match action {
        MemberAction::Lease { generation, .. } => Some(*generation),
        _ => None,
    });
    assert_eq!(leases, Some(2), "its clock knows nothing of it: {said:?}");
    let call = sync_of(&said);
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    let confirmed = scene.answer(&call, TurnStanding::Held(TurnNumber(5)));
    let confirm = MemberAction::Confirm {
        maildrop: ANN,
        life: 1,
        generation: 2,
    };
    assert!(confirmed.contains(&confirm), "{confirmed:?}");
}

#[test]
fn a_turn_from_before_an_outage_is_confirmed_though_the_lease_went_on() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let mut holds = scene.holds();
    holds.holder.as_mut().unwrap().has_begun = false;
    scene.state(1, holds);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.pass(CLUSTER_AWAY);
    scene.connect();
    let back = scene.beaten(report("run", 1));
    assert_eq!(authorities(&back), [Authority::Leased]);
    let confirmed = scene.answer(&sync_of(&back), TurnStanding::Held(TurnNumber(5)));
    assert!(
        confirmed
            .iter()
            .any(|it| matches!(it, MemberAction::Confirm { .. })),
        "{confirmed:?}"
    );
}

#[test]
fn a_session_that_a_queue_let_in_as_the_engine_came_back_is_said() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.pass(CLUSTER_AWAY);
    scene.connect();
    scene.beaten(report("run", 1));
    // The queue has not heard yet.
    let holds = scene.holds();
    scene.state(1, holds);
    let said = scene.pass(Duration::from_secs(2));
    let last = syncs(&said).pop();
    assert!(
        last.is_none_or(|call| call.holds == Holds::Local),
        "{said:?}"
    );
    let statement = &scene.member.maildrops[&ANN];
    assert_eq!(statement.right, TurnRight::Local);
}

#[test]
fn one_beat_that_is_lost_is_made_good_before_the_engine_counts_as_away() {
    let mut scene = Scene::joined();
    scene.next_beat();
    scene.now += Duration::from_millis(250);
    scene.unbeaten();
    assert_eq!(scene.member.state(), ClusterState::Suspect);
    scene.out = scene.pass(Duration::from_millis(300));
    scene.beaten(report("run", 1));
    scene.out = scene.pass(Duration::from_secs(1));
    assert_eq!(scene.member.state(), ClusterState::Healthy);
}

#[test]
fn who_may_not_take_part_does_not_serve_alone_when_the_engine_is_away_and_stops_what_it_served() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    scene.state(1, waits);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.pass(CLUSTER_AWAY);
    scene.connect();
    let ping = scene.out.drain(..).find_map(|action| match action {
        MemberAction::Beat(call) => Some(call.ping),
        _ => None,
    });
    let now = scene.now;
    let told = scene.apply(MemberInput::Beaten {
        ping: ping.expect("it beats"),
        sent_at: now,
        lapsed: false,
        answer: Ok(BeatAnswer::Stranger),
    });
    assert_eq!(authorities(&told), [Authority::Leased]);
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    let waits = scene.waits();
    let told = scene.state(1, waits);
    assert_eq!(authorities(&told), []);
    assert_eq!(authorities(&scene.pass(Duration::from_secs(60))), []);
    assert_eq!(scene.member.state(), ClusterState::Excluded);
}

#[test]
fn whom_the_engine_has_never_let_in_serves_nothing() {
    let now = Instant::now();
    let options = Scene::joined().member.options;
    let mut scene = Scene {
        member: Member::new(options, now),
        now,
        out: Vec::new(),
    };
    scene.apply(MemberInput::Refused("WRONGPASS".to_owned()));
    let waits = scene.waits();
    assert_eq!(authorities(&scene.state(1, waits)), []);
    assert_eq!(authorities(&scene.pass(Duration::from_secs(60))), []);
    assert_eq!(scene.member.state(), ClusterState::Excluded);
    scene.connect();
    scene.beaten(report("run", 1));
    assert!(scene.member.health.is_open());
}

#[test]
fn whom_the_engine_shuts_out_later_goes_on_as_in_an_outage() {
    let mut scene = Scene::joined();
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.apply(MemberInput::Refused("WRONGPASS".to_owned()));
    scene.pass(CLUSTER_AWAY);
    assert_eq!(scene.member.state(), ClusterState::Degraded);
}

#[test]
fn a_session_beside_another_gates_asks_until_it_has_the_turn() {
    let mut scene = Scene::joined();
    scene.holding(5);
    scene.next_beat();
    let gone = ClusterReport {
        is_continued: false,
        ..report("run", 1)
    };
    let call = sync_of(&scene.beaten(gone));
    scene.answer(&call, TurnStanding::Lost);
    let call = sync_of(&scene.pass(Duration::from_millis(1_200)));
    assert_eq!(call.holds, Holds::Turn(TurnNumber(5)));
    scene.answer(&call, TurnStanding::Held(TurnNumber(9)));
    assert_eq!(syncs(&scene.pass(Duration::from_secs(60))), []);
}

#[test]
fn so_many_calls_are_made_at_a_time_and_the_others_follow_as_answers_come() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let mut made = Vec::new();
    for number in 0..CLUSTER_CALLS_MAX + 10 {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let statement = MaildropStatement {
            queue: waits,
            life: 1,
            ..MaildropStatement::default()
        };
        made.extend(syncs(
            &scene.apply(MemberInput::Stated(MaildropId(id), statement)),
        ));
    }
    assert_eq!(made.len(), CLUSTER_CALLS_MAX);
    let first = made[0].clone();
    let next = scene.apply(MemberInput::Synced {
        maildrop: first.maildrop,
        sequence: first.sequence,
        answer: Err("timeout".to_owned()),
    });
    assert_eq!(syncs(&next).len(), 1, "one for one");
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    scene.connect();
    scene.beaten(report("run", 1));
    let again = syncs(&scene.pass(Duration::from_millis(900)));
    assert_eq!(
        again.len(),
        CLUSTER_CALLS_MAX,
        "and from the beginning on a new connection"
    );
}

#[test]
fn a_maildrop_of_which_nothing_is_known_is_said_to_be_free() {
    let mut scene = Scene::joined();
    for push in [Push::Turn(ANN), Push::Contended(ANN)] {
        let call = sync_of(&scene.apply(MemberInput::Pushed(push)));
        assert_eq!((call.holds, call.main), (Holds::Nothing, None));
        scene.answer(&call, TurnStanding::Idle);
        assert_eq!(scene.member.known(), 0);
    }
}

#[test]
fn a_turn_that_came_under_a_lease_that_ran_out_meanwhile_is_asked_for_again() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.next_beat();
    let gone = ClusterReport {
        is_continued: false,
        ..report("run", 1)
    };
    scene.beaten(gone);
    let told = scene.answer(&call, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    let again = sync_of(&told);
    assert_eq!((again.holds, again.seen), (Holds::Nothing, TurnNumber(0)));
    let granted = scene.answer(&again, TurnStanding::Granted(TurnNumber(5), Lane::Main));
    assert!(matches!(
        granted[..],
        [MemberAction::Turn { generation: 2, .. }]
    ));
}

#[test]
fn statements_that_change_all_the_time_do_not_put_the_question_off() {
    let mut scene = Scene::joined();
    let waits = scene.waits();
    let call = sync_of(&scene.state(1, waits));
    scene.answer(&call, TurnStanding::Queued);
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.extend(syncs(&scene.pass(Duration::from_millis(400))));
        // Another one waits, too: until later than the first.
        let waits = scene.waits();
        scene.state(1, waits);
    }
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[test]
fn that_somebody_waits_elsewhere_lapses_while_the_engine_is_away() {
    let mut scene = Scene::joined();
    scene.holding(5);
    let call = sync_of(&scene.apply(MemberInput::Pushed(Push::Contended(ANN))));
    let told = scene.answer_with(&call, TurnStanding::Held(TurnNumber(5)), true);
    let contended = |elsewhere| MemberAction::Contended {
        maildrop: ANN,
        elsewhere,
    };
    assert!(told.contains(&contended(true)), "{told:?}");
    scene.apply(MemberInput::Disconnected("cut".to_owned()));
    let away = scene.pass(CLUSTER_AWAY);
    assert_eq!(authorities(&away), [Authority::Local]);
    assert!(!away.contains(&contended(false)), "{away:?}");
    let later = scene.pass(CLUSTER_ELSEWHERE);
    assert!(later.contains(&contended(false)), "{later:?}");
}

#[test]
fn a_gate_that_stood_still_itself_does_not_give_the_engine_up_at_once() {
    for unanswered_before in [false, true] {
        let mut scene = Scene::joined();
        let waits = scene.waits();
        let call = sync_of(&scene.state(1, waits));
        let timeout = MemberInput::Synced {
            maildrop: ANN,
            sequence: call.sequence,
            answer: Err("timeout".to_owned()),
        };
        if unanswered_before {
            scene.apply(timeout.clone());
        }
        // The process is frozen, and thawed.
        scene.now += Duration::from_secs(20);
        let mut thawed = scene.apply(MemberInput::Tick);
        thawed.extend(scene.apply(timeout));
        assert_eq!(authorities(&thawed), [], "answers may be there unread");
        let away = scene.pass(CLUSTER_AWAY);
        assert_eq!(authorities(&away), [Authority::Local], "there were none");
    }
}

#[test]
fn blocks_that_found_no_room_come_again_and_those_behind_them_too() {
    let mut scene = Scene::joined();
    scene.out = scene.pass(Duration::from_secs(1));
    let with = |versions: &[u64]| ClusterReport {
        blocks: versions.iter().map(|it| block(*it)).collect(),
        ..report("run", 1)
    };
    let full: Vec<_> = (1..=CLUSTER_BLOCKS_EACH as u64).collect();
    let news = |told: &[MemberAction]| {
        told.iter().find_map(|action| match action {
            MemberAction::Blocks(news) => Some((news.after, news.rows.len(), news.is_all)),
            _ => None,
        })
    };
    scene.out = scene.beaten(with(&full));
    assert_eq!(news(&scene.out), Some((0, CLUSTER_BLOCKS_EACH, false)));
    let beats = |told: &[MemberAction]| -> Vec<_> {
        told.iter()
            .filter_map(|action| match action {
                MemberAction::Beat(call) => Some(call.blocks),
                _ => None,
            })
            .collect()
    };
    let last = CLUSTER_BLOCKS_EACH as u64;
    assert_eq!(beats(&scene.out), [last], "the rest is asked for at once");
    scene.out = scene.apply(MemberInput::BlocksUntaken(0));
    scene.out = scene.beaten(with(&[last + 1]));
    assert_eq!(
        news(&scene.out),
        None,
        "what is behind them must not come first"
    );
    assert!(
        beats(&scene.out).is_empty(),
        "nor are they asked for without a pause"
    );
    scene.out = scene.pass(Duration::from_secs(1));
    assert_eq!(beats(&scene.out), [0]);
    scene.out = scene.beaten(with(&[1]));
    assert_eq!(news(&scene.out), Some((0, 1, true)));
    scene.out = scene.pass(Duration::from_secs(1));
    scene.out = scene.beaten(with(&[]));
    assert_eq!(news(&scene.out), None, "no news of a list that is known");
}

#[test]
fn that_the_engine_has_no_blocks_is_told() {
    let mut scene = Scene::joined();
    scene.out = scene.pass(Duration::from_secs(1));
    let told = scene.beaten(report("run", 1));
    assert!(told.iter().any(|action| matches!(
        action,
        MemberAction::Blocks(news) if news.after == 0 && news.is_all && news.rows.is_empty()
    )));
}
