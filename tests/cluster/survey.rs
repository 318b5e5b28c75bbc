//! What is said of an engine before it is relied on.

use crate::redis::{Redis, Watched, eventually, is_installed, options};
use popgate::cluster::engine::{EngineFinding, EngineOptions, EngineReport, EngineVerdict, survey};
use popgate::net::dial::TcpDial;
use popgate::secret::Secret;

async fn about(topic: &str, options: &EngineOptions) -> EngineFinding {
    let survey = survey(&TcpDial, options).await.unwrap();
    let found = survey.findings().into_iter().find(|it| it.topic == topic);
    found.unwrap_or_else(|| panic!("nothing about {topic}: {survey:?}"))
}

#[tokio::test]
async fn what_it_keeps_over_a_restart() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let options = options(redis.address);
    let nothing = about("persistence", &options).await;
    assert_eq!(nothing.verdict, EngineVerdict::Doubtful);
    assert_eq!(nothing.what, "no append-only file, no snapshots");
    assert!(nothing.effect.contains("after a restart it is empty"));
    assert!(nothing.remedy.contains("appendonly"));

    assert_eq!(redis.say("CONFIG SET save \"3600 1\""), "+OK\r\n");
    let snapshots = about("persistence", &options).await;
    assert_eq!(snapshots.verdict, EngineVerdict::Doubtful);
    assert_eq!(
        snapshots.what,
        "no append-only file, snapshots by save 3600 1"
    );
    assert!(snapshots.effect.contains("the last snapshot"));

    redis.say("CONFIG SET appendonly yes");
    let log = about("persistence", &options).await;
    assert_eq!(log.verdict, EngineVerdict::Fit);
    assert!(
        log.what
            .starts_with("append-only file, appendfsync everysec")
    );
}

#[tokio::test]
async fn a_disk_on_which_it_cannot_write() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let options = options(redis.address);
    redis.say("CONFIG SET save \"3600 1\"");
    redis.say("SET a b");
    redis.spoil_folder();
    eventually("a snapshot fails", || {
        redis.say("BGSAVE");
        redis
            .say("INFO persistence")
            .contains("rdb_last_bgsave_status:err")
    });
    let writes = about("writes", &options).await;
    assert_eq!(writes.verdict, EngineVerdict::Unfit);
    assert!(writes.what.contains("MISCONF"), "{writes:?}");
    assert!(writes.remedy.contains("disk"), "{writes:?}");
    let disk = about("persistence", &options).await;
    assert_eq!(disk.verdict, EngineVerdict::Doubtful);
    assert!(disk.effect.contains("failed"), "{disk:?}");
}

#[tokio::test]
async fn who_has_a_copy() {
    if !is_installed() {
        return;
    }
    let primary = Redis::start();
    let mut options = options(primary.address);
    let alone = about("replication", &options).await;
    assert_eq!(alone.what, "no replica, no Sentinels");
    assert_eq!(alone.verdict, EngineVerdict::Doubtful);
    assert!(alone.effect.contains("on_outage"));

    let replica = Redis::start();
    let (host, port) = (primary.address.ip(), primary.address.port());
    replica.say(&format!("REPLICAOF {host} {port}"));
    eventually("the replica is in step", || {
        let seen = replica.say("INFO replication");
        seen.contains("master_link_status:up")
    });
    for (needed, lag, verdict, remedy) in [
        (0, 10, EngineVerdict::Doubtful, "min-replicas-to-write to 1"),
        (1, 60, EngineVerdict::Doubtful, "min-replicas-max-lag to 10"),
        (1, 0, EngineVerdict::Doubtful, "min-replicas-max-lag to 10"),
        (1, 10, EngineVerdict::Fit, ""),
    ] {
        primary.say(&format!("CONFIG SET min-replicas-to-write {needed}"));
        primary.say(&format!("CONFIG SET min-replicas-max-lag {lag}"));
        let found = about("replication", &options).await;
        let what =
            format!("replicas: 1, min-replicas-to-write {needed}, min-replicas-max-lag {lag}");
        assert_eq!((found.verdict, &found.what), (verdict, &what));
        assert!(found.remedy.contains(remedy), "{found:?}");
    }
    // More than there are: it takes no writes.
    primary.say("CONFIG SET min-replicas-to-write 2");
    let writes = about("writes", &options).await;
    assert_eq!(writes.verdict, EngineVerdict::Unfit);
    assert!(writes.what.contains("NOREPLICAS"), "{writes:?}");
    assert!(writes.remedy.contains("min-replicas-to-write"));
    assert_eq!(about("access", &options).await.verdict, EngineVerdict::Fit);
    // Who may not be asked for its settings is said so.
    primary.say("CONFIG SET min-replicas-to-write 1");
    primary.say("ACL SETUSER popgate on >word ~* &* +@all -config");
    options.username = Some("popgate".to_owned());
    options.password = Some(Secret::new(b"word".to_vec()));
    let hidden = about("replication", &options).await;
    assert!(hidden.what.contains("min-replicas-to-write unknown"));
    let hidden = about("persistence", &options).await;
    assert!(hidden.what.contains("CONFIG is refused"), "{hidden:?}");
}

#[tokio::test]
async fn memory_that_is_full() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let options = options(redis.address);
    redis.say("CONFIG SET maxmemory 1");
    let writes = about("writes", &options).await;
    assert_eq!(writes.verdict, EngineVerdict::Unfit);
    assert!(writes.what.contains("OOM"), "{writes:?}");
    assert!(writes.remedy.contains("maxmemory"));
}

#[tokio::test]
async fn a_node_of_a_redis_cluster_is_refused() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start_with(&["--cluster-enabled", "yes"]);
    let options = options(redis.address);
    let error = survey(&TcpDial, &options).await.unwrap_err();
    assert!(
        error.to_string().contains("node of a Redis Cluster"),
        "{error}"
    );
    let report = EngineReport::new(&options, Err(error));
    assert_eq!(report.verdict(), EngineVerdict::Unfit);
    assert!(!report.is_unreachable());
    let why = Watched::start(options).down().await;
    assert!(why.contains("node of a Redis Cluster"), "{why}");
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_told_with_what_to_do() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start_with(&["--requirepass", "right"]);
    let mut options = options(redis.address);
    let told = async |options: &EngineOptions| {
        let seen = survey(&TcpDial, options).await;
        let report = EngineReport::new(options, seen);
        (report.to_string(), report.is_unreachable())
    };
    options.password = Some(Secret::new(b"wrong-canary".to_vec()));
    let (text, is_unreachable) = told(&options).await;
    assert!(text.contains("WRONGPASS"), "{text}");
    assert!(
        text.contains("hint: correct username and password_file"),
        "{text}"
    );
    assert!(!text.contains("canary") && !is_unreachable, "{text}");
    options.password = None;
    let (text, _) = told(&options).await;
    assert!(text.contains("NOAUTH"), "{text}");
    assert!(
        text.contains("hint: correct username and password_file"),
        "{text}"
    );
    options.nodes = vec![crate::redis::free_address().to_string()];
    let (text, is_unreachable) = told(&options).await;
    assert!(text.contains("hint: start it, or correct nodes"), "{text}");
    assert!(is_unreachable);
    options.master = Some("mail".to_owned());
    let (text, is_unreachable) = told(&options).await;
    assert!(text.contains("hint: start the Sentinels"), "{text}");
    assert!(is_unreachable);
}
