use super::*;
use crate::ids::{ListenerName, UserName};
use crate::journal::JournalBounds;
use crate::net::TlsMode;
use crate::policy::rules::{
    BlockMode, BlockRules, ConnectionLimits, FailureRules, PollMode, PollRules, Quota, Rules,
};
use crate::policy::tenant::{Cleartext, LoginPolicy};
use proptest::prelude::*;
use proptest::sample::Index;
use std::fmt::Write;
use std::num::NonZeroU32;
use std::sync::Arc;

mod cluster;
mod mistakes;

const FULL: &str = include_str!("../../deploy/config/full.toml");
const MINIMAL: &str = include_str!("../../deploy/config/minimal.toml");

fn parse(text: &str) -> Config {
    Config::parse(text, Path::new("/etc/popgate/popgate.toml")).unwrap_or_else(|e| panic!("{e}"))
}

fn tenant(config: &Config, user: &str) -> LoginPolicy {
    let user = UserName::new(user.as_bytes());
    let tenant = config
        .tenants
        .resolve(&user, None, &ListenerName::new("pop3"));
    LoginPolicy::clone(tenant)
}

fn names(tenant: &LoginPolicy) -> Vec<&str> {
    tenant.backends.iter().map(|name| name.as_str()).collect()
}

#[test]
fn what_the_file_does_not_say_has_the_defaults_of_the_design() {
    let config = parse(MINIMAL);
    assert_eq!(config.server.grace, Duration::from_secs(60));
    let trusted = config.server.trusted_networks.iter().map(IpNet::to_string);
    assert_eq!(trusted.collect::<Vec<_>>(), ["127.0.0.0/8", "::1/128"]);
    assert_eq!(config.server.log, LogFormat::Human);
    let listener = &config.listeners[0];
    assert_eq!(listener.name.as_str(), "0.0.0.0:110");
    assert_eq!(listener.tls, TlsMode::Stls);
    assert!(!listener.proxy_protocol);
    let backend = &config.backends[0];
    assert_eq!(backend.tls, TlsMode::Off);
    assert!(backend.verify && backend.preconnect && !backend.proxy_protocol);
    assert_eq!(backend.login_timeout, Duration::from_secs(60));
    assert_eq!(backend.login_reserve, Duration::from_secs(3));
    assert_eq!((backend.connections, &backend.capabilities), (0, &None));
    assert!(config.admin.is_none());
    let tenant = tenant(&config, "ann@example.com");
    assert_eq!(
        (tenant.name.as_str(), names(&tenant)),
        ("default", vec!["legacy"])
    );
    assert_eq!(tenant.cleartext, Cleartext::Trusted);
    assert_eq!((tenant.wait, tenant.queue), (Duration::from_secs(25), 16));
    assert_eq!(tenant.preempt_idle, Some(Duration::from_secs(15)));
    assert_eq!(tenant.idle_timeout, Duration::from_secs(600));
    assert!(tenant.fold_case && tenant.default_domain.is_none());
    assert_eq!(config.warnings.len(), 0);
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = parse(FULL);
    let tls = config.tls.unwrap();
    assert_eq!(tls.default.key, Path::new("/etc/popgate/privkey.pem"));
    let (hosts, files) = &tls.hosts[1];
    assert_eq!(hosts, &["*.example.org"]);
    let chain = Path::new("/etc/popgate/example.org/fullchain.pem");
    assert_eq!(files.certificate, chain);
    let ca = Path::new("/etc/popgate/internal-ca.pem");
    assert_eq!(config.backends[1].ca.as_deref(), Some(ca));
    let token = Path::new("/var/lib/popgate/admin.token");
    assert_eq!(config.admin.unwrap().token_file.as_deref(), Some(token));
}

#[test]
fn a_user_inherits_from_the_tenant_and_a_tenant_from_the_defaults() {
    let config = parse(FULL);
    let ann = tenant(&config, "ann@example.com");
    assert_eq!((ann.wait, ann.queue), (Duration::from_secs(45), 16));
    let orders = tenant(&config, "orders@example.com");
    assert_eq!((orders.wait, orders.queue), (Duration::from_secs(45), 64));
    assert_eq!(orders.name, ann.name);
    assert_eq!(orders.default_domain.as_deref(), Some("example.com"));
    let moved = tenant(&config, "bob@example.net");
    assert_eq!(
        (moved.cleartext, names(&moved)),
        (Cleartext::Never, vec!["new"])
    );
    assert_eq!(
        (moved.wait, moved.fold_case),
        (Duration::from_secs(25), false)
    );
}

