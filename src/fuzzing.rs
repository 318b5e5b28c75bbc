//! Bodies of the fuzz targets: each takes any bytes and panics only where an invariant breaks.
//! `tests/fuzz` runs them under libFuzzer, `tests/corpus.rs` replays its corpus on stable.

mod maildrop;

pub use maildrop::{listing, transaction};

use crate::config::Config;
use crate::dialect::{Class, Phrases, classify, is_being_unlocked};
use crate::ids::UserName;
use crate::limits::PROXY_HEADER_MAX;
use crate::net::proxy_protocol::{Header, parse_header};
use crate::pop3::capability::{Capabilities, Offer, client_reply};
use crate::pop3::command::AuthorizationCommand;
use crate::pop3::exchange::{Disposition, Exchange, ExchangeOptions, Output, Quit, Violation};
use crate::pop3::line::{Line, LineReader};
use crate::pop3::multiline::{Behind, EndScanner};
use crate::pop3::reply::{ReplyTo, Status, StatusLine, is_blank, is_challenge};
use crate::pop3::sasl::{Credentials, Mechanism, SaslServer, SaslStep, plain_response};
use crate::pop3::verb::Verb;
use crate::program::Trace;
use crate::secret::Secret;
use bytes::BytesMut;
use std::path::Path;
use zeroize::Zeroizing;

/// Lines come out the same in whatever pieces they arrive. The first byte is the longest line.
pub fn line(data: &[u8]) {
    let Some((&first, input)) = data.split_first() else {
        return;
    };
    let max = usize::from(first % 32) + 1;
    let expected = naive_lines(input, max);
    assert_eq!(lines(input, max, input.len().max(1)), expected);
    assert_eq!(lines(input, max, 1), expected);
}

fn naive_lines(input: &[u8], max: usize) -> Vec<Line> {
    let mut lines: Vec<&[u8]> = input.split(|&b| b == b'\n').collect();
    lines.pop();
    let classify = |line: &[u8]| {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() + 1 > max {
            Line::TooLong
        } else if text.contains(&0) || text.contains(&b'\r') {
            Line::Malformed
        } else {
            Line::Text(Zeroizing::new(text.to_vec()))
        }
    };
    lines.into_iter().map(classify).collect()
}

fn lines(input: &[u8], max: usize, piece: usize) -> Vec<Line> {
    let mut reader = LineReader::new();
    let mut buffer = BytesMut::new();
    let mut lines = Vec::new();
    for chunk in input.chunks(piece) {
        buffer.extend_from_slice(chunk);
        lines.extend(std::iter::from_fn(|| reader.next(&mut buffer, max)));
        assert!(buffer.len() < max);
    }
    lines
}

/// A command line is read without loss, and a password never shows.
pub fn command(data: &[u8]) {
    match AuthorizationCommand::parse(data) {
        Ok(AuthorizationCommand::Pass(secret)) => assert!(data[4..].ends_with(secret.expose())),
        Ok(AuthorizationCommand::User(name)) => assert_eq!(&data[5..], name.as_bytes()),
        Ok(AuthorizationCommand::Auth { mechanism, .. }) => assert!(!mechanism.is_empty()),
        Ok(_) => {}
        Err(error) => assert!(error.to_string().len() < 100),
    }
    if let Verb::Refused(line) = Verb::of_line(data) {
        assert!(line.starts_with("-ERR ") && line.ends_with("\r\n") && line.len() < 100);
    }
}

/// Whatever a backend lists, clients get a clean list, which reads back as what was meant.
pub fn capability(data: &[u8]) {
    let backend = Capabilities::parse(data.split(|&b| b == b'\n'));
    assert_eq!(backend.intersect(&backend), backend);
    let offer = Offer {
        login_delay: None,
        stls: data.len().is_multiple_of(2),
        password: data.len().is_multiple_of(3),
    };
    let reply = client_reply(&backend, offer);
    let scanned = EndScanner::new().scan(&reply, Behind::default());
    assert_eq!((scanned.octets, scanned.ended), (reply.len(), true));
    let clean = |b: &u8| b.is_ascii_graphic() || b" \r\n".contains(b);
    assert!(reply.iter().all(clean));
    let told = Capabilities::parse(reply.split(|&b| b == b'\n'));
    let expected = Capabilities {
        stls: offer.stls,
        user: offer.password,
        login_delay: None,
        sasl: Vec::from_iter(offer.password.then(|| "PLAIN".to_owned())),
        ..backend
    };
    assert_eq!(told, expected);
}

/// The two readers of a status line agree, and its parts are parts of it.
pub fn reply(data: &[u8]) {
    let line = String::from_utf8_lossy(data);
    let parsed = StatusLine::parse(&line);
    let is_one_line = !line.trim_end_matches(['\r', '\n']).contains('\n');
    if is_one_line && !is_blank(data) {
        assert_eq!(parsed.status, Status::of_line(data));
    }
    assert_eq!(parsed.status, Status::of_first_line(data));
    // A status has its word at the start: no part of it, and nothing before it, passes for it.
    let said = data
        .get(..3)
        .is_some_and(|head| head.eq_ignore_ascii_case(b"+OK"));
    assert_eq!(Status::of_line(data) == Status::Ok, said);
    assert!(!is_challenge(data) || data.starts_with(b"+"));
    assert!(line.contains(parsed.text));
    assert!(parsed.code.is_none_or(|code| line.contains(code)));
}

