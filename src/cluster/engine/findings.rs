//! What the engine's operator should know of it, and change.

use super::access::acl_line;
use super::survey::EngineSurvey;
use crate::str_enum::str_enum;

/// Replicas of which nothing was heard for longer than this many seconds do not count: the manual
/// asks for it.
const MAX_LAG: u64 = 10;

const EVICTS: &str = "when its memory is full it evicts keys, and so forgets who holds a mailbox";

const EVICTS_NO_MORE: &str = "set maxmemory-policy to noeviction, in its file and with CONFIG SET";

/// What an operator is told of an engine that runs with this policy and this bound, as `INFO` says
/// them; `None`: it evicts no keys, or does not say.
pub(super) fn evicts(policy: Option<&str>, bound: Option<&str>) -> Option<String> {
    let policy = policy.filter(|policy| *policy != "noeviction")?;
    let bound = bound.filter(|bound| *bound != "0")?;
    Some(format!(
        "maxmemory-policy {policy}, maxmemory {bound}: {EVICTS}; {EVICTS_NO_MORE}"
    ))
}

str_enum! {
    /// How grave a finding is.
    EngineVerdict {
        /// As it should be.
        Fit = "ok",
        /// It works, and may disappoint.
        Doubtful = "warn",
        /// popgate cannot work with it.
        Unfit = "fault",
    }
}

/// Something about the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineFinding {
    /// How grave it is.
    pub verdict: EngineVerdict,
    /// What it is about, in a word.
    pub topic: &'static str,
    /// What was seen.
    pub what: String,
    /// What follows from it; empty where it is as it should be.
    pub effect: &'static str,
    /// What to do; empty likewise.
    pub remedy: String,
}

impl EngineFinding {
    fn fit(topic: &'static str, what: String) -> Self {
        Self {
            verdict: EngineVerdict::Fit,
            topic,
            what,
            effect: "",
            remedy: String::new(),
        }
    }
}

