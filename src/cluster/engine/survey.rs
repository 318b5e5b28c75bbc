//! What the engine is, and whether it will do.

use super::access::acl_line;
use super::connect::{Connection, EngineError, EngineOptions, ask, connect, info, texts, words};
use super::sentinel::Sentinels;
use super::supervisor::examine;
use crate::cluster::protocol::EngineReply;
use crate::limits::CLUSTER_CALL;
use crate::net::Dial;
use crate::time::{Duration, Instant};
use redis::{Cmd, cmd};
use tokio::time::timeout;

const TRIAL: &str = include_str!("../trial.lua");

/// What the engine is, as far as popgate depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSurvey {
    /// The server that is the primary.
    pub address: String,
    /// `Redis` or `Valkey`.
    pub product: String,
    /// Its version.
    pub version: String,
    /// How long it took to answer a PING.
    pub ping: Duration,
    /// What it does when its memory is full.
    pub memory_policy: String,
    /// Octets of memory that it may use; 0: no bound.
    pub memory_max: u64,
    /// Whether it writes each change to its append-only file.
    pub keeps_log: bool,
    /// Replicas that are connected.
    pub replicas: u64,
    /// Replicas that it must have to take writes; `None`: it may not be asked.
    pub replicas_needed: Option<u64>,
    /// Whether there are Sentinels.
    pub has_sentinels: bool,
    /// Commands that it refuses to popgate's user, with its words.
    pub refused: Vec<String>,
    /// The user, and the prefix that it must be allowed.
    pub user: (String, String),
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineVerdict {
    /// popgate cannot work with it.
    Unfit,
    /// It works, and may disappoint.
    Doubtful,
}

/// Something about the engine that its operator should change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineFinding {
    /// How grave it is.
    pub verdict: EngineVerdict,
    /// What was seen.
    pub what: String,
    /// What follows from it.
    pub effect: &'static str,
    /// What to do.
    pub remedy: String,
}

/// Connects to the primary and looks at it. Keys below the prefix are written and removed.
///
/// # Errors
/// It cannot be reached, is no primary, or does not let popgate's user in.
pub async fn survey(dial: &dyn Dial, options: &EngineOptions) -> Result<EngineSurvey, EngineError> {
    let address = match &options.master {
        Some(master) => {
            let mut sentinels = Sentinels::new(options);
            sentinels.primary(dial, options, master).await?
        }
        None => options.nodes.first().cloned().unwrap_or_default(),
    };
    let mut connection = connect(dial, options, &address, true, None).await?;
    examine(&mut connection, &address).await?;
    let began = Instant::now();
    ask(&mut connection.calls, &address, &cmd("PING")).await?;
    let ping = began.elapsed();
    let text = read_info(&mut connection, &address).await?;
    let number = |name| info(&text, name).and_then(|it| it.parse().ok());
    let valkey = info(&text, "valkey_version");
    let redis = info(&text, "redis_version").unwrap_or_default();
    Ok(EngineSurvey {
        product: if valkey.is_some() { "Valkey" } else { "Redis" }.to_owned(),
        version: valkey.unwrap_or(redis).to_owned(),
        ping,
        memory_policy: info(&text, "maxmemory_policy")
            .unwrap_or_default()
            .to_owned(),
        memory_max: number("maxmemory").unwrap_or(0),
        keeps_log: info(&text, "aof_enabled") == Some("1"),
        replicas: number("connected_slaves").unwrap_or(0),
        replicas_needed: replicas_needed(&mut connection, &address).await,
        has_sentinels: options.master.is_some(),
        refused: try_commands(&mut connection, options, &address).await?,
        user: (
            options
                .username
                .clone()
                .unwrap_or_else(|| "default".to_owned()),
            options.prefix.clone(),
        ),
        address,
    })
}

