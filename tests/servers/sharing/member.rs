//! A program of a household: it comes again and again, and remembers what it has stored.

use super::{PATIENCE, expect};
use crate::Outcome;
use crate::gate::Mode;
use crate::process::pause;
use crate::programs::{Call, Door, Home, Program, Ran, Task, door};
use crate::site::Site;
use popgate::time::{Duration, Instant};
use std::collections::BTreeMap;

/// A program that polls all the time leaves the others no processor.
pub(super) const BETWEEN_POLLS: Duration = Duration::from_millis(300);

/// A program, and what it has stored so far.
pub(super) struct Member {
    pub(super) call: Call,
    pub(super) home: Home,
    pub(super) stored: Vec<String>,
    /// What it said in runs that did not go well.
    pub(super) troubles: Vec<String>,
}

impl Member {
    pub(super) fn new(call: Call) -> Outcome<Self> {
        Ok(Self {
            call,
            home: Home::new()?,
            stored: Vec::new(),
            troubles: Vec::new(),
        })
    }

    /// fetchmail with these options, whose delivery takes so long.
    pub(super) fn fetchmail(
        user: &str,
        options: &'static str,
        delivery: &'static str,
    ) -> Outcome<Self> {
        Self::new(Call {
            options,
            delivery: Some(delivery),
            ..Call::new(Program::Fetchmail, Mode::Plain, user.to_owned())
        })
    }

    /// One run.
    pub(super) fn run(&mut self, task: Task, site: &Site) -> Outcome<()> {
        let door = door(site, self.call.mode);
        self.run_at(task, &door)
    }

    fn run_at(&mut self, task: Task, door: &Door) -> Outcome<()> {
        let ran = self.call.run_in(&self.home, task, door, || false)?;
        if self.call.program.prints_mail() {
            self.stored.extend(ran.each_subject());
        } else {
            self.stored = ran.each_subject().collect();
        }
        if !self.went_well(&ran) {
            self.troubles.push(format!(
                "{task:?}, exit code {}: {}",
                ran.exit_code, ran.complaints
            ));
        }
        Ok(())
    }

    /// 1 is fetchmail's word for "no mail", and what it says of its limit is what it does there.
    fn went_well(&self, ran: &Ran) -> bool {
        let is_fetchmail = self.call.program == Program::Fetchmail;
        let is_usual = |line: &str| is_fetchmail && line.contains("fetchlimit 1 reached");
        (ran.exit_code == 0 || is_fetchmail && ran.exit_code == 1)
            && ran.complaints.lines().all(is_usual)
    }

    /// Polls until it has stored so many messages.
    pub(super) fn poll_until(&mut self, messages: usize, site: &Site) -> Outcome<()> {
        let begun = Instant::now();
        while self.stored.len() < messages {
            if begun.elapsed() > PATIENCE {
                return Err(format!("{}: in vain: {:?}", self.call, self.stored).into());
            }
            self.run(Task::Poll, site)?;
            pause(BETWEEN_POLLS);
        }
        Ok(())
    }

    /// That each of these is stored, and just once, and that it had no trouble.
    pub(super) fn expect_once(&self, ids: &[String]) -> Outcome<()> {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for id in &self.stored {
            *times.entry(id).or_default() += 1;
        }
        let is_once =
            times.len() == ids.len() && ids.iter().all(|id| times.get(id.as_str()) == Some(&1));
        expect(
            is_once,
            "each message once",
            (&self.call.to_string(), &times),
        )?;
        self.expect_no_trouble()
    }

    pub(super) fn expect_no_trouble(&self) -> Outcome<()> {
        expect(
            self.troubles.is_empty(),
            "no trouble",
            (self.call.to_string(), &self.troubles),
        )
    }
}
