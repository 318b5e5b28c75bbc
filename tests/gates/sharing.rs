//! Listings that are shown again: only where no session has begun since, at whichever gate.

use crate::fire::Program;
use crate::site::{Site, has_state, is_healthy, log_in, proven};
use std::time::Duration;
use tokio::time::timeout;

/// For what has to wait for nobody.
const SOON: Duration = Duration::from_secs(20);

const ANN: &str = "ann@example.com";

/// A tenant that shares in these ways, whose clients wait for five seconds.
fn sharing(steps: &str) -> String {
    format!(
        "[[tenant]]\nname = \"t\"\ndomains = [\"example.com\"]\npreempt_idle = \"off\"\n\
         wait = \"8s\"\nsharing = {{ mode = \"on\", {steps} }}\n"
    )
}

const LET_IN: &str = "demotion = false";
const END_OF_WAIT: &str = "demotion = false, let_in = false";

async fn lists(program: &mut Program) {
    program.ok("STAT".to_owned()).await.unwrap();
    program.listing("LIST").await.unwrap();
    program.listing("UIDL").await.unwrap();
}

async fn quits(mut program: Program) {
    program.ok("QUIT".to_owned()).await.unwrap();
}

impl Site {
    /// A login that must not fail.
    async fn in_at(&self, gate: usize) -> Program {
        let login = timeout(SOON, self.log_in(gate, ANN)).await;
        login.unwrap().unwrap()
    }

    /// A program looks at its mail.
    async fn looks(&self, gate: usize) {
        let mut program = self.in_at(gate).await;
        lists(&mut program).await;
        quits(program).await;
    }

    /// Logins that a gate let in by itself so far.
    async fn let_in(&self, gate: usize, reason: &str) -> u64 {
        let label = format!("reason=\"{reason}\"");
        let name = "popgate_sharing_let_in_total";
        let count = self.gates[gate].metric(name, &[&label]).await;
        format!("{count:.0}").parse().unwrap()
    }

    /// Whether a program that looks at its mail is let in by the gate itself.
    async fn is_let_in(&self, gate: usize) -> bool {
        let before = self.let_in(gate, "fresh").await;
        let sessions = self.sessions();
        self.looks(gate).await;
        let is_let_in = self.let_in(gate, "fresh").await > before;
        assert_eq!(self.sessions() - sessions, usize::from(!is_let_in));
        is_let_in
    }

    /// As the backend has seen them.
    fn sessions(&self) -> usize {
        self.backend.log().sessions().count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_shown_again_at_its_gate_until_another_gate_had_a_session() {
    let Some(site) = Site::start(&sharing(LET_IN)).await else {
        return;
    };
    assert!(!site.is_let_in(0).await);
    assert!(site.is_let_in(0).await);
    assert!(!site.is_let_in(1).await, "what it shows is its own");
    assert!(!site.is_let_in(0).await, "the other gate was there");
    assert!(site.is_let_in(0).await);
    assert!(!site.is_let_in(1).await);
    assert!(site.is_let_in(1).await);
    // It has not ended yet.
    let open = site.log_in(2, ANN).await.unwrap();
    let to = site.gates[1].ports.plain;
    let behind = tokio::spawn(async move { log_in(to, ANN).await });
    site.gates[1]
        .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
        .await;
    quits(open).await;
    quits(timeout(SOON, behind).await.unwrap().unwrap().unwrap()).await;
    assert_eq!(site.overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_spent_ends_on_a_listing_unless_another_gate_had_a_session_since() {
    let Some(site) = Site::start(&sharing(END_OF_WAIT)).await else {
        return;
    };
    proven(&site, ANN).await;
    let mut phone = site.in_at(0).await;
    lists(&mut phone).await;
    let mut pc = site.in_at(0).await;
    assert_eq!(site.let_in(0, "wait_spent").await, 1);
    lists(&mut pc).await;
    quits(pc).await;
    let refused = timeout(SOON, site.log_in(1, ANN)).await.unwrap();
    let why = refused.err().unwrap().to_string();
    assert!(why.contains("-ERR"), "it was shown nothing there: {why}");
    quits(phone).await;

    let mut other = site.in_at(1).await;
    lists(&mut other).await;
    let refused = timeout(SOON, site.log_in(0, ANN)).await.unwrap();
    let why = refused.err().unwrap().to_string();
    assert!(why.contains("-ERR"), "the other gate is there: {why}");
    assert_eq!(site.let_in(0, "wait_spent").await, 1);
    quits(other).await;
    assert_eq!(site.overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_engine_is_away_each_login_is_a_real_one_and_none_fails() {
    let Some(mut site) = Site::start(&sharing(LET_IN)).await else {
        return;
    };
    site.looks(0).await;
    assert!(site.is_let_in(0).await);
    // It is asked, and does not answer.
    site.engine.freeze();
    assert!(!site.is_let_in(0).await);
    has_state(&site.gates[0], "degraded", SOON).await;
    assert!(!site.is_let_in(0).await);
    site.engine.thaw();
    for gate in &site.gates {
        is_healthy(gate).await;
    }
    site.engine.kill();
    assert!(!site.is_let_in(0).await);
    assert!(!site.is_let_in(0).await);
    assert_eq!(site.overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shown_before_an_outage_is_not_shown_again_behind_it() {
    let Some(site) = Site::start(&sharing(LET_IN)).await else {
        return;
    };
    site.looks(0).await;
    site.engine.freeze();
    for gate in &site.gates {
        has_state(gate, "degraded", SOON).await;
    }
    // No turn tells of it.
    site.looks(1).await;
    site.engine.thaw();
    for gate in &site.gates {
        is_healthy(gate).await;
    }
    assert!(!site.is_let_in(0).await);
    assert_eq!(site.overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_back_to_a_listing_before_the_engine_is_well() {
    let settings = sharing("let_in = false, end_of_wait = false");
    let Some(site) = Site::start(&format!("{settings}demote_idle = \"1s\"\n")).await else {
        return;
    };
    proven(&site, ANN).await;
    let mut phone = site.in_at(0).await;
    lists(&mut phone).await;
    site.engine.freeze();
    has_state(&site.gates[0], "degraded", SOON).await;
    let refused = timeout(SOON, site.log_in(0, ANN)).await.unwrap();
    let why = refused.err().unwrap().to_string();
    assert!(why.contains("-ERR"), "{why}");
    site.engine.thaw();
    is_healthy(&site.gates[0]).await;
    quits(site.in_at(0).await).await;
    // It is on its listing by now.
    lists(&mut phone).await;
    quits(phone).await;
    let demoted = site.gates[0].metric("popgate_sharing_demotions_total", &[]);
    assert_eq!(format!("{:.0}", demoted.await), "1");
    assert_eq!(site.overlaps(), 0);
}