#[test]
fn a_user_has_his_limits_with_and_without_the_default_domain() {
    let text = format!(
        "{MINIMAL}[[tenant]]\nname = \"default\"\ndefault_domain = \"example.com\"\n\
         [[tenant.user]]\nname = \"ann\"\nqueue = 5\n\
         [[tenant.user]]\nname = \"Bob@Example.com\"\nqueue = 6\n"
    );
    let config = parse(&text);
    let queue = |user: &str| tenant(&config, user).queue;
    assert_eq!((queue("ann"), queue("ANN@example.com")), (5, 5));
    assert_eq!((queue("bob"), queue("bob@example.com")), (6, 6));
    assert_eq!(queue("carl"), 16);
}

#[test]
fn a_tenant_named_default_takes_the_place_of_the_defaults() {
    let text = format!(
        "{MINIMAL}[[backend]]\nname = \"new\"\naddress = \"10.0.0.6:110\"\n\
         [[tenant]]\nname = \"default\"\nbackend = \"new\"\npreempt_idle = \"off\"\n"
    );
    let config = parse(&text);
    assert_eq!(config.tenants.tenants().count(), 1);
    let anybody = tenant(&config, "ann@else.net");
    assert_eq!((names(&anybody), anybody.preempt_idle), (vec!["new"], None));
}

fn warnings(text: &str) -> String {
    parse(&format!("{MINIMAL}{text}")).warnings.join("\n")
}

#[test]
fn what_is_unwise_is_said_once() {
    let backend = "tls = \"stls\"\nverify = false\n";
    assert!(warnings(backend).contains("`legacy`: its certificate is not verified"));
    let late = warnings("[defaults]\nwait = \"17s\"\n");
    assert_eq!(
        late,
        "tenant `default`: preempt_idle (15s) + login_reserve (3s) exceeds wait (17s), \
         so waiters give up before an idle session is closed for them"
    );
    let tenants = "[defaults]\nidle_timeout = \"60s\"\n\
        [[tenant]]\nname = \"a\"\ndomains = [\"a.b\"]\n[[tenant]]\nname = \"b\"\n\
        domains = [\"b.b\"]\n\
        [[tenant]]\nname = \"c\"\ndomains = [\"c.b\"]\n";
    let idle = warnings(tenants);
    assert!(
        idle.starts_with("tenants `a`, `b`, `c` and 1 more: idle_timeout (1m)"),
        "{idle}"
    );
    assert_eq!(idle.lines().count(), 1);
}

#[test]
fn what_would_lock_one_maildrop_twice_is_warned_of() {
    let second = "[[backend]]\nname = \"new\"\naddress = \"10.0.0.5:110\"\n\
        [defaults]\nbackends = [\"legacy\", \"new\"]\n";
    assert!(warnings(second).contains("backends `legacy` and `new` have one address"));
    let lists = "[[backend]]\nname = \"new\"\naddress = \"10.0.0.6:110\"\n\
        [defaults]\nbackend = \"legacy\"\n\
        [[tenant]]\nname = \"t\"\ndomains = [\"a.b\"]\nbackends = [\"new\", \"legacy\"]\n";
    assert_eq!(
        warnings(lists),
        "backend `legacy` is in different lists (tenants `default` and `t`): \
         a maildrop that both can reach is locked apart in each"
    );
}

#[test]
fn what_no_login_gets_to_is_warned_of() {
    let nobody = warnings("[[tenant]]\nname = \"t\"\n");
    assert!(
        nobody.contains("tenant `t`: nobody belongs to it"),
        "{nobody}"
    );
    let stray =
        "[[tenant]]\nname = \"t\"\ndomains = [\"a.b\"]\n[[tenant.user]]\nname = \"ann@c.d\"\n";
    assert!(warnings(stray).contains("its domain belongs to tenant `default`"));
}

