//! Before login.

use crate::support::Gate;
use popgate::observe::event::End;

#[tokio::test(start_paused = true)]
async fn a_session_goes_from_greeting_to_quit() {
    let gate = Gate::classic().await;
    let (mut ann, mut backend) = gate.log_in("ann", "secret").await;
    ann.send("STAT\r\n").await;
    backend.expect("STAT\r\n").await;
    backend.send("+OK 2 320\r\n").await;
    ann.expect("+OK 2 320\r\n").await;
    ann.send("QUIT\r\n").await;
    backend.expect("QUIT\r\n").await;
    backend.send("+OK bye\r\n").await;
    ann.expect("+OK bye\r\n").await;
    ann.expect_eof().await;
    backend.close();
    assert_eq!(gate.end_of("client 1").await.end, End::Quit);
}
