//! A link to one server.

use crate::redis::{
    Redis, Watched, alive, beat, is_installed, options, product_and_version, speaks_tls,
};
use popgate::cluster::engine::{COMMANDS, EngineOptions, EngineVerdict, acl_line, survey};
use popgate::cluster::link::{EngineLink, LinkError, LinkEvent};
use popgate::cluster::protocol::{
    BlockPut, BlockStamp, Epoch, GateId, Holds, LastTurnAnswer, LastTurnCall, MaildropId, Push,
    StoredBlock, SyncAnswer, SyncCall, TurnNumber, TurnStanding,
};
use popgate::net::dial::TcpDial;
use popgate::net::tls::Authorities;
use popgate::secret::Secret;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

fn statement(epoch: Epoch, sequence: u64) -> SyncCall {
    SyncCall {
        maildrop: MaildropId([7; 16]),
        epoch,
        sequence,
        lease: Duration::from_secs(15),
        holds: Holds::Local,
        seen: TurnNumber(0),
        main: None,
        unproven: None,
        hears: true,
        home: None,
        ended: None,
        keep: Duration::from_secs(3_600),
    }
}

/// All calls that there are, and a push.
async fn everything(watched: &mut Watched, link: &Arc<dyn EngineLink>, sequence: u64) {
    let report = alive(link, 5).await;
    assert!(report.is_heard);
    assert_eq!(watched.pushed().await, Push::Ping(5));
    // Behind its good-bye nobody knows what was at one that it has held before.
    let call = SyncCall {
        maildrop: MaildropId([u8::try_from(sequence).unwrap(); 16]),
        ..statement(report.epoch.clone(), sequence)
    };
    let last = LastTurnCall {
        maildrop: call.maildrop,
        epoch: report.epoch,
    };
    let Ok(SyncAnswer::Done(said)) = link.sync(call).await else {
        panic!("a statement is taken");
    };
    assert!(matches!(said.standing, TurnStanding::Held(_)), "{said:?}");
    let answer = link.last_turn(last).await;
    assert_eq!(answer, Ok(LastTurnAnswer::Last(said.last)));
    let put = BlockPut {
        name: Arc::from("n"),
        stored: StoredBlock {
            stamp: BlockStamp::default(),
            entry: Arc::from(&b"e"[..]),
        },
        keep: Duration::from_secs(60),
    };
    link.put_blocks(vec![put]).await.unwrap();
    assert_eq!(alive(link, 6).await.blocks.len(), 1);
    assert_eq!(watched.pushed().await, Push::Ping(6));
    assert_eq!(link.accepted(9).await, Ok(None));
    link.put_accepted(9).await.unwrap();
    assert!(link.accepted(9).await.unwrap().is_some());
    link.remove_accepted(9).await.unwrap();
    assert_eq!(link.accepted(9).await, Ok(None));
    assert_eq!(
        link.tell(crate::redis::GATE, b"hi".to_vec()).await,
        Ok(true)
    );
    assert_eq!(watched.pushed().await, Push::Message(Arc::from(&b"hi"[..])));
    assert_eq!(link.tell(GateId([9; 8]), b"hi".to_vec()).await, Ok(false));
    link.leave().await.unwrap();
}

#[tokio::test]
async fn every_call_is_answered_and_pushes_come() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    let link = watched.up().await;
    everything(&mut watched, &link, 1).await;
    // The engine forgets its scripts.
    redis.say("SCRIPT FLUSH");
    everything(&mut watched, &link, 2).await;
}

#[tokio::test]
async fn a_call_ends_at_its_deadline_and_the_link_outlives_a_short_pause() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    let link = watched.up().await;
    alive(&link, 1).await;
    redis.say("CLIENT PAUSE 600 ALL");
    let began = Instant::now();
    assert_eq!(link.beat(beat(2)).await, Err(LinkError::Timeout));
    let took = began.elapsed();
    assert!(took < Duration::from_millis(500), "{took:?}");
    // The late answers are not taken for those of later calls.
    let mut answer = link.accepted(3).await;
    while answer == Err(LinkError::Timeout) {
        answer = link.accepted(3).await;
    }
    assert_eq!(answer, Ok(None));
    alive(&link, 4).await;
}

#[tokio::test]
async fn a_frozen_server_is_left_and_found_again() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    watched.up().await;
    redis.say("CLIENT PAUSE 5000 ALL");
    let why = watched.down().await;
    assert!(why.contains("does not answer"), "{why}");
    alive(&watched.up().await, 1).await;
}

#[tokio::test]
async fn a_connection_that_is_cut_is_told_and_made_again() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    let first = watched.up().await;
    let before = alive(&first, 1).await.epoch;
    redis.say("CLIENT KILL TYPE normal");
    let why = watched.down().await;
    assert!(why.contains("ended the connection"), "{why}");
    assert_eq!(first.accepted(1).await, Err(LinkError::Disconnected));
    let second = watched.up().await;
    assert_eq!(alive(&second, 2).await.epoch, before);
}

