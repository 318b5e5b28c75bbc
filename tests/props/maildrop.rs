//! A session in a maildrop, against a naive model of both: what its client is shown of a listing,
//! and what popgate asks the backend itself, in any pieces and turns.

use popgate::pop3::exchange::{
    Disposition, Exchange, ExchangeOptions, Output, Quit, ShownMaildrop,
};
use popgate::pop3::listing::{DropListing, MaildropListing, ScanReader, UniqueIdReader};
use popgate::program::Trace;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::VecDeque;
use std::sync::Arc;

const CAPA: &str = "+OK\r\nTOP\r\n.\r\n";

/// Whole listings that a script asks for: popgate refuses more in one go.
const WHOLE_LISTINGS: usize = 4;

proptest! {
    #[test]
    fn a_client_sees_what_it_was_shown_and_reaches_no_more(
        server in server(),
        behind in 0..3_usize,
        lines in script(),
        pipelining: bool,
        choices in vec(any::<u8>(), 1..64),
    ) {
        let shown = server.messages.len().saturating_sub(behind);
        let is_all = shown == server.messages.len();
        let listing = Arc::new(listing_of(&server.messages[..shown]));
        let mut model = Model { server: server.clone(), shown, is_all };
        let lines = if is_all { known(lines) } else { lines };
        let expected = model.run(&lines);
        let options = ExchangeOptions {
            shown: Some(ShownMaildrop { listing, is_all }),
            ..options(pipelining)
        };
        let mut gate = Gate::new(options, server, &lines, choices);
        gate.most = shown;
        gate.run(false);
        prop_assert_eq!(gate.client_saw(), expected.client_saw);
        prop_assert_eq!(gate.server.saw, expected.forwarded);
        prop_assert_eq!(&gate.server.marks, &model.server.marks);
        let tally = gate.exchange.tally();
        prop_assert_eq!(tally.commands, expected.commands);
        prop_assert_eq!(tally.listed, expected.listed);
    }

    #[test]
    fn what_popgate_asks_itself_changes_nothing_for_the_client(
        server in server(),
        lines in script(),
        pipelining: bool,
        choices in vec(any::<u8>(), 1..64),
    ) {
        let lines = known(lines);
        let mut without = Gate::new(options(pipelining), server.clone(), &lines, choices.clone());
        without.run(false);
        let asking = ExchangeOptions {
            keeps_listing: true,
            asks_listing: true,
            ..options(pipelining)
        };
        let messages = server.messages.clone();
        let mut with = Gate::new(asking, server, &lines, choices);
        with.run(true);
        prop_assert_eq!(with.client_saw(), without.client_saw());
        prop_assert_eq!(with.exchange.tally(), without.exchange.tally());
        prop_assert_eq!(with.exchange.progress(), without.exchange.progress());
        prop_assert_eq!(with.exchange.quit(), without.exchange.quit());
        prop_assert_eq!(with.replied, without.replied);
        prop_assert!(!with.exchange.asks_itself());
        let asked = inserted(&with.server.saw, &without.server.saw);
        let is_once = asked.as_deref().is_some_and(is_part_of_the_questions);
        prop_assert!(is_once, "{asked:?}");
        if let Some(Ok(listing)) = with.exchange.take_listing() {
            prop_assert_eq!(listing, listing_of(&messages));
        }
    }
}

/// The lines that are in `more` and not in `lines`, in order; `None`: a line lacks.
fn inserted(more: &[String], lines: &[String]) -> Option<Vec<String>> {
    let mut lines = lines.iter().peekable();
    let mut inserted = Vec::new();
    for line in more {
        if lines.next_if_eq(&line).is_none() {
            inserted.push(line.clone());
        }
    }
    lines.next().is_none().then_some(inserted)
}

fn is_part_of_the_questions(asked: &[String]) -> bool {
    let mut sorted = asked.to_vec();
    sorted.sort();
    sorted.dedup();
    let is_question = |line: &String| ["STAT", "LIST", "UIDL"].contains(&line.as_str());
    sorted.len() == asked.len() && asked.iter().all(is_question)
}

fn options(pipelining: bool) -> ExchangeOptions {
    ExchangeOptions {
        pipelining,
        capa_reply: CAPA.into(),
        keeps_listing: false,
        asks_listing: false,
        shown: None,
    }
}

/// A message: its size, and its text as it is sent.
#[derive(Clone, Debug)]
struct Message {
    octets: u32,
    text: String,
}

