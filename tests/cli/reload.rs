//! SIGHUP: the file is taken over whole or not at all, while sessions go on.

use crate::gate::{Gate, free_address};
use crate::{code, stderr};
use popgate::demo::certificate::self_signed;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

/// What stands in the file below the first listener.
const BACKEND: &str = "[[backend]]";

fn listener(name: &str, address: SocketAddr, tls: &str) -> String {
    format!("[[listen]]\nname = \"{name}\"\naddress = \"{address}\"\ntls = \"{tls}\"\n{BACKEND}")
}

/// Ends the gate, and returns its log.
fn log_of(gate: Gate) -> String {
    gate.signal("TERM");
    let output = gate.wait();
    assert_eq!(code(&output), 0);
    stderr(&output)
}

fn assert_logged(log: &str, lines: &[&str]) {
    for line in lines {
        assert!(log.contains(line), "{line:?} is not in\n{log}");
    }
}

#[test]
fn listeners_come_and_go_and_the_sessions_of_all_go_on() {
    let gate = Gate::start("secret", &[], "60s");
    let mut before = gate.connect();
    assert!(before.log_in("secret").starts_with("+OK"));
    let second = free_address();
    gate.reload(BACKEND, &listener("second", second, "off"));
    assert!(before.ask("NOOP").starts_with("+OK"));
    assert!(before.ask("QUIT").starts_with("+OK"));
    let mut there = gate.connect_to(second);
    assert!(there.log_in("secret").starts_with("+OK"));
    let metrics = gate.scrape();
    assert!(metrics.contains("listener=\"second\""), "{metrics}");

    gate.reload(&listener("second", second, "off"), BACKEND);
    assert!(TcpStream::connect(second).is_err(), "it is closed");
    assert!(there.ask("STAT").starts_with("+OK"), "its session goes on");
    assert!(there.ask("QUIT").starts_with("+OK"));
    // The port is free: it can come back at once.
    gate.reload(BACKEND, &listener("again", second, "off"));
    assert!(gate.connect_to(second).log_in("secret").starts_with("+OK"));
    assert!(gate.connect().ask("QUIT").starts_with("+OK"));
    assert!(
        gate.scrape()
            .contains("popgate_reloads_total{result=\"applied\"} 3")
    );
    let log = log_of(gate);
    assert_logged(
        &log,
        &[
            &format!("listener `second` at {second}: opened"),
            &format!("listener `second` at {second}: closed, its sessions go on"),
        ],
    );
}

#[test]
fn a_listener_keeps_its_socket_and_has_its_new_options_for_who_comes_then() {
    let gate = Gate::start("secret", &[], "60s");
    let mut before = gate.connect();
    gate.reload("tls = \"off\"", "tls = \"off\"\nproxy_protocol = true");
    assert!(before.log_in("secret").starts_with("+OK"));
    let stream = TcpStream::connect(gate.address).unwrap();
    let mut named = BufReader::new(stream);
    named
        .get_mut()
        .write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 110\r\n")
        .unwrap();
    let mut greeting = String::new();
    named.read_line(&mut greeting).unwrap();
    assert!(greeting.starts_with("+OK"), "{greeting}");
    drop((before, named));
    assert_logged(
        &log_of(gate),
        &[
            "proxy_protocol false -> true",
            // It has left, or the stop was quicker.
            ": from 192.0.2.7",
        ],
    );
}

#[test]
fn a_bad_file_leaves_all_as_it_was() {
    let gate = Gate::start("secret", &[], "60s");
    let mut before = gate.connect();
    assert!(before.log_in("secret").starts_with("+OK"));
    let second = free_address();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_at = taken.local_addr().unwrap();

    // A mistake behind a listener that is new.
    gate.reload(
        BACKEND,
        &format!("{}\nfoo = 1", listener("second", second, "off")),
    );
    assert!(TcpStream::connect(second).is_err());
    // A port that another program has, behind one that is free.
    gate.reload("\nfoo = 1", "");
    assert!(TcpStream::connect(second).is_ok());
    gate.reload(
        &listener("second", second, "off"),
        &listener("taken", taken_at, "off"),
    );
    assert!(TcpStream::connect(second).is_ok(), "it is still open");
    assert!(before.ask("NOOP").starts_with("+OK"));
    assert!(
        gate.scrape()
            .contains("popgate_reloads_total{result=\"refused\"} 2")
    );
    drop(before);
    assert_logged(
        &log_of(gate),
        &[
            "reload rejected, the running configuration stays in use: ",
            "unknown key `foo`",
            &format!("cannot listen on {taken_at}"),
        ],
    );
}

