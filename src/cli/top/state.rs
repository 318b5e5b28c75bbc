//! What the screen shows and what a key does: readings and keys in, commands out.

use super::dialog::KickQuestion;
use super::order::LockOrder;
use super::rates::{RateWindow, Rates};
use super::reading::TopReading;
use crate::admin::model::LockInfo;
use crate::cli::client::Failure;
use crate::cli::units::time;
use crate::limits::{TOP_NOTICE, TOP_SILENCE};
use crate::time::Instant;
use jiff::Timestamp;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Lines that PgUp and PgDn move by.
const PAGE: usize = 10;

/// What a key asks for beyond the screen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TopCommand {
    Quit,
    Ask(GateRequest),
}

/// What the gate is asked for beside the readings.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum GateRequest {
    Sort(LockOrder),
    /// Numbers of sessions are those of one process: `started` says of which.
    Kick {
        session: u64,
        started: Timestamp,
    },
}

/// What came of asking it.
#[derive(Debug)]
pub(super) enum TopNews {
    Reading(Result<Box<TopReading>, Failure>),
    Kicked {
        session: u64,
        result: Result<(), Failure>,
    },
}

/// What fills the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopView {
    /// All mailboxes where somebody waits.
    Mailboxes,
    /// One of them, by the id of its lock, with all its waiters; the first of them are scrolled
    /// away.
    Waiters { lock: String, scrolled: usize },
}

/// What lies over it and takes the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopDialog {
    Help,
    Kick(KickQuestion),
}

/// A line that goes away by itself.
#[derive(Clone, Debug)]
struct Notice {
    text: String,
    is_bad: bool,
    until: Instant,
}

/// The state of the screen.
pub(super) struct TopState {
    reading: TopReading,
    /// While the display is paused: what it will show then.
    held_back: Option<TopReading>,
    is_paused: bool,
    rates: RateWindow,
    order: LockOrder,
    view: TopView,
    dialog: Option<TopDialog>,
    /// The lock that is selected goes on being that where the order changes.
    selected: Option<String>,
    /// Where it was last.
    row: usize,
    notice: Option<Notice>,
    /// Why the last answer did not come.
    trouble: Option<String>,
    last_answer: Option<Instant>,
    silent_seconds: u64,
}

impl TopState {
    pub(super) fn new(reading: TopReading) -> Self {
        let mut rates = RateWindow::default();
        rates.note(&reading.status);
        Self {
            selected: reading.locks.items.first().map(|lock| lock.id.clone()),
            reading,
            held_back: None,
            is_paused: false,
            rates,
            order: LockOrder::default(),
            view: TopView::Mailboxes,
            dialog: None,
            row: 0,
            notice: None,
            trouble: None,
            last_answer: None,
            silent_seconds: 0,
        }
    }

    pub(super) fn reading(&self) -> &TopReading {
        &self.reading
    }

    pub(super) fn rates(&self) -> Option<Rates> {
        self.rates.rates()
    }

    pub(super) fn order(&self) -> LockOrder {
        self.order
    }

    pub(super) fn view(&self) -> &TopView {
        &self.view
    }

    pub(super) fn dialog(&self) -> Option<&TopDialog> {
        self.dialog.as_ref()
    }

    /// The row of the selected mailbox.
    pub(super) fn row(&self) -> usize {
        self.row
    }

    /// The line about the screen itself, and whether something is wrong.
    pub(super) fn banner(&self) -> Option<(String, bool)> {
        let paused = self.is_paused.then(|| "PAUSED, p goes on".to_owned());
        let trouble = self.trouble.as_ref().map(|why| {
            let seconds = self.silent_seconds;
            format!("NO ANSWER for {seconds} s, still trying: {why}")
        });
        let is_bad = trouble.is_some() || self.notice.as_ref().is_some_and(|it| it.is_bad);
        let notice = self.notice.as_ref().map(|notice| notice.text.clone());
        // What came of a key is old news where the gate is gone.
        let parts: Vec<String> = paused.into_iter().chain(trouble.or(notice)).collect();
        (!parts.is_empty()).then(|| (parts.join("; "), is_bad))
    }

    pub(super) fn lock(&self, id: &str) -> Option<&LockInfo> {
        self.reading.locks.items.iter().find(|lock| lock.id == id)
    }

    /// What came from the gate.
    pub(super) fn on_news(&mut self, news: TopNews, now: Instant) {
        match news {
            TopNews::Reading(Ok(reading)) => self.on_reading(*reading, now),
            TopNews::Reading(Err(failure)) => {
                let first = failure.why.lines().next().unwrap_or_default();
                self.trouble = Some(first.to_owned());
            }
            TopNews::Kicked {
                session,
                result: Ok(()),
            } => self.tell(format!("kicked session {session}"), false, now),
            TopNews::Kicked {
                session,
                result: Err(failure),
            } => {
                let why = failure.why.lines().next().unwrap_or_default();
                self.tell(
                    format!("session {session} was not kicked: {why}"),
                    true,
                    now,
                );
            }
        }
    }