impl EngineSurvey {
    /// What was found, one finding for each topic.
    #[must_use]
    pub fn findings(&self) -> Vec<EngineFinding> {
        vec![
            self.reach(),
            self.access(),
            self.writes(),
            self.memory(),
            self.persistence(),
            self.copies(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn reach(&self) -> Option<EngineFinding> {
        let milliseconds = self.ping.as_secs_f64() * 1000.0;
        let primary = match self.replication.has_sentinels {
            true => ", and its Sentinels name it as the primary",
            false => "",
        };
        let what = format!("it answers in {milliseconds:.1} ms{primary}");
        Some(EngineFinding::fit("reach", what))
    }

    fn access(&self) -> Option<EngineFinding> {
        let (user, prefix) = &self.user;
        let refused: Vec<&str> = self
            .refused
            .iter()
            .filter(|why| state_remedy(why).is_none())
            .map(String::as_str)
            .collect();
        if refused.is_empty() {
            let what = format!("user {user} may do all that gates need");
            return Some(EngineFinding::fit("access", what));
        }
        Some(EngineFinding {
            verdict: EngineVerdict::Unfit,
            topic: "access",
            what: format!("user {user} is refused {}", refused.join("; ")),
            effect: "gates cannot agree whose turn it is",
            remedy: access_remedy(Some(user), prefix),
        })
    }

    /// What is refused to everybody, in the state that the engine is in.
    fn writes(&self) -> Option<EngineFinding> {
        // One stands for all: each command that writes is refused so.
        let (why, remedy) = self
            .refused
            .iter()
            .find_map(|why| Some((why, state_remedy(why)?)))?;
        Some(EngineFinding {
            verdict: EngineVerdict::Unfit,
            topic: "writes",
            what: format!("it refuses writes: {why}"),
            effect: "gates cannot agree whose turn it is",
            remedy: remedy.to_owned(),
        })
    }

    fn memory(&self) -> Option<EngineFinding> {
        let bound = match self.memory_max {
            0 => "no maxmemory".to_owned(),
            octets => format!("maxmemory {octets}"),
        };
        let what = format!("maxmemory-policy {}, {bound}", self.memory_policy);
        if self.memory_policy == "noeviction" {
            return Some(EngineFinding::fit("memory", what));
        }
        // Without a bound it evicts nothing, until somebody sets one.
        let (verdict, effect) = match self.memory_max {
            0 => (
                EngineVerdict::Doubtful,
                "with a maxmemory it would evict keys, and so forget who holds a mailbox",
            ),
            _ => (EngineVerdict::Unfit, EVICTS),
        };
        Some(EngineFinding {
            verdict,
            topic: "memory",
            what,
            effect,
            remedy: EVICTS_NO_MORE.to_owned(),
        })
    }

    fn persistence(&self) -> Option<EngineFinding> {
        let log = match (self.disk.has_log, &self.disk.log_sync) {
            (true, Some(sync)) => format!("append-only file, appendfsync {sync}"),
            (true, None) => "append-only file".to_owned(),
            (false, _) => "no append-only file".to_owned(),
        };
        let snapshots = match self.disk.snapshots.as_deref() {
            Some("") => "no snapshots".to_owned(),
            Some(save) => format!("snapshots by save {save}"),
            None => "whether there are snapshots cannot be seen: CONFIG is refused".to_owned(),
        };
        let what = format!("{log}, {snapshots}");
        let doubt = |effect, remedy: &str| EngineFinding {
            verdict: EngineVerdict::Doubtful,
            topic: "persistence",
            what: what.clone(),
            effect,
            remedy: remedy.to_owned(),
        };
        Some(if self.disk.has_failed {
            doubt(
                "its last write to the disk failed: it may refuse writes, and forgets at a restart",
                "make room on its disk; its log says what is wrong",
            )
        } else if self.disk.has_log {
            EngineFinding::fit("persistence", what)
        } else if self.disk.snapshots.as_deref() == Some("") {
            doubt(
                "after a restart it is empty: for 2 s nobody is given a turn while gates say what \
                 they hold and tell it the block list; which passwords were accepted is forgotten",
                "set appendonly to yes and appendfsync to everysec",
            )
        } else {
            doubt(
                "after a restart it has what it had at the last snapshot, if any: passwords \
                 accepted since are forgotten, and gates tell it the rest",
                "set appendonly to yes and appendfsync to everysec",
            )
        })
    }

    /// A primary that is cut off from all others must not go on giving turns away.
    fn copies(&self) -> Option<EngineFinding> {
        let seen = &self.replication;
        let said =
            |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), |it| it.to_string());
        let what = match (seen.replicas, seen.has_sentinels) {
            (0, false) => "no replica, no Sentinels".to_owned(),
            (replicas, _) => format!(
                "replicas: {replicas}, min-replicas-to-write {}, min-replicas-max-lag {}",
                said(seen.needed),
                said(seen.max_lag)
            ),
        };
        let (effect, remedy) = match *seen {
            _ if seen.replicas == 0 && seen.has_sentinels => (
                "when it fails, its Sentinels have nobody to take its place",
                "start a replica of it",
            ),
            _ if seen.replicas == 0 => (
                "while it is down, each gate does as its on_outage says",
                "if that will not do, run a replica and three Sentinels",
            ),
            _ if seen.needed == Some(0) => (
                "a primary that was cut off and replaced still gives turns to gates beside it",
                "set min-replicas-to-write to 1, and min-replicas-max-lag to 10",
            ),
            // 0: the lag is not looked at, and nor is the number.
            _ if seen.max_lag.is_some_and(|lag| lag == 0 || lag > MAX_LAG) => (
                "a primary that was cut off and replaced gives turns to gates beside it for that \
                 many seconds; 0: for ever",
                "set min-replicas-max-lag to 10 or less",
            ),
            _ => return Some(EngineFinding::fit("replication", what)),
        };
        Some(EngineFinding {
            verdict: EngineVerdict::Doubtful,
            topic: "replication",
            what,
            effect,
            remedy: remedy.to_owned(),
        })
    }
}

/// What to do about a user who may not do enough. The engine's default user is its administrator's,
/// and keeps what it may.
pub(super) fn access_remedy(username: Option<&str>, prefix: &str) -> String {
    match username.filter(|user| *user != "default") {
        Some(user) => format!("allow {user} what it needs: {}", acl_line(user, prefix)),
        None => format!(
            "write username = \"popgate\" and a password_file in [cluster], and make that user: {}",
            acl_line("popgate", prefix)
        ),
    }
}

/// What to do about a refusal that comes from the state that the engine is in, and not from its
/// access control list.
fn state_remedy(why: &str) -> Option<&'static str> {
    const REMEDIES: [(&str, &str); 4] = [
        (
            "OOM ",
            "raise its maxmemory, or remove what others keep in it",
        ),
        (
            "NOREPLICAS ",
            "start its replicas again, or lower min-replicas-to-write",
        ),
        (
            "MISCONF ",
            "make room on its disk; its log says what is wrong",
        ),
        (
            "READONLY ",
            "name the primary in nodes of [cluster], and not a replica",
        ),
    ];
    let known = REMEDIES.iter().find(|(code, _)| why.contains(code));
    known.map(|(_, remedy)| *remedy)
}
