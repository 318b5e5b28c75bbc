//! `popgate kick`: a session ends.

use super::ExitStatus;
use super::client::{AdminClient, Failure, percent_encoded};
use super::listing::{OutputArgs, print_json};
use super::print;
use super::target::GateArgs;
use super::text::escaped;
use super::units::duration;
use crate::admin::model::{KickInfo, LockInfo, ReasonBody, SessionInfo};
use clap::Args;

/// Close a session, so that the next one in the queue gets the mailbox
#[derive(Args, Debug)]
#[command(after_help = "\
The session is closed without QUIT, so that the server deletes nothing: its program may fetch
messages a second time. One that has sent QUIT is never closed, and ends by itself. Most programs
come back after a while; to keep one out, change its password or its settings.

Examples:
  popgate kick 4711 --reason 'phone left on, ticket 2318'
  popgate kick --maildrop ann@example.com   whoever is in it now
  popgate kick 4711 --gate pop2             at another gate")]
#[command(group = clap::ArgGroup::new("which").required(true).args(["session", "maildrop"]))]
pub(super) struct KickArgs {
    /// Number of the session, as `popgate locks` and `popgate sessions` list it
    #[arg(value_name = "SESSION")]
    session: Option<u64>,
    /// The session that holds this mailbox now, by the name that `popgate locks` shows
    #[arg(long, value_name = "NAME")]
    maildrop: Option<String>,
    /// The gate of the cluster that has the session, by the name that `popgate locks --all` shows
    #[arg(long, value_name = "NAME", conflicts_with = "maildrop")]
    gate: Option<String>,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl KickArgs {
    pub(super) fn run(&self) -> ExitStatus {
        match self.kick() {
            Ok((_, answer)) if self.output.json => print_json(&answer),
            Ok((told, _)) => print(told, ExitStatus::Done),
            Err(failure) => failure.tell(),
        }
    }

    /// What is said of it, and the answer.
    fn kick(&self) -> Result<(String, KickInfo), Failure> {
        let gate = self.target.client()?;
        let body = ReasonBody {
            reason: self.reason.clone(),
        };
        if let (Some(id), Some(other)) = (self.session, &self.gate) {
            let there = percent_encoded(other);
            let answer = gate.post(&format!("/sessions/{id}/kick?gate={there}"), &body)?;
            let told = format!("kicked session {id} at gate {}", escaped(other));
            return Ok((told, answer));
        }
        let id = match (self.session, &self.maildrop) {
            (Some(id), _) => id,
            (None, Some(maildrop)) => holder(&gate, maildrop)?,
            (None, None) => return Err(Failure::usage("a session or --maildrop is needed")),
        };
        let session = gate.get(&format!("/sessions/{id}"), &[])?;
        let answer = gate.post(&format!("/sessions/{id}/kick"), &body)?;
        Ok((told(&session), answer))
    }
}

/// The number of the session that holds the maildrop of exactly this name.
fn holder(gate: &AdminClient, maildrop: &str) -> Result<u64, Failure> {
    let query = [("maildrop", maildrop.to_owned())];
    let locks = gate.list::<LockInfo>("/locks", &query, None)?.items;
    let holders: Vec<u64> = locks
        .iter()
        .filter(|lock| lock.maildrop.eq_ignore_ascii_case(maildrop))
        .filter_map(|lock| Some(lock.holder.as_ref()?.session))
        .collect();
    let name = escaped(maildrop);
    match *holders {
        [] => Err(Failure::usage(format!(
            "nobody holds the maildrop {name} at this gate\nhint: `popgate locks --all` shows who \
             holds which, and at which gate: kick by session with --gate"
        ))),
        [one] => Ok(one),
        // Backends apart from each other can have maildrops of one name.
        _ => Err(Failure::usage(format!(
            "{name} is the name of {} maildrops on different backends\nhint: kick by session: {}",
            holders.len(),
            holders
                .iter()
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}

fn told(session: &SessionInfo) -> String {
    let maildrop = session.maildrop.as_deref().map_or_else(
        || "before login".to_owned(),
        |maildrop| format!("in {}", escaped(maildrop)),
    );
    format!(
        "kicked session {}: {}, {maildrop}, after {}",
        session.id,
        escaped(&session.client),
        duration(session.open_seconds)
    )
}
