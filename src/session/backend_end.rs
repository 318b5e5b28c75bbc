//! A session's backend connection as the lock sees it: something that must have ended before the
//! next session begins.

use super::context::Context;
use crate::backend::connect::{Backend, Greeted};
use crate::backend::introduce::introduce;
use crate::backend::login::LoginError;
use crate::ids::BackendName;
use crate::limits;
use crate::lock::BackendEnd;
use crate::net::conn::Conn;
use crate::pop3::reply::ReplyTo;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

/// A greeted connection and the backend that it leads to.
pub struct BackendConnection {
    backend: Arc<Backend>,
    greeted: Greeted,
    client: SocketAddr,
    /// Whom the backend was told to expect.
    introduced: Option<SocketAddr>,
}

impl BackendConnection {
    /// A connection of `backend`, opened for `client`.
    #[must_use]
    pub fn new(backend: Arc<Backend>, greeted: Greeted, client: SocketAddr) -> Self {
        Self {
            backend,
            greeted,
            client,
            introduced: None,
        }
    }

    /// Tells the backend that `client` logs in next, where it wants to know and does not yet. If
    /// it does not take it, the login goes on all the same.
    pub(super) async fn introduce(
        &mut self,
        cx: &Context,
        client: SocketAddr,
    ) -> Result<(), LoginError> {
        if self.introduced == Some(client) {
            return Ok(());
        }
        let answer = introduce(&mut self.greeted, self.backend.options(), client).await?;
        if let Some(line) = answer {
            cx.backend_replied(&self.backend, ReplyTo::Xclient, &line);
        }
        self.introduced = Some(client);
        Ok(())
    }

    /// Whether `client` may log in on this connection, which another may have opened a while ago:
    /// not where the PROXY protocol named that other, and not once the backend has said anything
    /// since its greeting. That would be its farewell, and no answer to a login.
    pub(super) async fn is_good_for(&mut self, client: SocketAddr) -> bool {
        let named = self.backend.options().proxy_protocol;
        if named && self.client.ip() != client.ip() {
            return false;
        }
        let conn = &mut self.greeted.conn;
        conn.input.is_empty() && poll_fn(|cx| Poll::Ready(conn.poll_fill(cx, 1).is_pending())).await
    }

    pub(super) fn backend(&self) -> &Arc<Backend> {
        &self.backend
    }

    pub(super) fn conn(&mut self) -> &mut Conn {
        &mut self.greeted.conn
    }
}

impl BackendEnd for BackendConnection {
    fn backend(&self) -> &BackendName {
        &self.backend.options().name
    }

    /// After QUIT the backend closes by itself. Without it our side is shut first, so that the
    /// backend sees the end and lets go; what it still sends is thrown away.
    async fn close(&mut self, after_quit: bool) -> bool {
        let conn = &mut self.greeted.conn;
        let bound = if after_quit {
            limits::EOF_AFTER_QUIT
        } else {
            limits::EOF_AFTER_SHUTDOWN
        };
        let end = async {
            if !after_quit {
                conn.shut().await;
            }
            // An error is an end too: the backend reset the connection.
            let _ = conn.drain_to_end().await;
        };
        let ended = tokio::time::timeout(bound, end).await.is_ok();
        if !ended {
            conn.io().reset_on_close();
        }
        ended
    }
}
