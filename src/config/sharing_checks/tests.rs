use crate::config::Config;
use crate::policy::rules::{PollMode, SharingMode, SharingRules};
use crate::policy::tenant::LoginPolicy;
use crate::time::Duration;
use std::path::Path;
use std::sync::Arc;

const GATE: &str = "[[listen]]\naddress = \"127.0.0.1:110\"\ntls = \"off\"\n\
                    [[backend]]\nname = \"b\"\naddress = \"h:110\"\n";

fn read(text: &str) -> Result<Config, String> {
    let text = format!("{GATE}{text}");
    Config::parse(&text, Path::new("a.toml")).map_err(|errors| errors.to_string())
}

/// The limits of `login`.
fn policy(text: &str, login: &str) -> Arc<LoginPolicy> {
    let config = read(text).unwrap();
    let user = crate::ids::UserName::new(login.as_bytes());
    let listener = config.listeners[0].name.clone();
    let identity = config.tenants.identify(&user, None, &listener);
    Arc::clone(identity.policy)
}

fn warnings(text: &str) -> Vec<String> {
    read(text).unwrap().warnings
}

#[test]
fn what_holds_where_the_file_says_nothing_are_the_rules_of_their_own_default() {
    assert_eq!(policy("", "ann").sharing, SharingRules::default());
}

#[test]
fn a_word_is_the_mode_and_leaves_the_others_inherited() {
    let text = "[defaults]\nsharing = { mode = \"on\", let_in = false }\nfresh = \"30s\"\n\
                demote_idle = \"off\"\n\
                [[tenant]]\nname = \"t\"\ndomains = [\"t.org\"]\nsharing = \"shadow\"\n\
                [[tenant.user]]\nname = \"bob@t.org\"\nsharing = { end_of_wait = false }\n";
    let of_defaults = SharingRules {
        mode: SharingMode::On,
        let_in: false,
        fresh: Duration::from_secs(30),
        demote_idle: None,
        ..SharingRules::default()
    };
    assert_eq!(policy(text, "ann").sharing, of_defaults);
    let of_tenant = SharingRules {
        mode: SharingMode::Shadow,
        ..of_defaults
    };
    assert_eq!(policy(text, "ann@t.org").sharing, of_tenant);
    let of_user = SharingRules {
        end_of_wait: false,
        ..of_tenant
    };
    assert_eq!(policy(text, "bob@t.org").sharing, of_user);
}

#[test]
fn what_is_no_way_to_share_is_refused_where_it_stands() {
    for (written, place, told) in [
        (
            "sharing = \"yes\"",
            "8:11",
            "write \"off\", \"shadow\" or \"on\"",
        ),
        ("sharing = 3", "8:11", "or { mode = \"on\", … }"),
        ("sharing = true", "8:11", "or { mode = \"on\", … }"),
        ("sharing = [\"on\"]", "8:11", "or { mode = \"on\", … }"),
        ("sharing = \"\\u0000\"", "8:11", "control character"),
        ("sharing = { mode = \"yes\" }", "8:20", "is no way to share"),
        (
            "sharing = { letin = true }",
            "8:13",
            "did you mean `let_in`?",
        ),
        ("sharing = { let_in = \"on\" }", "8:22", "true or false"),
        ("fresh = \"2h\"", "8:9", "a changed password would not show"),
        ("fresh = \"2h\"", "8:9", "write at most 1h"),
        ("fresh = \"0s\"", "8:9", "at least 1s"),
        ("fresh = \"off\"", "8:9", "a duration"),
        ("demote_idle = \"2h\"", "8:15", "at most 1h"),
        ("demote_idle = 5", "8:15", "or \"off\""),
    ] {
        let error = read(&format!("\n[defaults]\n{written}\n")).unwrap_err();
        let place = format!("a.toml:{}", place.replacen("8:", "9:", 1));
        assert!(
            error.starts_with(&place) && error.contains(told),
            "{written}: {error}"
        );
    }
}

#[test]
fn a_refused_word_hides_no_other_mistake() {
    let error = read("[defaults]\nsharing = \"yes\"\nfresh = \"2h\"\n").unwrap_err();
    assert_eq!(error.matches("a.toml:").count(), 2, "{error}");
}

const ON: &str = "[defaults]\nsharing = \"on\"\n";

#[test]
fn a_server_of_which_nothing_is_known_is_warned_of_with_ways_to_know() {
    let told = warnings(ON);
    assert_eq!(told.len(), 1, "{told:?}");
    for part in [
        "tenant `default`",
        "backend `b`",
        "doctor",
        "shadow",
        "shareable = true",
    ] {
        assert!(told[0].contains(part), "{part}: {told:?}");
    }
    assert_eq!(warnings(&format!("shareable = true\n{ON}")), [""; 0]);
    assert_eq!(warnings("[defaults]\nsharing = \"shadow\"\n"), [""; 0]);
}

#[test]
fn sharing_where_no_backend_is_shareable_is_warned_of_once() {
    let other = "[[backend]]\nname = \"c\"\naddress = \"i:110\"\n";
    let both = "backends = [\"b\", \"c\"]\n";
    let told = warnings(&format!(
        "shareable = false\n{other}shareable = false\n{ON}{both}"
    ));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("so nothing is shared"), "{told:?}");
    let told = warnings(&format!("shareable = false\n{other}{ON}{both}"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("backend `c`"), "{told:?}");
    assert_eq!(warnings("shareable = false\n"), [""; 0]);
}

#[test]
fn sharing_beside_other_gates_is_nothing_to_warn_of() {
    let cluster = "[cluster]\nnodes = [\"h:1\"]\nsecret_file = \"s\"\n";
    assert_eq!(
        warnings(&format!("shareable = true\n{cluster}{ON}")),
        [""; 0]
    );
    let told = warnings(&format!("{cluster}{ON}"));
    assert!(told[0].contains("\"ask\""), "{told:?}");
}

#[test]
fn absorbing_without_somebody_to_let_in_is_warned_of() {
    let told = |sharing: &str| {
        let absorb = "polls = { enforce = \"absorb\" }";
        warnings(&format!(
            "shareable = true\n[defaults]\n{absorb}\nsharing = {sharing}\n"
        ))
    };
    assert_eq!(told("\"on\""), [""; 0]);
    for (sharing, why) in [
        ("\"off\"", "since sharing is \"off\""),
        ("\"shadow\"", "since sharing is \"shadow\""),
        (
            "{ mode = \"on\", let_in = false }",
            "since let_in of sharing is false",
        ),
    ] {
        let told = told(sharing);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].contains("acts as \"delay\"") && told[0].contains(why),
            "{told:?}"
        );
    }
    let absorb = "[defaults]\npolls = { enforce = \"absorb\" }\n";
    assert_eq!(policy(absorb, "ann").rules.polls.mode, PollMode::Absorb);
}

#[test]
fn a_demotion_that_comes_too_late_for_the_waiters_is_warned_of() {
    let late = |sharing: &str| {
        let limits = "wait = \"20s\"\npreempt_idle = \"off\"\ndemote_idle = \"18s\"\n";
        warnings(&format!(
            "shareable = true\n[defaults]\nsharing = {sharing}\n{limits}"
        ))
    };
    let expected = "tenant `default`: demote_idle (18s) + login_reserve (3s) exceeds wait (20s), \
                    so waiters give up before an idle session is demoted for them";
    assert_eq!(late("\"on\""), [expected]);
    assert_eq!(late("{ mode = \"on\", demotion = false }"), [""; 0]);
    assert_eq!(late("\"off\""), [""; 0]);
}
