//! Nobody can tell by text or time whether a wrong password was refused by the backend, by the
//! block list, or from memory; and popgate does not tell who exists.
//!
//! The backend takes between 1.5 and 2.5 s for a wrong password, drawn by chance. popgate draws
//! from its last 32 times, so what it adds is what a sample of 32 differs by.

use crate::support::{Gate, assert_took, seconds};
use popgate::observe::event::{Event, RuleEvent};
use popgate::time::Instant;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use tokio::time::sleep;

const ADDRESSES: u32 = 200;

/// The distance of Kolmogorov and Smirnov that two samples of 200 from one distribution pass once
/// in a thousand times: 1.95 × √(2 / 200).
const DISTANCE_MAX: f64 = 0.195;

/// Five times the standard error of the difference of two means of 200 times that are uniform
/// within a second: 5 × 0.289 × √(2 / 200).
const MEANS_APART_MAX: f64 = 0.145;

/// Nobody comes too often.
fn settings(rules: &str) -> String {
    format!("[defaults]\ncleartext = \"always\"\npolls = {{ enforce = \"off\" }}\n{rules}")
}

/// What the backend itself took, in seconds, in the order of its answers.
type Straight = Arc<Mutex<Vec<f64>>>;

/// A gate whose backend knows no password; it is half a second quicker with names that it does not
/// know.
async fn gate_with(rules: &str) -> (Gate, Straight) {
    let gate = Gate::strict(&settings(rules)).await;
    let straight = Straight::default();
    let (times, random) = (
        Arc::clone(&straight),
        Mutex::new(fastrand::Rng::with_seed(5)),
    );
    gate.serve_each(move |mut backend| {
        let draw = random.lock().expect("no panic").f64();
        let times = Arc::clone(&times);
        async move {
            let Some((user, _)) = backend.hears_login().await else {
                return;
            };
            let least = if user.starts_with("nobody") { 1.0 } else { 1.5 };
            sleep(seconds(least + draw)).await;
            times.lock().expect("no panic").push(least + draw);
            let answer = format!("-ERR [AUTH] Login of {user} failed, sorry {user}.");
            backend.answers(&answer).await;
        }
    });
    (gate, straight)
}

/// Answers: what they say, with the login taken out, and how many seconds each took.
#[derive(Default)]
struct Answers {
    texts: BTreeSet<String>,
    times: Vec<f64>,
}

impl Answers {
    fn add(&mut self, user: &str, (text, took): (String, f64)) {
        self.texts.insert(text.replace(user, "…"));
        self.times.push(took);
    }

    fn show(&self, name: &str) {
        let sorted = sorted(&self.times);
        let quantile = |part: f64| sorted[(part * (sorted.len() - 1) as f64) as usize];
        println!(
            "{name:>28}: {} answers, mean {:.3} s, 10 % {:.3} s, median {:.3} s, 90 % {:.3} s",
            sorted.len(),
            mean(&self.times),
            quantile(0.1),
            quantile(0.5),
            quantile(0.9),
        );
    }
}

fn sorted(times: &[f64]) -> Vec<f64> {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}

/// The largest difference of the parts of both samples that are below any time.
fn distance(one: &[f64], other: &[f64]) -> f64 {
    let part = |sorted: &[f64], time: f64| {
        sorted.partition_point(|&it| it <= time) as f64 / sorted.len() as f64
    };
    let (one, other) = (sorted(one), sorted(other));
    let times = one.iter().chain(&other);
    let apart = times.map(|&time| (part(&one, time) - part(&other, time)).abs());
    apart.fold(0.0, f64::max)
}

/// Nothing but noise is between them.
fn assert_alike((name, one): (&str, &Answers), (other_name, other): (&str, &Answers)) {
    one.show(name);
    other.show(other_name);
    let distance = distance(&one.times, &other.times);
    let apart = (mean(&one.times) - mean(&other.times)).abs();
    println!(
        "{:>28}  distance {distance:.3}, means {apart:.3} s apart",
        ""
    );
    assert_eq!(one.texts, other.texts);
    assert_eq!(one.texts.len(), 1, "{:?}", one.texts);
    assert!(distance < DISTANCE_MAX && apart < MEANS_APART_MAX);
}

/// A login from the nth address.
async fn ask(gate: &Gate, nth: u32, user: &str, password: &str) -> (String, f64) {
    let from = format!("198.51.{}.{}", nth / 250, nth % 250);
    let mut client = gate.visitor().from(&from).asking(user, password).await;
    let asked = Instant::now();
    let text = client.read_line().await;
    (text, asked.elapsed().as_secs_f64())
}

fn refusals(gate: &Gate) -> usize {
    let refused = |event: &Event| matches!(event, Event::Rule(RuleEvent::LoginRefused { .. }));
    gate.events.count(refused)
}

