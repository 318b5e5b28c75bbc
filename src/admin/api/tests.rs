use super::*;
use crate::admin::Reloaded;
use crate::admin::blocks::BlockListAdmin;
use crate::admin::token::Token;
use crate::admission::block_list::BlockList;
use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::limits::BLOCKS_SHOWN_MAX;
use crate::net::tls::Acceptor;
use crate::observe::metrics::MetricsError;
use crate::policy::block::{
    BlockEntry, BlockFilter, BlockId, BlockReason, BlockState, BlockTarget,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A gate that tells nobody of changes of its block list.
struct Alone {
    blocks: BlockList,
    /// What a reload says; none where it panics.
    reloads: Reloads,
}

type Reloads = Arc<Mutex<Option<Reloaded>>>;

impl GateAdmin for Alone {
    fn metrics(&self) -> Result<String, MetricsError> {
        Ok(String::new())
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn acceptor(&self) -> Option<Arc<Acceptor>> {
        None
    }

    fn blocks(&self) -> &dyn BlockListAdmin {
        self
    }

    fn reload(&self) -> BoxFuture<'static, Reloaded> {
        let reloaded = self.reloads.lock().unwrap().clone();
        Box::pin(async { reloaded.expect("a fault, for the test") })
    }
}

impl BlockListAdmin for Alone {
    fn entries(&self, filter: &BlockFilter) -> Vec<BlockEntry> {
        self.blocks.entries(filter, Timestamp::UNIX_EPOCH)
    }

    fn release(&self, filter: &BlockFilter) -> Vec<crate::policy::block::BlockChange> {
        self.blocks.release(filter, Timestamp::UNIX_EPOCH)
    }

    fn pin(&self, filter: &BlockFilter, pinned: bool) -> Vec<crate::policy::block::BlockChange> {
        self.blocks.pin(filter, pinned, Timestamp::UNIX_EPOCH)
    }
}

fn entry(id: u64, maildrop: Option<&str>, address: &str) -> BlockEntry {
    let backends = Arc::from([BackendName::new("legacy")]);
    let key = |name: &str| MaildropKey::new(&backends, &UserName::new(name.as_bytes()));
    BlockEntry {
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
        first: Timestamp::UNIX_EPOCH,
        last: Timestamp::UNIX_EPOCH,
        expires: Timestamp::from_second(3_600).unwrap(),
        times_blocked: 1,
        times_released: 0,
    }
}

struct Gate {
    address: SocketAddr,
    reloads: Reloads,
    _stop: DropGuard,
}

impl Gate {
    async fn start() -> Self {
        let ann = entry(1, Some("ann"), "192.0.2.7");
        let everybody = entry(2, None, "2001:db8::7");
        Self::start_with("127.0.0.1:0", vec![ann, everybody]).await
    }

    async fn start_with(at: &str, entries: Vec<BlockEntry>) -> Self {
        Self::start_as(at, Some(token()), entries).await
    }

    async fn start_as(at: &str, token: Option<Token>, entries: Vec<BlockEntry>) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let reloaded = Ok(vec!["tenants: one more".to_owned()]);
        let reloads = Arc::new(Mutex::new(Some(reloaded)));
        let gate = Alone {
            blocks: BlockList::restore(entries),
            reloads: Arc::clone(&reloads),
        };
        let state = AdminState {
            gate: Arc::new(gate),
            token,
        };
        let stop = CancellationToken::new();
        let serving = crate::admin::serve(listener, Arc::new(state), stop.clone());
        tokio::spawn(serving);
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            reloads,
            _stop: stop.drop_guard(),
        }
    }

    /// Sends octets as they are; the whole answer.
    async fn send(&self, octets: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read all.
        let _ = stream.write_all(octets).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn ask(&self, line: &str, headers: &str, body: &str) -> (String, String) {
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nContent-Length: {length}\r\n{headers}\r\n");
        // Not shut down on our side: hyper takes that for a caller that went away.
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("no answer");
        (head.to_owned(), body.to_owned())
    }

    /// As the command line does.
    async fn get(&self, target: &str) -> (u16, Value) {
        let (head, body) = self.ask(&format!("GET {target}"), &headers(""), "").await;
        (status(&head), serde_json::from_str(&body).unwrap())
    }

    async fn post(&self, target: &str, body: &str) -> (u16, Value) {
        let headers = headers("Content-Type: application/json\r\n");
        let (head, body) = self.ask(&format!("POST {target}"), &headers, body).await;
        (status(&head), serde_json::from_str(&body).unwrap())
    }
}

fn token() -> Token {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, TOKEN).unwrap();
    Token::read(&file).unwrap().token
}