#[test]
fn what_the_full_example_calls_a_default_is_one() {
    let config = parse(FULL);
    let said = tenant(&config, "ann@else.net");
    let unsaid = tenant(&parse(MINIMAL), "ann@else.net");
    assert_eq!(said.rules, unsaid.rules);
    assert_eq!(unsaid.rules, Rules::standard());
    assert_eq!(config.server.connections, 0);
    let journal = config.journal.unwrap();
    assert_eq!(journal.file, Path::new("/var/lib/popgate/popgate.db"));
    assert_eq!(journal.key_file, Path::new("/var/lib/popgate/journal.key"));
    assert!(journal.sessions && !journal.hash_users);
    let bounds = JournalBounds {
        keep: Duration::from_secs(14 * 24 * 60 * 60),
        rows: 10_000_000,
        size: 4 * 1024 * 1024 * 1024,
    };
    assert_eq!(journal.bounds, bounds);
}

/// Every key of a rule, each with a value of its own that is no default.
const RULES: &str = r#"
polls = { enforce = "refuse", max_delay = "4s", every = "70s", burst = 8, per_client = { every = "20s", burst = 2 } }
connections = { per_address = 201, per_maildrop = 33, per_tenant = 1000 }
failures = { delay = "2s", max_delay = "16s", same_password = 4, retry = "6m" }
blocks = { enforce = "shadow", passwords_per_maildrop = 11, passwords_per_address = 51, abuses = 12, passing_per_day = 6, window = "2h", duration = "11m", max_duration = "25h" }
"#;

#[test]
fn each_key_of_a_rule_is_resolved() {
    let seconds = Duration::from_secs;
    let quota = |every, burst| Quota {
        every: seconds(every),
        burst: NonZeroU32::new(burst).unwrap(),
    };
    let expected = Rules {
        polls: PollRules {
            mode: PollMode::Refuse,
            max_delay: seconds(4),
            maildrop: quota(70, 8),
            client: quota(20, 2),
            unlimited: Arc::from([]),
        },
        connections: ConnectionLimits {
            per_address: 201,
            per_maildrop: 33,
            per_tenant: 1000,
        },
        failures: FailureRules {
            delay: seconds(2),
            max_delay: seconds(16),
            same_password: 4,
            retry: seconds(360),
        },
        blocks: BlockRules {
            mode: BlockMode::Shadow,
            passwords_per_maildrop: 11,
            passwords_per_address: 51,
            abuses: 12,
            passing_per_day: 6,
            window: seconds(2 * 3600),
            duration: seconds(11 * 60),
            max_duration: seconds(25 * 3600),
        },
    };
    let config = parse(&format!("{MINIMAL}[defaults]{RULES}"));
    assert_eq!(tenant(&config, "ann").rules, expected);
}

#[test]
fn a_user_may_have_a_name_of_four_kibibytes() {
    let with = |name: &str| {
        let user = format!("[[tenant.user]]\nname = \"{name}\"\nqueue = 7\n");
        format!("{MINIMAL}[[tenant]]\nname = \"default\"\n{user}")
    };
    let longest = "n".repeat(4_096);
    let config = parse(&with(&longest));
    assert_eq!(tenant(&config, &longest).queue, 7);
    let error = Config::parse(&with(&(longest + "n")), Path::new("popgate.toml")).unwrap_err();
    assert!(error.to_string().contains("at most 4096 octets"), "{error}");
}

/// The keys of an inline table as written: `key = value` each.
fn keys(table: &str) -> Vec<&str> {
    let inside = table.split_once('{').unwrap().1.rsplit_once('}').unwrap().0;
    let mut depth = 0_i32;
    let between = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    };
    inside.split(between).map(str::trim).collect()
}

#[test]
fn inline_tables_merge_key_by_key_over_three_levels() {
    let full = parse(&format!("{MINIMAL}[defaults]{RULES}"));
    let full = tenant(&full, "ann").rules;
    // Each key is moved in turn to another table; all together say the same.
    for turn in 0..3 {
        let mut tables = [String::new(), String::new(), String::new()];
        for line in RULES.trim().lines() {
            let name = line.split_once(' ').unwrap().0;
            let mut said = [vec![], vec![], vec![]];
            for (number, key) in keys(line).into_iter().enumerate() {
                said[(number + turn) % 3].push(key);
            }
            for (table, keys) in tables.iter_mut().zip(said) {
                writeln!(table, "{name} = {{ {} }}", keys.join(", ")).unwrap();
            }
        }
        let [defaults, tenants, users] = tables;
        let config = parse(&format!(
            "{MINIMAL}[defaults]\n{defaults}[[tenant]]\nname = \"default\"\n{tenants}\
             [[tenant.user]]\nname = \"ann\"\n{users}"
        ));
        assert_eq!(tenant(&config, "ann").rules, full);
        assert_ne!(tenant(&config, "bob").rules, full);
    }
}

