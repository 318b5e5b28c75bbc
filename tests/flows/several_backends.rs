//! Several backends that hold the same maildrops, in order of preference: a maildrop stays on one
//! of them while it has sessions.

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::time::Instant;

/// `first` and `second`, with these settings of each.
fn both(settings: &str) -> String {
    format!(
        "[defaults]\nbackends = [\"first\", \"second\"]\ncleartext = \"always\"\n\
         [[backend]]\nname = \"first\"\naddress = \"10.0.0.5:110\"\n{settings}\n\
         [[backend]]\nname = \"second\"\naddress = \"10.0.0.6:110\"\n{settings}\n"
    )
}

/// Each login dials when its turn comes.
const IN_TURN: &str = "preconnect = false";
const ONE_PLACE: &str = "preconnect = false\nconnections = 1";
const AHEAD: &str = "";

/// A session of ann's, whom this backend lets in.
async fn enters(gate: &Gate, backend: &str) -> (Wire, Wire) {
    let client = gate.asking("ann", "secret").await;
    let inside = gate.dialed_at(backend).await;
    let_in(client, inside).await
}

async fn let_in(mut client: Wire, mut inside: Wire) -> (Wire, Wire) {
    inside.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
    (client, inside)
}

async fn leaves(gate: &Gate, session: (Wire, Wire), released: usize) {
    let (client, inside) = session;
    client.close();
    inside.close();
    gate.released(released).await;
}

async fn goes_down(gate: &Gate, backend: &str) {
    gate.cut_off(backend);
    gate.look(backend, &[]).await;
    assert!(!gate.backend(backend).is_up());
}

async fn comes_back(gate: &Gate, backend: &str) {
    gate.restore(backend);
    gate.look(backend, &["PIPELINING", "USER"]).await;
    assert!(gate.backend(backend).is_up());
}

/// Ann is on the second backend, because the first was down; now both are up.
async fn on_the_second(gate: &Gate) -> (Wire, Wire) {
    goes_down(gate, "first").await;
    let session = enters(gate, "second").await;
    comes_back(gate, "first").await;
    session
}

