//! Calls over one connection.

use super::connect::{EngineOptions, reply, send, words};
use crate::cluster::link::{EngineLink, LinkError, PendingCall};
use crate::cluster::protocol::{
    BeatAnswer, BeatCall, BlockPut, EngineReply, GateId, LastTurnAnswer, LastTurnCall, Nonsense,
    StoredBlock, SyncAnswer, SyncCall, block_arguments, read_put_answers,
};
use crate::limits::{AUTH_CACHE_AGE, CLUSTER_BLOCKS_MAX, CLUSTER_CALL};
use crate::time::Duration;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;
use tokio::time::timeout;

const SYNC: &str = include_str!("../sync.lua");
const LAST: &str = include_str!("../last.lua");
const BEAT: &str = include_str!("../beat.lua");
const LEAVE: &str = include_str!("../leave.lua");
const BLOCKS: &str = include_str!("../blocks.lua");

/// A script, and the name under which the engine keeps it.
#[derive(Clone)]
struct Stored {
    text: &'static str,
    hash: Arc<str>,
}

impl Stored {
    fn new(text: &'static str) -> Self {
        let script = redis::Script::new(text);
        Self {
            text,
            hash: Arc::from(script.get_hash()),
        }
    }
}

/// The scripts, hashed once.
#[derive(Clone)]
pub(super) struct Scripts {
    sync: Stored,
    last: Stored,
    beat: Stored,
    leave: Stored,
    blocks: Stored,
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            sync: Stored::new(SYNC),
            last: Stored::new(LAST),
            beat: Stored::new(BEAT),
            leave: Stored::new(LEAVE),
            blocks: Stored::new(BLOCKS),
        }
    }
}

/// What the supervisor of a link hears of it.
#[derive(Default)]
pub(super) struct Complaints {
    /// Pushes do not come.
    pub(super) deaf: Notify,
    /// The server says that it is no primary, or cannot be used.
    pub(super) unusable: Notify,
    /// The first refusal for which it is of no use, in its words.
    pub(super) refusal: OnceLock<String>,
}

/// Errors of a server that is of no use now, or to this user.
const UNUSABLE: [&str; 6] = [
    "READONLY",
    "MASTERDOWN",
    "LOADING",
    "NOPERM",
    "NOAUTH",
    "MISCONF",
];

/// Calls over one connection.
pub(super) struct RedisLink {
    calls: MultiplexedConnection,
    prefix: Arc<str>,
    gate: GateId,
    scripts: Scripts,
    complaints: Arc<Complaints>,
}

impl RedisLink {
    pub(super) fn new(
        calls: MultiplexedConnection,
        options: &EngineOptions,
        scripts: Scripts,
        complaints: Arc<Complaints>,
    ) -> Self {
        Self {
            calls,
            prefix: Arc::from(&*options.prefix),
            gate: options.gate,
            scripts,
            complaints,
        }
    }

    fn name(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    fn run<T: 'static>(
        &self,
        script: &Stored,
        keys: Vec<String>,
        arguments: Vec<Vec<u8>>,
        read: fn(EngineReply) -> Result<T, Nonsense>,
    ) -> PendingCall<T> {
        let by_hash = command("EVALSHA", script.hash.as_bytes(), &keys, &arguments);
        let script = script.text;
        let mut calls = self.calls.clone();
        let complaints = Arc::clone(&self.complaints);
        Box::pin(async move {
            let answer = match ask(&mut calls, &by_hash, &complaints).await {
                // After SCRIPT FLUSH, or at a server that has never had it. It keeps it then.
                Err(LinkError::Refused(why)) if why.starts_with("NOSCRIPT") => {
                    let whole = command("EVAL", script.as_bytes(), &keys, &arguments);
                    ask(&mut calls, &whole, &complaints).await?
                }
                answer => answer?,
            };
            read(answer).map_err(|nonsense| LinkError::Refused(nonsense.to_string()))
        })
    }

    fn ask<T: 'static>(&self, command: Cmd, read: fn(EngineReply) -> T) -> PendingCall<T> {
        let mut calls = self.calls.clone();
        let complaints = Arc::clone(&self.complaints);
        Box::pin(async move { Ok(read(ask(&mut calls, &command, &complaints).await?)) })
    }
}

