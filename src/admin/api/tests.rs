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
async fn the_list_shows_each_entry_whole() {
    let port = start().await;
    let (status, listing) = port.get("/api/v1/blocks?maildrop=ANN").await;
    assert_eq!(status, 200);
    let expected = json!({
        "items": [{
            "id": 1,
            "maildrop": "ann",
            "address": "192.0.2.7",
            "tenant": "default",
            "reason": "guessing",
            "fault_class": "permanent",
            "state": "blocked",
            "pinned": false,
            "shadow": false,
            "first": "1970-01-01T00:00:00Z",
            "last": "1970-01-01T00:00:00Z",
            "since": "1970-01-01T00:00:00Z",
            "expires": "1970-01-01T01:00:00Z",
            "times_blocked": 1,
            "times_released": 0,
            "transient": null,
        }],
        "total": 1,
        "offset": 0,
    });
    assert_eq!(listing, expected);
    assert_eq!(ids(&port.get("/api/v1/blocks").await.1), [1, 2]);
    let (_, listing) = port.get("/api/v1/blocks?address=2001:db8::9").await;
    assert_eq!(ids(&listing), [2]);
}

#[tokio::test]
async fn whoever_is_counted_and_not_blocked_yet_is_listed_apart() {
    let port = start().await;
    let fault = |maildrop: &str| {
        let key = entry(0, Some(maildrop), "192.0.2.7").target.key;
        port.gate.blocks.record(
            key.as_ref(),
            "192.0.2.7".parse().unwrap(),
            &TenantName::new("acme"),
            Offence::MetLimit,
            &Rules::standard().blocks,
            Timestamp::UNIX_EPOCH,
        )
    };
    fault("ann");
    for _ in 0..3 {
        fault("bob");
    }
    let (_, counting) = port.get("/api/v1/blocks?state=counting").await;
    let expected = json!({
        "items": [{
            "id": null,
            "maildrop": "bob",
            "address": "192.0.2.7",
            "tenant": "acme",
            "reason": "passing_faults",
            "fault_class": "transient",
            "state": "counting",
            "pinned": false,
            "shadow": false,
            "first": "1970-01-01T00:00:00Z",
            "last": "1970-01-01T00:00:00Z",
            "since": null,
            "expires": null,
            "times_blocked": 0,
            "times_released": 0,
            "transient": {"today": 3, "limit": 5},
        }],
        "total": 1,
        "offset": 0,
    });
    assert_eq!(counting, expected, "ann is blocked");
    let (_, blocked) = port.get("/api/v1/blocks?id=1").await;
    let transient = &blocked["items"][0]["transient"];
    assert_eq!(transient, &json!({"today": 1, "limit": 5}));
    let path = "/api/v1/blocks/release";
    port.post(path, r#"{"ids": [1]}"#).await;
    fault("ann");
    let sorted = "/api/v1/blocks?state=counting&sort=-id";
    let (_, counting) = port.get(sorted).await;
    assert_eq!(counting["items"][0]["id"], 1, "it was blocked once");
    assert_eq!(counting["items"][1]["maildrop"], "bob");
    for (condition, rows) in [
        ("maildrop=BO", 1),
        ("tenant=acme", 1),
        ("tenant=default", 1),
        ("reason=passing_faults", 1),
        ("reason=guessing", 1),
        ("reason=protocol_abuse", 0),
        ("id=1", 1),
        ("address=192.0.2.0/24", 2),
        ("address=192.0.2.8", 0),
    ] {
        let path = format!("/api/v1/blocks?state=counting&{condition}");
        assert_eq!(port.get(&path).await.1["total"], rows, "{condition}");
    }
}

#[tokio::test]
async fn the_history_of_an_entry_says_what_was_done_and_by_whom() {
    let port = start().await;
    let (status, history) = port.get("/api/v1/blocks/2/history").await;
    let pinned = json!({
        "at": "1970-01-01T00:00:02Z",
        "change": "pinned",
        "state": "blocked",
        "reason": "guessing",
        "times_blocked": 1,
        "times_released": 0,
        "by": "192.0.2.3",
    });
    assert_eq!((status, &history["items"][0]), (200, &pinned));
    assert_eq!(history["items"][1]["by"], "rule");
    let (status, refusal) = port.get("/api/v1/blocks/3/history").await;
    assert_eq!(status, 404, "{refusal}");
}

#[tokio::test]
async fn a_dry_run_tells_what_would_change_and_changes_nothing() {
    let port = start().await;
    let path = "/api/v1/blocks/release";
    let (status, told) = port.post(path, r#"{"all": true, "dry_run": true}"#).await;
    assert_eq!((status, ids(&told)), (200, vec![1, 2]));
    assert_eq!(told["items"][0]["state"], "released", "as it would be");
    assert_eq!(told["items"][0]["times_released"], 1);
    let (_, listing) = port.get("/api/v1/blocks?state=blocked").await;
    assert_eq!(ids(&listing), [1, 2]);
    let pin = r#"{"ids": [2], "dry_run": true}"#;
    assert_eq!(ids(&port.post("/api/v1/blocks/pin", pin).await.1), [2]);
    assert_eq!(ids(&port.post(path, r#"{"ids": [2]}"#).await.1), [2]);
    let (_, told) = port.post(path, r#"{"all": true, "dry_run": true}"#).await;
    assert_eq!(ids(&told), [1], "the other is released already");
}

#[tokio::test]
async fn a_release_and_a_pin_change_what_they_name_and_tell_what_changed() {
    let port = start().await;
    let (status, pinned) = port.post("/api/v1/blocks/pin", r#"{"ids": [2, 99]}"#).await;
    assert_eq!((status, ids(&pinned)), (200, vec![2]));
    assert_eq!(pinned["items"][0]["expires"], Value::Null);
    let (_, released) = port
        .post("/api/v1/blocks/release", r#"{"all": true}"#)
        .await;
    assert_eq!(ids(&released), [1], "the other is pinned");
    assert_eq!(released["items"][0]["state"], "released");
    let (_, unpinned) = port.post("/api/v1/blocks/unpin", r#"{"all": true}"#).await;
    assert_eq!(ids(&unpinned), [2]);
    let filter = r#"{"filter": {"address": "2001:db8::/64"}}"#;
    assert_eq!(
        ids(&port.post("/api/v1/blocks/release", filter).await.1),
        [2]
    );
    assert_eq!(
        ids(&port.post("/api/v1/blocks/release", filter).await.1),
        [0_u64; 0]
    );
    let (_, listing) = port.get("/api/v1/blocks?state=blocked").await;
    assert_eq!(listing["total"], 0);
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

fn in_a_cluster() -> GateDouble {
    let info = |name: &str, here| GateInfo {
        name: name.to_owned(),
        id: format!("{name}0"),
        here,
        settings_differ: !here,
    };
    GateDouble {
        cluster: Some(ClusterInfo {
            state: "healthy".to_owned(),
            why: None,
            gates: vec![info("a", true), info("b", false)],
        }),
        ..GateDouble::default()
    }
}

#[tokio::test]
async fn the_cluster_is_shown_with_its_gates() {
    let port = AdminPort::of(in_a_cluster()).await;
    let expected = json!({ "cluster": { "state": "healthy", "why": null, "gates": [
        { "name": "a", "id": "a0", "here": true, "settings_differ": false },
        { "name": "b", "id": "b0", "here": false, "settings_differ": true },
    ] } });
    assert_eq!(port.get("/api/v1/cluster").await, (200, expected));
    let alone = AdminPort::of(GateDouble::default()).await;
    let expected = json!({ "cluster": null });
    assert_eq!(alone.get("/api/v1/cluster").await, (200, expected));
}

fn waited_for(maildrop: &str, waits: f64) -> LockInfo {
    LockInfo {
        id: format!("legacy/{maildrop}"),
        maildrop: maildrop.to_owned(),
        backends: vec!["legacy".to_owned()],
        backend: None,
        tenant: None,
        holder: None,
        waiters: vec![WaiterInfo {
            session: 1,
            client: "192.0.2.1:1".to_owned(),
            tenant: "default".to_owned(),
            program: None,
            lane: "main".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            waited_seconds: waits,
            until: Timestamp::UNIX_EPOCH,
        }],
        longest_wait_seconds: waits,
    }
}

/// As the gate shows it that holds the maildrop, where nobody waits for it.
fn held(maildrop: &str, client: &str) -> LockInfo {
    LockInfo {
        holder: Some(HolderInfo {
            session: 9,
            client: client.to_owned(),
            tenant: "default".to_owned(),
            program: None,
            lane: "main".to_owned(),
            since: Timestamp::UNIX_EPOCH,
            held_seconds: 3.0,
            phase: "transaction".to_owned(),
            last_command: None,
            idle_seconds: None,
            retrieved: 0,
            bytes_to_client: 0,
            bytes_to_backend: 0,
        }),
        waiters: Vec::new(),
        longest_wait_seconds: 0.0,
        ..waited_for(maildrop, 0.0)
    }
}

#[tokio::test]
async fn locks_of_all_gates_have_the_gate_and_name_the_silent() {
    let port = AdminPort::of(GateDouble {
        locks: vec![waited_for("ann", 1.0), waited_for("bob", 2.0)],
        ..in_a_cluster()
    })
    .await;
    let page = async |query: &str| {
        let (status, page) = port.get(&format!("/api/v1/cluster/locks{query}")).await;
        assert_eq!(status, 200);
        let items = page["items"].as_array().unwrap().iter();
        let names =
            items.map(|it| format!("{} {}", it["gate"], it["lock"]["maildrop"]).replace('"', ""));
        (names.collect::<Vec<_>>(), page)
    };
    let (names, whole) = page("").await;
    assert_eq!(names, ["a bob", "b bob", "a ann", "b ann"]);
    assert_eq!(whole["total"], 4);
    assert_eq!(whole["left_out"], 2);
    assert_eq!(whole["unanswered"], json!(["c"]));
    assert_eq!(whole["has_cluster"], true);
    let (names, _) = page("?maildrop=ann&sort=maildrop&limit=1&offset=1").await;
    assert_eq!(names, ["b ann"]);
    let alone = AdminPort::of(GateDouble::default()).await;
    let (_, empty) = alone.get("/api/v1/cluster/locks").await;
    assert_eq!(empty["has_cluster"], false);
}

#[tokio::test]
async fn whoever_holds_elsewhere_what_is_waited_for_is_asked_for() {
    let port = AdminPort::of(GateDouble {
        locks: vec![waited_for("ann", 1.0), waited_for("bob", 2.0)],
        held_elsewhere: vec![held("ann", "192.0.2.7:1"), held("bob", "192.0.2.8:1")],
        ..in_a_cluster()
    })
    .await;
    let target = "/api/v1/cluster/locks?contended=true&limit=2";
    let (_, page) = port.get(target).await;
    let items = page["items"].as_array().unwrap();
    let gates: Vec<_> = items.iter().map(|it| it["gate_id"].clone()).collect();
    assert_eq!(gates, ["b0", "a0"]);
    assert_eq!(items[0]["lock"]["holder"]["client"], "192.0.2.8:1");
    let asked = port.gate.wanted.lock().unwrap().clone();
    let contended = LocksWanted {
        max: 2,
        contended: true,
        ..LocksWanted::default()
    };
    let of_the_page = LocksWanted {
        max: 1,
        ids: Some(["legacy/bob".to_owned()].into()),
        ..LocksWanted::default()
    };
    assert_eq!(asked, [contended, of_the_page]);
}

/// The holder is at one gate, and those that wait are at others: no lock alone would meet it.
#[tokio::test]
async fn conditions_are_of_a_maildrop_at_all_gates() {
    let port = AdminPort::of(GateDouble {
        locks: vec![waited_for("ann", 1.0), waited_for("bob", 2.0)],
        held_elsewhere: vec![held("ann", "198.51.100.1:1")],
        ..in_a_cluster()
    })
    .await;
    for (address, names) in [
        ("198.51.100.1", vec!["ann"; 3]),
        ("192.0.2.1", vec!["bob", "bob", "ann", "ann", "ann"]),
        ("203.0.113.1", vec![]),
    ] {
        let target = format!("/api/v1/cluster/locks?contended=true&address={address}");
        let (_, page) = port.get(&target).await;
        let items = page["items"].as_array().unwrap().iter();
        let found: Vec<_> = items.map(|it| &it["lock"]["maildrop"]).collect();
        assert_eq!(found, names, "{address}");
    }
    let asked = port.gate.wanted.lock().unwrap().clone();
    let with_login = LocksWanted {
        max: usize::MAX,
        address: Some("198.51.100.1/32".parse().unwrap()),
        ..LocksWanted::default()
    };
    let the_rest = LocksWanted {
        max: 1,
        ids: Some(["legacy/ann".to_owned()].into()),
        ..LocksWanted::default()
    };
    assert_eq!(asked[..2], [with_login, the_rest]);
}

#[tokio::test]
async fn a_kick_goes_to_the_gate_that_is_named() {
    let port = AdminPort::of(in_a_cluster()).await;
    let kick = async |session: u64, gate: &str| {
        let target = format!("/api/v1/sessions/{session}/kick?gate={gate}");
        port.post(&target, "{}").await.0
    };
    for (session, gate, status) in [
        (1, "a", 200),
        (1, "a0", 200),
        (7, "b", 200),
        (1, "b", 404),
        (1, "c", 503),
        (1, "d", 404),
        (1, "twice", 409),
    ] {
        assert_eq!(kick(session, gate).await, status, "{session} {gate}");
    }
    let done = port.gate.done.lock().unwrap();
    let here = "kick 1: no reason";
    assert_eq!(*done, [here, here, "kick 7 at b: no reason"]);
}

#[tokio::test]
async fn a_kick_says_what_became_of_it() {
    let port = start().await;
    let kick = async |session: u64, body: &str| {
        let target = format!("/api/v1/sessions/{session}/kick");
        port.post(&target, body).await
    };
    let kicked = (200, json!({ "result": "kicked" }));
    assert_eq!(kick(1, r#"{"reason": "a phone"}"#).await, kicked);
    assert_eq!(kick(1, r#"{"reason": " "}"#).await, kicked);
    for (session, status) in [(2, 409), (3, 409), (4, 404)] {
        assert_eq!(kick(session, "{}").await.0, status, "{session}");
    }
    let long = format!(r#"{{"reason": "{}"}}"#, "é".repeat(OPERATOR_REASON_MAX));
    assert_eq!(kick(1, &long).await, kicked);
    let longer = format!(r#"{{"reason": "{}"}}"#, "é".repeat(OPERATOR_REASON_MAX + 1));
    let (status, told) = kick(1, &longer).await;
    assert_eq!(status, 400);
    assert!(told["error"].as_str().unwrap().contains("200 at most"));
    assert_eq!(kick(1, r#"{"because": "a phone"}"#).await.0, 400);
    let done = port.gate.done.lock().unwrap();
    assert_eq!(done[..2], ["kick 1: a phone", "kick 1: no reason"]);
    assert_eq!(done.len(), 6, "{done:?}");
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
async fn nothing_is_told_or_done_without_the_token() {
    let port = start().await;
    let close = format!("{}0", &TOKEN[..TOKEN.len() - 1]);
    for shown in [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        format!("Authorization: Bearer {close}\r\n"),
        format!("Authorization: Basic {TOKEN}\r\n"),
        format!("Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {close}\r\n"),
    ] {
        let headers = format!("Host: localhost\r\nContent-Type: application/json\r\n{shown}");
        for line in [
            "GET /api/v1/blocks",
            "POST /api/v1/blocks/release",
            "GET /api",
        ] {
            let answer = port.ask(line, &headers, r#"{"all": true}"#).await;
            assert_eq!(answer.status, 401, "{line} {shown}");
            assert!(
                answer
                    .head
                    .contains("www-authenticate: Bearer realm=\"popgate\"")
            );
            assert!(answer.body.starts_with(r#"{"error":"#));
        }
    }
    assert_eq!(port.get("/api/v1/blocks?state=blocked").await.1["total"], 2);
}

#[tokio::test]
async fn a_page_of_another_site_is_refused_even_with_the_token() {
    let port = start().await;
    let shown = format!("Authorization: Bearer {TOKEN}\r\n");
    for named in [
        "Host: evil.example\r\n",
        "Host: localhost\r\nOrigin: http://evil.example\r\n",
        "Host: localhost\r\nOrigin: null\r\n",
        "",
    ] {
        let headers = format!("{named}{shown}");
        let answer = port.ask("GET /api/v1/blocks", &headers, "").await;
        assert_eq!(answer.status, 403, "{named}");
    }
    // Metrics are no secret of those who have the token: a page must not read them by such a name.
    for (target, status) in [
        ("/metrics", 403),
        ("/", 403),
        ("/healthz", 200),
        ("/readyz", 200),
    ] {
        let line = format!("GET {target}");
        let answer = port.ask(&line, "Host: gate.example\r\n", "").await;
        assert_eq!(answer.status, status, "{target}");
    }
}

#[tokio::test]
async fn without_a_token_file_there_is_no_api_and_that_is_said() {
    let policy = AdminPolicy::default();
    let port = AdminPort::start_as(gate(Vec::new()), "127.0.0.1:0", None, policy).await;
    let (status, told) = port.get("/api/v1/blocks").await;
    assert_eq!(status, 404);
    assert!(told["error"].as_str().unwrap().contains("token_file"));
}

/// A port that is not on loopback alone.
async fn start_everywhere(token: Option<Token>) -> AdminPort {
    let policy = AdminPolicy::default();
    AdminPort::start_as(gate(Vec::new()), "0.0.0.0:0", token, policy).await
}

#[tokio::test]
async fn beyond_loopback_the_probes_need_the_token_too() {
    let port = start_everywhere(Some(token())).await;
    for probe in ["GET /metrics", "GET /healthz", "GET /readyz"] {
        assert_eq!(port.ask_openly(probe).await.status, 401, "{probe}");
    }
    let answer = port.ask("GET /metrics", &headers(""), "").await;
    assert_eq!(answer.status, 200);
    let port = start_everywhere(None).await;
    let answer = port.ask_openly("GET /metrics").await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("token_file"), "{}", answer.body);
}

#[tokio::test]
async fn where_loopback_is_trusted_a_page_of_this_gate_needs_no_token_and_another_gets_nothing() {
    let policy = AdminPolicy {
        trust_loopback: true,
        ..AdminPolicy::default()
    };
    let port = AdminPort::start_as(gate(Vec::new()), "127.0.0.1:0", None, policy).await;
    let host = port.address;
    let json = format!("Host: {host}\r\nContent-Type: application/json\r\n");
    for (origin, status) in [
        (String::new(), 200),
        (format!("Origin: http://{host}\r\n"), 200),
        ("Origin: http://evil.example\r\n".to_owned(), 403),
        ("Sec-Fetch-Site: cross-site\r\n".to_owned(), 403),
        // From a reverse proxy: there is no token, so there is no API.
        ("X-Forwarded-For: 192.0.2.7\r\n".to_owned(), 404),
        ("Forwarded: for=192.0.2.7\r\n".to_owned(), 404),
    ] {
        let headers = format!("{json}{origin}");
        let answer = port.ask("POST /api/v1/reload", &headers, "{}").await;
        assert_eq!(answer.status, status, "{origin}");
    }
    let rebound = "Host: evil.example\r\nContent-Type: application/json\r\n";
    let answer = port.ask("POST /api/v1/reload", rebound, "{}").await;
    assert_eq!(answer.status, 403);
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