fn unique_id(place: usize) -> String {
    format!("id{}", (place + 1) * 7)
}

fn listing_of(messages: &[Message]) -> MaildropListing {
    let (mut scan, mut ids) = (ScanReader::default(), UniqueIdReader::default());
    for (place, message) in messages.iter().enumerate() {
        scan.read(format!("{} {}\r\n", place + 1, message.octets).as_bytes());
        ids.read(format!("{} {}\r\n", place + 1, unique_id(place)).as_bytes());
    }
    scan.read(b".\r\n");
    ids.read(b".\r\n");
    let stat = DropListing {
        messages: messages.len() as u64,
        octets: messages.iter().map(|it| u64::from(it.octets)).sum(),
    };
    MaildropListing::new(Some(stat), scan, ids).unwrap()
}

/// A naive server, and all that it was asked.
#[derive(Clone, Debug)]
struct Server {
    messages: Vec<Message>,
    marks: Vec<bool>,
    /// A message that it does not delete.
    stuck: usize,
    /// A command that it does not know.
    lacks: &'static str,
    saw: Vec<String>,
}

fn server() -> impl Strategy<Value = Server> {
    let text = vec(select(&["a", "..", "..a", "", "+OK"][..]), 0..4);
    let message = (1..900_u32, text).prop_map(|(octets, lines)| Message {
        octets,
        text: lines.iter().map(|line| format!("{line}\r\n")).collect(),
    });
    let lacks = select(&["", "", "LIST", "UIDL", "STAT"][..]);
    (vec(message, 0..6), 0..6_usize, lacks).prop_map(|(messages, stuck, lacks)| Server {
        marks: vec![false; messages.len()],
        messages,
        stuck,
        lacks,
        saw: Vec::new(),
    })
}

impl Server {
    fn answer(&mut self, line: &str) -> String {
        let (keyword, argument) = line.split_once(' ').unwrap_or((line, ""));
        let keyword = keyword.to_ascii_uppercase();
        if keyword == self.lacks {
            return "-ERR not here\r\n".into();
        }
        let place = self.place(argument);
        match (keyword.as_str(), place) {
            ("STAT", _) => self.stat(self.messages.len()),
            ("LIST", _) => self.list(self.messages.len(), argument, |_, it| it.octets.to_string()),
            ("UIDL", _) => self.list(self.messages.len(), argument, |place, _| unique_id(place)),
            ("NOOP" | "QUIT", _) => "+OK done\r\n".into(),
            ("LAST", _) => "+OK 0\r\n".into(),
            ("RSET", _) => {
                self.marks.fill(false);
                "+OK reset\r\n".into()
            }
            ("RETR" | "TOP", Some(place)) => {
                format!("+OK message follows\r\n{}.\r\n", self.messages[place].text)
            }
            ("DELE", Some(place)) if place != self.stuck => {
                self.marks[place] = true;
                "+OK marked\r\n".into()
            }
            _ => "-ERR no\r\n".into(),
        }
    }

    /// As lenient as any server reads it.
    fn place(&self, argument: &str) -> Option<usize> {
        let digits = argument.trim_start_matches([' ', '+']);
        let end = digits
            .find(|it: char| !it.is_ascii_digit())
            .unwrap_or(digits.len());
        let place = digits[..end].parse::<usize>().ok()?.checked_sub(1)?;
        (place < self.messages.len() && !self.marks[place]).then_some(place)
    }

    fn left(&self, of: usize) -> impl Iterator<Item = (usize, &Message)> {
        let all = self.messages[..of].iter().enumerate();
        all.filter(|(place, _)| !self.marks[*place])
    }

    fn stat(&self, of: usize) -> String {
        let octets: u32 = self.left(of).map(|(_, it)| it.octets).sum();
        format!("+OK {} {octets}\r\n", self.left(of).count())
    }

    fn list(&self, of: usize, argument: &str, value: fn(usize, &Message) -> String) -> String {
        if argument.is_empty() {
            let lines: String = self
                .left(of)
                .map(|(place, it)| format!("{} {}\r\n", place + 1, value(place, it)))
                .collect();
            return format!("+OK {} messages\r\n{lines}.\r\n", self.left(of).count());
        }
        let asked = number(argument);
        match self.left(of).find(|(place, _)| place + 1 == asked) {
            Some((place, it)) => format!("+OK {asked} {}\r\n", value(place, it)),
            None => "-ERR No such message\r\n".into(),
        }
    }
}

