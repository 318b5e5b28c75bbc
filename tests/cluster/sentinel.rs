//! A primary that Sentinels choose.

use crate::redis::{Redis, Watched, alive, eventually, is_installed, options};
use popgate::cluster::engine::EngineOptions;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// A primary, a replica, and three Sentinels that know both.
struct Site {
    primary: Redis,
    replica: Redis,
    sentinels: Vec<Redis>,
}

impl Site {
    fn start() -> Self {
        let primary = Redis::start();
        let replica = Redis::start_replica(&primary);
        let sentinels: Vec<_> = (0..3)
            .map(|_| Redis::start_sentinel(primary.address))
            .collect();
        for sentinel in &sentinels {
            eventually("the Sentinels know each other and the replica", || {
                let said = sentinel.say("INFO sentinel");
                said.contains("slaves=1,sentinels=3")
            });
        }
        Self {
            primary,
            replica,
            sentinels,
        }
    }

    fn options(&self) -> EngineOptions {
        let mut options = options(self.primary.address);
        options.master = Some("mail".to_owned());
        options.nodes = self
            .sentinels
            .iter()
            .map(|it| it.address.to_string())
            .collect();
        options
    }

    /// When a majority of the Sentinels names `address`.
    async fn decision_for(&self, address: SocketAddr) -> Instant {
        let sentinels: Vec<SocketAddr> = self.sentinels.iter().map(|it| it.address).collect();
        let port = format!("\r\n{}\r\n", address.port());
        tokio::task::spawn_blocking(move || {
            let mut decided = Instant::now();
            eventually("the Sentinels decide", || {
                let votes = sentinels
                    .iter()
                    .filter(|it| names(**it).contains(&port))
                    .count();
                decided = Instant::now();
                votes >= 2
            });
            decided
        })
        .await
        .unwrap()
    }
}

fn names(sentinel: SocketAddr) -> String {
    use std::io::{Read, Write};
    let question = b"SENTINEL GET-MASTER-ADDR-BY-NAME mail\r\n";
    let asked = std::net::TcpStream::connect(sentinel).and_then(|mut stream| {
        stream.write_all(question)?;
        let mut answer = [0; 512];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    });
    asked.unwrap_or_default()
}

/// From the Sentinels' decision to a link to the new primary.
async fn follow(site: &Site, watched: &mut Watched, old: &str) -> Duration {
    let (decided, (link, at)) = tokio::join!(site.decision_for(site.replica.address), async {
        watched.down().await;
        let link = watched.up().await;
        (link, Instant::now())
    });
    let report = alive(&link, 1).await;
    assert_ne!(&*report.epoch.run_id, old);
    assert!(report.is_heard, "its pushes come from the new primary, too");
    at.saturating_duration_since(decided)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_that_was_asked_for_is_followed_within_a_second() {
    if !is_installed() {
        return;
    }
    let site = Site::start();
    let mut watched = Watched::start(site.options());
    let first = watched.up().await;
    let old = alive(&first, 1).await.epoch.run_id;
    eventually("the Sentinels begin", || {
        site.sentinels[0]
            .say("SENTINEL FAILOVER mail")
            .contains("OK")
    });
    let took = follow(&site, &mut watched, &old).await;
    println!("followed {took:?} after the decision");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(
        first.accepted(1).await.is_err(),
        "the old link is of no more use"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_died_is_replaced_within_a_second_of_the_decision() {
    if !is_installed() {
        return;
    }
    let mut site = Site::start();
    let mut watched = Watched::start(site.options());
    let old = alive(&watched.up().await, 1).await.epoch.run_id;
    site.primary.kill();
    let took = follow(&site, &mut watched, &old).await;
    println!("followed {took:?} after the decision");
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sentinel_of_three_decides_nothing() {
    if !is_installed() {
        return;
    }
    let mut site = Site::start();
    site.sentinels[1].kill();
    let mut watched = Watched::start(site.options());
    // Two are a majority.
    watched.up().await;
    site.sentinels[2].kill();
    let why = Watched::start(site.options()).down().await;
    assert!(why.contains("of 3 Sentinels 1 name"), "{why}");
    // A link that stands is kept: its server still says that it is the primary.
    let calm = tokio::time::timeout(Duration::from_secs(2), watched.down()).await;
    assert!(calm.is_err(), "{calm:?}");
}
