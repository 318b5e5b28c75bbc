//! Keeps one good connection to the primary, and follows it to another server.

use super::connect::{
    Connection, EngineError, EngineOptions, MessageSink, ask, connect, info, is_denial, read_info,
    texts, words,
};
use super::findings::evicts;
use super::link::{Complaints, RedisLink, Scripts};
use super::sentinel::Sentinels;
use crate::cluster::link::{EngineLink, LinkEvent};
use crate::cluster::protocol::{EngineReply, Push};
use crate::limits::{
    CLUSTER_CALL, CLUSTER_CHECK, CLUSTER_CHECKS_UNANSWERED, CLUSTER_DOUBT, CLUSTER_MESSAGES_MAX,
    CLUSTER_RECONNECT_MAX, CLUSTER_RECONNECT_MIN,
};
use crate::net::Dial;
use crate::time::Duration;
use redis::cmd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// Before it a user of the access control list cannot be kept to channels.
const OLDEST: (u32, u32) = (6, 2);

/// Looks for the engine's primary, and tells of each link to it, until nobody hears it.
pub async fn supervise(
    dial: Arc<dyn Dial>,
    options: EngineOptions,
    events: mpsc::Sender<LinkEvent>,
) {
    let sentinels = Sentinels::new(&options);
    let switched = sentinels.switched();
    let mut supervisor = Supervisor {
        random: fastrand::Rng::with_seed(u64::from_be_bytes(options.gate.0)),
        sentinels,
        scripts: Scripts::new(),
        dial,
        options,
        events,
    };
    let mut pause = CLUSTER_RECONNECT_MIN;
    let mut told = None;
    while !supervisor.events.is_closed() {
        let began = Instant::now();
        match supervisor.serve_one().await {
            Ok(()) => told = None,
            // Once for each reason: the gate's state says how long it lasts.
            Err(error) if told.as_ref() != Some(&error) => {
                let why = error.to_string();
                let event = match error.is_denial() {
                    true => LinkEvent::Refused(why),
                    false => LinkEvent::Down(why),
                };
                supervisor.tell(event).await;
                told = Some(error);
            }
            Err(_) => {}
        }
        // A link that was of no use for long does not count: a user that may not run scripts has
        // one each time.
        if began.elapsed() > CLUSTER_CHECK {
            pause = CLUSTER_RECONNECT_MIN;
        }
        tokio::select! {
            () = sleep(jittered(pause, &mut supervisor.random)) => {
                pause = CLUSTER_RECONNECT_MAX.min(pause * 2);
            }
            // A new primary is there already.
            () = switched.notified() => pause = CLUSTER_RECONNECT_MIN,
        }
    }
}

/// At least half of it: gates that lost the same server do not come back in step.
fn jittered(pause: Duration, random: &mut fastrand::Rng) -> Duration {
    pause.mul_f64(0.5 + random.f64() / 2.0)
}

struct Supervisor {
    random: fastrand::Rng,
    dial: Arc<dyn Dial>,
    options: EngineOptions,
    sentinels: Sentinels,
    scripts: Scripts,
    events: mpsc::Sender<LinkEvent>,
}

/// What is wrong with a server that answers.
enum Check {
    Good,
    /// It did not answer in time.
    Unanswered,
    Bad(String),
}

impl Supervisor {
    /// From a link to its end.
    async fn serve_one(&mut self) -> Result<(), EngineError> {
        let address = self.primary().await?;
        let mut connection = connect(&*self.dial, &self.options, &address, true, None).await?;
        let run_id = examine(&mut connection, &address).await?;
        let mut pushes = self.subscribe(&address, &run_id).await?;
        let complaints = Arc::new(Complaints::default());
        let link = RedisLink::new(
            connection.calls.clone(),
            &self.options,
            self.scripts.clone(),
            Arc::clone(&complaints),
        );
        self.tell(LinkEvent::Up(Arc::new(link) as Arc<dyn EngineLink>))
            .await;
        let ended = connection.ended.clone();
        let listeners = self.events.clone();
        let why = loop {
            tokio::select! {
                () = ended.cancelled() => break connection.why_ended(&address),
                () = complaints.unusable.notified() => {
                    let refusal = complaints.refusal.get().map_or("", String::as_str);
                    break format!("{address} refuses calls: {refusal}");
                },
                () = listeners.closed() => return Ok(()),
                // A new one to the same server, or none at all: what it holds is there alone.
                () = lost(&pushes, &complaints) => match self.subscribe(&address, &run_id).await {
                    Ok(again) => pushes = again,
                    Err(error) => break error.to_string(),
                },
                why = self.watch(&mut connection, &address) => break why,
            }
        };
        self.tell(LinkEvent::Down(why.clone())).await;
        if complaints.refusal.get().is_some_and(|it| is_denial(it)) {
            self.tell(LinkEvent::Refused(why)).await;
        }
        Ok(())
    }

    async fn primary(&mut self) -> Result<String, EngineError> {
        match &self.options.master {
            Some(master) => {
                self.sentinels
                    .primary(&*self.dial, &self.options, master)
                    .await
            }
            None => Ok(self.options.nodes.first().cloned().unwrap_or_default()),
        }
    }

