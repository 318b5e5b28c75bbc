//! The terminal while the screen is ours, and how it is given back.

use crate::cli::ExitStatus;
use crate::limits::{TOP_END, TOP_LOOK};
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::disable_raw_mode;
use ratatui::{DefaultTerminal, Frame};
use std::io::{self, IsTerminal, stdin, stdout};
use std::mem::ManuallyDrop;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// The alternate screen in raw mode. The terminal is as before once this is dropped, and also after
/// a panic: that is in the hook which ratatui sets.
pub(super) struct FullScreen {
    /// Never dropped: it would tell of a terminal that is gone on that terminal, and panic.
    terminal: ManuallyDrop<DefaultTerminal>,
    is_told_to_end: Arc<AtomicBool>,
}

impl FullScreen {
    pub(super) fn enter() -> io::Result<Self> {
        let is_told_to_end = Arc::new(AtomicBool::new(false));
        watch_signals(Arc::clone(&is_told_to_end))?;
        let terminal = ratatui::try_init().inspect_err(|_| restore())?;
        Ok(Self {
            terminal: ManuallyDrop::new(terminal),
            is_told_to_end,
        })
    }

    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame)) -> io::Result<()> {
        self.terminal.draw(render).map(drop)
    }

    /// Whether a signal asked this process to end. In raw mode Ctrl-C is a key and none.
    pub(super) fn is_told_to_end(&self) -> bool {
        self.is_told_to_end.load(Ordering::Relaxed)
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        restore();
    }
}

/// A terminal that is gone needs nothing back.
fn restore() {
    let _ = ratatui::try_restore();
    let _ = execute!(stdout(), Show);
}

/// Without a handler a signal would end the process in raw mode. The process ends here where the
/// main thread does not: crossterm reads a terminal that is gone again and again, for ever.
fn watch_signals(is_told_to_end: Arc<AtomicBool>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _context = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    drop(_context);
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
                _ = hang_up.recv() => (),
                () = hung_up() => (),
            }
            is_told_to_end.store(true, Ordering::Relaxed);
            sleep(TOP_END).await;
        });
        // Not `restore`, which writes: that may be what the main thread waits for.
        let _ = disable_raw_mode();
        process::exit(ExitStatus::Done as i32);
    });
    Ok(())
}

/// Returns when nobody has the other end of the terminal any more: not every terminal that goes
/// sends a signal, nor to every process.
async fn hung_up() {
    while stdin().is_terminal() {
        sleep(TOP_LOOK).await;
    }
}
