//! The state of the screen as a frame.

use super::rates::Rates;
use super::state::{TopDialog, TopState, TopView};
use crate::admin::model::{BackendStateWord, GateStatus, HolderInfo, LockInfo};
use crate::cli::screen::Screen;
use crate::cli::table::{Cell, Column, TextTable, cut, or_dash};
use crate::cli::text::escaped;
use crate::cli::units::{between, count, duration, octets, time};
use crate::cli::{backends, locks};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

/// Below this nothing that helps has room.
const WIDTH_MIN: u16 = 60;
const HEIGHT_MIN: u16 = 12;

/// Of the gate, of its rates, and of the screen itself.
const HEAD_LINES: u16 = 4;

/// Lines of one mailbox: its holder, and its waiters.
const MAILBOX_LINES: usize = 2;

/// Before the selected mailbox, and before the others.
const MARK: &str = "> ";
const NO_MARK: &str = "  ";

/// Backends that are shown below the mailboxes.
const BACKENDS_MAX: usize = 4;

const FOOT: &str = "q quit  ? help  ↑↓ select  Enter all waiters  s sort  K kick  p pause";

const HELP: [&str; 13] = [
    "↑ ↓ k j       select a mailbox, or scroll the waiters",
    "PgUp PgDn     ten lines at a time",
    "Home End      the first, the last",
    "Enter         all that wait for the selected mailbox",
    "Esc           back to all mailboxes",
    "s             sort by longest wait, waiters, time held or name",
    "K             kick who holds the selected mailbox, after a question",
    "p             pause the display; the gate goes on",
    "q             back, or quit",
    "Ctrl-C        quit",
    "",
    "WAIT is of the one that has waited longest; `!`: it gives up within 5 s.",
    "Rates are of the last 10 s.",
];

/// Colours, or what stands for them: each is also said in words.
#[derive(Clone, Copy)]
struct Palette {
    is_coloured: bool,
}

impl Palette {
    fn bad(self) -> Style {
        if self.is_coloured {
            Style::new().fg(Color::Red).bold()
        } else {
            Style::new().bold()
        }
    }

    fn told(self) -> Style {
        if self.is_coloured {
            Style::new().fg(Color::Yellow)
        } else {
            Style::new()
        }
    }
}

/// Draws `state`.
pub(super) fn draw(frame: &mut Frame, state: &TopState, is_coloured: bool) {
    let palette = Palette { is_coloured };
    let area = frame.area();
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        return too_small(frame, area);
    }
    let reading = state.reading();
    let shown_backends = reading.backends.len().min(BACKENDS_MAX);
    let backend_lines = u16::try_from(shown_backends + 2).unwrap_or(0);
    let [head, body, below, foot] = Layout::vertical([
        Constraint::Length(HEAD_LINES),
        Constraint::Min(3),
        Constraint::Length(backend_lines.min(area.height / 3)),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(head_lines(state, palette, head.width)), head);
    let lines = match state.view() {
        TopView::Mailboxes => mailboxes(state, body),
        TopView::Waiters { lock, scrolled } => waiters(state, lock, *scrolled, body),
    };
    frame.render_widget(Paragraph::new(lines), body);
    frame.render_widget(Paragraph::new(backend_table(state, palette, below)), below);
    frame.render_widget(Line::from(cut(FOOT, foot.width.into())).dim(), foot);
    match state.dialog() {
        Some(TopDialog::Help) => {
            dialog(frame, "Help", "Any key goes on.", &HELP.map(str::to_owned));
        }
        Some(TopDialog::Kick(question)) => {
            dialog(
                frame,
                "Kick",
                "y: kick it. Any other key: leave it.",
                &question.text,
            );
        }
        None => (),
    }
}

fn too_small(frame: &mut Frame, area: Rect) {
    let text = format!(
        "The terminal is too small: it has {} columns and {} lines, and popgate top needs \
         {WIDTH_MIN} and {HEIGHT_MIN}. q quits.",
        area.width, area.height
    );
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
}

fn head_lines(state: &TopState, palette: Palette, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width);
    let status = &state.reading().status;
    let stage = if status.ready {
        Style::new().bold()
    } else {
        palette.bad()
    };
    let banner = state.banner().map_or_else(Line::default, |(text, is_bad)| {
        let style = if is_bad {
            palette.bad()
        } else {
            palette.told()
        };
        Line::styled(cut(&escaped(&text), width), style)
    });
    vec![
        Line::styled(cut(&gate_line(status, width), width), stage),
        Line::from(cut(&totals_line(status), width)),
        Line::from(cut(&rates_line(status, state.rates()), width)),
        banner,
    ]
}