    /// A connection for pushes, to the same server.
    async fn subscribe(&self, address: &str, run_id: &str) -> Result<Connection, EngineError> {
        let pushes = PushSender::new(self.events.clone());
        let sink = Arc::new(move |message: &[u8]| pushes.send(message)) as MessageSink;
        let connecting = connect(&*self.dial, &self.options, address, true, Some(sink));
        let mut connection = connecting.await?;
        if *examine(&mut connection, address).await? != *run_id {
            return Err(EngineError::unusable(address, "it was started anew"));
        }
        let channel = format!("{}push:{}", self.options.prefix, self.options.gate);
        let subscribing = timeout(CLUSTER_CALL, connection.calls.subscribe(channel));
        match subscribing.await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(error)) => Err(EngineError::unusable(address, words(&error))),
            Err(_) => Err(EngineError::unreachable(
                address,
                "it did not answer in time",
            )),
        }
    }

    /// Looks again and again; returns why the server is not to be used any more.
    async fn watch(&mut self, connection: &mut Connection, address: &str) -> String {
        let switched = self.sentinels.switched();
        let mut unanswered = 0;
        let mut next_doubt = Instant::now();
        loop {
            if Instant::now() >= next_doubt {
                self.tell_doubt(connection, address).await;
                next_doubt = Instant::now() + CLUSTER_DOUBT;
            }
            tokio::select! {
                () = sleep(CLUSTER_CHECK) => {}
                () = switched.notified() => {}
            }
            if let Ok(primary) = self.primary().await
                && primary != address
            {
                return format!("{primary} is the primary now, and not {address}");
            }
            match check(connection, address).await {
                Check::Good => unanswered = 0,
                Check::Bad(why) => return why,
                Check::Unanswered => unanswered += 1,
            }
            if unanswered >= CLUSTER_CHECKS_UNANSWERED {
                return format!("{address} does not answer");
            }
        }
    }

    /// That it may evict keys makes no server unusable: those that run so may never be full.
    async fn tell_doubt(&self, connection: &mut Connection, address: &str) {
        if let Ok(text) = read_info(connection, address).await {
            let why = evicts(info(&text, "maxmemory_policy"), info(&text, "maxmemory"));
            self.tell(LinkEvent::Doubted(why.unwrap_or_default())).await;
        }
    }

    async fn tell(&self, event: LinkEvent) {
        // Nobody hears it any more: the gate has ended.
        let _ = self.events.send(event).await;
    }
}

/// Hands on what is pushed. It is a hint: what finds no room is not missed for long, but told.
struct PushSender {
    events: mpsc::Sender<LinkEvent>,
    /// Pushes that found no room, and are not told yet.
    dropped: AtomicU64,
}

impl PushSender {
    fn new(events: mpsc::Sender<LinkEvent>) -> Self {
        Self {
            events,
            dropped: AtomicU64::new(0),
        }
    }

    fn send(&self, message: &[u8]) {
        let Some(push) = Push::read(message) else {
            return;
        };
        if !self.has_room(&push)
            || !self.tell_dropped()
            || self.events.try_send(LinkEvent::Pushed(push)).is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Other gates' messages leave room for turns.
    fn has_room(&self, push: &Push) -> bool {
        let waiting = self.events.max_capacity() - self.events.capacity();
        !matches!(push, Push::Message(_)) || waiting < CLUSTER_MESSAGES_MAX
    }

    /// Before one that finds room: told at each that is dropped, it would take that room itself.
    /// `false`: it could not be told.
    fn tell_dropped(&self) -> bool {
        let count = self.dropped.swap(0, Ordering::Relaxed);
        let is_told = count == 0
            || self
                .events
                .try_send(LinkEvent::PushesDropped(count))
                .is_ok();
        if !is_told {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
        is_told
    }
}

/// Returns when pushes do not come any more.
async fn lost(pushes: &Connection, complaints: &Complaints) {
    tokio::select! {
        () = pushes.ended.cancelled() => {}
        () = complaints.deaf.notified() => {}
    }
}

async fn check(connection: &mut Connection, address: &str) -> Check {
    match ask(&mut connection.calls, address, &cmd("ROLE")).await {
        Ok(EngineReply::List(role))
            if role.first() == Some(&EngineReply::Bytes(b"master".to_vec())) =>
        {
            Check::Good
        }
        Ok(_) => Check::Bad(format!("{address} is no primary any more")),
        Err(EngineError::Unreachable { .. }) => Check::Unanswered,
        Err(error) => Check::Bad(error.to_string()),
    }
}

/// The `run_id` of a server that popgate can use: the primary of what is no Redis Cluster, and not
/// too old.
pub(super) async fn examine(
    connection: &mut Connection,
    address: &str,
) -> Result<Arc<str>, EngineError> {
    let role = ask(&mut connection.calls, address, &cmd("ROLE")).await?;
    let text = read_info(connection, address).await?;
    if let Some(why) = misfit(texts(role).first().map(String::as_str), &text) {
        return Err(EngineError::unusable(address, why));
    }
    match info(&text, "run_id") {
        Some(run) => Ok(Arc::from(run)),
        None => Err(EngineError::unusable(address, "INFO does not name its run")),
    }
}

/// Why a server with this role, which says this of itself, is not to be used; `None`: it is.
fn misfit(role: Option<&str>, info_text: &str) -> Option<String> {
    match role {
        Some("master") => {}
        Some("sentinel") => {
            return Some("it is a Sentinel: say in `master` what it calls the primary".to_owned());
        }
        _ => return Some("it is a replica, and no primary".to_owned()),
    }
    // Valkey's own name for it is the second one.
    let modes = ["redis_mode", "server_mode"];
    if modes
        .iter()
        .any(|mode| info(info_text, mode) == Some("cluster"))
    {
        let why = "it is a node of a Redis Cluster, over which popgate's keys cannot be spread: \
                   use one that runs with cluster-enabled no";
        return Some(why.to_owned());
    }
    // Valkey says here with which Redis it is compatible.
    let version = info(info_text, "redis_version")?;
    let mut parts = version.split('.').map(|it| it.parse::<u32>().unwrap_or(0));
    let number = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    (number < OLDEST)
        .then(|| format!("it is of version {version}: use Redis 6.2 or later, or Valkey"))
}

#[cfg(test)]
mod tests;
