//! `popgate locks --watch`: the table, drawn anew each second.

use super::LocksArgs;
use crate::admin::model::GateStatus;
use crate::cli::client::{AdminClient, Failure};
use crate::cli::listing::PageArgs;
use crate::cli::screen::{Screen, Tone};
use crate::cli::table::cut;
use crate::cli::units::{count, duration, time};
use crate::cli::{ExitStatus, print};
use crate::limits::WATCH_INTERVAL;

/// Home, and nothing below: the screen does not flicker as it would if it were cleared first.
const HOME: &str = "\x1b[H";
const CLEAR_TO_END_OF_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// Draws until the process ends. A gate that is gone may come back: it is asked on.
pub(super) fn run(args: &LocksArgs) -> Result<ExitStatus, Failure> {
    if !Screen::of_stdout().is_terminal() {
        return Err(Failure::usage(
            "--watch redraws a terminal, and standard output is none\nhint: leave it out",
        ));
    }
    let gate = args.target.client()?;
    let mut has_answered = false;
    let mut is_drawn = ExitStatus::Done;
    while is_drawn == ExitStatus::Done {
        let screen = Screen::of_stdout();
        let text = match look(args, &gate, screen) {
            Ok(text) => {
                has_answered = true;
                text
            }
            Err(failure) if failure.exit == ExitStatus::Unavailable && has_answered => {
                format!("{}\nStill trying; Ctrl-C ends.", failure.why)
            }
            Err(failure) => return Err(failure),
        };
        is_drawn = print(frame(&text, screen), ExitStatus::Done);
        gate.sleep(WATCH_INTERVAL);
    }
    Ok(is_drawn)
}

fn look(args: &LocksArgs, gate: &AdminClient, screen: Screen) -> Result<String, Failure> {
    let status: GateStatus = gate.get("/status", &[])?;
    // More locks than lines are not drawn.
    let lines = screen.height.unwrap_or(usize::MAX);
    let page = PageArgs {
        sort: args.page.sort.clone(),
        limit: Some(args.page.limit.unwrap_or(lines).min(lines)),
    };
    let seen = args.look(gate, &page)?;
    Ok(format!(
        "{}\n\n{}",
        summary(&status, screen),
        seen.shown(screen)
    ))
}

fn summary(status: &GateStatus, screen: Screen) -> String {
    let locks = &status.locks;
    let text = format!(
        "{}  {} held, {} waiting, longest wait {}",
        time(status.now),
        count(locks.held as u64, "lock", "locks"),
        locks.waiting,
        duration(locks.longest_wait_seconds),
    );
    screen.paint(&cut(&text, screen.width.unwrap_or(usize::MAX)), Tone::Head)
}

/// As many lines as the terminal has, and the cursor where it does not scroll.
fn frame(text: &str, screen: Screen) -> String {
    let height = screen.height.unwrap_or(usize::MAX);
    let lines = text.lines().count();
    let shown = if lines < height {
        lines
    } else {
        height.saturating_sub(2)
    };
    let mut frame = HOME.to_owned();
    for line in text.lines().take(shown) {
        frame.extend([line, CLEAR_TO_END_OF_LINE, "\n"]);
    }
    if lines > shown {
        let rest = count((lines - shown) as u64, "more line", "more lines");
        frame.push_str(&format!("… {rest}{CLEAR_TO_END_OF_LINE}"));
    }
    frame + CLEAR_BELOW
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_never_higher_than_the_terminal() {
        let screen = Screen {
            width: Some(80),
            height: Some(5),
            is_coloured: false,
        };
        assert_eq!(frame("a\nb", screen), "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J");
        let long = frame("a\nb\nc\nd\ne\nf", screen);
        assert!(long.contains("c\x1b[K\n… 3 more lines"), "{long:?}");
        assert!(long.lines().count() < 5);
    }
}
