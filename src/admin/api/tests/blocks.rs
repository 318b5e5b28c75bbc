//! The block list.

use super::*;

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
