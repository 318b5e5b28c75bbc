//! What happens to clients, as the metrics have it.

use crate::support::{Gate, Wire, seconds};
use popgate::dialect::Class;
use popgate::ids::{BackendName, ListenerName, TenantName};
use popgate::observe::event::{End, LockOutcome, LoginRule, OffenceKind, PollDecision};
use popgate::observe::metrics::Metrics;
use popgate::policy::sharing::{BackendProof, PromotionOutcome};
use popgate::pop3::reply::ReplyTo;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

const SETTINGS: &str = "[defaults]\ncleartext = \"always\"\nwait = \"5s\"\n";

const MANUAL: &str = include_str!("../../deploy/manual/monitoring.md");

/// What the manual calls the errors that mail programs show.
const ERRORS: [&str; 4] = [
    "unknown mailbox or wrong password",
    "unable to lock the mailbox",
    "no such message",
    "deleted messages not removed",
];

async fn gate() -> (Gate, Arc<Metrics>) {
    let tenants = [TenantName::new("default")];
    let listeners = ["pop3", "pop3s", "clear"].map(ListenerName::new);
    let backends = [BackendName::new("legacy")];
    let metrics = Arc::new(
        Metrics::new(&tenants, &listeners, &backends, 200).expect("families are well made"),
    );
    let gate = Gate::heard_by(metrics.clone(), SETTINGS).await;
    (gate, metrics)
}

/// A series of the text format.
#[derive(Debug)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

fn scrape(metrics: &Metrics) -> Vec<Series> {
    let text = metrics.render().expect("they can be written");
    text.lines()
        .filter(|line| line.starts_with("popgate_"))
        .map(series)
        .collect()
}

fn series(line: &str) -> Series {
    let (series, value) = line.rsplit_once(' ').expect("a series and its value");
    let (name, labels) = selector(series);
    Series {
        name: name.to_owned(),
        labels,
        value: value.parse().expect("a number"),
    }
}

/// `name{label="value",...}`, or a name alone. No label here holds a comma or a quotation mark.
fn selector(text: &str) -> (&str, BTreeMap<String, String>) {
    let Some((name, labels)) = text.split_once('{') else {
        return (text, BTreeMap::new());
    };
    let labels = labels.trim_end_matches('}').split(',').map(|label| {
        let (name, value) = label.trim().split_once('=').expect("a label and its value");
        (name.to_owned(), value.trim_matches('"').to_owned())
    });
    (name, labels.collect())
}

/// What the manual's expression for `error` counts up to now.
fn read(metrics: &Metrics, error: &str) -> f64 {
    let row = MANUAL
        .lines()
        .find(|line| line.starts_with(&format!("| {error} | ")))
        .unwrap_or_else(|| panic!("the manual has no row for {error:?}"));
    let counted = row
        .split_once("increase(")
        .and_then(|(_, rest)| rest.split_once("[1h]"))
        .map(|(counted, _)| counted)
        .unwrap_or_else(|| panic!("no increase in an hour: {row}"));
    let (name, wanted) = selector(counted);
    scrape(metrics)
        .iter()
        .filter(|series| series.name == name)
        .filter(|series| {
            wanted
                .iter()
                .all(|(label, value)| series.labels[label] == *value)
        })
        .map(|series| series.value)
        .sum()
}

/// Whether the expression of this error counts one, and those of the others none.
fn only(metrics: &Metrics, error: usize) -> bool {
    let counts = ERRORS.map(|error| read(metrics, error));
    let mut expected = [0.0; 4];
    expected[error] = 1.0;
    println!("{counts:?}");
    counts == expected
}

