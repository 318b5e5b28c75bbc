//! The scripts on a real server, asked as the model is.

use crate::model::Engine;
use crate::redis::Redis;
use crate::resp::{Connection, words};
use popgate::cluster::protocol::{
    BeatAnswer, BeatCall, BlockPut, EngineReply, GateId, LastTurnAnswer, LastTurnCall, MaildropId,
    Push, StoredBlock, SyncAnswer, SyncCall, block_arguments, read_put_answers,
};
use std::time::Duration;

pub(crate) const SCRIPTS: [(&str, &str); 5] = [
    ("sync.lua", include_str!("../../src/cluster/sync.lua")),
    ("beat.lua", include_str!("../../src/cluster/beat.lua")),
    ("leave.lua", include_str!("../../src/cluster/leave.lua")),
    ("blocks.lua", include_str!("../../src/cluster/blocks.lua")),
    ("last.lua", include_str!("../../src/cluster/last.lua")),
];

const INFO: &str =
    "local said = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')\n";
/// The model's run in place of the server's own.
const RUN: &str = "local said = redis.call('GET', 'info')\n";
const TIME: &str = "local time = redis.call('TIME')\n";
/// The test's clock: a server's own cannot be set.
const CLOCK: &str = "local time = redis.call('HMGET', 'clock', 's', 'us')\n";

/// Added to each gate's time to live: it is the model that says when keys end, and not how long the
/// test takes.
const SPARE: Duration = Duration::from_secs(3_600);
/// What a test may take from one call to the next.
const SLOW: Duration = Duration::from_secs(30);

/// A server whose time is the test's.
pub(crate) struct Scripted {
    calls: Connection,
    pushes: Connection,
    hashes: [Vec<u8>; 5],
    // Dropped last: it ends the server.
    _server: Redis,
}

/// All that a server remembers.
pub(crate) struct Copied(Vec<(Vec<u8>, Vec<u8>)>);

/// The scripts, or what stands in a folder in place of them: to see that a script with a fault is
/// found out.
fn scripts() -> [String; 5] {
    SCRIPTS.map(
        |(name, ours)| match std::env::var("POPGATE_CLUSTER_SCRIPTS") {
            Ok(folder) => std::fs::read_to_string(format!("{folder}/{name}")).unwrap(),
            Err(_) => ours.to_owned(),
        },
    )
}

/// With the clock of the test in place of the server's.
fn with_clock(script: &str) -> String {
    let reads = usize::from(script != SCRIPTS[2].1);
    assert_eq!(
        script.matches("'TIME'").count(),
        reads,
        "one look at the clock"
    );
    assert_eq!(
        script.matches(TIME).count(),
        reads,
        "in the line that is replaced"
    );
    script.replace(TIME, CLOCK)
}

/// With the run that the test names in place of the server's.
fn with_run(script: &str) -> String {
    assert_eq!(script.matches("'INFO'").count(), 2, "one look at the run");
    assert_eq!(
        script.matches(INFO).count(),
        1,
        "in the line that is replaced"
    );
    script.replace(INFO, RUN)
}

impl Scripted {
    /// With the test's clock.
    pub(crate) fn start() -> Self {
        let [sync, beat, leave, blocks, last] = scripts();
        Self::with_scripts(&[
            with_clock(&sync),
            with_run(&with_clock(&beat)),
            leave,
            with_clock(&blocks),
            last,
        ])
    }

    /// With the server's own clock.
    pub(crate) fn with_own_clock() -> Self {
        let [sync, beat, leave, blocks, last] = scripts();
        Self::with_scripts(&[sync, with_run(&beat), leave, blocks, last])
    }

    fn with_scripts(scripts: &[String; 5]) -> Self {
        let server = Redis::start();
        let mut calls = Connection::open(server.address);
        let hashes = scripts.each_ref().map(|script| {
            let load = vec![b"SCRIPT".to_vec(), b"LOAD".to_vec(), script.clone().into()];
            octets(calls.ask(&[load]).remove(0))
        });
        Self {
            pushes: Connection::open(server.address),
            calls,
            hashes,
            _server: server,
        }
    }

    /// An empty memory.
    pub(crate) fn restart_empty(&mut self, model: &Engine) {
        self.calls.ask(&[words("FLUSHALL")]);
        self.set_run(model);
        self.set_clock(model);
    }