#[test]
fn what_needs_a_restart_is_refused_and_named() {
    let gate = Gate::start("secret", &[], "60s");
    let admin = format!("address = \"{}\"", gate.metrics);
    let other = format!("address = \"{}\"", free_address());
    gate.reload(&admin, &other);
    assert!(
        gate.scrape()
            .contains("popgate_reloads_total{result=\"refused\"} 1")
    );
    gate.reload(&other, &admin);
    gate.reload("[server]", "[defaults]\nfold_case = false\n[server]");
    gate.reload("fold_case = false", "wait = \"45s\"\nqueue = 4");
    assert!(gate.connect().log_in("secret").starts_with("+OK"));
    assert_logged(
        &log_of(gate),
        &[
            "this needs a restart, and nothing else of the file is taken over before:",
            &format!("[admin] address {} -> ", admin.split('"').nth(1).unwrap()),
            "reloaded, nothing changed",
            "domains of no tenant, tenant `default`: fold_case true -> false",
            "reloaded: tenant `default`: wait 25s -> 45s, queue 16 -> 4",
        ],
    );
}

#[test]
fn what_sharing_is_set_by_is_taken_over_under_an_open_session() {
    let gate = Gate::start("secret", &[], "60s");
    let mut before = gate.connect();
    assert!(before.log_in("secret").starts_with("+OK"));
    gate.reload(BACKEND, &format!("{BACKEND}\nshareable = true"));
    gate.reload("[server]", "[server]\nsharing_memory = \"2MiB\"");
    gate.reload("[server]", "[defaults]\nsharing = \"on\"\n[server]");
    gate.reload("shareable = true", "shareable = false");
    assert!(before.ask("STAT").starts_with("+OK"));
    assert_logged(
        &log_of(gate),
        &[
            "reloaded: backend `demo`: shareable ask -> true",
            "reloaded: [server] sharing_memory 64MiB -> 2MiB",
            "reloaded: tenant `default`: sharing.mode off -> on",
            "backend `demo`: shareable true -> false",
            "warning: tenant `default`: sharing is \"on\", and each of its backends",
        ],
    );
}

#[test]
fn a_backend_that_is_not_there_is_added_all_the_same() {
    let gate = Gate::start("secret", &[], "60s");
    let address = free_address();
    let table = format!("[[backend]]\nname = \"next\"\naddress = \"{address}\"\n{BACKEND}");
    // Two backends: now it must be said whose each is.
    gate.reload("[server]", "[defaults]\nbackend = \"demo\"\n[server]");
    gate.reload(BACKEND, &table);
    assert!(
        gate.scrape()
            .contains("popgate_backend_up{backend=\"next\"} 0")
    );
    assert!(gate.connect().log_in("secret").starts_with("+OK"));
    gate.reload(&table, BACKEND);
    let metrics = gate.scrape();
    assert!(!metrics.contains("popgate_backend_up{backend=\"next\"}"));
    assert!(metrics.contains("popgate_backend_up{backend=\"demo\"} 1"));
    assert_logged(
        &log_of(gate),
        &[
            &format!("backend `next` at {address}: added"),
            "backend `next` cannot be reached yet: ",
            "backend `next`: removed",
        ],
    );
}

