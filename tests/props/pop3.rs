//! POP3 without I/O: whatever the pieces in which bytes arrive, the outcome is the naive one.

use popgate::fuzzing;
use popgate::pop3::exchange::{Disposition, Exchange, ExchangeOptions, Output, Quit};
use popgate::pop3::multiline::{Behind, EndScanner};
use popgate::program::Trace;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::VecDeque;

const NOTHING_BEHIND: Behind = Behind {
    reply: false,
    nothing: true,
};

const CAPA: &[u8] = b"+OK\r\nTOP\r\n.\r\n";

/// Bytes in which line ends and dots are frequent.
fn dotty(longest: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(select(&b"\r\r\n\n..a\0"[..]), 0..longest)
}

/// Bytes made of pieces of POP3.
fn pop3ish(pieces: usize) -> impl Strategy<Value = Vec<u8>> {
    let tokens: &[&[u8]] = &[
        b"\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b".",
        b".\r\n",
        b"+OK",
        b"-ERR",
        b"+OK\r\n",
        b",",
        b":",
        b" ",
        b"RETR 1",
        b"LIST",
        b"CAPA",
        b"QUIT\r\n",
        b"DELE 1\r\n",
        b"X",
        b"=",
        b"AGFubgBwdw==",
        b"\0",
        b"[IN-USE]",
        b"EXPIRE 30 USER",
        b"SASL PLAIN",
        b"\x00",
        b"\x01",
        b"\x85",
        b"\x06",
        b"\x8c",
        b"\x7f",
        b"\xff",
    ];
    vec(select(tokens), 0..pieces).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_end_of_a_body_is_found_at_every_split(body in dotty(24)) {
        let whole = [b"\r\n", &body[..]].concat();
        let expected = memchr::memmem::find(&whole, b"\r\n.\r\n").map(|start| start + 3);
        for split in 0..=body.len() {
            let mut scanner = EndScanner::new();
            let (first, second) = body.split_at(split);
            let mut end = |part| {
                let scanned = scanner.scan(part, NOTHING_BEHIND);
                scanned.ended.then_some(scanned.octets)
            };
            let found = end(first).or_else(|| end(second).map(|octets| split + octets));
            prop_assert_eq!(found, expected, "split at {}", split);
        }
    }

    #[test]
    fn any_bytes_keep_the_invariants_of_the_fuzz_targets(data in prop_oneof![dotty(64), pop3ish(40)]) {
        fuzzing::line(&data);
        fuzzing::command(&data);
        fuzzing::capability(&data);
        fuzzing::reply(&data);
        fuzzing::sasl(&data);
        fuzzing::multiline(&data);
        fuzzing::exchange(&data);
    }

    #[test]
    fn every_answer_comes_in_its_place(
        script in vec(turn(), 0..24),
        ending in ending(),
        pipelining: bool,
        choices in vec(any::<u8>(), 1..64),
    ) {
        let mut gate = Gate::new(&script, &ending, pipelining, choices);
        gate.run();
        let expected = Expected::of(&script, &ending);
        prop_assert_eq!(show(&gate.client_saw), show(&expected.client_sees));
        prop_assert_eq!(show(&gate.backend_saw), show(&expected.backend_sees));
        let tally = gate.exchange.tally();
        prop_assert_eq!(tally.listed, expected.listed);
        prop_assert_eq!(tally.retrieved, expected.retrieved);
        prop_assert_eq!(tally.marked, expected.marked);
        prop_assert_eq!(tally.deleted, expected.deleted);
        prop_assert_eq!(gate.exchange.quit(), expected.quit);
        prop_assert_eq!(gate.exchange.awaiting(), 0);
        prop_assert!(!gate.exchange.in_reply());
    }
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A command and its answer.
#[derive(Clone, Debug)]
struct Turn {
    line: Vec<u8>,
    answer: Vec<u8>,
    /// popgate answers; the backend must not see it.
    own: bool,
    counts: Counts,
}

/// What a turn does to the tally.
#[derive(Clone, Copy, Debug)]
enum Counts {
    Nothing,
    Listed(u64),
    Retrieved,
    Marked,
    Reset,
}

fn turn() -> impl Strategy<Value = Turn> {
    let parts = prop_oneof![own(), single(), listing(), message(), failure()];
    (parts, any::<bool>()).prop_map(|(mut turn, bare_lf)| {
        turn.line
            .extend_from_slice(if bare_lf { b"\n" } else { b"\r\n" });
        turn
    })
}

fn forwarded(line: &str, answer: impl Into<Vec<u8>>, counts: Counts) -> Turn {
    Turn {
        line: line.into(),
        answer: answer.into(),
        own: false,
        counts,
    }
}

fn own() -> impl Strategy<Value = Turn> {
    let long = "x".repeat(600);
    let answers = vec![
        (
            "capa".to_owned(),
            String::from_utf8_lossy(CAPA).into_owned(),
        ),
        ("USER ann".into(), "-ERR Already logged in\r\n".into()),
        ("AUTH".into(), "-ERR Already logged in\r\n".into()),
        ("STLS".into(), "-ERR Only before login\r\n".into()),
        (
            "XCLIENT ADDR=1".into(),
            "-ERR Command not supported\r\n".into(),
        ),
        (String::new(), "-ERR No command given\r\n".into()),
        (long, "-ERR Line too long\r\n".into()),
        (
            "RE\rTR 1".into(),
            "-ERR Line holds a NUL or a stray CR\r\n".into(),
        ),
    ];
    select(answers).prop_map(|(line, answer)| Turn {
        own: true,
        ..forwarded(&line, answer, Counts::Nothing)
    })
}

fn single() -> impl Strategy<Value = Turn> {
    prop_oneof![
        (0..1000_u64).prop_map(|n| forwarded("STAT", format!("+OK {n} 7\r\n"), Counts::Listed(n))),
        Just(forwarded("noop", "+OK\r\n", Counts::Nothing)),
        Just(forwarded("LIST 1", "+OK 1 3\n", Counts::Nothing)),
        Just(forwarded("UIDL 2", "+ok 2 abc\r\n", Counts::Nothing)),
        Just(forwarded("LAST", "+OK 0\r\n", Counts::Nothing)),
        Just(forwarded("DELE 1", "+OK marked\r\n", Counts::Marked)),
        Just(forwarded("RSET", "+OK\r\n", Counts::Reset)),
    ]
}

fn failure() -> impl Strategy<Value = Turn> {
    let commands: &[&str] = &[
        "STAT", "LIST", "UIDL", "UIDL 9", "RETR 9", "TOP 9 9", "DELE 9", "RSET", "NOOP",
    ];
    let replies: &[&str] = &[
        "-ERR\r\n",
        "-ERR [SYS/TEMP] no\r\n",
        "+ERR gone fishing\r\n",
    ];
    (select(commands), select(replies))
        .prop_map(|(line, reply)| forwarded(line, reply, Counts::Nothing))
}

fn listing() -> impl Strategy<Value = Turn> {
    (select(&["LIST", "UIDL"][..]), 0..20_u64).prop_map(|(line, n)| {
        let entries: String = (1..=n).map(|i| format!("{i} {}\r\n", i * 7)).collect();
        forwarded(line, format!("+OK\r\n{entries}.\r\n"), Counts::Listed(n))
    })
}

fn message() -> impl Strategy<Value = Turn> {
    let commands: &[(&str, Counts)] = &[
        ("RETR 1", Counts::Retrieved),
        ("TOP 1 99999999", Counts::Retrieved),
        ("TOP 1 0", Counts::Nothing),
    ];
    (select(commands), vec(text_line(), 0..8)).prop_map(|((line, counts), lines)| {
        forwarded(line, format!("+OK\r\n{}.\r\n", lines.concat()), counts)
    })
}

/// A line of a message, dot-stuffed; with bare CRs and LFs, as some mail has.
fn text_line() -> impl Strategy<Value = String> {
    vec(select(&[".", "a", "\n", "\ra", ".\n", "\n."][..]), 0..6).prop_map(|parts| {
        let line = parts.concat();
        let stuffing = if line.starts_with('.') { "." } else { "" };
        format!("{stuffing}{line}\r\n")
    })
}

/// How a session ends.
#[derive(Clone, Debug)]
enum Ending {
    Open,
    Quit {
        ok: bool,
    },
    /// An unknown command, then any bytes of both sides.
    Opaque {
        client: Vec<u8>,
        backend: Vec<u8>,
    },
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        Just(Ending::Open),
        any::<bool>().prop_map(|ok| Ending::Quit { ok }),
        (dotty(20), dotty(20)).prop_map(|(client, backend)| Ending::Opaque { client, backend }),
    ]
}

