//! Prometheus and promtool, as Debian packages them.

use crate::Outcome;
use crate::fire::free_address;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// For what takes seconds on a machine that does nothing else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What must be installed; Debian's package `prometheus` has both.
const PROGRAMS: [&str; 2] = ["prometheus", "promtool"];

/// Why the trials with Prometheus cannot run here.
pub(crate) fn obstacle() -> Option<String> {
    let is_there = |program: &&str| {
        let mut version = Command::new(program);
        version.arg("--version").stdout(Stdio::null());
        version.stderr(Stdio::null()).status().is_ok()
    };
    let missing = PROGRAMS.iter().find(|program| !is_there(program))?;
    Some(format!("{missing} is not installed: tests/run packages"))
}

/// Runs promtool; what it says is the error if it finds a fault.
pub(crate) fn promtool(arguments: &[&str]) -> Outcome<()> {
    verdict(Command::new("promtool").args(arguments).output()?)
}

/// Faults and remarks that promtool has on a scrape.
pub(crate) fn promtool_check_metrics(scrape: &str) -> Outcome<()> {
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(Stdio::piped());
    check.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn()?;
    // It reads all of its input before it says anything.
    if let Some(mut input) = check.stdin.take() {
        input.write_all(scrape.as_bytes())?;
    }
    verdict(check.wait_with_output()?)
}

fn verdict(output: Output) -> Outcome<()> {
    let said = [output.stdout, output.stderr].concat();
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("promtool:\n{}", String::from_utf8_lossy(&said)).into()),
    }
}

/// A running Prometheus. Dropping it kills it.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

/// A series of an answer, and its value now.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// A recording rule or an alert, as it was loaded.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) query: String,
    pub(crate) is_alert: bool,
    /// Why its last evaluation failed.
    pub(crate) error: Option<String>,
}

impl Prometheus {
    /// Starts it with this configuration, and waits until it answers.
    pub(crate) async fn start(config: &str) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("prometheus.yml"), config)?;
        let address = free_address("127.0.0.1");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path("prometheus.yml")))
            .arg(format!("--storage.tsdb.path={}", path("data")))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(path("log"))?)
            .spawn()?;
        let prometheus = Self {
            child,
            address,
            folder,
        };
        prometheus
            .until("it answers", async |it| it.query("vector(1)").await)
            .await?;
        Ok(prometheus)
    }

    /// Asks again and again until the answer is not empty; its last answer if that takes too long.
    pub(crate) async fn until(
        &self,
        what: &str,
        ask: impl AsyncFn(&Self) -> Outcome<Vec<Series>>,
    ) -> Outcome<Vec<Series>> {
        let mut last = String::new();
        let asking = async {
            loop {
                match ask(self).await {
                    Ok(series) if series.iter().any(|one| one.value.is_finite()) => return series,
                    Ok(series) => last = format!("{series:?}"),
                    Err(error) => last = error.to_string(),
                }
                sleep(Duration::from_millis(200)).await;
            }
        };
        match timeout(PATIENCE, asking).await {
            Ok(series) => Ok(series),
            Err(_) => Err(format!("waited in vain until {what}: {last}\n{}", self.log()).into()),
        }
    }

    /// What `promql` gives now.
    pub(crate) async fn query(&self, promql: &str) -> Outcome<Vec<Series>> {
        let answer = self
            .get(&format!("/api/v1/query?query={}", encoded(promql)))
            .await
            .map_err(|error| format!("{promql}: {error}"))?;
        let result = answer["data"]["result"].as_array().ok_or("no vector")?;
        result.iter().map(series).collect()
    }

    /// All rules that are loaded.
    pub(crate) async fn rules(&self) -> Outcome<Vec<Rule>> {
        let answer = self.get("/api/v1/rules").await?;
        let groups = answer["data"]["groups"].as_array().ok_or("no groups")?;
        let rules = groups
            .iter()
            .filter_map(|group| group["rules"].as_array())
            .flatten();
        Ok(rules.map(rule).collect())
    }

    async fn get(&self, path: &str) -> Outcome<Value> {
        let mut stream = TcpStream::connect(self.address).await?;
        // Of version 1.0, so that the answer is not in chunks.
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        timeout(PATIENCE, stream.read_to_string(&mut answer)).await??;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        let value: Value = serde_json::from_str(body).map_err(|_| body.to_owned())?;
        match value["status"].as_str() {
            Some("success") => Ok(value),
            _ => Err(body.into()),
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn series(value: &Value) -> Outcome<Series> {
    let labels = value["metric"].as_object().ok_or("no labels")?;
    let text = value["value"][1].as_str().ok_or("no value")?;
    Ok(Series {
        labels: labels
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
        value: text.parse()?,
    })
}

fn rule(value: &Value) -> Rule {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Rule {
        name: text("name"),
        query: text("query"),
        is_alert: text("type") == "alerting",
        error: value["lastError"].as_str().map(str::to_owned),
    }
}

/// As a query of an address has it.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, octet| {
        if octet.is_ascii_alphanumeric() {
            encoded.push(char::from(octet));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{octet:02X}");
        }
        encoded
    })
}
