//! Which events are notices of the history, and in what words.

use crate::history::NoticeKind;
use crate::observe::event::{Event, OperatorAction, OperatorChange};
use std::sync::Arc;

/// A notice before it has its place.
pub(super) struct NoticeDraft {
    pub(super) kind: NoticeKind,
    pub(super) subject: Arc<str>,
    pub(super) text: Arc<str>,
}

impl NoticeDraft {
    pub(super) fn new(kind: NoticeKind, subject: &str, text: &str) -> Self {
        Self {
            kind,
            subject: subject.into(),
            text: text.into(),
        }
    }

    /// None where the event explains nothing that a session meets.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let draft = match event {
            Event::BackendUp { backend } => Self::new(NoticeKind::BackendUp, backend.as_str(), ""),
            Event::BackendDown { backend, why } => {
                Self::new(NoticeKind::BackendDown, backend.as_str(), why)
            }
            Event::Reloaded { changes } => Self::new(NoticeKind::Reloaded, "", &changes.join("; ")),
            Event::JournalLost { changes, why } => {
                let why = why.as_deref().unwrap_or("more came than could be written");
                Self::new(NoticeKind::Lost, &changes.to_string(), why)
            }
            Event::OperatorActed(action) => return by_operator(action),
            _ => return None,
        };
        Some(draft)
    }
}

fn by_operator(action: &OperatorAction) -> Option<NoticeDraft> {
    let by = &action.by;
    let text = match &by.reason {
        Some(reason) => format!("by {}: {reason}", by.address),
        None => format!("by {}", by.address),
    };
    let draft = match &action.change {
        OperatorChange::Kicked(session) => {
            NoticeDraft::new(NoticeKind::Kicked, &session.to_string(), &text)
        }
        OperatorChange::Paused(subject) => {
            NoticeDraft::new(NoticeKind::Paused, &subject.to_string(), &text)
        }
        OperatorChange::Resumed(subject) => {
            NoticeDraft::new(NoticeKind::Resumed, &subject.to_string(), &text)
        }
        OperatorChange::Draining(_) => NoticeDraft::new(NoticeKind::Draining, "", &text),
        OperatorChange::LogLevel(_) => return None,
    };
    Some(draft)
}
