//! Properties that hold for any input, against naive models.

mod pop3;
mod queue;