async fn says(client: &mut Wire, backend: &mut Wire, command: &str, answer: &str) {
    client.send(format!("{command}\r\n")).await;
    backend.expect(format!("{command}\r\n")).await;
    backend.send(format!("{answer}\r\n")).await;
    client.expect(format!("{answer}\r\n")).await;
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_read_from_its_expression() {
    let (gate, metrics) = gate().await;
    let mut client = gate.asking("ann", "wrong").await;
    let mut backend = gate.dialed().await;
    backend.greets().await;
    let refusal = "-ERR [AUTH] unknown mailbox or invalid password\r\n";
    backend.answers_login("ann", "wrong", refusal).await;
    client.expect(refusal).await;
    client.close();
    gate.end_of("client 1").await;
    assert!(only(&metrics, 0));
}

#[tokio::test(start_paused = true)]
async fn a_wait_in_vain_is_read_from_its_expression() {
    let (gate, metrics) = gate().await;
    let (mut holder, mut backend) = gate.log_in("ann", "secret").await;
    holder.send("RETR 1\r\n").await;
    backend.expect("RETR 1\r\n").await;
    let mut waiter = gate.asking("ann", "secret").await;
    waiter.expect_prefix("-ERR [").await;
    waiter.close();
    gate.end_of("client 2").await;
    assert!(only(&metrics, 1));
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_that_is_locked_beside_popgate_is_read_from_the_same_expression() {
    let (gate, metrics) = gate().await;
    gate.serve_each(|mut backend| async move {
        backend.greets().await;
        let locked = "-ERR [IN-USE] unable to lock maildrop\r\n";
        backend.answers_login("ann", "secret", locked).await;
        backend.expect_eof().await;
    });
    let mut client = gate.asking("ann", "secret").await;
    client.expect_prefix("-ERR [").await;
    client.close();
    gate.end_of("client 1").await;
    assert!(only(&metrics, 1));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_gone_is_read_from_its_expression() {
    let (gate, metrics) = gate().await;
    let (mut client, mut backend) = gate.log_in("ann", "secret").await;
    says(&mut client, &mut backend, "RETR 9", "-ERR no such message").await;
    assert!(only(&metrics, 2));
}

#[tokio::test(start_paused = true)]
async fn messages_that_were_not_removed_are_read_from_their_expression() {
    let (gate, metrics) = gate().await;
    let (mut client, mut backend) = gate.log_in("ann", "secret").await;
    says(&mut client, &mut backend, "DELE 1", "+OK deleted").await;
    let refusal = "-ERR some deleted messages not removed";
    says(&mut client, &mut backend, "QUIT", refusal).await;
    client.close();
    backend.close();
    gate.end_of("client 1").await;
    assert!(only(&metrics, 3));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_an_answer_counts_from_the_password() {
    let (gate, metrics) = gate().await;
    let mut client = gate.asking("ann", "secret").await;
    let mut backend = gate.dialed().await;
    backend.expect_silence(seconds(3.0)).await;
    backend.greets().await;
    backend.expect("USER ann\r\nPASS secret\r\n").await;
    client.expect_silence(seconds(0.5)).await;
    backend.send("+OK\r\n+OK in\r\n").await;
    client.expect("+OK in\r\n").await;
    let all = scrape(&metrics);
    let value = |name: &str| all.iter().find(|series| series.name == name).unwrap().value;
    assert_eq!(value("popgate_backend_login_seconds_count"), 1.0);
    assert!((value("popgate_backend_login_seconds_sum") - 0.5).abs() < 0.001);
    assert_eq!(value("popgate_logins_total"), 1.0);
}

/// Every word that a label of this kind may have.
fn words(label: &str) -> HashSet<&'static str> {
    macro_rules! of {
        ($type:ty) => {
            <$type>::ALL.iter().map(|word| word.as_str()).collect()
        };
    }
    match label {
        "tenant" => HashSet::from(["none", "default", "other"]),
        "listener" => HashSet::from(["pop3", "pop3s", "clear"]),
        "backend" => HashSet::from(["legacy"]),
        "end" => of!(End),
        "outcome" => {
            let locks: HashSet<_> = of!(LockOutcome);
            let promotions: HashSet<_> = of!(PromotionOutcome);
            &locks | &promotions
        }
        "verdict" => of!(BackendProof),
        "fetched" => HashSet::from(["false", "true"]),
        "command" => of!(ReplyTo),
        "class" => of!(Class),
        "rule" => of!(LoginRule),
        "fault" => of!(OffenceKind),
        "decision" => of!(PollDecision),
        "proven" => HashSet::from(["no", "yes"]),
        "direction" => HashSet::from(["to_client", "to_backend"]),
        "state" => HashSet::from(["blocked", "released"]),
        "version" => HashSet::from([env!("CARGO_PKG_VERSION")]),
        _ => HashSet::new(),
    }
}

/// Labels whose words no client has any part in.
const APART: [&str; 3] = ["le", "invariant", "reason"];

#[tokio::test(start_paused = true)]
async fn no_label_has_a_word_of_a_client_or_a_backend_in_it() {
    let (gate, metrics) = gate().await;
    let hostile = [
        "a\"}\tpopgate_forged{x=\"y",
        "\u{202e}nna@evil.example",
        "{tenant=\"other\"}",
        "ann\\",
        "<script>",
    ];
    for (number, name) in hostile.iter().enumerate() {
        let mut client = gate.asking(name, name).await;
        let mut backend = gate.dialed().await;
        backend.greets().await;
        let answer = format!("-ERR [AUTH] {name}\r\n");
        backend.answers_login(name, name, &answer).await;
        client.expect(answer).await;
        client.send(format!("{name}\r\n")).await;
        client.read_line().await;
        client.close();
        gate.end_of(&format!("client {}", number + 1)).await;
    }
    let all = scrape(&metrics);
    let ended = |series: &&Series| series.name == "popgate_sessions_total";
    let sessions: f64 = all.iter().filter(ended).map(|series| series.value).sum();
    assert_eq!(sessions, 5.0);
    for series in &all {
        for (label, value) in &series.labels {
            if APART.contains(&label.as_str()) || label == "result" {
                continue;
            }
            assert!(words(label).contains(value.as_str()), "{series:?}");
        }
    }
}