/// As strictly as popgate reads it: digits; 0 is none.
fn number(argument: &str) -> usize {
    let is_number = argument.bytes().all(|it| it.is_ascii_digit());
    argument.parse().ok().filter(|_| is_number).unwrap_or(0)
}

/// What a client should see, and the server.
#[derive(Default)]
struct Expected {
    client_saw: String,
    forwarded: Vec<String>,
    commands: u64,
    listed: Option<u64>,
}

/// The server behind a gate that shows its first messages.
struct Model {
    server: Server,
    shown: usize,
    is_all: bool,
}

impl Model {
    fn run(&mut self, lines: &[String]) -> Expected {
        let mut expected = Expected::default();
        for line in lines {
            expected.commands += 1;
            if let Some(own) = self.own_answer(line) {
                if matches!(line.as_str(), "STAT" | "LIST" | "UIDL") {
                    expected.listed = Some(self.server.left(self.shown).count() as u64);
                }
                expected.client_saw += &own;
                continue;
            }
            expected.client_saw += &self.server.answer(line);
            expected.forwarded.push(line.clone());
            if line == "QUIT" {
                break;
            }
        }
        expected
    }

    fn own_answer(&self, line: &str) -> Option<String> {
        let (keyword, argument) = line.split_once(' ').unwrap_or((line, ""));
        let server = &self.server;
        match keyword {
            "CAPA" => Some(CAPA.into()),
            "STAT" => Some(server.stat(self.shown)),
            "LIST" => Some(server.list(self.shown, argument, |_, it| it.octets.to_string())),
            "UIDL" => Some(server.list(self.shown, argument, |place, _| unique_id(place))),
            "RETR" | "TOP" | "DELE" => {
                let named = match keyword {
                    "TOP" => argument.split(' ').next().unwrap_or_default(),
                    _ => argument,
                };
                let is_shown = (1..=self.shown).contains(&number(named));
                (!is_shown).then(|| "-ERR No such message\r\n".into())
            }
            "LAST" | "XTND" if !self.is_all => Some("-ERR Unknown command\r\n".into()),
            _ => None,
        }
    }
}

fn script() -> impl Strategy<Value = Vec<String>> {
    let number = || select(&["1", "2", "3", "4", "5", "6", "7", "0", "x", "+1", "1 4"][..]);
    let line = prop_oneof![
        4 => number().prop_map(|number| format!("DELE {number}")),
        2 => number().prop_map(|number| format!("RETR {number}")),
        1 => number().prop_map(|number| format!("TOP {number} 0")),
        1 => number().prop_map(|number| format!("LIST {number}")),
        1 => number().prop_map(|number| format!("UIDL {number}")),
        4 => select(&["STAT", "LIST", "UIDL"][..]).prop_map(String::from),
        3 => select(&["NOOP", "RSET", "CAPA", "LAST", "XTND XLST"][..]).prop_map(String::from),
    ];
    (vec(line, 0..20), any::<bool>()).prop_map(|(mut lines, quits)| {
        let mut whole = 0;
        lines.retain(|line| {
            whole += usize::from(line == "LIST" || line == "UIDL");
            whole <= WHOLE_LISTINGS || (line != "LIST" && line != "UIDL")
        });
        if quits {
            lines.extend(["QUIT".to_owned(), "NOOP".to_owned()]);
        }
        lines
    })
}

/// Without what makes a session opaque.
fn known(lines: Vec<String>) -> Vec<String> {
    let is_known = |line: &String| !line.starts_with("XTND");
    lines.into_iter().filter(is_known).collect()
}

/// An exchange between a client that sends ahead, or does not, and a server that answers what it
/// has seen, both in pieces and in turns that `choices` choose.
struct Gate {
    exchange: Exchange,
    pipelining: bool,
    server: Server,
    /// No message behind this one may reach the server.
    most: usize,
    choices: std::iter::Cycle<std::vec::IntoIter<u8>>,
    from_client: VecDeque<u8>,
    half_line: Vec<u8>,
    from_server: VecDeque<u8>,
    /// Octets of the server so far, and those up to the end of its last body.
    given: usize,
    bodies_end: usize,
    undecided: Vec<u8>,
    client_saw: Vec<u8>,
    replied: Vec<String>,
}

