//! Where a command's answer is shown: how wide that is, and whether in colour.

use clap::builder::styling::{AnsiColor, Style};
use std::io::{self, IsTerminal};

/// Where standard output goes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Screen {
    /// Columns of the terminal; none where it is none: a pipe or a file gets whole values.
    pub(super) width: Option<usize>,
    /// Lines of the terminal.
    pub(super) height: Option<usize>,
    /// Whether colours may be used.
    pub(super) is_coloured: bool,
}

/// What a colour says again: the words say it, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing to be seen.
    #[default]
    Plain,
    /// The head of a column, the name of a thing.
    Head,
    /// An aside.
    Faint,
    /// Somebody should look at it.
    Warning,
    /// Users are hurt.
    Bad,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Head => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Warning => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
        }
    }
}

impl Screen {
    /// That of this process, as its environment says.
    pub(super) fn of_stdout() -> Self {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Self::default();
        }
        let size = rustix::termios::tcgetwinsize(&stdout).ok();
        let columns = size.map_or(0, |size| usize::from(size.ws_col));
        let lines = size.map_or(0, |size| usize::from(size.ws_row));
        Self {
            width: Some(number("COLUMNS").unwrap_or(columns))
                .filter(|&it| it > 0)
                .or(Some(80)),
            height: Some(number("LINES").unwrap_or(lines))
                .filter(|&it| it > 0)
                .or(Some(24)),
            is_coloured: colours_are_wanted(),
        }
    }

    pub(super) fn is_terminal(self) -> bool {
        self.width.is_some()
    }

    /// `text` in the colour of `tone`.
    pub(super) fn paint(self, text: &str, tone: Tone) -> String {
        if !self.is_coloured || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{style}{text}{style:#}")
    }
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

/// <https://no-color.org>: set and not empty.
fn colours_are_wanted() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    !is_set("NO_COLOR") && !is_dumb
}
