//! popgate stands before a POP3 server and lets one session at a time into each maildrop.
#![doc = include_str!("ARCHITECTURE.md")]

// Layer 0: names and bounds.
mod bounded;
pub mod escape;
pub mod ids;
pub mod limits;
pub mod secret;
mod str_enum;
pub mod time;

// Layer 1: pure.
pub mod dialect;
pub mod history;
pub mod policy;
pub mod pop3;
pub mod program;

// Layer 2: memory, and shells, each over one kind of outside. `lock::queue` alone is pure.
pub mod access;
pub mod admission;
pub mod backend;
pub mod cluster;
pub mod journal;
pub mod lock;
pub mod net;
pub mod observe;

// Layer 3: what sessions share, and the sessions, where the others meet.
pub mod gate;
pub mod session;

// Layer 4: surfaces.
pub mod admin;
pub mod demo;
pub mod doctor;
pub mod report;

// Layer 5: assembly.
pub mod app;
pub mod cli;
pub mod config;

// Bodies of the fuzz targets, here so that the ordinary tests replay them.
#[doc(hidden)]
pub mod fuzzing;
