//! Keeps one good connection to the primary, and follows it to another server.

use super::connect::{
    Connection, EngineError, EngineOptions, MessageSink, ask, connect, info, is_denial, read_info,
    texts, words,
};
use super::link::{Complaints, RedisLink, Scripts};
use super::sentinel::Sentinels;
use crate::cluster::link::{EngineLink, LinkEvent};
use crate::cluster::protocol::{EngineReply, Push};
use crate::limits::{
    CLUSTER_CALL, CLUSTER_CHECK, CLUSTER_CHECKS_UNANSWERED, CLUSTER_MESSAGES_MAX,
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
        loop {
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
        let before = self.dropped.swap(0, Ordering::Relaxed);
        if before > 0 {
            let told = self.events.try_send(LinkEvent::PushesDropped(before));
            let untold = if told.is_ok() { 0 } else { before };
            self.dropped.fetch_add(untold, Ordering::Relaxed);
        }
        let waiting = self.events.max_capacity() - self.events.capacity();
        let is_message = matches!(push, Push::Message(_));
        let has_room = !is_message || waiting < CLUSTER_MESSAGES_MAX;
        if !has_room || self.events.try_send(LinkEvent::Pushed(push)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
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
mod tests {
    use super::*;

    #[test]
    fn gates_that_lost_one_server_do_not_come_back_in_step() {
        let pauses = |seed| {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..20).map(move |_| jittered(CLUSTER_RECONNECT_MAX, &mut random))
        };
        let least = CLUSTER_RECONNECT_MAX / 2;
        assert!(pauses(1).all(|it| (least..=CLUSTER_RECONNECT_MAX).contains(&it)));
        let in_step = pauses(1)
            .zip(pauses(2))
            .filter(|(one, other)| one.abs_diff(*other) < Duration::from_millis(1));
        assert!(in_step.count() < 3);
    }

    #[test]
    fn pushes_without_room_are_counted() {
        let (events, mut heard) = mpsc::channel(2);
        let pushes = PushSender::new(events);
        for ping in [b"p1", b"p2", b"p3", b"p4", b"p5"] {
            pushes.send(ping);
        }
        pushes.send(b"none of popgate's");
        let mut next = || match heard.try_recv() {
            Ok(LinkEvent::Pushed(Push::Ping(number))) => Ok(number),
            Ok(LinkEvent::PushesDropped(count)) => Err(count),
            _ => panic!("nothing"),
        };
        assert_eq!([next(), next()], [Ok(1), Ok(2)]);
        pushes.send(b"p6");
        assert_eq!([next(), next()], [Err(3), Ok(6)]);
        pushes.send(b"p7");
        assert_eq!(next(), Ok(7), "told once");
    }

    #[test]
    fn a_server_that_will_not_do_is_told_why() {
        let says = |version: &str, mode: &str| {
            format!("# Server\r\nredis_version:{version}\r\nredis_mode:{mode}\r\n")
        };
        for (role, info, why) in [
            ("master", says("6.2.0", "standalone"), None),
            ("master", says("10.0.1", "standalone"), None),
            ("master", says("7.2.4", "standalone"), None),
            // A service that hides it.
            ("master", String::new(), None),
            (
                "master",
                says("6.0.16", "standalone"),
                Some("6.0.16: use Redis 6.2"),
            ),
            ("master", says("5.0", "standalone"), Some("version 5.0")),
            ("master", says("7.0.15", "cluster"), Some("Redis Cluster")),
            (
                "master",
                "server_mode:cluster\r\nredis_version:7.2.4\r\n".to_owned(),
                Some("Redis Cluster"),
            ),
            (
                "slave",
                says("7.0.15", "standalone"),
                Some("it is a replica"),
            ),
            (
                "sentinel",
                says("7.0.15", "sentinel"),
                Some("say in `master`"),
            ),
        ] {
            let said = misfit(Some(role), &info);
            match why {
                None => assert_eq!(said, None, "{role} {info}"),
                Some(why) => assert!(said.as_ref().is_some_and(|it| it.contains(why)), "{said:?}"),
            }
        }
    }
}