#[tokio::test]
async fn pushes_are_subscribed_to_again_beneath_the_same_link() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    let link = watched.up().await;
    redis.say("CLIENT KILL TYPE pubsub");
    let mut ping = 0;
    while !alive(&link, ping).await.is_heard {
        ping += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(watched.pushed().await, Push::Ping(ping));
}

#[tokio::test]
async fn a_server_that_was_restarted_begins_another_epoch() {
    if !is_installed() {
        return;
    }
    let mut redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    let first = watched.up().await;
    let before = alive(&first, 1).await.epoch;
    redis.kill();
    watched.down().await;
    redis.revive();
    let second = watched.up().await;
    everything(&mut watched, &second, 1).await;
    assert_ne!(alive(&second, 6).await.epoch.run_id, before.run_id);
}

#[tokio::test]
async fn a_wrong_password_is_told_without_the_password() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start_with(&["--requirepass", "right"]);
    let mut options = options(redis.address);
    options.password = Some(Secret::new(b"wrong-canary".to_vec()));
    let why = Watched::start(options.clone()).down().await;
    assert!(why.contains("WRONGPASS"), "{why}");
    assert!(!why.contains("canary"), "{why}");
    options.password = Some(Secret::new(b"right".to_vec()));
    alive(&Watched::start(options).up().await, 1).await;
}

#[tokio::test]
async fn a_server_that_repeats_a_login_which_it_does_not_know_has_its_words_cut() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start_with(&["--rename-command", "HELLO", ""]);
    let mut options = options(redis.address);
    options.username = Some("popgate".to_owned());
    options.password = Some(Secret::new(b"canary".to_vec()));
    let why = Watched::start(options).down().await;
    assert!(why.contains("HELLO") && !why.contains("canary"), "{why}");
}

#[tokio::test]
async fn a_user_without_rights_has_no_storm_of_links() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    redis.say("ACL SETUSER popgate on >word ~* &* +@all -evalsha -eval");
    let mut options = options(redis.address);
    options.username = Some("popgate".to_owned());
    options.password = Some(Secret::new(b"word".to_vec()));
    let mut watched = Watched::start(options);
    let began = Instant::now();
    for ping in 0..5 {
        let link = watched.up().await;
        let answer = link.beat(beat(ping)).await;
        assert!(matches!(&answer, Err(LinkError::Refused(why)) if why.contains("NOPERM")));
    }
    // 50, 100, 200 and 400 ms, or half of each.
    let took = began.elapsed();
    assert!(took > Duration::from_millis(370), "{took:?}");
    // What the gate's operator reads at /readyz.
    let why = loop {
        if let LinkEvent::Refused(why) = watched.next().await {
            break why;
        }
    };
    assert!(why.contains("refuses calls: "), "{why}");
    assert!(why.contains("NOPERM"), "{why}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    if !is_installed() {
        return;
    }
    let primary = Redis::start();
    let replica = Redis::start();
    let (host, port) = (primary.address.ip(), primary.address.port());
    replica.say(&format!("REPLICAOF {host} {port}"));
    let why = Watched::start(options(replica.address)).down().await;
    assert!(why.contains("replica"), "{why}");
}

#[tokio::test]
async fn a_primary_that_becomes_a_replica_is_left() {
    if !is_installed() {
        return;
    }
    let primary = Redis::start();
    let other = Redis::start();
    let mut watched = Watched::start(options(primary.address));
    watched.up().await;
    let (host, port) = (other.address.ip(), other.address.port());
    let began = Instant::now();
    primary.say(&format!("REPLICAOF {host} {port}"));
    let why = watched.down().await;
    assert!(why.contains("no primary any more"), "{why}");
    assert!(began.elapsed() < Duration::from_secs(1));
}

fn authorities(file: &Path) -> Authorities {
    Authorities::read(Some(file)).unwrap()
}

#[tokio::test]
async fn tls_with_an_authority_of_ones_own() {
    if !is_installed() || !speaks_tls() {
        return;
    }
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (ca, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    let other = folder.path().join("other.pem");
    let stranger = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&other, stranger.cert.pem()).unwrap();
    std::fs::write(&ca, cert.pem()).unwrap();
    std::fs::write(&key, signing_key.serialize_pem()).unwrap();
    let address = crate::redis::free_address();
    let port = address.port().to_string();
    let file = ca.to_str().unwrap();
    let _redis = Redis::start_with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        file,
        "--tls-key-file",
        key.to_str().unwrap(),
        "--tls-auth-clients",
        "no",
    ]);
    let mut options = options(address);
    // Others have not signed it.
    let (authorities, read) = watch::channel(authorities(&other));
    options.tls = Some(read);
    let mut watched = Watched::start(options);
    let why = watched.down().await;
    assert!(why.contains("certificate"), "{why}");
    // As a reload reads them anew; the file is not needed any more then.
    authorities.send_replace(self::authorities(&ca));
    std::fs::remove_file(&ca).unwrap();
    let link = watched.up().await;
    everything(&mut watched, &link, 1).await;
}

