//! Where and how it was measured.

use crate::options::Options;
use crate::parts::Site;
use crate::peers::Kind;
use std::fmt::Write as _;
use std::fs;

pub(crate) struct Surroundings {
    pub(crate) command: String,
    pub(crate) date: String,
    pub(crate) rounds: usize,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) kinds: Vec<Kind>,
    /// What each peer says of itself.
    pub(crate) versions: Vec<(Kind, String)>,
}

impl Surroundings {
    pub(crate) fn look(options: &Options, arguments: &[String], site: &Site) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let version = |kind: &Kind| Some((*kind, kind.version(&site.grounds)?));
        let versions = site.kinds.iter().filter_map(version);
        Self {
            command: command(arguments),
            date: date(),
            rounds: options.extent().rounds,
            processor: model
                .unwrap_or("unknown")
                .trim_start_matches([' ', '\t', ':'])
                .to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            kinds: site.kinds.clone(),
            versions: versions.collect(),
        }
    }

    pub(crate) fn text(&self) -> String {
        let Self {
            command,
            date,
            rounds,
            processor,
            cores,
            kernel,
            ..
        } = self;
        let mut text = format!(
            "`{command}` on {date}: rounds: {rounds}; {processor}, {cores} cores, Linux {kernel}.\n"
        );
        let versions = self.versions.iter();
        let versions = versions.map(|(kind, version)| format!("{} {version}", kind.title()));
        let versions: Vec<_> = versions.collect();
        let _ = writeln!(text, "Versions: {}.", versions.join("; "));
        text
    }
}

/// As it would be typed to measure the same again.
fn command(arguments: &[String]) -> String {
    let mut command = "tests/bench/peers".to_owned();
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--bench" | "--manual" => {}
            // Where files are on this machine says nothing to others.
            "--output" | "--popgate" => {
                arguments.next();
            }
            _ => command = format!("{command} {argument}"),
        }
    }
    command
}

fn date() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}