    /// In two parts, as a server names it.
    fn set_run(&mut self, model: &Engine) {
        let id = model.run_id();
        let (run, history) = id.split_at(3);
        let info = format!("run_id:{run}\r\nmaster_replid:{history}\r\n").into_bytes();
        self.calls
            .ask(&[vec![b"SET".to_vec(), b"info".to_vec(), info]]);
    }

    pub(crate) fn set_clock(&mut self, model: &Engine) {
        let seconds = model.now() / 1_000_000;
        let micros = model.now() % 1_000_000;
        self.calls
            .ask(&[words(&format!("HSET clock s {seconds} us {micros}"))]);
        self.expire(model);
    }

    /// What the model has no more ends here, and the rest does not.
    fn expire(&mut self, model: &Engine) {
        let living = model.living();
        let kept: Vec<String> = model.maildrops().map(|(id, _)| maildrop_key(id)).collect();
        let is_over = |key: &str| match key.strip_prefix("popgate:gate:") {
            Some(gate) => !living.contains_key(&GateId::parse(gate.as_bytes()).unwrap()),
            None => key.starts_with("popgate:m:") && !kept.iter().any(|it| it == key),
        };
        let mut commands: Vec<_> = self
            .keys()
            .into_iter()
            .filter(|key| is_over(key))
            .map(|key| words(&format!("DEL {key}")))
            .collect();
        for (gate, left) in living {
            let life = (left + SPARE).as_millis();
            commands.push(words(&format!("PEXPIRE popgate:gate:{gate} {life}")));
        }
        self.calls.ask(&commands);
    }

    fn keys(&mut self) -> Vec<String> {
        let EngineReply::List(keys) = self.calls.ask(&[words("KEYS popgate:*")]).remove(0) else {
            panic!("a list of keys");
        };
        let text = |key| String::from_utf8(octets(key)).unwrap();
        keys.into_iter().map(text).collect()
    }

    pub(crate) fn copy(&mut self) -> Copied {
        let keys = self.keys();
        let commands: Vec<_> = keys
            .iter()
            .map(|key| words(&format!("DUMP {key}")))
            .collect();
        let values = self.calls.ask(&commands).into_iter().map(octets);
        Copied(
            keys.into_iter()
                .map(String::into_bytes)
                .zip(values)
                .collect(),
        )
    }

    pub(crate) fn failover(&mut self, copied: &Copied, model: &Engine) {
        self.calls.ask(&[words("FLUSHALL")]);
        let commands: Vec<_> = copied
            .0
            .iter()
            .map(|(key, value)| {
                vec![
                    b"RESTORE".to_vec(),
                    key.clone(),
                    b"0".to_vec(),
                    value.clone(),
                ]
            })
            .collect();
        self.calls.ask(&commands);
        self.set_run(model);
        self.set_clock(model);
    }

    pub(crate) fn subscribe(&mut self, gate: GateId) {
        self.pushes
            .ask(&[words(&format!("SUBSCRIBE popgate:push:{gate}"))]);
    }

    pub(crate) fn unsubscribe(&mut self, gate: GateId) {
        self.pushes
            .ask(&[words(&format!("UNSUBSCRIBE popgate:push:{gate}"))]);
    }

    /// What was pushed since this was called last.
    pub(crate) fn take_pushes(&mut self) -> Vec<(GateId, Push)> {
        let mut pushes = Vec::new();
        self.pushes.send(&[words("PING")]);
        loop {
            // Where nothing is subscribed, PING has an answer of another form.
            let Ok(EngineReply::List(parts)) = self.pushes.receive() else {
                return pushes;
            };
            let mut parts = parts.into_iter().map(octets);
            if parts.next().unwrap() == b"pong" {
                return pushes;
            }
            let channel = parts.next().unwrap();
            let gate = GateId::parse(&channel["popgate:push:".len()..]).unwrap();
            pushes.push((gate, Push::read(&parts.next().unwrap()).unwrap()));
        }
    }

    fn run(
        &mut self,
        script: usize,
        keys: &[String],
        arguments: Vec<Vec<u8>>,
    ) -> Result<EngineReply, String> {
        let mut command = words("EVALSHA");
        command.push(self.hashes[script].clone());
        command.push(keys.len().to_string().into_bytes());
        command.extend(keys.iter().map(|key| key.clone().into_bytes()));
        command.extend(arguments);
        self.calls.send(&[command]);
        self.calls.receive()
    }

