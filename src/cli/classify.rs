//! `popgate classify`: what popgate makes of a backend's reply.

use super::{ExitStatus, print, refuse};
use crate::config::{Config, did_you_mean};
use crate::dialect::{Phrases, classify};
use crate::pop3::reply::ReplyTo;
use clap::Args;
use std::path::{Path, PathBuf};

/// Show how popgate interprets a server reply
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  popgate classify --command PASS \"-ERR [IN-USE] Unable to lock maildrop\"

Prints one of: locked, auth, login_delay, too_many, temp, perm, no_such_message,
deletes_not_removed, idle_timeout, ok")]
pub(super) struct ClassifyArgs {
    /// The command that was answered; CONNECT for the greeting
    #[arg(long, value_parser = command_word)]
    command: String,
    /// Use the phrases of a backend from this configuration file
    #[arg(long, value_name = "FILE", requires = "backend")]
    config: Option<PathBuf>,
    /// The backend whose phrases are used
    #[arg(long, value_name = "NAME", requires = "config")]
    backend: Option<String>,
    /// The reply line, such as "-ERR [IN-USE] Unable to lock maildrop"
    #[arg(value_name = "REPLY LINE", allow_hyphen_values = true)]
    line: String,
}

impl ClassifyArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let phrases = match (&self.config, &self.backend) {
            (Some(path), Some(backend)) => phrases_of(path, backend),
            _ => Ok(Phrases::default()),
        };
        let to = ReplyTo::from_command(&self.command);
        match phrases {
            Ok(phrases) => print(
                classify(to, &self.line, &phrases).as_str(),
                ExitStatus::Done,
            ),
            Err(refusal) => refuse(refusal, ExitStatus::Usage),
        }
    }
}

/// The file's certificates need not be readable: they are not used.
fn phrases_of(path: &Path, name: &str) -> Result<Phrases, String> {
    let config = Config::read(path).map_err(|error| error.to_string())?;
    let names = config.backends.iter().map(|backend| backend.name.as_str());
    let hint = did_you_mean(name, names).map_or_else(String::new, |hint| format!("\nhint: {hint}"));
    let backend = config
        .backends
        .into_iter()
        .find(|backend| backend.name.as_str() == name);
    backend
        .map(|backend| backend.phrases)
        .ok_or_else(|| format!("{}: there is no backend `{name}`{hint}", path.display()))
}

/// Commands are words of letters (RFC 1939 section 3); which ones is the backend's affair.
fn command_word(text: &str) -> Result<String, String> {
    let is_word = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic());
    is_word
        .then(|| text.to_owned())
        .ok_or_else(|| "a command such as PASS or RETR, or CONNECT for the greeting".to_owned())
}