impl Ending {
    fn client_sends(&self) -> Vec<u8> {
        match self {
            Self::Open => Vec::new(),
            Self::Quit { .. } => b"QUIT\r\nNOOP\r\nCAPA\r\n".to_vec(),
            Self::Opaque { client, .. } => [b"XTND XMIT\r\n", &client[..]].concat(),
        }
    }

    fn backend_sees(&self) -> Vec<u8> {
        match self {
            Self::Quit { .. } => b"QUIT\r\n".to_vec(),
            _ => self.client_sends(),
        }
    }

    fn backend_sends(&self) -> Vec<u8> {
        match self {
            Self::Open => Vec::new(),
            Self::Quit { ok: true } => b"+OK bye\r\n".to_vec(),
            Self::Quit { ok: false } => b"-ERR not all removed\r\n".to_vec(),
            Self::Opaque { backend, .. } => backend.clone(),
        }
    }
}

/// The naive model: everything at once and in order.
#[derive(Default)]
struct Expected {
    client_sees: Vec<u8>,
    backend_sees: Vec<u8>,
    listed: Option<u64>,
    retrieved: u64,
    marked: u64,
    deleted: u64,
    quit: Quit,
}

impl Expected {
    fn of(script: &[Turn], ending: &Ending) -> Self {
        let mut expected = Self::default();
        for turn in script {
            expected.client_sees.extend(&turn.answer);
            expected.backend_sees.extend(with_crlf(turn));
            expected.count(turn.counts);
        }
        expected.client_sees.extend(ending.backend_sends());
        expected.backend_sees.extend(ending.backend_sees());
        if let Ending::Quit { ok } = *ending {
            expected.quit = Quit::Answered { ok };
            if ok {
                expected.deleted = std::mem::take(&mut expected.marked);
            }
        }
        expected
    }

