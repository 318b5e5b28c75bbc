//! The scenes of sharing: the program checks for mail once a minute.

use super::{PASSWORD, USER, connections, replay};
use crate::shared::let_in;
use crate::support::Gate;
use popgate::demo::server::{DemoOptions, DemoServer};
use popgate::policy::sharing::LetInReason;
use popgate::secret::Secret;
use popgate::time::Duration;
use std::sync::Arc;
use tokio::time::sleep;

const BACKEND: &str = r#"[[backend]]
name = "legacy"
address = "10.0.0.5:110"
shareable = true
"#;

const MINUTE: Duration = Duration::from_secs(60);
const NEW_MAIL: &[u8] = b"Subject: new\r\n\r\nnew\r\n";

#[tokio::test(start_paused = true)]
async fn recorded_programs_are_let_in_when_the_wait_is_spent_and_read_new_mail_later() {
    for (name, checks) in connections("shared-spent") {
        let (gate, server) = sharing("wait = \"8s\"\nfresh = \"60s\"\n").await;
        let [first, second, third] = &checks[..] else {
            panic!("{name} has {} connections", checks.len());
        };
        let first = replay(&gate, first, None).await;
        // It is another of the user's programs, and has seen the same listing.
        let mut holder = gate.asking(USER, PASSWORD).await;
        holder.expect_prefix("+OK").await;
        holder.send("DELE 1\r\n").await;
        holder.expect_prefix("+OK").await;
        sleep(MINUTE).await;
        let second = replay(&gate, second, None).await;
        holder.close();
        server.deliver(USER, NEW_MAIL);
        sleep(MINUTE).await;
        let third = replay(&gate, third, None).await;
        assert_eq!([first, second, third], [5, 0, 1], "{name}");
        assert_eq!(let_in(&gate, 0).await, LetInReason::Fresh, "the holder");
        assert_eq!(let_in(&gate, 1).await, LetInReason::WaitSpent, "{name}");
        assert_eq!(server.log().counts().logins, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn recorded_programs_are_let_in_on_a_fresh_listing_and_read_new_mail_later() {
    for (name, checks) in connections("shared-poll") {
        let (gate, server) = sharing("fresh = \"90s\"\n").await;
        let mut retrieved = Vec::new();
        for events in &checks {
            retrieved.push(replay(&gate, events, None).await);
            sleep(MINUTE).await;
            if retrieved.len() == 1 {
                server.deliver(USER, NEW_MAIL);
            }
        }
        assert_eq!(retrieved, [5, 0, 1, 0], "{name}");
        assert_eq!(server.log().counts().logins, 2, "{name}");
    }
}

async fn sharing(rules: &str) -> (Gate, Arc<DemoServer>) {
    let defaults = "[defaults]\ncleartext = \"always\"\nsharing = \"on\"\n";
    let gate = Gate::with(&[BACKEND, defaults, rules].concat()).await;
    let server = DemoServer::new(DemoOptions {
        users: vec![(USER.to_owned(), Secret::new(PASSWORD.as_bytes().to_vec()))],
        ..DemoOptions::default()
    });
    gate.serve_by(&server);
    (gate, server)
}
