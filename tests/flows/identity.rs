//! Which logins mean one maildrop, and whose they are.

use crate::support::{Gate, Wire, seconds};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const TENANTS: &str = r#"
[defaults]
cleartext = "always"
[[listen]]
name = "inside"
address = "127.0.0.1:2110"
tls = "off"
[[tenant]]
name = "example"
domains = ["example.com", "*.example.org"]
default_domain = "example.com"
listeners = ["inside"]
"#;

/// That a login by this name waits while the other one is in.
async fn share_a_lock(gate: &Gate, holder: &str, waiter: &str) {
    let (_holder, _backend) = gate.log_in(holder, "secret").await;
    let dials = gate.dials();
    let mut waiter = gate.asking(waiter, "guess").await;
    waiter.expect_silence(seconds(5.0)).await;
    assert_eq!(gate.dials(), dials);
}

async fn tenant_of(gate: &Gate, client: Wire) -> String {
    let name = client.name.clone();
    client.close();
    let summary = gate.end_of(&name).await;
    summary.tenant.expect("it said a name").to_string()
}

#[tokio::test(start_paused = true)]
async fn case_and_blanks_at_the_ends_make_no_other_maildrop() {
    for spelling in ["ANN@example.COM", " ann@example.com", "Ann@Example.com  "] {
        let gate = Gate::classic().await;
        share_a_lock(&gate, "ann@example.com", spelling).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_backend_gets_the_login_as_typed() {
    let gate = Gate::with(TENANTS).await;
    let mut client = gate.visitor().at("inside").asking(" Ann", "secret").await;
    gate.dialed().await.lets_in(" Ann", "secret").await;
    client.expect("+OK  Ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn case_counts_where_the_tenant_says_so() {
    let gate = Gate::with("[defaults]\ncleartext = \"always\"\nfold_case = false\n").await;
    let (_ann, _backend) = gate.log_in("ann", "secret").await;
    gate.log_in("Ann", "secret").await;
}

#[tokio::test(start_paused = true)]
async fn the_default_domain_is_added_to_a_name_without_one() {
    let gate = Gate::with(TENANTS).await;
    let (_holder, _backend) = gate.log_in("ann@example.com", "secret").await;
    let mut inside = gate.visitor().at("inside").asking("ann", "guess").await;
    inside.expect_silence(seconds(5.0)).await;
    // A name without a domain at another listener is another maildrop's.
    gate.log_in("ann", "secret").await;
}

#[tokio::test(start_paused = true)]
async fn the_tenant_is_no_part_of_the_lock() {
    let gate = Gate::with(
        r#"
        [defaults]
        cleartext = "always"
        [[tenant]]
        name = "inside"
        listeners = ["clear"]
        "#,
    )
    .await;
    let (_holder, _backend) = gate.log_in("ann", "secret").await;
    let mut waiter = gate.visitor().at("clear").asking("ann", "guess").await;
    waiter.expect_silence(seconds(5.0)).await;
    assert_eq!(tenant_of(&gate, waiter).await, "inside");
}

#[tokio::test(start_paused = true)]
async fn the_same_name_on_other_backends_is_another_maildrop() {
    let gate = Gate::with(
        r#"
        [defaults]
        cleartext = "always"
        backend = "old"
        [[backend]]
        name = "old"
        address = "10.0.0.5:110"
        [[backend]]
        name = "new"
        address = "10.0.0.6:110"
        [[tenant]]
        name = "moved"
        listeners = ["clear"]
        backend = "new"
        "#,
    )
    .await;
    let mut stayed = gate.asking("ann", "secret").await;
    gate.dialed_at("old").await.lets_in("ann", "secret").await;
    stayed.expect("+OK ann, come in\r\n").await;
    let mut moved = gate.visitor().at("clear").asking("ann", "secret").await;
    gate.dialed_at("new").await.lets_in("ann", "secret").await;
    moved.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn an_authorization_identity_is_the_maildrop() {
    let gate = Gate::classic().await;
    let (_holder, _backend) = gate.log_in("shared", "secret").await;
    let mut deputy = gate.greeted().await;
    let response = STANDARD.encode("shared\0ann\0guess");
    deputy.send(format!("AUTH PLAIN {response}\r\n")).await;
    deputy.expect_silence(seconds(5.0)).await;
    // The deputy's own maildrop is free.
    gate.log_in("ann", "secret").await;
}

#[tokio::test(start_paused = true)]
async fn a_deputys_password_does_not_prove_the_owners() {
    let gate = Gate::classic().await;
    gate.prove("shared", "secret").await;
    let (_holder, _backend) = gate.log_in("shared", "secret").await;
    let mut deputy = gate.greeted().await;
    let response = STANDARD.encode("shared\0ann\0secret");
    deputy.send(format!("AUTH PLAIN {response}\r\n")).await;
    deputy
        .expect("-ERR [SYS/TEMP] Mailbox is locked or busy, please wait and try again\r\n")
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_domain_of_the_login_decides_the_tenant_then_the_listener() {
    let gate = Gate::with(TENANTS).await;
    for (listener, user, tenant) in [
        ("pop3", "ann@example.com", "example"),
        ("pop3", "ann@mail.example.org", "example"),
        ("pop3", "ann@example.org", "default"),
        ("pop3", "ann", "default"),
        ("inside", "ann", "example"),
        ("inside", "ann@example.net", "default"),
    ] {
        let client = gate.visitor().at(listener).asking(user, "secret").await;
        gate.dialed().await.greets().await;
        let whose = tenant_of(&gate, client).await;
        assert_eq!(whose, tenant, "{user} at {listener}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_name_that_tls_asked_for_comes_before_the_listener() {
    let gate = Gate::with(
        r#"
        [[tenant]]
        name = "listener"
        listeners = ["pop3s"]
        [[tenant]]
        name = "certificate"
        server_names = ["localhost"]
        "#,
    )
    .await;
    let mut client = gate.visitor().at("pop3s").connect().start_tls().await;
    client.expect("+OK POP3 server ready\r\n").await;
    client.asks_in("ann", "secret").await;
    gate.dialed().await.greets().await;
    assert_eq!(tenant_of(&gate, client).await, "certificate");
}

#[tokio::test(start_paused = true)]
async fn a_tenants_user_may_have_a_wait_of_its_own() {
    let gate = Gate::with(
        r#"
        [defaults]
        cleartext = "always"
        [[tenant]]
        name = "example"
        domains = ["example.com"]
        [[tenant.user]]
        name = "hasty@example.com"
        wait = "5s"
        "#,
    )
    .await;
    let (_holder, _backend) = gate.log_in("hasty@example.com", "secret").await;
    let mut waiter = gate.asking("Hasty@example.com", "guess").await;
    let start = popgate::time::Instant::now();
    waiter.read_line().await;
    crate::support::assert_took(start, 2.0..=2.0);
}