fn gate_line(status: &GateStatus, width: usize) -> String {
    let stage = escaped(&status.stage);
    let trouble = match &status.not_ready {
        Some(why) => format!(", not ready: {}", escaped(why)),
        None => String::new(),
    };
    let left = format!(
        "popgate {} {stage}{trouble}, up {}",
        escaped(&status.version),
        between(status.started, status.now)
    );
    let right = time(status.now);
    let gap = width.saturating_sub(left.width() + right.width()).max(2);
    format!("{left}{}{right}", " ".repeat(gap))
}

fn totals_line(status: &GateStatus) -> String {
    let locks = &status.locks;
    let viewing = match status.sessions.viewing {
        0 => String::new(),
        views => format!(" ({views} on a listing)"),
    };
    format!(
        "{} sessions of {}{viewing}   {} locks held   {} waiting for {}   longest wait {}",
        status.sessions.open,
        status.sessions.max,
        locks.held,
        locks.waiting,
        count(locks.contended as u64, "mailbox", "mailboxes"),
        duration(locks.longest_wait_seconds),
    )
}

fn rates_line(status: &GateStatus, rates: Option<Rates>) -> String {
    let rates = rates.map_or_else(
        || "rates follow in a second".to_owned(),
        |rates| {
            format!(
                "{:.1} logins/s   {:.1} refused/s (lock {:.1}, password {:.1}, limit or block {:.1})",
                rates.logins,
                rates.refusals(),
                rates.lock,
                rates.auth,
                rates.rule
            )
        },
    );
    let paused = [
        ("tenants paused", &status.paused.tenants),
        ("backends paused", &status.paused.backends),
    ];
    let paused = paused
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("   {what}: {}", escaped(&names.join(", "))))
        .collect::<String>();
    format!("{rates}   {} blocked{paused}", status.blocks.blocked)
}

const COLUMNS: &[Column] = &[
    Column::new("MAILBOX", 0).cut_to(12),
    Column::new("WAIT", 0).right(),
    Column::new("QUEUE", 0).right(),
    Column::new("HELD BY", 0).cut_to(12),
    Column::new("FOR", 0).right(),
    Column::new("IDLE", 1).right(),
    Column::new("LAST", 2),
    Column::new("MESSAGES", 4).right(),
    Column::new("SENT", 5).right(),
    Column::new("PROGRAM", 3).cut_to(8),
    Column::new("SESSION", 6).right(),
    Column::new("BACKEND", 7).cut_to(8),
];

/// Those where somebody waits, the page with the selected one.
fn mailboxes(state: &TopState, area: Rect) -> Vec<Line<'static>> {
    let page = &state.reading().locks;
    if page.items.is_empty() {
        return vec![Line::default(), Line::from("Nobody waits for a mailbox.")];
    }
    let width = usize::from(area.width);
    let room = usize::from(area.height).saturating_sub(2) / MAILBOX_LINES;
    let first = state.row() - state.row() % room.max(1);
    // All of them, so that columns stay where they are from page to page.
    let rows = page.items.iter().map(lock_row).collect();
    let table = TextTable::new(COLUMNS, rows).render(within(width.saturating_sub(MARK.len())));
    let mut texts = table.lines();
    let head = texts.next().unwrap_or_default();
    let mut lines = vec![Line::from(format!("{NO_MARK}{head}")).bold()];
    let shown = page.items.iter().zip(texts).enumerate().skip(first);
    for (row, (lock, text)) in shown.take(room) {
        lines.push(if row == state.row() {
            Line::from(format!("{:<width$}", format!("{MARK}{text}"))).reversed()
        } else {
            Line::from(format!("{NO_MARK}{text}"))
        });
        lines.push(Line::from(queue(lock, state, width)).dim());
    }
    lines.push(Line::from(cut(&place(state, room), width)).dim());
    lines
}

/// A table that fits, in plain text: whole lines have a style here.
fn within(width: usize) -> Screen {
    Screen {
        width: Some(width),
        ..Screen::default()
    }
}

fn lock_row(lock: &LockInfo) -> Vec<Cell> {
    let mut row = vec![
        Cell::from(&lock.maildrop),
        duration(lock.longest_wait_seconds).into(),
        lock.waiters.len().to_string().into(),
    ];
    let Some(holder) = &lock.holder else {
        row.push("nobody: it goes on to the next".into());
        row.resize_with(COLUMNS.len(), Cell::default);
        return row;
    };
    let idle = holder.idle_seconds.map(duration);
    row.extend([
        Cell::from(&held_by(holder)),
        duration(holder.held_seconds).into(),
        or_dash(idle.as_deref()).into(),
        or_dash(holder.last_command.as_deref()).into(),
        holder.retrieved.to_string().into(),
        octets(holder.bytes_to_client).into(),
        or_dash(holder.program.as_deref()).into(),
        holder.session.to_string().into(),
        or_dash(lock.backend.as_deref()).into(),
    ]);
    row
}

