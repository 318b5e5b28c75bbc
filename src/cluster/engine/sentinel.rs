//! Who is the primary, by the word of the Sentinels.

use super::connect::{Connection, EngineError, EngineOptions, ask, connect, texts};
use crate::net::Dial;
use futures_util::future::join_all;
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
        let mut votes: HashMap<String, usize> = HashMap::new();
        for address in join_all(answers).await.into_iter().flatten() {
            *votes.entry(address).or_default() += 1;
        }
        let needed = options.nodes.len() / 2 + 1;
        let best = votes.into_iter().max_by_key(|(_, votes)| *votes);
        let agree = best.as_ref().map_or(0, |(_, votes)| *votes);
        best.filter(|(_, votes)| *votes >= needed)
            .map(|(address, _)| address)
            .ok_or_else(|| EngineError::NoMajority {
                master: master.to_owned(),
                asked: options.nodes.len(),
                agree,
                needed,
            })
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
        // Sentinels have users of their own, or none.
        *connection = connect(dial, options, node, false, None).await.ok();
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
