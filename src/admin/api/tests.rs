mod access;
mod blocks;
mod cluster;

use crate::admin::double::{AdminPort, GateDouble, TOKEN, headers, token};
use crate::admin::model::{ClusterInfo, GateInfo, HolderInfo, LockInfo, WaiterInfo};
use crate::admin::token::Token;
use crate::admin::{AdminPolicy, ReloadRefusal};
use crate::admission::block_list::BlockList;
use crate::cluster::messages::LocksWanted;
use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::limits::{ADMIN_BODY_MAX, OPERATOR_REASON_MAX, PAGE_DEFAULT, PAGE_MAX};
use crate::policy::block::{BlockEntry, BlockId, BlockReason, BlockState, BlockTarget, Offence};
use crate::policy::rules::Rules;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

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
        since: Timestamp::UNIX_EPOCH,
        expires: Timestamp::from_second(3_600).unwrap(),
        times_blocked: 1,
        times_released: 0,
    }
}

fn gate(entries: Vec<BlockEntry>) -> GateDouble {
    GateDouble {
        blocks: BlockList::restore(entries, BlockId(0)),
        ..GateDouble::default()
    }
}

async fn start() -> AdminPort {
    let ann = entry(1, Some("ann"), "192.0.2.7");
    let everybody = entry(2, None, "2001:db8::7");
    AdminPort::of(gate(vec![ann, everybody])).await
}