#[tokio::test(start_paused = true)]
async fn the_first_that_is_up_is_taken_and_again_when_it_comes_back() {
    let gate = Gate::with(&both(IN_TURN)).await;
    let session = enters(&gate, "first").await;
    leaves(&gate, session, 1).await;
    let session = on_the_second(&gate).await;
    leaves(&gate, session, 2).await;
    enters(&gate, "first").await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_has_just_died_costs_no_pause() {
    let gate = Gate::with(&both(IN_TURN)).await;
    gate.cut_off("first");
    let start = Instant::now();
    enters(&gate, "second").await;
    assert_took(start, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_follows_the_holder_though_the_first_is_back() {
    let gate = Gate::with(&both(IN_TURN)).await;
    let session = on_the_second(&gate).await;
    let unproven = gate.waiter("ann", "other").await;
    leaves(&gate, session, 1).await;
    let mut inside = gate.dialed_at("second").await;
    inside.answers_login("ann", "other", "-ERR [AUTH] no").await;
    drop(unproven);
    // While the closer of that one is at work, the maildrop is still there.
    let next = gate.waiter("ann", "secret").await;
    inside.close();
    let inside = gate.dialed_at("second").await;
    let session = let_in(next, inside).await;
    leaves(&gate, session, 3).await;
    enters(&gate, "first").await;
}

#[tokio::test(start_paused = true)]
async fn the_connection_opened_ahead_leads_there_too() {
    let gate = Gate::with(&both(AHEAD)).await;
    let session = enters(&gate, "first").await;
    leaves(&gate, session, 1).await;
    let session = on_the_second(&gate).await;
    let next = gate.waiter("ann", "secret").await;
    let mut ahead = gate.dialed_at("second").await;
    ahead.greets().await;
    leaves(&gate, session, 2).await;
    ahead
        .answers_password("ann", "secret", "+OK ann, come in")
        .await;
    drop(next);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_opened_ahead_elsewhere_is_not_used() {
    let gate = Gate::with(&both(AHEAD)).await;
    let session = enters(&gate, "first").await;
    leaves(&gate, session, 1).await;
    // A holder for whom no backend greets yet: its waiter connects ahead to the first.
    let holder = gate.asking("ann", "secret").await;
    let dying = gate.dialed_at("first").await;
    let waiter = gate.waiter("ann", "secret").await;
    let mut ahead = gate.dialed_at("first").await;
    ahead.greets().await;
    ahead.expect_silence(seconds(1.0)).await;
    dying.close();
    let inside = gate.dialed_at("second").await;
    let session = let_in(holder, inside).await;
    leaves(&gate, session, 2).await;
    let inside = gate.dialed_at("second").await;
    let_in(waiter, inside).await;
    ahead.expect_eof().await;
}

#[tokio::test(start_paused = true)]
async fn where_its_backend_goes_down_the_next_login_goes_on_to_another() {
    let gate = Gate::with(&both(IN_TURN)).await;
    let session = on_the_second(&gate).await;
    let next = gate.waiter("ann", "secret").await;
    goes_down(&gate, "second").await;
    leaves(&gate, session, 1).await;
    let inside = gate.dialed_at("first").await;
    let session = let_in(next, inside).await;
    // And stays there.
    let next = gate.waiter("ann", "secret").await;
    comes_back(&gate, "second").await;
    leaves(&gate, session, 2).await;
    let inside = gate.dialed_at("first").await;
    let_in(next, inside).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_backend_gives_way_to_one_that_has_room() {
    let gate = Gate::with(&both(ONE_PLACE)).await;
    let _bob = gate.asking("bob", "hidden").await;
    let mut bobs = gate.dialed_at("first").await;
    bobs.lets_in("bob", "hidden").await;
    let start = Instant::now();
    enters(&gate, "second").await;
    assert_took(start, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn where_all_are_full_the_first_is_waited_for() {
    let gate = Gate::with(&both(ONE_PLACE)).await;
    let bob = gate.asking("bob", "hidden").await;
    let mut on_first = gate.dialed_at("first").await;
    on_first.lets_in("bob", "hidden").await;
    let _eve = gate.asking("eve", "hidden").await;
    let mut on_second = gate.dialed_at("second").await;
    on_second.lets_in("eve", "hidden").await;
    let mut ann = gate.asking("ann", "secret").await;
    ann.expect_silence(seconds(5.0)).await;
    bob.close();
    on_first.close();
    let inside = gate.dialed_at("first").await;
    let_in(ann, inside).await;
}

#[tokio::test(start_paused = true)]
async fn a_maildrop_that_is_on_a_full_backend_waits_for_a_place_there() {
    let gate = Gate::with(&both(ONE_PLACE)).await;
    let (ann, inside) = enters(&gate, "first").await;
    let next = gate.waiter("ann", "secret").await;
    // Bob is before it at the first one's door.
    goes_down(&gate, "second").await;
    let mut bob = gate.asking("bob", "hidden").await;
    bob.expect_silence(seconds(1.0)).await;
    comes_back(&gate, "second").await;
    let start = Instant::now();
    ann.close();
    inside.close();
    let mut bobs = gate.dialed_at("first").await;
    bobs.lets_in("bob", "hidden").await;
    bob.expect("+OK bob, come in\r\n").await;
    bob.close();
    bobs.close();
    let inside = gate.dialed_at("first").await;
    let_in(next, inside).await;
    assert_took(start, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_slow_to_be_known_holds_the_greeting_and_nothing_is_promised_for_it() {
    let gate = Gate::unseen(&both(IN_TURN));
    let start = Instant::now();
    let mut client = gate.client();
    gate.look("second", &["TOP", "UIDL", "PIPELINING", "USER"])
        .await;
    client.expect("+OK POP3 server ready\r\n").await;
    assert_took(start, 10.0..=10.0);
    client.send("CAPA\r\n").await;
    client
        .expect("+OK Capability list follows\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nSTLS\r\nUSER\r\n")
        .await;
    // Later ones do not wait for it at all.
    let start = Instant::now();
    gate.greeted().await;
    assert_took(start, 0.0..=0.0);
}
