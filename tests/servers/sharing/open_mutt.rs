//! mutt, left open by somebody who has gone for lunch.

use super::{PATIENCE, expect};
use crate::Outcome;
use crate::gate::Mode;
use crate::process::await_that;
use crate::programs::{Call, Home, Program, Task, door};
use crate::site::Site;
use std::io::Write;
use std::process::{Child, Stdio};

/// What its last line says where a connection or a command failed.
const ALARMS: [&str; 4] = ["failed", "losed connection", "Error", "error"];

/// It is killed when it is dropped.
pub(super) struct OpenMutt {
    child: Child,
    home: Home,
}

impl OpenMutt {
    /// Opens the maildrop, and waits until it has all headers.
    pub(super) fn open(site: &Site, user: &str) -> Outcome<Self> {
        let call = Call::new(Program::Mutt, Mode::Plain, user.to_owned());
        let home = Home::new()?;
        let command = Program::Mutt.command(&call, Task::Open, &door(site, Mode::Plain), &home)?;
        let child = home.as_nobody(&command)?.stdin(Stdio::piped()).spawn()?;
        let mutt = Self { child, home };
        await_that("mutt to show its mail", PATIENCE, || {
            mutt.home.read("printed").contains("Sorting mailbox")
        })?;
        Ok(mutt)
    }

    /// Somebody comes back and copies all that it shows, then leaves. Returns the subjects.
    pub(super) fn copy_all(mut self, messages: usize) -> Outcome<Vec<String>> {
        let inbox = self.home.path("inbox").display().to_string();
        self.press(&format!("T~A\n;C{inbox}\n"))?;
        let subjects = |home: &Home| -> Vec<String> {
            let inbox = home.read("inbox");
            let lines = inbox.lines().filter_map(|it| it.strip_prefix("Subject: "));
            lines.map(str::to_owned).collect()
        };
        await_that("mutt to copy its mail", PATIENCE, || {
            subjects(&self.home).len() >= messages
        })?;
        self.press("x")?;
        await_that("mutt to end", PATIENCE, || {
            self.child.try_wait().is_ok_and(|status| status.is_some())
        })?;
        let screen = self.home.read("printed");
        expect(
            !ALARMS.iter().any(|it| screen.contains(it)),
            "no alarm",
            &screen,
        )?;
        Ok(subjects(&self.home))
    }

    fn press(&mut self, keys: &str) -> Outcome<()> {
        let stdin = self.child.stdin.as_mut().ok_or("mutt has no keyboard")?;
        Ok(stdin.write_all(keys.as_bytes())?)
    }
}

impl Drop for OpenMutt {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
