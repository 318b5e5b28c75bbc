use super::*;
use crate::policy::attempt::tests::{attempt, policy};
use crate::time::Duration;

const FIRST: SessionId = SessionId(1);

struct Reading {
    programs: Programs,
    start: Instant,
}

fn beginning(trace: &str) -> Beginning {
    Beginning {
        trace: Trace::from_text(trace),
        hello: None,
    }
}

fn seen(trace: &str, family: Family) -> SeenProgram {
    SeenProgram {
        trace: Trace::from_text(trace),
        hello: None,
        family,
    }
}

impl Reading {
    fn new() -> Self {
        Self {
            programs: Programs::new(),
            start: Instant::now(),
        }
    }

    fn at(&self, seconds: f64) -> Instant {
        self.start + Duration::from_secs_f64(seconds)
    }

    fn attempt(&self, number: u64, seconds: f64) -> LoginAttempt {
        LoginAttempt {
            session: SessionId(number),
            asked: self.at(seconds),
            ..attempt("ann", policy())
        }
    }

    /// A session from one time to another that turns out to be this.
    fn session(&self, number: u64, from: f64, to: f64, trace: &str, family: Family) -> Neighbour {
        let attempt = self.attempt(number, from);
        let neighbour = self.programs.came(&attempt, self.at(from));
        let learnt = (family != Family::Unknown).then_some(family);
        let seen = seen(trace, family);
        self.programs.left(&attempt, seen, learnt, self.at(to));
        neighbour
    }

    fn recall(&self, trace: &str, seconds: f64) -> Option<Family> {
        let attempt = self.attempt(99, seconds);
        self.programs
            .recall(&attempt, &beginning(trace), self.at(seconds))
    }
}

const PLAIN: &str = "CAPA, AUTH PLAIN";

#[test]
fn a_program_is_recalled_by_its_beginning_beside_others_of_its_address() {
    let reading = Reading::new();
    let k9 = "CAPA, AUTH PLAIN, STAT, UIDL, QUIT";
    reading.session(1, 0.0, 1.0, k9, Family::K9);
    reading.session(2, 10.0, 11.0, "USER, PASS, STAT, UIDL", Family::IosMail);
    assert_eq!(reading.recall(PLAIN, 60.0), Some(Family::K9));
    assert_eq!(reading.recall("USER, PASS", 60.0), Some(Family::IosMail));
    assert_eq!(reading.recall("CAPA, USER, PASS", 60.0), None);
    let stranger = LoginAttempt {
        client: "192.0.2.99:1".parse().unwrap(),
        ..reading.attempt(3, 60.0)
    };
    let recalled = reading
        .programs
        .recall(&stranger, &beginning(PLAIN), reading.at(60.0));
    assert_eq!(recalled, None);
}

#[test]
fn of_two_programs_that_begin_alike_none_is_recalled_until_one_was_not_seen_for_long() {
    let reading = Reading::new();
    let day = 86_400.0;
    reading.session(1, 0.0, 1.0, "CAPA, AUTH PLAIN, STAT, UIDL", Family::K9);
    let desktop = "CAPA, AUTH PLAIN, STAT, LIST, UIDL";
    reading.session(2, 5.0 * day, 5.0 * day, desktop, Family::Thunderbird);
    assert_eq!(reading.recall(PLAIN, 6.0 * day), None);
    assert_eq!(reading.recall(PLAIN, 8.0 * day), Some(Family::Thunderbird));
    assert_eq!(reading.recall(PLAIN, 13.0 * day), None);
}

#[test]
fn what_says_more_stays() {
    let reading = Reading::new();
    for family in [
        Family::ClawsOrSylpheed,
        Family::Sylpheed,
        Family::ClawsOrSylpheed,
    ] {
        reading.session(1, 0.0, 1.0, "USER, PASS, STAT, UIDL, LIST", family);
    }
    assert_eq!(reading.recall("USER, PASS", 2.0), Some(Family::Sylpheed));
}

#[test]
fn a_reader_keeps_no_more_programs_than_it_may_have() {
    let reading = Reading::new();
    let capas = |n: usize| ["CAPA, ", "AUTH, "].repeat(n).concat() + "USER, PASS";
    for n in 0..=PROGRAMS_EACH {
        reading.session(1, 0.0, 1.0, &capas(n), Family::K9);
    }
    assert_eq!(reading.recall(&capas(0), 2.0), None);
    for n in 1..=PROGRAMS_EACH {
        assert_eq!(reading.recall(&capas(n), 2.0), Some(Family::K9));
    }
}

