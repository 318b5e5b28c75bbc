//! What the engine is, and whether it will do.

use super::connect::{
    Connection, EngineError, EngineOptions, ask, connect, info, read_info, texts, words,
};
use super::sentinel::Sentinels;
use super::supervisor::examine;
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
    /// How long it took to answer ROLE.
    pub ping: Duration,
    /// What it does when its memory is full.
    pub memory_policy: String,
    /// Octets of memory that it may use; 0: no bound.
    pub memory_max: u64,
    /// What it keeps over a restart.
    pub disk: DiskSurvey,
    /// Who has a copy.
    pub replication: ReplicationSurvey,
    /// Calls that it refuses to popgate's user, with its words.
    pub refused: Vec<String>,
    /// The user, and the prefix that it must be allowed.
    pub user: (String, String),
}

/// What an engine keeps over a restart. `None`: it may not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSurvey {
    /// Whether it writes each change to its append-only file.
    pub has_log: bool,
    /// When that file is written to the disk: `always`, `everysec` or `no`.
    pub log_sync: Option<String>,
    /// When it writes snapshots, as `save` says it; empty: never.
    pub snapshots: Option<String>,
    /// Whether the last write to its disk failed.
    pub has_failed: bool,
}

/// Who has a copy of an engine's memory. `None`: it may not be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationSurvey {
    /// Whether there are Sentinels.
    pub has_sentinels: bool,
    /// Replicas that are connected.
    pub replicas: u64,
    /// Replicas that it must have to take writes.
    pub needed: Option<u64>,
    /// Seconds after which a replica of which nothing is heard is none of these; 0: never.
    pub max_lag: Option<u64>,
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
    // Not PING, which a server that cannot write refuses.
    ask(&mut connection.calls, &address, &cmd("ROLE")).await?;
    let ping = began.elapsed();
    let text = read_info(&mut connection, &address).await?;
    let valkey = info(&text, "valkey_version");
    let redis = info(&text, "redis_version").unwrap_or_default();
    let has_sentinels = options.master.is_some();
    Ok(EngineSurvey {
        product: if valkey.is_some() { "Valkey" } else { "Redis" }.to_owned(),
        version: valkey.unwrap_or(redis).to_owned(),
        ping,
        memory_policy: info(&text, "maxmemory_policy")
            .unwrap_or_default()
            .to_owned(),
        memory_max: number(&text, "maxmemory").unwrap_or(0),
        disk: disk(&mut connection, &address, &text).await,
        replication: replication(&mut connection, &address, &text, has_sentinels).await,
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

fn number(text: &str, name: &str) -> Option<u64> {
    info(text, name)?.parse().ok()
}

async fn disk(connection: &mut Connection, address: &str, text: &str) -> DiskSurvey {
    let failed = |name| info(text, name) == Some("err");
    DiskSurvey {
        has_log: info(text, "aof_enabled") == Some("1"),
        log_sync: setting(connection, address, "appendfsync").await,
        snapshots: setting(connection, address, "save").await,
        has_failed: failed("rdb_last_bgsave_status") || failed("aof_last_write_status"),
    }
}

async fn replication(
    connection: &mut Connection,
    address: &str,
    text: &str,
    has_sentinels: bool,
) -> ReplicationSurvey {
    let needed = setting(connection, address, "min-replicas-to-write").await;
    let max_lag = setting(connection, address, "min-replicas-max-lag").await;
    let parsed = |said: Option<String>| said?.parse().ok();
    ReplicationSurvey {
        has_sentinels,
        replicas: number(text, "connected_slaves").unwrap_or(0),
        needed: parsed(needed),
        max_lag: parsed(max_lag),
    }
}

/// Services by others often forbid CONFIG: nothing depends on it.
async fn setting(connection: &mut Connection, address: &str, name: &str) -> Option<String> {
    let mut question = cmd("CONFIG");
    question.arg("GET").arg(name);
    let said = ask(&mut connection.calls, address, &question).await.ok()?;
    texts(said).into_iter().nth(1)
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
    match ask(&mut connection.calls, address, &by_hash).await {
        Err(EngineError::Unusable { why, .. }) if !why.starts_with("NOSCRIPT") => {
            refused.push(format!("EVALSHA: {why}"));
        }
        Ok(_) | Err(EngineError::Unusable { .. }) => {}
        Err(error) => return Err(error),
    }
    let channel = format!("{}push:{}", options.prefix, options.gate);
    let subscribing = timeout(CLUSTER_CALL, connection.calls.subscribe(channel));
    if let Ok(Err(error)) = subscribing.await {
        refused.push(format!("SUBSCRIBE: {}", words(&error)));
    }
    Ok(refused)
}
