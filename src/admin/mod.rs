//! The admin port: metrics and health.
