//! `popgate demo --busy`: what it is to show is there within seconds.

use crate::gate::pause;
use crate::{code, popgate, stderr};
use popgate::time::{Duration, Instant};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What a newcomer sees, and how long after its start.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// A running demo. Dropping it ends it.
pub(crate) struct RunningDemo {
    child: Child,
    /// Host and port of its admin port.
    pub(crate) admin: String,
    /// Host and port for mail clients, in clear.
    pub(crate) pop3: String,
}

impl RunningDemo {
    /// On ports of its own; `admin` may name one of them.
    pub(crate) fn start(arguments: &[&str], admin: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_popgate"))
            .arg("demo")
            .args(arguments)
            .args(["--pop3", "127.0.0.1:0", "--pop3s", "127.0.0.1:0"])
            .args(["--metrics", admin])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || lines.next().unwrap().unwrap();
        let admin = word_after(&next(), "http://")
            .trim_end_matches('/')
            .to_owned();
        let pop3 = word_after(&next(), "listens on ").to_owned();
        Self { child, admin, pop3 }
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

#[test]
fn a_drain_ends_the_demo_and_its_log_level_can_be_read() {
    let mut demo = RunningDemo::start(&["--busy"], "127.0.0.1:0");
    let admin = format!("http://{}", demo.admin);
    let ask = |arguments: &[&str]| {
        let output = popgate(Path::new("/"), &[arguments, &["--admin", &admin]].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(ask(&["log"]), "warn\n");
    assert!(ask(&["drain", "--grace", "1s"]).ends_with("popgate has ended\n"));
    assert!(demo.child.wait().unwrap().success());
}

/// What follows `mark` in the demo's own words, up to a space.
fn word_after<'a>(line: &'a str, mark: &str) -> &'a str {
    let (_, rest) = line.split_once(mark).expect(line);
    rest.split(' ').next().unwrap_or(rest)
}

impl Drop for RunningDemo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_household_soon_waits_is_pre_empted_delayed_refused_and_blocked() {
    let demo = RunningDemo::start(&["--busy"], "127.0.0.1:0");
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
        pause(Duration::from_millis(100));
    }
}
