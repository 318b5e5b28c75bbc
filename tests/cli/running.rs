//! The commands that talk to a running gate, against its admin port alone.

use super::gate::free_address;
use super::{code, popgate, stderr, stdout};
use jiff::Timestamp;
use popgate::admin::blocks::BlockListAdmin;
use popgate::admin::token::Token;
use popgate::admin::{
    AdminPolicy, AdminState, GateAdmin, GateControl, GateView, Reloaded, UserView, serve,
};
use popgate::admission::block_list::BlockList;
use popgate::ids::{BackendName, MaildropKey, TenantName, UserName};
use popgate::net::BoxFuture;
use popgate::net::tls::Acceptor;
use popgate::observe::metrics::MetricsError;
use popgate::policy::block::{
    BlockChange, BlockEntry, BlockFilter, BlockId, BlockReason, BlockState, BlockTarget,
};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// A gate that tells nobody of changes of its block list.
struct Alone {
    blocks: BlockList,
    reload: Arc<Mutex<Reloaded>>,
}

impl GateAdmin for Alone {
    fn metrics(&self) -> Result<String, MetricsError> {
        Ok(String::new())
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn answered(&self, _: &str, _: u16) {}

    fn acceptor(&self) -> Option<Arc<Acceptor>> {
        None
    }

    fn view(&self) -> &dyn GateView {
        unreachable!("these commands look at the block list alone")
    }

    fn control(&self) -> &dyn GateControl {
        unreachable!("these commands change the block list alone")
    }

    fn users(&self) -> &dyn UserView {
        unreachable!("these commands look at the block list alone")
    }

    fn blocks(&self) -> &dyn BlockListAdmin {
        self
    }

    fn reload(&self) -> BoxFuture<'static, Reloaded> {
        let reloaded = self.reload.lock().unwrap().clone();
        Box::pin(async { reloaded })
    }
}

impl BlockListAdmin for Alone {
    fn entries(&self, filter: &BlockFilter) -> Vec<BlockEntry> {
        self.blocks.entries(filter, Timestamp::now())
    }

    fn release(&self, filter: &BlockFilter) -> Vec<BlockChange> {
        self.blocks.release(filter, Timestamp::now())
    }

    fn pin(&self, filter: &BlockFilter, pinned: bool) -> Vec<BlockChange> {
        self.blocks.pin(filter, pinned, Timestamp::now())
    }
}

/// The admin port of a gate, and nothing of the rest.
struct AdminPort {
    folder: tempfile::TempDir,
    address: SocketAddr,
    reload: Arc<Mutex<Reloaded>>,
    _runtime: Runtime,
}

impl AdminPort {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let reload = Arc::new(Mutex::new(Ok(Vec::new())));
        let token = Token::read_or_make(&folder.path().join("admin.token"));
        let gate = Alone {
            blocks: BlockList::restore(entries()),
            reload: Arc::clone(&reload),
        };
        let state = AdminState {
            gate: Arc::new(gate),
            token: Some(token.unwrap().token),
            policy: AdminPolicy::default(),
        };
        runtime.spawn(serve(listener, Arc::new(state), CancellationToken::new()));
        configure(folder.path(), address, "token_file = \"admin.token\"");
        Self {
            folder,
            address,
            reload,
            _runtime: runtime,
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let arguments = [arguments, &["--config", "popgate.toml"]].concat();
        popgate(self.folder.path(), &arguments)
    }
}

fn entries() -> Vec<BlockEntry> {
    let backends = Arc::from([BackendName::new("legacy")]);
    let key = |name: &str| MaildropKey::new(&backends, &UserName::new(name.as_bytes()));
    let now = Timestamp::now();
    let entry = |id, maildrop: Option<&str>, address: &str| BlockEntry {
        id: BlockId(id),
        target: BlockTarget {
            key: maildrop.map(key),
            prefix: address.parse().unwrap(),
        },
        tenant: TenantName::new("default"),
        reason: BlockReason::GuessingOne,
        state: BlockState::Blocked,
        pinned: false,
        shadow: false,
        first: now,
        last: now,
        expires: now
            .checked_add(jiff::SignedDuration::from_hours(5))
            .unwrap(),
        times_blocked: 1,
        times_released: 0,
    };
    vec![
        entry(1, Some("ann+x@example.com"), "192.0.2.7"),
        entry(2, Some("bob\x1b[2j"), "192.0.2.7"),
        entry(3, None, "2001:db8::7"),
    ]
}

fn configure(folder: &Path, admin: SocketAddr, more: &str) {
    let text = format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
         [[backend]]\nname = \"legacy\"\naddress = \"127.0.0.1:1\"\n\
         [admin]\naddress = \"{admin}\"\n{more}\n"
    );
    fs::write(folder.join("popgate.toml"), text).unwrap();
}

#[test]
fn blocks_shows_a_table_and_what_is_in_a_name_moves_no_cursor() {
    let port = AdminPort::start();
    let output = port.run(&["blocks"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let told = stdout(&output);
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("ID  STATE    MAILDROP"));
    assert!(lines[1].contains("ann+x@example.com  192.0.2.7"));
    assert!(lines[2].contains("bob\\u{1b}[2j"));
    assert!(lines[3].contains("2001:db8::/64"));
    let one = stdout(&port.run(&["blocks", "--maildrop", "ann+x@example.com"]));
    assert_eq!(one.lines().count(), 2);
    let none = port.run(&["blocks", "--state", "released"]);
    assert_eq!(stdout(&none), "The block list has no such entry.\n");
    let listed = stdout(&port.run(&["blocks", "3", "--json"]));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        (&listed["total"], &listed["items"][0]["id"]),
        (&1.into(), &3.into())
    );
}

