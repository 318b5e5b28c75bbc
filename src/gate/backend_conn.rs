//! A session's backend connection as the lock sees it: something that must have ended before the
//! next session begins.

use super::context::Context;
use crate::backend::connect::{Backend, GreetedConnection};
use crate::backend::forward_client_addr::forward_client_addr;
use crate::backend::lines::is_silent;
use crate::backend::login::LoginError;
use crate::ids::BackendName;
use crate::limits;
use crate::lock::BackendClose;
use crate::net::conn::Conn;
use crate::pop3::reply::ReplyTo;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

/// A greeted connection and the backend that it leads to.
pub struct BackendConnection {
    backend: Arc<Backend>,
    greeted: GreetedConnection,
    /// The client that it was opened for, which the PROXY protocol or XOIP may have named.
    opened_for: SocketAddr,
    /// The client address that the backend was told last.
    forwarded: Option<SocketAddr>,
    /// The backend was told whose login it is.
    knows_client: bool,
}

impl BackendConnection {
    /// A connection of `backend`, opened for `client`.
    #[must_use]
    pub fn new(backend: Arc<Backend>, greeted: GreetedConnection, client: SocketAddr) -> Self {
        let knows_client = backend.options().proxy_protocol;
        Self {
            backend,
            greeted,
            opened_for: client,
            forwarded: None,
            knows_client,
        }
    }

    /// Whether the backend was told the client's address, and may answer by it.
    pub(crate) fn knows_client(&self) -> bool {
        self.knows_client
    }

    /// Tells the backend that `client` logs in next, if it wants to know and was not told yet. The
    /// login goes on even if the backend refuses to be told.
    pub(crate) async fn forward_client_addr(
        &mut self,
        cx: &Context,
        client: SocketAddr,
    ) -> Result<(), LoginError> {
        // It was told when the connection was opened in advance: a hand-over costs no round trip.
        if self.forwarded == Some(client) {
            return Ok(());
        }
        let answer = forward_client_addr(&mut self.greeted, self.backend.options(), client).await?;
        if let Some(line) = answer {
            cx.backend_replied(&self.backend, ReplyTo::Xclient, &line);
            self.knows_client = true;
        }
        self.forwarded = Some(client);
        Ok(())
    }

    /// Whether `client` may log in on this connection, which may have been opened for another
    /// client a while ago. Not if the PROXY protocol or XOIP named that client (Zimbra says `+OK`
    /// to a second XOIP and keeps the first), and not once the backend has said anything since its
    /// greeting: that would be its farewell, not the answer to a login. Empty lines do not count.
    pub(crate) async fn is_good_for(&mut self, client: SocketAddr) -> bool {
        let options = self.backend.options();
        let is_named = options.proxy_protocol || options.xoip;
        if is_named && self.opened_for.ip() != client.ip() {
            return false;
        }
        stays_silent(&mut self.greeted.conn).await
    }

    pub(crate) fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }

    pub(crate) fn conn(&mut self) -> &mut Conn {
        &mut self.greeted.conn
    }
}

/// Whether the backend has said nothing and is still there.
async fn stays_silent(conn: &mut Conn) -> bool {
    // Bounded: blank lines without end are no silence.
    for _ in 0..limits::BLANK_LINES_MAX {
        if !is_silent(conn) {
            return false;
        }
        // One poll, which does not wait: what is there now decides.
        match poll_fn(|cx| Poll::Ready(conn.poll_fill(cx, limits::REPLY_LINE_MAX))).await {
            Poll::Pending => return true,
            Poll::Ready(Ok(1..)) => {}
            Poll::Ready(_) => return false,
        }
    }
    false
}

impl BackendClose for BackendConnection {
    fn backend(&self) -> &BackendName {
        &self.backend.options().name
    }

    /// After QUIT the backend closes by itself, or once its client has closed, as a mail program
    /// would.
    /// Without QUIT our side is shut first, so that the backend sees the end and lets go; what it
    /// still sends is thrown away.
    async fn close(&mut self, after_quit: bool) -> bool {
        let conn = &mut self.greeted.conn;
        let bound = if after_quit {
            limits::EOF_AFTER_QUIT
        } else {
            limits::EOF_AFTER_SHUTDOWN
        };
        let end = async {
            if after_quit {
                // Whoever closes first keeps the address pair for a minute (TIME_WAIT): better
                // the backend than popgate, which needs a pair for each session.
                let own = tokio::time::timeout(limits::SHUT_AFTER_QUIT, conn.drain_to_end()).await;
                if own.is_ok() {
                    return;
                }
            }
            conn.shut().await;
            // An error is an end too: the backend reset the connection.
            let _ = conn.drain_to_end().await;
        };
        let ended = tokio::time::timeout(bound, end).await.is_ok();
        if !ended {
            // The lock goes to the next session now: nothing of this one that is still unsent may
            // reach the backend beside it.
            conn.io().reset_on_close();
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::net::{BoxFuture, Dial, Io};
    use std::io;
    use std::path::Path;
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::Mutex;

    /// Dials to one server that greets and says no more.
    struct Greeter(Mutex<Vec<DuplexStream>>);

    impl Dial for Greeter {
        fn dial<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
            Box::pin(async {
                let (ours, mut theirs) = duplex(100);
                theirs.write_all(b"+OK\r\n").await?;
                self.0.lock().await.push(theirs);
                Ok(Box::new(ours) as Box<dyn Io>)
            })
        }
    }

    /// Whether a connection that was opened for 192.0.2.1 is good for `client`.
    async fn is_good(setting: &str, client: &str) -> bool {
        let text = format!(
            "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n\
             [[backend]]\nname = \"b\"\naddress = \"pop.example:110\"\n{setting}"
        );
        let mut config = Config::parse(&text, Path::new("popgate.toml")).unwrap();
        let dial = Arc::new(Greeter(Mutex::default()));
        let backend = Arc::new(Backend::new(config.backends.remove(0), dial).unwrap());
        let first = "192.0.2.1:1".parse().unwrap();
        let greeted = backend.connect(Some(first)).await.unwrap();
        let mut connection = BackendConnection::new(backend, greeted, first);
        connection.is_good_for(client.parse().unwrap()).await
    }

    #[tokio::test]
    async fn a_connection_that_was_named_to_another_client_is_not_taken_over() {
        for named in ["proxy_protocol = true", "xoip = true"] {
            assert!(is_good(named, "192.0.2.1:2").await, "{named}");
            assert!(!is_good(named, "192.0.2.9:2").await, "{named}");
        }
        assert!(is_good("", "192.0.2.9:2").await, "XCLIENT is said anew");
    }
}
