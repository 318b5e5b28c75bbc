//! Many mail clients at once against one maildrop: what their users would see. The demo runs it
//! twice, directly at the server and through popgate.

use super::mail_client::{ClientError, ClientOrigin, MailClient};
use super::report::{ComparisonReport, FetchTimes};
use crate::pop3::listing::ScanListing;
use crate::pop3::reply::{Status, StatusLine};
use crate::secret::Secret;
use crate::time::{Duration, Instant};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinSet;

/// One run: which clients come, and for how long.
#[derive(Clone, Debug)]
pub struct ComparisonOptions {
    /// Mail clients that come at once, each one time: a real one shows an error to its user
    /// at the first refusal, and comes back at its next poll.
    pub programs: usize,
    /// How long each reads its messages, all together.
    pub hold: Duration,
    /// The maildrop of all of them.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

impl ComparisonOptions {
    /// `programs` for `user`'s maildrop, with a realistic hold of 200 ms.
    #[must_use]
    pub fn new(programs: usize, user: &str, password: Secret) -> Self {
        Self {
            programs,
            hold: Duration::from_millis(200),
            user: user.to_owned(),
            password,
        }
    }
}

/// How a client fared.
#[derive(Clone, Debug)]
pub(super) enum ClientOutcome {
    Succeeded(FetchTimes),
    LockError(String),
    OtherError(String),
}

/// Runs the clients against `target`; `progress` is told how many have finished.
pub async fn run(
    target: SocketAddr,
    options: ComparisonOptions,
    progress: impl Fn(u64) + Send + Sync,
) -> ComparisonReport {
    let start = Instant::now();
    let options = Arc::new(options);
    let mut running = JoinSet::new();
    // All at once, as the clients of a household or an office come at the full hour.
    for _ in 0..options.programs {
        let options = Arc::clone(&options);
        running.spawn(async move { fetch(target, &options).await });
    }
    let mut outcomes = Vec::with_capacity(options.programs);
    while let Some(finished) = running.join_next().await {
        outcomes.push(finished.unwrap_or_else(|e| ClientOutcome::OtherError(e.to_string())));
        progress(outcomes.len() as u64);
    }
    ComparisonReport::new(&outcomes, start.elapsed())
}

async fn fetch(target: SocketAddr, options: &ComparisonOptions) -> ClientOutcome {
    match fetch_all_once(target, options).await {
        Ok(outcome) => outcome,
        Err(error) => ClientOutcome::OtherError(error.to_string()),
    }
}

/// Fetches all mail once, as mail programs do.
async fn fetch_all_once(
    target: SocketAddr,
    options: &ComparisonOptions,
) -> Result<ClientOutcome, ClientError> {
    let mut client = MailClient::connect(ClientOrigin::default(), target).await?;
    client.multiline("CAPA").await?;
    client.expect_ok("USER", options.user.as_bytes()).await?;
    // The user waits from here on.
    let asked = Instant::now();
    let answer = client.ask("PASS", options.password.expose()).await?;
    let login = Instant::now();
    if Status::of_line(&answer) != Status::Ok {
        return Ok(refused(String::from_utf8_lossy(&answer).into_owned()));
    }
    read_mail(&mut client, options.hold).await?;
    client.expect_ok("QUIT", b"").await?;
    Ok(ClientOutcome::Succeeded(FetchTimes {
        wait: login.duration_since(asked),
        login,
        end: Instant::now(),
    }))
}

/// Retrieves every message; the `hold` is spread over them.
async fn read_mail(client: &mut MailClient, hold: Duration) -> Result<(), ClientError> {
    client.expect_ok("STAT", b"").await?;
    let body = client.multiline("LIST").await?;
    let messages = ScanListing::parse_all(&body)?;
    let pause = hold / u32::try_from(messages.len().max(1)).unwrap_or(u32::MAX);
    for message in messages {
        client
            .multiline(&format!("RETR {}", message.number))
            .await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}

fn refused(answer: String) -> ClientOutcome {
    if speaks_of_a_lock(&answer) {
        ClientOutcome::LockError(answer)
    } else {
        ClientOutcome::OtherError(answer)
    }
}

/// Where the password is right, a refusal that speaks of a lock is one. The words are what people
/// read, and what fetchmail, Claws Mail and Sylpheed look for.
pub(super) fn speaks_of_a_lock(answer: &str) -> bool {
    let reply = StatusLine::parse(answer);
    let text = reply.text.to_ascii_lowercase();
    let in_use = reply
        .code
        .is_some_and(|code| code.eq_ignore_ascii_case("IN-USE"));
    in_use
        || ["lock", "in use", "busy"]
            .iter()
            .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::server::{DemoOptions, DemoServer};
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    async fn compare(
        options: ComparisonOptions,
        change: impl FnOnce(&mut DemoOptions),
    ) -> (ComparisonReport, Arc<DemoServer>) {
        let mut settings = DemoOptions {
            users: vec![("ann".to_owned(), Secret::new(b"demo".to_vec()))],
            ..DemoOptions::default()
        };
        change(&mut settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = listener.local_addr().unwrap();
        let server = DemoServer::new(settings);
        let stop = CancellationToken::new();
        tokio::spawn(Arc::clone(&server).serve(listener, stop.clone()));
        let finished = AtomicU64::new(0);
        let programs = options.programs as u64;
        let report = run(target, options, |n| finished.store(n, Ordering::Relaxed)).await;
        assert_eq!(finished.load(Ordering::Relaxed), programs);
        stop.cancel();
        (report, server)
    }

    fn eight() -> ComparisonOptions {
        ComparisonOptions::new(8, "ann", Secret::new(b"demo".to_vec()))
    }

    #[tokio::test]
    async fn direct_at_a_server_that_locks_most_clients_see_lock_errors() {
        let (report, server) = compare(eight(), |_| ()).await;
        assert!(report.succeeded > 0 && report.lock_errors > 0, "{report:?}");
        assert_eq!((report.other_errors, server.log().overlaps()), (0, 0));
        assert_eq!(server.log().refusals(), report.lock_errors);
        assert_eq!(report.succeeded + report.lock_errors, 8);
        assert_eq!(report.first_error.unwrap(), server.options().refusal);
    }

    #[tokio::test]
    async fn where_nobody_locks_all_succeed_and_overlap() {
        let (report, server) = compare(eight(), |options| options.locking = false).await;
        assert_eq!(
            (report.succeeded, report.lock_errors, report.other_errors),
            (8, 0, 0)
        );
        assert!(server.log().overlaps() > 0);
        assert_eq!(server.message_count("ann"), 5);
    }

    #[tokio::test]
    async fn a_wrong_password_is_no_lock_error() {
        let options = ComparisonOptions::new(2, "ann", Secret::new(b"wrong".to_vec()));
        let (report, _) = compare(options, |_| ()).await;
        assert_eq!((report.lock_errors, report.other_errors), (0, 2));
    }
}
