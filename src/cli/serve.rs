//! `popgate serve`: the gate itself.

use clap::Args;
use std::path::PathBuf;

/// Run the gate
#[derive(Args, Debug)]
pub struct Serve {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}
