//! `popgate top`: one screen, live, of what matters.
//!
//! It asks for all of it once a second, and does not follow the events of locks: how idle a holder
//! is and what it has fetched change without an event, and one answer for the whole screen is never
//! of two moments. So it also needs none of the few places for event readers.
//!
//! ```text
//!  poll.rs    a thread that asks the gate, and does what is asked for     shell
//!  terminal.rs  raw mode, the alternate screen, signals                   shell
//!  state.rs   readings and keys in, commands out                          pure
//!  draw.rs    the state in, a frame out                                   pure
//! ```

mod dialog;
mod draw;
mod order;
mod poll;
mod rates;
mod reading;
mod state;
mod terminal;

#[cfg(test)]
mod tests;

use super::ExitStatus;
use super::client::Failure;
use super::screen::Screen;
use super::target::GateArgs;
use crate::time::{Duration, Instant};
use clap::Args;
use order::LockOrder;
use poll::Poller;
use ratatui::crossterm::event::{self, Event};
use reading::TopReading;
use state::{TopCommand, TopState};
use std::io::{self, IsTerminal};
use terminal::FullScreen;

/// How long a reading or a signal may wait for a look; a key waits for none.
const TICK: Duration = Duration::from_millis(200);

/// Watch live where somebody waits, who holds the mailbox, and how the backends fare
#[derive(Args, Debug)]
#[command(after_help = "\
The mailbox with the longest wait comes first. Keys: arrows, PgUp, PgDn, j and k select a mailbox,
Enter shows all that wait for it, s sorts, K kicks who holds it (after a question), p pauses the
display, ? helps, q quits.

Examples:
  popgate top
  popgate top --admin http://127.0.0.1:9110     as the demo prints it")]
pub(super) struct TopArgs {
    #[command(flatten)]
    target: GateArgs,
}

impl TopArgs {
    pub(super) fn run(&self) -> ExitStatus {
        match self.show() {
            Ok(()) => ExitStatus::Done,
            Err(failure) => failure.tell(),
        }
    }

    fn show(&self) -> Result<(), Failure> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(Failure::usage(
                "popgate top needs a terminal for its input and its output\nhint: `popgate locks \
                 --contended` prints the same once",
            ));
        }
        let gate = self.target.client()?;
        // What is wrong from the start is told before the screen is taken.
        let reading = TopReading::fetch(&gate, LockOrder::default())?;
        let poller = Poller::start(gate);
        let mut state = TopState::new(reading);
        let watched = FullScreen::enter().and_then(|mut screen| {
            // Dropped at the end of this block: what follows is written on the terminal as it was.
            watch(&mut screen, &mut state, &poller)
        });
        watched.map_err(|error| {
            let why = format!("the terminal cannot be used: {error}");
            Failure::new(ExitStatus::Fault, why)
        })
    }
}

/// Draws, listens and draws again, until somebody quits.
fn watch(screen: &mut FullScreen, state: &mut TopState, poller: &Poller) -> io::Result<()> {
    let is_coloured = Screen::of_stdout().is_coloured;
    while !screen.is_told_to_end() {
        screen.draw(|frame| draw::draw(frame, state, is_coloured))?;
        if event::poll(TICK)?
            && let Event::Key(key) = event::read()?
        {
            match state.on_key(key, Instant::now()) {
                Some(TopCommand::Quit) => return Ok(()),
                Some(TopCommand::Ask(request)) => poller.ask(request)?,
                None => (),
            }
        }
        for news in poller.news()? {
            state.on_news(news, Instant::now());
        }
        state.on_time(Instant::now());
    }
    Ok(())
}