    fn count(&mut self, counts: Counts) {
        match counts {
            Counts::Nothing => {}
            Counts::Listed(n) => self.listed = Some(n),
            Counts::Retrieved => self.retrieved += 1,
            Counts::Marked => self.marked += 1,
            Counts::Reset => self.marked = 0,
        }
    }
}

/// What the backend sees of a turn.
fn with_crlf(turn: &Turn) -> Vec<u8> {
    if turn.own {
        return Vec::new();
    }
    [turn.line.trim_ascii_end(), b"\r\n"].concat()
}

/// An exchange between a client that pipelines all it has and a backend that answers what it
/// has seen, both in pieces and in turns that `choices` choose.
struct Gate {
    exchange: Exchange,
    pipelining: bool,
    choices: std::iter::Cycle<std::vec::IntoIter<u8>>,
    from_client: VecDeque<u8>,
    /// What the backend must see next, and what it says then.
    replies: VecDeque<(Vec<u8>, Vec<u8>)>,
    unanswered: Vec<u8>,
    from_backend: VecDeque<u8>,
    /// Octets of the backend that are too few to tell.
    undecided: Vec<u8>,
    client_saw: Vec<u8>,
    backend_saw: Vec<u8>,
}

impl Gate {
    fn new(script: &[Turn], ending: &Ending, pipelining: bool, choices: Vec<u8>) -> Self {
        let lines = script.iter().flat_map(|turn| turn.line.clone());
        let turns = script.iter().filter(|turn| !turn.own);
        let answered = turns.map(|turn| (with_crlf(turn), turn.answer.clone()));
        let last = (ending.backend_sees(), ending.backend_sends());
        Self {
            exchange: Exchange::new(
                ExchangeOptions {
                    pipelining,
                    capa_reply: CAPA.to_vec(),
                    keeps_listing: false,
                    asks_listing: false,
                    shown: None,
                },
                Trace::default(),
            ),
            pipelining,
            choices: choices.into_iter().cycle(),
            from_client: lines.chain(ending.client_sends()).collect(),
            replies: answered.chain([last]).collect(),
            unanswered: Vec::new(),
            from_backend: VecDeque::new(),
            undecided: Vec::new(),
            client_saw: Vec::new(),
            backend_saw: Vec::new(),
        }
    }

