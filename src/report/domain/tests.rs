//! Domains and mail servers as they come, on servers of the test's own.

use super::*;
use crate::limits::SMTP_LINE_MAX;
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use std::net::Ipv4Addr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, oneshot};

/// Long enough for loopback on a busy machine, short enough to be waited for.
const BOUNDS: Bounds = Bounds {
    whole: Duration::from_secs(5),
    lookup: Duration::from_millis(400),
    greeting: Duration::from_millis(600),
};

/// What the DNS server does with a question.
#[derive(Clone)]
enum Dns {
    Answers(Vec<RData>),
    Refuses(ResponseCode),
    Ignores,
}

type Zone = fn(&str, RecordType) -> Dns;

/// A DNS server for `zone`, and where it is.
async fn dns(zone: Zone) -> ResolverChoice {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut octets = [0; 4_096];
        while let Ok((length, from)) = socket.recv_from(&mut octets).await {
            let question = Message::from_vec(&octets[..length]).unwrap();
            if let Some(answer) = answer(&question, zone) {
                socket
                    .send_to(&answer.to_vec().unwrap(), from)
                    .await
                    .unwrap();
            }
        }
    });
    ResolverChoice::Server(address)
}

fn answer(question: &Message, zone: Zone) -> Option<Message> {
    let query = question.queries[0].clone();
    let found = zone(&query.name.to_ascii(), query.query_type);
    let mut answer = question.clone();
    answer.metadata.message_type = MessageType::Response;
    match found {
        Dns::Answers(records) => {
            let records = records
                .into_iter()
                .map(|data| Record::from_rdata(query.name.clone(), 60, data));
            answer.add_answers(records);
        }
        Dns::Refuses(code) => answer.metadata.response_code = code,
        Dns::Ignores => return None,
    }
    Some(answer)
}

fn mx(preference: u16, host: &str) -> RData {
    RData::MX(MX::new(preference, Name::from_ascii(host).unwrap()))
}

fn loopback() -> Dns {
    Dns::Answers(vec![RData::A(A(Ipv4Addr::LOCALHOST))])
}

fn nothing() -> Dns {
    Dns::Answers(Vec::new())
}

/// `example.com.` has one mail server, on loopback.
fn one_host(name: &str, kind: RecordType) -> Dns {
    match (name, kind) {
        ("example.com.", RecordType::MX) => Dns::Answers(vec![mx(10, "mail.example.com.")]),
        ("mail.example.com.", RecordType::A) => loopback(),
        ("example.com." | "mail.example.com.", _) => nothing(),
        _ => Dns::Refuses(ResponseCode::NXDomain),
    }
}

/// A mail server that sends `words` and then hears, and what it hears.
async fn smtp(words: &'static str) -> (u16, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, hears) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text).await;
        let _ = heard.send(text);
    });
    (port, hears)
}

/// The port of a listener that is gone.
async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

async fn check(zone: Zone, smtp_port: u16) -> DomainCheck {
    let checker = DomainChecker::at_port(smtp_port, BOUNDS);
    checker.check(Some("example.com"), dns(zone).await).await
}

/// What the only host of `check` answered.
fn only_answer(check: DomainCheck) -> MxAnswer {
    match check {
        DomainCheck::Mx(mut hosts) if hosts.len() == 1 => hosts.remove(0).answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mail_server_that_greets_is_told_with_its_words_and_hears_quit() {
    let (port, hears) = smtp("220-mail.example.com\r\n220 ready\r\n").await;
    let expected = MxHost {
        name: "mail.example.com".to_owned(),
        preference: 10,
        is_implicit: false,
        address: Some(IpAddr::from(Ipv4Addr::LOCALHOST)),
        answer: MxAnswer::Greeted("220-mail.example.com".to_owned()),
    };
    assert_eq!(check(one_host, port).await, DomainCheck::Mx(vec![expected]));
    assert_eq!(hears.await.unwrap(), "QUIT\r\n");
}

#[tokio::test]
async fn each_thing_that_a_mail_server_can_answer_is_told_apart() {
    let turned_away = "554 no mail from you\r\n";
    for (words, expected) in [
        (
            turned_away,
            MxAnswer::TurnedAway("554 no mail from you".into()),
        ),
        ("421 busy\r\n", MxAnswer::TurnedAway("421 busy".into())),
        ("+OK POP3\r\n", MxAnswer::NotSmtp("+OK POP3".into())),
        ("220", MxAnswer::Silent),
        ("", MxAnswer::Silent),
    ] {
        let (port, _hears) = smtp(words).await;
        assert_eq!(
            only_answer(check(one_host, port).await),
            expected,
            "{words}"
        );
    }
    let refused = check(one_host, closed_port().await).await;
    assert_eq!(only_answer(refused), MxAnswer::Refused);
}

#[tokio::test]
async fn a_mail_server_that_hangs_up_without_a_word_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { drop(listener.accept().await) });
    assert_eq!(only_answer(check(one_host, port).await), MxAnswer::Closed);
}