async fn read_info(connection: &mut Connection, address: &str) -> Result<String, EngineError> {
    match ask(&mut connection.calls, address, &cmd("INFO")).await? {
        EngineReply::Bytes(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        _ => Err(EngineError::unusable(address, "INFO says nothing")),
    }
}

/// Services by others often forbid CONFIG: nothing depends on it.
async fn replicas_needed(connection: &mut Connection, address: &str) -> Option<u64> {
    let mut question = cmd("CONFIG");
    question.arg("GET").arg("min-replicas-to-write");
    let said = ask(&mut connection.calls, address, &question).await.ok()?;
    texts(said).get(1)?.parse().ok()
}

async fn try_commands(
    connection: &mut Connection,
    options: &EngineOptions,
    address: &str,
) -> Result<Vec<String>, EngineError> {
    let name = |rest: &str| format!("{}trial:{}:{rest}", options.prefix, options.gate);
    let mut refused = Vec::new();
    let mut trial: Cmd = cmd("EVAL");
    trial
        .arg(TRIAL)
        .arg(3)
        .arg([name("string"), name("hash"), name("set")].as_slice())
        .arg(format!("{}push:{}", options.prefix, options.gate));
    match ask(&mut connection.calls, address, &trial).await {
        Ok(answer) => refused.extend(texts(answer)),
        Err(EngineError::Unusable { why, .. }) => refused.push(format!("EVAL: {why}")),
        Err(error) => return Err(error),
    }
    let mut by_hash = cmd("EVALSHA");
    by_hash.arg("0".repeat(40)).arg(0);
    if let Err(EngineError::Unusable { why, .. }) =
        ask(&mut connection.calls, address, &by_hash).await
        && !why.starts_with("NOSCRIPT")
    {
        refused.push(format!("EVALSHA: {why}"));
    }
    let channel = format!("{}push:{}", options.prefix, options.gate);
    let subscribing = timeout(CLUSTER_CALL, connection.calls.subscribe(channel));
    if let Ok(Err(error)) = subscribing.await {
        refused.push(format!("SUBSCRIBE: {}", words(&error)));
    }
    Ok(refused)
}

impl EngineSurvey {
    /// What its operator should change, the gravest first.
    #[must_use]
    pub fn findings(&self) -> Vec<EngineFinding> {
        let all = [self.age(), self.access(), self.memory(), self.replication()];
        let mut all: Vec<_> = all.into_iter().flatten().collect();
        all.sort_by_key(|it| it.verdict != EngineVerdict::Unfit);
        all
    }

    fn age(&self) -> Option<EngineFinding> {
        let mut parts = self
            .version
            .split('.')
            .map(|it| it.parse::<u32>().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        (self.product == "Redis" && version < (6, 2)).then(|| EngineFinding {
            verdict: EngineVerdict::Unfit,
            what: format!("Redis is of version {}", self.version),
            effect: "popgate's scripts and pushes are not tried with it",
            remedy: "use Redis 6.2 or later, or Valkey".to_owned(),
        })
    }

    fn access(&self) -> Option<EngineFinding> {
        let (user, prefix) = &self.user;
        (!self.refused.is_empty()).then(|| EngineFinding {
            verdict: EngineVerdict::Unfit,
            what: format!("user {user} is refused {}", self.refused.join("; ")),
            effect: "gates cannot agree whose turn it is",
            remedy: format!("allow it what it needs: {}", acl_line(user, prefix)),
        })
    }

    fn memory(&self) -> Option<EngineFinding> {
        (self.memory_policy != "noeviction").then(|| EngineFinding {
            verdict: match self.memory_max {
                0 => EngineVerdict::Doubtful,
                _ => EngineVerdict::Unfit,
            },
            what: format!("maxmemory-policy is {}", self.memory_policy),
            effect: "when memory is full the engine forgets who holds a mailbox",
            remedy: "CONFIG SET maxmemory-policy noeviction".to_owned(),
        })
    }

    /// A primary that is cut off from all others must not go on giving turns away.
    fn replication(&self) -> Option<EngineFinding> {
        (self.has_sentinels && self.replicas_needed == Some(0)).then(|| EngineFinding {
            verdict: EngineVerdict::Doubtful,
            what: "min-replicas-to-write is 0".to_owned(),
            effect: "a primary that was cut off and replaced still gives turns to gates beside it",
            remedy: "CONFIG SET min-replicas-to-write 1, and min-replicas-max-lag 10".to_owned(),
        })
    }
}
