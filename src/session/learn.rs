//! What a backend lists after a login (RFC 2449 section 5): one session asks for all that follow,
//! before its client hears of its own login.

use crate::backend::lines::read_capabilities;
use crate::gate::BackendConnection;
use crate::limits::{CAPA_PROMPT, EOF_AFTER_SHUTDOWN};
use crate::time::Instant;
use std::sync::Arc;
use tokio::time::timeout;

/// How the session is afterwards.
pub(super) enum After {
    /// As it was: nothing was asked, or the answer is whole.
    InStep,
    /// Lost, for this reason: which command a reply answers could not be told any more.
    Lost(String),
}

/// Asks CAPA on `connection`, which is logged in, if it is to be asked and there is time: a login
/// that is lost by it may be tried again `until` then. Cancel-safe: the next login asks instead.
pub(super) async fn ask(connection: &mut BackendConnection, until: Instant) -> After {
    let over = Instant::now() + CAPA_PROMPT + EOF_AFTER_SHUTDOWN;
    // What stands behind the answer to the login would pass for the answer to CAPA.
    if over > until || !connection.conn().input.is_empty() {
        return After::InStep;
    }
    let backend = Arc::clone(connection.backend());
    let Some(asking) = backend.leave_to_ask() else {
        return After::InStep;
    };
    match timeout(CAPA_PROMPT, read_capabilities(connection.conn())).await {
        Ok(Ok(Some(list))) => {
            asking.listed(list);
            After::InStep
        }
        Ok(Ok(None)) => {
            asking.not_listed();
            After::InStep
        }
        Ok(Err(error)) => {
            asking.not_listed();
            After::Lost(error.to_string())
        }
        Err(_) => {
            asking.not_listed();
            After::Lost(format!("did not answer CAPA within {CAPA_PROMPT:?}"))
        }
    }
}
