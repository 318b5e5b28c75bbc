//! Who is next, across gates.

use crate::fire::Program;
use crate::load::Load;
use crate::site::{PATIENT, Site, log_in, proven};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// For what happens soon.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn sessions_at_three_gates_never_meet() {
    let Some(site) = Site::start("").await else {
        return;
    };
    // The first epoch gives nothing away for two seconds.
    let mut first = site.log_in(0, "ann").await.unwrap();
    first.ok("QUIT".to_owned()).await.unwrap();
    let until = Instant::now() + Duration::from_secs(8);
    let tally = Load::start(&site, 45, 15, until).end().await;
    println!(
        "{} sessions, login p50 {:?}, p99 {:?}, longest {:?}",
        tally.done,
        tally.quantile(0.5),
        tally.quantile(0.99),
        tally.longest()
    );
    assert_eq!(tally.failed, Vec::<String>::new());
    assert_eq!(site.overlaps(), 0, "sessions overlapped in a maildrop");
    assert!(tally.done > 200, "{tally:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_at_another_gate_is_next_and_hears_of_it_at_once() {
    let Some(site) = Site::start("").await else {
        return;
    };
    // Proven at both gates.
    for gate in [0, 1] {
        let mut first = site.log_in(gate, "ann").await.unwrap();
        first.ok("QUIT".to_owned()).await.unwrap();
    }
    let mut holder = site.log_in(0, "ann").await.unwrap();
    let to = site.gates[1].ports.plain;
    let waiting = tokio::spawn(async move { log_in(to, "ann").await.unwrap() });
    site.gates[1]
        .wait_for("popgate_lock_waiters", &[], 1.0, Duration::from_secs(10))
        .await;
    holder.ok("QUIT".to_owned()).await.unwrap();
    let began = Instant::now();
    let mut next = timeout(Duration::from_secs(5), waiting)
        .await
        .unwrap()
        .unwrap();
    println!("handed over after {:?}", began.elapsed());
    next.ok("QUIT".to_owned()).await.unwrap();
    assert_eq!(site.overlaps(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_waiters_all_have_their_turn() {
    let settings = format!("{PATIENT}queue = 100\nconnections = {{ per_maildrop = 300 }}\n");
    let Some(site) = Site::start(&settings).await else {
        return;
    };
    let user = "ann@example.com";
    proven(&site, user).await;
    let mut holder = site.log_in(0, user).await.unwrap();
    let mut waiting = JoinSet::new();
    for gate in &site.gates {
        for _ in 0..80 {
            let to = gate.ports.plain;
            waiting.spawn(async move { log_in(to, user).await?.ok("QUIT".to_owned()).await });
        }
    }
    for gate in &site.gates {
        gate.wait_for("popgate_lock_waiters", &[], 80.0, Duration::from_secs(20))
            .await;
    }
    holder.ok("QUIT".to_owned()).await.unwrap();
    let began = Instant::now();
    let ends = waiting.join_all().await;
    println!(
        "{} turns of one maildrop in {:?}",
        ends.len(),
        began.elapsed()
    );
    let failed: Vec<_> = ends.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(site.overlaps(), 0);
}

/// The holder rests, and its gate hears that somebody waits at another one.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_holder_is_pre_empted_for_a_waiter_at_another_gate() {
    let Some(site) = Site::start(
        "[[tenant]]\nname = \"t\"\ndomains = [\"example.com\"]\npreempt_idle = \"1s\"\n",
    )
    .await
    else {
        return;
    };
    let user = "ann@example.com";
    for gate in [0, 1] {
        let mut first = site.log_in(gate, user).await.unwrap();
        first.ok("QUIT".to_owned()).await.unwrap();
    }
    let _holder = site.log_in(0, user).await.unwrap();
    let began = Instant::now();
    let mut next = timeout(Duration::from_secs(20), site.log_in(1, user))
        .await
        .unwrap()
        .unwrap();
    println!("let in after {:?}", began.elapsed());
    next.ok("QUIT".to_owned()).await.unwrap();
    assert_eq!(site.overlaps(), 0);
    let pre_empted = site.gates[0].metric("popgate_preemptions_total", &[]).await;
    assert!((pre_empted - 1.0).abs() < 0.5, "{pre_empted}");
}

/// Gates take turns, however many wait at one of them.
#[tokio::test(flavor = "multi_thread")]
async fn one_waiter_beside_eighty_of_another_gate_is_second_at_the_latest() {
    let settings = format!("{PATIENT}queue = 100\nconnections = {{ per_maildrop = 300 }}\n");
    let Some(site) = Site::start(&settings).await else {
        return;
    };
    let user = "ann@example.com";
    proven(&site, user).await;
    let mut holder = site.log_in(2, user).await.unwrap();
    let served = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = JoinSet::new();
    for (gate, many) in [(0, 80), (1, 1)] {
        for _ in 0..many {
            let to = site.gates[gate].ports.plain;
            let served = Arc::clone(&served);
            waiting.spawn(async move {
                let mut program = log_in(to, user).await.unwrap();
                served.lock().unwrap().push(gate);
                program.ok("QUIT".to_owned()).await.unwrap();
            });
        }
        site.gates[gate]
            .wait_for("popgate_lock_waiters", &[], f64::from(many), SOON)
            .await;
    }
    holder.ok("QUIT".to_owned()).await.unwrap();
    timeout(SOON, waiting.join_all()).await.unwrap();
    let served = served.lock().unwrap();
    let place = served.iter().position(|gate| *gate == 1).unwrap();
    println!(
        "of {} waiters the one at another gate was number {}",
        served.len(),
        place + 1
    );
    assert!(place < 2, "{served:?}");
    assert_eq!(site.overlaps(), 0);
}

/// Who has not shown the right password lately waits behind the owner, also from another gate.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_came_first_at_another_gate_does_not_take_the_owners_place() {
    let settings = "[[tenant]]\nname = \"t\"\ndomains = [\"strict.example\"]\n\
                    preempt_idle = \"off\"\nwait = \"55s\"\nfailures = { delay = \"0s\" }\n";
    let Some(site) = Site::start(settings).await else {
        return;
    };
    let user = "carl@strict.example";
    proven(&site, user).await;
    let mut holder = site.log_in(2, user).await.unwrap();
    let (told, mut answers) = mpsc::unbounded_channel();
    for (gate, password) in [(0, "guess"), (1, "secret")] {
        let to = site.gates[gate].ports.plain;
        let told = told.clone();
        tokio::spawn(async move {
            let mut program = Program::unheard(to).await.unwrap();
            program.ok(String::new()).await.unwrap();
            program.ok(format!("USER {user}")).await.unwrap();
            let answer = program.ask(&format!("PASS {password}")).await.unwrap();
            told.send((password, answer.starts_with("+OK"))).unwrap();
            program.ok("QUIT".to_owned()).await.unwrap();
        });
        site.gates[gate]
            .wait_for("popgate_lock_waiters", &[], 1.0, SOON)
            .await;
    }
    holder.ok("QUIT".to_owned()).await.unwrap();
    let mut next = async || timeout(SOON, answers.recv()).await.unwrap().unwrap();
    assert_eq!(next().await, ("secret", true));
    assert_eq!(next().await, ("guess", false));
    assert_eq!(site.overlaps(), 0);
}