#[tokio::test]
async fn the_user_of_the_manual_is_allowed_enough_and_below_the_prefix_only() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let line = acl_line("popgate", "popgate:");
    assert!(redis.say(&line.replace("PASSWORD", "word")).contains("+OK"));
    let mut options = options(redis.address);
    options.username = Some("popgate".to_owned());
    options.password = Some(Secret::new(b"word".to_vec()));
    let mut watched = Watched::start(options.clone());
    let link = watched.up().await;
    everything(&mut watched, &link, 1).await;
    redis.say("SCRIPT FLUSH");
    everything(&mut watched, &link, 2).await;
    options.prefix = "other:".to_owned();
    let why = Watched::start(options).down().await;
    assert!(why.contains("NOPERM"), "{why}");
}

async fn verdicts(options: &EngineOptions) -> Vec<(EngineVerdict, String)> {
    let survey = survey(&TcpDial, options).await.unwrap();
    let said = (survey.product.clone(), survey.version.clone());
    assert_eq!(said, product_and_version());
    let findings = survey.findings().into_iter();
    findings
        .filter(|it| it.verdict != EngineVerdict::Fit && ["access", "memory"].contains(&it.topic))
        .map(|it| (it.verdict, it.what))
        .collect()
}

#[tokio::test]
async fn what_is_wrong_with_an_engine_is_found() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut options = options(redis.address);
    assert_eq!(verdicts(&options).await, []);
    assert_eq!(redis.say("DBSIZE"), ":0\r\n", "nothing is left behind");
    let said = |bound| format!("maxmemory-policy allkeys-lru, {bound}");
    redis.say("CONFIG SET maxmemory-policy allkeys-lru");
    let harmless = (EngineVerdict::Doubtful, said("no maxmemory"));
    assert_eq!(verdicts(&options).await, [harmless]);
    redis.say("CONFIG SET maxmemory 104857600");
    let unfit = (EngineVerdict::Unfit, said("maxmemory 104857600"));
    assert_eq!(verdicts(&options).await, [unfit]);
    redis.say("CONFIG SET maxmemory-policy noeviction");
    options.username = Some("popgate".to_owned());
    options.password = Some(Secret::new(b"word".to_vec()));
    let line = acl_line("popgate", "popgate:").replace("PASSWORD", "word");
    redis.say(&line);
    assert_eq!(verdicts(&options).await, []);
    for command in COMMANDS {
        if ["hello", "ping", "role", "info", "config|get"].contains(&command) {
            continue;
        }
        redis.say(&format!("{line} -{command}"));
        let found = verdicts(&options).await;
        let [(EngineVerdict::Unfit, what)] = &found[..] else {
            panic!("without {command}: {found:?}");
        };
        assert!(what.contains(&command.to_uppercase()), "{command}: {what}");
    }
}

/// The server calls its memory otherwise from then on, and gates that connected before and after
/// must not tell it two names in turn.
#[tokio::test]
async fn a_replica_that_comes_leaves_gates_in_one_epoch() {
    if !is_installed() {
        return;
    }
    let primary = Redis::start();
    let mut before = Watched::start(options(primary.address));
    let before = (before.up().await, before);
    alive(&before.0, 1).await;
    let _replica = Redis::start_replica(&primary);
    let mut behind = options(primary.address);
    behind.gate = GateId([9; 8]);
    let mut after = Watched::start(behind);
    let after = (after.up().await, after);
    let epoch = alive(&after.0, 1).await.epoch;
    for ping in 2..6 {
        for link in [&before.0, &after.0] {
            assert_eq!(alive(link, ping).await.epoch, epoch);
        }
    }
}

/// It may have been a primary a moment ago.
#[tokio::test]
async fn a_server_that_may_not_write_does_not_say_which_turn_was_the_last() {
    if !is_installed() {
        return;
    }
    let redis = Redis::start();
    let mut watched = Watched::start(options(redis.address));
    let link = watched.up().await;
    let epoch = alive(&link, 1).await.epoch;
    let call = statement(epoch.clone(), 1);
    let last = LastTurnCall {
        maildrop: call.maildrop,
        epoch,
    };
    link.sync(call).await.unwrap();
    let answer = link.last_turn(last.clone()).await;
    assert!(matches!(answer, Ok(LastTurnAnswer::Last(_))), "{answer:?}");
    redis.say("REPLICAOF 127.0.0.1 1");
    let answer = link.last_turn(last).await;
    assert!(answer.is_err(), "{answer:?}");
}
