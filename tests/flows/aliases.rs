//! One maildrop under several names: forms of a login that a server takes for one.

use crate::support::{Gate, Wire, seconds};
use popgate::observe::event::Event;

const TRUSTING: &str = "[defaults]\ncleartext = \"always\"\n";

/// That a login by this name waits while the other one is in.
async fn share_a_lock(settings: &str, holder: &str, waiter: &str) {
    let gate = Gate::with(settings).await;
    let (_holder, _backend) = gate.log_in(holder, "secret").await;
    let dials = gate.dials();
    let mut client = gate.asking(waiter, "guess").await;
    client.expect_silence(seconds(5.0)).await;
    assert_eq!(gate.dials(), dials, "{waiter} beside {holder}");
}

/// That both are in at once.
async fn are_apart(settings: &str, one: &str, other: &str) {
    let gate = Gate::with(settings).await;
    let (_one, _backend) = gate.log_in(one, "secret").await;
    let (_other, _beside) = gate.log_in(other, "secret").await;
}

#[tokio::test(start_paused = true)]
async fn signs_that_stand_for_at_make_no_other_maildrop() {
    for sign in ["%", "#", "&", "$", "/", ":"] {
        let form = format!("Ann{sign}example.org");
        share_a_lock(TRUSTING, "ann@example.org", &form).await;
        are_apart(
            &format!("{TRUSTING}aliases = []\n"),
            "ann@example.org",
            &form,
        )
        .await;
    }
    are_apart(TRUSTING, "r&d", "r@d").await;
}

#[tokio::test(start_paused = true)]
async fn presets_unite_what_their_servers_take_as_one() {
    for (preset, one, other) in [
        ("gmail", "ann@gmail.com", "recent:ann@gmail.com"),
        ("exchange", "ann", r"CORP\ann"),
        ("exchange", "corp/ann", "corp/service/ann"),
        ("cpanel", "ann@example.org", "ann+example.org"),
        ("mailenable", "ann@office", "ann#office"),
        ("any-domain", "ann@example.org", "ann%elsewhere.org"),
        ("master-user", "ann@example.org", "ann@example.org*admin"),
    ] {
        let settings = format!("{TRUSTING}aliases = [\"{preset}\"]\n");
        share_a_lock(&settings, one, other).await;
        are_apart(TRUSTING, one, other).await;
    }
}

#[tokio::test(start_paused = true)]
async fn rules_of_ones_own_come_before_the_default_domain() {
    let settings = r#"
        [defaults]
        cleartext = "always"
        [[tenant]]
        name = "default"
        default_domain = "example.org"
        aliases = [{ match = 'x-(.+)', to = "$1" }, { match = "boss", to = "ann" }]
    "#;
    share_a_lock(settings, "ann@example.org", "X-Boss").await;
}

#[tokio::test(start_paused = true)]
async fn the_backend_gets_the_form_as_typed() {
    let gate = Gate::with(TRUSTING).await;
    gate.log_in("Ann%example.org", "secret").await;
}

/// Asks for the ids, which are five of this name.
async fn lists(client: &mut Wire, backend: &mut Wire, id: &str) {
    client.send("UIDL\r\n").await;
    backend.expect("UIDL\r\n").await;
    let ids: String = (1..=5).map(|n| format!("{n} {id}{n}\r\n")).collect();
    let listing = format!("+OK\r\n{ids}.\r\n");
    backend.send(&listing).await;
    client.expect(&listing).await;
}

#[tokio::test(start_paused = true)]
async fn two_names_with_the_same_ids_at_one_time_are_told() {
    let gate = Gate::with(TRUSTING).await;
    let (mut ann, mut inside) = gate.log_in("ann@example.org", "secret").await;
    lists(&mut ann, &mut inside, "id").await;
    lists(&mut ann, &mut inside, "id").await;
    let (mut form, mut beside) = gate.log_in("Ann+example.org", "secret").await;
    lists(&mut form, &mut beside, "other").await;
    let twins = |event: &Event| matches!(event, Event::Twins { .. });
    assert_eq!(gate.events.count(twins), 0);
    lists(&mut form, &mut beside, "id").await;
    let Event::Twins { backend, pair } = gate.told(twins).await else {
        panic!("another event");
    };
    assert_eq!(backend.as_str(), "legacy");
    let names = pair.logins.each_ref().map(ToString::to_string);
    assert_eq!(names, ["ann@example.org", "Ann+example.org"]);
    let setting = r#"aliases = ["at-signs", "cpanel"]"#;
    assert_eq!(pair.setting.as_deref(), Some(setting));
}

#[tokio::test(start_paused = true)]
async fn names_whose_sessions_follow_each_other_are_not_told() {
    let gate = Gate::with(TRUSTING).await;
    for name in ["ann@example.org", "ann+example.org"] {
        let (mut client, mut backend) = gate.log_in(name, "secret").await;
        lists(&mut client, &mut backend, "id").await;
        client.close();
        backend.expect_eof().await;
    }
    gate.released(1).await;
    let twins = |event: &Event| matches!(event, Event::Twins { .. });
    assert_eq!(gate.events.count(twins), 0);
}
