//! The limits: what a tenant or a user may have of its own. A new one is a row here, and the field
//! of [`LoginPolicy`] that it names.

use super::super::aliases::AliasList;
use super::super::checks::{Allowed, within};
use super::super::mistakes::Diagnostics;
use super::super::short_form::{ShortForm, WordOrTable};
use super::super::value::{At, Section, Shown, plain};
use super::super::value_types::{Domain, DomainPattern};
use super::{Limit, LimitTable, SchemaTable, WrittenPlaces, assign};
use crate::ids::{BackendName, ListenerName, TenantName, UserName};
use crate::limits::{RETRY_MAX, SAME_PASSWORD_MAX, WAIT_MAX};
use crate::policy::rules::{BlockMode, PollMode, SharingMode};
use crate::policy::tenant::{Cleartext, LoginPolicy};
use crate::time::Duration;
use ipnet::IpNet;
use std::ops::RangeInclusive;
use toml::Spanned;

const DAY: u64 = 24 * HOUR;
const HOUR: u64 = 60 * 60;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Below a second it limits nothing; past a day it is a ban.
const POLL_EVERY: RangeInclusive<Duration> = seconds(1)..=seconds(DAY);

/// None would let nobody in; a thousand logins at once are no limit.
const POLL_BURST: RangeInclusive<u32> = 1..=1000;

/// Linux gives a process no more descriptors (`fs.nr_open`).
pub(in crate::config) const CONNECTIONS: RangeInclusive<usize> = 0..=1_048_576;

/// After 29 s some mail programs have given up, and would ask for the password as if no answer had
/// come.
const FAILURE_DELAY: RangeInclusive<Duration> = Duration::ZERO..=seconds(29);

/// [`OFFENCES_EACH_MAX`](crate::limits::OFFENCES_EACH_MAX) are remembered, and an address with a
/// thousand of them will have more.
const BLOCK_OFFENCES: RangeInclusive<u32> = 0..=1000;

/// Below a second it is no block; after a month the address may be somebody else's.
const BLOCK_DURATION: RangeInclusive<Duration> = seconds(1)..=seconds(30 * DAY);

