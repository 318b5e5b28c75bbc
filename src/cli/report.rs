//! `popgate report`: what a ticket asks of a user's trouble, and its causes.

use super::client::{Failure, percent_encoded};
use super::listing::conditions;
use super::target::GateArgs;
use super::when;
use super::{ExitStatus, print};
use crate::admin::model::ReportInfo;
use crate::report::words::Language;
use clap::Args;
use jiff::Timestamp;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// By which a system says the language of its user, the strongest first (POSIX, section 8.2).
const LOCALE_VARIABLES: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// Write a report on a user's trouble, for a ticket: what happened, who was in the mailbox, why
#[derive(Args, Debug)]
#[command(after_help = "\
It asks the running popgate. Without --at and --entry the report is about the last login that did
not end well.

Example, \"it did not work yesterday at two\":
  popgate report ann@example.com --at '2026-11-27 14:00' --svg ann.svg

Example, one that got in after a wait, by its ENTRY in `popgate history ann@example.com`:
  popgate report ann@example.com --entry 812")]
pub(super) struct ReportArgs {
    /// The login, as the mail program sends it
    #[arg(value_name = "USER")]
    user: String,
    /// When it was: `14:00`, `2h` (ago), `2026-11-27 14:00`, or as in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    at: Option<Timestamp>,
    /// The login of this entry of the history, however it ended: ENTRY in `popgate history`
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    entry: Option<u64>,
    /// Look at logins from this time on [default: a week ago]
    #[arg(long, value_name = "TIME", value_parser = when::time)]
    since: Option<Timestamp>,
    /// Language: en, de, pt or vi [default: that of the environment, else en]
    #[arg(long, value_name = "LANGUAGE", value_parser = language)]
    lang: Option<Language>,
    /// Write the report to this file, which only its owner can read [default: standard output]
    #[arg(long, value_name = "FILE.txt")]
    output: Option<PathBuf>,
    /// Write the picture of the time around to this file
    #[arg(long, value_name = "FILE.svg")]
    svg: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long)]
    force: bool,
    /// The listener that the client connects to; matters for a login without a domain
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// The server name that the client sends in TLS; matters for a login without a domain
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    #[command(flatten)]
    target: GateArgs,
}

impl ReportArgs {
    pub(super) fn run(&self) -> ExitStatus {
        let done = self.ask().and_then(|report| self.write(&report));
        done.unwrap_or_else(|failure| failure.tell())
    }

    fn ask(&self) -> Result<ReportInfo, Failure> {
        let path = format!("/users/{}/report", percent_encoded(&self.user));
        self.target.client()?.get(&path, &self.query())
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let at = self.at.map(|at| at.to_string());
        let entry = self.entry.map(|id| id.to_string());
        let since = self.since.map(|since| since.to_string());
        let language = self.lang.or_else(of_environment);
        let lang = language.map(|it| it.as_str().to_owned());
        conditions(&[
            ("at", at.as_ref()),
            ("entry", entry.as_ref()),
            ("since", since.as_ref()),
            ("lang", lang.as_ref()),
            ("listener", self.listener.as_ref()),
            ("server_name", self.server_name.as_ref()),
        ])
    }

    /// The picture first: where it cannot be written, no text is there without it.
    fn write(&self, report: &ReportInfo) -> Result<ExitStatus, Failure> {
        match (&self.svg, &report.timeline_svg) {
            (Some(file), Some(svg)) => self.save(file, svg)?,
            (Some(file), None) => {
                let why = format!("{}: not written: there is no login to draw", file.display());
                return Err(Failure::new(ExitStatus::Unavailable, why));
            }
            (None, _) => {}
        }
        let Some(file) = &self.output else {
            return Ok(print(report.text.trim_end(), ExitStatus::Done));
        };
        self.save(file, &report.text)?;
        Ok(ExitStatus::Done)
    }

    fn save(&self, file: &Path, text: &str) -> Result<(), Failure> {
        save(file, text, self.force).map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::AlreadyExists => "\nhint: --force overwrites it",
                _ => "",
            };
            Failure::usage(format!("{}: {error}{hint}", file.display()))
        })
    }
}

/// For its owner alone: it says when somebody reads mail, and from where.
fn save(file: &Path, text: &str, overwrite: bool) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    match overwrite {
        true => options.create(true).truncate(true),
        false => options.create_new(true),
    };
    let mut file = options.open(file)?;
    // One that was there has the mode that it had.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

fn language(text: &str) -> Result<Language, String> {
    Language::named(text).ok_or_else(|| {
        let known: Vec<_> = Language::ALL.iter().map(|it| it.as_str()).collect();
        format!("the languages are: {}", known.join(", "))
    })
}

/// The first variable that is set decides, also where reports do not have its language.
fn of_environment() -> Option<Language> {
    let locale = LOCALE_VARIABLES
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    Language::of_locale(&locale?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        report: ReportArgs,
    }

    fn parsed(options: &[&str]) -> Result<ReportArgs, clap::Error> {
        let line = [&["popgate", "ann"], options].concat();
        <Line as clap::Parser>::try_parse_from(line).map(|line| line.report)
    }

    #[test]
    fn an_entry_is_asked_for_by_its_number_and_in_place_of_a_time() {
        let query = parsed(&["--entry", "812"]).unwrap().query();
        assert!(query.contains(&("entry", "812".to_owned())), "{query:?}");
        assert!(!query.iter().any(|(name, _)| *name == "at"), "{query:?}");
        assert!(parsed(&["--entry", "812", "--at", "14:00"]).is_err());
    }
}
