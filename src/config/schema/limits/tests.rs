//! Each declared limit is parsed, inherited, bounded, explained and told by a reload, and a limit
//! that is declared tomorrow is tested by the same.

use super::*;
use crate::config::schema::reference::{Declaration, DeclaredKey};
use crate::config::{Config, LoginQuery, tenant_changes};
use crate::policy::rules::{
    BlockRules, ConnectionLimits, FailureRules, PollRules, Quota, Rules, SharingRules,
};
use serde_json::Value as Json;
use std::fs;
use std::path::Path;

/// Backends with a reserve that leaves room for any `wait`, and a table that is still open.
const GATE: &str = "[server]\ngrace = \"1h\"\n[[listen]]\naddress = \"127.0.0.1:110\"\ntls = \"off\"\n\
                    [[backend]]\nname = \"b\"\naddress = \"h:110\"\nlogin_reserve = \"0s\"\n";

/// A declared limit with the names of the inline tables around it.
struct DeclaredLimit {
    path: Vec<&'static str>,
    key: DeclaredKey,
}

fn all() -> Vec<DeclaredLimit> {
    fn collect(path: &[&'static str], declaration: Declaration, all: &mut Vec<DeclaredLimit>) {
        for key in declaration
            .keys
            .into_iter()
            .filter(|key| key.default.is_some())
        {
            let path = path.iter().copied().chain([key.name]).collect();
            all.push(DeclaredLimit { path, key });
        }
        for (name, inner) in declaration.tables {
            collect(&[path, &[name]].concat(), inner, all);
        }
    }
    let mut limits = Vec::new();
    collect(&[], Limits::declaration(), &mut limits);
    limits
}

impl DeclaredLimit {
    /// As a line of a table: `polls = { per_client = { burst = 3 } }`.
    fn line(&self, value: &str) -> String {
        let (key, tables) = self.path.split_last().unwrap();
        let inner = format!("{key} = {value}");
        tables
            .iter()
            .rev()
            .fold(inner, |inner, table| format!("{table} = {{ {inner} }}"))
    }

    /// A value that is allowed and not the default.
    fn other_value(&self) -> String {
        let default = self.key.default.clone().unwrap();
        let words = ["true", "false", "\"off\"", "\"always\"", "\"shadow\""].map(str::to_owned);
        let ends = self.key.range.clone().into_iter().flatten();
        ends.chain(words)
            .filter(|value| *value != default)
            .find(|value| read(&format!("{GATE}[defaults]\n{}\n", self.line(value))).is_ok())
            .unwrap_or_else(|| panic!("{:?} takes nothing but its default", self.path))
    }
}

fn read(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("a.toml")).map_err(|errors| errors.to_string())
}

/// What `check --explain` says of the limit `key` for the user `ann`: the value, and the line.
fn explained(text: &str, key: &str) -> (String, Option<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.toml");
    fs::write(&path, text).unwrap();
    let login = LoginQuery {
        user: UserName::new(b"ann"),
        server_name: None,
        listener: None,
    };
    let explanation = Config::explain(&path, &login).unwrap();
    let limit = explanation.limits.iter().find(|it| it.key == key).unwrap();
    (limit.value.to_string(), limit.line)
}

const TABLES: [&str; 3] = [
    "[defaults]",
    "[[tenant]]\nname = \"default\"",
    "[[tenant.user]]\nname = \"ann\"",
];

#[test]
fn each_limit_is_read_in_each_table_and_explained_with_its_line() {
    assert_eq!(
        all().len(),
        33,
        "a limit more or less: this loop tests it, and its number stands here"
    );
    for limit in all() {
        let key = limit.path.join(".");
        let value = limit.other_value();
        let default = limit.key.default.clone().unwrap();
        let plain = format!("{GATE}{}\n", TABLES.join("\n"));
        assert_eq!(explained(&plain, &key), (default.clone(), None), "{key}");
        for at in 0..TABLES.len() {
            // The table above says the default, and loses.
            let mut text = GATE.to_owned();
            for (index, table) in TABLES.iter().enumerate() {
                text += &format!("{table}\n");
                if index + 1 == at {
                    text += &format!("{}\n", limit.line(&default));
                }
                if index == at {
                    text += &format!("{}\n", limit.line(&value));
                    let line = text.lines().count();
                    let rest = TABLES[at + 1..].join("\n");
                    let told = explained(&format!("{text}{rest}\n"), &key);
                    assert_eq!(told, (value.clone(), Some(line)), "{key} in {table}");
                }
            }
        }
    }
}

#[test]
fn each_limit_that_a_reload_changes_is_told_and_no_other() {
    for limit in all() {
        let line = limit.line(&limit.other_value());
        let old = read(&format!("{GATE}[defaults]\n")).unwrap();
        let new = read(&format!("{GATE}[defaults]\n{line}\n")).unwrap();
        let told = tenant_changes(&old.tenants, &new.tenants);
        let plain = |value: &str| value.trim_matches('"').to_owned();
        let expected = format!(
            "tenant `default`: {} {} -> {}",
            limit.path.join("."),
            plain(&limit.key.default.clone().unwrap()),
            plain(&limit.other_value()),
        );
        assert_eq!(told, [expected]);
    }
}

