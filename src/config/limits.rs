//! The limits of `[defaults]`, a tenant or a user: their ranges, how they inherit, and whether
//! they fit together.

use super::aliases::Lists;
use super::backends::LOGIN_RESERVE;
use super::checks::{bounded, or, require_some, within};
use super::error::{Fault, did_you_mean};
use super::file::{Backend, File};
use super::keys::Limits;
use super::mistakes::Faults;
use super::rules;
use super::value::{At, is_nowhere, is_refused};
use crate::backend::BackendOptions;
use crate::ids::{BackendName, TenantName};
use crate::limits::{IDLE_TIMEOUT, IDLE_TIMEOUT_ADVISED, PREEMPT_IDLE, QUEUE, WAIT_MAX};
use crate::policy::rules::Rules;
use crate::policy::tenant::{Cleartext, LoginPolicy};
use crate::time::Duration;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;

impl Limits {
    /// The backends that are named, and where.
    pub(super) fn named_backends(&self) -> Option<(Range<usize>, &[At<BackendName>])> {
        if let Some(one) = &self.backend {
            return Some((one.span.clone(), std::slice::from_ref(one)));
        }
        let list = self.backends.as_ref()?;
        Some((list.span(), list.get_ref()))
    }
}

/// Checks each value by itself, and refuses it where it is out of range.
fn check(limits: &mut Limits, faults: &mut Faults) {
    check_wait(&mut limits.wait, faults);
    within("queue", &mut limits.queue, &QUEUE, faults);
    let idle_timeout = &mut limits.idle_timeout;
    within("idle_timeout", idle_timeout, &IDLE_TIMEOUT, faults);
    check_preempt_idle(&mut limits.preempt_idle, faults);
    rules::check(limits, faults);
}

fn check_wait(wait: &mut Option<At<Duration>>, faults: &mut Faults) {
    if let Some(at) = wait
        && at.value > WAIT_MAX
    {
        let value = at.value;
        let message = format!("`wait` is {value:?}, and mail programs do not wait so long");
        let hint = format!("write at most \"{WAIT_MAX:?}\"");
        faults.note(Fault::new(at.span.clone(), message).hint(hint));
        at.refuse();
    }
}

fn check_preempt_idle(preempt_idle: &mut Option<At<Option<Duration>>>, faults: &mut Faults) {
    if let Some(at) = preempt_idle
        && let Some(value) = at.value
    {
        let span = at.span.clone();
        let idle = At { value, span };
        if bounded("preempt_idle", Some(&idle), &PREEMPT_IDLE, faults).is_none() {
            at.refuse();
        }
    }
}

/// Turns limits into a [`LoginPolicy`], with what it needs to know of the backends.
pub(super) struct LimitsResolver<'a> {
    file: &'a File,
    backends: HashMap<&'a BackendName, (&'a Backend, &'a BackendOptions)>,
    /// Each list of backends in use, and a tenant that has it.
    lists: BTreeMap<Vec<BackendName>, (Arc<[BackendName]>, TenantName)>,
    /// What is unwise, and whose limits are so.
    unwise: BTreeMap<String, Vec<TenantName>>,
    pub(super) longest_wait: Duration,
    /// What turns the forms of a login into one.
    pub(super) aliases: Lists<'a>,
    /// What holds where no table says anything.
    builtin: Rules,
}

impl<'a> LimitsResolver<'a> {
    pub(super) fn new(file: &'a File, backends: &'a [BackendOptions], faults: &mut Faults) -> Self {
        let tables = file
            .backend
            .iter()
            .map(|table| &**table.get_ref())
            .zip(backends);
        Self {
            file,
            backends: tables
                .map(|(table, options)| (&options.name, (table, options)))
                .collect(),
            lists: BTreeMap::new(),
            unwise: BTreeMap::new(),
            longest_wait: Duration::ZERO,
            aliases: Lists::new(file, faults),
            builtin: Rules::default(),
        }
    }

    /// Checks what one table says by itself; what is wrong in it is refused.
    pub(super) fn own(&self, mut limits: Limits, faults: &mut Faults) -> Limits {
        check(&mut limits, faults);
        self.check_backends(&limits, faults);
        limits
    }

