//! How a backend answers a wrong password, so that popgate's own refusals look like it.
//!
//! A login that is blocked, or refused from memory, never reaches the backend; nobody must be able
//! to tell, or a guesser learns when to move on. So such a login gets the line that this backend
//! last gave a wrong password, with the login in it put in the place of the other's, and is held
//! for as long as one of the last such answers took, drawn by chance: a backend's times are no
//! constant, and a constant would give popgate away as well.

use crate::ids::UserName;
use crate::limits::{REPLY_LINE_MAX, TEMPLATE_TIMES_MAX};
use crate::time::Duration;
use std::collections::VecDeque;

/// What a wrong password gets until a backend has been seen to answer one: Dovecot's words.
pub(crate) const DEFAULT_LINE: &[u8] = b"-ERR [AUTH] Authentication failed.";

/// A shorter login is found in a line by chance (`is`), so that it only teaches a line where none
/// is known yet.
const TELLING_LOGIN_MIN: usize = 3;

/// How one backend answers a wrong password; by default as if none had been seen yet.
#[derive(Debug, Default)]
pub struct AuthFailureTemplate {
    line: Option<LineTemplate>,
    /// Whether it closed instead the last time.
    closes: bool,
    /// How long the last answers took, up to [`TEMPLATE_TIMES_MAX`] of them.
    times: VecDeque<Duration>,
}

/// A line in pieces: the login, or a part of it, stands between each two.
#[derive(Debug)]
struct LineTemplate {
    pieces: Vec<Vec<u8>>,
    part: LoginPart,
}

/// What of a login a line repeats. qpopper can be told to leave the domain out.
#[derive(Debug)]
enum LoginPart {
    Whole,
    Local,
}

impl AuthFailureTemplate {
    /// The backend answered the wrong password of `user` with `line`, without its line end, `took`
    /// after it was asked.
    pub fn answered(&mut self, user: &UserName, line: &[u8], took: Duration) {
        self.learn(line, user.as_bytes());
        self.closes = false;
        self.took(took);
    }

    /// The backend closed the connection instead of answering a wrong password, `took` after it was
    /// asked.
    pub fn closed(&mut self, took: Duration) {
        self.closes = true;
        self.took(took);
    }

    /// Whether it closed instead of answering the last time.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.closes
    }

    /// A line for `user`, without its line end, and how long it takes until it comes. `draw` is a
    /// random number.
    #[must_use]
    pub fn render(&self, user: &UserName, draw: u64) -> (Vec<u8>, Duration) {
        let line = match &self.line {
            Some(line) => line.fill(user.as_bytes()),
            None => DEFAULT_LINE.to_vec(),
        };
        let time = self.draw(draw).unwrap_or_else(|| default_time(draw));
        (line, time)
    }

    fn learn(&mut self, line: &[u8], login: &[u8]) {
        let line = &line[..line.len().min(REPLY_LINE_MAX)];
        if let Some(known) = &self.line {
            // A line that is known already explains also a login that is a word of the line.
            let is_known = known.fill(login) == line;
            if is_known || login.len() < TELLING_LOGIN_MIN {
                return;
            }
        }
        self.line = LineTemplate::of(line, login).or(self.line.take());
    }

    fn took(&mut self, time: Duration) {
        if self.times.len() == TEMPLATE_TIMES_MAX {
            self.times.pop_front();
        }
        self.times.push_back(time);
    }

    fn draw(&self, draw: u64) -> Option<Duration> {
        let nth = draw.checked_rem(self.times.len() as u64)?;
        self.times.get(usize::try_from(nth).ok()?).copied()
    }
}

/// Dovecot holds a failed login for 2 s (`auth_failure_delay`), and looks twice a second whose
/// time is over.
fn default_time(draw: u64) -> Duration {
    Duration::from_millis(2_000 + draw % 500)
}

impl LineTemplate {
    /// `None`: the line seems to name the login in another form, and must not be shown to others.
    fn of(line: &[u8], login: &[u8]) -> Option<Self> {
        let whole = Self::with(line, login, LoginPart::Whole);
        let template = match whole.pieces.len() {
            // The line does not repeat the login as typed.
            1 => Self::with(line, local_part(login), LoginPart::Local),
            _ => whole,
        };
        (!template.names(local_part(login))).then_some(template)
    }

    fn with(line: &[u8], word: &[u8], part: LoginPart) -> Self {
        let mut pieces = Vec::new();
        let mut begin = 0;
        for at in occurrences(line, text_begin(line), word) {
            pieces.push(line[begin..at].to_vec());
            begin = at + word.len();
        }
        pieces.push(line[begin..].to_vec());
        Self { pieces, part }
    }

    fn fill(&self, login: &[u8]) -> Vec<u8> {
        let word = match self.part {
            LoginPart::Whole => login,
            LoginPart::Local => local_part(login),
        };
        // One that came as base64 may hold a line end, and this is one line.
        let word: Vec<u8> = word
            .iter()
            .copied()
            .filter(|octet| !matches!(octet, b'\r' | b'\n'))
            .collect();
        let mut line = self.pieces.join(word.as_slice());
        line.truncate(REPLY_LINE_MAX);
        line
    }

    /// Whether the text between the holes has `word`, in capitals or not. Short ones are there by
    /// chance.
    fn names(&self, word: &[u8]) -> bool {
        let text = self.fill(b"").to_ascii_lowercase();
        let word = word.to_ascii_lowercase();
        word.len() >= TELLING_LOGIN_MIN
            && occurrences(&text, text_begin(&text), &word)
                .next()
                .is_some()
    }
}

/// Where `word` stands in `line` as a word of its own, not before `begin`.
fn occurrences<'a>(
    line: &'a [u8],
    begin: usize,
    word: &'a [u8],
) -> impl Iterator<Item = usize> + 'a {
    memchr::memmem::find_iter(&line[begin..], word)
        .map(move |at| begin + at)
        .filter(move |&at| {
            let before = at.checked_sub(1).and_then(|at| line.get(at));
            let after = line.get(at + word.len());
            // An empty login stands everywhere.
            !word.is_empty() && ends_word(before) && ends_word(after)
        })
}

/// Whether no word goes on at `octet`; nor does one behind the end of a line.
fn ends_word(octet: Option<&u8>) -> bool {
    octet.is_none_or(|octet| !is_of_word(*octet))
}

/// Letters and digits, those outside ASCII too: `ann` is not in `cannot`, and is in `ann@b.org.`
fn is_of_word(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'_' || !octet.is_ascii()
}

/// Where the text for people begins: behind the status and the response code, which are never a
/// login (RFC 2449 section 8).
fn text_begin(line: &[u8]) -> usize {
    let Some(space) = memchr::memchr(b' ', line) else {
        return line.len();
    };
    let rest = &line[space + 1..];
    let code = rest.starts_with(b"[").then(|| memchr::memchr(b']', rest));
    space + 1 + code.flatten().unwrap_or(0)
}

/// What is before the last `@`.
fn local_part(login: &[u8]) -> &[u8] {
    let end = memchr::memrchr(b'@', login).unwrap_or(login.len());
    &login[..end]
}