fn headers(more: &str) -> String {
    format!("Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n{more}")
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

fn ids(listing: &Value) -> Vec<u64> {
    let blocks = listing["blocks"].as_array().unwrap().iter();
    blocks.map(|block| block["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_list_shows_each_entry_whole() {
    let gate = Gate::start().await;
    let (status, listing) = gate.get("/api/blocks?maildrop=ANN").await;
    assert_eq!(status, 200);
    let expected = json!({
        "blocks": [{
            "id": 1,
            "maildrop": "ann",
            "address": "192.0.2.7",
            "tenant": "default",
            "reason": "guessing",
            "class": "permanent",
            "state": "blocked",
            "pinned": false,
            "shadow": false,
            "first": "1970-01-01T00:00:00Z",
            "last": "1970-01-01T00:00:00Z",
            "expires": "1970-01-01T01:00:00Z",
            "times_blocked": 1,
            "times_released": 0,
        }],
        "total": 1,
        "truncated": false,
    });
    assert_eq!(listing, expected);
    assert_eq!(ids(&gate.get("/api/blocks").await.1), [1, 2]);
    let (_, listing) = gate.get("/api/blocks?address=2001:db8::9").await;
    assert_eq!(ids(&listing), [2]);
}

#[tokio::test]
async fn a_release_and_a_pin_change_what_they_name_and_tell_what_changed() {
    let gate = Gate::start().await;
    let (status, pinned) = gate.post("/api/blocks/pin", r#"{"ids": [2, 99]}"#).await;
    assert_eq!((status, ids(&pinned)), (200, vec![2]));
    assert_eq!(pinned["blocks"][0]["expires"], Value::Null);
    let (_, released) = gate.post("/api/blocks/release", r#"{"all": true}"#).await;
    assert_eq!(ids(&released), [1], "the other is pinned");
    assert_eq!(released["blocks"][0]["state"], "released");
    let (_, unpinned) = gate.post("/api/blocks/unpin", r#"{"all": true}"#).await;
    assert_eq!(ids(&unpinned), [2]);
    let filter = r#"{"filter": {"address": "2001:db8::/64"}}"#;
    assert_eq!(ids(&gate.post("/api/blocks/release", filter).await.1), [2]);
    assert_eq!(
        ids(&gate.post("/api/blocks/release", filter).await.1),
        [0_u64; 0]
    );
    let (_, listing) = gate.get("/api/blocks?state=blocked").await;
    assert_eq!(listing["total"], 0);
}

#[tokio::test]
async fn a_reload_tells_its_changes_or_why_not() {
    let gate = Gate::start().await;
    let expected = (200, json!({ "changes": ["tenants: one more"] }));
    assert_eq!(gate.post("/api/reload", "{}").await, expected);
    *gate.reloads.lock().unwrap() = Some(Err("popgate.toml:2:1: no".to_owned()));
    let expected = (422, json!({ "error": "popgate.toml:2:1: no" }));
    assert_eq!(gate.post("/api/reload", "{}").await, expected);
}

#[tokio::test]
async fn a_fault_within_a_reload_is_told_and_the_port_goes_on() {
    let gate = Gate::start().await;
    *gate.reloads.lock().unwrap() = None;
    assert_eq!(gate.post("/api/reload", "{}").await.0, 500);
    assert_eq!(gate.get("/api/blocks").await.0, 200);
}

#[tokio::test]
async fn nothing_is_told_or_done_without_the_token() {
    let gate = Gate::start().await;
    let close = format!("{}0", &TOKEN[..TOKEN.len() - 1]);
    for shown in [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        format!("Authorization: Bearer {close}\r\n"),
        format!("Authorization: Basic {TOKEN}\r\n"),
        format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {close}\r\n"),
    ] {
        let headers = format!("Host: localhost\r\nContent-Type: application/json\r\n{shown}");
        for line in ["GET /api/blocks", "POST /api/blocks/release", "GET /api"] {
            let (head, body) = gate.ask(line, &headers, r#"{"all": true}"#).await;
            assert_eq!(status(&head), 401, "{line} {shown}");
            assert!(head.contains("www-authenticate: Bearer realm=\"popgate\""));
            assert!(body.starts_with(r#"{"error":"#));
        }
    }
    assert_eq!(gate.get("/api/blocks?state=blocked").await.1["total"], 2);
}

#[tokio::test]
async fn a_page_of_a_browser_is_refused_even_with_the_token() {
    let gate = Gate::start().await;
    let shown = format!("Authorization: Bearer {TOKEN}\r\n");
    for named in [
        "Host: evil.example\r\n",
        "Host: localhost\r\nOrigin: http://localhost\r\n",
        "",
    ] {
        let headers = format!("{named}{shown}");
        let (head, _) = gate.ask("GET /api/blocks", &headers, "").await;
        assert_eq!(status(&head), 403, "{named}");
    }
    // A scraper may know the gate by a name.
    let (head, _) = gate.ask("GET /metrics", "Host: gate.example\r\n", "").await;
    assert_eq!(status(&head), 200);
}

#[tokio::test]
async fn without_a_token_file_there_is_no_api_and_that_is_said() {
    let gate = Gate::start_as("127.0.0.1:0", None, Vec::new()).await;
    let (status, told) = gate.get("/api/blocks").await;
    assert_eq!(status, 404);
    assert!(told["error"].as_str().unwrap().contains("token_file"));
}

#[tokio::test]
async fn beyond_loopback_the_other_pages_need_the_token_too() {
    let gate = Gate::start_with("0.0.0.0:0", Vec::new()).await;
    for page in ["GET /metrics", "GET /healthz", "GET /readyz", "GET /"] {
        let (head, _) = gate.ask(page, "Host: localhost\r\n", "").await;
        assert_eq!(status(&head), 401, "{page}");
    }
    let (head, _) = gate.ask("GET /metrics", &headers(""), "").await;
    assert_eq!(status(&head), 200);
    let gate = Gate::start_as("0.0.0.0:0", None, Vec::new()).await;
    let (head, _) = gate.ask("GET /metrics", "Host: localhost\r\n", "").await;
    assert_eq!(status(&head), 200, "there is no token");
}

#[tokio::test]
async fn what_changes_something_is_post_with_json_of_its_form() {
    let gate = Gate::start().await;
    for line in ["GET /api/reload", "PUT /api/blocks/pin", "POST /api/blocks"] {
        let (head, _) = gate.ask(line, &headers(""), "").await;
        assert_eq!(status(&head), 405, "{line}");
        assert!(head.contains("\r\nallow: "));
    }
    for typed in ["", "Content-Type: text/plain\r\n"] {
        let (head, _) = gate.ask("POST /api/reload", &headers(typed), "{}").await;
        assert_eq!(status(&head), 415, "{typed}");
    }
    for body in ["", "0", "null", r#"{"force": true}"#, "{} {}"] {
        assert_eq!(gate.post("/api/reload", body).await.0, 400, "{body}");
    }
    let deep = "[".repeat(10_000);
    for body in ["{}", r#"{"ids": []}"#, r#"{"every": true}"#, &deep] {
        assert_eq!(gate.post("/api/blocks/release", body).await.0, 400);
    }
    let long = format!("{{}}{}", " ".repeat(ADMIN_BODY_MAX));
    assert_eq!(gate.post("/api/reload", &long).await.0, 413);
    assert_eq!(gate.get("/api/blocks?colour=red").await.0, 400);
    assert_eq!(gate.get("/api/block").await.0, 404);
    assert_eq!(gate.get("/api/blocks?state=blocked").await.1["total"], 2);
}

#[tokio::test]
async fn a_list_beyond_the_bound_says_so() {
    let most = u32::try_from(BLOCKS_SHOWN_MAX).unwrap();
    let one = |id: u32| {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + id).to_string();
        entry(id.into(), None, &address)
    };
    let gate = Gate::start_with("127.0.0.1:0", (1..=most + 3).map(one).collect()).await;
    let (_, listing) = gate.get("/api/blocks").await;
    assert_eq!(ids(&listing).len(), BLOCKS_SHOWN_MAX);
    assert_eq!(listing["total"], BLOCKS_SHOWN_MAX + 3);
    assert_eq!(listing["truncated"], true);
}

/// A fault in a connection's task would leave it without an answer.
#[tokio::test]
async fn any_octets_get_an_answer_or_none_and_the_port_goes_on() {
    let gate = Gate::start().await;
    let mut random = fastrand::Rng::with_seed(4);
    let body = r#"{"filter": {"maildrop": "ann", "address": "192.0.2.7"}}"#;
    let json = headers("Content-Type: application/json\r\n");
    for _ in 0..300 {
        let mut body = body.as_bytes().to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(..body.len());
            body[at] = random.u8(..);
        }
        let length = body.len();
        let head = format!("POST /api/blocks/pin HTTP/1.1\r\nContent-Length: {length}\r\n{json}");
        let mut request = [head.as_bytes(), b"\r\n", &body].concat();
        let answer = gate.send(&request).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 "),
            "{answer}"
        );
        let at = random.usize(..request.len());
        request[at] = random.u8(..);
        gate.send(&request).await;
        let query: String = (0..random.usize(..20))
            .map(|_| random.char('!'..='~'))
            .collect();
        let line = format!("GET /api/blocks?{}", query.replace(['#', '<', '>'], "%"));
        let (head, _) = gate.ask(&line, &headers(""), "").await;
        assert!([200, 400].contains(&status(&head)), "{line}: {head}");
    }
    assert_eq!(gate.get("/api/blocks").await.0, 200);
}
