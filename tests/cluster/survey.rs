//! What is said of an engine before it is relied on.

use crate::redis::{Redis, Watched, eventually, is_installed, options};
use popgate::cluster::engine::{
    EngineError, EngineFinding, EngineOptions, EngineReport, EngineVerdict, survey,
};
use popgate::net::dial::TcpDial;
use popgate::net::tls::Authorities;
use popgate::secret::Secret;
use rcgen::generate_simple_self_signed;

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
    assert!(!report.is_unavailable());
    let why = Watched::start(options).down().await;
    assert!(why.contains("node of a Redis Cluster"), "{why}");
}

/// Who has no user of its own has the administrator's, whose rights are not to be taken away.
#[tokio::test]
async fn a_user_who_may_not_do_enough_is_told_the_line_that_mends_it() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut options = options(redis.address);
    redis.say("ACL SETUSER default -publish");
    let of_default = about("access", &options).await;
    assert_eq!(of_default.verdict, EngineVerdict::Unfit);
    let named = "write username = \"popgate\" and a password_file in [cluster]";
    let line = "make that user: ACL SETUSER popgate reset ";
    assert!(of_default.remedy.contains(named), "{of_default:?}");
    assert!(of_default.remedy.contains(line), "{of_default:?}");
    redis.say("ACL SETUSER gates on >word ~* &* +@all -publish");
    options.username = Some("gates".to_owned());
    options.password = Some(Secret::new(b"word".to_vec()));
    let of_gates = about("access", &options).await;
    let line = "allow gates what it needs: ACL SETUSER gates reset ";
    assert!(of_gates.remedy.starts_with(line), "{of_gates:?}");
    // Where not even a look at it is allowed.
    redis.say("ACL SETUSER default -info");
    options.username = None;
    options.password = None;
    let error = survey(&TcpDial, &options).await.unwrap_err();
    let report = EngineReport::new(&options, Err(error)).to_string();
    assert!(
        report.contains("make that user: ACL SETUSER popgate reset "),
        "{report}"
    );
}

/// What is said of `options`, and whether to try again later.
async fn said(options: &EngineOptions) -> (String, bool) {
    let report = EngineReport::new(options, survey(&TcpDial, options).await);
    assert_eq!(report.verdict(), EngineVerdict::Unfit);
    (report.to_string(), report.is_unavailable())
}

#[tokio::test]
async fn an_engine_that_answers_nobody_now_is_waited_for() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    redis.say("CONFIG SET lua-time-limit 1");
    let address = redis.address;
    let endless = std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut stream, b"EVAL \"while true do end\" 0\r\n").unwrap();
        std::io::Read::read(&mut stream, &mut [0; 256]).unwrap()
    });
    eventually("the script runs", || {
        redis.say("GET a").starts_with("-BUSY")
    });
    let (text, is_unavailable) = said(&options(address)).await;
    redis.say("SCRIPT KILL");
    assert!(endless.join().unwrap() > 0);
    assert!(text.contains("BUSY") && is_unavailable, "{text}");
    assert!(
        text.contains("hint: wait until that script has ended"),
        "{text}"
    );
    assert!(!text.contains("ACL SETUSER"), "{text}");
}

/// A server with these answers, one for each command, which hangs up behind the last of them.
fn server(answers: &'static [&str]) -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = [0; 16_384];
        for answer in answers {
            assert!(std::io::Read::read(&mut stream, &mut heard).unwrap() > 0);
            std::io::Write::write_all(&mut stream, answer.as_bytes()).unwrap();
        }
        std::io::Read::read(&mut stream, &mut heard).unwrap()
    });
    address
}

const HELLO: &str = "%1\r\n$5\r\nproto\r\n:3\r\n";
const ROLE: &str = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
const INFO: &str = "$49\r\nredis_version:7.0.15\r\nrun_id:a\r\nmaster_replid:b\r\n\r\n";
const NO_CONFIG: &str = "-ERR unknown command\r\n";
const LOADING: &str = "-LOADING Redis is loading the dataset in memory\r\n";

#[tokio::test]
async fn an_engine_that_still_loads_what_it_keeps_is_waited_for() {
    // CONFIG is asked for four settings.
    let answers = &[
        HELLO, ROLE, INFO, ROLE, INFO, NO_CONFIG, NO_CONFIG, NO_CONFIG, NO_CONFIG, LOADING,
    ];
    let (text, is_unavailable) = said(&options(server(answers))).await;
    assert!(text.contains("LOADING") && is_unavailable, "{text}");
    assert!(text.contains("hint: wait until it has loaded"), "{text}");
    assert!(!text.contains("ACL SETUSER"), "{text}");
    let (text, is_unavailable) = said(&options(server(&[HELLO, LOADING]))).await;
    assert!(text.contains("hint: wait until it has loaded"), "{text}");
    assert!(is_unavailable);
}

#[tokio::test]
async fn an_engine_that_hangs_up_cannot_be_reached_and_may_want_tls() {
    for answers in [&[][..], &[HELLO]] {
        let mut options = options(server(answers));
        let (text, is_unavailable) = said(&options).await;
        assert!(text.contains("ended the connection before"), "{text}");
        assert!(
            text.contains("hint: if it speaks TLS alone, try tls = true"),
            "{text}"
        );
        assert!(is_unavailable);
        // Where TLS is spoken already, it is not what is missing.
        let own = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), own.cert.pem()).unwrap();
        let authorities = Authorities::read(Some(ca.path())).unwrap();
        let (_, authorities) = tokio::sync::watch::channel(authorities);
        options.tls = Some(authorities);
        let address = options.nodes[0].clone();
        let error = EngineError::Closed { address };
        let report = EngineReport::new(&options, Err(error)).to_string();
        assert!(
            report.contains("its log says why") && !report.contains("try tls"),
            "{report}"
        );
    }
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
        (report.to_string(), report.is_unavailable())
    };
    options.password = Some(Secret::new(b"wrong-canary".to_vec()));
    let (text, is_unavailable) = told(&options).await;
    assert!(text.contains("WRONGPASS"), "{text}");
    assert!(
        text.contains("hint: correct username and password_file"),
        "{text}"
    );
    assert!(!text.contains("canary") && !is_unavailable, "{text}");
    options.password = None;
    let (text, _) = told(&options).await;
    assert!(text.contains("NOAUTH"), "{text}");
    assert!(
        text.contains("hint: correct username and password_file"),
        "{text}"
    );
    options.nodes = vec![crate::redis::free_address().to_string()];
    let (text, is_unavailable) = told(&options).await;
    assert!(text.contains("hint: start it, or correct nodes"), "{text}");
    assert!(is_unavailable);
    options.master = Some("mail".to_owned());
    let (text, is_unavailable) = told(&options).await;
    assert!(text.contains("hint: start the Sentinels"), "{text}");
    assert!(is_unavailable);
}
