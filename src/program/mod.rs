//! Which mail program a client is thought to be. POP3 has no User-Agent: what can be seen is which
//! commands come, in which order and form.
//!
//! A session gathers a [`Trace`]; rules make a [`ProgramGuess`] of it. Nothing is decided by a
//! guess: it is shown to people.

mod evidence;
mod family;
mod guess;
mod hello;
mod step;
mod table;
mod tls;
mod trace;

pub use evidence::Evidence;
pub use family::{Confidence, Family, ProgramGuess};
pub use guess::{could_be, guess};
pub use hello::HelloFingerprint;
pub use step::Step;
pub use tls::TlsLibrary;
pub use trace::{SeenStep, Trace};

#[cfg(test)]
mod tests;