    /// Checks that the backends that `limits` names by itself are there.
    fn check_backends(&self, limits: &Limits, faults: &mut Faults) {
        if let (Some(one), Some(list)) = (&limits.backend, &limits.backends)
            && !one.is_refused()
            && !is_nowhere(&list.span())
        {
            let message = "`backend` and `backends` are both given";
            faults.note(Fault::new(one.span.clone(), message).hint("write one of them"));
        }
        let mut seen = HashSet::new();
        if let Some(list) = &limits.backends {
            require_some(list, "backends", faults);
            for at in list.get_ref() {
                self.check_backend(at, faults);
                if !seen.insert(&at.value) {
                    let message = format!("`{}` stands here twice", at.value);
                    faults.note(Fault::new(at.span.clone(), message));
                }
            }
        }
        if let Some(one) = &limits.backend {
            self.check_backend(one, faults);
        }
    }

    /// One whose name cannot be read may be the one that is meant.
    fn check_backend(&self, at: &At<BackendName>, faults: &mut Faults) {
        let are_known = !self.backends.values().any(|(it, _)| it.name.is_refused());
        if !self.backends.contains_key(&at.value) && are_known {
            faults.note(self.unknown(at));
        }
    }

    fn unknown(&self, at: &At<BackendName>) -> Fault {
        let message = format!("there is no backend `{}`", at.value);
        let mut known: Vec<&str> = self.backends.keys().map(|name| name.as_str()).collect();
        known.sort_unstable();
        let hint = did_you_mean(at.value.as_str(), known.iter().copied());
        Fault::new(at.span.clone(), message)
            .hint(hint.unwrap_or_else(|| format!("known: {}", known.join(", "))))
    }

    /// The limits of `tenant`, or of one of its users, with those above them merged in. Those are
    /// checked again with them, and told of once.
    pub(super) fn resolve(
        &mut self,
        tenant: &TenantName,
        limits: &Limits,
        faults: &mut Faults,
    ) -> LoginPolicy {
        let resolved = LoginPolicy {
            name: tenant.clone(),
            backends: self.list(tenant, limits, faults),
            cleartext: or(limits.cleartext.as_ref(), Cleartext::Trusted),
            wait: or(limits.wait.as_ref(), Duration::from_secs(25)),
            queue: or(limits.queue.as_ref(), 16),
            preempt_idle: or(limits.preempt_idle.as_ref(), Some(Duration::from_secs(15))),
            idle_timeout: or(limits.idle_timeout.as_ref(), Duration::from_secs(600)),
            fold_case: or(limits.fold_case.as_ref(), true),
            default_domain: None,
            aliases: self.aliases.of_defaults(),
            rules: rules::resolve(limits, &self.builtin),
        };
        rules::check_together(limits, &resolved, faults);
        if !is_refused(&limits.wait) {
            self.longest_wait = self.longest_wait.max(resolved.wait);
            for name in &*resolved.backends {
                self.check_wait(name, limits, &resolved, faults);
            }
        }
        self.note_unwise(&resolved);
        resolved
    }

    /// Tenants with the same backends share one list.
    fn list(
        &mut self,
        tenant: &TenantName,
        limits: &Limits,
        faults: &mut Faults,
    ) -> Arc<[BackendName]> {
        let names: Vec<BackendName> = match limits.named_backends() {
            Some((_, list)) => list.iter().map(|at| at.value.clone()).collect(),
            None => self.only_backend(tenant, faults).into_iter().collect(),
        };
        if let Some((list, _)) = self.lists.get(&names) {
            return Arc::clone(list);
        }
        let list: Arc<[BackendName]> = Arc::from(names.as_slice());
        self.lists
            .insert(names, (Arc::clone(&list), tenant.clone()));
        list
    }

