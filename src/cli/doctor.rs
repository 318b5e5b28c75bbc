//! `popgate doctor`: looks at each backend, and says which settings follow.

use super::engine::EngineFileError;
use super::serve::{no_core_dump, runtime};
use super::{ExitStatus, engine, print, refuse};
use crate::backend::BackendOptions;
use crate::cluster::engine::EngineReport;
use crate::config::{Config, ConfigErrors};
use crate::doctor;
use crate::doctor::advice::Terms;
use crate::doctor::finding::Severity;
use crate::doctor::observations::{AccountObservations, ProbeStep};
use crate::doctor::report::Report;
use crate::ids::{BackendName, UserName};
use crate::limits::{LOGIN_LENGTH_MAX, PASSWORD_FILE_MAX};
use crate::net::dial::TcpDial;
use crate::net::tls::TlsError;
use crate::policy::tenant::LoginPolicy;
use crate::pop3::sasl::Credentials;
use crate::secret::Secret;
use crate::time::Duration;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Probe the backends, and the engine of a cluster, and recommend settings
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  popgate doctor --config popgate.toml
  popgate doctor --config popgate.toml --user test --password-file FILE

Doctor opens up to 12 connections at a time for a moment. With a test account it logs in about
eight times, two sessions at a time, downloads the first message twice, and deletes nothing. Use an
account that no mail client reads, with a message that has just come. With --forms it logs in up to
nine more times, three seconds apart, with other forms of the name. The server counts unknown forms
as wrong passwords: make sure that it does not block this address for them. Where there is [cluster]
it tries each command that popgate gives the engine, on keys of its own, and removes them.

Exit codes: 0 no error, possibly warnings; 64 wrong usage or configuration (such as shareable = true
where that is wrong), or the engine will not do; 69 a backend or the engine cannot be reached, or
the account cannot log in")]
pub(super) struct DoctorArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The login of a test account
    #[arg(long, requires = "password_file", value_parser = login_name)]
    user: Option<String>,
    /// A file whose first line is the password of the test account
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
    /// Also try other forms of the login, such as ann%example.com: up to 9 more logins
    #[arg(long, requires = "user")]
    forms: bool,
    /// Output JSON
    #[arg(long)]
    json: bool,
}