/// The client, and what it does where it is not in the mailbox.
fn held_by(holder: &HolderInfo) -> String {
    match locks::doing(&holder.phase) {
        locks::HOLDS => holder.client.clone(),
        doing => format!("{} {doing}", holder.client),
    }
}

/// Who waits, in the order in which they will be served: as many as have room.
fn queue(lock: &LockInfo, state: &TopState, width: usize) -> String {
    let now = state.reading().status.now;
    let mut line = "    waiting:".to_owned();
    for (waiter, place) in lock.waiters.iter().zip(0..) {
        let is_near_its_end = waiter.until.duration_since(now).as_secs_f64() < 5.0;
        let mark = if is_near_its_end { "!" } else { "" };
        let program = waiter
            .program
            .as_deref()
            .map_or_else(String::new, |it| format!(" {}", escaped(it)));
        let one = format!(
            " {}{program} {}{mark},",
            escaped(&waiter.client),
            duration(waiter.waited_seconds)
        );
        let more = lock.waiters.len() - place;
        let rest = format!(" and {more} more");
        if line.width() + one.width() + rest.width() > width {
            return cut(&(line + &rest), width);
        }
        line += &one;
    }
    line.trim_end_matches(',').to_owned()
}

/// Which of the mailboxes these are.
fn place(state: &TopState, room: usize) -> String {
    let locks = &state.reading().locks;
    let order = state.order().word();
    let last = (state.row() / room.max(1) + 1) * room.max(1);
    let below = locks.total.saturating_sub(last.min(locks.items.len()));
    let row = state.row() + 1;
    match below {
        0 => format!("{row} of {}, by {order}", locks.total),
        more => format!("{row} of {}, by {order}; {more} more below", locks.total),
    }
}

/// The holder and all waiters of one mailbox.
fn waiters(state: &TopState, id: &str, scrolled: usize, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width);
    let Some(lock) = state.lock(id) else {
        let text = format!("Nobody waits for {} any more. Esc goes back.", escaped(id));
        return vec![Line::default(), Line::from(cut(&text, width))];
    };
    let table = locks::parties(std::slice::from_ref(lock), within(width));
    let mut rows = table.lines().map(|row| Line::from(row.to_owned()));
    let mut lines: Vec<Line> = rows.next().map(Stylize::bold).into_iter().collect();
    lines.extend(lock.holder.as_ref().and(rows.next()));
    lines.extend(rows.skip(scrolled));
    lines
}

fn backend_table(state: &TopState, palette: Palette, area: Rect) -> Vec<Line<'static>> {
    let all = &state.reading().backends;
    let shown = &all[..all.len().min(BACKENDS_MAX)];
    let table = backends::table(shown, within(area.width.into()));
    let mut rows = table.lines().map(str::to_owned);
    let mut head = rows.next().unwrap_or_default();
    if all.len() > shown.len() {
        head += &format!("  … and {} more", all.len() - shown.len());
    }
    let mut lines = vec![Line::default(), Line::from(head).bold()];
    for (backend, text) in shown.iter().zip(rows) {
        let style = match backend.state {
            BackendStateWord::Down => palette.bad(),
            BackendStateWord::Unknown => palette.told(),
            BackendStateWord::Up => Style::new(),
        };
        lines.push(Line::styled(text, style));
    }
    lines
}

/// In the middle, as high as its text; which keys it takes stands in its border, which always has
/// room.
fn dialog(frame: &mut Frame, title: &str, keys: &str, text: &[String]) {
    let room = frame.area();
    let width = room.width.saturating_sub(4).min(78);
    let inside = usize::from(width.saturating_sub(4));
    let lines = text.iter().flat_map(|paragraph| wrapped(paragraph, inside));
    let lines: Vec<Line> = lines.map(|line| Line::from(format!(" {line}"))).collect();
    let height = u16::try_from(lines.len() + 2).map_or(room.height, |it| it.min(room.height));
    let area = Rect {
        x: (room.width - width) / 2,
        y: (room.height - height) / 2,
        width,
        height,
    };
    let block = Block::bordered()
        .title(format!(" {title} "))
        .title_bottom(Line::from(format!(" {keys} ")).bold());
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// `text` in lines of `width` columns at most, broken at spaces where there are any.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut(word, width)),
        }
    }
    lines
}
