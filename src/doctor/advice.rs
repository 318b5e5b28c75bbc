//! Which settings follow from the findings: pure.

use super::finding::{Finding, Severity};
use super::observations::Attempt;
use super::remedy::{Remedy, remedy};
use super::wording::time;
use crate::backend::BackendOptions;
use crate::dialect::Phrases;
use crate::limits::{CONNECT_TIMEOUT, LOGIN_TIMEOUT, WAIT_MAX};
use crate::str_enum::str_enum;
use crate::time::Duration;
use std::fmt;
use std::mem::discriminant;

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
    pub setting: AdvisedSetting,
    /// Why, in a few words.
    pub reason: String,
}

/// A key of the configuration with its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdvisedSetting {
    /// `tls = "stls"` of the backend.
    Stls,
    /// `capabilities` of the backend.
    Capabilities(Vec<String>),
    /// `phrases` of the backend: all that there should be, since a table is set once.
    Phrases(Phrases),
    /// `connections` of the backend.
    Connections(usize),
    /// `preconnect = false` of the backend.
    NoPreconnect,
    /// `connect_timeout` of the backend.
    ConnectTimeout(Duration),
    /// `login_timeout` of the backend.
    LoginTimeout(Duration),
    /// `login_reserve` of the backend.
    LoginReserve(Duration),
    /// `shareable` of the backend.
    Shareable(bool),
    /// `wait` of the tenants.
    Wait(Duration),
    /// `aliases` of the tenants.
    Aliases(String),
    /// `default_domain` of the `[[tenant]]` whose logins these are.
    DefaultDomain(String),
    /// `fold_case` of the `[[tenant]]` whose login was tried in other case.
    FoldCase(bool),
}

str_enum! {
    /// A table of the configuration.
    SettingTable {
        /// The `[[backend]]` that was looked at.
        Backend = "backend",
        /// `[defaults]`, for all tenants.
        Defaults = "defaults",
        /// The `[[tenant]]` of the test account.
        Tenant = "tenant",
    }
}

impl AdvisedSetting {
    /// Which table of the configuration it belongs to.
    #[must_use]
    pub fn table(&self) -> SettingTable {
        match self {
            Self::Wait(_) => SettingTable::Defaults,
            // A tenant may have a list of its own, which replaces that of the defaults.
            Self::Aliases(_) | Self::DefaultDomain(_) | Self::FoldCase(_) => SettingTable::Tenant,
            _ => SettingTable::Backend,
        }
    }
}

impl fmt::Display for AdvisedSetting {
    /// As a line of TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stls => f.write_str("tls = \"stls\""),
            Self::Capabilities(lines) => write!(f, "capabilities = {}", strings(lines)),
            Self::Phrases(phrases) => write!(f, "phrases = {}", table(phrases)),
            Self::Connections(most) => write!(f, "connections = {most}"),
            Self::NoPreconnect => f.write_str("preconnect = false"),
            Self::ConnectTimeout(value) => write!(f, "connect_timeout = \"{}s\"", value.as_secs()),
            Self::LoginTimeout(value) => write!(f, "login_timeout = \"{}s\"", value.as_secs()),
            Self::LoginReserve(value) => write!(f, "login_reserve = \"{}s\"", value.as_secs()),
            Self::Aliases(list) => write!(f, "aliases = {list}"),
            Self::DefaultDomain(domain) => {
                write!(f, "default_domain = {}", toml::Value::from(domain.as_str()))
            }
            Self::Shareable(value) => write!(f, "shareable = {value}"),
            Self::FoldCase(value) => write!(f, "fold_case = {value}"),
            Self::Wait(value) => write!(f, "wait = \"{}s\"", value.as_secs()),
        }
    }
}

fn strings(texts: &[String]) -> String {
    let values: Vec<_> = texts
        .iter()
        .map(|text| toml::Value::from(text.as_str()).to_string())
        .collect();
    format!("[{}]", values.join(", "))
}

fn table(phrases: &Phrases) -> String {
    let lists = [
        ("locked", &phrases.locked),
        ("auth", &phrases.auth),
        ("temp", &phrases.temp),
    ];
    let entries: Vec<_> = lists
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(key, list)| format!("{key} = {}", strings(list)))
        .collect();
    format!("{{ {} }}", entries.join(", "))
}

