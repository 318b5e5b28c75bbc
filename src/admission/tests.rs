//! Every combination of what a login may meet, who it is, where it comes from, and what the rules
//! say, against one table.

use super::*;
use crate::policy::attempt::Standing;
use crate::policy::attempt::tests::{attempt, policy};
use crate::policy::block::Offence;
use crate::policy::rules::{BlockMode, PollMode};
use crate::time::Duration;
use jiff::Timestamp;

const SITUATIONS: &[&str] = &[
    "free",
    "blocked_here",
    "blocked_address",
    "blocked_many",
    "blocked_many_and_stale",
    "try_taken",
    "given_up",
    "stale",
    "stale_again",
    "address_full",
    "maildrop_full",
    "full_of_others",
    "tenant_full",
    "tenant_full_of_others",
    "early",
];
/// `lately`: the backend accepted the password within a day, and has refused it since.
const LANES: &[&str] = &["proven", "lately", "unproven"];
/// `burst`: in `allow_burst_from`.
const NETWORKS: &[&str] = &["any", "trusted", "burst"];
const POLLS: &[&str] = &["off", "shadow", "delay", "refuse"];
const BLOCKS: &[&str] = &["off", "shadow", "block"];

/// What is met, the lane, the network, `polls.enforce`, `blocks.enforce`, and the answer. `*` is
/// any, `|` is or.
#[rustfmt::skip]
const TABLE: &[[&str; 6]] = &[
    ["free",            "*",               "*",           "*",            "*",          "admitted"],
    // A block is met by a password that was not right within a day, from no trusted network.
    ["blocked_here",    "unproven",        "any|burst",   "*",            "block",      "blocked"],
    ["blocked_here",    "unproven",        "any|burst",   "*",            "off|shadow", "admitted"],
    ["blocked_here",    "unproven",        "trusted",     "*",            "*",          "admitted"],
    ["blocked_here",    "proven|lately",   "*",           "*",            "*",          "admitted"],
    // What is no guess is told as what it is.
    ["blocked_address", "unproven",        "any|burst",   "*",            "block",      "abusive"],
    ["blocked_address", "unproven",        "any|burst",   "*",            "off|shadow", "admitted"],
    ["blocked_address", "unproven",        "trusted",     "*",            "*",          "admitted"],
    ["blocked_address", "proven|lately",   "*",           "*",            "*",          "admitted"],
    // One login a minute is really tried; a stale password is none, and takes none.
    ["blocked_many",    "*",               "*",           "*",            "*",          "admitted"],
    ["blocked_many_and_stale", "unproven", "any|burst",   "*",            "block",      "blocked"],
    ["blocked_many_and_stale", "unproven", "any|burst",   "*",            "off|shadow", "admitted"],
    ["blocked_many_and_stale", "unproven", "trusted",     "*",            "*",          "admitted"],
    ["blocked_many_and_stale", "proven|lately", "*",      "*",            "*",          "admitted"],
    ["try_taken",       "unproven",        "any|burst",   "*",            "block",      "blocked"],
    ["try_taken",       "unproven",        "any|burst",   "*",            "off|shadow", "admitted"],
    ["try_taken",       "unproven",        "trusted",     "*",            "*",          "admitted"],
    ["try_taken",       "proven|lately",   "*",           "*",            "*",          "admitted"],
    ["given_up",        "unproven",        "any|burst",   "*",            "block",      "passing"],
    ["given_up",        "unproven",        "any|burst",   "*",            "off|shadow", "admitted"],
    ["given_up",        "unproven",        "trusted",     "*",            "*",          "admitted"],
    ["given_up",        "proven|lately",   "*",           "*",            "*",          "admitted"],
    // A stale password is one wherever it comes from; one that was right within a day is none.
    ["stale",           "unproven",        "*",           "*",            "*",          "from_memory"],
    ["stale",           "proven|lately",   "*",           "*",            "*",          "admitted"],
    ["stale_again",     "*",               "*",           "*",            "*",          "admitted"],
    ["address_full",    "*",               "any|burst",   "*",            "*",          "per_address"],
    ["address_full",    "*",               "trusted",     "*",            "*",          "admitted"],
    ["maildrop_full",   "*",               "any|burst",   "*",            "*",          "per_maildrop"],
    ["maildrop_full",   "*",               "trusted",     "*",            "*",          "admitted"],
    // Strangers do not take the owner's places, nor the owner theirs.
    ["full_of_others",  "*",               "*",           "*",            "*",          "admitted"],
    ["tenant_full",     "*",               "any|burst",   "*",            "*",          "per_tenant"],
    ["tenant_full",     "*",               "trusted",     "*",            "*",          "admitted"],
    ["tenant_full_of_others", "*",         "*",           "*",            "*",          "admitted"],
    // Trusted networks poll as others do.
    ["early",           "*",               "burst",       "*",            "*",          "admitted"],
    ["early",           "*",               "any|trusted", "off",          "*",          "admitted"],
    ["early",           "*",               "any|trusted", "shadow",       "*",          "shadow"],
    ["early",           "*",               "any|trusted", "delay",        "*",          "held"],
    // It would tell that the password is right: the others are held.
    ["early",           "proven",          "any|trusted", "refuse",       "*",          "login_delay"],
    ["early",           "lately|unproven", "any|trusted", "refuse",       "*",          "held"],
];