#[test]
fn a_neighbour_is_one_that_came_or_left_within_two_seconds_of_the_login() {
    let claws = "USER, PASS, STAT, UIDL, LIST";
    // One from a time to another, and a login that is asked for and let in.
    for (from, to, asked, let_in, expected) in [
        (0.0, 60.0, 1.9, 1.9, "beside"),
        (0.0, 60.0, 2.1, 2.1, "nobody"),
        (0.0, 5.0, 6.9, 6.9, "left"),
        (0.0, 5.0, 7.1, 7.1, "nobody"),
        (0.0, 5.0, 6.9, 30.0, "left"),
        (0.0, 50.0, 30.0, 51.0, "nobody"),
        (0.0, 10.0, 1.0, 12.0, "beside"),
        (2.9, 60.0, 1.0, 20.0, "beside"),
        (3.1, 60.0, 1.0, 20.0, "nobody"),
        (3.1, 10.0, 1.0, 20.0, "nobody"),
    ] {
        let reading = Reading::new();
        let first = reading.attempt(FIRST.0, from);
        reading.programs.came(&first, reading.at(from));
        if to < let_in {
            let seen = seen(claws, Family::ClawsMail);
            reading.programs.left(&first, seen, None, reading.at(to));
        }
        let second = reading.attempt(2, asked);
        let neighbour = match reading.programs.came(&second, reading.at(let_in)) {
            Neighbour::Nobody => "nobody",
            Neighbour::Beside => "beside",
            Neighbour::Left(_) => "left",
        };
        assert_eq!(
            neighbour, expected,
            "{from} to {to}, then {asked} to {let_in}"
        );
    }
}

#[test]
fn the_same_program_that_comes_again_is_no_twin() {
    let fetchmail = seen("CAPA, USER, PASS, STAT, LAST", Family::Fetchmail);
    let claws = seen("USER, PASS, STAT, UIDL, LIST", Family::ClawsMail);
    let checker = seen("USER, PASS, LIST, QUIT", Family::Unknown);
    let allowed_to_send = seen("USER, PASS, QUIT", Family::Unknown);
    let nothing_there = seen("CAPA, AUTH PLAIN, STAT, QUIT", Family::Unknown);
    let thunderbird = "CAPA, AUTH PLAIN, STAT, LIST, UIDL, RETR, QUIT";
    let thunderbird = seen(thunderbird, Family::Thunderbird);
    for (first, second, is_twin) in [
        (fetchmail, fetchmail, false),
        (fetchmail, claws, true),
        (checker, checker, false),
        (checker, claws, true),
        (checker, fetchmail, true),
        (allowed_to_send, claws, false),
        (allowed_to_send, fetchmail, true),
        (nothing_there, thunderbird, false),
        (thunderbird, nothing_there, true),
    ] {
        let neighbour = Neighbour::Left(Box::new(first));
        assert_eq!(
            neighbour.makes_a_twin_of(&second),
            is_twin,
            "{first:?} {second:?}"
        );
    }
    assert!(Neighbour::Beside.makes_a_twin_of(&fetchmail));
    assert!(!Neighbour::Nobody.makes_a_twin_of(&fetchmail));
}

#[test]
fn a_reader_takes_no_more_room_than_it_needs() {
    let reading = Reading::new();
    let claws = "USER, PASS, STAT, UIDL, LIST";
    reading.session(1, 0.0, 5.0, claws, Family::ClawsMail);
    reading.session(2, 6.0, 60.0, claws, Family::ClawsMail);
    let of_ann = reader(&reading.attempt(3, 60.0));
    let readers = reading.programs.readers();
    let known = readers.get(&of_ann, reading.at(60.0)).unwrap();
    assert_eq!((known.programs.len(), known.programs.capacity()), (1, 1));
    let left: Vec<_> = known.visits.iter().map(|it| it.session.0).collect();
    assert_eq!(left, [2], "nobody is the twin of one that left so long ago");
    // An open session has one.
    assert_eq!(size_of::<Neighbour>(), 16);
}
