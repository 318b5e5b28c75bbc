//! What is asked before somebody is kicked.

use crate::admin::model::LockInfo;
use crate::cli::table::{cut, or_dash};
use crate::cli::text::escaped;
use crate::cli::units::duration;

/// A name of 255 octets must leave room for the question.
const NAME_WIDTH: usize = 50;

/// Whether the holder of a lock is to be kicked: which session, and what will happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KickQuestion {
    pub(super) session: u64,
    /// Paragraphs; all that clients typed is escaped.
    pub(super) text: Vec<String>,
}

impl KickQuestion {
    /// About who holds `lock`; or why nobody there can be kicked.
    pub(super) fn about(lock: &LockInfo) -> Result<Self, String> {
        let maildrop = cut(&escaped(&lock.maildrop), NAME_WIDTH);
        let Some(holder) = &lock.holder else {
            return Err(format!("nobody holds {maildrop} at this moment"));
        };
        let session = holder.session;
        if ["update", "closing"].contains(&&*holder.phase) {
            return Err(format!("session {session} is ending by itself"));
        }
        let idle = holder
            .idle_seconds
            .map_or_else(String::new, |idle| format!(", idle for {}", duration(idle)));
        let who = format!(
            "It is {} ({}), which has held {maildrop} for {}{idle}. Its last command was {}.",
            escaped(&holder.client),
            escaped(holder.program.as_deref().unwrap_or("program not known")),
            duration(holder.held_seconds),
            escaped(or_dash(holder.last_command.as_deref())),
        );
        let what = "Its connection is closed without QUIT: the server deletes nothing, and the \
                    program may fetch messages a second time. Most programs come back after a \
                    while. If it has sent QUIT meanwhile, it is left alone.";
        let next = lock.waiters.first().map(|waiter| {
            format!(
                "Next is {}, which has waited for {}.",
                escaped(&waiter.client),
                duration(waiter.waited_seconds)
            )
        });
        let question = format!("Kick session {session}?");
        let text = [question, who, what.to_owned()].into_iter().chain(next);
        Ok(Self {
            session,
            text: text.collect(),
        })
    }
}