fn ids(listing: &Value) -> Vec<u64> {
    let blocks = listing["items"].as_array().unwrap().iter();
    blocks.map(|block| block["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_reload_tells_its_changes_or_why_not() {
    let port = start().await;
    let expected = (200, json!({ "changes": ["tenants: one more"] }));
    assert_eq!(port.post("/api/v1/reload", "{}").await, expected);
    for (refusal, status) in [
        (
            ReloadRefusal::Mistake("popgate.toml:2:1: no".to_owned()),
            422,
        ),
        (ReloadRefusal::UnderWay, 409),
        (ReloadRefusal::Stopping, 503),
    ] {
        let expected = (status, json!({ "error": refusal.to_string() }));
        *port.gate.reloaded.lock().unwrap() = Some(Err(refusal));
        assert_eq!(port.post("/api/v1/reload", "{}").await, expected);
    }
}

#[tokio::test]
async fn a_fault_within_a_reload_is_told_and_the_port_goes_on() {
    let port = start().await;
    *port.gate.reloaded.lock().unwrap() = None;
    assert_eq!(port.post("/api/v1/reload", "{}").await.0, 500);
    assert_eq!(port.get("/api/v1/blocks").await.0, 200);
}

#[tokio::test]
async fn tenants_and_backends_are_paused_by_name() {
    let port = AdminPort::of(GateDouble {
        tenants: vec![serde_json::from_value(tenant("ann's & co")).unwrap()],
        backends: vec![serde_json::from_value(backend("legacy")).unwrap()],
        ..GateDouble::default()
    })
    .await;
    for (target, status, name) in [
        ("tenants/ann's%20%26%20co/pause", 200, "ann's & co"),
        ("tenants/ann's%20%26%20co/resume", 200, "ann's & co"),
        ("backends/legacy/pause", 200, "legacy"),
        ("backends/legacy/resume", 200, "legacy"),
    ] {
        let answer = port.post(&format!("/api/v1/{target}"), "{}").await;
        assert_eq!((answer.0, &answer.1["name"]), (status, &json!(name)));
    }
    for target in ["tenants/legacy/pause", "backends/none/resume"] {
        let answer = port.post(&format!("/api/v1/{target}"), "{}").await;
        assert_eq!(answer.0, 404, "{target}");
    }
    let expected = [
        "pause tenant `ann's & co`: no reason",
        "resume tenant `ann's & co`: no reason",
        "pause backend `legacy`: no reason",
        "resume backend `legacy`: no reason",
    ];
    assert_eq!(*port.gate.done.lock().unwrap(), expected);
}

fn tenant(name: &str) -> Value {
    json!({
        "name": name, "domains": [], "backends": ["legacy"], "paused": true, "sessions": 0,
        "locks_held": 0, "waiting": 0, "longest_wait_seconds": 0.0, "wait_seconds": 25.0,
    })
}

fn backend(name: &str) -> Value {
    json!({
        "name": name, "address": "192.0.2.1:110", "state": "up", "why": null, "paused": true,
        "connections": 0, "connections_max": null,
    })
}

#[tokio::test]
async fn a_drain_has_a_grace_of_a_day_at_most() {
    let port = start().await;
    for (body, status) in [
        ("{}", 200),
        (r#"{"grace_seconds": 0, "reason": "moving"}"#, 200),
        (r#"{"grace_seconds": 86400}"#, 200),
        (r#"{"grace_seconds": 86401}"#, 400),
        (r#"{"grace_seconds": -1}"#, 400),
        (r#"{"grace": 5}"#, 400),
    ] {
        assert_eq!(port.post("/api/v1/drain", body).await.0, status, "{body}");
    }
    let expected = [
        "drain None: no reason",
        "drain Some(0ns): moving",
        "drain Some(86400s): no reason",
    ];
    assert_eq!(*port.gate.done.lock().unwrap(), expected);
}

#[tokio::test]
async fn the_level_of_the_log_is_read_and_set() {
    let port = start().await;
    let level = |level: &str| (200, json!({ "level": level }));
    assert_eq!(port.get("/api/v1/log").await, level("info"));
    let debug = port.post("/api/v1/log", r#"{"level": "debug"}"#).await;
    assert_eq!(debug, level("debug"));
    let (status, told) = port.post("/api/v1/log", r#"{"level": "loud"}"#).await;
    assert_eq!(status, 400);
    assert!(
        told["error"]
            .as_str()
            .unwrap()
            .contains("error, warn, info")
    );
    assert_eq!(port.post("/api/v1/log", "{}").await.0, 400);
}

#[tokio::test]
async fn what_changes_something_is_post_with_json_of_its_form() {
    let port = start().await;
    for line in [
        "GET /api/v1/reload",
        "PUT /api/v1/blocks/pin",
        "POST /api/v1/blocks",
    ] {
        let answer = port.ask(line, &headers(""), "").await;
        assert_eq!(answer.status, 405, "{line}");
        assert!(answer.head.contains("\r\nallow: "));
    }
    for typed in ["", "Content-Type: text/plain\r\n"] {
        let answer = port.ask("POST /api/v1/reload", &headers(typed), "{}").await;
        assert_eq!(answer.status, 415, "{typed}");
    }
    for body in ["", "0", "null", r#"{"force": true}"#, "{} {}"] {
        assert_eq!(port.post("/api/v1/reload", body).await.0, 400, "{body}");
    }
    let deep = "[".repeat(10_000);
    for body in ["{}", r#"{"ids": []}"#, r#"{"every": true}"#, &deep] {
        assert_eq!(port.post("/api/v1/blocks/release", body).await.0, 400);
    }
    let long = format!("{{}}{}", " ".repeat(ADMIN_BODY_MAX));
    assert_eq!(port.post("/api/v1/reload", &long).await.0, 413);
    assert_eq!(port.get("/api/v1/blocks?colour=red").await.0, 400);
    assert_eq!(port.get("/api/v1/block").await.0, 404);
    assert_eq!(port.get("/api/v1/blocks?state=blocked").await.1["total"], 2);
}

#[tokio::test]
async fn a_list_comes_in_pages_of_a_bounded_length() {
    let most = u32::try_from(PAGE_MAX).unwrap() + 3;
    let one = |id: u32| {
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + id).to_string();
        entry(id.into(), None, &address)
    };
    let port = AdminPort::of(gate((1..=most).map(one).collect())).await;
    let (_, page) = port.get("/api/v1/blocks").await;
    assert_eq!(ids(&page), (1..=PAGE_DEFAULT as u64).collect::<Vec<_>>());
    assert_eq!(page["total"], most);
    let (_, page) = port.get("/api/v1/blocks?sort=-id&limit=2&offset=1").await;
    assert_eq!(ids(&page), [u64::from(most) - 1, u64::from(most) - 2]);
    let (_, page) = port.get("/api/v1/blocks?limit=1000&offset=1000").await;
    assert_eq!(ids(&page), [1_001, 1_002, 1_003]);
    let (status, told) = port.get("/api/v1/blocks?limit=100000").await;
    assert_eq!(status, 400);
    assert!(told["error"].as_str().unwrap().contains("at most 1000"));
    let (_, changed) = port.post("/api/v1/blocks/pin", r#"{"all": true}"#).await;
    assert_eq!(
        (ids(&changed).len(), &changed["total"]),
        (PAGE_MAX, &most.into())
    );
}

/// A fault in a connection's task would leave it without an answer.
#[tokio::test]
async fn any_octets_get_an_answer_or_none_and_the_port_goes_on() {
    let port = start().await;
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
        let head =
            format!("POST /api/v1/blocks/pin HTTP/1.1\r\nContent-Length: {length}\r\n{json}");
        let mut request = [head.as_bytes(), b"\r\n", &body].concat();
        let answer = port.send(&request).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 "),
            "{answer}"
        );
        let at = random.usize(..request.len());
        request[at] = random.u8(..);
        port.send(&request).await;
        let query: String = (0..random.usize(..20))
            .map(|_| random.char('!'..='~'))
            .collect();
        let line = format!("GET /api/v1/blocks?{}", query.replace(['#', '<', '>'], "%"));
        let answer = port.ask(&line, &headers(""), "").await;
        assert!(
            [200, 400].contains(&answer.status),
            "{line}: {}",
            answer.body
        );
    }
    assert_eq!(port.get("/api/v1/blocks").await.0, 200);
}
