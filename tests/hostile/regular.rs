//! A good client, as it should be served whatever others do.

use crate::connect;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A mail program that polls its own maildrop again and again, as it should be served all the
/// time.
pub(crate) struct Regular {
    stop: CancellationToken,
    polls: JoinHandle<io::Result<Polls>>,
}

/// How a regular was served.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    pub(crate) count: u32,
    pub(crate) slowest: Duration,
}

impl Regular {
    pub(crate) fn start(gate: SocketAddr, user: &str) -> Self {
        let stop = CancellationToken::new();
        let (stopped, user) = (stop.clone(), user.to_owned());
        let polls = tokio::spawn(async move {
            let mut polls = Polls::default();
            while !stopped.is_cancelled() {
                let start = Instant::now();
                poll(gate, &user).await?;
                polls.count += 1;
                polls.slowest = polls.slowest.max(start.elapsed());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(polls)
        });
        Self { stop, polls }
    }

    /// Ends it, and says how it was served; an error of any poll is the test's.
    pub(crate) async fn finish(self) -> Polls {
        self.stop.cancel();
        let polls = self.polls.await.unwrap();
        polls.expect("a regular was not served")
    }
}

async fn poll(gate: SocketAddr, user: &str) -> io::Result<()> {
    let mut program = connect(gate).await?;
    program.log_in(user).await?;
    program.ok("STAT".to_owned()).await?;
    program.listing("UIDL").await?;
    program.listing("RETR 1").await?;
    program.ok("QUIT".to_owned()).await?;
    Ok(())
}
