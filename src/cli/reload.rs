//! `popgate reload`: a running gate takes its configuration anew.

use super::client::Failure;
use super::target::GateArgs;
use super::text::{escaped, json_line};
use super::{ExitStatus, print};
use crate::admin::model::ReloadInfo;
use clap::Args;
use serde_json::json;

/// Let the running popgate read its configuration and certificates anew
#[derive(Args, Debug)]
#[command(after_help = "\
All of the file is taken over, or, where it has a mistake, nothing: the mistake is shown, and
popgate goes on as before. Sessions go on in any case.

Example:
  popgate reload")]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    target: GateArgs,
    /// Output JSON
    #[arg(long)]
    json: bool,
}

impl ReloadArgs {
    pub(super) fn run(&self) -> ExitStatus {
        match (self.changes(), self.json) {
            (Ok(changes), false) => print(told(&changes), ExitStatus::Done),
            (Ok(changes), true) => {
                let verdict = json!({ "ok": true, "changes": changes });
                print(json_line(&verdict), ExitStatus::Done)
            }
            (Err(failure), false) => failure.tell(),
            (Err(failure), true) => {
                let exit = failure.tell();
                let verdict = json!({ "ok": false, "error": failure.why });
                print(json_line(&verdict), exit)
            }
        }
    }

    fn changes(&self) -> Result<Vec<String>, Failure> {
        let client = self.target.client()?;
        let reloaded: ReloadInfo = client.post("/reload", &json!({}))?;
        Ok(reloaded.changes)
    }
}

fn told(changes: &[String]) -> String {
    if changes.is_empty() {
        return "Reloaded: nothing has changed.".to_owned();
    }
    changes
        .iter()
        .map(|change| escaped(change))
        .collect::<Vec<_>>()
        .join("\n")
}
