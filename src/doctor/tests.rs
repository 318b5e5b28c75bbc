//! The doctor before the demo's server in all its moods, in memory and with paused time.

mod forms;
mod lock;
mod login;
mod outside;
mod pipelining;
mod sharing;

use super::advice::Terms;
use super::finding::{Finding, Severity};
use super::observations::ProbeStep;
use super::report::Report;
use super::*;
use crate::backend::Shareable;
use crate::demo::certificate::self_signed;
use crate::demo::server::{DemoOptions, DemoServer};
use crate::dialect::Phrases;
use crate::ids::{BackendName, UserName};
use crate::net::conn::Conn;
use crate::net::tls::Acceptor;
use crate::net::{BoxFuture, Io, TlsMode};
use crate::secret::Secret;
use crate::time::Duration;
use std::cell::RefCell;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Semaphore;
use tokio::time::sleep;

const USER: &str = "ann";
const PASSWORD: &str = "wonderland";

/// What stands between the doctor and the server.
#[derive(Clone, Default)]
enum Between {
    #[default]
    Nothing,
    Tls(Arc<Acceptor>),
    /// Of a segment, what stands behind the first PASS is lost: the process that reads the login
    /// does not hand its buffer on.
    ForgetsBehindPass,
    /// Of a segment, what stands behind its first line is lost.
    ForgetsBehindLine,
    /// An empty line stands before each segment of the server, and `+OK` has a comma behind it.
    Noise,
    /// So many connections at a time; more are closed without a word.
    AtMost(Arc<Semaphore>),
    /// Connections are refused.
    Firewall,
    /// Connections are taken, and nothing comes.
    Silence,
}

struct Ward {
    server: Arc<DemoServer>,
    between: Between,
}

impl Dial for Ward {
    fn dial<'a>(&'a self, _address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async {
            let (near, far) = duplex(64 * 1024);
            let server = Arc::clone(&self.server);
            match self.between.clone() {
                Between::Firewall => return Err(io::ErrorKind::ConnectionRefused.into()),
                Between::Silence => drop(tokio::spawn(async {
                    let _open = far;
                    std::future::pending::<()>().await;
                })),
                Between::Nothing => drop(tokio::spawn(server.serve_connection(far))),
                Between::Tls(acceptor) => drop(tokio::spawn(async move {
                    let conn = Conn::plain(Box::new(far)).accept_tls(&acceptor).await;
                    if let Ok(conn) = conn {
                        server.serve_connection(conn).await;
                    }
                })),
                Between::ForgetsBehindPass => forget_behind("PASS ", far, server),
                Between::ForgetsBehindLine => forget_behind("", far, server),
                Between::Noise => drop(tokio::spawn(add_noise(far, server))),
                Between::AtMost(places) => {
                    if let Ok(place) = places.try_acquire_owned() {
                        tokio::spawn(async move {
                            server.serve_connection(far).await;
                            drop(place);
                        });
                    }
                }
            }
            Ok(Box::new(near) as Box<dyn Io>)
        })
    }
}

/// Of each segment, what stands behind the line with `word` is lost.
fn forget_behind(word: &'static str, client: DuplexStream, server: Arc<DemoServer>) {
    let (inner, outer) = duplex(64 * 1024);
    tokio::spawn(server.serve_connection(outer));
    tokio::spawn(carry(word, client, inner));
}

async fn carry(word: &'static str, client: DuplexStream, server: DuplexStream) {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let forth = async {
        let mut buffer = [0; 4096];
        while let Ok(octets @ 1..) = from_client.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..octets]).into_owned();
            let at = text.find(word);
            let end = at.and_then(|at| Some(at + text[at..].find('\n')? + 1));
            let kept = end.unwrap_or(octets);
            to_server.write_all(&buffer[..kept]).await.unwrap();
        }
        let _ = to_server.shutdown().await;
    };
    let back = async {
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        let _ = to_client.shutdown().await;
    };
    tokio::join!(forth, back);
}

async fn add_noise(client: DuplexStream, server: Arc<DemoServer>) {
    let (inner, outer) = duplex(64 * 1024);
    tokio::spawn(server.serve_connection(outer));
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(inner);
    let forth = async {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    };
    let back = async {
        let mut buffer = [0; 4096];
        while let Ok(octets @ 1..) = from_server.read(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..octets]).into_owned();
            let noisy = format!("\n{text}").replace("\n+OK", "\n+OK,");
            to_client.write_all(noisy.as_bytes()).await.unwrap();
        }
        let _ = to_client.shutdown().await;
    };
    tokio::join!(forth, back);
}

fn server_with(change: impl FnOnce(&mut DemoOptions)) -> Arc<DemoServer> {
    let password = Secret::new(PASSWORD.as_bytes().to_vec());
    let mut options = DemoOptions {
        users: vec![(USER.to_owned(), password)],
        ..DemoOptions::default()
    };
    change(&mut options);
    DemoServer::new(options)
}

/// A backend with all defaults, and known to keep its listings.
pub(super) fn backend() -> BackendOptions {
    BackendOptions {
        name: BackendName::new("legacy"),
        address: "pop.example.com:110".to_owned(),
        tls: TlsMode::Off,
        ca: None,
        server_name: None,
        verify: true,
        connect_timeout: Duration::from_secs(15),
        login_timeout: Duration::from_secs(60),
        login_reserve: Duration::from_secs(3),
        connections: 0,
        preconnect: true,
        proxy_protocol: false,
        xoip: false,
        shareable: Shareable::Yes,
        capabilities: None,
        phrases: Phrases::default(),
    }
}

fn account(password: &str) -> Credentials {
    let password = Secret::new(password.as_bytes().to_vec());
    Credentials::of_user(UserName::new(USER.as_bytes()), password)
}

const TERMS: Terms = Terms {
    wait: Duration::from_secs(25),
    preempt_idle: Some(Duration::from_secs(15)),
};

async fn report(ward: Ward, options: &BackendOptions, password: Option<&str>) -> Report {
    let account = password.map(account);
    let seen = examine(options, account.as_ref(), Arc::new(ward), &|_| {}).await;
    Report::new(&seen.unwrap(), options, &TERMS, jiff::Timestamp::now())
}

/// A look from inside at a server that is as `change` makes it.
async fn inside(change: impl FnOnce(&mut DemoOptions)) -> Report {
    let ward = Ward {
        server: server_with(change),
        between: Between::Nothing,
    };
    report(ward, &backend(), Some(PASSWORD)).await
}

fn settings(report: &Report) -> Vec<String> {
    let advised = report.advice.iter();
    advised.map(|advice| advice.setting.to_string()).collect()
}

#[track_caller]
fn assert_says(report: &Report, line: &str) {
    let told = report.to_string();
    let squeezed: Vec<_> = told
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let says = squeezed.iter().any(|told| told.starts_with(line));
    assert!(says, "{line:?} is not in\n{told}");
}
