//! The doctor before the demo's server in all its moods, in memory and with paused time.

use super::advice::Terms;
use super::finding::{Finding, Severity};
use super::observations::ProbeStep;
use super::report::Report;
use super::*;
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

fn backend() -> BackendOptions {
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

#[tokio::test(start_paused = true)]
async fn a_server_that_locks_as_it_should_needs_no_setting() {
    let server = server_with(|_| {});
    let messages = server.message_count(USER);
    let ward = Ward {
        server: Arc::clone(&server),
        between: Between::Nothing,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "ok lock a second session is refused after 0.1 ms: -ERR [IN-USE]",
    );
    assert_says(&report, "ok lock the refused connection stays open");
    assert_says(&report, "ok connections 12 at a time are taken");
    assert_says(
        &report,
        "ok after QUIT the next login is accepted within 0.1 ms",
    );
    assert_says(
        &report,
        "ok after a cut the next login is accepted within 0.1 ms",
    );
    assert_says(&report, "ok uidl the same in two sessions, 5 messages");
    assert_says(&report, "ok pipelining true");
    assert_says(&report, "nothing to change in its settings");
    // In clear, and nobody knows where to.
    let warned = report
        .findings
        .iter()
        .filter(|f| f.severity() != Severity::Ok);
    assert_eq!(warned.map(Finding::topic).collect::<Vec<_>>(), ["tls"]);

    let counts = server.log().counts();
    assert_eq!(
        (counts.logins, counts.refusals, counts.auth_failures),
        (4, 1, 0)
    );
    assert_eq!((counts.deleted, server.message_count(USER)), (0, messages));
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_not_quite_regular_are_told_and_need_no_setting() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::Noise,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "warn replies an empty line stands before the status line (the greeting, CAPA, ",
    );
    assert_says(
        &report,
        "warn replies no blank stands behind the status word (the greeting, CAPA, QUIT, the login, ",
    );
    assert!(
        report
            .to_string()
            .contains("(no setting: popgate understands it, as mail programs do)")
    );
    assert_says(&report, "ok lock a second session is refused");
    assert_says(&report, "nothing to change in its settings");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_lock_is_no_fault() {
    let report = inside(|options| options.locking = false).await;
    assert_says(&report, "ok lock none: a second session is let in");
    assert_says(&report, "ok uidl the same in two sessions");
    assert_eq!(settings(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_lingers_is_timed() {
    let report = inside(|options| options.linger = Duration::from_secs(5)).await;
    assert_says(
        &report,
        "warn after QUIT the next login is accepted within 7.8 s",
    );
    assert_says(
        &report,
        "warn after a cut the next login is accepted within 7.8 s",
    );
    // 15 s for the idle holder, 8 s for the lock and 3 s for the login do not fit into 25 s.
    assert_eq!(settings(&report), ["wait = \"26s\""]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_never_goes_is_given_up() {
    let report = inside(|options| options.linger = Duration::from_secs(3600)).await;
    assert_says(&report, "warn after QUIT still locked 5");
    assert_eq!(settings(&report), ["wait = \"55s\""]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_closed_with_the_refusal_is_seen() {
    let report = inside(|options| options.close_after_refusal = true).await;
    assert_says(&report, "ok lock the refused connection is closed");
}

#[tokio::test(start_paused = true)]
async fn words_that_popgate_does_not_know_are_to_be_taught_and_then_known() {
    let ward = || Ward {
        server: server_with(|options| options.refusal = "-ERR Postfach \"belegt\"".to_owned()),
        between: Between::Nothing,
    };
    let mut options = backend();
    let first = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(
        &first,
        "warn lock a second session is refused, which popgate takes for `perm`",
    );
    assert_says(&first, "ok after QUIT the next login is accepted");
    let [toml] = &settings(&first)[..] else {
        panic!("{first}");
    };
    let table: toml::Table = toml.parse().unwrap();
    let phrase = table["phrases"]["locked"][0].as_str().unwrap();
    assert_eq!(phrase, "Postfach \"belegt\"");

    options.phrases.locked.push(phrase.to_owned());
    let second = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(&second, "ok lock a second session is refused after");
    assert_eq!(settings(&second), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_lingers_is_known_by_words_that_popgate_does_not_know() {
    let report = inside(|options| {
        options.refusal = "-ERR Postfach belegt".to_owned();
        options.linger = Duration::from_secs(2);
    })
    .await;
    assert_says(
        &report,
        "warn lock a second session is refused, which popgate takes for `perm`",
    );
    assert_says(
        &report,
        "warn after QUIT the next login is accepted within 3.8 s",
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_without_capa_is_taken_to_know_what_all_do() {
    let report = inside(|options| options.capabilities.clear()).await;
    assert_says(&report, "ok capa not known (-ERR Unknown command)");
    assert_says(
        &report,
        "ok capa refused after the login, which does no harm",
    );
    assert_says(&report, "ok pipelining not announced");
    assert_eq!(settings(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_login_needs_a_larger_reserve() {
    let report = inside(|options| options.login_delay = Duration::from_secs(8)).await;
    assert_says(&report, "ok login accepted after 8.0 s");
    assert_says(&report, "ok lock a second session is refused after 8.0 s");
    // What every login takes is not the lock's.
    assert_says(
        &report,
        "ok after QUIT the next login is accepted within 0.1 ms",
    );
    assert_eq!(
        settings(&report),
        [r#"login_reserve = "12s""#, r#"wait = "27s""#]
    );
}

#[tokio::test(start_paused = true)]
async fn pipelining_that_loses_what_popgate_never_sends_is_no_harm() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::ForgetsBehindPass,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "ok pipelining true after the login; what stands behind PASS",
    );
    assert_eq!(settings(&report), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_connections_is_found_and_fits_once_it_is_set() {
    let ward = || Ward {
        server: server_with(|_| {}),
        between: Between::AtMost(Arc::new(Semaphore::new(4))),
    };
    let mut options = backend();
    let first = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(
        &first,
        "warn connections 4 at a time are taken, and not one more: pop.example",
    );
    assert_says(&first, "ok pipelining true");
    assert_eq!(settings(&first), ["connections = 4"]);

    options.connections = 4;
    let second = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(
        &second,
        "ok connections 4 at a time are taken, and popgate opens no more",
    );
    assert_eq!(settings(&second), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_one_connection_is_not_asked_for_two() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::AtMost(Arc::new(Semaphore::new(1))),
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(&report, "warn connections 1 at a time are taken");
    assert_says(&report, "warn connections a second one is not taken");
    assert_eq!(settings(&report), ["connections = 1", "preconnect = false"]);
}

#[tokio::test(start_paused = true)]
async fn pipelining_that_loses_commands_is_found() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::ForgetsBehindLine,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(
        &report,
        "warn pipelining announced, and not true: PASS got no answer",
    );
    let [toml] = &settings(&report)[..] else {
        panic!("{report}");
    };
    assert!(
        toml.starts_with("capabilities = [\"TOP\"") && !toml.contains("PIPELINING"),
        "{toml}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_refused_is_shown() {
    let (chain, key) = self_signed().unwrap();
    let acceptor = Arc::new(Acceptor::from_pem(&chain, &key).unwrap());
    let ward = || Ward {
        server: server_with(|_| {}),
        between: Between::Tls(Arc::clone(&acceptor)),
    };
    let mut options = BackendOptions {
        tls: TlsMode::Implicit,
        server_name: Some("localhost".to_owned()),
        ca: None,
        ..backend()
    };
    let authority = crate::net::tls::authority::Authority::new();
    options.ca = Some(authority.file());
    let refused = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(
        &refused,
        "fault reach pop.example.com:110: the peer's certificate is",
    );
    assert_says(
        &refused,
        "ok certificate for localhost, 127.0.0.1, ::1, signed by itself",
    );
    assert_eq!(refused.severity(), Severity::Fault);

    options.verify = false;
    let taken = report(ward(), &options, Some(PASSWORD)).await;
    assert_says(&taken, "ok tls TLSv1.3 from the first byte");
    assert_says(&taken, "warn tls the certificate is not verified");
    assert_says(&taken, "ok uidl the same");
    assert_eq!(taken.severity(), Severity::Warn);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_not_there_is_a_fault() {
    for (between, what) in [
        (
            Between::Firewall,
            "fault reach pop.example.com:110 cannot be reached",
        ),
        (
            Between::Silence,
            "fault reach pop.example.com:110 did not greet in time",
        ),
    ] {
        let ward = Ward {
            server: server_with(|_| {}),
            between,
        };
        let report = report(ward, &backend(), Some(PASSWORD)).await;
        assert_says(&report, what);
        assert_eq!(report.findings.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once_and_not_shown() {
    let server = server_with(|_| {});
    let ward = Ward {
        server: Arc::clone(&server),
        between: Between::Nothing,
    };
    let report = report(ward, &backend(), Some("Canary-4711")).await;
    assert_says(
        &report,
        "fault login refused after 0.1 ms (auth): -ERR [AUTH]",
    );
    assert_eq!(server.log().counts().auth_failures, 1);
    assert!(!format!("{report} {report:?} {}", report.to_json()).contains("Canary"));
}

#[tokio::test(start_paused = true)]
async fn a_password_that_the_server_repeats_is_not_shown() {
    let refusal = format!("-ERR {PASSWORD} is in use");
    let report = inside(|options| options.refusal = refusal).await;
    assert_says(
        &report,
        "ok lock a second session is refused after 0.1 ms: -ERR (the password)",
    );
    assert!(!format!("{report:?}").contains(PASSWORD));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_is_in_for_a_moment_is_waited_for() {
    let server = server_with(|_| {});
    let (mut holder, far) = duplex(1024);
    tokio::spawn(Arc::clone(&server).serve_connection(far));
    let login = format!("USER {USER}\r\nPASS {PASSWORD}\r\n");
    holder.write_all(login.as_bytes()).await.unwrap();
    tokio::spawn(async move {
        sleep(Duration::from_secs(5)).await;
        drop(holder);
    });
    sleep(Duration::from_secs(1)).await;
    let ward = Ward {
        server,
        between: Between::Nothing,
    };
    let report = report(ward, &backend(), Some(PASSWORD)).await;
    assert_says(&report, "warn login accepted after 0.1 ms, at the 3. try");
}

#[tokio::test(start_paused = true)]
async fn without_an_account_nobody_logs_in() {
    let server = server_with(|_| {});
    let ward = Ward {
        server: Arc::clone(&server),
        between: Between::Nothing,
    };
    let report = report(ward, &backend(), None).await;
    assert_says(&report, "ok login not looked at");
    assert_eq!(server.log().counts().logins, 0);
}

#[tokio::test(start_paused = true)]
async fn each_step_is_told_once_and_in_order() {
    let ward = Ward {
        server: server_with(|_| {}),
        between: Between::Nothing,
    };
    let told = RefCell::new(Vec::new());
    let on_step = |step: ProbeStep| told.borrow_mut().push(step);
    let seen = examine(
        &backend(),
        Some(&account(PASSWORD)),
        Arc::new(ward),
        &on_step,
    )
    .await;
    assert!(!seen.unwrap().out_of_time);
    assert_eq!(told.into_inner(), ProbeStep::ALL);
}

#[tokio::test(start_paused = true)]
async fn forms_that_are_one_maildrop_lead_to_settings() {
    let config = "[[listen]]\naddress = \"127.0.0.1:1110\"\ntls = \"off\"\n\
                  [[backend]]\nname = \"b\"\naddress = \"10.0.0.5:110\"\n";
    let config = crate::config::Config::parse(config, std::path::Path::new("a.toml")).unwrap();
    let users = ["ann@a.org", "ann", "ann%a.org", "ann+a.org"];
    let server = server_with(|options| {
        let user = |name: &&str| ((*name).to_owned(), Secret::new(PASSWORD.into()));
        options.users = users.iter().map(user).collect();
    });
    let ward = Ward {
        server,
        between: Between::Nothing,
    };
    let account = Credentials {
        user: UserName::new(b"ann@a.org"),
        ..account(PASSWORD)
    };
    let tenant = config.tenants.tenants().next().unwrap();
    let forms = super::try_forms(&backend(), &account, tenant, Arc::new(ward)).await;
    let seen = super::observations::Observations {
        forms: Some(forms.unwrap()),
        ..super::observations::Observations::default()
    };
    let report = Report::new(&seen, &backend(), &TERMS, jiff::Timestamp::now());
    let expected = [
        "aliases = [\"at-signs\", \"cpanel\"]",
        "default_domain = \"a.org\"",
    ];
    assert_eq!(settings(&report), expected);
    let same = "ann, ann%a.org, ann+a.org";
    assert_says(
        &report,
        &format!("warn forms one maildrop, with a lock each: {same}"),
    );
    assert_says(
        &report,
        "ok forms refused: ann#a.org, ann&a.org, ann/a.org, ann:a.org",
    );
}