/// What follows from `findings`; nothing where the settings fit.
#[must_use]
pub fn advice(findings: &[Finding], options: &BackendOptions, terms: &Terms) -> Vec<Advice> {
    let mut advised: Vec<Advice> = Vec::new();
    for finding in findings {
        let Remedy::Setting(setting, reason) = remedy(finding, options, findings) else {
            continue;
        };
        // TOML refuses a key that stands twice; the first finding is the one nearer the cause.
        let is_advised = advised
            .iter()
            .any(|advice| discriminant(&advice.setting) == discriminant(&setting));
        if !is_advised {
            advised.push(Advice {
                setting,
                reason: reason.to_owned(),
            });
        }
    }
    for (setting, reason) in times(findings, options, terms) {
        advised.push(Advice { setting, reason });
    }
    advised
}

/// Why a warning ends in no setting; `None` where it ends in one, or is no warning.
#[must_use]
pub fn why_none(
    finding: &Finding,
    findings: &[Finding],
    options: &BackendOptions,
    terms: &Terms,
) -> Option<&'static str> {
    if finding.severity() != Severity::Warn {
        return None;
    }
    match remedy(finding, options, findings) {
        Remedy::None(why) => Some(why),
        Remedy::Times if times(findings, options, terms).is_empty() => {
            Some("the waits of the configuration leave room for it")
        }
        Remedy::NotNeeded | Remedy::Setting(..) | Remedy::Times => None,
    }
}

/// Those that hang together: what a login takes, what is kept for it, and the wait around both.
fn times(
    findings: &[Finding],
    options: &BackendOptions,
    terms: &Terms,
) -> Vec<(AdvisedSetting, String)> {
    let mut said = Vec::new();
    let connect = connect_time(findings);
    // Three times what was seen: the next look may come at a busier hour.
    let patience = whole_seconds(connect * 3).min(*CONNECT_TIMEOUT.end());
    if connect * 2 > options.connect_timeout && patience > options.connect_timeout {
        let told = format!("it greets after {}", time(connect));
        said.push((AdvisedSetting::ConnectTimeout(patience), told));
    }
    let login = login_time(findings);
    let told = format!("a login takes {}", time(login));
    let timeout = whole_seconds(login * 3).min(*LOGIN_TIMEOUT.end());
    if login * 2 > options.login_timeout && timeout > options.login_timeout {
        said.push((AdvisedSetting::LoginTimeout(timeout), told.clone()));
    }
    let mut reserve = options.login_reserve;
    if login > reserve * 2 / 3 && login > SLOW_LOGIN {
        reserve = whole_seconds(login * 3 / 2);
        said.push((AdvisedSetting::LoginReserve(reserve), told));
    }
    let linger = longest_lock(findings);
    let needed = terms.preempt_idle.unwrap_or_default() + linger + reserve;
    let needed = whole_seconds(needed).min(WAIT_MAX);
    let causes_it = reserve > options.login_reserve || !linger.is_zero();
    if needed > terms.wait && causes_it {
        let reason = "preempt_idle, the time until the lock goes, and login_reserve";
        said.push((AdvisedSetting::Wait(needed), reason.to_owned()));
    }
    said
}

/// To the greeting, and to the end of TLS.
fn connect_time(findings: &[Finding]) -> Duration {
    let connect = findings.iter().find_map(|finding| match finding {
        Finding::Reached(reached) => Some(reached.connected + reached.greeted),
        _ => None,
    });
    connect.unwrap_or_default()
}

/// From the connection to the answer to PASS, as far as it was seen.
fn login_time(findings: &[Finding]) -> Duration {
    let pass = findings.iter().find_map(|finding| match finding {
        Finding::LoggedIn { after, .. } => Some(*after),
        Finding::NotLoggedIn(Attempt::Silent(elapsed)) => Some(*elapsed),
        _ => None,
    });
    connect_time(findings) + pass.unwrap_or_default()
}

fn longest_lock(findings: &[Finding]) -> Duration {
    findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::LockGone(_, elapsed) | Finding::LockStays(_, elapsed, _) => Some(*elapsed),
            _ => None,
        })
        .max()
        .unwrap_or_default()
}

fn whole_seconds(duration: Duration) -> Duration {
    let up = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs() + up)
}

#[cfg(test)]
mod tests {
    use super::super::finding::EndedBy;
    use super::super::observations::{ClassifiedLine, ObservedGreeting, Unreached};
    use super::*;
    use crate::dialect::Class;
    use crate::doctor::tests::backend;

    const TERMS: Terms = Terms {
        wait: Duration::from_secs(25),
        preempt_idle: Some(Duration::from_secs(15)),
    };

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn logged_in(after: f64) -> Finding {
        Finding::LoggedIn {
            after: seconds(after),
            tries: 1,
        }
    }

    fn misread(text: &str) -> Finding {
        Finding::LockMisread(ClassifiedLine {
            class: Class::Perm,
            text: text.to_owned(),
        })
    }

    fn failed() -> Unreached {
        Unreached::Failed("it closed".to_owned())
    }

