//! `popgate log`: how much the running gate logs.

use super::ExitStatus;
use super::client::Failure;
use super::listing::OutputArgs;
use super::target::GateArgs;
use super::text::escaped;
use crate::admin::model::LogLevel;
use clap::Args;

/// Show or change the log level of the running popgate
#[derive(Args, Debug)]
#[command(after_help = "\
The level is back to that of the environment (RUST_LOG, else info) after a restart.

Examples:
  popgate log               show the level
  popgate log debug         log more, until you set it back
  popgate log info")]
pub(super) struct LogArgs {
    /// The new level: error, warn, info, debug, trace, or a filter as in RUST_LOG
    #[arg(value_name = "LEVEL")]
    level: Option<String>,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl LogArgs {
    pub(super) fn run(&self) -> ExitStatus {
        self.output
            .print(self.ask(), |answer, _| escaped(&answer.level))
    }

    fn ask(&self) -> Result<LogLevel, Failure> {
        let gate = self.target.client()?;
        match &self.level {
            Some(level) => gate.post(
                "/log",
                &LogLevel {
                    level: level.clone(),
                },
            ),
            None => gate.get("/log", &[]),
        }
    }
}
