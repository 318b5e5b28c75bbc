//! Who is the primary, by the word of the Sentinels.

use super::connect::{Connection, EngineError, EngineOptions, ask, connect, texts};
use crate::net::Dial;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::cmd;
use std::collections::HashMap;

/// Connections to the Sentinels, made when they are needed.
pub(super) struct Sentinels {
    connections: Vec<Option<Connection>>,
}

impl Sentinels {
    pub(super) fn new(options: &EngineOptions) -> Self {
        Self {
            connections: options.nodes.iter().map(|_| None).collect(),
        }
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
        let asked = options.nodes.iter().zip(&mut self.connections);
        let answers = asked.map(|(node, connection)| one(dial, options, node, connection, master));
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

/// Most Sentinels have no users; where they have, it is the engine's.
async fn log_in(dial: &dyn Dial, options: &EngineOptions, node: &str) -> Option<Connection> {
    match connect(dial, options, node, false, None).await {
        Ok(connection) => Some(connection),
        Err(EngineError::Unusable { .. }) if options.password.is_some() => {
            connect(dial, options, node, true, None).await.ok()
        }
        Err(_) => None,
    }
}

/// What one Sentinel says; none where it cannot be asked.
async fn one(
    dial: &dyn Dial,
    options: &EngineOptions,
    node: &str,
    connection: &mut Option<Connection>,
    master: &str,
) -> Option<String> {
    if connection.as_ref().is_none_or(|it| it.ended.is_cancelled()) {
        *connection = log_in(dial, options, node).await;
    }
    let calls = &mut connection.as_mut()?.calls;
    let mut question = cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(master);
    let Ok(answer) = ask(calls, node, &question).await else {
        *connection = None;
        return None;
    };
    match &texts(answer)[..] {
        [host, port] if host.contains(':') => Some(format!("[{host}]:{port}")),
        [host, port] => Some(format!("{host}:{port}")),
        _ => None,
    }
}