#[test]
fn the_nearest_table_wins() {
    let config = parse(&format!(
        "{MINIMAL}[defaults]\npolls = {{ burst = 1, per_client = {{ burst = 1 }} }}\n\
         connections = {{ per_tenant = 1 }}\n\
         [[tenant]]\nname = \"default\"\npolls = {{ burst = 2, per_client = {{ burst = 2 }} }}\n\
         [[tenant.user]]\nname = \"ann\"\npolls = {{ per_client = {{ burst = 3 }} }}\n\
         connections = {{ per_tenant = 3 }}\n"
    ));
    let numbers = |user: &str| {
        let rules = tenant(&config, user).rules;
        let bursts = (rules.polls.maildrop.burst, rules.polls.client.burst);
        (bursts.0.get(), bursts.1.get(), rules.connections.per_tenant)
    };
    assert_eq!(numbers("ann"), (2, 3, 3));
    assert_eq!(numbers("bob"), (2, 2, 1));
}

#[test]
fn a_tenants_unlimited_networks_are_its_users_too() {
    let config = parse(FULL);
    let inside = "198.51.100.7".parse().unwrap();
    let rules = |user: &str| tenant(&config, user).rules;
    assert_eq!(
        rules("ann@example.com").polls.mode_for(inside),
        PollMode::Off
    );
    assert_eq!(
        rules("ann@example.net").polls.mode_for(inside),
        PollMode::Delay
    );
    let orders = rules("orders@example.com").polls.unlimited;
    assert!(Arc::ptr_eq(
        &orders,
        &rules("ann@example.com").polls.unlimited
    ));
}

#[test]
fn a_backend_is_told_addresses_by_xoip_where_the_file_says_so() {
    assert!(!parse(MINIMAL).backends[0].xoip);
    assert!(parse(&format!("{MINIMAL}xoip = true\n")).backends[0].xoip);
}

#[test]
fn rules_that_hinder_each_other_are_warned_of() {
    let short = warnings("[defaults]\nwait = \"8s\"\npreempt_idle = \"off\"\n");
    assert!(
        short.contains("polls.max_delay (5s) + login_reserve (3s)"),
        "{short}"
    );
    let short =
        "[defaults]\nwait = \"8s\"\npreempt_idle = \"off\"\npolls = { enforce = \"off\" }\n";
    assert_eq!(warnings(short), "");
    let crowded = warnings("[defaults]\nqueue = 32\n");
    assert!(crowded.contains("connections.per_maildrop (32) is not above queue (32)"));
    assert_eq!(
        warnings("[defaults]\nqueue = 32\nconnections = { per_maildrop = 0 }\n"),
        ""
    );
}

#[test]
fn what_a_health_check_would_meet_is_warned_of_with_what_to_write() {
    let told = |rules: &str| warnings(&format!("[journal]\nfile = \"j\"\n[defaults]\n{rules}\n"));
    let refusing = told("polls = { enforce = \"refuse\", every = \"90s\" }");
    assert!(
        refusing.contains("`default`: polls.enforce = \"refuse\""),
        "{refusing}"
    );
    assert!(
        refusing.contains("1m 30s") && refusing.contains("allow_burst_from"),
        "{refusing}"
    );
    let spared = "[[tenant]]\nname = \"default\"\nallow_burst_from = [\"192.0.2.7\"]\n\
                  polls = { enforce = \"refuse\" }\n";
    assert_eq!(warnings(spared), "");
    assert!(told("polls = { max_delay = \"10s\" }").contains("polls.max_delay (10s)"));
    assert_eq!(told("polls = { max_delay = \"9s\" }"), "");
    let few = told("connections = { per_address = 4 }");
    assert!(
        few.contains("per_address (4)") && few.contains("write 5 or more"),
        "{few}"
    );
    assert_eq!(told("connections = { per_address = 5 }"), "");
    assert_eq!(told("connections = { per_address = 0 }"), "");
    let stale = told("blocks = { passwords_per_address = 9 }");
    assert!(stale.contains("passwords_per_address (9)"), "{stale}");
    assert!(stale.contains("[server] trusted_networks"), "{stale}");
    assert_eq!(told("blocks = { passwords_per_address = 10 }"), "");
    let shadow = told("blocks = { passwords_per_address = 9, enforce = \"shadow\" }");
    assert_eq!(shadow, "");
}

