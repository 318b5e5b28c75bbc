//! `popgate pause` and `popgate resume`: logins wait, sessions go on.

use super::ExitStatus;
use super::client::{Failure, percent_encoded};
use super::listing::OutputArgs;
use super::target::GateArgs;
use super::text::escaped;
use crate::admin::model::ReasonBody;
use clap::{Args, ValueEnum};
use serde_json::Value;

/// Let the logins of a tenant or backend wait; open sessions go on
#[derive(Args, Debug)]
#[command(after_help = "\
A login that waits gets an error when its `wait` is spent, so pause for seconds rather than minutes.
A pause outlives a reload and ends with `popgate resume` or a restart.

Example, around a short restart of the server behind:
  popgate pause backend legacy
  popgate resume backend legacy")]
pub(super) struct PauseArgs {
    #[command(flatten)]
    change: PauseChange,
}

/// Let the logins of a paused tenant or backend go on
#[derive(Args, Debug)]
#[command(after_help = "\
Logins that wait go on at once, in the order in which they came.

Example:
  popgate resume tenant shop")]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    change: PauseChange,
}

/// What is paused or resumed
#[derive(Args, Debug)]
struct PauseChange {
    /// What it is
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    /// Its name in the configuration
    #[arg(value_name = "NAME")]
    name: String,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Logins of one [[tenant]], or of `default`
    Tenant,
    /// Logins to one [[backend]]
    Backend,
}

impl PauseArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let resume = format!("popgate resume {}", self.change.subject());
        let effect = format!("logins wait, open sessions go on; `{resume}` ends it");
        self.change.run("pause", "paused", &effect)
    }
}

impl ResumeArgs {
    pub(super) fn run(&self) -> ExitStatus {
        self.change.run("resume", "resumed", "logins go on")
    }
}

impl PauseChange {
    fn run(&self, action: &str, done: &str, effect: &str) -> ExitStatus {
        let text = |_: &Value, _| format!("{done} {}: {effect}", self.subject());
        self.output.print(self.ask(action), text)
    }

    fn ask(&self, action: &str) -> Result<Value, Failure> {
        let list = match self.kind {
            Kind::Tenant => "tenants",
            Kind::Backend => "backends",
        };
        let path = format!("/{list}/{}/{action}", percent_encoded(&self.name));
        let body = ReasonBody {
            reason: self.reason.clone(),
        };
        self.target.client()?.post(&path, &body)
    }

    fn subject(&self) -> String {
        let kind = match self.kind {
            Kind::Tenant => "tenant",
            Kind::Backend => "backend",
        };
        format!("{kind} {}", escaped(&self.name))
    }
}