#[test]
fn what_is_out_of_range_is_refused_with_both_ends() {
    let mut bounded = 0;
    for limit in all() {
        let Some([least, most]) = limit.key.range.clone() else {
            continue;
        };
        bounded += 1;
        let beyond = match most.parse::<u64>() {
            Ok(most) => (most + 1).to_string(),
            Err(_) => "\"9999d\"".to_owned(),
        };
        let text = format!("{GATE}[defaults]\n{}\n", limit.line(&beyond));
        let error = read(&text).unwrap_err();
        let plain = |value: &str| value.trim_matches('"').to_owned();
        let [least, most] = [least, most].map(|end| plain(&end));
        let hint = match limit.path[..] {
            // Of 0s it would be said next that it is not above `login_reserve`.
            ["wait"] | ["fresh"] => format!("write at most {most}"),
            _ => format!("write at least {least} and at most {most}"),
        };
        assert!(error.contains(&hint), "{:?}: {error}", limit.path);
    }
    assert_eq!(bounded, 25);
}

type Fields = Vec<(&'static str, Json)>;

// Destructured without `..`, so that a field without a row does not compile here.
fn fields(policy: LoginPolicy) -> Fields {
    let LoginPolicy {
        // They are resolved in `inherit.rs`: names and lists, which have no range and no default.
        name: _,
        backends: _,
        default_domain: _,
        aliases: _,
        origins: _,
        cleartext,
        wait,
        queue,
        preempt_idle,
        idle_timeout,
        fold_case,
        sharing,
        rules,
    } = policy;
    let Rules {
        polls,
        connections,
        failures,
        blocks,
    } = rules;
    let own = vec![
        ("cleartext", cleartext.shown()),
        ("wait", wait.shown()),
        ("queue", queue.shown()),
        ("preempt_idle", preempt_idle.shown()),
        ("idle_timeout", idle_timeout.shown()),
        ("fold_case", fold_case.shown()),
        ("fresh", sharing.fresh.shown()),
        ("demote_idle", sharing.demote_idle.shown()),
    ];
    [
        own,
        sharing_fields(sharing),
        poll_fields(&polls),
        connection_fields(connections),
        failure_fields(failures),
        block_fields(blocks),
    ]
    .concat()
}

fn sharing_fields(rules: SharingRules) -> Fields {
    let SharingRules {
        mode,
        end_of_wait,
        demotion,
        let_in,
        // They stand beside `sharing`.
        fresh: _,
        demote_idle: _,
    } = rules;
    vec![
        ("sharing.mode", mode.shown()),
        ("sharing.end_of_wait", end_of_wait.shown()),
        ("sharing.demotion", demotion.shown()),
        ("sharing.let_in", let_in.shown()),
    ]
}

fn poll_fields(rules: &PollRules) -> Fields {
    let PollRules {
        mode,
        max_delay,
        maildrop: Quota { every, burst },
        client,
        // `allow_burst_from`, a list.
        unlimited: _,
    } = rules;
    vec![
        ("polls.enforce", mode.shown()),
        ("polls.max_delay", max_delay.shown()),
        ("polls.every", every.shown()),
        ("polls.burst", burst.get().shown()),
        ("polls.per_client.every", client.every.shown()),
        ("polls.per_client.burst", client.burst.get().shown()),
    ]
}

fn connection_fields(limits: ConnectionLimits) -> Fields {
    let ConnectionLimits {
        per_address,
        per_maildrop,
        per_tenant,
    } = limits;
    vec![
        ("connections.per_address", per_address.shown()),
        ("connections.per_maildrop", per_maildrop.shown()),
        ("connections.per_tenant", per_tenant.shown()),
    ]
}

fn failure_fields(rules: FailureRules) -> Fields {
    let FailureRules {
        delay,
        max_delay,
        same_password,
        retry,
    } = rules;
    vec![
        ("failures.delay", delay.shown()),
        ("failures.max_delay", max_delay.shown()),
        ("failures.same_password", same_password.shown()),
        ("failures.retry", retry.shown()),
    ]
}

fn block_fields(rules: BlockRules) -> Fields {
    let BlockRules {
        mode,
        passwords_per_maildrop: per_maildrop,
        passwords_per_address: per_address,
        abuses,
        passing_per_day,
        window,
        duration,
        max_duration,
    } = rules;
    vec![
        ("blocks.enforce", mode.shown()),
        ("blocks.passwords_per_maildrop", per_maildrop.shown()),
        ("blocks.passwords_per_address", per_address.shown()),
        ("blocks.abuses", abuses.shown()),
        ("blocks.passing_per_day", passing_per_day.shown()),
        ("blocks.window", window.shown()),
        ("blocks.duration", duration.shown()),
        ("blocks.max_duration", max_duration.shown()),
    ]
}

#[test]
fn each_field_of_a_policy_has_a_row() {
    let policy = LoginPolicy::standard("t");
    let mut limits = Vec::new();
    Limits::default().list(&policy, "", &mut limits);
    let declared: Vec<_> = limits
        .iter()
        .map(|limit| (limit.key.as_str(), limit.value.clone()))
        .collect();
    assert_eq!(declared, fields(policy));
}
