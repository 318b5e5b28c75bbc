//! Which settings follow from the findings: pure.

use super::finding::{Finding, time};
use super::seen::{Attempt, Line, Unreached};
use crate::backend::BackendOptions;
use crate::dialect::{Class, classify};
use crate::limits::{LOGIN_TIMEOUT, WAIT_MAX};
use crate::pop3::reply::{ReplyTo, StatusLine};
use crate::time::Duration;
use std::fmt;

/// A login that is quicker needs no reserve to speak of.
const SLOW_LOGIN: Duration = Duration::from_secs(1);

/// The tenant's settings that belong to a backend's: of several tenants the tightest. Nobody's
/// are without a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// `wait`.
    pub wait: Duration,
    /// `preempt_idle`.
    pub preempt_idle: Option<Duration>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            wait: WAIT_MAX,
            preempt_idle: None,
        }
    }
}

/// A setting that should be changed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Which, and to what.
    pub setting: Setting,
    /// Why, in a few words.
    pub reason: String,
}

/// A key of the configuration with its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `tls = "stls"` of the backend.
    Stls,
    /// `capabilities` of the backend.
    Capabilities(Vec<String>),
    /// `phrases = { locked = … }` of the backend: all that there should be.
    LockedPhrases(Vec<String>),
    /// `connections` of the backend.
    Connections(usize),
    /// `preconnect = false` of the backend.
    NoPreconnect,
    /// `login_timeout` of the backend.
    LoginTimeout(Duration),
    /// `login_reserve` of the backend.
    LoginReserve(Duration),
    /// `wait` of the tenants.
    Wait(Duration),
}

impl Setting {
    /// Whether it belongs to `[defaults]` or a `[[tenant]]`, and not to the `[[backend]]`.
    #[must_use]
    pub fn is_of_tenants(&self) -> bool {
        matches!(self, Self::Wait(_))
    }
}

impl fmt::Display for Setting {
    /// As a line of TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stls => f.write_str("tls = \"stls\""),
            Self::Capabilities(lines) => write!(f, "capabilities = {}", strings(lines)),
            Self::LockedPhrases(phrases) => {
                write!(f, "phrases = {{ locked = {} }}", strings(phrases))
            }
            Self::Connections(most) => write!(f, "connections = {most}"),
            Self::NoPreconnect => f.write_str("preconnect = false"),
            Self::LoginTimeout(value) => write!(f, "login_timeout = \"{}s\"", value.as_secs()),
            Self::LoginReserve(value) => write!(f, "login_reserve = \"{}s\"", value.as_secs()),
            Self::Wait(value) => write!(f, "wait = \"{}s\"", value.as_secs()),
        }
    }
}

fn strings(texts: &[String]) -> String {
    let texts = texts
        .iter()
        .map(|text| toml::Value::from(text.as_str()).to_string());
    format!("[{}]", texts.collect::<Vec<_>>().join(", "))
}

/// What follows from `findings`; nothing where the settings fit.
#[must_use]
pub fn advice(findings: &[Finding], options: &BackendOptions, terms: &Terms) -> Vec<Advice> {
    let mut advised: Vec<Advice> = Vec::new();
    for finding in findings {
        let setting = of_one(finding, options, findings);
        advised.extend(setting.map(|(setting, reason)| Advice { setting, reason }));
    }
    advised.dedup();
    let times = times(findings, options, terms).into_iter();
    advised.extend(times.map(|(setting, reason)| Advice { setting, reason }));
    advised
}

fn of_one(
    finding: &Finding,
    options: &BackendOptions,
    all: &[Finding],
) -> Option<(Setting, String)> {
    let (setting, reason) = match finding {
        Finding::InClear {
            stls: true,
            near: false,
        } => (Setting::Stls, "it has STLS"),
        Finding::NoCapa(_) => (
            Setting::Capabilities(assumed(all)),
            "it does not know CAPA; see whether it knows TOP",
        ),
        Finding::PipeliningLies(_) => (
            Setting::Capabilities(without_pipelining(options, all)),
            "all but PIPELINING, which is not true",
        ),
        Finding::LockMisread(line) => (
            Setting::LockedPhrases(taught(options, line)?),
            "what a second session is told",
        ),
        Finding::SecondTurnedAway(Unreached::TurnedAway(_) | Unreached::Failed(_)) => (
            Setting::Connections(1),
            "it takes one; better let it take more",
        ),
        Finding::SpareFailed(_) if options.preconnect => (
            Setting::NoPreconnect,
            "a connection that waits does not hold",
        ),
        _ => return None,
    };
    Some((setting, reason.to_owned()))
}

