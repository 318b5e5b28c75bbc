//! The table against sessions of the programs themselves, and against any other.

use super::*;
use crate::limits::TRACE_STEPS_MAX;
use crate::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Write;

const SESSIONS: &str = include_str!("../../tests/programs/sessions.tsv");
/// What the test writes behind the facts.
const FACTS: usize = 5;

/// A session of a program.
struct Session {
    family: Family,
    hello: Option<HelloFingerprint>,
    idle: Duration,
    trace: Trace,
    /// Its line.
    cells: Vec<&'static str>,
}

fn sessions() -> Vec<Session> {
    let lines = SESSIONS.lines().filter(|line| !line.starts_with('#'));
    lines.map(Session::of).collect()
}

impl Session {
    fn of(line: &'static str) -> Self {
        let cells: Vec<_> = line.split('\t').collect();
        let [program, library, _, idle, trace, ..] = cells[..] else {
            panic!("too few cells: {line}");
        };
        let seen = Self {
            family: Family::named(program).unwrap_or_else(|| panic!("no family: {line}")),
            hello: TlsLibrary::named(library).map(hello),
            idle: Duration::from_secs(idle.parse().unwrap()),
            trace: Trace::from_text(trace),
            cells,
        };
        assert_eq!(seen.trace.to_text(), trace, "as it is written");
        seen
    }

    /// What it is taken for after so many steps.
    fn guess_after(&self, steps: usize) -> ProgramGuess {
        let octets = self.trace.octets();
        let is_over = steps == octets.len();
        self.guess_of(&Trace::of_octets(octets[..steps].iter().copied()), is_over)
    }

    fn guess_of(&self, trace: &Trace, is_over: bool) -> ProgramGuess {
        guess(&Evidence {
            trace,
            hello: self.hello,
            idle: if is_over { self.idle } else { Duration::ZERO },
            has_given_up: false,
            remembered: None,
        })
    }

    fn before_login(&self) -> ProgramGuess {
        self.guess_after(self.trace.beginning().octets().len())
    }

    fn at_the_end(&self) -> ProgramGuess {
        self.guess_after(self.trace.octets().len())
    }

    /// The command from which on it is what it is at the end.
    fn stands_from(&self) -> &'static str {
        let end = self.at_the_end();
        let others = |steps: &usize| self.guess_after(*steps) != end;
        let len = self.trace.octets().len();
        let Some(last_other) = (0..len).rev().find(others) else {
            return "-";
        };
        let step = self.trace.steps().nth(last_other).map(|seen| seen.step);
        match step {
            _ if last_other + 1 == len && self.idle > Duration::ZERO => "silence",
            Some(step) => step.as_str(),
            None => "-",
        }
    }

    fn line(&self) -> String {
        let mut line = self.cells[..FACTS].join("\t");
        let before = self.before_login().to_string();
        let end = self.at_the_end().to_string();
        for cell in [before.as_str(), end.as_str(), self.stands_from()] {
            let _ = write!(line, "\t{cell}");
        }
        line
    }
}

fn hello(library: TlsLibrary) -> HelloFingerprint {
    HelloFingerprint {
        digest: library as u64,
        cipher_suites: 0,
        groups: 0,
        signature_schemes: 0,
        protocols: 0,
        tls_library: library,
    }
}

#[test]
fn sessions_of_known_programs_are_taken_for_what_the_file_says() {
    let comments = SESSIONS.lines().filter(|line| line.starts_with('#'));
    let lines: Vec<_> = sessions().iter().map(Session::line).collect();
    let lines = comments.map(str::to_owned).chain(lines);
    let written: String = lines.map(|line| line + "\n").collect();
    if std::env::var_os("UPDATE_PROGRAMS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/sessions.tsv");
        std::fs::write(path, &written).unwrap();
    } else {
        assert_eq!(SESSIONS, written, "UPDATE_PROGRAMS=1 writes it anew");
    }
    println!("{}", confusion_table());
}

/// How often each program was taken for which, at the end of its sessions.
fn confusion_table() -> String {
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for session in sessions() {
        let taken_for = session.at_the_end().to_string();
        *counts
            .entry((session.family.as_str(), taken_for))
            .or_default() += 1;
    }
    let mut table = String::from("program | taken for | sessions\n");
    for ((program, taken_for), count) in counts {
        let _ = writeln!(table, "{program} | {taken_for} | {count}");
    }
    table
}

#[test]
fn no_program_takes_anothers_name_at_high_confidence_however_far_its_session_has_come() {
    for session in sessions() {
        for steps in 0..=session.trace.octets().len() {
            let guess = session.guess_after(steps);
            let is_right = guess.family.with(session.family).is_some();
            assert!(
                is_right || guess.confidence < Confidence::High,
                "{} after {steps} steps: {guess}",
                session.line()
            );
        }
    }
}

fn any_trace() -> impl Strategy<Value = Trace> {
    let step = (0..Step::ALL.len(), any::<bool>());
    vec(step, 0..40).prop_map(|steps| {
        let mut trace = Trace::default();
        for (step, sent_ahead) in steps {
            trace.push(Step::ALL[step], sent_ahead);
        }
        trace
    })
}

/// A session of a known program, up to somewhere, and then anything.
fn known_beginning() -> impl Strategy<Value = (usize, usize, Trace)> {
    let sessions = sessions().len();
    (0..sessions, 0..TRACE_STEPS_MAX, any_trace())
}

#[test]
fn what_two_programs_do_alike_is_taken_for_neither() {
    // JavaMail, as it sends PASS ahead, and Android's own program.
    let trace = Trace::from_text("CAPA, STLS, USER, +PASS, STAT, UIDL");
    let seen = guess(&Evidence {
        trace: &trace,
        hello: Some(hello(TlsLibrary::Other)),
        idle: Duration::ZERO,
        has_given_up: false,
        remembered: None,
    });
    assert_eq!(seen, ProgramGuess::UNKNOWN);
}

proptest! {
    #[test]
    fn any_trace_is_taken_for_something(trace in any_trace(), row in 0..sessions().len()) {
        let session = &sessions()[row];
        let guess = session.guess_of(&trace, true);
        let shown = guess.to_string();
        prop_assert_eq!(shown == "unknown", guess.family == Family::Unknown);
    }

    #[test]
    fn what_is_sure_is_never_surely_another_later((row, kept, rest) in known_beginning()) {
        let session = &sessions()[row];
        let mut trace = Trace::default();
        let mut sure: Option<Family> = None;
        for seen in session.trace.steps().take(kept).chain(rest.steps()) {
            trace.push(seen.step, seen.sent_ahead);
            let guess = session.guess_of(&trace, false);
            if guess.confidence < Confidence::High {
                continue;
            }
            let before = *sure.get_or_insert(guess.family);
            prop_assert!(
                before.with(guess.family).is_some(),
                "{}: {} and then {}", trace.to_text(), before.as_str(), guess
            );
        }
    }
}
