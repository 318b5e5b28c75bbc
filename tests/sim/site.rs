//! The mail server behind the gate: a demo server, which knows the truth, on a machine that fails.

use crate::lock;
use crate::maildrop::unique_id;
use crate::net::{End, Listener, Net};
use crate::plan::{BACKEND, BackendPlan, backend_address};
use popgate::backend::lines::{read_body, read_status};
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::net::conn::Conn;
use popgate::pop3::reply::Status;
use popgate::secret::Secret;
use popgate::time::Duration;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Sleep, sleep};

/// The server and what is in its maildrops.
pub(crate) struct Site {
    pub(crate) demo: Arc<DemoServer>,
    /// Sessions before it may stand on listings.
    pub(crate) shares: bool,
    net: Arc<Net>,
    quirks: Quirks,
    process: Mutex<Option<JoinHandle<()>>>,
    /// All messages that ever were in a maildrop, in the order of their unique ids, by user.
    texts: Mutex<Vec<Vec<Vec<u8>>>>,
}

pub(crate) fn name(user: usize) -> String {
    format!("user{user}")
}

pub(crate) fn password(user: usize, right: bool, attempt: usize) -> String {
    if right {
        format!("right {user}")
    } else {
        format!("wrong {attempt}")
    }
}

impl Site {
    pub(crate) fn new(plan: &BackendPlan, users: usize, shares: bool, net: Arc<Net>) -> Arc<Self> {
        let secret = |user| Secret::new(password(user, true, 0).into_bytes());
        let options = DemoOptions {
            users: (0..users).map(|user| (name(user), secret(user))).collect(),
            messages: messages(),
            locking: plan.locking,
            linger: plan.linger,
            login_delay: plan.login_delay,
            idle_timeout: Duration::from_secs(3600),
            ..DemoOptions::default()
        };
        let demo = DemoServer::new(options);
        Arc::new(Self {
            demo,
            shares,
            net,
            quirks: Quirks {
                slow_end: plan.slow_end,
                octets: plan.breaks_off.unwrap_or(usize::MAX),
            },
            process: Mutex::default(),
            texts: Mutex::new(vec![messages(); users]),
        })
    }

    pub(crate) fn start(&self) {
        let listener = self.net.listen(backend_address());
        let serving = serve(listener, Arc::clone(&self.demo), self.quirks);
        *lock(&self.process) = Some(tokio::spawn(serving));
    }

    /// The process dies: its kernel closes what it had open.
    pub(crate) async fn die(&self) {
        let process = lock(&self.process).take();
        if let Some(process) = process {
            process.abort();
            let _ = process.await;
        }
    }

    /// The machine dies: nobody is told.
    pub(crate) async fn crash(&self) {
        self.net.crash(BACKEND);
        self.die().await;
    }

    pub(crate) fn deliver(&self, user: usize, random: u64) {
        let mut texts = lock(&self.texts);
        let text = format!("Subject: {random}\r\n\r\nhello {user}\r\n").into_bytes();
        self.demo.deliver(&name(user), &text);
        texts[user].push(text);
    }

    /// The message with this unique id.
    pub(crate) fn text(&self, user: usize, unique_id: usize) -> Option<Vec<u8>> {
        let texts = lock(&self.texts);
        texts[user].get(unique_id.checked_sub(1)?).cloned()
    }

    /// How many messages ever were there.
    pub(crate) fn ever(&self, user: usize) -> usize {
        lock(&self.texts)[user].len()
    }

    /// The unique ids that are in the maildrop now, asked at the server itself.
    pub(crate) async fn present(&self, user: usize) -> io::Result<Vec<usize>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let server = tokio::spawn(Arc::clone(&self.demo).serve_connection(far));
        let mut conn = Conn::plain(Box::new(near));
        let ids = self.unique_ids(user, &mut conn).await;
        drop(conn);
        let _ = server.await;
        ids
    }

    async fn unique_ids(&self, user: usize, conn: &mut Conn) -> io::Result<Vec<usize>> {
        let login = format!(
            "USER {}\r\nPASS {}\r\nUIDL\r\n",
            name(user),
            password(user, true, 0)
        );
        conn.write_all(login.as_bytes()).await?;
        for _ in ["the greeting", "USER", "PASS", "UIDL"] {
            let status = read_status(conn).await.map_err(io::Error::other)?;
            if Status::of_line(&status) != Status::Ok {
                return Err(io::Error::other(status.escape_ascii().to_string()));
            }
        }
        let body = read_body(conn, 1 << 20).await.map_err(io::Error::other)?;
        Ok(body.iter().filter_map(|line| unique_id(line)).collect())
    }
}

async fn serve(mut listener: Listener, demo: Arc<DemoServer>, quirks: Quirks) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (end, _) = listener.next() => {
                let end = Quirky { end, quirks, wait: None };
                connections.spawn(Arc::clone(&demo).serve_connection(end));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What a maildrop holds at first: dots at line starts, no line end at the end, nothing at all, and
/// more than some windows take.
fn messages() -> Vec<Vec<u8>> {
    let long: String = (0..300)
        .map(|n| format!("{n} some words of a longer letter\r\n"))
        .collect();
    [
        "Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n",
        "Subject: cut\r\n\r\nno line end",
        "",
        &format!("Subject: long\r\n\r\n{long}"),
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// What the server does with each connection that a good one does not.
#[derive(Clone, Copy)]
struct Quirks {
    /// It takes its time between the answer to QUIT and the end.
    slow_end: Duration,
    /// It breaks off after so many.
    octets: usize,
}

struct Quirky {
    end: End,
    quirks: Quirks,
    wait: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for Quirky {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Quirky {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.quirks.octets == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let some = octets.len().min(self.quirks.octets);
        let written = ready!(Pin::new(&mut self.end).poll_write(cx, &octets[..some]))?;
        self.quirks.octets -= written;
        if octets.starts_with(b"+OK Bye") && !self.quirks.slow_end.is_zero() {
            self.wait = Some(Box::pin(sleep(self.quirks.slow_end)));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wait {
            Some(wait) => wait.as_mut().poll(cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_shutdown(cx)
    }
}
