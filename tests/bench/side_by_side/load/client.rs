//! One session of the load: steps, replies, and the times between them.

use super::replies::{Reply, ReplyReader};
use super::script::Step;
use super::wire::Wire;
use popgate::time::{Duration, Instant};
use std::io;

pub(crate) struct Client {
    pub(crate) wire: Wire,
    pub(crate) program: usize,
    pub(crate) has_stayed: bool,
    script: &'static [Step],
    step: usize,
    user: String,
    reply: ReplyReader,
    /// When it was to begin: a start that comes late is part of what it took.
    planned: Instant,
    pass_sent: Option<Instant>,
    times: Times,
}

/// How long a session took, from its planned start.
#[derive(Clone, Copy, Default)]
pub(crate) struct Times {
    /// From PASS to its answer.
    pub(crate) pass: Duration,
    /// To the answer to PASS.
    pub(crate) login: Duration,
    pub(crate) total: Duration,
}

/// What a session came to.
pub(crate) enum Ended {
    Done {
        times: Times,
        is_resumed: bool,
    },
    /// It stays until the load ends.
    Stayed,
    /// PASS was refused, in these words.
    Refused(String),
    /// Anything else that should not be.
    Broken(String),
}

/// What a client does next.
pub(crate) enum Next {
    Waits,
    Pauses(Duration),
    Ends(Ended),
}

impl Client {
    pub(crate) fn new(
        wire: Wire,
        program: usize,
        script: &'static [Step],
        user: String,
        planned: Instant,
    ) -> Self {
        Self {
            wire,
            program,
            script,
            user,
            planned,
            step: 0,
            has_stayed: false,
            reply: ReplyReader::default(),
            pass_sent: None,
            times: Times::default(),
        }
    }

    /// Reads and goes on until nothing is there.
    pub(crate) fn proceed(&mut self, buffer: &mut [u8]) -> Next {
        self.try_proceed(buffer)
            .unwrap_or_else(|error| Next::Ends(self.broken(&error)))
    }

    /// Goes on with another script, of which the first step is done.
    pub(crate) fn go_on(&mut self, script: &'static [Step], planned: Instant) -> Next {
        self.script = script;
        self.planned = planned;
        self.step = 0;
        self.has_stayed = false;
        self.resume()
    }

    /// The pause is over.
    pub(crate) fn resume(&mut self) -> Next {
        self.advance()
            .unwrap_or_else(|error| Next::Ends(self.broken(&error)))
    }

    fn try_proceed(&mut self, buffer: &mut [u8]) -> io::Result<Next> {
        self.wire.flush()?;
        while let Some(count) = self.wire.receive(buffer)? {
            match self.reply.read(&buffer[..count]) {
                Reply::Incomplete => {}
                Reply::Ok => {
                    self.note_login();
                    let next = self.advance()?;
                    if !matches!(next, Next::Waits) {
                        return Ok(next);
                    }
                    // A server answers later than at once: no look for more.
                    return Ok(Next::Waits);
                }
                Reply::Refused(line) => return Ok(Next::Ends(self.refused(line))),
            }
        }
        Ok(Next::Waits)
    }

    fn note_login(&mut self) {
        if self.script[self.step] == Step::Pass {
            let now = Instant::now();
            self.times.login = now - self.planned;
            self.times.pass = self.pass_sent.map_or(Duration::ZERO, |sent| now - sent);
        }
    }

    fn advance(&mut self) -> io::Result<Next> {
        self.step += 1;
        let Some(&step) = self.script.get(self.step) else {
            self.times.total = self.planned.elapsed();
            return Ok(Next::Ends(Ended::Done {
                times: self.times,
                is_resumed: self.wire.is_resumed(),
            }));
        };
        if let Some(line) = step.line(&self.user) {
            self.reply = ReplyReader::expect(step.has_body());
            self.pass_sent = (step == Step::Pass).then(Instant::now).or(self.pass_sent);
            self.wire.send(line.as_bytes())?;
        }
        Ok(match step {
            Step::Pause(pause) => Next::Pauses(pause),
            Step::Stay | Step::PassAndStay => {
                self.has_stayed = true;
                Next::Ends(Ended::Stayed)
            }
            _ => Next::Waits,
        })
    }

    fn refused(&self, line: String) -> Ended {
        match self.script[self.step] {
            Step::Pass => Ended::Refused(line),
            _ => Ended::Broken(format!("{}: {line}", self.place())),
        }
    }

    fn broken(&self, error: &io::Error) -> Ended {
        Ended::Broken(format!("{}: {error}", self.place()))
    }

    fn place(&self) -> String {
        match self.script.get(self.step) {
            Some(Step::Greeting) => "before the greeting".to_owned(),
            Some(step) => {
                let line = step.line("user").unwrap_or_default();
                format!("at {}", line.split(' ').next().unwrap_or_default().trim())
            }
            None => "at its end".to_owned(),
        }
    }
}