#[derive(Clone, Copy, Debug)]
struct Case {
    situation: &'static str,
    lane: &'static str,
    network: &'static str,
    polls: &'static str,
    blocks: &'static str,
}

#[tokio::test(start_paused = true)]
async fn every_combination_has_the_answer_of_the_table() {
    let mut cases = 0;
    for case in all_cases() {
        let rows: Vec<_> = TABLE.iter().filter(|row| case.is_in(row)).collect();
        let [row] = rows[..] else {
            panic!("{case:?} is in {} rows", rows.len());
        };
        assert_eq!(case.play(), row[5], "{case:?}");
        cases += 1;
    }
    assert_eq!(cases, 15 * 3 * 3 * 4 * 3);
}

fn all_cases() -> impl Iterator<Item = Case> {
    SITUATIONS.iter().flat_map(|&situation| {
        LANES.iter().flat_map(move |&lane| {
            NETWORKS.iter().flat_map(move |&network| {
                POLLS.iter().flat_map(move |&polls| {
                    BLOCKS.iter().map(move |&blocks| Case {
                        situation,
                        lane,
                        network,
                        polls,
                        blocks,
                    })
                })
            })
        })
    })
}

/// A login that is to be judged, and what it meets.
struct Scene {
    admission: Admission,
    login: LoginAttempt,
    now: Moment,
    /// Places that others have.
    taken: Vec<ConnectionSlot>,
}

impl Case {
    fn is_in(self, row: &[&str; 6]) -> bool {
        let values = [
            self.situation,
            self.lane,
            self.network,
            self.polls,
            self.blocks,
        ];
        let mut pairs = row.iter().zip(values);
        pairs.all(|(cell, value)| *cell == "*" || cell.split('|').any(|it| it == value))
    }

    fn play(self) -> &'static str {
        let mut scene = Scene::new(self);
        scene.bring_about(self);
        scene.login.asked = scene.now.instant;
        name(&scene.admission.check(&scene.login, scene.now))
    }
}

impl Scene {
    fn new(case: Case) -> Self {
        let mut policy = policy();
        let rules = &mut policy.rules;
        rules.polls.mode = match case.polls {
            "off" => PollMode::Off,
            "shadow" => PollMode::Shadow,
            "delay" => PollMode::Delay,
            _ => PollMode::Refuse,
        };
        rules.blocks.mode = match case.blocks {
            "off" => BlockMode::Off,
            "shadow" => BlockMode::Shadow,
            _ => BlockMode::Block,
        };
        if case.network == "burst" {
            rules.polls.unlimited = Arc::from(["203.0.113.7/32".parse().unwrap()]);
        }
        rules.connections.per_address = 2;
        rules.connections.per_maildrop = 2;
        rules.connections.per_tenant = 4;
        let standing = match case.lane {
            "proven" => Standing::Proven,
            "lately" => Standing::AcceptedLately,
            _ => Standing::Unproven,
        };
        let login = LoginAttempt {
            client: "203.0.113.7:50000".parse().unwrap(),
            trusted: case.network == "trusted",
            tag: tag(0),
            standing,
            ..attempt("ann", policy)
        };
        Self {
            admission: Admission::new(Arc::new(BlockList::default()), None),
            now: Moment {
                instant: login.asked,
                wall: Timestamp::UNIX_EPOCH,
            },
            login,
            taken: Vec::new(),
        }
    }

    fn bring_about(&mut self, case: Case) {
        let is_proven = case.lane == "proven";
        match case.situation {
            "blocked_here" => self.faults((0..10).map(|n| Offence::Guess { tag: tag(n + 1) })),
            "blocked_address" => self.faults((0..10).map(|_| Offence::Abuse)),
            "blocked_many" => self.guess_at_many(),
            "blocked_many_and_stale" => {
                self.guess_at_many();
                self.admission
                    .local
                    .negative_auth_cache
                    .refused(tag(0), self.now.instant);
            }
            "try_taken" => {
                self.guess_at_many();
                self.take_trial();
            }
            "given_up" => {
                self.faults((0..6).map(|_| Offence::AbandonedWait));
                self.take_trial();
            }
            "stale" => self.refusals(),
            "stale_again" => {
                self.refusals();
                self.now = self.now.after(self.login.rules().failures.retry);
            }
            "address_full" => self.connect(3),
            "maildrop_full" => self.ask(is_proven, 2),
            "full_of_others" => self.ask(!is_proven, 2),
            "tenant_full" => self.log_in(is_proven, 4),
            "tenant_full_of_others" => self.log_in(!is_proven, 4),
            "early" => self.poll(),
            _ => {}
        }
    }