/// Sends `line` for as long as anybody listens, and tells how many octets were taken.
async fn endless(line: &'static str) -> (u16, oneshot::Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (ended, ends) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut taken = 0;
        while stream.write_all(line.as_bytes()).await.is_ok() {
            taken += line.len();
        }
        let _ = ended.send(taken);
    });
    (port, ends)
}

#[tokio::test]
async fn a_greeting_without_an_end_is_cut() {
    let (port, ends) = endless("220-and so on\r\n").await;
    let answer = only_answer(check(one_host, port).await);
    assert_eq!(answer, MxAnswer::Greeted("220-and so on".to_owned()));
    // Its connection is closed: what it has written beyond stands in buffers of the kernel.
    ends.await.unwrap();
    let (port, ends) = endless("no line end, ").await;
    match only_answer(check(one_host, port).await) {
        MxAnswer::NotSmtp(text) => assert!(text.len() <= SMTP_LINE_MAX, "{}", text.len()),
        other => panic!("{other:?}"),
    }
    ends.await.unwrap();
}

#[tokio::test]
async fn what_dns_says_of_a_domain_is_told_apart() {
    let null_mx: Zone = |_, kind| match kind {
        RecordType::MX => Dns::Answers(vec![mx(0, ".")]),
        _ => nothing(),
    };
    let no_answer = DomainCheck::NotChecked(NotChecked::NoAnswer);
    let zones: [(Zone, DomainCheck); 5] = [
        (
            |_, _| Dns::Refuses(ResponseCode::NXDomain),
            DomainCheck::NoSuchDomain,
        ),
        (|_, _| nothing(), DomainCheck::NoMx),
        (null_mx, DomainCheck::NullMx),
        (|_, _| Dns::Ignores, no_answer.clone()),
        // The domain exists, and more is not to be had.
        (
            |_, kind| match kind {
                RecordType::MX => nothing(),
                _ => Dns::Ignores,
            },
            no_answer,
        ),
    ];
    for (n, (zone, expected)) in zones.into_iter().enumerate() {
        assert_eq!(check(zone, 9).await, expected, "zone {n}");
    }
    let failing: Zone = |_, _| Dns::Refuses(ResponseCode::ServFail);
    match check(failing, 9).await {
        DomainCheck::NotChecked(NotChecked::Failed(why)) => assert!(!why.is_empty()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_domain_without_mx_is_its_own_mail_server() {
    let zone: Zone = |_, kind| match kind {
        RecordType::A => loopback(),
        _ => nothing(),
    };
    let (port, _hears) = smtp("220 here\r\n").await;
    match check(zone, port).await {
        DomainCheck::Mx(hosts) => {
            assert!(hosts[0].is_implicit);
            assert_eq!(hosts[0].name, "example.com");
            assert_eq!(hosts[0].answer, MxAnswer::Greeted("220 here".to_owned()));
        }
        other => panic!("{other:?}"),
    }
}

/// Four hosts in a wrong order; the first by preference has no address, of the second DNS says
/// nothing, the third has an address of version 6 alone.
fn many_hosts(name: &str, kind: RecordType) -> Dns {
    match (name, kind) {
        ("example.com.", RecordType::MX) => Dns::Answers(vec![
            mx(40, "never.example.com."),
            mx(10, "gone.example.com."),
            mx(30, "six.example.com."),
            mx(20, "lost.example.com."),
        ]),
        ("six.example.com.", RecordType::A) => nothing(),
        ("six.example.com.", RecordType::AAAA) => {
            Dns::Answers(vec![RData::AAAA(AAAA("::1".parse().unwrap()))])
        }
        ("lost.example.com.", _) => Dns::Refuses(ResponseCode::ServFail),
        ("never.example.com.", _) => loopback(),
        _ => Dns::Refuses(ResponseCode::NXDomain),
    }
}

#[tokio::test]
async fn the_first_hosts_are_asked_by_preference_and_the_rest_is_named() {
    let DomainCheck::Mx(hosts) = check(many_hosts, closed_port().await).await else {
        panic!("it has mail servers");
    };
    let answers: Vec<_> = hosts
        .iter()
        .map(|host| (host.name.as_str(), &host.answer))
        .collect();
    let [gone, lost, six, never] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(gone, &("gone.example.com", &MxAnswer::NoAddress));
    assert_eq!(lost, &("lost.example.com", &MxAnswer::AddressUnknown));
    assert_eq!(six.0, "six.example.com");
    // Where the machine has no IPv6, the way to it is missing.
    assert!(
        matches!(six.1, MxAnswer::Refused | MxAnswer::Unreachable(_)),
        "{six:?}"
    );
    assert_eq!(
        never,
        &("never.example.com", &MxAnswer::NotAsked),
        "it is the fourth"
    );
}

#[tokio::test]
async fn a_domain_in_letters_of_any_script_is_asked_for_in_ascii_and_from_the_root() {
    let (asked, mut asks) = mpsc::unbounded_channel();
    let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let resolver = ResolverChoice::Server(socket.local_addr().unwrap());
    tokio::spawn(async move {
        let mut octets = [0; 4_096];
        while let Ok((length, _)) = socket.recv_from(&mut octets).await {
            let question = Message::from_vec(&octets[..length]).unwrap();
            let _ = asked.send(question.queries[0].name.to_ascii());
        }
    });
    let checker = DomainChecker::at_port(9, BOUNDS);
    for (domain, name) in [
        ("Bücher.example", "xn--bcher-kva.example."),
        ("EXAMPLE.com", "example.com."),
        ("intranet", "intranet."),
    ] {
        let _ = checker.check(Some(domain), resolver).await;
        let mut names = Vec::new();
        while let Ok(name) = asks.try_recv() {
            names.push(name);
        }
        assert!(
            !names.is_empty() && names.iter().all(|it| it == name),
            "{names:?}"
        );
    }
}

#[tokio::test]
async fn what_is_no_domain_or_not_wanted_is_asked_nowhere() {
    let no_domain = DomainCheck::NotChecked(NotChecked::NoDomain);
    let checker = DomainChecker::default();
    let resolver = dns(|_, _| panic!("nobody is asked")).await;
    for domain in [
        None,
        Some("."),
        Some("192.0.2.1"),
        Some("[192.0.2.1]"),
        Some("2001:db8::1"),
        Some("two..dots"),
        Some("a\u{0}b"),
        Some("with space.example"),
    ] {
        assert_eq!(
            checker.check(domain, resolver).await,
            no_domain,
            "{domain:?}"
        );
    }
    let long = "a".repeat(64) + ".example";
    assert_eq!(checker.check(Some(&long), resolver).await, no_domain);
    let off = checker
        .check(Some("example.com"), ResolverChoice::Off)
        .await;
    assert_eq!(off, DomainCheck::NotChecked(NotChecked::Off));
}

#[tokio::test]
async fn a_check_that_finds_no_place_in_time_is_told() {
    let bounds = Bounds {
        whole: Duration::from_millis(50),
        ..BOUNDS
    };
    let checker = DomainChecker::at_port(9, bounds);
    let _all = checker
        .places
        .acquire_many(u32::try_from(DOMAIN_CHECKS_MAX).unwrap())
        .await
        .unwrap();
    let check = checker
        .check(Some("example.com"), dns(one_host).await)
        .await;
    assert_eq!(check, DomainCheck::NotChecked(NotChecked::Busy));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_comes_too_late_for_an_answer_is_told_as_none() {
    let checker = DomainChecker::at_port(9, BOUNDS);
    let all = u32::try_from(DOMAIN_CHECKS_MAX).unwrap();
    let places = checker.places.acquire_many(all).await.unwrap();
    let resolver = dns(|_, _| Dns::Ignores).await;
    let check = checker.check(Some("example.com"), resolver);
    let late = async {
        tokio::time::sleep(BOUNDS.whole - BOUNDS.lookup).await;
        drop(places);
    };
    let (check, ()) = tokio::join!(check, late);
    assert_eq!(check, DomainCheck::NotChecked(NotChecked::Busy));
}

#[test]
fn a_check_fits_into_a_request() {
    let lookups = 2 * DOMAIN_LOOKUP;
    assert!(lookups + DOMAIN_GREETING < DOMAIN_CHECK);
    assert!(DOMAIN_CHECK < crate::limits::ADMIN_REQUEST);
}

#[test]
fn the_domain_of_a_login_stands_behind_its_last_at() {
    for (login, domain) in [
        (&b"ann@example.com"[..], Some("example.com")),
        (b"\"a@b\"@example.com ", Some("example.com")),
        (b"ann", None),
        (b"ann@", None),
        (b"ann@ex\xffmple.com", None),
    ] {
        assert_eq!(domain_of(login), domain);
    }
}
