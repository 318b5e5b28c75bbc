//! `popgate demo`: the gate before an embedded server, to look at and to measure.

mod household;

use super::serve::runtime;
use super::{ExitStatus, print, refuse};
use crate::app::{Gate, Outside, StartError};
use crate::config::{Config, ConfigErrors, parse_duration};
use crate::demo::certificate::self_signed;
use crate::demo::comparison::{self, ComparisonOptions};
use crate::demo::guide::DemoGuide;
use crate::demo::household::{self as programs, DayOptions};
use crate::demo::report::{ComparisonReport, side_by_side};
use crate::demo::server::{DemoOptions, DemoServer};
use crate::net::dial::TcpDial;
use crate::net::tls::{Acceptor, TlsError};
use crate::observe::LogFormat;
use crate::observe::hub::EventSink;
use crate::observe::log::{self, InitError, Log, LogFilter, LogLevelError};
use crate::secret::Secret;
use crate::time::Duration;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const USER: &str = "ann@example.org";
const PASSWORD: &str = "wonderland";

/// The day of the household.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long sessions may finish after Ctrl-C: nobody's mail is at stake.
const GRACE: Duration = Duration::from_secs(1);

/// Run popgate with a built-in POP3 server
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  popgate demo --busy         contention, for the page
  popgate demo --duel         8 clients without and with popgate
  popgate demo --household    a day without and with sharing")]
pub(super) struct DemoArgs {
    /// Address for mail clients, plaintext with STLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1110")]
    pop3: SocketAddr,
    /// Address for mail clients, TLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1995")]
    pop3s: SocketAddr,
    /// Address of the page, the admin API and the metrics; on loopback they need no token
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9110")]
    metrics: SocketAddr,
    /// Address of the built-in server; port 0 picks a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    backend: SocketAddr,
    /// Let a household of mail programs compete for six mailboxes until Ctrl-C
    #[arg(long, conflicts_with = "duel")]
    busy: bool,
    /// The reply of the built-in server if the mailbox is locked
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    refusal: Option<String>,
    /// Keep the lock this long after a disconnect
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    linger: Option<Duration>,
    /// Compare N clients in one mailbox without popgate, with it, and with sharing, and exit
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "8",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    duel: Option<u16>,
    /// Compare a day of one mailbox's mail programs without and with sharing, in moved time, and
    /// exit
    #[arg(long, conflicts_with_all = ["busy", "duel"])]
    household: bool,
    /// The seed of that day's random draws
    #[arg(long, value_name = "N", default_value_t = 1, requires = "household")]
    seed: u64,
    /// How long each client of the comparison holds the mailbox
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    hold: Option<Duration>,
    /// Output the result of the comparison as JSON
    #[arg(long)]
    json: bool,
}

/// Limits of the demo's gate: one client waits for another, and nothing else.
const QUIET_RULES: &str = r#"
[defaults]
backends = ["demo"]
wait = "25s"
queue = 16
polls = { enforce = "off" }
"#;