    /// The entry was made while blocks were enforced; a reload may have changed that since.
    fn faults(&self, faults: impl Iterator<Item = Offence>) {
        let mut rules = self.login.rules().blocks;
        rules.mode = BlockMode::Block;
        let maildrop = Some(&self.login.key);
        let address = self.login.prefix();
        let blocks = &self.admission.shared.blocks;
        let changes = faults.flat_map(|fault| {
            blocks.record(
                maildrop,
                address,
                self.login.tenant(),
                fault,
                &rules,
                self.now.wall,
            )
        });
        assert_eq!(changes.count(), 1, "it is blocked");
    }

    /// One guess at each of fifty other maildrops.
    fn guess_at_many(&self) {
        let guesses = (0..50).map(|n| Offence::Guess { tag: tag(n + 1) });
        let mut rules = self.login.rules().blocks;
        rules.mode = BlockMode::Block;
        let address = self.login.prefix();
        let blocks = &self.admission.shared.blocks;
        let changes = guesses.flat_map(|fault| {
            blocks.record(
                None,
                address,
                self.login.tenant(),
                fault,
                &rules,
                self.now.wall,
            )
        });
        assert_eq!(changes.count(), 1, "it is blocked");
    }

    /// Another login is the real try of this minute.
    fn take_trial(&self) {
        let other = LoginAttempt {
            tag: tag(200),
            ..self.login.clone()
        };
        let blocks = &self.admission.shared.blocks;
        assert!(blocks.take_trial(&other, self.now.wall));
    }

    fn refusals(&self) {
        for _ in 0..3 {
            self.admission
                .local
                .negative_auth_cache
                .refused(tag(0), self.now.instant);
        }
    }

    fn connect(&mut self, connections: usize) {
        let places = (0..connections).filter_map(|_| {
            self.admission
                .local
                .connections
                .enter_address(self.login.prefix(), 10)
        });
        self.taken.extend(places);
    }

    fn ask(&mut self, proven: bool, logins: usize) {
        let places = (0..logins).filter_map(|_| {
            let connections = &self.admission.local.connections;
            let stranger = (!proven).then(|| self.login.prefix());
            connections.enter_maildrop(&self.login.key, stranger, 10)
        });
        self.taken.extend(places);
    }

    fn log_in(&mut self, proven: bool, logins: usize) {
        let connections = &self.admission.local.connections;
        let places =
            (0..logins).filter_map(|_| connections.enter_tenant(self.login.tenant(), proven, 10));
        self.taken.extend(places);
    }

    /// More logins than both quotas allow; none is another's twin.
    fn poll(&mut self) {
        for _ in 0..8 {
            let poll = LoginAttempt {
                standing: Standing::Proven,
                asked: self.now.instant,
                ..self.login.clone()
            };
            self.admission.local.polls.charge(&poll, self.now.instant);
            self.now = self.now.after(Duration::from_secs(3));
        }
    }
}

fn tag(number: u8) -> PasswordTag {
    PasswordTag::from_bytes([number; 32])
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Admit { poll, .. } => match poll {
            PollVerdict::Unlimited | PollVerdict::InTime => "admitted",
            PollVerdict::Shadow(_) => "shadow",
            PollVerdict::Hold { .. } => "held",
        },
        Verdict::Refuse(refusal) => match refusal {
            Refusal::Blocked(BlockReason::Abuse) => "abusive",
            Refusal::Blocked(BlockReason::Passing) => "passing",
            Refusal::Blocked(_) => "blocked",
            Refusal::FromMemory => "from_memory",
            Refusal::PerAddress => "per_address",
            Refusal::PerMaildrop => "per_maildrop",
            Refusal::PerTenant => "per_tenant",
            Refusal::LoginDelay(_) => "login_delay",
        },
    }
}

/// Other gates, which may know a password, and what they are told.
#[derive(Default)]
struct OtherGates {
    may_know: bool,
    told: std::sync::Mutex<Vec<bool>>,
}

impl TellsElsewhere for OtherGates {
    fn backend_said(&self, _: PasswordTag, is_accepted: bool) {
        self.told.lock().unwrap().push(is_accepted);
    }

    fn may_know(&self, _: PasswordTag) -> bool {
        self.may_know
    }
}

#[test]
fn a_refusal_is_told_to_other_gates_that_know_the_password_or_may() {
    let login = attempt("ann@example.com", policy());
    for (accepted_here, may_know, told) in [
        (false, false, vec![]),
        (false, true, vec![false]),
        (true, false, vec![true, false]),
    ] {
        let others = Arc::new(OtherGates {
            may_know,
            ..OtherGates::default()
        });
        let elsewhere = Arc::clone(&others) as Arc<dyn TellsElsewhere>;
        let admission = Admission::new(Arc::default(), Some(elsewhere));
        let now = Instant::now();
        if accepted_here {
            admission.shared.accepted(login.tag, now);
        }
        admission.shared.refused(login.tag, now);
        assert_eq!(*others.told.lock().unwrap(), told);
    }
}
