//! Properties: random scripts against naive models.

mod queue;
