//! `popgate demo --busy`: what it is to show is there within seconds.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What a newcomer sees, and how long after its start.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// A demo with a household. Dropping it ends it.
pub(crate) struct BusyDemo {
    child: Child,
    /// Host and port of its admin port.
    pub(crate) admin: String,
}

impl BusyDemo {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_popgate"))
            .args(["demo", "--busy"])
            .args(["--pop3", "127.0.0.1:0", "--pop3s", "127.0.0.1:0"])
            .args(["--metrics", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        printed.read_line(&mut first).unwrap();
        let (_, url) = first
            .split_once("http://")
            .expect("its address comes first");
        let admin = url.split('/').next().unwrap().to_owned();
        Self { child, admin }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        let host = &self.admin;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The sum of the series of `metric` whose labels have `label` among them.
    fn metric(&self, metric: &str, label: &str) -> f64 {
        let answer = self.get("/metrics");
        let series = answer.lines().filter_map(|line| {
            let (labels, value) = line
                .strip_prefix(metric)?
                .strip_prefix('{')?
                .split_once("} ")?;
            labels.contains(label).then_some(value)
        });
        series.map(|value| value.parse::<f64>().unwrap()).sum()
    }
}

impl Drop for BusyDemo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_household_soon_waits_is_pre_empted_delayed_refused_and_blocked() {
    let demo = BusyDemo::start();
    let start = Instant::now();
    let mut missing = vec![
        ("popgate_lock_waiters", ""),
        ("popgate_auth_failures_total", ""),
        ("popgate_polls_total", "decision=\"delayed\""),
        ("popgate_preemptions_total", "reason=\"idle\""),
        ("popgate_blocks", "state=\"blocked\""),
    ];
    while !missing.is_empty() {
        missing.retain(|(metric, label)| demo.metric(metric, label) == 0.0);
        assert!(start.elapsed() < SHOWN_WITHIN, "not there: {missing:?}");
        sleep(Duration::from_millis(100));
    }
}
