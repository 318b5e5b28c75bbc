//! How the limits of `[defaults]`, a tenant and a user become one [`LoginPolicy`].

use super::aliases::AliasLists;
use super::checks::require_some;
use super::error::{Diagnostic, did_you_mean};
use super::limit_checks;
use super::mistakes::Diagnostics;
use super::schema::LimitTable;
use super::schema::limits::Limits;
use super::schema::tables::{BackendTable, File};
use super::sharing_checks::{self, Surroundings};
use super::value::duration_text;
use super::value::{At, is_nowhere, is_refused};
use crate::backend::BackendOptions;
use crate::ids::{BackendName, TenantName};
use crate::limits::IDLE_TIMEOUT_ADVISED;
use crate::policy::tenant::LoginPolicy;
use crate::time::Duration;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

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

impl Limits {
    /// These limits, and those of the table `above` where they say nothing. `backend` and
    /// `backends` are two ways to say one thing.
    pub(super) fn over(&self, above: &Self) -> Self {
        let names_backends = self.backend.is_some() || self.backends.is_some();
        let from = if names_backends { self } else { above };
        Self {
            backend: from.backend.clone(),
            backends: from.backends.clone(),
            ..self.merge(above)
        }
    }
}

/// Turns limits into a [`LoginPolicy`], with what it needs to know of the backends.
pub(super) struct LimitsResolver<'a> {
    file: &'a File,
    backends: HashMap<&'a BackendName, (&'a BackendTable, &'a BackendOptions)>,
    /// Each list of backends in use, and a tenant that has it.
    lists: BTreeMap<Vec<BackendName>, (Arc<[BackendName]>, TenantName)>,
    /// What is unwise, and whose limits are so.
    unwise: BTreeMap<String, Vec<TenantName>>,
    pub(super) longest_wait: Duration,
    /// What turns the forms of a login into one.
    pub(super) aliases: AliasLists<'a>,
    /// What all have in common before a limit is set.
    blank: LoginPolicy,
}

impl<'a> LimitsResolver<'a> {
    pub(super) fn new(
        file: &'a File,
        backends: &'a [BackendOptions],
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let aliases = AliasLists::new(file, diagnostics);
        Self {
            file,
            backends: file
                .backend
                .iter()
                .map(|table| &**table.get_ref())
                .zip(backends)
                .map(|(table, options)| (&options.name, (table, options)))
                .collect(),
            lists: BTreeMap::new(),
            unwise: BTreeMap::new(),
            longest_wait: Duration::ZERO,
            blank: LoginPolicy {
                aliases: aliases.of_defaults(),
                ..LoginPolicy::default()
            },
            aliases,
        }
    }

    /// Checks that the backends that one table of `limits` names are there.
    pub(super) fn check_backends(&self, limits: &Limits, diagnostics: &mut Diagnostics) {
        if let (Some(one), Some(list)) = (&limits.backend, &limits.backends)
            && !one.is_refused()
            && !is_nowhere(&list.span())
        {
            let message = "`backend` and `backends` are both given";
            diagnostics.note(Diagnostic::new(one.span.clone(), message).hint("write one of them"));
        }
        let mut seen = HashSet::new();
        if let Some(list) = &limits.backends {
            require_some(list, "backends", diagnostics);
            for at in list.get_ref() {
                self.check_backend(at, diagnostics);
                if !seen.insert(&at.value) {
                    let message = format!("`{}` stands here twice", at.value);
                    diagnostics.note(Diagnostic::new(at.span.clone(), message));
                }
            }
        }
        if let Some(one) = &limits.backend {
            self.check_backend(one, diagnostics);
        }
    }

    /// One whose name cannot be read may be the one that is meant.
    fn check_backend(&self, at: &At<BackendName>, diagnostics: &mut Diagnostics) {
        let are_known = !self.backends.values().any(|(it, _)| it.name.is_refused());
        if !self.backends.contains_key(&at.value) && are_known {
            diagnostics.note(self.unknown(at));
        }
    }

    fn unknown(&self, at: &At<BackendName>) -> Diagnostic {
        let message = format!("there is no backend `{}`", at.value);
        let mut known: Vec<&str> = self.backends.keys().map(|name| name.as_str()).collect();
        known.sort_unstable();
        let hint = did_you_mean(at.value.as_str(), known.iter().copied());
        Diagnostic::new(at.span.clone(), message)
            .hint(hint.unwrap_or_else(|| format!("known: {}", known.join(", "))))
    }

