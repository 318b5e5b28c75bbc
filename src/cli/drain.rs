//! `popgate drain`: the gate takes nobody new, and ends when its sessions have.

use super::ExitStatus;
use super::client::{AdminClient, Failure};
use super::listing::{OutputArgs, print_json};
use super::print;
use super::target::GateArgs;
use super::units::count;
use crate::admin::model::{DrainBody, GateStatus};
use crate::config::parse_duration;
use crate::limits::WATCH_INTERVAL;
use crate::time::Duration;
use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;

/// Stop gently: accept nobody new, let open sessions finish, then end
#[derive(Args, Debug)]
#[command(after_help = "\
Like `systemctl stop popgate`, with a grace of your choice. Sessions that are left when it is over
are closed without QUIT, so that nothing is deleted. The command waits until popgate has ended;
Ctrl-C ends the command, and not the drain.

Example, before an upgrade:
  popgate drain --grace 5m")]
pub(super) struct DrainArgs {
    /// How long open sessions may go on, such as 90s or 5m [default: `grace` of the configuration]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    grace: Option<Duration>,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not wait for the end
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    target: GateArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl DrainArgs {
    pub(super) fn run(&self) -> ExitStatus {
        match self.drain() {
            Ok(status) if self.output.json => print_json(&status),
            Ok(_) => ExitStatus::Done,
            Err(failure) => failure.tell(),
        }
    }

    /// The gate as it was when the drain began.
    fn drain(&self) -> Result<GateStatus, Failure> {
        let gate = self.target.client()?;
        let body = DrainBody {
            grace_seconds: self.grace.map(whole_seconds),
            reason: self.reason.clone(),
        };
        let status: GateStatus = gate.post("/drain", &body)?;
        self.say(&format!("draining: {}", left(&status)));
        if !self.no_wait {
            await_end(&gate, status.started)?;
            self.say("popgate has ended");
        }
        Ok(status)
    }

    fn say(&self, text: &str) {
        if !self.output.json {
            print(text, ExitStatus::Done);
        }
    }
}

/// Until nobody listens any more, or another process answers. A gate that does not answer may be
/// busy.
fn await_end(gate: &AdminClient, started: Timestamp) -> Result<(), Failure> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(100));
    loop {
        match gate.get::<GateStatus>("/status", &[]) {
            Ok(status) if status.started == started => bar.set_message(left(&status)),
            Ok(_) => return Ok(()),
            Err(failure) if failure.is_refused => return Ok(()),
            Err(failure) if failure.exit == ExitStatus::Unavailable => {
                bar.set_message("no answer, still trying");
            }
            Err(failure) => return Err(failure),
        }
        gate.sleep(WATCH_INTERVAL);
    }
}

/// None is lost: half a second is one.
fn whole_seconds(grace: Duration) -> u64 {
    grace.as_secs() + u64::from(grace.subsec_nanos() > 0)
}

fn left(status: &GateStatus) -> String {
    count(
        status.sessions.open as u64,
        "session is left",
        "sessions are left",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::client::AdminEndpoint;
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    #[test]
    fn a_gate_that_does_not_answer_has_not_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = AdminEndpoint {
            address: listener.local_addr().unwrap().to_string(),
            tls: None,
        };
        let asked = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&asked);
        thread::spawn(move || {
            for _ in 0..2 {
                drop(listener.accept().unwrap());
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        let gate = AdminClient::new(endpoint, None, None).unwrap();
        await_end(&gate, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 2);
    }
}
