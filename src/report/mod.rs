//! What can be told of one user's past: a timeline, that as a picture, and the report for a ticket
//! with its causes.
//!
//! Facts in, texts out. Who asks gives the entries of the history and what goes on now.

pub mod causes;
pub mod domain;
mod domain_words;
pub mod evidence;
pub mod facts;
mod layout;
pub mod notices;
mod signs;
pub mod svg;
pub mod text;
pub mod timeline;
mod wording;
pub mod words;

pub use wording::CauseWords;

#[cfg(test)]
mod tests;