#[test]
fn a_certificate_is_swapped_under_an_open_session() {
    let gate = Gate::start("secret", &[], "60s");
    let [first, second] = [(); 2].map(|()| self_signed().unwrap());
    write_pair(&gate, &first);
    let pop3s = free_address();
    let tls = "[tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n";
    // There was no `[tls]` before.
    gate.reload(
        BACKEND,
        &format!("{tls}{}", listener("pop3s", pop3s, "implicit")),
    );
    let mut session = Secured::connect(pop3s, &first.0);
    assert!(session.ask("USER ann").starts_with("+OK"));
    assert!(session.ask("PASS secret").starts_with("+OK"));

    write_pair(&gate, &second);
    gate.reload(BACKEND, BACKEND);
    let mut after = Secured::connect(pop3s, &second.0);
    assert!(after.ask("CAPA").starts_with("+OK"));
    assert!(session.ask("STAT").starts_with("+OK"));

    // A key that is not that of the certificate: the second pair stays.
    fs::write(gate.folder().join("key.pem"), first.1.as_bytes()).unwrap();
    gate.reload(BACKEND, BACKEND);
    Secured::connect(pop3s, &second.0);
    assert!(session.ask("QUIT").starts_with("+OK"));
    drop(after);
    assert_logged(
        &log_of(gate),
        &[
            "certificates: shown from now on",
            "certificates: changed",
            "the key is not that of",
        ],
    );
}

/// A certificate and its key.
type Pair = (String, zeroize::Zeroizing<String>);

fn write_pair(gate: &Gate, (chain, key): &Pair) {
    fs::write(gate.folder().join("chain.pem"), chain).unwrap();
    fs::write(gate.folder().join("key.pem"), key.as_bytes()).unwrap();
}

#[test]
fn the_certificate_of_the_admin_port_is_swapped_too() {
    let gate = Gate::start("secret", &[], "60s");
    let [first, second] = [(); 2].map(|()| self_signed().unwrap());
    let healthz = |pair: &Pair| {
        let mut client = Secured::open(gate.metrics, &pair.0);
        client.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
    };
    write_pair(&gate, &first);
    gate.reload(
        "[admin]",
        "[admin]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"",
    );
    assert_eq!(healthz(&first), "HTTP/1.1 200 OK\r\n");
    write_pair(&gate, &second);
    gate.reload(BACKEND, BACKEND);
    assert_eq!(healthz(&second), "HTTP/1.1 200 OK\r\n");
    let mut in_clear = TcpStream::connect(gate.metrics).unwrap();
    in_clear
        .write_all(b"GET /healthz HTTP/1.1\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    // The alert of TLS, or a reset behind it.
    let _ = in_clear.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    assert_logged(
        &log_of(gate),
        &[
            "certificate of the admin port: shown from now on",
            "certificate of the admin port: changed",
        ],
    );
}

/// A mail program over TLS that trusts one certificate.
struct Secured(BufReader<StreamOwned<ClientConnection, TcpStream>>);

impl Secured {
    fn connect(address: SocketAddr, chain: &str) -> Self {
        let mut client = Self::open(address, chain);
        assert!(client.line().starts_with("+OK"), "not greeted");
        client
    }

    fn open(address: SocketAddr, chain: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
        roots.add(certificate).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let stream = TcpStream::connect(address).unwrap();
        Self(BufReader::new(StreamOwned::new(connection, stream)))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    fn ask(&mut self, command: &str) -> String {
        let stream = self.0.get_mut();
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
        self.line()
    }
}

#[test]
fn a_tenant_has_its_limit_for_an_address_where_its_listener_has_none() {
    let gate = Gate::start("secret", &[], "60s");
    let tables = "[defaults]\ncleartext = \"always\"\nconnections = { per_address = 0 }\n\
                  [[tenant]]\nname = \"t\"\ndomains = [\"t.example\"]\n\
                  connections = { per_address = 1 }\n[server]\ntrusted_networks = []";
    gate.reload("[server]", tables);
    let mut other = gate.connect();
    let mut client = gate.connect();
    assert!(other.ask("USER ann").starts_with("+OK"));
    assert!(client.ask("USER ann@t.example").starts_with("+OK"));
    let answer = client.ask("PASS secret");
    assert!(answer.contains("from your address"), "{answer}");
    assert!(other.ask("PASS secret").starts_with("+OK"));
}