impl Gate {
    fn new(options: ExchangeOptions, server: Server, lines: &[String], choices: Vec<u8>) -> Self {
        let sent: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        Self {
            pipelining: options.pipelining,
            exchange: Exchange::new(options, Trace::default()),
            most: server.messages.len(),
            server,
            choices: choices.into_iter().cycle(),
            from_client: sent.into_bytes().into(),
            half_line: Vec::new(),
            from_server: VecDeque::new(),
            given: 0,
            bodies_end: 0,
            undecided: Vec::new(),
            client_saw: Vec::new(),
            replied: Vec::new(),
        }
    }

    fn client_saw(&self) -> String {
        String::from_utf8_lossy(&self.client_saw).into_owned()
    }

    fn run(&mut self, asks: bool) {
        while !self.from_client.is_empty() || !self.from_server.is_empty() {
            let choice = self.choices.next().unwrap();
            if asks && choice.is_multiple_of(3) {
                let mut out = Output::default();
                self.exchange.ask_for_listing(&mut out);
                self.take(out);
            }
            let octets = usize::from(choice >> 2) + 1;
            // Some clients wait for each answer.
            let sends = choice % 2 == 1 && (choice % 5 > 1 || self.exchange.is_at_rest());
            if self.from_server.is_empty() || (sends && !self.from_client.is_empty()) {
                self.client(octets);
            } else {
                self.backend(octets);
            }
            if self.from_server.is_empty() {
                self.all_is_read();
            }
        }
    }

    fn all_is_read(&mut self) {
        let undecided = std::mem::take(&mut self.undecided);
        if !undecided.is_empty() {
            let mut out = Output::default();
            let step = self.exchange.backend_pauses(&undecided, &mut out).unwrap();
            self.carry_out(step, &undecided);
            self.take(out);
        }
        let mut out = Output::default();
        self.exchange.backend_is_read(&mut out);
        self.take(out);
    }

    fn client(&mut self, octets: usize) {
        let octets = octets.min(self.from_client.len());
        let piece: Vec<u8> = self.from_client.drain(..octets).collect();
        let mut out = Output::default();
        self.exchange.client_bytes(&piece, &mut out);
        self.take(out);
    }

    fn backend(&mut self, octets: usize) {
        let octets = octets.min(self.from_server.len());
        self.given += octets;
        let mut piece = std::mem::take(&mut self.undecided);
        piece.extend(self.from_server.drain(..octets));
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let mut out = Output::default();
            let step = self.exchange.backend_bytes(rest, &mut out).unwrap();
            assert!(step != Disposition::Forward(0) || !out.to_client.is_empty());
            let octets = self.carry_out(step, rest);
            rest = &rest[octets..];
            self.take(out);
        }
    }

    fn carry_out(&mut self, step: Disposition, octets: &[u8]) -> usize {
        match step {
            Disposition::Forward(used) => {
                self.client_saw.extend_from_slice(&octets[..used]);
                used
            }
            Disposition::Swallow(used) => {
                assert!(used > 0);
                used
            }
            Disposition::Hold => {
                self.undecided = octets.to_vec();
                octets.len()
            }
        }
    }

    fn take(&mut self, out: Output) {
        self.client_saw.extend(out.to_client);
        let replied = out.replied.iter();
        self.replied
            .extend(replied.map(|it| format!("{:?} {:?}", it.to, it.status)));
        for octet in out.to_backend {
            self.half_line.push(octet);
            if octet == b'\n' {
                let line = String::from_utf8(std::mem::take(&mut self.half_line)).unwrap();
                self.server_gets(line.trim_end());
            }
        }
    }

    fn server_gets(&mut self, line: &str) {
        let keyword = line.split(' ').next().unwrap();
        assert!(
            self.pipelining || self.from_server.is_empty(),
            "{line} is early"
        );
        if matches!(keyword, "DELE" | "RSET" | "QUIT") {
            assert!(
                self.given >= self.bodies_end,
                "{line} is before the end of a body"
            );
        }
        if matches!(keyword, "RETR" | "TOP" | "DELE") {
            let place = self.server.place(&line[keyword.len()..]);
            assert!(
                place.is_none_or(|place| place < self.most),
                "{line} is not shown"
            );
        }
        let answer = self.server.answer(line);
        self.server.saw.push(line.to_owned());
        self.from_server.extend(answer.bytes());
        if answer.ends_with(".\r\n") {
            self.bodies_end = self.given + self.from_server.len();
        }
        if keyword == "QUIT" {
            assert_eq!(self.exchange.quit(), Quit::Sent);
        }
    }
}
