//! What can be told of one user's past: a timeline, and that as a picture.
//!
//! Facts in, texts out. Who asks gives the entries of the history and what goes on now.

pub mod domain;
pub mod svg;
pub mod timeline;
