//! The mail of the day: when it comes, and what ever was there.

use super::day::MAILBOX;
use crate::demo::server::DemoServer;
use crate::time::{Duration, Instant};
use fastrand::Rng;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::{sleep, sleep_until};

/// From one message to the next, on average.
const BETWEEN: Duration = Duration::from_secs(600);

/// What comes for the laptop, and how much it is.
const DOWNLOAD_OCTETS: usize = 50_000_000;

/// Octets of all other messages: most are short.
const OCTETS: [usize; 5] = [2_000, 4_000, 9_000, 40_000, 300_000];

/// What only messages that come in the day have.
const SUBJECT: &str = "Subject: letter ";

fn subject(place: usize) -> String {
    format!("{SUBJECT}{place}")
}

/// When each message of the maildrop came, by unique-id.
#[derive(Default)]
pub(super) struct Post(Mutex<Vec<Instant>>);

impl Post {
    /// What is there at first has been there since now.
    pub(super) fn furnish(&self, server: &DemoServer) {
        self.came()
            .resize(server.message_count(MAILBOX), Instant::now());
    }

    /// Brings mail for so long, and the laptop's at `download`.
    pub(super) async fn bring(
        &self,
        server: &DemoServer,
        length: Duration,
        download: Duration,
        mut random: Rng,
    ) {
        let start = Instant::now();
        let small = async {
            while start.elapsed() < length {
                sleep(BETWEEN.mul_f64(0.5 + random.f64())).await;
                self.deliver(server, OCTETS[random.usize(..OCTETS.len())]);
            }
        };
        let large = async {
            sleep_until(start + download).await;
            self.deliver(server, DOWNLOAD_OCTETS);
        };
        tokio::join!(small, large);
    }

    fn deliver(&self, server: &DemoServer, octets: usize) {
        let mut came = self.came();
        let line = "All work and no play makes a long and dull message of this one here.\r\n";
        let text = format!(
            "From: ben@example.org\r\n{}\r\n\r\n{}",
            subject(came.len()),
            line.repeat(octets / line.len() + 1)
        );
        server.deliver(MAILBOX, text.as_bytes());
        came.push(Instant::now());
    }

    /// When each message came, by unique-id.
    pub(super) fn came(&self) -> MutexGuard<'_, Vec<Instant>> {
        // No code under this lock can panic half-way through a change that matters.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether these lines are the message at this place, as far as that can be told.
    pub(super) fn is(place: usize, lines: &[Vec<u8>]) -> bool {
        let has = |subject: &[u8]| lines.iter().any(|line| line == subject);
        let is_other = |line: &Vec<u8>| line.starts_with(SUBJECT.as_bytes());
        has(subject(place).as_bytes()) || !lines.iter().any(is_other)
    }

    /// The place of the message with this line of UIDL among those that ever came.
    pub(super) fn place(unique_id: &str) -> Option<usize> {
        let number = unique_id.strip_prefix("demo-")?;
        number.parse::<usize>().ok()?.checked_sub(1)
    }
}
