//! Not known is not down: who comes before the backends were looked at is held before its greeting.

use crate::support::{Gate, Wire, assert_took, seconds};
use popgate::gate::Stage;
use popgate::observe::event::End;
use popgate::time::Instant;

const GREETING: &str = "+OK POP3 server ready\r\n";
const UNREACHABLE: &str =
    "-ERR [SYS/TEMP] Mail server not reachable, please wait and try again\r\n";
const CLEAR: &str = "[defaults]\ncleartext = \"always\"\n";
const CAPABILITIES: &[&str] = &["TOP", "UIDL", "PIPELINING", "USER"];

#[tokio::test(start_paused = true)]
async fn of_two_hundred_starts_none_refuses_those_who_knock_already() {
    for start in 0..200_u32 {
        let gate = Gate::unseen(CLEAR);
        let mut early: Vec<Wire> = (0..5).map(|_| gate.client()).collect();
        let began = Instant::now();
        let pause = seconds(f64::from(start % 9));
        early[0].expect_silence(pause).await;
        gate.look("legacy", CAPABILITIES).await;
        for client in &mut early {
            client.expect(GREETING).await;
        }
        assert_eq!(began.elapsed(), pause);
    }
}

#[tokio::test(start_paused = true)]
async fn who_was_held_has_as_long_for_the_login_as_others() {
    let gate = Gate::unseen(CLEAR);
    let mut client = gate.client();
    client.expect_silence(seconds(9.0)).await;
    gate.look("legacy", CAPABILITIES).await;
    client.expect(GREETING).await;
    client.expect_silence(seconds(59.0)).await;
    client.asks_in("ann", "secret").await;
    gate.dialed().await.lets_in("ann", "secret").await;
    client.expect("+OK ann, come in\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_the_greeting_is_answered_behind_it() {
    let gate = Gate::unseen(CLEAR);
    let mut client = gate.client();
    client.send("USER ann\r\nQUIT\r\n").await;
    client.half_close().await;
    client.expect_silence(seconds(1.0)).await;
    gate.look("legacy", CAPABILITIES).await;
    let answers = format!("{GREETING}+OK Send PASS\r\n+OK Goodbye\r\n");
    client.expect(answers).await;
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_down_is_told_as_soon_as_that_is_known() {
    let gate = Gate::unseen(CLEAR);
    let mut client = gate.client();
    client.expect_silence(seconds(1.0)).await;
    gate.cut_off("legacy");
    gate.look("legacy", &[]).await;
    client.expect(UNREACHABLE).await;
    client.expect_eof().await;
    assert_eq!(gate.end_of("client 1").await.end(), End::BackendUnreachable);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_is_slow_to_greet_is_left_to_the_login_after_ten_seconds() {
    let gate = Gate::unseen(CLEAR);
    let start = Instant::now();
    let mut client = gate.greeted().await;
    assert_took(start, 10.0..=10.0);
    client.asks_in("ann", "secret").await;
    let mut backend = gate.dialed().await;
    client.expect_silence(seconds(12.0)).await;
    backend.greets().await;
    backend.expect("USER ann\r\n").await;
    backend.send("+OK\r\n").await;
    backend.expect("PASS secret\r\n").await;
    backend.send("+OK in at last\r\n").await;
    client.expect("+OK in at last\r\n").await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_and_a_client_that_leaves_end_the_hold() {
    let gate = Gate::unseen(CLEAR);
    let start = Instant::now();
    let (gone, mut stopped) = (gate.client(), gate.client());
    gone.close();
    assert_eq!(gate.end_of("client 1").await.end(), End::LeftBeforeLogin);
    gate.stage.send_replace(Stage::Draining);
    stopped.expect_eof().await;
    assert_eq!(gate.end_of("client 2").await.end(), End::Shutdown);
    assert_took(start, 0.0..=0.0);
}

#[tokio::test(start_paused = true)]
async fn the_handshake_of_an_implicit_port_goes_on_meanwhile() {
    let gate = Gate::unseen(CLEAR);
    let client = gate.visitor().at("pop3s").connect();
    let mut client = client.start_tls().await;
    client.expect_silence(seconds(1.0)).await;
    gate.look("legacy", CAPABILITIES).await;
    client.expect(GREETING).await;
}
