//! Tenants: whose login it is and which limits follow.

use super::alias::Aliases;
use super::rules::{PollMode, Rules, SharingRules};
use crate::ids::{BackendName, ListenerName, MaildropKey, TenantName, UserName};
use crate::str_enum::str_enum;
use crate::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

/// Who may send a password without TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cleartext {
    /// Nobody.
    #[default]
    Never,
    /// Clients from `[server] trusted_networks`.
    Trusted,
    /// Everybody.
    Always,
}

/// The limits of one tenant, or of one user of it, with the defaults filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoginPolicy {
    /// Its name, which is also its metric label.
    pub name: TenantName,
    /// The backends that may hold its maildrops, in order of preference; never empty.
    pub backends: Arc<[BackendName]>,
    /// Who may send a password without TLS.
    pub cleartext: Cleartext,
    /// From PASS to the end of all waiting, `login_reserve` of the backend included.
    pub wait: Duration,
    /// Waiters for one maildrop, in each lane.
    pub queue: usize,
    /// How long a holder may be idle while somebody waits; `None`: for ever.
    pub preempt_idle: Option<Duration>,
    /// How long a client may be silent.
    pub idle_timeout: Duration,
    /// Whether ASCII case is folded in maildrop names.
    pub fold_case: bool,
    /// What is added to a login without a domain, for the lock's key only.
    pub default_domain: Option<String>,
    /// What turns the forms of a login into one, for the lock's key only.
    pub aliases: Arc<Aliases>,
    /// Whether its sessions may stand on listings.
    pub sharing: SharingRules,
    /// Polls, connections, failures and blocks.
    pub rules: Rules,
    /// Which table of the configuration says each of them.
    pub origins: LimitOrigins,
}

/// Which table of the configuration says a limit: a bit for each, by its place in the order in
/// which the limits are declared. (A list of places in the file would be larger than the limits.)
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitOrigins {
    /// Those that the user's table says.
    pub user: u64,
    /// Those that the tenant's table says.
    pub tenant: u64,
    /// Those that `[defaults]` says.
    pub defaults: u64,
}

impl PartialEq for LimitOrigins {
    /// A limit that only moved to another table is the same: a reload changes nothing.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LimitOrigins {}

impl LimitOrigins {
    /// Which table says the limit at `place`.
    #[must_use]
    pub fn of(self, place: usize) -> LimitOrigin {
        let says = |table: u64| table >> place & 1 == 1;
        if says(self.user) {
            LimitOrigin::User
        } else if says(self.tenant) {
            LimitOrigin::Tenant
        } else if says(self.defaults) {
            LimitOrigin::Defaults
        } else {
            LimitOrigin::BuiltIn
        }
    }
}

str_enum! {
    /// Which table of the configuration says a limit.
    LimitOrigin {
        /// A `[[tenant.user]]`.
        User = "user",
        /// A `[[tenant]]`.
        Tenant = "tenant",
        /// `[defaults]`.
        Defaults = "defaults",
        /// None does.
        BuiltIn = "built-in",
    }
}

impl LoginPolicy {
    /// What is locked for a login of this tenant: the name with its ends trimmed, ASCII case
    /// folded if `fold_case`, `aliases` applied, and `default_domain` added where it then has no
    /// domain.
    #[must_use]
    pub fn key(&self, login: &UserName) -> MaildropKey {
        self.traced_key(login).0
    }

    /// The same, and which entries of `aliases` made it, counted from 0.
    #[must_use]
    pub fn traced_key(&self, login: &UserName) -> (MaildropKey, Vec<usize>) {
        let mut name = login.as_bytes().trim_ascii().to_vec();
        if self.fold_case {
            name.make_ascii_lowercase();
        }
        let (name, entries) = self.aliases.trace(&name);
        // What an alias made is treated as what was typed.
        let mut name = name.trim_ascii().to_vec();
        if let Some(domain) = &self.default_domain
            && !name.contains(&b'@')
        {
            name.push(b'@');
            name.extend_from_slice(domain.as_bytes());
        }
        if self.fold_case {
            name.make_ascii_lowercase();
        }
        let key = MaildropKey::new(&self.backends, &UserName::new(&name));
        (key, entries)
    }