/// Twelve different passwords of each address; the answers to the last two of them.
async fn guessers(gate: &Gate) -> [Answers; 2] {
    let mut answers = [Answers::default(), Answers::default()];
    for nth in 0..ADDRESSES {
        let user = format!("user{nth}");
        for guess in 1..=12 {
            let answer = ask(gate, nth, &user, &format!("guess {guess}")).await;
            if guess > 10 {
                answers[guess - 11].add(&user, answer);
            }
        }
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn blocked_is_like_a_wrong_password() {
    let (blocking, _) = gate_with("").await;
    let blocked = guessers(&blocking).await;
    assert_eq!(refusals(&blocking), 2 * ADDRESSES as usize);
    let (asking, _) = gate_with("blocks = { enforce = \"off\" }\n").await;
    let wrong = guessers(&asking).await;
    assert_eq!(refusals(&asking), 0);
    for (nth, (blocked, wrong)) in blocked.iter().zip(&wrong).enumerate() {
        println!("try {}", nth + 11);
        assert_alike(("blocked", blocked), ("wrong password", wrong));
    }
}

/// The same password four times from each address; the answers to the last one.
async fn stale_programs(gate: &Gate) -> Answers {
    let mut answers = Answers::default();
    for nth in 0..ADDRESSES {
        let user = format!("user{nth}");
        for again in 1..=4 {
            let answer = ask(gate, nth, &user, "stale").await;
            if again == 4 {
                answers.add(&user, answer);
            }
        }
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn refused_from_memory_is_like_a_wrong_password() {
    let (remembering, _) = gate_with("").await;
    let from_memory = stale_programs(&remembering).await;
    assert_eq!(refusals(&remembering), ADDRESSES as usize);
    let (asking, _) = gate_with("failures = { same_password = 0 }\n").await;
    let wrong = stale_programs(&asking).await;
    assert_eq!(refusals(&asking), 0);
    assert_alike(
        ("refused from memory", &from_memory),
        ("wrong password", &wrong),
    );
}

/// Whoever is blocked hears it later and later, as if the backend had refused each try.
#[tokio::test(start_paused = true)]
async fn the_delay_grows_for_the_blocked_as_for_others() {
    for mode in ["block", "off"] {
        let rules = format!("blocks = {{ enforce = \"{mode}\", passwords_per_maildrop = 2 }}\n");
        let gate = Gate::strict(&settings(&rules)).await;
        gate.serve_each(|mut backend| async move {
            backend.hears_login().await.expect("a login");
            backend.answers("-ERR [AUTH] no").await;
        });
        for (guess, delay) in [1.0, 2.0, 4.0, 4.0, 8.0, 15.0].into_iter().enumerate() {
            // The fourth is the third again.
            let guess = if guess == 3 { 2 } else { guess };
            let start = Instant::now();
            ask(&gate, 1, "ann", &guess.to_string()).await;
            assert_took(start, delay..=delay);
        }
        assert_eq!(refusals(&gate), if mode == "block" { 4 } else { 0 });
    }
}

/// popgate holds the answer for as long as the address deserves, and never looks at who it is.
#[tokio::test(start_paused = true)]
async fn an_unknown_name_differs_by_no_more_than_at_the_backend_itself() {
    let (gate, straight) = gate_with("").await;
    let (mut known, mut unknown) = (Answers::default(), Answers::default());
    let mut held = Vec::new();
    for nth in 0..ADDRESSES {
        let mut both = [
            (format!("user{nth}"), &mut known),
            (format!("nobody{nth}"), &mut unknown),
        ];
        // Whoever comes second is held for longer.
        if nth % 2 == 1 {
            both.reverse();
        }
        for (user, answers) in both {
            let answer = ask(&gate, nth, &user, "1234").await;
            held.push(answer.1 - straight.lock().unwrap().last().unwrap());
            answers.add(&user, answer);
        }
    }
    known.show("wrong password");
    unknown.show("unknown name");
    let straight = straight.lock().unwrap();
    // In the order of the backend's answers: known, unknown, unknown, known, and so on.
    let is_known = |index: &usize| matches!(index % 4, 0 | 3);
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    for (index, &time) in straight.iter().enumerate() {
        if is_known(&index) {
            &mut of_known
        } else {
            &mut of_unknown
        }
        .push(time);
    }
    let through = mean(&known.times) - mean(&unknown.times);
    let by_itself = mean(&of_known) - mean(&of_unknown);
    println!("means apart: {through:.3} s through the gate, {by_itself:.3} s straight");
    // Timers are a millisecond coarse.
    assert!((through - by_itself).abs() < 0.002);
    for (nth, held) in held.chunks(2).enumerate() {
        assert!(
            (held[0] - 1.0).abs() < 0.005 && (held[1] - 2.0).abs() < 0.005,
            "{nth}: {held:?}"
        );
    }
    assert_eq!((known.texts.len(), &known.texts), (1, &unknown.texts));
}