    fn lists(names: &[&str]) -> Finding {
        Finding::Capabilities {
            listed: names.iter().map(|&name| name.to_owned()).collect(),
            offered: Vec::new(),
        }
    }

    fn reached(greeted: f64) -> Finding {
        Finding::Reached(ObservedGreeting {
            address: None,
            connected: Duration::ZERO,
            greeted: seconds(greeted),
            greeting: "+OK".to_owned(),
            tls: None,
        })
    }

    fn lines(findings: &[Finding], options: &BackendOptions) -> Vec<String> {
        let advised = advice(findings, options, &TERMS).into_iter();
        advised.map(|advice| advice.setting.to_string()).collect()
    }

    #[test]
    fn each_finding_has_its_setting() {
        let clear = |stls, near| Finding::InClear { stls, near };
        let lie = || Finding::PipeliningLies("STAT got no answer".to_owned());
        let no_capa = || Finding::NoCapa("-ERR".to_owned());
        let cases: [(&[Finding], &[&str]); 20] = [
            (
                &[Finding::CapaBroken("it closed".to_owned())],
                &[r#"capabilities = ["TOP", "UIDL"]"#],
            ),
            (
                &[lists(&["TOP", "SASL PLAIN"]), Finding::CapaBreaks],
                &[r#"capabilities = ["TOP", "SASL PLAIN"]"#],
            ),
            (
                &[lists(&["TOP", "UIDL"]), Finding::NoUidl("-ERR".to_owned())],
                &[r#"capabilities = ["TOP"]"#],
            ),
            (
                &[reached(16.0)],
                &[
                    "connect_timeout = \"48s\"",
                    "login_reserve = \"24s\"",
                    "wait = \"39s\"",
                ],
            ),
            (&[], &[]),
            (&[clear(true, false)], &["tls = \"stls\""]),
            (&[clear(true, true), clear(false, false)], &[]),
            (&[no_capa()], &[]),
            (
                &[no_capa(), Finding::NoUidl("-ERR".to_owned())],
                &[r#"capabilities = ["TOP"]"#],
            ),
            (
                &[lists(&["TOP", "PIPELINING", "SASL PLAIN"]), lie()],
                &[r#"capabilities = ["TOP", "SASL PLAIN"]"#],
            ),
            (
                &[misread("-ERR Postfach belegt")],
                &[r#"phrases = { locked = ["Postfach belegt"] }"#],
            ),
            // No phrase is stronger than such a code, and an empty one says nothing.
            (&[misread("-ERR [AUTH] Postfach belegt")], &[]),
            (&[misread("-ERR")], &[]),
            (&[Finding::SecondTurnedAway(failed())], &["connections = 1"]),
            (&[Finding::SpareFailed(failed())], &["preconnect = false"]),
            (&[logged_in(0.9), logged_in(30.0)], &[]),
            (&[logged_in(2.1)], &["login_reserve = \"4s\""]),
            (
                &[reached(6.0), logged_in(4.0)],
                &["login_reserve = \"15s\"", "wait = \"30s\""],
            ),
            (
                &[logged_in(31.0)],
                &[
                    "login_timeout = \"93s\"",
                    "login_reserve = \"47s\"",
                    "wait = \"55s\"",
                ],
            ),
            (
                &[Finding::LockGone(EndedBy::Quit, seconds(7.5))],
                &["wait = \"26s\""],
            ),
        ];
        for (findings, expected) in cases {
            assert_eq!(lines(findings, &backend()), expected, "{findings:?}");
        }
    }

    #[test]
    fn what_is_set_already_is_not_advised_again() {
        let mut set = backend();
        set.preconnect = false;
        set.login_reserve = seconds(12.0);
        set.phrases.locked = vec!["besetzt".to_owned()];
        assert_eq!(lines(&[Finding::SpareFailed(failed())], &set), [""; 0]);
        assert_eq!(lines(&[logged_in(8.0)], &set), [""; 0]);
        let phrases = r#"phrases = { locked = ["besetzt", "Postfach belegt"] }"#;
        assert_eq!(lines(&[misread("-ERR Postfach belegt")], &set), [phrases]);
    }

    #[test]
    fn other_phrases_of_the_operator_stay() {
        let mut set = backend();
        set.phrases.auth = vec!["Kennwort".to_owned()];
        set.phrases.temp = vec!["Wartung".to_owned()];
        let expected = r#"phrases = { locked = ["Postfach belegt"], auth = ["Kennwort"], temp = ["Wartung"] }"#;
        assert_eq!(lines(&[misread("-ERR Postfach belegt")], &set), [expected]);
    }
}