#[test]
fn a_release_says_whom_and_a_pinned_entry_stays() {
    let port = AdminPort::start();
    let pinned = stdout(&port.run(&["blocks", "--pin", "3"]));
    assert_eq!(
        pinned,
        "pinned 3: 2001:db8::/64, all maildrops (guessing)\n"
    );
    let released = stdout(&port.run(&["release", "--address", "192.0.2.7"]));
    assert_eq!(released.lines().count(), 2);
    assert!(released.starts_with("released 1: 192.0.2.7, maildrop ann+x@example.com"));
    let again = port.run(&["release", "--all"]);
    assert_eq!(code(&again), 0);
    assert!(stdout(&again).starts_with("Nothing was released"));
    port.run(&["blocks", "--unpin", "3"]);
    assert!(stdout(&port.run(&["release", "3"])).starts_with("released 3:"));
}

#[test]
fn what_changes_something_wants_to_know_what() {
    let port = AdminPort::start();
    for arguments in [
        &["release"][..],
        &["blocks", "--pin"],
        &["blocks", "--unpin"],
        &["release", "--all", "3"],
        &["release", "3", "--maildrop", "ann"],
        &["blocks", "--pin", "--unpin", "3"],
        &["blocks", "--state", "open"],
        &["blocks", "--reason", "fun"],
        &["release", "--address", "example.com"],
    ] {
        let output = port.run(arguments);
        assert_eq!(code(&output), 64, "{arguments:?}");
        assert_ne!(stderr(&output), "");
        assert_eq!(stdout(&output), "");
    }
    assert_eq!(
        stdout(&port.run(&["blocks", "--state", "blocked"]))
            .lines()
            .count(),
        4
    );
}

#[test]
fn reload_prints_the_changes_or_the_error_as_the_gate_says_it() {
    let port = AdminPort::start();
    assert_eq!(
        stdout(&port.run(&["reload"])),
        "Reloaded: nothing has changed.\n"
    );
    *port.reload.lock().unwrap() = Ok(vec!["one".to_owned(), "two\x1b".to_owned()]);
    assert_eq!(stdout(&port.run(&["reload"])), "one\ntwo\\u{1b}\n");
    *port.reload.lock().unwrap() = Err("popgate.toml:2:1: no\n  |".to_owned());
    let refused = port.run(&["reload", "--json"]);
    assert_eq!(code(&refused), 64);
    assert_eq!(stderr(&refused), "popgate.toml:2:1: no\n  |\n");
    let verdict: serde_json::Value = serde_json::from_str(&stdout(&refused)).unwrap();
    assert_eq!(verdict["ok"], false);
}

#[test]
fn url_and_token_file_do_instead_of_a_configuration() {
    let port = AdminPort::start();
    let url = format!("http://localhost:{}", port.address.port());
    let folder = port.folder.path();
    let run = |file: &str| popgate(folder, &["blocks", "--admin", &url, "--token-file", file]);
    assert_eq!(code(&run("admin.token")), 0);
    fs::write(folder.join("other.token"), "x".repeat(43)).unwrap();
    let refused = run("other.token");
    assert_eq!(code(&refused), 64);
    assert!(stderr(&refused).contains("not the token of this gate\nhint: "));
    assert!(stderr(&refused).contains("other.token"));
    assert!(stderr(&run("no.token")).contains("`no.token` cannot be read: No such file"));
    for arguments in [
        &["blocks"][..],
        &["blocks", "--admin", &url],
        &["blocks", "--token-file", "admin.token"],
        &[
            "blocks",
            "--admin",
            "127.0.0.1:9110",
            "--token-file",
            "admin.token",
        ],
    ] {
        assert_eq!(code(&popgate(folder, arguments)), 64, "{arguments:?}");
    }
}

#[test]
fn a_command_without_a_gate_names_both_ways_to_say_which() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["blocks"][..],
        &["blocks", "--json"],
        &["blocks", "--pin"],
        &["release"],
        &["release", "7"],
        &["release", "--all"],
        &["reload"],
    ] {
        let output = popgate(folder.path(), arguments);
        assert_eq!(code(&output), 64, "{arguments:?}");
        let told = stderr(&output);
        for way in [
            "--config FILE\n",
            "--admin http://HOST:PORT --token-file FILE",
        ] {
            assert!(told.contains(way), "{arguments:?}: {told}");
        }
    }
    let told = popgate(folder.path(), &["reload", "--json"]);
    let verdict: serde_json::Value = serde_json::from_str(&stdout(&told)).expect("JSON");
    assert_eq!(verdict["ok"], false);
}

#[test]
fn a_gate_that_is_not_there_is_told_from_a_port_that_is_none() {
    let port = AdminPort::start();
    let folder = port.folder.path();
    configure(folder, free_address(), "token_file = \"admin.token\"");
    let output = port.run(&["reload"]);
    assert_eq!(code(&output), 69);
    assert!(stderr(&output).contains("no popgate answers: Connection refused"));
    assert!(stderr(&output).contains("hint: is it running"));
    configure(folder, port.address, "");
    let output = port.run(&["reload"]);
    assert_eq!(code(&output), 64);
    assert!(stderr(&output).contains("no `token_file` in [admin]"));
}
