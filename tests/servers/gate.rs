//! The program under test: `popgate serve` as a process of its own.

use crate::Outcome;
use crate::process::{Process, await_that};
use crate::server::PASSWORD;
use popgate::time::Duration;
use serde::de::DeserializeOwned;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Users of this domain wait at most [`SHORT_WAIT`].
pub(crate) const IMPATIENT_DOMAIN: &str = "impatient.test";
/// `login_reserve` (3 s) before its end, the budget is spent.
pub(crate) const SHORT_WAIT: Duration = Duration::from_secs(8);

/// Users of this domain share what their sessions list, where the backend is shareable.
pub(crate) const SHARING_DOMAIN: &str = "sharing.test";
/// Those of this one too, and wait at most [`SHORT_WAIT`].
pub(crate) const HURRIED_DOMAIN: &str = "hurried.test";
/// A household that shares, with popgate's own limits, and one that does not.
pub(crate) const HOUSEHOLD_DOMAIN: &str = "household.test";
pub(crate) const APART_DOMAIN: &str = "apart.test";
/// How old a listing may be that they are let in on.
pub(crate) const FRESH: Duration = Duration::from_secs(4);

const ADMIN_PORT: u16 = 9110;
const TOKEN_FILE: &str = "admin.token";
/// Where clients come through a balancer, without TLS.
const BALANCED_PORT: u16 = 1108;

/// How a program speaks TLS to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Not at all.
    Plain,
    /// After STLS.
    Stls,
    /// From the first byte.
    Implicit,
}

impl Mode {
    /// Each of them has a listener.
    pub(crate) const ALL: [Self; 3] = [Self::Plain, Self::Stls, Self::Implicit];

    /// As in a configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "off",
            Self::Stls => "stls",
            Self::Implicit => "implicit",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Plain => 1109,
            Self::Stls => 1110,
            Self::Implicit => 1995,
        }
    }
}

/// A running popgate. Dropping it kills it; [`Gate::finish`] stops it and looks at what it left.
pub(crate) struct Gate {
    process: Process,
    ip: Ipv4Addr,
    dir: TempDir,
}

impl Gate {
    /// Starts popgate on `ip` before a server at `backend`, with these settings in its table,
    /// and waits until it is ready.
    pub(crate) fn start(ip: Ipv4Addr, backend: SocketAddr, settings: &str) -> Outcome<Self> {
        let dir = tempfile::Builder::new()
            .prefix("popgate-")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()?;
        make_certificate(dir.path(), ip)?;
        let config = dir.path().join("popgate.toml");
        fs::write(&config, configuration(ip, backend, settings))?;
        let command = [
            env!("CARGO_BIN_EXE_popgate"),
            "serve",
            "--config",
            &config.to_string_lossy(),
        ];
        let process = Process::start(&command, &dir.path().join("gate.log"))?;
        let mut gate = Self { process, ip, dir };
        gate.await_ready()
            .map_err(|error| format!("{error}; popgate said:\n{}", gate.log()))?;
        Ok(gate)
    }

    /// Where it listens for this kind of program.
    pub(crate) fn address(&self, mode: Mode) -> SocketAddr {
        SocketAddr::from((self.ip, mode.port()))
    }

    /// Where it listens for a balancer that names its clients by the PROXY protocol.
    pub(crate) fn address_for_balancer(&self) -> SocketAddr {
        SocketAddr::from((self.ip, BALANCED_PORT))
    }

    /// The certificate that programs may trust.
    pub(crate) fn certificate(&self) -> PathBuf {
        certificate(self.dir.path())
    }

    /// All that it has written so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// The series whose names begin so and that are not 0, with their values.
    pub(crate) fn series(&self, beginning: &str) -> Outcome<Vec<String>> {
        let (_, page) = get(self.ip, "/metrics", "")?;
        let lines = page.lines().filter(|line| line.starts_with(beginning));
        let counted = lines.filter(|line| !line.ends_with(" 0"));
        Ok(counted.map(str::to_owned).collect())
    }

    /// The sum of a metric over its labels; an error where there is no such series.
    pub(crate) fn metric(&self, name: &str) -> Outcome<f64> {
        let (status, page) = get(self.ip, "/metrics", "")?;
        if status != 200 {
            return Err(format!("/metrics answers {status}").into());
        }
        let values: Vec<f64> = page
            .lines()
            .filter_map(|line| line.strip_prefix(name))
            .filter(|rest| rest.starts_with(['{', ' ']))
            .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
            .collect();
        if values.is_empty() {
            return Err(format!("no series of {name} at /metrics").into());
        }
        Ok(values.iter().sum())
    }