    /// The name of the maildrop in lower case, by which a login's own limits are found: all forms
    /// of one maildrop must have one set of limits, since other backends would be another lock.
    #[must_use]
    pub fn canonical(&self, login: &[u8]) -> Vec<u8> {
        fold(self.key(&UserName::new(login)).maildrop().as_bytes())
    }

    /// The least time between two logins, where one that comes sooner is refused.
    #[must_use]
    pub fn login_delay(&self) -> Option<Duration> {
        let polls = &self.rules.polls;
        (polls.mode == PollMode::Refuse).then(|| polls.login_delay())
    }
}

/// One tenant and the exceptions of its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantEntry {
    /// What holds for a user that the map below does not have.
    pub tenant: Arc<LoginPolicy>,
    /// By the user's name in lower case, in each form that the configuration gives it.
    pub users: HashMap<Vec<u8>, Arc<LoginPolicy>>,
}

impl TenantEntry {
    /// The limits of `user`, who may have his own, by the name as typed or by its maildrop's.
    #[must_use]
    pub fn limits(&self, user: &[u8]) -> &Arc<LoginPolicy> {
        if self.users.is_empty() {
            return &self.tenant;
        }
        let own = self.users.get(user);
        let own = own.or_else(|| self.users.get(&self.tenant.canonical(user)));
        own.unwrap_or(&self.tenant)
    }

    /// The longest of its tenant and its users.
    fn login_delay(&self) -> Option<Duration> {
        self.users
            .values()
            .chain([&self.tenant])
            .filter_map(|tenant| tenant.login_delay())
            .max()
    }
}

/// Finds the tenant of a login in constant time.
#[derive(Clone, Debug)]
pub struct TenantTable {
    entries: Vec<TenantEntry>,
    domains: HashMap<String, usize>,
    wildcards: HashMap<String, usize>,
    server_names: HashMap<String, usize>,
    listeners: HashMap<ListenerName, usize>,
    /// The longest time between two logins that somebody is refused for.
    login_delay: Option<Duration>,
}

/// What names a tenant, as one `[[tenant]]` says it.
#[derive(Clone, Debug, Default)]
pub struct TenantMatch {
    /// `example.com`, or `*.example.com` for every name below it.
    pub domains: Vec<String>,
    /// TLS server names, exact.
    pub server_names: Vec<String>,
    /// Listeners.
    pub listeners: Vec<ListenerName>,
    /// Users with limits of their own.
    pub users: Vec<(UserName, LoginPolicy)>,
}