    fn on_reading(&mut self, reading: TopReading, now: Instant) {
        self.last_answer = Some(now);
        self.silent_seconds = 0;
        let was_lost = self.trouble.take().is_some();
        let newest = self.held_back.as_ref().unwrap_or(&self.reading);
        let started = reading.status.started;
        if newest.status.started != started {
            self.rates.forget();
            // Numbers of sessions begin anew: what was asked about one is about another now.
            self.dialog = None;
            // Nor can anything of the old ones be asked about.
            self.is_paused = false;
            self.held_back = None;
            self.tell(
                format!("popgate was restarted at {}", time(started)),
                true,
                now,
            );
        } else if was_lost {
            self.tell("popgate answers again".to_owned(), false, now);
        }
        self.rates.note(&reading.status);
        if self.is_paused {
            self.held_back = Some(reading);
        } else {
            self.show(reading);
        }
    }

    fn show(&mut self, reading: TopReading) {
        let locks = &reading.locks.items;
        let same = locks
            .iter()
            .position(|lock| Some(&lock.id) == self.selected.as_ref());
        self.row = same.unwrap_or_else(|| self.row.min(locks.len().saturating_sub(1)));
        self.selected = locks.get(self.row).map(|lock| lock.id.clone());
        self.reading = reading;
    }

    /// Time has passed.
    pub(super) fn on_time(&mut self, now: Instant) {
        self.notice.take_if(|notice| notice.until <= now);
        let silence = now.duration_since(*self.last_answer.get_or_insert(now));
        self.silent_seconds = silence.as_secs();
        if silence >= TOP_SILENCE && self.trouble.is_none() {
            self.trouble = Some("the gate has taken the question".to_owned());
        }
    }

    fn tell(&mut self, text: String, is_bad: bool, now: Instant) {
        self.notice = Some(Notice {
            text,
            is_bad,
            until: now + TOP_NOTICE,
        });
    }

    /// What a key does.
    pub(super) fn on_key(&mut self, key: KeyEvent, now: Instant) -> Option<TopCommand> {
        if !key.is_press() && !key.is_repeat() {
            return None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return (key.code == KeyCode::Char('c')).then_some(TopCommand::Quit);
        }
        match self.dialog.take() {
            Some(TopDialog::Help) => None,
            Some(TopDialog::Kick(question)) => self.on_answer(&question, key.code, now),
            None => self.on_plain_key(key.code, now),
        }
    }

    /// Nothing but y is a yes.
    fn on_answer(
        &mut self,
        question: &KickQuestion,
        key: KeyCode,
        now: Instant,
    ) -> Option<TopCommand> {
        if key == KeyCode::Char('y') {
            return Some(TopCommand::Ask(GateRequest::Kick {
                session: question.session,
                started: self.reading.status.started,
            }));
        }
        self.tell("nobody was kicked".to_owned(), false, now);
        None
    }

    fn on_plain_key(&mut self, key: KeyCode, now: Instant) -> Option<TopCommand> {
        match key {
            KeyCode::Char('q') => return self.back(),
            KeyCode::Esc => self.view = TopView::Mailboxes,
            KeyCode::Char('?' | 'h') => self.dialog = Some(TopDialog::Help),
            KeyCode::Char('p') => self.pause(),
            KeyCode::Char('K') => self.ask_to_kick(now),
            KeyCode::Char('s') => {
                self.order = self.order.next();
                return Some(TopCommand::Ask(GateRequest::Sort(self.order)));
            }
            KeyCode::Enter => self.open(),
            KeyCode::Up | KeyCode::Char('k') => self.move_to(|row| row.saturating_sub(1)),
            KeyCode::Down | KeyCode::Char('j') => self.move_to(|row| row + 1),
            KeyCode::PageUp => self.move_to(|row| row.saturating_sub(PAGE)),
            KeyCode::PageDown => self.move_to(|row| row + PAGE),
            KeyCode::Home => self.move_to(|_| 0),
            KeyCode::End => self.move_to(|_| usize::MAX),
            _ => (),
        }
        None
    }

    /// From the waiters to the mailboxes, and from there out.
    fn back(&mut self) -> Option<TopCommand> {
        if self.view == TopView::Mailboxes {
            return Some(TopCommand::Quit);
        }
        self.view = TopView::Mailboxes;
        None
    }

    fn pause(&mut self) {
        self.is_paused = !self.is_paused;
        if let Some(newest) = self.held_back.take() {
            self.show(newest);
        }
    }

    fn open(&mut self) {
        if let Some(lock) = &self.selected {
            self.view = TopView::Waiters {
                lock: lock.clone(),
                scrolled: 0,
            };
        }
    }

    fn move_to(&mut self, place: impl FnOnce(usize) -> usize) {
        let locks = &self.reading.locks.items;
        match &mut self.view {
            TopView::Mailboxes => {
                self.row = place(self.row).min(locks.len().saturating_sub(1));
                self.selected = locks.get(self.row).map(|lock| lock.id.clone());
            }
            TopView::Waiters { lock, scrolled } => {
                let waiters = locks
                    .iter()
                    .find(|it| it.id == *lock)
                    .map_or(0, |it| it.waiters.len());
                *scrolled = place(*scrolled).min(waiters.saturating_sub(1));
            }
        }
    }

    fn ask_to_kick(&mut self, now: Instant) {
        let id = match &self.view {
            TopView::Mailboxes => self.selected.as_deref(),
            TopView::Waiters { lock, .. } => Some(lock.as_str()),
        };
        let lock = id.and_then(|id| self.lock(id));
        match lock.map(KickQuestion::about) {
            Some(Ok(question)) => self.dialog = Some(TopDialog::Kick(question)),
            Some(Err(why)) => self.tell(why, false, now),
            None => self.tell("no mailbox is selected".to_owned(), false, now),
        }
    }
}
