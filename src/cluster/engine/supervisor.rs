//! Keeps one good connection to the primary, and follows it to another server.

use super::connect::{Connection, EngineError, EngineOptions, ask, connect, info, texts, words};
use super::link::{Complaints, RedisLink, Scripts};
use super::sentinel::Sentinels;
use crate::cluster::link::{EngineLink, LinkEvent};
use crate::cluster::protocol::{EngineReply, Push};
use crate::limits::{
    CLUSTER_CALL, CLUSTER_CHECK, CLUSTER_CHECKS_UNANSWERED, CLUSTER_RECONNECT_MAX,
    CLUSTER_RECONNECT_MIN,
};
use crate::net::Dial;
use redis::cmd;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// Looks for the engine's primary, and tells of each link to it, until nobody hears it.
pub async fn supervise(
    dial: Arc<dyn Dial>,
    options: EngineOptions,
    events: mpsc::Sender<LinkEvent>,
) {
    let mut supervisor = Supervisor {
        sentinels: Sentinels::new(&options),
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
                supervisor.tell(LinkEvent::Down(error.to_string())).await;
                told = Some(error);
            }
            Err(_) => {}
        }
        // A link that was of no use for long does not count: a user that may not run scripts has
        // one each time.
        if began.elapsed() > CLUSTER_CHECK {
            pause = CLUSTER_RECONNECT_MIN;
        }
        sleep(pause).await;
        pause = CLUSTER_RECONNECT_MAX.min(pause * 2);
    }
}

struct Supervisor {
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
            Arc::clone(&run_id),
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
                () = ended.cancelled() => break format!("{address} ended the connection"),
                () = complaints.unusable.notified() => break format!("{address} refuses calls"),
                () = listeners.closed() => return Ok(()),
                // A new one to the same server, or none at all: what it holds is there alone.
                () = lost(&pushes, &complaints) => match self.subscribe(&address, &run_id).await {
                    Ok(again) => pushes = again,
                    Err(error) => break error.to_string(),
                },
                why = self.watch(&mut connection, &address) => break why,
            }
        };
        self.tell(LinkEvent::Down(why)).await;
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
        let events = self.events.clone();
        let sink = move |push: Push| {
            // A push is a hint: what finds no room is not missed for long.
            let _ = events.try_send(LinkEvent::Pushed(push));
        };
        let sink = Some(Arc::new(sink) as Arc<dyn Fn(Push) + Send + Sync>);
        let mut connection = connect(&*self.dial, &self.options, address, true, sink).await?;
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
        let mut unanswered = 0;
        loop {
            sleep(CLUSTER_CHECK).await;
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

/// The `run_id` of a server that is a primary.
pub(super) async fn examine(
    connection: &mut Connection,
    address: &str,
) -> Result<Arc<str>, EngineError> {
    let role = ask(&mut connection.calls, address, &cmd("ROLE")).await?;
    let why = match texts(role).first().map(String::as_str) {
        Some("master") => None,
        Some("sentinel") => Some("it is a Sentinel: say in `master` what it calls the primary"),
        _ => Some("it is a replica, and no primary"),
    };
    if let Some(why) = why {
        return Err(EngineError::unusable(address, why));
    }
    let mut question = cmd("INFO");
    question.arg("server");
    let EngineReply::Bytes(text) = ask(&mut connection.calls, address, &question).await? else {
        return Err(EngineError::unusable(address, "INFO says nothing"));
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    info(&text, "run_id")
        .map(Arc::from)
        .ok_or_else(|| EngineError::unusable(address, "INFO has no run_id"))
}