async fn ask(
    calls: &mut MultiplexedConnection,
    command: &Cmd,
    complaints: &Complaints,
) -> Result<EngineReply, LinkError> {
    match timeout(CLUSTER_CALL, send(calls, command)).await {
        Err(_) => Err(LinkError::Timeout),
        Ok(Ok(value)) => Ok(reply(value)),
        Ok(Err(error)) if error.is_io_error() || error.is_connection_dropped() => {
            Err(LinkError::Disconnected)
        }
        Ok(Err(error)) => {
            let why = words(&error);
            // Not only in front: Redis before 7 has its own words around a script's error.
            if UNUSABLE.iter().any(|code| why.contains(code)) {
                // Those behind the first say the same.
                let _ = complaints.refusal.set(why.clone());
                complaints.unusable.notify_one();
            }
            Err(LinkError::Refused(why))
        }
    }
}

fn command(verb: &str, script: &[u8], keys: &[String], arguments: &[Vec<u8>]) -> Cmd {
    let mut command = cmd(verb);
    command.arg(script).arg(keys.len());
    for key in keys {
        command.arg(key);
    }
    for argument in arguments {
        command.arg(&argument[..]);
    }
    command
}

impl EngineLink for RedisLink {
    fn resubscribe(&self) {
        self.complaints.deaf.notify_one();
    }

    fn sync(&self, call: SyncCall) -> PendingCall<SyncAnswer> {
        let keys = vec![
            self.name(&format!("m:{}", call.maildrop)),
            self.name("epoch"),
            self.name("gate:"),
        ];
        let arguments = call.arguments(self.gate, &self.name("push:"));
        self.run(&self.scripts.sync, keys, arguments, SyncAnswer::read)
    }

    fn last_turn(&self, call: LastTurnCall) -> PendingCall<LastTurnAnswer> {
        let keys = vec![
            self.name(&format!("m:{}", call.maildrop)),
            self.name("epoch"),
            self.name(&format!("gate:{}", self.gate)),
        ];
        let arguments = call.arguments();
        self.run(&self.scripts.last, keys, arguments, LastTurnAnswer::read)
    }

    fn beat(&self, call: BeatCall) -> PendingCall<BeatAnswer> {
        let keys = vec![
            self.name(&format!("gate:{}", self.gate)),
            self.name("epoch"),
            self.name("members"),
            self.name("fingerprint"),
            self.name("gate:"),
            self.name(&format!("push:{}", self.gate)),
            self.name("blocks:version"),
            self.name("blocks:log"),
            self.name("blocks"),
        ];
        let arguments = call.arguments(self.gate);
        self.run(&self.scripts.beat, keys, arguments, BeatAnswer::read)
    }

    fn leave(&self) -> PendingCall<()> {
        let keys = vec![
            self.name(&format!("gate:{}", self.gate)),
            self.name("members"),
        ];
        let arguments = vec![self.gate.to_string().into_bytes()];
        self.run(&self.scripts.leave, keys, arguments, |_| Ok(()))
    }

    fn put_blocks(&self, puts: Vec<BlockPut>) -> PendingCall<Vec<Option<StoredBlock>>> {
        let keys = vec![
            self.name("blocks:version"),
            self.name("blocks:log"),
            self.name("blocks"),
        ];
        let arguments = block_arguments(&puts, CLUSTER_BLOCKS_MAX);
        self.run(&self.scripts.blocks, keys, arguments, read_put_answers)
    }

    fn accepted(&self, tag: u64) -> PendingCall<Option<Duration>> {
        let mut question = cmd("PTTL");
        question.arg(self.name(&acceptance(tag)));
        self.ask(question, |reply| match reply {
            EngineReply::Int(left) => u64::try_from(left).ok().map(Duration::from_millis),
            _ => None,
        })
    }

    fn put_accepted(&self, tag: u64) -> PendingCall<()> {
        let mut order = cmd("SET");
        order
            .arg(self.name(&acceptance(tag)))
            .arg("")
            .arg("EX")
            .arg(AUTH_CACHE_AGE.as_secs());
        self.ask(order, |_| ())
    }

    fn remove_accepted(&self, tag: u64) -> PendingCall<()> {
        let mut order = cmd("DEL");
        order.arg(self.name(&acceptance(tag)));
        self.ask(order, |_| ())
    }

    fn tell(&self, gate: GateId, sealed: Vec<u8>) -> PendingCall<bool> {
        let mut order = cmd("PUBLISH");
        order
            .arg(self.name(&format!("push:{gate}")))
            .arg([b"o", &sealed[..]].concat());
        self.ask(order, |reply| matches!(reply, EngineReply::Int(1..)))
    }
}

fn acceptance(tag: u64) -> String {
    format!("a:{tag:016x}")
}