/// What gives a login to its tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TenantClaim<'a> {
    /// Its domain.
    Domain(&'a str),
    /// A domain that its own is below: `*.` and this.
    Wildcard(&'a str),
    /// The TLS server name.
    ServerName(&'a str),
    /// The listener.
    Listener(&'a ListenerName),
    /// No tenant claims it, so it is the default one's.
    Nobody,
}

/// Whose a login is.
#[derive(Clone, Debug)]
pub struct Identity<'a> {
    /// The limits that hold for it.
    pub policy: &'a Arc<LoginPolicy>,
    /// Why it is that tenant's.
    pub claim: TenantClaim<'a>,
    /// What is locked for it.
    pub key: MaildropKey,
    /// The entries of `aliases` that made the maildrop's name of the login's, counted from 0.
    pub aliases: Vec<usize>,
}

impl TenantTable {
    /// A table in which every login belongs to `default`.
    #[must_use]
    pub fn new(default: LoginPolicy) -> Self {
        let login_delay = default.login_delay();
        let entry = TenantEntry {
            tenant: Arc::new(default),
            users: HashMap::new(),
        };
        Self {
            entries: vec![entry],
            domains: HashMap::new(),
            wildcards: HashMap::new(),
            server_names: HashMap::new(),
            listeners: HashMap::new(),
            login_delay,
        }
    }

    /// The longest time between two logins that somebody is refused for; `None` where nobody is.
    #[must_use]
    pub fn login_delay(&self) -> Option<Duration> {
        self.login_delay
    }

    /// Adds a tenant. The configuration has already refused names that two tenants claim;
    /// a tenant named as the default one replaces it.
    pub fn add(&mut self, tenant: LoginPolicy, matches: TenantMatch) {
        let users = matches
            .users
            .into_iter()
            .map(|(name, limits)| (fold(name.as_bytes()), Arc::new(limits)));
        let is_default = tenant.name == self.entries[0].tenant.name;
        let entry = TenantEntry {
            tenant: Arc::new(tenant),
            users: users.collect(),
        };
        let longest = entry.login_delay();
        let index = if is_default {
            self.entries[0] = entry;
            // What was said by the one that it replaces holds for nobody any more.
            self.login_delay = self
                .entries
                .iter()
                .map(TenantEntry::login_delay)
                .max()
                .flatten();
            0
        } else {
            self.login_delay = self.login_delay.max(longest);
            self.entries.push(entry);
            self.entries.len() - 1
        };
        for domain in matches.domains {
            match domain.strip_prefix("*.") {
                Some(parent) => self.wildcards.insert(parent.to_ascii_lowercase(), index),
                None => self.domains.insert(domain.to_ascii_lowercase(), index),
            };
        }
        for name in matches.server_names {
            self.server_names.insert(name.to_ascii_lowercase(), index);
        }
        for listener in matches.listeners {
            self.listeners.insert(listener, index);
        }
    }

    /// Whose a login is and what is locked for it. Sessions and `check --explain` ask here, so that
    /// the one cannot lock what the other does not say.
    #[must_use]
    pub fn identify(
        &self,
        login: &UserName,
        server_name: Option<&str>,
        listener: &ListenerName,
    ) -> Identity<'_> {
        let folded = fold(login.as_bytes());
        let (index, claim) = self.find(&folded, server_name, listener);
        let policy = self.entries[index].limits(&folded);
        let (key, aliases) = policy.traced_key(login);
        Identity {
            policy,
            claim,
            key,
            aliases,
        }
    }

    /// The limits of `user`: by the login's domain (exact, then `*.`), else by the TLS server
    /// name, else by the listener, else those of the default tenant.
    #[must_use]
    pub fn resolve(
        &self,
        user: &UserName,
        server_name: Option<&str>,
        listener: &ListenerName,
    ) -> &Arc<LoginPolicy> {
        let user = fold(user.as_bytes());
        let (index, _) = self.find(&user, server_name, listener);
        self.entries[index].limits(&user)
    }

    /// The tenant whose listener it is, before anybody said a name: it decides what CAPA says.
    #[must_use]
    pub fn of_listener(
        &self,
        server_name: Option<&str>,
        listener: &ListenerName,
    ) -> &Arc<LoginPolicy> {
        &self.entries[self.index_by_connection(server_name, listener)].tenant
    }

    /// All tenants, the default one first.
    pub fn tenants(&self) -> impl Iterator<Item = &Arc<LoginPolicy>> {
        self.entries.iter().map(|entry| &entry.tenant)
    }

    /// All tenants with their users, the default one first; the indices below are into this.
    #[must_use]
    pub fn entries(&self) -> &[TenantEntry] {
        &self.entries
    }

    /// What is claimed, in no order, and the index of the tenant that claims it.
    pub fn claims(&self) -> impl Iterator<Item = (TenantClaim<'_>, usize)> {
        let domains = self
            .domains
            .iter()
            .map(|(it, at)| (TenantClaim::Domain(it), *at));
        let wildcards = self
            .wildcards
            .iter()
            .map(|(it, at)| (TenantClaim::Wildcard(it), *at));
        let names = self
            .server_names
            .iter()
            .map(|(it, at)| (TenantClaim::ServerName(it), *at));
        let listeners = self
            .listeners
            .iter()
            .map(|(it, at)| (TenantClaim::Listener(it), *at));
        domains.chain(wildcards).chain(names).chain(listeners)
    }

    /// The index of the tenant that a login with this domain belongs to.
    #[must_use]
    pub fn index_by_domain(&self, domain: &str) -> usize {
        self.by_domain(domain).map_or(0, |(index, _)| index)
    }

    /// The index of the tenant that a login without a domain belongs to.
    #[must_use]
    pub fn index_by_connection(&self, server_name: Option<&str>, listener: &ListenerName) -> usize {
        self.by_connection(server_name, listener)
            .map_or(0, |(index, _)| index)
    }

    fn find(
        &self,
        user: &[u8],
        server_name: Option<&str>,
        listener: &ListenerName,
    ) -> (usize, TenantClaim<'_>) {
        let claimed = match domain_of(user) {
            Some(domain) => self.by_domain(domain),
            None => self.by_connection(server_name, listener),
        };
        claimed.unwrap_or((0, TenantClaim::Nobody))
    }

    fn by_domain(&self, domain: &str) -> Option<(usize, TenantClaim<'_>)> {
        if let Some((domain, &index)) = self.domains.get_key_value(domain) {
            return Some((index, TenantClaim::Domain(domain)));
        }
        domain
            .match_indices('.')
            .map(|(dot, _)| &domain[dot + 1..])
            .find_map(|parent| {
                let (parent, &index) = self.wildcards.get_key_value(parent)?;
                Some((index, TenantClaim::Wildcard(parent)))
            })
    }

    fn by_connection(
        &self,
        server_name: Option<&str>,
        listener: &ListenerName,
    ) -> Option<(usize, TenantClaim<'_>)> {
        let by_name = server_name
            .map(str::to_ascii_lowercase)
            .and_then(|name| self.server_names.get_key_value(&name));
        if let Some((name, &index)) = by_name {
            return Some((index, TenantClaim::ServerName(name)));
        }
        let (listener, &index) = self.listeners.get_key_value(listener)?;
        Some((index, TenantClaim::Listener(listener)))
    }
}

/// What is behind the last `@`; none where that is empty or no text.
#[must_use]
pub fn domain_of(user: &[u8]) -> Option<&str> {
    let at = memchr::memrchr(b'@', user)?;
    std::str::from_utf8(&user[at + 1..])
        .ok()
        .filter(|domain| !domain.is_empty())
}

fn fold(user: &[u8]) -> Vec<u8> {
    user.trim_ascii().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> LoginPolicy {
        LoginPolicy::standard(name)
    }

    fn table() -> TenantTable {
        let mut table = TenantTable::new(tenant("default"));
        let matches = TenantMatch {
            domains: vec!["Example.com".into(), "*.example.org".into()],
            server_names: vec!["mail.example.net".into()],
            listeners: vec![ListenerName::new("inside")],
            users: vec![(UserName::new(b"boss@example.com"), tenant("example/boss"))],
        };
        table.add(tenant("example"), matches);
        table
    }

    fn key(user: &str, domain: Option<&str>, fold_case: bool) -> String {
        let policy = LoginPolicy {
            default_domain: domain.map(str::to_owned),
            fold_case,
            ..tenant("default")
        };
        policy.key(&UserName::new(user.as_bytes())).to_string()
    }

    #[test]
    fn spellings_of_one_maildrop_share_a_key() {
        assert_eq!(key(" Ann@Example.COM ", None, true), "ann@example.com");
        assert_eq!(key("ann", Some("example.com"), true), "ann@example.com");
        assert_eq!(key("Ann", None, false), "Ann");
    }

    #[test]
    fn spellings_of_a_name_that_is_kept_short_share_a_key() {
        let long = |end: &str| "n".repeat(4_000) + end;
        let kept = key(&long("@Example.com"), None, true);
        assert_eq!(key(&(long("@example.com") + " "), None, true), kept);
        assert_eq!(key(&kept, None, false), kept);
    }

    fn who(user: &str, server_name: Option<&str>, listener: &str) -> String {
        let table = table();
        let user = UserName::new(user.as_bytes());
        table
            .resolve(&user, server_name, &ListenerName::new(listener))
            .name
            .to_string()
    }

    #[test]
    fn the_domain_decides_before_name_and_listener() {
        assert_eq!(who("ann@EXAMPLE.com", None, "l"), "example");
        assert_eq!(who("ann@a.b.example.org", None, "l"), "example");
        assert_eq!(who("ann@example.org", None, "l"), "default");
        assert_eq!(
            who("ann@else.net", Some("mail.example.net"), "inside"),
            "default"
        );
    }

    #[test]
    fn a_login_without_domain_follows_the_connection() {
        assert_eq!(who("ann", Some("MAIL.example.net"), "l"), "example");
        assert_eq!(who("ann", None, "inside"), "example");
        assert_eq!(who("ann", None, "l"), "default");
    }

    #[test]
    fn what_is_locked_is_derived_by_the_policy_of_the_login() {
        let inside = LoginPolicy {
            default_domain: Some("inside.example".to_owned()),
            ..tenant("inside")
        };
        let belongings = TenantMatch {
            listeners: vec![ListenerName::new("l")],
            ..TenantMatch::default()
        };
        let mut table = TenantTable::new(tenant("default"));
        table.add(inside, belongings);
        let locked = |listener: &str| {
            let listener = ListenerName::new(listener);
            let identity = table.identify(&UserName::new(b"Ann"), None, &listener);
            assert_eq!(identity.key, identity.policy.key(&UserName::new(b"Ann")));
            identity.key.to_string()
        };
        assert_eq!(locked("l"), "ann@inside.example");
        assert_eq!(locked("elsewhere"), "ann");
    }

    #[test]
    fn a_claim_is_what_gave_the_login_to_its_tenant() {
        let table = table();
        let claim = |user: &str, server_name, listener: &str| {
            let (user, listener) = (UserName::new(user.as_bytes()), ListenerName::new(listener));
            format!("{:?}", table.identify(&user, server_name, &listener).claim)
        };
        assert_eq!(
            claim("ann@EXAMPLE.com", None, "l"),
            r#"Domain("example.com")"#
        );
        assert_eq!(
            claim("ann@a.b.example.org", None, "l"),
            r#"Wildcard("example.org")"#
        );
        assert_eq!(
            claim("ann", Some("MAIL.example.net"), "inside"),
            r#"ServerName("mail.example.net")"#
        );
        assert_eq!(claim("ann", None, "inside"), r#"Listener("inside")"#);
        assert_eq!(claim("ann@else.net", None, "inside"), "Nobody");
    }

    #[test]
    fn the_longest_login_delay_is_of_those_that_somebody_is_in() {
        let refusing = |name: &str, seconds| {
            let mut tenant = tenant(name);
            tenant.rules.polls.mode = PollMode::Refuse;
            tenant.rules.polls.maildrop.every = Duration::from_secs(seconds);
            tenant
        };
        let mut table = TenantTable::new(refusing("default", 600));
        assert_eq!(table.login_delay(), Some(Duration::from_secs(600)));
        let users = vec![(UserName::new(b"boss"), refusing("example", 120))];
        let matches = TenantMatch {
            users,
            ..TenantMatch::default()
        };
        table.add(refusing("example", 60), matches);
        table.add(tenant("default"), TenantMatch::default());
        assert_eq!(table.login_delay(), Some(Duration::from_secs(120)));
    }

    #[test]
    fn a_user_may_have_limits_of_his_own() {
        assert_eq!(who("Boss@example.com", None, "l"), "example/boss");
    }
}