    fn run(&mut self) {
        while !self.from_client.is_empty() || !self.from_backend.is_empty() {
            let choice = self.choices.next().unwrap();
            let octets = usize::from(choice >> 2) + 1;
            if choice.is_multiple_of(4) {
                self.unasked_line();
            }
            if self.from_backend.is_empty() || (choice % 2 == 1 && self.client_may_send()) {
                self.client(octets);
            } else {
                self.backend(octets);
            }
            if self.from_backend.is_empty() {
                self.all_is_read();
            }
        }
    }

    /// All that the backend has said was taken in, and nothing follows for now.
    fn all_is_read(&mut self) {
        let undecided = std::mem::take(&mut self.undecided);
        if !undecided.is_empty() {
            let mut out = Output::default();
            let step = self.exchange.backend_pauses(&undecided, &mut out).unwrap();
            assert_eq!(step, Disposition::Forward(undecided.len()));
            self.client_saw.extend_from_slice(&undecided);
            self.take(out);
        }
        let mut out = Output::default();
        self.exchange.backend_is_read(&mut out);
        self.take(out);
    }

    fn client_may_send(&self) -> bool {
        let reads = self.exchange.wants_client_bytes() || self.exchange.quit() != Quit::None;
        reads && !self.from_client.is_empty()
    }

    /// Between commands a backend may say that it is about to leave; no client asked.
    fn unasked_line(&mut self) {
        let nothing_on_its_way = self.unanswered.is_empty() && self.from_backend.is_empty();
        if nothing_on_its_way && self.exchange.awaiting() == 0 && !self.exchange.opaque() {
            let mut out = Output::default();
            let line = b"-ERR Disconnected for inactivity\r\n";
            let step = self.exchange.backend_bytes(line, &mut out);
            assert_eq!(step, Ok(Disposition::Swallow(line.len())));
            assert_eq!(out, Output::default());
        }
    }

    fn client(&mut self, octets: usize) {
        let octets = octets.min(self.from_client.len());
        let piece: Vec<u8> = self.from_client.drain(..octets).collect();
        let mut out = Output::default();
        self.exchange.client_bytes(&piece, &mut out);
        self.take(out);
    }

    fn backend(&mut self, octets: usize) {
        let octets = octets.min(self.from_backend.len());
        let mut piece = std::mem::take(&mut self.undecided);
        piece.extend(self.from_backend.drain(..octets));
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let mut out = Output::default();
            let octets = match self.exchange.backend_bytes(rest, &mut out).unwrap() {
                Disposition::Forward(octets) => octets,
                Disposition::Swallow(_) => panic!("{:?} was swallowed", show(rest)),
                Disposition::Hold => {
                    self.undecided = rest.to_vec();
                    return;
                }
            };
            self.client_saw.extend_from_slice(&rest[..octets]);
            rest = &rest[octets..];
            // For a backend that answers one by one, the rest of its reply must have gone.
            assert!(self.pipelining || out.to_backend.is_empty() || rest.is_empty());
            self.take(out);
        }
    }

    fn take(&mut self, out: Output) {
        self.client_saw.extend(out.to_client);
        self.backend_saw.extend(&out.to_backend);
        self.unanswered.extend(&out.to_backend);
        while let Some((line, answer)) = self.replies.front()
            && !line.is_empty()
            && self.unanswered.starts_with(line)
        {
            assert!(self.pipelining || self.from_backend.is_empty());
            self.from_backend.extend(answer);
            self.unanswered.drain(..line.len());
            self.replies.pop_front();
        }
    }
}
