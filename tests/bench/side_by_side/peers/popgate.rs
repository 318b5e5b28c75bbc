//! popgate, as `cargo bench` builds it, with as many workers as it takes by itself.

use super::{Place, with_file};
use crate::Outcome;
use std::process::Command;

/// What differs from one gate of the benchmark to the next.
#[derive(Default)]
pub(crate) struct Gate {
    /// Sessions may live on a listing, which stays fresh for as long as this takes.
    pub(crate) is_sharing: bool,
    /// Nobody is asked to go for one who waits.
    pub(crate) is_patient: bool,
    /// The program that runs it, with its arguments; none: it runs by itself.
    pub(crate) under: Vec<String>,
}

impl Gate {
    pub(super) fn commands(&self, place: &Place<'_>) -> Outcome<Vec<Command>> {
        let file = with_file(place, "popgate.toml", &self.config(place))?;
        let popgate = &place.grounds.popgate;
        let mut command = match self.under.split_first() {
            None => Command::new(popgate),
            Some((runner, arguments)) => {
                let mut command = Command::new(runner);
                command.args(arguments).arg(popgate);
                command
            }
        };
        command.arg("serve").arg("--config").arg(file);
        // A line for each session is what none of the others writes.
        command.env("RUST_LOG", "warn");
        Ok(vec![command])
    }

    fn config(&self, place: &Place<'_>) -> String {
        let Place { plain, tls, .. } = place;
        let (chain, key) = (
            place.grounds.certificate.chain(),
            place.grounds.certificate.key(),
        );
        let backend = place.grounds.backend.address();
        let (chain, key) = (chain.display(), key.display());
        let shareable = if self.is_sharing {
            "shareable = true"
        } else {
            ""
        };
        let sharing = if self.is_sharing {
            "sharing = \"on\"\nfresh = \"1h\""
        } else {
            ""
        };
        let patient = if self.is_patient {
            "preempt_idle = \"off\""
        } else {
            ""
        };
        format!(
            r#"
[[listen]]
address = "{plain}"
tls = "off"

[[listen]]
address = "{tls}"
tls = "implicit"

[tls]
certificate = "{chain}"
key = "{key}"

[[backend]]
name = "synthetic"
address = "{backend}"
{shareable}

[defaults]
polls = {{ enforce = "off" }}
queue = 64
wait = "55s"
{sharing}
{patient}
"#
        )
    }
}