    /// Microseconds.
    pub(crate) fn clock(&mut self) -> u64 {
        let EngineReply::List(parts) = self.calls.ask(&[words("TIME")]).remove(0) else {
            panic!("seconds and microseconds");
        };
        parts.into_iter().fold(0, |sum, part| {
            let number = String::from_utf8(octets(part)).unwrap();
            sum * 1_000_000 + number.parse::<u64>().unwrap()
        })
    }

    fn life(&mut self, key: &str) -> Duration {
        match self.calls.ask(&[words(&format!("PTTL {key}"))])[..] {
            [EngineReply::Int(left)] => Duration::from_millis(u64::try_from(left).unwrap_or(0)),
            ref other => panic!("{other:?}"),
        }
    }

    pub(crate) fn sync(&mut self, call: &SyncCall, gate: GateId) -> Result<SyncAnswer, String> {
        let keys = [
            maildrop_key(call.maildrop),
            "popgate:epoch".to_owned(),
            "popgate:gate:".to_owned(),
        ];
        let arguments = call.arguments(gate, "popgate:push:");
        let mut answer = self.run(0, &keys, arguments)?;
        // For how long the holder is one. Of the epoch before it has no key that was made to last.
        if let EngineReply::List(parts) = &mut answer
            && let Some(EngineReply::Int(left)) = parts.get_mut(6)
        {
            let spare = i64::try_from(SPARE.as_millis()).unwrap();
            *left -= if *left >= spare { spare } else { 0 };
        }
        Ok(SyncAnswer::read(answer).unwrap())
    }

    pub(crate) fn last_turn(&mut self, call: &LastTurnCall, gate: GateId) -> LastTurnAnswer {
        let keys = [
            maildrop_key(call.maildrop),
            "popgate:epoch".to_owned(),
            format!("popgate:gate:{gate}"),
        ];
        LastTurnAnswer::read(self.run(4, &keys, call.arguments()).unwrap()).unwrap()
    }

    /// How long a maildrop is remembered from now on.
    pub(crate) fn life_of(&mut self, maildrop: MaildropId) -> Duration {
        self.life(&maildrop_key(maildrop))
    }

    pub(crate) fn beat(&mut self, call: &BeatCall, gate: GateId, model: &Engine) -> BeatAnswer {
        let key = format!("popgate:gate:{gate}");
        let keys = [
            key.clone(),
            "popgate:epoch".to_owned(),
            "popgate:members".to_owned(),
            "popgate:fingerprint".to_owned(),
            "popgate:gate:".to_owned(),
            format!("popgate:push:{gate}"),
            "popgate:blocks:version".to_owned(),
            "popgate:blocks:log".to_owned(),
            "popgate:blocks".to_owned(),
        ];
        let answer = self.run(1, &keys, call.arguments(gate)).unwrap();
        let mut answer = BeatAnswer::read(answer).unwrap();
        if let BeatAnswer::Alive(report) = &mut answer {
            let life = self.life(&key);
            assert!(life <= call.lease && life * 4 >= call.lease, "the lease");
            report.members.sort_by_key(|member| member.gate);
            let kept = self.calls.ask(&[words("HLEN popgate:members")]);
            let living = i64::try_from(report.members.len()).unwrap();
            assert_eq!(kept, [EngineReply::Int(living)], "the dead are forgotten");
        }
        self.expire(model);
        answer
    }

    pub(crate) fn leave(&mut self, gate: GateId) {
        let keys = [format!("popgate:gate:{gate}"), "popgate:members".to_owned()];
        let arguments = vec![gate.to_string().into_bytes()];
        self.run(2, &keys, arguments).unwrap();
    }

    pub(crate) fn put_blocks(
        &mut self,
        puts: &[BlockPut],
        most: usize,
    ) -> Vec<Option<StoredBlock>> {
        let keys = ["version", "log", ""].map(|it| match it {
            "" => "popgate:blocks".to_owned(),
            it => format!("popgate:blocks:{it}"),
        });
        let arguments = block_arguments(puts, most);
        read_put_answers(self.run(3, &keys, arguments).unwrap()).unwrap()
    }
}

/// As the server counts by its own clock, some of it has passed.
pub(crate) fn is_close(left: Duration, expected: Duration) -> bool {
    left <= expected && left + SLOW >= expected
}

fn maildrop_key(id: MaildropId) -> String {
    format!("popgate:m:{id}")
}

fn octets(reply: EngineReply) -> Vec<u8> {
    match reply {
        EngineReply::Bytes(octets) => octets,
        other => panic!("{other:?}"),
    }
}
