//! Who is the primary, by the word of the Sentinels.

use super::connect::{Connection, EngineError, EngineOptions, MessageSink, ask, connect, texts};
use crate::limits::CLUSTER_CALL;
use crate::net::Dial;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::cmd;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::timeout;

/// What a Sentinel says on this channel: that it knows another primary from now on.
const SWITCHED: &str = "+switch-master";

/// Connections to the Sentinels, made when they are needed.
pub(super) struct Sentinels {
    connections: Vec<Option<Connection>>,
    switched: Arc<Notify>,
}

impl Sentinels {
    pub(super) fn new(options: &EngineOptions) -> Self {
        Self {
            connections: options.nodes.iter().map(|_| None).collect(),
            switched: Arc::default(),
        }
    }

    /// Notified when one of them says that there is another primary. They are to be asked then: one
    /// alone decides nothing, and what it says may be lost.
    pub(super) fn switched(&self) -> Arc<Notify> {
        Arc::clone(&self.switched)
    }

    /// The address that a majority of all that are configured names. One that is away, or in the
    /// minority of a partition, is outvoted.
    ///
    /// # Errors
    /// There is no such address.
    pub(super) async fn primary(
        &mut self,
        dial: &dyn Dial,
        options: &EngineOptions,
        master: &str,
    ) -> Result<String, EngineError> {
        let heard = hears_of(master, &self.switched);
        let asked = options.nodes.iter().zip(&mut self.connections);
        let answers = asked.map(|(node, connection)| {
            let asking = AskedSentinel {
                dial,
                options,
                node,
                heard: &heard,
            };
            asking.ask(connection, master)
        });
        let mut answers: FuturesUnordered<_> = answers.collect();
        let needed = options.nodes.len() / 2 + 1;
        let mut votes: HashMap<String, usize> = HashMap::new();
        // The primary's host often runs a Sentinel, too: nobody waits for it when both are away.
        while let Some(answer) = answers.next().await {
            let Some(address) = answer else { continue };
            let votes = votes.entry(address.clone()).or_default();
            *votes += 1;
            if *votes >= needed {
                return Ok(address);
            }
        }
        Err(EngineError::NoMajority {
            master: master.to_owned(),
            asked: options.nodes.len(),
            agree: votes.into_values().max().unwrap_or(0),
            needed,
        })
    }
}

/// Notifies of each switch of `master`; a Sentinel can look after others, too.
fn hears_of(master: &str, switched: &Arc<Notify>) -> MessageSink {
    let begins_with = format!("{master} ");
    let switched = Arc::clone(switched);
    Arc::new(move |message: &[u8]| {
        if message.starts_with(begins_with.as_bytes()) {
            switched.notify_one();
        }
    })
}

/// One Sentinel, who is asked.
struct AskedSentinel<'a> {
    dial: &'a dyn Dial,
    options: &'a EngineOptions,
    node: &'a str,
    heard: &'a MessageSink,
}

impl AskedSentinel<'_> {
    /// Most Sentinels have no users; where they have, it is the engine's.
    async fn log_in(&self) -> Option<Connection> {
        match self.connect(false).await {
            Ok(connection) => Some(connection),
            Err(EngineError::Unusable { .. }) if self.options.password.is_some() => {
                self.connect(true).await.ok()
            }
            Err(_) => None,
        }
    }

    async fn connect(&self, has_user: bool) -> Result<Connection, EngineError> {
        let heard = Some(Arc::clone(self.heard));
        let connecting = connect(self.dial, self.options, self.node, has_user, heard);
        let mut connection = connecting.await?;
        // A user who may not is not told, and asks as often as ever.
        let _ = timeout(CLUSTER_CALL, connection.calls.subscribe(SWITCHED)).await;
        Ok(connection)
    }

    /// What it says; none where it cannot be asked.
    async fn ask(self, connection: &mut Option<Connection>, master: &str) -> Option<String> {
        if connection.as_ref().is_none_or(|it| it.ended.is_cancelled()) {
            *connection = self.log_in().await;
        }
        let calls = &mut connection.as_mut()?.calls;
        let mut question = cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
        let Ok(answer) = ask(calls, self.node, &question).await else {
            *connection = None;
            return None;
        };
        match &texts(answer)[..] {
            [host, port] if host.contains(':') => Some(format!("[{host}]:{port}")),
            [host, port] => Some(format!("{host}:{port}")),
            _ => None,
        }
    }
}