/// Why the demo could not run.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("cannot listen on {address}: {source}; choose another address with `{flag} ADDR`")]
    Port {
        address: SocketAddr,
        flag: &'static str,
        source: io::Error,
    },
    #[error(transparent)]
    Start(StartError),
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error("no certificate could be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Log(#[from] InitError),
    #[error(transparent)]
    LogLevel(#[from] LogLevelError),
    #[error("the system refuses what popgate needs: {0}")]
    System(#[from] io::Error),
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// A running embedded server.
struct Embedded {
    server: Arc<DemoServer>,
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Embedded {
    /// Logins that it heard of.
    fn logins(&self) -> u64 {
        let counts = self.server.log().counts();
        counts.logins + counts.refusals + counts.auth_failures
    }

    /// Gives its port back.
    async fn stop(self) {
        self.stop.cancel();
        // It ends in no other way, or with the demo.
        let _ = self.serving.await;
    }
}

impl DemoArgs {
    pub(super) fn run(&self) -> ExitStatus {
        if self.household {
            return Self::exit(self.live());
        }
        let ran = runtime().map_err(DemoError::System).and_then(|runtime| {
            runtime.block_on(async {
                match self.duel {
                    Some(programs) => self.compare(usize::from(programs)).await,
                    None => self.show().await,
                }
            })
        });
        Self::exit(ran)
    }

    fn exit(ran: Result<ExitStatus, DemoError>) -> ExitStatus {
        match ran {
            Ok(exit) => exit,
            Err(error @ DemoError::Port { .. }) => refuse(error, ExitStatus::Unavailable),
            Err(error @ DemoError::Log(_)) => refuse(error, ExitStatus::Usage),
            Err(error) => refuse(error, ExitStatus::Fault),
        }
    }

    /// A day of one mailbox, twice.
    fn live(&self) -> Result<ExitStatus, DemoError> {
        let [off, on] = household::both_days(DayOptions {
            seed: self.seed,
            length: DAY,
        })?;
        let result = if self.json {
            let result = serde_json::json!({ "seed": self.seed, "off": off, "on": on });
            serde_json::to_string_pretty(&result)?
        } else {
            programs::compared(&off, &on)
        };
        Ok(print(result, ExitStatus::Done))
    }

    /// Runs until Ctrl-C or a drain; each session is a line of the log, but not those of the
    /// household, which would hide all else: what operators do is logged there, too.
    async fn show(&self) -> Result<ExitStatus, DemoError> {
        let filter = log::init(LogFormat::Human)?;
        if self.busy && std::env::var_os("RUST_LOG").is_none() {
            filter.set(log::parse_level("warn")?)?;
        }
        let embedded = self.start_server().await?;
        let backend = embedded.address;
        let rules = if self.busy {
            programs::RULES
        } else {
            QUIET_RULES
        };
        let log: Arc<dyn EventSink> = Arc::new(Log::new(LogFormat::Human));
        let gate = self
            .start_gate(&self.config(backend, rules)?, vec![log], Some(filter))
            .await?;
        let at = |name, otherwise| gate.address(name).unwrap_or(otherwise);
        let guide = DemoGuide {
            program: &program_name(),
            pop3: at("pop3", self.pop3),
            pop3s: at("pop3s", self.pop3s),
            admin: gate.admin_address().unwrap_or(self.metrics),
            backend,
            user: USER,
            password: PASSWORD,
        };
        let said = if self.busy {
            guide.busy(&programs::MAILBOXES)
        } else {
            guide.quiet()
        };
        let exit = print(said, ExitStatus::Done);
        if exit != ExitStatus::Done {
            gate.stop(GRACE, pending()).await;
        } else if self.is_drained(&gate, &embedded, guide.pop3).await? {
            let interrupted = async { drop(tokio::signal::ctrl_c().await) };
            gate.finish(interrupted).await;
        } else {
            gate.stop(GRACE, pending()).await;
        }
        embedded.stop().await;
        Ok(exit)
    }

    /// Returns at Ctrl-C, or, with true, when the admin port is asked to drain.
    async fn is_drained(
        &self,
        gate: &Gate,
        embedded: &Embedded,
        pop3: SocketAddr,
    ) -> io::Result<bool> {
        tokio::select! {
            stopped = self.until_stopped(embedded, pop3) => stopped.map(|()| false),
            () = gate.drain_begun() => Ok(true),
        }
    }

    /// The household, where it is asked for, ends with the wait for Ctrl-C.
    async fn until_stopped(&self, embedded: &Embedded, pop3: SocketAddr) -> io::Result<()> {
        if !self.busy {
            return tokio::signal::ctrl_c().await;
        }
        programs::furnish(&embedded.server);
        let password = password();
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => stopped,
            () = programs::run(pop3, &password) => Ok(()),
        }
    }

    /// The same load three times, each at a new server that locks: directly, through popgate, and
    /// through popgate with sharing.
    async fn compare(&self, programs: usize) -> Result<ExitStatus, DemoError> {
        let bar = progress_bar(programs);
        let embedded = self.start_server().await?;
        let mut direct = self.load(programs, embedded.address, &bar, 0).await;
        direct.backend_logins = embedded.logins();
        embedded.stop().await;
        let mut gated = Vec::new();
        for (sharing, before) in [("off", programs), ("on", 2 * programs)] {
            gated.push(self.load_gate(programs, sharing, &bar, before).await?);
        }
        bar.finish_and_clear();
        let result = self.comparison_result(&direct, &gated)?;
        Ok(print(result, ExitStatus::Done))
    }

    /// The load through popgate, and how many sessions overlapped at the server.
    async fn load_gate(
        &self,
        programs: usize,
        sharing: &str,
        bar: &ProgressBar,
        before: usize,
    ) -> Result<(ComparisonReport, u64), DemoError> {
        let embedded = self.start_server().await?;
        let rules = format!("{}sharing = \"{sharing}\"\n", comparison_rules(programs));
        let config = self.config(embedded.address, &rules)?;
        let gate = self.start_gate(&config, Vec::new(), None).await?;
        let pop3 = gate.address("pop3").unwrap_or(self.pop3);
        let mut report = self.load(programs, pop3, bar, before as u64).await;
        gate.stop(GRACE, pending()).await;
        report.backend_logins = embedded.logins();
        let overlaps = embedded.server.log().overlaps();
        embedded.stop().await;
        Ok((report, overlaps))
    }

    fn comparison_result(
        &self,
        direct: &ComparisonReport,
        gated: &[(ComparisonReport, u64)],
    ) -> Result<String, DemoError> {
        let overlaps = gated.iter().map(|(_, overlaps)| overlaps).sum::<u64>();
        let reports = [direct].into_iter().chain(gated.iter().map(|(it, _)| it));
        if self.json {
            let mut result = serde_json::Map::new();
            for (name, report) in ["straight", "through_popgate", "with_sharing"]
                .iter()
                .zip(reports)
            {
                result.insert((*name).to_owned(), serde_json::to_value(report)?);
            }
            result.insert("overlaps_through_popgate".to_owned(), overlaps.into());
            return Ok(serde_json::to_string_pretty(&result)?);
        }
        let names = ["direct", "through popgate", "with sharing"];
        let table = side_by_side(&names.into_iter().zip(reports).collect::<Vec<_>>());
        Ok(format!(
            "{table}\nsessions that overlapped in the mailbox behind popgate: {overlaps}"
        ))
    }

    async fn load(
        &self,
        programs: usize,
        target: SocketAddr,
        bar: &ProgressBar,
        before: u64,
    ) -> ComparisonReport {
        let mut options = ComparisonOptions::new(programs, USER, password());
        if let Some(hold) = self.hold {
            options.hold = hold;
        }
        comparison::run(target, options, |done| bar.set_position(before + done)).await
    }

    async fn start_server(&self) -> Result<Embedded, DemoError> {
        let household = programs::MAILBOXES.iter().filter(|_| self.busy);
        let names = household.map(|(mailbox, _)| *mailbox).chain([USER]);
        let mut options = DemoOptions {
            users: names.map(|name| (name.to_owned(), password())).collect(),
            distinct_unique_ids: true,
            ..DemoOptions::default()
        };
        if let Some(refusal) = &self.refusal {
            options.refusal = as_error_line(refusal);
        }
        if let Some(linger) = self.linger {
            options.linger = linger;
        }
        let listener = TcpListener::bind(self.backend)
            .await
            .map_err(|source| DemoError::Port {
                address: self.backend,
                flag: "--backend",
                source,
            })?;
        let address = listener.local_addr()?;
        let server = DemoServer::new(options);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(Arc::clone(&server).serve(listener, stop.clone()));
        Ok(Embedded {
            server,
            address,
            stop,
            serving,
        })
    }

    async fn start_gate(
        &self,
        config: &Config,
        sinks: Vec<Arc<dyn EventSink>>,
        log: Option<LogFilter>,
    ) -> Result<Gate, DemoError> {
        let (chain, key) = self_signed()?;
        let acceptor = Some(Acceptor::from_pem(&chain, &key)?);
        let outside = Outside {
            sinks,
            acceptor,
            log,
            ..Outside::dialing(Arc::new(TcpDial))
        };
        let gate = Gate::start(config, outside)
            .await
            .map_err(|error| self.name_flag(error))?;
        gate.looked_around().await;
        Ok(gate)
    }

    /// Says which flag moves a port that cannot be had.
    fn name_flag(&self, error: StartError) -> DemoError {
        let (address, source) = match error {
            StartError::Bind(error) | StartError::Admin(error) => (error.address, error.source),
            error => return DemoError::Start(error),
        };
        let flags = [
            (self.pop3, "--pop3"),
            (self.pop3s, "--pop3s"),
            (self.metrics, "--metrics"),
        ];
        let flag = flags.iter().find(|(flagged, _)| *flagged == address);
        DemoError::Port {
            address,
            flag: flag.map_or("--metrics", |(_, flag)| flag),
            source,
        }
    }

    /// The demo's gate in the words of a configuration file; its certificate is made in memory.
    fn config(&self, backend: SocketAddr, rules: &str) -> Result<Config, ConfigErrors> {
        let Self {
            pop3,
            pop3s,
            metrics,
            ..
        } = self;
        let text = format!(
            r#"
[[listen]]
name = "pop3"
address = "{pop3}"
tls = "stls"

[[listen]]
name = "pop3s"
address = "{pop3s}"
tls = "implicit"

[tls]
certificate = "in memory"
key = "in memory"

[[backend]]
name = "demo"
address = "{backend}"
shareable = true

[admin]
address = "{metrics}"
cleartext = true
trust_loopback = true
{rules}"#
        );
        Config::parse(&text, Path::new("demo.toml"))
    }
}

fn password() -> Secret {
    Secret::new(PASSWORD.as_bytes().to_vec())
}

/// All clients of the comparison wait at once.
fn comparison_rules(programs: usize) -> String {
    QUIET_RULES
        .replace("queue = 16", &format!("queue = {programs}"))
        .replace("wait = \"25s\"", "wait = \"55s\"")
}

/// How the program was called, so that what the demo prints to try can be called so, too.
fn program_name() -> String {
    let name = std::env::args_os().next();
    name.map_or_else(
        || "popgate".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// What is only the text of a refusal gets its status.
fn as_error_line(refusal: &str) -> String {
    if refusal.starts_with(['-', '+']) {
        refusal.to_owned()
    } else {
        format!("-ERR {refusal}")
    }
}

/// On a terminal; elsewhere nothing is drawn.
fn progress_bar(programs: usize) -> ProgressBar {
    let bar = ProgressBar::new(3 * programs as u64);
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} mail clients, {elapsed}");
    // The template is a constant that a test draws once; without it the default one serves.
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::event::Event;
    use crate::observe::hub::Stamped;
    use clap::Parser;
    use std::collections::HashSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        demo: DemoArgs,
    }

    fn demo(arguments: &[&str]) -> DemoArgs {
        let line = [&["demo"], arguments].concat();
        Line::try_parse_from(line).unwrap().demo
    }

    /// How often two logins were taken for one maildrop.
    #[derive(Default)]
    struct Twins(AtomicUsize);

    impl EventSink for Twins {
        fn handle(&self, stamped: &Stamped) {
            if matches!(stamped.event, Event::Twins { .. }) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Sends a line, and reads up to `end`.
    async fn ask(client: &mut TcpStream, line: &str, end: &str) -> String {
        client.write_all(line.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(end.as_bytes()) {
            let read = client.read_buf(&mut answer).await.unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn no_two_mailboxes_of_the_household_look_like_one() {
        let demo = demo(&[
            "--busy",
            "--pop3=127.0.0.1:0",
            "--pop3s=127.0.0.1:0",
            "--metrics=127.0.0.1:0",
        ]);
        let embedded = demo.start_server().await.unwrap();
        programs::furnish(&embedded.server);
        let config = demo.config(embedded.address, programs::RULES).unwrap();
        let twins = Arc::new(Twins::default());
        let sinks: Vec<Arc<dyn EventSink>> = vec![twins.clone()];
        let gate = demo.start_gate(&config, sinks, None).await.unwrap();
        let mut clients = Vec::new();
        let mut sizes = HashSet::new();
        for (mailbox, _) in programs::MAILBOXES {
            let mut client = TcpStream::connect(gate.address("pop3").unwrap())
                .await
                .unwrap();
            ask(&mut client, "", "\r\n").await;
            ask(&mut client, &format!("USER {mailbox}\r\n"), "\r\n").await;
            ask(&mut client, &format!("PASS {PASSWORD}\r\n"), "\r\n").await;
            sizes.insert(ask(&mut client, "STAT\r\n", "\r\n").await);
            let listed = ask(&mut client, "UIDL\r\n", "\r\n.\r\n").await;
            assert!(listed.lines().count() > 6, "{listed}");
            clients.push(client);
        }
        // At its end a session has told all that it has to tell.
        for mut client in clients {
            ask(&mut client, "QUIT\r\n", "\r\n").await;
            client.read_to_end(&mut Vec::new()).await.unwrap();
        }
        assert_eq!(twins.0.load(Ordering::Relaxed), 0);
        assert_eq!(sizes.len(), programs::MAILBOXES.len(), "{sizes:?}");
        gate.stop(GRACE, pending()).await;
        embedded.stop().await;
    }

    #[test]
    fn a_duel_has_eight_programs_unless_a_number_is_given() {
        assert_eq!(demo(&[]).duel, None);
        assert_eq!(demo(&["--duel"]).duel, Some(8));
        assert_eq!(demo(&["--duel", "3", "--json"]).duel, Some(3));
    }

    #[test]
    fn a_refusal_may_begin_as_refusals_do() {
        let demo = demo(&["--refusal", "-ERR busy", "--linger", "1500ms"]);
        assert_eq!(demo.refusal.as_deref(), Some("-ERR busy"));
        assert_eq!(demo.linger, Some(Duration::from_millis(1500)));
    }
}