/// A SASL exchange ends, and what comes out of it can go on, in POP3 lines only where it holds no
/// line end. The first line says whether there is an initial response, and the mechanism by the
/// parity of its length.
pub fn sasl(data: &[u8]) {
    let mut lines = data.split(|&b| b == b'\n');
    let first = lines.next().unwrap_or_default();
    let mechanism = [Mechanism::Plain, Mechanism::Login][first.len() % 2];
    let initial = first.strip_prefix(b"=").map(|b| Secret::new(b.to_vec()));
    let (mut server, mut step) = SaslServer::start(mechanism, initial.as_ref());
    let mut challenges = 0;
    while let SaslStep::Challenge(_) = step {
        challenges += 1;
        assert!(challenges <= 2);
        let Some(line) = lines.next() else { return };
        step = server.respond(line);
    }
    if let SaslStep::Done(credentials) = step {
        check_credentials(&credentials);
    }
}

fn check_credentials(credentials: &Credentials) {
    let authorization = credentials.authorization.as_ref();
    let values = [
        authorization.map_or(&b"-"[..], UserName::as_bytes),
        credentials.user.as_bytes(),
        credentials.password.expose(),
    ];
    for value in values {
        assert!(!value.is_empty() && !value.contains(&0));
    }
    let has_line_end = |value: &&[u8]| value.iter().any(|b| b"\r\n".contains(b));
    assert_eq!(
        credentials.fit_lines(),
        !values[1..].iter().any(has_line_end)
    );
    let response = plain_response(credentials);
    let SaslStep::Done(read) = SaslServer::start(Mechanism::Plain, Some(&response)).1 else {
        panic!("popgate's own response is malformed");
    };
    assert_eq!(read.maildrop(), credentials.maildrop());
    assert_eq!(read.password.expose(), credentials.password.expose());
}

/// The end of a body is where a search of the whole finds it, at any seam. The first byte is
/// the size of the pieces.
pub fn multiline(data: &[u8]) {
    let Some((&piece, body)) = data.split_first() else {
        return;
    };
    let whole = [b"\r\n", body].concat();
    let expected = whole
        .windows(5)
        .position(|window| window == b"\r\n.\r\n")
        .map(|start| start + 3);
    assert_eq!(scan(body, usize::from(piece) + 1), expected);
    assert_eq!(scan(body, body.len().max(1)), expected);
}

const NOTHING_BEHIND: Behind = Behind {
    reply: false,
    nothing: true,
};

fn scan(body: &[u8], piece: usize) -> Option<usize> {
    let mut scanner = EndScanner::new();
    let mut before = 0;
    for chunk in body.chunks(piece) {
        let scanned = scanner.scan(chunk, NOTHING_BEHIND);
        if scanned.ended {
            return Some(before + scanned.octets);
        }
        before += chunk.len();
    }
    None
}

/// A session ends the same whether its bytes come in large pieces or one by one, as long as its
/// client says nothing while the backend is in the middle of something.
///
/// The first byte says whether the backend has PIPELINING (1) and whether popgate asks for the
/// listing itself when it may (2). Then come records: a byte whose upper bit is the side (1:
/// backend) and whose rest is a length, and so many bytes.
pub fn exchange(data: &[u8]) {
    let Some((&first, records)) = data.split_first() else {
        return;
    };
    let mut large = Recorder::new(first & 1 != 0, first & 2 != 0);
    let mut small = Recorder::new(first & 1 != 0, first & 2 != 0);
    let mut rest = records;
    while let Some((&head, bytes)) = rest.split_first() {
        let (record, behind) = bytes.split_at(bytes.len().min(usize::from(head & 0x7f)));
        rest = behind;
        let from_backend = head & 0x80 != 0;
        let followed = large.record(from_backend, record, record.len().max(1));
        let also_followed = small.record(from_backend, record, 1);
        assert_eq!(followed, also_followed);
        if !followed {
            // A bad status line may have gone on in part before it was known to be bad.
            assert!(small.client_saw.starts_with(&large.client_saw));
            return;
        }
        large.check();
        assert_eq!(large.client_saw, small.client_saw);
        assert_eq!(large.backend_saw, small.backend_saw);
        assert_eq!(large.exchange.tally(), small.exchange.tally());
    }
}

/// Octets that an exchange may ask to be kept.
const HELD_MAX: usize = 8;

/// An exchange with all that came out of it.
struct Recorder {
    exchange: Exchange,
    pipelining: bool,
    asks: bool,
    /// Octets of the backend that are too few to tell.
    undecided: Vec<u8>,
    client_saw: Vec<u8>,
    backend_saw: Vec<u8>,
    replies: usize,
}

