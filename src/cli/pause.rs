//! `popgate pause` and `popgate resume`: logins wait, sessions go on.

use super::ExitStatus;
use super::client::{Failure, percent_encoded};
use super::listing::{OutputArgs, print_json};
use super::print;
use super::target::GateArgs;
use super::text::escaped;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

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
    subject: Subject,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Let the logins of a paused tenant or backend go on
#[derive(Args, Debug)]
#[command(after_help = "\
Logins that wait go on at once, in the order in which they came.

Example:
  popgate resume tenant shop")]
pub(super) struct ResumeArgs {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Args, Debug)]
struct Subject {
    /// What it is
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,
    /// Its name in the configuration
    #[arg(value_name = "NAME")]
    name: String,
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
        let resume = format!("popgate resume {}", self.subject.shown());
        let effect = format!("logins wait, open sessions go on; `{resume}` ends it");
        self.subject
            .change("pause", "paused", &effect, &self.target, self.output)
    }
}

impl ResumeArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let effect = "logins go on";
        self.subject
            .change("resume", "resumed", effect, &self.target, self.output)
    }
}

impl Subject {
    fn change(
        &self,
        action: &str,
        done: &str,
        effect: &str,
        target: &GateArgs,
        output: OutputArgs,
    ) -> ExitStatus {
        match self.ask(action, target) {
            Ok(answer) if output.json => print_json(&answer),
            Ok(_) => print(
                format!("{done} {}: {effect}", self.shown()),
                ExitStatus::Done,
            ),
            Err(failure) => failure.tell(),
        }
    }

    fn ask(&self, action: &str, target: &GateArgs) -> Result<Value, Failure> {
        let list = match self.kind {
            Kind::Tenant => "tenants",
            Kind::Backend => "backends",
        };
        let name = percent_encoded(&self.name);
        target
            .client()?
            .post(&format!("/{list}/{name}/{action}"), &json!({}))
    }

    fn shown(&self) -> String {
        let kind = match self.kind {
            Kind::Tenant => "tenant",
            Kind::Backend => "backend",
        };
        format!("{kind} {}", escaped(&self.name))
    }
}