    /// Waits until nobody is inside, looks at the metrics, stops it and looks at its log.
    pub(crate) fn finish(&mut self) -> Outcome<()> {
        for gauge in ["popgate_locks_held", "popgate_lock_waiters"] {
            await_that(gauge, Duration::from_secs(5), || {
                self.metric(gauge).is_ok_and(|value| value == 0.0)
            })?;
        }
        let forced = self.metric("popgate_lock_handover_forced_total")?;
        if forced > 0.0 {
            return Err(format!("{forced} hand-overs were forced").into());
        }
        let status = self.process.terminate(Duration::from_secs(10))?;
        if !status.success() {
            return Err(format!("popgate stopped with {status}").into());
        }
        if self.log().contains(PASSWORD) {
            return Err("a password stands in popgate's log".into());
        }
        Ok(())
    }

    fn await_ready(&mut self) -> Outcome<()> {
        let mut ended = false;
        let (ip, process) = (self.ip, &mut self.process);
        await_that("/readyz", Duration::from_secs(20), || {
            ended = process.has_ended();
            ended || get(ip, "/readyz", "").is_ok_and(|(status, _)| status == 200)
        })?;
        if ended {
            return Err("popgate ended at its start".into());
        }
        Ok(())
    }

    /// What the API answers.
    pub(crate) fn api<T: DeserializeOwned>(&self, path: &str) -> Outcome<T> {
        let token = fs::read_to_string(self.dir.path().join(TOKEN_FILE))?;
        let header = format!("Authorization: Bearer {}\r\n", token.trim());
        match get(self.ip, path, &header)? {
            (200, body) => Ok(serde_json::from_str(&body)?),
            (status, body) => Err(format!("{path} answers {status}: {body}").into()),
        }
    }
}

fn configuration(ip: Ipv4Addr, backend: SocketAddr, settings: &str) -> String {
    let listeners: String = Mode::ALL
        .map(|mode| {
            let (name, port) = (mode.name(), mode.port());
            format!("[[listen]]\nname = \"{name}\"\naddress = \"{ip}:{port}\"\ntls = \"{name}\"\n")
        })
        .concat();
    let (short_wait, fresh) = (SHORT_WAIT.as_secs(), FRESH.as_secs());
    let sharing = |name: &str, domain: &str, wait: u64| {
        format!(
            "[[tenant]]\nname = \"{name}\"\ndomains = [\"{domain}\"]\nwait = \"{wait}s\"\n\
             sharing = \"on\"\nfresh = \"{fresh}s\"\ndemote_idle = \"1s\"\n\
             preempt_idle = \"3s\"\n\n"
        )
    };
    let sharing = [
        sharing("sharing", SHARING_DOMAIN, 28),
        sharing("hurried", HURRIED_DOMAIN, short_wait),
    ]
    .concat();
    format!(
        "{listeners}\n\
         [[listen]]\naddress = \"{ip}:{BALANCED_PORT}\"\ntls = \"off\"\nproxy_protocol = true\n\n\
         [tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n\n\
         [[backend]]\nname = \"server\"\naddress = \"{backend}\"\n{settings}\n\
         [admin]\naddress = \"{ip}:{ADMIN_PORT}\"\ntoken_file = \"{TOKEN_FILE}\"\ncleartext = true\n\n\
         [defaults]\nbackends = [\"server\"]\nwait = \"45s\"\ncleartext = \"always\"\n\
         polls = {{ enforce = \"off\" }}\n\n\
         [[tenant]]\nname = \"impatient\"\ndomains = [\"{IMPATIENT_DOMAIN}\"]\n\
         wait = \"{short_wait}s\"\n\n\
         [[tenant]]\nname = \"household\"\ndomains = [\"{HOUSEHOLD_DOMAIN}\"]\nwait = \"25s\"\n\
         sharing = \"on\"\npolls = {{ enforce = \"delay\" }}\n\n\
         [[tenant]]\nname = \"apart\"\ndomains = [\"{APART_DOMAIN}\"]\nwait = \"25s\"\n\
         polls = {{ enforce = \"delay\" }}\n\n\
         {sharing}"
    )
}

fn certificate(dir: &Path) -> PathBuf {
    dir.join("certificate.pem")
}

fn make_certificate(dir: &Path, ip: Ipv4Addr) -> Outcome<()> {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-noenc", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-subj", "/CN=popgate.test", "-addext"])
        .arg(format!("subjectAltName=DNS:popgate.test,IP:{ip}"))
        .arg("-keyout")
        .arg(dir.join("key.pem"))
        .arg("-out")
        .arg(certificate(dir))
        .stderr(Stdio::null())
        .status()?;
    if !made.success() {
        return Err(format!("openssl req: {made}").into());
    }
    Ok(())
}

/// `headers`: whole lines.
fn get(ip: Ipv4Addr, path: &str, headers: &str) -> Outcome<(u16, String)> {
    let mut stream = TcpStream::connect((ip, ADMIN_PORT))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {ip}:{ADMIN_PORT}\r\nConnection: close\r\n{headers}\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no HTTP answer")?;
    let status = head.split(' ').nth(1).ok_or("no HTTP status")?;
    Ok((status.parse()?, body.to_owned()))
}