/// What a server without CAPA practically always knows, UIDL if it was seen.
fn assumed(all: &[Finding]) -> Vec<String> {
    let no_uidl = all
        .iter()
        .any(|finding| matches!(finding, Finding::NoUidl(_)));
    let names = ["TOP", "UIDL", "USER"].into_iter();
    let names = names.filter(|name| *name != "UIDL" || !no_uidl);
    names.map(str::to_owned).collect()
}

fn without_pipelining(options: &BackendOptions, all: &[Finding]) -> Vec<String> {
    let listed = all.iter().find_map(|finding| match finding {
        Finding::Capabilities { listed, .. } => Some(listed),
        _ => None,
    });
    let listed = options.capabilities.as_ref().or(listed);
    let listed = listed.into_iter().flatten();
    let others = listed.filter(|line| !line.trim().eq_ignore_ascii_case("PIPELINING"));
    others.cloned().collect()
}

/// The backend's phrases with the words of `line`, if popgate would then know them.
fn taught(options: &BackendOptions, line: &Line) -> Option<Vec<String>> {
    let text = StatusLine::parse(&line.text).text;
    let mut phrases = options.phrases.clone();
    phrases.locked.push(text.to_owned());
    let learned =
        !text.is_empty() && classify(ReplyTo::Pass, &line.text, &phrases) == Class::Locked;
    learned.then_some(phrases.locked)
}

/// Those that hang together: what a login takes, what is kept for it, and the wait around both.
fn times(findings: &[Finding], options: &BackendOptions, terms: &Terms) -> Vec<(Setting, String)> {
    let mut said = Vec::new();
    let login = login_time(findings);
    let told = format!("a login takes {}", time(login));
    let timeout = whole_seconds(login * 3).min(*LOGIN_TIMEOUT.end());
    if login * 2 > options.login_timeout && timeout > options.login_timeout {
        said.push((Setting::LoginTimeout(timeout), told.clone()));
    }
    let mut reserve = options.login_reserve;
    if login > reserve * 2 / 3 && login > SLOW_LOGIN {
        reserve = whole_seconds(login * 3 / 2);
        said.push((Setting::LoginReserve(reserve), told));
    }
    let linger = longest_lock(findings);
    let needed = terms.preempt_idle.unwrap_or_default() + linger + reserve;
    let needed = whole_seconds(needed).min(WAIT_MAX);
    let causes_it = reserve > options.login_reserve || !linger.is_zero();
    if needed > terms.wait && causes_it {
        let reason = "preempt_idle, the time until the lock goes, and login_reserve";
        said.push((Setting::Wait(needed), reason.to_owned()));
    }
    said
}

/// From the connection to the answer to PASS; nothing where no answer came.
fn login_time(findings: &[Finding]) -> Duration {
    let connect = findings.iter().find_map(|finding| match finding {
        Finding::Reached(reached) => Some(reached.connected + reached.greeted),
        _ => None,
    });
    let pass = findings.iter().find_map(|finding| match finding {
        Finding::LoggedIn { after, .. } => Some(*after),
        Finding::NotLoggedIn(Attempt::Silent(elapsed)) => Some(*elapsed),
        _ => None,
    });
    pass.map_or(Duration::ZERO, |pass| connect.unwrap_or_default() + pass)
}

fn longest_lock(findings: &[Finding]) -> Duration {
    let stays = findings.iter().filter_map(|finding| match finding {
        Finding::LockGone(_, elapsed) | Finding::LockStays(_, elapsed, _) => Some(*elapsed),
        _ => None,
    });
    stays.max().unwrap_or_default()
}

fn whole_seconds(duration: Duration) -> Duration {
    let up = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs() + up)
}
