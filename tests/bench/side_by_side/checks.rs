//! `cargo test --bench peers`: the pure parts, each against what is known of it.

use crate::backend::session::{Answer, Session};
use crate::backend::{LARGE, Mail, Maildrops, SMALL};
use crate::figures::{Figure, Figures, Row, Spread, Target};
use crate::load::replies::{Reply, ReplyReader};
use crate::options::Options;
use crate::parts::Part;
use crate::parts::counts::last_noted;
use crate::peers::Kind;
use crate::report;
use crate::smoke;
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

type Check = fn() -> Result<(), Failed>;

const CHECKS: &[(&str, Check)] = &[
    ("a_reply_ends_where_it_ends_however_it_comes", replies),
    ("a_message_is_as_long_as_it_says_and_ends_once", messages),
    ("a_maildrop_that_locks_lets_one_session_in", locks),
    ("quartiles_lie_between_the_samples", quartiles),
    ("a_ratio_is_taken_within_each_round", ratios),
    ("a_short_run_fails_on_no_noise", smoke_faults),
    ("a_wrong_command_line_is_named", command_lines),
    ("a_chart_is_well_formed", charts),
    ("the_last_row_of_the_notes_counts", notes),
    ("figures_are_written_between_the_marks_of_the_page", marks),
];

pub(crate) fn run() -> ExitCode {
    let trials = CHECKS
        .iter()
        .map(|(name, check)| Trial::test(*name, *check));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// As `assert!`, but with a report.
fn holds(condition: bool, what: impl Into<Failed>) -> Result<(), Failed> {
    if condition { Ok(()) } else { Err(what.into()) }
}

fn replies() -> Result<(), Failed> {
    let body = b"+OK 9 octets\r\nab\r\n.\r..\r\n\r\n.\r\n".as_slice();
    for cut in 0..body.len() {
        let mut reader = ReplyReader::expect(true);
        let first = reader.read(&body[..cut]);
        holds(first == Reply::Incomplete, format!("ended at {cut}"))?;
        let second = reader.read(&body[cut..]);
        holds(second == Reply::Ok, format!("cut at {cut}: {second:?}"))?;
    }
    let empty = ReplyReader::expect(true).read(b"+OK\r\n.\r\n");
    holds(empty == Reply::Ok, "an empty body does not end")?;
    let refused = ReplyReader::expect(true).read(b"-ERR no\r\n");
    holds(
        refused == Reply::Refused("-ERR no".to_owned()),
        "a refusal is not seen",
    )
}

fn messages() -> Result<(), Failed> {
    let mail = Mail::new();
    for (number, octets) in [(b"1", SMALL), (b"2", LARGE)] {
        let answer = mail.answer(number).ok_or("no such message")?;
        let text = String::from_utf8(answer.to_vec()).map_err(|error| error.to_string())?;
        let (line, body) = text.split_once("\r\n").ok_or("no status line")?;
        holds(line == format!("+OK {octets} octets"), line)?;
        holds(
            body.find("\r\n.\r\n") == Some(body.len() - 5),
            "it ends elsewhere",
        )?;
        holds(body.len() == octets + 3, format!("{} octets", body.len()))?;
    }
    Ok(())
}

fn locks() -> Result<(), Failed> {
    let (mail, mut maildrops) = (Mail::new(), Maildrops::default());
    let log_in = |session: &mut Session, maildrops: &mut Maildrops| {
        session.answer(b"USER lock1", &mail, maildrops);
        match session.answer(b"PASS x", &mail, maildrops) {
            Answer::Short(line) => line.starts_with(b"+OK"),
            _ => false,
        }
    };
    let [mut one, mut two] = [Session::default(), Session::default()];
    holds(log_in(&mut one, &mut maildrops), "nobody gets in")?;
    holds(!log_in(&mut two, &mut maildrops), "two get in")?;
    one.end(&mut maildrops);
    holds(log_in(&mut two, &mut maildrops), "the lock stays")?;
    two.end(&mut maildrops);
    let seen = maildrops.report();
    let counts = (seen.logins, seen.refusals, seen.gaps_ns.len());
    holds(counts == (2, 1, 1), format!("{counts:?}"))
}

fn quartiles() -> Result<(), Failed> {
    let spread = Spread::of(vec![4.0, 1.0, 2.0, 3.0, 5.0]).ok_or("none")?;
    let expected = Spread {
        low: 2.0,
        median: 3.0,
        high: 4.0,
    };
    holds(spread == expected, format!("{spread:?}"))?;
    let two = Spread::of(vec![1.0, 2.0]).ok_or("none")?;
    holds((two.median - 1.5).abs() < 1e-9, format!("{two:?}"))?;
    holds(Spread::of(Vec::new()).is_none(), "of nothing")
}

static COST: Figure = Figure {
    key: "session_cpu_plain",
    part: Part::Sessions,
    title: "CPU",
    unit: "µs",
    is_more_better: false,
    target: Some(Target::OfBest(0.8)),
};

fn sample() -> Figures {
    let mut figures = Figures::default();
    for (round, factor) in [1.0, 2.0, 3.0].into_iter().enumerate() {
        figures.add(&COST, Kind::Popgate, round, 50.0 * factor);
        figures.add(&COST, Kind::Haproxy, round, 100.0 * factor);
        figures.add(&COST, Kind::Nginx, round, 200.0);
    }
    figures
}

fn ratios() -> Result<(), Failed> {
    let figures = sample();
    let row: &Row = figures.row("session_cpu_plain").ok_or("no row")?;
    holds(row.ratio(Kind::Haproxy) == Some(0.5), "to HAProxy")?;
    // The best is HAProxy, HAProxy and nginx.
    holds(row.ratio_to_best() == Some(0.5), "to the best")?;
    holds(
        row.verdict() == Some((0.5, true)),
        format!("{:?}", row.verdict()),
    )
}

const HIGH: Figure = Figure {
    key: "session_p99_plain",
    ..COST
};

const HAND_OVER: Figure = Figure {
    key: "handover_p50",
    part: Part::Handover,
    target: Some(Target::OfStraight(0.5)),
    ..COST
};

fn smoke_faults() -> Result<(), Failed> {
    let mut figures = sample();
    holds(smoke::faults(&figures).is_empty(), "noise is a fault")?;
    figures.add(&COST, Kind::Popgate, 0, 5_000.0);
    figures.add(&COST, Kind::Popgate, 1, 5_000.0);
    holds(
        smoke::faults(&figures).len() == 1,
        "ten times off is no fault",
    )?;
    figures.add(&HIGH, Kind::Popgate, 0, 5_000.0);
    figures.add(&HIGH, Kind::Haproxy, 0, 100.0);
    holds(
        smoke::faults(&figures).len() == 1,
        "the highest of few samples is a fault",
    )?;
    figures.add(&HAND_OVER, Kind::Straight, 0, 100.0);
    for (fresh_logins, faults) in [(9.0, 1), (11.0, 2)] {
        figures.add(&HAND_OVER, Kind::Popgate, 0, fresh_logins * 100.0);
        let found = smoke::faults(&figures).len();
        holds(found == faults, format!("{fresh_logins} logins: {found}"))?;
    }
    figures.add(&HAND_OVER, Kind::Popgate, 0, 100.0);
    figures.fail(Part::Bulk, Kind::Nginx, "no".to_owned());
    holds(smoke::faults(&figures).len() == 2, "a failure is no fault")
}

fn command_lines() -> Result<(), Failed> {
    let parse = |line: &str| {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    };
    let options = parse("--bench --only bulk memory --peers nginx --rounds 3")?;
    holds(options.parts == [Part::Bulk, Part::Memory], "parts")?;
    holds(options.peers == [Kind::Straight, Kind::Nginx], "peers")?;
    holds(options.extent().rounds == 3, "rounds")?;
    for wrong in [
        "--rounds",
        "--rounds 0",
        "--only",
        "--only tea",
        "--peers x",
        "--fast",
    ] {
        let mistake = parse(wrong).err().ok_or("accepted")?;
        let word = wrong.split(' ').next_back().unwrap_or_default();
        holds(mistake.contains(word), mistake)?;
    }
    Ok(())
}

fn charts() -> Result<(), Failed> {
    let charts = report::charts(&sample());
    let (_, chart) = charts.first().ok_or("no chart")?;
    let document = roxmltree::Document::parse(chart).map_err(|error| error.to_string())?;
    let bars = document
        .descendants()
        .filter(|node| node.has_tag_name("path"))
        .count();
    holds(bars == 3, format!("{bars} bars"))
}

fn marks() -> Result<(), Failed> {
    let page = format!("# A\n\n{}old\n{}B\n", report::BEGIN, report::END);
    let written = report::between_marks(&page, "new\n").ok_or("no marks")?;
    holds(
        written.starts_with("# A\n\n<!--") && written.ends_with("-->\nB\n"),
        written.as_str(),
    )?;
    holds(
        written.contains("\nnew\n") && !written.contains("old"),
        written.as_str(),
    )?;
    holds(
        report::between_marks("# A\n", "new").is_none(),
        "a page without marks",
    )
}

fn notes() -> Result<(), Failed> {
    let notes = "| counted | a session | since |\n| instructions | 9,000 | once |\n\
                 | system calls | 60 | once |\n| instructions | 12,345.5 | of late |\n";
    holds(
        last_noted("instructions", notes) == Some(12_345.5),
        "the last",
    )?;
    holds(last_noted("system calls", notes) == Some(60.0), "the only")?;
    holds(last_noted("counted", notes).is_none(), "no number")?;
    holds(last_noted("wishes", notes).is_none(), "no row")
}