    fn only_backend(&self, tenant: &TenantName, faults: &mut Faults) -> Option<BackendName> {
        let tables = &self.file.backend;
        let first = &tables.first()?.get_ref().name.value;
        let Some(second) = tables.get(1) else {
            return Some(first.clone());
        };
        let defaults = self.file.defaults.as_ref().map(Spanned::span);
        let place = defaults.unwrap_or_else(|| second.get_ref().name.span.clone());
        let message = format!(
            "tenant `{tenant}` names none of the {} backends",
            tables.len()
        );
        let hint = format!("write [defaults] and below it backends = [\"{first}\", …]");
        faults.note_first(Fault::new(place, message).hint(hint));
        None
    }

    /// A wait that the reserve uses up would end before it began.
    fn check_wait(
        &self,
        name: &BackendName,
        limits: &Limits,
        resolved: &LoginPolicy,
        faults: &mut Faults,
    ) {
        let Some((table, options)) = self.backends.get(name) else {
            return;
        };
        let (wait, reserve) = (resolved.wait, options.login_reserve);
        let is_refused = |at: &At<_>| at.is_refused() || !LOGIN_RESERVE.contains(&at.value);
        if wait > reserve || table.login_reserve.as_ref().is_some_and(is_refused) {
            return;
        }
        let named = limits.named_backends().map(|(span, _)| span);
        let written = limits.wait.as_ref().or(table.login_reserve.as_ref());
        let span = written.map(|at| at.span.clone()).or(named);
        let message = format!(
            "`wait` ({wait:?}) of tenant `{}` is not above `login_reserve` ({reserve:?}) of \
             backend `{name}`",
            resolved.name
        );
        let hint = "nobody could wait: write a longer wait or a shorter login_reserve";
        faults.note_first(Fault::new(span.unwrap_or_default(), message).hint(hint));
    }

    fn note_unwise(&mut self, limits: &LoginPolicy) {
        let reserves = limits
            .backends
            .iter()
            .filter_map(|name| self.backends.get(name))
            .map(|(_, options)| options.login_reserve);
        let reserve = reserves.max().unwrap_or_default();
        let (wait, idle_timeout) = (limits.wait, limits.idle_timeout);
        let mut note = |sentence: String| {
            let names = self.unwise.entry(sentence).or_default();
            if names.last() != Some(&limits.name) {
                names.push(limits.name.clone());
            }
        };
        if let Some(idle) = limits.preempt_idle
            && idle + reserve > wait
        {
            note(format!(
                "preempt_idle ({idle:?}) + login_reserve ({reserve:?}) exceeds wait ({wait:?}), \
                 so waiters give up before an idle session is closed for them"
            ));
        }
        if idle_timeout < IDLE_TIMEOUT_ADVISED {
            note(format!(
                "idle_timeout ({idle_timeout:?}) is below the {IDLE_TIMEOUT_ADVISED:?} that RFC \
                 1939 asks for"
            ));
        }
        rules::unwise(limits, reserve).into_iter().for_each(note);
    }

    /// What is unwise, a sentence for all tenants that share it.
    pub(super) fn warnings(&self) -> Vec<String> {
        let unwise = self.unwise.iter();
        let mut warnings: Vec<String> = unwise
            .map(|(sentence, tenants)| format!("{}: {sentence}", whose(tenants)))
            .collect();
        warnings.extend(self.lists_that_overlap());
        warnings
    }

    /// The lock's key has the whole list in it.
    fn lists_that_overlap(&self) -> Vec<String> {
        let mut first_lists = HashMap::new();
        let mut warnings = Vec::new();
        for (list, (_, tenant)) in &self.lists {
            for backend in list {
                let (first, first_tenant) = *first_lists.entry(backend).or_insert((list, tenant));
                if first != list {
                    warnings.push(format!(
                        "backend `{backend}` is in different lists (tenants `{first_tenant}` and \
                         `{tenant}`): a maildrop that both can reach is locked apart in each"
                    ));
                }
            }
        }
        warnings
    }
}

/// `tenant `a``, or the first few of many.
pub(super) fn whose(tenants: &[TenantName]) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = tenants
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    let names = names.join(", ");
    match tenants {
        [_] => format!("tenant {names}"),
        _ if tenants.len() <= SHOWN => format!("tenants {names}"),
        _ => format!("tenants {names} and {} more", tenants.len() - SHOWN),
    }
}