#[test]
fn a_listener_that_no_load_balancer_gets_into_is_warned_of() {
    let behind = |listener: &str, server: &str| {
        let text = MINIMAL.replacen("[[listen]]\n", &format!("[[listen]]\n{listener}"), 1);
        let config = parse(&format!("{server}{text}"));
        config.warnings.join("\n")
    };
    let closed = behind("name = \"l\"\nproxy_protocol = true\n", "");
    assert!(
        closed.contains("listener `l`") && closed.contains("trusted_networks"),
        "{closed}"
    );
    let open = "[server]\ntrusted_networks = [\"127.0.0.0/8\", \"10.0.0.0/8\"]\n";
    assert_eq!(behind("proxy_protocol = true\n", open), "");
    assert_eq!(behind("", ""), "");
}

#[test]
fn who_sets_blocks_is_told_that_a_restart_forgets_them() {
    let told = |blocks: &str| warnings(&format!("[defaults]\nblocks = {blocks}\n"));
    assert!(told("{ abuses = 3 }").contains("does not survive a restart"));
    assert_eq!(told("{ enforce = \"off\", abuses = 3 }"), "");
    let journal = "[journal]\nfile = \"j\"\n[defaults]\nblocks = { abuses = 3 }\n";
    assert_eq!(warnings(journal), "");
}

#[test]
fn ten_thousand_tenants_are_read_in_time_that_grows_with_their_number() {
    let text = |tenants: usize| {
        let mut text = MINIMAL.to_owned();
        for n in 0..tenants {
            write!(
                text,
                "[[tenant]]\nname = \"t{n}\"\ndomains = [\"d{n}.example\", \"*.d{n}.example\"]\n\
                 wait = \"10s\"\n[[tenant.user]]\nname = \"boss@d{n}.example\"\nqueue = 20\n"
            )
            .unwrap();
        }
        text
    };
    let seconds = |text: &str| {
        let start = crate::time::Instant::now();
        assert!(parse(text).tenants.tenants().count() > 100);
        start.elapsed().as_secs_f64()
    };
    let (small, large) = (text(1_000), text(10_000));
    let best = |text: &str| (0..3).map(|_| seconds(text)).fold(f64::MAX, f64::min);
    let (small, large) = (best(&small), best(&large));
    // Were anything quadratic, it would be a hundred times.
    assert!(large < small * 40.0, "{small} s and {large} s");
}

/// A change to a text: bytes from `at` on are replaced.
fn mutated(text: &str, changes: &[(Index, usize, String)]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (at, length, with) in changes {
        let at = at.index(text.len() + 1);
        let end = (at + length).min(text.len());
        text.splice(at..end, with.chars());
    }
    text.into_iter().collect()
}

/// Parts of the file, in places where they do not belong.
fn scrap() -> impl Strategy<Value = String> {
    let lines: Vec<String> = FULL.lines().map(|line| format!("{line}\n")).collect();
    let values = [
        "\"off\"",
        "\"\"",
        "[]",
        "{}",
        "0",
        "-1",
        "1e99",
        "true",
        "\"99999999999d\"",
        "\"ü\"",
        "[[",
        "\u{feff}",
        "\r",
    ];
    prop_oneof![
        prop::sample::select(lines),
        prop::sample::select(values.to_vec()).prop_map(str::to_owned),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_each_refusal_has_a_place(
        changes in prop::collection::vec((any::<Index>(), 0_usize..40, scrap()), 1..6),
    ) {
        let text = mutated(FULL, &changes);
        if let Err(errors) = Config::parse(&text, Path::new("a.toml")) {
            prop_assert!(!errors.shown().is_empty());
            for error in errors.shown() {
                let lines = 1..=text.matches('\n').count() + 1;
                prop_assert!(lines.contains(&error.line().unwrap()));
            }
            prop_assert!(!errors.to_string().contains('\x1b'));
        }
    }

    #[test]
    fn a_value_may_be_of_any_type(line in 0_usize..200, value in scrap()) {
        let mut lines: Vec<String> = FULL.lines().map(str::to_owned).collect();
        let at = line % lines.len();
        if let Some((key, _)) = lines[at].split_once('=') {
            lines[at] = format!("{key}= {value}");
        }
        // Only that it comes back matters.
        let _ = Config::parse(&lines.join("\n"), Path::new("a.toml"));
    }
}