    /// The limits of `tenant`, or of one of its users, with those above them merged in. Those are
    /// checked again with them, and told of once.
    pub(super) fn resolve(
        &mut self,
        tenant: &TenantName,
        limits: &Limits,
        diagnostics: &mut Diagnostics,
    ) -> LoginPolicy {
        let mut resolved = LoginPolicy {
            name: tenant.clone(),
            backends: self.list(tenant, limits, diagnostics),
            ..self.blank.clone()
        };
        limits.apply(&mut resolved);
        limit_checks::check_together(limits, &resolved, diagnostics);
        if !is_refused(&limits.wait) {
            self.longest_wait = self.longest_wait.max(resolved.wait);
            for name in &*resolved.backends {
                self.check_wait(name, limits, &resolved, diagnostics);
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
        diagnostics: &mut Diagnostics,
    ) -> Arc<[BackendName]> {
        let names: Vec<BackendName> = match limits.named_backends() {
            Some((_, list)) => list.iter().map(|at| at.value.clone()).collect(),
            None => self.only_backend(tenant, diagnostics).into_iter().collect(),
        };
        if let Some((list, _)) = self.lists.get(&names) {
            return Arc::clone(list);
        }
        let list: Arc<[BackendName]> = Arc::from(names.as_slice());
        self.lists
            .insert(names, (Arc::clone(&list), tenant.clone()));
        list
    }

    fn only_backend(
        &self,
        tenant: &TenantName,
        diagnostics: &mut Diagnostics,
    ) -> Option<BackendName> {
        let tables = &self.file.backend;
        let first = &tables.first()?.get_ref().name.value;
        let Some(second) = tables.get(1) else {
            return Some(first.clone());
        };
        let place = match &self.file.defaults {
            Some(defaults) => defaults.span(),
            None => second.get_ref().name.span.clone(),
        };
        let message = format!(
            "tenant `{tenant}` names none of the {} backends",
            tables.len()
        );
        let hint = format!("write [defaults] and below it backends = [\"{first}\", …]");
        diagnostics.note_first(Diagnostic::new(place, message).hint(hint));
        None
    }

    /// A wait that the reserve uses up would end before it began.
    fn check_wait(
        &self,
        name: &BackendName,
        limits: &Limits,
        resolved: &LoginPolicy,
        diagnostics: &mut Diagnostics,
    ) {
        let Some((table, options)) = self.backends.get(name) else {
            return;
        };
        let wait = resolved.wait;
        let reserve = options.login_reserve;
        if wait > reserve || is_refused(&table.login_reserve) {
            return;
        }
        let named = limits.named_backends().map(|(span, _)| span);
        let written = limits.wait.as_ref().or(table.login_reserve.as_ref());
        let span = written.map(|at| at.span.clone()).or(named);
        let message = format!(
            "`wait` ({}) of tenant `{}` is not above `login_reserve` ({}) of \
             backend `{name}`",
            duration_text(wait),
            resolved.name,
            duration_text(reserve),
        );
        let hint = "nobody could wait: write a longer wait or a shorter login_reserve";
        diagnostics.note_first(Diagnostic::new(span.unwrap_or_default(), message).hint(hint));
    }

    fn note_unwise(&mut self, limits: &LoginPolicy) {
        let around = self.surroundings(limits);
        let reserve = around.reserve();
        let wait = limits.wait;
        let idle_timeout = limits.idle_timeout;
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
                "preempt_idle ({}) + login_reserve ({}) exceeds wait ({}), so waiters give up \
                 before an idle session is closed for them",
                duration_text(idle),
                duration_text(reserve),
                duration_text(wait),
            ));
        }
        if idle_timeout < IDLE_TIMEOUT_ADVISED {
            note(format!(
                "idle_timeout ({}) is below the {} that RFC 1939 asks for",
                duration_text(idle_timeout),
                duration_text(IDLE_TIMEOUT_ADVISED),
            ));
        }
        limit_checks::unwise(limits, reserve)
            .into_iter()
            .chain(sharing_checks::unwise(limits, &around))
            .for_each(note);
    }

    fn surroundings(&self, limits: &LoginPolicy) -> Surroundings<'a> {
        let names = limits.backends.iter();
        Surroundings {
            backends: names
                .filter_map(|name| self.backends.get(name))
                .map(|(_, options)| *options)
                .collect(),
        }
    }

    /// What is unwise, a sentence for all tenants that share it.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self
            .unwise
            .iter()
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
