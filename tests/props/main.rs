//! Properties: random scripts against naive models.

mod queue;
//! Properties that hold for any input, against naive models.

mod pop3;
