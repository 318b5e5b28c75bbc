//! Locks and sessions of all gates.

use super::*;

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