impl Recorder {
    fn new(pipelining: bool, asks: bool) -> Self {
        let options = ExchangeOptions {
            pipelining,
            capa_reply: b"+OK\r\n.\r\n".to_vec(),
            keeps_listing: asks,
            asks_listing: asks,
            shown: None,
        };
        Self {
            exchange: Exchange::new(options, Trace::default()),
            pipelining,
            asks,
            undecided: Vec::new(),
            client_saw: Vec::new(),
            backend_saw: Vec::new(),
            replies: 0,
        }
    }

    /// `false` when the backend broke the protocol.
    fn record(&mut self, from_backend: bool, bytes: &[u8], piece: usize) -> bool {
        let followed = bytes.chunks(piece).all(|chunk| {
            if from_backend {
                return self.backend(chunk);
            }
            let mut out = Output::default();
            self.exchange.client_bytes(chunk, &mut out);
            self.keep(&out);
            true
        });
        followed && self.pause()
    }

    fn backend(&mut self, chunk: &[u8]) -> bool {
        let joined = [&std::mem::take(&mut self.undecided), chunk].concat();
        self.take_in(&joined, Exchange::backend_bytes)
    }

    /// Nothing follows what was said so far.
    fn pause(&mut self) -> bool {
        let undecided = std::mem::take(&mut self.undecided);
        let followed = self.take_in(&undecided, Exchange::backend_pauses);
        let mut out = Output::default();
        self.exchange.backend_is_read(&mut out);
        self.exchange.ask_for_listing(&mut out);
        self.keep(&out);
        followed
    }

    fn take_in(
        &mut self,
        mut chunk: &[u8],
        by: fn(&mut Exchange, &[u8], &mut Output) -> Result<Disposition, Violation>,
    ) -> bool {
        while !chunk.is_empty() {
            let mut out = Output::default();
            let octets = match by(&mut self.exchange, chunk, &mut out) {
                Ok(Disposition::Forward(octets)) => {
                    self.client_saw.extend_from_slice(&chunk[..octets]);
                    octets
                }
                Ok(Disposition::Swallow(octets)) => octets,
                Ok(Disposition::Hold) => {
                    assert!(chunk.len() <= HELD_MAX);
                    self.undecided = chunk.to_vec();
                    chunk.len()
                }
                Err(_) => return false,
            };
            assert!(octets > 0 || !out.to_client.is_empty());
            chunk = &chunk[octets..];
            self.keep(&out);
        }
        true
    }

    fn keep(&mut self, out: &Output) {
        self.client_saw.extend_from_slice(&out.to_client);
        self.backend_saw.extend_from_slice(&out.to_backend);
        self.replies += out.replied.len();
    }

    fn check(&self) {
        let tally = self.exchange.tally();
        if self.exchange.quit() == (Quit::Answered { ok: true }) {
            assert_eq!(tally.marked, 0);
        }
        if self.exchange.opaque() {
            return;
        }
        let lines = self.backend_saw.split_inclusive(|&b| b == b'\n');
        assert!(lines.clone().all(|line| line.ends_with(b"\r\n")));
        // What popgate asked itself is told to nobody.
        if self.asks {
            return;
        }
        // A body may be under way: its status line has come, and it is still awaited.
        let unanswered = lines.count() - self.replies;
        let awaiting = self.exchange.awaiting();
        assert!(unanswered <= awaiting);
        if self.pipelining {
            assert!(awaiting - self.exchange.held_back() <= unanswered + 1);
        } else {
            assert!(unanswered <= 1);
        }
    }
}

/// Every line means something, and what is `+OK` is never an error. The first byte chooses what
/// the line answers.
pub fn dialect(data: &[u8]) {
    let Some((&first, line)) = data.split_first() else {
        return;
    };
    let to = ReplyTo::ALL[usize::from(first) % ReplyTo::ALL.len()];
    let line = String::from_utf8_lossy(line);
    let class = classify(to, &line, &Phrases::default());
    if StatusLine::parse(&line).status == Status::Ok {
        assert_eq!(class, Class::Ok);
    }
    let _ = is_being_unlocked(&line);
}

/// Any text is a configuration or a refusal that names its place.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(error) = Config::parse(text, Path::new("fuzz.toml")) {
        assert!(error.to_string().starts_with("fuzz.toml"));
    }
}

/// A header is found the same however often it is asked for on the way, and never asks for more
/// than the bound.
pub fn proxy_header(data: &[u8]) {
    let mut known = 0;
    loop {
        match parse_header(&data[..known]) {
            Ok(Header::Missing(octets)) => {
                assert!(octets > 0 && known + octets <= PROXY_HEADER_MAX);
                if known + octets > data.len() {
                    return;
                }
                known += octets;
            }
            Ok(Header::Whole { length, .. }) => return assert!(length <= known),
            Err(_) => return,
        }
    }
}