/// Why the doctor cannot begin.
#[derive(Debug, thiserror::Error)]
enum DoctorError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error("{}: {why}", .file.display())]
    Password { file: PathBuf, why: String },
    #[error(transparent)]
    Engine(#[from] EngineFileError),
    #[error("backend `{backend}`: {source}")]
    Tls {
        backend: BackendName,
        source: TlsError,
    },
    #[error("the system refuses what popgate needs: {0}")]
    System(#[from] io::Error),
}

impl DoctorArgs {
    pub(super) fn run(&self) -> ExitStatus {
        match self.look() {
            Ok(seen) => self.tell(&seen),
            Err(error @ DoctorError::System(_)) => refuse(error, ExitStatus::Fault),
            Err(error) => refuse(error, ExitStatus::Usage),
        }
    }

    fn look(&self) -> Result<SeenByDoctor, DoctorError> {
        no_core_dump()?;
        let config = Config::load(&self.config)?;
        let account = self.account()?;
        runtime()?.block_on(async {
            Ok(SeenByDoctor {
                backends: examine_all(&config, account.as_ref(), self.forms).await?,
                engine: match &config.cluster {
                    Some(options) => Some(engine::examine(options).await?),
                    None => None,
                },
            })
        })
    }

    fn account(&self) -> Result<Option<Credentials>, DoctorError> {
        let (Some(user), Some(file)) = (&self.user, &self.password_file) else {
            return Ok(None);
        };
        let password = read_password(file).map_err(|why| DoctorError::Password {
            file: file.clone(),
            why,
        })?;
        let user = UserName::new(user.as_bytes());
        Ok(Some(Credentials::of_user(user, password)))
    }

    fn tell(&self, seen: &SeenByDoctor) -> ExitStatus {
        let exit = seen.exit();
        if self.json {
            let backends: Vec<_> = seen.backends.iter().map(Report::to_json).collect();
            let engine = seen.engine.as_ref().map(EngineReport::to_json);
            let ok = exit == ExitStatus::Done;
            let told = serde_json::json!({ "ok": ok, "backends": backends, "engine": engine });
            return print(told, exit);
        }
        let backends = seen.backends.iter().map(Report::to_string);
        let engine = seen.engine.iter().map(EngineReport::to_string);
        print(
            backends.chain(engine).collect::<Vec<_>>().join("\n\n"),
            exit,
        )
    }
}

/// All that was looked at.
struct SeenByDoctor {
    backends: Vec<Report>,
    /// `None`: the gate is alone.
    engine: Option<EngineReport>,
}

impl SeenByDoctor {
    fn is_only_misconfigured(&self) -> bool {
        self.backends
            .iter()
            .all(|it| it.severity() < Severity::Fault || it.is_only_misconfigured())
    }

    fn exit(&self) -> ExitStatus {
        match self.backends.iter().map(Report::severity).max() {
            Some(Severity::Fault) if self.is_only_misconfigured() => ExitStatus::Usage,
            Some(Severity::Fault) => ExitStatus::Unavailable,
            _ => self
                .engine
                .as_ref()
                .map_or(ExitStatus::Done, engine::exit_for),
        }
    }
}

/// One backend after the other. The account goes to those of its tenant, and to no other.
async fn examine_all(
    config: &Config,
    account: Option<&Credentials>,
    forms: bool,
) -> Result<Vec<Report>, DoctorError> {
    let own = account.map(|account| backends_of(config, &account.user));
    let bar = progress_bar(config.backends.len());
    let mut reports = Vec::new();
    for options in &config.backends {
        bar.set_prefix(options.name.to_string());
        let is_own = own.as_ref().is_some_and(|own| own.contains(&options.name));
        let account = account.filter(|_| is_own);
        let on_step = |step: ProbeStep| {
            bar.set_message(step.to_string());
            bar.inc(1);
        };
        let seen = doctor::examine(options, account, Arc::new(TcpDial), &on_step).await;
        let at_backend = |source| DoctorError::Tls {
            backend: options.name.clone(),
            source,
        };
        let mut seen = seen.map_err(at_backend)?;
        let is_in = seen
            .account
            .as_ref()
            .is_some_and(AccountObservations::is_in);
        if let Some(account) = account.filter(|_| forms && is_in)
            && let Some(tenant) = tenant_of(config, &account.user)
        {
            bar.set_message("other forms of the name");
            let tried = doctor::try_forms(options, account, tenant, Arc::new(TcpDial)).await;
            seen.forms = Some(tried.map_err(at_backend)?);
        }
        let terms = terms(config, options);
        reports.push(Report::new(&seen, options, &terms, Timestamp::now()));
    }
    bar.finish_and_clear();
    Ok(reports)
}

/// Where a program that comes to the first port is led.
fn backends_of(config: &Config, user: &UserName) -> Arc<[BackendName]> {
    let tenant = tenant_of(config, user);
    tenant.map_or_else(|| Arc::from([]), |tenant| Arc::clone(&tenant.backends))
}

fn tenant_of<'a>(config: &'a Config, user: &UserName) -> Option<&'a Arc<LoginPolicy>> {
    let listener = &config.listeners.first()?.name;
    Some(config.tenants.resolve(user, None, listener))
}

/// Of the tenants that use the backend, those of the least patient.
fn terms(config: &Config, options: &BackendOptions) -> Terms {
    let tenants = config.tenants.tenants();
    let tightest = tenants
        .filter(|tenant| tenant.backends.contains(&options.name))
        .min_by_key(|tenant| tenant.wait);
    tightest.map_or_else(Terms::default, |tenant| Terms {
        wait: tenant.wait,
        preempt_idle: tenant.preempt_idle,
    })
}

/// On a terminal; elsewhere nothing is drawn.
fn progress_bar(backends: usize) -> ProgressBar {
    let bar = ProgressBar::new((backends * ProbeStep::ALL.len()) as u64);
    let style = ProgressStyle::with_template("{spinner} {prefix}: {msg} … {elapsed}");
    // The template is a constant; without it the default one serves.
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// The first line of `file`, without its end.
fn read_password(file: &Path) -> Result<Secret, String> {
    let mut open = File::open(file).map_err(|error| format!("cannot be read: {error}"))?;
    let mode = open.metadata().map(|about| about.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o004 != 0) {
        let file = file.display();
        let warning = format!("warning: {file} can be read by everybody here: chmod 600 {file}");
        let _ = refuse(warning, ExitStatus::Done);
    }
    let mut text = Zeroizing::new(Vec::new());
    let read = (&mut open).take(PASSWORD_FILE_MAX).read_to_end(&mut text);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Err("its first line is empty; it must hold the password".to_owned());
    }
    if line.len() > LOGIN_LENGTH_MAX || line.iter().any(|b| [0, b'\r'].contains(b)) {
        return Err("its first line is not a password that POP3 can carry".to_owned());
    }
    Ok(Secret::new(line.to_vec()))
}

/// What can stand behind USER.
fn login_name(text: &str) -> Result<String, String> {
    let fits = (1..=LOGIN_LENGTH_MAX).contains(&text.len());
    let fits = fits && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or_else(|| {
        format!("a name without control characters, of at most {LOGIN_LENGTH_MAX} octets")
    })
}