/// Hands the limits to a macro of `declare.rs`, behind the table `$table` and the keys that it has
/// alone.
macro_rules! with_limits {
    ($declare:ident: $(#[doc = $words:literal])* $table:ident $({ $($own:tt)* })?) => {
        $declare! {
            $(#[doc = $words])*
            $table
            $({ $($own)* })?
            limits {
                /// Passwords without TLS: "never", "trusted" (from trusted_networks) or "always".
                cleartext: Cleartext = Cleartext::Trusted => cleartext;

                /// How long a mail client waits for its turn, counted from its password,
                /// login_reserve included. Some mail clients give up after 29s, and half within a
                /// minute; at most 55s.
                // Of 27 families of mail clients all wait 29 s for the answer to PASS. The lower
                // end is checked against login_reserve.
                wait: Duration = seconds(25), in Duration::ZERO..=WAIT_MAX,
                    because "mail clients do not wait that long" => wait;

                /// How many clients wait for one maildrop, in each lane (passwords that were right
                /// lately, and others).
                // With none, every second client would be refused, which is what popgate is there
                // to prevent; a thousand waiters for one maildrop are no household.
                queue: usize = 16, in 1..=1024 => queue;

                /// A session that is idle this long while another client waits is closed; nothing
                /// is deleted by that. "off": never.
                // Below a second a client that thinks between two commands would lose its session;
                // past an hour "off" says it better.
                preempt_idle: Option<Duration> = Some(seconds(15)), in seconds(1)..=seconds(HOUR)
                    => preempt_idle;

                /// A client may be silent this long. RFC 1939 asks for ten minutes.
                // Phones on slow lines pause for seconds; a session that is idle for a day holds a
                // lock that nobody uses.
                idle_timeout: Duration = seconds(600), in seconds(10)..=seconds(DAY)
                    => idle_timeout;

                /// Ann@Example.com and ann@example.com are one maildrop.
                fold_case: bool = true => fold_case;

                /// Where sharing lets a login in by itself, the listing, and the server's last +OK
                /// to the password, are at most this old: as late new mail and a changed password
                /// can show.
                // Below a second nobody would be let in; mail programs that look once an hour need
                // no more.
                fresh: Duration = seconds(60), in seconds(1)..=seconds(HOUR),
                    because "new mail and a changed password would not show for as long"
                    => sharing.fresh;

                /// Where sharing demotes, it does so with a session that has fetched nothing and is
                /// idle this long while another client waits. "off": after preempt_idle, as others.
                // Between STAT, LIST and UIDL mail programs pause for less.
                demote_idle: Option<Duration> = Some(seconds(5)), in seconds(1)..=seconds(HOUR)
                    => sharing.demote_idle;
            }
            inherited {
                /// Short for `backends` with one name.
                backend: Option<At<BackendName>>, e.g. r#"# "legacy""#;

                /// Backends that may hold the maildrops, in order of preference. Default: the only
                /// backend; with several they must be named.
                backends: Option<Spanned<Vec<At<BackendName>>>>, e.g. r#"["legacy"]"#;
            }
            tables {
                sharing: Sharing or mode;
                polls: Polls;
                connections: Connections;
                failures: Failures;
                blocks: Blocks;
            }
        }
    };
}

with_limits!(
    limits:
    /// What `[defaults]`, a tenant or a user says of the limits.
    Limits
);

limits! {
    /// Sessions in which nobody fetches or deletes need no mailbox, only its listing. A word alone
    /// stands for the mode: sharing = "shadow".
    Sharing
    limits {
        /// "off"; "shadow": what each login is shown of the mailbox is compared with what it was
        /// shown before, and counted, and nothing else changes; or "on": sessions may live on
        /// listings, at servers that are shareable.
        mode: SharingMode = SharingMode::Off => sharing.mode;

        /// A login whose wait is spent is let in on the listing that it was shown last, and not
        /// refused.
        end_of_wait: bool = true => sharing.end_of_wait;

        /// An idle session goes back to its listing while another client waits, and is not closed.
        demotion: bool = true => sharing.demotion;

        /// A login is let in on a listing that is fresh, and the server is not asked.
        let_in: bool = true => sharing.let_in;
    }
}

impl ShortForm for Sharing {
    type Word = SharingMode;
    const EXPECTED: &'static str = r#""off", "shadow" or "on", or { mode = "on", … }"#;

    fn of_word(mode: At<SharingMode>) -> Self {
        Self {
            mode: Some(mode),
            ..Self::default()
        }
    }
}

limits! {
    /// Clients that look for mail too often. One login each `every`, and `burst` at once: for the
    /// maildrop, and for the maildrop from each address (of IPv6: one /64).
    Polls
    limits {
        /// "off", "shadow" (count only), "delay" (hold them, for max_delay at most), "absorb" (let
        /// them in on a listing where sharing allows that; hold the others) or "refuse" (tell them
        /// so with [LOGIN-DELAY] where the password was right lately; hold the others).
        enforce: PollMode = PollMode::Delay => rules.polls.mode;

        /// The longest that a login is held.
        max_delay: Duration = seconds(5), in Duration::ZERO..=WAIT_MAX => rules.polls.max_delay;

        /// From one login to the maildrop to the next, in the long run.
        // Mail clients look every five minutes or more.
        every: Duration = seconds(60), in POLL_EVERY => rules.polls.maildrop.every;

        /// How many logins to the maildrop may come at once.
        // Six at once are set-up wizards and impatient people.
        burst: u32 = 6, in POLL_BURST => rules.polls.maildrop.burst;
    }
    tables {
        per_client: PerClient;
    }
}

limits! {
    /// The same for logins to the maildrop from one address.
    // It keeps one runaway client from the others' share.
    PerClient
    limits {
        /// From one login to the next, in the long run.
        every: Duration = seconds(30), in POLL_EVERY => rules.polls.client.every;

        /// How many may come at once.
        burst: u32 = 3, in POLL_BURST => rules.polls.client.burst;
    }
}

limits! {
    /// Most connections at a time; 0: no limit. Trusted networks have none.
    Connections
    limits {
        /// From one address (of IPv6: one /64).
        // An office behind one address has dozens of clients.
        per_address: usize = 200, in CONNECTIONS => rules.connections.per_address;

        /// Logins to one maildrop, waiting or logged in; those whose password was right lately, and
        /// others, apart.
        // As many as wait in a queue, and some that are held for polling.
        per_maildrop: usize = 32, in CONNECTIONS => rules.connections.per_maildrop;

        /// Logins of the whole tenant.
        per_tenant: usize = 0, in CONNECTIONS => rules.connections.per_tenant;
    }
}

limits! {
    /// What wrong passwords bring.
    Failures
    limits {
        /// The answer to a wrong password is held this long; it doubles with each other wrong
        /// password of the address.
        delay: Duration = seconds(1), in FAILURE_DELAY => rules.failures.delay;

        /// The longest that an answer is held.
        // Every mail client still listens after 15 s and the time that a backend takes.
        max_delay: Duration = seconds(15), in FAILURE_DELAY => rules.failures.max_delay;

        /// A password that the server refused this many times within ten minutes is refused from
        /// memory; 0: never.
        // Servers that lock an account do so after three to ten.
        same_password: u32 = 3, in 0..=SAME_PASSWORD_MAX => rules.failures.same_password;

        /// Of logins that are refused from memory, one in this time is tried at the server.
        // More often than mail clients come it would spare the backend nothing.
        retry: Duration = seconds(5 * 60), in seconds(10)..=RETRY_MAX => rules.failures.retry;
    }
}

limits! {
    /// Which offences of an address block it, and for how long; 0: no limit. A password that was
    /// right lately passes a block, and one login a minute is really tried. A connection that only
    /// ends is no offence.
    Blocks
    limits {
        /// "off", "shadow" (list only) or "block".
        enforce: BlockMode = BlockMode::Block => rules.blocks.mode;

        /// Different wrong passwords for one maildrop within `window`.
        // Nobody mistypes a password in ten different ways within an hour.
        passwords_per_maildrop: u32 = 10, in BLOCK_OFFENCES
            => rules.blocks.passwords_per_maildrop;

        /// Different wrong logins in all within `window`.
        // Many people may be behind one address.
        passwords_per_address: u32 = 50, in BLOCK_OFFENCES => rules.blocks.passwords_per_address;

        /// Abuses of the protocol within `window`.
        abuses: u32 = 10, in BLOCK_OFFENCES => rules.blocks.abuses;

        /// Logins to one maildrop on one day that met a limit or did not wait; the next one blocks
        /// that maildrop from there.
        passing_per_day: u32 = 5, in BLOCK_OFFENCES => rules.blocks.passing_per_day;

        /// How long wrong passwords and abuses are remembered.
        // Below a minute only machines are quick enough to be caught, and those wait it out; past a
        // day the mistakes of honest people add up.
        window: Duration = seconds(HOUR), in seconds(60)..=seconds(DAY) => rules.blocks.window;

        /// How long the first block lasts. For guessing it doubles each time; for the rest it stays
        /// so, and is 10 minutes at most.
        duration: Duration = seconds(10 * 60), in BLOCK_DURATION => rules.blocks.duration;

        /// The longest block.
        max_duration: Duration = seconds(DAY), in BLOCK_DURATION => rules.blocks.max_duration;
    }
}

with_limits!(
    table_with_limits:
    /// What each tenant has unless it says otherwise. Without tenants, all users are tenant
    /// "default".
    Defaults {
        others {
            /// Forms of a login that the server takes for one maildrop get one lock; the server
            /// still gets the login as typed. In order, each on what the one before it left:
            /// presets by name, and rules. A rule's `match` (a regular expression, as Rust's regex
            /// crate has it; by octets) must fit the whole login, its ends trimmed and in lower
            /// case where fold_case is true, before default_domain is added. Presets: "at-signs" (%
            /// # & $ / : for @, before what looks like a domain), "mailenable", "imail",
            /// "vpopmail", "xmail", "communigate", "cyrus", "solid-pop3d", "pop3lite", "cpanel"
            /// (ann+example.org), "exchange" (corp\ann, corp/ann/alias), "gmail"
            /// (recent:ann@gmail.com), "any-domain" (the server ignores the domain), "master-user"
            /// (ann*admin). Default: ["at-signs"]; [] for none.
            aliases: Option<AliasList>, e.g. r#"["at-signs"]"#;
        }
    }
);

with_limits!(
    table_with_limits:
    /// A tenant: the logins that belong to it, and its limits. Any key of [defaults] may stand in
    /// it; inline tables change key by key.
    WrittenTenant {
        required {
            /// Stands in metrics and log lines.
            name: At<TenantName>, e.g. r#""example""#;
        }
        others {
            /// Logins of these domains. "*.example.org" is all below example.org, itself left out.
            domains: Vec<At<DomainPattern>>, e.g. r#"["example.com", "*.example.org"]"#;

            /// Logins without a domain, by the server name that the client asked for in TLS ...
            server_names: Vec<At<Domain>>, e.g. r#"["pop.example.com"]"#;

            /// ... or else by the port that it connected to.
            listeners: Vec<At<ListenerName>>, e.g. r#"["behind-balancer"]"#;

            /// "ann" and "ann@example.com" are one maildrop. Default: none.
            default_domain: Option<At<Domain>>, e.g. r#""example.com""#;

            /// Takes the place of the list in [defaults].
            aliases: Option<AliasList>,
                e.g. r#"["exchange", "at-signs", { match = 'info|office', to = "contact" }]"#;

            /// Networks whose logins `polls` never limits: an office of many people behind one
            /// address. Default: none.
            allow_burst_from: Option<Vec<At<IpNet>>>,
                e.g. r#"["198.51.100.7", "2001:db8:7::/48"]"#;

            /// Users with limits of their own.
            user: Vec<Section<WrittenUser>>, e.g. "";
        }
    }
);

with_limits!(
    table_with_limits:
    /// A user of the tenant above, with any key of [defaults] but aliases.
    WrittenUser {
        required {
            /// The login, with or without the domain.
            name: At<UserName>, e.g. r#""orders@example.com""#;
        }
    }
);

#[cfg(test)]
impl crate::policy::rules::Rules {
    /// What holds where the file says nothing: for tests of the rules.
    pub(crate) fn standard() -> Self {
        LoginPolicy::standard("default").rules
    }
}

#[cfg(test)]
impl LoginPolicy {
    /// A tenant's limits where the file says nothing, on a backend `b`: for tests.
    pub(crate) fn standard(name: &str) -> Self {
        let mut policy = Self {
            name: TenantName::new(name),
            backends: [BackendName::new("b")].into(),
            ..Self::default()
        };
        Limits::default().apply(&mut policy);
        policy
    }
}

#[cfg(test)]
mod tests;
